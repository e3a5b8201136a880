"""An input topic that is made again: its bad inputs are told, whatever offsets the old one had; repeats are not."""

import json
from collections.abc import Sequence

import pytest

from agents.watermarks import Watermarks
from app.core.events import Source
from tables import generations, input_watermarks
from tables.batches import UnknownFormatError
from tests.agents.log import Log, MakeWorker, Record, Worker, dead
from tests.core.play import sent
from tests.oracle import topics
from tests.support.events import Message

OLD, NEW = b"old.", b"new."


def bad(text: str) -> Message:
    return Message(topics.CONTENT, b"k", json.dumps(text).encode())


def told(worker: Worker, records: Sequence[Record]) -> list[str]:
    """Which bad inputs become dead letters as these records are folded, by a worker that has just started."""
    worker.start()
    return [json.loads(value or b"") for _, _, value in dead(worker.fold(records).outputs)]


@pytest.mark.parametrize("before", [OLD, b""], ids=["named", "of an older release"])
def test_a_bad_input_of_a_topic_that_was_made_again_becomes_a_dead_letter(
    make_worker: MakeWorker, before: bytes
) -> None:
    worker, log = make_worker(), Log(before)
    assert told(worker, [log.send(bad(f"old {number}")) for number in range(3)]) == ["old 0", "old 1", "old 2"]
    if not before:
        # The first name is that of the topic so far.
        log.generation = OLD
        log._ends = {(topics.CONTENT, 0, OLD): 3}
        assert told(worker, [log.send(bad("old 3"))]) == ["old 3"]
    log.generation = NEW
    records = [log.send(bad("new 0")), log.send(bad("new 1"))]
    assert told(worker, records) == ["new 0", "new 1"]
    assert told(worker, [log.again(record) for record in records]) == []


def test_what_a_late_worker_re_keys_of_the_old_topic_is_a_repeat_and_makes_no_repeats_of_the_new_one(
    make_worker: MakeWorker,
) -> None:
    worker, log = make_worker(), Log(OLD)
    old = [log.send(bad(f"old {number}")) for number in range(5)]
    log.generation = NEW
    new = [log.send(bad(f"new {number}")) for number in range(2)]
    told(worker, log.records)
    assert told(worker, [log.again(record) for record in (*old[2:], *new, *old, *new)]) == []
    assert told(worker, [log.send(bad("new 2"))]) == ["new 2"]


def test_a_record_of_an_older_release_in_the_group_is_held_against_the_newest_topic(make_worker: MakeWorker) -> None:
    worker, log = make_worker(), Log(NEW)
    records = [log.send(bad(f"new {number}")) for number in range(3)]
    told(worker, records)
    log.generation = b""
    log._ends = {(topics.CONTENT, 0, b""): 2}
    repeat, further = log.send(bad("new 2")), log.send(bad("new 3"))
    assert told(worker, [repeat, further]) == ["new 3"]
    log.generation = NEW
    assert told(worker, [log.send(bad("new 3"))]) == []


def test_what_an_older_release_has_read_meanwhile_is_known_to_the_newer_one() -> None:
    """It raises the row of ``sources`` and leaves that of ``generations`` as it was."""
    marks = Watermarks({(1, 0): 9}, {(1, 0): {NEW: 4, OLD: 7}})
    assert marks.offsets == {(1, 0, NEW): 9, (1, 0, OLD): 7}
    assert Watermarks({(1, 0): 7}, {(1, 0): {NEW: 4, OLD: 7}}).offsets == {(1, 0, NEW): 4, (1, 0, OLD): 7}


def test_rows_say_the_highest_offset_for_older_releases_and_each_generations_own() -> None:
    marks = Watermarks({(1, 0): 7}, {})
    assert marks.changed() == {}
    marks.offsets[marks.place(Source(1, 0, 8), OLD)] = 8
    marks.offsets[marks.place(Source(1, 0, 0), NEW)] = 0
    rows = marks.changed()
    assert rows == {
        input_watermarks.key(1, 0): input_watermarks.value(8),
        generations.key(1, 0): generations.value({NEW: 0, OLD: 8}),
    }
    assert marks.changed() == {}
    again = Watermarks(
        dict(input_watermarks.read(key, rows[key]) for key in rows if key[:1] == b"s"),
        dict(generations.read(key, rows[key]) for key in rows if key[:1] == b"g"),
    )
    assert again.offsets == marks.offsets


def test_the_latest_generations_are_told_apart_and_the_highest_offset_of_all_stays() -> None:
    marks = Watermarks({}, {})
    for number in range(20):
        marks.offsets[marks.place(Source(0, 0, 0), number.to_bytes(4, "big"))] = 1000 - number
        rows = marks.changed()
    _, found = generations.read(generations.key(0, 0), rows[generations.key(0, 0)])
    assert list(found) == [number.to_bytes(4, "big") for number in range(19, 11, -1)]
    assert list(found.values()) == [*range(981, 988), 1000]
    assert rows[input_watermarks.key(0, 0)] == input_watermarks.value(1000)


def test_a_row_as_it_is_written_since_generations_are_known_is_read_and_a_newer_one_is_refused() -> None:
    key, value = bytes.fromhex("670100000002"), bytes.fromhex("01aabbccdd00000000000000058899aabb0000000000000fff")
    assert generations.read(key, value) == (
        (1, 2),
        {bytes.fromhex("aabbccdd"): 5, bytes.fromhex("8899aabb"): 0xFFF},
    )
    with pytest.raises(UnknownFormatError, match=r"generations table has format 4; this release reads up to 3"):
        generations.read(key, b"\x04" + value[1:])


def test_good_inputs_of_both_topics_are_folded(make_worker: MakeWorker) -> None:
    worker, log = make_worker(), Log(OLD)
    for message in sent("R3 C0"):
        log.send(message)
    log.generation = NEW
    for message in sent("C1 C2"):
        log.send(message)
    assert topics.READY in worker.fold(log.records).said
