"""Rollcall: joins batch registrations with essay contents, whatever the order of arrival.

``faust -A app worker`` finds the application here. It is built when it is first asked for, so that importing a part
(the pure core, say) starts nothing.
"""

import sys
from pathlib import Path
from typing import Any


def __getattr__(name: str) -> Any:
    """Build the application on first use; it is kept, so that everybody gets the same one."""
    if name == "app":
        # The faust command has the current folder on the path only while it imports this module; the tables and
        # agents stand beside it.
        root = str(Path(__file__).resolve().parent.parent)
        if root not in sys.path:
            sys.path.append(root)
        from app.main import create_app  # noqa: PLC0415 - on first use, see above

        globals()["app"] = create_app()
        return globals()["app"]
    message = f"module 'app' has no attribute {name!r}"
    raise AttributeError(message)
