"""Good messages of every generation are read; what they lack or have too much of follows the contract."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core import events
from app.core.events import Content, Failure, Registration
from app.wire.decode import Decoded, RejectedError, batch_id_for_routing, decode
from app.wire.inputs import INPUTS
from tests.oracle import topics
from tests.support.events import STYLES, Json, Style, content, encode, failure, registration

MAX_BYTES = 1_048_576
TRACED = Style(traced=True)


def read(event: Json, topic: str | None = None) -> Decoded:
    return decode(topic or event["event_type"], encode(event), MAX_BYTES)


def reason_of(event: Json, topic: str | None = None) -> str:
    with pytest.raises(RejectedError) as caught:
        read(event, topic)
    assert str(caught.value) == f"{caught.value.reason}: {caught.value.detail}"
    return caught.value.reason


def good(topic: str, style: Style | None = None, **changes: Any) -> Json:
    style = style or Style()
    if topic == topics.REGISTERED:
        return registration("b", ["e", "f"], style=style, **changes)
    if topic == topics.CONTENT:
        return content("b", "u", "t", style=style, **changes)
    return failure("b", "u", style=style, **changes)


@pytest.mark.parametrize("topic", topics.INPUTS)
@pytest.mark.parametrize("style", STYLES, ids=str)
def test_every_generation_of_producers_is_read_alike(topic: str, style: Style) -> None:
    plain = good(topic, Style(traced=style.traced))
    written = good(topic, style, **{key: plain["data"][key] for key in ("essay_instructions",) if key in plain["data"]})
    plainly, other = read(plain), read(written)
    assert plainly.batch_id == other.batch_id == "b"
    if not isinstance(plainly.event, Failure):  # its detail is passed on as written, Z or offset
        assert plainly.event.__class__ is other.event.__class__
        for name in plainly.event.__struct_fields__:
            if name != "traceparent":  # the trace is named after the whole event
                assert getattr(plainly.event, name) == getattr(other.event, name)
    assert (other.event.traceparent is not None) == style.traced


def test_a_registration_is_reduced_to_what_the_rules_and_outputs_need() -> None:
    event = good(topics.REGISTERED, TRACED, org_id="school", class_id="class", essay_instructions="Skriv.")
    found = read(event).event
    assert found == Registration(
        essay_ids=("e", "f"),
        course_code=event["data"]["course_code"],
        user_id=event["data"]["user_id"],
        org_id="school",
        class_id="class",
        student_prompt_ref=json.dumps(
            event["data"]["student_prompt_ref"], ensure_ascii=False, separators=(",", ":"), sort_keys=True
        ),
        essay_instructions="Skriv.",
        correlation_id=event["correlation_id"],
        moment=moment(event["event_timestamp"]),
        traceparent=event["metadata"]["traceparent"],
    )


def test_a_content_is_reduced_to_what_the_rules_and_outputs_need() -> None:
    event = good(topics.CONTENT, TRACED)
    assert read(event).event == Content(
        upload_id="u",
        text_id="t",
        file_name=event["data"]["original_file_name"],
        correlation_id=event["correlation_id"],
        moment=moment(event["data"]["timestamp"]),
        traceparent=event["metadata"]["traceparent"],
    )


def test_a_failure_is_reduced_to_what_the_rules_and_outputs_need() -> None:
    event = good(topics.FAILED)
    found = read(event).event
    assert isinstance(found, Failure)
    assert json.loads(found.detail) == event["data"]["validation_error_detail"]
    assert (found.upload_id, found.file_name, found.code) == (
        "u",
        event["data"]["original_file_name"],
        event["data"]["validation_error_code"],
    )
    assert (found.correlation_id, found.moment) == (event["correlation_id"], moment(event["data"]["timestamp"]))


def moment(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00", 0),  # without a zone: UTC
        ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2026-03-02T08:00:00.123456Z", 1_772_438_400_123_456),
    ],
)
def test_moments_are_exact_microseconds_in_utc(text: str, expected: int) -> None:
    assert read(good(topics.CONTENT, timestamp=text)).event.moment == expected


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+14:00",  # in UTC it is before the year 1
        "9999-12-31T23:59:59.999999-14:00",  # and this after 9999
        "10000-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "yesterday",
        "",
        1_772_438_400,
        None,
    ],
)
def test_a_moment_that_is_none_is_an_invalid_field(text: Any) -> None:
    assert reason_of(good(topics.CONTENT, timestamp=text)) == "invalid_field"
    assert reason_of(good(topics.FAILED, timestamp=text)) == "invalid_field"
    assert reason_of(good(topics.REGISTERED) | {"event_timestamp": text}) == "invalid_field"


@pytest.mark.parametrize("topic", topics.INPUTS)
def test_unknown_fields_are_ignored_at_every_level(topic: str) -> None:
    event = good(topic, TRACED)
    before = read(event)
    for holder in (event, event["data"], event["metadata"]):
        holder["something_new"] = {"deep": [1, {"x": None}]}
    if topic == topics.REGISTERED:
        event["data"]["metadata"]["something_new"] = 1
    if topic == topics.FAILED:
        event["data"]["validation_error_detail"]["something_new"] = 1
    assert read(event) == before


@pytest.mark.parametrize("metadata", [None, {}, "flat", 7, [1], {"entity": None}])
def test_nothing_depends_on_the_metadata_of_a_registration(metadata: Any) -> None:
    assert read(good(topics.REGISTERED, metadata=metadata)) == read(good(topics.REGISTERED))


def test_an_expected_count_that_differs_is_a_remark_and_the_ids_stand() -> None:
    decoded = read(good(topics.REGISTERED, expected_essay_count=25))
    assert isinstance(decoded.event, Registration)
    assert decoded.event.essay_ids == ("e", "f")
    assert decoded.remark is not None
    assert "25" in decoded.remark
    assert "2" in decoded.remark.replace("25", "")
    assert read(good(topics.REGISTERED)).remark is None


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_class_id_is_null(empty: str | None) -> None:
    found = read(good(topics.REGISTERED, class_id=empty)).event
    assert isinstance(found, Registration)
    assert found.class_id is None


@pytest.mark.parametrize("topic", [topics.CONTENT, topics.FAILED])
def test_the_correlation_id_is_the_envelopes_else_the_datas(topic: str) -> None:
    plainly, other = "0b9d9b7e-8f0e-4d7b-9a37-2f2f6a1c9c55", "7d9f4c0e-0f6b-4f7e-8b15-3e6f3a0d9b11"
    event = good(topic, correlation_id=other) | {"correlation_id": plainly}
    assert read(event).event.correlation_id == plainly
    for absent in ({"correlation_id": None}, {}):
        without = {key: value for key, value in event.items() if key != "correlation_id"} | absent
        assert read(without).event.correlation_id == other
        del_both = without | {"data": {key: value for key, value in event["data"].items() if key != "correlation_id"}}
        assert reason_of(del_both) == "missing_field"


def test_a_registration_without_a_correlation_id_is_missing_it() -> None:
    assert reason_of(good(topics.REGISTERED) | {"correlation_id": None}) == "missing_field"


@pytest.mark.parametrize("topic", topics.INPUTS)
@pytest.mark.parametrize(
    ("names", "batch"),
    [
        ({"entity_id": "x"}, "x"),
        ({"batch_id": "x"}, "x"),
        ({"entity_id": "x", "batch_id": "x"}, "x"),
        ({"entity_id": None, "batch_id": "x"}, "x"),
        ({"entity_id": "x", "batch_id": None}, "x"),
    ],
)
def test_the_batch_id_may_have_either_name(topic: str, names: Json, batch: str) -> None:
    event = good(topic)
    del event["data"]["entity_id"]
    event["data"] |= names
    assert read(event).batch_id == batch
    assert batch_id_for_routing(encode(event)) == batch


@pytest.mark.parametrize("topic", topics.INPUTS)
@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ({}, "missing_field"),
        ({"entity_id": None}, "missing_field"),
        ({"entity_id": None, "batch_id": None}, "missing_field"),
        ({"entity_id": ""}, "invalid_field"),
        ({"batch_id": ""}, "invalid_field"),
        ({"entity_id": "x", "batch_id": "y"}, "invalid_field"),
        ({"entity_id": "x", "batch_id": ""}, "invalid_field"),
        ({"entity_id": "", "batch_id": "x"}, "invalid_field"),
        ({"entity_id": 7}, "invalid_field"),
        ({"batch_id": ["x"]}, "invalid_field"),
    ],
)
def test_a_batch_id_that_is_not_one_is_refused(topic: str, names: Json, reason: str) -> None:
    event = good(topic)
    del event["data"]["entity_id"]
    event["data"] |= names
    assert reason_of(event) == reason


def test_a_traceparent_that_is_no_text_is_not_passed_on() -> None:
    for metadata in (None, {}, {"traceparent": 7}, {"traceparent": None}):
        assert read(good(topics.CONTENT) | {"metadata": metadata}).event.traceparent is None


def test_an_unknown_topic_is_an_error_and_no_registration() -> None:
    with pytest.raises(KeyError):
        decode("another.topic", b"{}", 100)


def test_the_inputs_are_in_the_order_of_their_codes() -> None:
    assert tuple(INPUTS) == events.INPUTS
