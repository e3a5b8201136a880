"""The program ``rollcall``: ``faust -A app`` under a name of its own.

``rollcall worker`` is ``faust -A app worker``, ``rollcall status`` is ``faust -A app status``; so is every other verb.
"""

import sys

from app.early import end_on_sigterm, open_standard_streams

open_standard_streams()
end_on_sigterm()  # before the import that follows, which takes a second

from faust import __version__ as faust_version  # noqa: E402 - see above
from faust.cli.faust import cli  # noqa: E402 - see above

from app.version import release  # noqa: E402 - see above

_APP = ("-A", "app")


def main() -> None:
    """Run the command that the process's arguments name; ends the process with its exit status."""
    if any(argument in {"-A", "--app"} or argument.startswith("--app=") for argument in sys.argv[1:]):
        sys.stderr.write(f"rollcall: its application is always {_APP[1]!r}; for another one: faust -A ...\n")
        sys.exit(2)
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"rollcall {release()}, on Faust {faust_version}\n")
        return
    # In place: Faust has kept the list, and looks in it for the application whose commands it is to know.
    sys.argv[1:1] = _APP
    cli()
