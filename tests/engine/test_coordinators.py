"""A cluster that can't keep groups or transactions answers "not available" for ever: it is named with its setting."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.engine.topics.coordinators import GROUPS, TRANSACTIONS, Internal, judge
from demo.kafka import EmbeddedKafka
from tests.engine.harness import NOISE, log_lines, plain_log, until
from tests.support.brokers import Broker
from tests.support.worker import Worker

BROKER = {
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
}
UNKNOWN = {"error_code": 3, "partitions": []}


def there(replicas: int) -> dict[str, Any]:
    return {"error_code": 0, "partitions": [{"replicas": list(range(replicas))}]}


@pytest.mark.parametrize(
    ("internal", "entry", "config", "broker", "brokers", "said"),
    [
        (
            GROUPS,
            UNKNOWN,
            {},
            BROKER,
            1,
            "has 1 broker and offsets.topic.replication.factor=3: it can't make",
        ),
        (TRANSACTIONS, UNKNOWN, {}, BROKER, 2, "2 brokers and transaction.state.log.replication.factor=3"),
        (GROUPS, UNKNOWN, {}, BROKER, 3, None),
        (TRANSACTIONS, UNKNOWN, {}, BROKER, 3, None),
        (
            TRANSACTIONS,
            UNKNOWN,
            {},
            BROKER | {"transaction.state.log.replication.factor": "1"},
            1,
            "transaction.state.log.min.isr=2 and transaction.state.log.replication.factor=1: nothing could be written",
        ),
        (TRANSACTIONS, there(1), {"min.insync.replicas": "2"}, BROKER, 1, "has min.insync.replicas=2 and 1 replica:"),
        (TRANSACTIONS, there(1), {"min.insync.replicas": "1"}, BROKER, 1, None),
        (GROUPS, there(3), {}, BROKER, 1, None),  # two brokers are away: others tell of that
        (GROUPS, UNKNOWN, {}, {}, 1, None),  # an ACL
        (GROUPS, {"error_code": 29, "partitions": []}, {}, BROKER, 1, None),
        (GROUPS, {}, {}, BROKER, 1, None),
    ],
)
def test_what_a_cluster_can_not_do_is_said_with_the_setting(
    internal: Internal,
    entry: Mapping[str, Any],
    config: Mapping[str, str],
    broker: Mapping[str, str],
    brokers: int,
    said: str | None,
) -> None:
    line = judge(internal, entry, config, broker, brokers)
    assert line is None if said is None else said in (line or "")


FACTOR = "transaction.state.log.replication.factor"


@pytest.fixture(scope="module")
def kafka() -> Iterator[EmbeddedKafka]:
    """A broker that can't keep transactions, and is not started yet."""
    made = Broker({FACTOR: "3"})
    yield made
    made.close()


@pytest.mark.kafka
def test_a_worker_comes_up_when_its_broker_does(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    """It needs no transactions."""
    worker = Worker(kafka.bootstrap, tmp_path, settings={"ROLLCALL_PROCESSING_GUARANTEE": "at_least_once"})
    try:
        worker.launch()
        until(lambda: worker.log.exists() and "trying again" in plain_log(worker), "a try")
        assert worker.get("/health/ready")[0] != 200
        kafka.start()
        worker.wait_ready()
        worker.stop()
        assert worker.exit_code == 0
        assert not NOISE.search(plain_log(worker))
    finally:
        worker.close()


@pytest.mark.kafka
def test_a_worker_on_one_broker_of_three_says_what_is_missing_and_stops_when_it_is_told_to(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    """Both of Kafka's defaults; the second one was silence for ever."""
    kafka.start()
    worker = Worker(kafka.bootstrap, tmp_path, settings={"ROLLCALL_LOG_FORMAT": "json"})
    try:
        worker.launch()
        begins = "the cluster can't be worked with"
        (line, *_) = until(
            lambda: [line for line in log_lines(worker) if line["event"].startswith(begins)], "a line about the cluster"
        )
        assert f"the cluster has 1 broker and {FACTOR}=3: it can't make __transaction_state" in line["found"]
        worker.stop()
    finally:
        worker.close()
