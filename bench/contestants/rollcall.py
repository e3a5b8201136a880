"""Rollcall itself: `faust -A app worker`, as anybody starts it."""

import sys
from pathlib import Path

from app import native
from bench.contestants.base import SESSION_SECONDS, Contestant, Site


class Rollcall(Contestant):
    """One worker with the default settings, but for what makes it comparable.

    It does not say `BatchContentProvisioningCompleted`, which the others don't know. ``pure``: with the Python twin
    also where the native part is built.
    """

    def __init__(self, name: str, guarantee: str, *, pure: bool = False) -> None:
        super().__init__(name)
        self._guarantee = guarantee
        self._pure = pure

    def command(self, site: Site) -> list[str]:
        """As the README has it."""
        del site
        return [str(Path(sys.executable).with_name("faust")), "-A", "app", "worker", "--loglevel", "info"]

    def environment(self, site: Site) -> dict[str, str]:
        """Its settings."""
        return {
            "ROLLCALL_BROKER": site.bootstrap,
            "ROLLCALL_APP_ID": site.app_id,
            "ROLLCALL_DATADIR": str(site.home / "state"),
            "ROLLCALL_PROCESSING_GUARANTEE": self._guarantee,
            "ROLLCALL_PARTITIONS": str(site.partitions),
            "ROLLCALL_PROVISIONING_COMPLETED": "false",
            native.PURE: str(self._pure),
            "ROLLCALL_SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS),
            "ROLLCALL_HTTP_PORT": str(site.port),
            "ROLLCALL_LOG_FORMAT": "json",
        }

    def changelog(self, app_id: str) -> str:
        """The changelog of its tables."""
        return f"{app_id}-tables-changelog"

    def log(self, app_id: str) -> str:
        """The internal log, which its hop writes."""
        return f"{app_id}-log"
