"""How a batch changes: by its facts, one at a time, or many alike.

:meth:`Batch.apply` and :meth:`Batch.fill` are the only places where a batch changes. They decide nothing
(:mod:`app.core.rules` does) and publish nothing (:mod:`app.core.outputs` does), so applying the stored facts of a batch
gives its state back, whatever the rules have become since.
"""

from collections.abc import Sequence
from typing import assert_never

from app.core.batch_state import IN_EXCESS, PENDING, REFUSED, BatchState
from app.core.budget import longest_text
from app.core.events import Content, Upload
from app.core.facts import (
    Acted,
    Alias,
    Closed,
    Conflicted,
    Dismissed,
    Expired,
    Extended,
    Fact,
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

#: The facts after which a pending upload is forgotten.
_GIVING_UP = (Expired, Dismissed)

#: The facts about an upload that gets no slot of its registered batch.
_WITHOUT_SLOT = (Surplus, Refused)


class Batch(BatchState):
    """One batch. Read it freely; change it through :meth:`apply` only."""

    __slots__ = ()

    def apply(self, fact: Fact) -> Upload | None:
        """Take a fact in, and say which upload it was about, if one.

        Facts come in log order, each once (:func:`app.core.replay.replay` sorts and unites).
        """
        self.last = fact.at
        if isinstance(fact, Placed):
            if self.registration is None:
                return None  # see _without_slot
            upload = fact.upload or self.pending.pop(fact.held).upload
            self.slots[fact.slot] = upload
            if isinstance(upload, Content):  # as _know, without a call: nearly every fact is one
                self.texts[upload.text_id] = fact.slot
                self.uploads[upload.upload_id] = upload.text_id
                self.filled += 1
            else:
                self.uploads[upload.upload_id] = None
                self.failed += 1
            return upload
        if isinstance(fact, Held):
            self.pending[fact.at] = fact
            if self._held_at is not None:
                self._held_at[fact.upload.upload_id] = fact.at
            self._know(fact.upload, PENDING)
            return fact.upload
        if isinstance(fact, _WITHOUT_SLOT):
            return self._without_slot(fact)
        if isinstance(fact, _GIVING_UP):
            return self._give_up(fact)
        if isinstance(fact, Retaken) and self.registration is None:
            return None  # as above
        if isinstance(fact, Retaken):
            content = self.excess.pop(fact.text_id)
            self.slots[fact.slot] = content
            self.texts[fact.text_id] = fact.slot
            self.filled += 1
            return content
        self._note(fact)
        return None

    def fill(self, facts: Sequence[Placed], contents: Sequence[Content]) -> None:
        """As :meth:`apply`, of facts by which ``contents`` that came directly take one slot after the other."""
        first = facts[0].slot
        self.slots[first : first + len(contents)] = contents
        for slot, content in enumerate(contents, first):
            self.texts[content.text_id] = slot
            self.uploads[content.upload_id] = content.text_id
        self.filled += len(contents)
        self.last = facts[-1].at

    def _without_slot(self, fact: Surplus | Refused) -> Upload | None:
        if self.registration is None:
            # A row that a paused worker has written back, of a batch that was forgotten since: it has no beginning.
            return None
        upload = fact.upload or self.pending.pop(fact.held).upload
        refused = isinstance(fact, Refused)
        self._know(upload, REFUSED if refused else IN_EXCESS)
        if isinstance(upload, Content):
            (self.refused if refused else self.excess)[upload.text_id] = upload
        else:
            self.late_failures += 1
        return upload

    def _give_up(self, fact: Expired | Dismissed) -> Upload | None:
        held = self.pending.pop(fact.held, None)
        if held is None:  # the rows of a batch that is forgotten go, the first ones first, and a crash may come between
            return None
        if held.source is not None:
            self.expired.add(held.source)
        self._forget(held.upload)
        return held.upload

    def _note(
        self, fact: Registered | Alias | TimedOut | Conflicted | Acted | Closed | Extended | Reopened | Gone
    ) -> None:
        if isinstance(fact, Registered):
            self.registration = fact.registration
            self.registered_at = self.opened_at = fact.time
            self.extension = 0  # it was for what was pending
            self.essay_ids = fact.registration.essay_ids
            self.slots = [None] * len(self.essay_ids)
            self._last_free = len(self.slots) - 1
            self.longest_text = longest_text(fact.registration)
        elif isinstance(fact, Alias):
            self.uploads[fact.upload_id] = fact.text_id
            self.aliases.setdefault(fact.text_id, []).append(fact.upload_id)
        elif isinstance(fact, TimedOut):
            self.timed_out = True
        elif isinstance(fact, Conflicted):
            self.conflicts.add(fact.source)
        elif isinstance(fact, Gone):
            self._clear()
            if isinstance(fact, Retired):
                self.receipt, self.last = fact, fact.at
        else:
            self._acted(fact)

    def _acted(self, fact: Acted | Closed | Extended | Reopened) -> None:
        if isinstance(fact, Acted):
            self.acts[fact.act.act_id] = fact
        elif isinstance(fact, Closed):
            self.closed = fact.how
        elif isinstance(fact, Extended):
            self.extension += fact.by
        elif isinstance(fact, Reopened):
            self.closed = None
            self.openings += 1
            self.opened_at = fact.time
            self.extension = 0
            self.timed_out = False
            self.essay_ids = (*self.essay_ids, *fact.essay_ids)
            self.slots.extend([None] * len(fact.essay_ids))
            self._last_free = len(self.slots) - 1
        else:
            assert_never(fact)

    def _know(self, upload: Upload, place: int) -> None:
        """Note where an upload is."""
        if isinstance(upload, Content):
            self.texts[upload.text_id] = place
            self.uploads[upload.upload_id] = upload.text_id
        else:
            self.uploads[upload.upload_id] = None

    def _forget(self, upload: Upload) -> None:
        """Forget an upload, and the text that it brought with all that brought it again."""
        del self.uploads[upload.upload_id]
        if isinstance(upload, Content):
            del self.texts[upload.text_id]
            for upload_id in self.aliases.pop(upload.text_id, ()):
                del self.uploads[upload_id]
