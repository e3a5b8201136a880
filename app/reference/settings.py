"""The page of the settings."""

from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from app.reference.markdown import GENERATED, code, table
from app.security import Security
from app.settings import PREFIX, Settings

_HEAD = f"""\
{GENERATED}
# Settings

Settings come from environment variables and from a file `.env` in the working directory; the environment wins. A
wrong one stops the worker at start, with a line that names it, its value and what is allowed. So do settings that
contradict each other, or that would have no effect.

The values of those marked *secret* are in no log, error or page.
"""


def page() -> str:
    """The page: a table for each group of settings."""
    fields = Settings.model_fields
    security = [name for name in fields if name in Security.model_fields]
    http = [name for name in fields if name.startswith("http_")]
    rest = [name for name in fields if name not in {*security, *http}]
    groups = (("Worker", rest), ("HTTP", http), ("TLS and SASL", security))
    return "\n".join([_HEAD, *(f"## {title}\n\n{_table(names)}" for title, names in groups)])


def default(field: FieldInfo) -> str:
    """The default as an environment variable would have it; empty where there is none."""
    value = field.default
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    # A path loses its leading ./, which says that it is in the working directory.
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"./{text}" if hasattr(value, "is_absolute") and not value.is_absolute() else text


def allowed(field: FieldInfo) -> str:
    """What a setting may be."""
    kinds = [kind for kind in _kinds(field.annotation) if kind is not type(None)]
    if SecretStr in kinds:
        return "secret"
    if get_origin(kinds[0]) is Literal:
        return ", ".join(code(value) for value in get_args(kinds[0]))
    name = {bool: "`true`, `false`", int: "integer", float: "number", str: "text"}.get(kinds[0], "path")
    return " ".join([name, *_bounds(field)])


def _kinds(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Literal or not get_args(annotation):
        return (annotation,)
    return get_args(annotation)


def _bounds(field: FieldInfo) -> Iterable[str]:
    lowest = next((item.ge for item in field.metadata if hasattr(item, "ge")), None)
    highest = next((item.le for item in field.metadata if hasattr(item, "le")), None)
    if lowest is not None and highest is not None:
        yield f"{lowest:,} to {highest:,}"
    elif lowest is not None:
        yield f"from {lowest:,}"


def _table(names: Iterable[str]) -> str:
    rows = []
    for name in names:
        field = Settings.model_fields[name]
        shown = default(field)
        rows.append(
            [code(PREFIX + name.upper()), code(shown) if shown else "", allowed(field), field.description or ""]
        )
    return table(["setting", "default", "allowed", "meaning"], rows)
