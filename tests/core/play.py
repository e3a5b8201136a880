"""Plays inputs through the decoder and the fold, as the join does, but without tables: what came of one batch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from app.core import names
from app.core.acts import Act
from app.core.batch import Batch
from app.core.batch_state import BatchState
from app.core.events import Cutoff, Policy, Position, Source, Tick
from app.core.fold import Step, fold
from app.core.messages import Message as Said
from app.core.outputs import DeadLetter, Output, Refusal
from app.wire import dead_letter
from app.wire.decode import decode
from app.wire.encode import encode
from tests.contract.notation import Token, messages, parse
from tests.oracle.records import InputRecord, OutputRecord
from tests.support.events import Message

MAX_BYTES = 4 * 1024 * 1024
EMITTED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
START = 1_772_442_000_000  # 2026-03-02T09:00:00Z in ms: when the log begins
SECOND = 1000  # ms between two records of the log


@dataclass
class Played:
    """One batch after its inputs; `steps[i]` is what `inputs[i]` did, `ticks` what the clock did, `acts` operators."""

    batch: Batch
    policy: Policy = field(default_factory=Policy)
    inputs: list[InputRecord] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    ticks: list[Step] = field(default_factory=list)
    acts: list[Step] = field(default_factory=list)
    records: list[OutputRecord] = field(default_factory=list)
    at: int = 0
    _places: dict[int, int] = field(default_factory=dict)  # log offset of an input: its offset

    def send(self, sent: Iterable[Message]) -> "Played":
        """Fold more inputs in."""
        for record in sent:
            offset = len(self.inputs)
            self.inputs.append(InputRecord(record.topic, 0, offset, record.key, record.value))
            decoded = decode(record.topic, record.value, MAX_BYTES)
            assert decoded.batch_id == self.batch.batch_id
            source = Source(names.INPUTS.index(record.topic), 0, offset)
            step = fold(self.batch, decoded.event, Position(self.at, self.time, source), self.policy)
            self._places[self.at] = offset
            self.at += 1
            self.batch = step.batch
            self.steps.append(step)
            self.records += [self._record(output, record, offset) for output in step.outputs]
        return self

    def tick(self, time: int | None = None, *, retires: Cutoff | None = None, forgets: Cutoff | None = None) -> Step:
        """Let the log's clock reach `time`."""
        time = self.time if time is None else time
        step = fold(self.batch, Tick(time, retires, forgets), Position(self.at, time), self.policy)
        self.at += 1
        self.batch = step.batch
        self.ticks.append(step)
        return step

    def retire(self) -> Step:
        """Let a tick retire the batch, if it rests."""
        return self.tick(retires=Cutoff(self.at - 1, "b"))

    def forget(self) -> Step:
        """Let a tick have the receipt go."""
        return self.tick(forgets=Cutoff(self.at - 1, "b"))

    def act(self, act: Act) -> Step:
        """Let an operator do something to the batch."""
        step = fold(self.batch, act, Position(self.at, self.time), self.policy)
        self.at += 1
        self.batch = step.batch
        self.acts.append(step)
        return step

    @property
    def time(self) -> int:
        """The log time of the next record."""
        return START + self.at * SECOND

    @property
    def said(self) -> list[Said]:
        """Every output event in the order in which it was said."""
        return [output for step in self.steps for output in step.outputs if isinstance(output, Said)]

    def about(self, topic: str) -> list[Said]:
        """Return the events on a topic."""
        return [output for output in self.said if output.topic == topic]

    @property
    def refused(self) -> list[tuple[int, str]]:
        """The dead letters: which input, and why."""
        return [
            (number, output.reason)
            if isinstance(output, DeadLetter)
            else (self._places[output.held], output.letter.reason)
            for number, step in enumerate(self.steps)
            for output in step.outputs
            if isinstance(output, DeadLetter | Refusal)
        ]

    def _record(self, output: Output, original: Message, offset: int) -> OutputRecord:
        number = len(self.records)
        if isinstance(output, Said):
            value, headers = encode(output, EMITTED_AT, "essay-lifecycle-service")
            found = tuple((name, header or b"") for name, header in headers)
            return OutputRecord(output.topic, 0, number, output.key.encode(), value, found)
        if isinstance(output, Refusal):
            offset = self._places[output.held]
            kept = self.inputs[offset]
            original, output = Message(kept.topic, kept.key, kept.value), output.letter
        assert isinstance(output, DeadLetter)
        dead = dead_letter.headers(output.reason, output.detail, original.topic, 0, offset)
        found = tuple((name, header or b"") for name, header in dead)
        return OutputRecord(names.DEAD_LETTER, 0, number, original.key, original.value, found)


def played(sent: Iterable[Message], batch: str = "b", policy: Policy | None = None) -> Played:
    """Play inputs of one batch."""
    return Played(Batch(batch), policy or Policy()).send(sent)


def play(notation: str, batch: str = "b", policy: Policy | None = None) -> Played:
    """Play a sequence in the notation of the contract's cases."""
    return played(sent(notation, batch), batch, policy)


def sent(notation: str | Sequence[Token], batch: str = "b") -> list[Message]:
    """Return the messages of a sequence, in order."""
    steps = parse(notation) if isinstance(notation, str) else [(token,) for token in notation]
    return [message for step in messages(steps, batch) for message in step]


def data_bytes(message: Said) -> bytes:
    """Return `data` as it goes out."""
    return msgspec.json.encode(message.data)


def state(batch: Batch) -> dict[str, Any]:
    """Return everything that a batch is, in a form that compares by value; the order of what is pending counts."""
    found = {name: getattr(batch, name) for name in BatchState.__slots__ if not name.startswith("_")}
    return found | {"pending": list(batch.pending.items()), "excess": list(batch.excess.items())}
