"""What a chunk's contents say together has a bound: so many batches may become ready in it."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from agents.parts import Bounds
from app import native
from app.core import names
from tests.agents.log import Log, MakeWorker, Output, Worker
from tests.agents.retirements import carried_out
from tests.core.play import sent

BATCHES = 40
INSTRUCTIONS = "x" * 5000  # of which each ready event has a copy
OUTPUTS = 20_000


def registered(batch: str) -> Iterator[object]:
    """Yield the registration of a batch of two slots whose ready event is large."""
    for message in sent("R2", batch):
        assert message.value is not None
        envelope = json.loads(message.value)
        envelope["data"]["essay_instructions"] = INSTRUCTIONS
        yield replace(message, value=json.dumps(envelope).encode())


def begun(worker: Worker, log: Log) -> list[str]:
    """Register the batches and fill all slots of each but the last; their names."""
    ids = [f"b{number}" for number in range(BATCHES)]
    for batch in ids:
        for message in [*registered(batch), *sent("C0", batch)]:
            log.send(message)  # type: ignore[arg-type]
    list(carried_out(worker, log.records))
    return ids


def said(outputs: list[Output]) -> list[tuple[str, bytes | None]]:
    return [(topic, value) for topic, _, value, _ in outputs]


@pytest.mark.parametrize("plain", [True, False])
def test_contents_by_which_many_batches_become_ready_are_not_published_all_at_once(
    make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch, *, plain: bool
) -> None:
    monkeypatch.setattr(native, "AVAILABLE", native.AVAILABLE and plain)
    log, worker, whole = Log(), make_worker(), make_worker()
    ids = begun(worker, log)
    whole.run(log.records)
    last = [log.send(message) for batch in ids for message in sent("C1", batch)]
    worker.join.bounds = Bounds(1000, 10**6, OUTPUTS)  # type: ignore[misc] # of this one alone
    found = list(carried_out(worker, last))
    assert max(work.size for work in found) <= OUTPUTS + 2 * len(INSTRUCTIONS)
    outputs = [output for work in found for output in work.outputs]
    assert sum(topic == names.READY for topic, *_ in outputs) == BATCHES
    before = len(whole.outputs)
    whole.run(last)
    assert said(outputs) == said(whole.outputs[before:])
