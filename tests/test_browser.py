"""The report as a person uses it: opened from disk in Chromium, clicked through, read in the dark and on a phone."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, sync_playwright

ROOT = Path(__file__).parents[1]
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}

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


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, results: Path) -> Iterator[Page]:
    """The report, opened; at the end there must have been no error and nothing fetched."""
    tab = browser.new_page(viewport=request.param)
    errors: list[str] = []
    fetched: list[str] = []
    tab.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("request", lambda asked: fetched.append(asked.url))
    tab.goto((results / "report.html").as_uri())
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
        found = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == []
        page.click("#theme")
        if theme == "light":
            assert page.evaluate(paper) != light
    assert page.evaluate(paper) == light


def test_the_open_trail_fits_and_everybody_can_use_it(page: Page) -> None:
    page.locator("button.cell").first.click()
    page.locator("dialog button.seed").first.click()
    page.locator("dialog button.open-film").first.click()
    page.locator("dialog summary").click()
    no_wider_than_the_screen(page)
    found = Axe().run(page, "dialog").response["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == []
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()


def test_claims_are_filtered_by_verdict(page: Page) -> None:
    every = page.locator(".claim").count()
    page.click("[data-verdict=untested]:is(button)")
    shown = page.locator(".claim:visible")
    assert 0 < shown.count() < every
    assert {text.split()[0] for text in shown.locator(".badge").all_inner_texts()} == {"untested"}
    page.click("button[data-verdict='']")
    assert page.locator(".claim:visible").count() == every


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
        expected = films.sort_values(ascending=(metric == "dice"))[:24]
        shown = page.locator(".film")
        assert shown.count() == len(expected)
        assert [value(one) for one in shown.locator(".value").all()] == pytest.approx(expected.to_list(), abs=6e-3)
        assert f"{len(films)} films" in page.locator("#count").inner_text()
        by_name = {one.get_attribute("data-id"): value(one.locator(".value")) for one in shown.all()}
        assert by_name == pytest.approx(films[list(by_name)].to_dict(), abs=6e-3)


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
