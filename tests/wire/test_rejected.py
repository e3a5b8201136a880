"""What can't be used is refused, with the reason that is true."""

import json
from typing import Any

import pytest

from app.wire.decode import RejectedError, batch_id_for_routing, decode
from tests.oracle import topics
from tests.support.events import Json, encode
from tests.support.malformed import malformed, oversized
from tests.wire.test_decode import MAX_BYTES, good, reason_of

ENVELOPE = ("event_id", "event_type", "event_timestamp", "source_service", "schema_version", "data")
REQUIRED = {
    topics.REGISTERED: ("essay_ids", "expected_essay_count", "course_code", "user_id"),
    topics.CONTENT: (
        "file_upload_id",
        "original_file_name",
        "raw_file_storage_id",
        "text_storage_id",
        "file_size_bytes",
        "timestamp",
    ),
    topics.FAILED: (
        "file_upload_id",
        "original_file_name",
        "raw_file_storage_id",
        "validation_error_code",
        "file_size_bytes",
        "timestamp",
    ),
}
FIELDS = [(topic, field) for topic, fields in REQUIRED.items() for field in fields]
TEXTS = {"course_code", "user_id", "validation_error_code"} | {
    field for _, field in FIELDS if field.startswith(("file_upload", "original", "raw", "text"))
}


def refused(topic: str, value: bytes | None, max_bytes: int = MAX_BYTES) -> RejectedError:
    with pytest.raises(RejectedError) as caught:
        decode(topic, value, max_bytes)
    return caught.value


@pytest.mark.parametrize(("topic", "field"), FIELDS)
def test_a_required_field_that_is_removed_is_missing(topic: str, field: str) -> None:
    event = good(topic)
    del event["data"][field]
    assert reason_of(event) == "missing_field"
    assert field in refused(topic, encode(event)).detail


@pytest.mark.parametrize("topic", topics.INPUTS)
@pytest.mark.parametrize("field", ENVELOPE)
def test_a_required_field_of_the_envelope_that_is_removed_is_missing(topic: str, field: str) -> None:
    event = good(topic)
    del event[field]
    assert reason_of(event, topic) == "missing_field"
    assert field in refused(topic, encode(event)).detail


@pytest.mark.parametrize(("topic", "field"), FIELDS)
def test_a_field_of_a_wrong_type_is_invalid(topic: str, field: str) -> None:
    wrong: list[Any] = [None, True, {}, [], 1.5, [[1]]]
    wrong += [7] if field in TEXTS or field == "essay_ids" else ["seven"]
    for value in wrong:
        assert reason_of(good(topic, **{field: value})) == "invalid_field", value
        assert field in refused(topic, encode(good(topic, **{field: value}))).detail or value == []


@pytest.mark.parametrize("topic", topics.INPUTS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_id", "no uuid"),
        ("event_id", 7),
        ("event_timestamp", "now"),
        ("source_service", None),
        ("schema_version", "1"),
        ("correlation_id", "no uuid"),
        ("correlation_id", ""),
        ("data", None),
        ("data", []),
        ("metadata", []),
        ("metadata", "x"),
        ("event_type", 7),
        ("event_type", None),
        ("data_schema_uri", 7),
    ],
)
def test_a_field_of_the_envelope_of_a_wrong_type_is_invalid(topic: str, field: str, value: Any) -> None:
    assert reason_of(good(topic) | {field: value}, topic) == "invalid_field"


@pytest.mark.parametrize(
    ("topic", "field", "value"),
    [
        (topics.REGISTERED, "essay_ids", []),
        (topics.REGISTERED, "essay_ids", ["e", "e"]),
        (topics.REGISTERED, "essay_ids", ["e", ""]),
        (topics.REGISTERED, "essay_ids", ["e", None]),
        (topics.REGISTERED, "course_code", "ENG8"),
        (topics.REGISTERED, "course_code", "eng5"),
        (topics.REGISTERED, "org_id", 7),
        (topics.REGISTERED, "class_id", []),
        (topics.REGISTERED, "student_prompt_ref", "x"),
        (topics.REGISTERED, "student_prompt_ref", []),
        (topics.REGISTERED, "essay_instructions", {}),
        (topics.CONTENT, "file_upload_id", ""),
        (topics.CONTENT, "text_storage_id", ""),
        (topics.CONTENT, "content_md5_hash", 7),
        (topics.CONTENT, "correlation_id", "no uuid"),
        (topics.FAILED, "file_upload_id", ""),
        (topics.FAILED, "validation_error_detail", "x"),
        (topics.FAILED, "validation_error_detail", []),
    ],
)
def test_a_field_of_a_wrong_value_is_invalid(topic: str, field: str, value: Any) -> None:
    assert reason_of(good(topic, **{field: value})) == "invalid_field"


@pytest.mark.parametrize("topic", topics.INPUTS)
@pytest.mark.parametrize("field", ["correlation_id", "data_schema_uri", "metadata"])
def test_what_may_be_null_may_be_absent(topic: str, field: str) -> None:
    event = good(topic)
    if field == "correlation_id" and topic == topics.REGISTERED:
        return
    with_null = decode(topic, encode(event | {field: None}), MAX_BYTES)
    del event[field]
    assert decode(topic, encode(event), MAX_BYTES) == with_null


@pytest.mark.parametrize("topic", topics.INPUTS)
def test_another_event_is_an_unknown_one_whatever_it_lacks(topic: str) -> None:
    for event_type in ("", "another.v1", topic.replace("v1", "v2"), *(set(topics.INPUTS) - {topic})):
        assert reason_of(good(topic) | {"event_type": event_type}, topic) == "unknown_event"
        assert refused(topic, json.dumps({"event_type": event_type}).encode()).reason == "unknown_event"
    assert reason_of(good(topic) | {"schema_version": 2}) == "unknown_event"


@pytest.mark.parametrize("topic", topics.INPUTS)
def test_a_null_value_is_named_so(topic: str) -> None:
    assert refused(topic, None).reason == "null_value"
    assert batch_id_for_routing(None) is None


def test_the_limit_is_exact() -> None:
    message = oversized("limit", 4096)
    assert message.value is not None
    assert decode(message.topic, message.value, 4096).batch_id
    caught = refused(message.topic, message.value, 4095)
    assert caught.reason == "oversized"
    assert "4096" in caught.detail
    assert "ROLLCALL_MAX_MESSAGE_BYTES" in caught.detail


@pytest.mark.parametrize(
    ("topic", "field"),
    [
        (topics.REGISTERED, "entity_id"),
        (topics.CONTENT, "entity_id"),
        (topics.CONTENT, "file_upload_id"),
        (topics.CONTENT, "text_storage_id"),
        (topics.FAILED, "entity_id"),
        (topics.FAILED, "file_upload_id"),
        (topics.REGISTERED, "essay_ids"),
    ],
)
def test_an_id_that_is_too_long_or_has_a_nul_is_invalid(topic: str, field: str) -> None:
    def with_id(value: str) -> Json:
        event = good(topic)
        event["data"][field] = ["e", value] if field == "essay_ids" else value
        return event

    for fine in ("x" * 1000, "å" * 1000, "a b/\x01"):
        decode(topic, encode(with_id(fine)), MAX_BYTES)
    for wrong in ("x" * 1001, "a\0b", "\0"):
        assert reason_of(with_id(wrong)) == "invalid_field"


def test_a_nul_that_is_in_no_id_is_text() -> None:
    assert decode(topics.CONTENT, encode(good(topics.CONTENT, original_file_name="a\0b")), MAX_BYTES).batch_id == "b"


CASES = dict(malformed("core"))


@pytest.mark.parametrize("name", CASES)
def test_every_malformed_message_is_refused_with_a_reason(name: str) -> None:
    message = CASES[name]
    caught = refused(message.topic, message.value)
    assert caught.reason in {
        "null_value", "oversized", "malformed", "unknown_event", "missing_field", "invalid_field",
    }  # fmt: skip
    assert caught.detail


@pytest.mark.parametrize("topic", topics.INPUTS)
def test_the_detail_of_a_refusal_is_short_whatever_the_message_holds(topic: str) -> None:
    """It becomes a header and a line of the log."""
    long = "\x01" * 100_000
    events: list[Json] = [good(topic) | {"event_type": long}, good(topic)]
    events[1]["data"] |= {"entity_id": "x" + long, "batch_id": "y" + long}
    for event in events:
        assert len(refused(topic, encode(event)).detail) <= 2000
