"""The matrix's own judgement goes red: outputs that are right are tampered with, one way a case."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.audit import audit, count
from tests.faults.results import Result, table
from tests.faults.traffic import Seen
from tests.faults.workload import KINDS, Batch, Workload, tokens
from tests.oracle import topics
from tests.oracle.ideal import dead_letter, ideal_outputs, record_of
from tests.oracle.records import InputRecord, OutputRecord
from tests.support.events import Message

SCHEDULE = ["kill", "wipe"]
WORKLOAD = Workload(1)


def placed(record: Message, offset: int) -> InputRecord:
    """An input on the broker."""
    return InputRecord(record.topic, 0, offset, record.key, record.value)


def recorded(records: list[OutputRecord]) -> list[Seen]:
    """Outputs as the watch notes them, all in the second round."""
    found = []
    for record in records:
        data = {} if record.topic == topics.DEAD else json.loads(record.value or b"")["data"]
        batch = WORKLOAD.batches.get(str(data.get("batch_id")))
        found.append(Seen(record, batch, 0, 0.0, 1, data.get("text_storage_id")))
    return found


def everything() -> list[InputRecord]:
    """The inputs of batches of every kind, two of each, of which one began in either round."""
    sent: list[InputRecord] = []
    for number, kind in enumerate([*KINDS, *KINDS]):
        batch = Batch(f"batch-{number}", kind, number // len(KINDS))
        WORKLOAD.batches[batch.name] = batch
        sent += [placed(batch.message(token), len(sent) + place) for place, token in enumerate(tokens(kind))]
    return sent


SENT = everything()
RIGHT = ideal_outputs(SENT)


def judged(outputs: list[OutputRecord], guarantee: str = "exactly_once") -> Result:
    """What the audit makes of these outputs."""
    result = Result(guarantee, 1, 2, list(SCHEDULE))
    audit(WORKLOAD, SENT, recorded(outputs), result)
    return result


def first(topic: str) -> int:
    """The place of the first output on a topic."""
    return next(place for place, output in enumerate(RIGHT) if output.topic == topic)


def without(topic: str) -> list[OutputRecord]:
    """The right outputs but for the first on a topic."""
    place = first(topic)
    return [*RIGHT[:place], *RIGHT[place + 1 :]]


def changed(record: OutputRecord, change: Callable[[dict[str, Any]], None]) -> OutputRecord:
    """An output whose data were changed."""
    envelope = json.loads(record.value or b"")
    change(envelope["data"])
    return record_of(envelope, record.key or b"", record.offset)


def test_right_outputs_are_right_and_counted_with_the_fault_of_their_round() -> None:
    result = judged(RIGHT)
    assert result.right, result.details
    assert result.rows["kill"].inputs == result.rows["wipe"].inputs == len(SENT) / 2
    assert "exactly_once   wipe" in table([result])


@pytest.mark.parametrize("topic", [topics.SLOT, topics.EXCESS, topics.READY, topics.ERRORS, topics.COMPLETED])
def test_an_output_that_is_missing_is_lost_and_wrong_by_count(topic: str) -> None:
    result = judged(without(topic))
    assert result.total.lost > 0
    assert list(count(WORKLOAD.batches.values(), recorded(without(topic)), texts())) != []
    assert not result.right


def test_a_slot_given_twice_is_wrong_for_the_oracle_and_by_count() -> None:
    place = first(topics.SLOT)
    other = next(
        output
        for output in RIGHT[place + 1 :]
        if output.topic == topics.SLOT and recorded([output])[0].batch is first_batch()
    )
    essay = json.loads(other.value or b"")["data"]["essay_id"]
    outputs = [*RIGHT]
    outputs[place] = changed(RIGHT[place], lambda data: data.update(essay_id=essay))
    assert judged(outputs).total.wrong > 1
    assert any("twice" in finding.what for finding in count(WORKLOAD.batches.values(), recorded(outputs), texts()))


def test_a_repeat_is_allowed_at_least_once_only() -> None:
    outputs = [*RIGHT, RIGHT[first(topics.READY)]]
    assert judged(outputs).total.repeated == judged(outputs).rows["wipe"].repeated == 1
    assert not judged(outputs).right
    assert judged(outputs, "at_least_once").right


def test_a_repeat_that_says_something_else_is_conflicting_in_either_guarantee() -> None:
    again = changed(RIGHT[first(topics.SLOT)], lambda data: data.update(original_file_name="another"))
    result = judged([*RIGHT, again], "at_least_once")
    assert result.total.conflicting == 1
    assert not result.right


def test_a_repeat_whose_bytes_differ_is_conflicting_though_it_means_the_same() -> None:
    record = RIGHT[first(topics.SLOT)]
    again = replace(record, value=(record.value or b"").replace(b'", "', b'",  "'))
    assert judged([*RIGHT, again], "at_least_once").total.conflicting == 1


def test_a_good_input_among_the_dead_letters_is_wrong() -> None:
    assert judged([*RIGHT, dead_letter(SENT[3], "malformed", 9)]).total.wrong > 0


def test_an_event_about_a_batch_that_nobody_sent_is_wrong() -> None:
    stranger = changed(RIGHT[first(topics.READY)], lambda data: data.update(batch_id="nobody's"))
    assert judged([*RIGHT, replace(stranger, key=b"nobody's")]).total.wrong > 0


def test_excess_while_a_slot_is_free_is_wrong_by_count() -> None:
    open_batch = next(
        batch for batch in WORKLOAD.batches.values() if batch.kind.contents + batch.kind.failures < batch.kind.slots
    )
    slot = next(
        finding for finding in recorded(RIGHT) if finding.batch is open_batch and finding.record.topic == topics.SLOT
    )
    as_excess = replace(slot, record=replace(slot.record, topic=topics.EXCESS))
    outputs = [as_excess if finding == slot else finding for finding in recorded(RIGHT)]
    assert any("slots are free" in finding.what for finding in count([open_batch], outputs, texts()))


def first_batch() -> Batch:
    """The batch of the first slot event."""
    batch = recorded([RIGHT[first(topics.SLOT)]])[0].batch
    assert batch is not None
    return batch


def texts() -> dict[str, list[str]]:
    """The texts of each batch's contents."""
    return {
        batch.name: [batch.text(token) for token in tokens(batch.kind) if token.kind == "C"]
        for batch in WORKLOAD.batches.values()
    }
