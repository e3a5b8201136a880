"""A port that was found for a broker is nobody else's until the broker listens."""

import random
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator

import pytest

from demo.kafka import ports
from demo.kafka.ports import free_port


@pytest.fixture(autouse=True)
def claims(monkeypatch: pytest.MonkeyPatch) -> Iterator[deque[socket.socket]]:
    """The claims of a test, which are given up with it."""
    made: deque[socket.socket] = deque()
    monkeypatch.setattr(ports, "_claims", made)
    yield made
    give_up(made)


@pytest.fixture
def drawn(claims: deque[socket.socket], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ports that chance draws, in this order: two that are free, of which the first comes twice."""
    first, second = free_port(), free_port()
    give_up(claims)
    draws = iter([first, first, second])
    monkeypatch.setattr(random, "randint", lambda _first, _last: next(draws))
    return [first, second]


def give_up(claims: deque[socket.socket]) -> None:
    while claims:
        claims.pop().close()


def test_two_listeners_of_a_broker_get_no_port_in_common(drawn: list[int]) -> None:
    assert [free_port(), free_port()] == drawn


def test_a_port_that_another_process_has_found_is_not_found_here(drawn: list[int]) -> None:
    first, second = drawn
    program = f"import random\nrandom.randint = lambda *_: {first}\n"
    program += "from demo.kafka.ports import free_port\nprint(free_port(), flush=True)\ninput()\n"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert int(other.stdout.readline()) == first
        assert free_port() == second
        other.communicate(b"\n")


def test_ports_claimed_long_ago_are_given_up(claims: deque[socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_CLAIMS_KEPT", 2)
    found = [free_port() for _ in range(3)]
    assert [claim.getsockname()[1] for claim in claims] == found[1:]
