"""What existing topics are refused for, and what is remarked on: setting by setting, without a broker."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path

import pytest

from app.engine.kafka.clients import MAX_RECORD_BYTES
from app.engine.kafka.cluster import Topic
from app.engine.kafka.partitioner import partition_for
from app.engine.topics.checks import Findings, check
from app.engine.topics.heads import judge
from app.engine.topics.plans import NO_LIMIT, Plan, Role, plans, time_limits
from app.settings import Settings
from app.topology import TOPICS
from tests.oracle import topics

LOG, CHANGELOG = "rollcall-log", "rollcall-tables-changelog"
NAMES = {
    Role.LOG: LOG,
    Role.CHANGELOG: CHANGELOG,
    Role.INPUT: topics.CONTENT,
    Role.OUTPUT: topics.READY,
    Role.DEAD_LETTER: topics.DEAD,
}


@pytest.fixture
def planned(tmp_path: Path) -> dict[str, Plan]:
    return plans(Settings(datadir=tmp_path, replication_factor=3), TOPICS)


def findings(
    planned: Mapping[str, Plan], role: Role, config: Mapping[str, str] | None = None, *, replicas: int = 3
) -> Findings:
    """What is found when one topic of all has other settings."""
    made = {name: Topic(name, plan.partitions, 3, plan.config) for name, plan in planned.items()}
    name = NAMES[role]
    made[name] = made[name]._replace(config={**made[name].config, **(config or {})}, replicas=replicas)
    return check(planned, made, app_id="rollcall")


def test_what_rollcall_makes_is_what_it_takes(planned: dict[str, Plan]) -> None:
    assert findings(planned, Role.LOG) == Findings()


REFUSED = [
    (Role.LOG, "cleanup.policy", "compact"),
    (Role.LOG, "cleanup.policy", "compact,delete"),
    (Role.LOG, "message.timestamp.type", "CreateTime"),
    (Role.LOG, "retention.ms", "1000"),
    (Role.LOG, "retention.bytes", "1000000"),
    (Role.LOG, "max.message.bytes", "1048588"),
    (Role.LOG, "min.insync.replicas", "4"),
    (Role.CHANGELOG, "cleanup.policy", "delete"),
    (Role.CHANGELOG, "cleanup.policy", "compact,delete"),
    (Role.CHANGELOG, "max.message.bytes", "1048588"),
    (Role.CHANGELOG, "min.insync.replicas", "4"),
    (Role.CHANGELOG, "message.timestamp.before.max.ms", "3600000"),
    (Role.DEAD_LETTER, "cleanup.policy", "compact"),
    (Role.DEAD_LETTER, "cleanup.policy", "compact,delete"),
    (Role.DEAD_LETTER, "max.message.bytes", "1048588"),
    (Role.DEAD_LETTER, "min.insync.replicas", "4"),
    (Role.OUTPUT, "min.insync.replicas", "4"),
    (Role.OUTPUT, "message.timestamp.difference.max.ms", "3600000"),
    (Role.INPUT, "max.message.bytes", str(MAX_RECORD_BYTES)),
]


@pytest.mark.parametrize(("role", "setting", "value"), REFUSED)
def test_a_setting_that_a_guarantee_needs_is_refused_by_name(
    role: Role, setting: str, value: str, planned: dict[str, Plan]
) -> None:
    found = findings(planned, role, {setting: value})
    assert len(found.refusals) == 1
    (line,) = found.refusals
    assert f"topic {NAMES[role]} has {setting}={value} and must have {setting}=" in line
    assert f"kafka-configs.sh --alter --topic {NAMES[role]} --add-config {setting}=" in line
    assert "\n" not in line


REMARKED = [
    (Role.LOG, "retention.ms", "-1"),  # of a release before, which kept it for ever
    (Role.LOG, "retention.ms", "7776000001"),
    (Role.CHANGELOG, "max.compaction.lag.ms", str(2**63 - 1)),
    (Role.CHANGELOG, "delete.retention.ms", "57599999"),
    (Role.INPUT, "cleanup.policy", "compact"),
    (Role.OUTPUT, "cleanup.policy", "compact"),
    (Role.OUTPUT, "max.message.bytes", "1000000"),
    (Role.OUTPUT, "min.insync.replicas", "1"),
    (Role.DEAD_LETTER, "retention.ms", "1000"),
    (Role.LOG, "unclean.leader.election.enable", "true"),
]


@pytest.mark.parametrize(("role", "setting", "value"), REMARKED)
def test_a_setting_that_may_cost_others_something_is_remarked_on(
    role: Role, setting: str, value: str, planned: dict[str, Plan]
) -> None:
    found = findings(planned, role, {setting: value})
    assert found.refusals == ()
    assert [line for line in found.remarks if f"topic {NAMES[role]} has {setting}={value}" in line] == [*found.remarks]
    assert found.remarks


def test_a_log_that_is_kept_for_a_shorter_time_is_refused_and_for_a_longer_one_remarked_on(tmp_path: Path) -> None:
    """The line names the setting, the topic, both values and the command."""
    wanted = plans(Settings(datadir=tmp_path, log_retention_seconds=3_000_000), TOPICS)
    (refused,) = findings(wanted, Role.LOG, {"retention.ms": "2999999999"}).refusals
    (remark,) = [
        line for line in findings(wanted, Role.LOG, {"retention.ms": "3000000001"}).remarks if "retention" in line
    ]
    for line, value in ((refused, "2999999999"), (remark, "3000000001")):
        assert f"topic rollcall-log has retention.ms={value}" in line
        assert "ROLLCALL_LOG_RETENTION_SECONDS" in line
        assert "kafka-configs.sh --alter --topic rollcall-log --add-config retention.ms=3000000000" in line
    for_ever = plans(Settings(datadir=tmp_path, log_retention_seconds=0), TOPICS)
    assert for_ever["rollcall-log"].config["retention.ms"] == "-1"
    assert findings(for_ever, Role.LOG, {"retention.ms": "7776000000"}).refusals


def test_a_changelog_that_keeps_deletions_for_a_shorter_time_is_remarked_on_with_what_follows(
    planned: dict[str, Plan],
) -> None:
    (line,) = findings(planned, Role.CHANGELOG, {"delete.retention.ms": "1000"}).remarks
    assert (
        f"topic {CHANGELOG} has delete.retention.ms=1000 and should have delete.retention.ms=57600000 or more" in line
    )
    assert "restored whole" in line
    assert f"kafka-configs.sh --alter --topic {CHANGELOG} --add-config delete.retention.ms=57600000" in line


NO_MATTER = [
    (Role.LOG, "compression.type", "zstd"),
    (Role.LOG, "segment.ms", "1000"),
    (Role.LOG, "message.timestamp.before.max.ms", "1000"),
    (Role.CHANGELOG, "retention.ms", "1000"),
    (Role.CHANGELOG, "delete.retention.ms", "86400000"),
    (Role.OUTPUT, "retention.ms", "1000"),
    (Role.INPUT, "retention.ms", "1000"),
    (Role.INPUT, "message.timestamp.type", "LogAppendTime"),
    (Role.INPUT, "min.insync.replicas", "1"),
]


@pytest.mark.parametrize(("role", "setting", "value"), NO_MATTER)
def test_a_setting_that_nothing_depends_on_is_no_matter(
    role: Role, setting: str, value: str, planned: dict[str, Plan]
) -> None:
    assert findings(planned, role, {setting: value}) == Findings()


def test_an_output_that_takes_the_brokers_time_refuses_no_record_for_its_age(planned: dict[str, Plan]) -> None:
    config = {"message.timestamp.type": "LogAppendTime", "message.timestamp.before.max.ms": "1000"}
    assert findings(planned, Role.OUTPUT, config).refusals == ()


def test_settings_that_the_broker_does_not_tell_are_not_checked(planned: dict[str, Plan]) -> None:
    made = {name: Topic(None, plan.partitions, 1, {}) for name, plan in planned.items()}
    assert check(planned, made, app_id="rollcall") == Findings()


@pytest.mark.parametrize("name", [LOG, CHANGELOG])
def test_partitions_that_were_added_are_refused_with_a_way_that_tears_no_batch(
    name: str, planned: dict[str, Plan]
) -> None:
    made = {name: Topic("id", 6, 3, planned[name].config)}
    for setting in (3, 6):
        given = {name: planned[name]._replace(partitions=setting)}
        (line,) = check(given, made, app_id="rollcall", recorded=3).refusals
        assert f"topic {name} has 6 partitions, and the state of ROLLCALL_APP_ID=rollcall was made with 3" in line
        assert "replay --into NEW" in line
        assert "ROLLCALL_PARTITIONS=3" in line
        assert "set it to 6" not in line


def test_a_count_that_nobody_recorded_is_told_by_the_keys_of_the_log() -> None:
    keys = [b"batch-%d" % number for number in range(40)]
    placed = {made: [(partition_for(key, made), at, key) for at, key in enumerate(keys)] for made in (2, 3, 5, 6)}
    assert judge(LOG, 3, placed[3]).recorded is None
    assert judge(LOG, 6, placed[3]).recorded == 3
    assert judge(LOG, 6, placed[5]).recorded == 5
    assert judge(LOG, 3, placed[2]).recorded == 2
    assert judge(LOG, 3, []).recorded is None


def test_a_log_that_was_written_under_two_counts_is_refused_by_a_record_of_it() -> None:
    numbers = count()
    keys = [b"batch-%d" % next(numbers) for _ in range(40)]
    both = [(partition_for(key, made), at, key) for made in (3, 6) for at, key in enumerate(keys)]
    seen = judge(LOG, 6, both)
    assert seen.recorded is None
    (line,) = seen.refusals
    assert "has at offset" in line
    assert "which belongs to partition" in line
    assert "replay --into NEW" in line


def test_limits_on_times_are_lifted_by_the_names_that_the_broker_has() -> None:
    new = {"log.message.timestamp.before.max.ms": "1", "log.message.timestamp.after.max.ms": "3600000"}
    old = {"log.message.timestamp.difference.max.ms": "1"}
    lifted = {"message.timestamp.before.max.ms": NO_LIMIT, "message.timestamp.after.max.ms": NO_LIMIT}
    assert time_limits(new) == time_limits(new | old) == lifted
    assert time_limits(old) == {"message.timestamp.difference.max.ms": NO_LIMIT}
    assert time_limits({}) == {}
