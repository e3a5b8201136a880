"""Batches of 10 that pass through the join and RocksDB, as a partition folds them: what there is after each slice.

The rows of the store are the live keys of the changelog: whoever restores it has the same ones.
"""

import gc
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from uuid import UUID

from agents.join import Join
from app.engine.state.store import Store
from app.settings import Settings
from app.wire.record import TICK_HEADER, source_header
from bench.records import ID, Record, envelope
from bench.workload import MOMENT
from tables import keys
from tables.partition_state import PartitionState

#: How many slices of a run are told of.
SLICES = 100
_SLOTS = 10
_RECORDS_A_SECOND = 5_500
#: Of log time, ms: as shipped (``ROLLCALL_TICK_SECONDS``). A chunk of 10,000 records is 1.8 s of it.
_BETWEEN_TICKS = 1000
_CHUNK = 10_000
_START = 1_772_442_000_000
_NOW = datetime(2026, 3, 2, tzinfo=UTC)
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _events(batch: str) -> Iterator[tuple[int, bytes]]:
    """The code of the topic and the value of each input of a batch: a content, the registration, the other contents."""
    own = batch.encode()
    return ((code, value.replace(_ID, own)) for code, value in _OF_ONE)


def _of_one(batch: str) -> Iterator[tuple[int, bytes]]:
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
            "correlation_id": ID,
            "timestamp": MOMENT,
        }
        yield 1, envelope("huleedu.file.essay.content.provisioned.v1", content)
        if not number:
            yield 0, envelope("huleedu.batch.essays.registered.v1", registration | {"course_code": "ENG5"})


#: The id in what is sent of each batch, to be replaced by its own.
_ID = b"ID-OF-BATCH"
_OF_ONE = list(_of_one(_ID.decode()))


class Passing:
    """Batches that pass, kept for so many seconds of log time; 0: for ever. Their ids are random, as UUIDs are."""

    def __init__(self, batches: int, kept_seconds: float, home: Path) -> None:
        self._batches = batches
        settings = Settings(
            datadir=home,
            readiness_timeout_seconds=0,
            batch_retention_seconds=kept_seconds,
            receipt_retention_seconds=kept_seconds,
            cache_uploads=60_000,
        )
        self._store = Store(home / "partition")
        self._store.open()
        tables = PartitionState(self._store, settings.cache_uploads)
        self._join = Join(0, tables, settings, lambda: _NOW)
        self._join.retiring.looked_through(complete=True, left_behind=())
        self._chunk: list[Record] = []
        self._seconds = self._spent = 0.0
        self._at = 0

    def run(self) -> Iterator[dict[str, float]]:
        """Fold them all; what there is after each slice."""
        # As the worker does it.
        gc.freeze()
        gc.set_threshold(400_000, 20, 50)
        ids = Random(1)  # noqa: S311 - ids that are the same in each run
        ends, next_tick = [0, 0], _START
        for number in range(self._batches):
            batch = str(UUID(int=ids.getrandbits(128), version=4))
            for code, value in _events(batch):
                timestamp = _START + self._at * 1000 // _RECORDS_A_SECOND
                headers: list[tuple[str, bytes | None]] = [("s", source_header(code, 0, ends[code])), ("k", b"key")]
                self._chunk.append(Record(self._at, timestamp, batch.encode(), value, headers))
                ends[code], self._at = ends[code] + 1, self._at + 1
            retiring = self._join.retiring
            if timestamp >= next_tick or retiring.behind:
                # As a worker asks, once in so long, and writes it: when something is due, by what has been written.
                next_tick = timestamp + _BETWEEN_TICKS
                with self._spending():
                    due = self._join.deadline()
                    says = [] if due is None or due > timestamp else retiring.headers(timestamp)
                if due is not None and due <= timestamp:
                    says = [(TICK_HEADER, b""), *says]
                    self._chunk.append(Record(self._at, timestamp, None, b"", says))
                    self._at += 1
                    self._fold()
            if len(self._chunk) >= _CHUNK:
                self._fold()
            if (number + 1) * SLICES % self._batches < SLICES:
                self._fold()
                yield self._told()
        self._store.close()

    def _fold(self) -> None:
        """Fold a chunk and write it."""
        chunk, self._chunk = self._chunk, []
        join = self._join
        with self._spending():
            for changes in join.changes(chunk) if chunk else ():
                _ = changes.outputs
                join.tables.write(changes.rows, self._store.offset + len(changes.rows), changes.touched, changes.grown)

    @contextmanager
    def _spending(self) -> Iterator[None]:
        """Count what a worker would spend, too: the seconds, and those of CPU, RocksDB's threads among them."""
        begun, spent = time.perf_counter(), time.process_time()
        yield
        self._seconds += time.perf_counter() - begun
        self._spent += time.process_time() - spent

    def _told(self) -> dict[str, float]:
        return {
            "rows": sum(1 for _ in self._rows()),
            "database_mb": self._store.size() / 1e6,
            "memory_mb": int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / 1e6,
            "seconds": self._seconds,
            "cpu_seconds": self._spent,
            "events": self._at,
        }

    def _rows(self) -> Sequence[bytes]:
        tables = (keys.BATCHES, keys.PENDING, keys.WAITING, keys.CLOSED, keys.RECEIPTS, keys.RECEIPT_ORDER)
        return [key for table in tables for key in self._store.keys(table)]
