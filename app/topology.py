"""The application on one page: which topics it reads and writes, and what is done with them.

==========================  ==========================================================================================
it                          and where that stands
==========================  ==========================================================================================
reads ``INPUTS``            :mod:`app.wire.inputs`: topic, shape, event, outcomes; codes in :mod:`app.core.events`
writes ``OUTPUTS``          :mod:`app.core.names`; their models in :mod:`app.core.payloads`
re-keys by batch id         :class:`agents.rekey.Rekey`
joins over tables           :class:`agents.processor.JoinProcessor`
counts and looks at         :mod:`app.metrics`, beside what the engine does (:mod:`app.engine.metrics`)
==========================  ==========================================================================================

Inputs are re-keyed by batch id into the log (:class:`agents.rekey.Rekey`); each partition of the log is joined
(:class:`agents.processor.JoinProcessor`) over tables of its own. The engine (:mod:`app.engine`) knows none of this: it
is handed the :class:`~app.engine.ports.Topology` below.
"""

from collections.abc import Callable
from datetime import datetime

from agents.bulk import NativeAgents
from agents.processor import JoinProcessor
from agents.rekey import Rekey
from app import metrics, native
from app.core import names
from app.engine.kafka.partitioner import partition_for
from app.engine.ports import Store, TopicNames, Topology
from app.engine.publish import fits
from app.settings import Settings
from app.wire.inputs import INPUTS
from app.wire.record import TICK_HEADER

TOPICS = TopicNames(tuple(INPUTS), names.OUTPUTS, names.DEAD_LETTER)


def topology(settings: Settings) -> Topology[JoinProcessor]:
    """The application with these settings, as the engine is handed it."""

    def processor(partition: int, store: Store, capacity: int, now: Callable[[], datetime]) -> JoinProcessor:
        return JoinProcessor(partition, store, capacity, now, settings, metrics.folded)

    rekey = Rekey(settings.partitions, partition_for, fits)
    return Topology(
        topics=TOPICS,
        router=rekey,
        processor=processor,
        tick=[(TICK_HEADER, b"")],
        gauges=metrics.observe,
        bulk=NativeAgents(rekey, settings.max_message_bytes) if native.AVAILABLE else None,
    )
