"""An event loop whose time is virtual: where it would wait, the clock jumps.

Nothing waits for real, so hours of deadlines cost microseconds, and a run depends on nothing outside of it.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, TypeVarTuple

#: Where virtual time begins, in ms since the epoch: the broker's append time is counted from here.
EPOCH_MS = 1_772_438_400_000


#: Seconds: timers that are closer are one, as to asyncio on a clock of this resolution. Sums of seconds differ in bits.
RESOLUTION = 1e-9


_Ts = TypeVarTuple("_Ts")


class DeadlockError(Exception):
    """Everything waits for something else, and no timer runs: the simulated world stands still."""


class _Due(asyncio.TimerHandle):
    """What is to run, at some time or at once: asyncio's own without what it keeps for debugging."""

    __slots__ = ()

    def __init__(
        self, callback: Callable[..., Any], args: tuple[Any, ...], context: Context | None, when: float = 0.0
    ) -> None:
        self._callback = callback
        self._args = args
        self._context = copy_context() if context is None else context
        self._when = when
        self._cancelled = False

    # One is no other. asyncio compares what they run, and the heap asks where two are due at the same moment.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def cancel(self) -> None:
        """Let it not run."""
        self._cancelled = True
        self._args = ()


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time. ``owner_of_task`` is told every task that is made, in the maker's context.

    It does what asyncio's own does, in the same order, with less around it: a simulated run passes here two thousand
    times, which was a third of what it takes.
    """

    # What `asyncio.BaseEventLoop` keeps: what is to run now, and the timers as a heap.
    _ready: deque[Any]
    _scheduled: list[Any]

    #: Never: every future and task asks, and a type that is called is asked fastest.
    get_debug = bool

    def __init__(self, owner_of_task: Callable[[asyncio.Task[Any]], None]) -> None:
        super().__init__()
        self._now = 0.0
        self._owner_of_task = owner_of_task
        # What dies in the middle of its work leaves exceptions that nobody looks at: that is what dying is.
        self.set_exception_handler(lambda _loop, _context: None)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Run it next."""
        handle = _Due(callback, args, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run it in so many virtual seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run it at this virtual time."""
        handle = _Due(callback, args, context, when)
        heapq.heappush(self._scheduled, (when, handle))
        return handle

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """Make a task, and tell whose it is."""
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, **options)
        self._owner_of_task(task)
        return task

    def _run_once(self) -> None:
        """Run what is ready; where nothing is, the clock jumps to the next timer.

        In the order of asyncio's own, without its question to the kernel what has come in: nothing does.
        """
        ready, timers = self._ready, self._scheduled
        while timers and timers[0][1]._cancelled:
            heapq.heappop(timers)
        if not ready:
            if not timers:
                message = "nothing is left to run and nothing is due"
                raise DeadlockError(message)
            self._now = max(self._now, timers[0][0])
        until = self._now + RESOLUTION
        while timers and timers[0][0] < until:
            ready.append(heapq.heappop(timers)[1])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                try:
                    handle._context.run(handle._callback, *handle._args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException:  # noqa: BLE001, S110 - see the exception handler
                    pass
