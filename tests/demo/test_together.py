"""What runs together ends together, also what has lost a cancellation."""

import asyncio

import pytest

from app.engine import ending
from app.engine.ending import ended
from demo.together import together
from tests.engine.test_ending import deaf
from tests.support.patience import PATIENCE


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_AGAIN", 0.05)


async def test_those_that_run_together_end_when_the_whole_is_cancelled() -> None:
    whole = asyncio.create_task(together(deaf(1), deaf(1)))
    await asyncio.sleep(0.01)
    await asyncio.wait_for(ended(whole), PATIENCE)
    assert whole.cancelled()


async def test_those_that_run_together_end_when_one_fails_and_what_it_raised_is_raised() -> None:
    async def fails() -> None:
        await asyncio.sleep(0.01)
        message = "this one"
        raise ValueError(message)

    with pytest.raises(ValueError, match="this one"):
        await asyncio.wait_for(together(deaf(1), fails()), PATIENCE)
