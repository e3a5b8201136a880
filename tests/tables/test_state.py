"""State is what the facts say: the rows of any chunks, in any order, overlapping, give the live state back."""

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from app.core.batch import Batch
from app.core.events import Policy
from app.core.facts import Fact, Placed, Registered
from app.core.replay import replay
from tables import batches
from tests.core.examples import examples
from tests.core.play import Played, play, sent, state
from tests.core.sequences import sequences

POLICY = Policy(pending_ttl=6_000, readiness_timeout=9_000)  # ms: six and nine records of the log
Cuts = set[int]
CUTS = st.sets(st.integers(0, 24), max_size=6)


def facts_by_record(sequence: str, ticks: set[int]) -> tuple[Batch, list[tuple[Fact, ...]]]:
    """Play a sequence with ticks before some inputs; return the live state and the facts of each record."""
    found = Played(Batch("b"), POLICY)
    facts: list[tuple[Fact, ...]] = []
    for number, message in enumerate(sent(sequence)):
        if number in ticks:
            facts.append(found.tick().facts)
        found.send([message])
        facts.append(found.steps[-1].facts)
    return found.batch, facts


def rows(records: list[tuple[Fact, ...]], cuts: Cuts) -> dict[bytes, bytes]:
    """Return the rows that a writer makes who cuts the log into chunks before these records."""
    bounds = [0, *sorted(cut for cut in cuts if 0 < cut < len(records)), len(records)]
    written = {}
    for start, end in pairwise(bounds):
        facts = [fact for record in records[start:end] for fact in record]
        if facts:
            key, value = batches.row("b", facts)
            written[key] = value
    return written


@examples(250)
@given(sequences(), CUTS, CUTS, st.randoms(use_true_random=False))
def test_rows_of_any_chunks_in_any_order_give_the_live_state(
    sequence: str, ticks: set[int], cuts: Cuts, random: Random
) -> None:
    live, records = facts_by_record(sequence, ticks)
    values = list(rows(records, cuts).values())
    random.shuffle(values)
    assert state(batches.batch_of("b", values)) == state(live)


@examples(250)
@given(sequences(), CUTS, CUTS, CUTS, st.slices(24), st.randoms(use_true_random=False))
def test_rows_of_a_second_writer_with_other_chunks_change_nothing(
    sequence: str, ticks: set[int], cuts: Cuts, other: Cuts, part: slice, random: Random
) -> None:
    """A worker that was paused writes what it had folded, over what the new owner has written since."""
    live, records = facts_by_record(sequence, ticks)
    written = rows(records, cuts)
    for key, value in rows(records[part.start : part.stop], other).items():
        # Where both have a row of the same name it is the same row, whoever writes last.
        assert written.get(key, value) == value
        written[key] = value
    values = list(written.values())
    random.shuffle(values)
    assert state(batches.batch_of("b", values)) == state(live)


@examples(60)
@given(sequences(), CUTS)
def test_every_prefix_of_the_rows_is_the_state_of_that_time(sequence: str, ticks: set[int]) -> None:
    _, records = facts_by_record(sequence, ticks)
    batch = Batch("b")
    for number, record in enumerate(records):
        for fact in record:
            batch.apply(fact)
        assert state(replay("b", records[: number + 1])) == state(batch)


def test_facts_of_one_record_keep_their_order_and_equal_facts_are_one() -> None:
    found = play("C0 F1 C2 R2")
    facts = [fact for step in found.steps for fact in step.facts]
    again = replay("b", [facts, facts[2:], facts[:1], facts])
    assert state(again) == state(found.batch)


def test_rows_are_sorted_by_log_offset_and_not_by_arrival() -> None:
    found = play("R2 C0 C1")
    facts = [fact for step in found.steps for fact in step.facts]
    assert isinstance(facts[0], Registered)
    assert isinstance(facts[2], Placed)
    assert state(replay("b", [[facts[2]], [facts[1]], [facts[0]]])) == state(found.batch)


def test_a_batch_without_rows_is_new() -> None:
    assert state(batches.batch_of("b", [])) == state(Batch("b"))


def test_offsets_sort_as_numbers() -> None:
    found = Played(Batch("b"))
    found.at = 65_535  # the next offset needs a byte more
    found.send(sent("C0 C1 R2"))
    written = [batches.row("b", step.facts) for step in found.steps]
    assert sorted(written) == written
    assert state(batches.batch_of("b", [value for _, value in written[::-1]])) == state(found.batch)


def test_a_fact_that_only_one_of_two_rows_has_is_not_lost() -> None:
    found = play("C0 C1 R2")
    facts = [fact for step in found.steps for fact in step.facts]
    whole, beginning = facts, facts[:-1]  # the registration's record brought three facts; one row has two of them
    assert state(replay("b", [beginning, whole])) == state(replay("b", [whole, beginning])) == state(found.batch)
