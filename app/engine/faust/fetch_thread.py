"""How records get from the thread that the Kafka consumer lives in to the engine's."""

import asyncio
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.utils.futures import maybe_set_exception, maybe_set_result


class FetchThread(driver.AIOKafkaConsumerThread):
    """Faust's thread, which is asked for records beside its queue.

    Commits and takeovers go through the queue. It makes three tasks for each call, and when the call is done, so many
    for the next one: the engine's thread, which was just handed records, waited that long for Python's lock.
    """

    async def getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 - as overridden
        """What was fetched of the partitions, after so many seconds at the latest. Raises KafkaError."""
        fetched: asyncio.Future[Any] = self.parent_loop.create_future()
        self.thread_loop.call_soon_threadsafe(self._begin_fetch, fetched, active_partitions, timeout)
        return await fetched

    def _begin_fetch(self, fetched: asyncio.Future[Any], partitions: Any, patience: float) -> None:
        # Kept, or it might be collected before it is done.
        self._fetching = self.thread_loop.create_task(self._hand_over(fetched, partitions, patience))

    async def _hand_over(self, fetched: asyncio.Future[Any], partitions: Any, patience: float) -> None:
        if fetched.cancelled():
            return
        try:
            records = await self._fetch_records(self._ensure_consumer(), partitions, timeout=patience)
        except BaseException as error:  # noqa: BLE001 - whatever it is, whoever waits is told
            self.parent_loop.call_soon_threadsafe(maybe_set_exception, fetched, error)
        else:
            self.parent_loop.call_soon_threadsafe(maybe_set_result, fetched, records)
