"""The view model: what an onlooker knows of every batch from the messages in Kafka, and from nothing else.

Pure: a fold over records. It shows both what Rollcall published and what the old rule said about itself.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from demo.events import (
    CONTENT,
    DEAD_LETTER,
    ERRORS,
    EXCESS,
    FAILURE,
    INPUTS,
    OLD_RULE,
    READY,
    REGISTERED,
    SLOT_ASSIGNED,
    Record,
)

TICKER_LINES = 200
"""Lines that the events ticker remembers."""


@dataclass(slots=True)
class OldView:
    """What the old rule said about one batch."""

    filled: int = 0
    dropped: set[str] = field(default_factory=set)  # text ids that it threw away and has no slot for
    uncounted: set[str] = field(default_factory=set)
    complete: bool = False


@dataclass(slots=True)
class BatchView:
    """One batch as seen from outside. Moments are Unix time in seconds."""

    batch_id: str
    slots: list[str] = field(default_factory=list)
    registered_at: float | None = None
    contents: dict[str, float] = field(default_factory=dict)  # text id -> first published
    failures: dict[str, float] = field(default_factory=dict)  # upload id -> first published
    early: set[str] = field(default_factory=set)  # text and upload ids that came before the registration
    filled: dict[str, str] = field(default_factory=dict)  # essay id -> text id
    failed: set[str] = field(default_factory=set)  # essay ids, known once the errors event is there
    excess: set[str] = field(default_factory=set)
    ready_at: float | None = None
    rejected_at: float | None = None  # complete without a single text
    old: OldView = field(default_factory=OldView)
    changed_at: float = 0.0

    @property
    def complete_at(self) -> float | None:
        """When the batch was seen to be complete, or None."""
        return self.ready_at if self.ready_at is not None else self.rejected_at

    @property
    def pending(self) -> int:
        """Uploads that wait for the registration."""
        return len(self.contents) + len(self.failures) if self.registered_at is None else 0

    @property
    def state(self) -> str:
        """One of `unregistered`, `open`, `ready`, `rejected`."""
        if self.ready_at is not None:
            return "ready"
        if self.rejected_at is not None:
            return "rejected"
        return "unregistered" if self.registered_at is None else "open"

    @property
    def latency(self) -> float | None:
        """Seconds from the last needed event's publication to the ready event in this onlooker's hands, or None."""
        uploads = sorted([*self.contents.values(), *self.failures.values()])
        if self.ready_at is None or self.registered_at is None or len(uploads) < len(self.slots):
            return None
        return max(0.0, self.ready_at - max(self.registered_at, uploads[len(self.slots) - 1]))

    def reasons_for_hanging(self) -> list[str]:
        """Say why the old rule does not complete this batch; empty where it does or has nothing to blame."""
        if self.old.complete:
            return []
        reasons = ["early content dropped"] if self.old.dropped else []
        return reasons + (["failure not counted"] if self.old.uncounted else [])


@dataclass(frozen=True, slots=True)
class TickerLine:
    """One event in words; `style` is a name that the view gives a colour."""

    at: float
    batch_id: str
    style: str
    text: str


class Board:
    """All batches, in the order in which they first appeared, the ticker, and the counters."""

    def __init__(self) -> None:
        self.batches: dict[str, BatchView] = {}
        self.ticker: deque[TickerLine] = deque(maxlen=TICKER_LINES)
        self.redeliveries = 0
        """Inputs that were published again."""
        self.repeated_answers = 0
        """Outputs that were published again, all with the event id of the first."""
        self.dead_letters = 0
        self.records = 0
        self._answers: set[tuple[str, str]] = set()

    def apply(self, record: Record) -> None:
        """Fold one record in. What it can't read it counts and passes over."""
        self.records += 1
        if record.topic == DEAD_LETTER:
            self.dead_letters += 1
            self._tell(record, "?", "bad", "dead letter")
            return
        body = record.envelope()
        if body is None:
            return
        if record.topic == OLD_RULE:
            self._old(self._batch(body["batch_id"], record), body, record)
            return
        data = body["data"]
        batch = self._batch(data.get("entity_id") or data.get("batch_id"), record)
        if record.topic in INPUTS:
            self._input(batch, data, record)
            return
        answer = (record.topic, body["event_id"])
        if answer in self._answers:
            self.repeated_answers += 1
            return
        self._answers.add(answer)
        self._output(batch, data, record)

    def _batch(self, batch_id: str, record: Record) -> BatchView:
        batch = self.batches.setdefault(batch_id, BatchView(batch_id))
        batch.changed_at = record.seen_at
        return batch

    def _input(self, batch: BatchView, data: dict[str, Any], record: Record) -> None:
        if record.topic == REGISTERED:
            if batch.registered_at is not None:
                self._repeat(batch, record, "registration")
                return
            held = batch.pending
            batch.registered_at, batch.slots = record.produced_at, list(data["essay_ids"])
            note = f", {held} uploads were waiting" if held else ""
            self._tell(record, batch.batch_id, "registered", f"registered: {len(batch.slots)} slots{note}")
            return
        known, identity = (
            (batch.contents, data["text_storage_id"])
            if record.topic == CONTENT
            else (batch.failures, data["file_upload_id"])
        )
        if identity in known:
            self._repeat(batch, record, "content" if record.topic == CONTENT else "failure")
            return
        known[identity] = record.produced_at
        early = batch.registered_at is None
        if early:
            batch.early.add(identity)
        noun = "content stored" if record.topic == CONTENT else "upload rejected"
        note = ", before its registration: pending" if early else ""
        self._tell(
            record, batch.batch_id, "early" if early else ("failed" if record.topic == FAILURE else "dim"), noun + note
        )

    def _repeat(self, batch: BatchView, record: Record, noun: str) -> None:
        self.redeliveries += 1
        self._tell(record, batch.batch_id, "repeat", f"{noun} published again: nothing changes")

    def _output(self, batch: BatchView, data: dict[str, Any], record: Record) -> None:
        if record.topic == SLOT_ASSIGNED:
            batch.filled[data["essay_id"]] = data["text_storage_id"]
        elif record.topic == EXCESS:
            batch.excess.add(data["text_storage_id"])
            self._tell(record, batch.batch_id, "excess", "excess: no slot is left for this text")
        elif record.topic == READY:
            batch.ready_at = record.seen_at
            failed = f", {data['failed_count']} failed" if data.get("failed_count") else ""
            self._tell(record, batch.batch_id, "ready", f"READY with {len(data['ready_essays'])} essays{failed}")
        elif record.topic == ERRORS:
            batch.failed = {failure["essay_id"] for failure in data["failed_essays"]}
            if data["error_summary"]["critical_failure"]:
                batch.rejected_at = record.seen_at
                self._tell(record, batch.batch_id, "failed", "complete: every upload was rejected")

    def _old(self, batch: BatchView, statement: dict[str, Any], record: Record) -> None:
        if statement["kind"] == "assigned":
            batch.old.filled += 1
            batch.old.dropped.discard(statement["text"])
        elif statement["kind"] == "dropped":
            batch.old.dropped.add(statement["text"])
            self._tell(record, batch.batch_id, "old", 'old rule: content dropped as "excess"')
        elif statement["kind"] == "uncounted":
            batch.old.uncounted.add(statement["upload"])
        elif statement["kind"] == "complete":
            batch.old.complete = True
            self._tell(record, batch.batch_id, "old", "old rule: complete")

    def _tell(self, record: Record, batch_id: str, style: str, text: str) -> None:
        self.ticker.append(TickerLine(record.seen_at, batch_id, style, text))
