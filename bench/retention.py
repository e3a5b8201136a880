"""Batches that come and are retired for ever: what stays of them on disk, in the changelog and in memory. No broker.

``python -m bench.retention [--batches N] [--never]``: so many batches of 10 pass through the join and RocksDB, as a
partition would fold them, at 5,500 records a second of log time; batches and receipts are kept for 20 s of it. The
worker's own ticks retire them. A line for each tenth of them. With ``--never`` nothing is retired, to compare with.

The rows of the store are the live keys of the changelog: whoever restores it has the same ones.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from agents.join import Join
from app.engine.state.store import Store
from app.settings import Settings
from app.wire.record import TICK_HEADER, source_header
from bench.cells import Cell
from bench.contestants import ALL
from bench.figures import Figure
from bench.process import ContestantError
from bench.stage import Stage, say
from bench.trial import Measured
from tables import keys
from tables.partition_state import PartitionState

BATCHES = 300_000
_SLOTS = 10
_RECORDS_A_SECOND = 5_500
_KEPT_SECONDS = 20.0
#: Of log time, ms. A chunk of 10,000 records is 1.8 s of it.
_BETWEEN_TICKS = 200
_CHUNK = 10_000
_START = 1_772_442_000_000
_NOW = datetime(2026, 3, 2, tzinfo=UTC)
_UUID = "00000000-0000-4000-8000-000000000000"
_TENTHS = 10
_PAGE = os.sysconf("SC_PAGE_SIZE")

#: What is told of each tenth.
QUANTITIES = ("rows", "database_mb", "memory_mb")


@dataclass(slots=True)
class _Record:
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes | None]]


def _envelope(topic: str, data: dict[str, object]) -> bytes:
    return json.dumps(
        {
            "event_id": _UUID,
            "event_type": topic,
            "event_timestamp": "2026-03-02T09:00:00Z",
            "source_service": "bench",
            "schema_version": 1,
            "correlation_id": _UUID,
            "data": data,
        }
    ).encode()


def _events(batch: str) -> Iterator[tuple[int, bytes]]:
    """The code of the topic and the value of each input of a batch: a content, the registration, the other contents."""
    essays = [f"{batch}-{number:02d}-essay" for number in range(_SLOTS)]
    registration = {"entity_id": batch, "essay_ids": essays, "expected_essay_count": _SLOTS, "user_id": "teacher"}
    for number in range(_SLOTS):
        content = {
            "entity_id": batch,
            "file_upload_id": f"{batch}-{number:02d}-upload",
            "original_file_name": f"{number:02d}.docx",
            "raw_file_storage_id": "raw",
            "text_storage_id": f"{batch}-{number:02d}-text",
            "file_size_bytes": 20_000,
            "correlation_id": _UUID,
            "timestamp": "2026-03-02T09:00:00Z",
        }
        yield 1, _envelope("huleedu.file.essay.content.provisioned.v1", content)
        if not number:
            yield 0, _envelope("huleedu.batch.essays.registered.v1", registration | {"course_code": "ENG5"})


def run(batches: int, kept_seconds: float, home: Path) -> Iterator[dict[str, float]]:
    """Fold so many batches; what there is after each tenth."""
    settings = Settings(
        datadir=home,
        readiness_timeout_seconds=0,
        batch_retention_seconds=kept_seconds,
        receipt_retention_seconds=kept_seconds,
        cache_uploads=60_000,
    )
    store = Store(home / "partition")
    store.open()
    join = Join(0, PartitionState(store, settings.cache_uploads), settings, lambda: _NOW)
    join.retiring.complete = True
    spent, ends, chunk = 0.0, [0, 0], []
    at, next_tick = 0, _START
    for number in range(batches):
        batch = f"{number:08d}-0000-4000-8000-000000000000"
        for code, value in _events(batch):
            timestamp = _START + at * 1000 // _RECORDS_A_SECOND
            headers: list[tuple[str, bytes | None]] = [("s", source_header(code, 0, ends[code])), ("k", b"key")]
            chunk.append(_Record(at, timestamp, batch.encode(), value, headers))
            ends[code], at = ends[code] + 1, at + 1
        if timestamp >= next_tick or join.retiring.behind:
            # As a worker writes it: when something is due, by what has been written.
            due = join.deadline()
            if due is not None and due <= timestamp:
                says = [(TICK_HEADER, b""), *join.retiring.headers(timestamp)]
                chunk.append(_Record(at, timestamp, None, b"", says))
                at, next_tick = at + 1, timestamp + _BETWEEN_TICKS
                spent += _fold(join, store, chunk)
                chunk = []
        if len(chunk) >= _CHUNK:
            spent += _fold(join, store, chunk)
            chunk = []
        if (number + 1) * _TENTHS % batches < _TENTHS:
            spent += _fold(join, store, chunk)
            chunk = []
            yield {
                "rows": sum(1 for _ in _rows(store)),
                "database_mb": store.size() / 1e6,
                "memory_mb": int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / 1e6,
                "cpu_microseconds_per_event": spent / at * 1e6,
            }
    store.close()


def _fold(join: Join, store: Store, chunk: Sequence[_Record]) -> float:
    """Fold a chunk and write it; the CPU time that it took, in seconds."""
    begun = time.process_time()
    for changes in join.changes(chunk) if chunk else ():
        _ = changes.outputs
        join.tables.write(changes.rows, store.offset + len(changes.rows), changes.touched, changes.grown)
    return time.process_time() - begun


def _rows(store: Store) -> Iterator[bytes]:
    tables = (keys.BATCHES, keys.PENDING, keys.WAITING, keys.CLOSED, keys.RECEIPTS, keys.RECEIPT_ORDER)
    return (key for table in tables for key, _ in store.scan(table))


class Retention(Cell):
    """The same in processes of its own, with retention and without, by turns."""

    def __init__(self, name: str, batches: int) -> None:
        super().__init__(name, "rollcall", ())
        self.contestant = ALL["rollcall"]
        self._batches = batches

    async def measure(self, stage: Stage) -> Measured:  # noqa: ARG002 - the broker has no part in it
        """Measure it. Raises ContestantError where the process fails."""
        measured: Measured = {}
        spent = []
        for options in ([], ["--never"]):
            command = [sys.executable, "-m", "bench.retention", "--batches", str(self._batches), "--json", *options]
            done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise ContestantError(done.stderr[-2000:])
            tenths = json.loads(done.stdout)
            spent.append(tenths[-1]["cpu_microseconds_per_event"])
            if not options:
                for number, tenth in enumerate(tenths, 1):
                    say(f"tenth {number}: {_told(tenth)}")
                    measured |= {f"retention.{quantity}.{number}": tenth[quantity] for quantity in QUANTITIES}
        for quantity in QUANTITIES:
            growth = measured[f"retention.{quantity}.10"] / measured[f"retention.{quantity}.3"]
            measured[f"retention.{quantity}.growth"] = growth
        measured["retention.speed"] = spent[1] / spent[0]
        return measured


def retention_figures(cell: str) -> list[Figure]:
    """The figures of one run."""
    named = {"rows": "rows, and live keys of the changelog", "database_mb": "database, MB", "memory_mb": "memory, MB"}
    figures = [
        Figure(
            f"retention:{quantity}.{number}", f"{words}, after tenth {number}", cell, f"retention.{quantity}.{number}"
        )
        for quantity, words in named.items()
        for number in range(1, _TENTHS + 1)
    ]
    figures += [
        Figure(
            f"retention:{quantity}.growth",
            f"{words}: the last tenth against the third",
            cell,
            f"retention.{quantity}.growth",
            goal=1.1,
        )
        for quantity, words in named.items()
    ]
    title = "events a CPU second with retention, against without"
    return [*figures, Figure("retention:speed", title, cell, "retention.speed", most=False, goal=0.9, high=True)]


def _told(tenth: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:,.1f}" for name, value in tenth.items())


def main() -> int:
    """Print a line for each tenth, or all of them as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.retention")
    parser.add_argument("--batches", type=int, default=BATCHES)
    parser.add_argument("--never", action="store_true", help="retire nothing")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    tenths = []
    with TemporaryDirectory(prefix="rollcall-retention-") as home:
        for number, tenth in enumerate(run(options.batches, 0 if options.never else _KEPT_SECONDS, Path(home)), 1):
            tenths.append(tenth)
            if not options.json:
                sys.stdout.write(f"tenth {number}: {_told(tenth)}\n")
    if options.json:
        sys.stdout.write(json.dumps(tenths))
    return 0


if __name__ == "__main__":
    sys.exit(main())
