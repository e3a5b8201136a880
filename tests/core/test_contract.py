"""Every case of the contract on the pure core, with its outputs compared exactly."""

import json

import pytest

from tests.contract.cases import CASES, SHIFTED, Case
from tests.contract.summary import names_inputs, summarise
from tests.core.play import Played, play, played, sent
from tests.oracle import topics
from tests.oracle.judge import judge


def check(case: Case, found: Played) -> None:
    events = [
        (record.topic, json.loads(record.value or b"")["data"])
        for record in found.records
        if record.topic != topics.DEAD
    ]
    refused = [(reason, found.inputs[number].value or b"") for number, reason in found.refused]
    assert summarise(events, refused, names=names_inputs(case)) == case.summary
    verdict = judge(found.inputs, found.records, ordered=True)
    assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)


@pytest.mark.parametrize("case", [*CASES, *SHIFTED], ids=lambda case: case.name)
def test_contract(case: Case) -> None:
    for number, order in enumerate(case.orders()):
        batch = f"{case.slug}-{number}"
        check(case, played(sent(order, batch), batch))


@pytest.mark.parametrize(
    ("sequence", "said"),
    [
        ("C0 C1 R2", "- - SLOT+SLOT+READY+COMPLETED"),
        ("C0 R2 C1", "- SLOT SLOT+READY+COMPLETED"),
        ("C0 C1 C2 R2", "- - - SLOT+SLOT+READY+COMPLETED+EXCESS"),
        ("R2 C0 C1 C2", "- SLOT SLOT+READY+COMPLETED EXCESS"),
        ("R2 C0 C1 C1", "- SLOT SLOT+READY+COMPLETED SLOT"),
        ("R2 C0 C1 R2", "- SLOT SLOT+READY+COMPLETED -"),
        ("R2 C0 F1", "- SLOT READY+COMPLETED+ERRORS"),
        ("C0 F1 R2", "- - SLOT+READY+COMPLETED+ERRORS"),
        ("F0 F1 R2", "- - ERRORS"),
        ("R3 F0 F0 C1 C2", "- - - SLOT SLOT+READY+COMPLETED+ERRORS"),
        ("R1 C0 C1 C1", "- SLOT+READY+COMPLETED EXCESS EXCESS"),
        ("C0 C0 R1", "- - SLOT+READY+COMPLETED"),
        ("R2 C0 C0@1", "- SLOT SLOT"),
        ("R1 C0 C1 C1@2", "- SLOT+READY+COMPLETED EXCESS EXCESS"),
        ("R2 C0 C1@0", "- SLOT DEAD"),
        ("R2 C0 R2'", "- SLOT DEAD"),
        ("R1 C0 F1 F1", "- SLOT+READY+COMPLETED - -"),
    ],
)
def test_each_input_says_what_it_brings_about_and_nothing_else(sequence: str, said: str) -> None:
    short = {
        topics.SLOT: "SLOT",
        topics.READY: "READY",
        topics.COMPLETED: "COMPLETED",
        topics.ERRORS: "ERRORS",
        topics.EXCESS: "EXCESS",
    }
    found = [
        "+".join(short[output.topic] if hasattr(output, "topic") else "DEAD" for output in step.outputs) or "-"
        for step in play(sequence).steps
    ]
    assert found == said.split()
