"""`python -m tests`: every check of the project beside the tests; what it is given goes to pytest.

All steps run even if one fails. The exit status is 0 only if all passed. The last line is pytest's own.
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# More than two for each of two cores: the tests of delivery mostly wait, for brokers, sessions and restarts.
PROCESSES = 5
TYPED = ("app", "tables", "agents", "demo", "bench", "ops", "tests", "run.py", "rollcall.py")


@dataclass(frozen=True)
class Result:
    """What came of one step."""

    title: str
    status: int
    seconds: float
    output: str

    def row(self) -> str:
        """The step's line in the closing table."""
        outcome = "ok" if self.status == 0 else f"FAILED ({self.status})"
        return f"{self.title:<22}{outcome:<14}{self.seconds:>7.1f} s"


def python_checks() -> list[tuple[str, list[str]]]:
    """Return the steps beside pytest: title and command."""
    python = [sys.executable, "-m"]
    return [
        ("ruff check", [*python, "ruff", "check", "."]),
        ("ruff format --check", [*python, "ruff", "format", "--check", "."]),
        ("mypy --strict", [*python, "mypy", *TYPED]),
        ("lint-imports", [str(Path(sys.executable).with_name("lint-imports"))]),
        ("docs", [*python, "mkdocs", "build", "--strict", "--quiet"]),
    ]


def native_checks() -> list[tuple[str, list[str]]]:
    """Return the steps for the native part: none without a Rust toolchain, and a line says so."""
    cargo = shutil.which("cargo")
    if cargo is None:
        sys.stdout.write("no Rust toolchain (cargo) here: only the native part's Python twin is tested\n")
        return []
    at = ["--manifest-path", "native/Cargo.toml"]
    built = ["--quiet", "--locked", "--release", "--config", "native/checks.toml", *at]
    return [
        ("cargo fmt --check", [cargo, "fmt", *at, "--check"]),
        # As a library of Rust's own: the worker's file stays what it is.
        ("cargo clippy", [cargo, "rustc", *built, "--lib", "--crate-type=rlib"]),
        ("cargo test", [cargo, "test", *built]),
    ]


def main(pytest_options: Sequence[str]) -> int:
    """Run all steps and print the closing table."""
    os.chdir(ROOT)
    # Several hundred processes import the same modules: where none may keep what it compiled, each compiles them anew,
    # and each process of tests rewrites all assertions, for 6 s of CPU.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")  # an announcement of mkdocs-material's, no warning about ours
    begun, screen = time.monotonic(), Screen()
    with checked(screen) as checks:
        status, closing_line = run_pytest(pytest_options, screen)
        results = [*(check.result() for check in checks), Result("pytest", status, time.monotonic() - begun, "")]
    failed = [result for result in results if result.status != 0]
    for result in failed:
        sys.stdout.write(f"\n--- {result.title}\n{result.output}" if result.output else "")
    verdict = f"failed: {', '.join(result.title for result in failed)}" if failed else "every step is ok"
    sys.stdout.write("\n" + "\n".join([*(result.row() for result in results), verdict, closing_line]) + "\n")
    return 1 if failed else 0


class Screen:
    """Standard output, which the tests and the checks beside them write to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = b"\n"

    def write(self, text: bytes, *, line: bool = False) -> None:
        """Write at once what tests have said, or a line of its own."""
        with self._lock:
            if line:
                text = (b"" if self._last == b"\n" else b"\n") + text + b"\n"
            sys.stdout.buffer.write(text)
            sys.stdout.flush()
            self._last = text[-1:] or self._last


@contextmanager
def checked(screen: Screen) -> Iterator[list[Future[Result]]]:
    """Run the checks meanwhile, those of each language one after the other; leaving this context waits for them.

    The tests mostly wait in the first minutes, for brokers, sessions and restarts. What comes of a check is a line
    among theirs; what one says that fails stands above the closing table.
    """

    def run(title: str, command: list[str]) -> Result:
        begun = time.monotonic()
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        result = Result(title, done.returncode, time.monotonic() - begun, done.stdout)
        screen.write(f"--- {result.row()}".encode(), line=True)
        return result

    with ExitStack() as lanes:
        begun = []
        for steps in (python_checks(), native_checks()):
            lane = lanes.enter_context(ThreadPoolExecutor(1))
            begun += [lane.submit(run, *step) for step in steps]
        yield begun


def run_pytest(options: Sequence[str], screen: Screen) -> tuple[int, str]:
    """Run pytest, its output passed on as it comes; returns its exit status and its closing line.

    Through a pipe and not a terminal, because the closing line is wanted once more below the table.
    """
    columns = str(shutil.get_terminal_size().columns)
    color = ["--color=yes"] if sys.stdout.isatty() else []
    command = [sys.executable, "-m", "pytest", *color, f"--processes={PROCESSES}", *options]
    tail = b""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": columns}
    ) as process:
        assert process.stdout is not None
        while chunk := os.read(process.stdout.fileno(), 65536):
            screen.write(chunk)
            tail = (tail + chunk)[-4096:]
    lines = tail.decode(errors="replace").strip().splitlines()
    return process.returncode, lines[-1] if lines else f"pytest said nothing; exit status {process.returncode}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
