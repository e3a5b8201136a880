"""Settings of topics that somebody changes while the worker runs: each stops it, is told, or is of no matter."""

from pathlib import Path
from typing import Literal

import pytest

from app.engine.topics.ensure import TopicError
from tests.engine.test_topic_watch import CHANGELOG, LOG, Looks
from tests.oracle import topics

Fate = Literal["refused", "told", "no matter"]

KINDS = {
    "input": topics.CONTENT,
    "log": LOG,
    "changelog": CHANGELOG,
    "output": topics.READY,
    "dead letters": topics.DEAD,
}
MIB = 1024 * 1024

#: What becomes of a running worker, by the kind of topic: input, log, changelog, output, dead letters.
TABLE: dict[tuple[str, str], tuple[Fate, Fate, Fate, Fate, Fate]] = {
    ("cleanup.policy", "compact"): ("told", "refused", "no matter", "told", "refused"),
    ("cleanup.policy", "compact,delete"): ("told", "refused", "refused", "told", "refused"),
    ("cleanup.policy", "delete"): ("no matter", "no matter", "refused", "no matter", "no matter"),
    ("retention.ms", "1000"): ("no matter", "refused", "no matter", "no matter", "told"),
    ("retention.bytes", "1000"): ("no matter", "refused", "no matter", "no matter", "told"),
    ("max.message.bytes", "100"): ("no matter", "refused", "refused", "told", "refused"),
    ("max.message.bytes", str(17 * MIB)): ("refused", "no matter", "no matter", "no matter", "no matter"),
    ("min.insync.replicas", "2"): ("no matter", "refused", "refused", "refused", "refused"),
    ("message.timestamp.type", "CreateTime"): ("no matter", "refused", "no matter", "no matter", "no matter"),
    ("message.timestamp.type", "LogAppendTime"): ("no matter",) * 5,
    ("message.timestamp.before.max.ms", "1000"): ("no matter", "no matter", "refused", "refused", "refused"),
    ("unclean.leader.election.enable", "true"): ("no matter",) * 5,  # there is one replica
    **{
        ("compression.type", codec): ("no matter",) * 5
        for codec in ("uncompressed", "gzip", "snappy", "lz4", "zstd", "producer")
    },
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("setting", "value"), TABLE)
def test_a_setting_that_is_changed_is_refused_or_told_wherever_it_matters(
    tmp_path: Path, kind: str, setting: str, value: str
) -> None:
    """``no matter``: the real worker was seen to serve with it, or it concerns producers and consumers alone."""
    due, name = TABLE[setting, value][list(KINDS).index(kind)], KINDS[kind]
    looks = Looks(tmp_path)
    looks.topics[name] = looks.topics[name]._replace(config=dict(looks.topics[name].config) | {setting: value})
    if due == "refused":
        with pytest.raises(TopicError) as caught:
            looks.look()
        assert f"topic {name} has {setting}={value} and must have" in str(caught.value)
        assert f"kafka-configs.sh --alter --topic {name}" in str(caught.value)
        return
    told = looks.look()
    assert [line for line in told if f"topic {name} has {setting}={value} and should have" in line] == told
    assert bool(told) == (due == "told")
