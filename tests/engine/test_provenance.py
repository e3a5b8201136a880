"""Whose state it is: a local store of something else is restored, state that belongs to nothing that is there refused.

On a real broker, with the restore and the stores of a worker, and no worker process: see ``tests/worker`` for those.
"""

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import structlog
from aiokafka.admin import RecordsToDelete
from aiokafka.structs import TopicPartition

from app.engine.kafka.clients import new_producer
from app.engine.state import origin
from app.engine.state.origin import Origin
from app.engine.state.provenance import Provenance, ProvenanceError, ask, check_origin, claim
from app.engine.state.restore import Progress, restore
from app.engine.state.store import LAYOUT, LOCAL, Store
from app.settings import Settings
from app.topology import TOPICS
from tests.engine.harness import alter, create, until
from tests.support.brokers import borrowed
from tests.support.kafka_io import KafkaIO

pytestmark = pytest.mark.kafka
NUMBERS = count()
FOREIGN = "local state is of something else and will be restored"
AWAY = "local state was away for longer than the changelog keeps deletions and will be restored"
UNLABELLED = "local state does not say whose it is, as older releases wrote it, and will be restored once"


@pytest.fixture(scope="module")
def io() -> Iterator[KafkaIO]:
    with borrowed() as broker, KafkaIO(broker.bootstrap) as made:
        yield made


class Place:
    """An app id with a log and a changelog of one partition, and a store in a data directory."""

    def __init__(self, io: KafkaIO, home: Path) -> None:
        self.io = io
        self.settings = Settings(broker=io.bootstrap, datadir=home, app_id=f"whose-{next(NUMBERS)}", partitions=1)
        self.log, self.changelog = f"{self.settings.app_id}-log", f"{self.settings.app_id}-tables-changelog"
        self.store = Store(home / self.settings.app_id / "partition-0")
        for name in (self.log, self.changelog):
            create(io, name, 1, {})
        self.store.open()

    def make_again(self, name: str) -> None:
        """Delete a topic and make it again. The controller's word is not yet the broker's: each step is waited for."""
        self.io.call(self.io._admin.delete_topics([name]))
        until(lambda: name not in self.io.topics(), f"{name} is gone", every=0.01)
        create(self.io, name, 1, {})
        until(lambda: name in self.io.topics(), f"{name} is there again", every=0.01)

    def write(self, **rows: bytes) -> None:
        """Append rows to the changelog."""

        async def send() -> None:
            producer = new_producer(self.settings)
            await producer.start()
            try:
                for key, value in rows.items():
                    await producer.send_and_wait(self.changelog, partition=0, key=key.encode(), value=value)
            finally:
                await producer.stop()

        self.io.call(send())

    def restore(self, committed: int | None = None) -> list[str]:
        """Restore the store, as a takeover does it; the lines that were logged."""

        async def take_over() -> None:
            there = await ask(self.settings, TOPICS)
            if committed is not None:
                there = there._replace(committed={0: committed})
            await restore(self.settings, self.changelog, {0: self.store}, Progress(), there)

        with structlog.testing.capture_logs() as lines:
            self.io.call(take_over())
        return [line["event"] for line in lines if line["log_level"] == "warning"]

    def rows(self) -> dict[bytes, bytes]:
        """What the store has."""
        return dict(self.store.scan(b"b"))


@pytest.fixture
def place(io: KafkaIO, tmp_path: Path) -> Iterator[Place]:
    made = Place(io, tmp_path)
    yield made
    made.store.close()


def test_a_store_of_what_is_there_is_kept(place: Place) -> None:
    place.write(b1=b"1")
    assert place.restore() == []
    place.store.write({b"b-kept": b"only a store that is kept has it"}, place.store.offset)
    assert place.restore() == []
    assert place.rows() == {b"b1": b"1", b"b-kept": b"only a store that is kept has it"}


DIVERGED = "local state is of a changelog that went on otherwise (the cluster was set back?) and will be restored"


@pytest.mark.parametrize("later", [0, 3, 100])
def test_a_changelog_that_was_set_back_and_went_on_otherwise_is_restored(place: Place, later: int) -> None:
    """As after a backup of the cluster: all ids are the same, and the store stands at an offset of another history."""
    place.write(b1=b"1", b2=b"2")
    place.restore()
    place.store.write({b"b-lost": b"written before the backup was brought back"}, place.store.offset + 2)
    place.write(b3=b"3", b4=b"4", **{f"b-later-{number}": b"5" for number in range(later)})
    assert place.restore() == [DIVERGED]
    assert b"b-lost" not in place.rows()
    assert len(place.rows()) == 4 + later
    assert place.restore() == []


def test_a_store_whose_last_rows_were_removed_again_is_kept(place: Place) -> None:
    place.write(b1=b"1", b2=b"2")
    place.restore()
    place.write(b3=b"3")
    place.restore()
    place.store.write({b"b-kept": b"only a store that is kept has it", b"b1": b"newer"}, place.store.offset)
    assert place.restore() == []
    assert b"b-kept" in place.rows()


def test_a_changelog_that_was_made_again_with_as_many_records_makes_the_store_foreign(place: Place) -> None:
    place.write(b1=b"1", b2=b"2")
    place.restore()
    place.make_again(place.changelog)
    place.write(b3=b"3", b4=b"4")
    assert place.restore() == [FOREIGN]
    assert place.rows() == {b"b3": b"3", b"b4": b"4"}
    assert place.restore() == []


def test_a_log_that_was_made_again_makes_the_store_foreign(place: Place) -> None:
    place.write(b1=b"1")
    place.restore()
    place.make_again(place.log)
    assert place.restore() == [FOREIGN]


@pytest.mark.parametrize("theirs", ["cluster", "app id", "partition"])
def test_a_store_that_another_cluster_app_id_or_partition_filled_is_thrown_away(theirs: str, place: Place) -> None:
    """As when a data directory is carried elsewhere, shared, or renamed."""
    place.write(b1=b"1")
    there = place.io.call(ask(place.settings, TOPICS))
    other = place.settings.model_copy(update={"app_id": "another"}) if theirs == "app id" else place.settings
    known = there._replace(cluster="another") if theirs == "cluster" else there
    place.store.label(known.label(other, 1 if theirs == "partition" else 0))
    place.store.write({b"b-foreign": b"x"}, 1)
    assert place.restore() == [FOREIGN]
    assert place.rows() == {b"b1": b"1"}


def test_the_line_names_directory_partition_and_both_identities(place: Place) -> None:
    place.store.label("cluster A, partition 0")
    with structlog.testing.capture_logs() as lines:
        there = Provenance("B", "c", "l", {})
        claim(place.store, place.settings, 0, there)
    (line,) = lines
    assert line["path"] == str(place.store.path)
    assert line["partition"] == 0
    assert line["found"] == "cluster A, partition 0"
    assert line["wanted"] == f"cluster B, {place.changelog} c, {place.log} l, partition 0"


def test_a_store_of_an_older_release_is_restored_once_and_then_says_whose_it_is(place: Place) -> None:
    """It has rows, an offset and the layout, as release 0.1.0 wrote them, and nothing else."""
    place.write(b1=b"1")
    place.store.write({LOCAL + b"layout": LAYOUT, b"b-foreign": b"x"}, 1)
    assert place.restore() == [UNLABELLED]
    assert place.rows() == {b"b1": b"1"}
    place.store.write({b"b-here": b"only"}, place.store.offset)
    assert place.restore() == []
    assert place.rows() == {b"b1": b"1", b"b-here": b"only"}, "a restart right after restores nothing"


def test_rows_without_an_offset_are_no_empty_store(place: Place) -> None:
    """At least once, a store may have rows and stand at offset 0."""
    place.store.write({b"b-foreign": b"x"}, 0)
    assert place.restore() == [UNLABELLED]
    assert place.rows() == {}


def test_an_empty_changelog_under_a_log_that_was_folded_is_refused_and_the_store_is_left(place: Place) -> None:
    place.write(b1=b"1")
    place.restore()
    place.make_again(place.changelog)
    with pytest.raises(ProvenanceError, match=r"is empty, and 5 offsets of .* were folded into it") as refused:
        place.restore(committed=5)
    assert "replay --into NEW" in str(refused.value)
    assert place.rows() == {b"b1": b"1"}


def test_a_changelog_that_begins_behind_what_the_store_has_is_refused(place: Place) -> None:
    place.write(b1=b"1", b2=b"2", b3=b"3")
    there = TopicPartition(place.changelog, 0)
    place.restore()
    _delete_before(place, there, 2)
    (line,) = place.restore()  # the store has what was deleted
    assert line.startswith("records of the changelog were deleted, and only local state has what they said")
    place.store.wipe()
    with pytest.raises(ProvenanceError, match=r"begins at offset 2, and the local state in .* ends at 0") as refused:
        place.restore()
    assert f"topic {place.changelog} partition 0 " in str(refused.value)
    assert "replay --into NEW" in str(refused.value)


def _delete_before(place: Place, partition: TopicPartition, offset: int) -> None:
    """Delete the records before an offset."""
    place.io.call(place.io._admin.delete_records({partition: RecordsToDelete(offset)}))


@pytest.mark.parametrize(("kept_hours", "restored"), [(1, True), (3, False), (100, False)])
def test_a_store_that_was_away_for_longer_than_its_changelog_keeps_deletions_is_restored_whole(
    place: Place, monkeypatch: pytest.MonkeyPatch, kept_hours: int, *, restored: bool
) -> None:
    """The topic's own setting, where somebody has changed it to less than the 16 hours that it was made with."""
    alter(place.io, place.changelog, {"cleanup.policy": "compact", "delete.retention.ms": str(kept_hours * 3_600_000)})
    place.write(b1=b"1")
    place.restore()
    place.store.write({b"b-deleted": b"and its deletion is gone"}, place.store.offset)
    place.write(b2=b"2")
    left = time.time()
    monkeypatch.setattr(time, "time", lambda: left + 2 * 3600)
    assert place.restore() == [AWAY] * restored
    assert (b"b-deleted" in place.rows()) is not restored
    place.write(b3=b"3")
    monkeypatch.setattr(time, "time", lambda: left + 19 * 3600)  # more than what Rollcall would have set
    assert place.restore() == [AWAY]
    assert place.rows() == {b"b1": b"1", b"b2": b"2", b"b3": b"3"}


def test_rows_of_another_log_or_another_count_are_refused(place: Place) -> None:
    there = Provenance("here", "c", "log-2", {})
    first = check_origin(place.settings, 0, place.store, there)
    assert first == Origin("here", "log-2", 1)
    place.store.write({origin.KEY: origin.value(first)}, 1)
    assert check_origin(place.settings, 0, place.store, there) is None
    with pytest.raises(ProvenanceError, match=f"topic {place.log} was made anew: .* follows from the log log-2 "):
        check_origin(place.settings, 0, place.store, there._replace(log="log-3"))
    three = place.settings.model_copy(update={"partitions": 3})
    with pytest.raises(ProvenanceError, match="made with 1 partitions, and ROLLCALL_PARTITIONS is 3"):
        check_origin(three, 0, place.store, there)


def test_where_the_broker_does_not_say_ids_nothing_is_refused_for_them(place: Place) -> None:
    place.store.write({origin.KEY: origin.value(Origin(None, None, 1))}, 1)
    assert check_origin(place.settings, 0, place.store, Provenance("x", "c", "log", {})) is None
