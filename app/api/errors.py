"""What the API refuses, and what it can not answer now."""

from collections.abc import Collection
from typing import NoReturn

from app.engine.http.errors import HttpError


class ApiError(HttpError):
    """An error of the API."""


def refuse(message: str) -> NoReturn:
    """Something about the question is wrong: raises ApiError 400."""
    raise ApiError(400, "bad_request", message) from None


def unavailable(partitions: Collection[int], why: str) -> ApiError:
    """The error for partitions for which no worker can answer now."""
    named = ", ".join(map(str, sorted(partitions)))
    noun = "partition" if len(partitions) == 1 else "partitions"
    return ApiError(503, "partition_unavailable", f"nobody answers for log {noun} {named}: {why}")


def unknown_batch(batch_id: str) -> ApiError:
    """The owner of its partition has nothing of this batch."""
    message = (
        f"nothing of batch {batch_id} has been read: neither a registration nor an upload. "
        f"GET /api/batches/.../explain says whether its partition lags, and which dead letters name it"
    )
    return ApiError(404, "unknown_batch", message)
