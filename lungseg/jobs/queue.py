"""Jobs that a killed Snakemake left in Slurm: they go on without it, and must not be submitted a second time.

All jobs of one Snakemake bear one name in Slurm. It is kept beside the files of `at_work`, so that the next Snakemake
can ask for them, from whatever host of the cluster.
"""

import shutil
import subprocess
from pathlib import Path

from lungseg.errors import InputError, one_line
from lungseg.files import replacing

NAME = "queue"
SECONDS = 60  # for an answer


def is_here() -> bool:
    """Whether Slurm can be asked from this machine."""
    return shutil.which("squeue") is not None


def refuse_left(folder: Path) -> None:
    """Before the first job: none that another Snakemake submitted waits or runs. Without Slurm nothing is asked.

    Args:
        folder: For the files of this experiment.

    Raises:
        InputError: Some of them are there still, or Slurm does not answer.
    """
    file = folder / NAME
    if not file.is_file() or not is_here() or not (left := _queued(file.read_text(encoding="utf-8"))):
        return
    found = f"{len(left)} of its jobs in Slurm's queue ({', '.join(left)})"
    remedy = (
        f"If the Snakemake that submitted them was killed, wait until they have ended, or end them with "
        f"`scancel {' '.join(left)}` (a training leaves a checkpoint). Then give the same command again."
    )
    raise InputError(f"experiment {folder.name}", found, "none, so that no job runs twice", remedy)


def remember(folder: Path, name: str | None) -> None:
    """Keep the name that the jobs of this Snakemake will bear; None where they bear none."""
    if name:
        with replacing(folder / NAME) as part:
            part.write_text(name, encoding="utf-8")


def _queued(name: str) -> list[str]:
    """Numbers of this user's jobs of a name that wait or run; `12_3` for a task of an array."""
    command = ["squeue", "--me", "--array", "--noheader", "--format=%i", f"--name={name}"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS)
    except (subprocess.SubprocessError, OSError) as error:
        said = one_line(getattr(error, "stderr", None) or error, 200)
        remedy = "Jobs of an earlier run may still be there. Try again when Slurm answers."
        raise InputError("squeue", said, "the list of your jobs", remedy) from error
    return asked.stdout.split()
