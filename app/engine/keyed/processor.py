"""The loop over a chunk in a keyed join, and the topology of such a job."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from app.engine.keyed.changes import KeyedChanges
from app.engine.keyed.inputs import TICK, Input, KeyRouter, read_input
from app.engine.ports import Headers, Place, Record, Store, TopicNames, Topology
from app.engine.topics.ensure import log_topic
from app.settings import Settings


class KeyedPartition(NamedTuple):
    """A partition of the log, its rows, and the topics of the job."""

    log: str
    number: int
    store: Store
    topics: TopicNames


class KeyedProcessor(ABC):
    """A Processor that a job completes with what an input and a tick bring about.

    Both may be done again after a crash, with a beginning of their rows already written, and by a worker that was
    paused while another one did them. So what they bring about must follow from the log and from facts that are never
    changed (:meth:`~app.engine.keyed.changes.KeyedChanges.keep`), and from nothing else.
    """

    def __init__(self, partition: KeyedPartition) -> None:
        self.store = partition.store
        self._partition = partition

    @abstractmethod
    def on_input(self, given: Input, changes: KeyedChanges) -> None:
        """Take an input, each once. What can't be used is refused; what this raises stops the worker."""

    def on_tick(self, now: int, changes: KeyedChanges) -> None:  # noqa: B027 - a job without deadlines has none
        """Do what is due at log time ``now`` (ms). All that was decided before is in the store."""

    def next_deadline(self) -> int | None:
        """The log time (ms) at which the next tick is due, or None."""
        return None

    @property
    def waits(self) -> bool:
        """Whether something is waiting for a deadline."""
        return self.next_deadline() is not None

    def process(self, records: Sequence[Record]) -> Iterator[KeyedChanges]:
        """Process records, in order. What is no input and no tick is a dead letter: the log is the engine's alone."""
        changes = self._begin(records[0].offset)
        for record in records:
            given = read_input(record, self._partition.topics.inputs)
            if given is not None:
                if not changes.repeats(given):
                    self.on_input(given, changes)
            elif TICK in dict(record.headers):
                if changes.rows:
                    yield changes.finish()
                    changes = self._begin(record.offset)
                self.on_tick(record.timestamp, changes)
            else:
                place = Place(self._partition.log, self._partition.number, record.offset)
                changes.bury(place, record.key, record.value, "foreign")
            changes.records, changes.end = changes.records + 1, record.offset + 1
        yield changes.finish()

    def written(self, changes: KeyedChanges, offset: int) -> None:
        """Write the rows of changes that are durable."""
        self.store.write(changes.rows, offset)

    def resize(self, capacity: int) -> None:  # noqa: B027 - a job without a cache has none to resize
        """Nothing: there is no cache."""

    @property
    def behind(self) -> bool:
        """A tick does all that is due."""
        return False

    def tick(self, now: int) -> Headers:  # noqa: ARG002 - what is due is found out when the tick is read
        """A tick says nothing."""
        return []

    def background(self) -> Iterator[None]:
        """Nothing to do beside."""
        return iter(())

    def _begin(self, offset: int) -> KeyedChanges:
        return KeyedChanges(self.store, self._partition.topics.dead_letters, offset)


P = TypeVar("P", bound=KeyedProcessor)


def keyed_topology(settings: Settings, topics: TopicNames, make: Callable[[KeyedPartition], P]) -> Topology[P]:
    """A job, as the engine is handed it: its topics, and what makes the processor of a partition."""
    log = log_topic(settings)

    def processor(number: int, store: Store, _capacity: int, _now: Callable[[], datetime]) -> P:
        return make(KeyedPartition(log, number, store, topics))

    return Topology(topics, KeyRouter(topics.inputs, settings.partitions), processor, tick=[(TICK, b"")])
