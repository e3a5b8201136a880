"""Watches the inputs of a running worker: partitions that are added, and topics that are deleted or made again.

The client looks at partitions every five minutes and at a topic's identity never, so what a producer writes meanwhile
would wait that long, or be taken for what was read before.
"""

from collections.abc import Collection, Iterable
from typing import Protocol

from app.engine.topics.memory import Change, Event
from app.lazy_log import Logger

log = Logger(__name__)


class Inputs(Protocol):
    """What reads the inputs."""

    async def look_again(self) -> None:
        """Ask for the partitions of all topics now, and let the group know of those that are new."""

    async def read_anew(self) -> None:
        """Take all partitions over again: an input that was made anew is then read from its beginning."""


class InputWatch:
    """Has read what is new of the inputs ``topics``."""

    def __init__(self, inputs: Inputs, topics: Collection[str]) -> None:
        self._topics = topics
        self._inputs = inputs

    async def take(self, changes: Iterable[Change]) -> None:
        """What happened to topics since the last look: have read what is new. Each change is told in a line."""
        found = [change for change in changes if change.topic in self._topics]
        for change in found:
            _tell(change)
        events = {change.event for change in found}
        if events & {Event.BACK, Event.ANEW, Event.PARTITIONS}:
            await self._inputs.look_again()
        if events & {Event.BACK, Event.ANEW}:
            await self._inputs.read_anew()


def _tell(change: Change) -> None:
    before, now = change.before, change.now
    if now is None:
        log.error("an input topic was deleted: nothing of it is read until it is there again", topic=change.topic)
    elif before is None or change.event is Event.BACK:
        return
    elif change.event is Event.ANEW:
        log.error(
            "an input topic was deleted and made anew; it is read from its beginning",
            topic=change.topic,
            id_before=before.id,
            id=now.id,
        )
    else:
        log.info(
            "an input topic got partitions; they are read from now on",
            topic=change.topic,
            before=before.partitions,
            partitions=now.partitions,
        )
