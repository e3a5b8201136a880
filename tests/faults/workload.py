"""An endless stream of inputs from a seed: many batches at a time, their registrations anywhere among their uploads,
so that every fault finds batches half done. No input comes twice: every repeated output is a fault's.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka.partitioner import murmur2

from tests.contract.notation import Token, envelope_of
from tests.support.events import Message, message

LOG_PARTITIONS = 3
OPEN_BATCHES = 40  # x 15 inputs a batch on average: a batch lives for some 600 inputs, one round or two


@dataclass(frozen=True)
class Kind:
    """A shape of batch: how many slots, contents and failures it has, and whether its registration is sent."""

    slots: int
    contents: int
    failures: int
    weight: int
    registered: bool = True


KINDS = (
    Kind(25, 24, 3, weight=4),  # two too many: which, the interleaving says
    Kind(12, 9, 3, weight=2),
    Kind(6, 8, 0, weight=2),
    Kind(4, 0, 4, weight=1),  # nothing but failures: no Ready
    Kind(8, 6, 1, weight=2),  # one short: stays open
    Kind(6, 5, 0, weight=1, registered=False),  # stays pending
)


@dataclass
class Batch:
    """A batch and what is known of it before it is sent."""

    name: str
    kind: Kind
    began: int  # the round in which its first input was sent
    left: list[Token] = field(default_factory=list)

    @property
    def partition(self) -> int:
        """Its partition of the internal log: Kafka's hash of the batch id, as its clients have it."""
        return int((murmur2(self.name.encode()) & 0x7FFFFFFF) % LOG_PARTITIONS)

    @property
    def registration(self) -> Token:
        """Its registration."""
        return Token("R", self.kind.slots, self.kind.slots)

    def message(self, token: Token) -> Message:
        """The input that a token of its stands for."""
        return message(envelope_of(token, self.name))

    def text(self, token: Token) -> str:
        """The text id of a content."""
        return f"{self.name}.text-{token.number:04d}"


@dataclass(frozen=True)
class Item:
    """One input to be sent."""

    batch: Batch
    token: Token

    @property
    def message(self) -> Message:
        """What a producer sends."""
        return self.batch.message(self.token)


def tokens(kind: Kind) -> list[Token]:
    """All inputs of a batch of this kind."""
    uploads = [Token("C", number, number) for number in range(kind.contents)]
    uploads += [Token("F", number, number) for number in range(kind.contents, kind.contents + kind.failures)]
    return [Token("R", kind.slots, kind.slots), *uploads] if kind.registered else uploads


class Workload:
    """The stream. ``round`` is noted with each batch that begins."""

    def __init__(self, seed: int) -> None:
        self.round = 0
        self.batches: dict[str, Batch] = {}
        self._random = random.Random(seed)  # noqa: S311 - a schedule, not a secret
        self._open: list[Batch] = []

    def take(self, count: int) -> list[Item]:
        """The next inputs."""
        return [self._next() for _ in range(count)]

    def rest(self) -> list[Item]:
        """What is still to be sent of the batches that have begun."""
        items = [Item(batch, token) for batch in self._open for token in batch.left]
        self._open.clear()
        self._random.shuffle(items)
        return items

    def _next(self) -> Item:
        while len(self._open) < OPEN_BATCHES:
            self._open.append(self._begin())
        batch = self._random.choice(self._open)
        token = batch.left.pop()
        if not batch.left:
            self._open.remove(batch)
        return Item(batch, token)

    def _begin(self) -> Batch:
        kind = self._random.choices(KINDS, [kind.weight for kind in KINDS])[0]
        batch = Batch(f"batch-{len(self.batches):06d}", kind, self.round, tokens(kind))
        self._random.shuffle(batch.left)
        self.batches[batch.name] = batch
        return batch


@dataclass
class Came:
    """What was emitted about a batch, each event once."""

    slots: dict[str, str] = field(default_factory=dict)  # text -> essay
    excess: set[str] = field(default_factory=set)
    ready: list[dict[str, object]] = field(default_factory=list)
    completed: list[dict[str, object]] = field(default_factory=list)
    errors: list[dict[str, object]] = field(default_factory=list)


def exact(batch: Batch, came: Came, texts: Sequence[str], *, registered: bool) -> list[str]:
    """What is wrong with a batch by counts that hold for every interleaving of its inputs.

    ``texts``: those of all its contents that were sent.
    """
    slots, failures = batch.kind.slots, batch.kind.failures
    if not registered:
        said = len(came.slots) + len(came.excess) + len(came.ready) + len(came.completed) + len(came.errors)
        return [f"{batch.name}: {said} events about a batch without a registration"] if said else []
    complete = len(texts) + failures >= slots
    filled = len(came.slots)
    failed = slots - filled if complete else 0
    fewest = min(len(texts), slots - failures)
    demands = [
        (set(came.slots) | came.excess == set(texts), "a content has neither slot nor excess, or is unknown"),
        (not set(came.slots) & came.excess, "a content has a slot and is excess"),
        (len(set(came.slots.values())) == filled, "a slot was given twice"),
        (fewest <= filled <= min(len(texts), slots), f"{filled} slots are filled"),
        (complete or not came.excess, "there is excess though slots are free"),
        (len(came.ready) == (complete and filled > 0), f"{len(came.ready)} ready events"),
        (len(came.completed) == (complete and filled > 0), f"{len(came.completed)} completed events"),
        (len(came.errors) == (complete and failed > 0), f"{len(came.errors)} error events"),
        (
            all(event["expected_count"] == slots and event["failed_count"] == failed for event in came.ready),
            "a ready event's counts",
        ),
        (all(event["provisioned_count"] == filled for event in came.completed), "a completed event's count"),
        (all(len(_list(error, "failed_essays")) == failed for error in came.errors), "an errors event's count"),
    ]
    return [f"{batch.name}: {what}" for good, what in demands if not good]


def _list(event: dict[str, object], name: str) -> list[object]:
    found = event.get(name)
    return found if isinstance(found, list) else []
