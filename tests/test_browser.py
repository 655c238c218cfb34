"""The report as a person uses it: opened from disk in Chromium, clicked through, read in the dark and on a phone.

The pages are that of the tiny experiment, and those of the results in git made anew: their tables are of several ages.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from lungseg.claims.verdicts import read_claims
from lungseg.report.look import Look
from lungseg.report.page import page as render
from lungseg.report.results import Results
from tests.workflow import MISHRA

ROOT = Path(__file__).parents[1]
CLAIMS = read_claims(ROOT / "workflow/papers/mishra/claims.yaml", MISHRA)
PACKED = re.compile(r'id="packed">([^<]+)<')
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}

# What the page's script does is the same whatever the numbers: a small page and a large one show it.
BEHAVIOUR = pytest.mark.parametrize("results", ["drawn", "cpu"], indirect=True)

# Where numbers lead does not hang on the width.
WIDE = pytest.mark.parametrize("page", [DESKTOP], ids=["desktop"], indirect=True)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(
    scope="module", params=["drawn", *sorted(page.parent.name for page in ROOT.glob("results/*/report.html"))]
)
def results(request: pytest.FixtureRequest) -> Path:
    """The results of the tiny experiment, and those of every real run in git."""
    if request.param == "drawn":
        folder: Path = request.getfixturevalue("project") / "tiny/results"
        return folder
    return ROOT / "results" / request.param


@pytest.fixture(scope="module")
def report(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as the code of today makes it from these results."""
    made = results / "report.html"
    if not results.is_relative_to(ROOT / "results"):
        return made
    packed = PACKED.search(made.read_text(encoding="utf-8"))
    assert packed
    again = tmp_path_factory.mktemp("page") / "report.html"
    template, command = ROOT / "workflow/report", "snakemake --cores all --config archives=FOLDER"
    again.write_text(render(Results(results), MISHRA, template, packed[1], command, 0.95, CLAIMS), encoding="utf-8")
    return again


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Page]:
    """The report, opened; at the end there must have been no error and nothing fetched."""
    tab = browser.new_page(viewport=request.param)
    errors: list[str] = []
    fetched: list[str] = []
    tab.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("request", lambda asked: fetched.append(asked.url))
    tab.goto(report.as_uri())
    tab.wait_for_selector("html[data-ready]")
    yield tab
    assert errors == []
    outside = [url for url in fetched if not url.startswith(("file:", "data:", "blob:"))]
    assert outside == []
    tab.close()


def no_wider_than_the_screen(page: Page) -> None:
    wide = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide[0] <= wide[1]


def value(where: Locator) -> float:
    return float(where.inner_text().replace("–", "nan"))


def test_page_fits_and_everybody_can_use_it_by_day_and_by_night(page: Page) -> None:
    no_wider_than_the_screen(page)
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    for theme in ("light", "dark"):
        if theme == "dark" and page.viewport_size == PHONE:  # the same colours as on a wide screen
            page.click("#theme")
            break
        found = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == []
        page.click("#theme")
        if theme == "light":
            assert page.evaluate(paper) != light
    assert page.evaluate(paper) == light


@BEHAVIOUR
def test_the_open_trail_fits_and_everybody_can_use_it(page: Page) -> None:
    page.locator("button.cell").first.click()
    page.locator("dialog button.seed").first.click()
    page.locator("dialog button.open-film").first.click()
    page.locator("dialog details summary").click()
    no_wider_than_the_screen(page)
    found = Axe().run(page, "dialog").response["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == []
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()


@BEHAVIOUR
def test_claims_are_filtered_by_verdict(page: Page) -> None:
    every, folded = page.locator(".claim").count(), page.locator(".claim:visible").count()
    assert folded == every - page.locator(".cells .claim").count()
    page.click("button[data-verdict=untested]")
    shown = page.locator(".claim:visible")
    assert 0 < shown.count() < every
    assert {text.split()[0] for text in shown.locator(".badge").all_inner_texts()} == {"untested"}
    assert page.locator("#claims-count").inner_text() == f"{shown.count()} of {every} claims."
    page.click("button[data-verdict='']")
    assert page.locator(".claim:visible").count() == folded and page.locator(".claim:not([hidden])").count() == every


@BEHAVIOUR
def test_claims_are_filtered_by_what_would_decide_them_too(page: Page) -> None:
    page.select_option("#verdicts select", "arithmetic alone")
    shown = page.locator(".claim:visible")
    assert shown.count() == 4
    assert {one.get_attribute("data-takes") for one in shown.all()} == {"arithmetic alone"}
    assert not page.locator(".cells").is_visible()
    page.click("button[data-verdict=untested]")
    assert shown.count() == 0


def test_films_are_sorted_and_filtered(page: Page, results: Path) -> None:
    scores = pd.read_csv(results / "scores.csv")
    variant, train_on = (page.locator(f"#filters [name={key}]").input_value() for key in ("variant", "train"))
    own = scores[(scores["variant"] == variant) & (scores["train_on"] == train_on)]
    for metric, order in (("dice", "worst"), ("loss", "worst"), ("iou", "best")):
        page.select_option("#filters [name=metric]", metric)
        page.select_option("#filters [name=order]", order)
        dataset = own["test_on"].iloc[-1]
        page.select_option("#filters [name=dataset]", dataset)
        page.select_option("#filters [name=group]", "1")
        films = own[(own["test_on"] == dataset) & (own["abnormal"] == 1)].groupby("image_id")[metric].mean()
        first = 24 if page.viewport_size == DESKTOP else 8
        expected = films.sort_values(ascending=(metric == "dice"))[:first]
        shown = page.locator(".film")
        assert shown.count() == len(expected)
        assert [value(one) for one in shown.locator(".value").all()] == pytest.approx(expected.to_list(), abs=6e-3)
        assert f"{len(films)} films" in page.locator("#count").inner_text()
        by_name = {one.get_attribute("data-id"): value(one.locator(".value")) for one in shown.all()}
        assert by_name == pytest.approx(films[list(by_name)].to_dict(), abs=6e-3)


@WIDE
def test_ten_random_cells_go_back_to_their_seeds_and_films(page: Page, results: Path) -> None:
    """What the page says of a cell, a seed and a film is what scores.csv says."""
    scores, rng = pd.read_csv(results / "scores.csv"), np.random.default_rng()
    cells = page.locator("button.cell")
    for number in rng.choice(cells.count(), min(10, cells.count()), replace=False):
        cell = cells.nth(int(number))
        data = {key: cell.get_attribute(f"data-{key}") for key in ("variant", "train", "test", "metric")}
        own = scores[(scores["variant"] == data["variant"]) & (scores["train_on"] == data["train"])]
        own = own if data["test"] == "pooled" else own[own["test_on"] == data["test"]]
        metric = str(data["metric"])
        seeds = pd.Series({seed: of_seed(rows, metric) for seed, rows in own.groupby("seed")})
        printed = float(re.match(r"[\d.]+", cell.inner_text().strip()).group())  # type: ignore[union-attr]
        assert printed == pytest.approx(seeds.mean(), abs=6e-4), data
        cell.evaluate("button => button.click()")
        assert value(page.locator("dialog .total")) == pytest.approx(seeds.mean(), abs=6e-5)
        assert [value(one) for one in page.locator("dialog tbody .value").all()] == pytest.approx(
            seeds.to_list(), abs=6e-5
        )
        seed = int(rng.integers(len(seeds)))
        page.locator("dialog button.seed").nth(seed).click()
        films = own[own["seed"] == seeds.index[seed]].set_index("image_id")
        assert page.locator("dialog button.open-film").count() == len(films)
        chosen = page.locator("dialog button.open-film").nth(int(rng.integers(len(films))))
        image_id = chosen.inner_text()
        chosen.click()
        for name in ("dice", "iou", "recall", "precision"):
            found = value(page.locator(f"dialog dd.value[data-metric={name}]"))
            assert found == pytest.approx(films.loc[image_id, name], abs=6e-5)
        facts = page.locator("dialog").inner_text()
        image = (
            pd.read_csv(results / f"images/{films.loc[image_id, 'test_on']}.csv").set_index("image_id").loc[image_id]
        )
        assert image["sha256"] in facts
        assert f"{data['variant']}/{data['train']}/seed{seeds.index[seed]}" in facts
        assert page.locator("dialog .large img").evaluate("image => image.naturalWidth") > 0
        assert page.locator("dialog path.truth").get_attribute("d")
        page.keyboard.press("Escape")


def of_seed(rows: pd.DataFrame, metric: str) -> float:
    """The mean of a seed's films, or a ratio of all their pixels."""
    if not metric.endswith("_pooled"):
        return float(rows[metric].mean())
    t, p, n = rows[["true_positive", "false_positive", "false_negative"]].sum()
    ratios = {"dice": (2 * t, 2 * t + p + n), "iou": (t, t + p + n), "recall": (t, t + n), "precision": (t, t + p)}
    part, whole = ratios[metric.removesuffix("_pooled")]
    return float(part / whole) if whole else 0.0


def test_a_difference_opens_to_the_same_films(page: Page, results: Path) -> None:
    if not page.locator("button.pairs").count():
        pytest.skip("no pairs")
    pair = page.locator("button.pairs").first
    a, b, train = (pair.get_attribute(f"data-{key}") for key in ("a", "b", "train"))
    scores = pd.read_csv(results / "scores.csv")
    films = scores[scores["train_on"] == train].groupby(["variant", "test_on", "image_id"])["dice"].mean()
    pair.click()
    found = value(page.locator("dialog .total"))
    assert found == pytest.approx((films[b] - films[a]).mean(), abs=6e-5)
    assert found == pytest.approx(float(pair.inner_text().split()[0]), abs=6e-5)


@BEHAVIOUR
def test_a_number_has_an_address_and_back_leaves_it(page: Page, browser: Browser) -> None:
    start, dialog = page.url, page.locator("dialog")
    page.locator("button.cell").first.click()
    number, total = page.url, page.locator("dialog .total").inner_text()
    assert number != start and "#cell/" in number
    page.locator("dialog button.seed").first.click()
    seed, heading = page.url, page.locator("#trail-title").inner_text()
    page.locator("dialog button.open-film").first.click()
    assert "#film/" in page.url
    page.go_back()
    assert page.url == seed and page.locator("#trail-title").inner_text() == heading
    page.go_back()
    assert page.locator("dialog .total").inner_text() == total
    page.go_back()
    assert page.url == start and not dialog.is_visible()
    other = browser.new_page()
    other.goto(seed)
    other.wait_for_selector("dialog[open]")
    assert other.locator("#trail-title").inner_text() == heading
    other.locator("dialog button.open-film").first.click()
    other.keyboard.press("Escape")
    other.wait_for_function("!location.hash")
    assert not other.locator("dialog").is_visible()
    other.close()


@BEHAVIOUR
def test_closing_leaves_the_page_as_it_was(page: Page) -> None:
    start = page.url
    number = page.locator("button.cell").first
    number.focus()
    page.keyboard.press("Enter")
    page.locator("dialog button.seed").first.click()
    page.keyboard.press("Escape")
    page.wait_for_function("!location.hash")
    assert page.url == start and not page.locator("dialog").is_visible()
    assert number.evaluate("button => button === document.activeElement")
    page.go_forward()  # closing went back to the page itself: it left no step on which Back would open the number again
    assert "#cell/" in page.url and page.locator("dialog").is_visible()
    page.go_back()
    assert page.url == start and not page.locator("dialog").is_visible()


@BEHAVIOUR
@pytest.mark.parametrize("address", ["#cell/nobody/pooled/pooled/dice", "#film/jsrt", "#seed/%E0%A4%A/x", "#cell/unet"])
def test_an_address_of_nothing_is_told(browser: Browser, report: Path, address: str) -> None:
    tab = browser.new_page()
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(report.as_uri() + address)
    tab.wait_for_selector("html[data-ready]")
    if tab.locator("dialog").is_visible():
        assert tab.locator("#trail-title").inner_text() == "Not in this report"
    assert errors == []
    tab.close()


@BEHAVIOUR
def test_a_claim_has_an_address_that_opens_it(page: Page) -> None:
    claim = page.locator(".cells .claim").last
    address = claim.get_attribute("id")
    page.locator("#table1 a.verdict").first.click()
    assert "#claim-" in page.url
    page.click("button[data-verdict=impossible]")
    page.evaluate("address => { location.hash = address; }", address)
    page.wait_for_function("id => document.getElementById(id).open", arg=address)
    assert claim.locator("p").first.is_visible()


@BEHAVIOUR
def test_focus_goes_to_the_new_heading(page: Page) -> None:
    focused = "document.activeElement.id"
    page.locator("button.cell").first.click()
    for step in ("button.seed", "button.open-film"):
        assert page.evaluate(focused) == "trail-title"
        page.locator(f"dialog {step}").first.click()
    assert page.evaluate(focused) == "trail-title"


@BEHAVIOUR
def test_the_first_key_skips_to_the_answer(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "answer"


@WIDE
def test_pairs_that_were_not_trained_cannot_be_chosen(page: Page, results: Path) -> None:
    scores = pd.read_csv(results / "scores.csv")
    pairs = set(zip(scores["variant"], scores["train_on"], strict=True))
    variant, train = (page.locator(f"#filters [name={name}]") for name in ("variant", "train"))

    def possible(select: Locator) -> set[str]:
        options = "select => [...select.options].filter(one => !one.disabled).map(one => one.value)"
        return set(select.evaluate(options))

    for chosen in sorted(scores["variant"].unique()):
        page.select_option("#filters [name=variant]", chosen)
        assert possible(train) == {place for own, place in pairs if own == chosen}
        for place in sorted(possible(train)):
            page.select_option("#filters [name=train]", place)
            assert variant.input_value() == chosen  # never switched in silence
            assert possible(variant) == {own for own, trained in pairs if trained == place}
        page.select_option("#filters [name=train]", "pooled")


@BEHAVIOUR
def test_print_opens_what_is_folded_and_is_light(page: Page) -> None:
    hidden = page.locator("details:not([open]) > :not(summary)").first
    background = "getComputedStyle(document.documentElement).getPropertyValue('--paper').trim()"
    if page.evaluate("document.documentElement.dataset.theme") == "light":
        page.click("#theme")
    assert page.evaluate(background) != "#fff"
    page.emulate_media(media="print")
    assert page.evaluate(background) == "#fff"
    reasons = page.locator(".claim > p").evaluate_all("parts => parts.map(part => part.checkVisibility())")
    assert len(reasons) >= 2 * 48 and all(reasons)
    assert page.locator("#methods pre").evaluate("part => part.checkVisibility()")
    page.emulate_media(media="screen")
    assert not hidden.evaluate("part => part.checkVisibility({contentVisibilityAuto: true})")
    folded = page.locator("details:not([open])").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert folded and page.locator("details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == folded


def test_a_network_has_one_colour_on_the_page_and_in_its_figures(page: Page, results: Path) -> None:
    config = Results(results).manifest()["config"]
    look = Look.of(MISHRA, config["variants"], config["datasets"], config["train_on"])
    shown = page.locator(".swatch").evaluate_all(
        "dots => dots.map(dot => [dot.dataset.network, getComputedStyle(dot).backgroundColor])"
    )
    assert {variant for variant, _ in shown} == set(config["variants"])
    for variant, colour in shown:
        red, green, blue = (int(look.colour(variant)[i : i + 2], 16) for i in (1, 3, 5))
        assert colour == f"rgb({red}, {green}, {blue})"


@BEHAVIOUR
def test_figures_take_the_colours_of_the_page(page: Page) -> None:
    figure = page.locator("#training .figure svg").first
    ink = figure.evaluate("svg => getComputedStyle(svg).fill")
    assert ink == page.evaluate("getComputedStyle(document.body).color")
    page.click("#theme")
    assert figure.evaluate("svg => getComputedStyle(svg).fill") != ink
    assert "#262626" not in figure.inner_html()
    shown = figure.bounding_box()
    assert shown and shown["width"] >= 0.85 * 864  # on a phone it is scrolled, not shrunk


def test_ids_are_used_once(page: Page) -> None:
    twice = "[...document.querySelectorAll('[id]')].map(one => one.id).filter((id, i, all) => all.indexOf(id) !== i)"
    assert page.evaluate(twice) == []


@BEHAVIOUR
def test_first_screen_of_a_phone_holds_paper_run_and_answer(browser: Browser, report: Path) -> None:
    tab = browser.new_page(viewport=PHONE)
    tab.goto(report.as_uri())
    tops = {part: tab.locator(part).bounding_box() for part in ("nav", "h1", ".run", "#answer li:first-child")}
    assert all(box and box["y"] < 300 for box in tops.values())
    first = tops["#answer li:first-child"]
    assert first and first["y"] + first["height"] < PHONE["height"]
    assert tab.locator("h1").inner_text() == "Does Table 1 of Mishra, Gupta, Tewari hold?"
    answer, band = tab.locator("#answer").bounding_box(), tab.locator(".band").bounding_box()
    assert answer and band and band["y"] > answer["y"] + answer["height"] - 1 and band["height"] < 100
    tab.close()


@BEHAVIOUR
def test_without_a_script_there_is_a_menu_and_a_notice(browser: Browser, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(report.as_uri())
    assert tab.locator("nav a").count() >= 8
    assert "need a script" in tab.locator("#films").inner_text()
    assert not tab.locator("#theme").is_visible() and not tab.locator("#verdicts").is_visible()
    context.close()
