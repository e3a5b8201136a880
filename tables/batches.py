"""Table ``batches``: what became of every upload.

* **Key**: ``b``, the batch id, the log offset of the first and of the last fact in the row (8 bytes each). A record
  that concerns very many uploads is done in parts, a row each: instead of the last offset its key has 2^64 - 1 minus
  how many were left to do when the part began, which no offset reaches, so that parts are in their order.
* **Value**: a format byte (3 for a batch that has refused a content, else 2 for one to which an operator has done
  something, else 1), then the facts that one chunk of the log brought about for the batch, in order (MessagePack).
* **Lifetime**: until the batch is retired (:mod:`tables.receipts`), ``ROLLCALL_BATCH_RETENTION_SECONDS`` after it was
  closed and last changed. Until then late uploads and repeats are answered from it.
* **Size bound**: one fact an accepted upload, about 40 bytes beside the ids it names; one row a batch a chunk, or
  several where it would have over 4 MiB.
* **Who writes**: the task that owns the partition, in the chunk that folded the records. **No key is ever written
  with two meanings**: what a chunk
  of a batch's records did is a function of the log. A worker that was paused and wakes too late repeats true
  statements, which is all it can do; rows that overlap are united by log offset (:func:`app.core.replay.replay`).
"""

import re
import struct
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from app.core.batch import Batch
from app.core.facts import Fact, Retired
from app.core.replay import replay
from app.errors import NewerFormatError
from tables import keys

#: The newest format of the values that this code writes. It reads this one and all before it. Format 2 has the facts
#: of what operators do, format 3 besides :class:`~app.core.facts.Refused`; a batch without those is written in the
#: format before, so that releases that don't know them can read it. Format 4 is that of receipts
#: (:mod:`tables.receipts`).
FORMAT = 4
PLAIN, WITH_ACTS, WITH_REFUSED, RECEIPT = 1, 2, 3, 4

#: A larger row is cut. One record brings about facts of its own size and, in one part, 1,000 small ones: 4 MiB (the
#: most that ROLLCALL_MAX_MESSAGE_BYTES allows) + 4 MiB (1,000 ids of 1,000 characters of 4 bytes) is half of what the
#: changelog takes.
LARGEST = 4 * 1024 * 1024

_RANGE = struct.Struct(">QQ")
_OFFSET = struct.Struct(">Q")
_LAST = 2**64 - 1
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Fact])
_rows_decoder = msgspec.msgpack.Decoder(list[list[Fact]])
#: How an array of any length begins in MessagePack: a byte for the type, then the length.
_ARRAY = struct.Struct(">BI")
_ARRAY_32 = 0xDD
_FORMATS = {number: bytes([number]) for number in (PLAIN, WITH_ACTS, WITH_REFUSED, RECEIPT)}
#: How the value of a receipt begins, up to where it was written: its format, an array of one fact, and of that an array
#: of the tag and 13 fields, the tag.
_RECEIPT_BEGINS = _FORMATS[RECEIPT] + b"\x91\x9e\x0f"
#: How an :class:`~app.core.facts.Expired` begins, whatever number of fields it has: an array of any length in any of
#: MessagePack's three forms, then its tag. Fields are appended by later releases and are missing in rows of earlier
#: ones, so the length says nothing; the tag is for ever (a test holds it).
_EXPIRED_TAG = b"\x05"
_EXPIRED = re.compile(rb"(?:[\x90-\x9f]|\xdc..|\xdd....)\x05", re.DOTALL)


class UnknownFormatError(NewerFormatError):
    """A row was written by a newer release. Nothing is read from it: run that release, or a newer one."""


def prefix(batch_id: str) -> bytes:
    """The prefix of all rows of a batch."""
    return keys.named(keys.BATCHES, batch_id)


def format_of(batch: Batch) -> int:
    """The format of the rows of a batch from now on."""
    if batch.refused:
        return WITH_REFUSED
    return WITH_ACTS if batch.acts else PLAIN


def row(batch_id: str, facts: Sequence[Fact], number: int = PLAIN) -> tuple[bytes, bytes]:
    """The row of what a chunk did to a batch: its key and its value. ``facts`` is not empty and in log order;
    ``number`` is the format (:func:`format_of`).
    """
    return prefix(batch_id) + _RANGE.pack(facts[0].at, facts[-1].at), _FORMATS[number] + _encoder.encode(facts)


def receipt(fact: Retired) -> bytes:
    """The value of the row that is all that is kept of a batch."""
    return _FORMATS[RECEIPT] + _encoder.encode((fact,))


def receipt_begins(at: int) -> bytes:
    """What the values of all receipts begin with that were written at this log offset, and of no others."""
    return _RECEIPT_BEGINS + number(at)


def number(value: int) -> bytes:
    """A number in the fields of a fact."""
    return _encoder.encode(value)


def end_at(row_keys: Sequence[bytes], at: int) -> bool:
    """Whether the latest fact in rows with these keys is of this log offset; not so where one is of a part
    (:func:`part_key`), which is more than any offset.
    """
    if len(row_keys) == 1:  # mostly: a batch whose records came together
        return row_keys[0].endswith(_OFFSET.pack(at))
    return max([row_key[-_OFFSET.size :] for row_key in row_keys], default=b"") == _OFFSET.pack(at)


def part_key(batch_id: str, at: int, left: int) -> bytes:
    """The key of the row for a part of what the record at log offset ``at`` did, which had ``left`` uploads to do."""
    return prefix(batch_id) + _RANGE.pack(at, _LAST - left)


def cut(batch_id: str, facts: Sequence[Fact], number: int) -> Iterator[tuple[bytes, bytes]]:
    """The rows of what a chunk did to a batch where one would be larger than :data:`LARGEST`, as :func:`row`.

    A row is cut between two records only, so each row holds whole records.
    """
    key, value = row(batch_id, facts, number)
    if len(value) <= LARGEST or facts[0].at == facts[-1].at:
        yield key, value
        return
    middle = _between_records(facts)
    yield from cut(batch_id, facts[:middle], number)
    yield from cut(batch_id, facts[middle:], number)


def _between_records(facts: Sequence[Fact]) -> int:
    """The place nearest to the middle, from there back or else forth, at which another record begins."""
    middle = len(facts) // 2
    back = next((at for at in range(middle, 0, -1) if facts[at].at != facts[at - 1].at), None)
    return back or next(at for at in range(middle + 1, len(facts)) if facts[at].at != facts[at - 1].at)


def facts_of(value: bytes) -> list[Fact]:
    """The facts in a row. Raises UnknownFormatError where a newer release wrote it."""
    _check(value[0])
    return _decoder.decode(value[1:])


def rows_of(values: Sequence[bytes]) -> list[list[Fact]]:
    """The facts in each of several rows. Raises UnknownFormatError where a newer release wrote one.

    As if :func:`facts_of` were called for each, but the rows are decoded as one array of them: a batch that is not in
    the cache is loaded from a row for each chunk that it had a part in, and a call for each took longer than its facts.
    """
    if not values:
        return []
    _check(max([value[0] for value in values]))
    return _rows_decoder.decode(_ARRAY.pack(_ARRAY_32, len(values)) + b"".join([value[1:] for value in values]))


def decides_state(value: bytes) -> bool:
    """Whether a row may make a batch that waits for nothing anything but complete: its state is then to be loaded.

    A batch without a row in ``waiting`` is complete, unless an operator has closed it (such rows have another format)
    or all that was pending for it has expired. False only where neither is in the row. True may be wrong (offsets and
    texts can hold the same bytes): that costs a look at the batch, about 80 us. Rows of releases before and after,
    whose facts have fewer or more fields, are treated alike.
    """
    return value[0] != PLAIN or (_EXPIRED_TAG in value and _EXPIRED.search(value, 1) is not None)


def _check(number: int) -> None:
    if number > FORMAT:
        message = (
            f"a row of the batches table has format {number}; this release reads up to {FORMAT}. "
            "Run the release that wrote it, or a newer one"
        )
        raise UnknownFormatError(message)


def batch_of(batch_id: str, values: Iterable[bytes]) -> Batch:
    """The state that the rows of a batch add up to; a new batch where there are none."""
    return replay(batch_id, rows_of(list(values)))
