"""On real workers: many that hang up, half requests, and a token where none can be read."""

import socket
import time
from http.client import HTTPResponse

import pytest

from tests.api.conftest import READ_TOKEN, TOKEN, ask
from tests.support.patience import PATIENCE
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

PATHS = ["/api/batches", "/api/batches?search=o", "/api/overview", "/api/pending", "/api/batches/open-0/explain"]


def send(worker: Worker, request: str) -> socket.socket:
    """Connect and send."""
    connection = socket.create_connection(("127.0.0.1", worker.port), timeout=PATIENCE)
    connection.sendall(request.encode("latin-1"))
    return connection


@pytest.mark.parametrize("path", PATHS)
def test_two_hundred_that_hang_up_leave_nothing_behind(workers: list[Worker], path: str) -> None:
    asked = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {READ_TOKEN}\r\n\r\n"
    clients = [send(workers[0], asked) for _ in range(200)]
    assert workers[0].get("/health/live", timeout=PATIENCE)[0] == 200
    for client in clients:
        client.close()
    assert workers[0].get("/health/live", timeout=PATIENCE)[0] == 200
    # Their places are free again: none of them is waited for.
    deadline = time.monotonic() + 60
    while ask(workers[0], path).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert workers[0].get("/health/ready", timeout=PATIENCE)[0] == 200


def test_half_requests_keep_nobody_out(workers: list[Worker]) -> None:
    halves = [send(workers[1], "GET /health/live HTTP/1.1\r\nHost: ") for _ in range(600)]
    assert workers[1].get("/health/live", timeout=PATIENCE)[0] == 200
    assert ask(workers[1], "/api/overview").status == 200
    for half in halves:
        half.close()


@pytest.mark.parametrize("end", ["\r\r\n", "\0\r\n", "\x01\r\n", "\r\n bad: x\r\n", "\r\nX\r\n"])
def test_a_token_in_a_request_that_can_not_be_read_is_told_to_nobody(workers: list[Worker], end: str) -> None:
    for token in (TOKEN, READ_TOKEN):
        request = f"GET /api/overview HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}{end}\r\n"
        with send(workers[2], request) as connection:
            answer = HTTPResponse(connection)
            answer.begin()
            said = answer.read().decode()
        assert answer.status == 400
        assert answer.headers["Server"] == "Rollcall"
        assert token not in said + str(answer.headers)
    text = workers[2].log.read_text("utf-8", "replace")
    assert TOKEN not in text
    assert READ_TOKEN not in text
