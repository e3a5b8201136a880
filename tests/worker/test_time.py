"""Deadlines: a readiness timeout and the expiry of what is pending, both after two seconds here."""

import json
import time
from collections.abc import Iterator
from functools import partial

import pytest

from tests.contract.notation import messages, parse
from tests.oracle import judge, topics
from tests.oracle.records import InputRecord, Json, OutputRecord
from tests.support.events import Message, encode
from tests.support.kafka_io import Reader
from tests.support.play import outputs_of
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

SETTINGS = {"ROLLCALL_READINESS_TIMEOUT_SECONDS": "2", "ROLLCALL_PENDING_TTL_SECONDS": "2"}


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("timed"), settings=SETTINGS) as made:
        yield made


@pytest.fixture(scope="module")
def clocked(timed: Stage) -> Worker:
    made = timed.worker()
    made.start()
    return made


@pytest.fixture(scope="module")
def read(timed: Stage, clocked: Worker) -> Reader:  # noqa: ARG001 - the worker makes the topics
    return timed.reader()


def flat(notation: str, batch: str) -> list[Message]:
    return [made for step in messages(parse(notation), batch) for made in step]


def events(topic: str, batch: str, records: list[OutputRecord]) -> list[Json]:
    """Return the data of a batch's events on a topic."""
    return [record.data for record in outputs_of([batch], [], [it for it in records if it.topic == topic])]


def seen(topic: str, batch: str, count: int, records: list[OutputRecord]) -> bool:
    return len(events(topic, batch, records)) >= count


def right(inputs: list[InputRecord], batches: list[str], reader: Reader) -> None:
    """Demand a faultless verdict on the batches, whose inputs these are."""
    reader.quiet(2)
    verdict = judge(inputs, outputs_of(batches, inputs, reader.records))
    assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)


def test_an_incomplete_batch_times_out_once_and_stays_open(timed: Stage, read: Reader) -> None:
    batch = "late"
    inputs = timed.io.produce(flat("R3 C0", batch))
    read.require(partial(seen, topics.TIMEOUT, batch, 1), "a readiness timeout")
    (timeout,) = events(topics.TIMEOUT, batch, read.records)
    assert timeout["missing_essay_ids"] == [f"{batch}.essay-0001", f"{batch}.essay-0002"]
    assert timeout["timeout_duration_seconds"] == 2
    assert (timeout["expected_count"], timeout["actual_count"]) == (3, 1)
    inputs += timed.io.produce(flat("C1 C2", batch))
    read.require(partial(seen, topics.READY, batch, 1), "ready after the timeout")
    right(inputs, [batch], read)


def test_a_batch_that_completes_in_time_never_times_out(timed: Stage, read: Reader) -> None:
    inputs = timed.io.produce(flat("R2 C0 C1", "in-time"))
    read.require(partial(seen, topics.READY, "in-time", 1), "ready")
    time.sleep(4)
    right(inputs, ["in-time"], read)
    assert events(topics.TIMEOUT, "in-time", read.records) == []


def test_pending_uploads_expire_with_the_whole_original_and_can_be_put_back(timed: Stage, read: Reader) -> None:
    batch = "forgotten"
    sent = flat("C0 F1", batch)
    inputs = timed.io.produce(sent)
    read.require(partial(seen, topics.EXPIRED, batch, 2), "two expiries")
    expired = events(topics.EXPIRED, batch, read.records)
    by_topic = {made["original_topic"]: made["original"] for made in expired}
    assert by_topic == {record.topic: json.loads(record.value or b"") for record in sent}
    inputs += timed.io.produce(flat("R2", batch))
    timed.wait_taken()
    inputs += timed.io.produce(
        Message(made["original_topic"], made["file_upload_id"].encode(), encode(made["original"])) for made in expired
    )
    read.require(partial(seen, topics.READY, batch, 1), "ready with what was put back")
    right(inputs, [batch], read)
    (errors,) = events(topics.ERRORS, batch, read.records)
    assert [essay["essay_id"] for essay in errors["failed_essays"]] == [f"{batch}.essay-0001"]


def test_deadlines_that_pass_while_no_worker_runs_fire_once_after_the_restart(
    timed: Stage, clocked: Worker, read: Reader
) -> None:
    inputs = timed.io.produce([*flat("R2 C0", "asleep-open"), *flat("C0", "asleep-pending")])
    timed.wait_taken()
    clocked.stop()
    time.sleep(3)
    clocked.start()
    read.require(partial(seen, topics.TIMEOUT, "asleep-open", 1), "a readiness timeout")
    read.require(partial(seen, topics.EXPIRED, "asleep-pending", 1), "an expiry")
    clocked.stop()
    clocked.start()
    time.sleep(3)
    right(inputs, ["asleep-open", "asleep-pending"], read)
    assert len(events(topics.TIMEOUT, "asleep-open", read.records)) == 1
    assert len(events(topics.EXPIRED, "asleep-pending", read.records)) == 1
