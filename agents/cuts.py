"""Where in a chunk one set of changes ends and the next begins: mostly a chunk is one."""

from collections.abc import Callable
from datetime import datetime

from agents.chunk_changes import ChunkChanges
from agents.watermarks import Watermarks


class Cuts:
    """Begins and finishes the changes of a chunk. ``now`` gives the time of emission."""

    def __init__(self, watermarks: Watermarks, source_service: str, now: Callable[[], datetime]) -> None:
        self._watermarks = watermarks
        self._source_service = source_service
        self._now = now

    def begin(self, done: int) -> ChunkChanges:
        """New changes, when ``done`` records of the chunk are done with."""
        return ChunkChanges(self._now(), self._source_service, begin=done)

    def finish(self, changes: ChunkChanges, done: int, end: int) -> ChunkChanges:
        """Make the rows: after them ``done`` records of the chunk are done with, all before offset ``end``."""
        changes.records, changes.end = done - changes.begin, end
        changes.finish(self._watermarks.changed())
        return changes
