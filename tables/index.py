"""The ids of the batches of a partition, in the order of their keys: by length, then by bytes."""

import struct
from collections.abc import Iterator

from app.engine.ports import Store
from tables import keys

_LENGTH = struct.Struct(">I")
_HEAD = len(keys.BATCHES) + _LENGTH.size
_RANGE = 16  # first and last offset


def ids_after(store: Store, beginning: str = "", after: str | None = None) -> Iterator[str]:
    """The ids of all batches that begin with ``beginning``, behind ``after`` where it is given.

    A look into the database for each of them, and for each length of id that there is. Nothing of the database is held
    between two ids.
    """
    wanted = beginning.encode()
    start = keys.BATCHES + _LENGTH.pack(len(wanted)) + wanted if after is None else _behind(after)
    while (key := _first(store, start)) is not None:
        length = _LENGTH.unpack_from(key, len(keys.BATCHES))[0]
        found = key[_HEAD:-_RANGE]
        if found.startswith(wanted):
            batch_id = found.decode()
            yield batch_id
            start = _behind(batch_id)
        elif found < wanted:
            start = key[:_HEAD] + wanted
        else:
            start = keys.BATCHES + _LENGTH.pack(length + 1) + wanted


def _first(store: Store, start: bytes) -> bytes | None:
    return next((key for key, _ in store.scan(keys.BATCHES, start)), None)


def _behind(batch_id: str) -> bytes:
    """The first key behind all rows of a batch."""
    return keys.named(keys.BATCHES, batch_id) + b"\xff" * (_RANGE + 1)
