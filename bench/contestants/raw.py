"""A raw consumer: the floor under everybody who reads by aiokafka."""

import sys

from bench.contestants.base import Contestant, Site
from bench.workload import CONTENT, REGISTERED


class Raw(Contestant):
    """One process that reads by getmany and does nothing. It says nothing either, so it can't be judged."""

    judged = False

    def __init__(self, *topics: str) -> None:
        super().__init__("raw")
        self._topics = topics or (REGISTERED, CONTENT)

    def command(self, site: Site) -> list[str]:
        """Its program."""
        del site
        return [sys.executable, "-m", "bench.programs.raw_app"]

    def environment(self, site: Site) -> dict[str, str]:
        """Its settings, what it reads and how much."""
        counts = ",".join(map(str, site.counts))
        return super().environment(site) | {"BENCH_TOPICS": ",".join(self._topics), "BENCH_COUNTS": counts}
