"""The partition that Kafka's own clients put a key on: murmur2, as the Java client has it.

For a whole chunk at a time, since hashing a key in Python takes longer than all that is done with it otherwise:
see :mod:`app.engine.kafka.murmur2`.
"""

from collections.abc import Sequence

from aiokafka.partitioner import murmur2

#: Below this many keys one at a time is faster.
_FEW = 24


def partition_for(key: bytes, partitions: int) -> int:
    """The partition of a key, of ``partitions``."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


def partitions_for(keys: Sequence[bytes], partitions: int) -> list[int]:
    """The partition of each key, of ``partitions``; as :func:`partition_for`, in a twentieth of the time."""
    if len(keys) < _FEW:
        return [partition_for(key, partitions) for key in keys]
    from app.engine.kafka.murmur2 import hashed_onto  # noqa: PLC0415 - brings numpy: a tenth of a second

    result = [0] * len(keys)
    by_length: dict[int, list[int]] = {}
    for index, key in enumerate(keys):
        by_length.setdefault(len(key), []).append(index)
    for length, indices in by_length.items():
        found = hashed_onto(partitions, [keys[index] for index in indices], length)
        for index, partition in zip(indices, found, strict=True):
            result[index] = partition
    return result
