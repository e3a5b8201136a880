"""Topics: made as they must be, and refused where an existing one is something else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.engine.kafka.clients import MAX_RECORD_BYTES
from app.engine.topics.ensure import plans
from app.settings import Settings
from app.topology import TOPICS
from demo.kafka import EmbeddedKafka
from tests.engine.harness import create, described, flat, plain_log
from tests.oracle import topics
from tests.support.brokers import INTERNAL, LEAST_SESSION_MS, borrowed
from tests.support.kafka_io import KafkaIO
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def kafka() -> Iterator[EmbeddedKafka]:
    """A broker without any topic."""
    with borrowed() as broker:
        yield broker


@pytest.fixture(scope="module")
def io(kafka: EmbeddedKafka) -> Iterator[KafkaIO]:
    with KafkaIO(kafka.bootstrap) as made:
        yield made


@pytest.fixture(scope="module")
def fresh(kafka: EmbeddedKafka, io: KafkaIO, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Worker]]:
    """Two workers that were started at the same moment on the empty broker, and are ready."""
    assert io.topics() <= INTERNAL
    workers = [Worker(kafka.bootstrap, tmp_path_factory.mktemp(f"fresh-{number}")) for number in (0, 1)]
    try:
        for worker in workers:
            worker.launch()
        for worker in workers:
            worker.wait_ready()
        yield workers
        for worker in workers:
            if worker.alive:
                worker.stop()
    finally:
        for worker in workers:
            worker.close()


def test_two_workers_that_start_at_the_same_moment_on_an_empty_broker_both_come_up(
    fresh: list[Worker], io: KafkaIO
) -> None:
    assert all(worker.alive for worker in fresh)
    read = io.reader(topics.OUTPUTS)
    io.produce(worker for number in range(10) for worker in flat("R1 C0", f"fresh-{number}"))
    read.require(lambda found: sum(output.topic == topics.READY for output in found) == 10, "ten ready events")


def test_topics_are_made_with_the_settings_that_the_guarantees_need(fresh: list[Worker], io: KafkaIO) -> None:
    assert fresh
    log, changelog = "rollcall-log", "rollcall-tables-changelog"
    assert {name for name in io.topics() if not name.startswith("__")} == {
        *topics.INPUTS,
        *topics.OUTPUTS,
        log,
        changelog,
    }
    found = described(io, io.topics())
    assert {found[name]["partitions"] for name in (*topics.INPUTS, *topics.OUTPUTS, log, changelog)} == {"3"}
    assert found[log]["cleanup.policy"] == "delete"
    assert found[log]["message.timestamp.type"] == "LogAppendTime"
    assert (found[log]["retention.ms"], found[log]["retention.bytes"]) == ("7776000000", "-1")
    assert found[changelog]["max.compaction.lag.ms"] == "14400000"
    assert found[changelog]["cleanup.policy"] == "compact"
    assert found[topics.DEAD]["retention.ms"] == "-1"
    for name in (log, changelog, *topics.OUTPUTS):
        assert int(found[name]["max.message.bytes"]) == MAX_RECORD_BYTES, name
        assert found[name]["min.insync.replicas"] == "1", name


@pytest.mark.parametrize(("replicas", "least"), [(1, "1"), (2, "1"), (3, "2"), (5, "2")])
def test_with_three_replicas_or_more_two_must_have_a_record(replicas: int, least: str, tmp_path: Path) -> None:
    planned = plans(Settings(datadir=tmp_path, replication_factor=replicas), TOPICS)
    assert {plan.config["min.insync.replicas"] for plan in planned.values()} == {least}


WRONG = [
    ("log", 4, {}, ("has 4 partitions", "ROLLCALL_PARTITIONS is 3", "set it to 4")),
    ("log", 3, {"cleanup.policy": "compact"}, ("cleanup.policy=compact", "must have cleanup.policy=delete")),
    (
        "log",
        3,
        {"message.timestamp.type": "CreateTime"},
        ("message.timestamp.type=CreateTime", "must have message.timestamp.type=LogAppendTime"),
    ),
    (
        "tables-changelog",
        3,
        {"cleanup.policy": "delete"},
        ("cleanup.policy=delete", "must have cleanup.policy=compact"),
    ),
    ("tables-changelog", 2, {"cleanup.policy": "compact"}, ("has 2 partitions", "ROLLCALL_PARTITIONS is 3")),
]


@pytest.mark.parametrize(("name", "partitions", "config", "said"), WRONG)
def test_an_existing_topic_that_is_something_else_is_refused_with_the_way_out(
    name: str, partitions: int, config: dict[str, str], said: tuple[str, ...], io: KafkaIO, tmp_path: Path
) -> None:
    app_id = f"wrong-{WRONG.index((name, partitions, config, said))}"
    right = {"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime"} if name == "log" else {}
    create(io, f"{app_id}-{name}", partitions, right | config)
    worker = Worker(io.bootstrap, tmp_path, app_id=app_id)
    worker.launch()
    try:
        assert worker.wait_end() != 0
    finally:
        worker.close()
    text = plain_log(worker)
    for part in (f"topic {app_id}-{name} ", *said, "another ROLLCALL_APP_ID"):
        assert part in text
    assert "Traceback" not in text


def test_a_session_time_out_below_the_brokers_least_is_refused_with_the_way_out(io: KafkaIO, tmp_path: Path) -> None:
    settings = {"ROLLCALL_SESSION_TIMEOUT_SECONDS": "1.4"}
    worker = Worker(io.bootstrap, tmp_path, app_id="impatient", settings=settings)
    worker.launch()
    try:
        assert worker.wait_end() == 1
    finally:
        worker.close()
    text = plain_log(worker)
    for part in (
        "SESSION_TIMEOUT_SECONDS is 1.4 ",
        f"group.min.session.timeout.ms={LEAST_SESSION_MS}",
        "set it to 1.5, or",
    ):
        assert part in text
    assert "Traceback" not in text


def test_input_topics_may_have_any_partition_counts(tmp_path: Path) -> None:
    for plan in (plans(Settings(datadir=tmp_path), TOPICS)[topic] for topic in topics.INPUTS):
        assert not plan.fixed_partitions


def test_an_app_id_with_another_partition_count_than_its_inputs_is_accepted(io: KafkaIO, tmp_path: Path) -> None:
    """The inputs have three partitions here, and this log five."""
    worker = Worker(io.bootstrap, tmp_path, app_id="five", settings={"ROLLCALL_PARTITIONS": "5"})
    try:
        worker.start()
        assert described(io, ["five-log"])["five-log"]["partitions"] == "5"
    finally:
        worker.close()
