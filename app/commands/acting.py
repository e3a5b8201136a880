"""What an operator does to a batch. Recorded in the log with who did it and why, like any event."""

from typing import Any

import click

from app.commands.client import ask, path, url_option
from app.commands.frame import DIFFERENT, USAGE, CommandError, Out, command

_ACTS = ("force-complete", "discard", "discard-upload", "extend", "reopen")


@command()
@click.argument("batch_id")
@click.argument("what", type=click.Choice(_ACTS))
@click.option("--who", required=True, help="Who does it: a name that others know.")
@click.option("--why", required=True, help="The reason, for whoever reads the timeline.")
@click.option("--upload", "file_upload_id", help="discard-upload: which pending upload.")
@click.option("--seconds", type=click.IntRange(1), help="extend: by how much later.")
@click.option("--essay-id", "essay_ids", multiple=True, help="reopen: a new slot behind the others; may be repeated.")
@click.option("--act-id", help="A UUID that makes a repeat of this command the same act.")
@url_option
async def act(out: Out, batch_id: str, what: str, urls: tuple[str, ...], **given: Any) -> int:
    """Do something to a batch: WHAT is force-complete (with what is there), discard (the batch, or all that is pending
    for it), discard-upload, extend (its deadline), reopen (for more).

    It is refused (exit status 1) where it makes no sense for the batch as it is.
    """
    _check(what, given)
    body = {"act": what.replace("-", "_")} | {
        name: list(value) if isinstance(value, tuple) else value for name, value in given.items() if value
    }
    found = await ask(urls, path("batches", batch_id, "acts"), body=body)
    if out.as_json:
        out.json(found)
    elif found["refused"] is not None:
        out.console.print(f"Refused: {found['refused']}", markup=False)
    else:
        state = "Done" if found["applied"] else "In the log, and not folded yet (is the partition's worker running?)"
        where = f"act {found['act_id']}, log partition {found['partition']}, offset {found['offset']}"
        out.console.print(f"{state}: {where}", markup=False)
    return 0 if found["refused"] is None else DIFFERENT


def _check(what: str, given: dict[str, Any]) -> None:
    for name, option, needs in (
        ("file_upload_id", "--upload", "discard-upload"),
        ("seconds", "--seconds", "extend"),
        ("essay_ids", "--essay-id", "reopen"),
    ):
        if given[name] and what != needs:
            raise CommandError(USAGE, "wrong_usage", f"{option} is for {needs}, not for {what}")
        if what == needs and what != "reopen" and not given[name]:
            raise CommandError(USAGE, "wrong_usage", f"{what} needs {option}")
