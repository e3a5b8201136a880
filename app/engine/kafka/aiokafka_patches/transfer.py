"""Produce requests of megabytes, with fewer copies.

A produce request goes to the socket with its batches as they are. aiokafka joins a request's fields level by level, and
then the whole behind its header and its length: each batch was copied seven times, a megabyte at a time.
"""

import struct
from collections.abc import Iterator
from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.types import Array, Bytes, Int32, Schema

_original_send = AIOKafkaConnection.send

_LENGTH = struct.Struct(">i")

#: A smaller piece is joined to those beside it: a system call takes 1,024 pieces at most.
_SMALL = 16 * 1024


def send(self: Any, request: Any, expect_response: bool = True) -> Any:  # noqa: FBT001, FBT002 - aiokafka's signature
    """Send a request as aiokafka does. Raises KafkaConnectionError where there is no connection."""
    if not isinstance(request, ProduceRequest) or not expect_response or self._writer is None:
        return _original_send(self, request, expect_response)
    prepared = request.prepare(self._versions)
    correlation_id = self._next_correlation_id()
    header = prepared.build_request_header(correlation_id=correlation_id, client_id=self._client_id).encode()
    message = pieces(prepared)
    size = len(header) + sum(map(len, message))
    try:
        self._writer.writelines(_joined([_LENGTH.pack(size), header, *message]))
    except OSError as error:
        self.close(reason=CloseReason.CONNECTION_BROKEN)
        message_ = f"Connection at {self._host}:{self._port} broken: {error}"
        raise KafkaConnectionError(message_) from error
    answer = self._loop.create_future()
    self._requests.append((correlation_id, prepared, answer))
    return answer


def pieces(request: Any) -> list[bytes]:
    """The pieces that a request consists of: joined, they are what aiokafka encodes."""
    return list(_pieces(request.SCHEMA, [getattr(request, name) for name in request.SCHEMA.names]))


def _pieces(kind: Any, value: Any) -> Iterator[bytes]:
    if isinstance(kind, Schema):
        for field, element in zip(kind.fields, value, strict=True):
            yield from _pieces(field, element)
    elif isinstance(kind, Array) and value is not None:
        yield Int32.encode(len(value))
        for element in value:
            yield from _pieces(kind.array_of, element)
    elif kind is Bytes and value is not None:
        yield Int32.encode(len(value))
        yield value
    else:
        yield kind.encode(value)


def _joined(parts: list[bytes]) -> list[bytes]:
    """The same bytes in few pieces."""
    joined: list[bytes] = []
    small: list[bytes] = []
    for part in parts:
        if len(part) < _SMALL:
            small.append(part)
            continue
        joined += (b"".join(small), part)
        small = []
    return [*joined, b"".join(small)] if small else joined
