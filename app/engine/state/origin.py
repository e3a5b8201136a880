"""The engine's own row of a changelog: which log a partition's rows follow from, and over how many partitions its
keys are spread.

* **Key**: ``o`` and nothing else.
* **Value**: the cluster's id, the log's topic id (each null where the broker does not say it) and the number of
  partitions (MessagePack array; later fields may be appended).
* **Lifetime**: for ever.
* **Size bound**: one row, under 100 bytes.
* **Who writes**: the task that owns the partition, once, before it folds the first record; on state of an older
  release at the first start that finds none. In a new changelog it is the first record, and as it is never written
  again, compaction leaves it there: a worker that starts finds it without reading further.
"""

import msgspec

#: The one key that the engine has in a changelog. An application's keys begin with other bytes.
KEY = b"o"


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """Where rows come from."""

    cluster: str | None
    log: str | None
    partitions: int


_decoder = msgspec.msgpack.Decoder(Origin)


def value(origin: Origin) -> bytes:
    """The value that says ``origin``."""
    return msgspec.msgpack.encode(origin)


def read(row_value: bytes) -> Origin:
    """Parse a row. Raises msgspec.ValidationError where it is not one."""
    return _decoder.decode(row_value)
