"""What topics were when they were last looked at, and what has happened to each since.

A topic is known by its id (KIP-516), where there are ids; without one, by its partitions, which are never taken away.
One memory serves all who watch topics: whether a topic was deleted and made again is said once.
"""

from collections.abc import Collection
from enum import Enum
from typing import Final, NamedTuple

from app.engine.kafka.cluster import Cluster

#: Looks in a row that a topic must be missing: one that has just been made, or is being moved, may be missing from one
#: broker's answer, and a broker that has just started may not know it yet.
SURE: Final = 2


class Seen(NamedTuple):
    """A topic as it was seen."""

    id: str | None
    partitions: int


class Event(Enum):
    """What may happen to a topic. BACK: it was deleted, and is there again."""

    DELETED = "deleted"
    BACK = "there again"
    ANEW = "deleted and made anew"
    PARTITIONS = "given partitions"


class Change(NamedTuple):
    """What happened to a topic, and how it was and is. ``before`` is None where it was never seen."""

    topic: str
    event: Event
    before: Seen | None
    now: Seen | None

    @property
    def other_id(self) -> bool:
        """Whether another topic has the name now."""
        before, now = self.before, self.now
        return before is not None and now is not None and None not in {before.id, now.id} and before.id != now.id


class Memory:
    """The topics ``names``, from one look to the next."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._seen: dict[str, Seen] = {}
        self._missing: dict[str, int] = {}

    def look(self, cluster: Cluster) -> list[Change]:
        """What has happened since the last look. A topic that is missing for a moment is passed over."""
        found = []
        for name in self._names:
            topic, before = cluster.topics.get(name), self._seen.get(name)
            if topic is None:
                looks = self._missing[name] = self._missing.get(name, 0) + 1
                if looks == SURE:
                    found.append(Change(name, Event.DELETED, before, None))
                continue
            now = self._seen[name] = Seen(topic.id or (before.id if before else None), topic.partitions)
            if self._missing.pop(name, 0) >= SURE:
                found.append(Change(name, Event.BACK, before, now))
            if before is not None:
                change = Change(name, Event.ANEW, before, now)
                if change.other_id or now.partitions < before.partitions:
                    found.append(change)
                elif now.partitions > before.partitions:
                    found.append(change._replace(event=Event.PARTITIONS))
        return found
