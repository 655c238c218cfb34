"""A figure in a page has the page's colours and ids of its own."""

import re

import pytest
from matplotlib.figure import Figure

from lungseg.report.film_figures import save
from lungseg.report.inline import inline


@pytest.fixture(scope="module")
def svg(tmp_path_factory: pytest.TempPathFactory) -> str:
    stem = tmp_path_factory.mktemp("figure") / "drawn"
    figure = Figure(figsize=(2, 1))
    axes = figure.subplots()
    axes.plot([0, 1], color="#0173b2")
    axes.set_title("Title", color="0.15")
    save(figure, stem, "caption")
    return stem.with_suffix(".svg").read_text()


def test_only_the_element_is_left(svg: str) -> None:
    made = inline(svg, "drawn", 'says "this" & that')
    assert made.startswith('<svg viewBox="0 0 144 72" role="img" aria-label="says &quot;this&quot; &amp; that"')
    assert made.rstrip().endswith("</svg>")
    assert not re.search("<metadata|<style|<[?]xml|DOCTYPE", made)


def test_greys_become_the_page_s_and_networks_keep_their_colour(svg: str) -> None:
    made = inline(svg, "drawn", "")
    assert "#0173b2" in made and "var(--paper)" in made and "var(--ink)" in made
    assert not re.search("#(ffffff|262626|000000)", made)


def test_ids_are_its_own_and_every_reference_leads_to_one(svg: str) -> None:
    one, other = inline(svg, "one", ""), inline(svg, "other", "")
    ids = [set(re.findall(r'\bid="([^"]+)"', made)) for made in (one, other)]
    assert ids[0] and not ids[0] & ids[1]
    assert (
        set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', one))
        and {found for pair in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', one) for found in pair if found} <= ids[0]
    )
