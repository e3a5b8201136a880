import io

import pytest
from rich.console import Console

from demo.board import Board
from demo.cells import ASCII, UNICODE, Glyphs
from demo.check import check
from demo.events import CONTENT, OLD_RULE, READY, REGISTERED, Record
from demo.plan import Plan, make_plan
from demo.summary import problem_lines, summary
from demo.view import frame, progress_line
from tests.demo.records import record, registration, right_outputs, upload_event


def old_rule_says(batch_id: str, kind: str, **more: str) -> Record:
    return record(OLD_RULE, {"kind": kind, "batch_id": batch_id, **more}, 1.0)


def early_inputs(plan: Plan) -> list[Record]:
    return [upload_event(upload, 1.0) for batch in plan.batches for upload in batch.uploads]


def registrations(plan: Plan) -> list[Record]:
    return [registration(batch, 3.0) for batch in plan.batches]


def board_of(*records: Record) -> Board:
    board = Board()
    for each in records:
        board.apply(each)
    return board


def picture(board: Board, *, columns: int = 80, lines: int = 24, now: float = 200.0, glyphs: Glyphs = UNICODE) -> str:
    console = Console(record=True, width=columns, height=lines, file=io.StringIO(), force_terminal=True)
    console.print(frame(board, started_at=0.0, now=now, size=(columns, lines), glyphs=glyphs))
    return console.export_text()


def row_of(shown: str, batch_id: str) -> str:
    return next(line for line in shown.splitlines() if line.startswith(batch_id))


RACE = make_plan(7, 1, 6)
BATCH_ID = RACE.batches[0].batch_id


def test_uploads_before_their_registration_are_shown_as_pending() -> None:
    row = row_of(picture(board_of(*early_inputs(RACE))), BATCH_ID)
    assert row.count(UNICODE.pending) == 6
    assert "no registration yet" in row


def test_reconciled_texts_fill_the_slots_and_the_batch_is_ready() -> None:
    row = row_of(picture(board_of(*early_inputs(RACE), *registrations(RACE), *right_outputs(RACE))), BATCH_ID)
    assert UNICODE.reconciled * 6 in row
    assert "READY" in row
    assert UNICODE.pending not in row


def test_slots_fill_only_with_what_rollcall_published() -> None:
    row = row_of(picture(board_of(*early_inputs(RACE), *registrations(RACE))), BATCH_ID)
    assert UNICODE.free * 6 in row
    assert "open" in row


def test_failures_are_drawn_at_the_back() -> None:
    plan = make_plan(7, 6, 6)
    batch = next(batch for batch in plan.batches if batch.scenario == "on time, some rejected")
    inputs = [registration(batch, 1.0), *(upload_event(upload, 2.0) for upload in batch.uploads)]
    row = row_of(picture(board_of(*inputs, *right_outputs(plan))), batch.batch_id)
    assert UNICODE.direct * 5 + UNICODE.failed in row


def test_a_batch_that_the_old_rule_left_hanging_is_named_so() -> None:
    dropped = [
        old_rule_says(BATCH_ID, "dropped", text=upload.text_storage_id) for upload in RACE.batches[0].uploads * 2
    ]
    board = board_of(*early_inputs(RACE), *dropped, *registrations(RACE), *right_outputs(RACE))
    assert "0/6 waits for ever" in row_of(picture(board), BATCH_ID)
    assert "(6 dropped)" in row_of(picture(board, columns=120), BATCH_ID)
    assert "0/6 waiting" in row_of(picture(board, now=100.5), BATCH_ID)


def test_a_dropped_text_that_got_its_slot_after_all_does_not_count_as_dropped() -> None:
    said = [old_rule_says(BATCH_ID, "dropped", text="t"), old_rule_says(BATCH_ID, "assigned", text="t")]
    board = board_of(*registrations(RACE), *said)
    assert "1/6 waiting" in row_of(picture(board, columns=120), BATCH_ID)
    assert "dropped" not in row_of(picture(board, columns=120), BATCH_ID)


def test_a_batch_that_the_old_rule_completes_is_named_so() -> None:
    said = [old_rule_says(BATCH_ID, "assigned", text=f"t{number}") for number in range(6)]
    board = board_of(*registrations(RACE), *said, old_rule_says(BATCH_ID, "complete"))
    assert "6/6 complete" in row_of(picture(board), BATCH_ID)


def test_repeats_are_counted_and_change_nothing() -> None:
    once = [*early_inputs(RACE), *registrations(RACE), *right_outputs(RACE)]
    board, again = board_of(*once), board_of(*once, *once)
    assert (board.redeliveries, board.repeated_answers) == (0, 0)
    assert (again.redeliveries, again.repeated_answers) == (7, len(right_outputs(RACE)))
    assert row_of(picture(again), BATCH_ID) == row_of(picture(board), BATCH_ID)


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40), (200, 60)])
def test_the_picture_fits_the_terminal_and_counts_what_it_does_not_show(columns: int, lines: int) -> None:
    plan = make_plan(7, 100, 30)
    shown = picture(
        board_of(*early_inputs(plan), *registrations(plan), *right_outputs(plan)), columns=columns, lines=lines
    )
    rows = shown.splitlines()
    assert len(rows) <= lines
    assert max(map(len, rows)) <= columns
    visible = sum(row.startswith("b") and not row.startswith("batch") for row in rows)
    assert f"and {100 - visible} more" in shown


def test_an_output_without_unicode_gets_ascii() -> None:
    board = board_of(*early_inputs(RACE), *registrations(RACE), *right_outputs(RACE))
    assert "******" in row_of(picture(board, glyphs=ASCII), BATCH_ID)


def test_the_latency_runs_from_the_last_needed_event_to_ready() -> None:
    batch = RACE.batches[0]
    uploads = [upload_event(upload, 1.0 + number) for number, upload in enumerate(batch.uploads)]  # the last at 6.0
    ready = [each for each in right_outputs(RACE, at=6.2) if each.topic == READY]  # seen 0.01 s later
    board = board_of(*uploads, registration(batch, 3.0), *ready)
    assert board.batches[BATCH_ID].latency == pytest.approx(0.21)


def test_garbage_among_the_inputs_is_passed_over() -> None:
    board = board_of(Record(CONTENT, 0, 0, None, b"\xff", 1.0, 1.0), Record(REGISTERED, 0, 0, None, None, 1.0, 1.0))
    assert (board.records, board.batches) == (2, {})


def test_the_progress_line_and_the_summary_tell_the_same_figures() -> None:
    plan = make_plan(7, 12, 6)
    board = board_of(*early_inputs(plan), *registrations(plan), *right_outputs(plan))
    assert "12 batches seen, 0 pending" in progress_line(board, started_at=0.0, now=200.0)
    console = Console(record=True, width=80, file=io.StringIO())
    console.print(summary(board, check(plan, right_outputs(plan)), relay_crashes=3))
    text = " ".join(console.export_text().split())
    for figure in ("batches 12", "complete under Rollcall 12", "hung under the old rule 12", "outcomes right 12 of 12"):
        assert figure in text


def test_a_wrong_batch_is_named_with_its_problems() -> None:
    outputs = [each for each in right_outputs(RACE) if each.topic != READY]
    lines = problem_lines(check(RACE, outputs))
    assert lines[0] == f"wrong: {BATCH_ID}"
    assert "0 distinct ready events" in lines[1]
    assert problem_lines(check(RACE, right_outputs(RACE))) == []
