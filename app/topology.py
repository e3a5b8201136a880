"""The application on one page: which topics it reads and writes, and what is done with them.

==========================================  ============================  ==========================================
input topic                                 model (``app/wire/schema``)   becomes (``app/core/events``)
==========================================  ============================  ==========================================
``huleedu.batch.essays.registered.v1``      ``RegisteredData``            ``Registration``
``huleedu.file.essay.content.provisioned``  ``ContentData``               ``Content``
``huleedu.file.essay.validation.failed``    ``FailedData``                ``Failure``
==========================================  ============================  ==========================================

Inputs are re-keyed by batch id into the log (:class:`agents.rekey.Rekey`); each partition of the log is joined
(:class:`agents.processor.JoinProcessor`) over tables of its own. The engine (:mod:`app.engine`) knows none of this: it
is handed the :class:`~app.engine.ports.Topology` below.
"""

from collections.abc import Callable
from datetime import datetime

from agents.processor import JoinProcessor
from agents.rekey import Rekey
from app import metrics
from app.core import names
from app.engine.kafka.partitioner import partition_for
from app.engine.ports import Store, TopicNames, Topology
from app.settings import Settings
from app.wire.record import TICK_HEADER

TOPICS = TopicNames(names.INPUTS, names.OUTPUTS, names.DEAD_LETTER)


def topology(settings: Settings) -> Topology[JoinProcessor]:
    """The application with these settings, as the engine is handed it."""

    def processor(partition: int, store: Store, capacity: int, now: Callable[[], datetime]) -> JoinProcessor:
        return JoinProcessor(partition, store, capacity, now, settings, metrics.folded)

    return Topology(
        topics=TOPICS,
        router=Rekey(settings.partitions, partition_for),
        processor=processor,
        observer=metrics,
        tick=[(TICK_HEADER, b"")],
    )
