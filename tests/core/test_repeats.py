"""Idempotence: what comes again changes nothing and gets the answer that it got the first time."""

from hypothesis import example, given

from app.core.facts import Conflicted
from app.core.messages import Message as Said
from tests.core.examples import examples
from tests.core.play import data_bytes, play, sent, state
from tests.core.sequences import sequences
from tests.oracle import topics
from tests.oracle.judge import judge
from tests.support.events import redelivered_message

ANSWERS = {topics.SLOT, topics.EXCESS}
#: What remembering a refused input changes: that it is remembered.
MEMORY = {"conflicts", "last"}


@examples(200)
@given(sequences())
@example("C0 R1 C1@0 C1")
def test_a_log_that_is_redelivered_whole_changes_nothing(sequence: str) -> None:
    found = play(sequence)
    before, said = state(found.batch), {output.event_id: data_bytes(output) for output in found.said}
    count, complete_before = len(found.steps), found.batch.complete

    found.send(redelivered_message(message, 99) for message in sent(sequence))

    after = state(found.batch)
    again = found.steps[count:]
    assert {name: value for name, value in after.items() if name not in MEMORY} == {
        name: value for name, value in before.items() if name not in MEMORY
    }
    assert all(isinstance(fact, Conflicted) for step in again for fact in step.facts)
    repeated = [output for step in again for output in step.outputs if isinstance(output, Said)]
    assert {output.topic for output in repeated} <= ANSWERS
    for answer in repeated:
        assert said[answer.event_id] == data_bytes(answer)
    assert found.batch.complete == complete_before


@examples(100)
@given(sequences())
def test_every_redelivered_input_is_answered(sequence: str) -> None:
    found = play(sequence).send(redelivered_message(message, 99) for message in sent(sequence))
    verdict = judge(found.inputs, found.records, ordered=True)
    assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)


def test_a_text_under_another_upload_is_answered_as_the_same_content() -> None:
    found = play("R2 C0 C0@1 C0@1")
    answers = found.about(topics.SLOT)
    assert len(answers) == 3
    assert len({(answer.event_id, data_bytes(answer)) for answer in answers}) == 1


def test_an_upload_that_brought_a_known_text_can_not_fail_or_bring_another() -> None:
    assert play("R4 C0 C0@1 F1 C2@1").refused == [(3, "upload_conflict"), (4, "upload_conflict")]
    assert play("C0 C0@1 F1 C2@1 R4").refused == [(2, "upload_conflict"), (3, "upload_conflict")]


def test_each_redelivery_of_a_conflict_is_a_dead_letter_of_its_own() -> None:
    found = play("R2 C0 F0 F0 F0")
    assert [number for number, _ in found.refused] == [2, 3, 4]


def test_a_repeat_has_the_event_id_and_the_data_of_the_first_answer_in_every_state() -> None:
    for sequence in ("R3 C0 C0", "C0 R3 C0", "R1 C0 C0", "R1 C1 C0 C0", "C1 C0 R1 C0"):
        found = play(sequence)
        repeat = found.steps[-1].outputs
        assert len(repeat) == 1
        assert isinstance(repeat[0], Said)
        first, last = [output for output in found.said if output.data == repeat[0].data]
        assert (first.event_id, data_bytes(first)) == (last.event_id, data_bytes(last))
