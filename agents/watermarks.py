"""Up to where the inputs were read into a partition of the log: how a repeat of the repartitioner is recognised.

Each generation of an input topic (:mod:`tables.generations`) has a watermark of its own, since the offsets of a topic
that was made again say nothing of the old one; a worker that is late may still re-key records of the old one among
those of the new one. A record without a generation is of an older release, or of a broker that has no topic ids: it is
taken for one of the newest generation. Where none was ever named, the first name is that of the topic so far.
"""

from collections.abc import Mapping

from app.core.events import Source
from tables import generations, input_watermarks

#: Input topic (code), partition, generation.
Place = tuple[int, int, bytes]

#: The generation of records that name none.
UNNAMED = b""


class Watermarks:
    """The watermarks of one partition of the log: of ``highest`` (table ``sources``) and ``named`` (``generations``).

    ``offsets`` has the highest offset of each place that was seen.
    """

    def __init__(
        self, highest: Mapping[tuple[int, int], int], named: Mapping[tuple[int, int], dict[bytes, int]]
    ) -> None:
        self._highest = dict(highest)
        # The newest generation first.
        self._names: dict[tuple[int, int], list[bytes]] = {}
        self.offsets: dict[Place, int] = {}
        for (topic, partition), offset in highest.items():
            of_names = dict(named.get((topic, partition), {UNNAMED: offset}))
            names = self._names[topic, partition] = list(of_names)
            if max(of_names.values()) < offset:
                # An older release has gone on since, which raises the row of ``sources`` alone.
                of_names[names[0]] = offset
            self.offsets.update({(topic, partition, name): seen for name, seen in of_names.items()})
        self._written = self.offsets.copy()

    def place(self, source: Source, generation: bytes) -> Place:
        """Which of ``offsets`` an input is held against."""
        place = (source.topic, source.partition, generation)
        return place if place in self.offsets else self._other_place(*place)

    def _other_place(self, topic: int, partition: int, name: bytes) -> Place:
        """The place of an input that names no generation, or one that was not seen before."""
        names = self._names.setdefault((topic, partition), [])
        if names and not name:
            return topic, partition, names[0]
        if name in names:
            return topic, partition, name
        if names == [UNNAMED]:
            self.offsets[topic, partition, name] = self.offsets.pop((topic, partition, UNNAMED))
            names[0] = name
            return topic, partition, name
        names.insert(0, name)
        if len(names) > generations.MOST:
            # What it was seen up to goes to the one that is the oldest now: the highest of all stays the same.
            gone, oldest = (topic, partition, names.pop()), (topic, partition, names[-1])
            self.offsets[oldest] = max(self.offsets.pop(oldest, -1), self.offsets.pop(gone, -1))
        return topic, partition, name

    def changed(self) -> dict[bytes, bytes]:
        """The rows of what has changed since this was last asked."""
        places = [place for place, offset in self.offsets.items() if offset != self._written.get(place)]
        rows: dict[bytes, bytes] = {}
        for topic, partition, name in places:
            offset = self._written[topic, partition, name] = self.offsets[topic, partition, name]
            highest = self._highest[topic, partition] = max(offset, self._highest.get((topic, partition), -1))
            rows[input_watermarks.key(topic, partition)] = input_watermarks.value(highest)
            if name:
                names = self._names[topic, partition]
                rows[generations.key(topic, partition)] = generations.value(
                    {
                        generation: self.offsets[topic, partition, generation]
                        for generation in names
                        if (topic, partition, generation) in self.offsets
                    }
                )
        return rows
