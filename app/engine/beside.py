"""Native work of whole chunks, beside the event loop.

It holds Python's lock for little of its time, so another thread does it while the loop folds what other partitions have
brought. Where there is a second core, that part of an event costs the loop nothing.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

#: So many records are worth the way to the other thread and back: 0.1 ms, for 0.5 to 1 us of a record. The few of a
#: trickle are not kept waiting by it.
MANY: Final = 500

#: One: there are no more cores to be had than the loop's, the consumer's, and this one's.
_thread: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="native")


async def beside(records: int, work: Callable[..., T], *args: object) -> T:
    """What ``work`` returns, or raises, for a chunk of so many records; a small one is done at once.

    Where the caller is cancelled meanwhile, the work ends by itself: nobody may go on with what it writes into.
    """
    if records < MANY:
        return work(*args)
    return await asyncio.get_running_loop().run_in_executor(_thread, work, *args)
