"""Text from outside stays text in the pages: it makes no element, ends no script, and is shown as it was given."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from lungseg.claims.verdicts import COLUMNS
from lungseg.errors import InputError
from lungseg.report.inline import inline
from lungseg.report.page import _figure, page
from lungseg.report.readme import fill, result_block
from lungseg.report.results import Results
from lungseg.report.tables import claims_table, layout, table1, to_html, to_latex, to_markdown
from tests.workflow import MISHRA, ROOT

EVIL = "</script></style></title>--><!-- /cpu --><x-evil onload=alert(1)>\"'{{ 7 * 7 }}${1}"
PAPER = MISHRA.model_copy(
    update={
        "title": EVIL,
        "question": EVIL,
        "networks": {key: f"{name} {EVIL}" for key, name in MISHRA.networks.items()},
        "headline": MISHRA.headline and MISHRA.headline.model_copy(update={"variant_in_words": EVIL}),
    }
)


class Elements(HTMLParser):
    """Names of elements, all attributes, and the text of the scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[str] = []
        self.scripts: list[str] = []
        self.comments: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.names.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        """Note the text of a script."""
        if self.names and self.names[-1] == "script":
            self.scripts[-1] += data

    def handle_comment(self, data: str) -> None:
        """Note a comment."""
        self.comments.append(data)


def _clean(text: str) -> Elements:
    found = Elements(text)
    assert "x-evil" not in found.names and "onload" not in found.attributes and not found.comments
    return found


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Published results whose note, machine, claims and findings are hostile."""
    folder = tmp_path / "results"
    shutil.copytree(ROOT / "results/laptop", folder, ignore=shutil.ignore_patterns("runs", "*.npz", "*.parquet"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["config"]["note"] = EVIL
    manifest["config"]["exclude"] = {"jsrt": {"JPCLN016": EVIL}}
    manifest["hardware"]["processor"] = EVIL
    (folder / "manifest.json").write_text(json.dumps(manifest))
    for name, columns in (("claims", ["says", "source", "why"]), ("audited_tables", ["row", "message", "table"])):
        table = pd.read_csv(folder / f"{name}.csv")
        table[columns] = EVIL
        table.to_csv(folder / f"{name}.csv", index=False)
    return Results(folder)


def test_the_report_holds_no_element_of_others(results: Results) -> None:
    text = page(results, PAPER, ROOT / "workflow/report", "", f"snakemake {EVIL}", 0.95)
    found = _clean(text)
    names = json.loads(next(script for script in found.scripts if script.startswith("{")))
    assert EVIL in names["command"] and EVIL in names["names"]["unet"]
    assert "49" not in names["command"]  # nothing was calculated
    assert text.count("&lt;x-evil") > 10
    assert re.search(r"<summary>Each cell\. Table 1 in \d+ parts: ", text)


def test_table1_holds_no_element_command_or_row_of_others() -> None:
    rows = pd.read_csv(ROOT / "results/laptop/estimates.csv")
    shown = layout(table1(rows, PAPER, "pooled", "pooled", ["dice"]), PAPER)
    html = to_html(shown, f"Caption {EVIL}", f"Note {EVIL}")
    _clean(html)
    note = f"Note {EVIL} | \\input{{/etc/passwd}} $x$"
    tex, md = to_latex(shown, "Caption.", note), to_markdown(shown, "Caption.", note)
    assert r"\input" not in tex and r"\textbackslash{}input" in tex and "$" not in tex.replace(r"\$", "")
    assert "<" not in md and "note |" not in md.lower().replace(r"\|", "")


def test_claims_and_readme_hold_no_markup_of_others(results: Results) -> None:
    claims = pd.DataFrame([dict.fromkeys([*COLUMNS, "says", "takes", "decides", "points"], EVIL)])
    text = claims_table(claims.assign(verdict="untested"), EVIL)
    assert "<" not in text
    block = result_block(results, PAPER, "results/laptop")
    assert "<" not in re.sub(r'<img src="[\w/.]+" width="\d+" alt="[^"<>]*">', "", block)  # the project's own
    readme = "before\n<!-- cpu -->\n<!-- /cpu -->\nafter"
    assert fill(fill(readme, "cpu", block), "cpu", "again") == fill(readme, "cpu", "again")


def test_a_mark_of_the_readme_is_not_written_into_it() -> None:
    from lungseg.errors import InputError

    with pytest.raises(InputError, match="a mark of a place"):
        fill("<!-- cpu -->\n<!-- /cpu -->", "cpu", "text <!-- /cpu --> text")


SVG = '<svg viewBox="0 0 1 1"><metadata><script/></metadata>{}<g id="a"><use xlink:href="#a"/></g></svg>'


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<path onload="alert(1)"/>',
        "<path\nonclick = alert(1)>",
        "<foreignObject/>",
        '<a href="javascript:alert(1)"/>',
        '<use xlink:href="http://example.org#a"/>',
        "<image href=http://example.org/a.png />",
        "<IFRAME/>",
    ],
)
def test_a_drawing_with_more_than_a_drawing_is_not_put_into_the_page(inside: str) -> None:
    with pytest.raises(ValueError, match="could run in a page"):
        inline(SVG.format(inside), "a", "b")
    with pytest.raises(ValueError, match="cut short"):
        inline(SVG.format("")[:-4], "a", "b")
    picture = '<!-- onload=1 --><image xlink:href="data:image/png;base64,AA"/>'
    assert "<image" in inline(SVG.format(picture), "a", "b")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "no picture, or one cut short"),
        (b"<html></html>", "no picture, or one cut short"),
        (SVG.format("").encode()[:60], "no picture, or one cut short"),
        (b"<svg>\xff\xfe</svg>", "bytes that are no text"),
        (SVG.format("<script/>").encode(), "what could run in a page"),
    ],
)
def test_a_damaged_drawing_is_one_message(tmp_path: Path, content: bytes, found: str) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/gains.svg").write_bytes(content)
    with pytest.raises(InputError, match=rf"figures/gains\.svg: found {found}, expected .* Delete it and give"):
        _figure(Results(tmp_path), "gains", "says")
