"""A member of the group that goes on with what it holds: what is changed in the client, step by step, no broker."""

import asyncio
import time
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.client import ConnectionGroup
from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import Subscription, TopicPartitionState
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import CommitFailedError, KafkaError
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.structs import OffsetAndMetadata

from app.engine.kafka.aiokafka_patches import install
from app.engine.kafka.aiokafka_patches.keeping import joining, keeps
from tests.support.patience import PATIENCE

install()

A, B, C = (TopicPartition("log", number) for number in range(3))
ILLEGAL_GENERATION = 22


class Listener:
    """Hears of partitions that come and go."""

    def __init__(self, heard: list[tuple[str, set[TopicPartition]]]) -> None:
        self.heard = heard

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self.heard.append(("let go", set(revoked)))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self.heard.append(("has", set(assigned)))


class Assignor:
    """Ours, as far as the coordinator asks it."""

    name = "faust"
    keeps = True
    held: frozenset[TopicPartition] = frozenset()

    def on_assignment(self, _: Any) -> None:
        """Take it."""


class Member:
    """A coordinator that holds A and B in generation 3, with a client that answers what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, set[TopicPartition]]] = []
        self.sent: list[tuple[str, Any]] = []
        self.answers: list[Any] = []
        self.assignor = Assignor()
        subscription = Subscription({"log"})
        subscription._assign({A, B})
        for place, offset in ((A, 10), (B, 20)):
            subscription.assignment.state_value(place).seek(offset)
        self.subscription = SimpleNamespace(
            subscription=subscription,
            listener=Listener(self.heard),
            assigned_partitions=lambda: subscription.assignment.tps,
            begin_reassignment=lambda: None,
            assign_from_subscribed=subscription._assign,
        )
        coordinator: Any = object.__new__(GroupCoordinator)
        vars(coordinator).update(
            _subscription=self.subscription,
            _assignors=[self.assignor],
            _client=self,
            _group_instance_id=None,
            _session_timeout_ms=6000,
            _enable_auto_commit=False,
            _heartbeat_task=None,
            _commit_refresh_task=None,
            _rejoin_needed_fut=asyncio.get_running_loop().create_future(),
            _coordinator_lookup_lock=asyncio.Lock(),
            _commit_lock=asyncio.Lock(),
            _keeps=True,
            group_id="group",
            generation=3,
            member_id="member",
            coordinator_id=1,
        )
        coordinator._start_heartbeat_task = lambda: None
        self.coordinator = coordinator

    async def send(self, _: int, request: Any, *, group: Any) -> Any:
        """Answer a request."""
        self.sent.append((type(request).__name__, group))
        return self.answers.pop(0)

    async def told(self, *places: TopicPartition) -> None:
        """It is told its assignment."""
        assigned = ConsumerProtocolMemberAssignment(4, [("log", sorted(place.partition for place in places))], b"")
        await self.coordinator._on_join_complete(4, "member", "faust", assigned.encode())

    @property
    def assignment(self) -> Any:
        """What it has, as the fetcher sees it."""
        return self.subscription.subscription.assignment


def scene(play: Coroutine[Any, Any, None]) -> None:
    asyncio.run(play)


def test_a_member_that_is_to_join_again_lets_nothing_go() -> None:
    async def play() -> None:
        member = Member()
        await member.coordinator._on_join_prepare(member.assignment)
        assert member.heard == []
        assert keeps(member.coordinator)

    scene(play())


def test_what_is_kept_has_its_position_and_its_fetches_and_what_leaves_is_let_go_before_the_next_join() -> None:
    async def play() -> None:
        member = Member()
        before, state = member.assignment, member.assignment.state_value(A)
        await member.told(A, C)
        assert member.heard == [("let go", {B}), ("has", {A, C})]
        assert member.assignment is before, "the fetcher did not hear of it"
        assert member.assignment.active
        assert member.assignment.state_value(A) is state
        assert state.position == 10
        assert member.assignment.tps == {A, C}
        assert member.assignment.state_value(B).position not in range(21), "what is under way for it is dropped"
        assert member.assignment.state_value(C).paused, "until it was taken over"
        assert member.coordinator._rejoin_needed_fut.done(), "it has let B go, and joins so that B can be given out"
        assert member.assignor.held == {A, C}

    scene(play())


def test_whoever_waits_for_the_position_of_what_leaves_goes_on() -> None:
    """The fetcher asks a node for nothing else while it waits for the committed offset of one of its partitions."""

    async def play() -> None:
        member = Member()
        state = member.assignment.state_value(B)
        committed, position = state.fetch_committed(), state.wait_for_position()
        await member.told(A)
        async with asyncio.timeout(PATIENCE):
            await committed
            await position
        assert member.assignment.state_value(B).position not in range(21), "what is under way for it is dropped"

    scene(play())


def test_whoever_comes_to_what_has_left_meanwhile_goes_on() -> None:
    """The fetcher asks for the positions of a node's partitions one by one; nobody will answer for what has left."""

    async def play() -> None:
        member = Member()
        for place in (A, B):
            member.assignment._tp_state[place] = TopicPartitionState(member.assignment)
        fetcher: Any = object.__new__(Fetcher)
        updating = asyncio.create_task(fetcher._update_fetch_positions(member.assignment, 0, [A, B]))
        await asyncio.sleep(0)
        await member.told(A)
        member.assignment.state_value(A).update_committed(OffsetAndMetadata(10, ""))
        done, _ = await asyncio.wait({updating}, timeout=PATIENCE)
        assert done
        assert member.assignment.state_value(A).position == 10

    scene(play())


def test_records_of_what_has_left_are_dropped_even_where_a_late_beginning_has_resumed_it() -> None:
    async def play() -> None:
        member = Member()
        records: Any = SimpleNamespace(next_fetch_offset=20)
        fetched = FetchResult(B, assignment=member.assignment, partition_records=records, backoff=0)
        await member.told(A)
        member.assignment.state_value(B).resume()
        assert not fetched.check_assignment(B)

    scene(play())


def test_a_member_that_lost_nothing_does_not_join_again() -> None:
    async def play() -> None:
        member = Member()
        await member.told(A, B, C)
        assert member.heard == [("has", {A, B, C})]
        assert not member.coordinator._rejoin_needed_fut.done()

    scene(play())


def test_a_member_that_the_group_has_given_up_lets_all_go_before_it_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        member = Member()
        member.coordinator.reset_generation()
        joined = []

        async def join(*_: Any) -> bool:
            joined.append(list(member.heard))
            return True

        monkeypatch.setattr("app.engine.kafka.aiokafka_patches.keeping._do_rejoin_group", join)
        await member.coordinator._do_rejoin_group(member.subscription.subscription)
        assert joined == [[("let go", {A, B})]]
        assert not keeps(member.coordinator)
        assert member.assignor.held == frozenset()

    scene(play())


@pytest.mark.parametrize("joins", [False, True], ids=["at rest", "in a rebalance"])
def test_a_commit_that_is_refused_for_its_generation_ends_a_membership_only_at_rest(joins: bool) -> None:  # noqa: FBT001 - a parameter
    async def play() -> None:
        member = Member()
        member.coordinator._joining = joins
        member.answers.append(SimpleNamespace(topics=[("log", [(0, ILLEGAL_GENERATION)])]))
        with pytest.raises(CommitFailedError):
            await member.coordinator.commit_offsets(member.assignment, {A: OffsetAndMetadata(7, "")})
        assert (member.coordinator.member_id == "") is not joins

    scene(play())


@pytest.mark.parametrize("joins", [False, True], ids=["at rest", "in a rebalance"])
def test_what_is_asked_while_a_join_waits_goes_on_another_connection(joins: bool) -> None:  # noqa: FBT001 - a parameter
    async def play() -> None:
        member = Member()
        member.coordinator._joining = joins
        member.answers.append(None)
        await member.coordinator._send_req(OffsetCommitRequest("group", 3, "member", -1, []))
        [(_, group)] = member.sent
        assert group == (ConnectionGroup.DEFAULT if joins else ConnectionGroup.COORDINATION)
        assert joining(member.coordinator) is joins

    scene(play())


@pytest.mark.parametrize("silent", [1.0, 7.0], ids=["within its session", "after its session"])
def test_a_member_with_an_instance_id_that_was_replaced_does_not_throw_the_other_one_out(
    silent: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        member = Member()
        member.coordinator._group_instance_id = "host"
        member.coordinator._heard = time.monotonic() - silent
        member.coordinator.reset_generation()
        monkeypatch.setattr(
            "app.engine.kafka.aiokafka_patches.keeping._do_rejoin_group", lambda *_: asyncio.sleep(0, result=True)
        )
        rejoin = member.coordinator._do_rejoin_group(member.subscription.subscription)
        if silent < 6.0:
            with pytest.raises(KafkaError, match="FencedInstanceId: host"):
                await rejoin
        else:
            assert await rejoin

    scene(play())
