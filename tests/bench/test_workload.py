import json
from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from aiokafka.partitioner import murmur2

from bench.workload import CONTENT, REGISTERED, Event, Part, essay_id, text_id


def batch_of(event: Event) -> str:
    return str(json.loads(event.value)["data"]["entity_id"])


@pytest.mark.parametrize("order", ["typical", "worst"])
def test_a_part_is_the_same_each_time_and_another_one_by_another_name_or_seed(order: str) -> None:
    def values(name: str, seed: int) -> list[Event]:
        return list(Part(name, 20, slots=5, order="worst" if order == "worst" else "typical", seed=seed).events())

    assert values("a", 1) == values("a", 1)
    assert values("a", 1) != values("b", 1)
    assert values("a", 1) != values("a", 2)
    assert not {batch_of(event) for event in values("a", 1)} & {batch_of(event) for event in values("b", 1)}


def test_every_batch_sends_one_registration_and_its_contents_and_the_count_is_right() -> None:
    part = Part("p", 700, slots=6, missing=1)
    events = list(part.events())
    assert len(events) == part.count
    kinds = Counter((batch_of(event), event.topic) for event in events)
    expected = part.expected()
    assert {batch for batch, _ in kinds} == set(expected)
    for batch, (slots, filled) in expected.items():
        assert kinds[batch, REGISTERED] == 1
        assert kinds[batch, CONTENT] == filled
        assert (slots, filled) in {(6, 5), (4, 4)}  # the latter are the markers


def test_registrations_race_their_contents() -> None:
    before: Counter[bool] = Counter()
    seen: set[str] = set()
    for event in Part("p", 300).events():
        batch = batch_of(event)
        before[event.topic == REGISTERED and batch in seen] += event.topic == REGISTERED
        seen.add(batch)
    assert before[True] > 200
    assert before[False] > 5


def test_a_pending_part_registers_its_markers_alone() -> None:
    part = Part("p", 10, slots=3, registered=False)
    registered = [batch_of(event) for event in part.events() if event.topic == REGISTERED]
    assert len(registered) == part.partitions
    assert [batch for batch, what in part.expected().items() if what.ready] == registered


def test_in_the_worst_order_every_other_batch_comes_between_two_events_of_a_batch() -> None:
    part = Part("p", 50, slots=4, order="worst")
    places = defaultdict(list)
    for number, event in enumerate(part.events()):
        places[batch_of(event)].append(number)
    own = [numbers for batch, numbers in places.items() if part.expected()[batch].slots == 4 and len(numbers) == 5]
    bodies = [numbers for numbers in own if numbers[0] < 50]
    assert len(bodies) == 50
    assert all(later - earlier == 50 for numbers in bodies for earlier, later in pairwise(numbers))


def test_the_markers_close_every_partition_of_the_inputs_and_cover_every_partition_of_the_log() -> None:
    part = Part("p", 40)
    events = list(part.events())
    markers = events[-part.partitions * part.partitions :]
    assert {murmur2(batch_of(event).encode()) % 4 for event in markers} == {0, 1, 2, 3}
    pairs = {(batch_of(event), event.partition) for event in markers}
    assert len(pairs) == part.partitions**2
    assert all(event.topic == CONTENT for event in markers)


def test_events_are_envelopes_of_737_bytes_on_average_at_30_slots() -> None:
    events = list(Part("p", 200).events())
    assert sum(len(event.value) for event in events) / len(events) == pytest.approx(737, abs=3)
    for event in events:
        assert json.loads(event.value)["event_type"] == event.topic


def test_essay_and_text_ids_are_told_apart_by_batch_and_place() -> None:
    batches = list(Part("p", 100).expected())
    assert len({name(batch, place) for batch in batches for place in range(50) for name in (essay_id, text_id)}) == (
        len(batches) * 100
    )
