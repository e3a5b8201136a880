"""The rules: what each event means for a batch. To change a rule, change it here.

Every function is pure: it reads the batch and returns the facts that the event brings about, in order. An empty tuple
means that the event is a repeat: nothing changes. A :class:`~app.core.facts.Conflicted` fact means that the event
contradicts what stands.

=========================  ==========================  =============================  ===========================
event                      UNREGISTERED                OPEN                           COMPLETE
=========================  ==========================  =============================  ===========================
content, new               pending                     next free slot from the front  excess
failure, new               pending                     next free slot from the back   recorded
content, same text         repeat                      repeat                         repeat
failure, same upload       repeat                      repeat                         repeat
upload with an outcome     conflict: the first stands  conflict                       conflict
registration, first        slots; pending applied in   -                              -
                           upload order
registration, same         -                           repeat                         repeat
registration, different    -                           conflict: the first stands     conflict
=========================  ==========================  =============================  ===========================

DISCARDED is as COMPLETE. What operators do has rules of its own (:mod:`app.core.act_rules`).
"""

from collections.abc import Iterator

from app.core.act_rules import decide_act, free_slots, nothing_left
from app.core.batch import Batch
from app.core.events import Content, Event, Failure, Policy, Position, Registration, Tick, Upload
from app.core.facts import Alias, Conflicted, Expired, Fact, Held, Placed, Registered, Surplus, TimedOut

REGISTRATION_CONFLICT = "registration_conflict"
UPLOAD_CONFLICT = "upload_conflict"


def slot_for(upload: Upload, slots: int, filled: int, failed: int) -> int | None:
    """Which slot an upload takes: **contents from the front, failures from the back**; None when no slot is left.

    A failure names an upload, never a slot, so it uses up the slot that would be needed last. Slots therefore fill as
    one run from each end, and the two counts say where the ends are. (Not so once operators have acted.)
    """
    if filled + failed == slots:
        return None
    return filled if isinstance(upload, Content) else slots - 1 - failed


def decide(batch: Batch, event: Event, position: Position, policy: Policy) -> tuple[Fact, ...]:
    """The facts that ``event``, read at ``position`` of the log, brings about for ``batch``."""
    if isinstance(event, Content):
        return _content(batch, event, position)
    if isinstance(event, Failure):
        return _failure(batch, event, position)
    if isinstance(event, Registration):
        return _registration(batch, event, position)
    if isinstance(event, Tick):
        return tuple(_due(batch, event, position.at, policy))
    return decide_act(batch, event, position, policy)


def next_deadline(batch: Batch, policy: Policy) -> int | None:
    """The log time (ms) at which something is due for the batch, or None."""
    since = batch.waits_since
    duration = policy.pending_ttl if batch.registration is None else policy.readiness_timeout
    return None if since is None or batch.timed_out or not duration else since + duration


def _content(batch: Batch, content: Content, position: Position) -> tuple[Fact, ...]:
    # The text is the content's identity, so it is looked at first: the same text is the same content, under whatever
    # upload it comes.
    if content.text_id in batch.texts:
        if content.upload_id in batch.uploads:
            return ()
        return (Alias(position.at, content.upload_id, content.text_id),)
    if content.upload_id in batch.uploads:
        return _conflict(batch, position, UPLOAD_CONFLICT)
    return _arrive(batch, content, position)


def _failure(batch: Batch, failure: Failure, position: Position) -> tuple[Fact, ...]:
    if failure.upload_id in batch.uploads:
        if batch.uploads[failure.upload_id] is None:
            return ()
        return _conflict(batch, position, UPLOAD_CONFLICT)
    return _arrive(batch, failure, position)


def _arrive(batch: Batch, upload: Upload, position: Position) -> tuple[Fact, ...]:
    if batch.registration is None:
        return (Held(position.at, position.time, upload, position.source),)
    if batch.acts:
        slot = _slot_after_acts(batch, upload)
    else:
        slot = slot_for(upload, len(batch.slots), batch.filled, batch.failed)
    if slot is None:
        return (Surplus(position.at, -1, upload),)
    return (Placed(position.at, slot, -1, upload),)


def _slot_after_acts(batch: Batch, upload: Upload) -> int | None:
    """As :func:`slot_for`, where a batch may be closed with free slots, or have slots that were added behind."""
    free = [] if batch.complete else free_slots(batch)
    if not free:
        return None
    return free[0] if isinstance(upload, Content) else free[-1]


def _registration(batch: Batch, registration: Registration, position: Position) -> tuple[Fact, ...]:
    if batch.registration is None:
        return (
            Registered(position.at, position.time, registration),
            *_reconcile(batch, registration, position.at),
        )
    if _same(batch.registration, registration):
        return ()
    return _conflict(batch, position, REGISTRATION_CONFLICT)


def _reconcile(batch: Batch, registration: Registration, at: int) -> Iterator[Fact]:
    """Apply the pending uploads in upload order, exactly as if the registration had come first."""
    slots = len(registration.essay_ids)
    filled = failed = 0
    for held in batch.pending.values():
        slot = slot_for(held.upload, slots, filled, failed)
        if slot is None:
            yield Surplus(at, held.at, None)
            continue
        if isinstance(held.upload, Content):
            filled += 1
        else:
            failed += 1
        yield Placed(at, slot, held.at, None)


def _same(one: Registration, other: Registration) -> bool:
    """Whether no field that an output depends on differs.

    The envelope (correlation id, moment, trace) is not content.
    """
    return (
        one.essay_ids == other.essay_ids
        and one.course_code == other.course_code
        and one.user_id == other.user_id
        and one.org_id == other.org_id
        and one.class_id == other.class_id
        and one.student_prompt_ref == other.student_prompt_ref
        and one.essay_instructions == other.essay_instructions
    )


def _due(batch: Batch, tick: Tick, at: int, policy: Policy) -> Iterator[Fact]:
    if batch.registration is None:
        if policy.pending_ttl:
            expired = 0
            for held in batch.pending.values():
                if held.time + batch.extension + policy.pending_ttl <= tick.time:
                    yield Expired(at, held.at, held.time)
                    expired += 1
            yield from nothing_left(batch, expired, at)
        return
    deadline = next_deadline(batch, policy)
    if deadline is not None and deadline <= tick.time:
        yield TimedOut(at)


def _conflict(batch: Batch, position: Position, reason: str) -> tuple[Fact, ...]:
    # A conflict is remembered by the position of its input, so that the same input read again (a crash, a paused
    # worker) is not told twice; a redelivery has a position of its own and gets a dead letter of its own.
    source = position.source
    if source is None or source in batch.conflicts:
        return ()
    return (Conflicted(position.at, source, reason),)
