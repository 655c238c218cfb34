"""JSRT chest films: 154 with a lung nodule, 93 without; lungs outlined in the SCR data base.

Addresses: films http://db.jsrt.or.jp/eng.php (official, with registration);
    masks https://www.isi.uu.nl/Research/Databases/SCR/ (official, with registration), or
    https://zenodo.org/records/7056076/files/masks.zip.
Files: All247images.zip, 1.33 GB; scr.zip, or instead of it masks.zip, 4.0 MB.
Layout: All247images/ID.IMG, raw big-endian 16 bit without a header, the side follows from the file's length;
    scr.zip: scratch/{fold1,fold2}/masks/{left lung,right lung}/ID.gif, odd numbers in fold1, even in fold2;
    masks.zip: .tif. We have not seen it: any path is taken that has `left lung` or `right lung` and an ID.
    IDs are JPCLNNNN with a nodule, JPCNNNNN without.
Count: 247 films, each with both masks.
Pixels: 2048 x 2048, 12 bit, 0.175 mm, inverted on disk (lungs bright) and turned round here;
    masks 1024 x 1024, brought to the film's size here.
Cite: Shiraishi et al. 2000, doi 10.2214/ajr.174.1.1740071; masks van Ginneken et al. 2006,
    doi 10.1016/j.media.2005.02.002.
Licence: research use with citation, not to be passed on; registration with the publisher.
"""

from collections.abc import Iterator, Mapping
from math import isqrt
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from lungseg.data.archive import Archive, recorded_choice
from lungseg.data.reading import (
    AGAIN,
    NOTHING,
    Dataset,
    OpenArchive,
    Radiograph,
    Unused,
    expect_ids,
    needed,
    open_archive,
    outlined,
    pair,
    readable,
    refuse_large,
    sha256,
)
from lungseg.errors import InputError

PAGE = "http://db.jsrt.or.jp/eng.php"
SCR_PAGE = "https://www.isi.uu.nl/Research/Databases/SCR/"
ZENODO_PAGE = "https://zenodo.org/records/7056076"
IMAGES = Archive(
    name="All247images.zip",
    page=PAGE,
    obtain=f"Register at {PAGE}, download All247images.zip.",
)
SCR_ZENODO = Archive(
    name="masks.zip",
    page=ZENODO_PAGE,
    urls=("https://zenodo.org/records/7056076/files/masks.zip",),
    md5="3e9bb1c4bc1f5b2672ac4bfeabab16f4",
)
SCR = Archive(
    name="scr.zip",
    page=SCR_PAGE,
    obtain=f"Register at {SCR_PAGE}, download scr.zip.",
    instead=SCR_ZENODO,
)
IDS = (*(f"JPCLN{n:03d}" for n in range(1, 155)), *(f"JPCNN{n:03d}" for n in range(1, 94)))
NAME = r"(JPC[LN]N\d{3})"
BRIGHTEST = 4095  # 12 bit
MOST_BEYOND = 0.5  # share of a film that may be brighter; of one whose bytes are turned round 15/16 are
OFFICIAL_SIDE, OFFICIAL_SPACING_MM = 2048, 0.175


def read(
    folder: Path, exclude: Mapping[str, str] = NOTHING, threads: int | None = None
) -> Iterator[Radiograph | Unused]:
    """Yield the 247 films by name.

    Args:
        folder: Where All247images.zip and scr.zip (or masks.zip) lie.
        exclude: Films that are left out, with the reason.
        threads: At a time; None for all cores.

    Raises:
        InputError: An archive is damaged, incomplete, or a file has an impossible length.
    """
    scr = folder / recorded_choice(SCR, folder).name
    with open_archive(folder / IMAGES.name, exclude) as archive, open_archive(scr, exclude) as outlines:
        images = archive.find(rf"{NAME}\.IMG")
        sides = {
            f"masks of the {side} lung": outlines.find(rf"^(?=.*{side}[ _-]?lung).*{NAME}[^/]*\.(?:gif|tiff?)")
            for side in ("left", "right")
        }
        expect_ids(archive, "films", images, IDS)
        for what, found in sides.items():
            expect_ids(outlines, what, found, IDS)

        def load(image_id: str) -> Radiograph:
            member = needed(archive, "films", images, image_id)
            content = archive.read(member)
            image = decode(content, archive.where(member))
            left, right = (
                _mask(outlines, needed(outlines, what, side, image_id), image) for what, side in sides.items()
            )
            spacing_mm = OFFICIAL_SPACING_MM * OFFICIAL_SIDE / len(image)
            both = pair(f"{outlines.path}, {image_id}", left | right)
            return Radiograph(image_id, image, both, spacing_mm, image_id.startswith("JPCLN"), sha256(content))

        yield from readable("jsrt", load, IDS, exclude, threads)


def decode(content: bytes, where: str) -> UInt8[np.ndarray, "side side"]:
    """Decode a raw film: the upper 8 of its 12 bits, turned round so that lungs are dark.

    Args:
        content: Big-endian 16 bit numbers, a square of them.
        where: Archive and member, for the message.

    Raises:
        InputError: The length is not that of a square, or the numbers are not of 12 bits.
    """
    side = isqrt(len(content) // 2)
    if side == 0 or 2 * side**2 != len(content):
        expected = "a square of 16 bit pixels (official: 8388608 bytes)"
        raise InputError(where, f"{len(content)} bytes", expected, AGAIN)
    refuse_large(side, side, where)
    raw = np.frombuffer(content, dtype=">u2").reshape(side, side)
    if (share := (raw > BRIGHTEST).mean()) > MOST_BEYOND:
        found = f"{share:.0%} of the pixels above {BRIGHTEST}"
        expected = "12 bit numbers whose first byte is the greater; these bytes may be turned round"
        raise InputError(where, found, expected, AGAIN)
    turned = BRIGHTEST - np.minimum(raw, BRIGHTEST)
    return np.asarray(turned >> 4, dtype=np.uint8)


def _mask(outlines: OpenArchive, member: str, image: UInt8[np.ndarray, "side side"]) -> Bool[np.ndarray, "side side"]:
    """A lung's mask at the film's size, each pixel the nearest one of the original."""
    mask = Image.fromarray(outlines.read_mask(member))
    if mask.width == mask.height:
        mask = mask.resize((len(image), len(image)), Image.Resampling.NEAREST)
    return outlined(outlines.where(member), image, np.asarray(mask))


DATASET = Dataset(
    name="jsrt",
    title="JSRT: 154 films with a lung nodule, 93 without",
    archives=(IMAGES, SCR),
    films=IDS,
    unused=0,
    citation="Shiraishi et al. 2000, AJR 174:71; van Ginneken et al. 2006, Med Image Anal 10(1):19",
    licence="research use with citation, not to be passed on (JSRT; SCR, Utrecht)",
    pages=(PAGE, SCR_PAGE, ZENODO_PAGE),
    read=read,
)
