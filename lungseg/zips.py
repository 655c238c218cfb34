"""Zip files of others: what is in them is looked at before a byte is unpacked, and nothing is unpacked to a disk."""

import re
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy
from numpy.lib.npyio import NpzFile

from lungseg.errors import InputError, one_line
from lungseg.outside import missing

MEBI = 2**20
END, END64, END_SIZE, COMMENT = b"PK\x05\x06", b"PK\x06\x06", 22, 2**16
ENTRY = 1024  # bytes of an entry in the list of members with its name, at most on average
ENCRYPTED = 0x1


@dataclass(frozen=True)
class Bounds:
    """What a zip file may hold.

    Args:
        member: Bytes of one member, unpacked.
        total: Bytes of all of them.
        members: How many.
    """

    member: int
    total: int
    members: int = 20_000


# The largest official member is a JSRT film of 8 MiB; the largest archive, Shenzhen's, holds 3.8 GB.
FILMS = Bounds(64 * MEBI, 16 * 1024 * MEBI)
ARRAYS = Bounds(1024 * MEBI, 16 * 1024 * MEBI)


def open_zip(path: str | Path, bounds: Bounds, remedy: str) -> ZipFile:
    """Open a zip file whose members are plain files within their bounds.

    Args:
        path: The file.
        bounds: Of what it may hold.
        remedy: What helps where it holds something else.

    Raises:
        InputError: It is no whole zip file; or a member is too large, leads out of the archive, is a link or a device,
            is encrypted, or is packed in a way that cannot be bounded.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, missing(path), "a zip file", remedy)
    try:
        listed, length = _contents(path)
        if max(listed, length // ENTRY) > bounds.members:
            found = f"a list of {listed} members in {length} bytes"
            raise InputError(path, found, f"at most {bounds.members} members", remedy)
        file = ZipFile(path)
    except (BadZipFile, EOFError, OSError, ValueError, NotImplementedError, struct.error) as error:
        found = f"{path.stat().st_size} bytes that are no whole zip file ({error})"
        raise InputError(path, found, "a zip file to its end", remedy) from error
    try:
        _look(path, file.infolist(), bounds, remedy)
    except InputError:
        file.close()
        raise
    return file


def _contents(path: Path) -> tuple[int, int]:
    """How many members a zip file lists, and the bytes of that list, which Python reads at once."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - END_SIZE - COMMENT))
        tail = file.read()
    if (at := tail.rfind(END)) < 0:
        raise BadZipFile("File is not a zip file")
    wide = tail.rfind(END64, 0, at)
    found = struct.unpack_from("<QQ", tail, wide + 32) if wide >= 0 else struct.unpack_from("<HL", tail, at + 10)
    return int(found[0]), int(found[1])


def _look(path: Path, members: Iterable[ZipInfo], bounds: Bounds, remedy: str) -> None:
    """Refuse what a member must not be."""
    total = 0
    for member in members:
        name = member.orig_filename
        kind = stat.S_IFMT(member.external_attr >> 16)
        outside = ".." in PurePosixPath(name.replace("\\", "/")).parts or re.match(r"[/\\]|[A-Za-z]:", name)
        if outside or "\0" in name:
            expected, remedy = "paths inside the archive", "Do not use this file; get the archive from its publisher."
            raise InputError(path, f"a member that leads out of it: {name}", expected, remedy)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            expected, remedy = "files and folders", "Do not use this file; get the archive from its publisher."
            raise InputError(f"{path}, {name}", "a link or a device", expected, remedy)
        if member.flag_bits & ENCRYPTED:
            raise InputError(f"{path}, {name}", "an encrypted member", "one without a password", remedy)
        if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise InputError(f"{path}, {name}", f"compression {member.compress_type}", "deflate, or none", remedy)
        if member.file_size > bounds.member:
            found = f"a member of {member.file_size} bytes, unpacked"
            raise InputError(f"{path}, {name}", found, f"at most {bounds.member}", remedy)
        total += member.file_size
    if total > bounds.total:
        raise InputError(path, f"{total} bytes, unpacked", f"at most {bounds.total}", remedy)


def open_arrays(path: str | Path, remedy: str) -> NpzFile:
    """Open an npz file whose arrays are as large as they say, and hold numbers and texts.

    Args:
        path: The file.
        remedy: What helps where they do not.

    Raises:
        InputError: As from `open_zip`; or an array is none, holds objects, or says another size than it has.
    """
    with open_zip(path, ARRAYS, remedy) as file:
        for member in file.infolist():
            try:
                with file.open(member) as stream:
                    major, _ = npy.read_magic(stream)
                    read = npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0
                    shape, _, dtype = read(stream)
                    held = member.file_size - stream.tell()
            except (ValueError, EOFError, OSError, BadZipFile) as error:
                found = one_line(error)
                raise InputError(f"{path}, {member.filename}", found, "a NumPy array", remedy) from error
            said = dtype.itemsize * prod(shape)
            if dtype.hasobject or said != held:
                found = "objects" if dtype.hasobject else f"{held} bytes of an array of {said}"
                raise InputError(f"{path}, {member.filename}", found, "numbers or texts, whole", remedy)
    return np.load(path, allow_pickle=False)
