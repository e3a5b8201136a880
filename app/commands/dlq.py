"""Dead letters: the inputs that could not be used. Read from their topic; no worker is asked."""

import click

from app.commands import render
from app.commands.base import DIFFERENT, USAGE, CommandError, Out, command, settings
from app.history.dead_letters import dead_letter, dead_letters, replay_dead_letter
from app.printable import visible_lines


@click.group()
def dlq() -> None:
    """Dead letters: list, show, replay. One is named by its PARTITION and OFFSET."""


@command(dlq, "list")
@click.option("--reason", help="Of this reason only.")
@click.option("--batch", "batch_id", help="That name this batch only.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--before", help="The `next` of the page before.")
async def dlq_list(out: Out, reason: str | None, batch_id: str | None, limit: int, before: str | None) -> int:
    """The dead letters, newest first."""
    try:
        found = await dead_letters(settings(), reason=reason, batch_id=batch_id, limit=limit, before=before)
    except ValueError as error:
        raise CommandError(USAGE, "wrong_usage", f"--before: {error}") from None
    if out.as_json:
        out.json(found)
        return 0
    rows = [
        [letter.partition, letter.offset, render.moment(letter.time), letter.reason, letter.batch_id, letter.detail,
         render.place(None if letter.source is None else letter.source.model_dump())]
        for letter in found.items
    ]  # fmt: skip
    out.show(render.table(["partition", "offset", "time", "reason", "batch", "detail", "source"], rows))
    if found.next:
        out.remark(f"rollcall: there are more: --before {found.next}")
    return 0


@command(dlq, "show")
@click.argument("partition", type=click.IntRange(0))
@click.argument("offset", type=click.IntRange(0))
async def dlq_show(out: Out, partition: int, offset: int) -> int:
    """A dead letter with its original bytes."""
    found = await dead_letter(settings(), partition, offset)
    if found is None:
        raise _unknown(partition, offset)
    if out.as_json:
        out.json(found)
        return 0
    fields = found.model_dump(exclude={"value_text", "value_base64", "source"})
    fields["source"] = render.place(None if found.source is None else found.source.model_dump())
    out.show(render.facts(fields))
    value = found.value_text if found.value_text is not None else found.value_base64
    kind = "no value" if value is None else "value" if found.value_text is not None else "value, base64"
    out.say(f"{kind}:")
    if value is not None:
        click.echo(visible_lines(value))
    return 0


@command(dlq, "replay")
@click.argument("partition", type=click.IntRange(0))
@click.argument("offset", type=click.IntRange(0))
@click.option("--who", required=True, help="Who does it: a name that others know.")
@click.option("--why", required=True, help="The reason; goes along as a header.")
async def dlq_replay(out: Out, partition: int, offset: int, who: str, why: str) -> int:
    """Send the original bytes and key to the input topic that they came from, again."""
    found = await replay_dead_letter(settings(), partition, offset, who=who, why=why)
    if found is None:
        raise _unknown(partition, offset)
    if out.as_json:
        out.json(found)
    else:
        out.say(f"Sent again: {render.place(found.model_dump())}")
    return 0


def _unknown(partition: int, offset: int) -> CommandError:
    message = f"there is no dead letter at partition {partition}, offset {offset}"
    return CommandError(DIFFERENT, "unknown_dead_letter", message)
