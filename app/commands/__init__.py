"""The commands of operators: ``faust -A app <verb>``, or ``rollcall <verb>``.

=============  =========================================================================================================
module         holds
=============  =========================================================================================================
``queries``    ``status``, ``batch show``, ``batch timeline``, ``explain``, ``pending``: how things are
``from_log``   the state of a batch, folded again from the log
``acting``     ``act``: what an operator does to a batch
``dlq``        ``dlq list``, ``dlq show``, ``dlq replay``: dead letters
``log_tools``  ``replay``, ``at``, ``audit``: what the topics say
``topology``   ``topology``: topics, agents and tables
``offline``    what stands for the application in the process of a command
``base``       what all share: settings, exit statuses, output, errors as a line
``client``     questions to a worker: any one answers for all partitions
``watch``      ``--watch``: an answer again and again, until Ctrl-C
``layout``     tables that fit the terminal, and cut no word
``render``     how answers look for people: tables, durations, progress bars
=============  =========================================================================================================

Each takes ``--json``: one JSON document on standard output, and nothing else. Exit statuses are the same for all of
them (:mod:`app.commands.base`), and each says them in ``--help``.
"""

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Final

from faust.cli.base import cli

#: The module that each verb is in. A process imports those that it is asked for: all of them take half a second.
VERBS: Final[Mapping[str, str]] = {
    "status": "queries",
    "batch": "queries",
    "explain": "queries",
    "pending": "queries",
    "act": "acting",
    "dlq": "dlq",
    "replay": "log_tools",
    "at": "log_tools",
    "audit": "log_tools",
    "topology": "topology",
}


def register(verbs: Iterable[str] = VERBS) -> None:
    """Add commands to Faust's own: all, unless ``verbs`` names some."""
    for verb in verbs:
        cli.add_command(getattr(import_module(f"{__name__}.{VERBS[verb]}"), verb))
