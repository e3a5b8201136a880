"""The moment that a completed batch carries: the latest event time of what completed it."""

import json

from tests.core.play import data_bytes, played
from tests.oracle import topics
from tests.support.events import content, failure, message, registration


def test_a_completed_batch_carries_the_latest_moment_of_what_completed_it() -> None:
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        inputs = [
            registration("b", ["e", "f"]),
            content("b", "u", "t", second=7200),  # the latest, wherever it stands in the log
            failure("b", "v", second=60),
        ]
        found = played([message(inputs[number]) for number in order])
        for topic in (topics.READY, topics.ERRORS):
            data = json.loads(data_bytes(found.about(topic)[0]))
            assert data["metadata"]["timestamp"] == "2026-03-02T10:00:00Z"
        assert json.loads(data_bytes(found.about(topics.COMPLETED)[0]))["timestamp"] == "2026-03-02T10:00:00Z"


def test_the_registration_may_be_the_latest_moment() -> None:
    first = registration("b", ["e"])
    first["event_timestamp"] = "2026-03-05T01:02:03.000004+01:00"
    found = played([message(content("b", "u", "t")), message(first)])
    data = json.loads(data_bytes(found.about(topics.READY)[0]))
    assert data["metadata"]["timestamp"] == "2026-03-05T00:02:03.000004Z"


def test_what_is_in_excess_does_not_move_the_moment() -> None:
    inputs = [registration("b", ["e"]), content("b", "v", "y"), content("b", "u", "t", second=7200)]
    early = played([message(given) for given in [*inputs[1:], inputs[0]]])
    direct = played([message(given) for given in inputs])
    assert [data_bytes(given) for given in early.about(topics.READY)] == [
        data_bytes(given) for given in direct.about(topics.READY)
    ]
