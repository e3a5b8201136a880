"""All HTTP connections of a worker: how many there may be, and which one goes where there are too many."""

import time

from aiohttp import web

from app.engine.faust.connection import Connection, Limits
from app.lazy_log import Logger

log = Logger(__name__)

#: Between two looks at all connections, and between two lines of the log about what could not be read, in seconds.
_SWEEP_SECONDS = 1.0
_QUIET_SECONDS = 10.0

#: So many clients that were refused have time to read why, beside those that are answered: 512 and 64 are little more
#: than half of the 1,024 files that a process may have open by default.
_LINGERING = 64


class Connections(web.Server):
    """All connections of the web server."""

    def __init__(self, server: web.Server, limits: Limits) -> None:
        super().__init__(
            server.request_handler,
            request_factory=server.request_factory,
            handler_cancellation=True,
            **server._kwargs,  # noqa: SLF001 - the runner's options, which it shows to nobody else
        )
        self.limits = limits
        self._unreadable = 0
        self._told_at = float("-inf")
        self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    def __call__(self) -> Connection:
        """A new connection."""
        return Connection(self, loop=self._loop, **self._kwargs)

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as aiohttp has it
        """End all connections; handlers get ``timeout`` seconds."""
        self._sweeper.cancel()
        await super().shutdown(timeout)

    def make_room(self, new: Connection) -> bool:
        """Close what has been idle for longest where there are too many; False where all others are being answered."""
        if len(self._connections) <= self.limits.connections:
            return True
        connected = [found for found in self.connections if isinstance(found, Connection) and found.transport]
        refused = [connection for connection in connected if connection.refused_at is not None]
        if len(refused) >= _LINGERING:
            min(refused, key=lambda connection: connection.refused_at or 0.0).force_close()
        served = [connection for connection in connected if connection.refused_at is None]
        if len(served) <= self.limits.connections:
            return True
        idle = [connection for connection in served if connection.idle and connection is not new]
        if not idle:
            return False
        min(idle, key=lambda connection: connection.idle_until).force_close()
        return True

    def note_unreadable(self, error: BaseException | None) -> None:
        """Say that a request could not be read, once in ten seconds; of the request, nothing."""
        self._unreadable += 1
        now = time.monotonic()
        if now - self._told_at > _QUIET_SECONDS:
            log.warning("requests could not be read as HTTP", requests=self._unreadable, last=type(error).__name__)
            self._unreadable, self._told_at = 0, now

    def _sweep(self) -> None:
        now = time.monotonic()
        for connection in self.connections:
            if isinstance(connection, Connection):
                connection.check(now)
        interval = min(_SWEEP_SECONDS, *(seconds / 2 for seconds in self.limits[1:]))
        self._sweeper = self._loop.call_later(interval, self._sweep)
