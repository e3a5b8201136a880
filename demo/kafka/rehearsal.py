"""Makes Java's ahead-of-time cache of the broker: `python -m demo.kafka.rehearsal`.

It takes some 6 s of CPU and 65 MB, so it is made where many brokers are started: by the tests, once a machine.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from demo.kafka.ahead import cache_file
from demo.kafka.broker import EmbeddedKafka
from demo.kafka.errors import KafkaError
from demo.kafka.jars import class_path
from demo.kafka.java import find_java

MAKE_SECONDS = 300.0  # some 5 s on a quiet machine


class _Rehearsal(EmbeddedKafka):
    """A broker that writes the cache when it ends in order."""

    def __init__(self, output: Path) -> None:
        super().__init__()
        self._output = output

    def _broker_options(self, _java: Path) -> list[str]:
        return ["-XX:+IgnoreUnrecognizedVMOptions", f"-XX:AOTCacheOutput={self._output}"]


def make() -> Path | None:
    """Make the cache unless it is there; return where it is, or None where this Java makes none.

    Raises:
        KafkaError: no Java, no jars, or the broker doesn't start.

    """
    place = cache_file(find_java())
    if place.exists():
        return place
    class_path()  # fetches the jars, and with them makes the directory
    with TemporaryDirectory(prefix=".rehearsal-", dir=place.parent) as directory:
        output = Path(directory) / place.name
        with _Rehearsal(output) as kafka:
            kafka.stop(MAKE_SECONDS)
        if not output.exists():
            return None
        for older in place.parent.glob(f"*{place.suffix}"):
            older.unlink(missing_ok=True)
        output.rename(place)  # at once: no other process finds half of it
    return place


def main() -> None:
    """Make it, and say where it is."""
    try:
        place = make()
    except KafkaError as error:
        sys.exit(f"kafka: {error}")
    sys.stderr.write(f"kafka: {place or 'this Java has no ahead-of-time cache'}\n")


if __name__ == "__main__":
    main()
