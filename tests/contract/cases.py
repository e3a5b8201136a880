"""Every row of the contract's section 8, each upstream case, and the rules of section 6 that no row shows.

`expected` has its own notation: SLOT*2 (two essay slots given), READY(2) (with two essays), EXCESS(C2), ERRORS(1),
ERRORS(2,critical), CONFLICT(F0) (dead letter `upload_conflict` of that input), REFUSED(R2') (dead letter
`registration_conflict`). What it does not name must not be emitted, completion events beside READY apart. Where
inputs come at the same moment it names no inputs: EXCESS*15.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, permutations

from tests.contract.notation import Step, Token, messages, parse
from tests.support.events import Message


@dataclass(frozen=True)
class Case:
    """An input sequence and what must come of it. `name` is a sentence."""

    name: str
    sequence: str
    expected: str

    @property
    def steps(self) -> list[Step]:
        """The sequence, step by step."""
        return parse(self.sequence)

    @property
    def summary(self) -> Counter[str]:
        """What is expected, counted: `SLOT*2 READY(2)` is {SLOT: 2, READY(2): 1}."""
        found: Counter[str] = Counter()
        for word in self.expected.split():
            what, _, times = word.partition("*")
            found[what] += int(times or 1)
        return found

    @property
    def slug(self) -> str:
        """A name for batch ids and test ids."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.name).lower()

    def messages(self, batch: str) -> list[list[Message]]:
        """Return the input messages, step by step."""
        return messages(self.steps, batch)

    def orders(self, limit: int = 24) -> Iterator[list[Token]]:
        """Yield orders in which the log may have the inputs, the written one first."""
        return islice(_orders(self.steps), limit)

    def shifted(self) -> list["Case"]:
        """Return the case with the registration moved to every other position; the final outcome must be the same.

        Only for cases without steps at the same moment, and with one registration.
        """
        tokens = [token for step in self.steps for token in step]
        registrations = [token for token in tokens if token.kind == "R"]
        if len(registrations) != 1 or len(tokens) != len(self.steps):
            return []
        uploads = [token for token in tokens if token.kind != "R"]
        moved = [[*uploads[:place], registrations[0], *uploads[place:]] for place in range(len(uploads) + 1)]
        return [
            Case(f"{self.name} (registration at {place})", " ".join(map(str, order)), self.expected)
            for place, order in enumerate(moved)
            if order != tokens
        ]


def _orders(steps: list[Step]) -> Iterator[list[Token]]:
    """Combine each step's orders. Permutations of many tokens start with moving only the last ones: rotate those."""
    if not steps:
        yield []
        return
    head, rest = steps[0], steps[1:]
    turns: Iterable[Step] = permutations(head) if len(head) <= 4 else (head[n:] + head[:n] for n in range(len(head)))
    for turn in turns:
        for tail in _orders(rest):
            yield [*turn, *tail]


SECTION_8 = [
    Case("two contents before their registration are both assigned", "C0 C1 R2", "SLOT*2 READY(2)"),
    Case("a content before its registration is not lost", "C0 R2 C1", "SLOT*2 READY(2)"),
    Case("a surplus of early contents is excess once registered", "C0 C1 C2 R2", "SLOT*2 READY(2) EXCESS(C2)"),
    Case("a content after completion is excess", "R2 C0 C1 C2", "SLOT*2 READY(2) EXCESS(C2)"),
    Case("a repeat of the last content does not complete twice", "R2 C0 C1 C1", "SLOT*2 READY(2)"),
    Case("a repeated registration after completion is acknowledged", "R2 C0 C1 R2", "SLOT*2 READY(2)"),
    Case("a failure takes a slot and completes the batch", "R2 C0 F1", "SLOT READY(1) ERRORS(1)"),
    Case("an early failure takes a slot and completes the batch", "C0 F1 R2", "SLOT READY(1) ERRORS(1)"),
    Case("a batch of failures alone has critical errors and no ready event", "F0 F1 R2", "ERRORS(2,critical)"),
    Case("a repeated failure takes one slot", "R3 F0 F0 C1 C2", "SLOT*2 READY(2) ERRORS(1)"),
    Case("all at the same moment complete once", "[R2 C0 C1]", "SLOT*2 READY(2)"),
]

UPSTREAM = [
    Case("one early and two direct contents fill three slots", "C0 R3 C1 C2", "SLOT*3 READY(3)"),
    Case("three contents for two slots leave exactly one excess", "R2 [C0 C1 C2]", "SLOT*2 READY(2) EXCESS"),
    Case("twenty identical contents at once take one slot", "R2 [C0*20]", "SLOT"),
    Case("twenty identical early contents take one slot", "[C0*20] R2", "SLOT"),
    Case("thirty contents racing for fifteen slots", "R15 [C0-29]", "SLOT*15 READY(15) EXCESS*15"),
    Case("thirty early contents for fifteen slots", "[C0-29] R15", "SLOT*15 READY(15) EXCESS*15"),
    Case("twenty four of twenty five are valid", "R25 [C0-23] F24", "SLOT*24 READY(24) ERRORS(1)"),
    Case("twenty of twenty five are valid", "[C0-19 F20-24] R25", "SLOT*20 READY(20) ERRORS(5)"),
    Case("none of twenty five is valid", "[F0-9] R25 [F10-24]", "ERRORS(25,critical)"),
]

RULES = [
    Case("a batch without registration emits nothing", "C0 C1 F2", ""),
    Case("an open batch is not ready", "R3 C0 F1", "SLOT"),
    Case("a batch of one slot", "R1 C0", "SLOT READY(1)"),
    Case("a repeat of an early content is one pending item", "C0 C0 R2 C1", "SLOT*2 READY(2)"),
    Case("a repeat of an early failure is one pending item", "F0 F0 R2 C1", "SLOT READY(1) ERRORS(1)"),
    Case("a repeat of an excess content is the same excess", "R1 C0 C1 C1", "SLOT READY(1) EXCESS(C1)"),
    Case("the same text under another upload is the same content", "R2 C0 C0@1 C2", "SLOT*2 READY(2)"),
    Case("an upload remembered by a known text can not bring another", "R3 C0 C0@1 C2@1", "SLOT CONFLICT(C2@1)"),
    Case("a second text for an upload is refused", "R3 C0 C1@0 C2", "SLOT*2 CONFLICT(C1@0)"),
    Case("a second early text for an upload is refused", "C0 C1@0 R1", "SLOT READY(1) CONFLICT(C1@0)"),
    Case("a refused text may come by another upload", "R2 C0 C1@0 C1", "SLOT*2 READY(2) CONFLICT(C1@0)"),
    Case("a failure of an upload that has a text is refused", "R2 C0 F0", "SLOT CONFLICT(F0)"),
    Case("a text of an upload that failed is refused", "R2 F0 C0 C1", "SLOT READY(1) ERRORS(1) CONFLICT(C0)"),
    Case("a failure after completion is recorded only", "R1 C0 F1", "SLOT READY(1)"),
    Case("an early surplus of failures is recorded only", "C0 F1 F2 R2", "SLOT READY(1) ERRORS(1)"),
    Case(
        "failures take slots from the back and contents from the front", "F0 C1 F2 C3 R4", "SLOT*2 READY(2) ERRORS(2)"
    ),
    Case("a failed upload after completion can not bring a text", "R1 C0 F1 C1", "SLOT READY(1) CONFLICT(C1)"),
    Case("another registration is refused and the first stands", "R2 R2' C0 C1", "SLOT*2 READY(2) REFUSED(R2')"),
    Case("another registration after completion is refused", "R2 C0 C1 R2'", "SLOT*2 READY(2) REFUSED(R2')"),
    Case("a registration with other slots is refused", "C0 R2 R3 C1", "SLOT*2 READY(2) REFUSED(R3)"),
]

CASES = [*SECTION_8, *UPSTREAM, *RULES]
SHIFTED = [moved for case in CASES for moved in case.shifted()]
