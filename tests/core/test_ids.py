"""Event ids: UUIDv5 of topic and business key, the same for ever, and never shared."""

from uuid import NAMESPACE_URL, UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from app.core.messages import event_id
from tests.core.examples import examples
from tests.core.models import MODELS
from tests.core.play import played
from tests.core.test_outputs import every_kind
from tests.oracle import topics
from tests.support.events import content, failure, message, registration


def test_event_ids_differ_between_topics_batches_and_keys() -> None:
    ids = {
        event_id(*parts)
        for parts in (("t", "a"), ("t", "b"), ("u", "a"), ("t", "a", "b"), ("t", "ab"), ("t", "a", "", "b"), ("ta",))
    }
    assert len(ids) == 7
    assert event_id("t", "a") == event_id("t", "a")
    assert UUID(event_id("t", "a")).version == 5


@examples(200)
@given(
    st.lists(st.text(st.sampled_from("ab/å"), max_size=3), max_size=3),
    st.lists(st.text(st.sampled_from("ab/å"), max_size=3), max_size=3),
)
def test_no_two_business_keys_run_together(key: list[str], other: list[str]) -> None:
    assert (event_id("t", *key) == event_id("t", *other)) == (key == other)


def test_event_ids_are_stable_for_ever() -> None:
    """They are what consumers tell repeats by: a release that changes them repeats everything."""
    ready = next(output for output in every_kind() if output.topic == topics.READY)
    assert ready.event_id == event_id(topics.READY, "b")
    assert len({event_id(output.topic, "b") for output in every_kind()}) == len(MODELS)


@examples(100)
@given(st.lists(st.text(max_size=6).filter(lambda part: "\0" not in part), max_size=3))
def test_event_ids_are_the_standard_librarys_uuid5(parts: list[str]) -> None:
    assert event_id("t", *parts) == str(uuid5(NAMESPACE_URL, "\0".join(["t", *parts])))


def test_the_same_slot_text_or_upload_of_another_batch_is_another_event() -> None:
    def ids(batch: str) -> list[tuple[str, str]]:
        inputs = [
            registration(batch, ["e", "f"]),
            content(batch, "u", "t"),
            failure(batch, "v"),
            content(batch, "w", "x"),
        ]
        return [
            (output.topic, output.event_id) for output in played([message(output) for output in inputs], batch).said
        ]

    output, other = ids("b"), ids("c")
    assert [topic for topic, _ in output] == [topic for topic, _ in other]
    assert len({topic for topic, _ in output}) == 5
    assert not set(output) & set(other)
