"""A service's database with a transactional outbox: the business row and the event's row in one transaction.

Either both are there or neither is, whenever the process dies; what is there is published later by `demo.relay`.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.events import Event

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    source_service TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at REAL NOT NULL,
    published_at REAL
);
CREATE INDEX IF NOT EXISTS outbox_unpublished ON outbox (id) WHERE published_at IS NULL;
"""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An event that waits for its publication. `data` is the event's data as JSON text."""

    id: int
    topic: str
    key: str
    source_service: str
    correlation_id: str
    data: str


class ServiceDatabase:
    """One service's SQLite file: the business tables of `business_schema`, and the outbox.

    Raises sqlite3.Error where SQLite does; a transaction that raises leaves nothing behind.
    """

    def __init__(self, path: Path, business_schema: str) -> None:
        # Autocommit, so that BEGIN and COMMIT stand where this class puts them and nowhere else.
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.executescript(business_schema + _SCHEMA)

    def create(self, schema: str) -> None:
        """Make further tables; `schema` is the program's own words, never input."""
        self._connection.executescript(schema)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what the block does as one, or roll all of it back if the block raises."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @staticmethod
    def add_event(transaction: sqlite3.Connection, event: Event) -> None:
        """Put the event into the outbox, inside the caller's transaction (the one with the business row)."""
        transaction.execute(
            "INSERT INTO outbox (topic, key, source_service, correlation_id, data, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (
                event.topic,
                event.key,
                event.source_service,
                str(event.correlation_id),
                json.dumps(event.data),
                time.time(),
            ),
        )

    def due_events(self, *, delay: float, limit: int) -> list[OutboxRow]:
        """Return up to `limit` unpublished rows that are at least `delay` seconds old, oldest first."""
        rows = self._connection.execute(
            "SELECT id, topic, key, source_service, correlation_id, data FROM outbox "
            "WHERE published_at IS NULL AND created_at <= ? ORDER BY id LIMIT ?",
            (time.time() - delay, limit),
        )
        return [OutboxRow(*row) for row in rows]

    def mark_published(self, rows: Sequence[OutboxRow]) -> None:
        """Mark the rows as published, all of them or none."""
        with self.transaction() as transaction:
            transaction.executemany(
                "UPDATE outbox SET published_at = ? WHERE id = ?", [(time.time(), row.id) for row in rows]
            )

    def forget_published(self, *, before: float) -> None:
        """Delete the events that were published before a moment, in Unix seconds."""
        with self.transaction() as transaction:
            transaction.execute("DELETE FROM outbox WHERE published_at < ?", (before,))

    def count(self, table: str, where: str = "TRUE") -> int:
        """Return the number of rows of a table; `table` and `where` are the program's own words, never input."""
        (number,) = self._connection.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()  # noqa: S608 - constants only
        return int(number)

    def has(self, table: str, column: str, value: str) -> bool:
        """Return whether a row has the value; `table` and `column` are the program's own words, never input."""
        row = self._connection.execute(f"SELECT 1 FROM {table} WHERE {column} = ? LIMIT 1", (value,)).fetchone()  # noqa: S608 - constants only
        return row is not None

    def unpublished(self) -> int:
        """Return the number of events that are not marked as published."""
        return self.count("outbox", "published_at IS NULL")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
