"""The mutations that are tried, where, and how each one was caught."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from tests.crash import keeping_mutations, mutations, retiring_mutations
from tests.crash.mutations import Mutation
from tests.crash.scenario import GUARANTEES, Scenario
from tests.crash.sweep import crashes, keepers, sweep, zombies

ONCE, EXACTLY = GUARANTEES
SEED = 3


@dataclass(frozen=True)
class Trial:
    """A mutation, and the kind of scenarios that it is tried in: those first that strike closest to ``near``.

    That is the operation where it shows, as far as it is known. Else half of all runs find nothing.
    """

    mutation: Mutation
    guarantee: str
    kind: str  # crash, zombie or keeper
    at: str = ""
    harmless: bool = False
    job: str = "essays"
    near: int = 0

    @property
    def name(self) -> str:
        """The mutation and the guarantee."""
        return f"{self.mutation.__name__}, {self.guarantee}" + f", {self.job}" * (self.job != "essays")

    @property
    def what(self) -> str:
        """What is changed, in a sentence."""
        return (self.mutation.__doc__ or "").partition("\n")[0]

    def scenarios(self, seed: int) -> list[Scenario]:
        """The scenarios; their points are those of the mutated engine."""
        every: Callable[..., list[Scenario]] = {"crash": crashes, "zombie": zombies, "keeper": keepers}[self.kind]
        return every(seed, self.guarantee, mutation=self.mutation, at=self.at, job=self.job)

    def distance(self, scenario: Scenario) -> int:
        """How far from ``near`` it strikes; all are as far where nothing is known."""
        return abs(scenario.crash.number - self.near) if scenario.crash and self.near else 0


TRIALS = (
    Trial(mutations.no_barrier, ONCE, "crash"),
    Trial(mutations.changelog_before_outputs, ONCE, "crash"),
    Trial(mutations.changelog_beside_outputs, ONCE, "crash", near=77),
    Trial(mutations.changelog_first_in_transaction, EXACTLY, "crash", harmless=True),
    Trial(mutations.store_before_changelog, ONCE, "crash", near=56),
    Trial(mutations.store_before_changelog, EXACTLY, "crash", near=56),
    Trial(mutations.store_claims_the_end, ONCE, "zombie", near=19),
    Trial(mutations.offset_before_changelog, ONCE, "crash", near=11),
    Trial(mutations.offset_before_changelog, EXACTLY, "crash", near=20),
    Trial(mutations.offset_of_the_next_chunk, EXACTLY, "crash"),
    Trial(mutations.no_fence, EXACTLY, "zombie"),
    Trial(mutations.value_per_batch, ONCE, "zombie", at="append", near=97),
    Trial(mutations.key_without_last_offset, ONCE, "zombie", at="sim-log", near=93),
    Trial(mutations.hop_acknowledges_first, ONCE, "crash", at="sim-log"),
    Trial(mutations.hop_acknowledges_first, EXACTLY, "crash", at="sim-log"),
    Trial(mutations.no_watermark, EXACTLY, "crash", near=20),
    Trial(mutations.uncommitted_restore, EXACTLY, "crash"),
    Trial(mutations.read_before_fence, EXACTLY, "zombie", near=5),
    Trial(keeping_mutations.kept_at_the_groups_offset, ONCE, "keeper", near=22),
    Trial(keeping_mutations.retaken_as_it_was, EXACTLY, "keeper"),
    Trial(keeping_mutations.offset_read_last, ONCE, "keeper", at="committed offsets"),
    Trial(keeping_mutations.goes_on_where_the_group_says, EXACTLY, "crash", harmless=True),
    Trial(retiring_mutations.receipt_last, ONCE, "crash", at="changelog", job="retirements", near=81),
    Trial(retiring_mutations.receipt_last, EXACTLY, "crash", job="retirements", harmless=True),
    Trial(retiring_mutations.receipt_without_rows_gone, ONCE, "crash", job="retirements"),
    Trial(retiring_mutations.receipt_without_rows_gone, EXACTLY, "crash", job="retirements"),
    Trial(retiring_mutations.order_without_those_before, ONCE, "crash", at="changelog", job="forgetting", near=81),
    Trial(retiring_mutations.receipt_without_digest, ONCE, "crash", job="retirements"),
    Trial(retiring_mutations.receipt_without_digest, EXACTLY, "crash", job="retirements"),
)


@dataclass
class Caught:
    """In how many of how many runs a mutation was caught, and how many violations each check saw there."""

    runs: int = 0
    caught: int = 0
    checks: Counter[str] = field(default_factory=Counter)
    first: str = ""


def attempt(trial: Trial, most: int, *, enough: int, seed: int = SEED) -> Caught:
    """Try a mutation in at most ``most`` scenarios, drawn from all, until it was caught in ``enough`` of them; those
    first that lie near where it shows.

    A run counts only if it is right without the mutation.
    """
    scenarios = trial.scenarios(seed)
    drawn = Random(seed).sample(scenarios, min(most, len(scenarios)))  # noqa: S311 - a seed, so that it can be repeated
    caught = Caught()
    for scenario in sorted(drawn, key=trial.distance):
        report = sweep([scenario], mutation=trial.mutation)
        caught.runs += 1
        if report.bad and not sweep([scenario]).bad:
            caught.caught += 1
            caught.checks += report.checks
            caught.first = caught.first or scenario.command
        if caught.caught >= enough:
            break
    return caught


def table(results: list[tuple[Trial, Caught]]) -> Iterator[str]:
    """The mutations and which check caught each."""
    yield f"{'mutation':<56}{'runs':>6}{'caught':>8}  violations by check"
    for trial, caught in results:
        seen = ", ".join(f"{check} {count}" for check, count in caught.checks.most_common())
        harmless = "none: harmless" if trial.harmless else "NONE"
        yield f"{trial.name:<56}{caught.runs:>6}{caught.caught:>8}  {seen or harmless}"


__all__ = ["TRIALS", "Caught", "Trial", "attempt", "table"]
