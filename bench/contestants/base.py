"""What a contestant is."""

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: A contestant is stopped while its next part is loaded, for seconds; nobody is to lose its partitions by that.
SESSION_SECONDS = 120


class Unavailable(RuntimeError):  # noqa: N818 - it names a state, not a fault
    """A contestant can't be had on this machine; the message says why."""


@dataclass(frozen=True)
class Site:
    """Where a contestant runs once.

    Attributes:
        bootstrap: the broker.
        app_id: its group and the prefix of its topics; another one each run.
        home: a directory of its own.
        partitions: of every topic.
        counts: records read in all after each phase (for the one contestant that says nothing of its own).

        port: a free one, for who serves HTTP.

    """

    bootstrap: str
    app_id: str
    home: Path
    partitions: int
    counts: tuple[int, ...] = ()
    port: int = 0


class Contestant(ABC):
    """A way to do the job. It does the whole of it: re-key, join with state on disk and a changelog, outputs."""

    #: Whether it says what the contract asks for, so that it can be checked.
    judged = True

    def __init__(self, name: str) -> None:
        self.name = name

    def prepare(self) -> None:  # noqa: B027 - most need nothing
        """Make ready what it needs, once; raises Unavailable."""

    @abstractmethod
    def command(self, site: Site) -> list[str]:
        """The program to start."""

    def environment(self, site: Site) -> dict[str, str]:
        """Settings by environment."""
        return {
            "BENCH_BOOTSTRAP": site.bootstrap,
            "BENCH_APP": site.app_id,
            "BENCH_STATE": str(site.home / "state"),
            "BENCH_PARTITIONS": str(site.partitions),
            "BENCH_SESSION_MS": str(SESSION_SECONDS * 1000),
        }

    def full_environment(self, site: Site) -> dict[str, str]:
        """The environment that its process gets."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ROLLCALL_", "BENCH_"))}
        return inherited | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)} | self.environment(site)

    def changelog(self, app_id: str) -> str | None:
        """The changelog topic of its state, if it has one."""
        del app_id
        return None
