"""How far a worker is behind: records of its partitions that it has not worked off.

Read off what the fetcher knows already: every answer to a fetch says where its partition ends, and an idle partition is
fetched twice a second. Nothing is asked of the broker. A partition that is not being fetched, because what was fetched
of it waits, is behind by at least what it says.
"""

from typing import TYPE_CHECKING

from aiokafka import TopicPartition

if TYPE_CHECKING:
    from app.engine.faust import App


def lags(app: "App") -> dict[TopicPartition, int]:
    """The lag of every assigned partition, in records; one of which nothing has been fetched yet is left out.

    It is what lies between the position of the consumer and the end of the partition, and what the engine has in hand.
    Unlike the offset that is committed, the position passes the markers of transactions, so an input that ends in one
    has a lag of 0.
    """
    thread = getattr(app.consumer, "_thread", None)
    consumer = getattr(thread, "_consumer", None)
    # aiokafka says these only one at a time and on the consumer's own thread; here they are only read.
    subscription = None if consumer is None else consumer._subscription.subscription  # noqa: SLF001 - see above
    assignment = None if subscription is None else subscription.assignment
    if assignment is None:
        return {}
    found: dict[TopicPartition, int] = {}
    for partition in assignment.tps:
        state = assignment.state_value(partition)
        if state is None or state.highwater is None or not state.has_valid_position:
            continue
        found[partition] = max(0, state.highwater - state.position) + app.engine.in_hand(partition)
    return found
