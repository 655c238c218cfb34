"""Text from outside on its way into Markdown, LaTeX or a figure: it stays text there.

Names, notes, claims, cells of other people's tables pass one of these where they are put into a document. HTML is
escaped by what makes it (Jinja, great_tables), a spreadsheet's cells by `lungseg.files.write_csv`, what a terminal
shows by `lungseg.terminal`.
"""

import re

from lungseg.terminal import plain

# Beginnings of a line that would be a list, a heading or a rule; brackets that something follows would be a link.
_BEGINNING = re.compile(r"^(\d{0,9})([-+](?=\s|-|$)|#|[.)](?=\s|$))")
_LINK = re.compile(r"\](?=[(\[:]|$)")
_MARKDOWN = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {sign: f"\\{sign}" for sign in "\\`*_|~$"})
_LATEX = str.maketrans({
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "–": "--",
    "—": "---",
    "†": r"\textsuperscript{\dag}",
    "±": r"\ensuremath{\pm}",
    "×": r"\ensuremath{\times}",
    "≤": r"\ensuremath{\leq}",
    "≥": r"\ensuremath{\geq}",
})  # fmt: skip


def one_line(text: object) -> str:
    """A text in one line, every character of it visible."""
    return plain(" ".join(str(text).split()))


def markdown(text: object) -> str:
    """Text for a paragraph or a table's cell: no markup, no HTML, no link but a bare address.

    Args:
        text: As it was given.
    """
    line = one_line(text).translate(_MARKDOWN)
    return _BEGINNING.sub(r"\1\\\2", _LINK.sub(r"\\]", line))


def latex(text: object) -> str:
    """Text for any place outside of mathematics: no command, no change of mode.

    Args:
        text: As it was given.
    """
    return one_line(text).translate(_LATEX)


def drawn(text: object) -> str:
    """Text for a figure of matplotlib, which would read what stands between two dollar signs as mathematics.

    Args:
        text: As it was given.
    """
    line = one_line(text).replace("$", r"\$")
    return f" {line}" if line.startswith("_") else line  # a legend leaves out what begins with an underscore
