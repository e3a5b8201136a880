"""The assignor: what a member says of itself when it joins, and what the group's leader makes of all that is said.

Where all members are of a release that goes on over a rebalance with what it holds, the leader assigns by
:mod:`app.engine.assignment`. While one of an older release is among them it assigns as that release does, with Faust's
own assignor, and the older one's leader does so anyway: both read what the other one says, and a member is told in its
assignment which of the two it is.
"""

import json
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, cast

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from faust.assignor.client_assignment import ClientAssignment, ClientMetadata
from faust.assignor.partition_assignor import PartitionAssignor as FaustAssignor

from app.engine.assignment import Member, assign, standbys
from app.version import release

if TYPE_CHECKING:
    from aiokafka import TopicPartition

#: Which partitions of each topic.
_Had = dict[str, list[int]]

#: Under this name a member says more than Faust's members do, and is told more. Only ever added to.
_OURS = "rollcall"
_VERSION = 1


class PartitionAssignor(FaustAssignor):
    """Faust's assignor, and ours where all members know it.

    ``held`` is what this member goes on with while it joins; the group's coordinator sets it, and asks ``keeps`` behind
    each assignment: whether the member may go on with it in the next rebalance
    (:mod:`app.engine.kafka.aiokafka_patches.keeping`).

    An input that was deleted and made again may have fewer partitions. Faust counts those that a member had of the old
    one among what it has, finds nobody with room for the new ones, and the group never comes to an assignment again.
    """

    def __init__(self, app: Any, replicas: int = 0) -> None:
        super().__init__(app, replicas)
        self.held: frozenset[TopicPartition] = frozenset()
        self.keeps = False
        #: So many standby copies of each partition are asked for; and those that this member is to keep.
        self.copies = 0
        self.standbys: frozenset[int] = frozenset()
        #: The releases in the group that say which they are, as of the last assignment.
        self.releases: frozenset[str] = frozenset()
        #: The topic with state, the partitions of it that this worker has state of, with how far, and those that it
        #: has taken over: set by who makes the worker.
        self.log = ""
        self.near: Callable[[], Mapping[int, int]] = dict
        self.runs: Callable[[], Collection[int]] = tuple

    def metadata(self, topics: Any) -> ConsumerProtocolMemberMetadata:
        """What this member says of itself."""
        metadata = super().metadata(topics)
        ours = {
            "version": _VERSION,
            "held": _listed(self.held),
            "near": sorted(self.near().items()),
            "runs": sorted(self.runs()),
            "stands_by": self.copies > 0,
            "release": release(),
        }
        return ConsumerProtocolMemberMetadata(metadata.version, metadata.subscription, _with(metadata.user_data, ours))

    def on_assignment(self, assignment: Any) -> None:
        """Take what the leader has assigned.

        Faust asserts that it was meant for this address. A static member is given what was assigned to the process
        before it, which may have had another one.
        """
        user_data = self._decompress(assignment.user_data)
        metadata = cast("ClientMetadata", ClientMetadata.loads(user_data))
        self._assignment = metadata.assignment
        self._topic_groups = dict(metadata.topic_groups)
        self._active_tps, self._standby_tps = self._assignment.active_tps, self._assignment.standby_tps
        self.changelog_distribution = metadata.changelog_distribution
        self.external_topic_distribution = metadata.external_topic_distribution
        answer = json.loads(user_data).get(_OURS) or {}
        self.keeps = bool(answer.get("keeps"))
        self.standbys = frozenset(answer.get("standbys", ()))
        self.releases = frozenset(answer.get("releases", ()))

    def _perform_assignment(self, cluster: ClusterMetadata, member_metadata: Mapping[str, Any]) -> Any:
        members = {name: _read(metadata.user_data) for name, metadata in member_metadata.items()}
        known = {name: member for name, member in members.items() if member is not None}
        if len(known) == len(members):
            return self._assign_kept(cluster, member_metadata, known)
        present = {
            member: ConsumerProtocolMemberMetadata(
                metadata.version,
                metadata.subscription,
                _pruned(ClientMetadata.loads(metadata.user_data), cluster).dumps(),
            )
            for member, metadata in member_metadata.items()
        }
        return super()._perform_assignment(cluster, present)

    def _assign_kept(
        self, cluster: ClusterMetadata, member_metadata: Mapping[str, Any], members: Mapping[str, Member]
    ) -> Any:
        topics = {topic for metadata in member_metadata.values() for topic in metadata.subscription}
        counts = {topic: _count(topic, cluster, members) for topic in topics}
        self._update_member_urls(
            {name: ClientMetadata.loads(metadata.user_data) for name, metadata in member_metadata.items()}
        )
        assigned = {
            name: ClientAssignment(actives=_listed(places), standbys={})
            for name, places in assign(self.log, counts, members).items()
        }
        copies = standbys(self.log, counts.get(self.log, 0), members, self.copies)
        distribution = self._get_external_topic_distribution(assigned)
        answer = self._protocol_assignments(assigned, {}, distribution, {})
        releases = sorted({member.release for member in members.values() if member.release})
        for name, assignment in answer.items():
            ours = {"version": _VERSION, "keeps": True, "standbys": sorted(copies[name]), "releases": releases}
            user_data = _with(self._decompress(assignment.user_data), ours)
            answer[name] = type(assignment)(assignment.version, assignment.assignment, self._compress(user_data))
        return answer


def _count(topic: str, cluster: ClusterMetadata, members: Mapping[str, Member]) -> int:
    """How many partitions a topic has; where the brokers say nothing of it at this moment, as many as are held.

    Else one answer of a broker that lacks the topic would have every worker let all of it go, and take it over again.
    """
    known = cluster.partitions_for_topic(topic)
    if known:
        return len(known)
    return max((number + 1 for member in members.values() for name, number in member.held if name == topic), default=0)


def _with(user_data: bytes, ours: Mapping[str, Any]) -> bytes:
    """What Faust's member says, with what we say beside it."""
    return json.dumps({**json.loads(user_data), _OURS: ours}, separators=(",", ":")).encode()


def _read(user_data: bytes) -> Member | None:
    """What a member says of itself; None where it is of a release that says nothing."""
    ours = json.loads(user_data).get(_OURS)
    if not isinstance(ours, dict):
        return None
    held = {(topic, number) for topic, numbers in ours.get("held", {}).items() for number in numbers}
    runs = ours.get("runs")
    return Member(
        frozenset(held),
        dict(ours.get("near", ())),
        bool(ours.get("stands_by")),
        ours.get("release", ""),
        None if runs is None else frozenset(runs),
    )


def _listed(places: Collection[tuple[str, int]]) -> _Had:
    listed: _Had = {}
    for topic, number in sorted(places):
        listed.setdefault(topic, []).append(number)
    return listed


def _pruned(member: ClientMetadata, cluster: ClusterMetadata) -> ClientMetadata:
    """What a member says of itself, without partitions that there are not."""
    for topics in (member.assignment.actives, member.assignment.standbys):
        topics.update(_there(topics, cluster))
    return member


def _there(topics: Mapping[str, list[int]], cluster: ClusterMetadata) -> _Had:
    return {
        topic: [number for number in numbers if number in (cluster.partitions_for_topic(topic) or ())]
        for topic, numbers in topics.items()
    }
