"""Logs whose ticks retire batches, and what is left of those."""

from collections.abc import Iterator, Sequence

from agents.chunk_changes import ChunkChanges
from tables import keys
from tests.agents.log import Log, Record, Worker
from tests.core.play import SECOND, sent

DAY = 86_400
IDS = ("b", "bb", "c")


def log_of(*steps: str | tuple[str, str]) -> Log:
    """A log: notation of batch `b`, or of another one, `tick`, `retire` or `forget`."""
    log = Log()
    for step in steps:
        batch, notation = step if isinstance(step, tuple) else ("b", step)
        if notation in {"retire", "forget"}:
            getattr(log, notation)("~")
        elif notation == "tick":
            log.tick(log.time + 2 * DAY * SECOND)
        else:
            for message in sent(notation, batch):
                log.send(message)
    return log


def carried_out(worker: Worker, records: Sequence[Record]) -> Iterator[ChunkChanges]:
    """Fold records as a task does: each work is written before the next is made."""
    for work in worker.join.changes(records):
        worker.outputs += work.outputs
        worker.tables.write(work.rows, worker.store.offset + len(work.rows), work.touched, work.grown)
        yield work


def left(worker: Worker) -> dict[bytes, bytes]:
    """All rows about batches."""
    tables = (keys.BATCHES, keys.PENDING, keys.WAITING, keys.CLOSED, keys.RECEIPTS, keys.RECEIPT_ORDER)
    return {key: value for table in tables for key, value in worker.store.scan(table)}
