"""What is changed inside aiokafka, which is pinned for that: three small things, each with a test of its own.

* How long a producer waits before it asks again to add a partition to a transaction while the last one's markers are
  still being written (:data:`MARKERS_WAIT`).
* A write to a connection that uvloop has closed already is the connection's end, not the program's.
* The search for a coordinator outlives the broker that is asked.

The last two matter when a broker restarts: without them a worker ends, or stands still, though all that happened is
that a connection was closed at an unlucky moment.
"""

from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError
from aiokafka.producer import sender

#: Seconds. A commit takes 1 to 3 ms here, so at aiokafka's 20 ms most of a small transaction was this wait.
MARKERS_WAIT = 0.002


def install() -> None:
    """Change what is changed for all clients of the process. Once more is once."""
    sender.BACKOFF_OVERRIDE = MARKERS_WAIT
    AIOKafkaConnection.send = _send
    AIOKafkaClient.coordinator_lookup = _lookup


_original_send = AIOKafkaConnection.send


def _send(self: Any, request: Any, expect_response: bool = True) -> Any:  # noqa: FBT001, FBT002 - aiokafka's signature
    """Send a request.

    asyncio's transport takes a write after its end in silence and tells of it later; uvloop's raises RuntimeError at
    once, which is no error of the network to aiokafka: it ends whatever task it meets, of which some are the client's
    own and never begin again.
    """
    try:
        return _original_send(self, request, expect_response)
    except RuntimeError as error:
        self.close(reason=CloseReason.CONNECTION_BROKEN)
        message = f"the connection to {self.host}:{self.port} is closed: {error}"
        raise KafkaConnectionError(message) from error


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
