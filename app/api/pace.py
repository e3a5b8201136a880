"""Long work in steps, so that the fold, which shares the event loop, isn't kept waiting."""

import asyncio
import time

#: How long a step may take, in seconds. With the longest single thing (a large batch, about 5 ms) it stays under 10 ms.
STEP = 0.004


class Pace:
    """Call :meth:`step` often; it gives way once a step has been long enough."""

    def __init__(self) -> None:
        self._until = time.perf_counter() + STEP

    @property
    def due(self) -> bool:
        """Whether it is time to give way."""
        return time.perf_counter() > self._until

    async def step(self) -> bool:
        """Give way where it is due, and say whether it was: what was looked at may have changed then."""
        if not self.due:
            return False
        await asyncio.sleep(STEP)
        self._until = time.perf_counter() + STEP
        return True
