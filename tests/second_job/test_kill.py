"""The second job on a real Kafka: two workers, of which one is killed midway and loses its data directory."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.kafka import EmbeddedKafka
from tests.second_job.orders_and_payments import INPUTS, ORDERS, PAID, PAYMENTS, REFUSED, UNPAID
from tests.support.brokers import borrowed
from tests.support.events import Message, uid
from tests.support.kafka_io import KafkaIO
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

TOKEN = "a-token-of-more-than-twenty-characters"  # noqa: S105 - a test's
ORDER_COUNT, WAVES = 1000, 10  # 1000 orders and their payments in ten waves, whichever comes first


@pytest.fixture
def kafka() -> Iterator[EmbeddedKafka]:
    with borrowed() as lent:
        yield lent


@pytest.fixture
def io(kafka: EmbeddedKafka) -> Iterator[KafkaIO]:
    with KafkaIO(kafka.bootstrap) as made:
        made.create_topics({ORDERS: 3, PAYMENTS: 2})
        yield made


def worker(kafka: EmbeddedKafka, home: Path, **settings: str) -> Worker:
    # A worker that was killed is missed after 2 s.
    own = {"ROLLCALL_SESSION_TIMEOUT_SECONDS": "2"} | {f"ROLLCALL_{name}": value for name, value in settings.items()}
    return Worker(kafka.bootstrap, home, app_id="orders", settings=own, application="tests.second_job.app")


def traffic() -> list[Message]:
    """Orders and payments in an order that looks random, the same in every run."""
    sent = [
        Message(topic, f"order-{number}".encode(), f"{topic} {number}".encode())
        for number in range(ORDER_COUNT)
        for topic in (ORDERS, PAYMENTS)
    ]
    return [message for _, message in sorted((uid("order", number), message) for number, message in enumerate(sent))]


@pytest.mark.parametrize("guarantee", ["exactly_once", "at_least_once"])
def test_each_order_is_paid_although_a_worker_is_killed_and_wiped(
    kafka: EmbeddedKafka, io: KafkaIO, tmp_path: Path, guarantee: str
) -> None:
    workers = [worker(kafka, tmp_path / str(number), PROCESSING_GUARANTEE=guarantee) for number in range(2)]
    try:
        for message in workers:
            message.launch()
        for message in workers:
            message.wait_ready()
        reader = io.reader([PAID, REFUSED, UNPAID], read_committed=guarantee == "exactly_once")
        sent, size = traffic(), 2 * ORDER_COUNT // WAVES
        for wave in range(WAVES):
            io.produce(sent[wave * size : (wave + 1) * size])
            reader.poll(0.1)
            if wave == WAVES // 2:
                workers[0].kill()
                workers[0].wipe()
                workers[0].launch()
        io.wait_taken("orders", [*INPUTS, "orders-log"])
        wanted = {f"order-{number}".encode() for number in range(ORDER_COUNT)}
        reader.require(lambda records: wanted <= {record.key for record in records}, "each order is paid")
        reader.quiet(1)
        assert {record.topic for record in reader.records} == {PAID}
        assert len({(record.key, record.value, record.headers) for record in reader.records}) == ORDER_COUNT
        if guarantee == "exactly_once":
            assert max(Counter(record.key for record in reader.records).values()) == 1
    finally:
        for message in workers:
            message.close()


def test_an_order_without_a_payment_is_unpaid_and_the_worker_stops_as_asked(
    kafka: EmbeddedKafka, io: KafkaIO, tmp_path: Path
) -> None:
    own = worker(kafka, tmp_path, READINESS_TIMEOUT_SECONDS="0.5", TICK_SECONDS="0.2", HTTP_TOKEN=TOKEN)
    try:
        io.produce([Message(ORDERS, b"a", b"an order"), Message(ORDERS, None, b"whose?")])
        own.start()
        reader = io.reader([PAID, UNPAID, REFUSED], read_committed=True)
        reader.require(lambda records: len(records) == 2, "an unpaid order, and what can't be used")
        assert {(record.topic, record.key, record.value) for record in reader.records} == {
            (UNPAID, b"a", b"an order"),
            (REFUSED, None, b"whose?"),
        }
        assert own.get("/health/live")[0] == 200
        assert own.get("/metrics")[0] == 401
        status, text = own.get("/metrics", token=TOKEN)
        series = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        assert (status, series["rollcall_rekeyed_records_total"]) == (200, "2.0")
        assert {name for name in series if name.startswith("rollcall_lag_records")} >= {
            f'rollcall_lag_records{{partition="{number}",topic="{topic}"}}'
            for topic, count in ((ORDERS, 3), (PAYMENTS, 2), ("orders-log", 3))
            for number in range(count)
        }
        assert float(series["rollcall_chunk_records_sum"]) >= 2
        assert not [name for name in series if "batch" in name or "upload" in name], "essays are somebody else's"
        own.stop()
        assert own.exit_code == 0
    finally:
        own.close()
