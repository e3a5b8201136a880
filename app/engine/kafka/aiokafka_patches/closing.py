"""A member's end: it leaves the group though it stands in a rebalance, or its coordinator is silent.

aiokafka lets a rebalance that is under way come to its end first, which waits for every other member.
"""

import asyncio
from typing import Any

from aiokafka.consumer.group_coordinator import GroupCoordinator

from app.engine.ending import ended

#: Seconds that a rebalance under way is waited for when the member leaves.
REBALANCE_PATIENCE = 1.0


def install() -> None:
    """Change it for all consumers of the process. Idempotent."""
    GroupCoordinator.close = _close


async def _close(self: Any) -> None:
    """Leave the group."""
    if self._closing.done():
        return
    self._closing.set_result(None)
    routine = self._coordination_task
    if not routine.done():
        await asyncio.wait({routine}, timeout=REBALANCE_PATIENCE)
        if not routine.done():
            await ended(routine)
    await self._stop_heartbeat_task()
    await self._stop_commit_offsets_refresh_task()
    await self._maybe_leave_group()
