"""Reads output messages and checks what is true of each alone and of all repeats together."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from tests.oracle import topics
from tests.oracle.expected import Identity
from tests.oracle.reading import is_moment
from tests.oracle.records import InputRecord, Json, OutputRecord, Position
from tests.oracle.verdict import Verdict

UUID_FROM_NAME = 5  # UUIDv5: made of a name, so that a repeat has the same


class _RawData(msgspec.Struct):
    data: msgspec.Raw


@dataclass(frozen=True)
class Emitted:
    """One output event; `data_bytes` are the bytes of `data` as they stood in the message."""

    record: OutputRecord
    identity: Identity
    envelope: Json
    data_bytes: bytes

    @property
    def data(self) -> Json:
        """The event."""
        found: Json = self.envelope["data"]
        return found

    @property
    def event_id(self) -> str:
        """The envelope's event id."""
        return str(self.envelope.get("event_id"))

    @property
    def batch(self) -> str:
        """The batch it is about."""
        return self.identity[1]

    @property
    def traceparent(self) -> str | None:
        """The trace it belongs to, or None."""
        metadata = self.envelope.get("metadata")
        return metadata.get("traceparent") if isinstance(metadata, dict) else None


@dataclass(frozen=True)
class DeadLetter:
    """One message on the dead-letter topic."""

    record: OutputRecord
    source: Position
    reason: str


def read_events(outputs: Iterable[OutputRecord], verdict: Verdict) -> list[Emitted]:
    """Read the output events; what can't be read, or has a wrong envelope, key or header, is a fault."""
    found: list[Emitted] = []
    for record in outputs:
        if record.topic not in topics.EVENTS_OUT:
            continue
        event, problems = _event(record)
        for problem in problems:
            verdict.fault(problem)
        if event is not None:
            found.append(event)
    _check_repeats(found, verdict)
    return found


@lru_cache(maxsize=8192)  # as the inputs
def _event(record: OutputRecord) -> tuple[Emitted | None, list[str]]:
    """Read one event, and what is wrong with it by itself. Not to be changed: the same is given again."""
    where = f"{record.topic}/{record.partition}/{record.offset}"
    try:
        envelope = json.loads(record.value or b"")
        raw = bytes(msgspec.json.decode(record.value or b"", type=_RawData).data)
        identity = _identity(record.topic, envelope["data"])
    except (ValueError, KeyError, TypeError, msgspec.MsgspecError) as error:
        return None, [f"{where} can't be read: {error!r}"]
    problems = [*_envelope_problems(record.topic, envelope), *_record_problems(record, envelope)]
    return Emitted(record, identity, envelope, raw), [f"{where}: {problem}" for problem in problems]


def _identity(topic: str, data: Json) -> Identity:
    batch = str(data["batch_id"])
    if topic in {topics.SLOT, topics.EXCESS}:
        return topic, batch, str(data["text_storage_id"])
    if topic == topics.EXPIRED:  # put back, an upload may expire a second time: another expiry
        return topic, batch, str(data["file_upload_id"]), str(data["pending_since"])
    return topic, batch


def _envelope_problems(topic: str, envelope: Json) -> list[str]:
    checks = {
        "event_type": envelope.get("event_type") == topic,
        "schema_version": envelope.get("schema_version") == 1,
        "data_schema_uri": envelope.get("data_schema_uri", "absent") is None,
        "source_service": isinstance(envelope.get("source_service"), str) and envelope["source_service"] != "",
        "metadata": envelope.get("metadata") is None or isinstance(envelope["metadata"], dict),
        "event_id": _uuid_version(envelope.get("event_id")) == UUID_FROM_NAME,
        "correlation_id": _uuid_version(envelope.get("correlation_id")) is not None,
        "event_timestamp": is_moment(envelope.get("event_timestamp")),
        "event": envelope["data"].get("event") == topics.EVENT_NAMES[topic],
    }
    return [
        f"{name} is wrong: {envelope.get(name, envelope['data'].get(name))!r}"
        for name, good in checks.items()
        if not good
    ]


def _record_problems(record: OutputRecord, envelope: Json) -> list[str]:
    key = envelope["data"].get("essay_id" if record.topic == topics.SLOT else "batch_id")
    problems = [] if record.key == str(key).encode() else [f"key {record.key!r} is not {key!r}"]
    problems += [
        f"header {name} is {record.header(name)!r}, the envelope has {envelope.get(name)!r}"
        for name in ("event_id", "event_type", "correlation_id")
        if record.header(name) is None or record.header(name) != envelope.get(name)
    ]
    return problems


def _uuid_version(value: Any) -> int | None:
    try:
        return UUID(value).version or 0
    except (ValueError, TypeError, AttributeError):
        return None


def _check_repeats(events: Sequence[Emitted], verdict: Verdict) -> None:
    """One identity, one event id, one `data`, byte for byte; and no event id for two identities."""
    by_identity: dict[Identity, Emitted] = {}
    owner_of_id: dict[str, Identity] = {}
    for event in events:
        first = by_identity.setdefault(event.identity, event)
        if first.event_id != event.event_id:
            verdict.fault(f"{event.identity} has two event ids: {first.event_id} and {event.event_id}")
        if first.data_bytes != event.data_bytes:
            verdict.fault(
                f"{event.identity} was emitted with two `data`: {first.data_bytes!r} and {event.data_bytes!r}"
            )
        if owner_of_id.setdefault(event.event_id, event.identity) != event.identity:
            verdict.fault(f"event id {event.event_id} is shared by {owner_of_id[event.event_id]} and {event.identity}")


def read_dead_letters(
    outputs: Iterable[OutputRecord], inputs: Sequence[InputRecord], verdict: Verdict
) -> dict[Position, list[DeadLetter]]:
    """Read the dead letters by the position of their input; each must hold that input's bytes and key, and say why."""
    known = {record.position: record for record in inputs}
    found: dict[Position, list[DeadLetter]] = {}
    for record in outputs:
        if record.topic != topics.DEAD:
            continue
        where = f"dead letter {record.partition}/{record.offset}"
        position = _source(record)
        if position is None:
            verdict.fault(f"{where} does not say where it came from: {record.headers!r}")
            continue
        original = known.get(position)
        if original is None:
            verdict.fault(f"{where} names an input that is not there: {position}")
            continue
        if record.value != original.value or record.key != original.key:
            verdict.fault(f"{where} does not have the bytes and key of {position}")
        reason = record.header("rollcall.reason")
        if not reason or record.header("rollcall.detail") is None:
            verdict.fault(f"{where} has no reason or no detail: {record.headers!r}")
        letters = found.setdefault(position, [])
        letters.append(DeadLetter(record, position, reason or ""))
        if letters[0].reason != reason:
            verdict.fault(f"{position} has two reasons: {letters[0].reason!r} and {reason!r}")
    return found


def _source(record: OutputRecord) -> Position | None:
    topic, partition, offset = (record.header(f"rollcall.source.{name}") for name in ("topic", "partition", "offset"))
    if topic is None or not (partition or "").isdecimal() or not (offset or "").isdecimal():
        return None
    return topic, int(partition or ""), int(offset or "")
