"""The assignment when topics change under a group that has had partitions of them."""

import json
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from aiokafka.protocol.metadata import MetadataResponse_v1
from faust.assignor.client_assignment import ClientAssignment, ClientMetadata

from app.engine.faust import assignor as ours
from app.engine.releases import told
from app.errors import NewerFormatError
from app.main import create_app
from app.settings import Settings

BEFORE = {"a": 5, "b": 3, "log": 3}


def cluster(counts: dict[str, int]) -> ClusterMetadata:
    made = ClusterMetadata()
    topics = [(0, name, False, [(0, number, 1, [1], [1]) for number in range(count)]) for name, count in counts.items()]
    made.update_metadata(MetadataResponse_v1([(1, "127.0.0.1", 9092, None)], 1, topics))
    return made


def member(had: dict[str, list[int]]) -> ConsumerProtocolMemberMetadata:
    said = ClientMetadata(assignment=ClientAssignment(actives=had, standbys={}), url="", changelog_distribution={})
    return ConsumerProtocolMemberMetadata(4, list(BEFORE), said.dumps())


def given(assignor: Any, counts: dict[str, int], members: dict[str, Any]) -> dict[str, Any]:
    answer = assignor._perform_assignment(cluster(counts), members)
    return {name: dict(client.assignment) for name, client in answer.items()}


@pytest.mark.parametrize("members", [1, 2, 4])
@pytest.mark.parametrize("now", [{"a": 2, "b": 3, "log": 3}, {"a": 1, "b": 1, "log": 3}, {"a": 3, "b": 5, "log": 3}])
def test_a_topic_that_was_made_again_with_other_partitions_is_given_out_whole(
    now: dict[str, int], members: int
) -> None:
    assignor = create_app(Settings()).assignor
    names = [f"m{number}" for number in range(members)]
    before = given(assignor, BEFORE, {name: member({}) for name in names})
    after = given(assignor, now, {name: member(before[name]) for name in names})
    held = sorted(
        (topic, number) for client in after.values() for topic, numbers in client.items() for number in numbers
    )
    assert held == sorted((topic, number) for topic, count in now.items() for number in range(count))
    assert {topic: after[name][topic] for name in names for topic in ["log"] if topic in after[name]}


def says(held: list[tuple[str, int]]) -> ConsumerProtocolMemberMetadata:
    """What a worker says of itself that holds these."""
    assignor: Any = create_app(Settings()).assignor
    assignor.held = frozenset(TopicPartition(*place) for place in held)
    metadata: ConsumerProtocolMemberMetadata = assignor.metadata(set(BEFORE))
    return metadata


@pytest.mark.parametrize("missing", [["log"], ["a"], list(BEFORE)])
def test_a_topic_that_the_brokers_say_nothing_of_for_a_moment_stays_with_its_workers(missing: list[str]) -> None:
    assignor: Any = create_app(Settings()).assignor
    assignor.log = "log"
    members = {name: says([]) for name in ("m0", "m1")}
    for _ in range(3):
        before = given(assignor, BEFORE, members)
        members = {
            name: says([(t, n) for t, numbers in held.items() for n in numbers]) for name, held in before.items()
        }
    now = {topic: count for topic, count in BEFORE.items() if topic not in missing}
    assert given(assignor, now, members) == before


def test_a_worker_says_which_partitions_of_the_log_it_has_taken_over() -> None:
    app: Any = create_app(Settings())
    log = TopicPartition(app.assignor.log, 2)
    app.engine._queues = {log: None, TopicPartition("a", 1): None}
    app.assignor.held = frozenset({log, log._replace(partition=3)})
    told = json.loads(app.assignor.metadata(set(BEFORE)).user_data)["rollcall"]
    assert (told["runs"], told["held"]) == ([2], {log.topic: [2, 3]})
    assert ours._read(app.assignor.metadata(set(BEFORE)).user_data).runs == {2}  # type: ignore[union-attr]


def test_every_member_hears_which_releases_are_in_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {}
    for number, version in enumerate(("1.0.0", "2.0.0", "1.0.0")):
        monkeypatch.setattr(ours, "release", lambda version=version: version)
        one: Any = create_app(Settings()).assignor
        said[f"m{number}"] = one.metadata(set(BEFORE))
    for assignment in one._perform_assignment(cluster(BEFORE), said).values():
        one.on_assignment(assignment)
        assert one.releases == {"1.0.0", "2.0.0"}


def test_that_two_releases_cannot_be_mixed_is_told_with_both_and_the_remedy() -> None:
    error = NewerFormatError("a row has format 5; this release reads up to 4")
    assert str(told(error, "1.0.0", {"1.0.0", "2.0.0"}, "rollcall")) == (
        "release 1.0.0 can't be in one group (rollcall) with release 2.0.0: a row has format 5; this release reads up "
        "to 4. Stop the workers of release 1.0.0, and start them again with release 2.0.0"
    )
    assert str(told(error, "1.0.0", {"1.0.0"}, "rollcall")) == f"{error}. This is release 1.0.0"
    other = OSError("something else")
    assert told(other, "1.0.0", {"2.0.0"}, "rollcall") is other
