"""Which topics there are, what each is for, and how it is made where it does not exist.

Every setting that Rollcall depends on is listed here, for each topic that it makes: a broker's own default
(``log.cleanup.policy=compact``, say) must not decide what becomes of a record. What an existing topic must be is in
:mod:`app.engine.topics.rules`.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from app.engine.kafka.clients import MAX_RECORD_BYTES
from app.engine.ports import TopicNames
from app.settings import Settings


class Role(Enum):
    """What a topic is for."""

    INPUT = "input"
    LOG = "log"
    CHANGELOG = "changelog"
    OUTPUT = "output"
    DEAD_LETTER = "dead letter"


class Plan(NamedTuple):
    """A topic as Rollcall makes it."""

    partitions: int
    config: Mapping[str, str]
    role: Role = Role.OUTPUT

    @property
    def fixed_partitions(self) -> bool:
        """Whether the number of partitions is part of what the state means: a key's partition follows from it."""
        return self.role in {Role.LOG, Role.CHANGELOG}


#: The largest message of an input topic that fits into the log with its key and headers (64 KiB are left for them).
ENVELOPE_BYTES: Final = 64 * 1024
LARGEST_INPUT: Final = MAX_RECORD_BYTES - ENVELOPE_BYTES

#: No limit, as Kafka writes the largest 64-bit number.
NO_LIMIT: Final = str(2**63 - 1)

#: What the inputs and outputs are kept for where Rollcall makes them: Kafka's own default, set explicitly.
_SEVEN_DAYS_MS: Final = str(7 * 24 * 60 * 60 * 1000)

#: For all: a batch stays compressed as it was sent; an election never takes a replica that lacks acknowledged records.
_ALWAYS: Final = {"compression.type": "producer", "unclean.leader.election.enable": "false"}
#: As Kafka writes a retention without an end.
FOR_EVER: Final = "-1"
_FOR_EVER: Final = {"retention.ms": FOR_EVER, "retention.bytes": FOR_EVER}
_A_WEEK: Final = {"retention.ms": _SEVEN_DAYS_MS, "retention.bytes": "-1"}
_DELETE: Final = {"cleanup.policy": "delete"}
_LARGE: Final = {"max.message.bytes": str(MAX_RECORD_BYTES)}
#: What Kafka takes by default. Set for the inputs, so that a producer meets the same bound on every broker.
_USUAL: Final = {"max.message.bytes": "1048588"}
#: What is dead in the changelog goes within a day, at any rate of writing. A row that was replaced or deleted goes with
#: the next compaction, which comes at the latest 4 h after it was written (then the segment is closed, too, that is
#: written to); a deletion itself is kept for 16 h, for whoever is reading the changelog just then, and goes with the
#: compaction after that: 4 + 16 + 4 = 24 h. At a high rate it comes by size: dead rows are at most a fifth, so that the
#: topic takes at most 1.25 times of what is alive, and the segment that is written to: 64 MiB, which is not compacted.
DELETIONS_KEPT_MS: Final = 16 * 60 * 60 * 1000
_COMPACTED: Final = {
    "max.compaction.lag.ms": str(4 * 60 * 60 * 1000),
    "delete.retention.ms": str(DELETIONS_KEPT_MS),
    "min.cleanable.dirty.ratio": "0.2",
    "segment.bytes": str(64 * 1024 * 1024),
}
_SENT_TIME: Final = {"message.timestamp.type": "CreateTime"}
#: One clock for all: the broker's. Deadlines are measured on it, and a replay reads the same times.
_LOG_TIME: Final = {"message.timestamp.type": "LogAppendTime"}


def log_topic(settings: Settings) -> str:
    """The internal log: every input re-keyed by batch id, and the ticks."""
    return settings.log_topic


def changelog_topic(settings: Settings) -> str:
    """The changelog of the tables."""
    return f"{settings.app_id}-tables-changelog"


def log_retention(settings: Settings) -> Mapping[str, str]:
    """How long the log is kept. An existing one may be kept for longer (:mod:`app.engine.topics.rules`)."""
    seconds = settings.log_retention_seconds
    return _FOR_EVER | {"retention.ms": str(round(seconds * 1000))} if seconds else _FOR_EVER


def plans(settings: Settings, topics: TopicNames, limits: Mapping[str, str] | None = None) -> dict[str, Plan]:
    """Every topic, by name. ``limits``: what lifts the broker's limits on times (:func:`time_limits`)."""
    partitions = settings.partitions
    # One replica may be down without stopping anything, and what was acknowledged is on two: the usual pair.
    always = _ALWAYS | {"min.insync.replicas": "2" if settings.replication_factor > 2 else "1"}  # noqa: PLR2004
    written = always | _LARGE | dict(limits or {})
    plan = {
        topic: Plan(partitions, always | _DELETE | _A_WEEK | _USUAL | _SENT_TIME, Role.INPUT) for topic in topics.inputs
    }
    plan |= {topic: Plan(partitions, written | _DELETE | _A_WEEK | _SENT_TIME, Role.OUTPUT) for topic in topics.outputs}
    plan[topics.dead_letters] = Plan(partitions, written | _DELETE | _FOR_EVER | _SENT_TIME, Role.DEAD_LETTER)
    plan[log_topic(settings)] = Plan(
        partitions, written | _DELETE | dict(log_retention(settings)) | _LOG_TIME, Role.LOG
    )
    plan[changelog_topic(settings)] = Plan(
        partitions, written | {"cleanup.policy": "compact"} | _COMPACTED | _SENT_TIME, Role.CHANGELOG
    )
    return plan


#: Settings of a broker that limit how far a record's time may be from its clock (since Kafka 3.6; before it there was
#: one for both, which 4.0 dropped), and the topic's own that lifts each. A name that a broker does not know is refused.
_TIME_LIMITS: Final = {
    "log.message.timestamp.before.max.ms": "message.timestamp.before.max.ms",
    "log.message.timestamp.after.max.ms": "message.timestamp.after.max.ms",
}
_OLD_TIME_LIMIT: Final = ("log.message.timestamp.difference.max.ms", "message.timestamp.difference.max.ms")


def time_limits(broker: Mapping[str, str]) -> dict[str, str]:
    """The settings of a topic that lift a broker's limits on the times of records, by what the broker has.

    None where it does not tell its settings (an ACL): its own hold then.
    """
    limits = {name: NO_LIMIT for of_broker, name in _TIME_LIMITS.items() if of_broker in broker}
    if not limits and _OLD_TIME_LIMIT[0] in broker:
        limits = {_OLD_TIME_LIMIT[1]: NO_LIMIT}
    return limits
