"""What an operator does to a batch: events of the log like any other, each with who did it and why.

They are decided by :mod:`app.core.act_rules`; an act that makes no sense is refused, which is recorded as well. When it
was is the log time of its record. All are stored (:class:`app.core.facts.Acted`): **fields may be appended (with a
default), tags are never reused**.
"""

import msgspec


class ForceComplete(msgspec.Struct, frozen=True, array_like=True, tag=0, gc=False):
    """Complete an open batch with what there is. ``act_id`` is a UUID: the same one again is the same act."""

    act_id: str
    who: str
    why: str


class Discard(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Close an open batch without a ready event, or give up all that is pending for a batch without registration."""

    act_id: str
    who: str
    why: str


class DiscardUpload(msgspec.Struct, frozen=True, array_like=True, tag=2, gc=False):
    """Give up the pending upload ``upload_id``."""

    act_id: str
    who: str
    why: str
    upload_id: str


class Extend(msgspec.Struct, frozen=True, array_like=True, tag=3, gc=False):
    """Put the deadline that runs for the batch off by ``seconds``."""

    act_id: str
    who: str
    why: str
    seconds: int


class Reopen(msgspec.Struct, frozen=True, array_like=True, tag=4, gc=False):
    """Open a closed batch again, with a slot more for each of ``essay_ids`` behind those that it has."""

    act_id: str
    who: str
    why: str
    essay_ids: tuple[str, ...]


Act = ForceComplete | Discard | DiscardUpload | Extend | Reopen

#: What the acts are called, in the log, in the API and in logs.
NAMES: dict[type[Act], str] = {
    ForceComplete: "force_complete",
    Discard: "discard",
    DiscardUpload: "discard_upload",
    Extend: "extend",
    Reopen: "reopen",
}


def name_of(act: Act) -> str:
    """What an act is called."""
    return NAMES[type(act)]
