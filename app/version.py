"""Which release this is. It is written once, in pyproject.toml; all else reads it from what is installed."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def release() -> str:
    """The version of the installed Rollcall; ``unknown`` where it is run without having been installed."""
    try:
        return version("rollcall")
    except PackageNotFoundError:
        return "unknown"
