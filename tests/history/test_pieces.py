"""The small parts: times, the store in memory, cursors, words."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commands import render
from app.core.acts import Discard
from app.core.batch import Batch
from app.core.events import Content, Failure, Registration, Source
from app.core.facts import (
    DISCARDED,
    FORCED,
    Acted,
    Alias,
    Closed,
    Conflicted,
    Dismissed,
    Expired,
    Extended,
    Fact,
    Forgotten,
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
from app.engine.state.memory_store import MemoryStore
from app.history.dead_letters import _cursor, describe
from app.history.tell.describe import fact
from app.history.tell.topology import mermaid, topology_of
from app.history.times import iso, parse
from tests.agents.log import Record
from tests.history.log import settings

KEYS = st.lists(st.sampled_from(b"ab"), min_size=1, max_size=3).map(bytes)


@given(st.integers(0, 4_000_000_000_000))
def test_a_time_that_is_written_is_read_back(milliseconds: int) -> None:
    assert parse(iso(milliseconds)) == milliseconds


def test_times_are_iso_8601_in_utc_with_milliseconds() -> None:
    assert iso(1_772_442_000_123) == "2026-03-02T09:00:00.123Z"
    assert parse("2026-03-02T10:00:00.123+01:00") == parse("2026-03-02T09:00:00.123") == 1_772_442_000_123


@given(st.lists(st.tuples(KEYS, st.none() | KEYS)), KEYS, st.just(b"") | KEYS)
def test_the_store_in_memory_scans_in_the_order_of_keys(
    rows: list[tuple[bytes, bytes | None]], prefix: bytes, start: bytes
) -> None:
    store, kept = MemoryStore(), dict[bytes, bytes]()
    store.write(rows, 7)
    for key, value in rows:
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = value
    assert list(store.scan(prefix, start)) == sorted(
        (key, value) for key, value in kept.items() if key.startswith(prefix) and key >= start
    )
    assert all(store.get(key) == value for key, value in kept.items())
    assert store.offset == 7


def test_a_cursor_says_how_far_each_partition_was_read() -> None:
    assert _cursor("0-12.3-0") == {0: 12, 3: 0}


def test_a_dead_letter_without_headers_is_described_too() -> None:
    found = describe(Record("dead", 1, 2, 0, None, None, []))
    assert (found.reason, found.source, found.key, found.size, found.batch_id) == ("unknown", None, None, 0, None)


def test_the_diagram_names_every_topic_and_agent() -> None:
    plan = topology_of(settings(), {"rollcall-log": 7})
    drawn = mermaid(plan)
    assert drawn.startswith("flowchart LR\n")
    assert all(topic.name in drawn for topic in plan.topics)
    assert "rollcall-log<br/>7 partitions" in drawn
    assert "rekey --> " in drawn


def test_every_fact_has_words_of_its_own() -> None:
    registered = Registered(0, 0, Registration(("e0",), "ENG5", "u", None, None, None, None, "c", 0))
    batch = Batch("b")
    batch.apply(registered)
    text, failed = Content("u0", "t0", "f", "c", 0), Failure("u1", "f", "CODE", "{}", "c", 0)
    facts: list[Fact] = [
        registered, Held(1, 0, text), Held(1, 0, failed), Placed(1, 0, -1, text), Placed(1, 0, 3, None),
        Surplus(1, -1, failed), Alias(1, "u2", "t0"), Expired(1, 0, 0), TimedOut(1),
        Conflicted(1, Source(0, 0, 0), "why"), Acted(1, 0, Discard("id", "Ada", "why"), None),
        Acted(1, 0, Discard("id", "Ada", "why"), "no"), Closed(1, FORCED),
        Closed(1, DISCARDED), Dismissed(1, 0, 0, 0), Extended(1, 5000), Extended(1, -5000),
        Reopened(1, 0, ()), Reopened(1, 0, ("e1",)), Retaken(1, 0, "t0"),
        Refused(1, -1, text, "why"), Retired(1, 0, 0, None, 1, 1, 0, 0, 0, b"", None, None, 0), Forgotten(1),
    ]  # fmt: skip
    assert {type(entry) for entry in facts} == set(get_args(Fact))
    said = [fact(entry, batch) for entry in facts]
    assert len(set(said)) == len(facts)
    assert not [entry for entry in said if entry.startswith(tuple(f"{type(entry).__name__}(" for entry in facts))]


def test_bars_are_shown_on_a_terminal_and_only_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for terminal in (False, True):
        monkeypatch.setenv("TTY_COMPATIBLE", str(int(terminal)))
        with render.progress() as phases:
            phases("reading the log")(1, 2)
        said = capsys.readouterr()
        assert ("reading the log" in said.err) == terminal
        assert said.out == ""


def test_durations_are_told_in_their_two_largest_units() -> None:
    assert [render.seconds(value) for value in (None, 0, 59, 61, 3_600, 90_061)] == [
        "-", "0 s", "59 s", "1 min 1 s", "1 h", "1 d 1 h",
    ]  # fmt: skip
