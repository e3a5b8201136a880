"""A time-out for each kind of request, and the end of a connection that is silent.

A broker that is frozen, or behind a dead network, closes nothing: there is no FIN and no RST, only silence. What
tells silence from work is how long an answer of that kind may take.

=======================================  ===========  ==============================================================
request                                  seconds      why
=======================================  ===========  ==============================================================
connect, ApiVersions, SASL, Metadata,    4            answered from memory
FindCoordinator
LeaveGroup                               2            it counts when it has been sent; the member is going
Heartbeat                                4, at most   a coordinator that falls silent must be noticed, and another
                                         half the     connection be made, before the session ends
                                         session
ListOffsets, OffsetFetch                 6            answered from memory or an index
Fetch                                    its longest  the broker answers after that wait; the rest is for a disk
                                         wait + 7.5
OffsetCommit, and of transactions        12           acknowledged by all replicas in sync: a frozen one is taken out
InitProducerId, AddPartitions,                        after 9 s (broker.session.timeout.ms)
AddOffsets, TxnOffsetCommit, EndTxn
Produce                                  15, and 1    the same; the broker is asked to answer within 10 s. And a
                                         per 32 KiB   connection of 32 KiB/s is slow, not silent
JoinGroup, SyncGroup                     the          the coordinator answers when all members have joined
                                         rebalance
                                         time-out + 5
any other (admin)                        the client's
=======================================  ===========  ==============================================================

Bytes that arrive on the connection restart the clock: a large answer over a slow line is not silence.

How long a send is retried in all is another matter: see :data:`app.engine.kafka.clients.DELIVERY_TIMEOUT_MS`.
"""

import asyncio
from typing import Any

from aiokafka import conn
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaConnectionError, RequestTimedOutError
from aiokafka.producer.sender import Sender
from aiokafka.protocol.admin import ApiVersionRequest, SaslAuthenticateRequest, SaslHandShakeRequest
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    InitProducerIdRequest,
    TxnOffsetCommitRequest,
)

from app.engine.kafka.aiokafka_patches import transfer

#: Seconds, see above.
QUICK, LEAVING, LOOKED_UP, REPLICATED, PRODUCED, DISK, GROUP_MARGIN = 4.0, 2.0, 6.0, 12.0, 15.0, 7.5, 5.0

#: What a broker is asked to answer a produce request within (ms), acknowledged or not: before this side gives up.
PRODUCE_ANSWER_MS = 10_000

#: Bytes a second. A connection that is slower than this counts as silent.
SLOWEST = 32 * 1024

#: A wait is divided into this many shorter ones, so that a pause of this process (SIGSTOP, a suspended host, a long
#: fold) counts as one of them: after it the answer is found in the socket before patience is at its end.
_PARTS = 4

_SECONDS: dict[type[Any], float] = {
    ApiVersionRequest: QUICK,
    SaslHandShakeRequest: QUICK,
    SaslAuthenticateRequest: QUICK,
    MetadataRequest: QUICK,
    FindCoordinatorRequest: QUICK,
    HeartbeatRequest: QUICK,
    LeaveGroupRequest: LEAVING,
    OffsetRequest: LOOKED_UP,
    OffsetFetchRequest: LOOKED_UP,
    OffsetCommitRequest: REPLICATED,
    InitProducerIdRequest: REPLICATED,
    AddPartitionsToTxnRequest: REPLICATED,
    AddOffsetsToTxnRequest: REPLICATED,
    TxnOffsetCommitRequest: REPLICATED,
    EndTxnRequest: REPLICATED,
}


def install() -> None:
    """Change it for all clients of the process. Idempotent."""
    conn.wait_for = _unlimited
    AIOKafkaConnection.connect = _connect
    AIOKafkaConnection.send = _send
    AIOKafkaConnection.close = _close
    GroupCoordinator._send_req = send_to_coordinator  # noqa: SLF001 - there is no other place that knows the session
    Sender.__init__ = _make_sender


def seconds(request: Any, otherwise: float) -> float:
    """How long the answer to a request may take; ``otherwise``, the client's own, where its kind has no time-out."""
    own = getattr(request, "patience", None)  # of the group's requests, see send_to_coordinator
    if own is not None:
        return float(own)
    if isinstance(request, ProduceRequest):
        size = sum(len(buffer) for _, partitions in request._topics for _, buffer in partitions)  # noqa: SLF001 - aiokafka's
        return PRODUCED + size / SLOWEST
    if isinstance(request, FetchRequest):
        return float(request._max_wait_ms) / 1000 + DISK  # noqa: SLF001 - aiokafka's
    if isinstance(request, JoinGroupRequest):
        return float(request._rebalance_timeout) / 1000 + GROUP_MARGIN  # noqa: SLF001 - aiokafka's
    return _SECONDS.get(type(request), otherwise)


def _unlimited(answer: Any, _: float | None = None) -> Any:
    """What aiokafka waits for, as it is: :class:`_Patience` has the time-out."""
    return answer


_original_connect = AIOKafkaConnection.connect


async def _connect(self: Any) -> Any:
    """Connect. The client's own time-out, which may be that of a whole delivery, is not for this."""
    patience = self._request_timeout
    self._request_timeout = min(patience, QUICK)
    try:
        return await _original_connect(self)
    finally:
        self._request_timeout = patience


def _send(self: Any, request: Any, expect_response: bool = True) -> Any:  # noqa: FBT001, FBT002 - aiokafka's signature
    """Send a request, and wait for its answer as long as one of its kind may take.

    Raises KafkaConnectionError at once when the connection is closed. (asyncio's transport takes a write after its end
    in silence and reports it later; uvloop's raises RuntimeError, which is no error of the network to aiokafka: it
    ends whatever task it meets, of which some are the client's own and never begin again.)
    """
    try:
        answer = transfer.send(self, request, expect_response)
    except RuntimeError as error:
        self.close(reason=CloseReason.CONNECTION_BROKEN)
        message = f"the connection to {self.host}:{self.port} is closed: {error}"
        raise KafkaConnectionError(message) from error
    if expect_response:
        _Patience(self, request, answer, seconds(request, self._request_timeout))
    return answer


class _Patience:
    """How long an answer is waited for. It fails with RequestTimedOutError when nothing at all has come for so long.

    The connection is then closed if this request is the oldest on it; the next request makes a new one. A
    broker answers in order, so a later request may wait behind one that may take longer, which ends the connection
    itself when its own time comes.

    Beside the answer and not around it: a task in between costs two turns of the loop for each answer, of which there
    are five on an event's way.
    """

    __slots__ = ("_answer", "_connection", "_heard", "_patience", "_request", "_silent", "_timer")

    def __init__(self, connection: Any, request: Any, answer: asyncio.Future[Any], patience: float) -> None:
        self._connection = connection
        self._request = request
        self._answer = answer
        self._patience = patience
        self._silent = 0.0
        self._heard = getattr(connection._protocol, "heard", 0)  # noqa: SLF001 - aiokafka's
        self._wait()
        answer.add_done_callback(self._over)

    def _wait(self) -> None:
        self._timer = self._answer.get_loop().call_later(self._patience / _PARTS, self._look)

    def _over(self, _: asyncio.Future[Any]) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        if self._answer.done():
            return
        heard = getattr(self._connection._protocol, "heard", 0)  # noqa: SLF001 - aiokafka's
        self._silent = self._silent + self._patience / _PARTS if heard == self._heard else 0.0
        self._heard = heard
        if self._silent < self._patience:
            self._wait()
        else:
            self._give_up()

    def _give_up(self) -> None:
        connection, answer = self._connection, self._answer
        oldest = next((waiting for _, _, waiting in connection._requests if not waiting.done()), None)  # noqa: SLF001 - aiokafka's
        name = type(self._request).__name__.removesuffix("Request")
        answer.set_exception(
            RequestTimedOutError(
                f"{connection.host}:{connection.port} has not answered {name} for {self._patience:.1f} s"
            )
        )
        if oldest is answer:
            connection.close(reason=CloseReason.CONNECTION_TIMEOUT)


_original_close = AIOKafkaConnection.close


def _close(self: Any, reason: Any = None, exc: Any = None) -> Any:
    """Close; a silent connection at once: its transport would wait until the other side has read what is buffered."""
    transport = None if self._writer is None else self._writer.transport
    closed = _original_close(self, reason=reason, exc=exc)
    if reason is CloseReason.CONNECTION_TIMEOUT and transport is not None:
        transport.abort()
    return closed


_original_send_req = GroupCoordinator._send_req  # noqa: SLF001 - see install


async def send_to_coordinator(self: Any, request: Any) -> Any:
    """Send a request of the group, with a time-out that fits the group's own."""
    if isinstance(request, HeartbeatRequest):
        request.patience = min(QUICK, self._session_timeout_ms / 1000 / 2)
    elif isinstance(request, SyncGroupRequest):
        request.patience = self._rebalance_timeout_ms / 1000 + GROUP_MARGIN
    return await _original_send_req(self, request)


_original_make_sender = Sender.__init__


def _make_sender(self: Any, client: Any, *, request_timeout_ms: int, **options: Any) -> None:
    """Its time-out is what the broker is asked to answer a produce request within; batches are kept by another."""
    _original_make_sender(self, client, request_timeout_ms=min(request_timeout_ms, PRODUCE_ANSWER_MS), **options)
