"""Very large batches, and records with very long strings: nothing ends the worker, and nothing stands still."""

import json
import re
from collections.abc import Iterator
from functools import partial

import pytest
from aiokafka import AIOKafkaProducer

from tests.engine.harness import alter, log_lines
from tests.oracle import topics
from tests.oracle.records import OutputRecord
from tests.support import events as made
from tests.support.events import message
from tests.support.kafka_io import Reader
from tests.support.stage import Stage
from tests.support.worker import Worker
from tests.worker.test_time import events, flat, right, seen

pytestmark = pytest.mark.kafka

COUNT = 2500  # uploads: in three parts of 1,000
WORST = "\x01"  # six bytes of JSON a character
SETTINGS = {"ROLLCALL_PENDING_TTL_SECONDS": "45", "ROLLCALL_LOG_FORMAT": "json"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("large"), settings=SETTINGS) as found:
        yield found


@pytest.fixture(scope="module")
def worker(stage: Stage) -> Worker:
    found = stage.worker()
    found.start()
    return found


@pytest.fixture(scope="module")
def reader(stage: Stage, worker: Worker) -> Reader:  # noqa: ARG001 - the worker makes the topics
    return stage.reader()


def dead(batch: str, records: list[OutputRecord]) -> list[str]:
    """The reasons of a batch's dead letters."""
    return [
        dict(record.headers)["rollcall.reason"].decode()
        for record in records
        if record.topic == topics.DEAD and batch in (record.value or b"").decode()
    ]


def test_a_batch_of_many_pending_uploads_expires_and_another_one_is_reconciled(
    stage: Stage, worker: Worker, reader: Reader
) -> None:
    """In parts, each once: none is lost and none is said twice."""
    stage.io.produce([*flat(f"C0-{COUNT - 1}", "gone"), *flat(f"C0-{COUNT - 1}", "kept")])
    stage.wait_taken()
    stage.io.produce(flat(f"R{COUNT}", "kept"))
    reader.require(partial(seen, topics.READY, "kept", 1), "a ready event", within=120)
    # They are on other partitions than the ready event, and may be read behind it.
    reader.require(partial(seen, topics.SLOT, "kept", COUNT), "all slots", within=120)
    slots = [event["essay_id"] for event in events(topics.SLOT, "kept", reader.records)]
    assert len(slots) == len(set(slots)) == COUNT
    (ready,) = events(topics.READY, "kept", reader.records)
    assert len(ready["ready_essays"]) == COUNT
    reader.require(partial(seen, topics.EXPIRED, "gone", COUNT), "all expiries", within=180)
    reader.quiet(2)
    gone = [event["file_upload_id"] for event in events(topics.EXPIRED, "gone", reader.records)]
    assert len(gone) == len(set(gone)) == COUNT
    assert worker.alive


def test_errors_of_very_long_strings_fit_into_their_event(stage: Stage, worker: Worker, reader: Reader) -> None:
    """Twenty failures whose source services have 900 KB each would be 18 MB."""
    batch, count = "long-services", 20
    failures = []
    for number in range(count):
        event = made.failure(batch, f"{batch}.upload-{number}")
        event["source_service"] = "s" * 900_000
        event["data"]["validation_error_detail"] = None
        failures.append(message(event))
    stage.io.produce([*flat(f"R{count}", batch), *failures])
    reader.require(partial(seen, topics.ERRORS, batch, 1), "an errors event", within=120)
    (found,) = events(topics.ERRORS, batch, reader.records)
    assert found["error_summary"]["total_errors"] == count == len(found["failed_essays"])
    assert all(len(essay["error_detail"]["service"]) == 1000 for essay in found["failed_essays"])
    assert worker.alive


def test_texts_whose_ids_the_ready_event_has_no_room_for_are_dead_letters_and_others_make_it_ready(
    stage: Stage, worker: Worker, reader: Reader
) -> None:
    """And the oracle, which reckons the budget for itself, finds nothing wrong."""
    batch, slots = "long-ids", 3000
    long = [made.content(batch, f"{batch}.long-{number}", f"{number}{WORST * 990}") for number in range(3)]
    inputs = stage.io.produce([*map(message, long[:2]), *flat(f"R{slots}", batch), message(long[2])])
    stage.wait_taken()
    inputs += stage.io.produce([message(long[0]), *flat(f"C0-{slots - 1}", batch)])
    reader.require(partial(seen, topics.READY, batch, 1), "a ready event", within=120)
    reader.require(lambda records: len(dead(batch, records)) == 4, "four dead letters")
    # The slots are on other partitions, and may be read behind it.
    reader.require(partial(seen, topics.SLOT, batch, slots), "all slots", within=120)
    assert set(dead(batch, reader.records)) == {"text_id_too_long"}
    assert events(topics.EXCESS, batch, reader.records) == []
    right(inputs, [batch], reader)
    assert worker.alive


def test_errors_that_would_not_fit_are_cut_as_the_oracle_reckons(stage: Stage, worker: Worker, reader: Reader) -> None:
    """A thousand details of 15.9 KB, and some that are larger than a detail may be: 16 MB, of which 15 MiB fit."""
    batch, count = "many-details", 1000
    failures = []
    for number in range(count):
        event = made.failure(batch, f"{batch}.upload-{number:04d}", second=number)
        event["data"]["validation_error_detail"]["details"] = {"trace": "d" * (15_900 if number % 10 else 20_000)}
        failures.append(message(event))
    inputs = stage.io.produce([*flat(f"R{count}", batch), *failures])
    reader.require(partial(seen, topics.ERRORS, batch, 1), "an errors event", within=120)
    right(inputs, [batch], reader)
    (found,) = events(topics.ERRORS, batch, reader.records)
    assert {len(essay["error_detail"]["details"]) for essay in found["failed_essays"]} == {1}
    assert worker.alive


def test_a_record_that_is_larger_than_any_message_may_be_and_came_compressed_is_a_dead_letter_whole(
    stage: Stage, worker: Worker, reader: Reader
) -> None:
    """A topic bounds what a batch has on the wire: 20 MiB of blanks are 20 KB there."""
    event = made.content("blanks", "blanks.upload", "blanks.text")
    value = message(event).value or b""
    value = value[:-1] + b" " * (20 * 1024 * 1024) + b"}"

    async def send() -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=stage.kafka.bootstrap, compression_type="gzip", max_request_size=2 * len(value)
        )
        await producer.start()
        await producer.send_and_wait(topics.CONTENT, value, key=b"k")
        await producer.stop()

    stage.io.call(send())
    stage.io.produce(flat("C0-0", "blanks-after"))
    stage.wait_taken()
    reader.require(lambda records: dead("blanks", records) == ["oversized"], "a dead letter", within=120)
    assert [record.value for record in reader.records if record.topic == topics.DEAD and record.value == value] == [
        value
    ]
    assert worker.alive


def test_a_topic_that_refuses_an_output_for_its_size_is_named_with_the_batch_and_the_place_in_the_log(
    stage: Stage,
) -> None:
    """The topic of the ready events is smaller than Rollcall makes it: the worker says which, and ends."""
    alter(stage.io, topics.READY, {"max.message.bytes": "2000"})
    small = stage.worker(app_id="refused")
    small.start()
    batch, slots = "too-large", 60
    stage.io.produce([*flat(f"R{slots}", batch), *flat(f"C0-{slots - 1}", batch)])
    assert small.wait_end(within=90) != 0
    # A new app id reads all inputs: the first batch that it meets is one of those of the other tests.
    line = re.compile(
        rf"{re.escape(topics.READY)} partition \d refuses a record of \d+ bytes.*(kept|long-ids|{batch}).*"
        r"made from refused-\S*log partition \d offset.*raise max\.message\.bytes"
    )
    found = [line_found for line_found in map(json.dumps, log_lines(small)) if line.search(line_found)]
    assert found, small.tail()
