"""A folder of mixed films: drawn ones in every kind of file, DICOM files with each pitfall, and what is no film."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, CTImageStorage, ExplicitVRLittleEndian, generate_uid

from lungseg.data.phantom import draw
from lungseg.data.reading import Radiograph


def film(number: int = 0, height: int = 200, width: int = 180) -> Radiograph:
    """A drawn film, its mask of the same size."""
    drawn = draw(f"film{number}", np.random.default_rng([7, 100 + number]), abnormal=False)
    image = np.asarray(Image.fromarray(drawn.image).resize((width, height), Image.Resampling.BILINEAR))
    mask = np.asarray(Image.fromarray(drawn.mask).resize((width, height), Image.Resampling.NEAREST))
    return Radiograph(f"film{number}", image, mask, None, False, "")


def dicom(pixels: np.ndarray, bits: int = 12, **tags: object) -> FileDataset:
    """A computed radiograph of a made-up patient; `tags` replace or, as None, remove what it has."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["film"])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    stored = pixels.astype(np.uint16) if pixels.dtype != np.int16 else pixels
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(entropy_srcs=["a"]), generate_uid(entropy_srcs=["b"])
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = "Doe^Jane", "ID-4711", "19600102"
    ds.StudyDate, ds.AccessionNumber, ds.ReferringPhysicianName = "20200304", "ACC-12", "Roe^Richard"
    ds.Modality, ds.BodyPartExamined, ds.ViewPosition = "CR", "CHEST", "PA"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = *stored.shape[:2], 1
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, bits, bits - 1
    ds.PixelRepresentation = int(stored.dtype == np.int16)
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.PixelData = stored.tobytes()
    for name, value in tags.items():
        if value is None:
            delattr(ds, name)
        else:
            setattr(ds, name, value)
    return ds


def saved(ds: FileDataset) -> bytes:
    """Its file."""
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def tiff(pixels: np.ndarray, photometric: int = 1) -> bytes:
    """A grey TIFF file; photometric 0 says that white is zero."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="tiff", tiffinfo={262: photometric})
    return buffer.getvalue()


def raw_tiff(
    pixels: np.ndarray, photometric: int = 1, order: str = "<", big: bool = False, packed: bool = False
) -> bytes:
    """A grey TIFF file written by hand: any type of number, in any order of bytes, in a file of either kind."""
    stored = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    stored = zlib.compress(stored) if packed else stored
    kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    start = 16 if big else 8
    tags = {256: pixels.shape[1], 257: pixels.shape[0], 258: 8 * pixels.itemsize, 259: 8 if packed else 1,
            262: photometric, 273: start, 277: 1, 278: pixels.shape[0], 279: len(stored), 339: kind}  # fmt: skip
    wide, count = ("Q", "Q") if big else ("L", "H")
    entries = b""
    for key, value in tags.items():
        short = key not in (273, 279)
        width = "H" if short else "L"
        entries += struct.pack(f"{order}HH{wide}", key, 3 if short else 4, 1)
        entries += struct.pack(order + width, value).ljust(8 if big else 4, b"\0")
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}H", 43 if big else 42)
    head += struct.pack(f"{order}HHQ", 8, 0, start + len(stored)) if big else struct.pack(f"{order}L", 8 + len(stored))
    return head + stored + struct.pack(order + count, len(tags)) + entries + bytes(8)


def mixed(folder: Path) -> dict[str, str]:
    """Write the folder; name of each film to what should become of it without any limits."""
    grey = film().image
    twelve = grey.astype(np.uint16) * 16
    expected: dict[str, str] = {}

    def put(name: str, content: bytes, status: str) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        expected[str(Path(name).with_suffix(""))] = status

    def picture(kind: str, image: Image.Image, **options: object) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, format=kind, **options)
        return buffer.getvalue()

    put("eight.png", picture("png", Image.fromarray(grey)), "segmented")
    put("sixteen.png", picture("png", Image.fromarray(grey.astype(np.uint16) * 200)), "segmented")
    put("colour.png", picture("png", Image.fromarray(grey).convert("RGB")), "segmented")
    put("alpha.png", picture("png", Image.fromarray(grey).convert("RGBA")), "segmented")
    palette = Image.fromarray(255 - grey)
    palette.putpalette([255 - value // 3 for value in range(3 * 256)])
    put("palette.png", picture("png", palette), "segmented")
    exif = Image.Exif()
    exif[274] = 6
    turned = Image.fromarray(grey).rotate(90, expand=True)
    put("exif.JPG", picture("jpeg", turned, exif=exif, quality=95), "segmented")
    put("scan/white_is_zero.tif", tiff((65535 - grey.astype(np.uint16) * 257).astype(np.uint16), 0), "segmented")
    put("scan/eight.tiff", tiff(grey), "segmented")
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    put("mono2.dcm", saved(dicom(twelve, **window)), "segmented")
    mono1 = {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}
    put("mono1.dcm", saved(dicom(4095 - twelve, ImagerPixelSpacing=[0.5, 0.5], **mono1, **window)), "segmented")
    put("suffixless", saved(dicom(twelve)), "segmented")
    put("zero_spacing.dcm", saved(dicom(twelve, PixelSpacing=[0, 0], **window)), "segmented")
    put("lateral.dcm", saved(dicom(twelve, ViewPosition="LL", **window)), "refused")
    put("hand.dcm", saved(dicom(twelve, BodyPartExamined="HAND", **window)), "refused")
    put("ct.dcm", saved(dicom(twelve, Modality="CT", SOPClassUID=CTImageStorage)), "refused")
    put("text.dcm", b"Dear colleague,\n\nthe film is attached.\n" * 20, "unreadable")
    put("truncated.dcm", saved(dicom(twelve))[:-5000], "unreadable")
    put("truncated.png", picture("png", Image.fromarray(grey))[:4000], "unreadable")
    put("empty.png", b"", "unreadable")
    put("black.png", picture("png", Image.fromarray(np.zeros_like(grey))), "refused")
    put("tiny.png", picture("png", Image.fromarray(grey).resize((32, 32))), "refused")
    (folder / "notes.txt").write_text("no film")
    (folder / ".hidden.png").write_bytes(b"")
    return expected
