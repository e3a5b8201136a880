"""The file service: it takes uploads, stores their texts or rejects them.

Its events are `EssayContentProvisionedV1` and `EssayValidationFailedV1`, both keyed by the upload's id, so the uploads
of one batch lie in all partitions.
"""

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

from demo.events import CONTENT, FAILURE, Event, utc_now
from demo.outbox import ServiceDatabase
from demo.plan import PlannedUpload

MINIMUM_WORDS = 20

_SCHEMA = """
CREATE TABLE IF NOT EXISTS uploads (
    file_upload_id TEXT PRIMARY KEY,
    batch_id TEXT NOT NULL,
    file_name TEXT NOT NULL,
    text_storage_id TEXT,
    validation_error_code TEXT
);
CREATE TABLE IF NOT EXISTS texts (text_storage_id TEXT PRIMARY KEY, text TEXT NOT NULL);
"""


def validation_error(text: str) -> str | None:
    """Return the code of what is wrong with a text, or None: a text must not be empty and needs 20 words."""
    if not text.strip():
        return "EMPTY_CONTENT"
    return "CONTENT_TOO_SHORT" if len(text.split()) < MINIMUM_WORDS else None


class FileService:
    """A service with a database of its own; every upload is a row in `uploads` and one in the outbox."""

    def __init__(self, path: Path) -> None:
        self.database = ServiceDatabase(path, _SCHEMA)

    def upload(self, upload: PlannedUpload) -> None:
        """Take a file: validate it; store the result and its event in one transaction. A second one of an id raises."""
        error = validation_error(upload.text)
        with self.database.transaction() as transaction:
            if error is None:
                _store(transaction, upload, upload.text_storage_id, None)
                transaction.execute("INSERT INTO texts VALUES (?, ?)", (upload.text_storage_id, upload.text))
                event = provisioned(upload)
            else:
                _store(transaction, upload, None, error)
                event = failed(upload, error)
            self.database.add_event(transaction, event)

    def forget(self) -> None:
        """Delete the uploads and their texts: those of an endless story are not kept."""
        with self.database.transaction() as transaction:
            transaction.execute("DELETE FROM uploads")
            transaction.execute("DELETE FROM texts")

    def knows(self, file_upload_id: str) -> bool:
        """Return whether the upload was made here."""
        return self.database.has("uploads", "file_upload_id", file_upload_id)


def _store(transaction: sqlite3.Connection, upload: PlannedUpload, text_id: str | None, error: str | None) -> None:
    transaction.execute(
        "INSERT INTO uploads VALUES (?, ?, ?, ?, ?)",
        (upload.file_upload_id, upload.batch_id, upload.file_name, text_id, error),
    )


def _event(topic: str, upload: PlannedUpload, data: dict[str, Any]) -> Event:
    common = {
        "entity_id": upload.batch_id,
        "file_upload_id": upload.file_upload_id,
        "original_file_name": upload.file_name,
        "raw_file_storage_id": upload.raw_file_storage_id,
        "file_size_bytes": len(upload.text.encode()),
        "correlation_id": str(upload.correlation_id),
        "timestamp": utc_now(),
    }
    return Event(topic, upload.file_upload_id, "file-service", upload.correlation_id, common | data)


def provisioned(upload: PlannedUpload) -> Event:
    """Return the event that says that the text of an upload is stored."""
    digest = hashlib.md5(upload.text.encode(), usedforsecurity=False).hexdigest()
    return _event(CONTENT, upload, {"text_storage_id": upload.text_storage_id, "content_md5_hash": digest})


def failed(upload: PlannedUpload, code: str) -> Event:
    """Return the event that says why an upload was rejected."""
    detail = {
        "error_code": code,
        "message": f"{upload.file_name}: {code.replace('_', ' ').lower()}",
        "correlation_id": str(upload.correlation_id),
        "timestamp": utc_now(),
        "service": "file-service",
        "operation": "validate_content",
        "details": {"words": len(upload.text.split())},
    }
    return _event(FAILURE, upload, {"validation_error_code": code, "validation_error_detail": detail})
