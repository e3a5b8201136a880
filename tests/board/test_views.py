"""The view of the partitions, the keys, and each act as a command for a shell."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.board import scenarios
from tests.board.conftest import Open
from tests.board.fake_api import FakeApi
from tests.board.pages import live, says, so_many

if TYPE_CHECKING:
    from playwright.sync_api import Page

RUNBOOKS = Path(__file__).resolve().parents[2] / "ops" / "runbooks"
TOKEN = "the-full-token-of-the-test"  # noqa: S105 - of the fake
WHY = 'the pupil\'s ill; \u202e$HOME `id` "quoted"'


def command(page: "Page", button: str) -> str:
    """Go on to the last step of an act, and return the command that stands there."""
    page.get_by_role("button", name=button).first.click()
    page.get_by_label("Who").fill("Anna O'Hara")
    page.get_by_label("Why").fill(WHY)
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("The same as a command").click()
    told: str = page.locator("pre.command").inner_text()
    return told


def body(told: str) -> dict[str, str]:
    """What the command sends, as a shell reads it."""
    words = shlex.split(told.replace("\\\n", " "))
    sent: dict[str, str] = json.loads(words[words.index("--data") + 1])
    return sent


def test_an_act_can_be_had_as_a_command_without_the_token(api: FakeApi, visit: Open) -> None:
    api.token = TOKEN
    api.put(scenarios.batch("b", filled=2))
    page = visit("#/batch/b")
    page.get_by_label("Token", exact=True).fill(TOKEN)
    page.get_by_role("button", name="Continue").click()
    told = command(page, "Complete as it is")
    assert TOKEN not in told
    assert '--header "Authorization: Bearer $ROLLCALL_HTTP_TOKEN"' in told
    assert "\u202e" not in told, "what can't be seen is escaped"
    words = shlex.split(told.replace("\\\n", " "))
    assert words[:4] == ["curl", "--request", "POST", f"{api.url}/api/batches/b/acts"]
    assert body(told).items() >= {"act": "force_complete", "who": "Anna O'Hara", "why": WHY}.items()
    page.get_by_role("dialog").get_by_role("button", name="Complete as it is").click()
    says(page, "Done: complete as it is")
    assert api.acts == [body(told) | {"batch_id": "b"}], "the command does what the button has done: the same act, once"


def test_the_command_does_it(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("b", filled=2))
    told = command(visit("#/batch/b"), "Extend the deadline")
    assert "Authorization" not in told, "this worker asks for no token"
    ran = subprocess.run(["sh", "-c", f"{told} --silent --fail"], capture_output=True, text=True, check=False)
    if ran.returncode == 127:
        pytest.skip("there is no curl")
    assert ran.returncode == 0, ran.stderr
    assert api.acts == [body(told) | {"batch_id": "b"}]


def test_sending_a_dead_letter_again_can_be_had_as_a_command(api: FakeApi, visit: Open) -> None:
    api.letters = [scenarios.dead_letter(1)]
    told = command(visit("#/dead-letters/1/1"), "Send it again")
    assert "/api/dead-letters/1/1/replay" in told
    assert body(told) == {"who": "Anna O'Hara", "why": WHY}


def test_the_command_is_copied_or_marked(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("b", filled=2))
    page = visit("#/batch/b")
    told = command(page, "Complete as it is")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy as curl").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == told
    page.keyboard.press("Escape")
    page.evaluate("void (navigator.clipboard.writeText = () => Promise.reject(new Error('not here')))")
    told = command(page, "Complete as it is")
    page.get_by_role("button", name="Copy as curl").click()
    page.get_by_role("button", name="Marked: copy it now").wait_for()
    assert page.evaluate("getSelection().toString()") == told


def test_the_keys_are_told_and_lead_to_the_views(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("b", filled=1))
    page = visit()
    live(page)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    dialog.wait_for()
    assert "To the workers and partitions" in dialog.inner_text()
    page.keyboard.press("Escape")
    views = {"w": ("#/partitions", "Workers and partitions"), "p": ("#/pending", "Pending"),
             "d": ("#/dead-letters", "Dead letters"), "b": ("#/", "Batches")}  # fmt: skip
    for key, (path, title) in views.items():
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.locator(f"nav [aria-current=page][href='{path}']").wait_for()
        assert page.title().startswith(title)
    page.keyboard.press("/")
    page.keyboard.type("?gp")
    assert page.get_by_label("Search").input_value() == "?gp", "in a field they are letters"
    assert page.get_by_role("dialog").count() == 0


def test_the_partitions_have_a_page_with_owner_state_and_lag(api: FakeApi, visit: Open) -> None:
    other = "http://127.0.0.1:6067"
    now = scenarios.overview([], [])
    now["workers"][0] |= {"partitions": [0]}
    now["workers"].append(
        {
            "url": other,
            "ready": False,
            "this": False,
            "partitions": [1],
            "reachable": True,
            "restore_left": 1234,
            "standbys": [0],
        }
    )
    now["partitions"] = [
        {"partition": 0, "owner": now["workers"][0]["url"], "ready": True, "lag": 0},
        {"partition": 1, "owner": other, "ready": False, "lag": 77},
        {"partition": 2, "owner": None, "ready": False, "lag": None},
    ]
    api.overview = lambda: now  # type: ignore[method-assign]
    page = visit("#/partitions")
    says(page, "not ready. Lag 77 in the log")
    rows = page.get_by_role("table", name="Partitions of the log").get_by_role("row")
    assert [text.split("\t") for text in rows.all_inner_texts()[1:]] == [
        ["0", now["workers"][0]["url"], "ready", other, "0"],
        ["1", other, "restores, 1,234 records left", "none", "77"],
        ["2", "nobody known", "nobody answers for it", "none", "\u2013"],
    ]
    so_many(page.get_by_role("table", name="Workers").get_by_text("restores, 1,234 records left"), 1)


def test_the_partitions_say_where_the_log_begins_and_since_when(api: FakeApi, visit: Open) -> None:
    now = scenarios.late(scenarios.overview([], []))
    owner = now["workers"][0]["url"]
    api.overview = lambda: now  # type: ignore[method-assign]
    page = visit("#/partitions")
    says(page, "went with the log's retention")
    rows = page.get_by_role("table", name="Partitions of the log").get_by_role("row")
    told = [text.split("\t") for text in rows.all_inner_texts()]
    assert told[0] == ["Partition", "Owner", "State", "Begins", "Lag"]
    moment = rows.nth(1).locator("time")
    assert moment.get_attribute("datetime") == now["partitions"][0]["begins_time"]
    assert told[1] == ["0", owner, "ready", f"at offset 12,345, {moment.inner_text()}", "0"]
    assert told[2] == ["1", owner, "ready", "at offset 0: all is there", "0"]
    assert told[3] == ["2", owner, "ready", "\u2013", "0"], "a worker of an older release doesn't say it"


def test_of_a_log_that_is_whole_nothing_is_said(visit: Open) -> None:
    page = visit("#/partitions")
    says(page, "all ready")
    assert page.get_by_role("columnheader", name="Begins").count() == 0
    assert "retention" not in page.locator("main").inner_text()


def hour(page: "Page", samples: list[tuple[int, int, int, int]], missing: list[str]) -> None:
    """What the page is told of the last hour from now on."""
    told = json.dumps(scenarios.recent(samples, missing))
    page.route("**/api/recent", lambda route: route.fulfill(body=told, content_type="application/json"))


def test_the_last_hour_is_drawn_on_the_front_page_once_it_is_asked_for(api: FakeApi, visit: Open) -> None:
    page = visit()
    live(page)
    hour(page, [(1, 0, 0, 5)] * 100 + [(2, 3, 1, 9)] * 100, [])
    assert not [line for line in api.asked if "recent" in line]
    page.get_by_text("The last hour").click()
    drawn = page.get_by_role("img")
    drawn.first.wait_for()
    assert [image.get_attribute("aria-label") for image in drawn.all()] == [
        "Ready, the last hour: 300 in the hour",
        "Stuck, the last hour: 3 now, 3 at most",
        "Lag, the last hour: 9 now, 9 at most",
    ]
    path = page.locator(".chart-stuck .chart-line").get_attribute("d")
    assert path
    assert path.count("M") == 1, "no sample is missing: one line"
    assert path.count("L") == 200


def test_samples_that_are_missing_are_a_gap_and_workers_are_named(visit: Open) -> None:
    page = visit()
    live(page)
    told = scenarios.recent([(0, 0, 0, 0)] * 20, ["http://10.0.0.7:6066"])
    del told["samples"][8:12]
    body = json.dumps(told)
    page.route("**/api/recent", lambda route: route.fulfill(body=body, content_type="application/json"))
    page.keyboard.press("g")
    page.keyboard.press("w")
    says(page, "Without what http://10.0.0.7:6066 would say.")
    path = page.locator(".chart-lag .chart-line").get_attribute("d")
    assert path
    assert path.count("M") == 2


def test_before_there_is_a_sample_the_page_says_when_there_will_be(visit: Open) -> None:
    page = visit()
    live(page)
    hour(page, [], [])
    page.get_by_text("The last hour").click()
    says(page, "The first sample is taken within 15 s of a worker's start.")


@pytest.mark.parametrize("runbook", sorted(RUNBOOKS.glob("Rollcall*.md")), ids=lambda path: path.stem)
def test_each_runbook_leads_to_a_view_of_the_board(api: FakeApi, visit: Open, runbook: Path) -> None:
    (path,) = re.findall(r"`http://127\.0\.0\.1:6066/(#/\S*)`", runbook.read_text())
    api.put(scenarios.batch("BATCH", filled=1, stuck=True))
    page = visit(path)
    page.locator("main:not([aria-busy=true])").wait_for()
    view = re.split(r"[?/]", path.removeprefix("#/"))[0] or "batches"
    assert page.locator("nav [aria-current=page]").get_attribute("data-view") == view
