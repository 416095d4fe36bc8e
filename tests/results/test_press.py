"""When documents are printed by processes of their own."""

from __future__ import annotations

import os

import pytest

from trialrun.results.press import MANY, pays


def test_many_outputs_have_processes_of_their_own_where_these_have_processors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert pays(MANY + 1)
    assert not pays(MANY)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert not pays(MANY + 1)
