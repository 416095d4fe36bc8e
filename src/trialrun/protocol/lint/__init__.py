"""What `check` says of a study that compiles, and the explanation of everything it can say."""

from trialrun.protocol.lint.finding import Finding, lint, report

__all__ = ["Finding", "lint", "report"]
