"""One Kafka broker as a child process, with the life of a Python object."""

import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from demo.kafka.ahead import cached
from demo.kafka.errors import KafkaStartError
from demo.kafka.jars import class_path
from demo.kafka.java import LOGGING, QUICK, find_java
from demo.kafka.node import format_node, is_formatted, new_cluster_id, start_error
from demo.kafka.ports import LOOPBACK, free_port, is_free
from demo.kafka.probe import answers
from demo.kafka.process import Running, WatchedProcess
from demo.kafka.properties import render, server_properties

START_TIMEOUT_SECONDS = 120.0  # some 4 s on a quiet machine; a loaded one gets thirty times that
STOP_TIMEOUT_SECONDS = 30.0  # 0.3 s as a rule
_POLL_SECONDS = 0.05


class EmbeddedKafka:
    """A single-node Apache Kafka on loopback. As a context manager it is started on entry and closed on exit.

    It does not outlive the Python process that made it, not even one that gets SIGKILL; see `watcher.py`. One thread
    at a time may call it.

    Args:
        data_dir: where the broker keeps its data, settings and log (`broker.log`); made if absent, never removed. By
            default a temporary directory, removed by `close()`.
        port: the port to listen on; 0 takes a free one.
        config: broker settings that are added or that replace the default; see `properties.server_properties`.
        heap: the largest Java heap, in Java's notation.
        quick_start: tune Java for a quick start and little memory; switch it off for benchmarks.
        cluster_id: of the cluster that it is a node of; its own by default, see `new_cluster_id`.

    """

    def __init__(
        self,
        *,
        data_dir: Path | None = None,
        port: int = 0,
        config: Mapping[str, str] | None = None,
        heap: str = "512m",
        quick_start: bool = True,
        cluster_id: str = "",
    ) -> None:
        self._port = port or free_port()
        self.controller_port = free_port()
        self._keeps_data = data_dir is not None
        self._data_dir = data_dir.resolve() if data_dir is not None else None
        self._config = dict(config or {})
        self._heap = heap
        self._quick_start = quick_start
        self._cluster_id = cluster_id or new_cluster_id()
        self._running: Running | None = None

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:<port>`, the same over all restarts of this object."""
        return f"{LOOPBACK}:{self._port}"

    @property
    def pid(self) -> int | None:
        """The broker's process id; None when it does not run."""
        return self._running.pid if self._running is not None else None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._running is not None and self._running.alive

    @property
    def data_dir(self) -> Path | None:
        """Where the data is; None for a temporary directory that does not exist yet or any more."""
        return self._data_dir

    def __enter__(self) -> Self:
        """Start it."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def configure(self, config: Mapping[str, str]) -> None:
        """Replace the settings that were given, from the next start on."""
        self._config = dict(config)

    def start(self) -> None:
        """Start the broker and return when it answers requests as a usable broker. Does nothing if it runs.

        The first start on a machine fetches the jars; progress is told on standard error. Data of an earlier start of
        this object, or in `data_dir`, is served again, also after a `kill()`.

        Raises:
            KafkaStartError: the port is taken, or the broker stopped or did not answer within 120 s.
            KafkaError: no Java, or the jars can't be had; JarMismatchError if one is not the pinned one.

        """
        self.launch()
        self.wait_until_up()

    def launch(self) -> None:
        """Start the broker as `start` does, and return at once: a node of a cluster is up only when others are.

        Raises KafkaStartError where its port is taken.
        """
        if self.alive:
            return
        java, jars = find_java(), class_path()
        if not is_free(self._port):
            msg = f"port {self._port} of {LOOPBACK} is taken: end the program that listens there, or pick another port"
            raise KafkaStartError(msg)
        data_dir = self._prepare()
        command = [str(java), "-cp", os.pathsep.join(map(str, jars)), *self._java_options(data_dir)]
        if not is_formatted(data_dir):
            with (data_dir / "broker.log").open("ab") as log:
                format_node(command, data_dir, log, self._cluster_id, self._config.get("node.id", "1"))
        self._running = self._run([*command, *self._broker_options(java)], data_dir)

    def stop(self, within: float = STOP_TIMEOUT_SECONDS) -> None:
        """Ask the broker to shut down in good order (SIGTERM) and wait for its end; SIGKILL after `within` seconds.

        Data is kept. Does nothing if it does not run; a paused broker is resumed first.
        """
        if self._running is not None and self.alive:
            self._running.stop(within)

    def kill(self) -> None:
        """End the broker as a crash would (SIGKILL), paused or not, and wait for its end. Data is kept."""
        if self._running is not None and self.alive:
            self._running.kill()

    def wait(self) -> int | None:
        """Wait until the broker ends by itself; its exit status (negative: the signal), None if it does not run."""
        return self._running.wait() if self._running is not None and self.alive else None

    def pause(self) -> None:
        """Freeze the broker (SIGSTOP): connections stay open, nothing is answered once this has returned."""
        if self._running is not None and self.alive:
            self._running.pause()

    def resume(self) -> None:
        """Let a paused broker go on (SIGCONT)."""
        if self._running is not None and self.alive:
            self._running.resume()

    def close(self) -> None:
        """Stop the broker, and remove its data unless `data_dir` was given. May be called more than once."""
        self.stop()
        if self._data_dir is not None and not self._keeps_data:
            shutil.rmtree(self._data_dir, ignore_errors=True)
            self._data_dir = None

    def _prepare(self) -> Path:
        if self._data_dir is None:
            self._data_dir = Path(tempfile.mkdtemp(prefix="rollcall-kafka-"))
        # Java's own temporary files (the codecs' native libraries) go with the data: nothing is left after a SIGKILL.
        (self._data_dir / "tmp").mkdir(parents=True, exist_ok=True)
        settings = server_properties(
            port=self._port,
            controller_port=self.controller_port,
            log_dir=self._data_dir / "log",
            config=self._config,
        )
        properties = self._data_dir / "server.properties"
        properties.touch(mode=0o600)  # it may hold passwords of listeners
        properties.write_text(render(settings), encoding="utf-8")
        return self._data_dir

    def _java_options(self, data_dir: Path) -> list[str]:
        return [
            f"-Xmx{self._heap}",
            *(QUICK if self._quick_start else ()),
            "-XX:-UsePerfData",
            f"-Djava.io.tmpdir={data_dir / 'tmp'}",
            *LOGGING,
        ]

    def _broker_options(self, java: Path) -> list[str]:
        return cached(java) if self._quick_start else []

    def _run(self, command: Sequence[str], data_dir: Path) -> Running:
        """Have it run, from its directory. ``command`` is Java with its options, without what is to be run."""
        with (data_dir / "broker.log").open("ab") as log:
            return WatchedProcess(
                [*command, "kafka.Kafka", "server.properties"],
                directory=data_dir,
                log=log,
                temporary=[] if self._keeps_data else [data_dir],
            )

    def wait_until_up(self) -> None:
        """Return when it answers requests as a usable broker. Raises KafkaStartError, as `start` does."""
        data_dir = self._data_dir
        if data_dir is None:
            msg = "it was not launched"
            raise KafkaStartError(msg)
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not answers(LOOPBACK, self._port):
            if not self.alive:
                raise start_error(data_dir, "it stopped at start")
            if time.monotonic() > deadline:
                self.stop()
                raise start_error(data_dir, f"it did not answer within {START_TIMEOUT_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)
