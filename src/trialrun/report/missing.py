"""A format was asked for whose library is not installed."""

from __future__ import annotations


class Missing(Exception):
    """``format`` needs ``library``, which the extra ``extra`` installs; ``instead``: what works without."""

    def __init__(self, format: str, library: str, extra: str, instead: str = "") -> None:
        super().__init__(format)
        self.format, self.library, self.extra, self.instead = format, library, extra, instead

    def render(self) -> str:
        cure = f"Install it with: pip install 'trialrun[{self.extra}]'"
        said = f"{self.format} is written by {self.library}, which is not installed. {cure}"
        return f"{said}\n{self.instead}" if self.instead else said
