"""The restore, on a real broker: committed records only, to the end and not beyond, from where the store stands."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

import pytest
import structlog
from aiokafka import AIOKafkaProducer

from app.engine.kafka.clients import new_producer
from app.engine.state.restore import Progress, restore
from app.engine.state.store import Store
from app.settings import Settings
from tests.engine.harness import create
from tests.support.brokers import borrowed
from tests.support.kafka_io import KafkaIO
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.kafka
Rows = dict[bytes, bytes | None]
NUMBERS = count()


@pytest.fixture(scope="module")
def io() -> Iterator[KafkaIO]:
    with borrowed() as broker, KafkaIO(broker.bootstrap) as made:
        yield made


class Changelog:
    """A changelog of two partitions, filled by transactions that are committed, aborted or left open."""

    def __init__(self, io: KafkaIO, home: Path) -> None:
        self.io = io
        self.topic = f"changelog-{next(NUMBERS)}"
        self.settings = Settings(broker=io.bootstrap, datadir=home)
        self.progress = Progress()
        self.stores = {number: Store(home / f"{self.topic}-{number}") for number in (0, 1)}
        self.read: dict[int, list[bytes]] = {}
        create(io, self.topic, 2, {"cleanup.policy": "compact"})
        for store in self.stores.values():
            store.open()

    async def write(self, partition: int, *rows: Rows, commit: bool = True) -> None:
        """Write rows, each dictionary in a transaction of its own."""
        producer = new_producer(self.settings, f"{self.topic}-{partition}")
        await producer.start()
        try:
            for row in rows:
                await self._transact(producer, partition, row, commit=commit)
        finally:
            await producer.stop()

    async def _transact(self, producer: AIOKafkaProducer, partition: int, rows: Rows, *, commit: bool) -> None:
        await producer.begin_transaction()
        sent = [
            await producer.send(self.topic, partition=partition, key=key, value=value) for key, value in rows.items()
        ]
        await asyncio.gather(*sent)
        await (producer.commit_transaction() if commit else producer.abort_transaction())

    async def restore(self, partitions: Iterable[int] = (0, 1)) -> None:
        """Restore the stores of some partitions; what each was given is in `read`."""
        chosen = {number: self.stores[number] for number in partitions}
        for number, store in chosen.items():
            self._listen(number, store)
        await restore(self.settings, self.topic, chosen, self.progress)

    def _listen(self, number: int, store: Store) -> None:
        write, keys = Store.write, self.read.setdefault(number, [])

        def listening(rows: Iterable[tuple[bytes, bytes | None]], offset: int, *, logged: bool = True) -> None:
            rows = list(rows)
            keys.extend(key for key, _ in rows)
            write(store, rows, offset, logged=logged)

        store.write = listening  # type: ignore[assignment, method-assign]  # listens in

    def rows(self, number: int) -> Rows:
        """What a store holds."""
        return {key: value for key, value in self.stores[number].scan(b"b") if key.startswith(b"b")}

    def end(self, number: int) -> int:
        """The end of a partition, markers included."""
        return self.io.ends([self.topic])[self.topic, number]

    def close(self) -> None:
        """Close the databases."""
        for store in self.stores.values():
            store.close()


@pytest.fixture
def changelog(io: KafkaIO, tmp_path: Path) -> Iterator[Changelog]:
    made = Changelog(io, tmp_path)
    yield made
    made.close()


async def test_only_committed_records_are_restored(changelog: Changelog) -> None:
    await changelog.write(0, {b"b1": b"kept"})
    await changelog.write(0, {b"b1": b"never said", b"b2": b"never said"}, commit=False)
    await changelog.write(0, {b"b3": b"kept"})
    await changelog.restore([0])
    assert changelog.rows(0) == {b"b1": b"kept", b"b3": b"kept"}


async def test_a_changelog_that_ends_in_markers_is_read_to_its_end_without_waiting(changelog: Changelog) -> None:
    await changelog.write(0, {b"b1": b"1"}, {b"b2": b"2"})
    await changelog.write(0, {b"b3": b"3"}, {b"b4": b"4"}, commit=False)
    assert changelog.end(0) == 8  # four records and a marker behind each
    async with asyncio.timeout(PATIENCE):
        await changelog.restore([0])
    assert changelog.rows(0) == {b"b1": b"1", b"b2": b"2"}


async def test_a_changelog_of_nothing_but_an_aborted_transaction_is_read_to_its_end(changelog: Changelog) -> None:
    await changelog.write(0, {b"b1": b"1"}, commit=False)
    await changelog.restore([0])
    assert changelog.rows(0) == {}
    assert not changelog.progress.running


async def test_an_empty_changelog_is_restored_at_once(changelog: Changelog) -> None:
    async with asyncio.timeout(PATIENCE):
        await changelog.restore()
    assert changelog.progress == Progress(0, 0)


async def test_a_restore_goes_on_from_where_the_store_stands(changelog: Changelog) -> None:
    await changelog.write(0, {b"b1": b"1"}, {b"b2": b"2"})
    await changelog.restore([0])
    assert changelog.read[0] == [b"b1", b"b2"]
    await changelog.write(0, {b"b3": b"3", b"b1": None})
    changelog.read.clear()
    await changelog.restore([0])
    assert changelog.read[0] == [b"b3", b"b1"]
    assert changelog.rows(0) == {b"b2": b"2", b"b3": b"3"}


async def test_a_store_at_the_end_reads_nothing(changelog: Changelog) -> None:
    await changelog.write(0, {b"b1": b"1"})
    changelog.stores[0].write({b"b1": b"1"}, changelog.end(0))
    await changelog.restore([0])
    assert changelog.read[0] == []
    assert changelog.progress == Progress(0, 0)


async def test_a_store_that_is_ahead_of_the_changelog_is_emptied_and_restored_whole(changelog: Changelog) -> None:
    """The topic was made anew, or a write came before its acknowledgement: either way the changelog is right."""
    await changelog.write(0, {b"b1": b"1"})
    changelog.stores[0].write({b"b1": b"another", b"bX": b"never in the changelog"}, changelog.end(0) + 1)
    await changelog.restore([0])
    assert changelog.rows(0) == {b"b1": b"1"}
    assert changelog.stores[0].offset <= changelog.end(0)


@pytest.mark.parametrize("hours", [15.9, 16.1])
async def test_a_store_that_was_away_for_longer_than_deletions_are_kept_is_restored_whole(
    changelog: Changelog, monkeypatch: pytest.MonkeyPatch, hours: float
) -> None:
    """A row that the changelog has nothing of any more: it was deleted, and its deletion was compacted away."""
    changelog.stores[0].write({b"b1": b"of old"}, 0)
    await changelog.write(0, {b"b2": b"1"})
    await changelog.restore([0])
    left = time.time()
    await changelog.write(0, {b"b3": b"1"})
    monkeypatch.setattr(time, "time", lambda: left + hours * 3600)
    with structlog.testing.capture_logs() as lines:
        await changelog.restore([0])
    told = [line for line in lines if "away" in line["event"]]
    assert [set(line) >= {"partition", "path", "away_since", "now"} for line in told] == [True] * (hours > 16)
    assert (b"b1" in changelog.rows(0)) is (hours < 16)
    assert changelog.rows(0).keys() >= {b"b2", b"b3"}


async def test_a_store_that_lacks_nothing_may_have_been_away_for_years(
    changelog: Changelog, monkeypatch: pytest.MonkeyPatch
) -> None:
    await changelog.write(0, {b"b1": b"1"})
    await changelog.restore([0])
    changelog.read.clear()
    later = time.time() + 1e8
    monkeypatch.setattr(time, "time", lambda: later)
    await changelog.restore([0])
    assert not changelog.read.get(0)
    assert changelog.stores[0].seen == pytest.approx(later)


async def test_a_deletion_in_the_changelog_is_a_deletion_in_the_store(changelog: Changelog) -> None:
    await changelog.write(0, {b"b1": b"1", b"b2": b"2"}, {b"b1": None})
    await changelog.restore([0])
    assert changelog.rows(0) == {b"b2": b"2"}


async def test_two_partitions_are_restored_at_once_and_the_progress_adds_up(changelog: Changelog) -> None:
    await changelog.write(0, *[Rows({b"b%d" % number: b"0"}) for number in range(5)])
    await changelog.write(1, {b"b%d" % number: b"1" for number in range(3000)})
    changelog.stores[0].write({b"b0": b"0"}, 2)
    await changelog.restore()
    assert changelog.rows(0) == {b"b%d" % number: b"0" for number in range(5)}
    assert changelog.rows(1) == {b"b%d" % number: b"1" for number in range(3000)}
    assert changelog.progress.total == (changelog.end(0) - 2) + changelog.end(1)
    assert changelog.progress.done == changelog.progress.total


async def test_what_a_fenced_owner_left_open_is_not_restored_and_not_waited_for(changelog: Changelog) -> None:
    """Fencing comes first: it aborts the transaction, and the restore passes it."""
    await changelog.write(0, {b"b1": b"kept"})
    zombie = new_producer(changelog.settings, f"{changelog.topic}-0")
    await zombie.start()
    await zombie.begin_transaction()
    await zombie.send_and_wait(changelog.topic, partition=0, key=b"b2", value=b"open")
    owner = new_producer(changelog.settings, f"{changelog.topic}-0")
    try:
        await owner.start()
        async with asyncio.timeout(PATIENCE):
            await changelog.restore([0])
        assert changelog.rows(0) == {b"b1": b"kept"}
    finally:
        await owner.stop()
        await zombie.stop()
