"""Hashes of big files, computed once and remembered as long as the files stay what they are."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lungseg.files import file_hash, replacing

SETTLED = 2.0  # a file changed less than so many seconds ago may change again without a new time


class Hashes:
    """SHA-256 by file, remembered by size, time of change and inode.

    Args:
        memory: The file that remembers; one that cannot be read is written anew.
    """

    def __init__(self, memory: Path) -> None:
        self.memory, self.waits, self.changed = memory, False, False
        try:
            known = json.loads(memory.read_text(encoding="utf-8"))
            self.known: dict[str, object] = known if isinstance(known, dict) else {}
        except (OSError, ValueError):
            self.known = {}

    def __getitem__(self, path: Path) -> str:
        """The hash of a file as it is now; raises OSError where it cannot be read."""
        about = path.stat()
        sign = [about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino]
        known = self.known.get(key := str(path.absolute()))
        if isinstance(known, list) and known[:-1] == sign:
            return str(known[-1])
        found = file_hash(path)
        if time.time() - max(about.st_mtime, about.st_ctime) > SETTLED:
            self.known[key] = [*sign, found]
            self.changed = True
            self._keep()
        return found

    def of(self, path: Path) -> str:
        """The same as a function."""
        return self[path]

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is computed here is written down once, at the end: files may be thousands."""
        self.waits = True
        try:
            yield
        finally:
            self.waits = False
            self._keep()

    def _keep(self) -> None:
        if self.waits or not self.changed:
            return
        self.changed = False
        try:
            with replacing(self.memory) as part:
                part.write_text(json.dumps(self.known), encoding="utf-8")
        except OSError:
            return  # a folder that cannot be written: it is computed again
