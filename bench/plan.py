"""All figures, and what is measured for each, sized by one number of events."""

from collections.abc import Sequence

from bench.cells import Cell, Cells, JoinOnly, Throughput
from bench.figures import Figure
from bench.retention import BATCHES, Retention, retention_figures
from bench.retiring import BATCHES as RETIRED
from bench.retiring import OverDeletions, Retiring, over_deletions_figures, retiring_figures
from bench.roll import Roll, roll_figures
from bench.special import Latency, Restore
from bench.takeover import Takeover, open_figures
from bench.trial import Phase
from bench.watched import Watched
from bench.workload import TYPICAL_SLOTS, Part

CPU = "main.cpu_seconds_per_million"
SPEED = "main.events_per_second"
CONTENT_CPU = "main.cpu_microseconds_per_content"
CHANGELOG = "main.changelog_bytes_per_content"


class Plan:
    """All figures and their cells, sized by the number of events."""

    def __init__(self, events: int, partitions: int) -> None:
        self.events = events
        self.partitions = partitions
        self.cells = Cells()
        self.figures: list[Figure] = []
        self._compare()
        self._shapes()
        self._state()
        self._board()
        self._others()
        self._roll()
        self._takeover()
        self._retention()

    def select(self, only: Sequence[str], contestants: Sequence[str]) -> tuple[list[Figure], dict[str, Cell]]:
        """The figures of these names (all if none is given), and their cells that are of these contestants.

        ``roll`` stands for ``roll:kill.moves`` and all others of that run.

        Raises ValueError for a name that is none.
        """
        names = {figure.name for figure in self.figures}
        if unknown := set(only) - names - {name.partition(":")[0] for name in names}:
            message = f"no such figure: {', '.join(sorted(unknown))}"
            raise ValueError(message)
        figures = [
            figure for figure in self.figures if not only or {figure.name, figure.name.partition(":")[0]} & set(only)
        ]
        wanted = {cell for figure in figures for cell in figure.cells}
        cells = {
            name: cell
            for name, cell in self.cells.by_name.items()
            if name in wanted and (not contestants or cell.contestant.name in contestants)
        }
        return figures, cells

    def _part(self, name: str, events: int, slots: int = TYPICAL_SLOTS) -> Part:
        return Part.of_events(name, events, self.partitions, slots)

    def _cold(self) -> Phase:
        return Phase("cold", self._part("cold", self.events // 10))

    def _warm(self, divisor: int = 2, slots: int = TYPICAL_SLOTS) -> Phase:
        return Phase("warm", self._part("warm", self.events // divisor, slots))

    def _main(self, divisor: int = 1, slots: int = TYPICAL_SLOTS) -> Phase:
        return Phase("main", self._part("main", self.events // divisor, slots))

    def _throughput(self, name: str, contestant: str, *phases: Phase, workers: int = 1) -> str:
        return self.cells.add(Throughput(name, contestant, phases, workers))

    def _usual(self, contestant: str) -> str:
        """The usual cell of a contestant; stock Faust gets a fiftieth, which still takes it as long as the others."""
        less = 50 if contestant == "faust" else 1
        if less > 1:
            phases = (
                Phase("cold", self._part("cold", self.events // 10 // less)),
                self._main(less),
            )
            return self._throughput(contestant, contestant, *phases)
        return self._throughput(contestant, contestant, self._cold(), self._warm(), self._main())

    def warm_up(self, contestant: str) -> Cell:
        """What the broker does before the first round: the first tenth of the events, by one of the contestants."""
        return Throughput("warm-up", contestant, (self._cold(),), 1)

    def _compare(self) -> None:
        ours = self._usual("rollcall")
        java = tuple(map(self._usual, ("streams-batch", "streams-row")))
        title = "CPU seconds per million events against Kafka Streams, the better layout"
        self.figures += [
            Figure("cpu", title, ours, CPU, java, goal=1.0, stretch=0.75),
            Figure(
                "speed",
                "events/s against Kafka Streams, both warm",
                *(ours, SPEED, java),
                most=False,
                goal=0.8,
                stretch=1.0,
                high=True,
            ),
            Figure(
                "cold", "first events after start, CPU against Kafka Streams", ours, "cold.cpu_seconds", java, goal=0.5
            ),
            Figure(
                "quix",
                "events/s against Quix Streams",
                *(ours, SPEED, (self._usual("quix"),)),
                most=False,
                goal=2.5,
                high=True,
            ),
            Figure(
                "faust",
                "events/s against stock Faust",
                *(ours, SPEED, (self._usual("faust"),)),
                most=False,
                goal=60,
                high=True,
            ),
            Figure(
                "eos",
                "events/s, exactly once against at least once",
                *(self._usual("rollcall-eos"), SPEED, (ours,)),
                most=False,
                goal=0.8,
                high=True,
            ),
            Figure(
                "eos-streams",
                "CPU, exactly once against Kafka Streams' exactly once",
                *(self._usual("rollcall-eos"), CPU),
                tuple(map(self._usual, ("streams-batch-eos", "streams-row-eos"))),
            ),
            Figure(
                "native", "CPU with the native part against its Python twin", ours, CPU, (self._usual("rollcall-pure"),)
            ),
            Figure("raw", "CPU against a raw consumer, which does nothing", ours, CPU, (self._usual("raw"),)),
        ]
        phases = (self._cold(), self._warm(), self._main())
        join = self.cells.add(JoinOnly("rollcall-join-only", "rollcall", phases))
        self.figures.append(
            Figure("hop", "the re-key hop's share of the CPU", ours, CPU, (join,), goal=0.5, kind="complement")
        )

    def _shapes(self) -> None:
        """Batches of another size, another interleaving."""

        def sized(contestant: str, slots: int) -> str:
            main = self._main(2, slots)
            return self._throughput(f"{contestant}-{slots}-slots", contestant, self._warm(4, slots), main)

        large, small = 10_000, 10
        self.figures += [
            Figure(
                "flat",
                "CPU a content at 10,000 slots a batch against 10",
                *(sized("rollcall", large), CONTENT_CPU, (sized("rollcall", small),)),
                goal=1.3,
            ),
            Figure(
                "flat-streams",
                "the same for Kafka Streams, a row a content",
                sized("streams-row", large),
                CONTENT_CPU,
                (sized("streams-row", small),),
            ),
            Figure("changelog-25", "changelog bytes a content at 25 slots", sized("rollcall", 25), CHANGELOG),
            Figure("changelog-10000", "changelog bytes a content at 10,000 slots", sized("rollcall", large), CHANGELOG),
            Figure(
                "changelog",
                "changelog bytes a content at 10,000 slots against 25",
                *(sized("rollcall", large), CHANGELOG, (sized("rollcall", 25),)),
                goal=2.0,
            ),
        ]
        worst = Phase("main", Part("worst", self._main().part.batches, order="worst", partitions=self.partitions))
        self.figures.append(
            Figure(
                "worst",
                "events/s, worst interleaving against the typical one",
                *(self._throughput("rollcall-worst", "rollcall", self._cold(), self._warm(), worst), SPEED),
                ("rollcall",),
                most=False,
                goal=0.6,
                high=True,
            )
        )

    def _state(self) -> None:
        """Much state: pending contents, open batches, a restore."""
        pending = Part("pending", max(1, self.events // 30), registered=False, partitions=self.partitions)
        phases = (self._cold(), self._warm(), Phase("pending", pending), self._main())
        open_batches = Part("open", max(1, self.events // 10), slots=25, missing=1, partitions=self.partitions)
        held = self._throughput("rollcall-open", "rollcall", Phase("main", open_batches))
        slots = Part("slots", max(1, self.events // 30), partitions=self.partitions)
        restore = self.cells.add(Restore("rollcall-restore", "rollcall", [Phase("fill", slots)]))
        self.figures += [
            Figure(
                "pending",
                "events/s with as many pending contents open against none",
                *(self._throughput("rollcall-pending", "rollcall", *phases), SPEED, ("rollcall",)),
                most=False,
                goal=0.9,
                high=True,
            ),
            Figure("memory", "peak MB of a tenth as many open batches of 25", held, "peak_mb"),
            Figure(
                "restore",
                "rows/s of a restore against a raw read of the changelog",
                *(restore, "restore.rows_per_second", (restore,), "raw.rows_per_second"),
                most=False,
                goal=0.5,
                high=True,
            ),
        ]

    def _board(self) -> None:
        """Ten thousand open batches (a hundredth of the events), with the board open and without."""
        open_batches = Part("open", max(1, self.events // 100), slots=4, missing=1, partitions=self.partitions)
        phases = (self._cold(), self._warm(), Phase("open", open_batches), self._main())
        alone = self._throughput("rollcall-unwatched", "rollcall", *phases)
        watched = self.cells.add(Watched("rollcall-watched", "rollcall", phases, before="open"))
        title = "with the board open on a hundredth as many open batches, against not: "
        self.figures += [
            Figure("board-cpu", f"CPU {title}the worker", watched, CPU, (alone,), goal=1.05),
            Figure("board", f"events/s {title}one worker", watched, SPEED, (alone,), most=False, goal=0.95, high=True),
        ]

    def _others(self) -> None:
        live = Part("live", max(2, self.events // 1600), slots=4, partitions=self.partitions)
        for contestant in ("rollcall", "rollcall-eos", "streams-batch"):
            cell = self.cells.add(Latency(f"{contestant}-latency", contestant, [self._cold()], live))
            suffix = contestant.removeprefix("rollcall")
            name = f"latency{'-' if suffix and suffix[0] != '-' else ''}{suffix}"
            goal = 3.0 if contestant == "rollcall" else None
            title = f"last content to Ready at 50 events/s, p99 against a bare round trip: {contestant}"
            self.figures.append(Figure(name, title, cell, "ready.p99_ms", (cell,), "bare.p99_ms", goal=goal))
            self.figures.append(
                Figure(f"{name}-p50", title.replace("p99", "p50"), cell, "ready.p50_ms", (cell,), "bare.p50_ms")
            )
        for workers in (2, 4):
            cell_name = self._throughput(
                f"rollcall-{workers}-workers", "rollcall", self._cold(), self._warm(), self._main(), workers=workers
            )
            title = f"events/s of {workers} workers against one"
            self.figures.append(
                Figure(f"scale-{workers}", title, cell_name, SPEED, ("rollcall",), most=False, high=True)
            )

    def _roll(self) -> None:
        """How long partitions are not served while workers are exchanged: several figures of one run."""
        for name, guarantee in (("roll", "exactly_once"), ("roll-once", "at_least_once")):
            self.figures += roll_figures(name, guarantee, self.cells.add(Roll(f"rollcall-{name}", guarantee)))

    def _retention(self) -> None:
        """What stays of batches that come and are retired for ever: several figures of one run."""
        self.figures += retention_figures(self.cells.add(Retention("rollcall-retention", BATCHES)))
        self.figures += retiring_figures(self.cells.add(Retiring("rollcall-retiring", RETIRED, self.partitions)))
        deleted = OverDeletions("rollcall-restore-deleted", self.events // 11, self.partitions)
        self.figures += over_deletions_figures(self.cells.add(deleted))

    def _takeover(self) -> None:
        """What a takeover costs with a standby copy, against without."""
        phases = (Phase("cold", self._part("cold", self.events)),)
        without, copied = (self.cells.add(Takeover(f"rollcall-{copies}-standbys", phases, copies)) for copies in (0, 1))
        for quantity, what in (("seconds", "seconds of a takeover"), ("restored_records", "records that it restores")):
            title = f"{what} after kill -9, exactly once"
            quantity_name = f"takeover.{quantity}"
            self.figures += [
                Figure(f"standby:{quantity}", f"{title}: with a standby copy", copied, quantity_name),
                Figure(f"standby:{quantity}-without", f"{title}: without", without, quantity_name),
            ]
        self.figures += open_figures(self.cells, self.events, self.partitions)
