"""The waiting line: what it says is what sorting all would say."""

import random

from hypothesis import given
from hypothesis import strategies as st

from tables.waiting_queue import WaitingQueue

IDS = st.sampled_from([f"batch-{number}" for number in range(12)])
TIMES = st.integers(0, 30)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), IDS, TIMES),
        st.tuples(st.just("drop"), IDS, TIMES),
        st.tuples(st.just("ask"), IDS, TIMES),
    ),
    max_size=60,
)


@given(STEPS)
def test_a_line_is_what_sorting_would_say(steps: list[tuple[str, str, int]]) -> None:
    line = WaitingQueue()
    truth: dict[str, int] = {}
    for what, key, time in steps:
        if what == "put":
            line.put(key, time)
            truth[key] = time
        elif what == "drop":
            assert line.drop(key) == (truth.pop(key, None) is not None)
        ordered = sorted((since, name) for name, since in truth.items())
        assert list(line.after()) == ordered
        assert line.oldest() == (ordered[0][0] if ordered else None)
        assert list(line.after((time, key))) == [place for place in ordered if place > (time, key)]
        assert line.waiting_since(time) == sum(since <= time for since, _ in ordered)
        assert len(line) == len(truth)


def test_who_has_left_takes_no_place_for_long() -> None:
    line = WaitingQueue()
    for number in range(100_000):
        line.put(f"batch-{number}", number)
        if number >= 50:
            line.drop(f"batch-{number - 50}")
    assert len(line) == 50
    assert len(line._order) <= 2 * 50 + 1000


def test_a_line_that_was_closed_up_still_counts() -> None:
    """Closing up happens beyond a thousand gaps, which the small examples above never reach."""
    line, truth, pick = WaitingQueue(), {}, random.Random(7)  # noqa: S311 - the same each time is what is wanted
    for number in range(20_000):
        name = f"batch-{pick.randrange(300)}"
        if pick.random() < 0.5:
            since = number - pick.randrange(200)
            line.put(name, since)
            truth[name] = since
        else:
            line.drop(name)
            truth.pop(name, None)
        if number % 97 == 0:
            assert list(line.after()) == sorted((since, key) for key, since in truth.items())
            assert line.waiting_since(number - 100) == sum(since <= number - 100 for since in truth.values())
