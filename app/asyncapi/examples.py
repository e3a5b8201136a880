"""Real messages: a story of three batches, played through decode, fold and encode as a worker does it.

Nothing of what Rollcall writes is written by hand here. Times, positions and ids are fixed, so the same code makes
the same examples, byte for byte.
"""

import base64
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import msgspec

from agents.join import Join
from agents.rekey import Rekey
from app.core import names
from app.core.acts import Extend
from app.engine.kafka.partitioner import partition_for
from app.engine.state.memory_store import MemoryStore
from app.settings import Settings
from app.wire.acts import encode as encode_act
from app.wire.inputs import INPUTS
from app.wire.record import TICK_HEADER, RecordHeaders
from tables.partition_state import PartitionState

_START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
_DAY = 86_400  # seconds


class Example(NamedTuple):
    """A message. Binary parts (headers of the log) are in Base 64; ``value`` is JSON, text, or None for empty bytes."""

    topic: str
    name: str
    headers: dict[str, str]
    value: Any


class _Record(NamedTuple):
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders


def examples(log_topic: str) -> list[Example]:
    """One or more of each topic but the changelog, whose records are no text."""
    settings = Settings.model_construct(datadir=None)
    rekey = Rekey(1, partition_for)
    log: list[_Record] = []
    found: list[Example] = []
    for offset, (topic, seconds, key, value, name) in enumerate(_story()):
        record = _Record(topic, 0, offset, _at(seconds), key, value, [])
        if name != "malformed":
            found.append(Example(topic, name, {}, msgspec.json.decode(value)))
        ((_, new_key, same, headers),) = rekey.route(topic, 0, [record])
        log.append(_Record(log_topic, 0, len(log), _at(seconds), new_key, same, headers))
        if not offset:
            found.append(Example(log_topic, "input", _base64(headers), msgspec.json.decode(value)))
    act_key, act_value, act_headers = encode_act(_BATCHES[1], Extend(_id("act"), "ada", "The courier is late.", 3600))
    log.append(_Record(log_topic, 0, len(log), _at(600), act_key, act_value, act_headers))
    found.append(Example(log_topic, "act", _base64(act_headers), msgspec.json.decode(act_value)))
    tick: RecordHeaders = [(TICK_HEADER, b"")]
    log.append(_Record(log_topic, 0, len(log), _at(2 * _DAY), None, b"", tick))
    found.append(Example(log_topic, "tick", _base64(tick), None))
    found.extend(_said(log, settings))
    return found


def _said(log: Sequence[_Record], settings: Settings) -> Iterator[Example]:
    """What is published for the log: the first message of each topic."""
    tables = PartitionState(MemoryStore(), settings.cache_uploads)
    work = Join(0, tables, settings, lambda: _START + timedelta(seconds=90)).fold(log)
    topics: set[str] = set()
    for topic, _, value, headers in work.outputs:
        if topic in topics or value is None:
            continue
        topics.add(topic)
        texts = {name: "" if content is None else content.decode() for name, content in headers}
        letter = topic == names.DEAD_LETTER
        yield Example(topic, "first", texts, value.decode() if letter else msgspec.json.decode(value))


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"rollcall/{name}"))


_BATCHES = tuple(_id(f"batch/{number}") for number in range(3))


#: The inputs that the story has; of every other one it has a plain example, made of the model.
_TOLD = (names.REGISTERED, names.CONTENT, names.FAILED)


def _story() -> Iterator[tuple[str, float, bytes, bytes, str]]:
    """Topic, time (seconds), key, value and name of each input."""
    first, late, lonely = _BATCHES
    yield _content(first, 0, "an early content")
    yield _registered(first, 1.5, ("essay-1", "essay-2"))
    yield _failed(first, 2)
    yield _content(first, 3, "one too many")
    yield _registered(late, 4, ("essay-1",))
    yield _content(lonely, 5, "of a batch that nobody registers")
    yield names.CONTENT, 6, b"no-id", b'{"event_type": "huleedu.file', "malformed"
    for number, topic in enumerate(topic for topic in INPUTS if topic not in _TOLD):
        yield plain(topic, first, 7 + number)


def _registered(batch: str, seconds: float, slots: Sequence[str]) -> tuple[str, float, bytes, bytes, str]:
    data = {
        "entity_id": batch,
        "essay_ids": slots,
        "expected_essay_count": len(slots),
        "course_code": "ENG5",
        "user_id": _id("teacher"),
        "org_id": None,
        "class_id": _id("class"),
        "student_prompt_ref": {"references": {"prompt": {"content_id": _id("prompt")}}},
    }
    value = _envelope(names.REGISTERED, "batch-service", seconds, _id(f"registration/{batch}"), data)
    return names.REGISTERED, seconds, batch.encode(), value, "registration"


def _content(batch: str, seconds: float, name: str) -> tuple[str, float, bytes, bytes, str]:
    upload = _id(f"upload/{batch}/{name}")
    data = {
        "entity_id": batch,
        "file_upload_id": upload,
        "original_file_name": f"{name}.docx",
        "raw_file_storage_id": _id(f"raw/{upload}"),
        "text_storage_id": _id(f"text/{upload}"),
        "file_size_bytes": 20_480,
        "content_md5_hash": None,
        "correlation_id": _id(f"correlation/{upload}"),
        "timestamp": _moment(seconds),
    }
    value = _envelope(names.CONTENT, "file-service", seconds, _id(f"correlation/{upload}"), data)
    return names.CONTENT, seconds, upload.encode(), value, name


def _failed(batch: str, seconds: float) -> tuple[str, float, bytes, bytes, str]:
    upload = _id(f"upload/{batch}/broken")
    correlation_id, code = _id(f"correlation/{upload}"), "TEXT_EXTRACTION_FAILED"
    data = {
        "entity_id": batch,
        "file_upload_id": upload,
        "original_file_name": "broken.pdf",
        "raw_file_storage_id": _id(f"raw/{upload}"),
        "validation_error_code": code,
        "validation_error_detail": {
            "error_code": code,
            "message": "The file could not be read.",
            "correlation_id": correlation_id,
            "timestamp": _moment(seconds),
            "service": "file-service",
            "operation": "validate_content",
            "details": {},
        },
        "file_size_bytes": 512,
        "correlation_id": correlation_id,
        "timestamp": _moment(seconds),
    }
    return (
        names.FAILED,
        seconds,
        upload.encode(),
        _envelope(names.FAILED, "file-service", seconds, correlation_id, data),
        "failure",
    )


def plain(topic: str, batch: str, seconds: float) -> tuple[str, float, bytes, bytes, str]:
    """A message with a value of the right kind in each field that an input's model requires."""
    fields = msgspec.structs.fields(INPUTS[topic].model)
    data = {"entity_id": batch} | {
        field.name: _plain(msgspec.inspect.type_info(field.type), field.name, seconds)
        for field in fields
        if field.required or field.name == "correlation_id"  # one of its two places has to have it
    }
    value = _envelope(topic, "file-service", seconds, _id(f"correlation/{topic}"), data)
    return topic, seconds, batch.encode(), value, INPUTS[topic].word


def _plain(kind: msgspec.inspect.Type, name: str, seconds: float) -> Any:
    if isinstance(kind, msgspec.inspect.DateTimeType):
        return _moment(seconds)
    if isinstance(kind, msgspec.inspect.LiteralType):
        return kind.values[0]
    if isinstance(kind, msgspec.inspect.VarTupleType | msgspec.inspect.ListType):
        return [_plain(kind.item_type, name, seconds)]
    plain_values = {
        msgspec.inspect.IntType: 1,
        msgspec.inspect.FloatType: 1.0,
        msgspec.inspect.BoolType: True,
        msgspec.inspect.DictType: {},
    }
    return plain_values.get(type(kind), _id(name))  # a text, or a UUID


def _envelope(topic: str, service: str, seconds: float, correlation_id: str, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode(
        {
            "event_id": _id(f"event/{topic}/{seconds}"),
            "event_type": topic,
            "event_timestamp": _moment(seconds),
            "source_service": service,
            "schema_version": 1,
            "correlation_id": correlation_id,
            "data_schema_uri": None,
            "data": data,
            "metadata": None,
        }
    )


def _moment(seconds: float) -> str:
    return (_START + timedelta(seconds=seconds)).isoformat()


def _at(seconds: float) -> int:
    """Log time in milliseconds."""
    return round((_START.timestamp() + seconds) * 1000)


def _base64(headers: RecordHeaders) -> dict[str, str]:
    return {name: base64.b64encode(value or b"").decode() for name, value in headers}
