"""What may be on the input topics: any partition counts, any keys, garbage, and batches of any size."""

import time
from itertools import chain

import pytest

from tests.contract.notation import messages, parse
from tests.oracle import judge, topics
from tests.oracle.reading import read
from tests.oracle.records import InputRecord
from tests.support.events import Message, essay_ids, message, registration, uid
from tests.support.kafka_io import Reader
from tests.support.malformed import good_event, malformed, oversized
from tests.support.patience import PATIENCE
from tests.support.play import await_outputs, outputs_of
from tests.support.stage import Stage

pytestmark = pytest.mark.kafka

OVERSIZED_BYTES = 1_000_000  # the broker takes 1,048,588 with the record's own fields


def flat(notation: str, batch: str) -> list[Message]:
    return [record for step in messages(parse(notation), batch) for record in step]


def shuffled(sent: list[Message]) -> list[Message]:
    """An order that looks random and is the same in every run."""
    return [record for _, record in sorted((uid("shuffle", number), record) for number, record in enumerate(sent))]


def send_and_judge(stage: Stage, reader: Reader, sent: list[Message], within: float = PATIENCE) -> list[InputRecord]:
    """Send messages, and demand a faultless verdict on everything about them."""
    inputs = stage.io.produce(sent)
    stage.wait_taken(within=within)
    events = [read(record).event for record in inputs]
    batches = {event.batch for event in events if event is not None}
    await_outputs(reader, inputs, within=1)
    deadline = time.monotonic() + within
    while not (verdict := judge(inputs, outputs_of(batches, inputs, reader.records))).right:
        if time.monotonic() > deadline:
            break
        reader.poll(1)
    assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)
    return inputs


def test_the_input_topics_here_have_three_five_and_one_partitions(stage: Stage, reader: Reader) -> None:
    ends = stage.io.ends(topics.INPUTS)
    assert [len([place for place in ends if place[0] == topic]) for topic in topics.INPUTS] == [3, 5, 1]
    sent = [record for number in range(20) for record in flat("R4 C0 C1 F2 C3", f"partitions-{number}")]
    inputs = send_and_judge(stage, reader, shuffled(sent))
    assert len({record.partition for record in inputs if record.topic == topics.CONTENT}) == 5


def test_keys_may_be_missing_or_anything(stage: Stage, reader: Reader) -> None:
    sent = [record for number in range(12) for record in flat("C0 R3 C1 F2", f"keys-{number}")]
    keys: list[bytes | None] = [None, b"", b"\xff\xfe", b"same", "nyckel-ö".encode()]
    send_and_judge(
        stage,
        reader,
        [Message(record.topic, keys[number % len(keys)], record.value) for number, record in enumerate(sent)],
    )


def test_garbage_among_good_messages_becomes_dead_letters_and_every_good_one_is_served(
    stage: Stage, reader: Reader
) -> None:
    bad = [record for name in ("first", "second", "third") for _, record in malformed(name)]
    good = [record for number in range(30) for record in flat("R5 C0-3 F4 C5", f"among-garbage-{number}")]
    assert len(bad) > 300
    inputs = send_and_judge(stage, reader, shuffled([*bad, *good]))
    dead = outputs_of((), inputs, reader.records)
    assert sorted(repr((record.key, record.value)) for record in dead) == sorted(
        repr((record.key, record.value)) for record in bad
    )


def test_a_message_as_large_as_the_broker_takes_is_served_or_dead_lettered_whole(stage: Stage, reader: Reader) -> None:
    event = good_event(topics.CONTENT, "oversized/large")
    batch = event["data"].get("entity_id") or event["data"]["batch_id"]
    send_and_judge(
        stage, reader, [message(registration(batch, essay_ids(batch, 1))), oversized("large", OVERSIZED_BYTES)]
    )


@pytest.mark.parametrize("slots", [1, 25, 200, 5_000])
def test_a_batch_of_any_size_is_ready(slots: int, stage: Stage, reader: Reader) -> None:
    """Half of the contents come before the registration, and one more than there are slots."""
    batch = f"size-{slots}"
    contents = flat(f"C0-{slots}", batch)
    registered = flat(f"R{slots}", batch)
    half = slots // 2
    send_and_judge(stage, reader, list(chain(contents[:half], registered, contents[half:])))
    ready = [output for output in outputs_of([batch], [], reader.records) if output.topic == topics.READY]
    assert len(ready) == 1
