"""Batches, dead letters and timelines in the shape in which the API gives them; all follows from the arguments."""

from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]
STATES = ("open", "unregistered", "complete", "discarded")


def ago(seconds: float) -> str:
    """Return the moment that many seconds before now, as the API writes it."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def batch(batch_id: str, *, slots: int = 3, filled: int = 0, failed: int = 0, waited: float = 60, **more: Any) -> Json:
    """Build a registered batch with its first slots filled and its last ones failed; `more` replaces fields."""
    state = "complete" if slots == filled + failed else "open"
    slot_list = [_slot(number, slots, filled, failed, waited) for number in range(slots)]
    missing = [slot["essay_id"] for slot in slot_list if slot["state"] == "empty"]
    made = {
        "batch_id": batch_id,
        "partition": len(batch_id) % 3,
        "state": state,
        "slots": slots,
        "filled": filled,
        "failed": failed,
        "pending": 0,
        "since": ago(waited),
        "age_seconds": waited,
        "stuck": False,
        "reason": f"waits for {len(missing)} of {slots} slots: {', '.join(missing[:3])}" if missing else "is complete",
        "course_code": "ENG5",
        "user_id": "teacher-1",
        "class_id": None,
        "org_id": None,
        "correlation_id": "6f1d3f0e-0000-4000-8000-000000000001",
        "registered_at": ago(waited),
        "deadline": ago(waited - 86400),
        "timed_out": False,
        "closed": None,
        "openings": 1,
        "slot_list": slot_list,
        "pending_list": [],
        "excess": [],
        "late_failures": 0,
        "conflicts": [],
        "acts": [],
        "offset": 100 + filled,
        "owner": "http://127.0.0.1:6066",
    }
    return made | more


def unregistered(batch_id: str, *, pending: int = 2, waited: float = 60, **more: Any) -> Json:
    """Build a batch of which only uploads have come."""
    uploads = [
        {
            "offset": 10 + number,
            "since": ago(waited - number),
            "expires_at": ago(waited - 86400),
            "kind": "content",
            "file_upload_id": f"upload-{number}",
            "text_storage_id": f"text-{number}",
            "file_name": f"Åsa Öberg {number}.docx",
        }
        for number in range(pending)
    ]
    nothing = {"slots": 0, "filled": 0, "failed": 0, "slot_list": [], "registered_at": None, "deadline": None}
    own = {
        "state": "unregistered",
        "pending": pending,
        "pending_list": uploads,
        "reason": f"{pending} uploads wait for the registration",
    }
    return batch(batch_id, waited=waited) | nothing | own | more


def dead_letter(offset: int, *, reason: str = "malformed", text: str = '{"a":', **more: Any) -> Json:
    """Build a dead letter with its content."""
    made = {
        "partition": 0,
        "offset": offset,
        "time": ago(1000 - offset),
        "reason": reason,
        "detail": "the value is not JSON: it ends too early",
        "source": {"topic": "huleedu.file.essay.content.provisioned.v1", "partition": 1, "offset": 7000 + offset},
        "key": f"upload-{offset}",
        "size": len(text),
        "batch_id": None,
        "value_text": text,
        "value_base64": "",
    }
    return made | more


def overview(ones: list[Json], missing: list[int]) -> Json:
    """Count batches; nobody answers for the partitions that are missing."""
    counts = {state: sum(entry["state"] == state for entry in ones) for state in STATES}
    uploads = [upload["since"] for entry in ones for upload in entry["pending_list"]]
    owner = "http://127.0.0.1:6066"
    parts = [
        {
            "partition": n,
            "owner": None if n in missing else owner,
            "ready": n not in missing,
            "lag": None if n in missing else 0,
        }
        for n in range(3)
    ]
    return {
        "time": ago(0),
        "app_id": "rollcall",
        "guarantee": "exactly_once",
        "version": "0.1.0",
        "workers": [
            {
                "url": owner,
                "ready": True,
                "this": True,
                "partitions": [0, 1, 2],
                "reachable": True,
                "restore_left": 0,
                "standbys": [],
            }
        ],
        "partitions": parts,
        "inputs": [{"topic": "huleedu.batch.essays.registered.v1", "partition": 0, "lag": 4}],
        "missing": missing,
        "counts": counts,
        "retired": sum(entry["state"] == "retired" for entry in ones),
        "oldest_closed_seconds": None,
        "pending_uploads": len(uploads),
        "oldest_pending_seconds": 240.0 if uploads else None,
        "stuck": sum(entry["stuck"] for entry in ones),
    }


def recent(samples: list[tuple[int, int, int, int]], missing: list[str]) -> Json:
    """Build the last hour: a sample every 15 s until now, of what became ready, was stuck, was pending, and the lag."""
    names = ("ready", "stuck", "pending_uploads", "lag")
    told = [
        {"time": ago(15 * (len(samples) - number))} | dict(zip(names, sample, strict=True))
        for number, sample in enumerate(samples)
    ]
    return {"time": ago(0), "step_seconds": 15, "samples": told, "missing": missing}


def explanation(batch: Json | None, batch_id: str, letters: list[Json]) -> Json:
    """Explain a batch, or one of which nothing is known."""
    partition = {
        "partition": batch["partition"] if batch else 0,
        "owner": "http://127.0.0.1:6066",
        "ready": True,
        "lag": 0,
    }
    if batch is None:
        sentence = "Nothing of it has been read: no registration and no upload names it."
        own: Json = {"state": "unknown", "sentence": sentence, "waits_for": None, "would_finish": []}
        return {"batch_id": batch_id} | own | _rest([], batch, partition, letters)
    missing = [slot["essay_id"] for slot in batch["slot_list"] if slot["state"] == "empty"]
    finish = [f"a content or a failure for each of {', '.join(missing[:3])}", "an operator who completes it"]
    own = {
        "state": batch["state"],
        "sentence": f"{batch['reason']}.",
        "waits_for": batch["reason"],
        "would_finish": finish if batch["state"] == "open" else [],
    }
    return {"batch_id": batch_id} | own | _rest(missing, batch, partition, letters)


def story(entry: Json) -> Json:
    """Tell the timeline of a batch: its registration, its contents, its acts."""
    entries = [_entry(3, "BatchEssaysRegistered", f"with {entry['slots']} slots", f"{entry['slots']} slots are open")]
    for number in range(entry["filled"]):
        output = [{"topic": "huleedu.els.essay.slot.assigned.v1", "event_id": f"assigned-{entry['batch_id']}-{number}"}]
        entries.append(
            _entry(10 + number, "EssayContentProvisionedV1", f"upload-{number}", f"takes essay-{number}", output)
        )
    for act in entry["acts"]:
        output = [{"topic": "huleedu.els.batch.essays.ready.v1", "event_id": f"ready-{entry['batch_id']}"}]
        entries.append(
            _entry(
                act["offset"],
                f"act {act['act']}",
                f"{act['act']} by {act['who']}: {act['why']}",
                "the batch completes",
                output,
            )
        )
    return {
        "batch_id": entry["batch_id"],
        "partition": entry["partition"],
        "complete": True,
        "note": None,
        "entries": entries,
    }


def late(now: Json) -> Json:
    """An overview where the log's retention has taken the first records of a partition, and one doesn't say it."""
    begins: list[Json] = [
        {"begins_at": 12_345, "begins_time": ago(7_000_000)},
        {"begins_at": 0, "begins_time": ago(9)},
        {},
    ]
    return now | {"partitions": [part | begin for part, begin in zip(now["partitions"], begins, strict=True)]}


def late_story(entry: Json) -> Json:
    """A timeline whose first records are gone: what the state says of them, and the note about the log."""
    told = story(entry)
    begin = "begins at offset 10 (2026-03-02T09:00:00Z): what was before is gone"
    note = f"rollcall-log partition {entry['partition']} {begin}"
    summary = "4 facts up to log offset 9, of which the log has no records any more"
    facts = _entry(9, "facts", summary, "the batch is open")
    return told | {"complete": False, "note": note, "entries": [facts | {"source": None}, *told["entries"][1:]]}


def _entry(offset: int, event: str, summary: str, effect: str, outputs: list[Json] | None = None) -> Json:
    source = {"topic": "huleedu.batch.essays.registered.v1", "partition": 0, "offset": offset}
    about = {"offset": offset, "time": ago(500 - offset), "event": event, "source": source}
    return about | {"summary": summary, "effect": effect, "facts": [f"fact of {offset}"], "outputs": outputs or []}


def _rest(missing: list[str], entry: Json | None, partition: Json, letters: list[Json]) -> Json:
    return {
        "missing_slots": missing,
        "pending": entry["pending_list"] if entry else [],
        "conflicting": entry["conflicts"] if entry else [],
        "partition": partition,
        "dead_letters": letters,
    }


def _slot(number: int, slots: int, filled: int, failed: int, waited: float) -> Json:
    state = "filled" if number < filled else "failed" if number >= slots - failed else "empty"
    taken = state != "empty"
    return {
        "essay_id": f"essay-{number}",
        "state": state,
        "file_upload_id": f"upload-{number}" if taken else None,
        "text_storage_id": f"text-{number}" if state == "filled" else None,
        "file_name": f"Åsa Öberg {number}.docx" if taken else None,
        "error_code": "EMPTY_CONTENT" if state == "failed" else None,
        "moment": ago(waited - number) if taken else None,
    }
