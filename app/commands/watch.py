"""``--watch``: a command's answer again and again, until Ctrl-C.

On a terminal the answer stands in one place and is replaced; elsewhere each answer follows the one before, with an
empty line between them, and with ``--json`` each is a line. Ctrl-C is the ordinary end: exit status 0.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import click
from rich.console import Group

from app.commands.base import NOBODY, CommandError, Out
from app.printable import visible

Once = Callable[[Out], Coroutine[Any, Any, int]]

watch_option = click.option("--watch", is_flag=True, help="Again and again, until Ctrl-C.")
every_option = click.option(
    "--every",
    type=click.FloatRange(0.2, 3600),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="With --watch: how long to wait between two answers.",
)


async def watched(out: Out, once: Once, every: float) -> int:
    """Say what ``once`` says, every so many seconds. Raises what it raises the first time.

    Later, when no worker answers, that is said in the place of the answer, and asked again.
    """
    try:
        if out.console.is_terminal and not out.as_json:
            from rich.live import Live  # noqa: PLC0415 - only where something is watched

            # What is higher than the terminal is cut at its end: nothing can be scrolled to in what is replaced.
            with Live(console=out.console, auto_refresh=False, vertical_overflow="ellipsis") as live:
                await _again(out, once, every, lambda frame: live.update(frame, refresh=True))
        else:
            await _again(out, once, every, None)
    except asyncio.CancelledError:  # Ctrl-C, as asyncio hands it over
        return 0
    return 0


async def _again(out: Out, once: Once, every: float, replace: Callable[[Group], None] | None) -> None:
    first = True
    while True:
        if not first and replace is None and not out.as_json:
            out.say("")
        with out.collected(on=replace is not None) as parts:
            try:
                await once(out)
            except CommandError as error:
                if first or error.status != NOBODY:
                    raise
                if out.as_json:
                    out.json({"error": error.code, "message": str(error)})
                else:
                    out.say(f"rollcall: {visible(str(error))}; asking again")
        if replace is not None:
            replace(Group(*parts))
        else:
            sys.stdout.flush()
        first = False
        await asyncio.sleep(every)
