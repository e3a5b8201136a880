"""A waiting line: ids ordered by the time since which each has waited, the longest wait first.

Times mostly come in order (log time only grows), so adding an id is an append; an id that has left is passed over until
half of the line is gone, when it is closed up. All are O(log n) or amortised O(1), but for a time that lies in the
past, which moves the rest of the line.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator

#: How many may be gone before closing up is looked at: not to do it again and again for a short line.
_SLACK = 1000


class WaitingQueue:
    """Ids, each with its time (ms). An id that has left still takes about 100 bytes until the line is closed up."""

    def __init__(self) -> None:
        #: The ids that wait, and since when.
        self.since: dict[str, int] = {}
        self._order: list[tuple[int, str]] = []
        self._first = 0
        self._bound = 0
        self._within = 0

    def __len__(self) -> int:
        return len(self.since)

    def put(self, key: str, since: int) -> None:
        """Put an id into the line, or move it."""
        before = self.since.get(key)
        if before == since:
            return
        if before is not None and before <= self._bound:
            self._within -= 1
        self.since[key] = since
        if since <= self._bound:
            self._within += 1
        place = (since, key)
        order = self._order
        if not order or order[-1] < place:
            order.append(place)
        else:
            index = bisect_left(order, place)
            # It may have stood there before, and the line has not been closed up since.
            if order[index] != place:
                insort(order, place, index)
            self._first = min(self._first, index)
        if before is not None:
            self._close_up()

    def drop(self, key: str) -> bool:
        """Take an id out; False where it is not in the line."""
        since = self.since.pop(key, None)
        if since is None:
            return False
        if since <= self._bound:
            self._within -= 1
        self._close_up()
        return True

    def oldest(self) -> int | None:
        """Since when the first in the line has waited, or None where nothing waits."""
        for since, _ in self.after():
            return since
        return None

    def waiting_since(self, time: int) -> int:
        """How many have waited since ``time`` or longer. Cheap where ``time`` grows from call to call."""
        if time < self._bound:
            self._bound, self._within = 0, sum(since <= 0 for since in self.since.values())
        start, end = bisect_left(self._order, (self._bound + 1, "")), bisect_left(self._order, (time + 1, ""))
        self._within += sum(self.since.get(key) == since for since, key in self._order[start:end])
        self._bound = time
        return self._within

    def after(self, place: tuple[int, str] | None = None) -> Iterator[tuple[int, str]]:
        """Times and ids behind ``place``, or from the front. The line must not change meanwhile."""
        order, since_of = self._order, self.since
        if place is None:
            while self._first < len(order) and since_of.get(order[self._first][1]) != order[self._first][0]:
                self._first += 1
            start = self._first
        else:
            start = bisect_right(order, place)
        for index in range(start, len(order)):
            since, key = order[index]
            if since_of.get(key) == since:
                yield since, key

    def _close_up(self) -> None:
        if len(self._order) > 2 * len(self.since) + _SLACK:
            self._order = sorted((since, key) for key, since in self.since.items())
            self._first = 0
