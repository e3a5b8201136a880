"""What is sent in a run: a small world of batches from a seed, in three acts.

The first two acts are what the workers are disturbed in; deadlines pass between them and behind them. In the third a
last worker, which has its state from the changelog, is asked about everything again: each input is repeated, and each
batch gets one more content. State that went wrong unnoticed before speaks up there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, cycle, islice
from random import Random

from app.engine.kafka.partitioner import partition_for
from tests.contract.notation import messages, parse
from tests.oracle import topics
from tests.support.events import Message, redelivered_message
from tests.support.malformed import malformed

ACTS = 3
#: Seconds; short against the time between two acts, so that every deadline passes in it.
PENDING_TTL, READINESS_TIMEOUT, TICK = 9.0, 11.0, 3.0
ACT_SECONDS = 20.0
#: Of batches, and of receipts: what rests after the first act is retired before the second.
RETENTION = 6.0
PARTITIONS = 2  # of the log
INPUT_PARTITIONS = {topics.REGISTERED: 1, topics.CONTENT: 2, topics.FAILED: 2}

#: Sequences of the first | second act.
EXPIRING = ("C0 F1 | C0 R2 C2", "F0 C1 C2 | R3 F0 C2 C1", "C0 C0 | R1 C0", "C0 F1 C2 | C3 R2")
LATE = ("R3 C0 | C1 F2", "C0 R2 | C1 C1", "R2 F0 | C1 C2", "F0 R3 C1 | R3' C2 F2")
PROMPT = (
    "C0 C1 R2 C2 | C2 F3",
    "C0 R3 C1 F2 C1 | R3 C3",
    "F0 C1 F2 C4 R3 | C3 F4 C1",
    "R3 C0 C1@0 C1 F2 R3' | C0@5 F5",
    "C0 C0 F1 R2 R2 | F1 C2 F0",
    "C0 C1 C2 F3 R2 | C2 R4",
)


#: The kinds of sequences of which a world has one each; in the others ids of texts are too long for the ready event.
ORDINARY = (EXPIRING, LATE, PROMPT)
REFUSING = (
    ("L0 C1 | C0 L1 R2 C2 L0", "F0 L1 L1 | R2 F0 L1 C2", "L0 L1 | R1 L0 C0"),
    ("R2 L0 C1 | L0 C2", "L0 R3 C1 | C1 L0@4 F2", "R2 L0 F0 | C0 C1"),
    ("L0 C1 L2 F3 R3 | C4 L0 L5", "C0 L1 R2 C1@1 F1 | L1 C2", "L0 L0 F1 R2 R2 | L1@0 C2"),
)
#: Batches that rest after the first act, one of them never registered, and what comes late for them.
RETIRING = (
    ("R2 C0 C1 C2 | C0 C3 F4 R2 R2'", "C0 F1 R2 F2 | R2 C1 R3", "R1 C0 | C0 R1' C0"),
    ("C0 F1 | C0 R2 C2", "F0 F0 | F0 C1", "C0 C0@1 | R1 C0"),
    ("C0 C1 R2 C2 | C2 F3", "R3 C0 C1@0 C1 F2 R3' | C0@5 F5", "C0 C0 F1 R2 R2 | F1 C2 F0"),
)


@dataclass(frozen=True)
class Sent:
    """One input: when (virtual seconds from the beginning of its act) and where it is appended."""

    after: float
    partition: int
    message: Message


@cache
def script(seed: int, kinds: tuple[tuple[str, ...], ...] = ORDINARY) -> tuple[tuple[Sent, ...], ...]:
    """The acts of a seed."""
    rng = Random(f"script {seed}")  # noqa: S311 - a seed, so that a run can be repeated
    sequences = [rng.choice(kind) for kind in kinds]
    acts: list[list[Message]] = [[] for _ in range(ACTS)]
    for batch, sequence in zip(_names(seed), sequences, strict=False):
        for act, part in zip(acts, _parts(sequence, batch), strict=True):
            _mix(act, part, rng)
    broken = [message for _, message in rng.sample(list(malformed(str(seed))), 2)]
    for number, message in enumerate(broken):
        _mix(acts[number], [message], rng)
    _mix(acts[2], [redelivered_message(broken[0])], rng)
    return tuple(tuple(_scheduled(act, rng)) for act in acts)


def _names(seed: int) -> list[str]:
    """Names of batches that lie on the partitions of the log by turns."""
    wanted, names = cycle(range(PARTITIONS)), []
    goal = next(wanted)
    for number in range(1000):
        name = f"batch-{seed}-{number}"
        if partition_for(name.encode(), PARTITIONS) == goal:
            names.append(name)
            goal = next(wanted)
        if len(names) == len(ORDINARY):
            break
    return names


def _parts(sequence: str, batch: str) -> list[list[Message]]:
    parts = [part.split() for part in sequence.split("|")]
    parts.append([*dict.fromkeys(chain.from_iterable(parts)), "C9"])
    sent = chain.from_iterable(messages(parse(" ".join(chain.from_iterable(parts))), batch))
    return [list(islice(sent, len(part))) for part in parts]


def _mix(into: list[Message], part: Sequence[Message], rng: Random) -> None:
    """Put messages in between, in their order."""
    places = sorted(rng.randrange(len(into) + 1) for _ in part)
    for shift, (place, message) in enumerate(zip(places, part, strict=True)):
        into.insert(place + shift, message)


def _scheduled(act: Sequence[Message], rng: Random) -> list[Sent]:
    after, scheduled = 0.0, []
    for message in act:
        after += rng.choice((0.0, 0.0, 0.0, 0.03))  # bursts, so that chunks hold several
        scheduled.append(Sent(after, rng.randrange(INPUT_PARTITIONS[message.topic]), message))
    return scheduled
