"""What an event about a batch has room for, by `docs/explanation/limits.md`, reckoned from whole JSON texts.

The product adds up bounds; here the JSON is written and measured. Where the two can't agree to the byte (an errors
event near its budget) both answers are right.
"""

import json
from collections.abc import Sequence
from typing import Any

from tests.oracle.records import Json, Registration, Upload

#: Bytes of a ready event's lists, of the longest id (1,000 characters of 6 bytes each, and the quotes), the least that
#: each text id must have, and of an error detail.
LISTS = 15 * 1024 * 1024
#: The same of an errors event; a number of its own, since tests make the other one small.
ERRORS = 15 * 1024 * 1024
LONGEST_ID = 6 * 1000 + 2
LEAST_ID = 62
DETAIL = 16 * 1024

#: A failed essay without its strings, and its part of the counts, is less than this.
_AROUND_ESSAY = 256
#: Characters that names and codes are cut to, and how many kinds of errors are then counted by name.
SHORT = 40
KINDS = 1000


def size(value: Any) -> int:
    """How many bytes a value has as JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


#: The registration that was asked about last, by what, and its answer: it is asked about for each of its uploads.
_asked: tuple[Registration, tuple[int, int], int] | None = None


def room(registration: Registration) -> int:
    """How many bytes of JSON each text id of a batch may have; the longest id fits where it is :data:`LONGEST_ID`."""
    global _asked  # noqa: PLW0603 - one answer is kept; the budgets are part of the question, since tests make them small
    budgets = (LISTS, LONGEST_ID)
    if _asked is None or _asked[0] is not registration or _asked[1] != budgets:
        _asked = (registration, budgets, _room(registration))
    return _asked[2]


def _room(registration: Registration) -> int:
    passed_on = (registration.student_prompt_ref, registration.essay_instructions)
    used = sum(size(value) for value in passed_on if value is not None)
    # Each with the comma behind it; the quotes of the text id are the text id's.
    essays = [{"essay_id": essay, "text_storage_id": ""} for essay in registration.essay_ids]
    used += sum(size(essay) - len('""') + len(",") for essay in essays)
    return min(LONGEST_ID, (LISTS - used) // len(essays))


def too_long(upload: Upload, registration: Registration) -> bool:
    """Whether the ready event of a batch has no room for the id of a text."""
    return upload.text is not None and size(upload.text) > room(registration)


def error_variants(whole: Sequence[Json], codes: Sequence[str], found: int) -> list[list[Json]]:
    """What the `failed_essays` of a batch may be, where ``whole`` are all of them, uncut, ``codes`` why they failed,
    and ``found`` how many were listed: details are cut first, then names, then essays left out from the end.
    """
    slack = _AROUND_ESSAY * len(whole)
    if size(list(whole)) + slack <= ERRORS:
        return [list(whole)]
    variants = [list(whole)] if size(list(whole)) <= ERRORS else []
    for name in (None, SHORT):
        cut = [_cut(essay, code, name) for essay, code in zip(whole, codes, strict=True)]
        if len(cut) == found and size(cut) <= ERRORS:
            variants.append(cut)
        if size(cut) + slack + KINDS * (SHORT * 6 + 64) <= ERRORS:
            return variants
    # As many as fit: another one would not have, or nearly.
    if size(cut[:found]) <= ERRORS < size(cut[: found + 1]) + slack + KINDS * 512:
        variants.append(cut[:found])
    return variants


def categories(codes: Sequence[str], *, cut: bool) -> dict[str, int]:
    """How many failed by code; where something is cut, by the codes' beginnings, and those of many kinds as one."""
    counts: dict[str, int] = {}
    for code in codes:
        name = code[:SHORT] if cut else code
        if cut and name not in counts and len(counts) >= KINDS:
            name = "OTHER"
        counts[name] = counts.get(name, 0) + 1
    return counts


def cut_detail(detail: Json, filled: Json) -> Json:
    """A detail as it is kept: one of over 16 KiB has its code, its origin and the beginning of its message.

    ``filled`` is what the product fills a missing detail from.
    """
    if size(detail) <= DETAIL:
        return detail
    message = detail.get("message")
    kept = message if isinstance(message, str) else str(filled["error_code"])
    whole = filled | {"details": {"rollcall_cut_bytes": size(detail)}}
    for length in (1000, 500):
        cut = whole | {"message": kept[:length]}
        if size(cut) <= DETAIL:
            break
    return cut


def _cut(essay: Json, code: str, name: int | None) -> Json:
    detail, code = essay["error_detail"], code[:SHORT]
    return essay | {
        "file_name": essay["file_name"][:name],
        "error_detail": {
            "error_code": code,
            "message": code,
            "correlation_id": detail["correlation_id"],
            "timestamp": detail["timestamp"],
            "service": "",
            "details": {"rollcall_cut_bytes": size(detail)},
        },
    }
