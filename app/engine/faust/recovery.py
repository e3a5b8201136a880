"""The recovery: the engine's fencing and restore in the place of Faust's own."""

import logging
from typing import TYPE_CHECKING, cast

from aiokafka import TopicPartition
from faust.tables.manager import TableManager as FaustTableManager
from faust.tables.recovery import Recovery as FaustRecovery
from mode import Service

if TYPE_CHECKING:
    from mode.utils.locks import Event

    from app.engine.faust.app import App


class Recovery(FaustRecovery):
    """Faust's recovery service, with the engine's fencing and restore where its own restore was."""

    logger = logging.getLogger("faust.rollcall")

    @Service.task
    async def _restart_recovery(self) -> None:
        app = cast("App", self.app)
        while not self.should_stop:
            if await self.wait_for_stopped(cast("Event", self.signal_recovery_start)):
                break
            self.signal_recovery_start.clear()
            generation = self._generation_id
            assigned = {TopicPartition(tp.topic, tp.partition) for tp in app.consumer.assignment()}
            try:
                if not await app.engine.acquire(assigned):
                    continue
                await self.on_recovery_completed(generation)
            except Exception as error:  # noqa: BLE001 - whatever it is, going on with half a state is worse
                if self.should_stop or self.signal_recovery_start.is_set():
                    continue
                app.fail(error)
                break
            app.engine.ready = self.app.consumer_generation_id == generation

    @Service.task
    async def _slurp_changelogs(self) -> None:
        """Stilled: changelogs are read by the engine's restore."""


class TableManager(FaustTableManager):
    """Faust's table manager, with this recovery. It holds no Faust table: the engine's tables are its own."""

    logger = logging.getLogger("faust.rollcall")

    @property
    def recovery(self) -> Recovery:
        """The recovery service."""
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return cast("Recovery", self._recovery)

    async def on_start(self) -> None:
        """Start at once: there are no table registrations to wait for."""
        await self._update_channels()
        await self.recovery.start()
