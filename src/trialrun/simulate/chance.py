"""Where a virtual person's randomness comes from.

Every person has streams of their own, named by what they are for, so that nothing one draws depends
on who else is in the trial, on the order of events or on how the trial is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from trialrun.simulate.model import Array

CROWD = 2**32 - 1  # the number of the stream that belongs to the trial, not to a person


@dataclass(frozen=True)
class Person:
    """One virtual person: the seed of the run, the trial's number and the person's number in it."""

    seed: int
    trial: int
    number: int

    def stream(self, purpose: str) -> np.random.Generator:
        """The person's own generator for one purpose.

        Philox (Salmon et al. 2011, SC11), whose key NumPy's SeedSequence mixes from the seed and, kept
        apart from it, the trial, the number and the purpose. Raises ValueError if one is negative.
        """
        key = (self.trial, self.number, crc32(purpose.encode()))
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(self.seed, spawn_key=key)))


def normals(people: Sequence[Person], purpose: str, *shape: int) -> Array:
    """Standard normals (N, *shape)."""
    return np.stack([person.stream(purpose).standard_normal(shape) for person in people])


def uniforms(people: Sequence[Person], purpose: str, *shape: int) -> Array:
    """Uniforms in [0, 1), (N, *shape)."""
    return np.stack([person.stream(purpose).random(shape) for person in people])


def exponentials(people: Sequence[Person], purpose: str, *shape: int) -> Array:
    """Exponentials of mean 1, (N, *shape)."""
    return np.stack([person.stream(purpose).standard_exponential(shape) for person in people])
