"""What the stored rows of a batch add up to."""

from collections.abc import Sequence

from app.core.batch import Batch
from app.core.facts import Fact


def replay(batch_id: str, rows: Sequence[Sequence[Fact]]) -> Batch:
    """The state that the stored rows of a batch add up to.

    A row is what one writer's chunk of the log did to the batch, or a part of it, in order. Rows may come in any order
    and overlap (two writers cut the log into different chunks): a fact is a statement, so equal ones are one; their log
    offset orders them, and the facts of one log record keep their order. Takes as long as there are facts, also where
    rows overlap.
    """
    batch = Batch(batch_id)
    for row in rows if _in_order(rows) else _united(rows):
        for fact in row:
            batch.apply(fact)
    return batch


def _in_order(rows: Sequence[Sequence[Fact]]) -> bool:
    """Whether each row begins behind the end of the last: it nearly always does."""
    end = -1
    for row in rows:
        if row:
            if row[0].at <= end:
                return False
            end = row[-1].at
    return True


def _united(rows: Sequence[Sequence[Fact]]) -> list[dict[Fact, None]]:
    """The facts of all rows by log offset, each once and in the order in which it was first met."""
    by_offset: dict[int, dict[Fact, None]] = {}
    for row in rows:
        for fact in row:
            by_offset.setdefault(fact.at, {})[fact] = None
    return [by_offset[at] for at in sorted(by_offset)]
