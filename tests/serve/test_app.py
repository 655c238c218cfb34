"""`lungseg serve`: whom it answers, what it takes in, and that it goes on whatever it is given."""

import base64
import http.client
import io
import re
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lungseg.films import networks
from lungseg.films.reading import DICOM, PICTURES
from lungseg.serve import answers, commands, server
from lungseg.serve.answers import LONGEST, named
from lungseg.serve.app import HEADERS, PAGE
from tests.conftest import encoded
from tests.films.test_dicom import SILENT
from tests.films.test_work import HEAVY
from tests.own_films import dicom, film, saved
from tests.serve.conftest import Serve, Served
from tests.workflow import ROOT

Run = Callable[..., int]
FILM = encoded(film().image)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::1]", ""])
def test_another_name_that_leads_here_is_refused(served: Served, host: str) -> None:
    for method, path, body in (("GET", "/", None), ("GET", "/about", None), ("POST", "/films", FILM)):
        answer = served.ask(method, path, body, Host=host, Origin=f"http://{host}")
        assert answer.status == 400 and len(answer.body) < 100, path
    assert served.ask("GET", "/", Host=f"localhost:{served.port}").status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None, "http://127.0.0.1:1", "https://127.0.0.1"])
def test_another_page_cannot_send_films(serve: Serve, monkeypatch: pytest.MonkeyPatch, origin: str | None) -> None:
    looked: list[object] = []
    monkeypatch.setattr(answers, "see", lambda *given: looked.append(given))
    answer = serve().ask("POST", "/films?name=a.png", FILM, Origin=origin)
    assert answer.status == 403 and "page itself" in answer.json()["error"] and not looked


def test_nobody_else_on_the_network_is_answered(served: Served) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", served.port), timeout=5)


def test_every_answer_says_what_a_browser_may_do_with_it(serve: Serve) -> None:
    small = serve(most_bytes=10)
    found = [
        small.ask("GET", "/"),
        small.ask("GET", "/page.js"),
        small.ask("GET", "/about"),
        small.ask("POST", "/films", b"no film"),
        small.ask("GET", "/", Host="evil.example"),
        small.ask("POST", "/films", FILM, Origin="null"),
        small.ask("GET", "/nothing"),
        small.ask("GET", "/../app.py"),
        small.ask("GET", "/%2e%2e/app.py"),
        small.ask("PUT", "/about", b"", Origin=small.address),
        small.ask("POST", "/films", FILM),
    ]
    assert [one.status for one in found] == [200, 200, 200, 200, 400, 403, 404, 404, 404, 405, 413]
    for one in found:
        assert {key: one.headers[key.lower()] for key in HEADERS} == HEADERS and "server" not in one.headers
        assert str(ROOT).encode() not in one.body and b"/net" not in one.body
    assert HEADERS["Content-Security-Policy"].startswith("default-src 'self';")


def test_a_film_that_is_too_large_is_not_taken_in(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    small, looked = serve(most_bytes=1000), []
    monkeypatch.setattr(answers, "see", lambda source, *_: looked.append(source) or 1 / 0)
    told = small.ask("POST", "/films", b"0" * 1001)
    assert told.status == 413 and "larger than 1000 bytes" in told.json()["error"]
    connection = http.client.HTTPConnection("127.0.0.1", small.port, timeout=60)  # says nothing of its length
    chunks = (b"0" * 100 for _ in range(11))
    connection.request("POST", "/films", chunks, {"Origin": small.address}, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()
    assert small.ask("POST", "/films", b"").status == 400 and not looked
    assert answers.Looking.most_bytes == 2**28


def test_a_film_that_does_not_arrive_leaves_the_next_its_turn(serve: Serve) -> None:
    short = serve(longest=0.3)
    slow = http.client.HTTPConnection("127.0.0.1", short.port, timeout=60)
    slow.putrequest("POST", "/films?name=a.png")
    slow.putheader("Origin", short.address)
    slow.putheader("Content-Length", "1000")
    slow.endheaders(b"begun")
    gone = socket.create_connection(("127.0.0.1", short.port))
    gone.sendall(f"POST /films HTTP/1.1\r\nHost: {short.address[7:]}\r\nOrigin: {short.address}\r\n".encode())
    gone.sendall(b"Content-Length: 9\r\n\r\nab")
    gone.close()
    assert slow.getresponse().status == 408
    slow.close()
    assert short.look(FILM, "a.png")["status"] == "segmented"


def test_one_film_at_a_time_and_the_page_answers_meanwhile(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    own, inside, most = answers.see, threading.Semaphore(0), []
    release, at_work = threading.Event(), []

    def slow(*given: object) -> object:
        at_work.append(given)
        most.append(len(at_work))
        inside.release()
        release.wait(30)
        found = own(*given)  # type: ignore[arg-type]
        at_work.pop()
        return found

    monkeypatch.setattr(answers, "see", slow)
    here, found = serve(), {}
    senders = [
        threading.Thread(target=lambda name=name: found.update({name: here.look(FILM, f"{name}.png")}))
        for name in "abc"
    ]
    for sender in senders:
        sender.start()
    assert inside.acquire(timeout=30)
    for _ in range(10):  # meanwhile the others have been sent
        assert here.ask("GET", "/about").status == 200
        time.sleep(0.02)
    release.set()
    for sender in senders:
        sender.join(30)
    assert most == [1, 1, 1]
    assert {name: (row["name"], row["status"]) for name, row in found.items()} == {
        name: (name, "segmented") for name in "abc"
    }


def test_what_is_no_film_is_told_and_the_page_lives_on(served: Served) -> None:
    for content, name in ((b"no film at all", "text.dcm"), (FILM[:-400], "cut.png"), (b"\0" * 200, "zeros")):
        told = served.look(content, name)
        assert (told["status"], told["labels"], told["film"]) == ("unreadable", "", "") and len(told["why"]) == 1
    lateral = served.look(saved(dicom(film().image, ViewPosition="LL")), "side.dcm")
    assert lateral["status"] == "refused" and lateral["film"] and not lateral["labels"] and not lateral["overlay"]
    assert served.look(FILM, "a.png")["status"] == "segmented"


def test_an_error_of_ours_is_for_the_terminal(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = serve()
    with monkeypatch.context() as broken:
        broken.setattr(answers, "see", lambda *_: open("/some/where"))  # noqa: PTH123, SIM115
        answer = here.ask("POST", "/films?name=a.png", FILM)
    assert answer.status == 500 and "error in lungseg" in answer.json()["error"] and b"/some/where" not in answer.body
    assert "FileNotFoundError" in capsys.readouterr().err
    assert here.look(FILM, "a.png")["status"] == "segmented"


def test_names_are_one_visible_line_without_folders() -> None:
    names = {
        "a.b.png": "a.b",
        "1.2.840.113": "1.2.840.113",
        "C:\\films\\x.dcm": "x",
        "../../etc/passwd": "passwd",
        "": "film",
        "/": "film",
        "..": "..",
        "new\nline\x1b[2J.png": "new line\\u001b[2J",
        "a\x00b": "a\\u0000b",
        "right\u202eto left.png": "right\\u202eto left",
    }
    for given, name in names.items():
        assert named(given).name == name and named(given).path.parent == Path()
    assert named("x" * 999 + ".dcm").name == "x" * LONGEST and named("x" * 999 + ".dcm").path.suffix == ".dcm"
    (ending,) = re.findall(r"ENDING = /(.+)/i;", (PAGE / "page.js").read_text())  # which the page takes off, too
    assert set(re.findall(r"\w+", ending.removesuffix("$"))) == {one.removeprefix(".") for one in PICTURES | DICOM}


def test_a_name_is_no_formula_in_the_table(served: Served) -> None:
    assert served.look(FILM, "%3D1%2B1.png")["csv"].startswith("'=1+1,segmented")


def test_words_that_name_the_patient_are_not_answered(served: Served) -> None:
    told = served.look(saved(dicom(film().image.astype(np.uint16) * 16)), "a.dcm")
    assert told["kind"] == "dicom"
    for kind in ("film", "overlay", "labels"):
        with Image.open(io.BytesIO(base64.b64decode(told.pop(kind))), formats=("PNG",)) as picture:
            assert picture.size == (180, 200) and not picture.info
    told.pop("sha256"), told.pop("csv")
    assert not [word for word in SILENT if word in str(told)]


def test_what_a_library_finds_odd_in_a_film_is_not_written_to_the_terminal(
    files: list[Path], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd:
        def run(self, sockets: list[socket.socket]) -> None:
            for module in ("pydicom.valuerep", "highdicom.content", "elsewhere"):
                warnings.warn_explicit(f"a name, says {module}", UserWarning, "x.py", 1, module=module)

    monkeypatch.setattr(server, "server", lambda app: Odd())
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert run("serve", "--port", 0, "--model", files[0]) == 0
    assert [str(one.message) for one in seen] == ["a name, says elsewhere"]


def test_without_a_model_the_message_is_that_of_segment(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(film().image).save(tmp_path / "a.png")
    monkeypatch.setattr(networks.default, "__defaults__", (tmp_path / "models",))
    said = []
    for words in (["segment", tmp_path / "a.png", "--out", tmp_path / "out"], ["serve"]):
        assert run(*words) == 2
        said.append(capsys.readouterr().err)
    assert said[0] == said[1] and said[0].count("\n") == 1 and "found no model" in said[0]


def test_a_taken_port_is_one_message(
    served: Served, files: list[Path], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("serve", "--model", files[0], "--port", served.port) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"lungseg: --port {served.port}: found ") and "Give another" in said


def test_without_its_library_the_message_names_the_extra(files: list[Path], tmp_path: Path) -> None:
    for missing in ("starlette", "uvicorn"):
        code = HEAVY.format(names={missing}, words=["serve", "--model", str(files[0])])
        ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
        assert ended.returncode == 2 and ended.stderr.count("\n") == 1
        assert f"no module {missing}" in ended.stderr and "pip install 'lungseg[serve]'" in ended.stderr


def test_there_is_no_other_host() -> None:
    assert server.HOST == "127.0.0.1" and not [one for one in commands.serve.__annotations__ if "host" in one]
