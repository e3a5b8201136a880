"""A topic that was made is waited for until the broker lists it; no broker is needed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiokafka.errors import (
    BrokerNotAvailableError,
    KafkaTimeoutError,
    LeaderNotAvailableError,
    UnknownTopicOrPartitionError,
)

from app.engine.kafka.client_errors import explained
from app.engine.topics import ensure
from app.engine.topics.ensure import Plan
from app.settings import Settings

if TYPE_CHECKING:
    from aiokafka.admin import AIOKafkaAdminClient

UNKNOWN, NO_LEADER = UnknownTopicOrPartitionError.errno, LeaderNotAvailableError.errno
MADE = {"a": Plan(2, {}), "b": Plan(1, {})}


class Admin:
    """Answers for each topic, one after the other; the last one stays. An answer: topic's error, partitions' errors."""

    def __init__(self, answers: dict[str, list[tuple[int, list[int]]]]) -> None:
        self.answers = answers
        self.asked: list[list[str]] = []

    async def describe_topics(self, names: Sequence[str]) -> list[dict[str, Any]]:
        self.asked.append(list(names))
        return [self._one(name) for name in names]

    def _one(self, name: str) -> dict[str, Any]:
        left = self.answers[name]
        error, partitions = left.pop(0) if len(left) > 1 else left[0]
        return {
            "topic": name,
            "error_code": error,
            "partitions": [{"error_code": partition} for partition in partitions],
        }


async def test_what_was_made_is_waited_for_until_each_partition_has_a_leader() -> None:
    late = [(UNKNOWN, []), (0, []), (0, [0, NO_LEADER]), (0, [0, 0])]
    admin = Admin({"a": late, "b": [(0, [0])]})
    await ensure._seen(cast("AIOKafkaAdminClient", admin), MADE)
    assert admin.asked == [["a", "b"], ["a"], ["a"], ["a"]]


async def test_what_is_never_listed_is_named() -> None:
    admin = Admin({"a": [(UNKNOWN, [])], "b": [(0, [0])]})
    with pytest.raises(KafkaTimeoutError, match=r"not listed after 0 s: a$"):
        await ensure._seen(cast("AIOKafkaAdminClient", admin), MADE, patience=0.1)


async def test_where_nothing_was_made_nothing_is_asked() -> None:
    admin = Admin({})
    await ensure._seen(cast("AIOKafkaAdminClient", admin), {})
    assert admin.asked == []


async def test_a_cluster_that_names_no_broker_is_asked_again_as_one_that_is_away() -> None:
    """One that stood still for longer than its session answers, and is among the cluster's brokers a moment later."""

    class Unregistered:
        async def describe_cluster(self) -> dict[str, Any]:
            return {"brokers": []}

    with pytest.raises(BrokerNotAvailableError, match="names no broker") as raised:
        await ensure._broker_settings(cast("AIOKafkaAdminClient", Unregistered()))
    error = raised.value
    assert explained(Settings(), error) is error, "nothing that trying again is useless for"
