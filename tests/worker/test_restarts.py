"""Graceful stops, a lost data directory, and a fresh start over the same inputs."""

import json
from collections.abc import Iterator

import pytest

from tests.contract.cases import CASES
from tests.oracle import judge, topics
from tests.oracle.records import InputRecord, OutputRecord
from tests.support.kafka_io import Reader
from tests.support.play import outputs_of, play
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

SENT = {f"before-{case.slug}": case for case in CASES}
REST = {f"after-{case.slug}": case for case in CASES}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("restarts")) as made:
        yield made


@pytest.fixture(scope="module")
def first(own: Stage) -> Worker:
    made = own.worker()
    made.start()
    return made


@pytest.fixture(scope="module")
def read(own: Stage, first: Worker) -> Reader:  # noqa: ARG001 - the worker makes the topics
    return own.reader()


@pytest.fixture(scope="module")
def inputs(own: Stage, read: Reader) -> list[InputRecord]:
    """Everything that was sent so far: at first every case once."""
    return [record for made in play(own, read, SENT).values() for record in made.inputs]


def test_a_graceful_stop_is_quick_leaves_committed_offsets_and_repeats_nothing(
    own: Stage, first: Worker, read: Reader, inputs: list[InputRecord]
) -> None:
    first.stop()
    assert first.exit_code == 0
    committed = own.io.committed("rollcall")
    assert {place: committed.get(place, 0) for place in own.io.ends(topics.INPUTS)} == own.io.ends(topics.INPUTS)
    before = len(read.records)
    first.start()
    read.quiet(4)
    assert read.records[before:] == []
    assert judge(inputs, read.records).right


def test_a_wiped_data_directory_is_restored_from_the_topics(
    own: Stage, first: Worker, read: Reader, inputs: list[InputRecord]
) -> None:
    halves = {batch: case.messages(batch) for batch, case in REST.items()}
    inputs += own.io.produce(made for steps in halves.values() for step in steps[: len(steps) // 2] for made in step)
    own.wait_taken()
    first.stop()
    first.wipe()
    read.quiet(1)
    before = len(read.records)
    first.start()
    read.quiet(3)
    assert read.records[before:] == []
    inputs += own.io.produce(made for steps in halves.values() for step in steps[len(steps) // 2 :] for made in step)
    own.wait_folded()
    read.to_end()  # how many outputs these halves come to depends on the order in which the worker read the topics
    read.quiet(2)
    verdict = judge(inputs, read.records)
    assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)


def test_a_fresh_app_id_over_the_same_inputs_gives_the_same_outcomes(
    own: Stage, first: Worker, read: Reader, inputs: list[InputRecord]
) -> None:
    if first.alive:
        first.stop()
    read.quiet(1)
    old = list(read.records)
    second = own.worker(app_id="another")
    second.start()
    own.wait_taken("another")
    read.quiet(3)
    new = read.records[len(old) :]
    verdict = judge(inputs, new)
    assert (verdict.lost, verdict.wrong) == (0, 0), str(verdict)
    for batch in SENT.keys() | REST.keys():
        mine = [record for record in inputs if _batch(record) == batch]
        if len({record.position[:2] for record in mine if record.topic != topics.REGISTERED}) == 1:
            assert outcomes(batch, mine, new) == outcomes(batch, mine, old), batch
    second.stop()


def _batch(record: InputRecord) -> str:
    data = json.loads(record.value or b"")["data"]
    return str(data.get("entity_id") or data["batch_id"])


def outcomes(batch: str, inputs: list[InputRecord], records: list[OutputRecord]) -> set[tuple[str, str, bytes]]:
    """Return topic, event id and data of a batch's distinct events."""
    events = [output for output in outputs_of([batch], inputs, records) if output.topic != topics.DEAD]
    decoded = [(event, json.loads(event.value or b"")) for event in events]
    return {(output.topic, event["event_id"], json.dumps(event["data"]).encode()) for output, event in decoded}
