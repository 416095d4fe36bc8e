"""Streams of chance: one person's never depend on anybody or anything else."""

import re
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trialrun.simulate
from trialrun.simulate.chance import CROWD, Person, exponentials, normals, uniforms

PEOPLE = [Person(1, 0, number) for number in range(50)]


@pytest.mark.parametrize("draw", [normals, uniforms, exponentials])
def test_one_alone_draws_as_in_a_batch(draw: object) -> None:
    together = draw(PEOPLE, "a purpose", 3, 2)  # type: ignore[operator]
    assert together.shape == (50, 3, 2)
    for k in (0, 17, 49):
        np.testing.assert_array_equal(draw([PEOPLE[k]], "a purpose", 3, 2)[0], together[k])  # type: ignore[operator]


@given(st.integers(0, 2**64), st.integers(0, 2**31), st.integers(0, 2**31), st.text(max_size=9))
def test_the_same_words_give_the_same_stream(seed: int, trial: int, number: int, purpose: str) -> None:
    one, two = (Person(seed, trial, number).stream(purpose).random(4) for _ in range(2))
    assert one.tolist() == two.tolist()


def test_every_word_matters() -> None:
    words = [
        (1, 0, 0, "a"),
        (2, 0, 0, "a"),
        (1, 1, 0, "a"),
        (1, 0, 1, "a"),
        (1, 0, 0, "b"),
        (1, 0, CROWD, "a"),
    ]
    words += [(2**32, 0, 0, "a"), (2**32 + 1, 0, 0, "a"), (0, 0, 0, "a"), (0, 1, 0, "a")]
    first = {Person(*where).stream(purpose).random() for *where, purpose in words}
    assert len(first) == len(words)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        Person(-1, 0, 0).stream("a")


def test_draws_have_their_distributions() -> None:
    many = [Person(3, 0, number) for number in range(400)]
    assert normals(many, "z", 10).mean() == pytest.approx(0, abs=0.05)
    assert normals(many, "z", 10).std() == pytest.approx(1, abs=0.05)
    assert uniforms(many, "u", 10).mean() == pytest.approx(0.5, abs=0.02)
    assert exponentials(many, "e", 10).mean() == pytest.approx(1, abs=0.06)


def test_no_two_purposes_share_a_stream() -> None:
    folder = Path(trialrun.simulate.__file__).parent
    found = [
        purpose
        for path in folder.glob("*.py")
        for purpose in re.findall(
            r'(?:normals|uniforms|exponentials)\(people, "([^"]+)"', path.read_text("utf-8")
        )
    ]
    assert len(found) > 20
    assert len(set(found)) == len(found)
    assert len({crc32(purpose.encode()) for purpose in found}) == len(found)
