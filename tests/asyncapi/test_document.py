"""The AsyncAPI document: valid, checked in as generated, complete, and its examples are right."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft7Validator

from app.asyncapi.catalogue import INPUTS, OUTPUTS
from app.asyncapi.examples import plain
from app.asyncapi.text import text
from app.core import names
from app.core.payloads import Payload
from app.engine.topics.ensure import plans
from app.settings import Settings
from app.topology import TOPICS
from app.wire.decode import decode
from app.wire.inputs import INPUTS as WIRE_INPUTS
from tests.asyncapi.checking import DOCUMENT, Json, problems

HERE = Path(__file__).parent
COPY = HERE.parents[1] / "docs" / "asyncapi.json"
STANDARD = json.loads((HERE / "standard" / "3.0.0-without-id.json").read_text())
MESSAGES: Json = DOCUMENT["components"]["messages"]


def test_the_copy_that_is_checked_in_is_the_generated_one() -> None:
    assert COPY.read_text() == text(), "write it anew: python -m app.asyncapi > docs/asyncapi.json"


def test_the_environment_does_not_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = text()
    monkeypatch.setenv("ROLLCALL_PARTITIONS", "99")
    monkeypatch.setenv("ROLLCALL_APP_ID", "another")
    monkeypatch.setenv("ROLLCALL_PROVISIONING_COMPLETED", "false")
    assert text() == before


def test_it_is_valid_by_the_schema_of_the_standard() -> None:
    found = [f"{error.json_path}: {error.message}" for error in Draft7Validator(STANDARD).iter_errors(DOCUMENT)]
    assert found == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("asyncapi", "2.6.0"),
        ("channels/Log/bindings/kafka/partitions", 0),
        ("channels/Log/adress", "x"),
        ("operations/sendLog/action", "publish"),
        ("components/messages/LogAct/examples", [{"name": "nothing"}]),
        ("servers/plain/protocol", None),
    ],
)
def test_the_standard_is_asked_in_earnest(path: str, value: object) -> None:
    broken = json.loads(json.dumps(DOCUMENT))
    *parents, last = path.split("/")
    place = broken
    for name in parents:
        place = place[name]
    place[last] = value
    assert not Draft7Validator(STANDARD).is_valid(broken)


def nodes(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from nodes(member)
    elif isinstance(value, list):
        for member in value:
            yield from nodes(member)


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    led = {node["$ref"] for node in nodes(DOCUMENT) if isinstance(node.get("$ref"), str)}
    there = {f"#/channels/{name}" for name in DOCUMENT["channels"]}
    there |= {f"#/components/{kind}/{name}" for kind, held in DOCUMENT["components"].items() for name in held}
    assert led == there


def test_every_topic_is_a_channel_as_it_is_made_and_has_its_operations() -> None:
    settings = Settings.model_construct()
    planned = plans(settings, TOPICS)
    channels = {
        channel["address"].replace("{appId}", settings.app_id): channel for channel in DOCUMENT["channels"].values()
    }
    assert channels.keys() == planned.keys()
    for topic, plan in planned.items():
        made = channels[topic]["bindings"]["kafka"]
        assert made["partitions"] == plan.partitions
        told = made["topicConfiguration"] | {"cleanup.policy": ",".join(made["topicConfiguration"]["cleanup.policy"])}
        assert {name: str(value) for name, value in told.items()} == {"cleanup.policy": "delete"} | dict(plan.config)
    done: dict[str, set[str]] = {}
    for operation in DOCUMENT["operations"].values():
        address = DOCUMENT["channels"][operation["channel"]["$ref"].rpartition("/")[2]]["address"]
        done.setdefault(address.replace("{appId}", settings.app_id), set()).add(operation["action"])
    internal = planned.keys() - set(names.INPUTS) - set(names.OUTPUTS)
    expected = {key: {"receive"} for key in names.INPUTS} | {key: {"send"} for key in names.OUTPUTS}
    assert done == expected | {key: {"send", "receive"} for key in internal}


def test_every_kind_of_output_is_in_the_catalogue() -> None:
    assert {entry.model for entry in OUTPUTS.values()} == set(get_args(Payload))
    assert tuple(INPUTS) == names.INPUTS
    assert (*OUTPUTS, names.DEAD_LETTER) == names.OUTPUTS


def test_every_message_but_the_rows_of_tables_has_an_example() -> None:
    assert {name for name, message in MESSAGES.items() if not message.get("examples")} == {"ChangelogRow"}


@pytest.mark.parametrize("name", sorted(set(MESSAGES) - {"ChangelogRow"}))
def test_every_example_is_valid(name: str) -> None:
    message = MESSAGES[name]
    for example in message["examples"]:
        assert problems(message["payload"], example["payload"]) == []
        assert problems(message.get("headers", {}), example.get("headers", {})) == []


@pytest.mark.parametrize("name", sorted(entry.message for entry in (INPUTS | OUTPUTS).values()))
def test_an_example_without_a_field_that_is_required_is_not_valid(name: str) -> None:
    message = MESSAGES[name]
    tried = 0
    for path, fields in required(message["payload"]):
        for field in fields:
            broken = json.loads(json.dumps(message["examples"][0]["payload"]))
            place = broken
            for step in path:
                place = place[step]
            del place[field]
            assert problems(message["payload"], broken) != [], f"{path} without {field}"
            tried += 1
    assert tried > 5


def required(schema: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """The required fields of an object and of those inside it, by their path."""
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "object":
        yield path, schema.get("required", [])
        for name in schema.get("required", []):
            yield from required(schema.get("properties", {}).get(name, {}), (*path, name))


@pytest.mark.parametrize("topic", names.INPUTS)
def test_an_input_that_the_story_lacks_has_an_example_made_of_its_model_that_a_worker_takes(topic: str) -> None:
    _, _, _, value, name = plain(topic, "a-batch", 7)
    assert decode(topic, value, len(value)).batch_id == "a-batch"
    assert name == WIRE_INPUTS[topic].word
