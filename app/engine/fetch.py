"""Fetches as they come: the records of a fetch as one list, as aiokafka's C code reads them.

aiokafka hands records out one at a time, each copied into an object of its own; of a worker's CPU a tenth went there.
A consumer that is made with ``value_deserializer=WHOLE`` gets, from ``getmany``, all that was fetched of a partition at
once, as records with ``offset``, ``timestamp``, ``key``, ``value`` and ``headers`` and nothing else. What is delivered
is the same: checksums are checked, aborted transactions, control batches and what lies before the position are passed
over. Other consumers of the process are untouched.

This replaces two names inside ``aiokafka.consumer.fetcher`` (pinned, with a test).
"""

from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException


def WHOLE(_: object) -> None:  # noqa: N802 - a mark, not a function: it says how, and is never called
    """The mark of a consumer that takes whole fetches."""


_Records: Any = fetcher.PartitionRecords
_getall = fetcher.FetchResult.getall


class WholeFetch(_Records):  # type: ignore[misc] # aiokafka has no types here
    """What was fetched of one partition, taken as a whole."""

    next_fetch_offset: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._value_deserializer = None
        # It refers back to this object and is never run: fetches, of megabytes each, would wait for the collector.
        self._records_iterator = None

    def take(self) -> list[Any]:
        """All records from the position on, in order; the position moves behind them.

        Raises CorruptRecordException on a wrong checksum. The consumer's own position has not moved then: the fetch is
        asked for again.
        """
        taken: list[Any] = []
        batches = self._records
        while batches.has_next():
            batch = batches.next_batch()
            if self._check_crcs and not batch.validate_crc():
                message = f"{self._tp.topic} partition {self._tp.partition}: a batch has a wrong checksum"
                raise CorruptRecordException(message)
            if not (self._aborted(batch) or batch.is_control_batch):
                records = list(batch)
                if records and records[0].offset < self.next_fetch_offset:
                    # The position may lie within a batch; brokers send whole ones.
                    records = [record for record in records if record.offset >= self.next_fetch_offset]
                taken += records
            # Also where nothing was delivered: compaction may have emptied the end of a batch.
            self.next_fetch_offset = batch.next_offset
        return taken

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


def _partition_records(*args: Any) -> Any:
    """A whole fetch for a consumer with the mark; aiokafka's own for every other one."""
    return (WholeFetch if args[_VALUE_DESERIALIZER] is WHOLE else _Records)(*args)


#: The place of ``value_deserializer`` among the arguments of PartitionRecords, which are all given by position.
_VALUE_DESERIALIZER = 5


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


fetcher.PartitionRecords = _partition_records
fetcher.FetchResult.getall = _whole
