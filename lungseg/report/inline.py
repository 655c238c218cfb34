"""A figure's svg as a part of a page: its ink, lines and paper take the page's colours, by day and by night."""

import re

# Greys of `lungseg.report.film_figures.STYLE` and of the figures; networks keep their colours.
PAPER, INK, SOFT, LINE, BAND = (f"var(--{name})" for name in ("paper", "ink", "soft", "line", "margin"))
COLOURS = {"#ffffff": PAPER, "#000000": INK, "#262626": INK, "#4c4c4c": INK, "#666666": SOFT, "#cccccc": LINE}
COLOURS["#dedede"] = BAND
# Elements that no figure of matplotlib has, handlers, and addresses outside of the picture.
LIVE = re.compile(
    r"<(?!/?(?:svg|g|defs|path|use|text|tspan|image|clipPath|rect)\b)"
    r'|<[^>]*\s(?:on\w+\s*=|(?:xlink:)?href\s*=\s*(?!"#|"data:image/png;base64,))',
    re.IGNORECASE,
)


def inline(svg: str, stem: str, says: str) -> str:
    """The element svg, without what only a file needs.

    Args:
        svg: A file that matplotlib wrote.
        stem: Put before every id, as two figures in one page share names.
        says: What the figure shows, for who cannot see it.

    Raises:
        ValueError: There is no svg element, it is cut short, or it could run in the page, as matplotlib writes none.
    """
    if "<svg" not in svg or not svg.rstrip().endswith("</svg>"):
        raise ValueError("no picture, or one cut short")
    spared = r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->"
    element = re.sub(spared, "", svg[svg.index("<svg") :], flags=re.DOTALL)
    if LIVE.search(element):
        raise ValueError("what could run in a page")
    element = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{stem}-", element)
    element = re.sub(r"(?<=: )#[0-9a-f]{6}", lambda found: COLOURS.get(found[0], found[0]), element)
    size = re.compile(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', re.DOTALL)
    told = says.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    head = f'<svg viewBox="\\1" role="img" aria-label="{told}" xmlns:xlink="http://www.w3.org/1999/xlink">'
    return size.sub(lambda found: head.replace("\\1", found[1]), element, count=1)
