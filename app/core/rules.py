"""The rules: what each event means for a batch. To change a rule, change it here.

Every function is pure: it reads the batch and returns the facts that the event brings about, in order. An empty tuple
means that the event is a repeat: nothing changes. A :class:`~app.core.facts.Conflicted` fact means that the event
contradicts what stands.

=========================  ==========================  =============================  ===========================
event                      UNREGISTERED                OPEN                           COMPLETE
=========================  ==========================  =============================  ===========================
content, new               pending                     next free slot from the front  excess
failure, new               pending                     next free slot from the back   recorded
content, id too long       pending                     refused                        refused
content, same text         repeat                      repeat                         repeat
failure, same upload       repeat                      repeat                         repeat
upload with an outcome     conflict: the first stands  conflict                       conflict
registration, first        slots; pending applied in   -                              -
                           upload order
registration, same         -                           repeat                         repeat
registration, different    -                           conflict: the first stands     conflict
=========================  ==========================  =============================  ===========================

A content whose text id is so long that the ready event of so many slots could not hold it is refused: it takes no slot
and becomes a dead letter, whether it comes before or after the registration (:mod:`app.core.budget`). DISCARDED is as
COMPLETE. What operators do has rules of its own (:mod:`app.core.act_rules`), and so has what is retired, and what comes
late for it (:mod:`app.core.retirement`).
"""

from collections.abc import Iterator, Sequence
from itertools import islice, repeat
from sys import maxsize

from app.core.act_rules import act_left, decide_act, decide_rest_of_act, nothing_left
from app.core.batch import Batch
from app.core.budget import fits, longest_text
from app.core.events import Content, Event, Failure, Policy, Position, Registration, Tick, Upload
from app.core.facts import (
    REGISTRATION_CONFLICT,
    TEXT_ID_TOO_LONG,
    UPLOAD_CONFLICT,
    Alias,
    Conflicted,
    Expired,
    Fact,
    Held,
    Placed,
    Refused,
    Registered,
    Surplus,
    TimedOut,
)
from app.core.retirement import gone

#: The events that concern no upload but their own: done at once, so that nothing is ever left of them.
_AT_ONCE = (Content, Failure)


def slot_for(upload: Upload, slots: int, filled: int, failed: int) -> int | None:
    """Which slot an upload takes: **contents from the front, failures from the back**; None when no slot is left.

    A failure names an upload, never a slot, so it uses up the slot that would be needed last. Slots therefore fill as
    one run from each end, and the two counts say where the ends are. (Not so once operators have acted.)
    """
    if filled + failed == slots:
        return None
    return filled if isinstance(upload, Content) else slots - 1 - failed


def decide(batch: Batch, event: Event, position: Position, policy: Policy, most: int = maxsize) -> tuple[Fact, ...]:
    """The facts that ``event``, read at ``position`` of the log, brings about for ``batch``.

    Of a batch that was retired nothing is decided but that its receipt goes.

    An event that concerns many uploads at once (a registration that reconciles, a tick that gives up, a discard, a
    re-opening) is decided for ``most`` of them; :func:`left` then says whether there are others, and
    :func:`decide_rest` goes on.
    """
    if batch.receipt is not None:
        return gone(batch, event, position) if isinstance(event, Tick) else ()
    if isinstance(event, Content):
        return decide_content(batch, event, position)
    if isinstance(event, Failure):
        return _failure(batch, event, position)
    if isinstance(event, Registration):
        return _registration(batch, event, position, most)
    if isinstance(event, Tick):
        return gone(batch, event, position) or tuple(_due(batch, event, position.at, policy, most))
    return decide_act(batch, event, position, policy, most)


def left(batch: Batch, event: Event, policy: Policy) -> bool:
    """Whether ``event``, which is the latest that the batch has had, is not yet done with.

    The batch itself says so: there are uploads pending for one that is registered, say. So it does after a crash.
    """
    if isinstance(event, Registration):
        return batch.registration is not None and bool(batch.pending)
    if isinstance(event, Tick):
        deadline = next_deadline(batch, policy)
        return deadline is not None and deadline <= event.time
    if isinstance(event, _AT_ONCE):
        return False
    return act_left(batch, event)


def decide_rest(
    batch: Batch, event: Event, position: Position, policy: Policy, most: int = maxsize
) -> tuple[Fact, ...]:
    """The next facts of an event of which something is :func:`left`.

    With those that were decided before they are what would have been decided at once.
    """
    if isinstance(event, Registration):
        return tuple(_reconcile(batch, event, position.at, most))
    if isinstance(event, Tick):
        return tuple(_due(batch, event, position.at, policy, most))
    if isinstance(event, _AT_ONCE):
        return ()
    return decide_rest_of_act(batch, event, position, most)


def next_deadline(batch: Batch, policy: Policy) -> int | None:
    """The log time (ms) at which something is due for the batch, or None."""
    since = batch.waits_since
    duration = policy.pending_ttl if batch.registration is None else policy.readiness_timeout
    return None if since is None or batch.timed_out or not duration else since + duration


def decide_content(batch: Batch, content: Content, position: Position) -> tuple[Fact, ...]:
    """As :func:`decide`, of a content for a batch that was not retired: one fact at most."""
    # The text is the content's identity, so it is looked at first: the same text is the same content, under whatever
    # upload it comes.
    if content.text_id in batch.texts:
        if content.upload_id in batch.uploads:
            return ()
        return (Alias(position.at, content.upload_id, content.text_id),)
    if content.upload_id in batch.uploads:
        return _conflict(batch, position, UPLOAD_CONFLICT)
    return _arrive(batch, content, position)


def decide_contents(batch: Batch, contents: Sequence[Content], at: Sequence[int]) -> list[Placed]:
    """As :func:`decide_content`, of contents that come one after the other, each at its log offset: of the first ones,
    as many as are new, each take a slot, and leave the batch open.

    Nothing is decided where that is not sure of each: they are to be decided one by one then.
    """
    count = min(len(contents), len(batch.slots) - batch.filled - batch.failed - 1)
    if count <= 0 or batch.acts or batch.longest_text is not None:
        return []
    contents = contents[:count]
    uploads = {content.upload_id: content.text_id for content in contents}
    if len(set(uploads.values())) < count:  # an upload or a text comes twice
        return []
    if not batch.uploads.keys().isdisjoint(uploads) or not batch.texts.keys().isdisjoint(uploads.values()):
        return []
    return list(map(Placed, at, range(batch.filled, batch.filled + count), repeat(-1), contents))


def _failure(batch: Batch, failure: Failure, position: Position) -> tuple[Fact, ...]:
    if failure.upload_id in batch.uploads:
        if batch.uploads[failure.upload_id] is None:
            return ()
        return _conflict(batch, position, UPLOAD_CONFLICT)
    return _arrive(batch, failure, position)


def _arrive(batch: Batch, upload: Upload, position: Position) -> tuple[Fact, ...]:
    if batch.registration is None:
        return (Held(position.at, position.time, upload, position.source),)
    if batch.longest_text is not None and isinstance(upload, Content) and not fits(upload.text_id, batch.longest_text):
        return (Refused(position.at, -1, upload, TEXT_ID_TOO_LONG),)
    if batch.acts:
        slot = _slot_after_acts(batch, upload)
    else:
        slot = slot_for(upload, len(batch.slots), batch.filled, batch.failed)
    if slot is None:
        return (Surplus(position.at, -1, upload),)
    return (Placed(position.at, slot, -1, upload),)


def _slot_after_acts(batch: Batch, upload: Upload) -> int | None:
    """As :func:`slot_for`, where a batch may be closed with free slots, or have slots that were added behind."""
    return None if batch.complete else batch.free_slot(last=not isinstance(upload, Content))


def _registration(batch: Batch, registration: Registration, position: Position, most: int) -> tuple[Fact, ...]:
    if batch.registration is None:
        return (
            Registered(position.at, position.time, registration),
            *_reconcile(batch, registration, position.at, most),
        )
    if _same(batch.registration, registration):
        return ()
    return _conflict(batch, position, REGISTRATION_CONFLICT)


def _reconcile(batch: Batch, registration: Registration, at: int, most: int) -> Iterator[Fact]:
    """Apply the pending uploads in upload order, exactly as if the registration had come first."""
    slots, longest = len(registration.essay_ids), longest_text(registration)
    filled, failed = batch.filled, batch.failed
    for held in islice(batch.pending.values(), most):
        if isinstance(held.upload, Content) and not fits(held.upload.text_id, longest):
            yield Refused(at, held.at, None, TEXT_ID_TOO_LONG)
            continue
        slot = slot_for(held.upload, slots, filled, failed)
        if slot is None:
            yield Surplus(at, held.at, None)
            continue
        if isinstance(held.upload, Content):
            filled += 1
        else:
            failed += 1
        yield Placed(at, slot, held.at, None)


def _same(registration: Registration, other: Registration) -> bool:
    """Whether no field that an output depends on differs.

    The envelope (correlation id, moment, trace) is not content.
    """
    return (
        registration.essay_ids == other.essay_ids
        and registration.course_code == other.course_code
        and registration.user_id == other.user_id
        and registration.org_id == other.org_id
        and registration.class_id == other.class_id
        and registration.student_prompt_ref == other.student_prompt_ref
        and registration.essay_instructions == other.essay_instructions
    )


def _due(batch: Batch, tick: Tick, at: int, policy: Policy, most: int) -> Iterator[Fact]:
    """What is due. Pending uploads are given up in upload order, so one that isn't due keeps those behind it."""
    deadline = next_deadline(batch, policy)
    if deadline is None or deadline > tick.time:
        return
    if batch.registration is not None:
        yield TimedOut(at)
        return
    latest = tick.time - policy.pending_ttl - batch.extension
    expired = 0
    for held in islice(batch.pending.values(), most):
        if held.time > latest:
            break
        yield Expired(at, held.at, held.time)
        expired += 1
    yield from nothing_left(batch, expired, at)


def _conflict(batch: Batch, position: Position, reason: str) -> tuple[Fact, ...]:
    # A conflict is remembered by the position of its input, so that the same input read again (a crash, a paused
    # worker) is not published twice; a redelivery has a position of its own and gets a dead letter of its own.
    source = position.source
    if source is None or source in batch.conflicts:
        return ()
    return (Conflicted(position.at, source, reason),)
