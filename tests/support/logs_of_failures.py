"""The ends of the workers' and brokers' logs in the report of a test that failed: later the files are gone."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from demo.kafka import EmbeddedKafka
from tests.support.shared_jvm import log_of_shared_jvm

#: Below a directory of a test: what a worker says, and what a browser does.
_LOGS = ("worker.log", "browser.log")

#: Of each log, from its end.
_LINES = 60

#: Characters of a line: a traceback in JSON is one.
_LINE = 600


def ends_of_logs(fixtures: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """A heading and the end of each worker's and browser's log below the directories of a test's fixtures, and of each
    broker's.

    A directory is a fixture itself (``tmp_path``), or its ``home`` (a stage); a broker likewise, or its ``kafka``. What
    the JVM of the brokers says that is no broker's stands there too. What is empty or can't be read is left out.
    """
    found = (fixture if isinstance(fixture, Path) else getattr(fixture, "home", None) for fixture in fixtures.values())
    homes = [home for home in found if isinstance(home, Path) and home.is_dir()]
    brokers = (getattr(fixture, "kafka", fixture) for fixture in fixtures.values())
    directories = {broker.data_dir for broker in brokers if isinstance(broker, EmbeddedKafka)}
    logs = {log for home in homes for name in _LOGS for log in home.rglob(name)} | {log_of_shared_jvm()}
    logs |= {directory / "broker.log" if directory is not None else None for directory in directories}
    for log in sorted(log for log in logs if log is not None):
        try:
            lines = log.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        if not lines:
            continue
        yield f"the end of {log.parent.name}/{log.name}", "\n".join(line[:_LINE] for line in lines[-_LINES:])
