import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.journal.anchor import Anchor, anchor, check
from trialrun.journal.canon import canonical, digest
from trialrun.journal.errors import Damaged, Unstorable
from trialrun.journal.memory import MemoryStore
from trialrun.journal.store import Row
from trialrun.journal.verify import verify

_spec = importlib.util.spec_from_file_location("store_contract", Path(__file__).parent / "contract.py")
contract = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(contract)

CHAINS = ["participant:P-001", "participant:P-002", "user:anna"]


def journal(*lengths: int) -> tuple[MemoryStore, Anchor]:
    """Chains of these lengths, one entry of each in turn, an anchor half-way, and one kept outside."""
    store, clock = MemoryStore(), contract.SetClock()
    for number in range(max(lengths)):
        clock.turn(1)
        for chain, length in zip(CHAINS, lengths, strict=False):
            if number < length:
                contract.put(store, contract.draft(chain, f"k{number}", payload={"n": number}), clock=clock)
        if number == max(lengths) // 2:
            anchor(store, clock, key="half", actor="system", role="system", protocol="p")
    return store, anchor(store, clock, key="end", actor="system", role="system", protocol="p")


STORE, OUTSIDE = journal(6, 3, 4)
ROWS = list(STORE.rows())
rows = st.integers(0, len(ROWS) - 1)


def first(findings: list, chain: str) -> int | None:
    return next((each.sequence for each in findings if each.chain == chain), None)


def test_an_untouched_journal_has_no_findings() -> None:
    assert verify(ROWS) == verify(ROWS, [OUTSIDE]) == check(OUTSIDE, STORE) == []
    assert verify([]) == []


@settings(max_examples=200)
@given(rows, st.data())
def test_a_flipped_byte_of_a_text_is_named(index: int, data: st.DataObject) -> None:
    row = ROWS[index]
    place = data.draw(st.integers(0, len(row.text) - 1))
    text = bytearray(row.text)
    text[place] ^= data.draw(st.integers(1, 255))
    tampered = [*ROWS[:index], replace(row, text=bytes(text)), *ROWS[index + 1 :]]
    findings = verify(tampered)
    assert first(findings, row.chain) == row.sequence
    assert {each.chain for each in findings} == {row.chain}


@settings(max_examples=50)
@given(rows, st.integers(0, 63))
def test_a_changed_hash_is_named(index: int, place: int) -> None:
    row = ROWS[index]
    hash = row.hash[:place] + ("0" if row.hash[place] != "0" else "1") + row.hash[place + 1 :]
    [finding] = verify([*ROWS[:index], replace(row, hash=hash), *ROWS[index + 1 :]])
    assert (finding.chain, finding.sequence) == (row.chain, row.sequence)


@settings(max_examples=50)
@given(rows)
def test_a_removed_entry_is_named(index: int) -> None:
    row = ROWS[index]
    findings = verify(ROWS[:index] + ROWS[index + 1 :], [OUTSIDE])
    assert first(findings, row.chain) == row.sequence
    assert {each.chain for each in findings} == {row.chain}


@settings(max_examples=100)
@given(st.data())
def test_two_swapped_entries_of_a_chain_are_named(data: st.DataObject) -> None:
    chain = data.draw(st.sampled_from([*CHAINS, "trial"]))
    places = [index for index, row in enumerate(ROWS) if row.chain == chain]
    one, other = sorted(data.draw(st.lists(st.sampled_from(places), min_size=2, max_size=2, unique=True)))
    swapped = list(ROWS)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    [finding] = verify(swapped)
    assert (finding.chain, finding.sequence) == (chain, ROWS[one].sequence)
    assert "out of order" in finding.wrong

    # Only the contents change places, under the old numbers.
    swapped[one] = replace(ROWS[other], sequence=ROWS[one].sequence)
    swapped[other] = replace(ROWS[one], sequence=ROWS[other].sequence)
    [finding] = verify(swapped)
    assert (finding.chain, finding.sequence) == (chain, ROWS[one].sequence)


@settings(max_examples=50)
@given(st.integers(0, len(ROWS) - 1))
def test_a_cut_tail_shows_against_an_anchor_kept_outside(kept: int) -> None:
    gone = {(row.chain, row.sequence) for row in ROWS[kept:]}
    findings = verify(ROWS[:kept], [OUTSIDE])
    assert {(each.chain, each.sequence) for each in findings} == {
        min(place for place in gone if place[0] == chain) for chain, _ in gone
    }


def test_a_cut_tail_shows_against_the_anchor_in_the_trial_chain() -> None:
    kept = [row for row in ROWS if (row.chain, row.sequence) not in {("user:anna", 3), ("user:anna", 4)}]
    [finding] = verify(kept)
    assert (finding.chain, finding.sequence) == ("user:anna", 3)
    assert finding.wrong.endswith("counted 4 entries, 2 are left")


def test_check_finds_a_lost_tail_and_a_lost_chain_in_a_store() -> None:
    store, outside = journal(4, 2)
    shorter, _ = journal(3)
    found = [(each.chain, each.sequence) for each in check(outside, shorter)]
    assert found == [("participant:P-001", 4), ("participant:P-002", 1), ("trial", 2)]
    assert "rewritten" in check(outside, shorter)[2].wrong
    later = contract.SetClock(contract.START.replace(year=2027))
    contract.put(store, contract.draft(key="later"), clock=later)
    assert check(outside, store) == []


def rewritten(start: int, **change: object) -> list[Row]:
    """ROWS with one entry of the first chain changed, it and all after it hashed anew."""
    result, previous = [], None
    for row in ROWS:
        if row.chain == CHAINS[0] and row.sequence >= start:
            body = row.entry.body() | (change if row.sequence == start else {})
            body |= {"previous": previous} if previous else {}
            text = canonical(body)
            previous = digest(text)
            row = replace(row, text=text.encode(), hash=previous)
        result.append(row)
    return result


@pytest.mark.parametrize("start", [1, 3, 6])
def test_a_chain_rewritten_as_a_whole_shows_against_anchors_only(start: int) -> None:
    forged = rewritten(start, actor="bea")
    assert verify([row for row in forged if row.chain != "trial"]) == []
    [finding] = verify(forged, [OUTSIDE])
    # The anchor in the trial chain saw four entries, the one outside six.
    assert (finding.chain, finding.sequence) == (CHAINS[0], 4 if start <= 4 else 6)
    assert finding.wrong.startswith("rewritten")


def edited(number: int, text: str) -> list[Row]:
    """ROWS with one text of the first chain replaced, and its hash made to fit."""
    return [
        replace(row, text=text.encode(), hash=digest(text))
        if (row.chain, row.sequence) == (CHAINS[0], number)
        else row
        for row in ROWS
    ]


@pytest.mark.parametrize(
    ("edit", "number", "wrong"),
    [
        (lambda body: body | {"previous": "f" * 64}, 2, "link broken"),
        (lambda body: body | {"actor": "bea"}, 3, "link broken"),
        (lambda body: body | {"sequence": 7}, 2, "filed wrongly: its text says entry 7"),
        (lambda body: body | {"chain": "user:bea"}, 2, "filed wrongly"),
        (lambda body: body | {"time": "2020-01-01T00:00:00.000Z"}, 2, "out of order: its time"),
        (lambda body: {"act": "enter"}, 2, "not an entry"),
        (lambda body: body | {"payload": []}, 2, "not an entry"),
        (lambda body: body | {"time": 5}, 2, "not an entry"),
        (lambda body: body | {"actor": None}, 2, "not an entry"),
    ],
)
def test_a_forged_entry_is_named(edit, number: int, wrong: str) -> None:
    body = next(row.entry.body() for row in ROWS if (row.chain, row.sequence) == (CHAINS[0], 2))
    [finding] = [each for each in verify(edited(2, canonical(edit(body)))) if each.chain == CHAINS[0]]
    assert finding.sequence == number
    assert finding.wrong.startswith(wrong)


def test_a_text_that_is_not_canonical_is_named() -> None:
    body = next(row.entry.body() for row in ROWS if (row.chain, row.sequence) == (CHAINS[0], 2))
    for text in (json.dumps(body), canonical(body).replace("{", '{"act":"twice",', 1)):
        [finding] = verify(edited(2, text))
        assert (finding.sequence, finding.wrong[:18]) == (2, "text not canonical")
        assert str(finding).startswith("participant:P-001, entry 2: text not canonical")


def test_a_tampered_row_is_not_read_as_an_entry() -> None:
    with pytest.raises(Damaged, match=r"entry 1 of participant:P-001 was changed .* run `trialrun verify`"):
        _ = replace(ROWS[0], text=ROWS[0].text.replace(b"anna", b"anne")).entry


def test_an_anchor_written_to_a_file_reads_back() -> None:
    assert Anchor.parse(OUTSIDE.text()) == OUTSIDE
    lines = OUTSIDE.text().splitlines()
    assert lines[0] == f"trialrun anchor {OUTSIDE.time}"
    assert [line.split()[1:] for line in lines[1:]] == [
        ["6", "participant:P-001"],
        ["3", "participant:P-002"],
        ["2", "trial"],
        ["4", "user:anna"],
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1: expected `trialrun anchor TIME`"),
        ("something else\n", "line 1"),
        ("trialrun anchor 2026\n" + "0" * 63 + " 1 trial\n", "line 2: expected `hash length chain`"),
        ("trialrun anchor 2026\n" + "0" * 64 + " -1 trial\n", "line 2"),
    ],
)
def test_another_file_is_no_anchor(text: str, fault: str) -> None:
    with pytest.raises(Unstorable, match=fault):
        Anchor.parse(text)


def test_an_anchor_asked_for_twice_is_one() -> None:
    store, outside = journal(2)
    clock = contract.SetClock()
    again = anchor(store, clock, key="end", actor="system", role="system", protocol="p")
    assert again == outside
    assert store.head("trial").sequence == 2


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ([], "lists no chain"),
        ([f"{'a' * 64} 3 user:anna"], "does not list the trial chain"),
        ([f"{'a' * 64} 3 trial", f"{'b' * 64} 3 trial"], "line 3: trial is listed twice"),
        ([f"{'a' * 64} 0 trial"], "line 2: expected"),
        ([f"{'a' * 64} ٣ trial"], "line 2: expected"),
        ([f"{'x' * 64} 3 trial"], "line 2: expected"),
    ],
)
def test_an_anchor_that_proves_nothing_is_refused(lines: list[str], wrong: str) -> None:
    with pytest.raises(Unstorable, match=wrong):
        Anchor.parse("\n".join([f"trialrun anchor {OUTSIDE.time}", *lines]))


def test_a_chain_that_an_anchor_should_have_seen_is_named() -> None:
    heads = {chain: head for chain, head in OUTSIDE.heads.items() if chain != "user:anna"}
    for findings in (verify(ROWS, [Anchor(OUTSIDE.time, heads)]), check(Anchor(OUTSIDE.time, heads), STORE)):
        [finding] = findings
        assert (finding.chain, finding.sequence) == ("user:anna", 1)
        assert "does not list it" in finding.wrong


def test_an_anchor_entry_without_heads_is_named() -> None:
    store, clock = MemoryStore(), contract.SetClock()
    contract.put(store, contract.draft("trial", "a", act="anchor", payload={"heads": [1]}), clock=clock)
    [finding] = verify(store.rows())
    assert (finding.chain, finding.sequence) == ("trial", 1)
    assert "not an anchor" in finding.wrong
