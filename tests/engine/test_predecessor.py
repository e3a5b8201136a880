"""A worker that starts in the directory of one that was killed takes that one out of the group, and nobody else."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from app.engine.kafka.predecessor import Predecessor
from app.settings import Settings
from demo.kafka import EmbeddedKafka
from tests.support.brokers import borrowed

pytestmark = pytest.mark.kafka

GROUP = "rollcall"


@pytest.fixture(scope="module")
def kafka() -> Iterator[EmbeddedKafka]:
    with borrowed() as lent:
        asyncio.run(made(lent.bootstrap))
        yield lent


async def made(bootstrap: str) -> None:
    """Make the topic that the members of the group read."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("inputs", 1, 1)])
    await admin.close()


class Group:
    """A group with one member that never leaves by itself, and the directory in which that is noted."""

    def __init__(self, kafka: EmbeddedKafka, home: Path, **settings: Any) -> None:
        (home / GROUP).mkdir()
        self.settings = Settings(broker=kafka.bootstrap, datadir=home, app_id=GROUP, **settings)
        self.first = Predecessor(self.settings)

    async def play(self, *, killed: bool) -> int:
        """How many members are left once a second process has started in the directory."""
        consumer = AIOKafkaConsumer(
            "inputs", bootstrap_servers=self.settings.broker, group_id=GROUP, session_timeout_ms=60_000
        )
        await consumer.start()
        try:
            await self.first.leave()
            self.first.note("a longer id than that which follows, as of an older release of the client library" * 2)
            self.first.note(consumer._coordinator.member_id)
            if killed:
                self.first.close()
            await Predecessor(self.settings).leave()
            return await self._members()
        finally:
            await consumer.stop()

    async def _members(self) -> int:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.broker)
        await admin.start()
        try:
            described = await admin.describe_consumer_groups([GROUP])
            return len(described[0].groups[0][5])
        finally:
            await admin.close()


def test_whoever_was_killed_is_out_of_the_group_at_once(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    assert asyncio.run(Group(kafka, tmp_path).play(killed=True)) == 0


def test_a_process_that_still_has_the_directory_stays_a_member(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    assert asyncio.run(Group(kafka, tmp_path).play(killed=False)) == 1


def test_a_static_member_is_waited_for(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    assert asyncio.run(Group(kafka, tmp_path, instance_id="one").play(killed=True)) == 1


def test_a_broker_that_is_away_and_a_directory_that_is_gone_hold_up_no_start(tmp_path: Path) -> None:
    settings = Settings(broker="127.0.0.1:1", datadir=tmp_path, app_id=GROUP)
    asyncio.run(Predecessor(settings).leave())
    assert not list(tmp_path.iterdir())
    (tmp_path / GROUP).mkdir()
    (tmp_path / GROUP / "member").write_text("somebody\n")
    asyncio.run(Predecessor(settings).leave())
