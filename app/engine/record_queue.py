"""What has been fetched of a partition and waits to be worked on."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

from app.engine.ports import Record
from app.native.records import IndexedRecords

#: The queue is full while this many bytes wait in it.
FULL_BYTES = 32 * 1024 * 1024

#: A chunk is closed at this many bytes: it is held in memory several times over (records, outputs, batches).
_CHUNK_BYTES = 8 * 1024 * 1024

#: A chunk with so many records, or bytes (of records of 1 KB as many), is not worth waiting for more: the 6 ms that it
#: costs by itself, once it writes to all partitions of the outputs, are 6 us a record then, which costs 17 in all else.
ENOUGH_RECORDS = 1024
_ENOUGH_BYTES = 1024 * 1024


class RecordQueue:
    """Records of one partition, in order, each once.

    ``chunk`` is the most records that are taken at a time. Several queues may share ``arrived``, the event that is set
    when something is there for one of them.
    """

    def __init__(self, chunk: int, arrived: asyncio.Event | None = None) -> None:
        self._chunk = chunk
        #: The offset behind the last record that was offered; None before the first.
        self.position: int | None = None
        # Each fetch with its bytes.
        self._queue: deque[tuple[Sequence[Any], int]] = deque()
        self.records = 0
        self.bytes = 0
        self.arrived = arrived or asyncio.Event()
        self.closed = asyncio.Event()
        #: Where the task waits for its turn (:mod:`app.engine.pace`): done here as soon as there is no reason to.
        self.waits_for: asyncio.Future[None] | None = None

    def offer(self, records: Sequence[Record]) -> None:
        """Take records in. What was offered before is passed over (a seek may fetch it again)."""
        if self.position is not None and records[0].offset < self.position:
            position = self.position
            if isinstance(records, IndexedRecords):
                records = records.since(position)
            else:
                records = [record for record in records if record.offset >= position]
            if not records:
                return
        self.position = records[-1].offset + 1
        self._put(records)

    @property
    def full(self) -> bool:
        """Whether nothing more should be fetched for now."""
        return self.bytes > FULL_BYTES or self.records >= 2 * self._chunk

    @property
    def ample(self) -> bool:
        """Whether a chunk of what is there is large enough, or as large as one may get."""
        return self.records >= min(ENOUGH_RECORDS, self._chunk) or self.bytes >= _ENOUGH_BYTES

    def take(self, limit: int | None = None) -> Sequence[Any]:
        """The next chunk: what is there, up to the bounds and ``limit`` records. Empty when nothing is.

        It is either indexed or a list: a fetch that came in the other form begins the next chunk.
        """
        left = self._chunk if limit is None else min(limit, self._chunk)
        chunk: Any = []
        size = 0
        while self._queue and left > 0 and size < _CHUNK_BYTES:
            if chunk and type(chunk) is not type(self._queue[0][0]):
                break
            records, entry_bytes = self._queue.popleft()
            self.records -= len(records)
            self.bytes -= entry_bytes
            if len(records) > left or size + entry_bytes > _CHUNK_BYTES:
                taken = _fitting(records[:left], _CHUNK_BYTES - size)
                if taken < len(records):
                    self._put(records[taken:], first=True)
                    records, entry_bytes = records[:taken], _CHUNK_BYTES
            chunk = chunk + records if chunk else records
            size += entry_bytes
            left -= len(records)
        return cast("Sequence[Any]", chunk)

    def _put(self, records: Sequence[Record], *, first: bool = False) -> None:
        size = _size(records)
        self.records += len(records)
        self.bytes += size
        if first:
            self._queue.appendleft((records, size))
        else:
            self._queue.append((records, size))
        self.arrived.set()
        if self.ample:
            self.wait_no_longer()

    async def wait(self, seconds: float) -> None:
        """Wait until something is there, the queue is closed, or ``seconds`` have passed."""
        self.arrived.clear()
        if self._queue or self.closed.is_set():
            return
        # Without a task around the wait, which takes two turns of the loop more until a record is begun with.
        latest = asyncio.get_running_loop().call_later(seconds, self.arrived.set)
        try:
            await self.arrived.wait()
        finally:
            latest.cancel()

    def close(self) -> None:
        """Drop the records that wait, and wake the task that waits for records, or for its turn."""
        self._queue.clear()
        self.records = self.bytes = 0
        self.closed.set()
        self.arrived.set()
        self.wait_no_longer()

    def wait_no_longer(self) -> None:
        """End the wait of the task for its turn, if it waits for one."""
        if self.waits_for is not None and not self.waits_for.done():
            self.waits_for.set_result(None)


def _size(records: Sequence[Record]) -> int:
    if isinstance(records, IndexedRecords):
        return records.size
    return sum([len(record.value or b"") for record in records])  # a list: a generator takes twice as long


def _fitting(records: Sequence[Record], room: int) -> int:
    """How many of the records it takes to fill ``room`` bytes; all of them if they don't."""
    if isinstance(records, IndexedRecords):
        return records.fitting(room)
    for number, record in enumerate(records, 1):
        room -= len(record.value or b"")
        if room <= 0:
            return number
    return len(records)
