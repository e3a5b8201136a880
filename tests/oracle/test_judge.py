"""The judge accepts a faultless run, knows of order and of none, and finds every kind of damage."""

import dataclasses
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.cases import CASES, Case
from tests.oracle import topics
from tests.oracle.ideal import dead_letter, ideal_outputs, record_of
from tests.oracle.judge import judge
from tests.oracle.records import InputRecord, OutputRecord
from tests.support.events import Message, redelivered_message, uid
from tests.support.malformed import malformed


def placed(messages: list[Message]) -> list[InputRecord]:
    """Put messages on topics of 3, 5 and 1 partitions, as a broker does."""
    partitions = dict(zip(topics.INPUTS, (3, 5, 1), strict=True))
    ends: dict[tuple[str, int], int] = {}
    records = []
    for message in messages:
        partition = sum(message.key or b"") % partitions[message.topic]
        offset = ends.get((message.topic, partition), 0)
        ends[message.topic, partition] = offset + 1
        records.append(InputRecord(message.topic, partition, offset, message.key, message.value))
    return records


MESSAGES = [message for case in CASES for step in case.messages(f"b-{case.slug}") for message in step]
INPUTS = placed([*MESSAGES, *(message for _, message in malformed("judge"))])
OUTPUTS = ideal_outputs(INPUTS)
MAY_BE_REPEAT = (
    "R2 C0 C1@0 C1"  # in another order C1@0 is a repeat of C1, so without the order its dead letter isn't due
)


@pytest.mark.parametrize("ordered", [True, False], ids=["order known", "order unknown"])
def test_a_faultless_run_is_right(*, ordered: bool) -> None:
    verdict = judge(INPUTS, OUTPUTS, ordered=ordered)
    assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)


def test_a_redelivered_log_answers_and_changes_nothing() -> None:
    inputs = placed([*MESSAGES, *(redelivered_message(message, 99) for message in MESSAGES)])
    outputs = ideal_outputs(inputs)
    assert {output.header("event_id") for output in outputs} == {
        output.header("event_id") for output in ideal_outputs(placed(MESSAGES))
    }
    for ordered in (True, False):
        assert judge(inputs, outputs, ordered=ordered).right


def test_any_order_of_simultaneous_inputs_is_accepted_without_knowing_it() -> None:
    for case in CASES:
        for number, order in enumerate(case.orders(12)):
            ordered = dataclasses.replace(case, sequence=" ".join(map(str, order)))
            sent = [message for step in ordered.messages(f"{case.slug}-{number}") for message in step]
            inputs = placed(sent)
            outputs = ideal_outputs(inputs)
            shuffled = sorted(inputs, key=lambda record: uid(record.position))
            verdict = judge(shuffled, outputs)
            assert verdict.right, f"{ordered.sequence}: {verdict}"


@pytest.mark.parametrize("ordered", [True, False], ids=["order known", "order unknown"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.slug)
def test_every_output_that_is_missing_is_found(case: Case, *, ordered: bool) -> None:
    inputs = placed([message for step in case.messages("one") for message in step])
    outputs = ideal_outputs(inputs)
    counts = Counter(identity(output) for output in outputs)
    for index, given in enumerate(outputs):
        if not ordered and (
            counts[identity(given)] > 1 or (given.topic == topics.DEAD and case.sequence == MAY_BE_REPEAT)
        ):
            continue
        assert not judge(inputs, [*outputs[:index], *outputs[index + 1 :]], ordered=ordered).right, given


def test_a_missing_dead_letter_of_a_malformed_message_is_found() -> None:
    inputs = placed([message for _, message in malformed("one")])
    outputs = ideal_outputs(inputs)
    assert len(outputs) == len(inputs)
    for index in range(0, len(outputs), 7):
        assert judge(inputs, [*outputs[:index], *outputs[index + 1 :]]).lost == 1


def test_a_repeat_after_a_fault_is_counted_and_is_not_wrong() -> None:
    for ordered in (True, False):
        verdict = judge(INPUTS, [*OUTPUTS, *OUTPUTS], ordered=ordered)
        assert verdict.right
        assert verdict.repeated > 0


def identity(record: OutputRecord) -> object:
    return record.headers if record.topic == topics.DEAD else record.header("event_id")


def changed(topic: str, change: Callable[[dict[str, Any]], object]) -> list[OutputRecord]:
    """Return the outputs with the first event of a topic changed."""
    index = next(index for index, output in enumerate(OUTPUTS) if output.topic == topic)
    envelope = json.loads(OUTPUTS[index].value or b"")
    change(envelope)
    again = record_of(envelope, OUTPUTS[index].key or b"", 0)
    return [*OUTPUTS[:index], again, *OUTPUTS[index + 1 :]]


def data(**changes: object) -> Callable[[dict[str, Any]], object]:
    return lambda envelope: envelope["data"].update(changes)


def envelope(**changes: object) -> Callable[[dict[str, Any]], object]:
    return lambda found: found.update(changes)


@pytest.mark.parametrize("ordered", [True, False], ids=["order known", "order unknown"])
@pytest.mark.parametrize(
    ("topic", "change"),
    [
        (topics.SLOT, data(essay_id="another")),
        (topics.SLOT, data(correlation_id=uid("x"))),
        (topics.SLOT, data(timestamp="2026-03-02T08:00:59Z")),
        (topics.SLOT, data(file_upload_id="another")),
        (topics.SLOT, data(original_file_name="a.txt")),
        (topics.SLOT, data(event="essay.slot")),
        (topics.SLOT, data(extra=1)),
        (topics.SLOT, envelope(correlation_id=uid("x"))),
        (topics.SLOT, envelope(event_id="0b9d9b7e-8f0e-4d7b-9a37-2f2f6a1c9c55")),
        (topics.SLOT, envelope(schema_version=2)),
        (topics.SLOT, envelope(data_schema_uri="x")),
        (topics.SLOT, envelope(event_timestamp="now")),
        (topics.SLOT, envelope(source_service="")),
        (topics.READY, data(ready_essays=[])),
        (topics.READY, lambda found: found["data"]["ready_essays"].reverse()),
        (topics.READY, lambda found: found["data"]["metadata"].update(timestamp="2026-03-02T09:00:59Z")),
        (topics.READY, data(course_language="de")),
        (topics.READY, data(class_type="NONE")),
        (topics.READY, data(expected_count=99)),
        (topics.READY, data(failed_count=99)),
        (topics.READY, data(student_prompt_ref={"other": 1})),
        (topics.READY, envelope(correlation_id=uid("x"))),
        (topics.ERRORS, data(failed_essays=[])),
        (topics.ERRORS, lambda found: found["data"]["failed_essays"][0].update(essay_id="another")),
        (topics.ERRORS, lambda found: found["data"]["failed_essays"][0]["error_detail"].pop("message")),
        (topics.ERRORS, lambda found: found["data"]["error_summary"].update(critical_failure="no")),
        (topics.ERRORS, data(correlation_id=uid("x"))),
        (topics.EXCESS, data(reason="FULL")),
        (topics.EXCESS, data(text_storage_id="unknown")),
        (topics.COMPLETED, data(provisioned_count=99)),
        (topics.COMPLETED, data(user_id="another")),
        (topics.COMPLETED, data(batch_id="another")),
    ],
)
def test_a_wrong_event_is_found(topic: str, change: Callable[[dict[str, Any]], object], *, ordered: bool) -> None:
    assert judge(INPUTS, changed(topic, change), ordered=ordered).wrong > 0


def with_first(topic: str, **changes: object) -> list[OutputRecord]:
    index = next(index for index, output in enumerate(OUTPUTS) if output.topic == topic)
    return [*OUTPUTS[:index], dataclasses.replace(OUTPUTS[index], **changes), *OUTPUTS[index + 1 :]]  # type: ignore[arg-type]


@pytest.mark.parametrize("topic", [topics.SLOT, topics.READY, topics.ERRORS, topics.EXCESS, topics.COMPLETED])
def test_a_wrong_key_or_a_missing_header_is_found(topic: str) -> None:
    assert judge(INPUTS, with_first(topic, key=b"another")).wrong
    assert judge(INPUTS, with_first(topic, headers=())).wrong


def test_a_second_ready_with_other_data_is_found() -> None:
    index = next(index for index, output in enumerate(OUTPUTS) if output.topic == topics.READY)
    second = json.loads(OUTPUTS[index].value or b"")
    second["data"]["failed_count"] += 1
    assert judge(INPUTS, [*OUTPUTS, record_of(second, OUTPUTS[index].key or b"", 0)]).wrong


def test_a_repeat_whose_data_is_written_differently_is_found() -> None:
    index = next(index for index, output in enumerate(OUTPUTS) if output.topic == topics.READY)
    spaced = (OUTPUTS[index].value or b"").replace(b'"ready_essays": [', b'"ready_essays":  [')
    verdict = judge(INPUTS, [*OUTPUTS, dataclasses.replace(OUTPUTS[index], value=spaced)])
    assert any("two `data`" in detail for detail in verdict.details)


def test_a_slot_given_to_two_texts_is_found_without_knowing_the_order() -> None:
    slots = [
        record
        for record in OUTPUTS
        if record.topic == topics.SLOT and (record.key or b"").startswith(b"b-a-content-after")
    ]
    envelopes = [json.loads(slot.value or b"") for slot in slots]
    envelopes[1]["data"]["essay_id"] = envelopes[0]["data"]["essay_id"]
    outputs = [message for message in OUTPUTS if message is not slots[1]]
    outputs.append(record_of(envelopes[1], slots[0].key or b"", 0))
    assert any("was given to" in detail for detail in judge(INPUTS, outputs).details)


def test_dead_letters_with_other_bytes_another_key_or_another_place_are_found() -> None:
    dead = next(record for record in OUTPUTS if record.topic == topics.DEAD and record.value)
    rest = [message for message in OUTPUTS if message is not dead]
    moved = tuple((name, b"9999" if name.endswith("offset") else value) for name, value in dead.headers)
    untold = tuple((name, value) for name, value in dead.headers if name != "rollcall.detail")
    for damage in (
        dataclasses.replace(dead, value=(dead.value or b"") + b" "),
        dataclasses.replace(dead, key=b"another"),
        dataclasses.replace(dead, headers=moved),
        dataclasses.replace(dead, headers=()),
        dataclasses.replace(dead, headers=untold),
    ):
        assert judge(INPUTS, [*rest, damage]).wrong, damage


@pytest.mark.parametrize("ordered", [True, False], ids=["order known", "order unknown"])
@pytest.mark.parametrize("reason", ["malformed", topics.UPLOAD_CONFLICT, topics.REGISTRATION_CONFLICT])
def test_a_good_message_on_the_dead_letter_topic_is_found(reason: str, *, ordered: bool) -> None:
    first = next(output for output in INPUTS if output.topic == topics.CONTENT)
    assert not judge(INPUTS, [*OUTPUTS, dead_letter(first, reason, 0)], ordered=ordered).right


def test_contents_of_one_partition_that_overtook_each_other_are_found() -> None:
    case = next(case for case in CASES if case.sequence == "R2 C0 C1 C2")
    sent = [message for step in case.messages("one") for message in step]
    inputs = [InputRecord(record.topic, 0, offset, b"same", record.value) for offset, record in enumerate(sent)]
    overtaken = [inputs[0], inputs[2], inputs[1], inputs[3]]
    assert judge(inputs, ideal_outputs(inputs)).right
    assert any("overtook" in detail for detail in judge(inputs, ideal_outputs(overtaken)).details)
