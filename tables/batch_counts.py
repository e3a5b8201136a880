"""The counts of a partition: how many batches there are in each state, and which of them wait, in memory.

* **Kept**: for each batch that waits, since when and how many uploads are pending for it; of those that are closed, two
  counts. About 300 bytes a batch that waits (a test bounds it at 400).
* **Exact**: it follows what each chunk did (:meth:`BatchCounts.take`, called once the local database has the chunk, so
  that nothing is counted here that is not committed). What there was before is looked up in the background
  (:mod:`tables.counts_loader`).
* **Bounded**: ids of what changed are remembered only while somebody asks (:meth:`BatchCounts.changes`), the latest
  2,000.

"Since when" is :attr:`app.core.batch.Batch.waits_since`: the registration, or the oldest pending upload; later by what
an operator has put the deadline off.

Operators see a batch as stuck once it has waited for ``ROLLCALL_STUCK_AFTER_SECONDS``.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from app.core.batch import Batch
from app.core.batch_state import State
from app.core.events import Cutoff
from tables import batches
from tables.glances import Glances
from tables.waiting_queue import WaitingQueue

#: How many changed batches are remembered for those who ask.
MOST_CHANGES = 2000

#: Seconds without a question after which changes are no longer remembered.
_FORGOTTEN_AFTER = 15.0


class Standing(NamedTuple):
    """How the batches of a partition stand, or those of several together.

    ``complete``, ``discarded`` and ``retired`` (those of which a receipt is kept) are None while they are still being
    counted after a start. ``oldest_pending`` is
    since when (log time, ms) the oldest pending upload waits, None where none is. ``stuck`` counts the batches that
    have waited for too long.
    """

    unregistered: int = 0
    open: int = 0
    complete: int | None = 0
    discarded: int | None = 0
    pending_uploads: int = 0
    oldest_pending: int | None = None
    stuck: int = 0
    retired: int | None = 0

    def __add__(self, other: object) -> "Standing":
        """Both together."""
        if not isinstance(other, Standing):
            return NotImplemented
        oldest = [seconds for seconds in (self.oldest_pending, other.oldest_pending) if seconds is not None]
        return Standing(
            self.unregistered + other.unregistered,
            self.open + other.open,
            None if self.complete is None or other.complete is None else self.complete + other.complete,
            None if self.discarded is None or other.discarded is None else self.discarded + other.discarded,
            self.pending_uploads + other.pending_uploads,
            min(oldest, default=None),
            self.stuck + other.stuck,
            None if self.retired is None or other.retired is None else self.retired + other.retired,
        )


class Changes(NamedTuple):
    """The batches that changed: their ids, the latest first, and from where to ask next.

    ``more``: others have changed too, which are not among them.
    """

    ids: list[str]
    cursor: int
    more: bool


class BatchCounts:
    """The counts of one partition. ``listed``: every batch that waits is in it; ``counted``: the closed ones too.

    ``indexed``: as far as was looked, every batch that rests has its row in ``closed``. ``left_behind``: those that
    were retired before the counts began, and have rows all the same.
    """

    def __init__(self) -> None:
        self.open = WaitingQueue()
        self.unregistered = WaitingQueue()
        self.glances = Glances()
        self.listed = False
        self.counted = False
        self.indexed = True
        self.left_behind: set[str] = set()
        self.pending_uploads = 0
        self._pending: dict[str, int] = {}
        self._complete = 0
        self._discarded = 0
        self._retired = 0
        # While they are loaded: the batches that changed since it began, and how far it has counted.
        self._changed: set[str] | None = set()
        self._reached = b""
        self._receipts_reached = 0
        self._changes: dict[str, int] = {}
        self._number = 0
        self._forgotten = 0
        self._asked = float("-inf")

    def take(self, changed: Iterable[Batch], closed: Mapping[str, State]) -> None:
        """Follow a chunk, once it is written: what it changed, and the states of those that were closed before."""
        watched = time.monotonic() < self._asked + _FORGOTTEN_AFTER
        for batch in changed:
            batch_id = batch.batch_id
            self._follow(batch_id, closed.get(batch_id), watched=watched)
            self._place(batch)
            self.glances.follow(batch)
        if watched:
            self._bound_changes()

    def take_unseen(self, gone: Mapping[str, State]) -> None:
        """Follow the batches that a chunk retired or forgot unseen, and the states that they were in: none waited."""
        watched = time.monotonic() < self._asked + _FORGOTTEN_AFTER
        for batch_id, was in gone.items():
            self._follow(batch_id, was, watched=watched)
            self.glances.let_go(batch_id)
        if watched:
            self._bound_changes()

    def _follow(self, batch_id: str, was: State | None, *, watched: bool) -> None:
        if self._changed is None:
            self._closed(was, -1)
        else:
            # One that has not been counted yet is not to be: from here on it is followed.
            if batch_id in self._changed or batches.prefix(batch_id) < self._reached:
                self._closed(was, -1)
            self._changed.add(batch_id)
        if watched:
            self._number += 1
            self._changes.pop(batch_id, None)
            self._changes[batch_id] = self._number

    def follow_receipts(self, written: Sequence[Cutoff], gone: Sequence[Cutoff]) -> None:
        """Follow the receipts that a chunk wrote, and those that it deleted, each by the tick that wrote it."""
        if self.counted:
            self._retired += len(written) - len(gone)
            return
        # Those that are not counted yet are found by the loader, if they are there then.
        reached = self._receipts_reached
        self._retired += sum(place.at < reached for place in written) - sum(place.at < reached for place in gone)

    def found_receipts(self, number: int, reached: int) -> None:
        """The loader has counted so many more receipts: all that ticks before log offset ``reached`` wrote."""
        self._retired += number
        self._receipts_reached = reached

    def standing(self, stuck_since: int) -> Standing:
        """How the batches stand; stuck are those that have waited since log time ``stuck_since`` (ms) or longer."""
        return Standing(
            len(self.unregistered),
            len(self.open),
            self._complete if self.counted else None,
            self._discarded if self.counted else None,
            self.pending_uploads,
            self.unregistered.oldest(),
            self.open.waiting_since(stuck_since) + self.unregistered.waiting_since(stuck_since),
            self._retired if self.counted else None,
        )

    @property
    def waits(self) -> bool:
        """Whether any batch waits for something."""
        return len(self.open) + len(self.unregistered) > 0

    def pending(self, batch_id: str) -> int:
        """How many uploads are pending for a batch that is not registered."""
        return self._pending.get(batch_id, 0)

    def changes(self, since: int | None, limit: int) -> Changes:
        """Which batches changed since a former answer's ``cursor``, at most ``limit``; the first question has none.

        Changes are remembered from the first question on, and for 15 s after the last.
        """
        now = time.monotonic()
        if now >= self._asked + _FORGOTTEN_AFTER:
            # What changed while changes were not remembered is not known: the answer says that there is more.
            self._changes.clear()
            self._number += 1
            self._forgotten = self._number
        self._asked = now
        if since is None or since > self._number:
            return Changes([], self._number, more=since is not None)
        ids: list[str] = []
        more = since < self._forgotten
        for batch_id, number in reversed(self._changes.items()):
            if number <= since:
                break
            if len(ids) == limit:
                more = True
                break
            ids.append(batch_id)
        return Changes(ids, self._number, more)

    def found_waiting(self, batch: Batch) -> None:
        """The loader has found a batch in ``waiting``, which was not :meth:`known`."""
        self._place(batch, closed=False)

    def found(self, state: State) -> None:
        """The loader has passed a batch in this state, which was not :meth:`known`."""
        self._closed(state, 1)

    def reached(self, prefix: bytes) -> None:
        """The loader has counted all batches whose rows begin with less than ``prefix``."""
        self._reached = prefix

    def known(self, batch_id: str) -> bool:
        """Whether the loader need not look at a batch: it waits, or has changed since the load began."""
        return (
            batch_id in self.open.since
            or batch_id in self.unregistered.since
            or (self._changed is not None and batch_id in self._changed)
        )

    def finished(self) -> None:
        """The loader has counted everything."""
        self.counted = True
        self._changed = None

    def _place(self, batch: Batch, *, closed: bool = True) -> None:
        batch_id, since = batch.batch_id, batch.waits_since
        if since is not None and batch.registration is not None:
            self.open.put(batch_id, since)
        elif batch_id in self.open.since:
            self.open.drop(batch_id)
        if since is not None and batch.registration is None:
            self.unregistered.put(batch_id, since)
            number = len(batch.pending)
            self.pending_uploads += number - self._pending.get(batch_id, 0)
            self._pending[batch_id] = number
        elif batch_id in self._pending:
            self.unregistered.drop(batch_id)
            self.pending_uploads -= self._pending.pop(batch_id)
        if since is None and closed:
            self._closed(batch.state, 1)

    def _closed(self, state: State | None, by: int) -> None:
        if state is State.COMPLETE:
            self._complete += by
        elif state is State.DISCARDED:
            self._discarded += by

    def _bound_changes(self) -> None:
        changes = self._changes
        for batch_id in list(changes)[: max(0, len(changes) - MOST_CHANGES)]:
            self._forgotten = changes.pop(batch_id)
