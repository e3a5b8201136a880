"""What is counted of a batch that became ready: how long it took, and which traces belong to it."""

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
    """What to count of a batch that became ready at log time ``time`` (ms). Raises RuntimeError if it has no upload."""
    latest, registration = batch.latest_upload, batch.registration
    if latest is None:  # a batch is ready with the first slot that is filled, at the earliest
        message = f"batch {batch.batch_id} became ready without an upload"
        raise RuntimeError(message)
    return Completed(
        (time - batch.registered_at) / 1e3,
        latest.moment / 1e6,
        None if registration is None else registration.traceparent,
        latest.traceparent,
    )
