"""Table ``receipts``, its order: which receipts were written by which tick, so that they are forgotten in their turn.

* **Key**: ``q`` and the log offset of the tick that retired the batches (8 bytes).
* **Value**: the log time of the tick (ms, 8 bytes), then the ids of the batches whose receipts there are, sorted
  (MessagePack). A release before wrote a row a receipt: the id stood at the end of the key, and of the value there was
  the time alone. Such rows are read, and deleted with their receipts; none is written.
* **Lifetime**: until the last of the receipts is forgotten. Ticks forget whole rows, but for those of a log that an
  older release has written: then a row is written again with what is left.
* **Size bound**: 17 bytes and 2 an id beside the ids. A tick names 500 batches (:mod:`agents.retiring`), whose ids take
  38 bytes mostly, and 4,000 at most (1,000 characters of 4 bytes): 19 KB, and 2 MB, which is half of what a row may
  have (:data:`tables.batches.LARGEST`).
* **Who writes**: the task that owns the partition, in the chunk with the tick. At least once, a crash may have left the
  row without some of the receipts: the tick is then folded again, and adds what it retires now. An id too many is
  looked up, found to have no receipt of that tick, and deleted.

A row a receipt took 8 us of the 34 that retiring and forgetting a batch took, and two records of the changelog.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

import msgspec

from app.core.events import Cutoff
from tables import keys

_NUMBER = struct.Struct(">Q")
_HEAD = len(keys.RECEIPT_ORDER) + _NUMBER.size
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[str])


@dataclass
class Page:
    """The receipts that the tick at log offset ``at`` and log time ``time`` (ms) wrote, as far as they are there.

    ``alone``: those of them that have a row of their own, of an older release.
    """

    at: int
    time: int
    ids: set[str] = field(default_factory=set)
    alone: set[str] = field(default_factory=set)

    def up_to(self, cutoff: Cutoff) -> list[str]:
        """The ids of those that go with this cutoff, sorted."""
        if self.at > cutoff.at:
            return []
        ids = sorted(self.ids)
        return ids if self.at < cutoff.at else [batch_id for batch_id in ids if batch_id <= cutoff.batch_id]

    @property
    def last(self) -> Cutoff:
        """The cutoff with which all of them go."""
        return Cutoff(self.at, max(self.ids))

    def row(self) -> tuple[bytes, bytes | None]:
        """The row that says it; with None where nothing is left but rows of an older release, or nothing at all."""
        ids = sorted(self.ids - self.alone)
        return key(self.at), _NUMBER.pack(self.time) + _encoder.encode(ids) if ids else None


def key(at: int) -> bytes:
    """The key of what the tick at log offset ``at`` wrote: all its rows begin with it."""
    return keys.RECEIPT_ORDER + _NUMBER.pack(at)


def own_key(at: int, batch_id: str) -> bytes:
    """The key of the row that an older release wrote of one receipt."""
    return key(at) + batch_id.encode()


def pages(rows: Iterable[tuple[bytes, bytes]]) -> Iterator[Page]:
    """What rows of the table say, which are in their order: the oldest receipts first."""
    for head, of_tick in groupby(rows, key=_head):
        page = Page(_NUMBER.unpack_from(head, len(keys.RECEIPT_ORDER))[0], 0)
        for row_key, value in of_tick:
            (page.time,) = _NUMBER.unpack_from(value)
            if len(row_key) > _HEAD:
                page.alone.add(row_key[_HEAD:].decode())
            else:
                page.ids.update(_decoder.decode(value[_NUMBER.size :]))
        page.ids |= page.alone
        yield page


def _head(row: tuple[bytes, bytes]) -> bytes:
    return row[0][:_HEAD]
