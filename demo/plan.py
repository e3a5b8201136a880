"""What will happen in the demo, fixed by the seed before anything starts.

Pure: the same (seed, batches, essays) gives the same plan. The plan is the ground truth that `demo.check` holds the
outcome against; the services act it out, and nobody else sees it.
"""

from dataclasses import dataclass
from random import Random
from typing import Literal
from uuid import UUID

REGISTRATION_RELAY_DELAY = 2.0
"""Seconds between a registration's outbox row and its publication."""
UPLOAD_RELAY_DELAY = 0.5
"""Seconds between an upload's outbox row and its publication: 1.5 s less, so an upload made at once overtakes."""

Timing = Literal["race", "split", "on time"]
COURSES = ("ENG5", "ENG6", "ENG7", "SV1", "SV2", "SV3")


@dataclass(frozen=True, slots=True)
class PlannedUpload:
    """A file that a teacher uploads `at` seconds after the start. The file service accepts its text or rejects it."""

    batch_id: str
    file_upload_id: str
    file_name: str
    raw_file_storage_id: str
    text_storage_id: str
    text: str
    valid: bool
    at: float
    correlation_id: UUID


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """A batch that is registered `at` seconds after the start, with its uploads in the order in which they are made."""

    batch_id: str
    scenario: str
    essay_ids: tuple[str, ...]
    course_code: str
    user_id: str
    class_id: str | None
    at: float
    correlation_id: UUID
    uploads: tuple[PlannedUpload, ...]

    @property
    def contents(self) -> tuple[PlannedUpload, ...]:
        """The uploads whose text is accepted."""
        return tuple(upload for upload in self.uploads if upload.valid)

    @property
    def failures(self) -> tuple[PlannedUpload, ...]:
        """The uploads that validation rejects."""
        return tuple(upload for upload in self.uploads if not upload.valid)


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole story: its batches, and the outbox keys at which a relay crashes between publishing and marking."""

    batches: tuple[PlannedBatch, ...]
    registration_crashes: frozenset[str]
    upload_crashes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What one batch shows. `failed` and `surplus` are shares of its slots; `late` surplus comes after completion."""

    timing: Timing
    failed: float = 0.0
    surplus: float = 0.0
    late: bool = False

    @property
    def name(self) -> str:
        """The scenario in words."""
        words: list[str] = [self.timing]
        if self.failed:
            words.append("all rejected" if self.failed >= 1 else "some rejected")
        if self.surplus:
            words.append("late surplus" if self.late else "surplus")
        return ", ".join(words)


SCENARIOS = (
    Scenario("race"),
    Scenario("on time"),
    Scenario("race", failed=0.2),
    Scenario("race", surplus=0.3),
    Scenario("split"),
    Scenario("on time", failed=0.2),
    Scenario("on time", surplus=0.3, late=True),
    Scenario("race", failed=1.0),
    Scenario("split", failed=0.2),
    Scenario("race", failed=0.2, surplus=0.3),
    Scenario("on time"),
    Scenario("race", surplus=0.2, late=True),
)
"""Dealt out in turn, the telling ones first, so that even two batches show the difference, and twelve every rule."""

WINDOWS: dict[Timing, tuple[float, float]] = {"race": (0.0, 1.0), "split": (0.3, 3.2), "on time": (2.2, 4.0)}
"""Seconds after the registration in which the uploads are made. An upload overtakes the registration when it is made
less than 2.0 - 0.5 = 1.5 s after it; 0.5 and 0.7 s to either side are left for a slow machine."""
LATE_SURPLUS = (5.0, 5.6)
"""Seconds after the registration: by then the slots are taken (the last needed upload is made at 4.0)."""
START_WINDOW = 6.0
"""Seconds over which the batches begin, while there are few of them."""
STARTS_A_SECOND = 10.0
"""With many batches the window grows, so that one laptop can keep up."""
REGISTRATION_CRASHES = (0.15, 3)
"""The share of registrations at which their relay crashes, and the most: each crash also repeats the rows around it."""
UPLOAD_CRASHES = (0.06, 6)
"""The same of uploads."""

_WORDS = (
    "the",
    "school",
    "library",
    "should",
    "stay",
    "open",
    "longer",
    "because",
    "reading",
    "needs",
    "quiet",
    "time",
)


def make_plan(seed: int, batches: int, essays: int) -> Plan:
    """Return the plan for `batches` batches of `essays` slots each (both at least 1). Deterministic."""
    rng = Random(seed)  # noqa: S311 - a repeatable story, no secret
    window = max(START_WINDOW, batches / STARTS_A_SECOND)
    starts = [round(window * index / batches, 3) for index in range(batches)]
    rng.shuffle(starts)
    planned = [
        _plan_batch(rng, index, essays, SCENARIOS[index % len(SCENARIOS)], at) for index, at in enumerate(starts)
    ]
    planned.sort(key=lambda batch: batch.at)
    uploads = [upload.file_upload_id for batch in planned for upload in batch.uploads]
    return Plan(
        batches=tuple(planned),
        registration_crashes=_some(rng, [batch.batch_id for batch in planned], *REGISTRATION_CRASHES),
        upload_crashes=_some(rng, uploads, *UPLOAD_CRASHES),
    )


def _some(rng: Random, items: list[str], share: float, most: int) -> frozenset[str]:
    return frozenset(rng.sample(items, min(most, max(1, round(share * len(items))))))


def _plan_batch(rng: Random, index: int, essays: int, scenario: Scenario, at: float) -> PlannedBatch:
    tag = f"{rng.getrandbits(16):04x}"
    batch_id = f"b{index + 1:02d}-{tag}"
    # A batch of "some rejected" keeps at least one text, so that it has a ready event.
    failed = essays if scenario.failed >= 1 else min(essays - 1, max(1, round(scenario.failed * essays)))
    failed = failed if scenario.failed else 0
    surplus = max(1, round(scenario.surplus * essays)) if scenario.surplus else 0
    first, last = WINDOWS[scenario.timing]
    moments = sorted(rng.uniform(first, last) for _ in range(essays + (0 if scenario.late else surplus)))
    rejected = set(rng.sample(range(len(moments)), failed))
    if scenario.late:
        moments += sorted(rng.uniform(*LATE_SURPLUS) for _ in range(surplus))
    return PlannedBatch(
        batch_id=batch_id,
        scenario=scenario.name,
        essay_ids=tuple(f"essay-{tag}-{slot + 1:03d}" for slot in range(essays)),
        course_code=rng.choice(COURSES),
        user_id=f"teacher-{rng.randrange(1, 40):02d}",
        class_id=rng.choice((None, f"class-{rng.randrange(1, 9)}")),
        at=at,
        correlation_id=_uuid(rng),
        uploads=tuple(
            _plan_upload(rng, batch_id, number, at + moment, valid=number not in rejected)
            for number, moment in enumerate(moments)
        ),
    )


def _plan_upload(rng: Random, batch_id: str, number: int, at: float, *, valid: bool) -> PlannedUpload:
    words = rng.randrange(40, 80) if valid else rng.choice((0, 3))
    return PlannedUpload(
        batch_id=batch_id,
        file_upload_id=f"upload-{_uuid(rng)}",
        file_name=f"{batch_id}-{number + 1:03d}.txt",
        raw_file_storage_id=f"raw-{_uuid(rng)}",
        text_storage_id=f"text-{_uuid(rng)}",
        text=" ".join(rng.choices(_WORDS, k=words)),
        valid=valid,
        at=round(at, 3),
        correlation_id=_uuid(rng),
    )


def _uuid(rng: Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)
