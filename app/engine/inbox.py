"""What has been fetched of a partition and waits to be worked on."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

#: The inbox is full while so many bytes wait in it.
_FULL_BYTES = 32 * 1024 * 1024

#: A chunk is closed at so many bytes: it is held in memory several times over (records, outputs, batches).
_CHUNK_BYTES = 8 * 1024 * 1024


class Inbox:
    """Records of one partition, in order, each once. ``chunk`` is the most records that are taken at a time."""

    def __init__(self, chunk: int) -> None:
        self._chunk = chunk
        self._position: int | None = None
        self._queue: deque[Sequence[Any]] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self.closed = asyncio.Event()

    def offer(self, records: Sequence[Any]) -> None:
        """Take records in. What was offered before is passed over (a seek may fetch it again)."""
        if self._position is not None and records[0].offset < self._position:
            position = self._position
            records = [record for record in records if record.offset >= position]
            if not records:
                return
        self._position = records[-1].offset + 1
        self._queue.append(records)
        self._bytes += sum(len(record.value or b"") for record in records)
        self._arrived.set()

    @property
    def full(self) -> bool:
        """Whether nothing more should be fetched for now."""
        return self._bytes > _FULL_BYTES or sum(map(len, self._queue)) >= 2 * self._chunk

    def take(self) -> list[Any]:
        """The next chunk: what is there, up to the limits. Empty when nothing is."""
        chunk: list[Any] = []
        size = 0
        while self._queue and len(chunk) < self._chunk and size < _CHUNK_BYTES:
            records = self._queue.popleft()
            taken = 0
            for record in records[: self._chunk - len(chunk)]:
                if size >= _CHUNK_BYTES:
                    break
                size += len(record.value or b"")
                taken += 1
            chunk.extend(records[:taken])
            if taken < len(records):
                self._queue.appendleft(records[taken:])
        self._bytes -= size
        return chunk

    async def wait(self, seconds: float) -> None:
        """Wait until something is there, the inbox is closed, or ``seconds`` have passed."""
        self._arrived.clear()
        if self._queue or self.closed.is_set():
            return
        try:
            await asyncio.wait_for(self._arrived.wait(), seconds)
        except TimeoutError:
            return

    def close(self) -> None:
        """Drop what waits; whoever waits goes on."""
        self._queue.clear()
        self._bytes = 0
        self.closed.set()
        self._arrived.set()
