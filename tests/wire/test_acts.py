"""The log's records of what operators do: read as written, and refused where they can't be used."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import acts
from app.core.acts import (
    LONGEST_EXTENSION,
    LONGEST_WHO,
    LONGEST_WHY,
    Act,
    Discard,
    DiscardUpload,
    Extend,
    ForceComplete,
    Reopen,
    name_of,
)
from app.wire.acts import DecodedAct, decode, encode
from app.wire.decode import RejectedError
from app.wire.record import is_act, is_tick, read_source
from tests.core.examples import examples

MAX = 1_048_576
ID = "123e4567-e89b-42d3-a456-426614174000"

NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(str.strip)
WHO = st.uuids().map(str), WORDS, WORDS
ACTS: st.SearchStrategy[Act] = st.one_of(
    st.builds(ForceComplete, *WHO),
    st.builds(Discard, *WHO),
    st.builds(DiscardUpload, *WHO, NAME),
    st.builds(Extend, *WHO, st.integers(1, LONGEST_EXTENSION)),
    st.builds(Reopen, *WHO, st.lists(NAME, max_size=3).map(tuple)),
)


@examples(300)
@given(NAME, ACTS)
def test_an_act_is_read_as_it_was_written(batch: str, act: Act) -> None:
    key, value, headers = encode(batch, act)
    assert decode(key, value, MAX) == DecodedAct(batch, act)
    assert type(decode(key, value, MAX).act) is type(act)
    assert (is_act(headers), is_tick(headers), read_source(headers)) == (True, False, None)


def test_what_is_in_the_log_keeps_its_meaning() -> None:
    """Logs are for ever: these are the records as they are written."""
    common = {"act_id": ID, "batch_id": "b", "who": "ada", "why": "late"}
    records: list[tuple[Act, dict[str, Any]]] = [
        (ForceComplete(ID, "ada", "late"), {"act": "force_complete"}),
        (Discard(ID, "ada", "late"), {"act": "discard"}),
        (DiscardUpload(ID, "ada", "late", "u"), {"act": "discard_upload", "file_upload_id": "u"}),
        (Extend(ID, "ada", "late", 60), {"act": "extend", "seconds": 60}),
        (Reopen(ID, "ada", "late", ("x", "y")), {"act": "reopen", "essay_ids": ["x", "y"]}),
    ]
    assert {name_of(act) for act, _ in records} == set(acts.ACTS)
    for act, own in records:
        key, value, headers = encode("b", act)
        assert (key, json.loads(value), headers) == (b"b", common | own, [("a", b"1")])
        assert decode(b"b", json.dumps(common | own).encode(), MAX).act == act
    assert decode(b"b", json.dumps(common | {"act": "reopen"}).encode(), MAX).act == Reopen(ID, "ada", "late", ())


def test_a_uuid_in_another_spelling_is_the_same_act() -> None:
    value = json.dumps({"act": "discard", "act_id": ID.upper(), "batch_id": "b", "who": "a", "why": "b"}).encode()
    assert decode(b"b", value, MAX).act.act_id == ID


GOOD: dict[str, Any] = {"act": "extend", "act_id": ID, "batch_id": "b", "who": "ada", "why": "late", "seconds": 60}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seconds": 0}, "invalid_field"),
        ({"seconds": -1}, "invalid_field"),
        ({"seconds": LONGEST_EXTENSION + 1}, "invalid_field"),
        ({"seconds": 10**30}, "invalid_field"),
        ({"seconds": "60"}, "invalid_field"),
        ({"seconds": 1.5}, "invalid_field"),
        ({"seconds": None}, "invalid_field"),
        ({"act": "extends"}, "invalid_field"),
        ({"act": 3}, "invalid_field"),
        ({"act_id": "7"}, "invalid_field"),
        ({"batch_id": ""}, "invalid_field"),
        ({"batch_id": "c"}, "invalid_field"),
        ({"who": ""}, "invalid_field"),
        ({"who": " \n"}, "invalid_field"),
        ({"who": "x" * (LONGEST_WHO + 1)}, "invalid_field"),
        ({"why": ""}, "invalid_field"),
        ({"why": "\t"}, "invalid_field"),
        ({"why": "x" * (LONGEST_WHY + 1)}, "invalid_field"),
        ({"essay_ids": ["x"]}, "invalid_field"),
        ({"unknown": 1}, "invalid_field"),
        ({"act": "discard_upload"}, "invalid_field"),
        ({"act": "reopen", "seconds": ..., "essay_ids": [""]}, "invalid_field"),
        ({"act": "reopen", "seconds": ..., "essay_ids": ["x\0y"]}, "invalid_field"),
        ({"act": "discard_upload", "seconds": ..., "file_upload_id": "x\0"}, "invalid_field"),
        ({"act": "discard_upload", "seconds": ...}, "missing_field"),
        ({"act": ...}, "missing_field"),
        ({"act_id": ...}, "missing_field"),
        ({"batch_id": ...}, "missing_field"),
        ({"who": ...}, "missing_field"),
        ({"why": ...}, "missing_field"),
        ({"seconds": ...}, "missing_field"),
    ],
)
def test_a_wrong_field_is_refused(change: dict[str, Any], reason: str) -> None:
    fields = {name: value for name, value in (GOOD | change).items() if value is not ...}
    with pytest.raises(RejectedError) as caught:
        decode(b"b", json.dumps(fields).encode(), MAX)
    assert caught.value.reason == reason
    assert decode(b"b", json.dumps(GOOD).encode(), MAX).act == Extend(ID, "ada", "late", 60)


@pytest.mark.parametrize("key", [None, b"", b"B", b"b\0", b"\xff"])
def test_a_key_that_is_not_the_batch_id_is_refused(key: bytes | None) -> None:
    with pytest.raises(RejectedError, match="key"):
        decode(key, json.dumps(GOOD).encode(), MAX)


def test_nothing_is_written_that_could_not_be_read() -> None:
    for act in (
        Extend(ID, "ada", "late", 0),
        ForceComplete("no uuid", "ada", "late"),
        Discard(ID, "", "late"),
        DiscardUpload(ID, "ada", "late", "\0"),
        ForceComplete(ID, "ada", "\ud800"),
    ):
        with pytest.raises(RejectedError):
            encode("b", act)
    with pytest.raises(RejectedError):
        encode("", ForceComplete(ID, "ada", "late"))
    with pytest.raises(RejectedError):
        encode("\ud800", ForceComplete(ID, "ada", "late"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "x"]), inner, max_size=4),
    max_leaves=8,
)


@examples(400)
@given(st.none() | st.binary(max_size=20), st.none() | st.binary(max_size=60) | JSON.map(json.dumps).map(str.encode))
def test_whatever_the_bytes_are_they_are_refused_with_a_reason(key: bytes | None, value: bytes | None) -> None:
    with pytest.raises(RejectedError):
        decode(key, value, MAX)


@examples(400)
@given(st.dictionaries(st.sampled_from([*GOOD, "essay_ids", "file_upload_id"]), JSON, max_size=3))
def test_a_changed_act_is_read_or_refused(change: dict[str, Any]) -> None:
    try:
        found = decode(b"b", json.dumps(GOOD | change).encode(), MAX)
    except RejectedError:
        return
    assert found.batch_id == "b"
    assert UUID(found.act.act_id)
