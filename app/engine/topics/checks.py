"""Topics as they are, against what they must be. Pure: called at start, and by the watch while the worker runs."""

from collections.abc import Mapping
from typing import NamedTuple

from app.engine.kafka.cluster import Topic
from app.engine.topics.plans import Plan
from app.engine.topics.rules import RULES, Circumstances, largest_input


class Findings(NamedTuple):
    """What is wrong with topics: ``refusals`` stop the worker, ``remarks`` are for a person to know. A line each."""

    refusals: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def check(
    plans: Mapping[str, Plan], topics: Mapping[str, Topic], *, app_id: str, recorded: int | None = None
) -> Findings:
    """Compare the topics that exist with the plans of them. Those without a plan, or that don't exist, are passed over.

    ``recorded`` is the number of partitions that the state was made with, where it is known. A setting that the broker
    does not tell (an ACL) is not checked.
    """
    known = {name: topic for name, topic in topics.items() if name in plans}
    refusals, remarks = [], []
    for name, topic in known.items():
        wrong = _partitions(name, topic, plans[name], app_id, recorded)
        if wrong is not None:
            refusals.append(wrong)
    largest = largest_input(known, plans)
    for name, topic in known.items():
        about = Circumstances(plans[name], topic, largest)
        for rule in RULES:
            value = topic.config.get(rule.setting)
            if value is None or about.plan.role not in rule.roles:
                continue
            must = rule.allowed(value, about)
            if must is None:
                continue
            if rule.refused:
                refusals.append(
                    f"topic {name} has {rule.setting}={value} and must have {rule.setting}={must}: {rule.why}; "
                    f"change it ({_alter(name, rule.setting, must)})"
                    + (", or use another ROLLCALL_APP_ID" if about.plan.fixed_partitions else "")
                )
            else:
                remarks.append(
                    f"topic {name} has {rule.setting}={value} and should have {rule.setting}={must}: {rule.why}"
                    + (f"; change it ({_alter(name, rule.setting, must)})" if about.plan.fixed_partitions else "")
                )
    return Findings(tuple(refusals), tuple(remarks))


def _alter(name: str, setting: str, must: str) -> str:
    return f"kafka-configs.sh --alter --topic {name} --add-config {setting}={must.split(' ', maxsplit=1)[0]}"


def _partitions(name: str, topic: Topic, plan: Plan, app_id: str, recorded: int | None) -> str | None:
    """What is wrong with the number of partitions of a topic whose keys were placed by it."""
    if not plan.fixed_partitions:
        return None
    if recorded is not None and topic.partitions != recorded:
        return (
            f"topic {name} has {topic.partitions} partitions, and the state of ROLLCALL_APP_ID={app_id} was made with "
            f"{recorded}: partitions were added, with which keys belong elsewhere and batches would be torn in two. "
            f"Partitions can't be taken away. {way_out(recorded)}"
        )
    if topic.partitions != plan.partitions:
        return (
            f"topic {name} has {topic.partitions} partitions and ROLLCALL_PARTITIONS is {plan.partitions}: it is fixed "
            f"for an app id once the topic exists; set it to {topic.partitions}, or use another ROLLCALL_APP_ID"
        )
    return None


def way_out(partitions: int) -> str:
    """How all is rebuilt with no batch torn: a copy of the log under a fresh app id, each key on its own partition."""
    return (
        "Stop all workers, copy the log to a fresh app id with ROLLCALL_PARTITIONS="
        f"{partitions} and `faust -A app replay --into NEW`, and start them with ROLLCALL_APP_ID=NEW and "
        f"ROLLCALL_PARTITIONS={partitions}"
    )
