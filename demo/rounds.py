"""Which round of the endless story a service is to act out next, so that none is left out at a restart.

A service that was away does what it has missed: it goes on after the last round that it has finished, which its
database knows, and what it has done of the next one it doesn't do twice. Both services begin with the same round: the
first of them to start in a directory writes it down there.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from demo.outbox import ServiceDatabase

SCHEMA = "CREATE TABLE IF NOT EXISTS rounds (finished INTEGER NOT NULL);"
CATCH_UP_SECONDS = 3600.0
"""So far back at most: after a day's pause nobody wants a day's story at once."""
_FIRST = "first-round"


class Rounds:
    """The rounds of a service, one each `every` seconds; its `database` has the table of `SCHEMA`."""

    def __init__(self, database: ServiceDatabase, directory: Path, every: float) -> None:
        self._database = database
        self._directory = directory
        self._every = every

    def first(self, now: float) -> int:
        """The round to begin with at `now`, in Unix seconds."""
        present = int(now // self._every)
        begun = self._begun(present)
        return max(begun, self._finished() + 1, present - int(CATCH_UP_SECONDS // self._every))

    def finish(self, number: int, now: float) -> None:
        """Note that all of a round has been done; what was published an hour before `now` is not kept."""
        self._database.forget_published(before=now - CATCH_UP_SECONDS)
        with self._database.transaction() as transaction:
            transaction.execute("DELETE FROM rounds")
            transaction.execute("INSERT INTO rounds VALUES (?)", (number,))

    def _finished(self) -> int:
        with self._database.transaction() as transaction:
            row = transaction.execute("SELECT max(finished) FROM rounds").fetchone()
        return -1 if row[0] is None else int(row[0])

    def _begun(self, present: int) -> int:
        """The round that both begin with: the one before the present, as whoever starts first sees it.

        Where a directory is not kept, that is also how far back a restart goes.
        """
        path = self._directory / _FIRST
        if not path.exists():
            with tempfile.NamedTemporaryFile("w", dir=self._directory, delete=False) as file:
                file.write(str(present - 1))
            with suppress(FileExistsError):  # the other one was first, between the two looks
                os.link(file.name, path)
            Path(file.name).unlink()
        return int(path.read_text())
