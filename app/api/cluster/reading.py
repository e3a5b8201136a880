"""Reads batches from a partition's local database: in steps, and the large ones as seldom as can be."""

import asyncio
from typing import NamedTuple

from agents.processor import JoinProcessor
from app.api.errors import ApiError, unavailable
from app.api.offload import Pace, Turns, offload
from app.engine.task import Task
from tables import batches, receipts
from tables.glances import Glance, glance_of

#: From how many bytes of rows on a batch is large: it is put together by a thread, and glanced at in lists. About 400
#: uploads, which take about 5 ms.
LARGE = 64 * 1024


class Rows(NamedTuple):
    """The rows of a batch, as table ``batches`` has them, and the log offset of its first fact.

    Of a batch that was retired the one that is its receipt; where it began in the log is then not known.
    """

    batch_id: str
    first: int | None
    values: list[bytes]

    @property
    def large(self) -> bool:
        """Whether it is more than the event loop should be kept for."""
        return sum(map(len, self.values)) > LARGE


class Batches:
    """Reads batches; of the large ones, one at a time."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._loading = asyncio.Lock()

    def at_once(self, task: Task[JoinProcessor], batch_id: str) -> Glance | None:
        """The glance at a batch; None where it is large and was not asked for before."""
        known = task.processor.counts.glances.get(batch_id)
        if known is not None:
            return known
        receipt = task.store.get(receipts.key(batch_id))
        if receipt is not None:
            return glance_of(batches.batch_of(batch_id, [receipt]))
        values, size = [], 0
        for _, value in task.store.scan(batches.prefix(batch_id)):
            values.append(value)
            size += len(value)
            if size > LARGE:
                return None
        return glance_of(batches.batch_of(batch_id, values))

    async def glance(self, task: Task[JoinProcessor], batch_id: str, pace: Pace) -> Glance:
        """The glance at a batch; a large one is loaded once, one at a time, and kept.

        Raises ApiError 503 where the partition is handed on meanwhile.
        """
        glance = self.at_once(task, batch_id)
        if glance is not None:
            return glance
        return await pace.aside(self._load(task, batch_id))

    async def _load(self, task: Task[JoinProcessor], batch_id: str) -> Glance:
        glances = task.processor.counts.glances
        async with self._loading:
            known = glances.get(batch_id)
            if known is not None:
                return known
            glances.expect(batch_id)
            async with self._turns.pace() as pace:
                if not task.serving:
                    raise handed_on(task.partition)
                rows = await self.rows(task, batch_id, pace)
            return glances.settle(await offload(lambda: glance_of(batches.batch_of(batch_id, rows.values))))

    async def rows(self, task: Task[JoinProcessor], batch_id: str, pace: Pace) -> Rows:
        """The rows of a batch, read in steps.

        Those that are written meanwhile come behind what has been read, a chunk's all at once, so what is returned is
        the batch as it was at the last step.
        """
        prefix = batches.prefix(batch_id)
        values: list[bytes] = []
        first, start = None, b""
        while True:
            for key, value in task.store.scan(prefix, start):
                if first is None:
                    first = int.from_bytes(key[len(prefix) : len(prefix) + 8])
                values.append(value)
                if pace.due:
                    start = key + b"\0"
                    break
            else:
                # It may have been retired between two steps: its rows went with the chunk that wrote the receipt.
                receipt = task.store.get(receipts.key(batch_id))
                return Rows(batch_id, first, values) if receipt is None else Rows(batch_id, None, [receipt])
            await pace.step()
            if not task.serving:
                raise handed_on(task.partition)


def handed_on(partition: int) -> ApiError:
    """A partition was taken away while it was looked at."""
    return unavailable([partition], "it was handed on meanwhile; ask again")
