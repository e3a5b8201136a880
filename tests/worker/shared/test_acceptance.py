"""Each row of the contract's section 8, each upstream case and each rule, through the real worker."""

import time

import pytest

from tests.contract.cases import CASES, SHIFTED, Case
from tests.contract.summary import names_inputs, summarise
from tests.oracle import judge, topics
from tests.support.events import redelivered_message
from tests.support.kafka_io import Reader
from tests.support.play import Played, all_messages, await_outputs, identity, outputs_of
from tests.support.stage import Stage

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("case", [*CASES, *SHIFTED], ids=lambda case: case.slug)
def test_the_worker_emits_what_the_case_expects(case: Case, played: dict[str, Played]) -> None:
    found = played[case.name]
    assert summarise(found.events, found.refused, names=names_inputs(case)) == case.summary
    verdict = judge(found.inputs, found.outputs, ordered=found.ordered)
    assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)


def assignment(story: Played) -> list[tuple[str, ...]]:
    """Return which number of text has which number of slot, which texts are excess, and which slots failed."""
    found: list[tuple[str, ...]] = []
    for topic, data in story.events:
        if topic == topics.SLOT:
            found.append(("slot", data["essay_id"][-4:], data["text_storage_id"][-4:]))
        elif topic == topics.EXCESS:
            found.append(("excess", data["text_storage_id"][-4:]))
        elif topic == topics.READY:
            found.append(("ready", *(essay["text_storage_id"][-4:] for essay in data["ready_essays"])))
        elif topic == topics.ERRORS:
            found.append(
                ("failed", *sorted(f"{e['essay_id'][-4:]}={e['file_name'][-8:]}" for e in data["failed_essays"]))
            )
    return sorted(set(found))


@pytest.mark.parametrize("case", [case for case in CASES if case.shifted()], ids=lambda case: case.slug)
def test_moving_the_registration_changes_no_assignment(case: Case, played: dict[str, Played]) -> None:
    first = assignment(played[case.name])
    for shift in case.shifted():
        assert assignment(played[shift.name]) == first, shift.sequence


def test_the_whole_log_a_second_time_gives_no_new_slot_and_no_new_event(
    stage: Stage, reader: Reader, played: dict[str, Played]
) -> None:
    inputs = [record for found in played.values() for record in found.inputs]
    batches = {found.batch for found in played.values()}
    before = outputs_of(batches, inputs, reader.records)
    again = stage.io.produce(
        redelivered_message(message, 50)
        for message in all_messages({found.batch: found.case for found in played.values()})
    )
    stage.wait_taken()
    await_outputs(reader, [*inputs, *again])
    after = outputs_of(batches, [*inputs, *again], reader.records)
    assert {identity(output) for output in after if output.topic != topics.DEAD} == {
        identity(output) for output in before if output.topic != topics.DEAD
    }
    for topic in (topics.READY, topics.ERRORS, topics.COMPLETED):
        assert len([output for output in after if output.topic == topic]) == len(
            [output for output in before if output.topic == topic]
        )
    verdict = judge([*inputs, *again], after)
    assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)


def test_registrations_that_a_slow_relay_delays_find_everything_pending(stage: Stage, reader: Reader) -> None:
    """The upstream race: contents leave after 0.5 s, registrations after 2 s."""
    cases = {f"relay-{number}": Case("race", "C0-4 R5", "SLOT*5 READY(5)") for number in range(5)}
    messages = all_messages(cases)
    contents = [message for message in messages if message.topic != topics.REGISTERED]
    registrations = [message for message in messages if message.topic == topics.REGISTERED]
    time.sleep(0.5)
    inputs = stage.io.produce(contents)
    stage.wait_taken()
    time.sleep(1.5)
    reader.quiet(0.5)
    assert outputs_of(cases, inputs, reader.records) == []
    inputs += stage.io.produce(registrations)
    reader.require(
        lambda records: len(outputs_of(cases, inputs, records)) >= 5 * 7, "5 slots, ready and completed each"
    )
    reader.quiet(1)
    verdict = judge(inputs, outputs_of(cases, inputs, reader.records))
    assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)
