"""Servers on free ports: the command itself, and the application in this process where a test changes it."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lungseg.films.networks import Model
from lungseg.serve.answers import Looking
from lungseg.serve.app import LONGEST, make_app
from lungseg.serve.server import listening, server

Serve = Callable[..., "Served"]


@dataclass(frozen=True)
class Answer:
    """Of a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - whatever it says
        """The body's value."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """A server that listens."""

    port: int
    folder: Path | None = None

    @property
    def address(self) -> str:
        """Without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str | None) -> Answer:
        """Send a request, as the page does unless a header says otherwise; None leaves a header out."""
        sent = {"Host": f"127.0.0.1:{self.port}"} | ({"Origin": self.address} if method == "POST" else {})
        sent |= {} if body is None else {"Content-Length": str(len(body))}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest(method, path, skip_host=True)
        for name, value in (sent | {key.replace("_", "-"): value for key, value in headers.items()}).items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        found = Answer(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
        connection.close()
        return found

    def look(self, content: bytes, name: str) -> Any:  # noqa: ANN401 - of JSON
        """What is answered of a film."""
        answer = self.ask("POST", f"/films?name={name}", content)
        assert answer.status == 200, answer.body
        return answer.json()


@pytest.fixture(scope="session")
def served(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The command, as a person starts it; in the end it must have left nothing and said one line."""
    folder = tmp_path_factory.mktemp("served")
    words = [sys.executable, "-m", "lungseg.cli", "serve", "--model", str(files[0]), "--port", "0"]
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"TMPDIR": str(folder), "PYTHONPATH": root}
    started = subprocess.Popen(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout
    first = started.stdout.readline()
    address = re.search(r"http://127\.0\.0\.1:(\d+) ", first)
    assert address, first
    yield Served(int(address[1]), folder)
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=30)
    assert (started.returncode, out) == (0, "lungseg: ended, no film was kept\n")
    assert err.count("\n") == 1 and "no limits were fitted" in err
    assert list(folder.iterdir()) == []


@contextmanager
def serving(looking: Looking, longest: float) -> Iterator[Served]:
    """The application in a thread."""
    with listening(0) as listener:
        here = server(make_app(looking, longest))
        thread = threading.Thread(target=here.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Served(listener.getsockname()[1])
        finally:
            here.should_exit = True
            thread.join(30)


@pytest.fixture
def serve(model: Model) -> Iterator[Serve]:
    """A function that starts the application in this process."""
    open_ones = []

    def start(longest: float = LONGEST, **bounds: int) -> Served:
        one = serving(Looking(model, (), **bounds), longest)
        open_ones.append(one)
        return one.__enter__()

    yield start
    for one in open_ones:
        one.__exit__(None, None, None)
