import contextlib
import socket
from collections.abc import Iterator

import pytest

from demo.kafka import free_port
from tests.engine.harness import until
from tests.support.fault_proxy import FaultProxy
from tests.support.patience import PATIENCE


def test_a_connection_that_waits_in_a_black_hole_ends_with_the_proxy() -> None:
    """Else nobody closes it: its end is left to the garbage collector, in whatever test runs then."""
    here = free_port()
    with FaultProxy({here: free_port()}) as proxy:
        proxy.black_hole()
        client = socket.create_connection(("127.0.0.1", here), timeout=PATIENCE)
        until(lambda: proxy.connections == 1, "the proxy has the connection")
    with client, contextlib.suppress(ConnectionResetError):
        assert client.recv(1) == b""


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A broker: it takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE)
        yield listening


def test_a_forgotten_connection_is_closed_once_its_client_has_gone(server: socket.socket) -> None:
    """Else the garbage collector does it, later, in another thread: what that says fails whatever test runs then."""
    here = free_port()
    with FaultProxy({here: server.getsockname()[1]}) as proxy, socket.socket() as client:
        client.connect(("127.0.0.1", here))
        client.sendall(b"hello")
        connection, _ = server.accept()
        with connection:
            assert connection.recv(5) == b"hello"
            proxy.half_open()
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
        client.shutdown(socket.SHUT_WR)
        client.settimeout(PATIENCE)
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""
