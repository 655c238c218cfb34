"""onnxruntime, told before its first import to report nothing: its packages send events to their maker by default."""

import os
from types import ModuleType

SWITCH = "ORT_DISABLE_TELEMETRY"  # https://github.com/microsoft/onnxruntime/blob/main/docs/Privacy.md


def runtime() -> ModuleType:
    """The module `onnxruntime`. Nothing else in this project may import it: after its import the switch is too late."""
    os.environ[SWITCH] = "1"
    import onnxruntime

    return onnxruntime
