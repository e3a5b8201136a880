"""A fetch is written, and its answer read, as aiokafka does it: the same bytes, the same values, the same refusals."""

from io import BytesIO
from typing import Any

import pytest
from aiokafka.protocol.fetch import FetchRequest_v11, FetchResponse_v11
from aiokafka.protocol.struct import Struct
from hypothesis import given
from hypothesis import strategies as st

from app.engine.kafka import aiokafka_patches
from app.engine.kafka.aiokafka_patches import fetches
from tests.core.examples import examples


def whole(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def several(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(one, max_size=3)


NAMES = st.text(max_size=9)
ASKED = st.tuples(whole(32), whole(32), whole(64), whole(64), whole(32))
REQUESTS = st.builds(
    FetchRequest_v11,
    *(whole(32), whole(32), whole(32), whole(32), whole(8), whole(32), whole(32)),
    several(st.tuples(NAMES, several(ASKED))) | st.none(),
    several(st.tuples(NAMES, several(whole(32)))),
    NAMES | st.none(),
)
ABORTED = several(st.tuples(whole(64), whole(64))) | st.none()
FOUND = st.tuples(
    whole(32), whole(16), whole(64), whole(64), whole(64), ABORTED, whole(32), st.binary(max_size=40) | st.none()
)
ANSWERS = st.builds(
    FetchResponse_v11,
    *(whole(32), whole(16), whole(32)),
    several(st.tuples(NAMES | st.none(), several(FOUND) | st.none())) | st.none(),
)


@examples(300)
@given(REQUESTS)
def test_a_request_has_the_bytes_that_aiokafka_writes(request: Any) -> None:
    assert fetches.encode(request) == Struct.encode(request)


@examples(100)
@given(
    st.builds(
        FetchRequest_v11, *[st.integers(0, 9)] * 7, several(st.tuples(NAMES, several(ASKED))), st.just([]), st.just("")
    )
)
def test_a_request_as_a_worker_sends_it_is_not_written_field_by_field(request: Any) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(fetches, "_encode_by_field", lambda _: pytest.fail("field by field"))
        assert fetches.encode(request) == Struct.encode(request)


@examples(300)
@given(ANSWERS, st.data())
def test_an_answer_has_the_values_that_aiokafka_reads_and_one_that_is_cut_off_is_refused(
    answer: Any, data: Any
) -> None:
    sent = answer.encode()
    read = fetches.decode(FetchResponse_v11, sent)
    assert read == answer
    assert [type(value) for value in vars(read).values()] == [type(value) for value in vars(answer).values()]
    behind = BytesIO(b"head" + sent)
    behind.seek(4)
    assert fetches.decode(FetchResponse_v11, behind) == answer
    cut = sent[: data.draw(st.integers(0, len(sent) - 1))]
    with pytest.raises(ValueError, match="too soon"):
        fetches.decode(FetchResponse_v11, cut)


def test_consumers_write_and_read_so() -> None:
    aiokafka_patches.install()
    assert FetchRequest_v11.encode is fetches.encode
    assert FetchResponse_v11.decode.__func__ is fetches.decode
