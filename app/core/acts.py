"""What an operator does to a batch: events of the log like any other, each with who did it and why.

:data:`ACTS` is the one list of them. The log's records (:mod:`app.wire.acts`), the API's requests, the command ``act``
and their texts are made from it; what an act does to a batch is in :mod:`app.core.act_rules`.

They are decided by :mod:`app.core.act_rules`; an act that makes no sense is refused, which is recorded as well. When it
was is the log time of its record. All are stored (:class:`app.core.facts.Acted`): **fields may be appended (with a
default), tags are never reused**.
"""

from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

#: Characters of who and why: both go into the state of the batch and stay there.
LONGEST_WHO = 200
LONGEST_WHY = 2000
#: Seconds that a deadline may be extended by: 10 x 365 days x 86,400.
LONGEST_EXTENSION = 315_360_000


class ForceComplete(msgspec.Struct, frozen=True, array_like=True, tag=0, gc=False):
    """Complete an open batch with the outcomes it has. ``act_id`` is a UUID: the same id again is the same act."""

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


class Extra(NamedTuple):
    """What an act has beside who and why.

    ``field`` is its name in the log's records and in the API, ``attribute`` its name in the struct. ``kind``: one id,
    a number of seconds (1 to :data:`LONGEST_EXTENSION`), or any number of ids. ``option`` and ``words`` are how the
    command line takes it.
    """

    field: str
    attribute: str
    kind: Literal["id", "seconds", "ids"]
    required: bool
    option: str
    words: str


class ActKind(NamedTuple):
    """An act: its struct, what it has beside who and why, and what it is for, in a few words."""

    struct: type[Act]
    words: str
    extra: Extra | None = None


#: Every act, by the name that it has in the log, in the API and in logs. Names are stored: never change one.
ACTS: dict[str, ActKind] = {
    "force_complete": ActKind(ForceComplete, "with what is there"),
    "discard": ActKind(Discard, "the batch, or all that is pending for it"),
    "discard_upload": ActKind(
        DiscardUpload,
        "one pending upload",
        Extra("file_upload_id", "upload_id", "id", required=True, option="--upload", words="which pending upload."),
    ),
    "extend": ActKind(
        Extend,
        "its deadline",
        Extra("seconds", "seconds", "seconds", required=True, option="--seconds", words="by how much later."),
    ),
    "reopen": ActKind(
        Reopen,
        "for more",
        Extra(
            "essay_ids",
            "essay_ids",
            "ids",
            required=False,
            option="--essay-id",
            words="a new slot behind the others; may be repeated.",
        ),
    ),
}

_NAMES = {kind.struct: name for name, kind in ACTS.items()}


def name_of(act: Act) -> str:
    """What an act is called."""
    return _NAMES[type(act)]


def make_act(name: str, act_id: str, who: str, why: str, value: object = None) -> Act:
    """The act of this name. ``value`` is what it has beside who and why, where it has anything."""
    kind = ACTS[name]
    make = cast("Callable[..., Act]", kind.struct)
    return make(act_id, who, why) if kind.extra is None else make(act_id, who, why, value)


def ids_in(act: Act) -> tuple[str, ...]:
    """The ids of uploads or essays that an act names."""
    extra = ACTS[name_of(act)].extra
    if extra is None or extra.kind == "seconds":
        return ()
    found = getattr(act, extra.attribute)
    return (found,) if extra.kind == "id" else tuple(found)
