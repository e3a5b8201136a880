"""Every row is read as it was written, and one of a newer release is refused."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.acts import Act, Discard, DiscardUpload, Extend, ForceComplete, Reopen
from app.core.batch import Batch
from app.core.events import Content, Failure, Registration, Source
from app.core.facts import (
    Acted,
    Alias,
    Closed,
    Conflicted,
    Dismissed,
    Expired,
    Extended,
    Fact,
    Held,
    Placed,
    Refused,
    Registered,
    Reopened,
    Retaken,
    Surplus,
    TimedOut,
)
from app.errors import OperatorError
from tables import batches, input_watermarks, pending, waiting
from tables.batches import UnknownFormatError
from tables.pending import Original
from tests.core.examples import examples
from tests.core.play import play, sent

TEXT = st.text(max_size=6)
OPTIONAL = st.none() | TEXT
OFFSET = st.integers(0, 2**63 - 1)
TIME = st.integers(0, 2**43)
MOMENT = st.integers(-(2**56), 2**58)  # microseconds of the years 1 to 9999 are within
UPLOAD = st.builds(Content, TEXT, TEXT, TEXT, TEXT, MOMENT, OPTIONAL) | st.builds(
    Failure, TEXT, TEXT, TEXT, TEXT, TEXT, MOMENT, OPTIONAL
)
REGISTRATION = st.builds(
    Registration,
    st.lists(TEXT, max_size=3).map(tuple),
    TEXT,
    TEXT,
    OPTIONAL,
    OPTIONAL,
    OPTIONAL,
    OPTIONAL,
    TEXT,
    MOMENT,
    OPTIONAL,
)
SOURCE = st.builds(Source, st.integers(0, 2), st.integers(0, 1000), OFFSET)
ESSAY_IDS = st.lists(TEXT, max_size=3).map(tuple)
ACT: st.SearchStrategy[Act] = st.one_of(
    st.builds(ForceComplete, TEXT, TEXT, TEXT),
    st.builds(Discard, TEXT, TEXT, TEXT),
    st.builds(DiscardUpload, TEXT, TEXT, TEXT, TEXT),
    st.builds(Extend, TEXT, TEXT, TEXT, TIME),
    st.builds(Reopen, TEXT, TEXT, TEXT, ESSAY_IDS),
)
FACT: st.SearchStrategy[Fact] = st.one_of(
    st.builds(Registered, OFFSET, TIME, REGISTRATION),
    st.builds(Held, OFFSET, TIME, UPLOAD, st.none() | SOURCE),
    st.builds(Placed, OFFSET, st.integers(0, 5000), st.integers(-1, 2**40), st.none() | UPLOAD),
    st.builds(Surplus, OFFSET, st.integers(-1, 2**40), st.none() | UPLOAD),
    st.builds(Alias, OFFSET, TEXT, TEXT),
    st.builds(Expired, OFFSET, OFFSET, TIME),
    st.builds(TimedOut, OFFSET),
    st.builds(Conflicted, OFFSET, SOURCE, TEXT),
    st.builds(Acted, OFFSET, TIME, ACT, OPTIONAL),
    st.builds(Closed, OFFSET, TEXT),
    st.builds(Dismissed, OFFSET, OFFSET, TIME, TIME),
    st.builds(Extended, OFFSET, st.integers(-(2**40), 2**40)),
    st.builds(Reopened, OFFSET, TIME, ESSAY_IDS),
    st.builds(Retaken, OFFSET, st.integers(0, 5000), TEXT),
    st.builds(Refused, OFFSET, OFFSET, st.none() | st.builds(Content, TEXT, TEXT, TEXT, TEXT, MOMENT), TEXT),
)


@examples(300)
@given(st.lists(FACT, min_size=1, max_size=5))
def test_facts_are_read_as_they_were_written(facts: list[Fact]) -> None:
    _, value = batches.row("b", facts)
    assert batches.facts_of(value) == facts
    assert all(type(kept) is type(other) for kept, other in zip(batches.facts_of(value), facts, strict=True))


@examples(60)
@given(st.lists(FACT, min_size=1, max_size=5))
def test_a_row_with_acts_or_refusals_differs_in_its_format_alone(facts: list[Fact]) -> None:
    plain = batches.row("b", facts)
    assert plain[1][0] == 1
    for number in (2, 3):
        marked = batches.row("b", facts, number)
        assert (marked[0], marked[1][1:]) == (plain[0], plain[1][1:])
        assert marked[1][0] == number
        assert batches.facts_of(marked[1]) == facts


def test_the_key_of_a_row_says_which_part_of_the_log_it_covers() -> None:
    key, _ = batches.row("b", [TimedOut(3), TimedOut(5), TimedOut(9)])
    assert key == batches.prefix("b") + (3).to_bytes(8, "big") + (9).to_bytes(8, "big")


@examples(60)
@given(SOURCE, st.binary(max_size=50))
def test_an_original_is_read_as_it_was_written(source: Source, value: bytes) -> None:
    found = pending.original_of(pending.value(Original(source, value)))
    assert (found.source, found.value) == (source, value)
    assert isinstance(found.source, Source)


@examples(60)
@given(st.integers(0, 255), st.integers(0, 2**32 - 1), OFFSET)
def test_a_watermark_is_read_as_it_was_written(topic: int, partition: int, offset: int) -> None:
    assert input_watermarks.read(input_watermarks.key(topic, partition), input_watermarks.value(offset)) == (
        (topic, partition),
        offset,
    )


@examples(60)
@given(st.sampled_from(waiting.What), TIME, TEXT)
def test_who_waits_is_read_as_it_was_written(what: waiting.What, since: int, batch: str) -> None:
    assert waiting.read(waiting.key(what, since, batch)) == (what, since, batch)


def _after_another(value: bytes) -> object:
    return batches.rows_of([batches.row("b", [TimedOut(0)])[1], value])


@pytest.mark.parametrize("count", [0, 1, 15, 16, 70_000])
def test_many_rows_are_read_as_one_by_one(count: int) -> None:
    values = [batches.row("b", [TimedOut(at), TimedOut(at + 1)][: 1 + at % 2])[1] for at in range(count)]
    assert batches.rows_of(values) == [batches.facts_of(value) for value in values]


@pytest.mark.parametrize(
    ("read", "value", "table", "known"),
    [
        (batches.facts_of, batches.row("b", [TimedOut(1)])[1], "batches", batches.FORMAT),
        (_after_another, batches.row("b", [TimedOut(1)])[1], "batches", batches.FORMAT),
        (pending.original_of, pending.value(Original(Source(1, 0, 0), b"x")), "pending", pending.FORMAT),
    ],
)
def test_a_row_of_a_newer_release_is_refused_by_name(
    read: Callable[[bytes], object], value: bytes, table: str, known: int
) -> None:
    read(value)
    for newer in (known + 1, known + 2, 255):
        with pytest.raises(UnknownFormatError, match=table) as caught:
            read(bytes([newer]) + value[1:])
        assert str(newer) in str(caught.value)
        assert isinstance(caught.value, OperatorError)


def test_a_field_appended_by_a_later_release_is_no_obstacle() -> None:
    """Fields may be appended: arrays that are longer than known are read, shorter ones get defaults."""
    value = bytes([1]) + b"\x91\x93\x06\x05\x07"  # [[6 (TimedOut), 5, 7]]: one field more
    assert batches.facts_of(value) == [TimedOut(5)]


STORED = (
    "0199950101029700a175a174a166a16307c0c0950102039801a175a166a5454d505459a27b7da16308a430302d3193020109"
    "940003049a91a165a4454e4735a174c0c0a27b7dc0a16309c09502030001c094030302c0940404a176a17494050506079206"
    "0694070793010203af75706c6f61645f636f6e666c696374"
)
SHORTER = (
    "0197940101029700a175a174a166a16307c09502030001c094030302c0940404a176a1749405050607920606940707930102"
    "03af75706c6f61645f636f6e666c696374"
)


def test_what_is_on_disk_keeps_its_meaning() -> None:
    """Rows written by the first release: changelogs are for ever."""
    content = Content("u", "t", "f", "c", 7)
    failure = Failure("u", "f", "EMPTY", "{}", "c", 8, "00-1")
    registered = Registration(("e",), "ENG5", "t", None, None, "{}", None, "c", 9)
    facts: list[Fact] = [
        Held(1, 2, content),
        Held(2, 3, failure, Source(2, 1, 9)),
        Registered(3, 4, registered),
        Placed(3, 0, 1, None),
        Surplus(3, 2, None),
        Alias(4, "v", "t"),
        Expired(5, 6, 7),
        TimedOut(6),
        Conflicted(7, Source(1, 2, 3), "upload_conflict"),
    ]
    assert batches.facts_of(bytes.fromhex(STORED)) == facts
    # A field that was appended since is at its default where a row does not have it.
    assert batches.facts_of(bytes.fromhex(SHORTER)) == [Held(1, 2, content), *facts[3:]]
    assert batches.row("b", facts)[1].hex() == STORED


@pytest.mark.parametrize(
    ("sequence", "what"),
    [
        ("", None),
        ("C0", waiting.What.HOLDING),
        ("C0 R2", waiting.What.OPEN),
        ("R2 C0 F1", None),
    ],
)
def test_a_batch_waits_for_what_it_lacks(sequence: str, what: waiting.What | None) -> None:
    batch = play(sequence).batch
    key = waiting.key_for(batch)
    assert (None if key is None else waiting.read(key)[0]) == what


def test_a_batch_that_is_late_waits_as_late() -> None:
    found = play("R2 C0")
    found.tick(found.batch.registered_at + found.policy.readiness_timeout)
    key = waiting.key_for(found.batch)
    assert key is not None
    assert waiting.read(key) == (waiting.What.LATE, found.batch.registered_at, "b")
    found.send(sent("F1"))
    assert waiting.key_for(found.batch) is None


def test_pending_counts_from_the_first_that_still_waits() -> None:
    found = play("C0 C1")
    first, second = found.batch.pending.values()
    assert waiting.key_for(found.batch) == waiting.key(waiting.What.HOLDING, first.time, "b")
    found.tick(first.time + found.policy.pending_ttl)
    assert waiting.key_for(found.batch) == waiting.key(waiting.What.HOLDING, second.time, "b")


def test_an_empty_batch_has_no_rows() -> None:
    assert waiting.key_for(Batch("b")) is None
