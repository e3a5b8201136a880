"""Watches the inputs of a running worker: partitions that are added, and topics that are deleted or made again.

The client looks at partitions every five minutes and at a topic's identity never, so what a producer writes meanwhile
would wait that long, or be taken for what was read before. A topic is known by its id (KIP-516), where there are ids.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from typing import Final, NamedTuple, Protocol

import structlog

from app.engine.kafka.cluster import Cluster

log = structlog.get_logger(__name__)

#: Looks in a row that an input must be missing: a broker that has just started may not know it yet.
_SURE: Final = 2


class Seen(NamedTuple):
    """A topic as it was seen."""

    id: str | None
    partitions: int


class Event(Enum):
    """What may happen to a topic."""

    DELETED = "deleted"
    ANEW = "deleted and made anew"
    PARTITIONS = "given partitions"


class Change(NamedTuple):
    """What happened to a topic, and how it was and is."""

    topic: str
    event: Event
    before: Seen
    now: Seen | None


def changes(before: Mapping[str, Seen], now: Mapping[str, Seen | None]) -> list[Change]:
    """What happened between two looks. A topic that was not seen before, or is not reported now, is passed over."""
    found = []
    for topic, old in before.items():
        if topic not in now:
            continue
        new = now[topic]
        if new is None:
            found.append(Change(topic, Event.DELETED, old, None))
        elif (old.id and new.id and old.id != new.id) or new.partitions < old.partitions:
            found.append(Change(topic, Event.ANEW, old, new))
        elif new.partitions > old.partitions:
            found.append(Change(topic, Event.PARTITIONS, old, new))
    return found


class Inputs(Protocol):
    """What reads the inputs."""

    async def look_again(self) -> None:
        """Ask for the partitions of all topics now, and let the group know of those that are new."""

    async def read_anew(self) -> None:
        """Take all partitions over again: an input that was created again is then read from its beginning."""


class InputWatch:
    """What is known of the inputs from one look to the next."""

    def __init__(self, inputs: Inputs, topics: Collection[str]) -> None:
        self._topics = topics
        self._inputs = inputs
        self._seen: dict[str, Seen] = {}
        self._missing: dict[str, int] = {}

    async def look(self, cluster: Cluster) -> None:
        """Compare the inputs with what they were; have what is new read. Each change is logged in a line."""
        now: dict[str, Seen | None] = {}
        for topic in self._topics:
            found = cluster.topics.get(topic)
            now[topic] = None if found is None else Seen(found.id, found.partitions)
        found_changes = changes(self._seen, now)
        back = [topic for topic, looks in self._missing.items() if looks >= _SURE and now[topic] is not None]
        self._tell(found_changes)
        self._missing = {topic: self._missing.get(topic, 0) + 1 for topic, seen in now.items() if seen is None}
        self._seen |= {topic: seen for topic, seen in now.items() if seen is not None}
        events = {change.event for change in found_changes}
        if back or Event.ANEW in events or Event.PARTITIONS in events:
            await self._inputs.look_again()
        if back or Event.ANEW in events:
            await self._inputs.read_anew()

    def _tell(self, found: Iterable[Change]) -> None:
        for change in found:
            if change.event is Event.DELETED or change.now is None:
                if self._missing.get(change.topic, 0) == _SURE - 1:
                    log.error(
                        "an input topic was deleted: nothing of it is read until it is there again", topic=change.topic
                    )
            elif change.event is Event.ANEW:
                log.error(
                    "an input topic was deleted and made anew; it is read from its beginning",
                    topic=change.topic,
                    id_before=change.before.id,
                    id=change.now.id,
                )
            else:
                log.info(
                    "an input topic got partitions; they are read from now on",
                    topic=change.topic,
                    before=change.before.partitions,
                    partitions=change.now.partitions,
                )
