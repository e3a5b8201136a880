"""The broker's clock, as far as a worker knows it.

A worker's own clock may be wrong by hours, and nothing may follow from that: not when a deadline is looked at, not what
is called stuck, not the times of the records that are written (a broker refuses one from too far in its future). What
is known of the broker's clock are the append times of the log: exactly when it acknowledges a record that has just been
written there, as a lower bound from a record that was read. What has passed since is measured by a clock that nobody
sets.
"""

import time
from datetime import UTC, datetime


class BrokerClock:
    """Milliseconds since the epoch by the broker's clock. One a worker."""

    def __init__(self) -> None:
        self._ahead: float | None = None

    @property
    def known(self) -> bool:
        """Whether anything is known of it. Until then :meth:`now` is this worker's own clock."""
        return self._ahead is not None

    def acknowledged(self, append_time: int) -> None:
        """The broker has just appended a record to the log, at this time. What is not positive says nothing."""
        if append_time > 0:
            self._ahead = append_time - time.monotonic() * 1000

    def read(self, append_time: int) -> None:
        """A record of the log was read that was appended at this time: it is that late at least."""
        ahead = append_time - time.monotonic() * 1000
        if append_time > 0 and (self._ahead is None or ahead > self._ahead):
            self._ahead = ahead

    def now(self) -> int:
        """The time by it, in ms."""
        if self._ahead is None:
            return int(time.time() * 1000)
        return int(self._ahead + time.monotonic() * 1000)

    def moment(self) -> datetime:
        """The same as a datetime in UTC."""
        return datetime.fromtimestamp(self.now() / 1000, UTC)
