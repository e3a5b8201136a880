"""Reading topics, apart from the worker's event loop: in a thread with a loop of its own.

Decoding and folding what is read takes longer than the fold may be kept waiting for.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: How many such questions are answered at a time; the others wait.
_AT_A_TIME = 4

_turn = asyncio.Semaphore(_AT_A_TIME)


async def apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a thread. It must end by itself: cancelling this does not cancel it."""
    async with _turn:
        return await asyncio.to_thread(lambda: asyncio.run(work()))
