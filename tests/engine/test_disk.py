"""A worker whose disk fails says what is wrong with what, ends with status 1, and has lost nothing."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.kafka import free_port
from tests.engine.harness import flat, log_lines, plain_log
from tests.oracle import judge
from tests.support.play import await_outputs
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

#: A worker that can't go on ends itself after 7 s at most; the rest is a loaded machine's.


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("disk")) as made:
        yield made


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    made = subprocess.run(mount, capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def refusal(worker: Worker) -> str:
    """The error of the line that a worker ended with: the only one, and without a traceback."""
    assert worker.exit_code == 1, worker.tail()
    text = plain_log(worker)
    assert "Traceback" not in text
    assert [line for line in log_lines(worker) if "exception" in line] == []
    assert "damaged" not in text
    bad = [line for line in log_lines(worker) if line["level"] in {"error", "critical"}]
    told = [str(line.get("error", line["event"])) for line in bad]
    return next(line for line in told if "ROLLCALL_DATADIR" in line)


def test_a_file_in_the_place_of_the_data_directory_ends_a_worker_before_it_asks_for_a_broker(tmp_path: Path) -> None:
    worker = Worker(f"127.0.0.1:{free_port()}", tmp_path)
    worker.datadir.write_text("")
    worker.launch()
    try:
        worker.wait_end()
        assert f"{worker.datadir} is a file where a directory is needed. Move it away" in refusal(worker)
    finally:
        worker.close()


def test_a_second_worker_with_the_same_data_directory_ends_and_the_first_goes_on(stage: Stage) -> None:
    first = stage.worker(app_id="shared")
    second = stage.worker(app_id="shared", settings={"ROLLCALL_DATADIR": str(first.datadir)})
    first.start()
    second.launch()
    second.wait_end()
    assert first.process is not None
    assert f"another worker (process {first.process.pid}) has it" in refusal(second)
    assert first.alive
    first.stop()


def test_a_disk_that_is_full_while_running_ends_the_worker_and_with_room_again_nothing_is_lost(
    stage: Stage, small: Path
) -> None:
    worker = stage.worker(app_id="full", settings={"ROLLCALL_DATADIR": str(small)})
    worker.start()
    read = stage.reader()
    stage.wait_taken("full")
    before = len(read.records)
    filler = small / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass
    inputs = stage.io.produce(message for number in range(200) for message in flat("R2 C0 C1", f"full-{number}"))
    worker.wait_end()
    told = refusal(worker)
    assert f"ROLLCALL_DATADIR={small}: " in told
    assert "no space left on its file system" in told
    filler.unlink()
    worker.start()
    stage.wait_taken("full")
    assert await_outputs(read, inputs, quiet=1)
    verdict = judge(inputs, read.records[before:])
    assert (verdict.lost, verdict.wrong) == (0, 0), str(verdict)
    worker.stop()
