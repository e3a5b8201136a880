"""A real task and a real repartitioner on a producer of memory, with spans that an exporter of memory keeps."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.engine.task import Task
from app.settings import Settings
from app.topology import topology
from app.tracing.stages import traced
from tests.engine.fakes import Producer
from tests.engine.rig import of_log, started
from tests.support.events import Json, Message, content, failure, message, registration, uid
from tests.support.patience import PATIENCE


class Rig:
    """A task with spans. ``failures`` is what it gave up with."""

    def __init__(self, settings: Settings, producer: Producer) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.settings, self.producer = settings, producer
        self.failures: list[BaseException] = []
        self.topology = traced(topology(settings), settings, provider)
        self.task = Task(0, settings, self.topology, producer, self.failures.append, self.failures.append)

    def feed(self, sent: Sequence[Message], start: int = 0) -> None:
        """Hand inputs to the task, as the log has them, in one chunk."""
        self.task.queue.offer(of_log(self.settings, sent, start))

    @property
    def spans(self) -> list[ReadableSpan]:
        """The finished spans."""
        return list(self.exporter.get_finished_spans())

    def named(self, operation: str) -> list[ReadableSpan]:
        """Those of an operation, in the order of their offsets."""
        found = [span for span in self.spans if span.name.split()[0] == operation]
        return sorted(found, key=lambda span: (span.attributes or {}).get("messaging.kafka.offset", 0))  # type: ignore[arg-type,return-value]


@asynccontextmanager
async def running(
    monkeypatch: pytest.MonkeyPatch, home: Path, guarantee: Any = "exactly_once", **producer: Any
) -> AsyncIterator[Rig]:
    """A task that runs."""
    settings = Settings(datadir=home, processing_guarantee=guarantee, partitions=1, session_timeout_seconds=1)
    rig = Rig(settings, Producer(**producer))
    async with started(monkeypatch, rig.task, rig.producer):
        yield rig


async def until(true: Callable[[], Any]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - what is waited for announces nothing
            await asyncio.sleep(0.01)


def trace_of(name: str) -> tuple[str, str]:
    """The trace id and span id of what a test calls so."""
    found = uid("a trace", name).replace("-", "")
    return found, found[8:24]


def traced_event(event: Json, name: str | None, flags: str = "01") -> Message:
    """An envelope with the trace of that name, or with none."""
    if name is None:
        return message(event | {"metadata": None})
    trace, span = trace_of(name)
    return message(event | {"metadata": {"traceparent": f"00-{trace}-{span}-{flags}"}})


def batch_of(name: str, uploads: int, failures: int = 0, *, flags: str = "01") -> list[Message]:
    """A registration and its uploads, each with a trace of its own: ``name/r``, ``name/0``, ``name/1`` and on."""
    slots = [f"{name}-{number}" for number in range(uploads)]
    events = [registration(name, slots)]
    events += [content(name, f"{name}-u{number}", f"{name}-t{number}") for number in range(uploads - failures)]
    events += [failure(name, f"{name}-u{number}") for number in range(uploads - failures, uploads)]
    names = ["r", *map(str, range(uploads))]
    return [traced_event(event, f"{name}/{part}", flags) for event, part in zip(events, names, strict=True)]
