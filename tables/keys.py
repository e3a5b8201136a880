"""How keys are put together: a byte for the table, then fields that sort as they should.

Integers are big-endian, so that byte order is number order; a batch id goes behind its length, so that no batch's
rows stand within another's prefix.
"""

import struct
from functools import lru_cache

#: The first byte of a key. Never reuse one: changelogs are forever.
BATCHES = b"b"
PENDING = b"p"
WAITING = b"w"
SOURCES = b"s"
GENERATIONS = b"g"
CLOSED = b"c"
RECEIPTS = b"r"
RECEIPT_ORDER = b"q"
PROGRESS = b"t"
#: ``o`` and NUL are the engine's own (:mod:`app.engine.state.origin`, :mod:`app.engine.state.store`).

_LENGTH = struct.Struct(">I")


@lru_cache(maxsize=4096)  # a chunk's batches are asked for again and again
def named(table: bytes, batch_id: str) -> bytes:
    """The prefix of all rows of ``batch_id`` in ``table``, and of no other batch's."""
    return table + tail(batch_id)


def tail(batch_id: str) -> bytes:
    """What stands behind the table in :func:`named`: for whoever asks for a batch in many tables, and but once."""
    encoded = batch_id.encode()
    return _LENGTH.pack(len(encoded)) + encoded
