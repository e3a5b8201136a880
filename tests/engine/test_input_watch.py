"""What happens to inputs under a running worker is told apart: deleted, made anew, given partitions."""

import pytest

from app.core.names import INPUTS
from app.engine.kafka.cluster import Cluster, Topic
from app.engine.topics.input_watch import Change, Event, InputWatch, Seen, changes
from app.topology import TOPICS

OLD = {"t": Seen("one", 3)}


@pytest.mark.parametrize(
    ("now", "event"),
    [
        (None, Event.DELETED),
        (Seen("two", 3), Event.ANEW),
        (Seen("two", 5), Event.ANEW),
        (Seen(None, 2), Event.ANEW),  # a broker without ids: partitions are never taken away
        (Seen("one", 4), Event.PARTITIONS),
        (Seen(None, 4), Event.PARTITIONS),
    ],
)
def test_what_happened_between_two_looks(now: Seen | None, event: Event) -> None:
    assert changes(OLD, {"t": now}) == [Change("t", event, OLD["t"], now)]


def test_what_is_as_it_was_is_nothing() -> None:
    assert changes(OLD, OLD) == []
    assert changes(OLD, {"t": Seen(None, 3)}) == []


def test_what_can_not_be_seen_now_or_was_not_seen_before_is_passed_over() -> None:
    assert changes(OLD, {"other": Seen("three", 1)}) == []
    assert changes({}, {"t": None}) == []


class Reader:
    """Counts what it is asked to do."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def look_again(self) -> None:
        self.asked.append("look again")

    async def read_anew(self) -> None:
        self.asked.append("read anew")


def cluster(**topics: Seen) -> Cluster:
    there = {name: Seen("id", 3) for name in INPUTS} | topics
    return Cluster("c", {name: Topic(seen.id, seen.partitions, 1, {}) for name, seen in there.items()})


def without(name: str) -> Cluster:
    whole = cluster()
    return whole._replace(topics={topic: one for topic, one in whole.topics.items() if topic != name})


@pytest.mark.parametrize(
    ("looks", "asked"),
    [
        ([cluster(), cluster()], []),
        ([cluster(), cluster(**{INPUTS[0]: Seen("id", 4)})], ["look again"]),
        ([cluster(), cluster(**{INPUTS[0]: Seen("other", 3)})], ["look again", "read anew"]),
        ([cluster(), without(INPUTS[0]), cluster()], []),  # a broker that did not know it for a moment
        ([cluster(), without(INPUTS[0]), without(INPUTS[0]), cluster()], ["look again", "read anew"]),
    ],
)
async def test_what_is_new_is_read(looks: list[Cluster], asked: list[str]) -> None:
    reader = Reader()
    watch = InputWatch(reader, TOPICS.inputs)
    for look in looks:
        await watch.look(look)
    assert reader.asked == asked
