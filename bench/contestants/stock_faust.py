"""Faust as it comes, in Rollcall's own environment."""

import sys
from pathlib import Path

from bench.contestants.base import Contestant, Site


class StockFaust(Contestant):
    """One worker, at least once, a RocksDB table with a value a batch."""

    def __init__(self) -> None:
        super().__init__("faust")

    def command(self, site: Site) -> list[str]:
        """A worker without a web server."""
        del site
        faust = str(Path(sys.executable).with_name("faust"))
        return [faust, "-A", "bench.programs.stock_faust_app", "worker", "--without-web", "--loglevel", "warn"]

    def changelog(self, app_id: str) -> str:
        """The table's changelog, as Faust names it."""
        return f"{app_id}-batches-changelog"
