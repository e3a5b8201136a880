"""docker-compose.yml, as far as it can be judged without Docker: the file itself, and all that it points to."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from app.engine.faust.app import STOP_SECONDS
from app.environment import SettingsError, load
from app.settings import PREFIX, Settings
from tests.support.worker import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
STAGES = re.findall(r"^FROM \S+ AS (\w+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
TOKENS = ("ROLLCALL_HTTP_TOKEN", "ROLLCALL_HTTP_READ_TOKEN")
DEMO = ("batch-orchestrator", "file-service")
every_service = pytest.mark.parametrize("name", SERVICES)


def mounts(service: dict[str, Any]) -> list[tuple[str, str]]:
    """The source and the target of each volume."""
    return [(source, target) for source, target, *_ in (volume.split(":") for volume in service.get("volumes", ()))]


NOT_READ_ONLY = {"kafka", "prometheus"}
"""Each with its reason beside it in the file."""


def checked(compose: dict[str, Any]) -> None:
    """Raises ValueError for what the compose specification doesn't know, by its place."""
    PyCompose.from_yaml(yaml.safe_dump(compose))


def test_the_file_keeps_to_the_compose_specification() -> None:
    checked(COMPOSE)
    for place, key, value in (
        ((), "servces", {}),
        (("services", "kafka"), "restrat", "always"),
        (("services", "kafka", "healthcheck"), "intervall", "5s"),
        (("services", "kafka"), "mem_limit", "2q"),
    ):
        spoiled = copy.deepcopy(COMPOSE)
        inner: dict[str, Any] = spoiled
        for step in place:
            inner = inner[step]
        inner[key] = value
        with pytest.raises(ValueError, match=key if key != "mem_limit" else "2q"):
            checked(spoiled)


@every_service
def test_every_image_is_by_version_and_once_one_is_pinned_all_are(name: str) -> None:
    image = SERVICES[name]["image"]
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?", image)
    others = [service["image"] for service in SERVICES.values() if not service["image"].startswith("rollcall")]
    assert len({"@" in other for other in others}) == 1


@every_service
def test_no_container_has_rights_that_it_does_not_need_or_takes_the_machine_for_itself(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "mem_limit", "pids_limit"} <= set(service)
    assert service.get("read_only", False) is (name not in NOT_READ_ONLY)


@pytest.mark.parametrize("name", [name for name in SERVICES if SERVICES[name]["image"].startswith("rollcall")])
def test_our_own_hear_signals_from_the_first_moment(name: str) -> None:
    assert SERVICES[name]["init"] is True


def test_each_image_of_ours_is_built_once() -> None:
    """Each build gives an image of its own, under one tag: the last would win."""
    ours = {name: service for name, service in SERVICES.items() if service["image"].startswith("rollcall")}
    built = [service["image"] for service in ours.values() if "build" in service]
    assert sorted(built) == sorted({service["image"] for service in ours.values()})
    for service in ours.values():
        assert ("build" in service) is (service.get("pull_policy") != "never"), "who does not build must not pull"


def test_every_command_of_compose_can_be_given_without_tokens() -> None:
    """`:?` would stop `ps`, `logs` and `down` too."""
    assert ":?" not in (ROOT / "docker-compose.yml").read_text()
    assert "?" not in "".join(re.findall(r"\$\{[^}]*\}", (ROOT / "docker-compose.yml").read_text()))


def test_a_new_read_token_makes_a_new_prometheus() -> None:
    """Compose writes a secret's file when it makes the container, and makes it anew when its settings change."""
    assert SERVICES["prometheus"]["environment"] == {"ROLLCALL_HTTP_READ_TOKEN": "${ROLLCALL_HTTP_READ_TOKEN:-}"}


def test_the_check_of_kafka_is_cheap() -> None:
    """One of Kafka's own tools is a JVM: 3.7 s of CPU at every check."""
    check = SERVICES["kafka"]["healthcheck"]["test"]
    assert check[:2] == ["CMD", "bash"]
    assert check[2] in {target for _, target in mounts(SERVICES["kafka"])}


def test_the_internal_topics_of_kafka_have_few_partitions() -> None:
    environment = SERVICES["kafka"]["environment"]
    for topic in ("OFFSETS_TOPIC", "TRANSACTION_STATE_LOG", "SHARE_COORDINATOR_STATE_TOPIC"):
        assert environment[f"KAFKA_{topic}_NUM_PARTITIONS"] == "3"


@pytest.mark.parametrize("name", ["worker-1", "worker-2"])
def test_a_worker_is_given_the_time_that_its_stop_may_take(name: str) -> None:
    assert float(SERVICES[name]["stop_grace_period"].removesuffix("s")) >= STOP_SECONDS + 2


@every_service
def test_every_service_has_a_health_check_with_bounds_and_is_started_again(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"test", "interval", "timeout", "retries", "start_period"} == set(check)
    assert SERVICES[name]["restart"] == "unless-stopped"


@every_service
def test_every_published_port_is_on_loopback_and_taken_once(name: str) -> None:
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in SERVICES[name].get("ports", ()))
    published = [port.split(":")[1] for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(set(published)) == len(published)


@every_service
def test_everything_that_is_mounted_or_built_exists(name: str) -> None:
    service = SERVICES[name]
    for source, target in mounts(service):
        assert target.startswith("/")
        if source.startswith("."):
            assert (ROOT / source).exists(), source
        else:
            assert source in COMPOSE["volumes"]
    if "build" in service:
        assert service["build"]["target"] in STAGES
    for secret in service.get("secrets", ()):
        assert secret in COMPOSE["secrets"]
    for dependency in service.get("depends_on", ()):
        assert dependency in SERVICES


@every_service
def test_every_setting_is_one(name: str) -> None:
    known = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
    used = {key for key in SERVICES[name].get("environment", ()) if key.startswith(PREFIX)}
    assert used <= known, f"no such setting: {used - known}"


@pytest.mark.parametrize("name", ["worker-1", "worker-2"])
def test_the_settings_of_a_worker_are_accepted_once_the_tokens_are_given(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in SERVICES[name]["environment"].items():
        filled = "x" * 16 + key if key in TOKENS else value
        assert "$" not in filled
        monkeypatch.setenv(key, filled)
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    assert settings.http_host == "0.0.0.0"  # noqa: S104 - in a container, behind a token
    assert settings.http_url == f"http://{name}:{settings.http_port}"


@pytest.mark.parametrize("name", ["worker-1", "worker-2"])
@pytest.mark.parametrize("token", TOKENS)
def test_a_worker_does_not_start_without_its_tokens_and_names_them(
    name: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in SERVICES[name]["environment"].items():
        given = "" if key == token else "x" * 16 + key if key in TOKENS else value
        monkeypatch.setenv(key, given)
    assert SERVICES[name]["environment"][token] == f"${{{token}:-}}"
    with pytest.raises(SettingsError, match=rf"{token}: .*a token is 16 to 512"):
        load()


def test_two_workers_share_nothing_but_the_broker() -> None:
    volumes = [source for name in ("worker-1", "worker-2") for source, _ in mounts(SERVICES[name])]
    assert len(set(volumes)) == 2


def test_the_demo_keeps_its_outboxes_and_no_image_makes_a_volume_of_its_own() -> None:
    for name in DEMO:
        ((_, folder),) = mounts(SERVICES[name])
        assert SERVICES[name]["command"][-2:] == ["--directory", folder]
        assert SERVICES[name]["healthcheck"]["test"][-2:] == ["--directory", folder]
    assert not re.search(r"^VOLUME", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_prometheus_finds_its_rules_its_token_and_both_workers() -> None:
    config = yaml.safe_load((ROOT / "ops/prometheus/prometheus.yml").read_text())
    prometheus = SERVICES["prometheus"]
    places = {target: source for source, target in mounts(prometheus)}
    assert f"--config.file={next(path for path in places if path.endswith('prometheus.yml'))}" in prometheus["command"]
    folder = Path("/etc/prometheus")
    assert all(str(folder / file) in places for file in config["rule_files"])
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "rollcall"
    (secret,) = prometheus["secrets"]
    assert job["authorization"]["credentials_file"] == f"/run/secrets/{secret}"
    assert COMPOSE["secrets"][secret]["environment"] == "ROLLCALL_HTTP_READ_TOKEN"
    (targets,) = (config["targets"] for config in job["static_configs"])
    assert targets == [
        f"{name}:{service['environment']['ROLLCALL_HTTP_PORT']}"
        for name, service in SERVICES.items()
        if name.startswith("worker")
    ]


def test_grafana_finds_its_data_source_and_its_dashboards() -> None:
    places = {target: source for source, target in mounts(SERVICES["grafana"])}
    assert (ROOT / places["/etc/grafana/provisioning"] / "datasources" / "prometheus.yml").is_file()
    (provider,) = yaml.safe_load((ROOT / "ops/grafana/provisioning/dashboards/rollcall.yml").read_text())["providers"]
    assert provider["options"]["path"] in places
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    folder, _, name = home.rpartition("/")
    assert (ROOT / places[folder] / name).is_file()
    (source,) = yaml.safe_load((ROOT / "ops/grafana/provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    assert source["url"] == "http://prometheus:9090"


def test_the_services_of_the_demo_run_only_when_asked_for() -> None:
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["demo"]} == set(DEMO)
    assert [name for name, service in SERVICES.items() if "profiles" in service] == list(DEMO)


def test_what_the_images_are_built_from_is_let_into_the_build() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert {source for line in copied for source in line.split()} == allowed
    assert all((ROOT / name).exists() for name in allowed)
