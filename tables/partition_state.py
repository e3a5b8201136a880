"""The view of one partition that a task works on: batches by id, with a bounded cache of folded ones in front of the
store.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from app.core.batch import Batch
from app.engine.ports import Store
from tables import batches, closed, generations, input_watermarks, keys, pending, receipt_order, receipts, waiting
from tables.batch_cache import BatchCache
from tables.closed import Resting
from tables.pending import Original
from tables.receipt_order import Page

#: How long the prefixes are of tables whose rows come and go at the front, by the first byte.
_QUEUES = {
    keys.WAITING: len(waiting.prefix(waiting.What.OPEN)),
    keys.CLOSED: len(keys.CLOSED),
    keys.RECEIPT_ORDER: len(keys.RECEIPT_ORDER),
}
#: The bytes that their keys begin with.
_FIRST_BYTES = frozenset(table[0] for table in _QUEUES)


class PartitionState:
    """The tables of one partition.

    The cache (:mod:`tables.batch_cache`) weighs at most ``capacity`` after :meth:`trim`, which the caller calls between
    chunks, never within: a batch that is changed but not yet written lives in the cache alone.
    """

    def __init__(self, store: Store, capacity: int) -> None:
        self.store = store
        self._cache = BatchCache(capacity)
        # The first row of each kind of waiting, and of what goes one day, as last seen: rows come and go at the front
        # like in a queue, and RocksDB would step over all that are gone, each time.
        self._floors: dict[bytes, bytes] = {}
        # Whether the store may have receipts: where there are none, none is looked for. None: not known yet.
        self._receipts: bool | None = None
        self.hits = 0
        self.misses = 0
        #: The bytes of rows that batches were loaded from, so far.
        self.loaded = 0

    def batch(self, batch_id: str) -> Batch:
        """The batch as it stands; a new one where nothing is known of it."""
        batch = self._cache.use(batch_id)
        if batch is not None:
            self.hits += 1
            return batch
        self.misses += 1
        rows = self._rows(batch_id)
        size = sum(map(len, rows))
        self.loaded += size
        batch = batches.batch_of(batch_id, rows) if rows else Batch(batch_id)
        self._cache.add(batch, size)
        return batch

    def _rows(self, batch_id: str) -> list[bytes]:
        """The values of the rows that say how a batch stands (:func:`tables.receipts.state_of`)."""
        if self._receipts is None:
            self._receipts = any(True for _ in self.store.scan(keys.RECEIPTS))
        return (
            receipts.state_of(self.store, batch_id) if self._receipts else self.store.values(batches.prefix(batch_id))
        )

    def original(self, batch_id: str, at: int) -> Original | None:
        """The original of a pending upload, as it is in the store."""
        value = self.store.get(pending.key(batch_id, at))
        return None if value is None else pending.original_of(value)

    def orphans(self, batch: Batch) -> list[bytes]:
        """The rows of ``pending`` for uploads of the batch that are pending no more: what a crash left undeleted."""
        rows = self.store.scan(pending.prefix(batch.batch_id))
        return [key for key, _ in rows if pending.offset_of(key) not in batch.pending]

    def watermarks(self) -> dict[tuple[int, int], int]:
        """How far each partition of the inputs has been read into the log."""
        return dict(input_watermarks.read(key, value) for key, value in self.store.scan(input_watermarks.PREFIX))

    def generations(self) -> dict[tuple[int, int], dict[bytes, int]]:
        """The same by the generation of the input topic, the newest first, as far as generations are known."""
        return dict(generations.read(key, value) for key, value in self.store.scan(generations.PREFIX))

    def waiting(self, kind: waiting.What) -> Iterator[tuple[int, str]]:
        """Since when (log time, ms) and which batches wait for ``kind``, the longest wait first."""
        for key, _ in self._from_the_front(waiting.prefix(kind)):
            _, since, batch_id = waiting.read(key)
            yield since, batch_id

    def resting(self) -> Iterator[Resting]:
        """The batches that rest, those first that have not changed for the longest."""
        return (closed.read(key, value) for key, value in self.resting_rows())

    def resting_rows(self) -> Iterator[tuple[bytes, bytes]]:
        """The same as rows, for those who look at many and read few."""
        return self._from_the_front(keys.CLOSED)

    def receipts(self) -> Iterator[Page]:
        """Which batches have a receipt, by the ticks that retired them, the oldest first."""
        return receipt_order.pages(self._from_the_front(keys.RECEIPT_ORDER))

    def receipts_of(self, at: int) -> Page | None:
        """Those that the tick at log offset ``at`` has retired; None where there are none."""
        return next(receipt_order.pages(self.store.scan(receipt_order.key(at))), None)

    def known(self, batch_id: str) -> Batch | None:
        """The batch where the cache has it; that it is asked for is not counted as use."""
        return self._cache.known(batch_id)

    def size(self, batch_id: str) -> int:
        """How many bytes the rows have of a batch that the cache has, as far as they are written."""
        return self._cache.size(batch_id)

    def let_go(self, batch_id: str) -> None:
        """Forget a batch that goes, where the cache has it: once its rows are written, nothing that it says is so."""
        self._cache.drop(batch_id)

    def rows_of(self, batch_id: str) -> list[bytes]:
        """The keys of all rows of facts and originals that there are of a batch: the oldest facts first."""
        prefixes = batches.prefix(batch_id), pending.prefix(batch_id)
        return [key for prefix in prefixes for key in self.store.keys(prefix)]

    def _from_the_front(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        rows = self.store.scan(prefix, self._floors.get(prefix, prefix))
        first = next(rows, None)
        if first is not None:
            self._floors[prefix] = first[0]
            yield first
            yield from rows

    def write(
        self,
        rows: Mapping[bytes, bytes | None],
        offset: int,
        touched: Iterable[str],
        grown: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Write what a chunk changed, and the changelog offset that it stands at; then bound the cache.

        ``grown``: by how many bytes of facts batches have grown.
        """
        for batch_id, size in grown.items():
            self._cache.grow(batch_id, size)
        if rows:
            self.store.write(rows, offset)
            # What goes from a queue leaves its front where it was seen, or behind.
            for key in [key for key, value in rows.items() if value is not None and key[0] in _FIRST_BYTES]:
                prefix = key[: _QUEUES[key[:1]]]
                if prefix == keys.RECEIPT_ORDER:  # a receipt comes with a row there
                    self._receipts = True
                floor = self._floors.get(prefix)
                if floor is not None and key < floor:
                    self._floors[prefix] = key
        self.trim(touched)

    def trim(self, touched: Iterable[str]) -> None:
        """Forget batches, down to the capacity. ``touched`` may have changed their weight."""
        self._cache.trim(touched)

    def forget(self) -> None:
        """Drop the cache: what it holds may not have been written."""
        self._cache.clear()

    def resize(self, capacity: int) -> None:
        """Have the cache weigh no more than ``capacity`` from the next :meth:`trim` on."""
        self._cache.capacity = capacity

    @property
    def cached(self) -> int:
        """How many batches the cache holds."""
        return len(self._cache)
