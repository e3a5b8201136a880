"""Work apart from the worker's event loop, in threads.

Two kinds: topics are read with an event loop of their own (decoding what is read takes longer than the fold may be kept
waiting for), and a large batch is put together by a thread that does nothing else. A thread and the loop share the
interpreter, so there are few of them: each may hold the loop up for 5 ms at a time.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

_readers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="read-topics")
_worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large-batches")


async def apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a thread, with a loop of its own. Whoever waits for it no longer cancels it there too."""
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
