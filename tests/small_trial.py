"""A small virtual trial on disk: one participant of the reference study through the first course."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from trialrun.protocol.compile import load
from trialrun.record.person import Person
from trialrun.record.trial import Trial

STATISTICIAN = Person("stat", "Sam Tistik", "statistician")


def walking() -> ModuleType:
    """The walk of the record's tests, by whose name it is imported."""
    if "record_walk" not in sys.modules:
        path = Path(__file__).parent / "record" / "record_walk.py"
        spec = importlib.util.spec_from_file_location("record_walk", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules["record_walk"] = module
        spec.loader.exec_module(module)
    return sys.modules["record_walk"]


def small_trial(folder: Path) -> None:
    """Screened on 3 March 2008, dosed from 17 to 21 March, an event on the last day; the record begins on 1
    March."""
    walk, clock = walking(), walking().SetClock()
    people = (*walk.PEOPLE, STATISTICIAN)
    trial = Trial.create(folder, load("vascu_il2"), virtual=True, clock=clock, seed=7, people=people)
    one = walk.Walk(trial, clock)
    one.first_course()
    one.write("ae", "1", walk.later(4, 2), {**walk.EVENT, "onset": "2008-03-21"})
    trial.close()
