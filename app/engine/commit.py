"""A chunk's changes made durable, in the order of the guarantee: what one partition of the log writes, and who may.

The order is told in :mod:`app.engine`; here it is carried out, up to the changelog and the offset. The local database
is written behind it, to stand at :attr:`Committer.stands_at`.
"""

from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition

from app.engine.clock import BrokerClock
from app.engine.kafka.clients import leaders_known, new_producer, start_patiently, stop_producer
from app.engine.ports import Changes, Topology
from app.engine.publish import Publisher
from app.engine.state import folded, origin
from app.engine.state.provenance import Provenance, check_origin
from app.engine.state.store import Store
from app.engine.topics.ensure import changelog_topic, log_topic, plans
from app.settings import Settings


class Committer:
    """The only writer of a partition's changelog, as far as the guarantee has it.

    ``producer`` is its own one, which writes its transactions: None at least once, and before :meth:`fence`.
    ``stands_at`` is how far of the changelog the local database is with all that was committed, an offset.
    """

    def __init__(
        self,
        partition: int,
        settings: Settings,
        topology: Topology[Any],
        shared: AIOKafkaProducer,
        store: Store,
        clock: BrokerClock,
    ) -> None:
        self.partition = partition
        self.settings = settings
        self.log = TopicPartition(log_topic(settings), partition)
        self.changelog = changelog_topic(settings)
        self.store = store
        self.producer: AIOKafkaProducer | None = None
        self.stands_at = 0
        self._topology = topology
        self._shared = shared
        self._clock = clock
        self._publisher: Publisher | None = None

    async def fence(self) -> None:
        """Make this worker the partition's only writer, as far as the guarantee has it.

        With transactions the epoch of the partition's transactional id rises: the former owner can no longer write,
        commit or send, and what it had open is aborted. Everything that is read of the partition's state is read
        after this.
        """
        # All tasks of a takeover come here at once: the metadata is asked for once for all of them.
        counts = await leaders_known(self._shared, plans(self.settings, self._topology.topics))
        if self.settings.exactly_once:
            transactional_id = f"{self.settings.app_id}-{self.partition}"
            self.producer = new_producer(self.settings, transactional_id, self._shared)
            await start_patiently(self.settings, self.producer)
        producer = self.producer or self._shared
        self._publisher = Publisher(producer, counts, self._topology.bulk, transactional=self.producer is not None)

    async def settle(self, provenance: Provenance) -> None:
        """Hold the restored state against the log that is there. State that does not say whose it is says so from here.

        Raises ProvenanceError where the two do not belong together. Nothing has been folded then.
        """
        missing = check_origin(self.settings, self.partition, self.store, provenance)
        publisher = self._publisher
        if missing is None or publisher is None:
            return
        rows = {origin.KEY: origin.value(missing)}
        if self.producer is not None:
            await self.producer.begin_transaction()
        publisher.timestamp = self._clock.now() if self._clock.known else 0
        publisher.add(self.changelog, self.partition, *next(iter(rows.items())))
        ends = await publisher.flush()
        if self.producer is not None:
            await self.producer.commit_transaction()
        self.stands_at = self.store.offset
        self._advance(ends[self.changelog, self.partition], len(rows))
        self.store.write(rows, self.stands_at)

    async def commit(self, changes: Changes) -> None:
        """Write the changes of (a part of) a chunk to Kafka; once this returns they will never be taken back.

        Raises KafkaError or PublishError; RuntimeError before :meth:`fence`. With transactions nothing of the changes
        stands then; at least once outputs may, and a repeat says them again.
        """
        publisher = self._publisher
        if publisher is None:
            message = f"task {self.partition} was not fenced"
            raise RuntimeError(message)
        publisher.timestamp = self._clock.now()
        # The last of the rows: of those before it, a crash may leave a beginning (at least once). With transactions it
        # is the only offset that counts.
        changes.rows[folded.KEY] = folded.value(changes.end)
        if self.producer is not None:
            changelog_end = await self._transact(self.producer, publisher, changes)
        else:
            changelog_end = await self._publish(publisher, changes)
        self._advance(changelog_end, len(changes.rows))

    async def close(self, seconds: float) -> None:
        """Stop the producer within so many seconds. Raises what went wrong with it; it is no longer used then."""
        if self.producer is None:
            return
        try:
            await stop_producer(self.producer, seconds)
        finally:
            self.producer = None

    async def _publish(self, publisher: Publisher, changes: Changes) -> int:
        """At least once: all outputs acknowledged, then the changelog.

        State never says more than what was said aloud.
        """
        await publisher.changes(changes, fallback=self.partition)
        await publisher.flush()
        self._add_rows(publisher, changes)
        ends = await publisher.flush()
        return ends.get((self.changelog, self.partition), 0)

    async def _transact(self, producer: AIOKafkaProducer, publisher: Publisher, changes: Changes) -> int:
        """Exactly once: outputs and changelog, whose last row is the offset of the log, or none of them.

        The group's offset is no part of it, and follows: that took two requests more, each with a write of the
        broker's, and said what the row says.
        """
        await publisher.changes(changes, fallback=self.partition)
        await producer.begin_transaction()
        self._add_rows(publisher, changes)
        ends = await publisher.flush()
        await producer.commit_transaction()
        return ends.get((self.changelog, self.partition), 0)

    def _add_rows(self, publisher: Publisher, changes: Changes) -> None:
        publisher.rows(self.changelog, self.partition, changes.rows)

    def _advance(self, changelog_end: int, rows: int) -> None:
        """Say how far of the changelog the local database is, once it has the ``rows`` that end at ``changelog_end``.

        At least once nobody is fenced: a worker that was paused appends behind what its successor wrote, and must not
        take that for its own. It stands further on only if its rows adjoin what it has; else it stays where it is and
        the next restore reads on from there. (So it does after a batch that was retried over a restart of the broker,
        which is acknowledged without its offset.)
        """
        if self.producer is not None:
            self.stands_at = max(self.stands_at, changelog_end)
        elif changelog_end == self.stands_at + rows:
            self.stands_at = changelog_end
