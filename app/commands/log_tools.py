"""What the topics say: replayed, as it was, audited. No worker is asked, and none need run."""

import click

from app.commands import render
from app.commands.base import DIFFERENT, USAGE, CommandError, Out, command, settings
from app.commands.from_log import state_of
from app.commands.queries import show_batch
from app.history.copy import copy_log
from app.history.models import ReplayReport
from app.history.times import parse
from app.history.verify.audit import audit as audit_all
from app.history.verify.replay import replay as replay_all


@command()
@click.option("--batch", "batch_id", help="This batch only.")
@click.option("--into", metavar="APP_ID", help="Copy the log under a fresh app id first, and fold the copy.")
async def replay(out: Out, batch_id: str | None, into: str | None) -> int:
    """Fold the log again and compare the outputs with what was emitted, by event id and content.

    A difference is printed, and is exit status 1. Nothing is emitted.

    --into APP_ID copies the log to APP_ID-log, every record with its time, and folds that copy. A worker that is then
    started with ROLLCALL_APP_ID=APP_ID rebuilds all state from it, deadlines included; it emits everything again, under
    the same event ids.
    """
    if into is not None and batch_id is not None:
        raise CommandError(USAGE, "wrong_usage", "--into copies the whole log; it can't be had with --batch")
    with render.progress() as phases:
        copied = None
        if into is not None:
            copied, count = await copy_log(settings(), into, progress=phases("copying the log"))
            out.remark(f"rollcall: {count} records copied; ROLLCALL_APP_ID={into} starts a worker on them")
        found = await replay_all(settings(), batch_id, phases=phases, log_of=copied)
    if out.as_json:
        out.json(found)
    else:
        _show_replay(out, found)
    return 0 if found.same else DIFFERENT


@command()
@click.argument("batch_id")
@click.option("--offset", type=click.IntRange(0), help="As of this log offset of its partition, that record included.")
@click.option("--time", "moment", help="As of this log time: ISO 8601, UTC where it says no zone.")
async def at(out: Out, batch_id: str, offset: int | None, moment: str | None) -> int:
    """The state of a batch as it was, folded again from the log."""
    if (offset is None) == (moment is None):
        raise CommandError(USAGE, "wrong_usage", "as of when? Give --offset or --time")
    try:
        time = None if moment is None else parse(moment)
    except ValueError as error:
        raise CommandError(USAGE, "wrong_usage", f"--time: {error}") from None
    found = await state_of(batch_id, offset=offset, at=time)
    if out.as_json:
        out.json(found)
    else:
        show_batch(out, found)
    return 0


@command()
async def audit(out: Out) -> int:
    """Compare the state of every batch, as the changelog says it, with the log, reckoned up independently.

    A difference is printed, and is exit status 1.
    """
    with render.progress() as phases:
        found = await audit_all(settings(), phases=phases)
    if out.as_json:
        out.json(found)
        return 0 if found.same else DIFFERENT
    if found.differences:
        rows = [
            [difference.batch_id, difference.field, difference.changelog, difference.log]
            for difference in found.differences
        ]
        out.show(render.table(["batch", "field", "the changelog says", "the log says"], rows))
    verdict = "the same" if found.same else render.counted(found.differences_total, "difference")
    out.say(
        f"{verdict}: {found.batches} batches, {found.records} records of the log, {found.rows} rows, "
        f"{found.partitions} partitions"
    )
    for note in found.notes:
        out.remark(f"rollcall: {note}")
    return 0 if found.same else DIFFERENT


def _show_replay(out: Out, found: ReplayReport) -> None:
    if found.differences:
        rows = [
            [difference.kind, difference.batch_id, difference.topic, difference.event_id, difference.detail,
             render.place(None if difference.place is None else difference.place.model_dump())]
            for difference in found.differences
        ]  # fmt: skip
        out.show(render.table(["kind", "batch", "topic", "event id", "detail", "stands at"], rows))
    verdict = "the same" if found.same else render.counted(found.differences_total, "difference")
    out.say(
        f"{verdict}: {found.records} records of the log bring about {found.expected} outputs; "
        f"{found.emitted} were emitted, {found.repeats} of them repeats"
    )
    if found.awaited:
        out.say(f"{found.awaited} are still on their way")
    for note in found.notes:
        out.remark(f"rollcall: {note}")
