"""DICOM films: greys by the standard, each conflict decided and told once, and no file brings the command down."""

import io
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from lungseg.errors import InputError
from lungseg.films.dicom import read_dicom
from lungseg.films.dicom_decoding import apart, coded_size
from lungseg.films.dicom_tags import number, tag, text
from lungseg.films.film import Film, Spacing, Turn
from lungseg.films.reading import read_film, unwarned
from tests.own_films import dicom, film, saved

GREY = film().image
TWELVE = GREY.astype(np.uint16) * 16
WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}
SILENT = ("IDontKnow", "Doe", "4711", "ACC-12", "Roe", "19600102", "20200304")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """As in `segment_all`."""
    with unwarned():
        yield


def read(pixels: np.ndarray = TWELVE, bits: int = 12, **tags: object) -> Film:
    return read_dicom(saved(dicom(pixels, bits, **tags)), "film")


def entries(values: Iterable[int], first: int = 0, bits: int = 12) -> Sequence:
    """A sequence of one table."""
    item, listed = Dataset(), list(values)
    item.add_new((0x0028, 0x3002), "US", [len(listed), first, bits])
    item.add_new((0x0028, 0x3006), "US", listed)
    return Sequence([item])


def coded(meaning: str) -> Sequence:
    """A sequence of one code."""
    item = Dataset()
    item.CodeMeaning = meaning
    return Sequence([item])


def near(found: Film, expected: np.ndarray = GREY, apart: float = 1.5) -> bool:
    return found.grey.shape == expected.shape and np.abs(found.grey.astype(int) - expected).mean() < apart


def test_a_window_is_applied_as_pydicom_applies_it() -> None:
    ds = dicom(TWELVE, WindowCenter=1500, WindowWidth=1200)
    found = read_dicom(saved(ds), "film")
    shown = apply_voi_lut(TWELVE, ds)
    assert np.abs(found.grey - shown / 4095 * 255).max() <= 0.51 and found.warnings == ()


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_each_function_of_a_window(function: str) -> None:
    ds = dicom(TWELVE, VOILUTFunction=function, WindowCenter=1500, WindowWidth=1200)
    shown = apply_voi_lut(TWELVE, ds)
    assert np.abs(read_dicom(saved(ds), "film").grey - shown / 4095 * 255).max() <= 0.51


def test_the_first_of_several_windows_counts() -> None:
    assert np.array_equal(read(WindowCenter=[2048, 100], WindowWidth=[4096, 3]).grey, read(**WINDOW).grey)


def test_slope_and_intercept_come_before_the_window() -> None:
    ds = dicom(TWELVE, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3000, WindowWidth=5000)
    shown = apply_voi_lut(apply_modality_lut(TWELVE, ds), ds)
    low, high = -1000, 4095 * 2 - 1000
    assert np.abs(read_dicom(saved(ds), "film").grey - (shown - low) / (high - low) * 255).max() <= 0.51


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
def test_a_negative_slope_is_a_slope(function: str, kind: str) -> None:
    """Of whole numbers, of signed ones, and of a slope that is not one."""
    tags = {"VOILUTFunction": function, "PhotometricInterpretation": kind}
    window = tags | {"WindowCenter": 1400, "WindowWidth": 1600}
    turned = read(4095 - TWELVE, RescaleSlope=-1, RescaleIntercept=4095, **window)
    assert np.array_equal(turned.grey, read(TWELVE, **window).grey) and turned.warnings == ()
    signed = (TWELVE.astype(np.int32) - 2048).astype(np.int16)
    window |= {"WindowCenter": -600}
    turned = read(-1 - signed, RescaleSlope=-1, RescaleIntercept=-1, **window)
    assert np.array_equal(turned.grey, read(signed, **window).grey) and turned.warnings == ()
    window |= {"WindowCenter": 700, "WindowWidth": 800}
    turned = read(4095 - TWELVE, RescaleSlope=-0.5, RescaleIntercept=2047.5, **window)
    straight = read(TWELVE, RescaleSlope=0.5, RescaleIntercept=0, **window)
    assert np.abs(turned.grey.astype(int) - straight.grey).max() <= 1 and turned.warnings == ()


def test_a_negative_slope_without_a_window() -> None:
    assert np.array_equal(read(4095 - TWELVE, RescaleSlope=-1, RescaleIntercept=4095).grey, read(TWELVE).grey)


def test_a_table_is_looked_up_and_its_ends_are_held() -> None:
    """A table of 8-bit entries with more than 256 of them, in which an index of 8 bits would wrap."""
    table = entries([value // 16 for value in range(100, 4000)], first=100, bits=8)
    found = read(VOILUTSequence=table, **WINDOW)
    wanted = (np.clip(TWELVE, 100, 3999) // 16 - 6) / (249 - 6) * 255
    assert np.abs(found.grey - wanted).max() <= 0.51


def test_monochrome1_is_turned_round_once_whatever_the_shape_says() -> None:
    for shape in (None, "INVERSE", "IDENTITY"):
        tags = {} if shape is None else {"PresentationLUTShape": shape}
        found = read(4095 - TWELVE, PhotometricInterpretation="MONOCHROME1", **tags, **WINDOW)
        assert near(found)
        assert bool(found.warnings) == (shape == "IDENTITY")
    odd = read(PresentationLUTShape="INVERSE", **WINDOW)
    assert near(odd) and len(odd.warnings) == 1 and "MONOCHROME2 with PresentationLUTShape INVERSE" in odd.warnings[0]


def test_a_person_decides_over_the_file() -> None:
    content = saved(dicom(TWELVE, PhotometricInterpretation="MONOCHROME1", **WINDOW))
    assert near(read_dicom(content, "film", inverted=False)) and near(read_dicom(content, "film", True), 255 - GREY)


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ({}, "no window that can be used"),
        ({"WindowCenter": 2048, "WindowWidth": 0}, "cannot be used (ValueError)"),
        ({"WindowCenter": None, "WindowWidth": 4096}, "cannot be used"),
        ({"WindowCenter": 60000, "WindowWidth": 10}, "its window shows no more than two shades"),
        ({"WindowCenter": 2048, "WindowWidth": 1}, "its window shows no more than two shades"),
        (
            {"WindowCenter": 32768, "WindowWidth": 65536},
            "its window shows nearly all of it in 13 of 255 greys: not used",
        ),
        ({"PresentationIntentType": "FOR PROCESSING", **WINDOW}, "FOR PROCESSING"),
        ({"VOILUTSequence": Sequence([Dataset()])}, "cannot be used"),
        ({"ModalityLUTSequence": entries(range(4096), bits=60000), **WINDOW}, "cannot be used (OverflowError)"),
    ],
)
def test_without_a_window_greys_are_stretched_and_that_is_told(tags: dict[str, object], told: str) -> None:
    ds = dicom(TWELVE, **{key: value for key, value in tags.items() if value is not None})
    found = read_dicom(saved(ds), "film")
    low, high = np.percentile(GREY, (0.5, 99.5))
    assert near(found, np.clip((GREY - low) / (high - low), 0, 1) * 255)
    assert any(told in one for one in found.warnings) and any("stretched between" in one for one in found.warnings)


@pytest.mark.parametrize(
    ("tags", "centre", "width", "told"),
    [
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, 2048, 4096, "its rescale slope and intercept, or table, cannot"),
        (
            {"RescaleSlope": 1, "RescaleIntercept": [0, 0]},
            2048,
            4096,
            "its rescale slope and intercept, or table, cannot",
        ),
        ({"RescaleSlope": "", "RescaleIntercept": 0}, 2048, 4096, "RescaleSlope is missing: 1 is taken"),
        ({"RescaleSlope": 2}, 4096, 8192, "RescaleIntercept is missing: 0 is taken"),
        ({"RescaleIntercept": -1000}, 1048, 4096, "RescaleSlope is missing: 1 is taken"),
    ],
)
def test_of_slope_and_intercept_what_can_be_used_is(
    tags: dict[str, object], centre: int, width: int, told: str
) -> None:
    found = read(WindowCenter=centre, WindowWidth=width, **tags)
    assert near(found) and [one.startswith(told) for one in found.warnings] == [True]


def test_an_empty_function_of_a_window_is_none() -> None:
    assert np.array_equal(read(VOILUTFunction="", **WINDOW).grey, read(**WINDOW).grey)


def test_signed_numbers_and_garbage_above_the_stored_bits() -> None:
    signed = (TWELVE.astype(np.int32) - 2048).astype(np.int16)
    assert near(read(signed, WindowCenter=0, WindowWidth=4096))
    found = read(TWELVE | 0x8000, **WINDOW)
    assert near(found) and found.warnings == ("numbers beyond the 12 bits of BitsStored: cut to these",)
    overlaid = dicom(TWELVE | 0x8000, **WINDOW)
    overlaid.add_new((0x6000, 0x0102), "US", 15)
    assert near(found := read_dicom(saved(overlaid), "film")) and found.warnings == ()


def test_padding_and_shutter_do_not_shift_the_greys() -> None:
    padded = np.full((300, 280), 4000, dtype=np.uint16)
    padded[50:250, 50:230] = TWELVE
    plain = read().grey
    found = read(padded, PixelPaddingValue=4000).grey[50:250, 50:230]
    assert np.abs(found.astype(int) - plain).max() <= 2
    tags = {"ShutterUpperHorizontalEdge": 51, "ShutterLowerHorizontalEdge": 250}
    tags |= {"ShutterLeftVerticalEdge": 51, "ShutterRightVerticalEdge": 230}
    shut = read(padded, ShutterShape="RECTANGULAR", **tags, **WINDOW)
    assert (
        not shut.grey[:50].any()
        and not shut.grey[:, 230:].any()
        and np.array_equal(shut.grey[50:250, 50:230], read(**WINDOW).grey)
    )
    around = read(ShutterShape="CIRCULAR", CenterOfCircularShutter=[100, 90], RadiusOfCircularShutter=80, **WINDOW)
    assert not around.grey[0, 0] and around.grey[100, 90]
    assert "a shutter without its edges" in read(ShutterShape="RECTANGULAR", **WINDOW).warnings[0]


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("tags", [{}, WINDOW])
@pytest.mark.parametrize("value", [0, 2000, 4095])
def test_padding_is_black_and_the_same_value_in_the_film_is_not(kind: str, tags: dict[str, object], value: int) -> None:
    inner = np.clip(TWELVE, 100, 3900)
    inner[60:70, 60:70] = value  # a marker, or a shade
    padded = np.full((300, 280), value, dtype=np.uint16)
    padded[50:250, 50:230] = inner
    tags = {**tags, "PhotometricInterpretation": kind}
    found, plain = (read(padded, **tags, **more).grey for more in ({"PixelPaddingValue": value}, {}))
    border = np.ones(padded.shape, dtype=bool)
    border[50:250, 50:230] = False
    assert not found[border].any()
    if tags.keys() & WINDOW.keys():
        assert np.array_equal(found[~border], plain[~border])
        assert (plain[border] > 0).all() == (value == 2000 or (value == 0) == (kind == "MONOCHROME1"))
    for inverted in (False, True):  # black is laid after a person's own choice
        content = saved(dicom(padded, PixelPaddingValue=value, **tags))
        assert not read_dicom(content, "film", inverted).grey[border].any()


def test_padding_may_be_a_range_signed_and_said_in_more_bits() -> None:
    padded = np.full((300, 280), 4000, dtype=np.uint16)
    padded[50:250, 50:230] = np.clip(TWELVE, 100, 3900)
    padded[:20] = 4010
    for pair in ((4000, 4010), (4010, 4000)):
        found = read(padded, PixelPaddingValue=pair[0], PixelPaddingRangeLimit=pair[1], **WINDOW).grey
        assert not found[:50].any() and found[60:240, 60:220].any()
    assert read(padded, PixelPaddingValue=4000, **WINDOW).grey[:20].all()
    signed = padded.astype(np.int32) - 2048
    signed[signed > 1900] = -2000
    window = {"WindowCenter": -1500, "WindowWidth": 5000}
    for value in (-2000, 65536 - 2000):
        ds = dicom(signed.astype(np.int16), **window)
        ds.add_new("PixelPaddingValue", "SS" if value < 0 else "US", value)
        found = read_dicom(saved(ds), "film").grey
        assert not found[:50].any() and found[60:240, 60:220].any()
    colour = np.full((80, 80, 3), 4000, dtype=np.uint16)
    colour[20:60, 20:60] = TWELVE[:40, :40, None]
    rgb = {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3, "PlanarConfiguration": 0}
    assert read(colour, 16, PixelPaddingValue=4000, **rgb).grey[:20].all()


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (["L", "F"], Turn()),
        (["R", "F"], Turn(mirrored=True)),
        (["L", "H"], Turn(upside_down=True)),
        (["R", "H"], Turn(upside_down=True, mirrored=True)),
        (["F", "L"], Turn(transposed=True)),
        (["F", "R"], Turn(transposed=True, mirrored=True)),
        (["H", "L"], Turn(transposed=True, upside_down=True)),
        (["H", "R"], Turn(transposed=True, upside_down=True, mirrored=True)),
        (["LF", "FR"], Turn()),
        (["L", "L"], Turn()),
        ([], Turn()),
    ],
)
def test_orientation_is_read_and_undone(orientation: list[str], turn: Turn) -> None:
    found = read(PatientOrientation=orientation, **WINDOW)
    assert found.turn == turn
    assert np.array_equal(found.turn.stored(found.turn.upright(found.grey)), found.grey)


def test_upright_is_what_the_orientation_says() -> None:
    """A picture whose rows run to the feet and columns to the patient's right, made from an upright one."""
    upright = np.arange(12).reshape(3, 4)
    stored = upright[:, ::-1].T  # a row runs downwards; the next row lies further to the patient's right
    assert np.array_equal(Turn(transposed=True, mirrored=True).upright(stored), upright)


@pytest.mark.parametrize(
    ("tags", "spacing"),
    [
        ({}, None),
        ({"PixelSpacing": [0, 0]}, None),
        ({"PixelSpacing": [-1, 1]}, None),
        ({"PixelSpacing": ["0.000143", "0.000143"]}, None),
        ({"ImagerPixelSpacing": [0.1, 0.2]}, Spacing(0.1, 0.2, "ImagerPixelSpacing, at the detector")),
        ({"PixelSpacing": [0.1, 0.1]}, Spacing(0.1, 0.1, "PixelSpacing, not said to be calibrated")),
        (
            {"PixelSpacing": [0.1, 0.1], "PixelSpacingCalibrationType": "FIDUCIAL", "ImagerPixelSpacing": [0.2, 0.2]},
            Spacing(0.1, 0.1, "PixelSpacing, calibrated by fiducial"),
        ),
        (
            {"PixelSpacing": [0.1, 0.1], "ImagerPixelSpacing": [0.2, 0.2]},
            Spacing(0.2, 0.2, "ImagerPixelSpacing, at the detector"),
        ),
        (
            {"NominalScannedPixelSpacing": [0.3, 0.3]},
            Spacing(0.3, 0.3, "NominalScannedPixelSpacing, of the scanned sheet"),
        ),
    ],
)
def test_spacing_has_its_source(tags: dict[str, object], spacing: Spacing | None) -> None:
    found = read(**tags, **WINDOW)
    assert found.spacing == spacing
    both = {"PixelSpacing", "ImagerPixelSpacing"} <= set(tags) and "PixelSpacingCalibrationType" not in tags
    useless = "PixelSpacing" in tags and spacing is None
    assert len(found.warnings) == both + useless


@pytest.mark.parametrize(("detector", "differs"), [(0.1, False), (0.1005, False), (0.0995, False), (0.102, True)])
def test_spacings_that_differ_by_less_than_a_hundredth_are_one(detector: float, differs: bool) -> None:
    found = read(PixelSpacing=[0.1, 0.1], ImagerPixelSpacing=[0.1, detector], **WINDOW)
    assert found.spacing == Spacing(0.1, detector, "ImagerPixelSpacing, at the detector")
    assert [("differs" in one) for one in found.warnings] == [True] * differs


@pytest.mark.parametrize(
    ("tags", "view", "reason"),
    [
        ({"ViewPosition": "LL"}, "lateral", "ViewPosition is LL"),
        ({"ViewPosition": "LATERAL"}, "lateral", "ViewPosition is LATERAL"),
        ({"PatientOrientation": ["A", "F"]}, "lateral", "PatientOrientation runs from chest to back"),
        ({"ViewPosition": "RAO"}, "RAO", "an oblique view"),
        ({"BodyPartExamined": "HAND"}, "PA", "no chest film: its BodyPartExamined is HAND"),
        ({"Modality": "MR"}, "PA", "no radiograph: its Modality is MR"),
        ({"ViewPosition": "LLD"}, "LLD", None),
        ({"ViewPosition": ""}, "", None),
        ({"ViewPosition": "AP", "BodyPartExamined": "CHEST PORT"}, "AP", None),
        ({"BodyPartExamined": ""}, "PA", None),
        ({"BodyPartExamined": "LEFT_HAND"}, "PA", "no chest film: its BodyPartExamined is LEFT HAND"),
        ({"BodyPartExamined": "TORAX"}, "PA", "perhaps no chest film: its BodyPartExamined is TORAX"),
        ({"BodyPartExamined": "", "AnatomicRegionSequence": coded("Knee")}, "PA", "AnatomicRegionSequence is KNEE"),
        ({"AnatomicRegionSequence": coded("Knee")}, "PA", None),
        ({"ViewPosition": "XTABLE LAT"}, "lateral", "ViewPosition is XTABLE LAT"),
        ({"ViewPosition": "AP LLD"}, "AP LLD", None),
        ({"ViewPosition": "AP 4711"}, "AP", None),
        ({"ViewPosition": "LATERAL DECUBITUS"}, "", None),
        ({"ViewPosition": "", "ViewCodeSequence": coded("left lateral")}, "lateral", "ViewCodeSequence is LEFT LAT"),
        ({"ViewPosition": "", "ViewCodeSequence": coded("postero-anterior")}, "", None),
    ],
)
def test_tags_that_speak_against_a_frontal_chest_film(tags: dict[str, object], view: str, reason: str | None) -> None:
    found = read(**tags, **WINDOW)
    assert found.view == view
    assert [reason in one.reason for one in found.findings] == ([True] if reason else [])


def test_a_view_that_is_no_word_is_not_passed_on() -> None:
    found = read(ViewPosition="\x1b[2J", **WINDOW)
    assert found.view == "" and "\x1b" not in str(found)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda uid: uid.keyword)
def test_compressed_films_decode_to_the_same(syntax: pydicom.uid.UID) -> None:
    ds = dicom(TWELVE, **WINDOW)
    ds.compress(syntax)
    assert np.array_equal(read_dicom(saved(ds), "film").grey, read(**WINDOW).grey)


def test_without_a_decoder_the_extra_is_named() -> None:
    ds = dicom(TWELVE)
    ds.compress(RLELossless)
    ds.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    with pytest.raises(InputError, match=r"compressed as JPEG Lossless.*lungseg\[gdcm\]"):
        read_dicom(saved(ds), "film")


@pytest.mark.parametrize(
    ("syntax", "found"),
    [
        ("1.2.840.10008.1.2.4.100", "pixels compressed as MPEG2"),
        ("1.2.3.4.5", "a transfer syntax that DICOM does not have"),
    ],
)
def test_a_syntax_that_no_film_has_is_told(syntax: str, found: str) -> None:
    ds = dicom(TWELVE)
    ds.compress(RLELossless)
    ds.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    with pytest.raises(InputError, match=f"film: found {found}"):
        read_dicom(saved(ds), "film")


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless], ids=lambda uid: uid.keyword)
def test_a_stream_of_another_size_is_refused_before_it_is_decoded(syntax: pydicom.uid.UID) -> None:
    """It may be so large that it fills the memory, or as large and lie askew."""
    for size in ((180, 200), (20, 20)):
        ds = dicom(TWELVE)
        ds.compress(syntax)
        ds.Rows, ds.Columns = size
        with pytest.raises(InputError, match=r"film: found 200 x 180 px in a film that is .* by its tags"):
            read_dicom(saved(ds), "film")
    ds = dicom(TWELVE)
    ds.compress(syntax)
    content = saved(ds)
    with pytest.raises(InputError, match=r"found a DICOM file that ends before its picture does"):
        read_dicom(content[: len(content) // 2], "film")


def test_the_size_of_a_stream() -> None:
    buffer = io.BytesIO()
    Image.fromarray(GREY).save(buffer, format="jpeg", comment=b"\xff\xc0" * 9)
    stream = buffer.getvalue()
    assert coded_size(stream) == coded_size(stream[:2] + b"\xff" * 3 + stream[2:]) == GREY.shape
    assert [coded_size(cut) for cut in (b"", b"RLE", stream[:30], b"\xff\x4f\xff\x51")] == [None] * 4


def test_a_decoder_in_a_process_of_its_own() -> None:
    ds = dicom(TWELVE)
    ds.compress(JPEG2000Lossless)
    assert np.array_equal(apart(saved(ds), "pillow"), TWELVE)
    with pytest.raises(ValueError, match="the decoder pillow ended with"):
        apart(b"no film", "pillow")


@pytest.mark.parametrize("name", ["RG1_UNCR.dcm", "RG1_J2KR.dcm", "RG1_J2KI.dcm"])
def test_a_real_chest_film(name: str) -> None:
    path = Path(get_testdata_file(name))
    found = read_film(path.read_bytes(), path)
    assert (found.grey.shape, found.view, found.turn, found.spacing) == ((1955, 1841), "PA", Turn(), None)
    assert found.findings == () and len(found.warnings) == 1 and "PixelSpacing" in found.warnings[0]
    grey = found.grey
    assert grey[600:900, 400:500].mean() < grey[600:900, 850:950].mean() - 20  # lung darker than spine: MONOCHROME1


def test_a_real_leg_is_refused() -> None:
    path = Path(get_testdata_file("RG3_UNCR.dcm"))
    assert "EXTREMITY" in read_film(path.read_bytes(), path).findings[0].reason


def _files() -> list[Path]:
    folder = Path(pydicom.__file__).parent / "data"
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size < 2**20)


@pytest.mark.parametrize("part", range(4))
def test_none_of_pydicoms_own_files_raises_but_in_words(part: int) -> None:
    read = 0
    for path in _files()[part::4]:
        try:
            found = read_film(path.read_bytes(), path)
            read += 1
            assert found.grey.dtype == np.uint8 and found.grey.ndim == 2
        except InputError as error:
            assert error.found and error.remedy
    assert read > 10


def test_damage_anywhere_raises_in_words() -> None:
    whole = saved(dicom(TWELVE, PixelSpacing=[0.1, 0.1], PatientOrientation=["L", "F"], **WINDOW))
    rng = random.Random(0)  # noqa: S311
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            content[rng.randrange(len(content) - len(TWELVE.tobytes()) + 40)] = rng.randrange(256)
        cut = len(content) if rng.random() < 0.5 else rng.randrange(len(content))
        try:
            read_film(bytes(content[:cut]), Path("film.dcm"))
        except InputError as error:
            assert error.found


def test_a_damaged_tag_loses_no_film() -> None:
    content = saved(dicom(TWELVE, PixelSpacing=[0.5, 0.5], **WINDOW))
    assert read_dicom(content, "film").spacing is not None
    damaged = content.replace(b"0.5\\0.5", b"x.5\\0.5")
    assert damaged != content
    found = read_dicom(damaged, "film")
    assert near(found) and found.spacing is None


def test_a_tag_that_raises_is_a_tag_that_is_missing() -> None:
    class Broken:
        def get(self, name: str) -> object:
            raise ValueError(name)

    assert tag(Broken(), "Rows") is None and text(Broken(), "Rows") == "" and number(Broken(), "Rows", 3) == 3


def test_deflated_bombs_are_refused_before_they_are_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    from lungseg.films import dicom as reading

    ds = dicom(TWELVE, **WINDOW)
    ds.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    content = saved(ds)
    assert near(read_dicom(content, "film"))
    monkeypatch.setattr(reading, "LARGEST", 2**15)
    with pytest.raises(InputError, match="more than 32768 bytes deflated"):
        read_dicom(content, "film")


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ({"NumberOfFrames": 2, "PixelData": TWELVE.tobytes() * 2}, "2 frames"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "PhotometricInterpretation PALETTE COLOR"),
        ({"Rows": 7000}, "7000 x 180 px"),
        ({"PixelData": None}, "without a picture"),
        ({"Rows": None}, "without a picture"),
        ({"PixelData": TWELVE.tobytes()[:-2000]}, "70000 bytes of pixels, expected 72000"),
        ({"PixelData": b"\0" * len(TWELVE.tobytes())}, "one shade alone"),
        ({"PixelRepresentation": None}, "without a number in PixelRepresentation, .* Export the film again"),
        ({"SamplesPerPixel": [1, 1]}, "without a number in SamplesPerPixel"),
        ({"Columns": 0}, "200 x 0 px"),
        ({"BitsStored": 17}, "BitsStored 17 of 16"),
        (
            {"BitsAllocated": 12},
            r"pixels that do not decode \(ValueError\), expected a whole film. Bring the file again.$",
        ),
    ],
)
def test_what_is_no_film_is_told(tags: dict[str, object], found: str) -> None:
    with pytest.raises(InputError, match=f"film: found .*{found}"):
        read(**tags)


def test_without_its_beginning_a_picture_is_read_all_the_same_and_a_text_is_not() -> None:
    content = saved(dicom(TWELVE, **WINDOW))
    start = 144 + int.from_bytes(content[140:144], "little")
    implicit = dicom(TWELVE, **WINDOW)
    assert near(read_film(content[start:], Path("film.dcm"))), implicit
    with pytest.raises(InputError, match="no DICOM file"):
        read_film(b"Dear colleague,\n" * 40, Path("film.dcm"))


def _bare(syntax: pydicom.uid.UID) -> bytes:
    """A film's tags and pixels, as this syntax writes them and without a word of it."""
    ds = dicom(TWELVE, **WINDOW)
    if not syntax.is_little_endian:
        ds.PixelData = TWELVE.astype(">u2").tobytes()
        ds["PixelData"].VR = "OW"
    buffer = io.BytesIO()
    tags = Dataset()
    tags.update({one: ds[one] for one in ds.keys()})  # noqa: SIM118
    pydicom.dcmwrite(buffer, tags, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian)
    return buffer.getvalue()


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_without_its_beginning_bytes_keep_their_order(syntax: pydicom.uid.UID) -> None:
    content = _bare(syntax)
    assert content[128:132] != b"DICM"
    assert np.array_equal(read_film(content, Path("film.dcm")).grey, read(**WINDOW).grey)


def test_compressed_pixels_without_a_syntax_are_told() -> None:
    ds = dicom(TWELVE, **WINDOW)
    ds.compress(RLELossless)
    content = saved(ds)
    start = 144 + int.from_bytes(content[140:144], "little")
    with pytest.raises(InputError, match=r"film.dcm: found compressed pixels without a TransferSyntaxUID"):
        read_film(content[start:], Path("film.dcm"))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("high", [12, 13, 15])
def test_numbers_are_taken_from_the_bits_that_the_file_names(high: int, packed: bool) -> None:
    for plain in (TWELVE, (TWELVE.astype(np.int32) - 2048).astype(np.int16)):
        garbage = np.arange(plain.size).reshape(plain.shape) % 2 ** (high - 11)
        moved = (plain << (high - 11)) | garbage.astype(plain.dtype)
        window = {"WindowCenter": 2048 + int(plain.min()), "WindowWidth": 4096}
        ds = dicom(moved, HighBit=high, **window)
        if packed:
            ds.compress(RLELossless)
        found = read_dicom(saved(ds), "film")
        assert np.array_equal(found.grey, read(plain, **window).grey) and found.warnings == ()


def test_padding_is_said_in_the_stored_bits_wherever_they_lie() -> None:
    signed = TWELVE.astype(np.int32) - 2048
    signed[signed < -1900] = -1900
    signed[:20] = -2000
    ds = dicom(signed.astype(np.int16) << 4, HighBit=15, WindowCenter=-1500, WindowWidth=5000)
    ds.add_new("PixelPaddingValue", "US", 4096 - 2000)
    found = read_dicom(saved(ds), "film").grey
    assert not found[:20].any() and found[60:].any()


def test_a_high_bit_that_cannot_be_is_told_and_not_used() -> None:
    plain = read(**WINDOW).grey
    odd = TWELVE | 1
    for high, told in {15: "numbers of the low 12 bits", 9: "which cannot be", 16: "which cannot be"}.items():
        found = read(odd, HighBit=high, **WINDOW)
        assert np.abs(found.grey.astype(int) - plain).max() <= 1
        (warning,) = found.warnings
        assert warning.startswith(f"HighBit {high} with BitsStored 12") and told in warning
    whole = dicom(TWELVE, HighBit=15, **WINDOW)
    whole.compress(JPEG2000Lossless)
    assert np.array_equal(read_dicom(saved(whole), "film").grey, plain)


def test_nothing_of_the_patient_is_in_a_film() -> None:
    found = read(PixelSpacing=[0, 0], PresentationLUTShape="INVERSE", PatientOrientation=["R", "F"])
    said = str((found.view, found.spacing, found.findings, found.warnings))
    assert not [word for word in SILENT if word in said]
