"""Where the changelog begins, watched while the worker runs: compaction leaves a topic's beginning where it is.

If it moves, somebody has deleted records (DeleteRecords), and with them facts that only local state still has. A
takeover tells that, or refuses (:func:`app.engine.state.provenance.check_begin`); a worker that runs would notice
nothing, and its next restore would be the first to know.
"""

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from app.engine.kafka.clients import new_reader
from app.engine.topics.checks import way_out
from app.engine.topics.plans import changelog_topic
from app.settings import Settings

log = structlog.get_logger(__name__)


class BeginWatch:
    """What is known of the changelog's beginnings from one look to the next."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._places = [TopicPartition(changelog_topic(settings), number) for number in range(settings.partitions)]
        self._reader: AIOKafkaConsumer | None = None
        self._begins: dict[TopicPartition, int] = {}

    async def look(self) -> None:
        """Look; tell what was deleted since the last look. Raises KafkaError when the broker can't be asked."""
        if self._reader is None:
            reader = new_reader(self._settings)
            try:
                await reader.start()
            except BaseException:
                await reader.stop()
                raise
            self._reader = reader
        self.take(await self._reader.beginning_offsets(self._places))

    def take(self, begins: dict[TopicPartition, int]) -> None:
        """Hold the beginnings against what they were. The first time a takeover has just done so."""
        for place, begin in begins.items():
            if begin > self._begins.get(place, begin):
                log.error(
                    "records of the changelog were deleted while the worker runs: only local state has what they said, "
                    "and a restore without it will be refused",
                    topic=place.topic,
                    partition=place.partition,
                    begins_at=begin,
                    before=self._begins[place],
                    remedy=way_out(self._settings.partitions),
                )
        self._begins |= begins

    async def close(self) -> None:
        """Give up the connection."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.stop()
