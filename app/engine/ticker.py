"""Ticks: the records by which time gets into a partition of the log, where a deadline is due or something waits."""

import time
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition

from app.engine.clock import BrokerClock
from app.engine.ports import Processor, Topology
from app.engine.publish import append_time


class Ticker:
    """Writes the ticks of one partition of the log, at most one in ``seconds`` unless the processor is behind."""

    def __init__(
        self,
        log: TopicPartition,
        seconds: float,
        topology: Topology[Any],
        shared: AIOKafkaProducer,
        clock: BrokerClock,
    ) -> None:
        self._log = log
        self._seconds = seconds
        self._topology = topology
        self._shared = shared
        self._clock = clock
        self._next = 0.0
        self._last = -1

    async def tick_if_due(self, processor: Processor[Any], acknowledged: int | None) -> None:
        """Write a tick when a deadline is due there by the broker's clock, as far as it is known.

        Late, repeated or stray ticks are harmless: what fires is decided by the append time that the broker gives the
        tick, when it is read back. So one is written too where nothing is known of that clock yet and something waits:
        its acknowledgement tells the time. While one is still to be read, there is no other. ``acknowledged`` is the
        next offset of the log, None before the first. Raises KafkaError.
        """
        now = time.monotonic()
        if now < self._next and not processor.behind:
            return
        self._next = now + self._seconds
        if self._last >= (acknowledged or 0):
            return
        deadline = processor.next_deadline()
        if self._clock.known:
            if deadline is None or deadline > self._clock.now():
                return
        elif deadline is None and not processor.waits:
            return
        says = [*self._topology.tick, *(processor.tick(self._clock.now()) if self._clock.known else [])]
        sent = await self._shared.send_and_wait(
            self._log.topic, b"", key=None, partition=self._log.partition, headers=says
        )
        self._last = sent.offset
        self._clock.acknowledged(append_time(sent))
