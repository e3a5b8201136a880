"""The parts that need no worker: who owns what, sums, cursors, the index of ids, sentences, slow listeners."""

from pathlib import Path
from typing import Any

import pytest
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

from app.api.cluster.cluster import read_cursor, write_cursor
from app.api.cluster.membership import Members, members_of
from app.api.cluster.peer_models import LocalOverview, LocalStanding
from app.api.errors import ApiError
from app.api.http.stream import Listener
from app.api.present import batch_models, models, views
from app.api.present.summing import overview_of
from app.engine.state.store import Store
from app.policy import policy_of
from app.settings import Settings
from tables import batches
from tables.glances import glance_of
from tables.index import ids_after
from tests.core.play import play

LOG = "rollcall-log"
A, B = "http://a:1", "http://b:1"


def member(url: str, partitions: list[int]) -> tuple[Any, ...]:
    """A member as the broker describes it; a worker that has just joined tells its address all the same."""
    subscription = ConsumerProtocolMemberMetadata(4, [LOG, "input"], f'{{"url": "{url}"}}'.encode())
    assignment = ConsumerProtocolMemberAssignment(4, [(LOG, partitions), ("input", [7])], b"compressed, whatever it is")
    return url, "rollcall", "/127.0.0.1", subscription.encode(), assignment.encode()


def test_the_group_says_who_owns_which_partition_of_the_log() -> None:
    members = [member(A, [2, 0]), member(B, [])]
    found = members_of((0, "rollcall", "Stable", "consumer", "faust", members), LOG)
    assert found == Members(stable=True, owned={A: (0, 2), B: ()})


@pytest.mark.parametrize("state", ["PreparingRebalance", "CompletingRebalance"])
def test_while_the_group_rebalances_nothing_is_known(state: str) -> None:
    assert not members_of((0, "rollcall", state, "consumer", "", [(A, "", "", b"", b"")]), LOG).stable


def test_a_group_without_members_owns_nothing() -> None:
    assert members_of((0, "rollcall", "Empty", "consumer", "", []), LOG) == Members(stable=True, owned={})


def part(*partitions: int, complete: int | None = 1) -> LocalOverview:
    counts = models.Counts(unregistered=1, open=2, complete=complete, discarded=0)
    return LocalOverview(
        ready=True,
        partitions=[
            models.PartitionInfo(partition=partition, owner="me", ready=True, lag=partition) for partition in partitions
        ],
        inputs=[],
        standings=[
            LocalStanding(partition=partition, counts=counts, pending_uploads=3, oldest_pending=None, stuck=1)
            for partition in partitions
        ],
    )


def overview(owned: dict[str, tuple[int, ...]], parts: dict[str, LocalOverview]) -> models.Overview:
    return overview_of(Settings(_env_file=None), A, owned, parts)  # type: ignore[call-arg]


def test_what_nobody_answers_for_is_missing_and_not_counted() -> None:
    found = overview({A: (0,), B: (1,)}, {A: part(0)})
    assert found.missing == [1, 2]
    assert [(partition.owner, partition.ready) for partition in found.partitions] == [
        (A, True),
        (B, False),
        (None, False),
    ]
    assert found.counts.open == 2
    assert [worker.reachable for worker in found.workers] == [True, False]


def test_a_partition_that_two_claim_is_counted_once() -> None:
    found = overview({A: (0,), B: (1, 2)}, {A: part(0, 1), B: part(1, 2)})
    assert (found.counts.open, found.pending_uploads, found.stuck) == (6, 9, 3)
    assert found.missing == []


def test_a_count_that_one_worker_has_not_yet_is_nobodys() -> None:
    found = overview({A: (0, 1), B: (2,)}, {A: part(0, 1), B: part(2, complete=None)})
    assert (found.counts.complete, found.counts.discarded, found.counts.open) == (None, 0, 6)


def test_receipts_are_summed_and_of_closed_batches_the_oldest_is_told() -> None:
    def with_closed(retired: int | None, *oldest: int | None) -> LocalOverview:
        told = part(*range(len(oldest)))
        closed = [
            one.model_copy(update={"retired": retired, "oldest_closed": since})
            for one, since in zip(told.standings, oldest, strict=True)
        ]
        return told.model_copy(update={"standings": closed})

    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    owned: dict[str, tuple[int, ...]] = {A: (0, 1, 2)}
    found = overview_of(settings, A, owned, {A: with_closed(2, None, 5_000, 9_000)}, 10_000)
    assert (found.retired, found.oldest_closed_seconds) == (6, 5.0)
    assert overview(owned, {A: with_closed(None, 1, 1, 1)}).retired is None  # still being counted
    assert overview({A: (0,)}, {A: part(0)}).oldest_closed_seconds is None


@pytest.mark.parametrize("place", [(0, "a"), (1_764_000_000_000, "å/%?"), (5, "")])
def test_a_cursor_is_read_as_it_was_written(place: tuple[int, str]) -> None:
    assert read_cursor(write_cursor(place)) == place


@pytest.mark.parametrize("text", ["", "x", "bnVsbA", "W10", "eyJhIjoxfQ", "å", "W1td"])
def test_any_other_text_is_no_cursor(text: str) -> None:
    with pytest.raises(ApiError) as caught:
        read_cursor(text)
    assert caught.value.status == 400


def test_ids_are_found_by_how_they_begin_whatever_their_length(tmp_path: Path) -> None:
    store = Store(tmp_path / "partition-0")
    store.open()
    ids = ["a", "b", "ab", "ba", "abc", "b" * 300, "ab" * 40, "å", "åb", "ab\x01", "\xff"]
    for number, batch_id in enumerate(ids):
        for step in range(3):  # several rows each
            key, value = batches.row(batch_id, list(play("R1", batch_id).steps[0].facts))
            store.write({key[:-1] + bytes([step]): value}, number)
    for beginning in ("", "a", "ab", "b", "å", "abc", "x", "ab\x01"):
        expected = sorted(
            (batch_id for batch_id in ids if batch_id.startswith(beginning)),
            key=lambda batch_id: (len(batch_id.encode()), batch_id),
        )
        assert list(ids_after(store, beginning)) == expected
        for index, batch_id in enumerate(expected):
            assert list(ids_after(store, beginning, batch_id)) == expected[index + 1 :]
    store.close()


@pytest.mark.parametrize(
    ("sequence", "sentence"),
    [
        ("R3 C0 C1", "waits for 1 of 3 slots: "),
        ("R3 F0", "waits for 2 of 3 slots: "),
        ("C0", "1 upload waits for the registration"),
        ("C0 F1", "2 uploads wait for the registration"),
        ("R2 C0 F1", "complete: 1 filled, 1 failed, of 2 slots"),
        ("R1 C0", "complete: 1 filled, 0 failed, of 1 slot"),
    ],
)
def test_a_reason_says_what_is_missing(sequence: str, sentence: str) -> None:
    batch = play(sequence).batch
    assert views.reason(glance_of(batch)).startswith(sentence)
    for slot in views.empty_slots(batch):
        assert slot in views.reason(glance_of(batch))


def test_a_reason_names_a_few_slots_and_counts_the_others() -> None:
    assert views.listed(["a", "b", "c"]) == "a, b, c"
    assert views.listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_a_slow_listener_gets_the_latest_of_each_batch_once_and_never_more_than_is_kept() -> None:
    batch_id = Listener()
    shown = views.summary(glance_of(play("R2", "slow").batch), 0, 0, 1000)
    for filled in range(3):
        changes = batch_models.BatchChanges(
            changed=[shown.model_copy(update={"filled": filled})], removed=[], more=False
        )
        batch_id.tell(None, changes)
    said = batch_id.take().decode()
    assert said.count('"batch_id":"slow"') == 1
    assert '"filled":2' in said
    assert batch_id.take() == b""
    for number in range(1500):
        changed = [shown.model_copy(update={"batch_id": f"batch-{number}"})]
        batch_id.tell(None, batch_models.BatchChanges(changed=changed, removed=[], more=False))
    said = batch_id.take().decode()
    assert said.count('"batch_id"') <= 1000
    assert '"more":true' in said


def test_a_long_answer_is_written_in_pieces_and_reads_the_same() -> None:
    slot = batch_models.Slot(
        essay_id='a"å😀\n',
        state="empty",
        file_upload_id=None,
        text_storage_id=None,
        file_name=None,
        error_code=None,
        moment=None,
    )
    for many in (0, 1, 999, 1000, 1001, 2000, 2500):
        answer = views.whole(
            play("R2 C0").batch,
            0,
            1000,
            stuck_after=1,
            policy=policy_of(Settings(_env_file=None)),  # type: ignore[call-arg]
            owner="http://a:1",
        ).model_copy(update={"slot_list": [slot] * many})
        assert answer.text() == answer.model_dump_json()
