"""The logger of every module: it is structlog's, from the first line on."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from app import lazy_log
from app.lazy_log import Logger, before_first_line

ROOT = Path(__file__).parents[2]

#: What configures structlog, and what makes the loggers.
ITS_OWN = {"app/logs.py", "app/lazy_log.py", "app/asyncapi/__main__.py"}


def test_a_line_is_logged_as_by_the_logger_that_it_stands_for() -> None:
    with capture_logs() as lines:
        Logger("app.here").warning("it happened", partition=3)
    assert lines == [{"event": "it happened", "partition": 3, "log_level": "warning"}]


def test_what_is_to_be_configured_is_configured_once_before_the_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lazy_log, "_before_first_line", [])
    order: list[str] = []
    before_first_line(lambda: order.append("configured"))
    first, second = Logger("app.first"), Logger("app.second")
    assert order == []
    with capture_logs() as lines:
        for logger in (first, first, second):
            logger.info("a line")
            order.append("logged")
    assert order == ["configured", "logged", "logged", "logged"]
    assert len(lines) == 3


def test_a_module_that_may_log_does_not_import_structlog_until_it_does() -> None:
    program = "import sys, app.engine.kafka.clients as module; print('structlog' in sys.modules)"
    program += "; module.log.debug('a line'); print('structlog' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "False"
    assert done.stdout.split()[-1] == "True"


def test_no_other_module_imports_structlog() -> None:
    found = set()
    for path in (path for part in ("app", "agents", "tables") for path in (ROOT / part).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.partition(".")[0] == structlog.__name__ for name in names):
                found.add(str(path.relative_to(ROOT)))
    assert found <= ITS_OWN
