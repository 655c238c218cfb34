"""What a person reads when something they gave us cannot be used."""

from lungseg.terminal import plain

MOST = 1000  # characters of what is quoted


class InputError(Exception):
    """Bad input, told in one message: where it is, what was found, what was expected, what to do.

    Args:
        where: The file, archive member or configuration key at fault.
        found: What is there.
        expected: What should be there.
        remedy: What the person can do about it, as a sentence; lines to paste may follow it.
    """

    def __init__(self, where: object, found: str, expected: str, remedy: str) -> None:
        super().__init__(where, found, expected, remedy)
        self.where, self.found, self.expected, self.remedy = where, found, expected, remedy

    def __str__(self) -> str:
        """The message; what it quotes of a file can neither steer a terminal nor fill it."""
        where, found, expected = map(_quoted, (self.where, self.found, self.expected))
        return f"{where}: found {found}, expected {expected}. {plain(self.remedy)}"


def one_line(said: object, most: int = 160) -> str:
    """What a library says of what it cannot use, on one line, shortened where it is long.

    Args:
        said: An error, or its text.
        most: Characters that are kept.
    """
    text = " ".join(str(said).split())
    return text if len(text) <= most else f"{text[:most]}…"


def _quoted(text: object) -> str:
    said = plain(text, kept="\t")
    return said if len(said) <= MOST else f"{said[:MOST]}… ({len(said)} characters)"
