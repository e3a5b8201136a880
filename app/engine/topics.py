"""Which topics there are, how they are made, and which existing ones are refused.

Auto-creation is not relied on: every topic is declared before anything is sent, inputs included, so that a worker can
start first on an empty broker.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, KafkaTimeoutError, TopicAlreadyExistsError, for_code

from app.core import names
from app.engine import connect
from app.engine.kafka import MAX_RECORD_BYTES, connection
from app.errors import OperatorError
from app.settings import Settings

log = structlog.get_logger(__name__)

#: The largest message of an input topic that fits into the log with its key and headers (64 KiB are left for them).
LARGEST_INPUT = MAX_RECORD_BYTES - 64 * 1024

_FOR_EVER = {"retention.ms": "-1", "retention.bytes": "-1"}


class BrokerError(OperatorError):
    """The broker refuses a setting. The message names the setting, the broker's own, and the way out."""


class TopicError(OperatorError):
    """An existing topic can't be used as it is.

    The message names the topic, what it is, what it must be, and the way out.
    """


class Stop(Protocol):
    """An event that says that the worker is to stop."""

    def is_set(self) -> bool:
        """Whether it is."""

    async def wait(self) -> bool:
        """Wait until it is."""


class Plan(NamedTuple):
    """A topic as Rollcall makes it. ``must`` are the settings that an existing one is refused without."""

    partitions: int
    config: Mapping[str, str]
    must: Mapping[str, str] = {}
    fixed_partitions: bool = False


def log_topic(settings: Settings) -> str:
    """The internal log: every input re-keyed by batch id, and the ticks."""
    return settings.log_topic


def changelog_topic(settings: Settings) -> str:
    """The changelog of the tables."""
    return f"{settings.app_id}-tables-changelog"


def plans(settings: Settings) -> dict[str, Plan]:
    """Every topic, by name."""
    partitions = settings.partitions
    large = {"max.message.bytes": str(MAX_RECORD_BYTES)}
    # One replica may be down without stopping anything, and what was acknowledged is on two: the usual pair.
    safe = {"min.insync.replicas": "2" if settings.replication_factor > 2 else "1"}  # noqa: PLR2004
    plan = {topic: Plan(partitions, safe) for topic in names.INPUTS}
    plan |= {topic: Plan(partitions, safe | large) for topic in names.OUTPUTS}
    plan[names.DEAD_LETTER] = Plan(partitions, safe | large | _FOR_EVER)
    plan[log_topic(settings)] = Plan(
        partitions,
        # One clock for all: the broker's. Deadlines are measured on it, and a replay reads the same times.
        config=safe | large | _FOR_EVER | {"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime"},
        must={"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime"},
        fixed_partitions=True,
    )
    plan[changelog_topic(settings)] = Plan(
        partitions,
        config=safe | large | {"cleanup.policy": "compact"},
        must={"cleanup.policy": "compact"},
        fixed_partitions=True,
    )
    return plan


async def ensure(settings: Settings) -> None:
    """Create what is missing and check what is there.

    Raises TopicError and BrokerError; KafkaError when the broker can't be asked.
    """
    admin = AIOKafkaAdminClient(**connection(settings))
    try:
        await admin.start()
        await _check_session(admin, settings)
        wanted = plans(settings)
        existing = set(await admin.list_topics())
        missing = {topic: plan for topic, plan in wanted.items() if topic not in existing}
        await _create(admin, settings, missing)
        await _seen(admin, missing)
        await _check(admin, {topic: plan for topic, plan in wanted.items() if topic in existing})
    finally:
        await admin.close()


async def _check_session(admin: AIOKafkaAdminClient, settings: Settings) -> None:
    """Refuse a session time-out below the broker's least: the client takes that for a reason to try again for ever.

    Where the broker does not tell its least (an ACL), nothing is checked.
    """
    node = (await admin.describe_cluster())["brokers"][0]["node_id"]
    configs = await _configs(admin, ConfigResourceType.BROKER, [str(node)])
    least = configs.get(str(node), {}).get("group.min.session.timeout.ms")
    if least is not None and settings.session_timeout_seconds * 1000 < int(least):
        message = (
            f"ROLLCALL_SESSION_TIMEOUT_SECONDS is {settings.session_timeout_seconds:g} and the broker has "
            f"group.min.session.timeout.ms={least}: set it to {int(least) / 1000:g}, or change the broker's setting"
        )
        raise BrokerError(message)


async def _configs(
    admin: AIOKafkaAdminClient, kind: ConfigResourceType, which: Iterable[str]
) -> dict[str, dict[str, str]]:
    """The settings of topics or brokers, by name, as far as the broker tells them."""
    responses = await admin.describe_configs([ConfigResource(kind, one) for one in which])
    return {entry[3]: {item[0]: item[1] for item in entry[4]} for response in responses for entry in response.resources}


async def _create(admin: AIOKafkaAdminClient, settings: Settings, missing: Mapping[str, Plan]) -> None:
    if not missing:
        return
    new = [
        NewTopic(
            topic,
            num_partitions=plan.partitions,
            replication_factor=settings.replication_factor,
            topic_configs=dict(plan.config),
        )
        for topic, plan in missing.items()
    ]
    response = await admin.create_topics(new, timeout_ms=30_000)
    for topic, code, *rest in response.topic_errors:
        if code == 0:
            log.info("topic created", topic=topic, partitions=missing[topic].partitions)
        elif code != TopicAlreadyExistsError.errno:  # another worker was faster
            detail = rest[0] if rest else ""
            message = f"topic {topic} can't be created: {for_code(code).__name__}: {detail}"
            raise TopicError(message)


async def _seen(admin: AIOKafkaAdminClient, made: Mapping[str, Plan], patience: float = 30.0) -> None:
    """Wait until the broker lists what it has just made, with a leader for each partition.

    It does so a moment after it has said that they are made. A group whose leader asks in that moment is given no
    partition of them, and nobody notices before its metadata is five minutes old. Raises KafkaTimeoutError.
    """
    left = set(made)
    deadline = asyncio.get_running_loop().time() + patience
    while left:
        for entry in await admin.describe_topics(sorted(left)):
            partitions = entry["partitions"]
            if not entry["error_code"] and partitions and all(not one["error_code"] for one in partitions):
                left.discard(entry["topic"])
        if left:
            if asyncio.get_running_loop().time() > deadline:
                message = f"made, and not listed after {patience:.0f} s: {', '.join(sorted(left))}"
                raise KafkaTimeoutError(message)
            await asyncio.sleep(0.05)


async def _check(admin: AIOKafkaAdminClient, existing: Mapping[str, Plan]) -> None:
    if not existing:
        return
    described = await admin.describe_topics(list(existing))
    counts = {entry["topic"]: len(entry["partitions"]) for entry in described}
    configs = await _configs(admin, ConfigResourceType.TOPIC, existing)
    for topic, plan in existing.items():
        if plan.fixed_partitions and counts[topic] != plan.partitions:
            message = (
                f"topic {topic} has {counts[topic]} partitions and ROLLCALL_PARTITIONS is {plan.partitions}: it is "
                f"fixed for an app id once the topic exists; set it to {counts[topic]}, or use another ROLLCALL_APP_ID"
            )
            raise TopicError(message)
        for key, value in plan.must.items():
            actual = configs.get(topic, {}).get(key)
            if actual is not None and actual != value:
                message = (
                    f"topic {topic} has {key}={actual} and must have {key}={value}: change it "
                    "(kafka-configs.sh --alter), or use another ROLLCALL_APP_ID"
                )
                raise TopicError(message)
        limit = configs.get(topic, {}).get("max.message.bytes")
        if topic in names.INPUTS and limit is not None and int(limit) > LARGEST_INPUT:
            message = (
                f"topic {topic} takes messages of up to {limit} bytes and Rollcall can keep at most {LARGEST_INPUT}: "
                "lower max.message.bytes of the topic"
            )
            raise TopicError(message)


async def ensure_with_retries(settings: Settings, stopped: Stop) -> None:
    """As :func:`ensure`, but a broker that is not there is waited for, with a line a try, until ``stopped`` is set.

    Raises connect.RefusedError where one is there and does not let this client in.
    """
    delay = 0.5
    while not stopped.is_set():
        try:
            await ensure(settings)
        except (KafkaError, OSError) as error:
            remark = await connect.check(settings)
            log.warning(
                "the broker can't be reached; trying again",
                broker=settings.broker,
                error=f"{type(error).__name__}: {error}",
                found=remark,
                retry_seconds=delay,
            )
            try:
                await asyncio.wait_for(stopped.wait(), delay)
            except TimeoutError:
                delay = min(delay * 2, 10.0)
        else:
            return
