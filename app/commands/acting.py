"""What an operator does to a batch. Recorded in the log with who did it and why, like any event."""

from typing import Any

import click

from app.commands.base import DIFFERENT, USAGE, CommandError, Out, command
from app.commands.client import ask, path, url_option
from app.core.acts import ACTS


def _word(name: str) -> str:
    """How an act, or a field of one, is written on a command line."""
    return name.replace("_", "-")


def _described() -> str:
    """The acts, each with what it is for."""
    return ", ".join(f"{_word(name)} ({kind.words})" for name, kind in ACTS.items())


def _own_options(run: Any) -> Any:
    """The options that single acts have, and their names where the help has ``{acts}``."""
    run.__doc__ = run.__doc__.format(acts=_described())
    for name, kind in reversed(ACTS.items()):
        extra = kind.extra
        if extra is None:
            continue
        run = click.option(
            extra.option,
            extra.field,
            type=click.IntRange(1) if extra.kind == "seconds" else str,
            multiple=extra.kind == "ids",
            help=f"{_word(name)}: {extra.words}",
        )(run)
    return run


@command()
@click.argument("batch_id")
@click.argument("verb", type=click.Choice([_word(name) for name in ACTS]))
@click.option("--who", required=True, help="Who does it: a name that others know.")
@click.option("--why", required=True, help="The reason, for whoever reads the timeline.")
@_own_options
@click.option("--act-id", help="A UUID that makes a repeat of this command the same act.")
@url_option
async def act(out: Out, batch_id: str, verb: str, urls: tuple[str, ...], **given: Any) -> int:
    """Do something to a batch. WHAT is {acts}.

    It is refused (exit status 1) where it makes no sense for the batch as it is.
    """
    _check(verb, given)
    body = {"act": verb.replace("-", "_")} | {
        name: list(value) if isinstance(value, tuple) else value for name, value in given.items() if value
    }
    found = await ask(urls, path("batches", batch_id, "acts"), body=body)
    if out.as_json:
        out.json(found)
    elif found["refused"] is not None:
        out.say(f"Refused: {found['refused']}")
    else:
        state = "Done" if found["applied"] else "In the log, and not folded yet (is the partition's worker running?)"
        where = f"act {found['act_id']}, log partition {found['partition']}, offset {found['offset']}"
        out.say(f"{state}: {where}")
    return 0 if found["refused"] is None else DIFFERENT


def _check(verb: str, given: dict[str, Any]) -> None:
    for name, kind in ACTS.items():
        word, extra = _word(name), kind.extra
        if extra is None:
            continue
        if given[extra.field] and verb != word:
            raise CommandError(USAGE, "wrong_usage", f"{extra.option} is for {word}, not for {verb}")
        if verb == word and extra.required and not given[extra.field]:
            raise CommandError(USAGE, "wrong_usage", f"{verb} needs {extra.option}")
