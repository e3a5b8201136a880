"""The engine with one of its precautions taken out, or two of its steps swapped: what the driver must notice.

Each changes the engine only while it is entered, inside :func:`tests.crash.patches.simulated`.
"""

import asyncio
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

import app.engine.commit
import app.engine.state.restore
import app.engine.takeover
from agents.chunk_changes import ChunkChanges
from agents.watermarks import Watermarks
from app.core.batch import Batch
from app.core.events import Upload
from app.core.facts import Fact
from app.engine.commit import Committer
from app.engine.publish import Publisher
from app.engine.repartition import Repartitioner
from app.engine.state import folded
from app.engine.task import Task
from app.settings import Settings
from tables import batches
from tables.partition_state import PartitionState
from tests.crash.clients import Producer, Reader
from tests.crash.patches import new_producer
from tests.crash.process import CURRENT, Process

Mutation = Callable[[], AbstractContextManager[None]]

_TWO_OFFSETS = struct.Struct(">QQ")


@contextmanager
def patched(*patches: tuple[Any, str, Any]) -> Iterator[None]:
    """Replace attributes: (owner, name, replacement)."""
    undo = [mock.patch.object(owner, name, new) for owner, name, new in patches]
    for patch in undo:
        patch.start()
    try:
        yield
    finally:
        for patch in reversed(undo):
            patch.stop()


def no_barrier() -> AbstractContextManager[None]:
    """A flush returns before anything is acknowledged."""

    async def flush(self: Publisher) -> dict[tuple[str, int], int]:
        added = self._batches.take()
        for place, ready in added.items():
            asyncio.ensure_future(self._send(place, ready))  # noqa: RUF006 - that nobody waits is the bug
        return {}

    return patched((Publisher, "flush", flush))


def changelog_before_outputs() -> AbstractContextManager[None]:
    """At least once: the changelog is acknowledged before the outputs are sent."""

    async def publish(self: Committer, publisher: Publisher, work: ChunkChanges) -> int:
        self._add_rows(publisher, work)
        ends = await publisher.flush()
        publisher.keyed(work.outputs, fallback=self.partition)
        await publisher.flush()
        return ends.get((self.changelog, self.partition), 0)

    return patched((Committer, "_publish", publish))


def changelog_first_in_transaction() -> AbstractContextManager[None]:
    """Exactly once: the changelog is acknowledged before the outputs are sent, within the transaction.

    Harmless: neither can be seen before the commit, so their order within it can't either.
    """

    async def transact(self: Committer, producer: Any, publisher: Publisher, work: ChunkChanges) -> int:
        await producer.begin_transaction()
        self._add_rows(publisher, work)
        ends = await publisher.flush()
        publisher.keyed(work.outputs, fallback=self.partition)
        await publisher.flush()
        await producer.commit_transaction()
        return ends.get((self.changelog, self.partition), 0)

    return patched((Committer, "_transact", transact))


def changelog_beside_outputs() -> AbstractContextManager[None]:
    """At least once: one barrier for both, so that the changelog may arrive first."""

    async def publish(self: Committer, publisher: Publisher, work: ChunkChanges) -> int:
        publisher.keyed(work.outputs, fallback=self.partition)
        self._add_rows(publisher, work)
        ends = await publisher.flush()
        return ends.get((self.changelog, self.partition), 0)

    return patched((Committer, "_publish", publish))


def store_before_changelog() -> AbstractContextManager[None]:
    """The local store is written before anything is sent."""
    publish, transact = Committer._publish, Committer._transact

    async def write_and_publish(self: Committer, publisher: Publisher, work: ChunkChanges) -> int:
        self.store.write(work.rows, self.stands_at)
        return await publish(self, publisher, work)

    async def write_and_transact(self: Committer, producer: Any, publisher: Publisher, work: ChunkChanges) -> int:
        self.store.write(work.rows, self.stands_at)
        return await transact(self, producer, publisher, work)

    return patched((Committer, "_publish", write_and_publish), (Committer, "_transact", write_and_transact))


def store_claims_the_end() -> AbstractContextManager[None]:
    """The local store claims to stand where its own rows ended up, whoever's rows lie before them.

    A restore that looks whether the store has the rows before that end would put it right: it does not look.
    """
    publish, write = Committer._publish, PartitionState.write
    ends: dict[Any, int] = {}

    async def publish_and_note(self: Committer, publisher: Publisher, work: ChunkChanges) -> int:
        end = ends[self.store] = await publish(self, publisher, work)
        return end

    def write_at_end(self: PartitionState, rows: Mapping[bytes, bytes | None], offset: int, *rest: Any) -> None:
        write(self, rows, max(offset, ends[self.store]), *rest)

    async def trust(*_: Any) -> list[Any]:
        return []

    return patched(
        (app.engine.state.restore, "diverged", trust),
        (Committer, "_publish", publish_and_note),
        (PartitionState, "write", write_at_end),
    )


def offset_before_changelog() -> AbstractContextManager[None]:
    """The offset is offered for commit before anything else of the chunk."""
    chunk_of = Task._chunk

    async def acknowledge_first(self: Task[Any], chunk: list[Any]) -> None:
        self.acknowledged = chunk[-1].offset + 1
        await chunk_of(self, chunk)

    return patched((Task, "_chunk", acknowledge_first))


def offset_of_the_next_chunk() -> AbstractContextManager[None]:
    """Exactly once: the row that says how far the log is folded is in the transaction before that of its chunk."""

    def value(end: int) -> bytes:
        return folded.value(end + 1)

    return patched((app.engine.commit, "folded", SimpleNamespace(KEY=folded.KEY, value=value)))


def no_fence() -> AbstractContextManager[None]:
    """Each worker has transactional ids of its own: nobody is fenced, and what was open stays open."""

    def own_producer(settings: Settings, transactional_id: str | None = None, _follows: object = None) -> Producer:
        own = None if transactional_id is None else f"{transactional_id}-{CURRENT.get().name}"
        return new_producer(settings, own)

    return patched((app.engine.commit, "new_producer", own_producer))


def value_per_batch() -> AbstractContextManager[None]:
    """One row a batch, with its whole state, written anew by every chunk."""
    known: dict[int, tuple[Batch, list[Fact]]] = {}
    apply, finish, own_row = Batch.apply, ChunkChanges.finish, batches.row

    def remember(self: Batch, fact: Fact) -> Upload | None:
        known.setdefault(id(self), (self, []))[1].append(fact)
        return apply(self, fact)

    def finish_whole(self: ChunkChanges, *rest: Any) -> None:
        for batch_id in [batch_id for batch_id, facts in self._facts.items() if facts]:
            self._facts[batch_id] = list(known[id(self._batches[batch_id])][1])
        finish(self, *rest)

    def row(batch_id: str, facts: Sequence[Fact], number: int = 1) -> tuple[bytes, bytes]:
        return batches.prefix(batch_id) + _TWO_OFFSETS.pack(0, 0), own_row(batch_id, facts, number)[1]

    return patched((Batch, "apply", remember), (ChunkChanges, "finish", finish_whole), (batches, "row", row))


def key_without_last_offset() -> AbstractContextManager[None]:
    """The key of a row of facts holds its first offset only."""
    own_row = batches.row

    def row(batch_id: str, facts: Sequence[Fact], number: int = 1) -> tuple[bytes, bytes]:
        return batches.prefix(batch_id) + _TWO_OFFSETS.pack(facts[0].at, 0), own_row(batch_id, facts, number)[1]

    return patched((batches, "row", row))


def hop_acknowledges_first() -> AbstractContextManager[None]:
    """An input is offered for commit before the log has it."""
    pass_on = Repartitioner._pass_on

    async def acknowledge_first(self: Repartitioner) -> int:
        self.acknowledged.update(
            (place, queue.position) for place, queue in self._queues.items() if queue.position is not None
        )
        return await pass_on(self)

    return patched((Repartitioner, "_pass_on", acknowledge_first))


class _Blind(dict[tuple[int, int, bytes], int]):
    """Watermarks that nobody looks at."""

    def get(self, _: Any, default: Any = None) -> Any:
        return default


def no_watermark() -> AbstractContextManager[None]:
    """Repeats of the repartitioner are not told from redeliveries."""
    made = Watermarks.__init__

    def blind(self: Watermarks, *rows: Any) -> None:
        made(self, *rows)
        self.offsets = _Blind(self.offsets)

    return patched((Watermarks, "__init__", blind))


def uncommitted_restore() -> AbstractContextManager[None]:
    """The changelog is restored with what was never committed."""
    return patched((app.engine.state.restore, "new_reader", lambda _, **__: Reader(CURRENT.get(), committed=False)))


def read_before_fence() -> AbstractContextManager[None]:
    """State and offset are read while the former owner can still write."""
    fence, restore, acquire_all = Task.fence, app.engine.state.restore.restore, Process._acquire
    waiting: dict[Process, list[Task[Any]]] = {}

    async def later(self: Task[Any]) -> None:
        waiting.setdefault(CURRENT.get(), []).append(self)

    async def restore_and_fence(*arguments: Any) -> None:
        await restore(*arguments)
        for task in waiting.pop(CURRENT.get()):
            await fence(task)

    async def acquire(self: Process, engine: Any) -> Any:
        committed = await self._committed()
        await acquire_all(self, engine)
        return committed

    return patched(
        (Task, "fence", later), (app.engine.takeover, "restore", restore_and_fence), (Process, "_acquire", acquire)
    )
