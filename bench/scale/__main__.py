"""`python3 run.py scale`: measure, fit, print the tables, write the JSON."""

import argparse
import asyncio
import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from aiokafka.errors import KafkaError as AIOKafkaError

from bench.process import ContestantError
from bench.scale.document import DocumentError, as_json, lacking, read
from bench.scale.field import held_on, split_cores
from bench.scale.fit import FitError
from bench.scale.model import Model, Results, fitted
from bench.scale.rebalance import Moved, rebalance
from bench.scale.restored import PARTITIONS as RESTORED_PARTITIONS
from bench.scale.restored import Restored, restores
from bench.scale.table import tables
from bench.scale.throughput import PARTITIONS, Seen, throughput
from bench.stage import Stage, say
from demo.kafka import KafkaError

PARTS = ("throughput", "rebalance", "restore")

#: Partitions of the inputs and of those outputs that are made before a worker starts, where others are measured.
_INPUT_PARTITIONS = 12


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    brokers: tuple[Literal[1, 3], ...] = (1, 3)
    workers: tuple[int, ...] = (1, 2, 4, 8)
    rates: tuple[float, ...] = (50.0, 400.0, 2000.0)
    seconds: float = 6.0
    backlog: int = 200_000
    partitions: tuple[int, ...] = (12, 96, 384)
    restores: tuple[int, ...] = (20_000, 80_000, 240_000)


QUICK = Sizes((1,), (1, 2), (100.0, 400.0, 800.0), 3.0, 10_000, (12, 48), (5_000, 20_000))


def main() -> int:
    """Run what the options say. The exit status is 1 if a part failed, 130 if it was interrupted, else 0."""
    options = _parser().parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    begun = time.monotonic()
    sizes = QUICK if options.quick else Sizes()
    if options.brokers:
        sizes = replace(sizes, brokers=tuple(options.brokers))
    try:
        failed = asyncio.run(_measure(sizes, options))
    except KeyboardInterrupt:
        return 130
    except DocumentError as error:
        say(str(error))
        return 1
    say(f"all of it took {time.monotonic() - begun:.0f} s; the JSON is in {options.json}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.py scale", description="What grows with workers, partitions and state.")
    add = parser.add_argument
    add("--quick", action="store_true", help="a short form: one broker, two workers, 48 partitions")
    add("--part", "--only", dest="only", action="append", choices=PARTS, help="this part; may be given again")
    add("--brokers", action="append", type=int, choices=(1, 3), help="throughput on so many; may be given again")
    add("--resume", action="store_true", help="measure what the JSON lacks, and fit to all that it has then")
    add("--json", type=Path, default=Path("scale-results.json"), help="where the JSON goes (default: %(default)s)")
    add("--logs", type=Path, help="keep the logs of the workers of the rebalances in this directory")
    add("--directory", type=Path, help="where the data goes meanwhile (default: the system's temporary directory)")
    return parser


class Run:
    """The parts, one after the other: what each measured, and what failed."""

    def __init__(self, sizes: Sizes, options: argparse.Namespace) -> None:
        self._sizes = sizes
        self._options = options
        self._cores = split_cores()
        known = read(options.json) if options.resume else Results()
        self._seen: list[Seen] = list(known.seen)
        self._moved: list[Moved] = list(known.moved)
        self._restored: list[Restored] = list(known.restored)
        self.failed: list[str] = []
        self.model = Model()

    @property
    def results(self) -> Results:
        """What was measured until now."""
        return Results(self._seen, self._moved, self._restored)

    async def throughput(self) -> None:
        """Each number of workers on each number of brokers."""
        sizes = self._sizes
        for brokers in sizes.brokers:
            workers = lacking(self._seen, brokers, sizes.workers, sizes.rates)
            if not workers:
                continue
            # Of a number of workers that was broken off all is measured again.
            self._seen = [seen for seen in self._seen if seen.brokers != brokers or seen.workers not in workers]
            with self._attempt(f"throughput on {brokers} brokers"), self._stage(PARTITIONS, brokers) as stage:
                await throughput(stage, self._cores, workers, sizes.rates, sizes.seconds, sizes.backlog, saw=self._saw)

    def _saw(self, seen: Seen) -> None:
        self._seen.append(seen)
        self.write()

    async def rebalance(self) -> None:
        """Each number of partitions, on a broker of its own."""
        known = {moved.partitions for moved in self._moved}
        for partitions in (count for count in self._sizes.partitions if count not in known):
            with self._attempt(f"rebalances of {partitions}"), self._stage(_INPUT_PARTITIONS) as stage:
                self._moved.append(await rebalance(stage, self._cores, partitions, self._options.logs))

    async def restore(self) -> None:
        """Each size of the state."""
        if self._restored:
            return
        with self._attempt("restores"), self._stage(RESTORED_PARTITIONS) as stage:
            self._restored += await restores(stage, self._cores, self._sizes.restores)

    def fit(self) -> None:
        """Fit the model to it; it stays empty where that fails."""
        with self._attempt("the fit"):
            self.model = fitted(self.results)

    @contextmanager
    def _stage(self, partitions: int, brokers: Literal[1, 3] = 1) -> Iterator[Stage]:
        with held_on(self._cores.rest), Stage(partitions, self._options.directory, brokers=brokers) as stage:
            yield stage

    @contextmanager
    def _attempt(self, what: str) -> Iterator[None]:
        """Note what fails within, and go on with the next: what others measured is not lost by it."""
        try:
            yield
        except (ContestantError, KafkaError, AIOKafkaError, FitError, OSError, RuntimeError) as error:
            self.failed.append(f"{what}: {error or type(error).__name__}")
            say(f"FAILED {self.failed[-1]}")
        self.write()

    def write(self) -> None:
        """Write the JSON: what was measured is not lost if the rest is broken off."""
        options = {"quick": self._options.quick, "parts": list(self._options.only or PARTS)}
        document = as_json(options, self.results, self.model, self.failed)
        self._options.json.write_text(json.dumps(document, indent=2) + "\n")


async def _measure(sizes: Sizes, options: argparse.Namespace) -> list[str]:
    """Run the parts; returns what failed. What was measured is shown and written. Raises DocumentError."""
    if options.logs is not None:
        options.logs.mkdir(parents=True, exist_ok=True)
    run = Run(sizes, options)
    for part in options.only or PARTS:
        await getattr(run, part)()
    run.fit()
    sys.stdout.write(tables(run.results, run.model) + "".join(f"FAILED {text}\n" for text in run.failed))
    return run.failed


if __name__ == "__main__":
    sys.exit(main())
