"""Partitions that stall because the broker serves nothing of them, though it has more: reported, by name.

The client asks again and again, and says in a line of its own, without the partition, what the broker answers. Two
kinds of stalls are reported here:

* The broker answers each fetch of the partition with an error: a segment that is damaged on its disk, a log directory
  that has failed, no leader.
* A producer's transaction was never ended: of what lies behind its beginning no read-committed consumer gets
  anything, however long he waits.

Both can be put right while the worker runs, which then continues by itself; it is not stopped, since its other
partitions are served. Meanwhile the partition has a lag and commits nothing, which the alert RollcallCommitStalled is
about.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.protocol.fetch import FetchResponse_v1

from app.engine.kafka import broker_errors
from app.lazy_log import Logger

log = Logger(__name__)

#: Seconds of nothing but errors until a partition is reported: several times what the choice of another leader takes.
ERRORS_SECONDS: Final = 15.0

#: Seconds that a transaction may hold up a partition until it is reported: Kafka's producers end theirs within a
#: minute, or the broker does (transaction.timeout.ms).
OPEN_SECONDS: Final = 75.0

#: Seconds until it is reported again.
AGAIN_SECONDS: Final = 60.0

_DAMAGED: Final = (
    "see the broker's log for the partition: restore it from a sound replica, or give up what can't be read "
    "(kafka-delete-records.sh)"
)
_OPEN: Final = "find it with kafka-transactions.sh find-hanging, and end it with kafka-transactions.sh abort"


class FetchErrors(dict[TopicPartition, int]):
    """The error code of each partition's last answer to a fetch, where it was an error."""

    def listen(self, client: Any) -> None:
        """Note what a client is answered from now on."""
        send: Callable[..., Awaitable[Any]] = client.send

        async def noting(*args: Any, **kwargs: Any) -> Any:
            answer = await send(*args, **kwargs)
            if getattr(answer, "API_KEY", None) == FetchResponse_v1.API_KEY:
                self.note(answer)
            return answer

        client.send = noting

    def note(self, answer: Any) -> None:
        """Note an answer to a fetch."""
        for topic, partitions in answer.topics:
            for number, code, *_ in partitions:
                if code:
                    self[TopicPartition(topic, number)] = code
                elif self:
                    self.pop(TopicPartition(topic, number), None)


class Stalls:
    """Which partitions stand still, from one look to the next."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: The position of each, why, since when, and when it was last reported.
        self._still: dict[TopicPartition, tuple[int, str, float, float | None]] = {}

    def look(self, consumer: Any, errors: FetchErrors) -> None:
        """Look at all partitions of a consumer; tell those that stand still for long."""
        now = self._clock()
        found = {partition: (position, cause) for partition, position, cause in _standing(consumer, dict(errors))}
        for partition in self._still.keys() - found.keys():
            if self._still.pop(partition)[3] is not None:
                log.info(
                    "a partition that stood still is read again",
                    topic=partition.topic,
                    partition=partition.partition,
                )
        for partition, (position, cause) in found.items():
            known = self._still.get(partition)
            if known is None or known[:2] != (position, cause):
                self._still[partition] = position, cause, now, None if known is None else known[3]
                continue
            _, _, since, reported = known
            if now - since < (ERRORS_SECONDS if cause else OPEN_SECONDS):
                continue
            if reported is None or now - reported >= AGAIN_SECONDS:
                self._still[partition] = position, cause, since, now
                _tell(partition, position, cause, now - since)


def _standing(consumer: Any, errors: dict[TopicPartition, int]) -> Iterator[tuple[TopicPartition, int, str]]:
    """The partitions of which the broker gives out nothing at the moment: position, and the error if there is one."""
    subscription = consumer._subscription.subscription  # noqa: SLF001 - only read; aiokafka gives it out one at a time
    assignment = None if subscription is None else subscription.assignment
    if assignment is None:
        return
    for partition in assignment.tps:
        state = assignment.state_value(partition)
        if state is None or not state.has_valid_position:
            continue
        code = errors.get(partition)
        if code is not None:
            yield partition, state.position, broker_errors.named(code)
        elif None not in {state.lso, state.highwater} and state.lso <= state.position < state.highwater:
            yield partition, state.position, ""


def _tell(partition: TopicPartition, position: int, cause: str, seconds: float) -> None:
    log.error(
        "a partition stands still: the broker has more and gives out nothing",
        topic=partition.topic,
        partition=partition.partition,
        offset=position,
        cause=cause or "a producer's transaction that begins there has not ended",
        seconds=round(seconds),
        remedy=_DAMAGED if cause else _OPEN,
    )
