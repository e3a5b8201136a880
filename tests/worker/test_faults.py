"""Three workers; one is killed, one loses its data directory as well, while contents keep coming."""

from pathlib import Path

import pytest

from tests.contract.notation import messages, parse
from tests.oracle import InputRecord, judge
from tests.support.events import Message, uid
from tests.support.play import await_outputs
from tests.support.stage import Stage

pytestmark = pytest.mark.kafka

BATCHES, WAVES = 60, 12  # 60 batches of 26 messages in 12 waves


def traffic() -> list[Message]:
    """Registrations, contents and failures of all batches in an order that looks random, the same in every run."""
    sent = [
        message
        for number in range(BATCHES)
        for step in messages(parse("R25 C0-22 F23 F24 C25"), f"fault-{number:02d}")
        for message in step
    ]
    return [message for _, message in sorted((uid("order", number), message) for number, message in enumerate(sent))]


def test_three_workers_of_which_one_is_killed_and_one_loses_its_data_lose_and_double_nothing(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        workers = [stage.worker() for _ in range(3)]
        for worker in workers:
            worker.launch()
        for worker in workers:
            worker.wait_ready()
        reader = stage.reader()
        sent = traffic()
        size = -(-len(sent) // WAVES)
        inputs: list[InputRecord] = []
        for wave in range(WAVES):
            inputs += stage.io.produce(sent[wave * size : (wave + 1) * size])
            reader.poll(0.3)
            if wave == 3:
                workers[0].kill()
            if wave == 6:
                workers[1].kill()
                workers[1].wipe()
                workers[1].launch()
            if wave == 9:
                workers[0].launch()
        stage.wait_taken()
        complete = await_outputs(reader, inputs, quiet=3)
        verdict = judge(inputs, reader.records)
        assert (verdict.lost, verdict.wrong) == (0, 0), str(verdict)
        assert complete
        for worker in workers:
            worker.wait_ready()
            worker.stop()
