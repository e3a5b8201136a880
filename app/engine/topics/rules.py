"""What an existing topic must be, setting by setting: refused, remarked on, or of no matter.

What does **not** matter, and why:

* ``compression.type``: every codec is read; what a topic does to a batch changes no record.
* ``segment.*``, ``index.*``, ``flush.*``, ``file.delete.delay.ms``, ``preallocate``: how a broker keeps files.
* ``min.cleanable.dirty.ratio``, ``min.compaction.lag.ms``: when the changelog is compacted; it is read whole either
  way. But ``max.compaction.lag.ms`` is remarked on, without which what is dead in it may stay, and so is a
  ``delete.retention.ms`` that is short: a local directory that was away for longer is restored whole.
* ``retention.*`` of the changelog: it has an effect with ``delete`` in ``cleanup.policy`` only, which is refused.
* ``message.timestamp.*`` of the inputs: their times are never read. The limits on the log's: it takes the broker's.
* ``message.timestamp.after.max.ms``: no record is written with a time ahead of the broker's clock.
* Settings of an input that its producers meet (``min.insync.replicas``, say): those see the error, not Rollcall.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from app.engine.kafka.cluster import Topic
from app.engine.topics.plans import ENVELOPE_BYTES, FOR_EVER, LARGEST_INPUT, NO_LIMIT, Plan, Role

_INTERNAL: Final = frozenset({Role.LOG, Role.CHANGELOG})
_FOR_OTHERS: Final = frozenset({Role.OUTPUT, Role.DEAD_LETTER})
_WRITTEN: Final = _INTERNAL | _FOR_OTHERS


class Circumstances(NamedTuple):
    """What a rule may ask beside the setting itself."""

    plan: Plan
    topic: Topic
    largest_input: int  # bytes: the largest message that an input topic takes


class Rule(NamedTuple):
    """A setting of a topic. ``allowed`` answers what it must be where it is not that, else None."""

    setting: str
    roles: Collection[Role]
    allowed: Callable[[str, Circumstances], str | None]
    why: str
    refused: bool = True


def _planned(value: str, about: Circumstances, setting: str) -> str | None:
    wanted = about.plan.config[setting]
    return None if value == wanted else wanted


def _as_planned(setting: str) -> Callable[[str, Circumstances], str | None]:
    return lambda value, about: _planned(value, about, setting)


def _no_shorter(value: str, about: Circumstances) -> str | None:
    wanted = about.plan.config["retention.ms"]
    return wanted if value != FOR_EVER and (wanted == FOR_EVER or int(value) < int(wanted)) else None


def _no_longer(value: str, about: Circumstances) -> str | None:
    wanted = about.plan.config["retention.ms"]
    return wanted if wanted != FOR_EVER and (value == FOR_EVER or int(value) > int(wanted)) else None


def _no_later(value: str, about: Circumstances) -> str | None:
    wanted = about.plan.config["max.compaction.lag.ms"]
    return wanted if int(value) > int(wanted) else None


def _kept_as_long(value: str, about: Circumstances) -> str | None:
    wanted = about.plan.config["delete.retention.ms"]
    return f"{wanted} or more" if int(value) < int(wanted) else None


def _no_compaction(value: str, _: Circumstances) -> str | None:
    return "delete" if "compact" in value else None


def _room(value: str, about: Circumstances) -> str | None:
    least = about.largest_input + ENVELOPE_BYTES
    return None if int(value) >= least else f"{least} or more"


def _no_larger(value: str, _: Circumstances) -> str | None:
    return None if int(value) <= LARGEST_INPUT else f"{LARGEST_INPUT} or less"


def _enough_replicas(value: str, about: Circumstances) -> str | None:
    return None if int(value) <= about.topic.replicas else f"{about.topic.replicas} or less"


def _two_of_three(value: str, about: Circumstances) -> str | None:
    return "2" if about.topic.replicas > 2 and int(value) < 2 else None  # noqa: PLR2004 - the usual pair


def _no_time_limit(value: str, about: Circumstances) -> str | None:
    given = about.topic.config.get("message.timestamp.type") == "LogAppendTime"
    return None if given or value == NO_LIMIT else NO_LIMIT


def _clean_elections(value: str, about: Circumstances) -> str | None:
    return "false" if value == "true" and about.topic.replicas > 1 else None


RULES: Final = (
    Rule(
        "cleanup.policy",
        {Role.LOG},
        _as_planned("cleanup.policy"),
        "compaction removes records that the state and each replay follow from",
    ),
    Rule(
        "cleanup.policy",
        {Role.CHANGELOG},
        _as_planned("cleanup.policy"),
        "what is deleted by age is lost to the next restore",
    ),
    Rule(
        "cleanup.policy",
        {Role.DEAD_LETTER},
        _no_compaction,
        "a compacted topic refuses records without a key, and an input need not have one",
    ),
    Rule(
        "cleanup.policy",
        {Role.OUTPUT},
        _no_compaction,
        "compaction keeps the last event of a key, and consumers may miss those before it",
        refused=False,
    ),
    Rule(
        "cleanup.policy",
        {Role.INPUT},
        _no_compaction,
        "compaction keeps the last record of a key, and inputs that are not read yet may be gone",
        refused=False,
    ),
    Rule(
        "message.timestamp.type",
        {Role.LOG},
        _as_planned("message.timestamp.type"),
        "deadlines are measured by the broker's clock",
    ),
    Rule(
        "retention.ms",
        {Role.LOG},
        _no_shorter,
        "ROLLCALL_LOG_RETENTION_SECONDS asks for it; records that are deleted before they are folded are lost, and "
        "history begins where the log does",
    ),
    Rule(
        "retention.ms",
        {Role.LOG},
        _no_longer,
        "ROLLCALL_LOG_RETENTION_SECONDS asks for it; until then the log grows beyond that",
        refused=False,
    ),
    Rule(
        "max.compaction.lag.ms",
        {Role.CHANGELOG},
        _no_later,
        "what was replaced or deleted in it may stay for long otherwise",
        refused=False,
    ),
    Rule(
        "delete.retention.ms",
        {Role.CHANGELOG},
        _kept_as_long,
        "a local directory that was away for longer lacks deletions that may be gone, and is restored whole; a restore "
        "that takes longer may miss some",
        refused=False,
    ),
    Rule(
        "retention.bytes",
        {Role.LOG},
        _as_planned("retention.bytes"),
        "records that are deleted before they are folded are lost, and history ends where the log begins",
    ),
    *(
        Rule(setting, {Role.DEAD_LETTER}, _as_planned(setting), "what nobody has looked at goes", refused=False)
        for setting in ("retention.ms", "retention.bytes")
    ),
    Rule(
        "max.message.bytes",
        {Role.LOG, Role.CHANGELOG, Role.DEAD_LETTER},
        _room,
        "the largest input is written there with its key and headers",
    ),
    Rule("max.message.bytes", {Role.OUTPUT}, _room, "an event may carry the whole of an input", refused=False),
    Rule("max.message.bytes", {Role.INPUT}, _no_larger, "that is the most that Rollcall can keep"),
    Rule(
        "min.insync.replicas",
        _WRITTEN,
        _enough_replicas,
        "with fewer replicas than that the broker refuses every record",
    ),
    Rule(
        "min.insync.replicas",
        _WRITTEN,
        _two_of_three,
        "what is acknowledged may be on one broker only, and be lost with it",
        refused=False,
    ),
    *(
        Rule(
            setting,
            {Role.CHANGELOG, *_FOR_OTHERS},
            _no_time_limit,
            "records carry the time of the input that they follow from, and the broker would refuse older ones",
        )
        for setting in ("message.timestamp.before.max.ms", "message.timestamp.difference.max.ms")
    ),
    Rule(
        "unclean.leader.election.enable",
        _INTERNAL,
        _clean_elections,
        "an election may then lose acknowledged records, and the state would no longer follow from the log",
        refused=False,
    ),
)


def largest_input(topics: Mapping[str, Topic], plans: Mapping[str, Plan]) -> int:
    """The largest message that an input takes, in bytes; where the broker does not tell, what they are made with.

    At most what Rollcall can keep: an input that takes larger ones is refused itself.
    """
    limits = (
        topic.config.get("max.message.bytes", plans[name].config["max.message.bytes"])
        for name, topic in topics.items()
        if plans[name].role is Role.INPUT
    )
    return min(LARGEST_INPUT, max((int(value) for value in limits), default=0))
