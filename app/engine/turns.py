"""What blocks the loop, a piece a turn, however many want to do theirs at once.

Opening or closing a database takes about 10 ms. Of hundreds in a row, the group would miss this worker's heartbeats.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


@asynccontextmanager
async def turn() -> AsyncIterator[None]:
    """Wait until it is this one's turn; everything else gets one before the next that waits here."""
    lock = _locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    async with lock:
        yield
        await asyncio.sleep(0)
