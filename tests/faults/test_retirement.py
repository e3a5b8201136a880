"""The judgement on batches that are retired goes red: outputs that are right are tampered with, one way a case."""

import json

import pytest

from tests.faults.audit import audit, count
from tests.faults.results import Result
from tests.faults.traffic import Seen
from tests.faults.workload import Batch, Item, Workload
from tests.oracle import topics
from tests.oracle.ideal import dead_letter, ideal_outputs
from tests.oracle.records import InputRecord, OutputRecord

COUNT = 1500

#: A stream of which what comes late comes for batches that are retired: all at once, behind the rest.
WORKLOAD = Workload(7, retires=True)
ITEMS = WORKLOAD.take(COUNT)


def comes_late(item: Item) -> bool:
    """Whether it is of those that come late: the registration is the same, and another object."""
    return any(item.token is token for token in item.batch.late)


IN_TIME = [*(item for item in ITEMS if not comes_late(item)), *WORKLOAD.rest()]
TOO_LATE = [item for item in ITEMS if comes_late(item)]


def placed() -> tuple[list[InputRecord], list[InputRecord]]:
    """The inputs in time and those that come late, on the broker."""
    messages = [item.message for item in (*IN_TIME, *TOO_LATE)]
    records = [InputRecord(one.topic, 0, place, one.key, one.value) for place, one in enumerate(messages)]
    return records[: len(IN_TIME)], records[len(IN_TIME) :]


SENT, LATE = placed()


def letters() -> list[OutputRecord]:
    """What a faultless product says of what comes late: nothing of a registration that is the same."""
    found: list[OutputRecord] = []
    for item, record in zip(TOO_LATE, LATE, strict=True):
        if item.token.kind != "R":
            found.append(dead_letter(record, topics.BATCH_RETIRED, len(found)))
        elif item.token.other:
            found.append(dead_letter(record, topics.REGISTRATION_CONFLICT, len(found)))
    return found


OUTPUTS, LETTERS = ideal_outputs(SENT), letters()


def recorded(records: list[OutputRecord]) -> list[Seen]:
    """Outputs as the watch notes them."""
    found = []
    for record in records:
        data = json.loads(record.value or b"")["data"]
        batch = WORKLOAD.batches[data.get("batch_id") or data["entity_id"]]
        found.append(Seen(record, batch, 0, 0.0, 0, data.get("text_storage_id")))
    return found


def judged(outputs: list[OutputRecord], guarantee: str = "exactly_once") -> Result:
    """What the audit makes of these outputs."""
    result = Result(guarantee, 1, 2, ["kill"])
    audit(WORKLOAD, [*SENT, *LATE], recorded(outputs), result)
    return result


def wrong_by_count(outputs: list[OutputRecord]) -> list[str]:
    texts = {name: batch.texts for name, batch in WORKLOAD.batches.items()}
    return [finding.what for finding in count(WORKLOAD.batches.values(), recorded(outputs), texts)]


def test_what_comes_late_comes_in_all_its_kinds() -> None:
    assert {item.token.kind + "'" * item.token.other for item in TOO_LATE} == {"C", "F", "R", "R'"}
    assert all(item.batch.closes for item in TOO_LATE)
    assert Workload(7).take(COUNT) != ITEMS


def test_dead_letters_of_what_comes_late_are_right_and_counted() -> None:
    result = judged([*OUTPUTS, *LETTERS])
    assert result.right, result.details[:5]
    assert result.late == sum(item.token.kind != "R" for item in TOO_LATE) > 20


def test_they_may_be_repeated_at_least_once_only() -> None:
    outputs = [*OUTPUTS, *LETTERS, LETTERS[0], LETTERS[-1]]
    assert judged(outputs).total.repeated == 2
    assert not judged(outputs).right
    assert judged(outputs, "at_least_once").right


@pytest.mark.parametrize("kind", ["C", "R'"])
def test_one_that_is_missing_is_lost(kind: str) -> None:
    reason = topics.BATCH_RETIRED if kind == "C" else topics.REGISTRATION_CONFLICT
    topic = topics.CONTENT if kind == "C" else topics.REGISTERED
    missing = next(
        letter
        for letter in LETTERS
        if (letter.header("rollcall.reason"), letter.header("rollcall.source.topic")) == (reason, topic)
    )
    outputs = [*OUTPUTS, *(letter for letter in LETTERS if letter is not missing)]
    assert not judged(outputs).right
    assert bool(wrong_by_count(outputs)) is (kind == "C")


def open_batch() -> Batch:
    return next(batch for batch in WORKLOAD.batches.values() if batch.kind.registered and not batch.closes)


def test_a_batch_that_is_retired_while_it_waits_is_wrong_for_the_oracle_and_by_count() -> None:
    record = next(
        record
        for item, record in zip(IN_TIME, SENT, strict=True)
        if item.batch is open_batch() and item.token.kind == "C"
    )
    outputs = [*OUTPUTS, *LETTERS, dead_letter(record, topics.BATCH_RETIRED, 0)]
    assert judged(outputs).total.wrong
    assert any("waits for something" in what for what in wrong_by_count(outputs))


def test_an_excess_event_beside_the_dead_letter_is_wrong() -> None:
    record = next(
        record for item, record in zip(TOO_LATE, LATE, strict=True) if item.token.kind == "C" and item.batch.closes
    )
    name = json.loads(record.value or b"")["data"]["text_storage_id"].encode()
    also = [output for output in ideal_outputs([*SENT, *LATE]) if output.topic == topics.EXCESS]
    surplus = next(output for output in also if name in (output.value or b""))
    assert not judged([*OUTPUTS, *LETTERS, surplus]).right
