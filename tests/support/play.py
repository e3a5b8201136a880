"""Plays many batches against a running worker at once, keeping each batch's order, and says what came of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.contract.cases import Case
from tests.oracle import topics
from tests.oracle.ideal import ideal_outputs
from tests.oracle.records import InputRecord, Json, OutputRecord
from tests.support.events import Message
from tests.support.kafka_io import Reader
from tests.support.patience import PATIENCE
from tests.support.stage import Stage


@dataclass
class Played:
    """What one batch was sent, in the order of its steps, and what came back."""

    batch: str
    case: Case
    inputs: list[InputRecord] = field(default_factory=list)
    outputs: list[OutputRecord] = field(default_factory=list)

    @property
    def ordered(self) -> bool:
        """Whether the order of the inputs is known: no two were sent at the same moment."""
        return all(len(step) == 1 for step in self.case.steps)

    @property
    def events(self) -> list[tuple[str, Json]]:
        """Topic and data of the output events."""
        return [(output.topic, output.data) for output in self.outputs if output.topic != topics.DEAD]

    @property
    def refused(self) -> list[tuple[str, bytes]]:
        """Reason and original of each dead letter."""
        dead = [output for output in self.outputs if output.topic == topics.DEAD]
        return [(str(record.header("rollcall.reason")), record.value or b"") for record in dead]


def play(stage: Stage, reader: Reader, cases: Mapping[str, Case]) -> dict[str, Played]:
    """Send each batch its case, all batches at once, and return what came of each when the outputs have gone quiet.

    The order in which a worker reads its three topics is its own affair, so a step is sent only after the worker has
    committed the last.
    """
    played = {batch: Played(batch, case) for batch, case in cases.items()}
    sequences = {batch: case.messages(batch) for batch, case in cases.items()}
    for number in range(max(len(steps) for steps in sequences.values())):
        due = [(batch, step) for batch, steps in sequences.items() if number < len(steps) for step in steps[number]]
        records = stage.io.produce([message for _, message in due])
        for (batch, _), record in zip(due, records, strict=True):
            played[batch].inputs.append(record)
        stage.wait_taken()
    await_outputs(reader, [record for message in played.values() for record in message.inputs])
    for batch, message in played.items():
        message.outputs = outputs_of([batch], message.inputs, reader.records)
    return played


def await_outputs(reader: Reader, inputs: Sequence[InputRecord], *, within: float = PATIENCE, quiet: float = 2) -> bool:
    """Read until as many distinct outputs are there as the inputs call for, and then until nothing more comes.

    Returns whether they all came; a judge then says which didn't. Their number does not depend on the inputs' order,
    unless an upload has two texts.
    """
    due = {identity(output) for output in ideal_outputs(inputs)}
    found, looked_at = set[object](), 0

    def all_there(records: list[OutputRecord]) -> bool:
        nonlocal looked_at
        found.update(map(identity, records[looked_at:]))
        looked_at = len(records)
        return len(found) >= len(due)

    complete = reader.wait(all_there, within)
    reader.quiet(quiet)
    return complete


def identity(record: OutputRecord) -> object:
    """Return what repeats of an output have in common: the event id, or a dead letter's headers."""
    return record.headers if record.topic == topics.DEAD else record.header("event_id")


def outputs_of(
    batches: Iterable[str], inputs: Iterable[InputRecord], outputs: Iterable[OutputRecord]
) -> list[OutputRecord]:
    """Return the outputs that are about some batches, and the dead letters of some inputs."""
    names = set(batches)
    sources = {tuple(str(part) for part in record.position) for record in inputs}
    return [
        output
        for output in outputs
        if (_source(output) in sources if output.topic == topics.DEAD else output.data["batch_id"] in names)
    ]


def _source(output: OutputRecord) -> tuple[str | None, ...]:
    return tuple(output.header(f"rollcall.source.{part}") for part in ("topic", "partition", "offset"))


def all_messages(cases: Mapping[str, Case]) -> list[Message]:
    """Return all messages of all batches, batches side by side: everybody's first step, then everybody's second."""
    sequences = [case.messages(batch) for batch, case in cases.items()]
    longest = max(len(steps) for steps in sequences)
    return [step for number in range(longest) for steps in sequences if number < len(steps) for step in steps[number]]
