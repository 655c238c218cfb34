"""What came from outside and goes to a terminal or a log: no character in it moves the cursor or hides another."""

import io
import sys
import unicodedata
from types import TracebackType

# Control characters, surrogates (bytes of a file name that are no UTF-8), separators of lines, and what turns the
# direction of writing or has no shape of its own.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain(text: object, kept: str = "\n\t") -> str:
    r"""A text in which every character is seen: `\u001b` stands where the escape character stood.

    Args:
        text: Anything with a text.
        kept: Control characters that stay as they are.
    """
    return "".join(
        character if character in kept or unicodedata.category(character) not in UNSEEN else _name(character)
        for character in str(text)
    )


def _name(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def never_fail() -> None:
    r"""From here on a character that the terminal's encoding lacks is printed as `\xb1`: no line is lost over it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(line: object) -> None:
    """Print a line that may hold what came from outside; it stays one line, whatever a file is called."""
    print(plain(line, kept="\t"))


def interruptible() -> None:
    """From here on Ctrl-C ends the program with one line, also while it imports what takes long."""
    former = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print("lungseg: stopped", file=sys.stderr)
        else:
            former(kind, error, traceback)

    sys.excepthook = tell
