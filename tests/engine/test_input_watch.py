"""What happens to inputs under a running worker is told apart: deleted, made anew, given partitions."""

import pytest

from app.core.names import INPUTS
from app.engine.kafka.cluster import Cluster, Topic
from app.engine.topics.input_watch import InputWatch
from app.engine.topics.memory import Change, Event, Memory, Seen
from app.topology import TOPICS

OLD = Seen("one", 3)


def looked(*looks: Seen | None, name: str = "t") -> list[list[Change]]:
    """What each look at a topic tells."""
    memory = Memory([name])
    there = [{} if seen is None else {name: Topic(seen.id, seen.partitions, 1, {})} for seen in looks]
    return [memory.look(Cluster("c", topics)) for topics in there]


@pytest.mark.parametrize(
    ("now", "event"),
    [
        (Seen("two", 3), Event.ANEW),
        (Seen("two", 5), Event.ANEW),
        (Seen("one", 2), Event.ANEW),  # partitions are never taken away
        (Seen("one", 4), Event.PARTITIONS),
    ],
)
def test_what_happened_between_two_looks(now: Seen, event: Event) -> None:
    assert looked(OLD, now) == [[], [Change("t", event, OLD, now)]]


def test_a_broker_without_ids_tells_what_it_can() -> None:
    """An id that was known stays known: one broker of several may be too old for them."""
    assert looked(OLD, Seen(None, 3), Seen("one", 3)) == [[], [], []]
    assert looked(OLD, Seen(None, 2))[-1][0].event is Event.ANEW
    assert looked(OLD, Seen(None, 4))[-1][0].event is Event.PARTITIONS
    assert looked(OLD, Seen(None, 3), Seen("two", 3))[-1][0].event is Event.ANEW


def test_a_topic_is_deleted_once_it_was_missing_twice_and_is_there_again_then() -> None:
    assert looked(OLD, None, OLD) == [[], [], []]
    deleted, back = Change("t", Event.DELETED, OLD, None), Change("t", Event.BACK, OLD, OLD)
    assert looked(OLD, None, None, None, OLD, OLD) == [[], [], [deleted], [], [back], []]
    other = Seen("two", 3)
    assert [change.event for change in looked(OLD, None, None, other)[-1]] == [Event.BACK, Event.ANEW]


def test_what_was_not_seen_before_has_not_changed() -> None:
    assert looked(OLD) == [[]]
    assert looked(None, OLD) == [[], []]
    assert looked(OLD, OLD) == [[], []]


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
    return whole._replace(topics={topic: topic_there for topic, topic_there in whole.topics.items() if topic != name})


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
    watch, memory = InputWatch(reader, TOPICS.inputs), Memory(INPUTS)
    for look in looks:
        await watch.take(memory.look(look))
    assert reader.asked == asked
