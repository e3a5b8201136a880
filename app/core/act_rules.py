"""The rules for what operators do. To change one, change it here.

==================  ========================  ===========================  ==================  ==================
act                 UNREGISTERED              OPEN                         COMPLETE            DISCARDED
==================  ========================  ===========================  ==================  ==================
force complete      refused                   closed, ready with what      refused             refused
                                              there is; refused where
                                              nothing is there
discard             everything pending is     closed, no ready event       refused             refused
                    given up; refused where
                    nothing is
discard an upload   it is given up; refused   refused                      refused             refused
                    where it isn't pending
extend              what is pending expires   the readiness deadline is    refused             refused
                    later; refused where      put off; refused once it
                    nothing is                has passed
re-open             refused                   refused                      open again          open again
==================  ========================  ===========================  ==================  ==================

A closed batch takes nothing more: what comes is excess, as for any complete batch. Opened again, its slots without an
outcome are free, with the new ones behind them; the excess contents take free slots first, in upload order. A failure
that was recorded when no slot was left takes none now: it has had its answer, and a re-opening is for texts. Of a batch
that was retired every act is refused.

Every function is pure. A refusal is a sentence for the operator.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import assert_never

from app.core.acts import Act, Discard, DiscardUpload, Extend, ForceComplete, Reopen
from app.core.batch import Batch
from app.core.batch_state import State
from app.core.budget import fits_reopened
from app.core.events import Policy, Position
from app.core.facts import DISCARDED, FORCED, Acted, Closed, Dismissed, Extended, Fact, Held, Reopened, Retaken

_CLOSED = {
    State.COMPLETE: "the batch is complete already",
    State.DISCARDED: "the batch was discarded: re-open it first",
}
#: What an operator is told who wants to do something to a batch that was retired.
RETIRED = "the batch was retired: only its receipt is kept, and nothing about it changes any more"
_UNREGISTERED = "the batch has no registration yet, so it has no slots"
_NOTHING_PENDING = "nothing is pending for the batch"

#: The acts that concern one upload at most: done at once, so that nothing is ever left of them.
_AT_ONCE = (ForceComplete, DiscardUpload, Extend)


def decide_act(batch: Batch, act: Act, position: Position, policy: Policy, most: int) -> tuple[Fact, ...]:
    """The facts that an act brings about: first that it was done, then what follows from it.

    None for an act that the batch has had (the same ``act_id``): it changes nothing. What concerns many uploads is
    decided for ``most`` of them, as in :func:`app.core.rules.decide`.
    """
    if act.act_id in batch.acts:
        return ()
    refused = refusal(batch, act, policy)
    acted = Acted(position.at, position.time, act, refused)
    return (acted,) if refused is not None else (acted, *_consequences(batch, act, position, most))


def act_left(batch: Batch, act: Act) -> bool:
    """Whether an act, which is the latest that the batch has had, is not yet done with."""
    if isinstance(act, _AT_ONCE):
        return False
    acted = batch.acts.get(act.act_id)
    if acted is None or acted.refused is not None or acted.at != batch.last:
        return False
    if isinstance(act, Discard):
        return bool(batch.pending)
    if isinstance(act, Reopen):
        return not batch.complete and any(map(batch.takes, batch.excess))
    assert_never(act)


def decide_rest_of_act(batch: Batch, act: Act, position: Position, most: int) -> tuple[Fact, ...]:
    """The next facts of an act of which something is left (:func:`act_left`)."""
    if isinstance(act, _AT_ONCE):
        return ()
    if isinstance(act, Discard):
        return tuple(_dismiss(batch, list(islice(batch.pending.values(), most)), position))
    if isinstance(act, Reopen):
        return tuple(_retake(batch, len(batch.slots), position.at, most))
    assert_never(act)


def refusal(batch: Batch, act: Act, policy: Policy) -> str | None:
    """Why an act makes no sense for the batch as it is, or None where it does."""
    state = batch.state
    if state is State.RETIRED:
        return RETIRED
    if isinstance(act, Reopen):
        return _refuse_reopen(batch, act)
    if state in _CLOSED:
        return _CLOSED[state]
    if isinstance(act, ForceComplete):
        if state is State.UNREGISTERED:
            return _UNREGISTERED
        return None if batch.filled or batch.failed else "nothing has come for the batch: discard it instead"
    if isinstance(act, Discard):
        return None if state is State.OPEN or batch.pending else _NOTHING_PENDING
    if isinstance(act, DiscardUpload):
        return None if batch.pending_at(act.upload_id) is not None else f"upload {act.upload_id} is not pending"
    if isinstance(act, Extend):
        return _refuse_extend(batch, act, policy)
    assert_never(act)


def _refuse_reopen(batch: Batch, act: Reopen) -> str | None:
    if batch.registration is None:
        return _UNREGISTERED
    if batch.state is State.OPEN:
        return "the batch is open already"
    if len(set(act.essay_ids)) != len(act.essay_ids):
        return "the essay ids are not unique"
    known = sorted(set(act.essay_ids) & set(batch.essay_ids))
    if known:
        return f"the batch has a slot for {known[0]} already"
    if act.essay_ids and not fits_reopened(batch.registration, (*batch.essay_ids, *act.essay_ids), batch.longest_text):
        return f"with {len(act.essay_ids)} more slots the ready event of the batch might not fit into a message"
    if not act.essay_ids and batch.free_slot() is None:
        return "every slot of the batch has its outcome: say for which new essay ids it is to be re-opened"
    return None


def _refuse_extend(batch: Batch, act: Extend, policy: Policy) -> str | None:
    if act.seconds <= 0:
        return "a deadline can only be put off: seconds must be positive"
    if batch.registration is None:
        if not batch.pending:
            return _NOTHING_PENDING
        return None if policy.pending_ttl else "pending uploads don't expire here: ROLLCALL_PENDING_TTL_SECONDS is 0"
    if batch.timed_out:
        return "the readiness deadline has passed and was said; the batch is open still"
    if not policy.readiness_timeout:
        return "batches have no readiness deadline here: ROLLCALL_READINESS_TIMEOUT_SECONDS is 0"
    return None


def nothing_left(batch: Batch, gone: int, at: int) -> Iterator[Fact]:
    """What follows where ``gone`` pending uploads are given up and nothing is pending then: the batch is as new."""
    if batch.extension and gone == len(batch.pending):
        yield Extended(at, -batch.extension)


def _dismiss(batch: Batch, dismissed: Sequence[Held], position: Position) -> Iterator[Fact]:
    for held in dismissed:
        yield Dismissed(position.at, held.at, held.time, position.time)
    if batch.registration is None:
        yield from nothing_left(batch, len(dismissed), position.at)


def _consequences(batch: Batch, act: Act, position: Position, most: int) -> Iterator[Fact]:
    at = position.at
    if isinstance(act, ForceComplete):
        yield Closed(at, FORCED)
    elif isinstance(act, Discard):
        if batch.registration is not None:
            yield Closed(at, DISCARDED)
        yield from _dismiss(batch, list(islice(batch.pending.values(), most)), position)
    elif isinstance(act, DiscardUpload):
        held = batch.pending_at(act.upload_id)
        yield from _dismiss(batch, [] if held is None else [batch.pending[held]], position)
    elif isinstance(act, Extend):
        yield Extended(at, act.seconds * 1000)
    elif isinstance(act, Reopen):
        yield Reopened(at, position.time, act.essay_ids)
        yield from _retake(batch, len(batch.slots) + len(act.essay_ids), at, most)
    else:
        assert_never(act)


def _retake(batch: Batch, slots: int, at: int, most: int) -> Iterator[Fact]:
    """Excess contents take the free ones of so many slots, in upload order, until one of both runs out."""
    present_slots, first = batch.slots, batch.free_slot()
    candidates = range(len(present_slots) if first is None else first, slots)
    free = (slot for slot in candidates if slot >= len(present_slots) or present_slots[slot] is None)
    for slot, text_id in islice(zip(free, filter(batch.takes, batch.excess), strict=False), most):
        yield Retaken(at, slot, text_id)
