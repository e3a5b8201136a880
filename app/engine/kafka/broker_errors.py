"""Kafka's error codes that aiokafka has no class for, and the text of a broker's refusal.

Without a class a code is an ``UnknownError`` with number -1: a record that a topic refuses could not be distinguished
from a fault of the broker. The table is Kafka's own (``org.apache.kafka.common.protocol.Errors`` of 4.2), each code
with the proposal (KIP) that brought it. The classes behave as ``UnknownError`` does: none is tried again, since nothing
has written down that it may be.
"""

from aiokafka import errors
from aiokafka.errors import BrokerResponseError

#: Code, Kafka's name, number of the KIP, meaning.
CODES: tuple[tuple[int, str, int, str], ...] = (
    (73, "TOPIC_DELETION_DISABLED", 322, "the broker has delete.topic.enable=false"),
    (74, "FENCED_LEADER_EPOCH", 320, "the client knows an older leader of the partition than the broker"),
    (75, "UNKNOWN_LEADER_EPOCH", 320, "the client knows a newer leader of the partition than the broker"),
    (76, "UNSUPPORTED_COMPRESSION_TYPE", 110, "the request's version can't carry the compression of the partition"),
    (77, "STALE_BROKER_EPOCH", 380, "the broker has registered anew"),
    (78, "OFFSET_NOT_AVAILABLE", 207, "a leader that was just elected does not know the end of the partition yet"),
    (80, "PREFERRED_LEADER_NOT_AVAILABLE", 183, "the preferred leader is away"),
    (81, "GROUP_MAX_SIZE_REACHED", 389, "the consumer group is full (group.max.size of the broker)"),
    (82, "FENCED_INSTANCE_ID", 345, "another member has the same group.instance.id"),
    (83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", 460, "no replica may become the leader"),
    (84, "ELECTION_NOT_NEEDED", 460, "the leader is elected already"),
    (85, "NO_REASSIGNMENT_IN_PROGRESS", 455, "no reassignment of partitions is under way"),
    (86, "GROUP_SUBSCRIBED_TO_TOPIC", 496, "offsets can't be deleted while the group reads the topic"),
    (
        87,
        "INVALID_RECORD",
        467,
        "the topic can't hold the record: it has no key and the topic is compacted, or its form is refused",
    ),
    (88, "UNSTABLE_OFFSET_COMMIT", 447, "a transaction that commits offsets has not ended yet"),
    (89, "THROTTLING_QUOTA_EXCEEDED", 599, "a quota of the broker is used up"),
    (90, "PRODUCER_FENCED", 588, "another producer has taken over the transactional id"),
    (91, "RESOURCE_NOT_FOUND", 554, "the resource does not exist"),
    (92, "DUPLICATE_RESOURCE", 554, "the resource is named twice"),
    (93, "UNACCEPTABLE_CREDENTIAL", 554, "the credential is not acceptable"),
    (94, "INCONSISTENT_VOTER_SET", 595, "the controller does not expect this voter"),
    (95, "INVALID_UPDATE_VERSION", 584, "the feature can't be updated to that version"),
    (96, "FEATURE_UPDATE_FAILED", 584, "the feature could not be updated"),
    (97, "PRINCIPAL_DESERIALIZATION_FAILURE", 590, "the broker can't read the principal that another one passed on"),
    (98, "SNAPSHOT_NOT_FOUND", 630, "the controller has no such snapshot"),
    (99, "POSITION_OUT_OF_RANGE", 630, "the position is not within the snapshot"),
    (100, "UNKNOWN_TOPIC_ID", 516, "the topic was deleted, or made again under another id"),
    (101, "DUPLICATE_BROKER_REGISTRATION", 631, "another broker has the same id"),
    (102, "BROKER_ID_NOT_REGISTERED", 631, "the broker is not registered"),
    (103, "INCONSISTENT_TOPIC_ID", 516, "the topic was deleted and made again under another id"),
    (104, "INCONSISTENT_CLUSTER_ID", 595, "the broker belongs to another cluster"),
    (105, "TRANSACTIONAL_ID_NOT_FOUND", 664, "the broker knows nothing of the transactional id"),
    (106, "FETCH_SESSION_TOPIC_ID_ERROR", 516, "the fetch session mixes topic names and topic ids"),
    (107, "INELIGIBLE_REPLICA", 841, "a replica may not join those in sync"),
    (108, "NEW_LEADER_ELECTED", 704, "another leader was elected meanwhile"),
    (109, "OFFSET_MOVED_TO_TIERED_STORAGE", 405, "the offset is in remote storage only"),
    (110, "FENCED_MEMBER_EPOCH", 848, "the group has moved on without this member"),
    (111, "UNRELEASED_INSTANCE_ID", 848, "another member still uses the instance id"),
    (112, "UNSUPPORTED_ASSIGNOR", 848, "the group does not use that assignor"),
    (113, "STALE_MEMBER_EPOCH", 848, "the group has moved on; the member must ask again"),
    (114, "MISMATCHED_ENDPOINT_TYPE", 919, "a controller was asked in the place of a broker, or the reverse"),
    (115, "UNSUPPORTED_ENDPOINT_TYPE", 919, "the endpoint can't be asked that"),
    (116, "UNKNOWN_CONTROLLER_ID", 919, "the controller is not known"),
    (117, "UNKNOWN_SUBSCRIPTION_ID", 714, "the broker does not know the subscription of the client's metrics"),
    (118, "TELEMETRY_TOO_LARGE", 714, "the client's metrics are larger than the broker takes"),
    (119, "INVALID_REGISTRATION", 858, "the controller refuses the broker's registration"),
    (120, "TRANSACTION_ABORTABLE", 890, "the transaction has failed and can only be aborted"),
    (121, "INVALID_RECORD_STATE", 932, "the record of a share group was acknowledged already, or given to another"),
    (122, "SHARE_SESSION_NOT_FOUND", 932, "the broker does not know the share session"),
    (123, "INVALID_SHARE_SESSION_EPOCH", 932, "the epoch of the share session is wrong"),
    (124, "FENCED_STATE_EPOCH", 932, "the state of the share group has a newer epoch"),
    (125, "INVALID_VOTER_KEY", 853, "the voter has another key"),
    (126, "DUPLICATE_VOTER", 853, "the voter is there already"),
    (127, "VOTER_NOT_FOUND", 853, "there is no such voter"),
    (128, "INVALID_REGULAR_EXPRESSION", 848, "the regular expression can't be used"),
    (129, "REBOOTSTRAP_REQUIRED", 1102, "the client's view of the cluster is too old; it must start anew"),
    (130, "STREAMS_INVALID_TOPOLOGY", 1071, "the broker refuses the topology"),
    (131, "STREAMS_INVALID_TOPOLOGY_EPOCH", 1071, "the epoch of the topology is wrong"),
    (132, "STREAMS_TOPOLOGY_FENCED", 1071, "the group has a newer topology"),
    (133, "SHARE_SESSION_LIMIT_REACHED", 932, "the broker has as many share sessions as it takes"),
)

#: What to do about refusals of a record, by code.
_REMEDIES = {
    19: "fewer brokers are in sync than min.insync.replicas of the topic: bring them back, or lower it",
    20: "fewer brokers are in sync than min.insync.replicas of the topic: bring them back, or lower it",
    32: "set message.timestamp.before.max.ms (before Kafka 3.6 message.timestamp.difference.max.ms) of the topic to "
    "9223372036854775807 and start again",
    87: "set cleanup.policy=delete on the topic and start again",
}

_KIPS = {code: kip for code, _, kip, _ in CODES}


def install() -> None:
    """Let aiokafka answer these codes with classes that say what they are. Idempotent.

    A code that a newer aiokafka knows stays its own.
    """
    for code, name, _, meaning in CODES:
        if code not in errors.kafka_errors:
            camel = "".join(word.capitalize() for word in name.split("_"))
            errors.kafka_errors[code] = type(
                f"{camel}Error", (BrokerResponseError,), {"errno": code, "message": name, "description": meaning}
            )


def named(code: int) -> str:
    """What a code of the broker says: Kafka's name, the code, its KIP where it is one of the table, the meaning.

    A code that neither has is named by its number, with a place to look it up.
    """
    known = errors.kafka_errors.get(code)
    if known is None:
        return f"error code {code}, which this version of Rollcall does not know (see Errors.java of Apache Kafka)"
    kip = f", KIP-{_KIPS[code]}" if code in _KIPS else ""
    meaning = " ".join(known.description.split()).rstrip(".")
    return f"{known.message} (code {code}{kip}): {meaning}" if meaning else f"{known.message} (code {code}{kip})"


def remedy(error: BaseException) -> str:
    """What to do about a topic that refuses a record, or nothing where it is not known."""
    return _REMEDIES.get(error.errno, "") if isinstance(error, BrokerResponseError) else ""


def told(error: BaseException) -> str:
    """An error in a line: a broker's answer by :func:`named` with what it added, any other by its type and text."""
    if isinstance(error, BrokerResponseError):
        added = "; ".join(str(part) for part in error.args if part)
        return f"{named(error.errno)}{f'; {added}' if added else ''}"
    name, text = type(error).__name__, str(error)
    if text.startswith(name):  # aiokafka's own say it themselves
        return text.removesuffix(": ")
    return f"{name}: {text}" if text else name
