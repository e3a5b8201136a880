"""What is left of a run, and the settings that it ran with."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path

from app.settings import Settings
from tests.crash.broker import Broker, Log
from tests.crash.disk import apply_rows
from tests.crash.operations import Operation
from tests.crash.process import Process
from tests.crash.scenario import Scenario
from tests.crash.script import PARTITIONS, PENDING_TTL, READINESS_TIMEOUT, TICK

#: The rows of each partition.
Rows = list[dict[bytes, bytes]]


@dataclass
class Result:
    """What is left of a run.

    ``stores`` and ``restored`` are the rows of the last disturbed owner's store and those of the changelog alone when
    the log was at ``then``; ``final`` are those of the changelog in the end. ``problems`` are what was seen to be
    wrong on the way.
    """

    scenario: Scenario
    settings: Settings
    broker: Broker
    inputs: int
    then: list[int] = field(default_factory=list)
    stores: Rows = field(default_factory=list)
    restored: Rows = field(default_factory=list)
    final: Rows = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)

    @property
    def operations(self) -> list[Operation]:
        """The operations of the first worker."""
        return self.processes[0].operations

    @property
    def digest(self) -> str:
        """A digest of all that the broker holds and all that was done."""
        found = sha256()
        for process in self.processes:
            found.update(repr((process.name, process.operations)).encode())
        for place, log in self.broker.logs.items():
            for record in log.records:
                found.update(repr((place, record.offset, record.timestamp, record.key, record.value)).encode())
        found.update(repr(sorted(self.broker.offsets.items())).encode())
        return found.hexdigest()


@cache
def settings_for(guarantee: str, seed: int, own: tuple[tuple[str, float], ...] = ()) -> Settings:
    """The settings of a run: short deadlines, small chunks; and the job's ``own``."""
    given = {
        "app_id": "sim",
        "datadir": Path("data"),
        "processing_guarantee": guarantee,
        "partitions": PARTITIONS,
        "pending_ttl_seconds": PENDING_TTL,
        "readiness_timeout_seconds": READINESS_TIMEOUT,
        "tick_seconds": TICK,
        "max_poll_records": 4 + seed % 5,
        "cache_uploads": 8,
    }
    fields = {name: field.get_default() for name, field in Settings.model_fields.items()}
    # Not from the environment: a run depends on its scenario alone.
    return Settings.model_construct(**fields | given | dict(own))


def restored(changelogs: Iterable[Log]) -> Rows:
    """The rows that the changelog alone says, by partition."""
    partitions: Rows = []
    for log in changelogs:
        rows: dict[bytes, bytes] = {}
        records, _ = log.read(0, log.end, committed=True)
        apply_rows(rows, ((bytes(record.key or b""), record.value) for record in records))
        partitions.append(rows)
    return partitions
