"""Faults in what comes from outside: archives, tables, configurations, names of commits; and what they meet."""

import csv
import io
import shutil
import stat
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from bench.judge import SMALL, Case
from lungseg.data import montgomery
from lungseg.terminal import plain

SIDE = 8
ARCHIVE = montgomery.ARCHIVE.name
FILM = f"MontgomerySet/CXR_png/{montgomery.IDS[0]}.png"
LEFT = f"MontgomerySet/ManualMask/leftMask/{montgomery.IDS[0]}.png"
Members = list[tuple[str | zipfile.ZipInfo, bytes]]
SCORED = Path(__file__).parents[1] / "results/laptop/scores.csv"


# --- the small work: archives, a printed table, two results and their commits, a configuration


def small_work(folder: Path) -> None:
    """Make what quick commands work on."""
    films(folder / "raw/montgomery" / ARCHIVE, whole_archive())
    films(folder / "archives" / ARCHIVE, whole_archive())
    vouch(folder)
    root = Path(__file__).parents[1]
    shutil.copy(root / "workflow/published/mishra.csv", folder / "table.csv")
    shutil.copy(root / "tests/tiny.yaml", folder / "tiny.yaml")
    with SCORED.open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    kept = [line for line in lines if line["variant"] in ("unet", "proposed") and line["train_on"] == "pooled"]
    for name in ("ours", "theirs"):
        (folder / name).mkdir()
        with (folder / name / "scores.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(kept[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(kept)
    who = ["-c", "user.name=Bench", "-c", "user.email=bench@localhost"]
    for words in (["init", "-q"], ["add", "ours", "theirs"], [*who, "commit", "-q", "-m", "Results"]):
        subprocess.run(["git", *words], cwd=folder, check=True)


def png(pixels: np.ndarray, kind: str = "png") -> bytes:
    """An image file's bytes."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format=kind)
    return stream.getvalue()


def whole_archive() -> Members:
    """Every film of Montgomery, a few pixels each."""
    left, right = np.zeros((2, SIDE, SIDE), dtype=np.uint8)
    left[2:6, 5:7] = right[2:6, 1:3] = 255
    members: Members = []
    for number, film in enumerate(montgomery.IDS):
        pixels = np.full((SIDE, SIDE), 200, dtype=np.uint8)
        pixels[0, :4] = [number, 0, 128, 255]
        members.append((f"MontgomerySet/CXR_png/{film}.png", png(pixels)))
        members.append((f"MontgomerySet/ManualMask/leftMask/{film}.png", png(left)))
        members.append((f"MontgomerySet/ManualMask/rightMask/{film}.png", png(right)))
    return members


def films(path: Path, members: Members, how: int = zipfile.ZIP_DEFLATED) -> None:
    """Pack an archive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with zipfile.ZipFile(path, "w", how) as file:
        for name, content in members:
            info = zipfile.ZipInfo(name) if isinstance(name, str) else name  # with the same date whenever it is packed
            file.writestr(info, content, how)


def vouch(folder: Path) -> None:
    """Write the SHA256SUMS of the folder of archives."""
    said = subprocess.run(["sha256sum", ARCHIVE], cwd=folder / "archives", capture_output=True, check=True).stdout
    (folder / "archives/SHA256SUMS").write_bytes(said)


# --- archives


def _replaced(members: Members, name: str, content: bytes) -> Members:
    return [(one, content if one == name else held) for one, held in members]


def _header(width: int, height: int) -> bytes:
    """A PNG that says it is large and is not."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"few")
    blocks = b"".join(
        struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in (head, data)
    )
    return b"\x89PNG\r\n\x1a\n" + blocks + struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))


def _link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def _patched(path: Path, change: Callable[[bytearray], None]) -> None:
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)


def _encrypt(content: bytearray) -> None:
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1


def _flip_middle(content: bytearray) -> None:
    content[len(content) // 3] ^= 16


def _lie(content: bytearray) -> None:
    """The first member says that it is 4 GB."""
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = struct.pack("<L", 2**32 - 2)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n(PWNED) (w) file closefile\nshowpage\n%%EOF\n"
EMPTY = png(np.zeros((SIDE, SIDE), dtype=np.uint8))


def archives(_: np.random.Generator) -> list[Case]:
    """Archives that are not what they say, read by `lungseg data check`."""
    at = Path("raw/montgomery") / ARCHIVE
    whole = whole_archive()

    def make(folder: Path, members: Members, how: int = zipfile.ZIP_DEFLATED) -> None:
        films(folder / at, members, how)

    def patch(folder: Path, change: Callable[[bytearray], None]) -> None:
        _patched(folder / at, change)

    def write(folder: Path, content: bytes) -> None:
        (folder / at).write_bytes(content)

    other = {
        "a zip bomb beside the films": [*whole, ("bomb.png", bytes(2**27))],
        "a film that unpacks to 100 MB": _replaced(whole, FILM, bytes(10**8)),
        "a member that leads out": [*whole, ("../../PWNED", b"x")],
        "an absolute member": [*whole, ("/var/PWNED", b"x")],
        "a link among the members": [*whole, (_link("mask.png"), b"/etc/passwd")],
        "an EPS named .png": _replaced(whole, FILM, EPS),
        "a picture of 60000 x 60000 px that holds nothing": _replaced(whole, FILM, _header(60000, 60000)),
        "a picture of 12000 x 12000 px that holds nothing": _replaced(whole, FILM, _header(12000, 12000)),
        "half a picture": _replaced(whole, FILM, whole[0][1][: len(whole[0][1]) // 2]),
        "a film missing": whole[1:],
        "a mask missing": [one for one in whole if one[0] != LEFT],
        "a mask that is empty": _replaced(whole, LEFT, EMPTY),
        "a mask of another size": _replaced(whole, LEFT, png(np.full((4, 4), 255, dtype=np.uint8))),
        "a film of another name": [*whole, ("MontgomerySet/CXR_png/MCUCXR_9999_0.png", whole[0][1])],
        "30000 empty members": [*whole, *((f"m/{n}", b"") for n in range(30_000))],
    }
    cases = {name: partial(make, members=members) for name, members in other.items()}
    cases |= {
        "packed with LZMA": partial(make, members=whole, how=zipfile.ZIP_LZMA),
        "an encrypted member": partial(patch, change=_encrypt),
        "a member that says it has 4 GB": partial(patch, change=_lie),
        "one bit flipped": partial(patch, change=_flip_middle),
        "cut in half": partial(patch, change=lambda content: content.__delitem__(slice(len(content) // 2, None))),
        "empty": partial(write, content=b""),
        "a web page": partial(write, content=b"<html>log in</html>"),
    }
    harmless = {
        "AppleDouble members": [*whole, (f"__MACOSX/{Path(FILM).name}", b"x"), (FILM.replace("MCU", "._MCU"), b"x")],
        "packed with backslashes": [(str(name).replace("/", "\\"), held) for name, held in whole],
        "names in capitals": [(str(name).replace(".png", ".PNG"), held) for name, held in whole],
    }
    cases |= {name: partial(make, members=members) for name, members in harmless.items()}
    command = ["lungseg", "data", "check", "montgomery", "--at", "raw"]
    mend = partial(films, members=whole)
    return [
        Case("hostile archives", name, command, harm, lambda folder: mend(folder / at), "montgomery|MCUCXR|NLM-",
             work=SMALL)
        for name, harm in cases.items()
    ]  # fmt: skip


def named_archives(_: np.random.Generator) -> list[Case]:
    """What a folder of archives may hold instead, for `lungseg data fetch`."""
    name = ARCHIVE.encode()

    def sums(folder: Path, text: bytes) -> None:
        (folder / "archives/SHA256SUMS").write_bytes(text)

    def digest(folder: Path) -> bytes:
        return (folder / "archives/SHA256SUMS").read_bytes().split()[0]

    def a_folder(folder: Path) -> None:
        (folder / "archives/SHA256SUMS").unlink()
        (folder / "archives/SHA256SUMS").mkdir()

    def target_is_a_file(folder: Path) -> None:
        shutil.rmtree(folder / "got", ignore_errors=True)
        (folder / "got").write_text("x")

    def target_set_is_a_file(folder: Path) -> None:
        (folder / "got").mkdir()
        (folder / "got/montgomery").write_text("x")

    def other_bytes(folder: Path) -> None:
        _patched(folder / "archives" / ARCHIVE, _flip_middle)

    harms: dict[str, Callable[[Path], None]] = {
        "no SHA256SUMS for bytes that are not official": lambda folder: (folder / "archives/SHA256SUMS").unlink(),
        "another hash": lambda folder: sums(folder, b"0" * 64 + b"  " + name),
        "two hashes": lambda folder: sums(folder, b"".join(one * 64 + b"  " + name + b"\n" for one in (b"0", b"1"))),
        "./ before the name": lambda folder: sums(folder, digest(folder) + b"  ./" + name + b"\n"),
        "binary mark before the name": lambda folder: sums(folder, digest(folder) + b" *" + name + b"\n"),
        "capital digits": lambda folder: sums(folder, digest(folder).upper() + b"  " + name + b"\n"),
        "SHA256SUMS of random bytes": lambda folder: sums(folder, bytes(range(256))),
        "SHA256SUMS with Windows line ends": lambda folder: sums(folder, digest(folder) + b"  " + name + b"\r\n"),
        "SHA256SUMS of 2 MB": lambda folder: sums(folder, b"x" * 2**21),
        "SHA256SUMS is a folder": a_folder,
        "the archive changed after its hash": other_bytes,
        "the target is a file": target_is_a_file,
        "the data set's folder is a file": target_set_is_a_file,
    }  # fmt: skip

    def mend(folder: Path) -> None:
        for name in ("archives", "got"):
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        films(folder / "archives" / ARCHIVE, whole_archive())
        vouch(folder)

    command = ["lungseg", "data", "fetch", "montgomery", "--archives", "archives", "--to", "got"]
    return [
        Case("archives and their hashes", title, command, harm, mend, "SHA256SUMS|NLM-|got", work=SMALL)
        for title, harm in harms.items()
    ]  # fmt: skip


# --- printed tables, and tables of scores


def _text(path: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        (folder / path).write_bytes(change((folder / path).read_bytes()))

    return harm


def _swap(old: str, new: str, encoding: str = "utf-8") -> Callable[[bytes], bytes]:
    return lambda content: content.decode().replace(old, new).encode(encoding)


def _renamed(name: str) -> Callable[[str], str]:
    """The answer about a row of another name, as if it had its own."""
    return lambda text: text.replace(plain(name), "Proposed network")


def printed_tables(_: np.random.Generator) -> list[Case]:
    """Other people's tables, for `lungseg audit`."""
    changes: dict[str, Callable[[bytes], bytes]] = {
        "a number of 5000 digits": _swap("0.984", "0." + "9" * 5000),
        "a whole number of 5000 digits": _swap("0.984", "9" * 5000),
        "1e400": _swap("0.984", "1e400"),
        "nan": _swap("0.984", "nan"),
        "inf": _swap("0.984", "inf"),
        "below zero": _swap("0.984", "-0.984"),
        "Dice of 1.7": _swap("0.984", "1.7"),
        "a decimal comma": _swap("0.984", '"0,984"'),
        "hexadecimal": _swap("0.984", "0x1p-1"),
        "underscores in a number": _swap("0.984", "0.98_4"),
        "digits of another script": _swap("0.984", "٠.٩٨٤"),
        "a word": _swap("0.984", "best"),
        "latin-1": _swap("Proposed network", "Réseau", "latin-1"),
        "UTF-16": lambda content: content.decode().encode("utf-16"),
        "a NUL": _swap("0.984", "0.9\x0084"),
        "NULs alone": lambda content: bytes(len(content)),
        "empty": lambda content: b"",
        "its head alone": lambda content: content.splitlines()[0],
        "a ragged line": _swap("0.912,0.998", "0.912"),
        "an open quote": _swap("Proposed network", '"Proposed network'),
        "a column twice": _swap("recall", "dice"),
        "a row twice": _swap("Proposed network", "U-Net"),
        "no column of a metric": _swap("dice,loss,iou,recall,precision", "a,b,c,d,e"),
        "2 MB": lambda content: content + b"x,0.9,0.1,0.8,0.9,0.9\n" * 100_000,
        "a byte-order mark": lambda content: b"\xef\xbb\xbf" + content,
        "Windows line ends": lambda content: content.replace(b"\n", b"\r\n"),
        "quotes around all cells": lambda content: b"\n".join(
            b",".join(b'"' + cell + b'"' for cell in line.split(b",")) for line in content.splitlines()
        ),
        "spaces around cells": lambda content: content.replace(b",", b" , "),
    }
    names = {
        "a formula as name": "=cmd|' /C calc'!A0",
        "an escape sequence as name": "\x1b[2J\x1b]0;owned\x07x",
        "a name from right to left": "\u202egpj.x",
        "markup as name": "<script>alert(1)</script>",
    }
    command, mend = ["lungseg", "audit", "table.csv"], _restored("table.csv", "workflow/published/mishra.csv")
    cases = [
        Case("printed tables", name, command, _text("table.csv", change), mend, r"table\.csv", work=SMALL)
        for name, change in changes.items()
    ]
    return cases + [
        Case("printed tables", name, command, _text("table.csv", _swap("Proposed network", odd)), mend,
             r"table\.csv", like=_renamed(odd), work=SMALL)
        for name, odd in names.items()
    ]  # fmt: skip


def _restored(name: str, of: str) -> Callable[[Path], None]:
    return lambda folder: shutil.copy(Path(__file__).parents[1] / of, folder / name) and None


def _cell(number: int, column: str, value: str) -> Callable[[bytes], bytes]:
    """A table with another cell in a line."""

    def change(content: bytes) -> bytes:
        lines = content.decode().splitlines()
        at = lines[0].split(",").index(column)
        cells = lines[number].split(",")
        cells[at] = value
        lines[number] = ",".join(cells)
        return ("\n".join(lines) + "\n").encode()

    return change


def score_tables(rng: np.random.Generator) -> list[Case]:
    """Other people's scores, for `lungseg compare`."""
    line = int(rng.integers(2, 100))
    changes: dict[str, Callable[[bytes], bytes]] = {
        f"{column} of {value[:12]} in line {line + 1}": _cell(line, column, value)
        for column, value in [
            ("dice", "1.7"), ("dice", "-0.1"), ("dice", ""), ("dice", "nan"), ("dice", "inf"), ("dice", "0,9"),
            ("dice", "9" * 5000), ("seed", "1.5"), ("seed", "x"), ("seed", "1e400"), ("seed", "-3"), ("seed", ""),
            ("image_id", ""), ("variant", ""), ("test_on", "elsewhere"),
        ]
    }  # fmt: skip
    changes |= {
        "a row missing": lambda content: b"\n".join(content.splitlines()[:-1]),
        "a row twice": lambda content: content + content.splitlines()[-1] + b"\n",
        "its head alone": lambda content: content.splitlines()[0] + b"\n",
        "empty": lambda content: b"",
        "half of it": lambda content: content[: len(content) // 2],
        "random bytes": lambda content: np.random.default_rng(0).bytes(len(content)),
        "a NUL": lambda content: content[:900] + b"\0" + content[900:],
        "latin-1": lambda content: content.replace(b"proposed", b"propos\xe9"),
        "an open quote": lambda content: content[:900] + b'"' + content[900:],
        "no column dice": lambda content: content.replace(b",dice,", b",dicey,", 1),
        "a byte-order mark": lambda content: b"\xef\xbb\xbf" + content,
        "Windows line ends": lambda content: content.replace(b"\n", b"\r\n"),
        "rows in another order": lambda content: b"\n".join(
            [content.splitlines()[0], *reversed(content.splitlines()[1:])]
        ),
    }
    command = ["lungseg", "compare", "ours", "theirs"]

    def mend(folder: Path) -> None:
        shutil.copy(folder / "ours/scores.csv", folder / "theirs/scores.csv")

    return [
        Case("tables of scores", name, command, _text("theirs/scores.csv", change), mend, r"scores\.csv",
             told="1 cells other films", work=SMALL)
        for name, change in changes.items()
    ]  # fmt: skip


# --- names of commits


def commits(_: np.random.Generator) -> list[Case]:
    """What a person may paste in the place of COMMIT:FOLDER."""
    names = [
        "--remote=.:--exec=touch PWNED;", "HEAD:--output=PWNED", "--output=PWNED:ours", "-h", "HEAD~99:ours", ":ours",
        "HEAD:../../etc", "HEAD:ours\nx", "HEAD^{/x}:ours", "@{upstream}:ours", "HEAD:ours/scores.csv",
        "$(touch PWNED):ours", "HEAD;touch PWNED;:ours", "refs/../x:ours", "\x1b[2J:ours", "x" * 5000 + ":ours",
        "", "HEAD:", "HEAD:ours:theirs", "HEAD..HEAD:ours", "ext::sh -c touch% PWNED:ours", "HEAD:é", "nowhere",
    ]  # fmt: skip
    after = ["lungseg", "compare", "HEAD:ours", "theirs"]
    return [
        Case("names of commits", f"{plain(name)[:40]!r}", ["lungseg", "compare", "--", name, "theirs"], after=after,
             names=r"COMMIT:FOLDER|HEAD~1:results|scores\.csv", work=SMALL)
        for name in names
    ]  # fmt: skip


# --- configurations


def configurations(_: np.random.Generator) -> list[Case]:
    """Configurations as a person may write them, for `lungseg status`."""
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    whole: dict[str, str | bytes] = {
        "empty": "", "a list": "- 1\n", "a word": "tiny", "a YAML bomb": bomb, "an alias of itself": "name: &a [*a]\n",
        "a tag that calls": "name: !!python/object/apply:os.system ['touch PWNED']\n",
        "random bytes": bytes(range(256)),
        "5000 brackets": "name: " + "[" * 5000, "a tab": "name:\n\t- x\n", "2 MB": "name: " + "x" * 2**21,
        "UTF-16": "name: tiny\n".encode("utf-16"), "two documents": "name: tiny\n---\nname: other\n",
    }  # fmt: skip
    lines = {
        "the name of a folder of the project": ("name: tiny", "name: tests"),
        "a name of 300 characters": ("name: tiny", f"name: {'x' * 300}"),
        "a name that leads out": ("name: tiny", "name: ../tiny"),
        "a name that is a number": ("name: tiny", "name: 16"),
        "a name that is null": ("name: tiny", "name: null"),
        "an unknown key": ("device: cpu", "devise: cpu"),
        "a key twice": ("device: cpu", "device: cpu\ndevice: cuda"),
        "a learning rate without end": ("epochs: 1", "epochs: 1, learning_rate: .inf"),
        "a learning rate that is no number": ("epochs: 1", "epochs: 1, learning_rate: .nan"),
        "epochs as a text": ("epochs: 1", "epochs: many"),
        "epochs of 0": ("epochs: 1", "epochs: 0"),
        "epochs that are true": ("epochs: 1", "epochs: true"),
        "a size of 33": ("size: 32", "size: 33"),
        "a size of 10^30": ("size: 32", f"size: {10**30}"),
        "seeds doubled": ("seeds: [0, 1]", "seeds: [0, 0]"),
        "a seed below zero": ("seeds: [0, 1]", "seeds: [-1]"),
        "a seed that is a fraction": ("seeds: [0, 1]", "seeds: [0.5]"),
        "seeds that are one number": ("seeds: [0, 1]", "seeds: 5"),
        "no seeds": ("seeds: [0, 1]", "seeds: []"),
        "no variants": ("variants:", "variants: {}\nx:"),
        "a variant with a slash": ("  unet:", "  u/net:"),
        "a variant that is 16": ("  unet:", "  16:"),
        "a width that nobody would use": ("{width: 4}", "{width: -4}"),
        "a width beside encoders": ("{width: 4}", "{width: 4, encoders: [mobilenetv2]}"),
        "encoders doubled": ("{width: 4}", "{encoders: [mobilenetv2, mobilenetv2]}"),
        "an encoder that nobody has": ("{width: 4}", "{encoders: [resnet]}"),
        "a variant that is a list": ("{width: 4}", "[4]"),
        "a data set that nobody has": ("[phantom]\npre", "[chexpert]\npre"),
        "no data set": ("[phantom]\npre", "[]\npre"),
        "a training set that is none": ("pooled: [phantom]", "pooled: [jsrt]"),
        "resamples of 10": ("resamples: 200", "resamples: 10"),
        "a level of 95": ("resamples: 200", "resamples: 200, level: 95"),
        "braces in the note of no text": ("note: Drawn films, 32 px, 1 epoch.", "note: {x}"),
    }
    path = "tiny.yaml"
    cases: dict[str, Callable[[bytes], bytes]] = {
        name: (lambda _, text=text: text if isinstance(text, bytes) else text.encode()) for name, text in whole.items()
    }
    cases |= {name: _swap(old, new) for name, (old, new) in lines.items()}
    mend = _restored(path, "tests/tiny.yaml")
    command = ["lungseg", "status", "--configfile", path]
    return [
        Case("configurations", name, command, _text(path, change), mend, r"tiny\.yaml|config key \S+", work=SMALL)
        for name, change in cases.items()
    ]
