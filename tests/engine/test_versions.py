"""Which requests a broker knows is read as aiokafka reads it, and once for each answer."""

from io import BytesIO
from typing import Any

import pytest
from aiokafka.protocol.admin import ApiVersionResponse_v0, ApiVersionResponse_v1
from aiokafka.protocol.struct import Struct
from hypothesis import given
from hypothesis import strategies as st

from app.engine.kafka import aiokafka_patches
from tests.core.examples import examples

aiokafka_patches.install()

SHORT = st.integers(-(2**15), 2**15 - 1)
KNOWN = st.lists(st.tuples(SHORT, SHORT, SHORT), max_size=5)
ANSWERS = st.builds(ApiVersionResponse_v0, SHORT, KNOWN) | st.builds(
    ApiVersionResponse_v1, SHORT, KNOWN, st.integers(-(2**31), 2**31 - 1)
)


@examples(100)
@given(ANSWERS)
def test_an_answer_is_what_aiokafka_reads(answer: Any) -> None:
    kind, written = type(answer), answer.encode()
    theirs = Struct.decode.__func__(kind, written)
    assert kind.decode(BytesIO(written)) == kind.decode(written) == theirs == answer
    assert type(kind.decode(written)) is kind


def test_the_same_answer_is_read_once_and_another_one_by_itself() -> None:
    first, other = (ApiVersionResponse_v0(0, [(18, 0, most)]).encode() for most in (3, 4))
    stream = BytesIO(b"head" + first)
    stream.seek(4)  # the head has been read
    found = ApiVersionResponse_v0.decode(stream)
    assert found is ApiVersionResponse_v0.decode(BytesIO(first))
    assert found.api_versions == [(18, 0, 3)]
    assert ApiVersionResponse_v0.decode(BytesIO(other)).api_versions == [(18, 0, 4)]


@pytest.mark.parametrize("kind", [ApiVersionResponse_v0, ApiVersionResponse_v1])
def test_an_answer_that_ends_too_soon_is_refused_each_time(kind: Any) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="unpack"):
            kind.decode(BytesIO(b"\0\0\0\0\0\1\0"))
