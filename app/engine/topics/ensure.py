"""Which topics there are, how they are made, and which existing ones are refused.

Auto-creation is not relied on: every topic is declared before anything is sent, inputs included, so that a worker can
start first on an empty broker.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Protocol

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResourceType
from aiokafka.errors import (
    BrokerNotAvailableError,
    ClusterAuthorizationFailedError,
    KafkaError,
    KafkaTimeoutError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
)

from app.engine.kafka import authorization, broker_diagnosis, broker_errors
from app.engine.kafka.authorization import Denied, refusal
from app.engine.kafka.client_errors import explained
from app.engine.kafka.clients import admin_client
from app.engine.kafka.cluster import Cluster, configurations, describe
from app.engine.ports import Router, TopicNames, Topology
from app.engine.topics import coordinators
from app.engine.topics.checks import Findings, check
from app.engine.topics.heads import look
from app.engine.topics.plans import (
    LARGEST_INPUT,
    Plan,
    Role,
    changelog_topic,
    log_topic,
    plans,
    time_limits,
)
from app.errors import OperatorError
from app.lazy_log import Logger
from app.settings import Settings

__all__ = [
    "LARGEST_INPUT",
    "BrokerError",
    "Plan",
    "Role",
    "TopicError",
    "changelog_topic",
    "ensure",
    "ensure_with_retries",
    "examine",
    "log_topic",
    "plans",
]

log = Logger(__name__)


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


async def ensure(settings: Settings, topology: Topology[Any]) -> None:
    """Create what is missing and check what is there.

    Raises TopicError and BrokerError, UnfitError where the cluster can't keep groups or transactions, and KafkaError
    when the broker can't be asked.
    """
    async with admin_client(settings) as admin:
        await authorization.check(admin, settings, topology.topics)
        broker = await _broker_settings(admin)
        _check_session(broker, settings)
        wanted = plans(settings, topology.topics, time_limits(broker))
        cluster = await _described(admin, wanted)
        # Before anything is made: what is refused must not find half a set of topics at the next start.
        await _refuse(settings, topology.router, wanted, cluster)
        missing = {topic: plan for topic, plan in wanted.items() if topic not in cluster.topics}
        await _create(admin, settings, missing)
        await _seen(admin, missing)
        await coordinators.check(admin, broker, settings)


async def examine(settings: Settings, topics: TopicNames) -> tuple[Cluster, Findings]:
    """The topics as they are, and what is wrong with them: for the watch while the worker runs.

    A topic that is missing is absent from the cluster's topics. Raises KafkaError when the broker can't be
    asked.
    """
    wanted = plans(settings, topics)
    async with admin_client(settings) as admin:
        cluster = await _described(admin, wanted)
    # The count that the state was made with is the setting: a worker runs only where they are the same.
    return cluster, check(wanted, cluster.topics, app_id=settings.app_id, recorded=settings.partitions)


async def _refuse(settings: Settings, router: Router, wanted: Mapping[str, Plan], cluster: Cluster) -> None:
    """Refuse existing topics that are not what they must be; remark on those that are not what they should be."""
    try:
        seen = await look(settings, router, {name: topic.partitions for name, topic in cluster.topics.items()})
    except TopicAuthorizationFailedError as error:
        message = f"{broker_errors.told(error)}: allow ROLLCALL_SASL_USERNAME to READ it (kafka-acls.sh --add)"
        raise TopicError(message) from error
    findings = check(wanted, cluster.topics, app_id=settings.app_id, recorded=seen.recorded)
    refusals = [*findings.refusals, *([] if findings.refusals else seen.refusals)]
    for remark in findings.remarks:
        log.warning("a topic is not what it should be", found=remark)
    if refusals:
        raise TopicError("; ".join(refusals))


async def _described(admin: AIOKafkaAdminClient, wanted: Mapping[str, Plan]) -> Cluster:
    """The topics as they are. Raises TopicError where the broker does not let this client see one."""
    try:
        return await describe(admin, wanted)
    except TopicAuthorizationFailedError as error:
        message = f"{broker_errors.told(error)}: allow ROLLCALL_SASL_USERNAME to DESCRIBE it (kafka-acls.sh --add)"
        raise TopicError(message) from error


async def _broker_settings(admin: AIOKafkaAdminClient) -> Mapping[str, str]:
    """The settings of a broker; none where it does not tell them (an ACL).

    Raises BrokerNotAvailableError where the cluster names none: one that stood still for long is still to register.
    """
    brokers = (await admin.describe_cluster())["brokers"]
    if not brokers:
        message = "the cluster names no broker: those that answer have not registered with its controller yet"
        raise BrokerNotAvailableError(message)
    node = str(brokers[0]["node_id"])
    return (await configurations(admin, ConfigResourceType.BROKER, [node])).get(node, {})


def _check_session(broker: Mapping[str, str], settings: Settings) -> None:
    """Refuse a session time-out that the broker does not take: the client would take that for a reason to wait.

    Where the broker does not tell its limits (an ACL), nothing is checked, and the group's coordinator refuses it.
    """
    longest = broker.get("group.max.session.timeout.ms")
    if longest is not None and settings.session_timeout_seconds * 1000 > int(longest):
        message = (
            f"ROLLCALL_SESSION_TIMEOUT_SECONDS is {settings.session_timeout_seconds:g} and the broker has "
            f"group.max.session.timeout.ms={longest}: set it to {int(longest) / 1000:g}, or change the broker's setting"
        )
        raise BrokerError(message)
    least = broker.get("group.min.session.timeout.ms")
    if least is not None and settings.session_timeout_seconds * 1000 < int(least):
        message = (
            f"ROLLCALL_SESSION_TIMEOUT_SECONDS is {settings.session_timeout_seconds:g} and the broker has "
            f"group.min.session.timeout.ms={least}: set it to {int(least) / 1000:g}, or change the broker's setting"
        )
        raise BrokerError(message)


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
    forbidden = {TopicAuthorizationFailedError.errno, ClusterAuthorizationFailedError.errno}
    denied = [Denied("Create", "Topic", topic) for topic, code, *_ in response.topic_errors if code in forbidden]
    if denied:
        raise refusal(settings, denied)
    for topic, code, *rest in response.topic_errors:
        if code == 0:
            log.info("topic created", topic=topic, partitions=missing[topic].partitions)
        elif code != TopicAlreadyExistsError.errno:  # another worker was faster
            detail = f"; {rest[0]}" if rest and rest[0] else ""
            message = f"topic {topic} can't be created: {broker_errors.named(code)}{detail}"
            raise TopicError(message)


async def _seen(admin: AIOKafkaAdminClient, plans: Mapping[str, Plan], patience: float = 30.0) -> None:
    """Wait until the broker lists what it has just made, with a leader for each partition.

    It does so a moment after it has said that they are made. A group whose leader asks in that moment is given no
    partition of them, which it does not notice before its metadata is five minutes old. Raises KafkaTimeoutError.
    """
    left = set(plans)
    deadline = asyncio.get_running_loop().time() + patience
    while left:
        for entry in await admin.describe_topics(sorted(left)):
            partitions = entry["partitions"]
            if not entry["error_code"] and partitions and all(not partition["error_code"] for partition in partitions):
                left.discard(entry["topic"])
        if left:
            if asyncio.get_running_loop().time() > deadline:
                message = f"made, and not listed after {patience:.0f} s: {', '.join(sorted(left))}"
                raise KafkaTimeoutError(message)
            await asyncio.sleep(0.05)


#: Seconds between two tries at a start whose broker is not there: it is to serve within 10 s of the broker's return,
#: and a line a try is 30 a minute.
_LONGEST_DELAY = 2.0

#: The same where brokers are missing, or a setting is to be changed: 12 lines a minute.
_UNFIT = 5.0


async def ensure_with_retries(settings: Settings, topology: Topology[Any], stopped: Stop) -> None:
    """As :func:`ensure`, but a broker that is not there is waited for, with a line a try, until ``stopped`` is set.

    So are brokers without which the cluster can't keep groups or transactions.

    Raises connect.RefusedError where one is there and does not let this client in.
    """
    delay = 0.5
    while not stopped.is_set():
        try:
            await ensure(settings, topology)
        except coordinators.UnfitError as error:
            log.error("the cluster can't be worked with as it is; trying again", found=str(error), retry_seconds=_UNFIT)  # noqa: TRY400 - a line for an operator
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), _UNFIT)
        except (KafkaError, OSError) as error:
            final = explained(settings, error, topology.topics)
            if final is not error:
                raise final from error
            remark = await broker_diagnosis.check(settings)
            log.warning(
                "the broker can't be reached; trying again",
                broker=settings.broker,
                error=broker_errors.told(error),
                found=remark,
                retry_seconds=delay,
            )
            try:
                await asyncio.wait_for(stopped.wait(), delay)
            except TimeoutError:
                delay = min(delay * 2, _LONGEST_DELAY)
        else:
            return
