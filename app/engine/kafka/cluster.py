"""What a cluster says of itself and of topics: ids, partition counts, replicas, settings, how far records reach back.

A topic is known by its id (KIP-516), not by its name: one that was deleted and made again has the name and another id.
aiokafka asks for metadata up to version 5, which has the cluster's id and no topic ids; version 10 (Kafka 2.8) has
both, and is defined here.
"""

import uuid
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest_v5
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields


class Topic(NamedTuple):
    """A topic as it is. ``id`` is None where the broker has no topic ids (before Kafka 2.8)."""

    id: str | None
    partitions: int
    replicas: int
    config: Mapping[str, str]


class Cluster(NamedTuple):
    """A cluster and those of the topics asked for that exist. ``id`` is None where the broker reports none."""

    id: str | None
    topics: Mapping[str, Topic]


class _Uuid(AbstractType[uuid.UUID]):  # type: ignore[misc] # aiokafka has no types here
    """The type of ids: 16 bytes, the most significant first."""

    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))


_NO_ID = uuid.UUID(int=0)


class _Response(Response):  # type: ignore[misc] # aiokafka has no types here
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _Request(RequestStruct):  # type: ignore[misc] # aiokafka has no types here
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(("topic_id", _Uuid), ("topic", CompactString("utf-8")), ("tags", TaggedFields)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _Metadata(Request[MetadataRequest_v5 | _Request]):  # type: ignore[misc] # aiokafka has no types here
    """A question for topics by name that creates none of them."""

    API_KEY = 3

    def __init__(self, topics: Iterable[str], *, operations: bool = False) -> None:
        self._topics = list(topics)
        self._operations = operations

    def build(self, request_struct_class: type[Any]) -> Any:
        if request_struct_class is _Request:
            named: list[tuple[Any, ...]] = [(_NO_ID, topic, {}) for topic in self._topics]
            return _Request(named, False, False, self._operations, {})  # noqa: FBT003 - fields of the wire, by position
        return request_struct_class(self._topics, False)  # noqa: FBT003 - as above


async def metadata(admin: AIOKafkaAdminClient, topics: Iterable[str], *, operations: bool = False) -> dict[str, Any]:
    """What the broker says of the topics: an entry for each, with an error code where it can't or won't say.

    With ``operations`` also what this client may do with each, as far as the broker reports it (Kafka 2.8). Raises
    KafkaError where the broker can't be asked.
    """
    answer = await admin._send_request(_Metadata(topics, operations=operations))  # noqa: SLF001 - aiokafka asks for no newer version
    return dict(answer.to_object())


async def topic_ids(client: AIOKafkaClient, topics: Iterable[str]) -> dict[str, str]:
    """The ids of those of the topics that exist, where the broker has ids. Raises KafkaError."""
    answer = (await client.send(client.get_random_node(), _Metadata(topics))).to_object()
    ids = {entry["topic"]: _text(entry.get("topic_id", _NO_ID)) for entry in answer["topics"] if entry["partitions"]}
    return {topic: topic_id for topic, topic_id in ids.items() if topic_id is not None}


async def describe(admin: AIOKafkaAdminClient, topics: Iterable[str], *, settings: bool = True) -> Cluster:
    """The cluster and those of ``topics`` that exist; with ``settings``, their settings as far as the broker reports
    them.

    Raises KafkaError where the broker can't be asked, or refuses to describe a topic.
    """
    wanted = sorted(set(topics))
    answer = await metadata(admin, wanted)
    found: dict[str, dict[str, Any]] = {}
    for entry in answer["topics"]:
        code = entry["error_code"]
        if code == UnknownTopicOrPartitionError.errno:
            continue
        # A partition without a leader is described all the same; a topic without partitions is not yet there.
        if not entry["partitions"]:
            if code:
                topic = f"topic {entry['topic']}"
                raise for_code(code)(topic)
            continue
        found[entry["topic"]] = entry
    configs = await configurations(admin, ConfigResourceType.TOPIC, found) if settings and found else {}
    return Cluster(
        answer["cluster_id"],
        {
            name: Topic(
                _text(entry.get("topic_id", _NO_ID)),
                len(entry["partitions"]),
                min(len(partition["replicas"]) for partition in entry["partitions"]),
                configs.get(name, {}),
            )
            for name, entry in found.items()
        },
    )


def _text(topic_id: uuid.UUID) -> str | None:
    return None if topic_id == _NO_ID else str(topic_id)


async def configurations(
    admin: AIOKafkaAdminClient, kind: ConfigResourceType, which: Iterable[str]
) -> dict[str, dict[str, str]]:
    """The settings of topics or brokers, by name, as far as the broker reports them."""
    responses = await admin.describe_configs([ConfigResource(kind, name) for name in which])
    return {
        entry[3]: {item[0]: item[1] for item in entry[4]}
        for response in responses
        for entry in response.resources
        if entry[4]
    }
