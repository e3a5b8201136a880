"""The engine in the simulated world: names that it would find Kafka, RocksDB and the clock under."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import structlog

import app.engine.batches
import app.engine.clock
import app.engine.commit
import app.engine.repartition
import app.engine.state.restore
import app.engine.takeover
import app.engine.task
import app.engine.task_manager
import app.engine.ticker
import tables.counts_loader
from agents.chunk_changes import ChunkChanges
from app.engine.state.provenance import Provenance
from app.engine.task import Task
from app.engine.topics.ensure import log_topic
from app.settings import Settings
from tests.crash.clients import BATCH_BYTES, Producer, Reader
from tests.crash.clock import EPOCH_MS
from tests.crash.disk import SimulatedStore
from tests.crash.process import CURRENT
from tests.support.budgets import small_budgets

_SILENT = logging.CRITICAL


def _now() -> float:
    return asyncio.get_running_loop().time()


_TIME = SimpleNamespace(monotonic=_now, perf_counter=_now, time=lambda: EPOCH_MS / 1000 + _now())


def new_producer(_: Settings, transactional_id: str | None = None, _follows: Producer | None = None) -> Producer:
    """A producer of the process that asks."""
    return Producer(CURRENT.get(), transactional_id)


def new_reader(_: Settings, *, whole: bool) -> Reader:  # noqa: ARG001 - as the one that it stands for
    """A committed reader of the process that asks."""
    return Reader(CURRENT.get())


def _new_store(path: Path) -> SimulatedStore:
    return SimulatedStore(CURRENT.get(), path)


async def _ask(settings: Settings, _: Any) -> Provenance:
    """One cluster, whose topics are never made again; how far the group is, as it is now."""
    offsets = CURRENT.get().broker.offsets
    committed = {place.partition: offset for place, offset in offsets.items() if place.topic == log_topic(settings)}
    return Provenance("simulated", "changelog", "log", committed)


async def _settle(_: Task[Any], __: Provenance) -> None:
    """Nothing: what it writes once, before the first record, would only move the places that the runs strike at."""


async def _leaders_known(_: Any, topics: Iterable[str]) -> dict[str, int]:
    return {topic: CURRENT.get().broker.partitions[topic] for topic in topics}


def _finish(self: ChunkChanges, watermarks: Mapping[bytes, bytes], time_of: Callable[[int], int]) -> None:
    """As it is, but in one of the orders that sets of bytes can have: they have another one in every process."""
    for name in ("_settled", "_stale"):
        setattr(self, name, dict.fromkeys(sorted(getattr(self, name))))
    _own_finish(self, watermarks, time_of)


_own_finish = ChunkChanges.finish


@contextmanager
def simulated() -> Iterator[None]:
    """Within, the engine lives in the simulated world, and logs nothing."""
    replaced: list[tuple[Any, dict[str, Any]]] = [
        (app.engine.task_manager, {"new_producer": new_producer}),
        (app.engine.takeover, {"ask": _ask}),
        (app.engine.repartition, {"leaders_known": _leaders_known}),
        (app.engine.clock, {"time": _TIME}),
        (app.engine.batches, {"MAX_BATCH_BYTES": BATCH_BYTES, "time": _TIME}),
        (ChunkChanges, {"finish": _finish}),
        (Task, {"settle": _settle}),
        (app.engine.state.restore, {"new_reader": new_reader}),
        # It takes steps of so many milliseconds: on a busy machine, smaller ones.
        (tables.counts_loader, {"time": _TIME}),
        (app.engine.commit, {"new_producer": new_producer, "leaders_known": _leaders_known}),
        (app.engine.task, {"Store": _new_store, "time": _TIME}),
        (app.engine.ticker, {"time": _TIME}),
    ]
    configured = structlog.get_config()
    with ExitStack() as stack:
        stack.enter_context(small_budgets())
        for module, names in replaced:
            stack.enter_context(mock.patch.multiple(module, **names))
        # A logger that is first used here would be silent for ever, if it were kept.
        structlog.configure(
            wrapper_class=structlog.make_filtering_bound_logger(_SILENT), cache_logger_on_first_use=False
        )
        stack.callback(structlog.configure, **configured)
        yield
