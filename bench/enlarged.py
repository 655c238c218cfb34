"""Archives of the official layout and size, made of reduced ones: films enlarged, with film noise, masks smooth.

No official archive is at hand where this runs. What pixels show decides how long a PNG file is and takes, and so the
noise is such that files are about as long as official ones: 8.5 MB for Montgomery, 5.7 for Shenzhen (3.8 GB in 662).
"""

import io
import re
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from PIL import Image
from tqdm import tqdm

from lungseg.data import jsrt, montgomery, shenzhen
from lungseg.data.archive import SUMS
from lungseg.data.reading import in_order
from lungseg.errors import InputError
from lungseg.files import file_hash

NOISE = {"montgomery": 2.4, "shenzhen": 7.0, "jsrt": 2.0}  # grey levels
SIDES = {  # width and height in px, chosen by a film's number
    "montgomery": [(4892, 4020), (4020, 4892)],
    "shenzhen": [(3000, 2933), (2727, 2704), (2457, 2485)],  # "about 3000 x 3000": most are smaller
    "jsrt": [(2048, 2048)],
}
JSRT_MASK, PICTURES = (1024, 1024), (".png", ".IMG", ".gif")
Size = tuple[int, int]


def enlarge(reduced: Path, folder: Path) -> Path:
    """Make what is missing of the official archives.

    Args:
        reduced: A folder of archives in the official layout.
        folder: Where to; some 7 GB. An archive that is there is whole and stays.

    Returns:
        The folder.

    Raises:
        InputError: An archive is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for dataset, archives in {
        "montgomery": [montgomery.ARCHIVE],
        "shenzhen": [shenzhen.IMAGES, shenzhen.MASKS],
        "jsrt": [jsrt.IMAGES, jsrt.SCR],
    }.items():
        for archive in archives:
            if not (reduced / archive.name).is_file():
                raise InputError(reduced, f"no {archive.name}", "archives in the official layout", "Name their folder.")
            _enlarge(reduced / archive.name, folder / archive.name, dataset)
    sums = [f"{file_hash(file)}  {file.name}" for file in sorted(folder.glob("*.zip"))]
    (folder / SUMS).write_text("\n".join(sums) + "\n", encoding="utf-8")  # they are not the publishers' bytes
    return folder


def _enlarge(source: Path, target: Path, dataset: str) -> None:
    """Write one archive, member by member, and give it its name when it is whole."""
    if target.is_file():
        return
    part = target.with_suffix(".part")
    with ZipFile(source) as small, ZipFile(part, "w", ZIP_STORED) as large:
        names = [name for name in small.namelist() if Path(name).suffix in PICTURES]
        contents = ((name, small.read(name)) for name in names)
        made = in_order(lambda pair: (pair[0], _member(*pair, dataset)), contents)
        for name, content in tqdm(made, total=len(names), desc=target.name, unit="file"):
            large.writestr(name, content)
    part.rename(target)


def _member(name: str, content: bytes, dataset: str) -> bytes:
    number = int(re.findall(r"\d+", Path(name).name)[0])
    size = SIDES[dataset][number % len(SIDES[dataset])]
    if name.endswith(".IMG"):
        return _raw(content, size, number, NOISE[dataset])
    if name.endswith(".gif"):
        return _encoded(_mask(content, JSRT_MASK), "gif")
    if "mask" in name.lower():
        return _encoded(_mask(content, size), "png")
    film = _grainy(_grey(content), size, number, NOISE[dataset], 255.0)
    return _encoded(Image.fromarray(film.astype(np.uint8)), "png")


def _grey(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("L"), dtype=np.float32)


def _raw(content: bytes, size: Size, number: int, noise: float) -> bytes:
    """A film of JSRT: 12 bits in big-endian 16, without a header."""
    raw = np.frombuffer(content, dtype=">u2")
    side = int(len(raw) ** 0.5)
    film = _grainy(raw.reshape(side, side).astype(np.float32), size, number, noise * 4095 / 255, 4095.0)
    return film.astype(">u2").tobytes()


def _grainy(film: np.ndarray, size: Size, number: int, sigma: float, brightest: float) -> np.ndarray:
    """A film at another size, with noise: without it an enlarged film compresses better than a real one."""
    large = np.asarray(Image.fromarray(film).resize(size, Image.Resampling.BICUBIC)).copy()
    rng = np.random.default_rng(number)
    grain = rng.standard_normal(size[0], dtype=np.float32)  # one row, shifted from row to row: drawing all takes longer
    shifts = rng.integers(0, size[0], size[1])
    large += sigma * np.stack([np.roll(grain, shift) for shift in shifts])
    return large.round().clip(0, brightest)


def _mask(content: bytes, size: Size) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("L").resize(size, Image.Resampling.BILINEAR).point(_is_lung, "1")


def _is_lung(grey: int) -> int:
    return 255 * (grey > 127)


def _encoded(picture: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **({"compress_level": 1} if kind == "png" else {}))
    return buffer.getvalue()
