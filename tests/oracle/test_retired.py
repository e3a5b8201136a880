"""Batches that are retired: what comes late is a dead letter that says so, and decides nothing any more."""

import pytest

from tests.contract.notation import messages, parse
from tests.oracle import topics
from tests.oracle.ideal import dead_letter, ideal_outputs
from tests.oracle.judge import judge
from tests.oracle.records import InputRecord, OutputRecord
from tests.oracle.verdict import Verdict
from tests.support.events import Message

ORDERS = pytest.mark.parametrize("ordered", [True, False], ids=["order known", "order unknown"])


def placed(sent: list[Message], begin: int = 0) -> list[InputRecord]:
    return [InputRecord(one.topic, 0, begin + offset, one.key, one.value) for offset, one in enumerate(sent)]


def inputs_of(notation: str, batch: str = "b") -> list[InputRecord]:
    return placed([message for step in messages(parse(notation), batch) for message in step])


def split(before: str, behind: str) -> tuple[list[InputRecord], list[InputRecord]]:
    """The inputs before a batch is retired, and those behind that."""
    everything = inputs_of(f"{before} {behind}")
    number = len(inputs_of(before))
    return everything[:number], everything[number:]


def late(records: list[InputRecord]) -> list[OutputRecord]:
    """What a faultless product says of inputs for a batch that is retired, whose registration was R2."""
    found = [record for record in records if record.topic != topics.REGISTERED]
    return [dead_letter(record, topics.BATCH_RETIRED, number) for number, record in enumerate(found)]


def judged(
    before: list[InputRecord], behind: list[InputRecord], outputs: list[OutputRecord], *, ordered: bool
) -> Verdict:
    return judge([*before, *behind], outputs, ordered=ordered, retires=True)


@ORDERS
@pytest.mark.parametrize("behind", ["C0", "C5 F6 C0@9", "R2", "R2 C7 R2 F8 C1"])
def test_what_comes_for_a_retired_batch_is_a_dead_letter_and_no_answer(behind: str, *, ordered: bool) -> None:
    before, after = split("R2 C0 F1 C2", behind)
    outputs = [*ideal_outputs(before), *late(after)]
    verdict = judged(before, after, outputs, ordered=ordered)
    assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)


@ORDERS
def test_another_registration_is_a_conflict_as_ever(*, ordered: bool) -> None:
    before, after = split("R2 C0 F1", "C7 R3")
    outputs = [*ideal_outputs(before), *late(after), dead_letter(after[1], topics.REGISTRATION_CONFLICT, 9)]
    assert judged(before, after, outputs, ordered=ordered).right
    assert not judged(before, after, outputs[:-1], ordered=ordered).right


@ORDERS
def test_without_retention_nothing_may_be_refused_for_it(*, ordered: bool) -> None:
    before, after = split("R2 C0 F1", "C7")
    assert judge([*before, *after], [*ideal_outputs(before), *late(after)], ordered=ordered).wrong


@ORDERS
@pytest.mark.parametrize("before", ["R3 C0 F1", "C0", "R1"])
def test_a_batch_that_waits_for_something_is_never_retired(before: str, *, ordered: bool) -> None:
    first, after = split(before, "C7")
    assert judged(first, after, [*ideal_outputs(first), *late(after)], ordered=ordered).wrong


@ORDERS
def test_a_late_upload_without_a_dead_letter_is_lost(*, ordered: bool) -> None:
    before, after = split("R2 C0 F1", "C7 C8 F9 F10")
    outputs = ideal_outputs(before)
    for missing in range(1, 4):  # the first one may have come before the batch was retired
        letters = late(after)
        assert judged(before, after, [*outputs, *letters], ordered=ordered).right
        del letters[missing]
        # A first failure that nothing is said of may have come before as well, where the order is not known.
        assert judged(before, after, [*outputs, *letters], ordered=ordered).right is (missing == 2 and not ordered)


@ORDERS
def test_an_answer_behind_the_retirement_is_wrong(*, ordered: bool) -> None:
    """An excess event of its own, or a slot again: the batch has its receipt, and no uploads."""
    before, after = split("R2 C0 F1", "C7 C8")
    whole = ideal_outputs([*before, after[1]])
    assert not judged(before, after, [*whole, *late(after[:1])], ordered=ordered).right
    assert not judged(before, after, [*whole, *late(after)], ordered=ordered).right


@ORDERS
def test_a_second_ready_with_other_slots_is_wrong(*, ordered: bool) -> None:
    """The batch was forgotten instead of retired, and its registration came again."""
    before, after = split("R2 C0 C1", "R2 C7 C8")
    again = [output for output in ideal_outputs(after) if output.topic != topics.DEAD]
    assert not judged(before, after, [*ideal_outputs(before), *again], ordered=ordered).right


@ORDERS
def test_a_dead_letter_with_other_bytes_is_wrong(*, ordered: bool) -> None:
    before, after = split("R2 C0 F1", "C7")
    (letter,) = late(after)
    outputs = [*ideal_outputs(before), OutputRecord(letter.topic, 0, 0, letter.key, b"other", letter.headers)]
    assert not judged(before, after, outputs, ordered=ordered).right
