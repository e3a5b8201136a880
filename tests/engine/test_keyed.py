"""A keyed join: what the engine does for every job of that kind, shown with the smallest one."""

from collections.abc import Iterable
from typing import NamedTuple

from app.engine.kafka.partitioner import partition_for
from app.engine.keyed.changes import KeyedChanges
from app.engine.keyed.inputs import SOURCE, TICK, Fact, Input, KeyRouter, read_input
from app.engine.keyed.processor import KeyedPartition, KeyedProcessor
from app.engine.ports import Headers, TopicNames
from app.engine.state.memory_store import MemoryStore

INPUTS = ("left", "right")
TOPICS = TopicNames(INPUTS, ("both", "dead"), "dead")


class Fetched(NamedTuple):
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int = 1000


class Count(KeyedProcessor):
    """Keeps each input by its key, and counts ticks."""

    def on_input(self, given: Input, changes: KeyedChanges) -> None:
        if given.key is None:
            changes.refuse(given, "no key")
        elif not changes.keep(b"F" + given.key, given):
            changes.refuse(given, "duplicate")
        else:
            changes.emit("both", given.key, given.value)

    def on_tick(self, now: int, changes: KeyedChanges) -> None:
        changes.rows[b"T%d" % now] = b"%d" % len(list(self.store.scan(b"F")))


def count(store: MemoryStore | None = None) -> Count:
    return Count(KeyedPartition("app-log", 7, store or MemoryStore(), TOPICS))


def routed(router: KeyRouter, topic: str, *records: Fetched, partition: int = 0) -> list[Fetched]:
    """The records as the log has them."""
    return [
        Fetched(100 + offset, key, value, headers)
        for offset, (_, key, value, headers) in enumerate(router.route(topic, partition, records))
    ]


def folded(processor: Count, records: Iterable[Fetched]) -> list[KeyedChanges]:
    """All that they bring about, each written before the next is asked for."""
    found = []
    for changes in processor.process(list(records)):
        found.append(changes)
        processor.written(changes, 0)
    return found


def test_an_input_goes_to_the_partition_of_its_key_and_one_without_a_key_to_that_of_its_own_number() -> None:
    router = KeyRouter(INPUTS, 3)
    sent = [Fetched(5, b"k", b"v", []), Fetched(6, None, b"v", [])]
    (target, *_), (other, *_) = router.route("right", 4, sent)
    assert (target, other) == (partition_for(b"k", 3), 1)
    keyed, keyless = routed(router, "right", *sent, partition=4)
    assert router.routed(keyed)
    assert not router.routed(keyless)
    found = read_input(keyed, INPUTS)
    assert found is not None
    assert (found.topic, found.place, found.key, found.time) == ("right", (4, 5), b"k", 1000)


def test_what_the_router_repeats_is_done_once_also_in_a_later_chunk() -> None:
    processor = count()
    records = routed(KeyRouter(INPUTS, 1), "left", Fetched(5, b"a", b"1", []), Fetched(6, b"b", b"2", []))
    (first,) = folded(processor, [records[0], *records])
    (again,) = folded(processor, records)
    assert [key for _, key, _, _ in first.outputs] == [b"a", b"b"]
    assert again.outputs == []


def test_an_input_of_a_topic_that_was_made_again_is_no_repeat() -> None:
    router, processor = KeyRouter(INPUTS, 1), count()
    router.identify({"left": "an id"})
    folded(processor, routed(router, "left", Fetched(5, b"a", b"1", [])))
    router.identify({"left": "another id"})
    (changes,) = folded(processor, routed(router, "left", Fetched(0, b"b", b"2", [])))
    assert [key for _, key, _, _ in changes.outputs] == [b"b"]


def test_what_a_crash_has_written_of_a_chunk_is_done_again_whole() -> None:
    records = routed(KeyRouter(INPUTS, 1), "left", Fetched(5, b"a", b"1", []))
    (whole,) = folded(count(), records)
    assert list(whole.rows)[-1].startswith(b"S"), "the watermark comes last"
    for torn in range(len(whole.rows)):
        store = MemoryStore()
        store.write(dict(list(whole.rows.items())[:torn]), 0)
        (again,) = folded(count(store), records)
        assert again.outputs == whole.outputs
        assert dict(store.scan(b"")) == whole.rows


def test_another_input_under_the_same_key_is_refused_with_its_place() -> None:
    records = routed(KeyRouter(INPUTS, 1), "left", Fetched(5, b"a", b"1", []), Fetched(6, b"a", b"2", []), partition=3)
    (changes,) = folded(count(), records)
    headers = [("reason", b"duplicate"), ("source.topic", b"left"), ("source.partition", b"3"), ("source.offset", b"6")]
    assert changes.outputs[1] == ("dead", b"a", b"2", headers)
    kept = changes.fact(b"Fa")
    assert kept is not None
    assert kept.value == b"1"


def test_a_tick_sees_all_that_was_decided_before_it_in_its_chunk() -> None:
    records = routed(KeyRouter(INPUTS, 1), "left", Fetched(5, b"a", b"1", []))
    first, second = folded(count(), [*records, Fetched(200, None, b"", [(TICK, b"")], 2000)])
    assert (first.records, first.end) == (1, 101)
    assert (second.records, second.end, second.rows[b"T2000"]) == (1, 201, b"1")


def test_what_others_write_to_the_log_is_a_dead_letter_with_its_place_there() -> None:
    given: list[Headers] = [[], [(SOURCE, b"short")], [(SOURCE, b"\x09" + bytes(20))]]
    for headers in given:
        (changes,) = folded(count(), [Fetched(3, b"k", b"v", headers)])
        ((topic, key, value, told),) = changes.outputs
        assert (topic, key, value) == ("dead", b"k", b"v")
        assert dict(told) == {
            "reason": b"foreign",
            "source.topic": b"app-log",
            "source.partition": b"7",
            "source.offset": b"3",
        }


def test_the_largest_record_is_told_of_a_topic_and_of_the_rows() -> None:
    records = routed(KeyRouter(INPUTS, 1), "left", Fetched(5, b"a", b"1", []), Fetched(6, b"b", b"22", []))
    (changes,) = folded(count(), records)
    told = changes.largest("both", "app-log partition 7", 100)
    assert told == "a record of 2 bytes, key b'b', made from app-log partition 7 offset 100 or later,"
    assert "key b'Fb'" in changes.largest("app-changelog", "app-log partition 7", 100)


def test_a_fact_is_read_as_it_was_kept() -> None:
    fact = Fact(bytes(21), 1_767_225_600_000, b"value")
    assert Fact.read(fact.row()) == fact
