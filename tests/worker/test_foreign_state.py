"""A data directory that was filled on another cluster, under the same app id and at the same offsets."""

import shutil
from collections.abc import Iterator
from functools import partial

import pytest

from app.engine.kafka.partitioner import partition_for
from tests.engine.harness import envelopes, flat, log_lines
from tests.oracle import topics
from tests.oracle.records import OutputRecord
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

FOREIGN = "local state is of something else and will be restored"
PARTITIONS = range(3)


def batches(name: str) -> list[str]:
    """A batch for each partition of the log."""
    found = {partition_for(batch.encode(), 3): batch for batch in (f"{name}-{number}" for number in range(50))}
    return [found[number] for number in PARTITIONS]


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Stage]]:
    home = tmp_path_factory.mktemp("foreign")
    with Stage(home / "a") as first, Stage(home / "b") as other:
        yield first, other


def have_slots(name: str, found: list[OutputRecord]) -> bool:
    """Whether each batch of a name has a slot."""
    return {envelope["batch_id"] for envelope in envelopes(found, topics.SLOT)} >= {*batches(name)}


def with_open_batches(stage: Stage, *names: str) -> Worker:
    """A worker that has folded open batches, those of one name after those of the other, in each partition; stopped."""
    worker = stage.worker()
    worker.start()
    for name in names:
        read = stage.reader()
        stage.io.produce([message for batch in batches(name) for message in flat("R2 C0", batch)])
        read.require(partial(have_slots, name), "a slot a batch")
    stage.wait_taken()
    worker.stop()
    return worker


def test_state_of_another_cluster_is_thrown_away_and_every_batch_of_this_one_is_made_ready(
    clusters: tuple[Stage, Stage],
) -> None:
    """Theirs stands at an offset that ours has as well, behind the rows of the first batches."""
    theirs, ours = with_open_batches(clusters[0], "of-a"), with_open_batches(clusters[1], "of-b", "of-b-later", "last")
    ours.wipe()
    shutil.copytree(theirs.datadir, ours.datadir)
    ours.start()
    stage = clusters[1]
    read = stage.reader()
    everything = {*batches("of-b"), *batches("of-b-later"), *batches("last")}
    stage.io.produce([message for batch in sorted(everything) for message in flat("C1", batch)])
    read.require(
        lambda found: {envelope["batch_id"] for envelope in envelopes(found, topics.READY)} == everything, "all ready"
    )
    assert {len(envelope["ready_essays"]) for envelope in envelopes(read.records, topics.READY)} == {2}
    assert "of-a" not in ours.get("/api/batches")[1]
    lines = [line for line in log_lines(ours) if line["event"] == FOREIGN]
    assert {line["partition"] for line in lines} == {*PARTITIONS}
    for line in lines:
        assert line["found"] != line["wanted"]
        assert line["path"] == str(ours.datadir / "rollcall" / f"partition-{line['partition']}")
        assert all("cluster " in line[side] for side in ("found", "wanted"))
    ours.stop()
