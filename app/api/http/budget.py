"""How many requests are answered at a time, and how many may wait: beyond that, 503 and ``Retry-After``.

=========  ========================================================  =======  ====
lane       requests                                                  at once  wait
=========  ========================================================  =======  ====
(none)     ``/health/*``: answered always, first; ``/api/events``,
           whose listeners are counted by :mod:`app.api.http.stream`
metrics    ``/metrics``                                              1        8
workers    ``/api/local/...``: what other workers ask                8        64
acts       POST                                                      8        32
topics     what reads topics: dead letters, timelines, explanations  4        32
batches    a batch, whole                                            4        32
state      everything else                                           8        64
=========  ========================================================  =======  ====

A question that asks other workers waits for their lane ``workers``, in which nobody asks anybody: two workers can't
wait for each other. What a request holds here it gives back when its client hangs up: the connection cancels it
(:mod:`app.engine.faust.connection`). An act is not cancelled half-way; it keeps its place until it is done.
"""

import asyncio
from typing import Self

from aiohttp import web

from app.api.errors import ApiError

#: What a client that is sent away should wait, in seconds.
RETRY_AFTER = 1


class Lane:
    """``at_once`` requests at a time, first come first served; ``running`` and ``waiting`` count the present ones."""

    def __init__(self, name: str, at_once: int, most_waiting: int) -> None:
        self.name = name
        self.running = 0
        self.waiting = 0
        self._turn = asyncio.Semaphore(at_once)
        self._most_waiting = most_waiting

    async def __aenter__(self) -> Self:
        """Wait for a place. Raises ApiError 503 where too many wait already."""
        if self._turn.locked() and self.waiting >= self._most_waiting:
            message = f"{self.running} such requests are being answered and {self.waiting} wait; ask again in a moment"
            raise ApiError(503, "busy", message, headers={"Retry-After": str(RETRY_AFTER)})
        self.waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self.running -= 1
        self._turn.release()


class Budget:
    """All lanes of a worker."""

    def __init__(self) -> None:
        self.metrics = Lane("metrics", 1, 8)
        self.workers = Lane("workers", 8, 64)
        self.acts = Lane("acts", 8, 32)
        self.topics = Lane("topics", 4, 32)
        self.batches = Lane("batches", 4, 32)
        self.state = Lane("state", 8, 64)

    def lane(self, request: web.Request) -> Lane | None:
        """The lane of a request; None for what never waits."""
        path = request.path
        if path.startswith("/health/") or path == "/api/events":
            return None
        if path == "/metrics":
            return self.metrics
        if path.startswith("/api/local/"):
            return self.workers
        if request.method not in {"GET", "HEAD"}:
            return self.acts
        if path.startswith("/api/dead-letters") or path.endswith(("/timeline", "/explain")):
            return self.topics
        if path.startswith("/api/batches/") or path == "/api/batch":
            return self.batches
        return self.state
