"""Conservation: every upload that was accepted is in exactly one place, and every input has exactly one outcome."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.batch import Batch
from app.core.events import Content, Failure, Policy
from app.core.facts import Alias, Expired, Fact, Held, Placed, Refused, Surplus
from tests.core.examples import examples
from tests.core.play import Played, sent
from tests.core.sequences import sequences
from tests.support.budgets import small_budgets

POLICY = Policy(pending_ttl=6_000, readiness_timeout=9_000)  # ms: six and nine records of the log


#: What becomes of an upload for good.
SETTLED = Placed | Surplus | Refused


def run(sequence: str, ticks: set[int]) -> tuple[Played, list[Fact]]:
    """Play a sequence with ticks before some of its inputs."""
    found = Played(Batch("b"), POLICY)
    facts: list[Fact] = []
    for number, message in enumerate(sent(sequence)):
        if number in ticks:
            facts += found.tick().facts
        found.send([message])
        facts += found.steps[-1].facts
    return found, facts


TICKS = st.sets(st.integers(0, 16), max_size=4)


@pytest.mark.parametrize("budgets", [nullcontext, small_budgets], ids=["any text id", "short text ids"])
@examples(250)
@given(sequences(), TICKS)
def test_every_accepted_upload_is_in_exactly_one_place(
    budgets: Callable[[], AbstractContextManager[None]], sequence: str, ticks: set[int]
) -> None:
    with budgets():
        found, facts = run(sequence, ticks)
    batch = found.batch

    accepted = [fact.at for fact in facts if isinstance(fact, Held)]
    accepted += [fact.at for fact in facts if isinstance(fact, SETTLED) and fact.held < 0]
    settled = Counter(
        (fact.held if fact.held >= 0 else fact.at) for fact in facts if isinstance(fact, SETTLED | Expired)
    )
    settled.update(list(batch.pending))
    assert settled == Counter(accepted)

    placed = [fact for fact in facts if isinstance(fact, Placed)]
    surplus = [fact for fact in facts if isinstance(fact, Surplus)]
    assert len({fact.slot for fact in placed}) == len(placed) == batch.filled + batch.failed
    assert batch.filled == sum(isinstance(slot, Content) for slot in batch.slots)
    assert batch.failed == sum(isinstance(slot, Failure) for slot in batch.slots)
    assert len(surplus) == len(batch.excess) + batch.late_failures
    assert len([fact for fact in facts if isinstance(fact, Refused)]) == len(batch.refused)
    assert not (batch.pending and batch.registration)


@examples(150)
@given(sequences(), TICKS)
def test_every_upload_is_accepted_repeated_or_a_conflict(sequence: str, ticks: set[int]) -> None:
    found, facts = run(sequence, ticks)
    outcomes = Counter(step.outcome.value for step in found.steps)
    assert sum(outcomes.values()) == len(found.inputs)

    # The counts of the metric against the facts: a registration's facts about pending uploads are not its own outcome.
    direct = [fact for fact in facts if isinstance(fact, Placed | Surplus) and fact.held < 0]
    held = [fact for fact in facts if isinstance(fact, Held)]
    accepted = sum(outcomes[name] for name in ("assigned", "slot_failed", "excess", "recorded", "held"))
    assert accepted == len(direct) + len(held)
    assert outcomes["conflict"] == len(found.refused)
    aliases = sum(isinstance(fact, Alias) for fact in facts)
    assert outcomes["repeated"] >= aliases


@examples(150)
@given(sequences(), TICKS)
def test_what_is_known_of_an_upload_is_where_it_is(sequence: str, ticks: set[int]) -> None:
    batch = run(sequence, ticks)[0].batch
    known = [held.upload for held in batch.pending.values()]
    known += [slot for slot in batch.slots if slot is not None]
    known += batch.excess.values()
    assert {upload.text_id for upload in known if isinstance(upload, Content)} == set(batch.texts)
    for upload in known:
        assert batch.uploads[upload.upload_id] == (upload.text_id if isinstance(upload, Content) else None)
    # Uploads that are known and hold no place of their own are aliases of a known text, or late failures.
    others = batch.uploads.keys() - {upload.upload_id for upload in known}
    failed = [upload for upload in others if batch.uploads[upload] is None]
    assert len(failed) == batch.late_failures
    assert all(batch.uploads[upload] in batch.texts for upload in others if batch.uploads[upload] is not None)
