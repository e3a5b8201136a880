"""The images, built and started where an engine can run; the base is made from this machine's own Python.

docker and podman are used where they run. buildah alone is used when ROLLCALL_TEST_BUILDAH=1 says so: it needs no
service and no rights of a container, but copies every file at every step, which takes a minute or more.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.base_image import NotPossibleError, lay
from tests.support.worker import ROOT

BASE = "localhost/rollcall-test-base:latest"


class Engine:
    """Builds images and runs a command in one. With buildah that is a `chroot`, without limits of any kind."""

    def __init__(self, program: str, storage: Path) -> None:
        self.program = program
        self._environment = dict(os.environ)
        if program == "buildah":
            self._environment |= {"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs"}
            self._global = ["--root", str(storage / "root"), "--runroot", str(storage / "run")]
        else:
            self._global = []

    def call(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [self.program, *self._global, *arguments],
            env=self._environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if check and done.returncode:
            pytest.fail(f"{self.program} {' '.join(map(str, arguments))}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def build(self, context: Path, tag: str, *options: str) -> None:
        self.call("build", *options, "--tag", tag, context)

    def run(self, image: str, *command: str) -> subprocess.CompletedProcess[str]:
        if self.program != "buildah":
            locked = ["--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
            return self.call("run", "--rm", "--network", "none", *locked, image, *command, check=False)
        container = self.call("from", "--pull-never", image).stdout.strip()
        try:
            return self.call("run", container, "--", *command, check=False)
        finally:
            self.call("rm", container)


def usable() -> str | None:
    """The first program here that can build."""
    for program in ("docker", "podman"):
        if (
            shutil.which(program)
            and subprocess.run([program, "info"], capture_output=True, check=False).returncode == 0
        ):
            return program
    return "buildah" if os.environ.get("ROLLCALL_TEST_BUILDAH") == "1" and shutil.which("buildah") else None


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that has built both images."""
    program = usable()
    if program is None:
        pytest.skip("neither docker nor podman runs here: no image is built (with buildah: ROLLCALL_TEST_BUILDAH=1)")
    folder = tmp_path_factory.mktemp("images")
    wheels = folder / "wheels"
    where = ["--requirement", str(ROOT / "requirements-worker.lock"), "--dest", str(wheels)]
    # The packages come from pip's cache, or from where it fetches them; what is not there can't be built from.
    fetched = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", *where],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if fetched.returncode:
        pytest.skip(f"the packages of requirements-worker.lock are not to be had: {fetched.stderr.strip()[-300:]}")
    try:
        lay(folder / "base", wheels)
    except NotPossibleError as error:
        pytest.skip(f"no base can be made from this machine: {error}")
    made = Engine(program, folder)
    made.build(folder / "base", BASE)
    for target, tag in (("worker", "rollcall-test"), ("demo", "rollcall-test-demo")):
        made.build(
            ROOT,
            f"localhost/{tag}",
            "--target",
            target,
            "--build-arg",
            f"PYTHON_IMAGE={BASE}",
            "--build-arg",
            f"RUST_IMAGE={BASE}",
        )
    yield made
    for tag in ("rollcall-test", "rollcall-test-demo"):
        made.call("rmi", "--force", f"localhost/{tag}", check=False)
    if program == "buildah":
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("image", ["localhost/rollcall-test", "localhost/rollcall-test-demo"])
def test_an_image_runs_as_its_user_and_starts_a_worker(engine: Engine, image: str) -> None:
    assert engine.run(image, "id", "-u").stdout.strip() == "999"
    done = engine.run(image, "rollcall", "worker", "--help")
    assert "worker" in done.stdout, done.stderr
    refused = engine.run(image, "env", "ROLLCALL_HTTP_HOST=0.0.0.0", "rollcall", "worker")
    assert refused.returncode == 1
    assert "Set ROLLCALL_HTTP_TOKEN" in refused.stderr


def test_the_folders_where_volumes_are_mounted_belong_to_the_user_and_nothing_else_does(engine: Engine) -> None:
    """A new volume takes its owner over."""
    for image, folder in (("rollcall-test", "/var/lib/rollcall"), ("rollcall-test-demo", "/var/lib/rollcall-demo")):
        code = f"import os; print(os.stat({folder!r}).st_uid, os.stat('/opt/rollcall').st_uid, os.stat('.').st_uid)"
        assert engine.run(f"localhost/{image}", "python", "-c", code).stdout.split() == ["999", "0", "0"]


def test_what_is_imported_has_been_compiled(engine: Engine) -> None:
    """A read-only container can't keep what Python compiles, and would compile it at every start."""
    code = (
        "from pathlib import Path\n"
        "sources = [path for top in ('app', 'tables', 'agents') for path in Path(top).rglob('*.py')]\n"
        "print(len(sources), *(p for p in sources if not [*(p.parent / '__pycache__').glob(p.stem + '.*.pyc')]))"
    )
    count, *missing = engine.run("localhost/rollcall-test", "python", "-c", code).stdout.split()
    assert int(count) > 100
    assert not missing


def test_the_demo_starts_and_its_check_is_its_own(engine: Engine) -> None:
    assert engine.run("localhost/rollcall-test-demo", "python", "-m", "demo.alive", "orchestrator").returncode == 1
    help_ = engine.run("localhost/rollcall-test-demo", "python", "-m", "demo.serve", "--help")
    assert "One of the demo's services" in help_.stdout, help_.stderr
