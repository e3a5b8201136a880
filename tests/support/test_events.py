"""The ids that events of tests have."""

from uuid import NAMESPACE_URL, uuid5

from hypothesis import given
from hypothesis import strategies as st

from tests.support.events import uid


@given(st.lists(st.text() | st.integers(), min_size=1))
def test_an_id_is_the_uuid_of_its_parts_by_the_book(parts: list[str | int]) -> None:
    assert uid(*parts) == str(uuid5(NAMESPACE_URL, "/".join(map(str, parts))))
