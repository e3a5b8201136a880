"""Which requests a broker knows: each new connection asks, and answers that are the same are read once.

A worker makes some 18 connections at its start, and each is told of 60 kinds of requests or more: aiokafka reads the
three fields of each by themselves.
"""

from functools import lru_cache
from io import BytesIO
from typing import Any

from aiokafka.protocol.admin import ApiVersionResponse_v0, ApiVersionResponse_v1
from aiokafka.protocol.struct import Struct

#: One for each release among the brokers, and in each version of the answer; of 400 bytes or so.
_KEPT = 16


@lru_cache(_KEPT)
def _read(kind: Any, answer: bytes) -> Any:
    return Struct.decode.__func__(kind, answer)


def decode(kind: Any, data: BytesIO | bytes) -> Any:
    """An answer of this kind, as aiokafka reads it; nobody changes one. Raises ValueError where bytes are lacking."""
    return _read(kind, data if isinstance(data, bytes) else data.read())


def install() -> None:
    """Change it for all clients of the process. Idempotent."""
    for kind in (ApiVersionResponse_v0, ApiVersionResponse_v1):
        kind.decode = classmethod(decode)
