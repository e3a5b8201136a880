"""The re-key agent: the inputs into one log, so that all that concerns a batch has one order in one partition.

It is stateless and passes the bytes on untouched. It reads the batch id and nothing else: an input that can't be used
goes into the log as well (by its source partition), where the join makes a dead letter of it, once. A repeat of this
stage is harmless: the position of each input goes along, and the join skips what the log already had.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from app.core.names import INPUTS
from app.engine.ports import Record
from app.wire.decode import batch_id_for_routing
from app.wire.record import (
    GENERATION_HEADER,
    KEY_HEADER,
    LOST_HEADER,
    SOURCE_HEADER,
    RecordHeaders,
    generation_of,
    lost_header,
    read_source,
    source_header,
)

CODES = {topic: code for code, topic in enumerate(INPUTS)}

#: A record for the log: its partition, key, value and headers.
Routed = tuple[int, bytes | None, bytes | None, RecordHeaders]

#: Bytes of key and value from which on it is asked whether a record fits into the log: no message is larger than 16
#: MiB, and the rest is for headers.
LARGE = 16 * 1024 * 1024 - 64 * 1024

#: The longest key that is kept of a record which itself can't be.
_KEPT_KEY = 64 * 1024

#: How many batch ids are remembered with their partition: hashing one costs more than all the rest of the stage.
_REMEMBERED = 50_000


class Rekey:
    """Routes inputs to the ``partitions`` partitions of the log; ``partition_for`` says which one a key is on.

    ``fits`` says of a large key and value whether the log takes them. Of what it doesn't take, size and digest go on.
    """

    def __init__(
        self,
        partitions: int,
        partition_for: Callable[[bytes, int], int],
        fits: Callable[[bytes | None, bytes | None], bool] = lambda _key, _value: True,
    ) -> None:
        self._fits = fits
        self._partitions = partitions
        self._partition_for = partition_for
        self._known: dict[str, tuple[bytes, int]] = {}
        self._generations: dict[str, tuple[str, bytes]] = {}

    def identify(self, topic_ids: Mapping[str, str]) -> None:
        """Note the ids of the input topics; their records then say of which topic they are."""
        self._generations = {
            topic: (GENERATION_HEADER, generation_of(topic_id)) for topic, topic_id in topic_ids.items()
        }

    def generation(self, topic: str) -> bytes | None:
        """The generation of a topic that :meth:`identify` was told of."""
        header = self._generations.get(topic)
        return None if header is None else header[1]

    def route(self, topic: str, partition: int, records: Sequence[Record]) -> Iterator[Routed]:
        """The records of one input partition, in their order: partition of the log, key, value and headers of each."""
        code, generation = CODES[topic], self._generations.get(topic)
        for record in records:
            value: bytes | None = record.value
            headers: RecordHeaders = [(SOURCE_HEADER, source_header(code, partition, record.offset))]
            if generation is not None:
                headers.append(generation)
            key = record.key
            if len(value or b"") + len(key or b"") > LARGE and not self._fits(key, value):
                headers.append((LOST_HEADER, lost_header(len(value or b""), hashlib.sha256(value or b"").digest())))
                value, key = None, key if key is None or len(key) <= _KEPT_KEY else None
            if key is not None:
                headers.append((KEY_HEADER, key))
            batch_id = batch_id_for_routing(value)
            if batch_id is None:
                yield partition % self._partitions, None, value, headers
            else:
                # The usual case without a call.
                known, target = self._known.get(batch_id) or self._place(batch_id)
                yield target, known, value, headers

    def routed(self, record: Record) -> bool:
        """Whether a record of the log is an input that was re-keyed by its batch id."""
        return record.key is not None and read_source(record.headers) is not None

    def _place(self, batch_id: str) -> tuple[bytes, int]:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        key = batch_id.encode()
        place = self._known[batch_id] = (key, self._partition_for(key, self._partitions))
        return place
