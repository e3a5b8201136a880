"""Transactions and coordinators, where a broker restarts or falls silent at an unlucky moment.

* How long a producer waits before it asks again to add a partition to a transaction while the last one's markers are
  still being written (:data:`MARKERS_WAIT`).
* The search for a coordinator outlives the broker that is asked.
"""

from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError
from aiokafka.producer import sender

#: Seconds. A commit takes 1 to 3 ms here, so at aiokafka's 20 ms most of a small transaction was this wait.
MARKERS_WAIT = 0.002


def install() -> None:
    """Change it for all clients of the process. Idempotent."""
    sender.BACKOFF_OVERRIDE = MARKERS_WAIT
    AIOKafkaClient.coordinator_lookup = _lookup


_original_lookup = AIOKafkaClient.coordinator_lookup


async def _lookup(self: Any, coordinator_type: Any, coordinator_key: str) -> Any:
    """Ask which node is the coordinator.

    When the connection closes under the question, a producer's sender takes that for the end of everything, though it
    asks again after every other failure of a node: a broker that restarted at that moment cost each transactional
    producer its life.
    """
    try:
        return await _original_lookup(self, coordinator_type, coordinator_key)
    except KafkaConnectionError as error:
        # What the sender asks again after.
        raise NodeNotReadyError(str(error)) from error
