"""The embedded Kafka is a real broker whose whole life a test can direct."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from demo.kafka import EmbeddedKafka, KafkaStartError, free_port
from demo.kafka.probe import answers
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def kafka() -> Iterator[EmbeddedKafka]:
    """One broker for the tests of this module, with a second listener; each test may start it again.

    A start costs more than all else here: the tests that need it run stand before those that end it.
    """
    second = f"SECOND://127.0.0.1:{free_port()}"
    config = {"listeners": second, "listener.security.protocol.map": "SECOND:PLAINTEXT", "message.max.bytes": "3000000"}
    with EmbeddedKafka(config=config) as broker:
        yield broker


async def create_topic(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=4_000_000) as producer:
        for value in values:
            await producer.send_and_wait(topic, value)


async def consume(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id="readers", auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(PATIENCE):
        return [(await anext(consumer)).value for _ in range(count)]


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


async def test_what_is_produced_is_consumed(kafka: EmbeddedKafka) -> None:
    kafka.start()
    await create_topic(kafka.bootstrap, "round-trip")
    await produce(kafka.bootstrap, "round-trip", b"one", b"two")
    assert await consume(kafka.bootstrap, "round-trip", 2) == [b"one", b"two"]


async def test_a_transaction_that_is_committed_can_be_read(kafka: EmbeddedKafka) -> None:
    kafka.start()
    await create_topic(kafka.bootstrap, "transactions")
    async with (
        AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id="t") as producer,
        producer.transaction(),
    ):
        await producer.send_and_wait("transactions", b"committed")
    assert await consume(kafka.bootstrap, "transactions", 1) == [b"committed"]


async def test_a_further_listener_and_a_broker_setting_can_be_given(kafka: EmbeddedKafka) -> None:
    kafka.start()
    assert kafka.data_dir is not None
    properties = (kafka.data_dir / "server.properties").read_text()
    second = next(part for part in properties.split("\n") if part.startswith("listeners=")).rpartition("SECOND://")[2]
    big = b"x" * 2_500_000  # more than Kafka's default limit of 1,048,588 bytes
    await create_topic(second, "second-listener")
    await produce(second, "second-listener", big)
    assert await consume(kafka.bootstrap, "second-listener", 1) == [big]


async def test_data_and_address_survive_a_kill(kafka: EmbeddedKafka) -> None:
    kafka.start()
    address, first = kafka.bootstrap, kafka.pid
    await create_topic(address, "kept")
    await produce(address, "kept", b"before")
    kafka.kill()
    assert kafka.pid is None
    assert first is not None
    assert not exists(first)
    kafka.start()
    assert (kafka.bootstrap, kafka.pid != first) == (address, True)
    await produce(address, "kept", b"after")
    assert await consume(address, "kept", 2) == [b"before", b"after"]


def test_a_paused_broker_is_silent_until_it_is_resumed(kafka: EmbeddedKafka) -> None:
    kafka.start()
    host, port = kafka.bootstrap.split(":")
    kafka.pause()
    try:
        assert not answers(host, int(port), timeout_seconds=1)
    finally:
        kafka.resume()
    assert eventually(lambda: answers(host, int(port)))


def test_a_second_broker_on_the_same_port_is_refused_by_name(kafka: EmbeddedKafka) -> None:
    kafka.start()
    port = int(kafka.bootstrap.split(":")[1])
    with pytest.raises(KafkaStartError, match=f"port {port} .* is taken"):
        EmbeddedKafka(port=port).start()


def test_a_paused_broker_can_be_stopped_in_order(kafka: EmbeddedKafka) -> None:
    kafka.start()
    pid = kafka.pid
    kafka.pause()
    kafka.stop()
    assert pid is not None
    assert not exists(pid)
    assert kafka.data_dir is not None
    assert (kafka.data_dir / "log" / ".kafka_cleanshutdown").exists()  # the broker's own mark of an orderly end


def test_a_failed_start_shows_the_end_of_the_brokers_log(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    kafka.stop()  # one broker at a time
    broken = EmbeddedKafka(data_dir=tmp_path, config={"num.network.threads": "many"})
    with pytest.raises(KafkaStartError, match=r"many.*num\.network\.threads"):
        broken.start()
    assert broken.pid is None


def test_temporary_data_is_removed_on_close(kafka: EmbeddedKafka) -> None:
    directory = kafka.data_dir
    assert directory is not None
    assert directory.exists()
    kafka.close()
    assert kafka.pid is None
    assert not directory.exists()


def test_nothing_is_left_when_the_python_process_gets_sigkill(kafka: EmbeddedKafka) -> None:
    kafka.stop()
    program = (
        "import time\n"
        "from demo.kafka import EmbeddedKafka\n"
        "kafka = EmbeddedKafka()\n"
        "kafka.start()\n"
        "print(kafka.pid, kafka.data_dir, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, directory = parent.stdout.readline().split()
        assert exists(int(pid))
        parent.kill()
    assert eventually(lambda: not exists(int(pid)))
    assert eventually(lambda: not Path(directory).exists())


def test_the_foreground_command_prints_its_address_and_ends_on_sigterm(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    kafka.stop()
    port = free_port()
    command = [sys.executable, "-m", "demo.kafka", "--port", str(port), "--data-dir", str(tmp_path / "data")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == f"127.0.0.1:{port}\n"
        assert answers("127.0.0.1", port)
        running.send_signal(signal.SIGTERM)
        assert running.wait(PATIENCE) == 0
    assert not answers("127.0.0.1", port)
    assert (tmp_path / "data" / "log" / "meta.properties").exists()
