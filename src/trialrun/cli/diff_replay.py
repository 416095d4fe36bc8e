"""The part of `trialrun diff` that tells what would have been judged otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from trialrun.cli.diff_words import WORDS
from trialrun.protocol.change_words import both
from trialrun.protocol.protocol import Protocol
from trialrun.record.rejudge import Differing, Rejudged
from trialrun.record.transcript import WHY, misfit_words


def print_replay(out: Console, before: Protocol, after: Protocol, found: Rejudged, language: str) -> None:
    """What was looked at, what would differ and why, and what has no place in the new protocol."""
    words = WORDS[language]
    out.print(Text(f"\n{words['replay']}", style="bold"))
    kinds = ", ".join(f"{count} {words[f'{kind}.many']}" for kind, count in found.judged.items())
    looked = words["looked"].format(n=sum(found.judged.values()), people=found.participants, kinds=kinds)
    stages = ", ".join(f"{count} {words[stage]}" for stage, count in found.stages.items())
    out.print(looked, words["stages"].format(stages=stages), style="dim")
    if not found.differing:
        out.print(words["none"])
    else:
        out.print(words["history"], style="dim")
        out.print(f"\n{words['differ'].format(n=len(found.differing))}\n")
        out.print(_table(before, found.differing, language))
    if found.misfits:
        out.print(f"\n{words['misfits']}")
        for (what, why), count in sorted(found.misfits.items()):
            said = misfit_words((after, before), what)(language)
            line = words["misfit"].format(what=said, why=both(WHY[why])(language), n=count)
            out.print(Padding(line, (0, 0, 0, 2)))


def _table(before: Protocol, differing: Sequence[Differing], language: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, expand=True)
    columns = WORDS[language]["columns"].split("|")
    for name, ratio in zip(columns, (None, None, 3, 4, 6), strict=True):
        table.add_column(name, ratio=ratio, no_wrap=ratio is None, header_style="dim")
    for row in _rows(before, differing, language):
        table.add_row(*row)
    return table


def _rows(before: Protocol, differing: Sequence[Differing], language: str) -> Iterator[tuple[Any, ...]]:
    """A row for each judgement; doses that differ for the very same reason together."""
    words, together = WORDS[language], _together(differing)
    for group in together:
        first, dates = group[0], sorted(one.date for one in group)
        people = list(dict.fromkeys(one.subject for one in group))
        who = people[0] if len(people) == 1 else words["several"].format(n=len(people))
        when = dates[0] if dates[0] == dates[-1] else f"{dates[0]} …"
        what = _what(before, first, language)
        if len(group) > 1:
            what = words["doses"].format(n=len(group))
        change = Text(f"{first.old(language)} → {first.new(language)}")
        yield who, when, what, change, "; ".join(first.because)


def _together(differing: Sequence[Differing]) -> list[list[Differing]]:
    groups: dict[Any, list[Differing]] = {}
    for one in differing:
        alike = (one.old, one.new, one.because) if one.asked == "dose" and one.because else id(one)
        groups.setdefault(alike, []).append(one)
    return sorted(groups.values(), key=lambda group: (group[0].subject, group[0].date))


def _what(before: Protocol, one: Differing, language: str) -> str:
    kind = WORDS[language][one.asked]
    if one.asked == "decision" and one.name in before.decisions:
        return f"{kind} «{before.decisions[one.name].title(language)}»"
    return f"{kind} {one.name}" if one.asked == "dose" else kind
