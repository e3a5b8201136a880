"""Table ``generations``: the watermarks of ``sources``, by the topic that they were reached in.

An input topic that is deleted and made again has the same name, and its offsets begin again. A generation is the
beginning of a topic's id (KIP-516), as the header ``g`` of the log's records has it.

* **Key**: ``g``, the code of the input topic (1 byte), its partition (4 bytes).
* **Value**: a format byte, then for each generation, the newest first: its name (4 bytes) and the highest offset of it
  that was seen in this partition of the log (8 bytes).
* **Lifetime**: for ever.
* **Size bound**: one row a partition of the inputs, of the :data:`MOST` latest generations: 97 bytes.
* **Who writes**: the task that owns the partition, in every chunk, with the row of ``sources``, which has the highest
  offset of all generations. An older release, which knows no generations, reads and raises that one alone.
* **Beside them** one row of format 3 once a batch was retired (:data:`GUARD`). It says nothing: a release that knows no
  receipts would take a retired batch for a new one, and one that knows them by a row each in their order (it wrote this
  row in format 2) would keep them for ever. Both refuse this row by its format instead.
"""

import struct
from collections.abc import Mapping

from tables import keys
from tables.batches import UnknownFormatError

PREFIX = keys.GENERATIONS

#: Formats 2 and 3 are those of :data:`GUARD` alone.
FORMAT = 3
_WRITTEN = 1

#: How many generations of a topic are kept: a worker that is further behind re-keys records that were deleted long ago.
MOST = 8

#: Bytes of a generation's name. The first 4 bytes of an id are random: two topics share them once in 4 billion times.
NAME_BYTES = 4

_KEY = struct.Struct(">BI")
_ENTRY = struct.Struct(f">{NAME_BYTES}sQ")


#: The row that an older release refuses: of no input, since there are not so many.
GUARD = keys.GENERATIONS + _KEY.pack(0xFF, 0xFFFFFFFF), bytes([FORMAT])


def key(topic: int, partition: int) -> bytes:
    """The key of a partition of the inputs."""
    return keys.GENERATIONS + _KEY.pack(topic, partition)


def value(offsets: Mapping[bytes, int]) -> bytes:
    """The value that says up to where each generation, the newest first, was seen."""
    return bytes([_WRITTEN]) + b"".join([_ENTRY.pack(name, offset) for name, offset in offsets.items()])


def read(row_key: bytes, row_value: bytes) -> tuple[tuple[int, int], dict[bytes, int]]:
    """The input partition (topic code, partition) and what a row says of it.

    Raises UnknownFormatError where a newer release wrote it.
    """
    if row_value[0] > FORMAT:
        message = f"a row of the generations table has format {row_value[0]}; this release reads up to {FORMAT}"
        raise UnknownFormatError(message)
    topic, partition = _KEY.unpack(row_key[len(keys.GENERATIONS) :])
    return (topic, partition), dict(_ENTRY.iter_unpack(row_value[1:]))
