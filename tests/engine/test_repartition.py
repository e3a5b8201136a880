"""The repartitioner, without a broker: what the log refuses is named by where it came from."""

from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import MessageSizeTooLargeError

from app.engine import repartition
from app.engine.deadline import Deadline
from app.engine.publish import TooLargeError
from app.engine.repartition import Repartitioner
from app.engine.topics.plans import log_topic
from app.settings import Settings
from app.topology import topology
from tests.engine.fakes import Producer
from tests.oracle import topics


class Fetched(NamedTuple):
    """A record as a whole fetch has it: it does not say its topic, nor its partition."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


async def test_an_input_that_the_log_refuses_for_its_size_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The log's max.message.bytes was lowered under a running worker, say."""
    settings = Settings(datadir=tmp_path, partitions=1)
    log = log_topic(settings)

    async def known(*_: object) -> dict[str, int]:
        return {log: 1}

    monkeypatch.setattr(repartition, "leaders_known", known)
    failures: list[BaseException] = []
    producer = Producer(fails={(log, 0, 0): MessageSizeTooLargeError()})
    stage = Repartitioner(settings, topology(settings), producer, failures.append)
    stage.offer(TopicPartition(topics.FAILED, 2), [Fetched(7, 0, b"k", b"short"), Fetched(8, 0, b"key", b"x" * 500)])
    stage.offer(TopicPartition(topics.CONTENT, 1), [Fetched(9, 0, None, b"x" * 400)])
    await stage.start()
    assert stage._runner is not None
    await stage._runner
    await stage.close(Deadline(1))
    (error,) = failures
    assert isinstance(error, TooLargeError)
    assert f"{log} partition 0 refuses a record of 503 bytes" in str(error)
    assert f"made from {topics.FAILED} partition 2 offset 8," in str(error)
