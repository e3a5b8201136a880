"""Retiring: what goes of a batch that is closed for long, what stays, and what then comes late for it.

==========================  =======================  ==============================================================
tick, beyond its cutoff     registered and closed    retired: its receipt is all that is kept
                            never registered,        forgotten: there was nothing to be answered for
                            nothing pending
                            retired                  forgotten: its receipt goes
                            all others               nothing
content, failure            retired                  dead letter ``batch_retired``, whether it was known or not
registration, same          retired                  acknowledged, nothing changes
registration, different     retired                  dead letter ``registration_conflict``
act                         retired                  refused
==========================  =======================  ==============================================================

How long is long is not said here: a tick of the log names its cutoffs (:class:`app.core.events.Tick`). No slot of a
retired batch is given again and no Ready said again, for as long as its receipt is kept; once that is gone, the batch
id is unknown, as if nothing had ever come for it.
"""

from hashlib import blake2b

import msgspec
from msgspec.structs import replace

from app.core import names
from app.core.about_batch import id_about, moment_of
from app.core.acts import Act, Discard
from app.core.batch import Batch
from app.core.batch_state import State
from app.core.events import Content, Cutoff, Failure, Position, Registration, Tick, Upload
from app.core.facts import REGISTRATION_CONFLICT, Forgotten, Gone, Retired
from app.core.outputs import DeadLetter

BATCH_RETIRED = "batch_retired"

_encoder = msgspec.msgpack.Encoder()


def gone(batch: Batch, tick: Tick, position: Position) -> tuple[Gone, ...]:
    """What a tick makes of a batch that rests, or was retired: one fact, or none where it stays."""
    if batch.receipt is not None:
        return (Forgotten(position.at),) if _within(batch, tick.forgets) else ()
    if tick.retires is None or not _within(batch, tick.retires) or not batch.rests:
        return ()
    receipt = receipt_of(batch)
    return (Forgotten(position.at) if receipt is None else retired(receipt, position),)


def receipt_of(batch: Batch) -> Retired | None:
    """What will be kept of a batch that rests, when it is retired as it is: a receipt without ``at`` and ``time``.

    None of one that was never registered: nothing is kept of it.
    """
    return None if batch.registration is None else _receipt(batch, batch.registration)


def retired(receipt: Retired, position: Position) -> Retired:
    """The receipt of a batch that is retired here."""
    return replace(receipt, at=position.at, time=position.time)


def digest(registration: Registration) -> bytes:
    """What stands for the content of a registration, 16 bytes: the same for all that are the same registration."""
    content = (
        registration.essay_ids,
        registration.course_code,
        registration.user_id,
        registration.org_id,
        registration.class_id,
        registration.student_prompt_ref,
        registration.essay_instructions,
    )
    return blake2b(_encoder.encode(content), digest_size=16).digest()


def late(batch: Batch, receipt: Retired, event: Registration | Upload | Act) -> DeadLetter | None:
    """What is said of an event for a batch of which there is the ``receipt``.

    None of a registration that is the same, and of what an operator does, which is refused.
    """
    if isinstance(event, Content | Failure):
        detail = f"batch {batch.batch_id} was retired: the upload came too late for it"
        return DeadLetter(BATCH_RETIRED, detail, event.correlation_id)
    if isinstance(event, Registration) and digest(event) != receipt.digest:
        detail = f"batch {batch.batch_id} was retired: what came first stands"
        return DeadLetter(REGISTRATION_CONFLICT, detail, event.correlation_id)
    return None


def _within(batch: Batch, cutoff: Cutoff | None) -> bool:
    return cutoff is not None and (batch.last, batch.batch_id) <= cutoff


def _receipt(batch: Batch, registration: Registration) -> Retired:
    state = batch.state
    published = state is State.COMPLETE
    if published:
        closed_at = moment_of(batch, registration) // 1000
    else:
        acts = batch.acts.values()
        closed_at = [acted.time for acted in acts if isinstance(acted.act, Discard) and not acted.refused][-1]
    return Retired(
        at=0,
        time=0,
        closed_at=closed_at,
        how=batch.closed,
        slots=len(batch.slots),
        filled=batch.filled,
        failed=batch.failed,
        excess=len(batch.excess),
        late_failures=batch.late_failures,
        digest=digest(registration),
        ready=_said(batch, names.READY) if published and batch.filled else None,
        refusals=len(batch.refused),
        errors=_said(batch, names.ERRORS) if published and batch.failed else None,
    )


def _said(batch: Batch, topic: str) -> bytes:
    return bytes.fromhex(id_about(batch, topic).replace("-", ""))
