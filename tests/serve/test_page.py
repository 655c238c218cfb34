"""The page of `lungseg serve` in Chromium: films go in, and what `lungseg segment` says and writes comes out."""

import base64
import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, FileChooser, Locator, Page
from pydicom.data import get_testdata_file

from lungseg.films.reading import LARGEST, find
from lungseg.films.seeing import Choices
from lungseg.films.work import Job, segment_all
from lungseg.serve import answers
from tests.own_films import dicom, film, saved
from tests.serve.conftest import Serve, Served
from tests.test_browser import CHROMIUM, DESKTOP, PHONE, browser, no_wider_than_the_screen  # noqa: F401 - a fixture

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
TOLD = re.compile(r"Failed to load resource: .* status of (400|503)\b")  # what a test asks for, and the page tells
PIXELS = """image => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/png").split(",")[1];
}"""


@dataclass(frozen=True)
class Known:
    """Films, and what `lungseg segment` makes of them.

    Args:
        films: Their folder.
        out: Of its results.
        rows: Name to row of films.csv.
    """

    films: Path
    out: Path
    rows: Mapping[str, Mapping[str, str]]


@pytest.fixture(scope="module")
def known(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Known:
    from lungseg.films.networks import of_files

    films, out = (tmp_path_factory.mktemp(name) for name in ("films", "out"))
    Image.fromarray(film().image).save(films / "drawn.png")
    deep = film(1, 1200, 1100).image.astype(np.uint16) * 16
    tags = {"WindowCenter": 2048, "WindowWidth": 4096, "ImagerPixelSpacing": [0.2, 0.3]}
    (films / "wrapped.dcm").write_bytes(saved(dicom(deep, **tags)))
    (films / "side.dcm").write_bytes(saved(dicom(deep, ViewPosition="LL")))
    (films / "real.dcm").write_bytes(Path(str(get_testdata_file("RG3_UNCR.dcm"))).read_bytes())
    (films / "text.dcm").write_text("no film at all")
    list(segment_all(Job(find([films], out), out, of_files(files[:1]), (), Choices(overlay=True))))
    with (out / "films.csv").open(encoding="utf-8", newline="") as stream:
        return Known(films, out, {row["name"]: row for row in csv.DictReader(stream)})


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def tab(request: pytest.FixtureRequest, browser: Browser, served: Served) -> Iterator[Page]:  # noqa: F811
    """The page, opened; at the end there must have been no error, and nothing asked of any other machine."""
    yield from opened(browser, served, request.param)


def opened(browser: Browser, served: Served, size: dict[str, int]) -> Iterator[Page]:  # noqa: F811
    tab = browser.new_page(viewport=size)
    errors: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(served.address)
    tab.wait_for_selector("html[data-ready]")
    yield tab
    tab.close()
    assert [error for error in errors if not TOLD.match(error)] == []
    assert [url for url in asked if not url.startswith((f"{served.address}/", f"blob:{served.address}/"))] == []


def give(tab: Page, *given: Path) -> None:
    """Choose files, and wait until they are looked at."""
    tab.set_input_files("#choose", given)
    done(tab)


def done(tab: Page) -> None:
    tab.wait_for_selector("#films:not([aria-busy])", timeout=60_000)


def card(tab: Page, name: str) -> Locator:
    return tab.locator(".film").filter(has=tab.get_by_role("heading", name=name, exact=True))


def facts(of: Locator) -> dict[str, str]:
    return dict(zip(of.locator("dt").all_inner_texts(), of.locator("dd").all_inner_texts(), strict=True))


def numbers(text: str) -> list[float]:
    words = text.replace(",", "").split()
    return [float(word) for word in words if word.replace(".", "", 1).isdigit()]


def saved_by(tab: Page, of: Locator) -> tuple[str, bytes]:
    with tab.expect_download() as coming:
        of.click()
    return coming.value.suggested_filename, Path(coming.value.path()).read_bytes()


def accessible(tab: Page) -> None:
    found = Axe().run(tab).response["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == []


def test_the_page_says_what_segment_says(tab: Page, known: Known) -> None:
    paths = sorted(known.films.iterdir())
    give(tab, *paths)
    assert tab.locator(".film").count() == len(paths) == 5
    assert {row["status"] for row in known.rows.values()} == {"segmented", "refused", "unreadable"}
    assert {name for name, row in known.rows.items() if row["mask"]} >= {"drawn", "wrapped"}
    for path in paths:
        row, shown = known.rows[path.stem], card(tab, path.name)
        assert shown.locator(".status").inner_text() == row["status"]
        said = " ".join(shown.locator(".why li").all_inner_texts())
        assert all(why in said for why in row["why"].split("; ")) and bool(said) == bool(row["why"])
        assert "; ".join(shown.locator(".warnings li").all_inner_texts()) == row["warnings"]
        assert shown.locator("figure").is_visible() == (row["status"] != "unreadable")
        assert shown.locator(".save a").is_visible() == bool(row["mask"])
        told = facts(shown)
        assert ("Area of both lungs" in told) == bool(row["area_px"])
        if row["mask"]:
            area = [row["area_px"], *([row["area_mm2"]] if row["area_mm2"] else [])]
            assert numbers(told["Area of both lungs"]) == [float(value) for value in area]
            assert numbers(told["Right, left"]) == [float(row["right_px"]), float(row["left_px"])]
            assert numbers(told["Share of the picture"]) == [pytest.approx(float(row["share"]), abs=6e-5)]
            assert numbers(told["Mean probability"]) == [pytest.approx(float(row["probability"]), abs=6e-5)]
            assert numbers(told["Parts"]) == [float(row["parts"])]
            assert numbers(told["Seconds"])[0] >= 0
    assert "mm²" in facts(card(tab, "wrapped.dcm"))["Area of both lungs"]
    assert "not known" in facts(card(tab, "drawn.png"))["Pixel"]
    no_wider_than_the_screen(tab)
    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme)
        accessible(tab)


def test_what_is_saved_are_the_files_of_segment(tab: Page, known: Known) -> None:
    give(tab, *sorted(known.films.iterdir()))
    for name, row in known.rows.items():
        if row["mask"]:
            link = card(tab, f"{name}.png" if name == "drawn" else f"{name}.dcm").locator(".save a")
            assert saved_by(tab, link) == (row["mask"], (known.out / row["mask"]).read_bytes())
    name, content = saved_by(tab, tab.locator("#table"))
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(content.decode(), newline=""))}
    assert name == "films.csv" and list(rows) == sorted(known.rows)
    for name, row in rows.items():
        assert row | {"seconds": ""} == {**known.rows[name], "seconds": ""}


def test_outlines_are_those_of_segment_and_can_be_taken_away(tab: Page, known: Known) -> None:
    give(tab, known.films / "wrapped.dcm")
    image = card(tab, "wrapped.dcm").locator("img")
    with Image.open(known.out / "wrapped.overlay.png") as overlay:
        wanted = np.asarray(overlay)
    assert np.array_equal(pixels(image), wanted) and "outlines" in str(image.get_attribute("alt"))
    tab.get_by_role("checkbox").focus()
    tab.keyboard.press("Space")
    tab.wait_for_timeout(100)
    plain = pixels(image)
    assert (plain == plain[:, :, :1]).all() and not np.array_equal(plain, wanted)
    assert (plain != wanted).any(axis=2).mean() < 0.1


def pixels(image: Locator) -> np.ndarray:
    """What an image shows, red, green, blue."""
    content = base64.b64decode(image.evaluate(PIXELS))
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB"))


def test_without_films_there_is_a_place_to_drop_them(tab: Page) -> None:
    assert tab.get_by_text("Drop films here").is_visible() and not tab.locator("#tools").is_visible()
    assert "No limits were fitted" in tab.locator("#about").inner_text()
    no_wider_than_the_screen(tab)
    accessible(tab)


def test_films_are_chosen_saved_and_forgotten_by_keys_alone(tab: Page, known: Known) -> None:
    choosers: list[FileChooser] = []
    tab.on("filechooser", lambda chooser: choosers.append(chooser))
    tab.keyboard.press("Tab")
    for _ in range(20):  # on a busy machine, a headless Chromium may miss that a key opens its dialogue
        tab.keyboard.press("Space")
        tab.wait_for_timeout(250)
        if choosers:
            break
    assert tab.locator("#drop").evaluate("label => getComputedStyle(label).outlineStyle") == "solid"
    choosers[0].set_files(known.films / "drawn.png")
    done(tab)
    reached = []
    for _ in range(4):
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate("document.activeElement.id || document.activeElement.download"))
    assert reached == ["outlines", "table", "forget", "drawn.png"]
    with tab.expect_download():
        tab.keyboard.press("Enter")
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Enter")
    assert tab.locator(".film").count() == 0 and not tab.locator("#tools").is_visible()
    assert tab.evaluate("document.activeElement.id") == "choose"


def test_films_are_dropped(tab: Page) -> None:
    content = io.BytesIO()
    Image.fromarray(film().image).save(content, format="png")
    make = """text => {
        const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0)), data = new DataTransfer();
        const names = ["dropped.png", "dropped.png", "dropped.dcm", "1.2.840.1", "1.2.840.2"];
        for (const name of names) data.items.add(new File([bytes], name));
        return data;
    }"""
    data = tab.evaluate_handle(make, base64.b64encode(content.getvalue()).decode())
    for event in ("dragover", "drop"):
        tab.dispatch_event("body", event, {"dataTransfer": data})
    done(tab)
    names = ["1.2.840.2", "1.2.840.1", "dropped (3).dcm", "dropped (2).png", "dropped.png"]
    assert tab.locator("h2").all_inner_texts() == names
    saved = tab.locator(".save a").evaluate_all("links => links.map(link => link.download)")
    assert saved == ["1.2.840.2.png", "1.2.840.1.png", "dropped (3).png", *names[3:]]


def test_what_cannot_be_taken_is_told_once_and_the_next_film_is_looked_at(
    tab: Page, known: Known, tmp_path: Path
) -> None:
    with (tmp_path / "huge.dcm").open("wb") as stream:
        stream.truncate(LARGEST + 1)
    (tmp_path / "empty.png").touch()
    give(tab, tmp_path / "huge.dcm", tmp_path / "empty.png", known.films / "text.dcm", known.films / "drawn.png")
    assert "larger than 268435456 bytes" in card(tab, "huge.dcm").locator(".status").inner_text()
    assert "empty" in card(tab, "empty.png").locator(".status").inner_text()
    assert card(tab, "text.dcm").locator(".why li").count() == 1
    assert card(tab, "drawn.png").locator(".status").inner_text() == "segmented"


def test_a_server_that_is_gone_is_told(tab: Page, known: Known) -> None:
    tab.route("**/films?*", lambda route: route.fulfill(status=503, body="Service Unavailable"))
    give(tab, known.films / "drawn.png")
    assert "answered 503" in card(tab, "drawn.png").locator(".status").inner_text()
    tab.unroute("**/films?*")
    give(tab, known.films / "side.dcm")
    assert card(tab, "side.dcm").locator(".status").inner_text() == "refused"


def test_names_are_text(tab: Page, known: Known, tmp_path: Path) -> None:
    name = "<img src=x onerror=document.title=1>.png"
    (tmp_path / name).write_bytes((known.films / "drawn.png").read_bytes())
    give(tab, tmp_path / name)
    assert tab.locator("h2").inner_text() == name and tab.locator(".film img").count() == 1
    assert tab.title() != "1"


def test_the_page_keeps_the_newest_films_alone(
    browser: Browser,  # noqa: F811
    serve: Serve,
    known: Known,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answers, "MOST_FILMS", 2)
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes((known.films / "drawn.png").read_bytes())
    for tab in opened(browser, serve(), DESKTOP):
        give(tab, *(tmp_path / f"{name}.png" for name in "abc"))
        assert tab.locator("h2").all_inner_texts() == ["c.png", "b.png"]
        _, content = saved_by(tab, tab.locator("#table"))
        assert [line.partition(",")[0] for line in content.decode().splitlines()] == ["name", "b", "c"]
