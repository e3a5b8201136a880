"""Exponential back-off for what a broker refuses for the moment.

aiokafka asks again after a fixed few milliseconds: while too few replicas are in sync, or a transaction's markers can't
be written because a broker is away, that is hundreds of requests a second of each producer. And a transaction that
comes upon the end of the one before is refused for a millisecond or two only: there a few milliseconds are long.
"""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from aiokafka.producer.sender import BaseHandler, SendProduceReqHandler

from app.engine.kafka.aiokafka_patches.backoff import delay
from app.engine.kafka.aiokafka_patches.transactions import MARKERS_WAIT

#: Refusals in a row after which the request is repeated as fast as before: the markers of a commit take a few
#: milliseconds.
FREE = 10

_refused: WeakKeyDictionary[Any, int] = WeakKeyDictionary()


def install() -> None:
    """Change it for all producers of the process. Idempotent."""
    BaseHandler.do = _do
    SendProduceReqHandler.__init__ = _make_produce


_original_do = BaseHandler.do


async def _do(self: Any, node_id: Any) -> bool:
    """Ask the coordinator; whether it agreed. After many refusals in a row it returns later and later."""
    sender = self._sender
    self._default_backoff = soon(_refused.get(sender, 0), self._default_backoff)
    agreed = bool(await _original_do(self, node_id))
    refused = _refused[sender] = 0 if agreed else _refused.get(sender, 0) + 1
    await asyncio.sleep(delay(refused - FREE))
    return agreed


_original_make_produce = SendProduceReqHandler.__init__


def _make_produce(self: Any, sender: Any, batches: Any) -> None:
    """Wait the longer before the batches are sent again, the more often they were sent."""
    _original_make_produce(self, sender, batches)
    sent = max((batch.retry_count for batch in batches.values()), default=0)
    usual = self._default_backoff
    if sender._txn_manager is not None and sender._txn_manager.transactional_id is not None:  # noqa: SLF001 - as it does
        usual = soon(sent - 1, usual)
    self._default_backoff = max(usual, delay(sent - FREE))


def soon(refused: int, usual: float) -> float:
    """Seconds until a transaction's request is repeated that was refused so often before: at first as long as the end
    of the last one mostly takes, then twice as long each time, up to the ``usual`` back-off.
    """
    return min(usual, MARKERS_WAIT * 2.0 ** min(refused, 30))
