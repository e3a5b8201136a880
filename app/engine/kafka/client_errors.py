"""What a broker's refusal means in terms of settings, ACLs and the app id, where trying again can't put it right.

The clients raise them as they come, or bury them in another error; some a client's background task holds until it is
awaited. Each is passed through :func:`explained` before it is reported.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final

from aiokafka import errors

from app.engine.kafka import broker_errors
from app.engine.kafka.authorization import AuthorizationError, Denied, needed, refusal
from app.engine.kafka.clients import TRANSACTION_TIMEOUT_MS
from app.engine.ports import NO_TOPICS, TopicNames
from app.errors import OperatorError
from app.settings import Settings


class GroupError(OperatorError):
    """The coordinator of the group refuses this worker. The message names the setting or the app id."""


class FeatureError(OperatorError):
    """The broker lacks what the worker needs, or forbids it. The message names the setting of either side."""


def explained(settings: Settings, error: BaseException, topics: TopicNames = NO_TOPICS) -> BaseException:
    """The error as an operator can use it, where an operator can put it right; else the error itself.

    ``topics`` tell which operations a worker needs on a topic that is denied; without them Read and Write are named.
    """
    if isinstance(error, AuthorizationError | GroupError | FeatureError):
        return error
    for cause in _chain(error):
        for kind, explain in _EXPLANATIONS.items():
            if isinstance(cause, kind):
                return explain(settings, topics, cause)
        for word, explain in _BY_NAME.items():
            if type(cause) is errors.KafkaError and word in str(cause):
                return explain(settings, topics, cause)
    return error


def denied_to_a_command(settings: Settings, error: BaseException, inputs: Collection[str]) -> OperatorError | None:
    """What an ACL denies a command, where the error says that; None where it says something else.

    Commands read the topics of the app id, and write to an input or to a topic that they have made.
    """
    own = {settings.log_topic, f"{settings.app_id}-tables-changelog"}
    for cause in _chain(error):
        if isinstance(cause, errors.TopicAuthorizationFailedError):
            denied = [
                Denied(
                    "Write" if topic in inputs or (topic.endswith("-log") and topic not in own) else "Read",
                    "Topic",
                    topic,
                )
                for topic in _names(cause.args)
            ]
            return refusal(settings, denied or [Denied("Read", "Topic", "(the broker does not say which)")], "command")
        if isinstance(cause, errors.GroupAuthorizationFailedError):
            return refusal(settings, [Denied("Describe", "Group", settings.app_id)], "command")
        if isinstance(cause, errors.ClusterAuthorizationFailedError):
            return refusal(settings, [Denied("Describe", "Cluster")], "command")
    return None


def final(settings: Settings, error: BaseException) -> OperatorError | None:
    """The error as an operator can use it, where trying again is useless: an operator has to change a setting, an ACL
    or the app id.
    """
    found = explained(settings, error)
    return found if isinstance(found, AuthorizationError | GroupError | FeatureError) else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _topics_denied(settings: Settings, topics: TopicNames, error: BaseException) -> OperatorError:
    wanted = needed(settings, topics)
    denied = [
        Denied(operation, "Topic", topic)
        for topic in _names(error.args)
        for operation in wanted.get(topic, ("Read", "Write"))
    ]
    return refusal(settings, denied or [Denied("Read and Write", "Topic", "(the broker does not say which)")])


def _names(arguments: Iterable[object]) -> Iterator[str]:
    for argument in arguments:
        if isinstance(argument, str):
            yield argument
        elif isinstance(argument, Iterable):
            yield from _names(argument)


def _group_denied(settings: Settings, _: TopicNames, __: BaseException) -> OperatorError:
    return refusal(settings, [Denied("Read", "Group", settings.app_id)])


def _transactional_id_denied(settings: Settings, _: TopicNames, error: BaseException) -> OperatorError:
    named = next(_names(error.args), f"{settings.app_id}-0 to {settings.app_id}-{settings.partitions - 1}")
    return refusal(settings, [Denied("Write", "TransactionalId", named)])


def _cluster_denied(settings: Settings, _: TopicNames, __: BaseException) -> OperatorError:
    return refusal(settings, [Denied("IdempotentWrite", "Cluster")])


def _session(settings: Settings, _: TopicNames, __: BaseException) -> OperatorError:
    return GroupError(
        f"ROLLCALL_SESSION_TIMEOUT_SECONDS is {settings.session_timeout_seconds:g}: the broker refuses that for a "
        f"member of the group {settings.app_id}. Set it between the broker's group.min.session.timeout.ms and "
        "group.max.session.timeout.ms, or change those"
    )


def _protocol(settings: Settings, _: TopicNames, __: BaseException) -> OperatorError:
    return GroupError(
        f"ROLLCALL_APP_ID={settings.app_id!r}: the consumer group of this name has members of another application, "
        "which assigns partitions in another way (INCONSISTENT_GROUP_PROTOCOL). End them (kafka-consumer-groups.sh "
        f"--describe --members --group {settings.app_id}), or use another ROLLCALL_APP_ID"
    )


def _group_id(settings: Settings, _: TopicNames, __: BaseException) -> OperatorError:
    return GroupError(
        f"ROLLCALL_APP_ID={settings.app_id!r}: the broker does not take it for the id of a consumer group"
    )


def _full(settings: Settings, _: TopicNames, __: BaseException) -> OperatorError:
    return GroupError(
        f"the consumer group {settings.app_id} (ROLLCALL_APP_ID) has as many members as the broker's group.max.size "
        "allows (GROUP_MAX_SIZE_REACHED): raise it, or run fewer workers"
    )


def _instance(settings: Settings, _: TopicNames, __: BaseException) -> OperatorError:
    return GroupError(
        f"ROLLCALL_INSTANCE_ID={settings.instance_id!r}: another worker has joined the consumer group "
        f"{settings.app_id} with it (FENCED_INSTANCE_ID). Give every worker one of its own, such as its host's name"
    )


def _transaction_timeout(settings: Settings, _: TopicNames, __: BaseException) -> OperatorError:
    return FeatureError(
        f"the broker's transaction.max.timeout.ms is below the {TRANSACTION_TIMEOUT_MS} ms that a transaction may "
        f"take: raise it, or set ROLLCALL_PROCESSING_GUARANTEE=at_least_once for ROLLCALL_APP_ID={settings.app_id!r}"
    )


def _unsupported(settings: Settings, _: TopicNames, error: BaseException) -> OperatorError:
    return FeatureError(
        f"the broker {settings.broker} does not have what the worker asks of it ({broker_errors.told(error)}): "
        "Kafka 2.5 or later is needed"
    )


Explain = Callable[[Settings, TopicNames, BaseException], OperatorError]

_EXPLANATIONS: Final[dict[type[BaseException], Explain]] = {
    errors.TopicAuthorizationFailedError: _topics_denied,
    errors.GroupAuthorizationFailedError: _group_denied,
    errors.TransactionalIdAuthorizationFailed: _transactional_id_denied,
    errors.ClusterAuthorizationFailedError: _cluster_denied,
    errors.InvalidSessionTimeoutError: _session,
    errors.InconsistentGroupProtocolError: _protocol,
    errors.InvalidGroupIdError: _group_id,
    errors.InvalidTransactionTimeout: _transaction_timeout,
    errors.UnsupportedVersionError: _unsupported,
    errors.IncompatibleBrokerVersion: _unsupported,
}

#: What aiokafka writes into the text of another error.
_BY_NAME: Final[dict[str, Explain]] = {
    "GroupMaxSizeReached": _full,
    "FencedInstanceId": _instance,
    "GroupAuthorizationFailed": _group_denied,
    "TransactionalIdAuthorizationFailed": _transactional_id_denied,
    "InconsistentGroupProtocol": _protocol,
    "InvalidSessionTimeout": _session,
    "UnsupportedVersion": _unsupported,
}
