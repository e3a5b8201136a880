"""How things are: asked of any worker, or, where none answers, read from the topics."""

from typing import Any

import click

from app.commands import render
from app.commands.base import UNKNOWN_BATCH, Out, command, settings
from app.commands.client import NobodyError, ask, path, url_option
from app.commands.watch import every_option, watch_option, watched

_LIMIT = click.IntRange(1, 1000)


@command()
@url_option
@watch_option
@every_option
async def status(out: Out, urls: tuple[str, ...], *, watch: bool, every: float) -> int:
    """Everything at a glance: workers, partitions and their lag, batches by state, what is stuck."""
    return await watched(out, lambda out: _status(out, urls), every) if watch else await _status(out, urls)


async def _status(out: Out, urls: tuple[str, ...]) -> int:
    found = await ask(urls, path("overview"))
    stuck = await ask(urls, path("batches"), query={"stuck": "true", "limit": 10}) if found["stuck"] else {"items": []}
    if out.as_json:
        out.json(found)
        return 0
    counts = {name: render.text(value) for name, value in found["counts"].items()}
    runs = f" ({found['runs']})" if "runs" in found else ""  # a worker of an older release doesn't say it
    out.say(f"{found['app_id']}, {found['guarantee']}, version {found['version']}{runs}, {found['time']}")
    out.say(", ".join(f"{value} {name}" for name, value in counts.items()))
    waiting = render.counted(found["pending_uploads"], "pending upload")
    if found["oldest_pending_seconds"] is not None:
        waiting += f", the oldest for {render.seconds(found['oldest_pending_seconds'])}"
    out.say(f"{waiting}; {render.counted(found['stuck'], 'batch')} stuck")
    if "oldest_closed_seconds" in found:  # a worker of an older release doesn't say it
        out.say(_kept(found["retired"], found["oldest_closed_seconds"]))
    if found["missing"]:
        named = ", ".join(map(str, found["missing"]))
        out.say(f"Nobody answers for partitions {named}: the counts lack them.")
    workers = [
        [worker["url"], "ready" if worker["ready"] else "not ready" if worker["reachable"] else "does not answer",
         ", ".join(map(str, worker["partitions"]))]
        for worker in found["workers"]
    ]  # fmt: skip
    out.show(render.table(["worker", "state", "partitions"], workers))
    lags = [
        [f"log {partition['partition']}", partition["lag"], partition["owner"]] for partition in found["partitions"]
    ]
    lags += [[f"{source['topic']} {source['partition']}", source["lag"], None] for source in found["inputs"]]
    out.show(render.table(["partition", "lag", "owner"], lags))
    for partition in found["partitions"]:
        if partition.get("begins_at"):  # a worker of an older release doesn't say it
            out.say(render.log_begin(**partition))
    if stuck["items"]:
        out.say("Stuck, the longest wait first (`explain BATCH` says more):")
        out.show(_batches(stuck["items"]))
    return 0


def _kept(receipts: int | None, oldest: float | None) -> str:
    """What is kept of batches that were retired, and for how long the next one has been closed."""
    kept = (
        "receipts still being counted"
        if receipts is None
        else render.counted(receipts, "receipt") + " of retired batches"
    )
    closed = (
        "no batch is closed" if oldest is None else f"the oldest closed batch last changed {render.seconds(oldest)} ago"
    )
    return f"{kept}; {closed}"


@command()
@url_option
@click.option("--limit", type=_LIMIT, default=100, show_default=True)
@click.option("--cursor", help="The `next` of the page before.")
async def pending(out: Out, urls: tuple[str, ...], limit: int, cursor: str | None) -> int:
    """Batches without a registration and how many uploads wait for it, the longest wait first."""
    found = await ask(urls, path("pending"), query={"limit": limit, "cursor": cursor})
    if out.as_json:
        out.json(found)
        return 0
    rows = [
        [
            batch["batch_id"],
            batch["pending"],
            render.seconds(batch["age_seconds"]),
            render.moment(batch["expires_at"]),
            batch["partition"],
        ]
        for batch in found["items"]
    ]
    out.show(render.table(["batch", "uploads", "waits for", "expires", "partition"], rows))
    _beside(out, found)
    return 0


@click.group()
def batch() -> None:
    """A batch: its state, its timeline."""


@command(batch, "show")
@click.argument("batch_id")
@url_option
@watch_option
@every_option
async def batch_show(out: Out, batch_id: str, urls: tuple[str, ...], *, watch: bool, every: float) -> int:
    """The state of a batch.

    Where no worker answers, it is folded again from the log; standard error then says so. Not with --watch.
    """

    async def asked(out: Out) -> int:
        found = await ask(urls, path("batches", batch_id))
        if out.as_json:
            out.json(found)
        else:
            show_batch(out, found)
        return 0

    if watch:
        return await watched(out, asked, every)
    try:
        found = await ask(urls, path("batches", batch_id))
    except NobodyError as error:
        out.remark(f"rollcall: {error}. Reading the log instead: what follows is what it amounts to now")
        from app.commands.from_log import state_of  # noqa: PLC0415 - half a second, where a worker answers for nothing

        found = await state_of(batch_id)
    if out.as_json:
        out.json(found)
    else:
        show_batch(out, found)
    return 0


@command(batch, "timeline")
@click.argument("batch_id")
@click.option("--limit", type=click.IntRange(1), default=5000, show_default=True, help="Records at most.")
async def batch_timeline(out: Out, batch_id: str, limit: int) -> int:
    """The records of a batch in the log, and what each of them did. Read from the log; no worker is asked."""
    from app.commands.from_log import unknown  # noqa: PLC0415 - its imports are for those who read the log
    from app.history.tell.timeline import timeline  # noqa: PLC0415 - as above

    with render.progress() as phases:
        found = await timeline(
            settings(), batch_id, max_entries=limit, max_seconds=86_400, progress=phases("reading the log")
        )
    if not found.entries:
        raise unknown(batch_id)
    if out.as_json:
        out.json(found)
        return 0
    for entry in found.entries:
        out.show(render.styled((str(entry.offset), "bold"), f" {entry.time} ", (entry.event, "bold")))
        out.say(f"    {entry.summary}")
        out.say(f"    → {entry.effect}")
        for output in entry.outputs:
            out.say(f"    ⇒ {output.topic} {render.text(output.event_id)}")
    if found.note is not None:
        out.remark(f"rollcall: {found.note}")
    return 0


@command()
@click.argument("batch_id")
@url_option
async def explain(out: Out, batch_id: str, urls: tuple[str, ...]) -> int:
    """Why a batch is not ready, and what would finish it."""
    found = await ask(urls, path("batches", batch_id, "explain"))
    known = found["state"] != "unknown"
    if out.as_json:
        out.json(found)
        return 0 if known else UNKNOWN_BATCH
    out.show(render.styled((batch_id, "bold"), f": {found['sentence']}"))
    for title, items in (
        ("Would finish it", found["would_finish"]),
        ("Slots without an outcome", found["missing_slots"]),
        ("Contradicts what stands", [render.place(position) for position in found["conflicting"]]),
    ):
        if items:
            out.say(f"{title}:")
            for item in items:
                out.say(f"  {item}")
    if found["pending"]:
        out.show(_pending(found["pending"]))
    if found["dead_letters"]:
        rows = [
            [
                f"{letter['partition']} {letter['offset']}",
                render.moment(letter["time"]),
                letter["reason"],
                letter["detail"],
            ]
            for letter in found["dead_letters"]
        ]
        out.show(render.table(["dead letter", "time", "reason", "detail"], rows))
    where = found["partition"]
    owner = f"owned by {where['owner']}" if where["owner"] else "owned by nobody"
    out.say(f"Partition {where['partition']}: {owner}, lag {render.text(where['lag'])}")
    return 0 if known else UNKNOWN_BATCH


def show_batch(out: Out, found: dict[str, Any]) -> None:
    """A batch, for people."""
    out.show(render.styled((found["batch_id"], "bold"), f": {found['state']}; {found['reason']}"))
    values = {
        "registered": found["registered_at"], "course": found["course_code"], "user": found["user_id"],
        "class": found["class_id"], "waits for": render.seconds(found["age_seconds"]), "deadline": found["deadline"],
        "timed out": "yes" if found["timed_out"] else "no", "partition": found["partition"],
        "log offset": found["offset"], "late failures": found["late_failures"], "asked": found["owner"] or "the log",
    }  # fmt: skip
    parts: list[Any] = [render.facts(values)]
    if found.get("note"):
        parts.append(found["note"])
    slots = [
        [
            slot["essay_id"],
            slot["state"],
            slot["text_storage_id"],
            slot["file_upload_id"],
            slot["file_name"],
            slot["error_code"],
        ]
        for slot in found["slot_list"]
    ]
    if slots:
        parts.append(render.table(["slot", "state", "text", "upload", "file", "error"], slots))
    if found["pending_list"]:
        parts.append(_pending(found["pending_list"]))
    if found["excess"]:
        excess = [[text["text_storage_id"], text["file_upload_id"], text["file_name"]] for text in found["excess"]]
        parts.append(render.table(["excess", "upload", "file"], excess))
    if found["conflicts"]:
        parts.append(
            render.table(["contradicts what stands"], [[render.place(position)] for position in found["conflicts"]])
        )
    if found["acts"]:
        acts = [
            [render.moment(act["time"]), act["act"], act["who"], act["why"], act["refused"] or "done"]
            for act in found["acts"]
        ]
        parts.append(render.table(["time", "act", "who", "why", "outcome"], acts))
    out.show(*parts)


def _pending(items: list[dict[str, Any]]) -> Any:
    rows = [
        [
            upload["file_upload_id"],
            upload["kind"],
            upload["file_name"],
            render.moment(upload["since"]),
            render.moment(upload["expires_at"]),
            upload["offset"],
        ]
        for upload in items
    ]
    return render.table(["pending upload", "kind", "file", "since", "expires", "log offset"], rows)


def _batches(items: list[dict[str, Any]]) -> Any:
    rows = [
        [batch["batch_id"], batch["state"], render.seconds(batch["age_seconds"]), batch["reason"]] for batch in items
    ]
    return render.table(["batch", "state", "waits for", "reason"], rows)


def _beside(out: Out, found: dict[str, Any]) -> None:
    if found["missing"]:
        out.remark(
            f"rollcall: nobody answers for partitions {', '.join(map(str, found['missing']))}: they are not here"
        )
    if found["next"]:
        out.remark(f"rollcall: there are more: --cursor {found['next']}")
