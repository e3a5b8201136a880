"""Whether every batch came out right: the plan against the outputs as they lie in Kafka.

It shares no code with the view or with Rollcall. It holds whatever the order in which the uploads of one batch reached
the log, because that order is Kafka's: where there are no more uploads than slots, every number is fixed by the plan;
with a surplus, which of the uploads came too late is open, but not how many. (A failure that comes too late takes no
slot and has no output, so of a surplus only the texts are seen again.)
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.events import (
    DEAD_LETTER,
    ERRORS,
    EXCESS,
    EXPIRED,
    OUTPUTS,
    PROVISIONED,
    READY,
    SLOT_ASSIGNED,
    TIMEOUT,
    Record,
)
from demo.plan import Plan, PlannedBatch


@dataclass(slots=True)
class Verdict:
    """What is wrong with one batch; nothing, if `problems` is empty."""

    batch_id: str
    problems: list[str] = field(default_factory=list)

    def expect(self, holds: bool, problem: str) -> None:  # noqa: FBT001 - the condition is the argument
        """Note the problem unless the condition holds."""
        if not holds:
            self.problems.append(problem)


@dataclass(slots=True)
class _Outputs:
    """The distinct outputs of one batch by topic; `conflicts` counts repeats whose data differs."""

    events: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    conflicts: int = 0

    def add(self, topic: str, body: dict[str, Any]) -> None:
        first = self.events[topic].setdefault(body["event_id"], body)
        self.conflicts += first["data"] != body["data"]

    def of(self, topic: str) -> list[dict[str, Any]]:
        return list(self.events[topic].values())

    def data(self, topic: str) -> list[dict[str, Any]]:
        return [body["data"] for body in self.of(topic)]


def check(plan: Plan, records: Iterable[Record]) -> list[Verdict]:
    """Return a verdict for each planned batch, in the plan's order, and one for each thing nobody planned."""
    outputs: dict[str, _Outputs] = defaultdict(_Outputs)
    stray: list[Verdict] = []
    planned = {batch.batch_id for batch in plan.batches}
    for record in records:
        if record.topic not in OUTPUTS:
            continue
        body = record.envelope()
        where = f"{record.topic}[{record.partition}]@{record.offset}"
        if record.topic == DEAD_LETTER:
            stray.append(Verdict("(no batch)", [f"dead letter at {where}"]))
        elif body is None or body.get("data", {}).get("batch_id") not in planned:
            stray.append(Verdict("(no batch)", [f"an output for no planned batch at {where}"]))
        else:
            outputs[body["data"]["batch_id"]].add(record.topic, body)
    return [_check_batch(batch, outputs[batch.batch_id]) for batch in plan.batches] + stray


def _check_batch(batch: PlannedBatch, outputs: _Outputs) -> Verdict:
    verdict = Verdict(batch.batch_id)
    verdict.expect(outputs.conflicts == 0, "a repeated output has the event id of the first but other data")
    slots = _check_slots(verdict, batch, outputs)
    failed = _check_errors(verdict, batch, outputs, slots)
    excess = _check_excess(verdict, batch, outputs)
    size = len(batch.essay_ids)
    verdict.expect(len(slots) + failed == size, f"{len(slots)} filled and {failed} failed of {size} slots")
    texts = sorted([*slots.values(), *excess])
    planned = sorted(upload.text_storage_id for upload in batch.contents)
    verdict.expect(
        texts == planned, f"{len(texts)} texts in a slot or excess, {len(planned)} accepted, or not each once"
    )
    _check_ready(verdict, batch, outputs, slots, failed)
    for topic in (TIMEOUT, EXPIRED):
        verdict.expect(not outputs.of(topic), f"an event on {topic} that nothing calls for")
    return verdict


def _check_slots(verdict: Verdict, batch: PlannedBatch, outputs: _Outputs) -> dict[str, str]:
    slots: dict[str, str] = {}
    uploads = {upload.text_storage_id: upload for upload in batch.contents}
    for body in outputs.of(SLOT_ASSIGNED):
        data = body["data"]
        essay, text = data["essay_id"], data["text_storage_id"]
        verdict.expect(essay not in slots, f"slot {essay} assigned twice")
        slots[essay] = text
        upload = uploads.get(text)
        if upload is None:
            verdict.problems.append(f"slot {essay} has a text that the file service never provided: {text}")
            continue
        same = (data["file_upload_id"], data["original_file_name"]) == (upload.file_upload_id, upload.file_name)
        verdict.expect(same, f"slot {essay} names another upload than its text has")
        verdict.expect(
            body["correlation_id"] == str(upload.correlation_id), f"slot {essay}: not its content's correlation id"
        )
    front = set(batch.essay_ids[: len(slots)])
    verdict.expect(set(slots) == front, f"the filled slots are not the first {len(slots)}")
    return slots


def _check_errors(verdict: Verdict, batch: PlannedBatch, outputs: _Outputs, slots: Mapping[str, str]) -> int:
    events = outputs.of(ERRORS)
    verdict.expect(len(events) <= 1, f"{len(events)} distinct errors events")
    if not events:
        return 0
    body = events[0]
    data, essays = body["data"], [failure["essay_id"] for failure in body["data"]["failed_essays"]]
    files = [failure["file_name"] for failure in data["failed_essays"]]
    verdict.expect(
        set(essays) == set(batch.essay_ids[len(batch.essay_ids) - len(essays) :]), "failures not at the back"
    )
    verdict.expect(bool(essays), "an errors event without failures")
    rejected = {upload.file_name for upload in batch.failures}
    verdict.expect(len(set(files)) == len(files) and set(files) <= rejected, "failed files that were not rejected once")
    summary = data["error_summary"]
    verdict.expect(summary["total_errors"] == len(essays), "error_summary.total_errors is wrong")
    verdict.expect(sum(summary["error_categories"].values()) == len(essays), "error_summary.error_categories is wrong")
    verdict.expect(summary["critical_failure"] == (not slots), "critical_failure is wrong")
    verdict.expect(body["correlation_id"] == str(batch.correlation_id), "errors: not the registration's correlation id")
    return len(essays)


def _check_excess(verdict: Verdict, batch: PlannedBatch, outputs: _Outputs) -> list[str]:
    correlation = {upload.text_storage_id: str(upload.correlation_id) for upload in batch.contents}
    texts = []
    for body in outputs.of(EXCESS):
        text = body["data"]["text_storage_id"]
        texts.append(text)
        verdict.expect(body["data"]["reason"] == "NO_AVAILABLE_SLOT", "excess with another reason")
        verdict.expect(body["correlation_id"] == correlation.get(text), "excess: not its content's correlation id")
    return texts


def _check_ready(
    verdict: Verdict, batch: PlannedBatch, outputs: _Outputs, slots: Mapping[str, str], failed: int
) -> None:
    wanted = 1 if slots else 0
    for topic, name in ((READY, "ready"), (PROVISIONED, "provisioning-completed")):
        events = outputs.of(topic)
        verdict.expect(len(events) == wanted, f"{len(events)} distinct {name} events, not {wanted}")
        for body in events:
            verdict.expect(body["correlation_id"] == str(batch.correlation_id), f"{name}: not the registration's id")
    essays = [{"essay_id": essay, "text_storage_id": slots[essay]} for essay in batch.essay_ids if essay in slots]
    for data in outputs.data(READY):
        verdict.expect(
            data["ready_essays"] == essays, "the ready event's essays are not the assigned ones in slot order"
        )
        counts = (data["expected_count"], data["failed_count"], data["course_code"])
        verdict.expect(
            counts == (len(batch.essay_ids), failed, batch.course_code), "the ready event's counts are wrong"
        )
        kind = "REGULAR" if batch.class_id else "GUEST"
        verdict.expect(data["class_type"] == kind, f"class_type is not {kind}")
    for data in outputs.data(PROVISIONED):
        sizes = (data["provisioned_count"], data["expected_count"])
        verdict.expect(sizes == (len(slots), len(batch.essay_ids)), "provisioning-completed: wrong counts")
