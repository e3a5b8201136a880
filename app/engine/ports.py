"""The ports: what the engine is handed by an application, and what it asks of it. The engine knows no essay.

An application names its parts in a :class:`Topology`; ``app/topology.py`` is ours. The protocols are structural: the
parts need not import the engine. Its methods are called on the worker's event loop, once a chunk, a poll or a commit,
never once a record, so that no record pays for them. Unless a contract below says otherwise, whatever they raise stops
the worker, before anything of the chunk is published or committed.

==============  ======================================================================================================
port            what the engine asks of it
==============  ======================================================================================================
``Router``      which partition and key of the log an input belongs to
``Processor``   what a chunk of one partition of the log brings about, and when the next deadline is
``Changes``     what to publish and to write for it
``Bulk``        the same, natively, whole chunks at a time; it is optional (:mod:`app.engine.bulk`)
``Store``       is the engine's own: the rows of a partition, as tables read them
``Observer``    counts what was done; the engine has one of its own (:mod:`app.engine.metrics.counted`)
==============  ======================================================================================================
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from app.engine.bulk import Bulk

Headers = list[tuple[str, bytes | None]]

#: A record to publish: topic, key, value, headers. One without a key goes to the partition of the log's number.
Output = tuple[str, bytes | None, bytes | None, Headers]

#: A record for the log: its partition, key, value and headers.
Routed = tuple[int, bytes | None, bytes | None, Headers]


class Record(Protocol):
    """A record as it was fetched. In the log its time is the broker's append time."""

    @property
    def offset(self) -> int:
        """Its offset."""

    @property
    def timestamp(self) -> int:
        """Its time, in ms."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """Its value."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Its headers."""


class PlacedRecord(Record, Protocol):
    """A record that says where it stands: one that was read for history."""

    @property
    def topic(self) -> str:
        """Its topic."""

    @property
    def partition(self) -> int:
        """Its partition."""


class Place(NamedTuple):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


class Store(Protocol):
    """The rows of one partition, sorted by key: those with ``o`` or NUL at first are the engine's, which opens it."""

    @property
    def offset(self) -> int:
        """The next changelog offset: all before it is in the rows."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a row, or None."""

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """The rows whose key starts with ``prefix``, in key order, from ``start`` on where it is given."""

    def values(self, prefix: bytes) -> list[bytes]:
        """The values of :meth:`scan`, all at once."""

    def keys(self, prefix: bytes) -> list[bytes]:
        """The keys of :meth:`scan`, all at once."""

    def keys_of(self, prefixes: Sequence[bytes]) -> Iterator[list[bytes]]:
        """:meth:`keys` for each of several prefixes that begin with the same byte. Nothing is written meanwhile."""

    def write(self, rows: Mapping[bytes, bytes | None] | Iterable[tuple[bytes, bytes | None]], offset: int) -> None:
        """Write rows (None deletes) and the changelog offset that they stand at, all or nothing."""


class Changes(Protocol):
    """What some records of the log bring about.

    ``outputs`` are in the order in which they are to be published; ``rows`` go to the changelog, then to the store
    (None deletes), in their order; the engine adds one of its own as the last (:mod:`app.engine.state.folded`).
    """

    @property
    def outputs(self) -> Sequence[Output]:
        """What to publish."""

    @property
    def rows(self) -> MutableMapping[bytes, bytes | None]:
        """What to write."""

    @property
    def records(self) -> int:
        """How many records of the chunk are done with these changes."""

    @property
    def end(self) -> int:
        """The next log offset behind them."""

    def largest(self, topic: str, log: str, begin: int) -> str:
        """The largest record for a topic, in words for the operator whose broker has refused it.

        It came from the partition ``log`` of the log, offset ``begin`` or later.
        """


C = TypeVar("C", bound=Changes)


class Processor(Protocol[C]):
    """Folds one partition of the log. Made when the partition was restored, dropped when it is let go.

    What it brings about must be a function of the log and of the store's rows: after a crash the same records are
    processed again, maybe cut into other chunks, and a worker that was paused may process what another one has done.
    """

    @property
    def waits(self) -> bool:
        """Whether something may be waiting for a deadline. Asked while the broker's clock is not known yet."""

    def process(self, records: Sequence[Record]) -> Iterator[C | None]:
        """Process records (:class:`Record`), in order; mostly one set of changes, several where they would be large.

        None stands for a turn of the others, after some 20 ms of work: the engine lets the event loop run, and asks
        again. Each set of changes is published, written and acknowledged before the next one is asked for; the
        iterator may be dropped between two of them.
        """

    def written(self, changes: C, offset: int) -> None:
        """The changes are durable and the changelog stands at ``offset``: write their rows into the store, with it.

        The place for everything that must not be logged or counted of changes that are discarded.
        """

    def resize(self, capacity: int) -> None:
        """Told its share of the worker's cache, in the application's own unit, whenever partitions come or go."""

    def next_deadline(self) -> int | None:
        """The log time (ms) at which a tick is due in the partition, or None. A record with the headers of a tick is
        written then.
        """

    def tick(self, now: int) -> Headers:
        """What a tick that is written at log time ``now`` (ms) has to say, as further headers."""

    @property
    def behind(self) -> bool:
        """Whether more was due than the latest tick could do: the next one is then written at once."""

    def background(self) -> Iterator[None]:
        """Work to do beside, in steps of a few ms; the engine pauses between them. Begun once, after a start."""


class Router(Protocol):
    """The stateless stage before the log. One for a worker, over all input partitions that it owns."""

    def route(self, topic: str, partition: int, records: Sequence[Record]) -> Iterator[Routed]:
        """The log's records for those of one input partition (:class:`Record`), one each and in their order.

        It must not raise, whatever the bytes are. It repeats itself after a crash: the headers must tell the position
        of the input, so that the processor can pass over what the log already had.
        """

    def identify(self, topic_ids: Mapping[str, str]) -> None:
        """Told the ids (KIP-516) of the input topics at each takeover, before their records come.

        A topic that was deleted and made again has another id, and its offsets begin again. Those of which the broker
        tells no id are left out.
        """

    def routed(self, record: Record) -> bool:
        """Whether a record of the log was made by :meth:`route`, and stands in the partition of its key."""


class Observer(Protocol):
    """Counts what the engine does. Called after the fact; an observer must neither block nor raise."""

    def polled(self, seconds: float) -> None:
        """Count a poll of the consumer: how long it took, the wait for records included."""

    def rekeyed(self, records: int) -> None:
        """Count inputs that the log has acknowledged."""

    def chunk_begun(self, waited: float) -> None:
        """Count a chunk that a task begins with, and the seconds for which it has waited for its turn."""

    def processed(self, records: int, process_seconds: float, publish_seconds: float) -> None:
        """Count changes that are published, written and acknowledged, and the records that were done with them."""

    def commit_attempted(self, seconds: float, *, taken: bool) -> None:
        """Count a commit through the group: how long it took, and whether the group accepted it."""

    def committed(self, partitions: int) -> None:
        """Count the partitions whose offset the group has accepted."""

    def transaction_aborted(self) -> None:
        """Count a transaction that failed: its partition was taken over elsewhere, or the broker failed."""

    def taken_over(self, seconds: float) -> None:
        """Count a takeover: from the assignment of partitions until they were fenced and restored."""

    def input_gap(self, topic: str, missed: int) -> None:
        """Count an input partition that lacks ``missed`` offsets from where it was read; 0: the topic is a new one."""


P = TypeVar("P", bound=Processor[Any])


class TopicNames(NamedTuple):
    """The topics of others: what is read, what is written, and where what can't be used goes.

    ``outputs`` has all that is written, the dead letters among them.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dead_letters: str


#: For tools and tests that have no topics.
NO_TOPICS = TopicNames((), (), "")


def _metrics() -> Observer:
    # Many modules import ports for a type; only a worker imports the client of Prometheus.
    from app.engine.metrics import counted  # noqa: PLC0415

    return counted


def _no_gauges(_engine: Any) -> None:
    """Nothing is looked at beside what the engine looks at."""


@dataclass(frozen=True)
class Topology(Generic[P]):
    """An application, as the engine is handed it.

    ``processor`` makes the processor of a partition: from its number, its restored store, its share of the worker's
    cache (in the application's own unit), and the broker's clock. ``tick`` are the headers of a tick. ``gauges``
    is called whenever ``/metrics`` is asked for, with the worker's :class:`~app.engine.task_manager.TaskManager`: the
    place to set gauges of the application's own. The engine's metrics are there without it.
    """

    topics: TopicNames
    router: Router
    processor: Callable[[int, Store, int, Callable[[], datetime]], P]
    tick: Headers
    observer: Observer = field(default_factory=_metrics)
    gauges: Callable[[Any], None] = _no_gauges
    bulk: Bulk | None = None
