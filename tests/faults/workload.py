"""What is sent: batches with contents, failures and a surplus, registrations racing them; half of each round's batches
end in the next.
"""

import random
from collections.abc import Iterator

from tests.contract.notation import messages, parse
from tests.support.events import Message, redelivered_message

# 25 slots: 22 contents and 3 failures fill them, 2 contents are too many or too early, by the order of the
# partitions.
BATCH = "R25 C0-21 F22-24 C25 C26"


class Workload:
    """Messages by the round, the same for the same seed.

    No input is repeated, so every repeated output is a fault's.
    """

    def __init__(self, seed: int, batches: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a schedule, not a secret
        self._batches = batches
        self._left: list[Message] = []
        self._first: dict[str, list[Message]] = {}
        self.rounds = 0

    def next(self) -> list[Message]:
        """The messages of the next round, in the order in which they are sent."""
        made: list[Message] = []
        for number in range(self._batches):
            name = f"round-{self.rounds:04d}-{number:03d}"
            own = [one for step in messages(parse(BATCH), name) for one in step]
            self._first[name] = own[:2]
            made += own
        self._random.shuffle(made)
        half = len(made) // 2
        now, self._left = self._left + made[:half], made[half:]
        self._random.shuffle(now)
        self.rounds += 1
        return now

    def rest(self) -> list[Message]:
        """What is still to be sent when no further round comes."""
        left, self._left = self._left, []
        return left

    def repeats(self) -> Iterator[Message]:
        """Of each batch its registration and a content once more, as a relay would send them again."""
        for own in self._first.values():
            for one in own:
                yield redelivered_message(one)
