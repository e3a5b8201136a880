"""The assignor: Faust's, which gives each member what it had, without what is no longer there."""

from collections.abc import Mapping
from typing import Any

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from faust.assignor.client_assignment import ClientMetadata
from faust.assignor.partition_assignor import PartitionAssignor as FaustAssignor

#: What a member says of itself: which partitions of a topic it had.
_Had = dict[str, list[int]]


class PartitionAssignor(FaustAssignor):
    """Faust's assignor.

    An input that was deleted and made again may have fewer partitions. Faust counts those that a member had of the old
    one among what it has, finds nobody with room for the new ones, and the group never comes to an assignment again.
    """

    def _perform_assignment(self, cluster: ClusterMetadata, member_metadata: Mapping[str, Any]) -> Any:
        present = {
            member: ConsumerProtocolMemberMetadata(
                metadata.version,
                metadata.subscription,
                _pruned(ClientMetadata.loads(metadata.user_data), cluster).dumps(),
            )
            for member, metadata in member_metadata.items()
        }
        return super()._perform_assignment(cluster, present)


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
