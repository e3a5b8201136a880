import contextlib
import socket

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
