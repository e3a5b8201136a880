"""Where in a chunk one set of changes ends and the next begins: mostly a chunk is one."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter

from agents.chunk_changes import ChunkChanges
from agents.watermarks import Watermarks
from app.engine.ports import Record
from app.native.records import IndexedRecords


class Cuts:
    """Begins and finishes the changes of a chunk. ``now`` gives the time of emission."""

    def __init__(self, watermarks: Watermarks, source_service: str, now: Callable[[], datetime]) -> None:
        self._watermarks = watermarks
        self._source_service = source_service
        self._now = now
        self._records: Sequence[Record] = ()

    def of(self, records: Sequence[Record]) -> None:
        """Cut this chunk from now on."""
        self._records = records

    def begin(self, done: int) -> ChunkChanges:
        """New changes, when ``done`` records of the chunk are done with."""
        return ChunkChanges(self._now(), self._source_service, begin=done)

    def finish(self, changes: ChunkChanges, done: int, end: int) -> ChunkChanges:
        """Make the rows: after them ``done`` records of the chunk are done with, all before offset ``end``."""
        changes.records, changes.end = done - changes.begin, end
        changes.finish(self._watermarks.changed(), self._time_of)
        return changes

    def _time_of(self, at: int) -> int:
        """The log time (ms) of the record of the chunk at this log offset."""
        if isinstance(self._records, IndexedRecords):
            return self._records.time_at(at)
        return self._records[bisect_left(self._records, at, key=attrgetter("offset"))].timestamp
