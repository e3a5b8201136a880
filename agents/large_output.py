"""Outputs that a topic may refuse for their size: how the one that was refused is named."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class LargeOutput(NamedTuple):
    """An output that a topic may refuse for its size: of ``size`` bytes, from the record at log offset ``at``."""

    topic: str
    size: int
    batch_id: str
    at: int


def largest(
    topic: str,
    outputs: Sequence[tuple[int, bytes]],
    rows: Iterable[tuple[int, bytes]],
    large: Iterable[LargeOutput],
    where: str,
    log: str,
) -> str:
    """The largest record for a topic, in words: its size, its batch, and where in the ``log`` it came from.

    Of the ``outputs`` for the topic, or of the ``rows`` where there are none: size and key of each. For one that is not
    among the ``large`` ones it is said of which chunk it is (``where``).
    """
    size, key = max(outputs or rows, default=(0, b""))
    for record in large:
        if record.topic == topic and record.size == size:
            return f"a record of {size} bytes of batch {record.batch_id}, made from {log} offset {record.at},"
    of = "key" if outputs else "row"
    return f"a record of {size} bytes ({of} {key.decode(errors='replace')!r}), {where},"
