"""Each topic: its message, when there is one, its key, and the model that it is made of."""

from typing import NamedTuple

import msgspec

from app.core import names, payloads
from app.wire import inputs


class Entry(NamedTuple):
    """A topic of the platform. ``model`` is what ``data`` is read by or written from; ``key`` says what the key is."""

    message: str
    model: type[msgspec.Struct]
    key: str
    summary: str


INPUTS: dict[str, Entry] = {
    topic: Entry(found.message, found.model, found.key, found.summary) for topic, found in inputs.INPUTS.items()
}

OUTPUTS: dict[str, Entry] = {
    names.SLOT_ASSIGNED: Entry(
        "EssaySlotAssignedV1",
        payloads.EssaySlotAssigned,
        "The essay id.",
        "A content got a slot, at once or when its registration came.",
    ),
    names.READY: Entry(
        "BatchEssaysReady",
        payloads.BatchEssaysReady,
        "The batch id.",
        "Every slot of the batch has its outcome, and at least one is filled. Said once; again where an operator opens "
        "the batch for more. A batch that an operator completed as it was has fewer outcomes than expected_count.",
    ),
    names.ERRORS: Entry(
        "BatchValidationErrorsV1",
        payloads.BatchValidationErrors,
        "The batch id.",
        "The batch is complete and at least one slot failed; with critical_failure none was filled, and there is no "
        "ready event.",
    ),
    names.EXCESS: Entry(
        "ExcessContentProvisionedV1",
        payloads.ExcessContentProvisioned,
        "The batch id.",
        "A content met its registered batch with no slot left.",
    ),
    names.COMPLETED: Entry(
        "BatchContentProvisioningCompletedV1",
        payloads.BatchContentProvisioningCompleted,
        "The batch id.",
        "Beside the ready event, for today's orchestrator; ROLLCALL_PROVISIONING_COMPLETED turns it off.",
    ),
    names.TIMEOUT: Entry(
        "BatchReadinessTimeout",
        payloads.BatchReadinessTimeout,
        "The batch id.",
        "A registered batch is still incomplete at its deadline (ROLLCALL_READINESS_TIMEOUT_SECONDS). It stays open.",
    ),
    names.EXPIRED: Entry(
        "PendingContentExpiredV1",
        payloads.PendingContentExpired,
        "The batch id.",
        "A pending upload was given up: its registration did not come in time (ROLLCALL_PENDING_TTL_SECONDS), or an "
        "operator discarded it. It carries the whole original, ready to be put back.",
    ),
}
