"""Fetches as they come: the records of a fetch as one list, as aiokafka's C code reads them, or as an index.

aiokafka hands records out one at a time, each copied into an object of its own; of a worker's CPU a tenth went there.
A consumer that is made with ``value_deserializer=WHOLE`` gets, from ``getmany``, all that was fetched of a partition at
once, as records with ``offset``, ``timestamp``, ``key``, ``value`` and ``headers`` and nothing else. What is delivered
is the same: checksums are checked, aborted transactions, control batches and what lies before the position are passed
over. Other consumers of the process read as ever; all name a batch that can't be read
(:mod:`app.engine.kafka.unreadable`).

With ``INDEXED`` the records are an index into the bytes (:class:`app.native.records.IndexedRecords`), where the native
part is there and each batch of the fetch is plain, or is once it is decompressed (:mod:`app.engine.kafka.plain`): else
they are a list, as with ``WHOLE``. Which batches count is decided here, in either case.

Who waits for records is told of them at once.

This replaces four names inside ``aiokafka.consumer.fetcher`` (pinned, with a test).
"""

from collections.abc import Sequence
from typing import Any

from aiokafka.consumer import fetcher

from app import native
from app.engine.kafka.decompress import ENOUGH, MOST_RECORDS, account, bound
from app.engine.kafka.plain import plain
from app.engine.kafka.unreadable import UnreadableError, unreadable
from app.native.records import IndexedRecords


def WHOLE(_: object) -> None:  # noqa: N802 - a mark, not a function: it says how, and is never called
    """The mark of a consumer that takes whole fetches."""


def INDEXED(_: object) -> None:  # noqa: N802 - as above
    """The mark of a consumer that takes whole fetches, and indexed ones where they can be had."""


_Records: Any = fetcher.PartitionRecords
_Fetched: Any = fetcher.MemoryRecords
_getall = fetcher.FetchResult.getall


class KeptBytes(_Fetched):  # type: ignore[misc] # aiokafka has no types here
    """The batches of a fetch, with the bytes that they are read from."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


class WholeFetch(_Records):  # type: ignore[misc] # aiokafka has no types here
    """What was fetched of one partition, taken as a whole."""

    next_fetch_offset: int
    _records: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._indexed = args[_VALUE_DESERIALIZER] is INDEXED
        self._value_deserializer = None
        # It refers back to this object and is never run: fetches, of megabytes each, would wait for the collector.
        self._records_iterator = None

    def take(self) -> Sequence[Any]:
        """The records from the position on, in order; the position moves behind them. All that were fetched, but where
        they have been compressed by far: what is beyond the bounds of :mod:`app.engine.kafka.decompress` is fetched
        again.

        A batch that can't be read ends the fetch: what lies before it is delivered, and the next call, which begins
        with it, raises UnreadableError. The consumer's own position has not moved then.
        """
        if self._indexed and native.AVAILABLE and self._check_crcs:
            index = self._index()
            if index is not None:
                return self._indexed_records(index)
        taken: list[Any] = []
        batches = self._records
        account.decompressed = 0
        while batches.has_next():
            batch = batches.next_batch()
            try:
                taken += self._read(batch)
            except UnreadableError:
                if taken:
                    break
                raise
            # Also where nothing was delivered: compaction may have emptied the end of a batch.
            self.next_fetch_offset = batch.next_offset
            if account.decompressed > ENOUGH or len(taken) >= MOST_RECORDS:
                break
        return taken

    def _index(self) -> Any:
        """An index over all batches, once those that are compressed are plain ones; None where one is not sound."""
        index = native.rust().Records.index(self._records.data)
        if index is not None:
            return index
        uncompressed = plain(self._records.data)
        if uncompressed is None:
            return None
        index = native.rust().Records.index(uncompressed)
        if index is not None:
            self._records = KeptBytes(uncompressed)
        return index

    def _indexed_records(self, index: Any) -> IndexedRecords:
        """As :meth:`take`, of a fetch in which each batch is plain."""
        kept, number = [], 0
        batches = self._records
        while batches.has_next():
            batch = batches.next_batch()
            try:
                if not (self._aborted(batch) or batch.is_control_batch):
                    kept.append((number, self.next_fetch_offset))
            except Exception as error:
                if number:
                    break
                raise unreadable(self._tp, batch, error) from error
            number += 1
            self.next_fetch_offset = batch.next_offset
        return IndexedRecords([index.kept(kept)])

    def _read(self, batch: Any) -> list[Any]:
        if self._check_crcs and not batch.validate_crc():
            raise unreadable(self._tp, batch, "its checksum is wrong")
        try:
            if self._aborted(batch) or batch.is_control_batch:
                return []
            bound(batch)
            records = list(batch)
        except Exception as error:
            raise unreadable(self._tp, batch, error) from error
        if records and records[0].offset < self.next_fetch_offset:
            # The position may lie within a batch; brokers send whole ones.
            return [record for record in records if record.offset >= self.next_fetch_offset]
        return records

    def _aborted(self, batch: Any) -> bool:
        """Whether the batch belongs to a transaction that was aborted; keeps the account of those that are open."""
        if self._isolation_level != fetcher.READ_COMMITTED or batch.producer_id is None:
            return False
        self._consume_aborted_up_to(batch.base_offset)
        if batch.is_control_batch:
            if self._contains_abort_marker(batch):
                self._aborted_producers.discard(batch.producer_id)
            return False
        return batch.is_transactional and batch.producer_id in self._aborted_producers


class NamingRecords(_Records):  # type: ignore[misc] # aiokafka has no types here
    """aiokafka's own reading, record by record; a batch that can't be read is named as in a whole fetch."""

    def __next__(self) -> Any:
        """The next record. Raises UnreadableError."""
        try:
            return super().__next__()
        except StopIteration:
            raise
        except Exception as error:
            raise unreadable(self._tp, self.next_fetch_offset, error) from error


def _partition_records(*args: Any) -> Any:
    """A whole fetch for a consumer with the mark; record by record for every other one."""
    return (WholeFetch if args[_VALUE_DESERIALIZER] in _MARKS else NamingRecords)(*args)


#: The place of ``value_deserializer`` among the arguments of PartitionRecords, which are all given by position.
_VALUE_DESERIALIZER = 5
_MARKS = (WHOLE, INDEXED)


def _whole(self: Any, max_records: int | None = None) -> Any:
    records = self._partition_records
    if not isinstance(records, WholeFetch):
        return _getall(self, max_records)
    if not self.check_assignment(self._topic_partition):
        return []
    taken = records.take()
    self._update_position()
    self._partition_records = None
    return taken


_ask = fetcher.Fetcher._proc_fetch_request  # noqa: SLF001 - nothing else knows when an answer is there


async def _told_at_once(self: Any, assignment: Any, node_id: Any, request: Any) -> bool:
    """Ask a node for records, and tell who waits for some as soon as there are any.

    aiokafka tells them three turns of the loop later, when it sees that the question is answered.
    """
    found = bool(await _ask(self, assignment, node_id, request))
    if found:
        for waiter in self._fetch_waiters:
            self._notify(waiter)
    return found


fetcher.Fetcher._proc_fetch_request = _told_at_once  # noqa: SLF001 - as above
fetcher.MemoryRecords = KeptBytes
fetcher.PartitionRecords = _partition_records
fetcher.FetchResult.getall = _whole
