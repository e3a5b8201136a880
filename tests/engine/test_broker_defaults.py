"""A broker whose defaults are hostile decides nothing: every topic that is made says what it depends on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin.config_resource import ConfigResourceType

from app.engine.kafka.cluster import describe
from app.engine.topics import ensure as engine_topics
from app.engine.topics.ensure import TopicError
from app.engine.topics.plans import time_limits
from app.settings import Settings
from app.topology import TOPICS, topology
from tests.engine.harness import alter, dead, described, flat, until
from tests.oracle import topics
from tests.support.brokers import borrowed
from tests.support.events import Message
from tests.support.kafka_io import KafkaIO
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

NODE = "1"
HOSTILE = {
    "log.cleanup.policy": "compact",
    "log.retention.ms": "1000",
    "log.message.timestamp.type": "LogAppendTime",
    "log.message.timestamp.before.max.ms": "1000",
    "compression.type": "gzip",
    "message.max.bytes": "2000",
}

LIMITS = ("log.message.timestamp.before.max.ms", "log.message.timestamp.after.max.ms")  # that this broker has


@pytest.fixture(scope="module")
def io() -> Iterator[KafkaIO]:
    """On a broker whose defaults were changed while it ran: to a topic they are what they would be from its start."""
    with borrowed() as broker, KafkaIO(broker.bootstrap) as made:
        alter(made, NODE, HOSTILE, ConfigResourceType.BROKER)
        yield made
        alter(made, NODE, {}, ConfigResourceType.BROKER)


@pytest.fixture(scope="module")
def worker(io: KafkaIO, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    made = Worker(io.bootstrap, tmp_path_factory.mktemp("hostile-worker"))
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_bad_inputs_without_a_key_become_dead_letters_whatever_the_broker_does_by_default(
    worker: Worker, io: KafkaIO
) -> None:
    read = io.reader(topics.OUTPUTS)
    io.produce([Message(topic, None, b"no event") for topic in topics.INPUTS])
    io.produce(flat("C0 R2 C1", "hostile"))
    read.require(lambda found: len(dead(found, "malformed")) == 3, "three dead letters")
    read.require(lambda found: any(output.topic == topics.READY for output in found), "a ready batch")
    assert all(record.key is None for record in dead(read.records, "malformed"))
    assert worker.alive


def test_no_topic_that_is_made_inherits_what_it_depends_on(worker: Worker, io: KafkaIO) -> None:
    assert worker.alive
    found = described(io, [*topics.INPUTS, *topics.OUTPUTS, "rollcall-log", "rollcall-tables-changelog"])
    compacted = {name for name, config in found.items() if config["cleanup.policy"] != "delete"}
    assert compacted == {"rollcall-tables-changelog"}
    assert {config["compression.type"] for config in found.values()} == {"producer"}
    assert {name for name, config in found.items() if config["message.timestamp.type"] == "LogAppendTime"} == {
        "rollcall-log"
    }
    assert all(config["retention.ms"] != "1000" for name, config in found.items() if name not in compacted)
    assert all(int(config["max.message.bytes"]) > 1_000_000 for config in found.values())
    written = (*topics.OUTPUTS, "rollcall-tables-changelog")
    assert {found[name]["message.timestamp.before.max.ms"] for name in written} == {str(2**63 - 1)}


@pytest.mark.parametrize(
    ("name", "config", "said"),
    [
        (topics.DEAD, {"cleanup.policy": "compact"}, "cleanup.policy=compact and must have cleanup.policy=delete"),
        ("rollcall-log", {"retention.ms": "1000"}, "retention.ms=1000 and must have retention.ms=7776000000"),
        (topics.READY, {"min.insync.replicas": "2"}, "min.insync.replicas=2 and must have min.insync.replicas=1"),
    ],
)
def test_an_existing_topic_that_would_refuse_or_lose_records_is_refused_by_name(
    name: str, config: dict[str, str], said: str, worker: Worker, io: KafkaIO, tmp_path: Path
) -> None:
    """As a start does it, and as whoever watches a running worker does it."""
    assert worker.alive
    settings = Settings(broker=io.bootstrap, datadir=tmp_path)
    right = dict(engine_topics.plans(settings, TOPICS, time_limits(dict.fromkeys(LIMITS, "")))[name].config)
    alter(io, name, right | config)
    try:
        with pytest.raises(TopicError, match=said) as refused:
            io.call(engine_topics.ensure(settings, topology(settings)))
        assert f"topic {name} has " in str(refused.value)
        _, findings = io.call(engine_topics.examine(settings, TOPICS))
        assert [line for line in findings.refusals if said in line]
    finally:
        alter(io, name, right)
    io.call(engine_topics.ensure(settings, topology(settings)))


def test_a_topic_that_is_made_again_has_another_id(worker: Worker, io: KafkaIO) -> None:
    assert worker.alive
    io.create_topics({"again": 1})
    first = io.call(describe(io._admin, ["again"]))
    io.call(io._admin.delete_topics(["again"]))
    until(lambda: "again" not in io.topics(), "deleted")
    io.create_topics({"again": 1})
    until(lambda: "again" in io.topics(), "made again")
    second = io.call(describe(io._admin, ["again", "nowhere"]))
    assert first.id == second.id is not None
    assert first.topics["again"].id != second.topics["again"].id is not None
    assert set(second.topics) == {"again"}
