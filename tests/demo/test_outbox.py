import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from demo.file_service import FileService
from demo.orchestrator import BatchOrchestrator
from demo.plan import make_plan

PLAN = make_plan(1, 12, 4)
BATCH = PLAN.batches[0]


def test_an_upload_leaves_its_row_and_its_event_together(tmp_path: Path) -> None:
    service = FileService(tmp_path / "files.sqlite")
    for upload in BATCH.uploads:
        service.upload(upload)
    assert service.database.count("uploads") == service.database.count("outbox") == len(BATCH.uploads)
    assert service.database.count("texts") == len(BATCH.contents)
    service.database.close()


def test_an_error_while_the_event_is_written_leaves_no_business_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = FileService(tmp_path / "files.sqlite")

    def broken(*_: object) -> None:
        message = "disk full"
        raise sqlite3.OperationalError(message)

    monkeypatch.setattr(service.database, "add_event", broken)
    with pytest.raises(sqlite3.OperationalError):
        service.upload(BATCH.uploads[0])
    assert [service.database.count(table) for table in ("uploads", "texts", "outbox")] == [0, 0, 0]
    service.database.close()


def test_a_process_that_dies_between_business_row_and_event_leaves_neither(tmp_path: Path) -> None:
    path = tmp_path / "orchestrator.sqlite"
    dying = f"""
import os
from pathlib import Path
from demo.orchestrator import BatchOrchestrator
from demo.plan import make_plan
orchestrator = BatchOrchestrator(Path({str(path)!r}))
first, second, *_ = make_plan(1, 12, 4).batches
orchestrator.register(first)
orchestrator.database.add_event = lambda transaction, event: os._exit(9)
orchestrator.register(second)
"""
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", dying], cwd=root, check=False).returncode == 9
    database = BatchOrchestrator(path).database
    assert (database.count("batches"), database.count("outbox")) == (1, 1)
    database.close()


def test_a_batch_registered_twice_is_refused_and_adds_no_event(tmp_path: Path) -> None:
    orchestrator = BatchOrchestrator(tmp_path / "orchestrator.sqlite")
    orchestrator.register(BATCH)
    with pytest.raises(sqlite3.IntegrityError):
        orchestrator.register(BATCH)
    assert orchestrator.database.unpublished() == 1
    orchestrator.database.close()


def test_events_are_due_in_order_and_no_sooner_than_their_delay(tmp_path: Path) -> None:
    service = FileService(tmp_path / "files.sqlite")
    for upload in BATCH.uploads:
        service.upload(upload)
    assert service.database.due_events(delay=60, limit=10) == []
    due = service.database.due_events(delay=0, limit=3)
    assert [row.key for row in due] == [upload.file_upload_id for upload in BATCH.uploads[:3]]
    service.database.mark_published(due)
    (following, *_) = service.database.due_events(delay=0, limit=10)
    assert following.key == BATCH.uploads[3].file_upload_id
    service.database.close()
