"""A batch of the core, as the models show it. Pure."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from app.api.present import batch_models
from app.core import names
from app.core.acts import name_of
from app.core.batch import Batch
from app.core.batch_state import State
from app.core.events import Content, Failure, Policy, Source, Upload
from app.core.facts import FORCED, Held, Retired
from app.core.rules import next_deadline
from app.history.models import Place
from app.history.times import iso
from tables.glances import NAMED, Glance, glance_of


def summary(glance: Glance, partition: int, now: int, stuck_after: int) -> batch_models.BatchSummary:
    """A batch in a line, at ``now``. Times are log times, ms."""
    return batch_models.BatchSummary(**_summary(glance, partition, now, stuck_after))


def whole(
    batch: Batch, partition: int, now: int, *, stuck_after: int, policy: Policy, owner: str | None
) -> batch_models.Batch:
    """A batch with all that is known of it."""
    registration, receipt = batch.registration, batch.receipt
    deadline = next_deadline(batch, policy)
    return batch_models.Batch(
        **_summary(glance_of(batch), partition, now, stuck_after),
        course_code=registration.course_code if registration else None,
        user_id=registration.user_id if registration else None,
        class_id=registration.class_id if registration else None,
        org_id=registration.org_id if registration else None,
        correlation_id=registration.correlation_id if registration else None,
        registered_at=iso(batch.registered_at) if registration else None,
        deadline=None if deadline is None else iso(deadline),
        timed_out=batch.timed_out,
        closed=cast("batch_models.Closed | None", batch.closed if receipt is None else receipt.how),
        openings=batch.openings,
        slot_list=[_slot(essay_id, upload) for essay_id, upload in zip(batch.essay_ids, batch.slots, strict=True)],
        pending_list=[_pending(at, held, batch.extension, policy) for at, held in batch.pending.items()],
        excess=[
            batch_models.ExcessContent(
                file_upload_id=content.upload_id, text_storage_id=content.text_id, file_name=content.file_name
            )
            for content in batch.excess.values()
        ],
        late_failures=batch.late_failures if receipt is None else receipt.late_failures,
        conflicts=[place(source) for source in sorted(batch.conflicts)],
        acts=acts(batch),
        offset=batch.last,
        owner=owner,
        receipt=None if receipt is None else _receipt(receipt),
    )


def _receipt(receipt: Retired) -> batch_models.Receipt:
    return batch_models.Receipt(
        closed_at=iso(receipt.closed_at),
        retired_at=iso(receipt.time),
        excess=receipt.excess,
        refused=receipt.refusals,
        digest=receipt.digest.hex(),
        ready_event_id=None if receipt.ready is None else str(UUID(bytes=receipt.ready)),
        errors_event_id=None if receipt.errors is None else str(UUID(bytes=receipt.errors)),
    )


def acts(batch: Batch) -> list[batch_models.ActRecord]:
    """What operators did to a batch, in the order of the log."""
    return [
        batch_models.ActRecord(
            act_id=act_id,
            act=name_of(acted.act),
            at=acted.at,
            time=iso(acted.time),
            who=acted.act.who,
            why=acted.act.why,
            refused=acted.refused,
        )
        for act_id, acted in batch.acts.items()
    ]


def place(source: Source) -> Place:
    """The position of an input, by its topic's name."""
    return Place(topic=names.INPUTS[source.topic], partition=source.partition, offset=source.offset)


def reason(glance: Glance) -> str:
    """What a batch waits for, or how it ended, in a sentence."""
    state = glance.state
    if state is State.OPEN:
        return f"waits for {glance.missing} of {count(glance.slots, 'slot')}: {listed(glance.empty, glance.missing)}"
    if state is State.UNREGISTERED:
        if not glance.pending:
            return "nothing is pending: what came for it was given up, and there is no registration"
        verb = "waits" if glance.pending == 1 else "wait"
        return f"{count(glance.pending, 'upload')} {verb} for the registration"
    outcome = f"{glance.filled} filled, {glance.failed} failed, of {count(glance.slots, 'slot')}"
    if state is State.RETIRED:
        return f"retired, only a receipt is kept: {outcome}"
    if state is State.DISCARDED:
        return f"discarded by an operator: {outcome}"
    return f"completed by an operator as it was: {outcome}" if glance.closed == FORCED else f"complete: {outcome}"


def empty_slots(batch: Batch) -> list[str]:
    """The essay ids of the slots without an outcome."""
    return [essay_id for essay_id, upload in zip(batch.essay_ids, batch.slots, strict=True) if upload is None]


def pending_of(batch: Batch, policy: Policy) -> list[batch_models.PendingUpload]:
    """What is pending for a batch."""
    return [_pending(at, held, batch.extension, policy) for at, held in batch.pending.items()]


def listed(ids: Sequence[str], total: int | None = None) -> str:
    """The first few of ids, and how many more there are; ``total``: how many there are of which these are the first."""
    named = ids[:NAMED]
    more = (len(ids) if total is None else total) - len(named)
    return f"{', '.join(named)} and {more} more" if more else ", ".join(named)


def count(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _summary(glance: Glance, partition: int, now: int, stuck_after: int) -> dict[str, Any]:
    waits, since = glance.waits_since, glance.since
    return {
        "batch_id": glance.batch_id,
        "partition": partition,
        "state": glance.state.value,
        "slots": glance.slots,
        "filled": glance.filled,
        "failed": glance.failed,
        "pending": glance.pending,
        "since": None if since is None else iso(since),
        "waits_since": None if waits is None else iso(waits),
        "age_seconds": None if waits is None or since is None else max(0, now - since) / 1000,
        "stuck": waits is not None and waits <= now - stuck_after,
        "reason": reason(glance),
    }


def _slot(essay_id: str, upload: Upload | None) -> batch_models.Slot:
    return batch_models.Slot(
        essay_id=essay_id,
        state="empty" if upload is None else "filled" if isinstance(upload, Content) else "failed",
        file_upload_id=upload.upload_id if upload else None,
        text_storage_id=upload.text_id if isinstance(upload, Content) else None,
        file_name=upload.file_name if upload else None,
        error_code=upload.code if isinstance(upload, Failure) else None,
        moment=iso(upload.moment // 1000) if upload else None,
    )


def _pending(at: int, held: Held, extension: int, policy: Policy) -> batch_models.PendingUpload:
    upload = held.upload
    return batch_models.PendingUpload(
        offset=at,
        since=iso(held.time),
        expires_at=iso(held.time + extension + policy.pending_ttl) if policy.pending_ttl else None,
        kind="content" if isinstance(upload, Content) else "failure",
        file_upload_id=upload.upload_id,
        text_storage_id=upload.text_id if isinstance(upload, Content) else None,
        file_name=upload.file_name,
    )
