"""Whether a cluster can keep groups and transactions: the topics for them, which it makes when they are first needed.

Kafka's defaults want three brokers for both. Where there are fewer, it answers everybody that the coordinator is not
available, for as long as they ask: no worker becomes a member, or none gets its producers. More brokers may come, so
this is waited for, with a line.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResourceType
from aiokafka.errors import UnknownTopicOrPartitionError

from app.engine.kafka.cluster import configurations, metadata
from app.errors import OperatorError
from app.settings import Settings


class UnfitError(OperatorError):
    """The cluster can't keep groups, or transactions. The message names the broker's setting and the way out."""


class Internal(NamedTuple):
    """A topic that the cluster makes for itself: what it keeps in it, and the broker's settings for it.

    ``least``: how many replicas must have what is written, where that is a setting of its own.
    """

    topic: str
    keeps: str
    replicas: str
    least: str | None


GROUPS: Final = Internal("__consumer_offsets", "consumer groups", "offsets.topic.replication.factor", None)
TRANSACTIONS: Final = Internal(
    "__transaction_state",
    "transactions",
    "transaction.state.log.replication.factor",
    "transaction.state.log.min.isr",
)


async def check(admin: AIOKafkaAdminClient, broker: Mapping[str, str], settings: Settings) -> None:
    """Raise UnfitError where the cluster can't make a topic that this worker needs of it, or can't write to it.

    ``broker``: its settings; where it does not report them (an ACL), or the topic, nothing is checked.
    """
    wanted = [GROUPS, TRANSACTIONS] if settings.exactly_once else [GROUPS]
    answer = await metadata(admin, [internal.topic for internal in wanted])
    found = {entry["topic"]: entry for entry in answer["topics"]}
    present = [topic for topic, entry in found.items() if entry["partitions"]]
    configs = await configurations(admin, ConfigResourceType.TOPIC, present) if present else {}
    for internal in wanted:
        entry = found.get(internal.topic, {})
        line = judge(internal, entry, configs.get(internal.topic, {}), broker, len(answer["brokers"]))
        if line is not None:
            raise UnfitError(line)


def judge(
    internal: Internal, entry: Mapping[str, Any], config: Mapping[str, str], broker: Mapping[str, str], brokers: int
) -> str | None:
    """What is wrong: by the topic's metadata (``entry``) and settings, those of a broker, and how many brokers there
    are.
    """
    if entry.get("partitions"):
        replicas = min(len(partition["replicas"]) for partition in entry["partitions"])
        least = config.get("min.insync.replicas")
        if least is not None and int(least) > replicas:
            return (
                f"topic {internal.topic}, in which the cluster keeps {internal.keeps}, has min.insync.replicas={least} "
                f"and {replicas} replica{'s' * (replicas != 1)}: nothing can be written to it. Set it to {replicas} "
                f"(kafka-configs.sh --alter --topic {internal.topic} --add-config min.insync.replicas={replicas})"
            )
        return None
    if entry.get("error_code") != UnknownTopicOrPartitionError.errno or internal.replicas not in broker:
        return None
    replicas = int(broker[internal.replicas])
    if replicas > brokers:
        return (
            f"the cluster has {brokers} broker{'s' * (brokers != 1)} and {internal.replicas}={replicas}: it can't make "
            f"{internal.topic}, in which it keeps {internal.keeps}. Start the other brokers, or set it to {brokers} on "
            "the brokers and start them again"
        )
    least = broker.get(internal.least or "")
    if least is not None and int(least) > replicas:
        return (
            f"the brokers have {internal.least}={least} and {internal.replicas}={replicas}: nothing could be written "
            f"to {internal.topic}, in which they keep {internal.keeps}. Set {internal.least} to {replicas} or less, "
            "and start them again"
        )
    return None
