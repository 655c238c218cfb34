"""Archives come whole and of known origin, or not at all."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lungseg.data import archive
from lungseg.data.archive import SUMS, Archive, Obtained, fetch, fetch_all, read_record, read_sums
from lungseg.data.datasets import DATASETS
from lungseg.data.reading import open_archive
from lungseg.errors import InputError
from tests.conftest import write_zip

NAME = "films.zip"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One try per address, half a second of silence, and no proxy before the local server."""
    monkeypatch.setattr(archive, "RETRIES", 0)
    monkeypatch.setattr(archive, "TIMEOUT_SECONDS", 0.5)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    """A whole zip file."""
    return write_zip(tmp_path / "made.zip", {"a.png": bytes(range(256)) * 40}).read_bytes()


@pytest.fixture
def server(content: bytes) -> Iterator[str]:
    """The address of a server whose paths each misbehave in one way."""
    tries: dict[str, int] = {}

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Keep quiet."""

        def head(self, code: int, length: int | None) -> None:
            self.send_response(code)
            if length is not None:
                self.send_header("Content-Length", str(length))
            self.end_headers()

        def do_GET(self) -> None:
            way = self.path.split("/")[1]
            tries[way] = tries.get(way, 0) + 1
            if way == "missing":
                self.head(404, 0)
            elif way in ("wrong", "page"):
                body = content[::-1] if way == "wrong" else b"<html>Please log in</html>"
                self.head(200, len(body))
                self.wfile.write(body)
            elif way == "broken" or (way == "flaky" and tries[way] == 1):
                self.head(200, len(content))
                self.wfile.write(content[: len(content) // 2])
            elif way == "unmeasured":  # breaks off, and never said how long it would be
                self.head(200, None)
                self.wfile.write(content[: len(content) // 2])
            elif way == "silent":
                self.head(200, len(content))
                self.wfile.write(content[:100])
                self.wfile.flush()
                time.sleep(1.0)
            else:
                self.head(200, len(content))
                for start in range(0, len(content), 1000):
                    self.wfile.write(content[start : start + 1000])
                    self.wfile.flush()
                    time.sleep({"slow": 0.02, "crawl": 0.5}.get(way, 0))

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads, http.block_on_close = True, False
        http.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients here hang up
        threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def _known(content: bytes, *urls: str) -> Archive:
    return Archive(NAME, "https://example.org", urls, sha256=hashlib.sha256(content).hexdigest())


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


# From a folder of archives


def _offer(folder: Path, content: bytes, sums: str | None = None) -> Path:
    folder.mkdir()
    (folder / NAME).write_bytes(content)
    if sums is not None:
        (folder / SUMS).write_text(sums, encoding="utf-8")
    return folder


def test_a_vouched_archive_is_copied_and_called_so(tmp_path: Path, content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    offered = _offer(tmp_path / "offered", content, f"{digest}  {NAME}\n")
    obtained = fetch(Archive(NAME, "page", sha256="0" * 64), tmp_path / "raw", offered)
    assert obtained == Obtained(NAME, digest, len(content), "vouched by SHA256SUMS", official=False)
    assert (tmp_path / "raw" / NAME).read_bytes() == content
    assert fetch(_known(content), tmp_path / "raw", offered).official is True
    assert fetch(Archive(NAME, "page"), tmp_path / "raw", offered).official is None


def test_sums_that_do_not_agree_are_told(tmp_path: Path, content: bytes) -> None:
    offered = _offer(tmp_path / "offered", content, f"{'0' * 64}  {NAME}\n")
    with pytest.raises(InputError) as caught:
        fetch(_known(content), tmp_path / "raw", offered)
    message = str(caught.value)
    assert NAME in message and "0" * 64 in message and hashlib.sha256(content).hexdigest() in message
    assert _names(tmp_path / "raw") == set()


def test_without_sums_the_official_hash_decides(tmp_path: Path, content: bytes) -> None:
    offered = _offer(tmp_path / "offered", content)
    assert fetch(_known(content), tmp_path / "a", offered).source == "official"
    md5 = hashlib.md5(content).hexdigest()
    assert fetch(Archive(NAME, "page", md5=md5), tmp_path / "b", offered).official is True
    unverified = fetch(Archive(NAME, "page"), tmp_path / "c", offered)
    assert (unverified.source, unverified.official) == ("unverified", None)
    for other in (Archive(NAME, "page", sha256="0" * 64), Archive(NAME, "page", md5="0" * 32)):
        with pytest.raises(InputError, match=r"found sha256 .* expected the official .*vouch for it"):
            fetch(other, tmp_path / "d", offered)
    assert _names(tmp_path / "d") == set()


def test_sums_of_other_files_leave_the_decision_to_the_official_hash(tmp_path: Path, content: bytes) -> None:
    offered = _offer(tmp_path / "offered", content, f"{'0' * 64}  other.zip\n")
    assert fetch(_known(content), tmp_path / "raw", offered).source == "official"


def test_sums_are_read_as_sha256sum_writes_them(tmp_path: Path) -> None:
    (tmp_path / SUMS).write_text(f"{'a' * 64}  one two.zip\n{'B' * 64} *three.zip\n", encoding="utf-8")
    assert read_sums(tmp_path / SUMS) == {"one two.zip": "a" * 64, "three.zip": "b" * 64}
    (tmp_path / SUMS).write_text(f"{'c' * 64}  four.zip\n", encoding="utf-8-sig")  # as editors of Windows write it
    assert read_sums(tmp_path / SUMS) == {"four.zip": "c" * 64}
    (tmp_path / SUMS).write_text("hello world\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 1"):
        read_sums(tmp_path / SUMS)


def test_names_in_sums_are_those_of_files_wherever_they_lay(tmp_path: Path) -> None:
    one, two, three = (letter * 64 for letter in "abc")
    (tmp_path / SUMS).write_text(
        f"{one}  ./one.zip\n{two} *some/where/two.zip\n{three}  .\\three.zip\n{one}  one.zip\n"
    )
    assert read_sums(tmp_path / SUMS) == {"one.zip": one, "two.zip": two, "three.zip": three}
    (tmp_path / SUMS).write_text(f"{one}  ./one.zip\n{two}  one.zip\n")
    with pytest.raises(InputError, match=r"line 2: found a second hash of one\.zip"):
        read_sums(tmp_path / SUMS)
    (tmp_path / SUMS).write_bytes(f"{one}  ä.zip\n".encode("latin1"))
    with pytest.raises(InputError, match="bytes that are no UTF-8"):
        read_sums(tmp_path / SUMS)


@pytest.mark.parametrize("known", [{"sha256": "0" * 64}, {"md5": "0" * 32}])
def test_a_note_that_claims_more_than_the_publishers_hash_is_not_believed(
    tmp_path: Path, content: bytes, known: dict[str, str]
) -> None:
    archive, raw = Archive(NAME, "page", obtain="Log in.", **known), tmp_path / "raw"  # type: ignore[arg-type]
    raw.mkdir()
    (raw / NAME).write_bytes(content)
    note = Obtained(NAME, hashlib.sha256(content).hexdigest(), len(content), "official", official=True)
    (raw / f"{NAME}.json").write_text(json.dumps(vars(note)))
    with pytest.raises(InputError, match="found no such file"):
        fetch(archive, raw)
    (raw / f"{NAME}.json").write_text(json.dumps(vars(note) | {"source": "vouched by SHA256SUMS"}))
    assert fetch(archive, raw).official is False
    (raw / "archives.json").write_text(json.dumps([vars(note)]))
    (read,) = read_record(raw, (archive,))
    assert read.official is False


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"archive": "x"}]', "[{}]", "\0"])
def test_a_damaged_record_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "archives.json").write_text(text)
    with pytest.raises(InputError, match=r"archives\.json: found .*Delete it and give the command again"):
        read_record(tmp_path, (Archive(NAME, "page"),))


def test_an_archive_that_is_not_the_recorded_one_is_not_read(tmp_path: Path, content: bytes) -> None:
    offered = _offer(tmp_path / "offered", content)
    fetch_all((_known(content),), tmp_path / "raw", offered)
    assert read_record(tmp_path / "raw", (_known(content),), whole=True)[0].official is True
    (tmp_path / "raw" / NAME).write_bytes(content + b"more")
    with pytest.raises(InputError, match=r"expected sha256 .* as .*archives.json says. Fetch it again"):
        read_record(tmp_path / "raw", (_known(content),), whole=True)


def test_what_is_there_is_kept_and_what_changed_is_brought_again(tmp_path: Path, content: bytes) -> None:
    offered, raw = _offer(tmp_path / "offered", content), tmp_path / "raw"
    fetch(_known(content), raw, offered)
    before = (raw / NAME).stat().st_ino
    fetch(_known(content), raw, offered)
    assert (raw / NAME).stat().st_ino == before
    (raw / NAME).write_bytes(content[:-1])
    fetch(_known(content), raw, offered)
    assert (raw / NAME).read_bytes() == content


def test_the_record_lists_every_archive(tmp_path: Path, content: bytes) -> None:
    offered = _offer(tmp_path / "offered", content)
    obtained = fetch_all((_known(content),), tmp_path / "raw", offered)
    assert [Obtained(**entry) for entry in json.loads((tmp_path / "raw/archives.json").read_text())] == obtained
    assert _names(tmp_path / "raw") == {NAME, f"{NAME}.json", "archives.json"}


def test_nothing_to_fetch_is_an_empty_record(tmp_path: Path) -> None:
    assert fetch_all(DATASETS["phantom"].archives, tmp_path / "raw", None) == []
    assert json.loads((tmp_path / "raw/archives.json").read_text()) == []


def test_another_archive_with_the_same_content_serves(tmp_path: Path, content: bytes) -> None:
    offered = _offer(tmp_path / "offered", content)
    wanted = Archive("first.zip", "page", obtain="Log in.", instead=_known(content))
    assert fetch(wanted, tmp_path / "raw", offered).archive == NAME


def test_a_file_where_a_folder_should_be(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "raw").write_bytes(b"")
    with pytest.raises(InputError, match="raw: found a file, expected a folder"):
        fetch(_known(content), tmp_path / "raw", _offer(tmp_path / "offered", content))


# From an address


def test_a_slow_download_arrives_with_its_progress(
    server: str, content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    obtained = fetch(_known(content, f"{server}/slow"), tmp_path)
    assert (tmp_path / NAME).read_bytes() == content
    assert obtained == Obtained(NAME, hashlib.sha256(content).hexdigest(), len(content), "official", official=True)
    assert "100%" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("missing", "404"),
        ("broken", "broke off midway"),
        ("unmeasured", "not a whole zip file"),
        ("silent", "timed out"),
        ("wrong", "not a whole zip file"),
        ("page", "not a whole zip file"),
    ],
)
def test_a_bad_download_leaves_nothing(server: str, content: bytes, tmp_path: Path, way: str, reason: str) -> None:
    raw = tmp_path / "raw"
    for wanted in (_known(content, f"{server}/{way}"), Archive(NAME, "page", (f"{server}/{way}",))):
        with pytest.raises(InputError) as caught:
            fetch(wanted, raw, tmp_path / "archives")
        message = str(caught.value)
        assert f"{server}/{way}" in message and reason in message and str(tmp_path / "archives") in message
        assert _names(raw) == set()


def test_a_whole_zip_of_other_content_leaves_nothing(server: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="another hash"):
        fetch(Archive(NAME, "page", (f"{server}/whole",), sha256="0" * 64), tmp_path / "raw")
    assert _names(tmp_path / "raw") == set()


def test_a_mirror_follows_the_official_address(server: str, content: bytes, tmp_path: Path) -> None:
    obtained = fetch(_known(content, f"{server}/missing", f"{server}/whole"), tmp_path)
    assert (obtained.source, obtained.official) == (f"{server}/whole", True)
    unknown = fetch(Archive("other.zip", "page", (f"{server}/whole",)), tmp_path)
    assert (unknown.source, unknown.official) == ("official", None)


def test_a_broken_transfer_is_tried_again(
    server: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "RETRIES", 1)
    assert fetch(_known(content, f"{server}/flaky"), tmp_path).official is True


def test_a_download_is_kept_without_asking_again(server: str, content: bytes, tmp_path: Path) -> None:
    fetch(Archive(NAME, "page", (f"{server}/whole",)), tmp_path)
    assert fetch(Archive(NAME, "page", (f"{server}/missing",)), tmp_path).source == "official"
    (tmp_path / NAME).write_bytes(content[:-1])
    with pytest.raises(InputError):
        fetch(Archive(NAME, "page", (f"{server}/missing",)), tmp_path)


def test_a_killed_download_leaves_no_file_and_the_next_one_no_trace(
    server: str, content: bytes, tmp_path: Path
) -> None:
    code = (
        "import sys; from pathlib import Path; from lungseg.data.archive import Archive, fetch\n"
        "fetch(Archive(sys.argv[1], 'page', (sys.argv[2],)), Path(sys.argv[3]))"
    )
    raw = tmp_path / "raw"
    process = subprocess.Popen(
        [sys.executable, "-c", code, NAME, f"{server}/crawl", str(raw)],
        cwd=Path(__file__).parents[2],
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while not list(raw.glob(".*.part/*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert _names(raw) == {f".{NAME}.part"}
    (raw / f".{NAME}.4711.part").write_bytes(b"half")  # of a killed copy
    fetch(_known(content), raw, _offer(tmp_path / "offered", content))
    assert _names(raw) == {NAME, f"{NAME}.json"}


def test_without_a_network_one_message_names_addresses_and_the_folder(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    urls = (f"http://127.0.0.1:{port}/a", f"http://127.0.0.1:{port}/b")
    with pytest.raises(InputError) as caught:
        fetch(Archive(NAME, "https://example.org", urls), tmp_path / "raw")
    message = str(caught.value)
    assert all(url in message for url in urls) and "connection refused" in message
    assert "into archives/" in message and "\n" not in message


def test_what_needs_an_account_says_how_to_get_it(tmp_path: Path) -> None:
    for name in ("shenzhen", "jsrt"):
        for wanted in DATASETS[name].archives:
            if wanted.obtain is None or wanted.instead is not None:
                continue
            with pytest.raises(InputError) as caught:
                fetch(wanted, tmp_path / "raw", tmp_path / "archives")
            message = str(caught.value)
            assert wanted.name in message and wanted.page in message and str(tmp_path / "archives") in message


def test_a_full_disk_is_an_error_that_names_the_file(
    server: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive, "_download_zip", full)
    with pytest.raises(OSError, match="No space") as caught:
        fetch(_known(content, f"{server}/whole"), tmp_path / "raw")
    assert caught.value.filename == str(tmp_path / "raw" / NAME) and _names(tmp_path / "raw") == set()


# Reading


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[..., Path]:
    """A function that packs members into a file."""
    return lambda **members: write_zip(tmp_path / NAME, members)


def test_an_archive_that_was_cut_short(zipped: Callable[..., Path]) -> None:
    path = zipped(a=bytes(1000))
    path.write_bytes(path.read_bytes()[:-100])
    with (
        pytest.raises(InputError, match=r"films\.zip: found \d+ bytes that are no whole zip"),
        open_archive(path),
    ):
        pass


def test_an_absent_archive(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lungseg data fetch jsrt"), open_archive(tmp_path / "jsrt" / NAME):
        pass


def test_a_flipped_byte(zipped: Callable[..., Path]) -> None:
    path = zipped(member=b"x" * 1000)
    damaged = bytearray(path.read_bytes())
    damaged[500] ^= 1
    path.write_bytes(damaged)
    with (
        open_archive(path) as file,
        pytest.raises(InputError, match=r"films\.zip, member: found damaged bytes"),
    ):
        file.read("member")


@pytest.mark.parametrize("member", ["../a.png", "a/../../b.png", "/a.png", "C:/a.png", "..\\a.png"])
def test_a_path_that_climbs_out_is_refused(tmp_path: Path, member: str) -> None:
    path = write_zip(tmp_path / NAME, {"good.png": b"", member: b""})
    with pytest.raises(InputError, match="leads out of it"), open_archive(path):
        pass


def test_two_members_for_one_film(tmp_path: Path) -> None:
    path = write_zip(tmp_path / NAME, {"a/F1.png": b"", "b/F1.png": b""})
    with open_archive(path) as file, pytest.raises(InputError, match="two files for F1"):
        file.find(r"(F\d)\.png")


def test_what_a_mac_adds_to_a_zip_is_not_looked_at(tmp_path: Path) -> None:
    path = write_zip(tmp_path / NAME, {"a/F1.png": b"", "__MACOSX/a/._F1.png": b""})
    with open_archive(path) as file:
        assert file.find(r"(F\d)\.png") == {"F1": "a/F1.png"}
