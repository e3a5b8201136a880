"""The error detail of a rejected upload: kept, completed, and cut where it is huge."""

import json
from typing import Any

import pytest

from app.core.events import Failure
from tests.oracle import topics
from tests.support.events import Json
from tests.wire.test_decode import good, read

DETAIL = {
    "error_code": "code",
    "message": "text",
    "correlation_id": "0b9d9b7e-8f0e-4d7b-9a37-2f2f6a1c9c55",
    "timestamp": "2020-01-01T00:00:00Z",
    "service": "service",
    "operation": "operation",
    "details": {"a": 1},
}


@pytest.mark.parametrize("field", DETAIL)
@pytest.mark.parametrize("how", ["absent", "null"])
def test_what_an_error_detail_lacks_is_filled_and_the_rest_is_kept(field: str, how: str) -> None:
    given = DETAIL | {field: None}
    if how == "absent":
        del given[field]
    event = good(topics.FAILED, validation_error_detail=given)
    found = read(event).event
    assert isinstance(found, Failure)
    detail = json.loads(found.detail)
    assert set(detail) == set(DETAIL)
    assert {key: value for key, value in detail.items() if key != field} == {
        key: value for key, value in DETAIL.items() if key != field
    }
    expected: dict[str, Any] = {
        "error_code": event["data"]["validation_error_code"],
        "correlation_id": event["correlation_id"],
        "timestamp": event["data"]["timestamp"],
        "service": event["source_service"],
        "details": {},
    }
    if field in expected:
        assert detail[field] == expected[field]
    assert detail[field] is not None


def test_an_error_detail_that_is_huge_is_cut_and_says_so() -> None:
    """A batch's errors event has one for each failed slot."""
    for field, value in (("details", {"x": "y" * 200_000}), ("message", "å" * 100_000), ("operation", "z" * 100_000)):
        found = read(good(topics.FAILED, validation_error_detail=DETAIL | {field: value})).event
        assert isinstance(found, Failure)
        assert len(found.detail.encode()) <= 16 * 1024
        detail = json.loads(found.detail)
        assert set(detail) == set(DETAIL)
        assert detail["details"]["rollcall_cut_bytes"] > 100_000
        assert detail["message"] == (DETAIL | {field: value})["message"][:1000]  # type: ignore[index]
    whole = DETAIL | {"details": {"x": "y" * 10_000}}
    found = read(good(topics.FAILED, validation_error_detail=whole)).event
    assert isinstance(found, Failure)
    assert json.loads(found.detail) == whole


@pytest.mark.parametrize("given", [None, {}])
def test_an_error_detail_that_is_not_there_is_filled_whole(given: Json | None) -> None:
    found = read(good(topics.FAILED, validation_error_detail=given)).event
    assert isinstance(found, Failure)
    detail = json.loads(found.detail)
    assert set(detail) == set(DETAIL)
    assert None not in detail.values()
    event = good(topics.FAILED)
    del event["data"]["validation_error_detail"]
    assert read(event).event == found
