"""The names that the platform knows Rollcall's events by: topics, and the dotted short names inside ``data.event``."""

from typing import Final

from app.core.events import CONTENT, FAILED, INPUTS, REGISTERED

SLOT_ASSIGNED: Final = "huleedu.els.essay.slot.assigned.v1"
READY: Final = "huleedu.els.batch.essays.ready.v1"
ERRORS: Final = "huleedu.els.batch.validation.errors.v1"
EXCESS: Final = "huleedu.els.excess.content.provisioned.v1"
COMPLETED: Final = "huleedu.batch.content.provisioning.completed.v1"
TIMEOUT: Final = "huleedu.els.batch.readiness.timeout.v1"
EXPIRED: Final = "huleedu.els.pending.content.expired.v1"
DEAD_LETTER: Final = "huleedu.els.coordination.dead-letter.v1"

#: Every topic that Rollcall writes for others.
OUTPUTS: Final = (SLOT_ASSIGNED, READY, ERRORS, EXCESS, COMPLETED, TIMEOUT, EXPIRED, DEAD_LETTER)

__all__ = [
    "COMPLETED",
    "CONTENT",
    "DEAD_LETTER",
    "ERRORS",
    "EXCESS",
    "EXPIRED",
    "FAILED",
    "INPUTS",
    "OUTPUTS",
    "READY",
    "REGISTERED",
    "SLOT_ASSIGNED",
    "TIMEOUT",
]
