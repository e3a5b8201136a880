"""A data directory that was filled on another cluster, under the same app id and at the same offsets."""

import shutil
from collections.abc import Iterator

import pytest

from tests.engine.harness import envelopes, flat, log_lines
from tests.oracle import topics
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

FOREIGN = "local state is of something else and will be restored"
BATCHES = range(6)  # enough that each of three partitions has one


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Stage]]:
    home = tmp_path_factory.mktemp("foreign")
    with Stage(home / "a") as one, Stage(home / "b") as other:
        yield one, other


def with_open_batches(stage: Stage, name: str) -> Worker:
    """A worker that has folded open batches in every partition, stopped."""
    worker = stage.worker()
    worker.start()
    read = stage.reader()
    stage.io.produce([message for number in BATCHES for message in flat("R2 C0", f"{name}-{number}")])
    read.require(lambda found: len(envelopes(found, topics.SLOT)) == len(BATCHES), "a slot a batch")
    stage.wait_taken()
    worker.stop()
    return worker


def test_state_of_another_cluster_is_thrown_away_and_every_batch_of_this_one_is_made_ready(
    clusters: tuple[Stage, Stage],
) -> None:
    theirs, ours = with_open_batches(clusters[0], "of-a"), with_open_batches(clusters[1], "of-b")
    ours.wipe()
    shutil.copytree(theirs.datadir, ours.datadir)
    ours.start()
    stage = clusters[1]
    read = stage.reader()
    stage.io.produce([message for number in BATCHES for message in flat("C1", f"of-b-{number}")])
    everything = {f"of-b-{number}" for number in BATCHES}
    read.require(lambda found: {one["batch_id"] for one in envelopes(found, topics.READY)} == everything, "all ready")
    assert {len(one["ready_essays"]) for one in envelopes(read.records, topics.READY)} == {2}
    assert "of-a" not in ours.get("/api/batches")[1]
    lines = [line for line in log_lines(ours) if line["event"] == FOREIGN]
    assert {line["partition"] for line in lines} == {0, 1, 2}
    for line in lines:
        assert line["found"] != line["wanted"]
        assert line["path"] == str(ours.datadir / "rollcall" / f"partition-{line['partition']}")
        assert all("cluster " in line[side] for side in ("found", "wanted"))
    ours.stop()
