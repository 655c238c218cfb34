"""Shenzhen hospital chest films: 326 normal, 336 with tuberculosis; the lungs of 566 outlined in Kyiv.

Addresses: https://openi.nlm.nih.gov/imgs/collections/ChinaSet_AllFiles.zip (official);
    mirror on archive.org, item academictorrents_462728e890bd37c05e9439c885df7afc36209cc8;
    masks: https://www.kaggle.com/datasets/yoctoman/shcxr-lung-mask, version 1, with an account.
Files: ChinaSet_AllFiles.zip, about 3.8 GB; shcxr-lung-mask.zip; or, of either, the archive of
    `lungseg.data.repackaged`.
Layout: ChinaSet_AllFiles/CXR_png/ID.png, grey or grey written as RGB;
    mask/mask/ID_mask.png, both lungs in one, outlined at Kyiv Polytechnic.
    IDs are CHNCXR_NNNN_D, D = 1 for tuberculosis.
Count: 662 films, 566 with a mask; the other 96 are listed as unused.
Pixels: about 3000 x 3000, 8 bit; their size in mm is not published.
Cite: Jaeger et al. 2014, doi 10.3978/j.issn.2223-4292.2014.11.20; masks Stirenko et al. 2018,
    doi 10.1109/ELNANO.2018.8477564.
Licence: films research use with citation, U.S. National Library of Medicine; masks CC BY-NC-SA 4.0.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from lungseg.data import repackaged
from lungseg.data.archive import Archive, recorded_choice
from lungseg.data.reading import (
    NOTHING,
    Dataset,
    Radiograph,
    Unused,
    decode_grey,
    expect_ids,
    needed,
    open_archive,
    outlined,
    pair,
    readable,
    sha256,
)

PAGE = "https://data.lhncbc.nlm.nih.gov/public/Tuberculosis-Chest-X-ray-Datasets/Shenzhen-Hospital-CXR-Set/index.html"
MIRROR = "https://archive.org/download/academictorrents_462728e890bd37c05e9439c885df7afc36209cc8"
MASK_PAGE = "https://www.kaggle.com/datasets/yoctoman/shcxr-lung-mask"
FIRST_TUBERCULOSIS = 327
IDS = tuple(f"CHNCXR_{n:04d}_{int(n >= FIRST_TUBERCULOSIS)}" for n in range(1, 663))
WITHOUT_MASK = frozenset(
    IDS[number - 1]
    for number in (
        25, *range(36, 41), 65, *range(181, 221), 336, *range(341, 361), *range(481, 501), 502, 505,
        *range(560, 566),
    )
)  # fmt: skip
WITH_MASK = tuple(image_id for image_id in IDS if image_id not in WITHOUT_MASK)
IMAGE_ID = r"(CHNCXR_\d{4}_[01])"
BOTH = repackaged.repackaged(IMAGE_ID, len(IDS), len(WITH_MASK))
IMAGES = Archive(
    name="ChinaSet_AllFiles.zip",
    page=PAGE,
    urls=(
        "https://openi.nlm.nih.gov/imgs/collections/ChinaSet_AllFiles.zip",
        f"{MIRROR}/ChinaSet_AllFiles.zip",
    ),
    instead=BOTH,
)
MASKS = Archive(
    name="shcxr-lung-mask.zip",
    page=MASK_PAGE,
    sha256="4180afa70044cca10fa2b2c2e1a0e458d5b1bb5c0a653c2e1344d83138d53f72",
    obtain=f"Download version 1 from {MASK_PAGE} (needs a Kaggle account) and name it shcxr-lung-mask.zip.",
    instead=BOTH,
)


def read(
    folder: Path, exclude: Mapping[str, str] = NOTHING, threads: int | None = None
) -> Iterator[Radiograph | Unused]:
    """Yield the 662 films by name, 96 of them as unused.

    Args:
        folder: Where the two archives lie.
        exclude: Films that are left out, with the reason.
        threads: At a time; None for all cores.

    Raises:
        InputError: An archive is damaged, incomplete, or a mask does not fit its film.
    """
    places = {official: recorded_choice(official, folder) for official in (IMAGES, MASKS)}
    archives = (folder / choice.name for choice in places.values())
    with open_archive(next(archives), exclude) as archive, open_archive(next(archives), exclude) as outlines:
        if places[IMAGES] == IMAGES:
            images = archive.find(rf"CXR_png/{IMAGE_ID}\.png")
        else:
            images = repackaged.films(archive, IMAGE_ID)
        if places[MASKS] == MASKS:
            masks = outlines.find(rf"{IMAGE_ID}_mask\.png")
        else:
            masks = repackaged.masks(outlines, IMAGE_ID)
        expect_ids(archive, "films", images, IDS)
        expect_ids(outlines, "masks", masks, WITH_MASK)

        def load(image_id: str) -> Radiograph | Unused:
            if image_id in WITHOUT_MASK:
                return Unused(image_id, "no mask published")
            member, outline = needed(archive, "films", images, image_id), needed(outlines, "masks", masks, image_id)
            content = archive.read(member)
            image = decode_grey(content, archive.where(member))
            mask = outlined(outlines.where(outline), image, outlines.read_mask(outline))
            mask = pair(outlines.where(outline), mask)
            return Radiograph(image_id, image, mask, None, image_id.endswith("_1"), sha256(content))

        yield from readable("shenzhen", load, IDS, exclude, threads)


DATASET = Dataset(
    name="shenzhen",
    title="Shenzhen hospital: 326 normal films, 336 with tuberculosis",
    archives=(IMAGES, MASKS),
    films=WITH_MASK,
    unused=96,
    citation="Jaeger et al. 2014, Quant Imaging Med Surg 4(6):475; Stirenko et al. 2018, IEEE ELNANO:422",
    licence="films: research use with citation (U.S. National Library of Medicine); masks: CC BY-NC-SA 4.0",
    pages=(PAGE, MASK_PAGE),
    read=read,
)
