"""Rollcall: joins batch registrations with essay contents, whatever the order of arrival.

``faust -A app worker`` finds the application here. It is built when it is first asked for, so that importing a part
(the pure core, say) starts nothing.

====================  ===============================================================================================
module                holds
====================  ===============================================================================================
``core``              what a batch is, and what each event does to it: pure
``wire``              bytes of the topics to the core's events, and the core's outputs to bytes
``engine``            the engine inside Faust: chunks, barrier, fencing, restore, topics
``native``            the native part, where it is built: formats of bytes, by whole chunks
``metrics``           what is counted of essays, and what is looked at when it is asked for
``api``               the HTTP API
``board``             the web page on it: HTML, CSS and JavaScript, no Python
``history``           what the topics say about the past: timelines, replay, audit, dead letters
``commands``          the commands of operators
``cli``               the program ``rollcall``, which is ``faust -A app``
``command_line``      what the worker's options and Faust's variables may say
``startup``           the settings of this process; wrong ones end it with a message
``early``             what comes before a worker is imported: a signal, closed streams
``asyncapi``          the AsyncAPI document of the topics
``reference``         the generated pages of ``docs/reference``
``settings``          the settings, validated
``environment``       the settings as they are read: of the environment and ``.env``
``plain_settings``    how each is read: the text of one variable
``dot_env``           what of a file ``.env`` would be passed over in silence
``http_settings``     those of HTTP: where a worker listens, and who may ask
``policy``            what the rules need of the settings
``standing``          how the batches of this worker stand, for the metrics and the API
``security``          the settings of TLS and SASL, and what clients are given for them
``addresses``         what counts as the address of a worker's HTTP
``logs``              structured logs on standard error
``lazy_log``          the logger of every module, which imports structlog with its first line
``standard_streams``  with JSON logs, nothing but lines of JSON is written
``errors``            errors that an operator can put right
``printable``         text of messages and ids, without what a terminal takes for a command
``version``           which release this is
``main``              puts the application together
``tracing``           spans with OpenTelemetry, where they are wanted
``topology``          the application on one page: what the engine is handed
====================  ===============================================================================================
"""

import gc
import sys
from pathlib import Path
from typing import Any

PART_OF = "rollcall"  # see rollcall.py


def __getattr__(name: str) -> Any:
    """Build the application on first use; it is kept, so that everybody gets the same one.

    In the process of a command of ours it is :class:`app.commands.offline.Offline`.
    """
    if name == "app":
        # The faust command has the current folder on the path only while it imports this module; the tables and
        # agents stand beside it.
        root = str(Path(__file__).resolve().parent.parent)
        if root not in sys.path:
            sys.path.append(root)
        from app.early import end_on_sigterm, open_standard_streams  # noqa: PLC0415 - on first use, see above

        open_standard_streams()
        end_on_sigterm()
        import rollcall  # noqa: PLC0415 - on first use, see above

        if wrong := rollcall.foreign(("tables", "agents")):
            from app.startup import refuse_foreign_packages  # noqa: PLC0415 - takes time, and is rarely needed

            refuse_foreign_packages(wrong)
        globals()["app"] = _application()
        return globals()["app"]
    message = f"module 'app' has no attribute {name!r}"
    raise AttributeError(message)


def _application() -> Any:
    from app import command_line, commands  # noqa: PLC0415 - on first use, see above

    verb = command_line.verb(sys.argv[1:])
    if verb is not None and verb in commands.VERBS:
        from app import startup  # noqa: PLC0415 - see above
        from app.commands.offline import Offline  # noqa: PLC0415 - see above

        commands.register([verb])
        application = Offline(startup.settings())
        # What is imported by now stays to the end: that the collector looks through it then costs 50 ms of CPU.
        gc.freeze()
        return application
    from app.main import create_app  # noqa: PLC0415 - see above

    if verb != "worker":
        commands.register()
    return create_app()
