"""What was decided, as immutable statements.

A batch's facts, in log order, are its state; the changelog holds nothing else about it.

``at`` is the log offset of the record that caused the fact. A statement about a batch is never taken back or
rewritten, so two workers that fold the same log (one of them paused past its time, say) can only ever write the same
statements: a late writer repeats what is true, it can't corrupt it.

Facts are stored: **fields may be appended with a default, tags are never reused**, and a change that an older reader
would misread needs a new :data:`tables.batches.FORMAT`.
"""

import msgspec

from app.core.events import Registration, Source, Upload


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
    """The batch was still incomplete at its readiness deadline. Said once a batch; the batch stays open."""

    at: int


class Conflicted(msgspec.Struct, frozen=True, array_like=True, tag=7, gc=False):
    """The input at ``source`` contradicts what stands and went to the dead letters. The first outcome stands."""

    at: int
    source: Source
    reason: str


Fact = Registered | Held | Placed | Surplus | Alias | Expired | TimedOut | Conflicted
