"""Judges a batch whose upload order is not known: what was seen must be the outcome of some order.

The slots that were seen say in which order the contents came; the rest of the outcome follows, and must be what was
emitted.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from tests.oracle import topics
from tests.oracle.budget import too_long
from tests.oracle.emitted import Emitted
from tests.oracle.expected import Identity
from tests.oracle.outcome import Outcome
from tests.oracle.reading import is_moment, moment
from tests.oracle.records import Event, Json, Position, Registration, Upload
from tests.oracle.retired import check_closed, check_places, is_retired
from tests.oracle.verdict import Verdict

Seen = Mapping[Identity, Emitted]


class Observed:
    """One batch: its usable inputs, the conflict dead letters by input position, and the first of each output event."""

    def __init__(self, batch: str, events: Sequence[Event], dead: Mapping[Position, str], seen: Seen) -> None:
        self.batch = batch
        self.seen = seen
        self._events, self._dead = events, dead
        self.verdict = Verdict()
        self.all = [event for event in events if isinstance(event, Upload)]
        self.live = [event for event in self.all if event.record.position not in dead]
        self.too_long = [event for event in self.all if dead.get(event.record.position) == topics.TEXT_ID_TOO_LONG]
        refused = {event.record.position for event in self.too_long}
        refused |= {event.record.position for event in self.all if is_retired(event, dead)}
        self.conflicts = [event for event in events if event.record.position in dead.keys() - refused]
        registrations = [event for event in events if isinstance(event, Registration)]
        self.standing = [event for event in registrations if event.record.position not in dead]
        self.refused = [event for event in registrations if event.record.position in dead]
        self.arrivals = Counter(event.upload for event in self.live)
        self.expiries: dict[str, int] = {}
        for identity in seen:
            if identity[0] == topics.EXPIRED:
                self.expiries[identity[2]] = self.expiries.get(identity[2], 0) + 1

    def outcomes(self) -> list[Outcome]:
        """Return the outcomes that fit what was seen: one for each registration message that may have been the first.

        Empty when the batch is unregistered or something of it was lost; `verdict` has the findings.
        """
        self._check_registrations()
        self._check_conflicts()
        check_places(self.batch, self._events, self._dead, self.verdict)
        if not self.standing:
            check_closed(self.batch, self._events, self._dead, self.verdict, complete=False)
            return [Outcome(None, pending=tuple(self.live))]
        self._check_too_long(self.standing[0])
        contents = self._contents()
        if self.verdict.lost or self.verdict.wrong:
            return []
        found = [self._outcome(registration, contents) for registration in self.standing]
        check_closed(self.batch, self._events, self._dead, self.verdict, complete=found[0].complete)
        return found

    def _check_registrations(self) -> None:
        standing = {_signature(event) for event in self.standing}
        if len(standing) > 1:
            self.verdict.fault(f"{self.batch}: {len(standing)} different registrations were accepted")
        if self.refused and not standing:
            self.verdict.fault(f"{self.batch}: every registration was refused")
        if any(_signature(event) in standing for event in self.refused):
            self.verdict.fault(f"{self.batch}: a repeat of the registration that stands was refused")

    def _check_too_long(self, registration: Registration) -> None:
        """Check that what was refused for its text id was too long, and that nothing that is was served or lost."""
        for event in self.too_long:
            if not too_long(event, registration):
                self.verdict.fault(f"{self.batch}: {event.record.position} was refused though its text id fits")
        texts = {event.text for event in self.too_long}
        for event in self.live:
            if too_long(event, registration) and event.text not in texts and event.upload not in self.expiries:
                self.verdict.lose(f"{self.batch}: {event.record.position} has too long a text id and no dead letter")

    def _check_conflicts(self) -> None:
        """Check that an upload has one outcome, and that what was refused for it had a rival."""
        claims: dict[str, set[str | None]] = {}
        for event in (*self.live, *self.too_long):
            claims.setdefault(event.upload, set()).add(event.text)
        uploads_of: dict[str | None, set[str]] = {}
        for event in (*self.live, *self.too_long):
            uploads_of.setdefault(event.text, set()).add(event.upload)
        for upload, texts in claims.items():
            own = [text for text in texts if text is None or len(uploads_of[text]) == 1]
            if len(own) > 1 and upload not in self.expiries:
                self.verdict.fault(f"{self.batch}: upload {upload} has two outcomes: {sorted(map(str, own))}")
        for event in (conflict for conflict in self.conflicts if isinstance(conflict, Upload)):
            if not claims.get(event.upload, set()) - {event.text}:
                rivals = f"upload {event.upload} has no other outcome"
                self.verdict.fault(f"{self.batch}: {event.record.position} was refused though {rivals}")

    def _contents(self) -> dict[str, Upload]:
        """Return the contents in slots by essay id; every text must be in a slot or in excess, and not in both."""
        essay_ids = self.standing[0].essay_ids
        by_text: dict[str, list[Upload]] = {}
        for event in self.live:
            if event.text is not None and not too_long(event, self.standing[0]):
                by_text.setdefault(event.text, []).append(event)
        unknown = [
            identity
            for identity in self.seen
            if identity[0] in {topics.SLOT, topics.EXCESS} and identity[2] not in by_text
        ]
        for identity in unknown:
            self.verdict.fault(f"{identity} is about a text that was not accepted")
        slots: dict[str, Upload] = {}
        for text, events in by_text.items():
            slot, excess = (
                self.seen.get((topics.SLOT, self.batch, text)),
                self.seen.get((topics.EXCESS, self.batch, text)),
            )
            if slot is None and excess is None:
                if not all(event.upload in self.expiries for event in events):
                    self.verdict.lose(f"{self.batch}: text {text} has neither a slot nor an excess event")
                continue
            self._check_alone(text, events, slot, excess)
            if slot is not None:
                essay = str(slot.data.get("essay_id"))
                if essay in slots:
                    self.verdict.fault(f"{self.batch}: slot {essay} was given to {slots[essay].text} and {text}")
                slots[essay] = _named_by(slot, events)
        if set(slots) != set(essay_ids[: len(slots)]):
            self.verdict.fault(f"{self.batch}: contents are in {sorted(slots)}, not in the first {len(slots)} slots")
        self._check_partition_order(essay_ids, slots, by_text)
        return {essay: slots[essay] for essay in essay_ids if essay in slots}

    def _check_alone(self, text: str, events: Sequence[Upload], slot: Emitted | None, excess: Emitted | None) -> None:
        if slot is not None and excess is not None:
            self.verdict.fault(f"{self.batch}: text {text} has a slot and is excess")
        if all(self._all_expired(event) for event in events):
            self.verdict.fault(
                f"{self.batch}: text {text} expired and has a slot or an excess event, and was not put back"
            )

    def _all_expired(self, event: Upload) -> bool:
        """Whether every arrival of an upload has an expiry: it was never put back."""
        return self.arrivals[event.upload] <= self.expiries.get(event.upload, 0)

    def _check_partition_order(
        self, essay_ids: Sequence[str], slots: Mapping[str, Upload], by_text: Mapping[str, list[Upload]]
    ) -> None:
        """Contents of one partition take slots in their order there; the re-keyed log keeps it."""
        rank = {content.text: essay_ids.index(essay) for essay, content in slots.items() if essay in essay_ids}
        last: dict[int, int] = {}
        in_one_partition = [
            events for events in by_text.values() if len({event.record.partition for event in events}) == 1
        ]
        for events in sorted(in_one_partition, key=lambda events: min(event.record.offset for event in events)):
            if any(event.upload in self.expiries for event in events):
                continue
            partition, place = events[0].record.partition, rank.get(events[0].text, len(essay_ids))
            if place < last.get(partition, -1):
                self.verdict.fault(
                    f"{self.batch}: text {events[0].text} overtook an earlier one of partition {partition}"
                )
            last[partition] = place

    def _outcome(self, registration: Registration, slots: dict[str, Upload]) -> Outcome:
        essay_ids = registration.essay_ids
        failures = {event.upload: event for event in self.live if event.text is None and not self._all_expired(event)}
        excess = [event for event in self.live if (topics.EXCESS, self.batch, event.text) in self.seen]
        excess_by_text = {
            event.text: _named_by(
                self.seen[topics.EXCESS, self.batch, str(event.text)],
                [upload for upload in excess if upload.text == event.text],
            )
            for event in excess
        }
        needed = min(len(essay_ids) - len(slots), len(failures))
        if excess and len(slots) + needed < len(essay_ids):
            free = len(essay_ids) - len(slots) - needed
            self.verdict.fault(f"{self.batch}: {len(excess_by_text)} texts are excess while {free} slots are free")
        failed: dict[str, Upload] = {}
        if len(slots) + needed == len(essay_ids):
            failed = self._failed(essay_ids[len(slots) :], failures)
        return Outcome(
            registration,
            slots=slots,
            failed=failed,
            excess=tuple(excess_by_text.values()),
            conflicts=tuple(self.conflicts),
        )

    def _failed(self, essay_ids: Sequence[str], failures: Mapping[str, Upload]) -> dict[str, Upload]:
        """Say which failure took which slot, as the errors event has it.

        Where that says nothing usable any failure will do: the comparison finds it.
        """
        left = dict(failures)
        by_name: dict[str, list[Upload]] = {}
        for event in failures.values():
            by_name.setdefault(event.file_name, []).append(event)
        errors = self.seen.get((topics.ERRORS, self.batch))
        items = errors.data.get("failed_essays") if errors else None
        said = (
            {str(item.get("essay_id")): item for item in items if isinstance(item, dict)}
            if isinstance(items, list)
            else {}
        )
        found: dict[str, Upload] = {}
        for essay in essay_ids:
            item = said.get(essay, {})
            named = by_name.get(str(item.get("file_name")), ())
            fits = (event for event in named if event.upload in left and _is_item_of(event, item))
            found[essay] = left.pop(next(fits, next(iter(left.values()))).upload)
        return found


def _signature(event: Registration) -> str:
    return json.dumps(event.content, sort_keys=True)


def _named_by(event: Emitted, candidates: Sequence[Upload]) -> Upload:
    """Return the candidate whose upload and time the event has, else the first one."""

    def fits(expiry: Upload) -> bool:
        return expiry.upload == event.data.get("file_upload_id") and _same_moment(expiry, event.data.get("timestamp"))

    return next((candidate for candidate in candidates if fits(candidate)), candidates[0])


def _is_item_of(failure: Upload, item: Json) -> bool:
    return item.get("file_name") == failure.file_name and _same_moment(failure, item.get("failed_at"))


def _same_moment(upload: Upload, value: object) -> bool:
    return is_moment(value) and moment(value) == upload.time
