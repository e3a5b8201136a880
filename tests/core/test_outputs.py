"""What is said: every output parses strictly, is keyed and named as the contract has it, and says the right things."""

import json
from typing import Any

import pytest
from hypothesis import given

from app.core.events import Policy, Source
from app.core.messages import Message as Said
from app.core.outputs import Expiry, expired
from app.wire.encode import encode
from tests.core.examples import examples
from tests.core.models import MODELS, BatchEssaysReady, Envelope
from tests.core.play import EMITTED_AT, START, Played, data_bytes, play, played
from tests.core.sequences import sequences
from tests.oracle import topics
from tests.support.events import Style, content, essay_ids, failure, message, registration

DAY = 86_400_000  # ms


def every_kind() -> list[Said]:
    """Return at least one event of each topic."""
    found = play("C0 R3 C1 F2 C3")
    late = play("R3 C0").tick(START + DAY).outputs
    held = play("C0")
    (expiry,) = held.tick(START + DAY).outputs
    assert isinstance(expiry, Expiry)
    gone = expired("b", expiry, Source(1, 0, 0), held.inputs[0].value or b"")
    return [*found.said, *(output for output in late if isinstance(output, Said)), gone]


def test_every_output_parses_strictly_and_is_of_its_topic() -> None:
    assert {output.topic for output in every_kind()} == set(topics.EVENTS_OUT) == set(MODELS)
    for answer in every_kind():
        check(answer)


@examples(80)
@given(sequences())
def test_whatever_is_said_parses_strictly(sequence: str) -> None:
    for output in play(sequence).said:
        check(output)


def check(record: Said) -> None:
    value, headers = encode(record, EMITTED_AT, "some-service")
    envelope = Envelope.model_validate_json(value)
    data = MODELS[record.topic].model_validate(envelope.data)
    assert data.event == topics.EVENT_NAMES[record.topic]  # type: ignore[attr-defined]
    assert envelope.event_type == record.topic
    assert envelope.source_service == "some-service"
    assert envelope.event_timestamp == EMITTED_AT
    assert envelope.event_id.version == 5
    raw = json.loads(value)
    assert headers == [(name, raw[name].encode()) for name in ("event_id", "event_type", "correlation_id")]
    assert record.key == (raw["data"]["essay_id"] if record.topic == topics.SLOT else raw["data"]["batch_id"])
    # `data` stands in the message byte for byte as it is compared.
    assert b'"data":' + data_bytes(record) + b"," in value


def test_only_the_time_of_emission_differs_between_two_emissions() -> None:
    for output in every_kind():
        first = json.loads(encode(output, EMITTED_AT, "s")[0])
        second = json.loads(encode(output, EMITTED_AT.replace(year=2031), "s")[0])
        assert {name for name in first if first[name] != second[name]} == {"event_timestamp"}
        assert encode(output, EMITTED_AT, "s")[1] == encode(output, EMITTED_AT.replace(year=2031), "s")[1]


@pytest.mark.parametrize(
    ("org_id", "class_id", "expected"),
    [
        (None, None, "GUEST"),
        ("school", None, "GUEST"),
        ("school", "", "GUEST"),
        (None, "class", "REGULAR"),
        ("school", "class", "REGULAR"),
    ],
)
def test_the_class_type_follows_the_class_and_never_the_organisation(
    org_id: str | None, class_id: str | None, expected: str
) -> None:
    assert ready_of(org_id=org_id, class_id=class_id)["class_type"] == expected


@pytest.mark.parametrize(
    ("course", "language"),
    [("ENG5", "en"), ("ENG6", "en"), ("ENG7", "en"), ("SV1", "sv"), ("SV2", "sv"), ("SV3", "sv")],
)
def test_the_language_follows_the_course(course: str, language: str) -> None:
    ready = ready_of(course_code=course)
    assert (ready["course_code"], ready["course_language"]) == (course, language)


def test_instructions_are_passed_on_where_the_registration_had_them_and_absent_where_not() -> None:
    assert ready_of(essay_instructions="Skriv om våren.")["essay_instructions"] == "Skriv om våren."
    assert ready_of(essay_instructions="")["essay_instructions"] == ""
    assert "essay_instructions" not in ready_of(essay_instructions=None)


@pytest.mark.parametrize("prompt", [None, {}, {"a": {"å": [1, None, True, "x", 1.5]}}])
def test_the_prompt_reference_is_passed_on(prompt: dict[str, Any] | None) -> None:
    assert ready_of(student_prompt_ref=prompt)["student_prompt_ref"] == prompt


def ready_of(**changes: Any) -> dict[str, Any]:
    """Return the `data` of the ready event of a batch of one slot."""
    found = played([message(registration("b", ["e"], **changes)), message(content("b", "u", "t"))])
    (ready,) = found.about(topics.READY)
    data: dict[str, Any] = json.loads(data_bytes(ready))
    BatchEssaysReady.model_validate(data)
    return data


@pytest.mark.parametrize("traced", [True, False])
def test_the_traceparent_is_passed_on_where_there_is_one(*, traced: bool) -> None:
    style = Style(traced=traced)
    inputs = [
        registration("b", ["e", "f"], style=style),
        content("b", "u", "t", style=style),
        failure("b", "v", style=style),
        content("b", "w", "x", style=style),
    ]
    found = played([message(answer) for answer in inputs])
    registered, first, _, excess = [
        answer["metadata"]["traceparent"] if answer["metadata"] else None for answer in inputs
    ]
    by_topic = {output.topic: output.traceparent for output in found.said}
    assert by_topic == {
        topics.SLOT: first,
        topics.EXCESS: excess,
        topics.READY: registered,
        topics.COMPLETED: registered,
        topics.ERRORS: registered,
    }
    for answer in found.said:
        metadata = json.loads(encode(answer, EMITTED_AT, "s")[0])["metadata"]
        assert metadata == ({"traceparent": answer.traceparent} if traced else None)


def test_the_correlation_id_is_the_contents_or_the_registrations() -> None:
    found = play("R2 C0 F1 C2")
    ids = [json.loads(record.value or b"")["correlation_id"] for record in found.inputs]
    assert {output.topic: output.correlation_id for output in found.said} == {
        topics.SLOT: ids[1],
        topics.EXCESS: ids[3],
        topics.READY: ids[0],
        topics.COMPLETED: ids[0],
        topics.ERRORS: ids[0],
    }
    for answer in found.said:
        assert json.loads(data_bytes(answer)).get("correlation_id", answer.correlation_id) == answer.correlation_id


@pytest.mark.parametrize("sequence", ["R2 C0 F1", "C0 F1 R2", "R2 C0 C1 C2", "F0 R1"])
def test_turning_the_completed_event_off_drops_exactly_that(sequence: str) -> None:
    on, off = play(sequence), play(sequence, policy=Policy(provisioning_completed=False))
    assert [(output.event_id, data_bytes(output)) for output in off.said] == [
        (output.event_id, data_bytes(output)) for output in on.said if output.topic != topics.COMPLETED
    ]


def test_errors_are_counted_by_category_and_name_the_slot_they_took() -> None:
    codes = ["EMPTY", "LONG", "EMPTY"]
    inputs = [registration("b", essay_ids("b", 4)), content("b", "u", "t")]
    inputs += [failure("b", f"f{n}", validation_error_code=code, second=n) for n, code in enumerate(codes)]
    found = played([message(output) for output in inputs])
    data = json.loads(data_bytes(found.about(topics.ERRORS)[0]))
    assert data["error_summary"] == {
        "total_errors": 3,
        "error_categories": {"EMPTY": 2, "LONG": 1},
        "critical_failure": False,
    }
    assert [(essay["essay_id"], essay["file_name"]) for essay in data["failed_essays"]] == [
        ("b.essay-0001", "Trasig fil - f2.pdf"),
        ("b.essay-0002", "Trasig fil - f1.pdf"),
        ("b.essay-0003", "Trasig fil - f0.pdf"),
    ]
    ready = json.loads(data_bytes(found.about(topics.READY)[0]))
    assert (ready["expected_count"], ready["failed_count"]) == (4, 3)


def test_a_batch_of_failures_alone_is_critical_and_never_ready() -> None:
    found = play("F0 R2 F1")
    assert {output.topic for output in found.said} == {topics.ERRORS}
    assert json.loads(data_bytes(found.said[0]))["error_summary"]["critical_failure"] is True


@pytest.mark.parametrize("count", [1, 25, 200, 5000])
def test_a_batch_of_any_size_is_said_whole(count: int) -> None:
    sequence = f"R{count} C0-{count - 1}"
    found: Played = play(sequence)
    slots = found.about(topics.SLOT)
    assert len(slots) == count
    assert len({slot.event_id for slot in slots}) == count
    (ready,) = found.about(topics.READY)
    data = json.loads(data_bytes(ready))
    BatchEssaysReady.model_validate(data)
    assert [essay["essay_id"] for essay in data["ready_essays"]] == essay_ids("b", count)
    (completed,) = found.about(topics.COMPLETED)
    counts = json.loads(data_bytes(completed))
    assert (counts["provisioned_count"], counts["expected_count"]) == (count, count)
