"""Coroutines that run beside each other, and end together."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from app.engine.ending import all_ended


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Run coroutines until all are done, one fails, or this is cancelled; the others are ended then.

    Raises what failed first. asyncio's TaskGroup cancels each of its tasks once, and one that loses that
    (:func:`~app.engine.ending.ended`) would have it wait for ever: a Ctrl-C that ends nothing.
    """
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        await all_ended(tasks)
