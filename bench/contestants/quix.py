"""Quix Streams, in a virtual environment of its own: its dependencies are not Rollcall's."""

import hashlib
import subprocess
import sys
from pathlib import Path

from bench.contestants.base import ROOT, Contestant, Site, Unavailable

_LOCK = Path(__file__).with_name("quix.lock")
_ENVIRONMENT = ROOT / ".cache" / "bench" / "quix"
_TAIL = 2000


class Quix(Contestant):
    """One process, at least once, a value a batch."""

    def __init__(self) -> None:
        super().__init__("quix")

    def prepare(self) -> None:
        """Make the environment from the lock file, every package checked against its hash."""
        stamp = _ENVIRONMENT / "bench.stamp"
        wanted = f"{hashlib.sha256(_LOCK.read_bytes()).hexdigest()} {_ENVIRONMENT} {sys.version}"
        if stamp.exists() and stamp.read_text() == wanted:
            return
        sys.stderr.write("bench: installing Quix Streams into .cache/bench/quix, once\n")
        _run([sys.executable, "-m", "venv", "--clear", str(_ENVIRONMENT)])
        pip = [str(_python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--require-hashes", "--no-deps", "-r", str(_LOCK)])
        stamp.write_text(wanted)

    def command(self, site: Site) -> list[str]:
        """Its program, in its environment."""
        del site
        return [str(_python()), str(ROOT / "bench" / "programs" / "quix_app.py")]


def _python() -> Path:
    return _ENVIRONMENT / "bin" / "python"


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)  # noqa: S603 - built above
    if done.returncode != 0:
        message = f"Quix Streams can't be installed: {' '.join(command)}\n{done.stdout[-_TAIL:]}"
        raise Unavailable(message)
