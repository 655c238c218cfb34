"""Whether MLflow's store answers, who writes to it, and where a local one finds its artifacts."""

import fcntl
import logging
import os
import re
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from lungseg.errors import InputError

GOOD = "one that answers and can be written"
REMEDY = "Start it, free it, or name another in MLFLOW_TRACKING_URI."
SECONDS = 5.0  # for an answer
WAIT = 300.0  # seconds for other experiments that bring in theirs


@contextmanager
def told(uri: str) -> Iterator[None]:
    """Tell in one message whatever a store may raise; MLflow's own log would tell it again, with a traceback."""
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # of MLflow, SQLAlchemy, Alembic, requests, the system
        reason = public(" ".join(str(error).split()))[:160]
        raise InputError(f"MLflow's store {public(uri)}", f"{type(error).__name__}: {reason}", GOOD, REMEDY) from error


def public(text: str) -> str:
    """A text without the names and passwords in its addresses, whatever stands in a password."""
    return re.sub(r"://[^/\s]*@", "://", text)


def database_of(uri: str) -> Path | None:
    """The file of a local database; None of any other store."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def reach(uri: str) -> None:
    """See quickly whether a store is there: MLflow tries again and again before it says so.

    Raises:
        InputError: It is in memory, and would be gone with this process.
        OSError: It does not answer, or cannot be written; also sqlite3.Error.
    """
    in_memory = not uri.removeprefix("sqlite:").strip("/") or any(word in uri for word in (":memory:", "mode=memory"))
    if uri.startswith("sqlite:") and in_memory:
        remedy = "Name a file in MLFLOW_TRACKING_URI, such as sqlite:///mlflow.db."
        raise InputError(f"MLflow's store {uri}", "a database in memory, which ends with this process", GOOD, remedy)
    place = urlsplit(uri)
    if place.scheme in ("http", "https") and place.hostname:
        port = place.port or (443 if place.scheme == "https" else 80)
        socket.create_connection((place.hostname, port), timeout=SECONDS).close()
    database = database_of(uri)
    if database is not None and not os.access(database.parent, os.W_OK):
        raise PermissionError(f"{database.parent} cannot be written")
    if database is not None and database.exists():
        with closing(sqlite3.connect(database, timeout=SECONDS)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()


@contextmanager
def alone(uri: str, artifacts: Path) -> Iterator[None]:
    """One process at a time in a local database: two that make its tables at once destroy each other's work.

    Args:
        uri: Of the store.
        artifacts: Folder that holds the lock.
    """
    if database_of(uri) is None:
        yield
        return
    artifacts.mkdir(parents=True, exist_ok=True)
    with (artifacts / ".lock").open("a") as lock:
        until = time.monotonic() + WAIT
        while not _locked(lock):
            if time.monotonic() > until:
                raise TimeoutError(f"another experiment has held it for {WAIT:.0f} s")
            time.sleep(0.2)
        yield


def _locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def beside(database: Path, folder: str) -> None:
    """Let every address of a local database begin beside it: MLflow's are absolute, and a move would break them."""
    absolute = f"%/{folder}"
    with closing(sqlite3.connect(database, timeout=SECONDS)) as connection, connection:
        connection.execute(
            "UPDATE experiments SET artifact_location = ? WHERE artifact_location LIKE ?", (folder, absolute)
        )
        connection.execute(
            "UPDATE runs SET artifact_uri = ? || '/' || run_uuid || '/artifacts' WHERE artifact_uri LIKE ?",
            (folder, f"{absolute}/%"),
        )
