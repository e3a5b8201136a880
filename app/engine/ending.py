"""The end of an asyncio task that has to end."""

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Seconds until a task that was cancelled is cancelled again: what it does at its end takes less.
_AGAIN = 3.0


async def ended(task: "asyncio.Task[Any] | asyncio.Future[Any]") -> None:
    """Cancel a task, and wait until it has ended; how it ended is not raised.

    A cancellation can be lost: before Python 3.12 ``asyncio.wait_for`` loses one that comes just as what it waits for
    is done, and a library may take one for its own. The task would go on for ever, and with it who waits for its end.
    So it is cancelled again.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_AGAIN)


async def all_ended(tasks: "Iterable[asyncio.Task[Any]]") -> None:
    """The same for several, at once. A bare ``gather`` behind a ``cancel`` waits for ever for one that lost it."""
    await asyncio.gather(*map(ended, tasks))
