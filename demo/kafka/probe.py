"""Does a Kafka broker answer? One Metadata round trip over a plain socket, without a client library.

A listening port is not enough: a broker listens before it is registered and unfenced, and a client that comes too
early gets an empty list of brokers. The broker counts as up when it lists itself among the brokers.
"""

import socket
import struct

_METADATA, _VERSION = (
    3,
    1,
)  # https://kafka.apache.org/protocol: the last fixed-width layouts, which Kafka 4 still speaks
_CORRELATION_ID = 1
_CLIENT_ID = b"probe"


def answers(host: str, port: int, *, timeout_seconds: float = 2.0) -> bool:
    """Whether the broker at this address lists at least one usable broker within the timeout."""
    # Header: api key, api version, correlation id, client id. Body: the topics wanted, an array of none.
    request = struct.pack(">hhih", _METADATA, _VERSION, _CORRELATION_ID, len(_CLIENT_ID)) + _CLIENT_ID
    request += struct.pack(">i", 0)
    try:
        with socket.create_connection((host, port), timeout=timeout_seconds) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            # Response: its size, the correlation id, then the count of the array of brokers. The rest is not needed.
            head = _read(connection, 12)
    except OSError:
        return False
    _size, correlation_id, brokers = struct.unpack(">iii", head)
    return bool(correlation_id == _CORRELATION_ID and brokers > 0)


def _read(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        chunk = connection.recv(size - len(received))
        if not chunk:
            msg = "connection closed by the broker"
            raise ConnectionError(msg)
        received += chunk
    return received
