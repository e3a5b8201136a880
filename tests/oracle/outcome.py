"""What must come of a batch, said about the whole sequence at once.

There is no state that moves here. Three facts decide everything:

- An upload's **owner** is what the first event that names it says (a text, or failed).
- A text is **known from** the first event that names it and is also the first event of its upload. Before that, the
  events that name it belong to uploads with another outcome: conflicts. After it, they are repeats, whatever upload
  they name.
- What is new, in order, fills the slots: the first k new items of a batch with k slots, contents from the front,
  failures from the back. A text whose id the ready event has no room for is refused and takes no slot: the rest is as
  if it were not there, but that its upload has had its outcome.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from tests.oracle.budget import too_long
from tests.oracle.records import Event, Expiry, Registration, Upload


class Fate(Enum):
    """What an upload event is to its batch."""

    NEW = "new"
    REPEAT = "repeat"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Outcome:
    """Where everything of one batch ended up; every new upload is in exactly one of the lists."""

    registration: Registration | None
    slots: dict[str, Upload] = field(default_factory=dict)  # essay id -> content, in slot order
    failed: dict[str, Upload] = field(default_factory=dict)  # essay id -> failure, in slot order
    excess: tuple[Upload, ...] = ()
    late_failures: tuple[Upload, ...] = ()  # recorded on a complete batch
    pending: tuple[Upload, ...] = ()
    expired: tuple[Upload, ...] = ()
    conflicts: tuple[Event, ...] = ()
    refused: tuple[Upload, ...] = ()  # texts whose ids are too long, and their repeats at a registered batch
    answers: dict[str, int] = field(default_factory=dict)  # text -> repeats that arrived at a registered batch

    @property
    def complete(self) -> bool:
        """Every slot has its outcome."""
        return self.registration is not None and len(self.slots) + len(self.failed) == len(self.registration.essay_ids)


def fates(uploads: Sequence[Upload]) -> list[Fate]:
    """Say of each upload event of one batch, in log order, whether it is new, a repeat or a conflict."""
    first: dict[str, int] = {}
    for index, event in enumerate(uploads):
        first.setdefault(event.upload, index)
    known_from: dict[str, int] = {}
    for index in sorted(first.values()):
        text = uploads[index].text
        if text is not None:
            known_from.setdefault(text, index)

    def fate(index: int, event: Upload) -> Fate:
        if event.text is None and uploads[first[event.upload]].text is not None:
            return Fate.CONFLICT
        start = first[event.upload] if event.text is None else known_from.get(event.text, len(uploads))
        if index == start:
            return Fate.NEW
        return Fate.REPEAT if index > start else Fate.CONFLICT

    return [fate(index, event) for index, event in enumerate(uploads)]


def outcome(log: Sequence[Event | Expiry]) -> Outcome:
    """Return the outcome of one batch from its events in the order of its log.

    An `Expiry` before the registration forgets all uploads before it; after the registration nothing is pending, and
    it means nothing.
    """
    registered_at = next((index for index, event in enumerate(log) if isinstance(event, Registration)), len(log))
    cuts = [index for index, event in enumerate(log) if isinstance(event, Expiry) and index < registered_at]
    forgotten_before = cuts[-1] + 1 if cuts else 0
    expired: list[Upload] = []
    conflicts: list[Event] = []
    for start, end in zip([0, *cuts], cuts, strict=False):
        segment = [event for event in log[start:end] if isinstance(event, Upload)]
        for event, fate in zip(segment, fates(segment), strict=True):
            expired += [event] * (fate is Fate.NEW)
            conflicts += [event] * (fate is Fate.CONFLICT)

    rest = [
        (index, event) for index, event in enumerate(log) if index >= forgotten_before and isinstance(event, Upload)
    ]
    said = fates([event for _, event in rest])
    new = [event for (_, event), fate in zip(rest, said, strict=True) if fate is Fate.NEW]
    conflicts += [event for (_, event), fate in zip(rest, said, strict=True) if fate is Fate.CONFLICT]
    if registered_at == len(log):
        return Outcome(None, pending=tuple(new), expired=tuple(expired), conflicts=tuple(conflicts))

    registrations = [event for event in log if isinstance(event, Registration)]
    registration = registrations[0]
    conflicts += [event for event in registrations if event.content != registration.content]
    answers: dict[str, int] = {}
    refused: list[Upload] = []
    for (index, event), fate in zip(rest, said, strict=True):
        if fate is Fate.CONFLICT or event.text is None:
            continue
        if too_long(event, registration):
            refused += [event] * (fate is Fate.NEW or index > registered_at)
        elif fate is Fate.REPEAT and index > registered_at:
            answers[event.text] = answers.get(event.text, 0) + 1
    fitting = [event for event in new if not too_long(event, registration)]
    found = fill(registration, fitting, expired=tuple(expired), conflicts=tuple(conflicts), answers=answers)
    return replace(found, refused=tuple(refused))


def fill(
    registration: Registration,
    new: Sequence[Upload],
    *,
    expired: tuple[Upload, ...] = (),
    conflicts: tuple[Event, ...] = (),
    answers: dict[str, int] | None = None,
) -> Outcome:
    """Give the new uploads of a registered batch, in log order, their slots."""
    essay_ids = registration.essay_ids
    served, late = new[: len(essay_ids)], new[len(essay_ids) :]
    contents = [event for event in served if event.text is not None]
    failures = [event for event in served if event.text is None]
    from_the_back = dict(zip(reversed(essay_ids), failures, strict=False))
    return Outcome(
        registration,
        slots=dict(zip(essay_ids, contents, strict=False)),
        failed={essay: from_the_back[essay] for essay in essay_ids if essay in from_the_back},
        excess=tuple(event for event in late if event.text is not None),
        late_failures=tuple(event for event in late if event.text is None),
        expired=expired,
        conflicts=conflicts,
        answers=answers or {},
    )
