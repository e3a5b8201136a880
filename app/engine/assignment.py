"""Which worker gets which partition: balanced, and with as little moved as that allows. A pure function.

Each topic is spread evenly: no worker has two partitions of it more than another one. The log comes first, since its
partitions have state; the inputs then even out what is left over. A worker keeps what it holds up to its share; what
it must give up goes, where there is a choice, to one that has the state already; and what it has been given but not
yet taken over it gives up before what it runs.

Nobody is given what another worker still holds: it is left out, its holder sees that it has lost it, lets it go and
joins again; then it is nobody's. Two that say they hold the same (one of them was away and does not know yet) both
lose it in the same way.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

#: A topic and a partition of it.
Place = tuple[str, int]


class Member(NamedTuple):
    """What a worker says of itself: what it holds and goes on with, and of which partitions of the log it has state.

    With each of those, how far of the changelog the state is; 0 where it is not known. ``stands_by``: whether it keeps
    standby copies. ``release``: which it is of; empty where it does not say. ``runs``: which partitions of the log it
    has taken over; None where it does not say, which is taken for all that it holds.
    """

    held: frozenset[Place] = frozenset()
    near: Mapping[int, int] = MappingProxyType({})
    stands_by: bool = False
    release: str = ""
    runs: frozenset[int] | None = None


def assign(log: str, counts: Mapping[str, int], members: Mapping[str, Member]) -> dict[str, set[Place]]:
    """What each worker is to have now. ``counts`` are the partitions of each topic, ``log`` the one with state."""
    target = targets(log, counts, members)
    holders = Counter(place for member in members.values() for place in member.held)
    return {
        name: {place for place in places if holders[place] == (place in members[name].held)}
        for name, places in target.items()
    }


def standbys(log: str, count: int, members: Mapping[str, Member], copies: int) -> dict[str, set[int]]:
    """Which worker keeps standby copies of which partitions of the log: so many of each, on others than its owner is.

    Evenly, and where there is a choice by whom has most of the state. Fewer copies where there are fewer workers.
    """
    owner = {number: name for name, places in targets(log, {log: count}, members).items() for topic, number in places}
    willing = [name for name in sorted(members) if members[name].stands_by]
    kept: dict[str, set[int]] = {name: set() for name in members}
    if not willing:
        return kept
    most = -(-count * copies // len(willing))
    for _ in range(copies):
        for number in range(count):
            open_to = [name for name in willing if name != owner.get(number) and number not in kept[name]]
            if open_to:
                chosen = min(
                    open_to,
                    key=lambda name: (
                        len(kept[name]) >= most,
                        -members[name].near.get(number, -1),
                        len(kept[name]),
                        name,
                    ),
                )
                kept[chosen].add(number)
    return kept


def targets(log: str, counts: Mapping[str, int], members: Mapping[str, Member]) -> dict[str, set[Place]]:
    """What each worker is to have in the end. The same answer for the same members, in whatever order.

    Inputs have no state, so they are moved too where that makes the workers' numbers of partitions more equal.
    """
    kept, even = (_targets(log, counts, members, evenly=evenly) for evenly in (False, True))
    return even if _slope(kept) > max(1, _slope(even)) else kept


def _slope(given: Mapping[str, set[Place]]) -> int:
    sizes = [len(places) for places in given.values()] or [0]
    return max(sizes) - min(sizes)


def _targets(
    log: str, counts: Mapping[str, int], members: Mapping[str, Member], *, evenly: bool
) -> dict[str, set[Place]]:
    given: dict[str, set[Place]] = {name: set() for name in sorted(members)}
    for topic in sorted(counts, key=lambda name: (name != log, name)):
        claims = {
            name: [(topic, number) for number in range(counts[topic]) if (topic, number) in members[name].held]
            for name in given
        }
        quotas = _quotas(counts[topic], claims, given, evenly=evenly and topic != log)
        theirs = {name: member if topic == log else Member() for name, member in members.items()}
        for name, places in _spread(topic, counts[topic], claims, quotas, given, theirs).items():
            given[name] |= places
    return given


def _quotas(
    count: int, claims: Mapping[str, Sequence[Place]], given: Mapping[str, set[Place]], *, evenly: bool
) -> dict[str, int]:
    """How many partitions of a topic each worker gets: all the same, and one more for those that are first."""
    if not claims:
        return {}
    low, over = divmod(count, len(claims))

    def order(name: str) -> tuple[int, bool, int, str]:
        load = len(given[name])
        return (load if evenly else 0, len(claims[name]) <= low, load, name)

    first = set(sorted(claims, key=order)[:over])
    return {name: low + (name in first) for name in claims}


def _spread(
    topic: str,
    count: int,
    claims: Mapping[str, Sequence[Place]],
    quotas: Mapping[str, int],
    given: Mapping[str, set[Place]],
    members: Mapping[str, Member],
) -> dict[str, set[Place]]:
    """The partitions of one topic, by worker."""
    taken = _kept(claims, quotas, members)
    kept = set().union(*taken.values())

    def with_room() -> list[str]:
        return [name for name in taken if len(taken[name]) < quotas[name]]

    def load(name: str) -> tuple[int, str]:
        return len(given[name]) + len(taken[name]), name

    # Whoever has state of one is given that one, before anybody is filled up with what it has none of.
    others = []
    for place in ((topic, number) for number in range(count) if (topic, number) not in kept):
        far = {name: members[name].near[place[1]] for name in with_room() if place[1] in members[name].near}
        if far:
            taken[min(far, key=lambda name: (-far[name], load(name)))].add(place)
        else:
            others.append(place)
    for place in others:
        taken[min(with_room(), key=load)].add(place)
    return taken


def _kept(
    claims: Mapping[str, Sequence[Place]], quotas: Mapping[str, int], members: Mapping[str, Member]
) -> dict[str, set[Place]]:
    """What each worker keeps of what it holds."""
    short = [name for name in claims if len(claims[name]) < quotas[name]]
    taken: dict[str, set[Place]] = {}
    kept: set[Place] = set()
    for name, claimed in claims.items():
        runs = members[name].runs
        wanted = [place for place in claimed if place not in kept]
        # Given up first: what it does not run yet, then what one that gets more has the state of already.
        wanted.sort(
            key=lambda place: (
                runs is not None and place[1] not in runs,
                any(place[1] in members[to].near for to in short),
            )
        )
        taken[name] = set(wanted[: quotas[name]])
        kept |= taken[name]
    return taken
