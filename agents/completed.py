"""What is counted of a batch that became ready: how long it took, and which traces belong to it."""

from operator import attrgetter
from typing import NamedTuple

from app.core.batch import Batch


class Completed(NamedTuple):
    """A batch that is now ready: seconds of log time since its registration, and the latest moment (s) in it.

    The others are the ``traceparent`` of its registration and of its latest upload, as they came, None without one.
    """

    since_registration: float
    latest: float
    registration_trace: str | None = None
    upload_trace: str | None = None


def completed(batch: Batch, time: int) -> Completed:
    """What to count of a batch that became ready at log time ``time`` (ms)."""
    latest = max([upload for upload in batch.slots if upload is not None], key=attrgetter("moment"))
    registration = batch.registration
    return Completed(
        (time - batch.registered_at) / 1e3,
        latest.moment / 1e6,
        None if registration is None else registration.traceparent,
        latest.traceparent,
    )
