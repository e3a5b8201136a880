"""Acts that are under way: each is done to its end though its client hangs up, and none goes on without its worker."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from aiohttp import web

from app.engine.ending import all_ended
from app.engine.faust.http_server import SHUTDOWN_SECONDS
from app.lazy_log import Logger

log = Logger(__name__)


class UnderWay:
    """The acts of a worker that are being done."""

    def __init__(self) -> None:
        self._acts: set[asyncio.Task[web.StreamResponse]] = set()

    async def do(self, act: Coroutine[Any, Any, web.StreamResponse]) -> web.StreamResponse:
        """What the act comes to. It goes on where whoever waits here is cancelled: it must not end between two of its
        steps. If it fails then, there is nobody to be told, and the log says so.
        """
        task = asyncio.create_task(act)
        self._acts.add(task)
        task.add_done_callback(self._acts.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_tell)
            raise

    async def close(self) -> None:
        """Give those that are left as long as those had whose clients are there, then end them: what they need is
        closed next.
        """
        if self._acts:
            await asyncio.wait(self._acts, timeout=SHUTDOWN_SECONDS)
        await all_ended(self._acts)


def _tell(task: asyncio.Task[web.StreamResponse]) -> None:
    if task.cancelled():
        log.warning("an act whose client had hung up was ended with the worker: it may not have been done")
    elif (error := task.exception()) is not None:
        log.warning("an act whose client had hung up failed", error=f"{type(error).__name__}: {error}")
