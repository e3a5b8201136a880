"""How much of a record is done at a time: one that concerns very many uploads is done in parts.

A registration may reconcile 100,000 uploads, a tick give up 30,000 originals, or 300 of 0.9 MB each. Each part is
carried out (published, written, in a transaction of its own where there are transactions) before the next is folded, so
what is in memory is bounded, and the event loop gets its turn between two of them. The offset of the record is
acknowledged with the last one. What is left after a crash the batch itself says (:func:`app.core.rules.left`).

**Where a record is cut is a function of the log and the batch alone**: two workers that fold the same log cut it alike,
so a part's row has one meaning. The numbers below are therefore no settings, and belong to the stored format.
"""

from collections.abc import Iterator
from itertools import islice, takewhile
from sys import maxsize
from typing import NamedTuple

from agents.chunk_changes import ChunkChanges
from app.core.acts import Discard, Reopen
from app.core.batch import Batch
from app.core.budget import fits, longest_text
from app.core.events import Content, Event, Policy, Registration, Tick
from app.core.facts import Held
from app.core.rules import next_deadline
from tables.partition_state import PartitionState
from tables.pending import Original


class Bounds(NamedTuple):
    """Of a part: for how many uploads facts are decided (``facts``), and how many bytes their originals may have
    together (``size``). Of all that a chunk's records say before it is carried out: how many bytes (``outputs``).
    """

    facts: int
    size: int
    outputs: int


#: 1,000 expiries take about 50 ms to fold. 8 MiB is what a chunk of the log takes; the outputs of an ordinary one are
#: of the same size, and a batch of 16 MiB may become ready with each record.
BOUNDS = Bounds(1000, 8 * 1024 * 1024, 16 * 1024 * 1024)

#: For folds in memory, where no health check waits and nothing is published.
UNBOUNDED = Bounds(maxsize, maxsize, maxsize)


class Originals:
    """The originals of pending uploads. Those of a part are read once: to see how many fit, then to publish them."""

    def __init__(self, tables: PartitionState) -> None:
        self._tables = tables
        self._read: dict[tuple[str, int], Original | None] = {}

    def take(self, batch_id: str, at: int, changes: ChunkChanges) -> Original | None:
        """The original of the upload at log offset ``at``: that of this chunk's changes, or of the tables, or None."""
        place = batch_id, at
        return self._read.pop(place) if place in self._read else self._load(batch_id, at, changes)

    def most(self, batch: Batch, event: Event, policy: Policy, changes: ChunkChanges, bounds: Bounds) -> int:
        """For how many uploads ``event`` is to be decided at a time: at least one."""
        self._read.clear()
        if bounds is UNBOUNDED or not isinstance(event, Registration | Tick | Discard):
            return bounds.facts
        if isinstance(event, Registration):
            uploads = _refused(batch, event, bounds.facts)
        else:
            uploads = enumerate(islice(_given_up(batch, event, policy), bounds.facts))
        size = 0
        for count, held in uploads:
            original = self._read[batch.batch_id, held.at] = self._load(batch.batch_id, held.at, changes)
            size += 0 if original is None else len(original.value)
            if size > bounds.size and count:
                return count
        return bounds.facts

    def _load(self, batch_id: str, at: int, changes: ChunkChanges) -> Original | None:
        return changes.held(batch_id, at) or self._tables.original(batch_id, at)


def remaining(batch: Batch, event: Event) -> int:
    """How many uploads an event that concerns many has still to do with; it falls from part to part."""
    return len(batch.excess) if isinstance(event, Reopen) else len(batch.pending)


def _refused(batch: Batch, registration: Registration, most: int) -> Iterator[tuple[int, Held]]:
    """The pending contents that a registration refuses, of the first ``most``, each with how many are before it."""
    longest = longest_text(registration)
    if longest is not None:
        for count, held in enumerate(islice(batch.pending.values(), most)):
            if isinstance(held.upload, Content) and not fits(held.upload.text_id, longest):
                yield count, held


def _given_up(batch: Batch, event: Tick | Discard, policy: Policy) -> Iterator[Held]:
    """The pending uploads that an event gives up, in order."""
    pending = iter(batch.pending.values())
    if isinstance(event, Discard):
        return pending
    deadline = next_deadline(batch, policy)
    if batch.registration is not None or deadline is None or deadline > event.time:
        return iter(())
    return takewhile(lambda held: held.time + batch.extension + policy.pending_ttl <= event.time, pending)
