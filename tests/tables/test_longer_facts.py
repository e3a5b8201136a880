"""A batch whose pending uploads expired is not counted as complete, whatever number of fields its rows' facts have."""

import importlib.util
from collections.abc import Callable, Iterator
from types import ModuleType

import msgspec
import pytest

from app.core import facts
from app.core.batch_state import State
from app.core.events import Content
from app.engine.state.memory_store import MemoryStore
from app.engine.state.store import Store
from tables import batches
from tables.batch_counts import BatchCounts, Standing
from tables.counts_loader import load_counts
from tests.core.play import play


class Longer(msgspec.Struct, frozen=True, array_like=True, tag=5, gc=False):
    """``Expired`` as a later release may have it."""

    at: int
    held: int
    since: int
    reason: str = ""
    by: str = ""


def row_of_a_batch_that_expired(expired: list[object]) -> bytes:
    """A row of format 1: an upload was pending and is given up, by an ``Expired`` of these fields."""
    held = facts.Held(1, 2, Content("u", "t", "f", "c", 7))
    return b"\x01" + b"\x92" + msgspec.msgpack.encode(held) + msgspec.msgpack.encode(expired)


def counted(value: bytes, look: Callable[[BatchCounts, Store], Iterator[None]] = load_counts) -> Standing:
    """What a start counts in a store with this one row."""
    store = MemoryStore()
    store.write({batches.prefix("b") + bytes(16): value}, 0)
    counts = BatchCounts()
    for _ in look(counts, store):
        pass
    return counts.standing(0)


def loaded_anew(name: str) -> ModuleType:
    """A module as if it were first imported now."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("appended", [0, 1, 2, 12, 300, 70_000], ids=lambda count: f"{count} more")
def test_a_row_of_a_later_release_with_more_fields_is_not_counted_as_complete(appended: int) -> None:
    value = row_of_a_batch_that_expired([5, 3, 1, 2, *[None] * appended])
    assert batches.batch_of("b", [value]).state is not State.COMPLETE
    assert counted(value).complete == 0


def test_a_row_with_fewer_fields_than_the_class_has_is_not_counted_as_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "Expired", Longer)
    old = row_of_a_batch_that_expired([5, 3, 1, 2])
    monkeypatch.setattr(batches, "decides_state", loaded_anew("tables.batches").decides_state, raising=False)
    assert counted(old, loaded_anew("tables.counts_loader").load_counts).complete == 0
    new = row_of_a_batch_that_expired([5, 3, 1, 2, "why", "who"])
    assert counted(new, loaded_anew("tables.counts_loader").load_counts).complete == 0


def test_rows_of_a_complete_batch_need_no_look_at_the_batch() -> None:
    batch = play("C0 R1")
    assert batch.batch.state is State.COMPLETE
    value = batches.row("b", [fact for step in batch.steps for fact in step.facts])[1]
    assert not batches.decides_state(value)
    assert counted(value).complete == 1


def test_every_row_that_an_operator_has_to_do_with_decides_the_state() -> None:
    assert batches.decides_state(batches.row("b", [facts.Closed(1, facts.DISCARDED)], batches.WITH_ACTS)[1])
    assert batches.decides_state(batches.row("b", [facts.Expired(3, 1, 2)])[1])
