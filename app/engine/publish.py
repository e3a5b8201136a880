"""The barrier: records go out as ready-made batches, and :meth:`Publisher.flush` returns when the broker has
acknowledged every one of them.

Faust's own flush gives up after a tenth of a second without progress; this one does not return before it is true, and
raises when it can't become so.
"""

import asyncio
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from app import native
from app.engine.batches import Appending, Builder, Native, milliseconds
from app.engine.beside import beside
from app.engine.bulk import Bulk
from app.engine.kafka import broker_errors
from app.engine.kafka.clients import MAX_RECORD_BYTES
from app.engine.kafka.decompress import LARGEST_RECORD
from app.engine.ports import Changes, Headers, Output, Record, Router
from app.errors import OperatorError

#: No headers; never written to.
_NONE: Headers = []


class PublishError(OperatorError):
    """A record could not be published. The message names the topic and partition, the cause and what to do."""


class TooLargeError(PublishError):
    """A topic refuses a record for its size. The same record would be refused again."""

    def __init__(self, topic: str, partition: int, record: str = "a record") -> None:
        super().__init__(
            f"{topic} partition {partition} refuses {record} for its size: raise max.message.bytes of the topic "
            "and start again; nothing was lost, the poll will be repeated"
        )
        self.topic = topic
        self.partition = partition


#: The largest record that is kept compressed: 64 KiB are left for headers and for what Kafka writes around it.
_LARGEST_COMPRESSED: Final = MAX_RECORD_BYTES - 64 * 1024


def fits(key: bytes | None, value: bytes | None) -> bool:
    """Whether a topic that takes the largest messages takes this record, compressed where it has to be.

    A topic's limit is one of compressed batches, so a record of an input may be larger than any message: at most
    LARGEST_RECORD bytes, so that readers can decompress it. It takes a second for each 50 MB where that is to be found
    out.
    """
    record = (key or b"") + (value or b"")
    if len(record) > LARGEST_RECORD:
        return False
    if len(record) <= _LARGEST_COMPRESSED:
        return True
    return any(len(zlib.compress(record, level)) <= _LARGEST_COMPRESSED for level in (1, 9))


def append_time(metadata: Any) -> int:
    """When the broker appended what it acknowledges (ms), in a topic of its own clock; -1 where it reports none."""
    # 1: LogAppendTime
    return int(metadata.timestamp) if getattr(metadata, "timestamp_type", None) == 1 else -1


def _unheard(_: int) -> None:
    """Do nothing."""


class Publisher:
    """Collects records by partition, in order, and sends them.

    ``partitions`` says how many partitions each topic has. Records of one partition are acknowledged in the order in
    which they were added; a failure leaves nothing behind that failed record of its partition, so that what arrived
    is always a beginning of what was sent. ``bulk`` is what the application does natively, whole chunks at a time;
    ``transactional`` says whether the producer writes transactions.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        partitions: Mapping[str, int],
        bulk: Bulk | None = None,
        *,
        transactional: bool = False,
    ) -> None:
        self.producer = producer
        #: The time of the records that are added (ms); None: this machine's clock, which may be wrong by hours.
        self.timestamp: int | None = None
        #: Called with the append times with which a topic with the broker's clock acknowledges records.
        self.on_appended: Callable[[int], None] = _unheard
        counts = dict(partitions)
        self._native = Native(counts, transactional=transactional) if native.AVAILABLE else None
        self._batches: Builder = self._native or Appending(producer, counts)
        self._bulk = bulk

    async def routed(self, log: str, place: TopicPartition, records: Sequence[Record], router: Router) -> None:
        """Add the records of an input partition to the partitions of the ``log``, as the router says."""
        if self._native is not None and self._bulk is not None:
            batches, time = self._native.of(log), milliseconds(self.timestamp)
            route = self._bulk.route
            if await beside(len(records), route, place.topic, place.partition, records, batches, time):
                return
        for routed in router.route(place.topic, place.partition, records):
            self.add(log, *routed)

    async def changes(self, changes: Changes, fallback: int) -> None:
        """Add the outputs of changes, each to the partition of its key, or else to ``fallback`` (:meth:`keyed`)."""
        if self._native is not None and self._bulk is not None:
            time = milliseconds(self.timestamp)
            left = await beside(changes.records, self._bulk.write, changes, self._native.of, time)
        else:
            left = changes.outputs
        self.keyed(left, fallback)

    def keyed(self, records: Sequence[Output], fallback: int) -> None:
        """Add records (topic, key, value, headers), each to the partition of its key.

        One without a key goes to ``fallback``, modulo the partitions of its topic. The order within a topic is kept.
        """
        by_topic: dict[str, list[Output]] = {}
        for record in records:
            by_topic.setdefault(record[0], []).append(record)
        for topic, outputs_of_topic in by_topic.items():
            self._batches.add_keyed(topic, outputs_of_topic, fallback, self.timestamp)

    def rows(self, topic: str, partition: int, rows: Mapping[bytes, bytes | None]) -> None:
        """Add rows to a partition: records without headers."""
        self._batches.add_rows((topic, partition), rows.items(), self.timestamp)

    def add(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers | None = None
    ) -> None:
        """Add a record to a partition."""
        self._batches.add((topic, partition), key, value, headers or _NONE, self.timestamp)

    async def flush(self) -> dict[tuple[str, int], int]:
        """Send all, wait for every acknowledgement, and return the next offset of each partition.

        It is -1 where the broker had a batch already (retried over its restart) and no longer says at which offset.

        Raises PublishError when one record can't be published; the others may have been.
        """
        batches = self._batches.take()
        if not batches:
            return {}
        sends = [self._send(place, batches[place]) for place in batches]
        if len(sends) == 1:
            ends = [await sends[0]]
        else:
            # All are waited for, also when one fails: nothing may still be under way when the caller gives up.
            results = await asyncio.gather(*sends, return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result
            ends = [end for end in results if isinstance(end, int)]
        return dict(zip(batches, ends, strict=True))

    async def _send(self, place: tuple[str, int], batches: list[Any]) -> int:
        topic, partition = place
        end = 0
        try:
            for batch in batches:
                count = batch.record_count()
                acknowledged = await self.producer.send_batch(batch, topic, partition=partition)
                metadata = await acknowledged
                end = int(metadata.offset) + count if metadata.offset >= 0 else -1
                self.on_appended(append_time(metadata))
        except MessageSizeTooLargeError as error:
            raise TooLargeError(topic, partition) from error
        except KafkaError as error:
            cause = ": ".join(filter(None, (broker_errors.told(error), broker_errors.remedy(error))))
            message = f"{topic} partition {partition} refuses a record: {cause}; the poll will be repeated"
            raise PublishError(message) from error
        return end
