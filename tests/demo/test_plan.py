from hypothesis import given
from hypothesis import strategies as st

from demo.file_service import validation_error
from demo.plan import REGISTRATION_RELAY_DELAY, SCENARIOS, UPLOAD_RELAY_DELAY, PlannedBatch, make_plan


def early_uploads(batch: PlannedBatch) -> int:
    registered = batch.at + REGISTRATION_RELAY_DELAY
    return sum(upload.at + UPLOAD_RELAY_DELAY < registered for upload in batch.uploads)


def test_the_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    assert make_plan(7, 12, 6) == make_plan(7, 12, 6)
    assert make_plan(7, 12, 6) != make_plan(8, 12, 6)


def test_the_default_plan_shows_every_scenario() -> None:
    plan = make_plan(7, 12, 6)
    assert sorted(batch.scenario for batch in plan.batches) == sorted(scenario.name for scenario in SCENARIOS)
    assert plan.registration_crashes
    assert plan.upload_crashes


@given(seed=st.integers(), batches=st.integers(1, 30), essays=st.integers(1, 12))
def test_every_batch_gets_what_completes_it(seed: int, batches: int, essays: int) -> None:
    plan = make_plan(seed, batches, essays)
    assert len({batch.batch_id for batch in plan.batches}) == batches
    uploads = [upload.file_upload_id for batch in plan.batches for upload in batch.uploads]
    assert len(set(uploads)) == len(uploads)
    assert plan.upload_crashes <= set(uploads)
    for batch in plan.batches:
        assert len(set(batch.essay_ids)) == essays <= len(batch.uploads)
        assert [upload.at for upload in batch.uploads] == sorted(upload.at for upload in batch.uploads)


@given(seed=st.integers())
def test_timing_decides_which_side_of_the_registration_the_contents_are_on(seed: int) -> None:
    for batch in make_plan(seed, 12, 6).batches:
        early = early_uploads(batch)
        if batch.scenario.startswith("race"):
            assert early >= len(batch.essay_ids)
        elif batch.scenario.startswith("on time"):
            assert early == 0


@given(seed=st.integers())
def test_the_file_service_rejects_exactly_the_uploads_that_are_planned_to_fail(seed: int) -> None:
    for batch in make_plan(seed, 12, 6).batches:
        for upload in batch.uploads:
            assert (validation_error(upload.text) is None) == upload.valid
