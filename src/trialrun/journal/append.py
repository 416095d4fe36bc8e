"""The one function that appends. Web, API, import, command line and jobs all go through it."""

from __future__ import annotations

from collections.abc import Sequence

from trialrun import __version__
from trialrun.journal.canon import canonical
from trialrun.journal.clock import Clock, SystemClock, written
from trialrun.journal.entry import Draft, Entry, seal
from trialrun.journal.errors import ClockStep, Conflict, KeyReused, WrongClock
from trialrun.journal.store import Head, Store


def append(
    store: Store, clock: Clock, drafts: Sequence[Draft], *, protocol: str, software: str = __version__
) -> list[Entry]:
    """Store all drafts, perhaps on several chains, or none; their entries in the order given.

    A draft whose key is already on its chain with the same content is the same act sent twice: the
    stored entry is returned and nothing is added. `protocol` is the content hash of the protocol in
    force. All drafts of one call carry one time, read once the chains are locked.

    Raises Conflict if a draft expected another length of its chain, KeyReused if its key stands for
    another content, ClockStep if the clock is behind the chain's last entry, WrongClock if a real
    trial gets a clock other than the system's, Unstorable if a value has no canonical text.
    """
    if not store.virtual and not isinstance(clock, SystemClock):
        raise WrongClock("this trial is real: it takes the system's clock only; use a virtual trial to test")
    chains = sorted({draft.chain for draft in drafts})
    with store.lock(chains):
        found = {chain: store.head(chain) for chain in chains}
        heads = dict(found)
        time = written(clock.now())
        added: dict[tuple[str, str], Entry] = {}
        result = []
        for draft in drafts:
            place = draft.chain, draft.key
            entry = added.get(place) or store.find(*place)
            if entry:
                _same(draft, entry)
            else:
                _expected(draft, found[draft.chain])
                entry = _next(draft, heads[draft.chain], time, protocol, software)
                heads[draft.chain] = Head(entry.sequence, entry.hash, entry.time)
                added[place] = entry
            result.append(entry)
        if added:
            store.write(list(added.values()))
    return result


def _next(draft: Draft, head: Head, time: str, protocol: str, software: str) -> Entry:
    if time < head.time:
        raise ClockStep(
            f"the clock says {time}, but {draft.chain} was last written at {head.time}: it was set back; "
            "nothing was stored; set the clock right and try again"
        )
    return seal(
        draft,
        sequence=head.sequence + 1,
        time=time,
        protocol=protocol,
        software=software,
        previous=head.hash,
    )


def _expected(draft: Draft, head: Head) -> None:
    if draft.expected is not None and draft.expected != head.sequence:
        raise Conflict(
            f"{draft.chain} has {head.sequence} entries, not the {draft.expected} that `{draft.act}` was "
            "based on: someone else wrote meanwhile; look again, then repeat"
        )


def _same(draft: Draft, entry: Entry) -> None:
    # As texts: Python holds 1, 1.0 and True equal.
    if canonical(draft.content()) != canonical(entry.content()):
        raise KeyReused(
            f"the key `{draft.key}` already stands for entry {entry.sequence} of {draft.chain} "
            f"(`{entry.act}` by {entry.actor}), whose content differs; give the new act its own key"
        )
