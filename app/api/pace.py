"""Long work in steps, so that the fold, which shares the event loop, isn't kept waiting.

All requests together have one turn between them: one of them works at a time, for a step, and the loop then rests for
as long as the step took. However many ask, half of the loop's time at least is the fold's; and between any two steps
whatever else is due gets its turn, ``/health/*`` too.
"""

import asyncio
import time
from collections.abc import Awaitable
from typing import Self, TypeVar

T = TypeVar("T")

#: How long a step may take, in seconds. With the longest single thing (64 KiB of a batch, about 5 ms) it stays under
#: 10 ms.
STEP = 0.004


class Turns:
    """Whose turn it is, among the requests of a worker: in the order in which they came."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    def pace(self) -> "Pace":
        """For one request: ``async with turns.pace() as pace``."""
        return Pace(self._turn)


class Pace:
    """One request's turns. Call :meth:`step` often; it gives way once a step has been long enough."""

    def __init__(self, turn: asyncio.Lock) -> None:
        self._turn = turn
        self._held = False
        self._began = 0.0

    async def __aenter__(self) -> Self:
        await self._take()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._give()

    @property
    def due(self) -> bool:
        """Whether it is time to give way."""
        return time.perf_counter() > self._began + STEP

    async def step(self) -> bool:
        """Give way where it is due, and say whether it was: what was looked at may have changed then."""
        if not self.due:
            return False
        self._give()
        await self._take()
        return True

    async def aside(self, other: Awaitable[T]) -> T:
        """Wait for what is done elsewhere; the others have their turns meanwhile."""
        self._give()
        result = await other
        await self._take()
        return result

    async def _take(self) -> None:
        await self._turn.acquire()
        self._held = True
        self._began = time.perf_counter()

    def _give(self) -> None:
        if self._held:
            self._held = False
            # The rest: as long as the work was.
            asyncio.get_running_loop().call_later(time.perf_counter() - self._began, self._turn.release)
