"""The records of the internal log: inputs as they came, re-keyed by batch id, the log's own ticks, operators' acts.

A re-keyed input keeps its value untouched. Its position goes along in the header ``s`` (topic code, partition,
offset), by which a repeat of the repartitioner is told from a redelivery; the generation of its topic in ``g``,
without which a topic that was made again would be taken for the old one; its original key in ``k``, absent where the
key was null. ``g`` is absent where an older release wrote the record, or the broker has no topic ids. A record without
``s`` is a tick (header ``t``) or what an operator does (header ``a``, :mod:`app.wire.acts`).

A tick may say what goes: up to where batches are retired in the header ``r``, up to where receipts are forgotten in
``f``. With ``i`` it asks to look up what an older release has closed. An older release passes over all three.
"""

import struct
import uuid
from collections.abc import Sequence

from app.core.events import Cutoff, Source, Tick
from app.core.names import INPUTS

SOURCE_HEADER = "s"
KEY_HEADER = "k"
GENERATION_HEADER = "g"
LOST_HEADER = "x"
TICK_HEADER = "t"
ACT_HEADER = "a"
RETIRES_HEADER = "r"
FORGETS_HEADER = "f"
LOOKUP_HEADER = "i"

_SOURCE = struct.Struct(">BIQ")  # 1 + 4 + 8 bytes: topic code, partition, offset

_GENERATION_BYTES = 4
_OFFSET = struct.Struct(">Q")
_LOST = struct.Struct(">Q32s")  # size, SHA-256

# Looked up once: these are passed by each record of the log.
_SIZE = _SOURCE.size
_INPUTS = len(INPUTS)
_unpack = _SOURCE.unpack
_source = tuple.__new__

RecordHeaders = list[tuple[str, bytes | None]]


def source_header(topic: int, partition: int, offset: int) -> bytes:
    """The value of the header ``s``."""
    return _SOURCE.pack(topic, partition, offset)


def read_source(headers: Sequence[tuple[str, bytes | None]]) -> Source | None:
    """The input's own position, or None where the record is not a re-keyed input."""
    for name, value in headers:
        if name == SOURCE_HEADER and value is not None and len(value) == _SIZE and value[0] < _INPUTS:
            return _source(Source, _unpack(value))
    return None


def generation_of(topic_id: str) -> bytes:
    """The value of the header ``g``: the first 4 bytes of the topic's id (KIP-516), which are random."""
    return uuid.UUID(topic_id).bytes[:_GENERATION_BYTES]


def read_generation(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """Of which generation of its topic a re-keyed input is; empty where the record does not say it."""
    for name, value in headers:
        if name == GENERATION_HEADER:
            return value if value is not None and len(value) == _GENERATION_BYTES else b""
    return b""


def lost_header(size: int, digest: bytes) -> bytes:
    """The value of the header ``x``: size and SHA-256 of an input's value that the log can't hold."""
    return _LOST.pack(size, digest)


def read_lost(headers: Sequence[tuple[str, bytes | None]]) -> tuple[int, str] | None:
    """Size and SHA-256 (hexadecimal) of a value that the log could not hold; None of any other record."""
    for name, value in headers:
        if name == LOST_HEADER and value is not None and len(value) == _LOST.size:
            size, digest = _LOST.unpack(value)
            return size, digest.hex()
    return None


def read_key(headers: Sequence[tuple[str, bytes | None]]) -> bytes | None:
    """The original key of a re-keyed input."""
    for name, value in headers:
        if name == KEY_HEADER:
            return value
    return None


def is_tick(headers: Sequence[tuple[str, bytes | None]]) -> bool:
    """Whether the record is a tick. All that it says is its append time."""
    return any(name == TICK_HEADER for name, _ in headers)


def is_act(headers: Sequence[tuple[str, bytes | None]]) -> bool:
    """Whether the record is what an operator does to a batch."""
    return any(name == ACT_HEADER for name, _ in headers)


def cutoff_header(cutoff: Cutoff) -> bytes:
    """The value of the headers ``r`` and ``f``."""
    return _OFFSET.pack(cutoff.at) + cutoff.batch_id.encode()


def read_tick(time: int, headers: Sequence[tuple[str, bytes | None]]) -> Tick:
    """The tick that a record with these headers is, which the log took at ``time`` (ms)."""
    if len(headers) == 1:
        return Tick(time)
    named = dict(headers)
    return Tick(time, _cutoff(named.get(RETIRES_HEADER)), _cutoff(named.get(FORGETS_HEADER)))


def copied_headers(headers: Sequence[tuple[str, bytes | None]]) -> RecordHeaders:
    """The headers of a record that is copied into another log: without the offsets that a tick names, which are those
    of this one. What the copy retires, its own ticks say.
    """
    if not is_tick(headers):
        return list(headers)
    return [(name, value) for name, value in headers if name not in {RETIRES_HEADER, FORGETS_HEADER, LOOKUP_HEADER}]


def is_lookup(headers: Sequence[tuple[str, bytes | None]]) -> bool:
    """Whether a tick asks to look up what an older release has closed."""
    return any(name == LOOKUP_HEADER for name, _ in headers)


def _cutoff(value: bytes | None) -> Cutoff | None:
    if value is None or len(value) < _OFFSET.size:
        return None
    return Cutoff(_OFFSET.unpack_from(value)[0], value[_OFFSET.size :].decode(errors="replace"))
