"""The ids of the batches of a partition, in the order of their keys: by length, then by bytes."""

import struct
from collections.abc import Iterator

from app.engine.ports import Store
from tables import keys

_LENGTH = struct.Struct(">I")
_HEAD = len(keys.BATCHES) + _LENGTH.size
#: The most that a key has behind the id: in table ``batches`` first and last offset.
_LONGEST_BEHIND = 16


def ids_after(
    store: Store, beginning: str = "", after: str | None = None, table: bytes = keys.BATCHES
) -> Iterator[str]:
    """The ids of all batches that begin with ``beginning``, behind ``after`` where it is given.

    ``table``: ``BATCHES`` for those with facts, ``RECEIPTS`` for those that were retired.

    A look into the database for each of them, and for each length of id that there is. Nothing of the database is held
    between two ids.
    """
    wanted = beginning.encode()
    start = table + _LENGTH.pack(len(wanted)) + wanted if after is None else _behind(table, after)
    while (key := next((key for key, _ in store.scan(table, start)), None)) is not None:
        length = _LENGTH.unpack_from(key, len(table))[0]
        found = key[_HEAD : _HEAD + length]
        if found.startswith(wanted):
            batch_id = found.decode()
            yield batch_id
            start = _behind(table, batch_id)
        elif found < wanted:
            start = key[:_HEAD] + wanted
        else:
            start = table + _LENGTH.pack(length + 1) + wanted


def _behind(table: bytes, batch_id: str) -> bytes:
    """The first key behind all rows of a batch."""
    return keys.named(table, batch_id) + b"\xff" * (_LONGEST_BEHIND + 1)
