"""What holds whatever operators do: conservation, replay, repeats, and the central invariant where nobody acts."""

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.core.acts import Act
from app.core.batch import Batch
from app.core.batch_state import State
from app.core.events import Content, Failure, Policy
from app.core.facts import Acted, Closed, Dismissed, Expired, Fact, Held, Placed, Reopened, Retaken, Surplus
from app.core.fold import Outcome, Step
from app.core.messages import Message as Said
from app.core.replay import replay
from tables import batches
from tests.core.acting import discard, discard_upload, extend, force, reopen
from tests.core.examples import examples
from tests.core.play import Played, data_bytes, play, sent, state
from tests.core.sequences import UPLOADS, sequences
from tests.oracle import topics

POLICY = Policy(pending_ttl=4_000, readiness_timeout=8_000)  # ms: four and eight records of the log

#: A few act ids, so that an operator's repeats are frequent.
_ID = st.integers(0, 7)
_REOPEN = st.builds(lambda ids, number: reopen(*ids, number=number), st.lists(st.sampled_from("xyz"), max_size=2), _ID)
ACTS: st.SearchStrategy[Act] = st.one_of(
    st.builds(force, _ID),
    _REOPEN,
    st.builds(discard, _ID),
    _REOPEN,
    st.builds(discard_upload, st.integers(0, 4), _ID),
    st.builds(extend, st.integers(1, 20), _ID),
)
#: What is done before some of the inputs: acts, and ticks after so many seconds.
DONE = st.lists(st.tuples(st.integers(0, 10), st.one_of(ACTS, ACTS, st.integers(0, 30))), max_size=8)
#: Also batches that are registered early and small, so that there is excess.
STORIES = st.one_of(
    sequences(), st.builds(lambda slots, uploads: " ".join([f"R{slots}", *uploads]), st.integers(1, 3), UPLOADS)
)


@dataclass
class Story:
    """A batch, all steps that made it, and the facts and outputs of them."""

    played: Played
    steps: list[Step]

    @property
    def facts(self) -> list[Fact]:
        return [fact for step in self.steps for fact in step.facts]

    @property
    def said(self) -> list[Said]:
        return [output for step in self.steps for output in step.outputs if isinstance(output, Said)]


def tell(sequence: str, done: Sequence[tuple[int, Act | int]]) -> Story:
    """Play a sequence with things done before some of its inputs, or behind them all."""
    found = Story(Played(Batch("b"), POLICY), [])
    inputs = sent(sequence)
    for number in range(len(inputs) + 1):
        for place, what in done:
            if min(place, len(inputs)) == number:
                if isinstance(what, int):
                    found.played.at += what  # a second between two records
                    found.steps.append(found.played.tick())
                else:
                    found.steps.append(found.played.act(what))
        if number < len(inputs):
            found.steps.append(found.played.send([inputs[number]]).steps[-1])
    return found


@examples(300)
@given(STORIES, DONE)
def test_every_accepted_upload_is_in_exactly_one_place(sequence: str, done: list[tuple[int, Act | int]]) -> None:
    found = tell(sequence, done)
    batch, facts = found.played.batch, found.facts
    accepted = [fact.at for fact in facts if isinstance(fact, Held)]
    accepted += [fact.at for fact in facts if isinstance(fact, Placed | Surplus) and fact.held < 0]
    settled = Counter(
        (fact.held if fact.held >= 0 else fact.at)
        for fact in facts
        if isinstance(fact, Placed | Surplus | Expired | Dismissed)
    )
    settled.update(list(batch.pending))
    assert settled == Counter(accepted)

    taken = [fact.slot for fact in facts if isinstance(fact, Placed | Retaken)]
    assert len(set(taken)) == len(taken) == batch.filled + batch.failed
    assert batch.filled == sum(isinstance(slot, Content) for slot in batch.slots)
    assert batch.failed == sum(isinstance(slot, Failure) for slot in batch.slots)
    surplus = sum(isinstance(fact, Surplus) for fact in facts)
    assert surplus == len(batch.excess) + batch.late_failures + sum(isinstance(fact, Retaken) for fact in facts)
    assert not (batch.pending and batch.registration)
    assert len(batch.slots) == len(batch.essay_ids) == len(set(batch.essay_ids))
    assert batch.pending or batch.registration or not batch.extension

    known = [held.upload for held in batch.pending.values()]
    known += [slot for slot in batch.slots if slot is not None]
    known += batch.excess.values()
    texts = [upload.text_id for upload in known if isinstance(upload, Content)]
    assert Counter(texts) == Counter(dict.fromkeys(batch.texts, 1))
    assert all(batch.slots[place] == batch.content_of(text) for text, place in batch.texts.items() if place >= 0)


@examples(200)
@given(STORIES, DONE)
def test_the_latest_upload_is_that_of_the_slots_as_they_are_whenever_it_is_asked_for(
    sequence: str, done: list[tuple[int, Act | int]]
) -> None:
    batch = Batch("b")
    for fact in tell(sequence, done).facts:
        batch.apply(fact)
        latest = None
        for upload in batch.slots:
            if upload is not None and (latest is None or upload.moment > latest.moment):
                latest = upload
        assert batch.latest_upload is latest


@examples(200)
@given(STORIES, DONE)
def test_the_stored_facts_add_up_to_the_state(sequence: str, done: list[tuple[int, Act | int]]) -> None:
    found = tell(sequence, done)
    rows = [batches.row("b", step.facts, batches.format_of(found.played.batch)) for step in found.steps if step.facts]
    stored = [value for _, value in rows]
    assert state(batches.batch_of("b", stored)) == state(found.played.batch)
    assert state(replay("b", [found.facts, *(step.facts for step in found.steps)])) == state(found.played.batch)


@examples(200)
@given(STORIES, DONE)
def test_acts_that_come_again_change_nothing_and_say_nothing(sequence: str, done: list[tuple[int, Act | int]]) -> None:
    found = tell(sequence, done).played
    before = copy.deepcopy(state(found.batch))
    for _, act in done:
        if not isinstance(act, int):
            step = found.act(act)
            assert (step.facts, step.outputs, step.outcome) == ((), [], Outcome.REPEATED)
    assert state(found.batch) == before


@examples(200)
@given(STORIES, DONE)
def test_every_act_is_recorded_once_refused_or_not(sequence: str, done: list[tuple[int, Act | int]]) -> None:
    found = tell(sequence, done)
    acts = {act.act_id for _, act in done if not isinstance(act, int)}
    recorded = [fact for fact in found.facts if isinstance(fact, Acted)]
    assert Counter(fact.act.act_id for fact in recorded) == Counter(dict.fromkeys(acts, 1))
    assert list(found.played.batch.acts.values()) == recorded
    for step in found.steps:
        if step.outcome is Outcome.REFUSED:
            assert (len(step.facts), step.outputs) == (1, [])


@examples(200)
@given(STORIES, DONE)
def test_ready_is_said_once_an_opening_and_ids_stand_for_one_data(
    sequence: str, done: list[tuple[int, Act | int]]
) -> None:
    found = tell(sequence, done)
    once = {topics.READY, topics.ERRORS, topics.COMPLETED, topics.TIMEOUT}
    ids = [output.event_id for output in found.said if output.topic in once]
    assert len(set(ids)) == len(ids)
    openings = 1 + sum(isinstance(fact, Reopened) for fact in found.facts)
    for topic in once:
        assert sum(output.topic == topic for output in found.said) <= openings
    by_id: dict[str, set[bytes]] = {}
    for output in found.said:
        by_id.setdefault(output.event_id, set()).add(data_bytes(output))
    assert all(len(data) == 1 for data in by_id.values())


@examples(150)
@given(STORIES, DONE)
def test_acts_that_are_refused_leave_the_outcome_alone(sequence: str, done: list[tuple[int, Act | int]]) -> None:
    acts = [(place, what) for place, what in done if not isinstance(what, int)]
    found = tell(sequence, acts)
    if any(isinstance(fact, Acted) and fact.refused is None for fact in found.facts):
        return
    plain = play(sequence, policy=POLICY)
    assert outcome(found.played.batch) == outcome(plain.batch)
    assert [(output.event_id, data_bytes(output)) for output in found.said] == [
        (output.event_id, data_bytes(output)) for output in plain.said
    ]


def outcome(batch: Batch) -> Any:
    """Return what became of the uploads; where they stood in the log differs by the acts among them."""
    pending = [held.upload for held in batch.pending.values()]
    return batch.slots, pending, batch.texts, batch.uploads, batch.excess, batch.late_failures, batch.state


def test_the_stories_are_not_trivial() -> None:
    """The strategy reaches what the properties are about; without this they could all hold of nothing."""
    reached: Counter[str] = Counter()

    @examples(300)
    @given(STORIES, DONE)
    def gather(sequence: str, done: list[tuple[int, Act | int]]) -> None:
        found = tell(sequence, done)
        for fact in found.facts:
            reached[type(fact).__name__] += 1
            if isinstance(fact, Acted):
                reached[f"{type(fact.act).__name__} {fact.refused is None}"] += 1
            if isinstance(fact, Closed):
                reached[fact.how] += 1
        reached[found.played.batch.state.value] += 1

    gather()
    acts = ("ForceComplete", "Discard", "DiscardUpload", "Extend", "Reopen")
    wanted = {"Dismissed", "Expired", "Extended", "Retaken", "TimedOut", "Surplus", "forced", "discarded"}
    wanted |= {f"{act} {done}" for act in acts for done in (True, False)} | {state.value for state in State} - {
        "retired"
    }
    assert wanted <= reached.keys(), wanted - reached.keys()
