"""Kafka Streams in Java: compiled from `bench/streams/src` and run with the Java of the embedded Kafka."""

import os
from pathlib import Path

from bench.contestants.base import ROOT, SESSION_SECONDS, Contestant, Site, Unavailable
from demo.kafka.compiler import compiled
from demo.kafka.errors import KafkaError
from demo.kafka.jars import class_path
from demo.kafka.java import find_java

_SOURCES = ROOT / "bench" / "streams" / "src"
_LOCK = ROOT / "bench" / "streams" / "jars.lock"
#: At least once: at most a second's work is put off, and repeated after a crash; Kafka's default is 30 s. Exactly once:
#: Kafka's default.
_COMMIT_MS = {"at_least_once": 1000, "exactly_once_v2": 100}


class Streams(Contestant):
    """One process with one stream thread.

    ``layout``: a value a batch, or a row a content. ``hop``: what is re-keyed, the envelope or what is needed of it.
    """

    def __init__(
        self, name: str, *, layout: str, guarantee: str = "at_least_once", hop: str = "projection", heap: str = "2g"
    ) -> None:
        super().__init__(name)
        self._settings = {"layout": layout, "guarantee": guarantee, "hop": hop, "commit": str(_COMMIT_MS[guarantee])}
        self._heap = heap
        self._classes = Path()

    def prepare(self) -> None:
        """Fetch the jars and compile. Raises Unavailable where that is not possible."""
        try:
            self._classes = compiled(sorted(_SOURCES.rglob("*.java")), _jars())
        except KafkaError as error:
            raise Unavailable(str(error)) from error

    def command(self, site: Site) -> list[str]:
        """The JVM with its defaults, but for the heap."""
        settings = self._settings | {
            "bootstrap": site.bootstrap,
            "app": site.app_id,
            "statedir": str(site.home / "state"),
            "partitions": str(site.partitions),
            "session": str(SESSION_SECONDS * 1000),
            "java.io.tmpdir": str(site.home),
            "org.slf4j.simpleLogger.defaultLogLevel": "warn",
        }
        jars = os.pathsep.join(map(str, [self._classes, *_jars()]))
        options = [f"-D{name}={value}" for name, value in settings.items()]
        return [str(find_java()), f"-Xmx{self._heap}", *options, "-cp", jars, "rollcall.bench.Main"]

    def changelog(self, app_id: str) -> str:
        """The store's changelog, as Kafka Streams names it."""
        return f"{app_id}-batches-changelog"


def _jars() -> list[Path]:
    return class_path(lock=_LOCK)
