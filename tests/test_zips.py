"""Zip files of others: what could fill the memory, leave the archive, or run is refused before it is unpacked."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lungseg.errors import InputError
from lungseg.zips import Bounds, open_arrays, open_zip

SMALL = Bounds(member=1000, total=2500, members=5)


def _zip(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as file:
        for name, content in members:
            file.writestr(name, content, how)
    return path


def _link(name: str, kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o777) << 16
    return info


def test_plain_files_and_folders_within_their_bounds_are_read(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", ("folder/", b""), ("folder/..a.png", b"1" * 1000), ("b", b""))
    with open_zip(path, SMALL, "Help.") as file:
        assert file.read("folder/..a.png") == b"1" * 1000
    with open_zip(_zip(tmp_path / "empty.zip"), SMALL, "Help.") as file:
        assert file.namelist() == []


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/a", "C:/a", "..\\a", "\\\\host\\a", "a/..\\..\\b", "c:a"])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="a member that leads out of it"):
        open_zip(_zip(tmp_path / "a.zip", ("good", b""), (name, b"x")), SMALL, "Help.")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_a_link_or_device_is_refused(tmp_path: Path, kind: int) -> None:
    with pytest.raises(InputError, match="a link or a device"):
        open_zip(_zip(tmp_path / "a.zip", (_link("mask.png", kind), b"/etc/passwd")), SMALL, "Help.")


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_whose_size_cannot_be_bounded_is_refused(tmp_path: Path, how: int) -> None:
    with pytest.raises(InputError, match="compression"):
        open_zip(_zip(tmp_path / "a.zip", ("a", b"x" * 99), how=how), SMALL, "Help.")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", ("a", b"x"))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="an encrypted member"):
        open_zip(path, SMALL, "Help.")


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ([("a", bytes(1001))], "a member of 1001 bytes, unpacked"),
        ([(str(n), bytes(900)) for n in range(3)], "2700 bytes, unpacked"),
        ([(str(n), b"") for n in range(6)], "a list of 6 members"),
    ],
)
def test_what_is_too_large_is_refused_before_it_is_unpacked(
    tmp_path: Path, members: list[tuple[str, bytes]], found: str
) -> None:
    with pytest.raises(InputError, match=rf"{found}.* expected at most"):
        open_zip(_zip(tmp_path / "a.zip", *members), SMALL, "Help.")


def test_a_member_that_is_longer_than_it_says_is_not_read_further(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", ("a", bytes(10_000_000)))
    content = path.read_bytes()
    for start, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = content.index(start) + at
        content = content[:place] + struct.pack("<L", 100) + content[place + 4 :]
    path.write_bytes(content)
    with open_zip(path, SMALL, "Help.") as file, pytest.raises(zipfile.BadZipFile):
        file.read("a")


def test_a_list_of_members_that_fills_the_memory_is_refused(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", ("a", b""))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x05\x06") + 12 : content.index(b"PK\x05\x06") + 16] = struct.pack("<L", 2**31)
    path.write_bytes(content)
    with pytest.raises(InputError, match="a list of 1 members in 2147483648 bytes"):
        open_zip(path, SMALL, "Help.")


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x05\x06", b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_zip_file_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.zip: found"):
        open_zip(tmp_path / "a.zip", SMALL, "Help.")


def _npz(path: Path, **members: bytes) -> Path:
    return _zip(path, *((f"{name}.npy", content) for name, content in members.items()))


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def test_arrays_are_read(tmp_path: Path) -> None:
    arrays = {"n": np.arange(6).reshape(2, 3), "text": np.array(["a", "bc"]), "one": np.array("x"), "none": np.zeros(0)}
    np.savez_compressed(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with open_arrays(tmp_path / "a.npz", "Help.") as stored:
        for name, array in arrays.items():
            np.testing.assert_array_equal(stored[name], array)


def _claims(shape: str) -> bytes:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"few"


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda: _npy(np.array([{"a": 1}], dtype=object)), "objects"),
        (lambda: _claims("(1000000, 1000000)"), "3 bytes of an array of 1000000000000"),
        (lambda: _claims("(10**12,)"), "found "),
        (lambda: b"no array", "found "),
        (lambda: b"", "found "),
    ],
)
def test_an_array_that_is_none_runs_nothing_and_takes_no_memory(
    tmp_path: Path, make: Callable[[], bytes], found: str
) -> None:
    with pytest.raises(InputError, match=rf"a\.npy: found .*{found.removeprefix('found ')}"):
        open_arrays(_npz(tmp_path / "a.npz", a=make()), "Help.")
