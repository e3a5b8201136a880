"""Puts the application together: settings, logs, Faust, the engine, HTTP.

``faust -A app worker`` runs what :func:`create_app` returns.
"""

import asyncio
import os
import socket
import sys
from typing import NoReturn

import structlog
import uvloop

from app import command_line, commands, http, logs, settings, standard_streams
from app.engine import connect, datadir, disk_errors, topic_watch, topics
from app.engine.client_watch import ClientWatch
from app.engine.engine import Engine
from app.engine.lag import lags
from app.engine.overrides import App, TableManager, Worker, command
from app.errors import OperatorError
from app.printable import visible_lines
from app.settings import Settings, SettingsError
from app.topology import TOPICS, topology

log = structlog.get_logger(__name__)

_USAGE = 2  # the exit status of wrong usage, as click has it


class Rollcall(App):
    """The application: topics are made before anything is read or written."""

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
        await topics.ensure_with_retries(self.settings, self.engine.topology, self._stopped)
        # From the first moment: what a client is refused at its start it tells nobody.
        self.add_future(self.clients.watch(asyncio.sleep))

    async def on_started(self) -> None:
        """Watch the topics, and whether brokers that ask for a login still let this worker in; it stops when not."""
        await super().on_started()
        self.add_future(self._watch_topics())
        if self.settings.security_protocol != "PLAINTEXT":
            self.add_future(self._watch())

    async def _watch_topics(self) -> None:
        try:
            await topic_watch.watch(self.settings, self.engine.topology.topics, self)
        except OperatorError as error:
            if not self.should_stop:
                self.fail(error)

    async def _watch(self) -> None:
        try:
            await connect.watch(self.settings, self.sleep)
        except connect.RefusedError as refusal:
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


def _settings() -> Settings:
    """The settings of the environment, and of the command line where it is a worker's."""
    worker = command_line.given(sys.argv[1:])
    as_json = worker is not None and settings.json_logs_wanted()
    if worker is not None:
        standard_streams.take_over(as_json=as_json)
        refused = worker.refused + command_line.refused_variables(os.environ)
        if refused:
            _refuse("; ".join(refused), as_json=as_json, status=_USAGE)
        # Faust sets this one itself where the option is given, which is a setting.
        own = {"FAUST_DATADIR"} if "datadir" in worker.settings else set[str]()
        unread = command_line.unread({name: value for name, value in os.environ.items() if name not in own})
        if unread:
            log.warning("variables of Faust are not read; each is followed by the setting to use instead", **unread)
    try:
        return settings.load(None if worker is None else worker.settings)
    except SettingsError as error:
        _refuse(str(error), as_json=as_json, status=1)


def _refuse(message: str, *, as_json: bool, status: int) -> NoReturn:
    if as_json:
        log.critical("the worker can't start", error=" ".join(message.split()))
        sys.exit(status)
    sys.stderr.write(f"rollcall: {visible_lines(message)}\n")
    sys.exit(status)


def create_app(given: Settings | None = None) -> App:
    """The application.

    Wrong settings end the process with a message that names them: nothing can be run without them.
    """
    chosen = _settings() if given is None else given
    logs.configure()
    # Before Faust makes its loops, the worker's own and the consumer thread's.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    app = Rollcall(
        chosen.app_id,
        broker=[f"kafka://{server}" for server in chosen.broker.split(",")],
        datadir=str(chosen.datadir / chosen.app_id / "faust"),
        store="memory://",
        TableManager=TableManager,
        Worker=Worker,
        autodiscover=False,
        # Faust reads some 60 variables, WEB_BIND and BROKER_URL among them, and lets each overrule what is said here.
        env={},
        web_transport="tcp://",
        # Faust would create topics, serve state, and replicate tables by default: each is somebody else's job here,
        # or nobody's.
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=chosen.partitions,
        topic_replication_factor=chosen.replication_factor,
        table_standby_replicas=0,
        web_enabled=bool(chosen.http_port),
        web_bind=chosen.http_host,
        web_host=chosen.http_host,
        web_port=chosen.http_port or 6066,
        canonical_url=chosen.canonical_url,
        web_tables_enabled=False,
        web_router_enabled=False,
        web_graph_enabled=False,
        web_stats_enabled=False,
        web_metrics_enabled=False,
        broker_commit_interval=0.5,
        stream_wait_empty=True,
        worker_redirect_stdouts=False,
        logging_config=logs.logging_config(chosen),
    )
    app.settings = chosen
    app.engine = Engine(chosen, topology(chosen), app.fail, app.fenced)
    app.engine.lags = lambda: lags(app)
    app.clients = ClientWatch(chosen, app.watched_thread, app.engine.producers, app.fail)
    for name in (*TOPICS.inputs, topics.log_topic(chosen)):
        app.topics.add(app.topic(name))
    if chosen.http_port:
        http.add_routes(app)
    commands.register()
    command.override()
    return app
