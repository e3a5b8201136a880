"""The native part, where it is built: formats of bytes, read and written by whole chunks, in Rust (``native/``).

**It knows formats and no rule, and it may say "I don't know", never "no".** Whatever is not plain it leaves to the
Python twin, which is always there, does the same with the same bytes, and is the only place where an input is refused.
``ROLLCALL_PURE=1`` chooses the twin where both are there.

===========  =======================================================================================================
module       holds
===========  =======================================================================================================
``records``  the records of a fetch, as an index into its bytes
===========  =======================================================================================================

The compiled module stands beside them, where it was built; ``_native.pyi`` describes it.
"""

import importlib
import os
from typing import Any, Final

#: The environment variable that chooses the twin, whatever is built.
PURE: Final = "ROLLCALL_PURE"

_NO: Final = {"", "0", "false", "no", "off", "f", "n"}

#: What the calls between the two parts look like; a native part of another interface is left alone.
INTERFACE: Final = 6


def loaded() -> tuple[Any, str]:
    """The compiled module, or None and why it does not run."""
    if os.environ.get(PURE, "").strip().lower() not in _NO:
        return None, f"chosen by {PURE}"
    try:
        module = importlib.import_module("app.native._native")
    except ImportError:
        return None, "the native part is not built"
    if getattr(module, "INTERFACE", None) != INTERFACE:
        return None, "the native part was built from other sources"
    return module, ""


_module, WHY_NOT = loaded()

#: Whether the native part runs.
AVAILABLE: Final = _module is not None

#: Which of the two runs, as logs, metrics and ``status`` say it.
RUNS: Final = "native" if AVAILABLE else "python"


def rust() -> Any:
    """The compiled module. Raises RuntimeError where the twin runs."""
    if _module is None:
        raise RuntimeError(WHY_NOT)
    return _module
