"""The view of a partition: the cache is bounded, and what is read again equals what was live."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.acts import ForceComplete
from app.core.batch import Batch
from app.core.events import Source
from app.core.facts import Acted, Retired
from app.engine.state.store import Store
from tables import batches, input_watermarks, pending, receipts, waiting
from tables.batch_cache import BATCH_WEIGHT, weight_of
from tables.partition_state import PartitionState
from tables.pending import Original
from tables.waiting import What
from tests.core.examples import examples
from tests.core.play import play, state


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path / "partition-0")
    found.open()
    return found


def fill(tables: PartitionState, name: str, sequence: str) -> None:
    """Write what a sequence did to a batch, and let the slice read it."""
    found = play(sequence, name)
    key, value = batches.row(name, [fact for step in found.steps for fact in step.facts])
    tables.write({key: value}, tables.store.offset + 1, [name])
    assert state(tables.batch(name)) == state(found.batch)
    tables.trim([name])


def test_a_batch_is_read_once_and_then_cached(store: Store) -> None:
    tables = PartitionState(store, 1000)
    fill(tables, "a", "R2 C0")
    first = tables.batch("a")
    assert tables.batch("a") is first
    assert (tables.misses, tables.hits) == (1, 2)


def test_a_batch_that_nobody_knows_is_new(store: Store) -> None:
    assert state(PartitionState(store, 10).batch("nobody")) == state(Batch("nobody"))


def test_the_cache_holds_no_more_than_its_capacity(store: Store) -> None:
    tables, weight = PartitionState(store, 100), BATCH_WEIGHT + (5 + 5 * 2) // 3
    for number in range(40):
        fill(tables, f"batch-{number}", "R5 C0 C1")
        assert tables.cached * weight <= 100
    assert tables.cached == 100 // weight


def test_what_was_used_longest_ago_goes_first(store: Store) -> None:
    tables = PartitionState(store, 3 * (BATCH_WEIGHT + 1 + 1))
    for name in ("a", "b", "c"):
        fill(tables, name, "R1 C0")
    first = tables.batch("a")
    fill(tables, "d", "R1 C0")
    assert tables.cached == 3
    assert tables.batch("a") is first
    misses = tables.misses
    tables.batch("b")
    assert tables.misses == misses + 1


def test_what_waits_for_nothing_goes_before_what_is_open_however_long_that_was_not_used(store: Store) -> None:
    """Registrations are read far ahead of the contents in a backlog: what is open has all of its uploads before it."""
    tables = PartitionState(store, 40 * (BATCH_WEIGHT + 2))
    for number in range(30):
        fill(tables, f"open-{number}", "R6")
    for number in range(60):
        fill(tables, f"complete-{number}", "R1 C0")
    misses = tables.misses
    for number in range(30):
        tables.batch(f"open-{number}")
    assert tables.misses == misses
    assert tables.cached == 40


@pytest.mark.parametrize("sequence", ["R2 C0 C1", "R2 C0 F1"])
def test_what_waits_for_nothing_keeps_a_sixteenth_where_what_is_open_would_fill_the_cache(
    store: Store, sequence: str
) -> None:
    """Late uploads and repeats mostly come soon."""
    tables = PartitionState(store, 64 * (BATCH_WEIGHT + 2))
    for number in range(80):
        fill(tables, f"open-{number}", "R6")
    assert tables.cached == 64
    for number in range(8):
        fill(tables, f"complete-{number}", "R2")
        batch = tables.batch(f"complete-{number}")
        for step in play(sequence, f"complete-{number}").steps[1:]:
            for fact in step.facts:
                batch.apply(fact)
        tables.trim([f"complete-{number}"])
    # 64 x 6 / 16 = 24: three of them, each 4 + (2 + 2 x 5) / 3.
    assert [number for number in range(8) if tables.known(f"complete-{number}")] == [5, 6, 7]
    assert tables.known("open-79")


@pytest.mark.parametrize(("sequence", "weight"), [("R1 C0", BATCH_WEIGHT + 2), ("R2 C0", BATCH_WEIGHT + 2)])
def test_when_more_batches_take_turns_than_fit_most_of_those_that_fit_are_found(
    store: Store, sequence: str, weight: int
) -> None:
    """Throwing out what was used longest ago, and that alone, would find none. Complete ones as well as open ones."""
    names = [f"batch-{number}" for number in range(60)]
    tables = PartitionState(store, 30 * weight)
    for name in names:
        fill(tables, name, sequence)
    for round_ in range(40):
        if round_ == 10:
            tables.hits = tables.misses = 0
        for name in names:
            tables.batch(name)
            tables.trim([name])
    # Half fit. Of those, all but what one in 16 reloads takes the place of: (1/2 - 1/16) / (1 - 1/16) = 0.47.
    assert 0.4 < tables.hits / (tables.hits + tables.misses) < 0.5
    assert tables.cached <= 30


def test_a_batch_that_is_loaded_again_and_used_twice_stays_and_so_does_a_new_one(store: Store) -> None:
    tables = PartitionState(store, 3 * (BATCH_WEIGHT + 1 + 1))
    for name in ("a", "b", "c", "d"):
        fill(tables, name, "R1 C0")
    for name in ("a", "new"):
        batch = tables.batch(name)
        if name == "a":
            assert tables.batch("a") is batch
        else:
            for fact in (fact for step in play("R1 C0", name).steps for fact in step.facts):
                batch.apply(fact)
        tables.trim([name])
        assert tables.batch(name) is batch


def test_a_batch_that_grows_weighs_more_and_one_that_goes_weighs_nothing(store: Store) -> None:
    tables = PartitionState(store, 24)
    fill(tables, "a", "R2")
    fill(tables, "b", "R50 C0")
    assert tables.cached == 1
    fill(tables, "c", "R200")  # heavier than the whole cache
    assert tables.cached == 0
    fill(tables, "d", "R2")
    assert tables.cached == 1


def test_growing_in_place_counts_too(store: Store) -> None:
    tables = PartitionState(store, 24)
    for name in ("a", "b"):
        fill(tables, name, "R2")
    batch = tables.batch("b")
    for fact in (fact for step in play("C0-9", "b").steps for fact in step.facts):
        batch.apply(fact)
    tables.trim(["b"])
    assert tables.cached == 1
    assert tables.batch("b") is batch


def test_nothing_is_dropped_between_two_trims(store: Store) -> None:
    """A batch that is changed and not yet written lives in the cache alone."""
    tables = PartitionState(store, 1)
    found = {name: tables.batch(name) for name in "abcdef"}
    assert all(tables.batch(name) is batch for name, batch in found.items())


def test_after_forgetting_everything_is_read_again(store: Store) -> None:
    tables = PartitionState(store, 1000)
    fill(tables, "a", "R2 C0")
    first = tables.batch("a")
    tables.forget()
    assert tables.cached == 0
    assert tables.batch("a") is not first
    assert state(tables.batch("a")) == state(first)
    for number in range(100):  # what is forgotten weighs nothing, however often
        fill(tables, f"batch-{number}", "R20 C0")
        tables.forget()
    for number in range(200):
        fill(tables, f"batch-{number}", "R5 C0")
    assert tables.cached == 1000 // (BATCH_WEIGHT + (5 + 5 * 1) // 3)


@pytest.mark.parametrize("restored", [True, False])
def test_a_receipt_is_found_whether_it_was_there_before_or_is_written_behind_a_first_look(
    store: Store, *, restored: bool
) -> None:
    found, gone = play("R2 C0", "a"), play("R1 C0", "b").batch
    key, value = batches.row("a", [fact for step in found.steps for fact in step.facts])
    receipt = Retired(9, 9, 9, None, 2, 2, 0, 0, 0, b"digest", None, None, 0)
    rows: dict[bytes, bytes | None] = {key: value, **receipts.rows("a", receipt)}
    if restored:
        store.write(rows, 1)
    tables = PartitionState(store, 1000)
    assert state(tables.batch("b")) != state(gone)
    if not restored:
        tables.write({waiting.key(What.OPEN, 1, "c"): b""}, 1, [])
        tables.write(rows, 2, [])
    assert tables.batch("a").receipt == receipt


def test_originals_and_watermarks_are_read_from_the_store(store: Store) -> None:
    tables = PartitionState(store, 10)
    assert tables.original("a", 7) is None
    assert tables.watermarks() == {}
    tables.write(
        {
            pending.key("a", 7): pending.value(Original(Source(1, 2, 3), b"x")),
            input_watermarks.key(1, 2): input_watermarks.value(3),
            input_watermarks.key(0, 300): input_watermarks.value(2**40),
        },
        1,
        [],
    )
    assert tables.original("a", 7) == Original(Source(1, 2, 3), b"x")
    assert tables.original("a", 8) is None
    assert tables.watermarks() == {(1, 2): 3, (0, 300): 2**40}


@examples(60)
@given(
    st.lists(
        st.lists(
            st.tuples(st.booleans(), st.sampled_from(What), st.integers(0, 6), st.sampled_from("abc")), max_size=4
        ),
        max_size=6,
    )
)
def test_who_waits_is_complete_and_in_order_however_the_rows_come_and_go(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[list[tuple[bool, What, int, str]]]
) -> None:
    store = Store(tmp_path_factory.mktemp("slice") / "partition-0")
    store.open()
    tables = PartitionState(store, 10)
    present: set[tuple[What, int, str]] = set()
    for number, chunk in enumerate(chunks):
        rows: dict[bytes, bytes | None] = {}
        for add, what, since, batch in chunk:
            rows[waiting.key(what, since, batch)] = b"" if add else None
            (present.add if add else present.discard)((what, since, batch))
        tables.write(rows, number, [])
        for what in What:
            expected = sorted((since, batch) for kind, since, batch in present if kind is what)
            assert list(tables.waiting(what)) == expected
    store.close()


def test_what_is_beyond_the_usual_weighs_as_much_as_it_takes() -> None:
    """A slot and its upload are two units of 0.34 KB; longer strings, conflicts and acts weigh as well."""
    usual, batch = play("R2 C0 C1 C2"), Batch("b")
    facts = [fact for step in usual.steps for fact in step.facts]
    _, row = batches.row("b", facts)
    weight = BATCH_WEIGHT + (2 + 5 * 3) // 3
    assert weight_of(usual.batch, len(row)) == weight
    assert weight_of(batch, 34_000_000) == pytest.approx(100_000, rel=0.05)
    usual.batch.conflicts |= {Source(1, 0, number) for number in range(100)}
    assert weight_of(usual.batch, len(row)) == weight + 100


def test_a_batch_of_long_strings_takes_the_room_of_several(store: Store) -> None:
    """Also when it is loaded again, and when it grows."""
    tables = PartitionState(store, 1000)
    for number in range(20):
        name = f"long-{number}"
        acts = [Acted(at, 0, ForceComplete(f"{number}-{at}", "ada", "y" * 2000), "refused") for at in range(10)]
        key, value = batches.row(name, acts, batches.WITH_ACTS)
        tables.batch(name)
        tables.write({key: value}, tables.store.offset + 1, [name], {name: len(value)})
    assert 1 <= tables.cached <= 1000 * 340 // 20_000
    again = PartitionState(store, 100)
    for number in range(20):
        again.batch(f"long-{number}")
        again.trim([f"long-{number}"])
    assert again.cached <= 2
