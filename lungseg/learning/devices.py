"""Which GPU of this machine a training takes, so that several that run side by side share the cards out.

What a process takes of a card stands in a file that the process keeps locked; a lock ends with its process, however
that ends. Cards go by their UUID: processes that see different cards (CUDA_VISIBLE_DEVICES) agree on them.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

LOOK = 1.0  # seconds between two looks for room


@dataclass(frozen=True)
class Card:
    """A GPU.

    Args:
        index: Its place among those that this process sees.
        uuid: Its name, the same for all processes.
        memory: Bytes.
    """

    index: int
    uuid: str
    memory: int


@dataclass(frozen=True)
class Claim:
    """A part of a card that is this process's until `release`, or the process's end.

    Args:
        card: Which.
        need: Bytes of it.
        descriptor: Of the locked file.
        path: The file.
    """

    card: Card
    need: int
    descriptor: int
    path: Path

    def release(self) -> None:
        """Leave the card to others."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


def count() -> int:
    """How many GPUs CUDA_VISIBLE_DEVICES leaves of those that nvidia-smi knows; 0 where it is missing."""
    if shutil.which("nvidia-smi") is None:
        return 0
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    told = subprocess.run(command, capture_output=True, text=True)
    known = told.stdout.split() if told.returncode == 0 else []
    if (chosen := os.environ.get("CUDA_VISIBLE_DEVICES")) is None:
        return len(known)
    # CUDA takes places and the beginnings of UUIDs, and stops at the first that it does not know.
    return len(list(takewhile(lambda name: _names_one(name, known), map(str.strip, chosen.split(",")))))


def _names_one(name: str, known: Sequence[str]) -> bool:
    if name.isdecimal():
        return int(name) < len(known)
    if name.startswith("MIG-"):  # a part of a card; nvidia-smi lists whole ones here
        return bool(known)
    return name.startswith("GPU-") and any(uuid.startswith(name) for uuid in known)


def claim(cards: Sequence[Card], need: int, folder: Path | None = None) -> Claim:
    """Take a part of the card with the fewest claims on it; wait until one has room.

    A card has room when all claims on it and this one are not more than its memory, or when nobody is on it.

    Args:
        cards: That this process sees; at least one.
        need: Bytes.
        folder: Where claims lie; one for all processes of a user on this machine unless given.
    """
    place = folder or Path(tempfile.gettempdir()) / f"lungseg-cards-{os.getuid()}"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (taken := _try(cards, need, place)) is not None:
        return taken
    print(f"waiting for a GPU: none of {len(cards)} has room for {need / 1e9:.1f} GB more", file=sys.stderr, flush=True)
    while (taken := _try(cards, need, place)) is None:
        time.sleep(LOOK)
    return taken


def _try(cards: Sequence[Card], need: int, place: Path) -> Claim | None:
    """Take a part of the card with the fewest claims, of two alike the emptier one; None where none has room."""
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        held = {card: _held(place / card.uuid) for card in cards}
        room = [card for card in cards if not held[card] or sum(held[card]) + need <= card.memory]
        if not room:
            return None
        card = min(room, key=lambda card: (len(held[card]), sum(held[card]) / card.memory))
        return _take(card, need, place / card.uuid)


def _held(folder: Path) -> list[int]:
    """Bytes of each claim on a card whose process lives; the others are removed.

    Who leaves a card asks nobody: a claim may go at any moment.
    """
    needs = []
    for path in sorted(folder.glob("*.claim")):
        with suppress(FileNotFoundError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                needs.append(int(file.read()))
            else:
                path.unlink()
    return needs


def _take(card: Card, need: int, folder: Path) -> Claim:
    folder.mkdir(exist_ok=True)
    descriptor, name = tempfile.mkstemp(suffix=".claim", dir=folder)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.write(descriptor, str(need).encode())
    return Claim(card, need, descriptor, Path(name))


_own: list[Claim] = []  # this process's; its descriptor is open, and so locked, until the process ends


def own(cards: Sequence[Card], need: int) -> Card:
    """The card of this process: claimed at the first call, and again when more of it is needed."""
    if _own and _own[0].need >= need:
        return _own[0].card
    while _own:
        _own.pop().release()
    _own.append(claim(cards, need))
    return _own[0].card
