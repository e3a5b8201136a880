"""Which batches of a partition are in memory, decoded: as many as fit, and those that wait for something before others.

A batch that waits for nothing (it is complete, or discarded) is mostly done with: what still comes for it is late
content or a repeat. One that is open has its uploads before it. In a backlog of an hour the registrations, which are
few, are read far ahead of the contents, so there are many of those, and each that went would be loaded again.
"""

from collections import OrderedDict
from collections.abc import Iterable

from app.core.batch import Batch

#: What a batch weighs in the cache beside its uploads and slots, in the same unit: a slot with its upload are two.
BATCH_WEIGHT = 4

#: What a slot and an upload weigh, in thirds of the unit: 0.11 KB are an essay's id and its place, 0.57 KB a content
#: with its ids and its places in two dictionaries (measured over 300,000 of each; a batch by itself has 1.4 KB).
_SLOT, _UPLOAD = 1, 5

#: What the cache's unit stands for, in bytes of memory, and how many of the bytes of a batch's rows are within it for
#: each of its uploads and slots: 256 are ids and names of some 36 characters, as the platform's are.
_UNIT = 340
_WITHIN = 256

#: Batches that wait for nothing go first while they have more than this part of the capacity: late uploads and repeats
#: mostly come soon, and find them there also where those that are open would fill all of it.
_OF_RESTING = 16

#: Of the batches that are loaded again while the cache is full, one in this many is kept like any other.
_KEPT_OF_RELOADED = 16


def weight_of(batch: Batch, size: int) -> int:
    """What a batch with ``size`` bytes of rows weighs in the cache: the memory that it takes, in units of 0.34 KB.

    A slot and its upload are two together; so much as an upload less its slot is a conflict, and an upload that expired
    and is remembered. Strings that are longer than usual, and what operators said, weigh what they have beyond that.
    """
    slots, uploads, sources = len(batch.slots), len(batch.uploads), len(batch.conflicts) + len(batch.expired)
    count = (_SLOT * slots + _UPLOAD * uploads) // 3 + sources
    beyond = size - _WITHIN * (BATCH_WEIGHT + slots + uploads + sources)
    return BATCH_WEIGHT + count + (beyond // _UNIT if beyond > 0 else 0)


class _Shelf(OrderedDict[str, Batch]):
    """Batches, those that go first in front; ``weight`` is theirs together, as far as they were weighed."""

    weight = 0


class BatchCache:
    """Batches by id. They weigh at most ``capacity`` (:func:`weight_of`) after :meth:`trim`.

    What was used longest ago goes first. When more batches take turns than fit, that alone would throw each one out
    just before its turn, and none would ever be found. So a batch that had to be loaded again goes first of all,
    unless it is used again while it is there, but for one in 16: of those that are there, most then stay.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._open, self._resting = _Shelf(), _Shelf()
        self._shelves = self._open, self._resting
        self._weights: dict[str, int] = {}
        # The bytes of the rows of those that are here.
        self._sizes: dict[str, int] = {}
        self._full = False
        self._reloads = 0

    def __len__(self) -> int:
        """How many batches there are."""
        return len(self._open) + len(self._resting)

    @property
    def weight(self) -> int:
        """What they weigh together, as they were weighed last."""
        return self._open.weight + self._resting.weight

    def use(self, batch_id: str) -> Batch | None:
        """The batch, where it is here; it is then the one that was used last."""
        for shelf in self._shelves:
            batch = shelf.get(batch_id)
            if batch is not None:
                shelf.move_to_end(batch_id)
                return batch
        return None

    def known(self, batch_id: str) -> Batch | None:
        """The batch, where it is here; that it is asked for is not counted as use."""
        return self._open.get(batch_id) or self._resting.get(batch_id)

    def size(self, batch_id: str) -> int:
        """How many bytes the rows have of a batch that is here, as far as they are written."""
        return self._sizes.get(batch_id, 0)

    def add(self, batch: Batch, size: int) -> None:
        """Keep a batch that was not here: a new one, or one that was loaded from so many bytes of rows."""
        batch_id = batch.batch_id
        shelf = self._resting if size and batch.waits_since is None else self._open
        shelf[batch_id] = batch
        if size:
            self._sizes[batch_id] = size
            self._reloads += 1
            if self._full and self._reloads % _KEPT_OF_RELOADED:
                shelf.move_to_end(batch_id, last=False)

    def grow(self, batch_id: str, size: int) -> None:
        """Note by how many bytes the rows of a batch have grown."""
        self._sizes[batch_id] = self._sizes.get(batch_id, 0) + size

    def drop(self, batch_id: str) -> None:
        """Let a batch go, where it is here."""
        for shelf in self._shelves:
            if shelf.pop(batch_id, None) is not None:
                self._sizes.pop(batch_id, None)
                shelf.weight -= self._weights.pop(batch_id, 0)

    def trim(self, touched: Iterable[str]) -> None:
        """Let batches go, down to the capacity. ``touched`` are those that may have changed."""
        for batch_id in touched:
            batch = self.known(batch_id)
            if batch is not None:
                self._weigh(batch_id, batch)
        self._full = self.weight > self.capacity
        least = self.capacity // _OF_RESTING
        while self.weight > self.capacity:
            shelf = self._resting if self._resting.weight > least or not self._open else self._open
            batch_id, _ = shelf.popitem(last=False)
            self._sizes.pop(batch_id, None)
            shelf.weight -= self._weights.pop(batch_id, 0)

    def _weigh(self, batch_id: str, batch: Batch) -> None:
        """Weigh a batch again, and put it where it now belongs."""
        if batch.receipt is not None:
            self._sizes.pop(batch_id, None)  # of what it was, nothing is left
        before, weight = self._weights.get(batch_id, 0), weight_of(batch, self._sizes.get(batch_id, 0))
        self._weights[batch_id] = weight
        old = self._open if batch_id in self._open else self._resting
        new = self._resting if batch.waits_since is None else self._open
        old.weight -= before
        new.weight += weight
        if old is not new:
            new[batch_id] = old.pop(batch_id)

    def clear(self) -> None:
        """Let all of them go."""
        self._open, self._resting = self._shelves = _Shelf(), _Shelf()
        self._sizes.clear()
        self._weights.clear()
