"""What is published about a fact: the outputs, built from the batch and the fact alone.

Every moment inside ``data`` is event time of the inputs (or, for deadlines, log time), never a clock, so that a
repeat has byte for byte the same ``data``. A completed batch carries the latest event time among its registration and
the uploads in its slots: the moment it could first have been complete, which does not depend on the order of arrival.
Event ids are UUIDv5 of topic and business key.
"""

from collections.abc import Sequence
from itertools import repeat
from typing import assert_never

import msgspec

from app.core import names
from app.core.about_batch import completion, registration_of, timeout
from app.core.batch import Batch
from app.core.events import Content, Policy, Registration, Source, Upload
from app.core.facts import (
    FORCED,
    TEXT_ID_TOO_LONG,
    Acted,
    ActFact,
    Alias,
    Closed,
    Conflicted,
    Dismissed,
    Expired,
    Extended,
    Fact,
    Forgotten,
    Gone,
    Held,
    Placed,
    Refused,
    Registered,
    Reopened,
    Retaken,
    Retired,
    Surplus,
    TimedOut,
)
from app.core.messages import Assigned, Message, at_moment, event_id
from app.core.payloads import EssaySlotAssigned, ExcessContentProvisioned, PendingContentExpired

#: Why a pending upload was given up.
NOT_REGISTERED = "REGISTRATION_NOT_RECEIVED"
BY_OPERATOR = "DISCARDED_BY_OPERATOR"


#: Why a content is in excess: no slot is left. An older release also put there, by the other reason, whose text id does
#: not fit into the ready event (now refused): what it said is repeated as it was.
NO_SLOT = "NO_AVAILABLE_SLOT"
LONG_ID = "TEXT_ID_TOO_LONG"


class DeadLetter(msgspec.Struct, frozen=True):
    """The input that is being folded can't be used. Its bytes and position are added by the caller, which has them."""

    reason: str
    detail: str
    correlation_id: str


class Expiry(msgspec.Struct, frozen=True):
    """A pending upload was given up, at log time ``time`` (ms): what was due then, or what an operator did.

    :func:`expired` makes the message of it once its original is at hand (the pending table holds it).
    """

    held: int
    since: int
    upload: Upload
    time: int
    reason: str


class Refusal(msgspec.Struct, frozen=True):
    """A pending content can't have a slot of the batch that is now registered: a dead letter with the bytes of its
    original, which the pending table holds, as it does for an :class:`Expiry`.
    """

    held: int
    letter: DeadLetter


#: As it is published; :class:`~app.core.messages.Assigned` is the short form of :func:`in_full`.
Output = Message | Assigned | DeadLetter | Expiry | Refusal

#: The facts that are no matter of every upload.
_Rare = Registered | Surplus | Refused | Alias | Expired | Conflicted | ActFact | Gone

#: Facts without an output, or without one yet. A surplus failure only counts; a conflict is published when decided.
_SILENT = (Registered, Surplus, Alias, Conflicted, Acted, Extended, Reopened, Retired, Forgotten)


def outputs_of(batch: Batch, fact: Fact, upload: Upload | None, policy: Policy) -> list[Output]:
    """The outputs once ``fact``, which is about ``upload``, has been applied to ``batch``; in order."""
    if isinstance(fact, Placed):
        return slot_taken(batch, fact.slot, upload, policy)
    if isinstance(fact, Held):
        return []
    if isinstance(fact, Surplus) and isinstance(upload, Content):
        return [_excess(batch, upload)]
    if isinstance(fact, TimedOut):
        return [timeout(batch, policy)]
    return _outputs_of_rare(batch, fact, upload, policy)


def _outputs_of_rare(batch: Batch, fact: _Rare, upload: Upload | None, policy: Policy) -> list[Output]:
    """Those that follow from what is given up, and from what operators do."""
    if isinstance(fact, Closed):
        return list(completion(batch, policy)) if fact.how == FORCED else []
    if isinstance(fact, _SILENT) or upload is None:  # the others are about one
        return []
    if isinstance(fact, Refused):
        letter = _refused(batch, upload, fact.reason)
        return [letter if fact.held < 0 else Refusal(fact.held, letter)]
    if isinstance(fact, Expired):
        due = fact.since + batch.extension + policy.pending_ttl
        return [Expiry(fact.held, fact.since, upload, due, NOT_REGISTERED)]
    if isinstance(fact, Dismissed):
        return [Expiry(fact.held, fact.since, upload, fact.time, BY_OPERATOR)]
    if isinstance(fact, Retaken):
        return slot_taken(batch, fact.slot, upload, policy)
    assert_never(fact)


def slot_taken(batch: Batch, slot: int, upload: Upload | None, policy: Policy) -> list[Output]:
    """The outputs once an upload has taken a slot, in order."""
    outputs: list[Output] = []
    if isinstance(upload, Content):
        outputs.append(Assigned(batch.batch_id, batch.essay_ids[slot], upload))
    if batch.complete:
        outputs.extend(completion(batch, policy))
    return outputs


def slots_taken(batch: Batch, first: int, contents: Sequence[Content]) -> list[Assigned]:
    """As :func:`slot_taken`, of contents that take one slot after the other from the ``first`` on."""
    return list(map(Assigned, repeat(batch.batch_id), batch.essay_ids[first : first + len(contents)], contents))


def conflict(batch: Batch, fact: Conflicted, event: Registration | Upload) -> DeadLetter:
    """The output about an input that contradicts what stands."""
    return DeadLetter(fact.reason, f"batch {batch.batch_id}: what came first stands", event.correlation_id)


def answer_to_repeat(batch: Batch, text_id: str) -> list[Output]:
    """The answer that a known text got the first time, again: its slot, its excess, or that it is refused.

    A pending one has had none yet.
    """
    refused = batch.refused.get(text_id)
    if refused is not None:
        return [_refused(batch, refused, TEXT_ID_TOO_LONG)]
    content = batch.content_of(text_id)
    if content is None:
        return []
    place = batch.texts[text_id]
    return [Assigned(batch.batch_id, batch.essay_ids[place], content) if place >= 0 else _excess(batch, content)]


def _refused(batch: Batch, upload: Upload, reason: str) -> DeadLetter:
    slots = len(registration_of(batch).essay_ids)
    detail = (
        f"batch {batch.batch_id}: in the ready event of its {slots} slots a text_storage_id has at most "
        f"{batch.longest_text} bytes as JSON: upload the text under a shorter id, or register fewer slots"
    )
    return DeadLetter(reason, detail, upload.correlation_id)


def expired(batch_id: str, expiry: Expiry, source: Source, original: bytes) -> Message:
    """``PendingContentExpired`` with the whole ``original`` event (a JSON text) that was read at ``source``.

    It can be put back as it is. The event id counts the position in: an upload that is put back and expires again is
    another expiry.
    """
    upload = expiry.upload
    return Message(
        topic=names.EXPIRED,
        key=batch_id,
        event_id=event_id(names.EXPIRED, batch_id, upload.upload_id, *map(str, source)),
        correlation_id=upload.correlation_id,
        traceparent=upload.traceparent,
        data=PendingContentExpired(
            batch_id=batch_id,
            file_upload_id=upload.upload_id,
            reason=expiry.reason,
            pending_since=at_moment(expiry.since * 1000),
            original_topic=names.INPUTS[source.topic],
            original=msgspec.Raw(original),
            correlation_id=upload.correlation_id,
            timestamp=at_moment(expiry.time * 1000),
        ),
    )


def in_full(assigned: Assigned) -> Message:
    """The message that an output in short stands for."""
    content, batch_id, essay_id = assigned.content, assigned.batch_id, assigned.essay_id
    return Message(
        topic=names.SLOT_ASSIGNED,
        key=essay_id,
        event_id=event_id(names.SLOT_ASSIGNED, batch_id, essay_id),
        correlation_id=content.correlation_id,
        traceparent=content.traceparent,
        data=EssaySlotAssigned(
            batch_id=batch_id,
            essay_id=essay_id,
            file_upload_id=content.upload_id,
            text_storage_id=content.text_id,
            original_file_name=content.file_name,
            correlation_id=content.correlation_id,
            timestamp=at_moment(content.moment),
        ),
    )


def _excess(batch: Batch, content: Content) -> Message:
    return Message(
        topic=names.EXCESS,
        key=batch.batch_id,
        event_id=event_id(names.EXCESS, batch.batch_id, content.text_id),
        correlation_id=content.correlation_id,
        traceparent=content.traceparent,
        data=ExcessContentProvisioned(
            batch_id=batch.batch_id,
            file_upload_id=content.upload_id,
            original_file_name=content.file_name,
            text_storage_id=content.text_id,
            reason=NO_SLOT if batch.takes(content.text_id) else LONG_ID,
            correlation_id=content.correlation_id,
            timestamp=at_moment(content.moment),
        ),
    )
