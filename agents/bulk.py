"""The agents' native side (:class:`app.engine.bulk.Bulk`): inputs re-keyed and outputs written, by whole chunks.

It brings the agents and the native part together. What is not plain is done by the agents themselves.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from agents.chunk_changes import ChunkChanges
from agents.rekey import CODES, LARGE, Rekey
from app import native
from app.core.names import SLOT_ASSIGNED
from app.engine.bulk import TopicBatches
from app.engine.ports import Output, Record, Routed
from app.native.records import IndexedRecords
from app.wire import native_reading, native_writing
from app.wire.schema import LONGEST_ID

if TYPE_CHECKING:
    from app.native import _native


class NativeAgents:
    """Does natively what ``rekey`` and :attr:`~agents.chunk_changes.ChunkChanges.outputs` do.

    ``largest``: of how many bytes an input may be.
    """

    def __init__(self, rekey: Rekey, largest: int) -> None:
        self._rekey = rekey
        self._largest = largest
        self._routers = {topic: native.rust().Router(code, LONGEST_ID, LARGE) for topic, code in CODES.items()}

    def route(self, topic: str, partition: int, records: Sequence[Record], log: TopicBatches, time: int) -> bool:
        """Write the log's records, as :meth:`agents.rekey.Rekey.route` has them; False where they are not indexed."""
        if not isinstance(records, IndexedRecords):
            return False
        generation = self._rekey.generation(topic)
        router, batches = self._routers[topic], cast("_native.Batches", log)
        for part in records.parts:
            other = partial(self._routed, topic, partition, IndexedRecords([part]))
            router.route(part, partition, generation, batches, time, other)
        return True

    def _routed(self, topic: str, partition: int, records: IndexedRecords, number: int) -> Routed:
        """The log's record for one that is not plain."""
        return next(self._rekey.route(topic, partition, records[number : number + 1]))

    def read_ahead(self, records: Sequence[Record]) -> None:
        """Read a chunk of the log as far as no Python object is made."""
        native_reading.read_ahead(records, self._largest)

    @staticmethod
    def write(changes: ChunkChanges, batches: Callable[[str], TopicBatches], time: int) -> Sequence[Output]:
        """Write the outputs that are in short; the others, in order."""
        if changes.assigned:
            into = cast("_native.Batches", batches(SLOT_ASSIGNED))
            native_writing.write(changes.assigned, changes.emitted_at, changes.source_service, into, time)
        return [output for _, output in changes.others]
