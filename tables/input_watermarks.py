"""Table ``sources``: how far each partition of the inputs has been read into this partition of the log.

* **Key**: ``s``, the code of the input topic (1 byte), its partition (4 bytes).
* **Value**: the highest offset of it that was seen in this partition of the log (8 bytes).
* **Lifetime**: for ever.
* **Size bound**: one row a partition of the inputs.
* **Who writes**: the task that owns the partition, in every chunk.

The repartitioner may repeat itself after a crash. It sends the records of an input partition in order and without gaps,
so a record at or below the high watermark is one that the log already had. At least once, a worker that was paused may
set a watermark back; a repeat of the repartitioner is then answered like a redelivery, which changes nothing: the rules
know every upload by what it says.
"""

import struct

from tables import keys

PREFIX = keys.SOURCES

_KEY = struct.Struct(">BI")
_OFFSET = struct.Struct(">Q")


def key(topic: int, partition: int) -> bytes:
    """The key of a partition of the inputs."""
    return keys.SOURCES + _KEY.pack(topic, partition)


def value(offset: int) -> bytes:
    """The value that says: seen up to and including ``offset``."""
    return _OFFSET.pack(offset)


def read(row_key: bytes, row_value: bytes) -> tuple[tuple[int, int], int]:
    """The input partition (topic code, partition) and the offset that a row says."""
    topic, partition = _KEY.unpack(row_key[len(keys.SOURCES) :])
    (offset,) = _OFFSET.unpack(row_value)
    return (topic, partition), offset
