"""The applications that the driver runs, by name."""

from dataclasses import replace
from functools import partial
from typing import Final

from app.core.names import OUTPUTS, SLOT_ASSIGNED
from app.topology import topology
from app.wire.record import SOURCE_HEADER
from tests.crash.checks import violations
from tests.crash.job import Job
from tests.crash.script import INPUT_PARTITIONS, PENDING_TTL, READINESS_TIMEOUT, REFUSING, RETENTION, RETIRING, script
from tests.second_job import simulation

ESSAYS = Job(
    name="essays",
    topology=topology,
    script=script,
    partitions=INPUT_PARTITIONS | dict.fromkeys(OUTPUTS, 1) | {SLOT_ASSIGNED: 2},
    source=SOURCE_HEADER,
    patience=max(PENDING_TTL, READINESS_TIMEOUT),
    violations=violations,
)

#: The same with texts whose ids are too long for the ready events: the world's budgets are small.
REFUSALS = replace(ESSAYS, name="refusals", script=partial(script, kinds=REFUSING))

#: The same with batches that are retired between two acts: their receipts are kept, or go before the next one.
RETIREMENTS = replace(
    ESSAYS,
    name="retirements",
    script=partial(script, kinds=RETIRING),
    patience=PENDING_TTL + RETENTION,
    violations=partial(violations, judged=False),
    settings=(("batch_retention_seconds", RETENTION), ("receipt_retention_seconds", 0)),
)
FORGETTING = replace(
    RETIREMENTS,
    name="forgetting",
    patience=PENDING_TTL + 2 * RETENTION,
    settings=(("batch_retention_seconds", RETENTION), ("receipt_retention_seconds", RETENTION)),
)

#: The same by a worker whose small chunks wait for their turns: with one a second most go when they have waited for
#: long enough.
PACED = replace(ESSAYS, name="paced", settings=(("chunks_per_second", 1),))

JOBS: Final = {job.name: job for job in (ESSAYS, REFUSALS, RETIREMENTS, FORGETTING, PACED, simulation.JOB)}
