"""The commands of operators: ``faust -A app <verb>``, or ``rollcall <verb>``.

=============  =========================================================================================================
module         holds
=============  =========================================================================================================
``queries``    ``status``, ``batch show``, ``batch timeline``, ``explain``, ``pending``: how things are
``acting``     ``act``: what an operator does to a batch
``dlq``        ``dlq list``, ``dlq show``, ``dlq replay``: dead letters
``log_tools``  ``replay``, ``at``, ``audit``: what the topics say
``topology``   ``topology``: topics, agents and tables
``base``       what all share: settings, exit statuses, output, errors as a line
``client``     questions to a worker: any one answers for all partitions
``render``     how answers look for people: tables, durations, progress bars
=============  =========================================================================================================

Each takes ``--json``: one JSON document on standard output, and nothing else. Exit statuses are the same for all of
them (:mod:`app.commands.base`), and each says them in ``--help``.
"""

from faust.cli.base import cli

from app.commands.acting import act
from app.commands.dlq import dlq
from app.commands.log_tools import at, audit, replay
from app.commands.queries import batch, explain, pending, status
from app.commands.topology import topology


def register() -> None:
    """Add the commands to Faust's own, once the application is being made."""
    for command in (status, batch, explain, pending, act, dlq, replay, at, audit, topology):
        cli.add_command(command)
