"""An event loop whose time is virtual: where it would wait, the clock jumps.

Nothing waits for real, so hours of deadlines cost microseconds, and a run depends on nothing outside of it.
"""

import asyncio
import heapq
from collections.abc import Callable
from typing import Any

#: Where virtual time begins, in ms since the epoch: the broker's append time is counted from here.
EPOCH_MS = 1_772_438_400_000


#: Seconds: timers that are closer are one, as to asyncio on a clock of this resolution. Sums of seconds differ in bits.
RESOLUTION = 1e-9


class DeadlockError(Exception):
    """Everything waits for something else, and no timer runs: the simulated world stands still."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time. ``owner_of_task`` is told every task that is made, in the maker's context."""

    # What `asyncio.BaseEventLoop` keeps: what is to run now, and the timers as a heap.
    _ready: Any
    _scheduled: Any

    def __init__(self, owner_of_task: Callable[[asyncio.Task[Any]], None]) -> None:
        super().__init__()
        self._now = 0.0
        self._owner_of_task = owner_of_task
        self.set_task_factory(self._make)
        # What dies in the middle of its work leaves exceptions that nobody looks at: that is what dying is.
        self.set_exception_handler(lambda _loop, _context: None)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def _run_once(self) -> None:
        """Run what is ready; where nothing is, the clock jumps to the next timer.

        In the order of asyncio's own, without its question to the kernel what has come in: nothing does. A simulated
        run goes through here two thousand times.
        """
        ready, timers = self._ready, self._scheduled
        while timers and timers[0]._cancelled:
            self._due(timers)
        if not ready:
            if not timers:
                message = "nothing is left to run and nothing is due"
                raise DeadlockError(message)
            self._now = max(self._now, timers[0]._when)
        until = self._now + RESOLUTION
        while timers and timers[0]._when < until:
            ready.append(self._due(timers))
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    @staticmethod
    def _due(timers: list[Any]) -> Any:
        handle = heapq.heappop(timers)
        handle._scheduled = False
        return handle

    def _make(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **options)
        self._owner_of_task(task)
        return task
