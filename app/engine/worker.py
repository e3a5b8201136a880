"""A worker of an application: Faust, the engine and a topology, put together.

``faust -A MODULE worker`` runs the attribute ``app`` of a module. For an application of one's own that is all there is
to write beside its :class:`~app.engine.ports.Topology`::

    settings = startup.settings()
    app = create_worker_app(settings, topology(settings))
"""

import asyncio
import contextlib
import socket
import time
from typing import Any, cast

import uvloop

from app import logs
from app.engine.faust import App, PartitionAssignor, TableManager, Worker, command
from app.engine.http import exposition, health
from app.engine.kafka import broker_diagnosis
from app.engine.kafka.client_watch import ClientWatch
from app.engine.kafka.predecessor import Predecessor
from app.engine.lag import lags
from app.engine.ports import Topology
from app.engine.state import datadir, disk_errors
from app.engine.task_manager import TaskManager
from app.engine.topics import ensure, watch
from app.errors import OperatorError
from app.settings import Settings

#: Seconds between two questions where the log begins: of days, hours are enough, and a minute shows what was changed.
_LOG_BEGINS_EVERY = 60.0


class WorkerApp(App):
    """A worker: topics are made before anything is read or written."""

    logger = App.logger

    async def on_first_start(self) -> None:
        """Take the data directory and the port, wait for the broker, create and check the topics.

        Raises an OperatorError, which stops the worker, where they or a setting can't be used.
        """
        datadir.raise_file_limit(self.settings.datadir, self.settings.partitions)
        self._claimed = datadir.claim(self.settings.datadir, self.settings.app_id)
        self._claim_port()
        with disk_errors.told(self.conf.datadir, self.settings.datadir):
            self.conf.datadir.mkdir(parents=True, exist_ok=True)
            await super().on_first_start()
        await ensure.ensure_with_retries(self.settings, self.engine.topology, self._stopped)
        # From the first moment: what a client is refused at its start it does not report.
        self.add_future(self.clients.watch(asyncio.sleep))
        # As the last thing before the join, so that the group comes to one new assignment for both.
        await self.predecessor.leave()

    async def on_started(self) -> None:
        """Watch the topics, and whether brokers that ask for a login still let this worker in; it stops when not."""
        await super().on_started()
        self.add_future(self._watch_topics())
        self.add_future(self._watch_log_begins())
        if self.settings.security_protocol != "PLAINTEXT":
            self.add_future(self._watch())

    async def _watch_topics(self) -> None:
        try:
            await watch.watch(self.settings, self.engine.topology.topics, self)
        except OperatorError as error:
            if not self.should_stop:
                self.fail(error)

    async def _watch_log_begins(self) -> None:
        """The log's retention deletes what is old, while a worker may run for years."""
        asked, known = float("-inf"), frozenset[int]()
        while not self.should_stop:
            held = frozenset(self.engine.tasks)
            if self.engine.ready and (held != known or time.monotonic() > asked + _LOG_BEGINS_EVERY):
                # Whatever it is (a broker that is away, a rebalance): it is asked again, and nothing depends on it.
                with contextlib.suppress(Exception):
                    await self.note_log_begins()
                    asked, known = time.monotonic(), held
            await self.sleep(1.0)

    async def _watch(self) -> None:
        try:
            await broker_diagnosis.watch(self.settings, self.sleep)
        except broker_diagnosis.RefusedError as refusal:
            if not self.should_stop:
                self.fail(refusal)

    def _claim_port(self) -> None:
        """Find out now whether the HTTP port can be had. Raises OperatorError, which names the setting."""
        host, port = self.settings.http_host, self.settings.http_port
        if not port:
            return
        try:
            with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
                return
        except OSError as error:
            message = (
                f"ROLLCALL_HTTP_PORT={port}: {host}:{port} can't be listened on: {error.strerror or error}. "
                "Every worker on a host needs a port of its own; 0 turns HTTP off"
            )
            raise OperatorError(message) from error


def create_worker_app(settings: Settings, topology: Topology[Any]) -> App:
    """A worker with these settings. Its HTTP, if it has a port, answers ``/health/*`` and ``/metrics``; the
    caller adds what else.

    Nothing is connected, read or written before the worker starts.
    """
    logs.configure()
    # Before Faust makes its loops, the worker's own and the consumer thread's.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    app = WorkerApp(
        settings.app_id,
        broker=[f"kafka://{server}" for server in settings.broker.split(",")],
        datadir=str(settings.datadir / settings.app_id / "faust"),
        store="memory://",
        TableManager=TableManager,
        PartitionAssignor=PartitionAssignor,
        Worker=Worker,
        autodiscover=False,
        # Faust reads some 60 variables, WEB_BIND and BROKER_URL among them, and lets each overrule what is said here.
        env={},
        web_transport="tcp://",
        # Faust would create topics, serve state, and replicate tables by default: each is somebody else's job here,
        # or nobody's.
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=settings.partitions,
        topic_replication_factor=settings.replication_factor,
        table_standby_replicas=0,
        web_enabled=bool(settings.http_port),
        web_bind=settings.http_host,
        web_host=settings.http_host,
        web_port=settings.http_port or 6066,
        canonical_url=settings.canonical_url,
        web_tables_enabled=False,
        web_router_enabled=False,
        web_graph_enabled=False,
        web_stats_enabled=False,
        web_metrics_enabled=False,
        broker_commit_interval=0.5,
        stream_wait_empty=True,
        worker_redirect_stdouts=False,
        logging_config=logs.logging_config(settings),
    )
    app.settings = settings
    app.engine = TaskManager(settings, topology, app.fail, app.fenced)
    app.engine.lags = lambda: lags(app)
    assignor = cast("PartitionAssignor", app.assignor)
    assignor.log, assignor.copies = ensure.log_topic(settings), settings.standbys
    assignor.near, assignor.runs = app.engine.near, app.engine.runs
    app.predecessor = Predecessor(settings)
    app.clients = ClientWatch(settings, app.watched_thread, app.engine.producers, app.fail)
    for name in (*topology.topics.inputs, ensure.log_topic(settings)):
        app.topics.add(app.topic(name))
    if settings.http_port:
        health.add_routes(app)
        exposition.add_routes(app)
    command.override()
    return app
