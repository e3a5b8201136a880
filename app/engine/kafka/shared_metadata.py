"""One view of the cluster for all producers of a worker.

Exactly once each partition of the log has a producer of its own, and each producer of aiokafka keeps the metadata of
all that it may write to: with P partitions and as many of each output topic that is P times P entries, of 0.2 KB and
about 10 us of decoding each, at each start of a task and again every five minutes. So they look at those of the
worker's shared producer instead: P entries, asked for once for all that want them at a time.
"""

import functools
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer


class FollowingProducer(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka has no types
    """A producer that sees the cluster as ``source`` does, and has that one ask.

    It finds its first broker by itself, so that whatever keeps it from one shows as it does with any other. ``source``
    is started before it and stopped after it: a producer that follows one that is stopped learns of no new leader.
    """

    def __init__(self, source: AIOKafkaProducer, **options: Any) -> None:
        super().__init__(**options)
        self._source = source.client
        self._bootstrap = self.client.bootstrap
        self.client.bootstrap = self._follow

    async def _follow(self) -> None:
        await self._bootstrap()
        # aiokafka keeps it in three places; all are pinned in tests/engine/reached.py. This comes before the search for
        # a coordinator, in which a client that knows no topic yet would ask for all that there are, at each try.
        self.client.cluster = self._source.cluster
        self._metadata = self._source.cluster
        self._message_accumulator._cluster = self._source.cluster  # noqa: SLF001 - no public way
        self.client._metadata_update = functools.partial(_ask, self._source)  # noqa: SLF001 - no public way


async def _ask(source: Any, _cluster: Any, topics: Iterable[str]) -> bool:
    """Have the source ask, for these topics as well; whether a broker answered. Those that want it at once share it."""
    if not source._topics.issuperset(topics):  # noqa: SLF001 - no public way to ask which these are
        source.set_topics(source._topics.union(topics))  # noqa: SLF001 - as above
    return bool(await source.force_metadata_update())
