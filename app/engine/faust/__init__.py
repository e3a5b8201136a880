"""Everything that Rollcall overrides of Faust, in one place.

It reaches into private names, so versions are pinned exactly and each line here has a test in
``tests/engine/test_traps.py``.

===================  =================================================================================================
module               holds
===================  =================================================================================================
``app``              the application with an engine in it, and its worker
``assignor``         partitions that are no longer there are nobody's
``command``          the command worker: its options are settings, or are refused
``consumer``         whole fetches to the engine, and the commit of what is behind its barrier
``consumer_thread``  the thread of the Kafka consumer: what is asked of the group and of the broker for it
``fetch_thread``     how records get from that thread to the engine's
``http_server``      the web server on connections that have bounds
``connections``      all of them: how many there may be, and which one goes where there are too many
``connection``       an HTTP connection: bounded in time; what is no HTTP is neither logged nor sent back
``recovery``         fencing and restore in the place of Faust's own recovery
===================  =================================================================================================

Kept of Faust: group membership, assignment, the order of a rebalance, the worker, its commands, signals, and the web
server. Replaced:

* **The loop over single messages** (``Consumer._drain_messages``): whole fetches go to the engine. Faust's machinery
  for one event costs more than the
  job that is done with it, and acknowledges an event whose handler failed.
* **The way of a fetch between threads** (``FetchThread.getmany``): beside the queue of the consumer's thread, which
  makes three tasks for each call.
* **The commit** (``Consumer.commit``): the offsets that the engine says, which are those behind its barrier. Faust's
  flush before a commit gives up after
  a tenth of a second, and under load its commit waits for an empty buffer that never comes.
* **Waiting for what is under way** (``Consumer.wait_empty``): the engine lets its partitions go.
* **The rebalance** (``App._on_partitions_revoked``, ``_on_partitions_assigned``, ``Consumer.on_partitions_assigned``,
  ``RebalanceListener``): only what moves is stopped; Faust stops all, and reads all from the committed offsets again.
* **The seek after a rebalance** (``ConsumerThread.seek_to_committed``): only what was taken over is sought; a partition
  without a committed offset is read from its beginning, not from
  wherever a fetch that was dropped has left it.
* **The recovery of tables** (``Recovery._restart_recovery``): stock recovery waits for ever for a changelog that ends
  in a commit marker, and goes on
  with half a table when it times out. The engine fences and restores instead.
* **The assignment** (``PartitionAssignor.metadata``, ``on_assignment``, ``_perform_assignment``): what a member holds
  it keeps (:mod:`app.engine.assignment`). With a member of an older release in the group: Faust's, without the
  partitions that a topic that was made again no longer has; with them it ends in an assertion, for ever.
* **The stop** (``Worker._stop_on_signal``): bounded, also when the broker does not answer.
* **The command** (``worker._init_worker_options``, ``on_worker_created``): its options are settings, and with JSON logs
  there is no banner; no spinner, console or debugger.
* **How clients are let in** (``Producer._settings_auth``): by the settings, not by Faust's credentials.
* **The consumer** (``ConsumerThread._create_worker_consumer``): reads committed records only, always: what a
  transactional producer has aborted was
  never said.
* **The web server's runner** (``App._new_web``): connections have bounds in number and time, and what is no HTTP is in
  no log and no answer.
* **The web server's pages** (``Web.production_blueprints``): Faust's own is none. A worker starts with 45 ms of CPU
  less, in which all modules would be looked through for the place where that page was written.
"""

from collections.abc import Iterable

import faust
from aiohttp import web
from faust.app.base import BootStrategy
from faust.assignor.partition_assignor import PartitionAssignor as FaustAssignor
from faust.tables.manager import TableManager as FaustTableManager
from faust.tables.recovery import Recovery as FaustRecovery
from faust.transport.drivers import aiokafka as driver
from faust.web.drivers.aiohttp import Web as FaustWeb
from mode.services import ServiceTask

from app.engine.faust.app import App, Boot, Worker
from app.engine.faust.assignor import PartitionAssignor
from app.engine.faust.connection import Connection
from app.engine.faust.connections import Connections
from app.engine.faust.consumer import Consumer, Producer, Transport
from app.engine.faust.consumer_thread import ConsumerThread, RebalanceListener
from app.engine.faust.fetch_thread import FetchThread
from app.engine.faust.http_server import Runner, Web
from app.engine.faust.recovery import Recovery, TableManager

__all__ = ["App", "PartitionAssignor", "TableManager", "Worker", "overridden"]


def overridden() -> Iterable[tuple[type, str]]:
    """The names that the classes here define, each with the class of Faust that it is looked up on first.

    A test holds the list against Faust: those that are overridden must exist there, those that are added must not.
    """
    for ours, theirs in (
        (ConsumerThread, driver.AIOKafkaConsumerThread),
        (FetchThread, driver.AIOKafkaConsumerThread),
        (RebalanceListener, driver.ConsumerRebalanceListener),
        (Consumer, driver.Consumer),
        (Producer, driver.Producer),
        (Transport, driver.Transport),
        (PartitionAssignor, FaustAssignor),
        (Recovery, FaustRecovery),
        (TableManager, FaustTableManager),
        (Boot, BootStrategy),
        (Worker, faust.Worker),
        (App, faust.App),
        (Web, FaustWeb),
        (Runner, web.AppRunner),
        (Connections, web.Server),
        (Connection, web.RequestHandler),
    ):
        for name, value in vars(ours).items():
            if not name.startswith("__") and (callable(value) or isinstance(value, ServiceTask | property)):
                yield theirs, name
