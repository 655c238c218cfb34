"""What a person reads when something they gave us cannot be used."""


class InputError(Exception):
    """Bad input, told in one message: where it is, what was found, what was expected, what to do.

    Args:
        where: The file, archive member or configuration key at fault.
        found: What is there.
        expected: What should be there.
        remedy: What the person can do about it, as a sentence.
    """

    def __init__(self, where: object, found: str, expected: str, remedy: str) -> None:
        super().__init__(where, found, expected, remedy)
        self.where, self.found, self.expected, self.remedy = where, found, expected, remedy

    def __str__(self) -> str:
        return f"{self.where}: found {self.found}, expected {self.expected}. {self.remedy}"
