"""The command `python -m demo`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from rich.console import Console

from app.printable import visible_lines
from demo.interrupts import Interrupts
from demo.kafka import EmbeddedKafka, KafkaError
from demo.plan import make_plan
from demo.stage import Performance, perform
from demo.worker import WorkerError

_DESCRIPTION = """\
Two services publish through outboxes whose relays race each other into a real
Kafka. Rollcall completes every batch; the rule that it replaces, running beside
it on the same topics, waits for ever for many of them."""
_EPILOG = """\
exit status: 0 if every batch came out right, 1 if not, 130 after Ctrl-C.
With --keep, Ctrl-C after the summary is the ordinary end: the status is that of
the outcome. ROLLCALL_... settings in the environment reach the worker."""


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        msg = "must be 1 or more"
        raise argparse.ArgumentTypeError(msg)
    return number


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="fixes everything that is random (default: 7)")
    parser.add_argument("--batches", type=_positive, default=12, metavar="N", help="number of batches (default: 12)")
    parser.add_argument("--essays", type=_positive, default=6, metavar="N", help="slots a batch (default: 6)")
    parser.add_argument(
        "--keep", action="store_true", help="leave Kafka and the worker up after the summary, to look around"
    )
    parser.add_argument(
        "--timeout",
        type=_positive,
        default=180,
        metavar="SECONDS",
        help="judge what there is after so many seconds (default: 180; the default story takes about 15)",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo and return its exit status."""
    options = _arguments(argv)
    console = Console()
    plan = make_plan(options.seed, options.batches, options.essays)
    with Interrupts() as interrupts:

        async def run(bootstrap: str) -> int:
            interrupts.attach()
            try:
                return await perform(Performance(plan, bootstrap, options.timeout, options.keep), console)
            finally:
                interrupts.detach()

        try:
            console.print("Starting Kafka", style="bright_black")
            with EmbeddedKafka() as kafka:
                console.print(f"Kafka is up at {kafka.bootstrap}", style="bright_black", highlight=False)
                return asyncio.run(run(kafka.bootstrap))
        except (KeyboardInterrupt, asyncio.CancelledError):
            console.print("stopped", style="bright_black")
            return interrupts.status or 130
        except (KafkaError, WorkerError) as error:
            Console(stderr=True).print(
                visible_lines(str(error)), style="red", markup=False, highlight=False, soft_wrap=True
            )
            return 1


if __name__ == "__main__":
    sys.exit(main())
