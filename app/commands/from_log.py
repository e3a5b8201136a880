"""A batch as the log says it is, where no worker is asked."""

import time
from typing import Any

from app.api.present import views
from app.commands import render
from app.commands.base import UNKNOWN_BATCH, CommandError, settings
from app.history.tell.at import state_at
from app.policy import policy_of


async def state_of(batch_id: str, *, offset: int | None = None, at: int | None = None) -> dict[str, Any]:
    """A batch's state, folded again from the log, as the API gives it. Raises CommandError where it is not known."""
    chosen = settings()
    with render.progress() as phases:
        then = await state_at(chosen, batch_id, offset=offset, time=at, progress=phases("reading the log"))
    if then.batch.last < 0:
        raise unknown(batch_id)
    now = then.time if at is None and offset is not None else at
    found = views.whole(
        then.batch,
        then.partition,
        # This machine's clock may be behind the broker's, by which the log was written.
        max(then.time or 0, int(time.time() * 1000)) if now is None else now,
        stuck_after=round(chosen.stuck_after_seconds * 1000),
        policy=policy_of(chosen),
        owner=None,
    )
    return found.model_dump(mode="json") | {"note": None if then.beginning is None else str(then.beginning)}


def unknown(batch_id: str) -> CommandError:
    """Nothing of the batch is in the log."""
    message = f"nothing of batch {batch_id} is in the log so far: neither a registration nor an upload"
    return CommandError(UNKNOWN_BATCH, "unknown_batch", message)
