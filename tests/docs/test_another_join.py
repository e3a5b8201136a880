"""The code on the page about another join is that of the second job, which the crash driver runs."""

import re

from tests.docs.documents import ROOT

PAGE = ROOT / "docs" / "how-to" / "another-join.md"
JOB = ROOT / "tests" / "second_job"


def test_every_block_of_code_is_a_part_of_the_second_job() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    code = [(JOB / name).read_text() for name in ("orders_and_payments.py", "app.py")]
    assert len(blocks) == 4
    assert [block for block in blocks if not any(block in text for text in code)] == []


def test_the_engine_is_handed_the_job_whole() -> None:
    page = PAGE.read_text()
    for name in ("ORDERS, PAYMENTS", "class Join", "def next_deadline", "def topology", "create_worker_app"):
        assert name in page
