"""Server-sent events on real workers: a listener of any worker sees batches of all of them fill and complete."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from typing import Any

import pytest

from app.engine.kafka.partitioner import partition_for
from tests.api.conftest import READ_TOKEN, TOKEN, ask, wait
from tests.support.events import content, essay_ids, message, registration
from tests.support.patience import PATIENCE, slowness
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka


class Stream:
    """The events of a worker, as they come, with when they came."""

    def __init__(self, worker: Worker) -> None:
        self.events: list[tuple[float, str, Any]] = []
        self.ended = threading.Event()
        self._connection = HTTPConnection("127.0.0.1", worker.port, timeout=PATIENCE)
        self._connection.request("GET", "/api/events", headers={"Authorization": f"Bearer {READ_TOKEN}"})
        self._socket = self._connection.sock
        self.answer = self._connection.getresponse()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        name = ""
        try:
            for raw in self.answer:
                line = raw.decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    self.events.append((time.monotonic(), name, json.loads(line[6:])))
        except (OSError, ValueError):
            pass
        finally:
            self.ended.set()

    def close(self) -> None:
        # Wakes the reader, which a close would wait for.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._connection.close()

    def of(self, name: str) -> list[Any]:
        return [data for _, kind, data in self.events if kind == name]

    def seen(self, batch: str) -> list[dict[str, Any]]:
        """What was said of a batch, in order."""
        return [kind for data in self.of("batches") for kind in data["changed"] if kind["batch_id"] == batch]


@contextmanager
def streaming(worker: Worker) -> Iterator[Stream]:
    stream = Stream(worker)
    try:
        wait(lambda: stream.of("overview"), what="the overview at connect")
        yield stream
    finally:
        stream.close()


def asked_once() -> None:
    """Wait until the workers have been asked once, as they are every second: what changes from here on is told."""
    time.sleep(1.5 * slowness())


def on_each_partition(begin: str) -> list[str]:
    """A batch id for each partition."""
    names = (f"{begin}-{number}" for number in range(1000))
    found: dict[int, str] = {}
    for name in names:
        found.setdefault(partition_for(name.encode(), 3), name)
        if len(found) == 3:
            return list(found.values())
    raise AssertionError


def test_a_listener_sees_batches_of_every_worker_fill_and_complete(workers: list[Worker], stage: Stage) -> None:
    batches = on_each_partition("streamed")
    with streaming(workers[0]) as stream:
        assert stream.answer.getheader("Content-Type") == "text/event-stream; charset=utf-8"
        assert stream.answer.getheader("Rollcall-Access") == "read"
        asked_once()
        before = stream.of("overview")[-1]["counts"]["complete"]

        def told(name: str, until: Callable[[dict[str, Any]], bool]) -> bool:
            return any(until(kind) for kind in stream.seen(name))

        def step(events: list[Any], until: Callable[[dict[str, Any]], bool]) -> None:
            stage.io.produce([message(event) for event in events])
            for name in batches:
                wait(partial(told, name, until), what=f"news of {name}")

        step([registration(name, essay_ids(name, 2)) for name in batches], lambda batch: batch["state"] == "open")
        step([content(name, f"{name}-u0", f"{name}-t0") for name in batches], lambda batch: batch["filled"] == 1)
        step(
            [content(name, f"{name}-u1", f"{name}-t1") for name in batches], lambda batch: batch["state"] == "complete"
        )
        wait(lambda: stream.of("overview")[-1]["counts"]["complete"] == before + 3, what="the count of complete ones")
        for name in batches:
            fills = [batch["filled"] for batch in stream.seen(name)]
            assert fills == sorted(fills)
            assert stream.seen(name)[-1]["state"] == "complete"
        for kind in ("overview", "batches"):
            times = [at for at, name, _ in stream.events if name == kind]
            # At most once a second; of two seconds the half is left to a machine that is busy with other things.
            assert all(later - earlier > 1 for earlier, later in zip(times[1:], times[3:], strict=False))


def test_an_overview_is_not_told_again_when_nothing_changed(workers: list[Worker]) -> None:
    with streaming(workers[1]) as stream:
        asked_once()
        told = len(stream.of("overview"))
        time.sleep(3)
        assert len(stream.of("overview")) == told
        assert stream.of("batches") == []


def test_a_batch_whose_uploads_are_given_up_is_removed(workers: list[Worker], stage: Stage) -> None:
    batch = on_each_partition("given-up")[0]
    stage.io.produce([message(content(batch, "u", "t"))])
    wait(lambda: ask(workers[0], f"/api/batches/{batch}").status == 200)
    with streaming(workers[2]) as stream:
        asked_once()
        done = ask(
            workers[0], f"/api/batches/{batch}/acts", token=TOKEN, body={"act": "discard", "who": "Åsa", "why": "x"}
        )
        assert done.body["applied"] is True
        wait(lambda: any(batch in data["removed"] for data in stream.of("batches")), what="its removal")


def test_under_load_changes_are_bounded_and_say_that_there_are_more(workers: list[Worker], stage: Stage) -> None:
    names = [f"many-{number}" for number in range(900)]
    with streaming(workers[0]) as stream:
        asked_once()
        stage.io.produce([message(registration(name, [f"{name}-1"])) for name in names])
        wait(lambda: any(data["more"] for data in stream.of("batches")), what="the word that there are more")
        assert max(len(data["changed"]) for data in stream.of("batches")) <= 3 * 100
    stage.io.produce([message(content(name, f"{name}-u", f"{name}-t")) for name in names])
    wait(lambda: ask(workers[0], "/api/batches?search=many&state=open").body["items"] == [])


def test_a_worker_with_listeners_stops_in_time_and_ends_their_streams(workers: list[Worker]) -> None:
    with streaming(workers[2]) as stream:
        workers[2].stop()
        assert workers[2].exit_code == 0
        assert stream.ended.wait(PATIENCE)
    workers[2].start()


def test_no_log_has_a_token(workers: list[Worker]) -> None:
    for worker in workers:
        ask(worker, "/api/overview", token="wrong-" + TOKEN)
        text = worker.log.read_text("utf-8", "replace")
        assert TOKEN not in text
        assert READ_TOKEN not in text
