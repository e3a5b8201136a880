"""An environment that has Rollcall as a wheel and not as a checkout; its dependencies are this environment's own."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from tests.support.patience import PATIENCE


class Installed:
    """A fresh environment in ``home`` with the wheel; ``bin`` has its programs, ``packages`` what it imports first."""

    def __init__(self, home: Path, wheel: Path) -> None:
        venv.EnvBuilder(symlinks=True).create(home)
        self.bin, self.share = home / "bin", home / "share" / "rollcall"
        self.python = str(self.bin / "python")
        names = {"base": str(home), "platbase": str(home)}
        self.packages = Path(sysconfig.get_path("purelib", vars=names))
        # A line of a .pth file is a folder more; the .pth files in that folder, ours to the checkout, are not read.
        (self.packages / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
        pip = [sys.executable, "-m", "pip", "--python", self.python, "--disable-pip-version-check", "install", "-q"]
        subprocess.run([*pip, "--no-index", "--no-deps", "--no-compile", str(wheel)], check=True)
        faust = Path(sys.executable).with_name("faust").read_text().partition("\n")[2]
        (self.bin / "faust").write_text(f"#!{self.python}\n{faust}")
        (self.bin / "faust").chmod(0o755)

    @staticmethod
    def environment(**more: str) -> dict[str, str]:
        """What its programs are given: nothing that leads to the checkout, and no settings but ``more``."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROLLCALL_", "PYTHON"))}
        return kept | {"COLUMNS": "120"} | more

    def run(self, *command: str, directory: Path, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs in a directory, until it ends. Raises subprocess.TimeoutExpired."""
        return subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            cwd=directory,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            check=False,
            timeout=3 * PATIENCE,
        )
