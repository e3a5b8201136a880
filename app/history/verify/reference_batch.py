"""A batch of the second opinion, and what an input does to it: slots, what waits, what is forgotten.

It shares no code with the core, on purpose (:mod:`app.history.verify.reference_model` says why).
"""

import json
from dataclasses import dataclass, field
from typing import Any

#: Of the ready event's lists, at most: of a batch as registered, and as opened again. The longest id, as JSON.
READY_BYTES = 15 * 2**20
REOPENED_BYTES = READY_BYTES + 3 * 2**18
LONGEST_TEXT = 6002


@dataclass
class Upload:
    """An upload: ``text`` is None for one that was rejected."""

    upload: str
    text: str | None


@dataclass
class Pending:
    """An upload that waits for its registration."""

    offset: int
    time: int
    source: tuple[int, int, int]
    what: Upload


@dataclass
class ReferenceBatch:
    """A batch."""

    terms: str | None = None
    essays: list[str] = field(default_factory=list)
    slots: list[Upload | None] = field(default_factory=list)
    #: How many slots are free, and before and behind which none is: a slot that is taken stays so.
    free: int = 0
    #: How many bytes of JSON a text id may have that takes a slot, where not every one fits into the ready event.
    longest: int | None = None
    besides: int = 0
    first: int = 0
    last: int = -1
    pending: list[Pending] = field(default_factory=list)
    excess: list[Upload] = field(default_factory=list)
    #: The contents of which the ready event has no room for the text id.
    refused: list[Upload] = field(default_factory=list)
    late_failures: int = 0
    uploads: dict[str, str | None] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)
    conflicts: set[tuple[int, int, int]] = field(default_factory=set)
    forgotten: set[tuple[int, int, int]] = field(default_factory=set)
    late: bool = False
    opened: int = 0
    later: int = 0
    closed: str | None = None
    acts: dict[str, bool] = field(default_factory=dict)
    #: The log offset at which it last changed, and what is left of it where it was retired.
    changed: int = -1
    receipt: list[Any] | None = None
    #: Where it first changed, by the records that there are; and whether it may have been another one before, which was
    #: forgotten: how that began is not known.
    began: int = -1
    anew: bool = False

    @property
    def rests(self) -> bool:
        """Whether it waits for nothing: it is done, or was never registered and nothing of it is pending."""
        return self.receipt is None and (self.done if self.terms is not None else not self.pending)

    @property
    def size(self) -> tuple[Any, ...]:
        """What is another one after each change."""
        known = len(self.uploads), len(self.pending), len(self.conflicts), len(self.acts)
        return *known, self.terms is None, self.late

    def retire(self, offset: int) -> None:
        """Keep the counts, and nothing else."""
        failed = sum(upload is not None and upload.text is None for upload in self.slots)
        filled = len(self.slots) - self.free - failed
        receipt = [offset, len(self.slots), filled, failed, len(self.excess), self.late_failures, self.closed]
        vars(self).update(vars(ReferenceBatch(receipt=receipt)))  # the same batch, with nothing else in it

    @property
    def done(self) -> bool:
        """Whether it takes nothing more."""
        return self.terms is not None and (self.closed is not None or not self.free)

    def summary(self) -> dict[str, Any]:
        """What is compared."""
        return {
            "slots": [
                [essay, None if upload is None else upload.upload, None if upload is None else upload.text]
                for essay, upload in zip(self.essays, self.slots, strict=True)
            ],
            "pending": [[waiting.offset, waiting.what.upload, waiting.what.text] for waiting in self.pending],
            "excess": sorted([upload.upload, upload.text] for upload in self.excess),
            "refused": sorted([upload.upload, upload.text] for upload in self.refused),
            "late_failures": self.late_failures,
            "conflicts": sorted(map(list, self.conflicts)),
            "timed_out": self.late,
            "closed": self.closed,
            "acts": [[act, done] for act, done in self.acts.items()],
            "retired": self.receipt,
        }

    def register(self, data: dict[str, Any], time: int, place: tuple[int, int, int]) -> bool:
        """Whether it was the first registration of the self."""
        terms = json.dumps(
            [
                data["essay_ids"],
                data["course_code"],
                data["user_id"],
                data.get("org_id"),
                data.get("class_id") or None,
                data.get("student_prompt_ref"),
                data.get("essay_instructions"),
            ],
            sort_keys=True,
        )
        if self.terms is not None:
            if terms != self.terms:
                self.conflicts.add(place)
            return False
        self.terms, self.opened, self.later = terms, time, 0
        self.essays = list(data["essay_ids"])
        self.add_slots(len(self.essays))
        passed_on = data.get("student_prompt_ref"), data.get("essay_instructions")
        self.besides = sum(_json_bytes(text) for text in passed_on if text is not None)
        share = (READY_BYTES - self.besides - listed(self.essays, 0)) // len(self.essays)
        self.longest = None if share >= LONGEST_TEXT else share
        waiting, self.pending = self.pending, []
        for upload in waiting:
            self.settle(upload.what)
        return True

    def know(self, upload: Upload) -> None:
        """Remember an upload and its text: what repeats them is no new one."""
        self.uploads[upload.upload] = upload.text
        if upload.text is not None:
            self.texts.add(upload.text)

    def settle(self, upload: Upload) -> None:
        """A slot: the first free one for a text, the last free one for a failure; or none, where none is left.

        A text whose id is too long for the ready event of the batch is refused, slots or not.
        """
        if not self.fits(upload):
            self.refused.append(upload)
        elif not self.done:
            self.fill(upload)
        elif upload.text is not None:
            self.excess.append(upload)
        else:
            self.late_failures += 1

    def fits(self, upload: Upload) -> bool:
        """Whether the id of a text leaves room for the others in the ready event."""
        return self.longest is None or upload.text is None or _json_bytes(upload.text) <= self.longest

    def add_slots(self, count: int) -> None:
        """Add free slots at the end."""
        self.slots += [None] * count
        self.free += count
        self.last = len(self.slots) - 1

    def fill(self, upload: Upload) -> None:
        """Put an upload into a slot: the first free one for a text, the last free one for a failure."""
        while self.slots[self.first] is not None:
            self.first += 1
        while self.slots[self.last] is not None:
            self.last -= 1
        self.slots[self.first if upload.text is not None else self.last] = upload
        self.free -= 1

    def forget(self, gone: list[Pending]) -> None:
        """Give up pending uploads: put back, they are new."""
        if not gone:
            return
        offsets = {waiting.offset for waiting in gone}
        texts = {waiting.what.text for waiting in gone if waiting.what.text is not None}
        self.pending = [waiting for waiting in self.pending if waiting.offset not in offsets]
        self.forgotten |= {waiting.source for waiting in gone}
        self.texts -= texts
        for waiting in gone:
            if waiting.what.text is None:
                del self.uploads[waiting.what.upload]
        self.uploads = {upload: text for upload, text in self.uploads.items() if text not in texts}
        if not self.pending:
            self.later = 0


def _json_bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def listed(essays: list[str], text: int) -> int:
    """Bytes of a ready event's list with text ids of ``text`` bytes."""
    return sum(_json_bytes(essay) + text + len('{"essay_id":,"text_storage_id":},') for essay in essays)
