"""Long work beside the fold, which shares the worker's event loop: in steps of the loop, or in threads.

In steps: all requests together have one turn between them: one of them works at a time, for a step, and the loop then
rests for as long as the step took. However many ask, half of the loop's time at least is the fold's; and between any
two steps whatever else is due gets its turn, ``/health/*`` too.

In threads: topics are read with an event loop of their own (decoding what is read takes longer than the fold may be
kept waiting for), and a large batch is put together by a thread that does nothing else. A thread and the loop share
the interpreter, so there are few of them: each may hold the loop up for 5 ms at a time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar

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


_readers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="read-topics")
_worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large-batches")


async def run_in_thread(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a thread, with a loop of its own. Where the caller is cancelled, it is cancelled too."""
    run = _Run(work)
    try:
        return await asyncio.get_running_loop().run_in_executor(_readers, run)
    except asyncio.CancelledError:
        run.cancel()
        raise


async def offload(work: Callable[[], T]) -> T:
    """Run a function in the thread for what is large. It touches nothing that the loop changes, nor a store."""
    return await asyncio.get_running_loop().run_in_executor(_worker, work)


class _Run:
    """A coroutine in a thread, which can be cancelled from another one."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self._work = work
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._cancelled = False

    def __call__(self) -> Any:
        return asyncio.run(self._main())

    def cancel(self) -> None:
        """End it soon; also before it has begun."""
        self._cancelled = True
        loop, task = self._loop, self._task
        if loop is not None and task is not None:
            try:
                loop.call_soon_threadsafe(task.cancel)
            except RuntimeError:
                return  # it has ended meanwhile, and its loop is closed

    async def _main(self) -> Any:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._cancelled:
            raise asyncio.CancelledError
        return await self._work()
