"""The harness itself against a real Kafka: places, bytes, offsets, and timeouts that say what was missing."""

from pathlib import Path

import pytest

from tests.oracle import topics
from tests.oracle.records import InputRecord
from tests.support.events import Message
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka


def test_messages_come_back_byte_for_byte_with_the_places_they_were_given(stage: Stage) -> None:
    stage.io.create_topics({"harness.bytes": 3})
    sent = [
        Message("harness.bytes", bytes([n]) * (n % 2 or n % 6 == 0) or None, bytes([n, 255]) * (n % 3) or None)
        for n in range(12)
    ]
    records = stage.io.produce(sent, partition=lambda record: len(record.key or b"12") % 3)
    reader = stage.io.reader(["harness.bytes"])
    reader.require(lambda found: len(found) >= 12, "twelve records")
    read = {
        InputRecord(record.topic, record.partition, record.offset, record.key, record.value)
        for record in reader.records
    }
    assert read == set(records)
    assert sum(stage.io.ends(["harness.bytes"]).values()) == 12


def test_a_wait_that_fails_says_what_is_left(stage: Stage) -> None:
    stage.io.create_topics({"harness.left": 1})
    stage.io.produce([Message("harness.left", None, b"x")])
    with pytest.raises(TimeoutError, match=r"harness\.left.*0 of 1"):
        stage.io.wait_taken("nobody", ["harness.left"], within=0.3)
    with pytest.raises(TimeoutError, match=r"harness\.none"):
        stage.io.reader(["harness.none"], within=0.3)
    with pytest.raises(AssertionError, match="a second record"):
        stage.io.reader(["harness.left"]).require(lambda found: len(found) > 1, "a second record", within=0.5)


def test_the_input_topics_are_there(stage: Stage) -> None:
    assert set(topics.INPUTS) <= stage.io.topics()


def test_a_process_that_never_gets_ready_is_reported_with_its_log_and_ended(tmp_path: Path) -> None:
    own = Worker("127.0.0.1:9", tmp_path, settings={"ROLLCALL_PARTITIONS": "zero"})
    with pytest.raises(AssertionError, match="before it was ready"):
        own.start()
    with pytest.raises(RuntimeError, match="does not run"):
        own.stop()
    own.close()
