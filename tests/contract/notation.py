"""A small notation for sequences of inputs, and what it stands for.

R2        the registration, with 2 slots; a second R2 is its redelivery; R2' is a registration with other content
C0 C1     contents: upload 0 with text 0, upload 1 with text 1; a second C0 is a redelivery of the same event
C1@0      text 1 under upload 0
F0        a validation failure of upload 0
L0        as C0, with a text id of 900 characters
C0-29     C0 C1 ... C29;  F3-5 likewise
C0*20     twenty times C0
[A B C]   at the same moment: any order
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tests.support.events import Json, Message, content, essay_ids, failure, message, redelivered, registration

TOKEN = re.compile(
    r"(?P<kind>[RCFL])(?P<first>\d+)(?:-(?P<last>\d+))?(?:@(?P<upload>\d+))?(?P<other>'?)(?:\*(?P<times>\d+))?"
)
LONG = 900  # characters of a long text id
FAILURES_AFTER = 0.25  # seconds; keeps F3's moment apart from C3's


@dataclass(frozen=True)
class Token:
    """One input of a sequence."""

    kind: str  # R, C, F or L
    number: int
    upload: int
    other: bool = False

    def __str__(self) -> str:
        at = f"@{self.upload}" if self.upload != self.number else ""
        return f"{self.kind}{self.number}{at}{chr(39) if self.other else ''}"


Step = tuple[Token, ...]


def parse(notation: str) -> list[Step]:
    """Return the steps of a sequence; one holds several tokens if they come at the same moment. Raises ValueError."""
    steps: list[Step] = []
    for part in re.findall(r"\[[^]]*\]|\S+", notation):
        tokens = [token for word in part.strip("[]").split() for token in _tokens(word)]
        steps += [tuple(tokens)] if part.startswith("[") else [(token,) for token in tokens]
    return steps


def _tokens(word: str) -> Iterator[Token]:
    match = TOKEN.fullmatch(word)
    if match is None:
        message = f"not in the notation: {word!r}"
        raise ValueError(message)
    first = int(match["first"])
    for _ in range(int(match["times"] or 1)):
        for number in range(first, int(match["last"] or first) + 1):
            yield Token(match["kind"], number, int(match["upload"] or number), bool(match["other"]))


def envelope_of(token: Token, batch: str) -> Json:
    """Return the input that a token stands for in a batch; its place in the sequence makes no difference."""
    if token.kind == "R":
        changes: Json = {"user_id": "another-teacher"} if token.other else {}
        return registration(batch, essay_ids(batch, token.number), **changes)
    upload = f"{batch}.upload-{token.upload:04d}"
    if token.kind == "F":
        return failure(batch, upload, second=token.upload + FAILURES_AFTER)
    text = f"{batch}.text-{token.number:04d}"
    return content(batch, upload, text.ljust(LONG, "x") if token.kind == "L" else text, second=token.number)


@lru_cache(maxsize=5000)  # of 1 kB: a property has few that differ, and each of its examples asks for dozens
def _message(token: Token, batch: str, times: int) -> Message:
    return message(redelivered(envelope_of(token, batch), times))


def messages(steps: Sequence[Step], batch: str) -> list[list[Message]]:
    """Turn a sequence into messages, step by step; a token that comes again is a redelivery of its event."""
    seen: dict[Token, int] = {}
    made: list[list[Message]] = []
    for step in steps:
        made.append([])
        for token in step:
            times = seen.get(token, 0)
            seen[token] = times + 1
            made[-1].append(_message(token, batch, times))
    return made
