"""The spans, by OpenTelemetry's conventions for messaging and Kafka.

==============================  ==========  ==========================================  ============================
span                            kind        child of                                    links to
==============================  ==========  ==========================================  ============================
``rekey`` an input topic        consumer    the message's ``traceparent``               -
``process`` the log             consumer    none: a chunk is many messages              its messages' ``traceparent``
``commit`` the log              client      the chunk                                   -
``join`` the log                consumer    the message's ``traceparent``               the chunk
``send`` ...batch.essays.ready  producer    the registration's ``traceparent``, or the  the ``traceparent`` of each
                                            chunk                                       upload in a slot
==============================  ==========  ==========================================  ============================

A message without a ``traceparent`` is in its chunk, and has no span of its own. Whether a span is kept is the
sampler's to say: by default it keeps what the message's sender has kept. A chunk of messages whose senders kept none
has no span. Bounds: :data:`MOST` spans of messages a
chunk, and the SDK's limit of links a span (``OTEL_SPAN_LINK_COUNT_LIMIT``, 128); what is left out is counted in an
attribute.
"""

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    set_span_in_context,
)

from app.core import names
from app.engine.ports import Record
from app.settings import Settings
from app.version import release
from app.wire.record import read_source
from app.wire.traceparent import Trace, of_message, parse

if TYPE_CHECKING:
    from agents.chunk_changes import ChunkChanges

#: Spans of messages a chunk. The SDK's queue holds 2,048, of both stages: what comes beside it is lost with a line.
MOST = 1000

_NS = 1_000_000_000


class Spans:
    """Makes the spans of a worker. Called on its loop, when what they tell of is durable."""

    def __init__(self, provider: TracerProvider, settings: Settings) -> None:
        self._tracer = provider.get_tracer("rollcall", release())
        self._log = settings.log_topic
        self._common = {"messaging.system": "kafka", "messaging.consumer.group.name": settings.app_id}
        self._most_links = SpanLimits().max_links or 0

    def rekeyed(self, records: Iterable[tuple[str, int, int, Trace]], began: int) -> None:
        """The log has taken inputs (topic, partition, offset and trace of each), whose re-keying ``began`` (ns)."""
        now, kept = time.time_ns(), 0
        for topic, partition, offset, trace in records:
            span = self._start("rekey", topic, partition, _parent(trace), began, {"messaging.kafka.offset": offset})
            kept += span.is_recording()
            span.end(now)
            if kept >= MOST:
                break

    def processed(
        self, partition: int, records: Sequence[Record], changes: "ChunkChanges", seconds: tuple[float, float]
    ) -> None:
        """Changes are done for records of the log; ``seconds`` are those of the fold and of the publication."""
        now = time.time_ns()
        published = now - round(seconds[1] * _NS)
        began = published - round(seconds[0] * _NS)
        traces = [(record, trace) for record in records if (trace := of_message(record.value)) is not None]
        chunk: Span = INVALID_SPAN
        if not traces or any(trace.sampled for _, trace in traces):
            links, left_out = self._links(trace for _, trace in traces)
            attributes: dict[str, Any] = {"messaging.batch.message_count": len(records), **left_out}
            if records:
                attributes["messaging.kafka.offset"] = records[0].offset
            chunk = self._start("process", self._log, partition, Context(), began, attributes, links)
        inside = set_span_in_context(chunk, Context())
        if chunk.is_recording():
            end = {"messaging.kafka.offset": changes.end}
            commit = self._start("commit", self._log, partition, inside, published, end, kind=SpanKind.CLIENT)
            commit.end(now)
        context = chunk.get_span_context()
        kept = done = 0
        for done, (record, trace) in enumerate(traces, 1):  # noqa: B007 - how many were looked at
            span = self._start("join", self._log, partition, _parent(trace), began, _of_record(record), [Link(context)])
            kept += span.is_recording()
            span.end(now)
            if kept >= MOST:
                break
        if done < len(traces):
            chunk.set_attribute("rollcall.messages_without_span", len(traces) - done)
        for _, output in changes.others:
            if output[0] == names.READY:
                self._ready((output[1] or b"").decode(), changes, inside, published, now)
        chunk.end(now)

    def _ready(self, batch_id: str, changes: "ChunkChanges", inside: Context, began: int, now: int) -> None:
        batch = changes.touched[batch_id]
        uploads = [parse(upload.traceparent) for upload in batch.slots if upload is not None]
        links, left_out = self._links(trace for trace in uploads if trace is not None)
        registration = None if batch.registration is None else parse(batch.registration.traceparent)
        parent = inside if registration is None else _parent(registration)
        attributes = {"messaging.kafka.message.key": batch_id, "rollcall.batch_id": batch_id, **left_out}
        span = self._start("send", names.READY, None, parent, began, attributes, links, SpanKind.PRODUCER)
        span.end(now)

    def _links(self, traces: Iterable[Trace]) -> tuple[list[Link], dict[str, int]]:
        """Links to each of the senders' spans once, and an attribute with the number of those that are too many."""
        known = list(dict.fromkeys(traces))
        links = [Link(_context(trace)) for trace in known[: self._most_links]]
        return links, {"rollcall.links_left_out": len(known) - len(links)} if len(known) > len(links) else {}

    def _start(  # noqa: PLR0913, PLR0917 - the parts of a span
        self,
        operation: str,
        topic: str,
        partition: int | None,
        parent: Context,
        began: int,
        attributes: dict[str, Any],
        links: Sequence[Link] = (),
        kind: SpanKind = SpanKind.CONSUMER,
    ) -> Span:
        attributes = {
            **self._common,
            "messaging.destination.name": topic,
            "messaging.operation.name": operation,
            "messaging.operation.type": _TYPES[operation],
            **attributes,
        }
        if partition is not None:
            attributes["messaging.destination.partition.id"] = str(partition)
        if operation == "send":
            del attributes["messaging.consumer.group.name"]
        name = f"{operation} {topic}"
        return self._tracer.start_span(name, parent, kind, attributes, links, start_time=began)


#: The conventions' kinds of operations, by our own names for them.
_TYPES = {"rekey": "process", "process": "process", "join": "process", "commit": "settle", "send": "send"}


def _of_record(record: Record) -> dict[str, Any]:
    """What a span says of a record of the log: where it stands, its batch, and the input that it was made from."""
    attributes: dict[str, Any] = {"messaging.kafka.offset": record.offset}
    if record.key is not None:
        attributes["messaging.kafka.message.key"] = attributes["rollcall.batch_id"] = record.key.decode(
            errors="replace"
        )
    source = read_source(record.headers)
    if source is not None:
        attributes["rollcall.source.topic"] = names.INPUTS[source.topic]
        attributes["rollcall.source.partition"] = source.partition
        attributes["rollcall.source.offset"] = source.offset
    return attributes


def _context(trace: Trace) -> SpanContext:
    return SpanContext(int(trace.trace_id, 16), int(trace.span_id, 16), True, TraceFlags(trace.flags))  # noqa: FBT003 - remote


def _parent(trace: Trace) -> Context:
    return set_span_in_context(NonRecordingSpan(_context(trace)), Context())
