"""What is run is what the lock file pins."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from demo.kafka import EmbeddedKafka, JarMismatchError, KafkaError
from demo.kafka.jars import LOCK_FILE, class_path, read_lock

pytestmark = pytest.mark.kafka  # the first run fetches the jars

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fill a cache of this test's own by links to the user's jars."""
    jars = class_path()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    directory = tmp_path / "rollcall" / "kafka"
    directory.mkdir(parents=True)
    for jar in jars:
        (directory / jar.name).symlink_to(jar)
    return directory


def test_a_tampered_jar_is_refused_before_anything_runs(cache: Path) -> None:
    jar = cache / "kafka-server-4.2.2.jar"
    content = jar.read_bytes() + b"\n"
    jar.unlink()
    jar.write_bytes(content)
    pinned = next(pinned.sha256 for pinned in read_lock() if pinned.file_name == jar.name)
    kafka = EmbeddedKafka()
    with pytest.raises(JarMismatchError) as refused:
        kafka.start()
    assert (kafka.pid, kafka.data_dir) == (None, None)
    assert refused.value.jar == jar.name
    for part in (jar.name, pinned, hashlib.sha256(content).hexdigest(), f"Delete {jar} and run again"):
        assert part in str(refused.value)


def test_a_jar_that_is_served_with_other_content_is_not_kept(tmp_path: Path) -> None:
    lock = tmp_path / "other.lock"
    lock.write_text(f"{'0' * 64}  jspecify-1.0.0.jar  org.jspecify:jspecify:1.0.0\n")
    with pytest.raises(JarMismatchError, match="thrown away"):
        class_path(cache=tmp_path / "cache", lock=lock)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_a_jar_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "absent.lock"
    lock.write_text(f"{'0' * 64}  jspecify-0.0.0.jar  org.jspecify:jspecify:0.0.0\n")
    with pytest.raises(KafkaError, match=r"jspecify-0\.0\.0\.jar could not be fetched"):
        class_path(cache=tmp_path / "cache", lock=lock)


def test_two_processes_that_fetch_at_once_both_get_the_jars(tmp_path: Path) -> None:
    lock = tmp_path / "two.lock"
    lock.write_text("".join(line for line in LOCK_FILE.read_text().splitlines(keepends=True) if "slf4j" in line))
    program = (
        "import sys\nfrom pathlib import Path\nfrom demo.kafka.jars import class_path\n"
        "print(len(class_path(cache=Path(sys.argv[1]), lock=Path(sys.argv[2]))))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "cache"), str(lock)]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [stdout.strip() for stdout, _ in outputs] == [b"2", b"2"]
    assert sum(b"fetching 2 jars" in stderr for _, stderr in outputs) == 1


def test_a_line_that_is_not_a_pinned_jar_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "bad.lock"
    lock.write_text("abc  other-name.jar  org.slf4j:slf4j-api:1.7.36\n")
    with pytest.raises(KafkaError, match="not a line of a jar lock file"):
        read_lock(lock)


def test_who_has_the_jars_imports_nothing_that_fetches() -> None:
    """It would take more CPU than launching a broker, at each start."""
    program = "import sys, demo.kafka.rehearsal\nprint({'jgo', 'requests', 'urllib3'} & set(sys.modules))\n"
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout == "set()\n"
