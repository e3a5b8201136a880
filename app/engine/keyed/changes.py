"""What records of the log bring about in a keyed join, as the engine takes it (:class:`~app.engine.ports.Changes`)."""

from dataclasses import dataclass, field

from app.engine.keyed.inputs import Fact, Input
from app.engine.ports import Headers, Output, Place, Store


@dataclass
class KeyedChanges:
    """Changes. ``get`` and ``fact`` read what will be in the store once these changes are written.

    Rows whose key begins with ``S`` are the engine's: up to where each input partition was read. They come last: in a
    chunk whose rows the changelog took only in part (at least once, a crash) all of it is done again.
    """

    store: Store
    dead_letters: str
    end: int
    records: int = 0
    outputs: list[Output] = field(default_factory=list)
    rows: dict[bytes, bytes | None] = field(default_factory=dict)
    watermarks: dict[bytes, bytes] = field(default_factory=dict)

    def get(self, key: bytes) -> bytes | None:
        """The value of a row, or None."""
        return self.rows[key] if key in self.rows else self.store.get(key)

    def fact(self, key: bytes) -> Fact | None:
        """The fact of a row, or None."""
        row = self.get(key)
        return None if row is None else Fact.read(row)

    def keep(self, key: bytes, given: Input) -> bool:
        """Keep an input as the fact of a row; False, and nothing done, where another input is kept there already.

        True also where it is this very input that is kept: a crash has left the beginning of a chunk's rows, and the
        others are to be written now.
        """
        known = self.fact(key)
        if known is None:
            self.rows[key] = Fact.of(given).row()
        return known is None or known.source == given.source

    def emit(self, topic: str, key: bytes, value: bytes | None, **headers: bytes) -> None:
        """Publish an event about a key. Its header ``event_id`` (topic and key) is the same in every repeat."""
        named: Headers = [("event_id", topic.encode() + b"/" + key), *headers.items()]
        self.outputs.append((topic, key, value, named))

    def refuse(self, given: Input, reason: str) -> None:
        """Publish an input that can't be used as a dead letter: its bytes, why, and where it stands."""
        self.bury(Place(given.topic, *given.place), given.key, given.value, reason)

    def bury(self, place: Place, key: bytes | None, value: bytes | None, reason: str) -> None:
        """Publish a record as a dead letter: its bytes, why, and where it stands."""
        headers: Headers = [
            ("reason", reason.encode()),
            ("source.topic", place.topic.encode()),
            ("source.partition", str(place.partition).encode()),
            ("source.offset", str(place.offset).encode()),
        ]
        self.outputs.append((self.dead_letters, key, value, headers))

    def repeats(self, given: Input) -> bool:
        """Whether the log had this input before: the router has repeated itself. Else it has it from now on."""
        partition, offset = given.watermark
        row = b"S" + partition
        if offset <= (self.watermarks.get(row) or self.store.get(row) or b""):
            return True
        self.watermarks[row] = offset
        return False

    def finish(self) -> "KeyedChanges":
        """The changes, complete."""
        self.rows |= self.watermarks
        return self

    def largest(self, topic: str, log: str, begin: int) -> str:
        """The largest record for a topic, in words for the operator whose broker has refused it."""
        rows = ((key, value) for key, value in self.rows.items())
        found = [(key, value) for name, key, value, _ in self.outputs if name == topic] or list(rows)
        key, value = max(found, key=lambda record: len(record[1] or b""))
        return f"a record of {len(value or b'')} bytes, key {key!r}, made from {log} offset {begin} or later,"
