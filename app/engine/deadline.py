"""One budget of time for all the steps of something that must be over by then."""

import time


class Deadline:
    """A moment ``seconds`` from now, for the steps that share them."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self, reserve: float = 0.0) -> float:
        """Seconds that are left, less ``reserve`` for the steps that follow; never below 0."""
        return max(0.0, self._end - time.monotonic() - reserve)

    def within(self, seconds: float) -> "Deadline":
        """The earlier of this deadline and one in ``seconds``."""
        return Deadline(min(seconds, self.left()))
