"""Formats: what an older release wrote is read, what a newer one wrote stops the worker before it is used."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.acts import name_of
from app.core.batch_state import State
from app.engine.kafka.partitioner import partition_for
from app.engine.state.store import LOCAL, Store
from app.version import release
from tables import batches, keys, pending, waiting
from tables.batches import FORMAT, UnknownFormatError
from tests.engine.harness import bug, envelopes, flat, log_lines, plain_log
from tests.oracle import topics
from tests.support.stage import Stage
from tests.support.worker import Worker

CHANGELOG = "rollcall-tables-changelog"
GOLDEN, OTHER = "upgrade-golden", "upgrade-other"


# What release 0.1.0 wrote for "C0 F2 R3 R3'" of GOLDEN and "F9" of OTHER: key and value in hex, a row a line, as it
# stood on the changelog at the end but for the rows of `sources`. It stays readable for ever: never make it anew.
def written(name: str) -> dict[bytes, bytes]:
    """The rows in a file."""
    lines = Path(__file__).with_name(name).read_text().splitlines()
    return {bytes.fromhex(key): bytes.fromhex(value) for key, _, value in (line.partition(" ") for line in lines)}


ROWS = written("format_1.txt")

# What the first release that knew operators' acts wrote for ACTED, closed and opened and closed again, and WAITS, one
# of whose uploads was given up and the other given more time. It stays readable for ever: never make it anew.
ROWS_2 = written("format_2.txt")
ACTED, WAITS = "upgrade-acts", "upgrade-acts-pending"

# What the first release that refuses texts for their ids wrote for REFUSED, of whose texts two are refused, one while
# it was pending, and for WAITING, of which one is pending. It stays readable for ever: never make it anew.
ROWS_3 = written("format_3.txt")
REFUSED, WAITING = "upgrade-refused", "upgrade-refused-other"


def of(table: bytes, batch: str) -> list[bytes]:
    """The values of a batch's rows in a table."""
    rows = sorted((ROWS | ROWS_2 | ROWS_3).items())
    return [value for key, value in rows if key.startswith(keys.named(table, batch))]


def test_rows_of_format_one_are_read() -> None:
    batch = batches.batch_of(GOLDEN, of(keys.BATCHES, GOLDEN))
    assert batch.state is State.OPEN
    assert batch.texts == {f"{GOLDEN}.text-0000": 0}
    assert batch.uploads == {f"{GOLDEN}.upload-0000": f"{GOLDEN}.text-0000", f"{GOLDEN}.upload-0002": None}
    assert [slot is not None for slot in batch.slots] == [True, False, True]
    (original,) = map(pending.original_of, of(keys.PENDING, OTHER))
    assert original.value == flat("F9", OTHER)[0].value


def test_rows_of_format_two_are_read() -> None:
    assert [value[0] for value in of(keys.BATCHES, ACTED)] == [1, 2, 2, 2]
    batch = batches.batch_of(ACTED, of(keys.BATCHES, ACTED))
    assert (batch.state, batch.closed, batch.openings, batch.extension) == (State.DISCARDED, "discarded", 1, 0)
    assert batch.essay_ids == (*(f"{ACTED}.essay-{number:04d}" for number in range(3)), "more", "and-more")
    assert batch.texts == {f"{ACTED}.text-{number:04d}": slot for number, slot in ((0, 0), (2, 1), (3, 3))}
    assert [slot is not None for slot in batch.slots] == [True, True, True, True, False]
    assert [(name_of(act.act), act.act.why, act.refused) for act in batch.acts.values()] == [
        ("extend", "reason 1", None),
        ("force_complete", "reason 2", None),
        ("discard", "reason 3", "the batch is complete already"),
        ("reopen", "reason 4", None),
        ("discard", "reason 5", None),
    ]
    waits = batches.batch_of(WAITS, of(keys.BATCHES, WAITS))
    assert (waits.extension, [held.upload.upload_id for held in waits.pending.values()]) == (
        90_000,
        [f"{WAITS}.upload-0001"],
    )
    assert waiting.key_for(waits) in ROWS_2
    assert len(of(keys.PENDING, WAITS)) == 1


def test_rows_of_format_three_are_read() -> None:
    assert [value[0] for value in of(keys.BATCHES, REFUSED)] == [1, 1, 3, 3, 3]
    batch = batches.batch_of(REFUSED, of(keys.BATCHES, REFUSED))
    assert [slot is not None for slot in batch.slots] == [True, False, True]
    assert sorted(content.upload_id for content in batch.refused.values()) == [
        f"{REFUSED}.upload-{number:04d}" for number in (0, 2)
    ]
    assert {batch.texts[text] for text in batch.refused} == {-3}
    (original,) = map(pending.original_of, of(keys.PENDING, WAITING))
    assert (original.value, original.key) == (flat("C9", WAITING)[0].value, flat("C9", WAITING)[0].key)
    # Of a release before, the key is not known.
    assert [pending.original_of(value).key for value in of(keys.PENDING, OTHER)] == [None]


def test_a_row_of_a_newer_format_is_refused_with_both_formats() -> None:
    newer = bytes([FORMAT + 1])
    with pytest.raises(UnknownFormatError, match=rf"batches table has format {FORMAT + 1}.*reads up to {FORMAT}"):
        batches.facts_of(newer + of(keys.BATCHES, GOLDEN)[0][1:])
    newer, known = bytes([pending.FORMAT + 1]), pending.FORMAT
    with pytest.raises(UnknownFormatError, match=rf"pending table has format {known + 1}.*reads up to {known}"):
        pending.original_of(newer + of(keys.PENDING, OTHER)[0][1:])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("upgrade")) as made:
        yield made


@pytest.fixture(scope="module")
def worker(stage: Stage) -> Worker:
    """A worker that has made its topics and stopped again, with some records on every partition of the log."""
    own = stage.worker()
    own.start()
    fillers = {partition_for(name.encode(), 3): name for name in (f"filler-{number}" for number in range(20))}
    assert len(fillers) == 3
    stage.io.produce(message for name in fillers.values() for message in flat("R9 C0-9", name))
    stage.wait_taken()
    own.stop()
    return own


def write(stage: Stage, batch: str, rows: dict[bytes, bytes]) -> None:
    """Write rows into the changelog, as a worker of another release would."""
    for key, value in rows.items():
        partition = partition_for(batch.encode(), 3)
        stage.io.call(stage.io._producer.send_and_wait(CHANGELOG, partition=partition, key=key, value=value))


@pytest.mark.kafka
def test_a_worker_goes_on_from_rows_of_format_one(stage: Stage, worker: Worker) -> None:
    for batch in (GOLDEN, OTHER):
        write(stage, batch, {key: value for key, value in ROWS.items() if batch.encode() in key})
    worker.start()
    stage.io.produce(flat("C1", GOLDEN))
    read = stage.reader()
    read.require(lambda found: bool(envelopes(found, topics.ERRORS, GOLDEN)), "a batch begun by format 1 completes")
    (ready,) = envelopes(read.records, topics.READY, GOLDEN)
    assert [essay["text_storage_id"] for essay in ready["ready_essays"]] == [
        f"{GOLDEN}.text-{number:04d}" for number in (0, 1)
    ]
    read.require(lambda found: bool(envelopes(found, topics.EXPIRED, OTHER)), "what was pending long ago expires")
    worker.stop()


@pytest.mark.kafka
def test_a_local_store_of_another_layout_is_thrown_away_and_restored(stage: Stage, worker: Worker) -> None:
    home = partition_for(GOLDEN.encode(), 3)
    store = Store(worker.datadir / "rollcall" / f"partition-{home}")
    store.open()
    stood_at = store.offset
    assert stood_at > 0
    store.write({key: None for key, _ in store.scan(keys.BATCHES)}, stood_at)
    store._open_db.put(LOCAL + b"layout", b"of another release")
    store.close()
    worker.start()
    said = [line["event"] for line in log_lines(worker)]
    assert any("another layout" in event for event in said)
    before = len((read := stage.reader()).records)
    stage.io.produce(flat("C7", GOLDEN))
    read.require(
        lambda found: bool(envelopes(found[before:], topics.EXCESS, GOLDEN)), "a complete batch is known to be complete"
    )
    worker.stop()


#: A release that reads one format more than this one.
NEWER = """
def install():
    import sys
    import tables.batches
    from app.version import release

    tables.batches.FORMAT += 1
    for module in sys.modules.values():
        if vars(module).get("release") is release:
            module.release = lambda: "9.9.9"
"""


@pytest.mark.kafka
def test_a_release_that_cannot_read_what_another_one_of_its_group_writes_names_both_and_the_other_goes_on(
    stage: Stage, worker: Worker, tmp_path: Path
) -> None:
    found = {partition_for(name.encode(), 3): name for name in (f"mixed-{number}" for number in range(20))}
    for batch in found.values():
        write(stage, batch, {keys.named(keys.BATCHES, batch) + bytes(16): bytes([FORMAT + 1]) + b"\x90"})
    newer = stage.worker(settings=bug(tmp_path, NEWER))
    newer.start()
    worker.launch()
    stage.io.produce(message for batch in found.values() for message in flat("C0", batch))
    assert worker.wait_end() == 1
    text = plain_log(worker)
    assert (
        f"release {release()} can't be in one group (rollcall) with release 9.9.9: a row of the batches table" in text
    )
    assert f"Stop the workers of release {release()}, and start them again with release 9.9.9" in text
    stage.wait_folded()
    newer.stop()
    assert newer.exit_code == 0


@pytest.mark.kafka
def test_a_row_of_an_unknown_newer_format_stops_the_worker_with_a_message(stage: Stage, worker: Worker) -> None:
    batch = "upgrade-newer"
    key = keys.named(keys.BATCHES, batch) + bytes(16)
    write(stage, batch, {key: bytes([FORMAT + 1]) + b"\xc1 what this means is not known yet"})
    read = stage.reader()
    read.quiet(0.5)
    before = len(read.records)
    worker.launch()
    (sent,) = stage.io.produce(flat("C0", batch))
    assert worker.wait_end() != 0
    text = plain_log(worker)
    assert f"a row of the batches table has format {FORMAT + 1}; this release reads up to {FORMAT}" in text
    assert "Run the release that wrote it, or a newer one" in text
    read.quiet(0.5)
    assert not [record for record in read.records[before:] if batch.encode() in (record.value or b"")]
    log = ("rollcall-log", partition_for(batch.encode(), 3))
    # The worker finds the row before or after it has re-keyed the input: the input is left, or its record in the log.
    committed, ends = stage.io.committed("rollcall"), stage.io.ends([log[0]])
    assert committed[log] < ends[log] or committed.get((topics.CONTENT, sent.partition), 0) <= sent.offset
