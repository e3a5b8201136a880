"""Where the inputs go on is asked for again when the broker ends in the middle of it: no reason for a worker to end."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError
from aiokafka.structs import OffsetAndMetadata

from app.engine.topics import input_positions
from app.engine.topics.input_positions import Positions

PLACE = TopicPartition("input", 0)


def consumer() -> Any:
    async def fetch(partitions: list[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
        return {place: OffsetAndMetadata(7, "id") for place in partitions}

    return SimpleNamespace(_client=None, _coordinator=SimpleNamespace(fetch_committed_offsets=fetch))


def failing(monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> list[Exception]:
    """The broker answers only when it has failed with each of these."""
    left = list(errors)

    async def ids(*_: object) -> dict[str, str]:
        if left:
            raise left.pop(0)
        return {"input": "id"}

    monkeypatch.setattr(input_positions, "topic_ids", ids)
    monkeypatch.setattr(input_positions, "_FIRST_PAUSE", 0.001)
    return left


async def test_a_broker_that_ends_meanwhile_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    left = failing(monkeypatch, KafkaConnectionError("closed"), KafkaConnectionError("closed"))
    positions = Positions(["input"])
    assert await positions.committed(consumer(), [PLACE]) == {PLACE: 7}
    assert (left, positions.ids) == ([], {"input": "id"})


async def test_a_refusal_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    left = failing(monkeypatch, TopicAuthorizationFailedError(), KafkaConnectionError("never reached"))
    with pytest.raises(TopicAuthorizationFailedError):
        await Positions(["input"]).committed(consumer(), [PLACE])
    assert len(left) == 1
