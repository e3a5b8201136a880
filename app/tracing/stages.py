"""The application's parts with spans around them: what they do is the same, byte for byte."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from time import time_ns

from opentelemetry.sdk.trace import TracerProvider

from agents.chunk_changes import ChunkChanges
from agents.processor import JoinProcessor
from app import metrics
from app.engine.bulk import Bulk, TopicBatches
from app.engine.ports import Observer, Record, Routed, Router, Store, Topology
from app.lazy_log import Logger
from app.settings import Settings
from app.tracing.spans import Spans
from app.wire.traceparent import Trace, of_message

log = Logger(__name__)


class UnderWay:
    """What is under way, from when it is handed out until it is durable; then its spans are made."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self._inputs: list[tuple[str, int, int, Trace]] = []
        self._began = 0
        self._written: tuple[int, Sequence[Record], ChunkChanges] | None = None

    def routed(self, topic: str, partition: int, records: Sequence[Record], began: int) -> None:
        """Inputs are re-keyed, since ``began`` (ns)."""
        if not self._inputs:
            self._began = began
        for record in records:
            if (trace := of_message(record.value)) is not None:
                self._inputs.append((topic, partition, record.offset, trace))

    def acknowledged(self) -> None:
        """The log has all that was re-keyed since this was last said."""
        inputs, self._inputs = self._inputs, []
        if inputs:
            _guarded(self._spans.rekeyed, inputs, self._began)

    def written(self, partition: int, records: Sequence[Record], changes: ChunkChanges) -> None:
        """Changes are durable; :meth:`processed` follows at once, and says how long they took."""
        self._written = partition, records, changes

    def processed(self, seconds: tuple[float, float]) -> None:
        """How many seconds the fold and the publication of what was written last have taken."""
        written, self._written = self._written, None
        if written is not None:
            _guarded(self._spans.processed, *written, seconds)


def _guarded(make: Callable[..., None], *arguments: object) -> None:
    """Make spans. What they are made for is done: no worker is stopped for its spans."""
    try:
        make(*arguments)
    except Exception as error:  # noqa: BLE001 - see above
        log.warning("spans could not be made", error=f"{type(error).__name__}: {error}")


class TracedRouter:
    """A router that says what it routes."""

    def __init__(self, router: Router, under: UnderWay) -> None:
        self._router, self._under = router, under
        self.identify = router.identify
        self.routed = router.routed

    def route(self, topic: str, partition: int, records: Sequence[Record]) -> Iterator[Routed]:
        """As the router does."""
        self._under.routed(topic, partition, records, time_ns())
        return self._router.route(topic, partition, records)


class TracedBulk:
    """What routes natively and says what it routes. What it leaves to the router is the router's to say."""

    def __init__(self, bulk: Bulk, under: UnderWay) -> None:
        self._bulk, self._under = bulk, under
        self.read_ahead, self.write = bulk.read_ahead, bulk.write

    def route(self, topic: str, partition: int, records: Sequence[Record], log: TopicBatches, time: int) -> bool:
        """As the native side does."""
        began = time_ns()
        written = self._bulk.route(topic, partition, records, log, time)
        if written:
            self._under.routed(topic, partition, records, began)
        return written


class TracedProcessor(JoinProcessor):
    """The join, with spans for what is durable."""

    def __init__(  # noqa: PLR0917 - those of the join, and one more
        self,
        partition: int,
        store: Store,
        capacity: int,
        now: Callable[[], datetime],
        settings: Settings,
        count: Callable[[ChunkChanges], None],
        under: UnderWay,
    ) -> None:
        super().__init__(partition, store, capacity, now, settings, count)
        self._partition, self._under = partition, under
        self._records: Sequence[Record] = ()

    def process(self, records: Sequence[Record]) -> Iterator[ChunkChanges | None]:
        """Fold records of the log. Raises PoisonError."""
        for changes in super().process(records):
            if changes is not None:
                self._records = records[changes.begin : changes.begin + changes.records]
            yield changes

    def written(self, changes: ChunkChanges, offset: int) -> None:
        """As the join does; what was done with it is then told to the spans."""
        super().written(changes, offset)
        self._under.written(self._partition, self._records, changes)


class TracedObserver:
    """The metrics, and beside them the spans."""

    def __init__(self, counted: Observer, under: UnderWay) -> None:
        self._counted, self._under = counted, under
        self.polled = counted.polled
        self.chunk_begun = counted.chunk_begun
        self.commit_attempted = counted.commit_attempted
        self.committed = counted.committed
        self.transaction_aborted = counted.transaction_aborted
        self.taken_over = counted.taken_over
        self.input_gap = counted.input_gap

    def rekeyed(self, records: int) -> None:
        """Count inputs that the log has acknowledged, and make their spans."""
        self._counted.rekeyed(records)
        self._under.acknowledged()

    def processed(self, records: int, process_seconds: float, publish_seconds: float) -> None:
        """Count changes that are done, and make their spans."""
        self._counted.processed(records, process_seconds, publish_seconds)
        self._under.processed((process_seconds, publish_seconds))


def traced(topology: Topology[JoinProcessor], settings: Settings, provider: TracerProvider) -> Topology[JoinProcessor]:
    """The application with spans of this provider's."""
    under = UnderWay(Spans(provider, settings))

    def processor(partition: int, store: Store, capacity: int, now: Callable[[], datetime]) -> JoinProcessor:
        return TracedProcessor(partition, store, capacity, now, settings, metrics.folded, under)

    return replace(
        topology,
        router=TracedRouter(topology.router, under),
        bulk=None if topology.bulk is None else TracedBulk(topology.bulk, under),
        processor=processor,
        observer=TracedObserver(topology.observer, under),
    )
