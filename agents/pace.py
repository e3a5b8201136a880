"""How long a fold may keep others waiting: after so much work it lets the event loop run, and then goes on.

A chunk is up to 10,000 records, folded in some 0.1 s where their batches are in memory, and in seconds where each is
loaded from the disk first. Meanwhile the worker answers nobody: `/health/live` waits, and so do the other partitions.
What a chunk is, its order, and that its changes are durable together or not at all, stay as they are: a pause is within
the fold, and nothing has come about yet.

Work is counted, not timed, so that a run takes its turns where another one does.
"""

from tables.partition_state import PartitionState

#: Records between two turns: 1,000 take about 10 ms.
RECORDS = 1000

#: Of plain contents, which are folded together: so many take as long, and some of each batch are among them.
TOGETHER = 4000

#: Bytes of rows that were loaded meanwhile: 256 KiB are some 2,500 facts, which take about 10 ms; one batch of 100,000
#: uploads is 10 MiB, and can't be loaded in pieces.
LOADED = 256 * 1024


class Pace:
    """How much was done since the last turn of the others."""

    def __init__(self, tables: PartitionState) -> None:
        self._tables = tables
        self._done = 0
        self._loaded = tables.loaded

    def reached(self, done: int) -> bool:
        """Whether it is time, when ``done`` records of the chunk are done with."""
        return done - self._done >= RECORDS or self._tables.loaded - self._loaded >= LOADED

    def long(self, done: int) -> bool:
        """As :meth:`reached`; where it is time, it is counted from here on."""
        if not self.reached(done):
            return False
        self._done, self._loaded = done, self._tables.loaded
        return True
