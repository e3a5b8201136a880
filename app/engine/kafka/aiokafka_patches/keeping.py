"""A rebalance that stops only what moves: incremental cooperative rebalancing (KIP-429), which aiokafka has not.

aiokafka is eager: before a member joins a rebalance it lets all partitions go, and fetches nothing until every other
member has joined too. Here, with an assignor that says ``keeps`` (:mod:`app.engine.faust.assignor`):

* A member that is still one of the group goes on with all it holds while it joins, and tells the assignor what that is.
* Once it is told its assignment, it lets go what it no longer has, goes on with what it still has (position, fetches
  under way and all), and begins with what is new.
* What a member holds is not given to another one in the same rebalance. Whoever lost something joins once more when it
  has let it go, and only then is it given out.
* A member that the group no longer knows (it was paused, or cut off, for longer than its session) lets all go before
  it joins again: others may have it. One with an instance id (static membership) that the group has heard of within the
  session was replaced by another process with the same id, and does not join again.

While a JoinGroup waits for the other members, the broker reads nothing else from that connection. So what a member
asks meanwhile (a commit, to leave) goes on another one; and that a commit comes while the group changes generation is
an answer to that commit, not the end of the membership.
"""

import asyncio
import time
from collections.abc import Awaitable, Collection
from typing import Any

from aiokafka.client import ConnectionGroup
from aiokafka.consumer.group_coordinator import UNKNOWN_OFFSET, CoordinatorGroupRebalance, GroupCoordinator
from aiokafka.consumer.subscription_state import Assignment, TopicPartitionState
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import JoinGroupRequest
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from app.engine.kafka.aiokafka_patches.answers import send_to_coordinator
from app.lazy_log import Logger

log = Logger(__name__)

_on_join_prepare = GroupCoordinator._on_join_prepare  # noqa: SLF001 - the client's own are what is changed here, all over
_on_join_complete = GroupCoordinator._on_join_complete  # noqa: SLF001
_do_rejoin_group = GroupCoordinator._do_rejoin_group  # noqa: SLF001
_do_heartbeat = GroupCoordinator._do_heartbeat  # noqa: SLF001
_do_commit_offsets = GroupCoordinator._do_commit_offsets  # noqa: SLF001
_perform_group_join = CoordinatorGroupRebalance.perform_group_join

#: A position that no fetch begins at.
_NOWHERE = -1

#: Requests of a rebalance, by the beginning of their names.
_OF_REBALANCE = ("JoinGroup", "SyncGroup")


def install() -> None:
    """Change it for all consumers of the process; those whose assignor does not keep are as they were. Idempotent."""
    GroupCoordinator._send_req = _send_apart  # noqa: SLF001
    GroupCoordinator._on_join_prepare = _prepare  # noqa: SLF001
    GroupCoordinator._on_join_complete = _complete  # noqa: SLF001
    GroupCoordinator._do_rejoin_group = _rejoin  # noqa: SLF001
    GroupCoordinator._do_heartbeat = _heartbeat  # noqa: SLF001
    GroupCoordinator._do_commit_offsets = _commit  # noqa: SLF001
    CoordinatorGroupRebalance.perform_group_join = _join


def keeps(coordinator: Any) -> bool:
    """Whether the member goes on with what it holds when it joins: so the last assignment was meant."""
    return bool(getattr(coordinator, "_keeps", False))


def joining(coordinator: Any) -> bool:
    """Whether a JoinGroup or a SyncGroup of the member is under way."""
    return bool(getattr(coordinator, "_joining", False))


async def _send_apart(self: Any, request: Any) -> Any:
    """On the connection of its own while a rebalance holds the other one up."""
    if not joining(self) or type(request).__name__.startswith(_OF_REBALANCE):
        return await send_to_coordinator(self, request)
    send = self._client.send

    class _Client:
        async def send(self, node: Any, what: Any, *, group: Any) -> Any:  # noqa: ARG002 - as the client's
            return await send(node, what, group=ConnectionGroup.DEFAULT)

    return await send_to_coordinator(_Other(self, _client=_Client()), request)


class _Other:
    """A coordinator with some of its names replaced; what is set is set on the coordinator."""

    def __init__(self, coordinator: Any, **replaced: Any) -> None:
        self.__dict__.update(replaced, _of=coordinator)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_of"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["_of"], name, value)


async def _commit(self: Any, assignment: Any, offsets: Any) -> None:
    """A commit; that it is refused for its generation says nothing when that has changed since it was sent."""
    sent = self.generation, self.member_id

    def reset_generation() -> None:
        if not joining(self) and (self.generation, self.member_id) == sent:
            self.reset_generation()

    def request_rejoin() -> None:
        if not joining(self):
            self.request_rejoin()

    other = _Other(self, reset_generation=reset_generation, request_rejoin=request_rejoin)
    await _do_commit_offsets(other, assignment, offsets)


async def _join(self: Any) -> Any:
    coordinator = self._coordinator
    coordinator._joining = True  # noqa: SLF001 - a name of ours
    try:
        answer = await _perform_group_join(self)
    except asyncio.CancelledError:
        raise  # the member leaves, and its connection is still held up
    except BaseException:
        coordinator._joining = False  # noqa: SLF001
        raise
    coordinator._joining = False  # noqa: SLF001
    return answer


async def _prepare(self: Any, previous_assignment: Any) -> None:
    if keeps(self) and previous_assignment is not None and previous_assignment.active and _is_member(self):
        self._group_subscription = None
        return
    await _let_all_go(self, previous_assignment)


async def _let_all_go(self: Any, previous_assignment: Any) -> None:
    self._keeps = False
    await _on_join_prepare(self, previous_assignment)
    _hold(self, ())


async def _heartbeat(self: Any) -> bool:
    answered = await _do_heartbeat(self)
    if answered:
        self._heard = time.monotonic()
    return bool(answered)


def _is_replaced(coordinator: Any) -> bool:
    """Whether another process has joined under this member's instance id: the group no longer knows the member, though
    it has heard of it within the session. To join again would only throw the other one out in turn.
    """
    if coordinator._group_instance_id is None or _is_member(coordinator):  # noqa: SLF001
        return False
    silent = time.monotonic() - getattr(coordinator, "_heard", float("-inf"))
    return bool(silent < coordinator._session_timeout_ms / 1000)  # noqa: SLF001


async def _rejoin(self: Any, subscription: Any) -> bool:
    if _is_replaced(self):
        message = f"FencedInstanceId: {self._group_instance_id} is another member's by now"
        raise KafkaError(message)
    if keeps(self) and not _is_member(self):
        log.warning("the group has gone on without this worker, which lets its partitions go", group=self.group_id)
        await _let_all_go(self, subscription.assignment)
    return bool(await _do_rejoin_group(self, subscription))


async def _complete(self: Any, generation: int, member_id: str, protocol: str, assigned: bytes) -> None:
    assignor = self._lookup_assignor(protocol)
    if not keeps(self):
        await _on_join_complete(self, generation, member_id, protocol, assigned)
        _hold(self, self._subscription.assigned_partitions())
        self._keeps = bool(getattr(assignor, "keeps", False))
        return
    assignment = ConsumerProtocol.ASSIGNMENT.decode(assigned)
    current, now = self._subscription.subscription.assignment, frozenset(assignment.partitions())
    leaving = current.tps - now
    listener = self._subscription.listener
    log.info("the group has rebalanced", group=self.group_id, generation=generation, kept=len(now & current.tps))
    self._start_heartbeat_task()  # letting go takes its time
    if leaving:
        await _told(listener.on_partitions_revoked(set(leaving)))
    _alter(current, now)
    assignor.on_assignment(assignment)
    self._keeps = assignor.keeps
    _hold(self, now)
    await _told(listener.on_partitions_assigned(set(now)))
    if leaving and self._keeps:
        self.request_rejoin()


async def _told(listening: Awaitable[None]) -> None:
    """Whatever the listener raises, the rebalance goes on, as with the client's own."""
    try:
        await listening
    except Exception:
        log.exception("the listener of a rebalance has failed")


def _is_member(coordinator: Any) -> bool:
    return bool(coordinator.member_id != JoinGroupRequest.UNKNOWN_MEMBER_ID and coordinator.generation > 0)


def _hold(coordinator: Any, partitions: Collection[TopicPartition]) -> None:
    """Have the assignors say what the member holds, the next time it joins."""
    for assignor in coordinator._assignors:  # noqa: SLF001
        if hasattr(assignor, "held"):
            assignor.held = frozenset(partitions)


def _alter(assignment: Assignment, now: frozenset[TopicPartition]) -> None:
    """Change an assignment where it stands: whoever fetches for what is kept does not hear of it."""
    for partition in now - assignment.tps:
        # Not fetched, nor looked for a position of, until it is sought and resumed behind its takeover: while the
        # fetcher waits for a position, it asks that node for nothing else.
        state = assignment._tp_state[partition] = TopicPartitionState(assignment)  # noqa: SLF001
        state.seek(0)
        state.pause()
    for partition in assignment.tps - now:
        # Whoever waits for its position or its committed offset goes on: the fetcher asks a node for nothing meanwhile.
        state = assignment._tp_state[partition]  # noqa: SLF001
        state.seek(0)
        state.update_committed(OffsetAndMetadata(UNKNOWN_OFFSET, ""))
        # What is under way for it finds another position than its own, and is dropped. One it has, all the same: the
        # fetcher goes through the partitions without a position one by one, waits for the committed offset of each,
        # and nobody asks for that of one that has left.
        state = assignment._tp_state[partition] = TopicPartitionState(assignment)  # noqa: SLF001
        state.seek(_NOWHERE)
        state.pause()
    assignment._topic_partitions = now  # noqa: SLF001
