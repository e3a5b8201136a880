"""An event loop whose time is virtual: where it would wait, the clock jumps.

Nothing waits for real, so hours of deadlines cost microseconds, and a run depends on nothing outside of it.
"""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

#: Where virtual time begins, in ms since the epoch: the broker's append time is counted from here.
EPOCH_MS = 1_772_438_400_000


class DeadlockError(Exception):
    """Everything waits for something else, and no timer runs: the simulated world stands still."""


class _JumpingSelector(selectors.SelectSelector):
    """Where a loop would sleep until its next timer, this one moves the clock there."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            message = "nothing is left to run and nothing is due"
            raise DeadlockError(message)
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time. ``owner_of_task`` is told every task that is made, in the maker's context."""

    def __init__(self, owner_of_task: Callable[[asyncio.Task[Any]], None]) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._owner_of_task = owner_of_task
        self.set_task_factory(self._make)
        # What dies in the middle of its work leaves exceptions that nobody looks at: that is what dying is.
        self.set_exception_handler(lambda _loop, _context: None)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now

    def _make(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **options)
        self._owner_of_task(task)
        return task
