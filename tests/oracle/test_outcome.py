"""The oracle's outcome against examples worked out by hand, and against a step-by-step reading of the rules."""

from hypothesis import given
from hypothesis import strategies as st

from tests.contract.notation import messages, parse
from tests.oracle.outcome import Fate, fates, outcome
from tests.oracle.reading import read
from tests.oracle.records import Event, Expiry, InputRecord, Upload


def log_of(notation: str) -> list[Event]:
    sent = [message for step in messages(parse(notation), "b") for message in step]
    found = [
        read(InputRecord(record.topic, 0, offset, record.key, record.value)).event for offset, record in enumerate(sent)
    ]
    return [event for event in found if event is not None]


def uploads_of(notation: str) -> list[Upload]:
    return [event for event in log_of(notation) if isinstance(event, Upload)]


def slots(notation: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return slot number to text number, and slot number to failed upload number."""
    found = outcome(log_of(notation))
    filled = {essay[-1:]: str(content.text)[-1:] for essay, content in found.slots.items()}
    return filled, {essay[-1:]: failure.upload[-1:] for essay, failure in found.failed.items()}


def test_contents_fill_from_the_front_and_failures_from_the_back() -> None:
    assert slots("F0 C1 F2 C3 R5") == ({"0": "1", "1": "3"}, {"4": "0", "3": "2"})


def test_only_the_first_uploads_of_a_full_batch_have_slots() -> None:
    assert slots("F0 C1 F2 C3 R3") == ({"0": "1"}, {"2": "0", "1": "2"})
    found = outcome(log_of("F0 C1 F2 C3 R3"))
    assert [upload.text for upload in found.excess] == ["b.text-0003"]


def test_a_known_text_under_another_upload_is_a_repeat_and_marks_that_upload() -> None:
    assert fates(uploads_of("C0 C0@1 C2@1")) == [Fate.NEW, Fate.REPEAT, Fate.CONFLICT]


def test_a_known_text_under_an_upload_that_failed_is_a_repeat() -> None:
    assert fates(uploads_of("F1 C0 C0@1")) == [Fate.NEW, Fate.NEW, Fate.REPEAT]


def test_a_refused_text_is_not_known() -> None:
    assert fates(uploads_of("C0 C1@0 C1@2 C1@0")) == [Fate.NEW, Fate.CONFLICT, Fate.NEW, Fate.REPEAT]


def test_an_expiry_forgets_and_what_is_put_back_is_new() -> None:
    before, after = log_of("C0 F1"), log_of("R1 F0 C1")
    found = outcome([*before, Expiry(), *after])
    assert [expiry.upload[-1:] for expiry in found.expired] == ["0", "1"]
    assert not found.conflicts
    assert [failure.upload[-1:] for failure in found.failed.values()] == ["0"]
    assert [upload.text for upload in found.excess] == ["b.text-0001"]


def test_an_expiry_after_the_registration_means_nothing() -> None:
    first, rest = log_of("C0 R2"), log_of("C1")
    assert outcome([*first, Expiry(), *rest]).complete


def stepwise(uploads: list[Upload]) -> list[Fate]:
    """Read the rules one event at a time: content identity first, then upload identity."""
    texts: set[str] = set()
    outcome_of_upload: dict[str, str | None] = {}
    said: list[Fate] = []
    for event in uploads:
        if event.text is not None and event.text in texts:
            outcome_of_upload.setdefault(event.upload, event.text)
            said.append(Fate.REPEAT)
        elif event.upload in outcome_of_upload:
            failed_again = event.text is None and outcome_of_upload[event.upload] is None
            said.append(Fate.REPEAT if failed_again else Fate.CONFLICT)
        else:
            outcome_of_upload[event.upload] = event.text
            if event.text is not None:
                texts.add(event.text)
            said.append(Fate.NEW)
    return said


tokens = st.one_of(
    st.builds("C{}@{}".format, st.integers(0, 3), st.integers(0, 3)), st.builds("F{}".format, st.integers(0, 3))
)


@given(st.lists(tokens, max_size=14))
def test_looking_at_the_whole_sequence_says_the_same_as_reading_it_step_by_step(sequence: list[str]) -> None:
    uploads = uploads_of(" ".join(sequence))
    assert fates(uploads) == stepwise(uploads)


@given(st.lists(tokens, max_size=10), st.integers(1, 4), st.data())
def test_the_place_of_the_registration_changes_nothing(sequence: list[str], count: int, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(sequence)))
    first = outcome(log_of(" ".join([f"R{count}", *sequence])))
    moved = outcome(log_of(" ".join([*sequence[:place], f"R{count}", *sequence[place:]])))

    assert [(essay, message.text) for essay, message in first.slots.items()] == [
        (essay, message.text) for essay, message in moved.slots.items()
    ]
    assert [(essay, failure.upload) for essay, failure in first.failed.items()] == [
        (essay, failure.upload) for essay, failure in moved.failed.items()
    ]
    assert [upload.text for upload in first.excess] == [upload.text for upload in moved.excess]
    assert len(first.conflicts) == len(moved.conflicts)


@given(st.lists(tokens, max_size=14), st.integers(1, 4))
def test_every_upload_event_is_in_exactly_one_place(sequence: list[str], count: int) -> None:
    events = log_of(" ".join([*sequence, f"R{count}"]))
    found = outcome(events)
    placed = [*found.slots.values(), *found.failed.values(), *found.excess, *found.late_failures, *found.conflicts]
    repeats = fates([event for event in events if isinstance(event, Upload)]).count(Fate.REPEAT)
    assert len(placed) + repeats == len(sequence)
    assert len({message.record.position for message in placed}) == len(placed)
