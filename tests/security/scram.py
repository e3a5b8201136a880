"""Makes a SCRAM user: one AlterUserScramCredentials request over a plain socket.

The client library has no such request, and Kafka's own tool takes some seconds to start.
"""

import hashlib
import secrets
import socket
import struct

from tests.support.patience import PATIENCE

_API, _VERSION = 51, 0  # https://kafka.apache.org/protocol
_CORRELATION_ID = 1
_SHA_512 = 2
_ITERATIONS = 4096
_NO_TAGS = b"\0"


def add_user(bootstrap: str, name: str, password: str) -> None:
    """Make a user that logs in by SCRAM-SHA-512. Raises AssertionError where the broker does not take it."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    user = _bytes(name.encode()) + struct.pack(">bi", _SHA_512, _ITERATIONS) + _bytes(salt) + _bytes(salted) + _NO_TAGS
    nobody_less, one_more = _length(0), _length(1)
    header = struct.pack(">hhih", _API, _VERSION, _CORRELATION_ID, -1) + _NO_TAGS
    request = header + nobody_less + one_more + user + _NO_TAGS
    host, _, port = bootstrap.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=PATIENCE) as connection,
        connection.makefile("rb") as answer,
    ):
        connection.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", answer.read(4))
        body = answer.read(size)
    # Correlation id, no tags, the throttle time, then one result: its user, and the error.
    found = body[9 + 1 + 1 + len(name) :]
    assert body[:4] == struct.pack(">i", _CORRELATION_ID)
    assert found[:2] == b"\0\0", body


def _length(count: int) -> bytes:
    """The length of a compact array, string or byte string; one byte is enough here."""
    assert count < 127
    return bytes([count + 1])


def _bytes(value: bytes) -> bytes:
    return _length(len(value)) + value
