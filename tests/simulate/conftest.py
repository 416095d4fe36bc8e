"""What the tests of the virtual people share: the bundled study, and a batch of them followed to the end."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol
from trialrun.simulate.chance import Person
from trialrun.simulate.ledger import Columns
from trialrun.simulate.site import Site

MONDAY = np.datetime64("2008-03-03", "D")

Batch = Callable[[Sequence[Person]], Site]


def followed(protocol: Protocol, people: Sequence[Person]) -> Site:
    """These people, all screened on one Monday and followed to the end, without stagger."""
    site = Site(protocol, people, Columns(protocol, len(people)))
    site.screen(np.arange(len(people)), MONDAY)
    while not np.isnat(date := site.today()):
        site.day(date)
    return site


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    return load("vascu_il2")


@pytest.fixture(scope="session")
def batch(protocol: Protocol) -> Batch:
    return lambda people: followed(protocol, people)


@pytest.fixture(scope="session")
def site(protocol: Protocol) -> Site:
    """A hundred people at the end of their participation."""
    return followed(protocol, [Person(7, 0, number) for number in range(100)])
