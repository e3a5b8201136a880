"""The re-key agent: order, bytes, key and place go along; nothing is judged and nothing is dropped."""

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agents.rekey
from agents.rekey import Rekey, Routed
from app.core.events import Source
from app.wire.record import read_generation, read_key, read_source
from tests.agents.log import MakeWorker, Record, dead
from tests.core.examples import examples
from tests.core.play import sent
from tests.oracle import topics
from tests.support.events import content, encode, failure, message, registration

PARTITIONS = 3


def partition_of(key: bytes, partitions: int) -> int:
    return sum(key) % partitions


def route(values: list[bytes | None], topic: str = topics.CONTENT, partition: int = 1) -> list[Routed]:
    records = [Record(topic, partition, 100 + n, 0, f"k{n}".encode(), value) for n, value in enumerate(values)]
    return list(Rekey(PARTITIONS, partition_of).route(topic, partition, records))


@pytest.mark.parametrize(
    ("topic", "event"),
    [
        (topics.REGISTERED, registration("batch", ["e"])),
        (topics.CONTENT, content("batch", "u", "t")),
        (topics.FAILED, failure("batch", "u")),
    ],
)
def test_an_input_goes_to_the_partition_of_its_batch_with_its_bytes_its_key_and_its_place(
    topic: str, event: dict[str, object]
) -> None:
    value = b" " + encode(event)
    ((partition, key, found, headers),) = route([value], topic, 7)
    assert (partition, key, found) == (partition_of(b"batch", 3), b"batch", value)
    assert read_source(headers) == Source(topics.INPUTS.index(topic), 7, 100)
    assert read_key(headers) == b"k0"


def test_the_three_inputs_of_a_batch_meet_in_one_partition() -> None:
    found = {
        (partition, key)
        for record in sent("R2 C0 F1", "batch")
        for partition, key, _, _ in route([record.value], record.topic, partition=5)
    }
    assert found == {(partition_of(b"batch", 3), b"batch")}


def test_the_order_is_kept() -> None:
    values: list[bytes | None] = [
        message(content(f"batch-{number % 7}", f"u{number}", "t")).value if number % 5 else b"bad"
        for number in range(50)
    ]
    found = route(values)
    assert [value for _, _, value, _ in found] == values
    assert [read_source(headers) for _, _, _, headers in found] == [Source(1, 1, 100 + n) for n in range(50)]


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"bad",
        b"{}",
        b'{"data":{}}',
        b'{"data":{"entity_id":""}}',
        b'{"data":{"entity_id":7}}',
        b'{"data":[]}',
        b"[" * 100_000,
        b'{"data":{"entity_id":"\\ud800"}}',
        b"\xff",
    ],
)
@pytest.mark.parametrize("partition", [0, 1, 3, 11])
def test_an_input_whose_batch_can_not_be_read_goes_by_its_source_partition(value: bytes | None, partition: int) -> None:
    ((target, key, found, headers),) = route([value], topics.FAILED, partition)
    assert (target, key, found) == (partition % PARTITIONS, None, value)
    assert read_source(headers) == Source(2, partition, 100)
    assert read_key(headers) == b"k0"


def test_a_null_key_stays_null_and_an_empty_one_empty() -> None:
    for key in (None, b""):
        record = Record(topics.CONTENT, 0, 1, 0, key, encode(content("b", "u", "t")))
        ((_, _, _, headers),) = Rekey(3, partition_of).route(topics.CONTENT, 0, [record])
        assert read_key(headers) == key


def test_an_input_says_of_which_topic_it_is_where_that_is_known() -> None:
    rekey = Rekey(3, partition_of)
    rekey.identify({topics.CONTENT: "01234567-89ab-4def-8123-456789abcdef"})
    record = Record(topics.CONTENT, 0, 1, 0, b"k", encode(content("b", "u", "t")))
    found = {topic: next(rekey.route(topic, 0, [record]))[3] for topic in topics.INPUTS}
    assert {topic: [name for name, _ in headers] for topic, headers in found.items()} == {
        topics.REGISTERED: ["s", "k"],
        topics.CONTENT: ["s", "g", "k"],
        topics.FAILED: ["s", "k"],
    }
    assert read_generation(found[topics.CONTENT]) == bytes.fromhex("01234567")
    assert read_generation(found[topics.FAILED]) == b""
    assert read_generation([("g", None)]) == read_generation([("g", b"longer than it is")]) == b""


def test_what_the_log_can_not_hold_goes_on_as_its_size_and_digest_and_becomes_a_dead_letter_that_says_so(
    make_worker: MakeWorker,
) -> None:
    rekey = Rekey(3, partition_of, lambda _key, value: value is None or len(value) < 20_000_000)
    values = [b"x" * 17_000_000, b"y" * 20_000_000, b"bad"]
    records = [Record(topics.CONTENT, 4, at, 0, b"k", value) for at, value in enumerate(values)]
    records.append(Record(topics.CONTENT, 4, 3, 0, b"k" * 20_000_000, b"y" * 20_000_000))
    found = list(rekey.route(topics.CONTENT, 4, records))
    assert [(target, key, value) for target, key, value, _ in found] == [
        (1, None, values[0]),
        (1, None, None),
        (1, None, b"bad"),
        (1, None, None),
    ]
    assert [read_key(headers) for *_, headers in found] == [b"k", b"k", b"k", None]
    work = make_worker().fold(
        [Record("rollcall-log", 0, at, 1, None, value, headers) for at, (_, _, value, headers) in enumerate(found)]
    )
    assert [(reason, key) for reason, key, _ in dead(work.outputs)] == [
        ("oversized", b"k"),
        ("oversized", b"k"),
        ("malformed", b"k"),
        ("oversized", None),
    ]
    assert [value for _, _, value in dead(work.outputs)] == [values[0], None, b"bad", None]
    details = [dict(headers)["rollcall.detail"] or b"" for *_, headers in work.outputs]
    assert details[1].decode().startswith("20000000 bytes, with key and headers more than the log takes even when")
    assert hashlib.sha256(values[1]).hexdigest() in details[1].decode()


def test_the_batch_id_may_have_either_name() -> None:
    for names in ('"entity_id":"x"', '"batch_id":"x"', '"entity_id":null,"batch_id":"x"'):
        ((_, key, _, _),) = route([b'{"data":{' + names.encode() + b"}}"])
        assert key == b"x"


def test_a_message_that_will_be_refused_still_goes_where_its_batch_is() -> None:
    ((partition, key, _, _),) = route([b'{"event_type":7,"data":{"entity_id":"batch","file_upload_id":3}}'])
    assert (partition, key) == (partition_of(b"batch", 3), b"batch")


@examples(100)
@given(st.none() | st.binary(max_size=60))
def test_no_bytes_break_it(value: bytes | None) -> None:
    ((partition, _, found, _),) = route([value])
    assert found == value
    assert 0 <= partition < PARTITIONS


def test_what_is_remembered_is_bounded_and_forgetting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents.rekey, "_REMEMBERED", 3)
    asked = []

    def partition_for(key: bytes, partitions: int) -> int:
        asked.append(key)
        return partition_of(key, partitions)

    def values() -> Iterator[Record]:
        for number in [*range(10), *range(10)]:
            yield Record(topics.CONTENT, 0, number, 0, None, encode(content(f"batch-{number}", "u", "t")))

    rekey = Rekey(3, partition_for)
    found = [(partition, key) for partition, key, _, _ in rekey.route(topics.CONTENT, 0, list(values()))]
    assert found[:10] == found[10:]
    assert all(key is not None and partition == partition_of(key, 3) for partition, key in found)
    assert len(rekey._known) <= 3
    assert len(asked) == 20
    list(rekey.route(topics.CONTENT, 0, [Record(topics.CONTENT, 0, 9, 0, None, encode(content("batch-9", "u", "t")))]))
    assert len(asked) == 20  # remembered
