"""What a chunk of the log amounts to: the records to publish, the rows to write, and what to count.

Filled by the join, carried out by the engine.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.core import names
from app.core.batch import Batch
from app.core.facts import Fact
from app.core.messages import Message
from app.wire.encode import Headers, dead_letter_headers, encode
from tables import batches, waiting


@dataclass
class Work:
    """The work of one chunk.

    ``outputs`` are (topic, key, value, headers) in the order in which they are to be said. ``rows`` are the changes
    of all tables, None for a deletion.
    """

    emitted_at: datetime
    source_service: str
    outputs: list[tuple[str, bytes | None, bytes | None, Headers]] = field(default_factory=list)
    rows: dict[bytes, bytes | None] = field(default_factory=dict)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    completions: list[tuple[int, int]] = field(default_factory=list)
    _facts: dict[str, list[Fact]] = field(default_factory=dict)
    _waited: dict[str, bytes | None] = field(default_factory=dict)
    _batches: dict[str, Batch] = field(default_factory=dict)

    def say(self, message: Message) -> None:
        """Publish an output."""
        value, headers = encode(message, self.emitted_at, self.source_service)
        self.outputs.append((message.topic, message.key.encode(), value, headers))
        self.said[message.topic] += 1

    def bury(
        self, reason: str, detail: str, where: tuple[str, int, int], key: bytes | None, value: bytes | None
    ) -> None:
        """Publish a dead letter: the original bytes, why, and where they stand (topic, partition, offset)."""
        self.outputs.append((names.DEAD_LETTER, key, value, dead_letter_headers(reason, detail, *where)))
        self.said[names.DEAD_LETTER] += 1
        self.dead[reason] += 1

    def touch(self, batch: Batch) -> None:
        """Note a batch before it changes."""
        if batch.batch_id not in self._batches:
            self._batches[batch.batch_id] = batch
            self._waited[batch.batch_id] = waiting.key_for(batch)

    def decided(self, batch: Batch, facts: Sequence[Fact]) -> None:
        """Note what was decided about a batch that was touched before."""
        self._facts.setdefault(batch.batch_id, []).extend(facts)

    @property
    def touched(self) -> dict[str, Batch]:
        """The batches that the chunk looked at."""
        return self._batches

    def finish(self) -> None:
        """Make the rows of the batches, and of what they wait for. Called once, when the chunk is folded."""
        for batch_id, facts in self._facts.items():
            key, value = batches.row(batch_id, facts)
            self.rows[key] = value
            before, after = self._waited[batch_id], waiting.key_for(self._batches[batch_id])
            if before != after:
                if before is not None:
                    self.rows[before] = None
                if after is not None:
                    self.rows[after] = b""
