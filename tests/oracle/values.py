"""Compares event data: datetimes as moments, ids as UUIDs, an absent field as null, the rest exactly."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tests.oracle.reading import is_moment, is_uuid, moment
from tests.oracle.records import Json

MOMENTS = frozenset({"timestamp", "failed_at", "pending_since", "event_timestamp"})
CUT, NEARLY = "rollcall_cut_bytes", 256
VERBATIM = frozenset({"student_prompt_ref", "details", "original"})  # passed on as they came
FREE_TEXT = (
    "message",
    "operation",
)  # of an error detail: filled by the product when the input lacked them, from no stated source


def at(time: datetime) -> str:
    """Write a moment in the one form used for comparing."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def normal(value: Any, name: str = "") -> Any:
    """Return the value without nulls and with moments and ids in one form; a bad one stays as it is."""
    if name in VERBATIM:
        return value
    if isinstance(value, dict):
        return {key: normal(member, key) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        items = [normal(member) for member in value]
        return sorted(items, key=_essay) if name == "failed_essays" else items
    if isinstance(value, str) and name in MOMENTS and is_moment(value):
        return at(moment(value))
    return str(UUID(value)) if name == "correlation_id" and is_uuid(value) else value


def _essay(item: Any) -> str:
    return str(item.get("essay_id")) if isinstance(item, dict) else ""


def differences(expected: Json, actual: Json) -> list[str]:
    """Name the top-level fields in which two events' data differ, with both values."""
    # What is the same as it stands is so in one form too, and most of it is.
    unlike = [name for name in expected.keys() | actual.keys() if expected.get(name) != actual.get(name)]
    want, have = (normal({name: data.get(name) for name in unlike}) for data in (expected, actual))
    _allow_free_text(want, have)
    return [
        f"{name}: expected {want.get(name)!r}, found {have.get(name)!r}"
        for name in sorted(want.keys() | have.keys())
        if want.get(name) != have.get(name)
    ]


def _allow_free_text(want: Json, have: Json) -> None:
    pairs = zip(want.get("failed_essays", ()), have.get("failed_essays", ()), strict=False)
    for wanted, found in pairs:
        detail, given = wanted.get("error_detail"), found.get("error_detail") if isinstance(found, dict) else None
        if not isinstance(detail, dict) or not isinstance(given, dict):
            continue
        _allow_nearly(detail.get("details"), given.get("details"))
        for name in FREE_TEXT:
            if name not in detail and isinstance(given.get(name), str):
                detail[name] = given[name]


def _allow_nearly(wanted: Any, found: Any) -> None:
    """How many bytes a detail had that was cut depends on how its moments are written."""
    if not isinstance(wanted, dict) or not isinstance(found, dict) or wanted.keys() != found.keys():
        return
    size, said = wanted.get(CUT), found.get(CUT)
    if isinstance(size, int) and isinstance(said, int) and abs(size - said) <= NEARLY:
        wanted[CUT] = said
