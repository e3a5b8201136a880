"""What a list says of a batch, kept for the large ones, so that a list need not load them whole.

A batch of 100,000 slots takes most of a second to load; a line about it needs a few numbers and three names. The line
is made once, when somebody first asks for it, and follows the batch from then on, at the cost of a look-up a chunk.

* **Exact**: it is followed together with the counts (:meth:`tables.batch_counts.BatchCounts.take`), so it says what is
  committed.
* **Bounded**: 1,000 batches a partition; the one that was asked for least recently goes.
"""

from collections import OrderedDict
from typing import NamedTuple

from app.core.batch import Batch
from app.core.batch_state import State

#: How many of the empty slots are named, and among how many behind the first of them they are looked for. (Contents
#: fill slots from the front, failures from the back: they are next to each other but for slots that were added later.)
NAMED = 3
_WINDOW = 1000

MOST = 1000


class Glance(NamedTuple):
    """A batch in a few values. Times are log times, ms.

    ``since``: from when it has been open, or its oldest upload pending. ``empty`` names the first few slots without an
    outcome; ``front`` is the index of the first of them, behind which the next look begins.
    """

    batch_id: str
    state: State
    slots: int
    filled: int
    failed: int
    pending: int
    since: int | None
    waits_since: int | None
    closed: str | None
    empty: tuple[str, ...]
    front: int
    last: int

    @property
    def missing(self) -> int:
        """How many slots have no outcome."""
        return self.slots - self.filled - self.failed


def glance_of(batch: Batch, front: int = 0) -> Glance:
    """The glance at a batch; of one that was retired at its receipt.

    No slot before ``front`` is empty: a slot that has its outcome keeps it.
    """
    receipt = batch.receipt
    if receipt is not None:
        return Glance(
            batch_id=batch.batch_id,
            state=batch.state,
            slots=receipt.slots,
            filled=receipt.filled,
            failed=receipt.failed,
            pending=0,
            since=receipt.closed_at,
            waits_since=None,
            closed=receipt.how,
            empty=(),
            front=0,
            last=batch.last,
        )
    since: int | None = batch.opened_at if batch.registration is not None else None
    if batch.registration is None and batch.pending:
        since = next(iter(batch.pending.values())).time
    slots = batch.slots
    while front < len(slots) and slots[front] is not None:
        front += 1
    empty = []
    for index in range(front, min(len(slots), front + _WINDOW)):
        if slots[index] is None:
            empty.append(batch.essay_ids[index])
            if len(empty) == NAMED:
                break
    return Glance(
        batch_id=batch.batch_id,
        state=batch.state,
        slots=len(slots),
        filled=batch.filled,
        failed=batch.failed,
        pending=len(batch.pending),
        since=since,
        waits_since=batch.waits_since,
        closed=batch.closed,
        empty=tuple(empty),
        front=front,
        last=batch.last,
    )


class Glances:
    """The glances at the large batches of a partition that were asked for."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Glance | None] = OrderedDict()

    def get(self, batch_id: str) -> Glance | None:
        """The glance at a batch, as it is now; None where there is none."""
        known = self._known.get(batch_id)
        if known is not None:
            self._known.move_to_end(batch_id)
        return known

    def expect(self, batch_id: str) -> None:
        """A batch is being loaded for a glance: from here on, what changes it is not missed."""
        self._known.setdefault(batch_id, None)
        while len(self._known) > MOST:
            self._known.popitem(last=False)

    def settle(self, loaded: Glance) -> Glance:
        """Keep the glance at a batch that was loaded, or what has come of it since, which is returned."""
        known = self._known.get(loaded.batch_id)
        if known is not None:
            return known
        if loaded.batch_id in self._known:
            self._known[loaded.batch_id] = loaded
        return loaded

    def follow(self, batch: Batch) -> None:
        """A batch has changed, and is written."""
        batch_id = batch.batch_id
        if batch_id in self._known:
            before = self._known[batch_id]
            self._known[batch_id] = glance_of(batch, 0 if before is None else before.front)

    def let_go(self, batch_id: str) -> None:
        """A batch has gone, and nobody has looked at it: whoever asks for it next loads what is kept of it."""
        self._known.pop(batch_id, None)
