"""An endless stream of inputs from a seed: many batches at a time, their registrations anywhere among their uploads,
so that every fault finds batches half done. No content comes twice: every repeated output is a fault's.

Where batches are retired meanwhile, inputs come for each complete one when all of its own have been sent, some of them
so late that it has gone.
"""

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count

from aiokafka.partitioner import murmur2

from tests.contract.notation import Token, envelope_of
from tests.support.events import Message, message

LOG_PARTITIONS = 3
OPEN_BATCHES = 40  # x 15 inputs a batch on average: a batch lives for some 600 inputs, one round or two
#: What comes late, and so many inputs after the last one of its batch: some of it before the batch goes.
LATE, SOONEST, LATEST = 60, 50, 2500


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
    late: list[Token] = field(default_factory=list)  # what was sent of that which comes late

    @property
    def closes(self) -> bool:
        """Whether it is complete once all of its inputs are folded."""
        return self.kind.registered and self.kind.contents + self.kind.failures >= self.kind.slots

    @property
    def texts(self) -> list[str]:
        """The texts of all its contents that were sent, once it has been sent whole."""
        own = (self.text(Token("C", number, number)) for number in range(self.kind.contents))
        return [*own, *(self.text(token) for token in self.late if token.kind == "C")]

    @property
    def failures(self) -> int:
        """How many failures were sent for it, the same."""
        return self.kind.failures + sum(token.kind == "F" for token in self.late)

    @cached_property
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

    @cached_property
    def message(self) -> Message:
        """What a producer sends, and what is noted once it has arrived."""
        return self.batch.message(self.token)


def tokens(kind: Kind) -> list[Token]:
    """All inputs of a batch of this kind."""
    uploads = [Token("C", number, number) for number in range(kind.contents)]
    uploads += [Token("F", number, number) for number in range(kind.contents, kind.contents + kind.failures)]
    return [Token("R", kind.slots, kind.slots), *uploads] if kind.registered else uploads


class Workload:
    """The stream. ``round`` is noted with each batch that begins; ``retires``: batches are retired meanwhile."""

    def __init__(self, seed: int, *, retires: bool = False) -> None:
        self.round = 0
        self.retires = retires
        #: What comes late: after how many inputs, a number of its own, which batch's, what.
        self._late: list[tuple[int, int, str, Token]] = []
        self._numbers = count()
        self._sent = 0
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
        self._sent += 1
        if self._late and self._late[0][0] <= self._sent:
            *_, name, token = heapq.heappop(self._late)
            self.batches[name].late.append(token)
            return Item(self.batches[name], token)
        while len(self._open) < OPEN_BATCHES:
            self._open.append(self._begin())
        batch = self._random.choice(self._open)
        token = batch.left.pop()
        if not batch.left:
            self._open.remove(batch)
            if self.retires and batch.closes:
                self._come_late(batch)
        return Item(batch, token)

    def _come_late(self, batch: Batch) -> None:
        slots = batch.kind.slots
        tokens = [Token("C", LATE, LATE), Token("C", LATE + 1, LATE + 1), Token("F", LATE + 2, LATE + 2)]
        for token in (*tokens, batch.registration, Token("R", slots, slots, other=True)):
            due = self._sent + self._random.randint(SOONEST, LATEST)
            heapq.heappush(self._late, (due, next(self._numbers), batch.name, token))

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
    retired: set[str] = field(default_factory=set)  # uploads that came when the batch was retired: texts, or failures
    ready: list[dict[str, object]] = field(default_factory=list)
    completed: list[dict[str, object]] = field(default_factory=list)
    errors: list[dict[str, object]] = field(default_factory=list)


def exact(batch: Batch, came: Came, sent: Sequence[str], *, registered: bool) -> list[str]:
    """What is wrong with a batch by counts that hold for every interleaving of its inputs.

    ``sent``: the texts of all its contents that were sent. What was refused because the batch was retired decides
    nothing.
    """
    texts = set(sent) - (came.retired - set(came.slots) - came.excess)
    slots, failures = batch.kind.slots, batch.failures - len(came.retired - set(sent))
    if not registered:
        said = len(came.slots) + len(came.excess) + len(came.ready) + len(came.completed) + len(came.errors)
        return [f"{batch.name}: {said} events about a batch without a registration"] if said else []
    complete = len(texts) + failures >= slots
    filled = len(came.slots)
    failed = slots - filled if complete else 0
    fewest = min(len(texts), slots - failures)
    demands = [
        (complete or not came.retired, "it was retired though it waits for something"),
        (set(came.slots) | came.excess == texts, "a content has neither slot nor excess, or is unknown"),
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
