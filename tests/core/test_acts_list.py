"""The one list of acts: everything that must know an act knows every one that the list has."""

import re
from pathlib import Path
from typing import get_args

from app import board
from app.api.present.act_models import ActRequest
from app.core.acts import ACTS, Act
from app.history.verify.reference_model import ReferenceModel


def test_every_act_of_the_core_is_in_the_list() -> None:
    assert {kind.struct for kind in ACTS.values()} == set(get_args(Act))


def test_what_an_act_has_beside_who_and_why_can_be_asked_for_over_http() -> None:
    fields = {kind.extra.field for kind in ACTS.values() if kind.extra is not None}
    assert fields <= set(ActRequest.model_fields)


def test_the_board_offers_every_act() -> None:
    script = (Path(next(iter(board.__path__))) / "acts.js").read_text()
    assert set(re.findall(r'^    act: "(\w+)",$', script, re.MULTILINE)) == set(ACTS)


def test_the_second_opinion_reckons_every_act() -> None:
    assert [name for name in ACTS if not hasattr(ReferenceModel, f"_{name}")] == []
