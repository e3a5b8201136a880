"""What the native part takes of aiokafka's private names: the bytes of a fetch, and the batch that it stands in for."""

import dis
from types import CodeType
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.producer import message_accumulator
from aiokafka.producer.message_accumulator import BatchBuilder, MessageBatch

from app.engine.batches import FinishedBatch
from app.engine.kafka.fetch import KeptBytes, _ask

#: What aiokafka's producer calls on a batch that is handed to it ready-made.
CALLED = {"_build", "_set_producer_state", "append", "close", "closed", "record_count", "size"}


def named(code: CodeType) -> set[Any]:
    """The names in a function, and in the functions in it."""
    inner = [named(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return {step.argval for step in dis.get_instructions(code)}.union(*inner)


def test_the_fetcher_looks_up_the_class_of_a_fetch_by_the_name_that_is_replaced() -> None:
    assert fetcher.MemoryRecords is KeptBytes
    assert "MemoryRecords" in named(_ask.__code__)  # aiokafka's own, which ours calls


def test_a_finished_batch_has_all_that_is_called_on_a_batch() -> None:
    used = set()
    for owner in (MessageBatch, message_accumulator.MessageAccumulator):
        for member in vars(owner).values():
            code = getattr(getattr(member, "fget", member), "__code__", None)
            used |= named(code) if code is not None else set()
    assert used & {name for name in vars(BatchBuilder) if not name.startswith("__")} <= CALLED
    assert all(callable(getattr(FinishedBatch, name)) for name in CALLED)
