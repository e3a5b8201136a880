"""One very large batch: how long it takes, and how long the event loop is kept at a time. No broker is needed.

``python -m bench.large [UPLOADS]``: so many pending uploads of one batch (200,000) that expire at one tick; half as
many that a registration reconciles; half as many slots filled one by one after an operator's act. Each is done for half
of them first: twice as many should take twice as long. A *work* is what is folded between two turns of the event loop.
"""

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from agents.join import Join
from app.core import names
from app.core.acts import Extend
from app.engine.state.store import Store
from app.settings import Settings
from app.wire.acts import encode
from app.wire.record import TICK_HEADER, source_header
from bench.records import ID, Record, envelope
from bench.workload import MOMENT
from tables.partition_state import PartitionState

_UPLOADS = 200_000
_BATCH = "large"
_CHUNK = 10_000
_START = 1_772_442_000_000  # ms
_LATE = _START + 10 * 86_400_000
_NOW = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass
class _Log:
    """The records of a run; those up to ``measured`` only prepare it."""

    records: list[Record] = field(default_factory=list)
    measured: int = 0

    def send(self, code: int, data: dict[str, Any]) -> None:
        topic, at = names.INPUTS[code], len(self.records)
        self.add(envelope(topic, {"entity_id": _BATCH} | data), [("s", source_header(code, 0, at))])

    def add(
        self,
        value: bytes,
        headers: list[tuple[str, bytes | None]],
        key: bytes | None = _BATCH.encode(),
        time: int = _START,
    ) -> None:
        self.records.append(Record(len(self.records), time, key, value, headers))

    def contents(self, count: int) -> None:
        for number in range(count):
            self.send(
                1,
                {
                    "file_upload_id": f"upload-{number:07d}",
                    "original_file_name": "essay.docx",
                    "raw_file_storage_id": "raw",
                    "text_storage_id": f"text-{number:07d}",
                    "file_size_bytes": 1,
                    "timestamp": MOMENT,
                },
            )

    def registration(self, slots: int) -> None:
        self.send(
            0,
            {
                "essay_ids": [f"essay-{number:07d}" for number in range(slots)],
                "expected_essay_count": slots,
                "course_code": "ENG5",
                "user_id": "bench",
            },
        )


def _expiring(count: int) -> _Log:
    log = _Log()
    log.contents(count)
    log.measured = len(log.records)
    log.add(b"", [(TICK_HEADER, b"")], key=None, time=_LATE)
    return log


def _reconciled(count: int) -> _Log:
    log = _Log()
    log.contents(count // 2)
    log.measured = len(log.records)
    log.registration(count // 2)
    return log


def _after_an_act(count: int) -> _Log:
    log = _Log()
    log.registration(count // 2)
    key, value, headers = encode(_BATCH, Extend(ID, "bench", "to have acted", 60))
    log.add(value, list(headers), key=key)
    log.measured = len(log.records)
    log.contents(count // 2)
    return log


def _run(log: _Log) -> tuple[float, float, int]:
    """Seconds, the longest work's seconds, and how many works there were, of what is measured."""
    with TemporaryDirectory() as directory:
        store = Store(Path(directory) / "partition-0")
        store.open()
        tables = PartitionState(store, 10**9)
        settings = Settings(_env_file=None, max_message_bytes=4 * 1024 * 1024)  # type: ignore[call-arg]
        join = Join(0, tables, settings, lambda: _NOW)
        list(_works(join, tables, log.records[: log.measured]))
        began = time.perf_counter()
        times = list(_works(join, tables, log.records[log.measured :]))
        seconds = time.perf_counter() - began
        store.close()
    return seconds, max(times), len(times)


def _works(join: Join, tables: PartitionState, records: Sequence[Record]) -> Iterator[float]:
    for begin in range(0, len(records), _CHUNK):
        began = time.perf_counter()
        for work in join.changes(records[begin : begin + _CHUNK]):
            yield time.perf_counter() - began
            tables.write(work.rows, work.end, work.touched, work.grown)
            began = time.perf_counter()


def main(uploads: int = _UPLOADS) -> None:
    """Print a line for each case and size."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for name, make in (("expire at one tick", _expiring), ("reconcile", _reconciled), ("after an act", _after_an_act)):
        for count in (uploads // 2, uploads):
            seconds, longest, works = _run(make(count))
            print(f"{name:20} {count:>8} uploads: {seconds:7.2f} s, {works:>4} works, the longest {longest:.3f} s")  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
