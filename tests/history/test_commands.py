"""Every verb as an operator runs it: a process of its own, on a real broker, beside a real worker."""

import json
import re
from typing import Any

import pytest

from app.engine.kafka.clients import new_producer
from app.engine.kafka.partitioner import partition_for
from tables import batches
from tests.history.story import (
    BATCHES,
    BROKEN,
    DISCARDED,
    EARLY,
    EXPIRED,
    FORCED,
    REASONS,
    SHORT,
    WAITING,
    WHOLE,
    Story,
    content,
    identity,
    registration,
    slots,
)
from tests.oracle import topics

pytestmark = pytest.mark.kafka

NOWHERE = "http://127.0.0.1:9"  # the port "discard": nobody listens


def test_every_verb_says_one_json_document_and_nothing_else(story: Story) -> None:
    """As an operator runs them: each in a process of its own."""
    verbs = (
        ["batch", "timeline", EARLY], ["at", EARLY, "--offset", "100"], ["dlq", "list"], ["replay"],
        ["audit"], ["topology"], ["status"], ["pending"], ["batch", "show", FORCED],
        ["explain", SHORT],
    )  # fmt: skip
    listed, *ran = story.run_all(["--help"], *([*verb, "--json"] for verb in verbs))
    for verb in ("status", "batch", "explain", "pending", "dlq", "replay", "at", "audit", "topology", "act"):
        assert re.search(rf"^  {verb} ", listed.out, re.MULTILINE), verb
    for asked, answer in zip(verbs, ran, strict=True):
        assert (answer.status, answer.err) == (0, ""), asked
        assert isinstance(answer.json, dict), asked


def test_every_verb_says_its_exit_statuses(story: Story) -> None:
    for verb in ("status", "explain", "pending", "replay", "at", "audit", "topology", "act"):
        assert "Exit status: 0 fine" in story.run(verb, "--help").out


def test_the_timeline_tells_what_each_record_did(story: Story) -> None:
    found = story.run("batch", "timeline", WHOLE, "--json").json
    assert found["complete"]
    assert [entry["event"] for entry in found["entries"]] == [
        "registration", "content", "content", "content", "content", "act reopen",
    ]  # fmt: skip
    repeat, excess, act = found["entries"][3:]
    assert repeat["effect"] == "nothing: a repeat, answered as the first time"
    assert [output["topic"] for output in repeat["outputs"]] == [topics.SLOT]
    assert [output["topic"] for output in excess["outputs"]] == [topics.EXCESS]
    assert act["source"] is None
    assert "Ada" in act["summary"]
    assert "because of more" in act["summary"]
    assert [output["topic"] for output in act["outputs"]] == [topics.SLOT, topics.READY, topics.COMPLETED]
    emitted = {record.header("event_id") for record in story.outputs.records}
    assert all(output["event_id"] in emitted for entry in found["entries"] for output in entry["outputs"])


def test_a_timeline_that_is_cut_says_so(story: Story) -> None:
    found = story.run("batch", "timeline", WHOLE, "--limit", "2", "--json").json
    assert (found["complete"], len(found["entries"])) == (False, 2)
    assert found["note"].startswith("cut after 2 records, before log offset ")
    assert "later records are not shown" in story.run("batch", "timeline", WHOLE, "--limit", "2").err


def test_the_timeline_shows_ticks_only_where_they_did_something(story: Story) -> None:
    found = story.run("batch", "timeline", EXPIRED, "--json").json
    assert [entry["event"] for entry in found["entries"]] == ["content", "tick", "content", "registration"]
    refused = story.run("batch", "timeline", WAITING, "--json").json
    assert any(entry["effect"].startswith("refused: ") for entry in refused["entries"])


def test_a_batch_is_shown_as_it_was(story: Story) -> None:
    entries = story.run("batch", "timeline", EXPIRED, "--json").json["entries"]
    content, tick, again, registered = entries
    seen = [story.run("at", EXPIRED, "--offset", str(entry["offset"]), "--json").json for entry in entries]
    assert [batch["state"] for batch in seen] == ["unregistered", "unregistered", "unregistered", "complete"]
    assert [answer["pending"] for answer in seen] == [1, 0, 1, 0]
    by_time = story.run("at", EXPIRED, "--time", tick["time"], "--json").json
    assert by_time["pending_list"] == []
    before = story.run("at", EXPIRED, "--time", content["time"], "--json").json
    assert [letter["offset"] for letter in before["pending_list"]] == [content["offset"]]
    assert again["offset"] < registered["offset"]


def test_without_a_worker_that_answers_the_log_is_read_instead(story: Story) -> None:
    ran = story.run("batch", "show", EARLY, "--url", NOWHERE, "--json")
    assert ran.status == 0
    assert "Reading the log instead" in ran.err
    assert [(slot["essay_id"], slot["state"]) for slot in ran.json["slot_list"]] == [
        (slots(EARLY, 2)[0], "filled"),
        (slots(EARLY, 2)[1], "failed"),
    ]
    assert story.run("status", "--url", NOWHERE, "--json").status == 4


def test_exit_statuses_tell_unknown_batches_wrong_usage_and_silence_apart(
    story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    assert story.run("batch", "show", "no such", "--url", NOWHERE, "--json").status == 3
    assert story.run("batch", "timeline", "no such").status == 3
    assert story.run("at", WHOLE).status == 2
    assert story.run("at", WHOLE, "--time", "yesterday").status == 2
    assert story.run("dlq", "list", "--before", "?").status == 2
    assert story.run("act", WHOLE, "extend", "--who", "Ada", "--why", "x").status == 2
    for verb in (["at", WHOLE, "--offset", "1"], ["batch", "timeline", WHOLE], ["replay"], ["audit"]):
        mistyped = story.run(*verb, ROLLCALL_APP_ID="mistyped")
        assert (mistyped.status, "ROLLCALL_APP_ID=mistyped" in mistyped.err) == (1, True)
    assert "mistyped-log" not in story.stage.io.topics()  # looked for, and not made
    silent = story.run("audit", "--json", ROLLCALL_BROKER="127.0.0.1:9")
    assert silent.status == 4
    assert silent.json["error"] == "nobody_answers"
    assert "ROLLCALL_BROKER" in silent.err
    assert not caplog.records  # a line of its own says it, and the libraries nothing


def test_dead_letters_are_listed_newest_first_shown_whole_and_put_back(story: Story) -> None:
    found = story.run("dlq", "list", "--json").json
    assert sorted(letter["reason"] for letter in found["items"]) == REASONS
    assert [letter["time"] for letter in found["items"]] == sorted(
        (letter["time"] for letter in found["items"]), reverse=True
    )
    paged = story.run("dlq", "list", "--limit", "3", "--json").json
    rest = story.run("dlq", "list", "--limit", "3", "--before", paged["next"], "--json").json
    assert paged["items"] + rest["items"] == found["items"]
    assert rest["next"] is None
    (letter,) = story.run("dlq", "list", "--batch", BROKEN, "--json").json["items"]
    place = str(letter["partition"]), str(letter["offset"])
    assert json.loads(story.run("dlq", "show", *place, "--json").json["value_text"])["data"]["batch_id"] == BROKEN
    assert "missing_field" in story.run("dlq", "show", *place).out
    sent = story.run("dlq", "replay", *place, "--who", "Ada", "--why", "mended", "--json").json
    assert sent["topic"] == topics.CONTENT
    story.stage.wait_taken()
    story.settled()
    again = story.run("dlq", "list", "--batch", BROKEN, "--json").json["items"]
    assert [answer["source"] for answer in again] == [sent, letter["source"]]
    assert story.run("dlq", "show", "0", "999").status == 1


def test_a_stuck_batch_is_explained_and_put_right(story: Story) -> None:
    """The workers are found by way of the broker."""
    assert story.run("status", "--json").json["counts"]["open"] >= 2
    assert "open" in story.run("status").out
    explained = story.run("explain", SHORT, "--json").json
    assert explained["missing_slots"] == [slots(SHORT, 3)[2]]
    assert explained["sentence"] in story.run("explain", SHORT).out.replace("\n", " ")
    assert story.run("explain", "no such").status == 3
    assert story.run("batch", "show", "no such").status == 3
    who = ("--who", "Ada", "--why", "the teacher says so")
    done = story.run("act", SHORT, "force-complete", *who, "--json")
    assert (done.status, done.json["applied"], done.json["refused"]) == (0, True, None)
    refused = story.run("act", SHORT, "force-complete", *who)
    assert refused.status == 1
    assert "complete already" in refused.out + refused.err
    story.wait(topics.READY, SHORT)
    shown = story.run("batch", "show", SHORT, "--json").json
    assert (shown["state"], shown["closed"], shown["filled"]) == ("complete", "forced", 2)
    assert "the teacher says so" in story.run("batch", "show", SHORT).out
    timeline = story.run("batch", "timeline", SHORT).out
    assert "completed with what is there" in timeline
    story.settled()


def test_replay_and_audit_find_no_difference_after_all_that_has_happened(story: Story) -> None:
    whole = story.run("replay", "--json")
    assert (whole.status, whole.json["same"], whole.json["differences"]) == (0, True, [])
    assert whole.json["expected"] == len({(record.topic, identity(record)) for record in story.outputs.records})
    assert whole.json["emitted"] == len(story.outputs.records)
    for batch in (FORCED, EXPIRED, "no such"):
        ran = story.run("replay", "--batch", batch, "--json")
        assert (ran.status, ran.json["expected"] > 0) == (0, batch != "no such")
    audited = story.run("audit", "--json")
    assert (audited.status, audited.json["differences"]) == (0, [])
    assert audited.json["batches"] == len(BATCHES)
    assert story.run("audit").out.startswith("the same: ")


def test_a_worker_on_a_copy_of_the_log_says_the_same(story: Story) -> None:
    ran = story.run("replay", "--into", "again", "--json")
    assert (ran.status, ran.json["same"]) == (0, True)
    assert story.run("replay", "--into", "again").status == 1  # not fresh any more
    before = {identity(record): record.value for record in story.outputs.records}
    worker = story.stage.worker(app_id="again")
    worker.start()
    story.stage.wait_taken("again")
    story.stage.io.wait_taken("again", ["again-log"])
    worker.stop()
    story.outputs.quiet(0.5)
    repeats = [record for record in story.outputs.records if identity(record) in before]
    assert len(repeats) >= 2 * len(before)
    assert set(map(identity, story.outputs.records)) == set(before)
    assert story.run("audit", "--json", ROLLCALL_APP_ID="again").status == 0
    assert story.run("replay", "--json").json["same"]
    late = story.run("at", SHORT, "--offset", "100", "--json").json["timed_out"]
    assert (late, story.run("batch", "show", DISCARDED, "--url", NOWHERE, "--json").json["state"]) == (True, DISCARDED)


def test_what_an_open_transaction_hides_is_no_difference(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that was killed leaves one; a committed reader then sees nothing of what others commit behind it."""
    monkeypatch.setattr("app.history.read.reader.SETTLING", 0.3)
    batch = "hidden"
    partition = partition_for(batch.encode(), 3)

    async def begin() -> Any:
        producer = new_producer(story.settings(), "somebody else's")
        await producer.start()
        await producer.begin_transaction()
        for topic in (topics.READY, "rollcall-tables-changelog"):
            await producer.send_and_wait(topic, b"never committed", b"?", partition=partition)
        return producer

    async def end(producer: Any) -> None:
        await producer.abort_transaction()
        await producer.stop()

    producer = story.stage.io.call(begin())
    try:
        story.send([registration(batch, 1)], [content(batch, 0)])
        story.stage.io.wait_taken("rollcall", ["rollcall-log"])
        for scope in ((), ("--batch", batch)):
            ran = story.run("replay", *scope, "--json")
            assert (ran.status, ran.json["differences"]) == (0, [])
            (note,) = ran.json["notes"]
            assert note.startswith("1 outputs were not found")
            assert f"a transaction is open on {topics.READY}" in note
        audited = story.run("audit", "--json").json
        assert (audited["same"], audited["partitions"], len(audited["notes"])) == (True, 2, 1)
    finally:
        story.stage.io.call(end(producer))
    story.settled()
    assert story.run("replay", "--json").json["notes"] == []
    assert story.run("audit", "--json").json["partitions"] == 3


def test_topology_has_the_partition_counts_of_the_broker(story: Story) -> None:
    found = story.run("topology", "--json").json
    counts = {topic["name"]: topic["partitions"] for topic in found["topics"]}
    assert (counts[topics.REGISTERED], counts[topics.CONTENT], counts[topics.FAILED]) == (3, 5, 1)
    assert counts["rollcall-log"] == 3
    assert story.run("topology", "--mermaid").out == found["mermaid"]


def test_a_forged_output_is_found(story: Story) -> None:
    (ready,) = [
        record for record in story.outputs.records if record.topic == topics.READY and record.key == EARLY.encode()
    ][:1]
    event = json.loads(ready.value or b"")
    event["data"]["expected_count"] += 1
    story.write(topics.READY, ready.key, json.dumps(event).encode(), list(ready.headers))
    for scope in ((), ("--batch", EARLY)):
        ran = story.run("replay", *scope, "--json")
        assert ran.status == 1
        assert [(difference["kind"], difference["batch_id"]) for difference in ran.json["differences"]] == [
            ("different", EARLY)
        ]
    assert story.run("replay", "--batch", WHOLE).status == 0


def test_a_forged_row_of_the_changelog_is_found(story: Story) -> None:
    key = next(key for key in story.changelog_keys() if key.startswith(batches.prefix(SHORT)))
    partition = partition_for(SHORT.encode(), 3)
    story.write("rollcall-tables-changelog", key, None, [], partition)
    ran = story.run("audit", "--json")
    assert ran.status == 1
    assert {difference["batch_id"] for difference in ran.json["differences"]} == {SHORT}
    assert "SHORT" in story.run("audit").out.upper()
