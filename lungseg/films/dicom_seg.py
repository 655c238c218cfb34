"""Masks as DICOM segmentations, by highdicom."""

import io
from hashlib import sha256
from pathlib import Path

import numpy as np

from lungseg import __version__
from lungseg.errors import InputError
from lungseg.files import replacing
from lungseg.films.lungs import LEFT, RIGHT
from lungseg.films.networks import Model
from lungseg.shapes import UInt8

NEEDED = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate",
          "StudyTime", "ReferringPhysicianName")  # fmt: skip


def write_seg(content: bytes, film: Path, labels: UInt8[np.ndarray, "height width"], path: Path, model: Model) -> None:
    """Write the lungs of a film as a DICOM segmentation of two segments, BINARY, explicit little endian.

    It copies what ties it to its study, as the standard asks: the patient's name, id, sex and birth date, the study's
    ids, dates and physician.

    Args:
        content: The film's DICOM file.
        film: Its name, for messages.
        labels: 0 no lung, 1 right, 2 left, as the film is stored.
        path: File to write.
        model: Whose mask.

    Raises:
        InputError: highdicom is missing, or the film's tags are not enough for it.
    """
    try:
        import highdicom as hd
        from pydicom import dcmread
        from pydicom.sr.codedict import codes
        from pydicom.uid import generate_uid
    except ModuleNotFoundError as error:
        remedy = "pip install 'lungseg[seg]'"
        raise InputError("--dicom-seg", f"no module {error.name}", "highdicom", remedy) from error
    header = dcmread(io.BytesIO(content), stop_before_pixels=True, force=True)
    for name in NEEDED:
        if name not in header:
            setattr(header, name, "")
    if "PixelSpacing" in header:  # with it highdicom 0.28 writes a file that it cannot read
        del header.PixelSpacing
    algorithm = hd.AlgorithmIdentificationSequence(
        model.name[:64], codes.DCM.ArtificialIntelligence, model.version[:64]
    )
    lung = {RIGHT: codes.SCT.Right, LEFT: codes.SCT.Left}
    described = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=f"{side.meaning.lower()} lung",
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Lung,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=algorithm,
            anatomic_regions=None,
        )
        for number, side in lung.items()
    ]
    for number, side in lung.items():
        described[number - 1].SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [
            hd.sr.CodedConcept(side.value, side.scheme_designator, side.meaning)
        ]
    made_of = [sha256(content).hexdigest(), model.sha256]  # the same film and model: the same ids
    try:
        made = hd.seg.Segmentation(
            source_images=[header],
            pixel_array=np.stack([labels == RIGHT, labels == LEFT], axis=-1)[None],
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=described,
            series_instance_uid=generate_uid(entropy_srcs=[*made_of, "series"]),
            series_number=1000,
            sop_instance_uid=generate_uid(entropy_srcs=[*made_of, "instance"]),
            instance_number=1,
            manufacturer="lungseg",
            manufacturer_model_name=model.name[:64],
            software_versions=__version__,
            device_serial_number="0",
            series_description="Lungs",
        )
    except (AttributeError, ValueError, TypeError, KeyError) as error:
        found = f"tags that make no segmentation ({type(error).__name__})"
        raise InputError(film, found, "those of a study, a series and a frame", "Leave --dicom-seg out.") from error
    with replacing(path) as part:
        made.save_as(part)
