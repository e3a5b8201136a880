"""A worker where nothing can be written but its data directory and /tmp, as in its container."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.brokers import borrowed
from tests.support.worker import ROOT, Worker

# A mount namespace of its own: the data directory at /mnt, an empty /tmp, and every other file system read-only.
CONFINE = r"""
set -e
mount --make-rprivate /
mount --bind "$DATA" /mnt
mount -t tmpfs -o size=64m,mode=1777 tmpfs /tmp
for place in / $(awk '$2 != "/" && $2 != "/mnt" && $2 != "/tmp" && $2 !~ "^/(proc|sys|dev)" {print $2}' /proc/mounts)
do mount -o remount,bind,ro "$place" 2>/dev/null || true; done
exec "$@"
"""


class Confined(Worker):
    def launch(self, *options: str) -> None:
        rollcall = Path(sys.executable).parent / "rollcall"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*confined(), str(rollcall), "worker", *options],
                cwd=ROOT,
                env=self.env | {"DATA": str(self.datadir), "ROLLCALL_DATADIR": "/mnt", "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def confined() -> list[str]:
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", CONFINE, "confine"]


def can_confine(data: Path) -> bool:
    """Whether this machine lets a process have such a view, and it then can't write to the checkout."""
    if not shutil.which("unshare"):
        return False
    proof = ["sh", "-c", f"touch /mnt/a /tmp/a && ! touch '{ROOT}/.written' 2>/dev/null"]
    done = subprocess.run([*confined(), *proof], env=os.environ | {"DATA": str(data)}, capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.kafka
def test_a_worker_writes_nowhere_but_to_its_data_directory_and_tmp(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    if ROOT.is_relative_to("/tmp"):  # noqa: S108 - where the worker gets a /tmp of its own
        pytest.skip("the checkout lies in /tmp, which is another one for the confined worker")
    if not can_confine(data):
        pytest.skip("needs `unshare` and the right to mount in a namespace of its own")
    with borrowed() as kafka:
        worker = Confined(kafka.bootstrap, tmp_path)
        try:
            worker.start()
            worker.stop()
        finally:
            if worker.alive:
                worker.kill()
        assert worker.process is not None
        assert worker.process.returncode == 0
    assert "Read-only file system" not in worker.log.read_text()
    assert (data / "rollcall").is_dir()
