"""`python -m demo.kafka`: one broker in the foreground, until Ctrl-C or SIGTERM."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from demo.kafka.broker import EmbeddedKafka
from demo.kafka.errors import KafkaError


def main() -> int:
    """Run one broker; its address is the only line on standard output. The exit status is 1 if it fails."""
    parser = argparse.ArgumentParser(prog="python -m demo.kafka", description="A real Apache Kafka on loopback.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--data-dir", type=Path, help="keep the data here (default: temporary, removed at the end)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    kafka = EmbeddedKafka(data_dir=options.data_dir, port=options.port)
    try:
        with kafka:
            sys.stdout.write(f"{kafka.bootstrap}\n")
            sys.stdout.flush()
            sys.stderr.write("kafka: up; Ctrl-C ends it\n")
            status = kafka.wait()
            sys.stderr.write(f"kafka: the broker ended by itself, with exit status {status}\n")
            return 1
    except KeyboardInterrupt:
        return 0
    except KafkaError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
