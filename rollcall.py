"""The program ``rollcall``: makes sure that Python finds Rollcall's own packages, and becomes ``faust -A app``.

Rollcall's packages are called ``app``, ``tables`` and ``agents``, and others have such names too: PyTables is
``tables``, many a project's own code is ``app``. No installer notices; the one that comes first on Python's path, or
that was installed last, is imported. This module has a name of its own, so it is found in any case, and says which
package is another's. Where ``app`` is Rollcall's and started as ``faust -A app``, it asks here about the other two.

Imports nothing that takes time: a signal must be heard early (``app.early``).
"""

import importlib.util
import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

_HERE = Path(__file__).resolve().parent

#: In the first file of each package: that file is at its place also when another package was installed over ours.
_MARK = 'PART_OF = "rollcall"'

_REMEDY = (
    "install Rollcall in an environment of its own, and start it without PYTHONPATH, in a directory that has nothing "
    "of that name"
)

_EVENT = "the worker can't start"  # as app/startup.py has it


def foreign(names: Iterable[str] = ("app", "tables", "agents")) -> str | None:
    """What is wrong, in a line, where Python would import another's package by one of these names; imports none."""
    for name in names:
        own = _HERE / name / "__init__.py"
        try:
            spec = importlib.util.find_spec(name)
        except ValueError:  # a module that somebody has put into sys.modules by hand
            spec = None
        found = spec.origin if spec is not None else None
        if found is None or not own.is_file() or not Path(found).exists() or not own.samefile(found):
            return f"the package {name!r} that Python finds is {found or 'a folder without code'}, not {own}: {_REMEDY}"
        if _MARK not in own.read_text(encoding="utf-8", errors="replace"):
            return f"{own} is another package's, which was installed over Rollcall's: {_REMEDY}"
    return None


def main() -> None:
    """Run the command that the process's arguments name; ends the process with its exit status."""
    wrong = foreign()
    if wrong is None:
        from app import cli  # noqa: PLC0415 - only now is it known to be ours

        cli.main()
        return
    # Nothing of ours can be imported: the rule of app/logs.py, in its shortest form.
    as_json = os.environ.get("ROLLCALL_LOG_FORMAT", "console" if sys.stderr.isatty() else "json") == "json"
    if as_json and "worker" in sys.argv[1:]:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = json.dumps(
            {"event": _EVENT, "error": wrong, "level": "critical", "logger": "rollcall", "timestamp": now}
        )
    else:
        line = f"rollcall: {wrong}"
    sys.stderr.write(f"{line}\n")
    sys.exit(1)


if __name__ == "__main__":
    main()
