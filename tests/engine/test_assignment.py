"""The assignment: balanced, with as little moved as that allows, and nothing given that somebody still holds."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from app.engine.assignment import Member, Place, assign, standbys, targets
from tests.core.examples import examples

LOG = "log"
NAMES = ("a", "b", "c", "d", "e")

counts = st.fixed_dictionaries({LOG: st.integers(1, 9), "x": st.integers(1, 7), "y": st.integers(1, 3)})


def places(topics: dict[str, int]) -> list[Place]:
    return [(topic, number) for topic, count in topics.items() for number in range(count)]


@st.composite
def groups(draw: st.DrawFn) -> tuple[dict[str, int], dict[str, Member]]:
    """A group in any state: each partition held by nobody, by one, or, as they say, by two; state here and there."""
    topics = draw(counts)
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    held: dict[str, set[Place]] = {name: set() for name in names}
    # Made once each: Hypothesis looks at one that is new as long as it draws from it.
    holders = st.lists(st.sampled_from(names), max_size=2, unique=True)
    numbers = st.integers(0, topics[LOG] - 1)
    states, running = st.dictionaries(numbers, st.integers(0, 99)), st.none() | st.frozensets(numbers)
    for place in places(topics):
        for name in draw(holders):
            held[name].add(place)
    near = {name: draw(states) for name in names}
    runs = {name: draw(running) for name in names}
    return topics, {name: Member(frozenset(held[name]), near[name], runs=runs[name]) for name in names}


def rounds(topics: dict[str, int], members: dict[str, Member], most: int) -> list[dict[str, set[Place]]]:
    """Assignments one after the other, each member going on with what it has been given."""
    given_out = []
    for _ in range(most):
        answer = assign(LOG, topics, members)
        given_out.append(answer)
        members = {name: member._replace(held=frozenset(answer[name])) for name, member in members.items()}
    return given_out


@given(groups())
def test_nobody_is_given_what_another_one_holds(group: tuple[dict[str, int], dict[str, Member]]) -> None:
    topics, members = group
    for name, mine in assign(LOG, topics, members).items():
        for other, member in members.items():
            assert other == name or not mine & member.held


@given(groups())
def test_nothing_is_given_to_two(group: tuple[dict[str, int], dict[str, Member]]) -> None:
    topics, members = group
    holders = Counter(place for mine in assign(LOG, topics, members).values() for place in mine)
    assert not holders or max(holders.values()) == 1


@given(groups())
def test_whatever_state_a_group_is_in_it_soon_has_all_given_out_and_moves_nothing_more(
    group: tuple[dict[str, int], dict[str, Member]],
) -> None:
    topics, members = group
    *_, fifth, sixth = rounds(topics, members, 6)
    assert sorted(place for mine in fifth.values() for place in mine) == sorted(places(topics))
    assert fifth == sixth


@given(counts, st.integers(1, 4), st.sampled_from(["comes", "goes"]))
@examples(50)
def test_one_that_comes_or_goes_takes_two_rounds_at_the_most(topics: dict[str, int], size: int, what: str) -> None:
    group = rounds(topics, dict.fromkeys(NAMES[:size], Member()), 3)[-1]
    members = {name: Member(frozenset(mine)) for name, mine in group.items()}
    if what == "comes":
        members["e"] = Member()
    elif size > 1:
        members.pop(NAMES[0])
    first, second, third = rounds(topics, members, 3)
    assert second == third
    if what == "goes":
        given_out = {place for mine in first.values() for place in mine if place[0] == LOG}
        assert given_out == {place for place in places(topics) if place[0] == LOG}, "nobody held it"


@given(st.integers(1, 9), st.integers(1, 5))
def test_with_as_many_partitions_in_each_topic_no_worker_has_more_than_one_above_another(count: int, size: int) -> None:
    topics = dict.fromkeys((LOG, "x", "y", "z"), count)
    members = {"a": Member(frozenset(places(topics)))} | dict.fromkeys(NAMES[1:size], Member())
    sizes = [len(mine) for mine in rounds(topics, members, 3)[-1].values()]
    assert max(sizes) - min(sizes) <= 1


@given(groups())
def test_each_topic_is_spread_evenly(group: tuple[dict[str, int], dict[str, Member]]) -> None:
    topics, members = group
    for topic in topics:
        sizes = [sum(place[0] == topic for place in mine) for mine in targets(LOG, topics, members).values()]
        assert max(sizes) - min(sizes) <= 1


@given(groups(), st.randoms())
def test_the_order_of_the_members_is_of_no_matter(group: tuple[dict[str, int], dict[str, Member]], rng: object) -> None:
    topics, members = group
    names = list(members)
    rng.shuffle(names)  # type: ignore[attr-defined]
    assert assign(LOG, topics, {name: members[name] for name in names}) == assign(LOG, topics, members)


@given(counts, st.integers(1, 4))
@examples(50)
def test_who_comes_gets_no_more_of_the_log_than_its_share_and_who_leaves_leaves_the_others_theirs(
    topics: dict[str, int], size: int
) -> None:
    group = rounds(topics, dict.fromkeys(NAMES[:size], Member()), 3)[-1]
    held = {name: Member(frozenset(mine)) for name, mine in group.items()}
    grown = targets(LOG, topics, {**held, "e": Member()})
    moved = [place for name, mine in group.items() for place in mine - grown[name] if place[0] == LOG]
    assert len(moved) == sum(place[0] == LOG for place in grown["e"]), "only what the one who came gets"
    gone = NAMES[0]
    rest = {name: member for name, member in held.items() if name != gone}
    if rest:
        shrunk = targets(LOG, topics, rest)
        for name in rest:
            mine = {place for place in group[name] if place[0] == LOG}
            assert mine <= shrunk[name], "what stays is not moved"


def test_what_nobody_holds_goes_to_whom_has_the_most_of_its_state() -> None:
    members = {"a": Member(near={0: 5}), "b": Member(near={0: 9, 1: 0}), "c": Member(near={2: 1})}
    assert targets(LOG, {LOG: 3}, members) == {"a": {(LOG, 1)}, "b": {(LOG, 0)}, "c": {(LOG, 2)}}


def test_a_worker_gives_up_what_the_one_who_comes_has_the_state_of() -> None:
    members = {"a": Member(held=frozenset({(LOG, 0), (LOG, 1), (LOG, 2)})), "b": Member(near={1: 7})}
    assert assign(LOG, {LOG: 3}, members) == {"a": {(LOG, 0), (LOG, 2)}, "b": set()}
    members["a"] = Member(held=frozenset({(LOG, 0), (LOG, 2)}))
    assert assign(LOG, {LOG: 3}, members) == {"a": {(LOG, 0), (LOG, 2)}, "b": {(LOG, 1)}}


def test_a_worker_gives_up_what_it_has_not_taken_over_yet_before_what_it_runs() -> None:
    held = frozenset({(LOG, 0), (LOG, 1)})
    for comes in ({}, {0: 0}, {1: 0}, {0: 0, 1: 0}):
        members = {"a": Member(held, runs=frozenset({1})), "b": Member(near=comes)}
        assert assign(LOG, {LOG: 2}, members) == {"a": {(LOG, 1)}, "b": set()}


def test_one_of_a_release_that_does_not_say_what_it_runs_runs_what_it_holds() -> None:
    members = {"a": Member(frozenset({(LOG, 0), (LOG, 1)})), "b": Member(near={1: 0})}
    assert targets(LOG, {LOG: 2}, members) == {"a": {(LOG, 0)}, "b": {(LOG, 1)}}


def test_nobody_is_filled_up_with_what_it_has_no_state_of_while_there_is_what_it_has() -> None:
    members = {"a": Member(near={2: 0}), "b": Member(near={0: 0, 1: 0}), "c": Member()}
    assert targets(LOG, {LOG: 3}, members) == {"a": {(LOG, 2)}, "b": {(LOG, 0)}, "c": {(LOG, 1)}}


@given(groups(), st.integers(1, 3))
def test_standby_copies_are_kept_by_others_than_the_owner_as_many_as_there_can_be(
    group: tuple[dict[str, int], dict[str, Member]], copies: int
) -> None:
    topics, members = group
    members = {name: member._replace(stands_by=True) for name, member in members.items()}
    kept = standbys(LOG, topics[LOG], members, copies)
    owned = targets(LOG, topics, members)
    for number in range(topics[LOG]):
        keepers = [name for name in members if number in kept[name]]
        assert len(keepers) == min(copies, len(members) - 1)
        assert not any((LOG, number) in owned[name] for name in keepers)
    assert kept == standbys(LOG, topics[LOG], dict(reversed(members.items())), copies)


def test_a_standby_copy_stays_where_it_is_and_its_keeper_is_the_next_owner() -> None:
    held = {"a": [(LOG, 0)], "b": [(LOG, 1)], "c": [(LOG, 2)]}
    near = {"a": {1: 70}, "b": {2: 80}, "c": {0: 90}}
    members = {name: Member(frozenset(held[name]), near[name], stands_by=True) for name in held}
    assert standbys(LOG, 3, members, 1) == {"a": {1}, "b": {2}, "c": {0}}
    del members["b"]
    assert (LOG, 1) in assign(LOG, {LOG: 3}, members)["a"]


def test_a_worker_that_keeps_no_copies_is_asked_for_none() -> None:
    members = {"a": Member(stands_by=True), "b": Member(), "c": Member()}
    assert {name for name, numbers in standbys(LOG, 3, members, 2).items() if numbers} == {"a"}
