"""Topic names, written out a second time on purpose: a wrong name in the product must not be right here by sharing."""

REGISTERED = "huleedu.batch.essays.registered.v1"
CONTENT = "huleedu.file.essay.content.provisioned.v1"
FAILED = "huleedu.file.essay.validation.failed.v1"
INPUTS = (REGISTERED, CONTENT, FAILED)

SLOT = "huleedu.els.essay.slot.assigned.v1"
READY = "huleedu.els.batch.essays.ready.v1"
ERRORS = "huleedu.els.batch.validation.errors.v1"
EXCESS = "huleedu.els.excess.content.provisioned.v1"
COMPLETED = "huleedu.batch.content.provisioning.completed.v1"
TIMEOUT = "huleedu.els.batch.readiness.timeout.v1"
EXPIRED = "huleedu.els.pending.content.expired.v1"
DEAD = "huleedu.els.coordination.dead-letter.v1"
EVENTS_OUT = (SLOT, READY, ERRORS, EXCESS, COMPLETED, TIMEOUT, EXPIRED)
OUTPUTS = (*EVENTS_OUT, DEAD)

# The `event` field of each output's data: the dotted short name; the errors event carries its version, as upstream
# has it.
EVENT_NAMES = {
    SLOT: "essay.slot.assigned",
    READY: "batch.essays.ready",
    ERRORS: "batch.validation.errors.v1",
    EXCESS: "excess.content.provisioned",
    COMPLETED: "batch.content.provisioning.completed",
    TIMEOUT: "batch.readiness.timeout",
    EXPIRED: "pending.content.expired",
}

REGISTRATION_CONFLICT = "registration_conflict"
UPLOAD_CONFLICT = "upload_conflict"
TEXT_ID_TOO_LONG = "text_id_too_long"
BATCH_RETIRED = "batch_retired"
