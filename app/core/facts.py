"""What was decided, as immutable statements.

A batch's facts, in log order, are its state; the changelog holds nothing else about it.

``at`` is the log offset of the record that caused the fact. A statement about a batch is never taken back or
rewritten, so two workers that fold the same log (one of them paused past its time, say) can only ever write the same
statements: a late writer repeats what is true, it can't corrupt it.

Facts are stored: **fields may be appended with a default, tags are never reused**, and a change that an older reader
would misread needs a new :data:`tables.batches.FORMAT`.
"""

import msgspec

from app.core.acts import Act
from app.core.events import Content, Registration, Source, Upload

#: How an operator may have closed a batch.
FORCED = "forced"
DISCARDED = "discarded"

#: Why an input contradicts what stands.
REGISTRATION_CONFLICT = "registration_conflict"
UPLOAD_CONFLICT = "upload_conflict"

#: Why a content is refused: the ready event of a batch with that many slots has no room for its text id.
TEXT_ID_TOO_LONG = "text_id_too_long"


class Registered(msgspec.Struct, frozen=True, array_like=True, tag=0, gc=False):
    """The batch has slots. ``time`` is the log time of the registration: its readiness deadline counts from there."""

    at: int
    time: int
    registration: Registration


class Held(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    """An upload came before its registration and is pending.

    ``time`` is the log time: its expiry counts from there.
    """

    at: int
    time: int
    upload: Upload
    source: Source | None = None


class Placed(msgspec.Struct, frozen=True, array_like=True, tag=2, gc=False):
    """An upload took a slot: a content fills it, a failure uses it up.

    ``held`` is the ``at`` of its :class:`Held`, or -1 when it came directly.
    """

    at: int
    slot: int
    held: int
    upload: Upload | None


class Surplus(msgspec.Struct, frozen=True, array_like=True, tag=3, gc=False):
    """An upload met its registered batch with no slot left: a content is excess, a failure is only recorded.

    ``held`` as in :class:`Placed`.
    """

    at: int
    held: int
    upload: Upload | None


class Alias(msgspec.Struct, frozen=True, array_like=True, tag=4, gc=False):
    """A known text came under another upload id: the same content, and that upload now has its text."""

    at: int
    upload_id: str
    text_id: str


class Expired(msgspec.Struct, frozen=True, array_like=True, tag=5, gc=False):
    """The pending upload of :class:`Held` ``held``, pending since log time ``since``, was given up and forgotten: put
    back, it is new.
    """

    at: int
    held: int
    since: int


class TimedOut(msgspec.Struct, frozen=True, array_like=True, tag=6, gc=False):
    """The batch was still incomplete at its readiness deadline. Once for each opening; the batch stays open."""

    at: int


class Conflicted(msgspec.Struct, frozen=True, array_like=True, tag=7, gc=False):
    """The input at ``source`` contradicts what stands and went to the dead letters. The first outcome stands."""

    at: int
    source: Source
    reason: str


class Acted(msgspec.Struct, frozen=True, array_like=True, tag=8, gc=False):
    """An operator did ``act`` at log time ``time``: the whole record.

    ``refused`` says why nothing follows from it; where it is None, the consequences are the record's next facts.
    """

    at: int
    time: int
    act: Act
    refused: str | None


class Closed(msgspec.Struct, frozen=True, array_like=True, tag=9, gc=False):
    """The batch takes nothing more, though slots have no outcome. ``how`` is FORCED or DISCARDED."""

    at: int
    how: str


class Dismissed(msgspec.Struct, frozen=True, array_like=True, tag=10, gc=False):
    """An operator gave up the pending upload of :class:`Held` ``held``, pending since log time ``since``, at log time
    ``time``. It is forgotten as one that is :class:`Expired`.
    """

    at: int
    held: int
    since: int
    time: int


class Extended(msgspec.Struct, frozen=True, array_like=True, tag=11, gc=False):
    """The deadline that runs for the batch is ``by`` ms later than it was.

    Once nothing is pending any more it is taken back (``by`` is negative): it was for what is gone.
    """

    at: int
    by: int


class Reopened(msgspec.Struct, frozen=True, array_like=True, tag=12, gc=False):
    """The batch is open again, with slots for ``essay_ids`` behind its own.

    Its readiness deadline counts from log time ``time``.
    """

    at: int
    time: int
    essay_ids: tuple[str, ...]


class Retaken(msgspec.Struct, frozen=True, array_like=True, tag=13, gc=False):
    """The text ``text_id``, which was in excess, fills a slot of the batch that was opened again."""

    at: int
    slot: int
    text_id: str


class Refused(msgspec.Struct, frozen=True, array_like=True, tag=14, gc=False):
    """A content can't have a slot of its registered batch for ``reason``, and went to the dead letters. It is known
    all the same: its upload has had its outcome. ``held`` as in :class:`Placed`.
    """

    at: int
    held: int
    upload: Content | None
    reason: str


class Retired(msgspec.Struct, frozen=True, array_like=True, tag=15, gc=False):
    """The batch was closed and nothing had changed for so long that it went, at log time ``time``: its **receipt**.

    All that is kept of it. ``closed_at`` (ms) is the moment that its Ready and its Errors say, or when it was
    discarded. ``how``: as in :class:`Closed`, None where every slot had its outcome. ``digest`` is that of its
    registration, 16 bytes; ``ready`` and ``errors`` are the event ids (16 bytes) of what was said when it was last
    closed, or None.
    """

    at: int
    time: int
    closed_at: int
    how: str | None
    slots: int
    filled: int
    failed: int
    excess: int
    late_failures: int
    digest: bytes
    ready: bytes | None
    errors: bytes | None
    refusals: int


class Forgotten(msgspec.Struct, frozen=True, array_like=True, tag=16, gc=False):
    """Nothing is known of the batch any more: its receipt went, or it was never registered and nothing was pending.

    The one fact that no row has: what it says is that there is none.
    """

    at: int


#: What follows from acts, and the acts themselves: unknown to rows of format 1.
ActFact = Acted | Closed | Dismissed | Extended | Reopened | Retaken

#: What a tick of the log makes of a batch that rests: unknown to rows of formats 1 to 3.
Gone = Retired | Forgotten

Fact = Registered | Held | Placed | Surplus | Alias | Expired | TimedOut | Conflicted | Refused | ActFact | Gone
