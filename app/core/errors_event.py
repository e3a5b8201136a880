"""What failed in a batch, within what a message can hold: details are cut first, then names, then essays left out."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from app.core.budget import LARGEST, json_size
from app.core.events import Failure
from app.core.messages import at_moment
from app.core.payloads import ErrorDetail, FailedEssay, Summary

#: What JSON writes around the fields of a failed essay, with the moment (66 + 27), and a category and its count.
_AROUND = 128

#: This many failures fit, whatever their strings are: 15 MiB / (3 x 6,002 + 16,384 + 128) = 455.
_ALWAYS = 400

#: Characters of a cut name or code.
_SHORT = 40

#: Beyond this many kinds of errors, where something is cut, the rest are counted as one.
_MOST_CATEGORIES = 1000
OTHER = "OTHER"

Failures = Sequence[tuple[str, Failure]]


class Failed(NamedTuple):
    """The failed essays that an event lists, and the summary of all."""

    essays: list[FailedEssay]
    summary: Summary


def failed(failures: Failures, *, critical: bool) -> Failed:
    """What an event says of the slots that failed (essay id and failure of each, in slot order)."""
    essays = [_whole(essay_id, failure) for essay_id, failure in failures]
    if len(failures) <= _ALWAYS or _size(failures) <= LARGEST:
        return Failed(essays, Summary(len(failures), _categories(failures, len(failures), None), critical))
    for name in (None, _SHORT):
        essays = list(_fitting(failures, name))
        if len(essays) == len(failures):
            break
    left_out = len(failures) - len(essays)
    categories = _categories(failures, _MOST_CATEGORIES, _SHORT)
    return Failed(essays, Summary(len(failures), categories, critical, left_out or msgspec.UNSET))


def _size(failures: Failures) -> int:
    """How large the event's lists are when nothing is cut, at most."""
    return sum(
        json_size(essay_id)
        + json_size(failure.file_name)
        + len(failure.detail.encode())
        + json_size(failure.code)
        + _AROUND
        for essay_id, failure in failures
    )


def _whole(essay_id: str, failure: Failure) -> FailedEssay:
    return FailedEssay(
        essay_id=essay_id,
        file_name=failure.file_name,
        error_detail=msgspec.Raw(failure.detail.encode()),
        failed_at=at_moment(failure.moment),
    )


def _fitting(failures: Failures, name: int | None) -> Iterator[FailedEssay]:
    """As many essays as fit with cut details, and with names of ``name`` characters."""
    left = LARGEST - _MOST_CATEGORIES * (_SHORT * 6 + 32)
    for essay_id, failure in failures:
        detail = msgspec.json.encode(_cut(failure))
        file_name = failure.file_name[:name]
        left -= json_size(essay_id) + json_size(file_name) + len(detail) + _AROUND
        if left < 0:
            return
        yield FailedEssay(
            essay_id=essay_id,
            file_name=file_name,
            error_detail=msgspec.Raw(detail),
            failed_at=at_moment(failure.moment),
        )


def _cut(failure: Failure) -> ErrorDetail:
    code = failure.code[:_SHORT]
    return ErrorDetail(
        error_code=code,
        message=code,
        correlation_id=failure.correlation_id,
        timestamp=at_moment(failure.moment),
        details={"rollcall_cut_bytes": len(failure.detail.encode())},
    )


def _categories(failures: Failures, most: int, name: int | None) -> dict[str, int]:
    """How many failed by code; those of kinds beyond ``most`` together."""
    found: dict[str, int] = {}
    for _, failure in failures:
        code = failure.code[:name]
        if code not in found and len(found) >= most:
            code = OTHER
        found[code] = found.get(code, 0) + 1
    return found
