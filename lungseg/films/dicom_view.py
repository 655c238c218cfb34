"""What a DICOM file says of the part of the body, the view, and how the picture lies."""

import re
from typing import TYPE_CHECKING

from lungseg.films.dicom_tags import tag, text
from lungseg.films.film import Finding, Turn

if TYPE_CHECKING:
    from pydicom import Dataset

LATERAL = frozenset({"LL", "RL", "LAT", "LATERAL", "LLO", "RLO", "LMLO", "ML", "LM"})
OBLIQUE = frozenset({"LAO", "RAO", "LPO", "RPO", "OBLIQUE"})
FRONTAL = frozenset({"PA", "AP", "LLD", "RLD", "DECUB", "DECUBITUS"})  # lying on a side is frontal too
RADIOGRAPHS = frozenset({"CR", "DX", "RG", "XR", "DR", "OT", "SC", ""})
CHEST = ("CHEST", "THORAX", "LUNG", "RIB")
# Parts by the words of DICOM (PS3.16, annex L). Others may be a chest in another language, or no part at all.
OTHERS = frozenset({
    "ABDOMEN", "ANKLE", "ARM", "BREAST", "CALCANEUS", "CALF", "CLAVICLE", "COCCYX", "CSPINE", "EAR", "ELBOW",
    "EXTREMITY", "EYE", "FACE", "FEMUR", "FINGER", "FOOT", "FOREARM", "HAND", "HEAD", "HIP", "HUMERUS", "JAW", "KNEE",
    "LEG", "LSPINE", "LSSPINE", "MANDIBLE", "MAXILLA", "NECK", "NOSE", "ORBIT", "PATELLA", "PELVIS", "RADIUS",
    "SACRUM", "SCAPULA", "SHOULDER", "SKULL", "SPINE", "SSPINE", "STERNUM", "THIGH", "THUMB", "TIBIA", "TLSPINE",
    "TOE", "TSPINE", "ULNA", "WHOLEBODY", "WRIST", "ZYGOMA",
})  # fmt: skip
FLIPS = {"L": False, "R": True, "F": False, "H": True}
SURE = "as sure as the file's tag"


def _said(ds: "Dataset", name: str, sequence: str) -> tuple[str, str]:
    """The words of a tag, or of the sequence of codes in its place; before them which of the two says so."""
    said, codes = text(ds, name), tag(ds, sequence)
    if not said and codes:
        name, said = sequence, text(codes[0], "CodeMeaning")
    return name, " ".join(re.findall("[A-Z]+", said))


def view(ds: "Dataset") -> str:
    """`lateral`, or the view that the file names, where it is one of a few words; else nothing."""
    _, said = _said(ds, "ViewPosition", "ViewCodeSequence")
    if _is_lateral(said) or _seen_from_the_side(ds):
        return "lateral"
    return said if set(said.split()) <= FRONTAL | OBLIQUE else ""


def _is_lateral(said: str) -> bool:
    words = set(said.split())
    return bool(words & LATERAL) and not words & FRONTAL


def _seen_from_the_side(ds: "Dataset") -> bool:
    """Whether a row of the picture runs from the chest to the back."""
    directions = tag(ds, "PatientOrientation")
    return bool(directions) and str(directions[0])[:1].upper() in ("A", "P")


def findings(ds: "Dataset") -> list[Finding]:
    """What the tags alone say against a frontal chest film."""
    found = []
    modality = text(ds, "Modality")
    if modality not in RADIOGRAPHS:
        found.append(Finding("refused", f"no radiograph: its Modality is {modality}", SURE))
    name, part = _said(ds, "BodyPartExamined", "AnatomicRegionSequence")
    if part and not any(word in part for word in CHEST):
        if OTHERS.intersection(part.split()):
            found.append(Finding("refused", f"no chest film: its {name} is {part}", SURE))
        else:
            found.append(Finding("doubtful", f"perhaps no chest film: its {name} is {part}", "the word is not known"))
    name, said = _said(ds, "ViewPosition", "ViewCodeSequence")
    if _is_lateral(said):
        found.append(Finding("refused", f"a lateral view: its {name} is {said}", SURE))
    elif _seen_from_the_side(ds):
        found.append(Finding("refused", "a lateral view: its PatientOrientation runs from chest to back", SURE))
    if OBLIQUE.intersection(said.split()):
        found.append(Finding("doubtful", f"an oblique view: its {name} is {said}", SURE))
    return found


def turn(ds: "Dataset", warnings: list[str]) -> Turn:
    """How the picture is brought upright, after PatientOrientation: the directions of a row and of a column.

    Args:
        ds: The tags.
        warnings: Get one line where it is turned, or the tag is no orientation.
    """
    directions = tag(ds, "PatientOrientation") or ()
    directions = [directions] if isinstance(directions, str) else directions
    row, column, *_ = [*(str(one).strip().upper()[:1] for one in directions), "", ""]
    if {row, column} & {"A", "P"} or not (row or column):
        return Turn()
    if row in ("F", "H") and column in ("L", "R"):
        made = Turn(transposed=True, upside_down=FLIPS[row], mirrored=FLIPS[column])
    elif row in ("L", "R") and column in ("F", "H"):
        made = Turn(upside_down=FLIPS[column], mirrored=FLIPS[row])
    else:
        warnings.append("PatientOrientation is no orientation of a frontal film: not used")
        return Turn()
    if made != Turn():
        warnings.append(f"stored with PatientOrientation {row}\\{column}: turned for the network, the mask turned back")
    return made
