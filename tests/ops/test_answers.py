"""The health check of Kafka's container: it tells a broker that answers from one that doesn't."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.brokers import borrowed
from tests.support.worker import ROOT

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "timeout", "od"))), reason="needs bash, timeout and od, as the image has them"
)


def status(port: int) -> int:
    return subprocess.run(
        ["bash", ROOT / "ops/kafka/answers.sh", "127.0.0.1", str(port)], check=False, capture_output=True
    ).returncode


@contextmanager
def listener(answer: bytes | None) -> Iterator[int]:
    """A port that takes connections; it answers with these bytes, or never."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(64)
                if answer is not None:
                    connection.sendall(answer)
                else:
                    connection.recv(64)  # until the other end has gone

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@pytest.mark.kafka
def test_a_broker_that_serves_is_healthy() -> None:
    with borrowed() as kafka:
        assert status(int(kafka.bootstrap.rpartition(":")[2])) == 0


def test_a_port_that_nobody_listens_at_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert status(port) != 0


@pytest.mark.parametrize(
    "answer",
    [None, b"", b"HTTP/1.1 400 Bad Request", bytes.fromhex("00000100 00000007 0023"), bytes.fromhex("00000100 0000")],
    ids=["none, ever", "none", "of another protocol", "an error", "half of one"],
)
def test_a_port_without_the_answer_of_a_broker_is_not(answer: bytes | None) -> None:
    with listener(answer) as port:
        assert status(port) != 0
