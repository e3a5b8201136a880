"""The state of one batch: what is known of it, and what can be asked of it.

Nothing here changes a batch: :class:`app.core.batch.Batch` does, by its facts.
"""

from enum import Enum
from operator import attrgetter

from app.core.budget import fits
from app.core.events import Content, Registration, Source, Upload
from app.core.facts import DISCARDED, Acted, Held, Retired

#: Where a known text is, when it isn't in a slot (slots count from 0).
PENDING = -1
IN_EXCESS = -2
REFUSED = -3

_moment = attrgetter("moment")


class State(Enum):
    """UNREGISTERED: no slots yet, it may hold pending uploads.

    OPEN: a slot still has no outcome. COMPLETE: every slot has one, or an operator completed it as it was.
    DISCARDED: an operator closed it. RETIRED: it was closed for so long that only its receipt is kept.
    """

    UNREGISTERED = "unregistered"
    OPEN = "open"
    COMPLETE = "complete"
    DISCARDED = "discarded"
    RETIRED = "retired"


class BatchState:
    """One batch, to be read.

    ``longest_text`` bounds the ids of texts that take a slot, None where none need be (:mod:`app.core.budget`).
    ``slots[i]`` is what the slot of ``essay_ids[i]`` got: a content, a failure, or None while it waits.
    ``pending`` maps log offset to the pending upload, in upload order. ``texts`` maps a text id to its slot, PENDING,
    IN_EXCESS or REFUSED. ``uploads`` maps an upload id to the text it has, or to None when it failed; ``aliases`` maps
    a text to the uploads that brought it again under ids of their own. ``last`` is the log offset of the latest.

    What operators did: ``acts`` by act id, in log order; ``closed`` is how they closed it (FORCED, DISCARDED), None
    where they have not, or have opened it again; ``openings`` counts how often they did, and ``opened_at`` is the log
    time of the latest opening, at first ``registered_at``; ``extension`` (ms) is by how much they moved the deadline
    that runs.

    Of a batch that was retired there is ``receipt``, and nothing else.
    """

    __slots__ = (
        "_first_free",
        "_held_at",
        "_last_free",
        "_latest",
        "_latest_of",
        "acts",
        "aliases",
        "batch_id",
        "closed",
        "conflicts",
        "essay_ids",
        "excess",
        "expired",
        "extension",
        "failed",
        "filled",
        "last",
        "late_failures",
        "longest_text",
        "opened_at",
        "openings",
        "pending",
        "receipt",
        "refused",
        "registered_at",
        "registration",
        "slots",
        "texts",
        "timed_out",
        "uploads",
    )

    def __init__(self, batch_id: str) -> None:
        self.batch_id = batch_id
        self._clear()

    def _clear(self) -> None:
        self.receipt: Retired | None = None
        self.registration: Registration | None = None
        self.registered_at = 0
        self.essay_ids: tuple[str, ...] = ()
        self.longest_text: int | None = None
        self.slots: list[Upload | None] = []
        self.filled = 0
        self.failed = 0
        self.pending: dict[int, Held] = {}
        self.texts: dict[str, int] = {}
        self.uploads: dict[str, str | None] = {}
        self.aliases: dict[str, list[str]] = {}
        self.excess: dict[str, Content] = {}
        self.refused: dict[str, Content] = {}
        self.late_failures = 0
        self.timed_out = False
        self.conflicts: set[Source] = set()
        self.expired: set[Source] = set()
        self.acts: dict[str, Acted] = {}
        self.closed: str | None = None
        self.openings = 0
        self.opened_at = 0
        self.extension = 0
        self.last = -1
        # No slot before the one and none behind the other is free.
        self._first_free = 0
        self._last_free = -1
        # The log offset of each upload that is pending, and of others that were; made when it is first asked for.
        self._held_at: dict[str, int] | None = None
        # See latest_upload: the one of so many.
        self._latest: Upload | None = None
        self._latest_of = 0

    @property
    def state(self) -> State:
        """Where the batch stands."""
        if self.receipt is not None:
            return State.RETIRED
        if self.registration is None:
            return State.UNREGISTERED
        if not self.complete:
            return State.OPEN
        return State.DISCARDED if self.closed == DISCARDED else State.COMPLETE

    @property
    def complete(self) -> bool:
        """Nothing more is taken: filled + failed = number of slots, or an operator closed it."""
        return self.registration is not None and (
            self.filled + self.failed == len(self.slots) or self.closed is not None
        )

    @property
    def rests(self) -> bool:
        """Whether there is something of the batch and it waits for nothing: it is closed, or all that came for it was
        given up. Not so of one that was retired.
        """
        if self.registration is None:
            return self.last >= 0 and not self.pending and self.receipt is None
        return self.complete

    @property
    def waits_since(self) -> int | None:
        """The log time (ms) from which the deadline counts that runs for the batch: later by what operators put it off.

        None where the batch waits for nothing.
        """
        if self.registration is not None:
            return None if self.complete else self.opened_at + self.extension
        return next(iter(self.pending.values())).time + self.extension if self.pending else None

    def takes(self, text_id: str) -> bool:
        """Whether a text of this id may have a slot: its id fits into the ready event (:mod:`app.core.budget`)."""
        return fits(text_id, self.longest_text)

    def free_slot(self, *, last: bool = False) -> int | None:
        """The first slot without an outcome, or the last one; None where there is none.

        For batches that operators have acted on: of others the two counts say it. A slot that has its outcome keeps it,
        so each is passed over once, however often this is asked.
        """
        if self.filled + self.failed == len(self.slots):
            return None
        slots = self.slots
        if last:
            while slots[self._last_free] is not None:
                self._last_free -= 1
            return self._last_free
        while slots[self._first_free] is not None:
            self._first_free += 1
        return self._first_free

    @property
    def latest_upload(self) -> Upload | None:
        """Of the uploads in slots the one with the latest moment, the first of several; None where there is none.

        It is asked for by each that says something of a complete batch, and looked for once: a slot that has its
        outcome keeps it, so how many have one says which.
        """
        count = self.filled + self.failed
        if self._latest_of != count:
            self._latest = max([upload for upload in self.slots if upload is not None], key=_moment, default=None)
            self._latest_of = count
        return self._latest

    def pending_at(self, upload_id: str) -> int | None:
        """The log offset of a pending upload, or None where it isn't pending."""
        if self._held_at is None:
            self._held_at = {held.upload.upload_id: at for at, held in self.pending.items()}
        at = self._held_at.get(upload_id)
        return at if at in self.pending else None

    def content_of(self, text_id: str) -> Content | None:
        """The content that first brought this text, if it has a slot or is in excess."""
        place = self.texts.get(text_id, PENDING)
        if place >= 0:
            upload = self.slots[place]
            return upload if isinstance(upload, Content) else None
        return self.excess.get(text_id)
