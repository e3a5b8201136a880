"""What the broker's ACLs let this client do: asked before anything is done, and again and again while the worker runs.

A client that is denied an operation logs it hundreds of times and keeps asking, or stalls. An operator has to
change an ACL, so the worker names it and stops.

Topics are told by one metadata request (KIP-430). Of the group and the transactional ids nothing tells what may be
written, so requests are sent that are harmless where they are allowed: a broker looks at the ACLs first and then finds
that there is no such member, or no such producer.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle
from typing import Any, Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import CoordinationType
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.transaction import AddOffsetsToTxnRequest

from app.engine.kafka.cluster import metadata
from app.engine.ports import TopicNames
from app.errors import OperatorError
from app.settings import Settings

#: The codes of Kafka's AclOperation that are asked about: the bits of what a client may do with a topic.
_BITS: Final = {"Read": 1 << 3, "Write": 1 << 4, "Describe": 1 << 8}

#: What a broker answers that was not asked what may be done: the least 32-bit number.
_NOT_TOLD: Final = -(2**31)

#: No producer has this id, so that a transactional request with it changes nothing.
_NO_PRODUCER: Final = -1

#: How many denied operations a line names: a user who is denied everything is not helped by 30.
_NAMED: Final = 6

#: Transactional ids that a running worker asks about in a look, in turn: two small requests each.
_IDS_A_LOOK: Final = 8

_OPTIONS: Final = {"Topic": "--topic", "Group": "--group", "TransactionalId": "--transactional-id"}


class AuthorizationError(OperatorError):
    """The broker's ACLs deny what the worker has to do. The message names each operation, resource and principal."""


class Denied(NamedTuple):
    """An operation that is denied, on a resource of a kind."""

    operation: str
    resource: str
    name: str = "kafka-cluster"


def needed(settings: Settings, topics: TopicNames) -> dict[str, tuple[str, ...]]:
    """What the worker does with each topic; Describe comes with each."""
    internal = (settings.log_topic, f"{settings.app_id}-tables-changelog")
    return {
        **dict.fromkeys(topics.inputs, ("Read",)),
        **dict.fromkeys(internal, ("Read", "Write")),
        **dict.fromkeys(topics.outputs, ("Write",)),
    }


def principal(settings: Settings) -> tuple[str, str]:
    """Who the broker takes this client for, and the settings that say so."""
    if settings.sasl_username:
        return f"User:{settings.sasl_username}", "ROLLCALL_SASL_USERNAME"
    if settings.ssl_certfile:
        return "the principal of its certificate", f"ROLLCALL_SSL_CERTFILE={str(settings.ssl_certfile)!r}"
    return "User:ANONYMOUS", f"ROLLCALL_SECURITY_PROTOCOL={settings.security_protocol} without a login"


def refusal(settings: Settings, denied: Iterable[Denied], who_asks: str = "worker") -> AuthorizationError:
    """The error that names what is denied, in one line, and how each is allowed."""
    user, setting = principal(settings)
    quoted = f"'{user}'" if user.startswith("User:") else "PRINCIPAL"
    wanted = list(dict.fromkeys(denied))
    left = len(wanted) - _NAMED
    del wanted[_NAMED:]
    names = ", ".join(f"{right.operation} on {right.resource} {right.name}" for right in wanted)
    if left > 0:
        names += f" and {left} more"
    commands = "; ".join(
        f"kafka-acls.sh --add --allow-principal {quoted} --operation {right.operation} "
        + (f"{_OPTIONS[right.resource]} {right.name}" if right.resource in _OPTIONS else "--cluster")
        for right in wanted
    )
    return AuthorizationError(
        f"the broker's ACLs deny {user} ({setting}) what the {who_asks} has to do: {names}. Allow it (or remove "
        f"the ACL that denies it) and start again: {commands}"
    )


def of_topics(settings: Settings, topics: TopicNames, entries: Iterable[Mapping[str, Any]]) -> Iterator[Denied]:
    """What is denied on topics, by the broker's entries of a metadata answer that was asked for operations."""
    wanted = needed(settings, topics)
    for entry in entries:
        topic = entry["topic"]
        if entry["error_code"] == TopicAuthorizationFailedError.errno:
            yield Denied("Describe", "Topic", topic)
            continue
        allowed = entry.get("authorized_operations", _NOT_TOLD)
        if entry["error_code"] or allowed == _NOT_TOLD:
            continue
        yield from (
            Denied(operation, "Topic", topic)
            for operation in (*wanted.get(topic, ()), "Describe")
            if not allowed & _BITS[operation]
        )


async def of_group(admin: AIOKafkaAdminClient, settings: Settings, partitions: Iterable[int]) -> list[Denied]:
    """What is denied on the consumer group, and on the transactional ids of the partitions. Raises KafkaError."""
    group = settings.app_id
    probes: list[tuple[Denied, Any, type[Any]]] = [
        (
            Denied("Describe", "Group", group),
            FindCoordinatorRequest(group, CoordinationType.GROUP),
            GroupAuthorizationFailedError,
        ),
        # To a group that has no such member.
        (Denied("Read", "Group", group), HeartbeatRequest(group, -1, "rollcall-acl"), GroupAuthorizationFailedError),
    ]
    if settings.exactly_once:
        for name in (f"{settings.app_id}-{partition}" for partition in partitions):
            probes += [
                (
                    Denied("Describe", "TransactionalId", name),
                    FindCoordinatorRequest(name, CoordinationType.TRANSACTION),
                    TransactionalIdAuthorizationFailed,
                ),
                (
                    Denied("Write", "TransactionalId", name),
                    AddOffsetsToTxnRequest(name, _NO_PRODUCER, _NO_PRODUCER, group),
                    TransactionalIdAuthorizationFailed,
                ),
            ]
    answers = await asyncio.gather(*(admin._send_request(request) for _, request, _ in probes))  # noqa: SLF001 - aiokafka's admin client asks nothing of the kind
    return [
        denied for (denied, _, error), answer in zip(probes, answers, strict=True) if answer.error_code == error.errno
    ]


async def denials(
    admin: AIOKafkaAdminClient, settings: Settings, topics: TopicNames, partitions: Iterable[int]
) -> list[Denied]:
    """All that is denied of what the worker has to do. Raises KafkaError where no broker answers."""
    answer = await metadata(admin, needed(settings, topics), operations=True)
    return [*of_topics(settings, topics, answer["topics"]), *await of_group(admin, settings, partitions)]


async def check(admin: AIOKafkaAdminClient, settings: Settings, topics: TopicNames) -> None:
    """Raise AuthorizationError where anything the worker has to do is denied; KafkaError where no broker answers."""
    if denied := await denials(admin, settings, topics, range(settings.partitions)):
        raise refusal(settings, denied)


class AccessWatch:
    """Asks for a running worker, a few transactional ids at a time."""

    def __init__(self, settings: Settings, topics: TopicNames) -> None:
        self._topics = topics
        self._settings = settings
        self._partitions = cycle(range(settings.partitions))
        self._asked: list[int] = []
        self._doubted = False

    async def look(self, admin: AIOKafkaAdminClient) -> None:
        """Raise AuthorizationError where something is denied twice in a row; KafkaError where no broker answers.

        Once may be a broker that is just starting, and has not read all its ACLs.
        """
        if not self._doubted:  # what is in doubt is asked about again
            self._asked = [next(self._partitions) for _ in range(min(self._settings.partitions, _IDS_A_LOOK))]
        denied = await denials(admin, self._settings, self._topics, self._asked)
        if denied and self._doubted:
            raise refusal(self._settings, denied)
        self._doubted = bool(denied)
