"""The ends of the workers' logs in the report of a test that failed: the files are gone when somebody comes to look."""

from collections.abc import Iterator, Mapping
from pathlib import Path

#: Of each log, from its end.
_LINES = 60

#: Characters of a line: a traceback in JSON is one.
_LINE = 600


def ends_of_logs(fixtures: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """A heading and the end of each worker's log below the directories of a test's fixtures.

    A directory is a fixture itself (``tmp_path``), or its ``home`` (a stage). What can't be read is left out.
    """
    found = (fixture if isinstance(fixture, Path) else getattr(fixture, "home", None) for fixture in fixtures.values())
    homes = [home for home in found if isinstance(home, Path) and home.is_dir()]
    for log in sorted({log for home in homes for log in home.rglob("worker.log")}):
        try:
            lines = log.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        yield f"the end of {log.parent.name}/{log.name}", "\n".join(line[:_LINE] for line in lines[-_LINES:])
