"""The recovery: the engine's fencing and restore in the place of Faust's own."""

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError
from faust.tables.manager import TableManager as FaustTableManager
from faust.tables.recovery import RebalanceAgain
from faust.tables.recovery import Recovery as FaustRecovery
from faust.types import TP
from mode import Service

from app.engine.record_queue import RecordQueue

if TYPE_CHECKING:
    from mode.utils.locks import Event

    from app.engine.faust.app import App
    from app.engine.faust.consumer import Consumer


class Recovery(FaustRecovery):
    """Faust's recovery service, with the engine's fencing and restore where its own restore was."""

    logger = logging.getLogger("faust.rollcall")
    #: What was taken over and is not fetched yet, each with its queue.
    _unread: Mapping[TopicPartition, RecordQueue] = MappingProxyType({})

    def on_partitions_revoked(self, revoked: set[TP]) -> None:  # noqa: ARG002 - Faust's signature
        """Take nothing over until it is said what is assigned now."""
        cast("Event", self.signal_recovery_start).clear()

    @Service.task
    async def _restart_recovery(self) -> None:
        app = cast("App", self.app)
        while not self.should_stop:
            if await self.wait_for_stopped(cast("Event", self.signal_recovery_start)):
                break
            self.signal_recovery_start.clear()
            assigned = {TopicPartition(tp.topic, tp.partition) for tp in app.consumer.assignment()}
            try:
                taken = await app.engine.acquire(assigned)
                if taken is None:
                    continue  # let go again meanwhile: what is assigned by now comes with a signal of its own
                held = app.engine.held()
                self._unread = {**self._unread, **{place: held[place] for place in taken if place in held}}
                await self._begin_unread()
            except (RebalanceAgain, IllegalStateError):
                continue  # what is not read yet is begun with what comes now
            except Exception as error:  # noqa: BLE001 - whatever it is, going on with half a state is worse
                if self.should_stop or self.signal_recovery_start.is_set():
                    continue
                app.fail(error)
                break
            app.engine.ready = not self.signal_recovery_start.is_set()

    async def _begin_unread(self) -> None:
        """Have fetched what was taken over, as far as it is still held; then all goes on.

        Raises RebalanceAgain, or IllegalStateError, where there was another rebalance.
        """
        app = cast("App", self.app)
        consumer = cast("Consumer", app.consumer)
        held = app.engine.held()
        self._unread = {place: queue for place, queue in self._unread.items() if held.get(place) is queue}
        begun = self._unread
        if begun:
            await self._wait(consumer.begin(begun), timeout=app.conf.broker_request_timeout)
            now = app.engine.held()
            if any(now.get(place) is not queue for place, queue in begun.items()):
                raise RebalanceAgain
            self._unread = {}
        self._set_recovery_ended()
        self.completed.set()
        app.flow_control.resume()
        consumer.resume_flow()
        await app._fetcher.maybe_start()  # noqa: SLF001 - as the method that this stands for does
        self.tables.on_actives_ready()
        self.tables.on_standbys_ready()
        app.on_rebalance_end()

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
