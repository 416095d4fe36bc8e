"""Why an FCS file is not read."""

from __future__ import annotations


class FcsError(Exception):
    """A file that cannot be read beyond doubt: which, where in it, why, and what to do about it.

    place: a segment (HEADER, TEXT, DATA), a keyword, or the file as a whole.
    """

    def __init__(self, file: str, place: str, cause: str, cure: str) -> None:
        super().__init__(file, place, cause, cure)
        self.file = file
        self.place = place
        self.cause = cause
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.file}: {self.place}: {self.cause}. {self.cure}"
