"""The batch orchestrator: it registers batches. Its event is `BatchEssaysRegistered`, keyed by batch id."""

from pathlib import Path
from uuid import UUID

from demo.events import REGISTERED, Event, utc_now
from demo.outbox import ServiceDatabase
from demo.plan import PlannedBatch

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    batch_id TEXT PRIMARY KEY,
    course_code TEXT NOT NULL,
    user_id TEXT NOT NULL,
    expected_essay_count INTEGER NOT NULL
);
"""


class BatchOrchestrator:
    """A service with a database of its own; every registration is a row in `batches` and one in the outbox."""

    def __init__(self, path: Path) -> None:
        self.database = ServiceDatabase(path, _SCHEMA)

    def register(self, batch: PlannedBatch) -> None:
        """Register a batch: its row and its event in one transaction. A second registration of one id raises."""
        with self.database.transaction() as transaction:
            transaction.execute(
                "INSERT INTO batches VALUES (?, ?, ?, ?)",
                (batch.batch_id, batch.course_code, batch.user_id, len(batch.essay_ids)),
            )
            self.database.add_event(transaction, registered(batch, batch.correlation_id))

    def forget(self) -> None:
        """Delete the batches: those of an endless story are not kept."""
        with self.database.transaction() as transaction:
            transaction.execute("DELETE FROM batches")

    def knows(self, batch_id: str) -> bool:
        """Return whether the batch is registered here."""
        return self.database.has("batches", "batch_id", batch_id)


def registered(batch: PlannedBatch, correlation_id: UUID) -> Event:
    """Return the event that announces a batch and its slots."""
    return Event(
        topic=REGISTERED,
        key=batch.batch_id,
        source_service="batch-service",
        correlation_id=correlation_id,
        data={
            "entity_id": batch.batch_id,
            "essay_ids": list(batch.essay_ids),
            "expected_essay_count": len(batch.essay_ids),
            "course_code": batch.course_code,
            "user_id": batch.user_id,
            "org_id": None,
            "class_id": batch.class_id,
            "student_prompt_ref": None,
            "metadata": {
                "entity_id": batch.batch_id,
                "entity_type": "batch",
                "timestamp": utc_now(),
                "event": "batch.essays.registered",
            },
        },
    )
