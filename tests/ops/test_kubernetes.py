"""deploy/, rendered for each of its overlays and held against Kubernetes' schemas, the code and docker-compose.yml."""

import functools
import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from app.engine.faust.app import STOP_SECONDS
from app.settings import PREFIX, Settings
from demo.events import INPUTS
from ops.kubernetes import RULES, prometheus_rule
from tests.support.crds import SCHEMAS
from tests.support.kustomize import Document, UnknownFieldError, render
from tests.support.worker import ROOT

OVERLAYS = {path.name: path for path in sorted((ROOT / "deploy/overlays").iterdir())}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OLDEST = "1.30"
every_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@functools.cache
def documents(overlay: str) -> tuple[Document, ...]:
    return tuple(render(OVERLAYS[overlay]))


def only(overlay: str, kind: str, name: str = "rollcall") -> Document:
    (found,) = (
        document for document in documents(overlay) if (document["kind"], document["metadata"]["name"]) == (kind, name)
    )
    return found


def pod(overlay: str) -> dict[str, Any]:
    spec: dict[str, Any] = only(overlay, "StatefulSet")["spec"]["template"]["spec"]
    return spec


def worker(overlay: str) -> dict[str, Any]:
    (container,) = pod(overlay)["containers"]
    return dict(container)


def environment(overlay: str) -> dict[str, Any]:
    """What a worker is given: the value, or where it is taken from."""
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in worker(overlay)["env"]}


def settings(overlay: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Settings:
    """The settings that a worker of the overlay starts with, its secrets and files made up."""
    for name, given in environment(overlay).items():
        value = given if isinstance(given, str) else f"made-up-{name.replace('_', '-')}"
        if value.startswith("/etc/rollcall"):
            file = tmp_path / name
            file.write_text("made up" if name.endswith("PASSWORD_FILE") else _authority())
            value = str(file)
        monkeypatch.setenv(name, value.replace("$(POD_NAME)", "rollcall-0"))
    return Settings(_env_file=None)  # type: ignore[call-arg]


@functools.cache
def _authority() -> str:
    import trustme  # noqa: PLC0415 - one overlay of three needs it

    return trustme.CA().cert_pem.bytes().decode()


def check(document: Document, version: str) -> None:
    """Raises ValidationError for what Kubernetes of a version does not take."""
    if document["kind"] in SCHEMAS:
        jsonschema.validate(document, SCHEMAS[document["kind"]])
    else:
        kubernetes_validate.validate(document, version, strict=True)


def test_there_are_three() -> None:
    assert set(OVERLAYS) == {"single", "three-workers", "autoscaled"}


@every_overlay
@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
def test_every_document_keeps_to_its_schema(overlay: str, version: str) -> None:
    for document in documents(overlay):
        check(document, version)


@pytest.mark.parametrize("kind", ["StatefulSet", *SCHEMAS])
def test_a_field_that_is_no_field_is_refused(kind: str) -> None:
    spoiled = json.loads(json.dumps(only("autoscaled", kind)))
    spoiled["spec"]["replicsa"] = 3
    with pytest.raises(jsonschema.ValidationError, match="replicsa"):
        check(spoiled, OLDEST)


def programs() -> Iterator[list[str]]:
    if shutil.which("kustomize"):
        yield ["kustomize", "build"]
    if shutil.which("kubectl"):
        yield ["kubectl", "kustomize"]


@every_overlay
def test_kustomize_itself_renders_the_same(overlay: str) -> None:
    command = next(programs(), None)
    if command is None:
        pytest.skip("neither kustomize nor kubectl is installed: rendered by the tests' own renderer alone")
    done = subprocess.run([*command, OVERLAYS[overlay]], capture_output=True, text=True, check=True)
    theirs = {
        (document["kind"], document["metadata"]["name"]): document for document in yaml.safe_load_all(done.stdout)
    }
    ours = {(document["kind"], document["metadata"]["name"]): document for document in documents(overlay)}
    assert ours == theirs


def test_what_the_renderer_does_not_know_is_refused(tmp_path: Any) -> None:
    (tmp_path / "kustomization.yaml").write_text("kind: Kustomization\nnamePrefix: my-\n")
    with pytest.raises(UnknownFieldError, match="namePrefix"):
        render(tmp_path)


@every_overlay
def test_the_settings_of_a_worker_are_accepted(overlay: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    known = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
    assert {name for name in environment(overlay) if name.startswith(PREFIX)} <= known
    made = settings(overlay, monkeypatch, tmp_path)
    assert made.http_url == "http://rollcall-0.rollcall:6066"
    assert made.uses_tls is made.uses_sasl is (overlay == "three-workers")


@every_overlay
def test_a_name_is_known_before_it_is_used(overlay: str) -> None:
    """Kubernetes fills $(NAME) from the entries above it."""
    names = [entry["name"] for entry in worker(overlay)["env"]]
    assert names.index("POD_NAME") < names.index("ROLLCALL_HTTP_URL")
    assert only(overlay, "StatefulSet")["spec"]["serviceName"] == only(overlay, "Service")["metadata"]["name"]


@every_overlay
def test_no_secret_is_written_down(overlay: str) -> None:
    assert not [document for document in documents(overlay) if document["kind"] == "Secret"]
    for name, given in environment(overlay).items():
        if name.endswith(("TOKEN", "PASSWORD", "USERNAME")):
            assert set(given) == {"secretKeyRef"}, name


@every_overlay
def test_a_pod_has_no_right_that_it_does_not_need(overlay: str) -> None:
    context = pod(overlay)["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] == context["runAsGroup"] == context["fsGroup"] == 999
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert worker(overlay)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod(overlay)["automountServiceAccountToken"] is False


@every_overlay
def test_a_stop_is_given_the_time_that_it_may_take(overlay: str) -> None:
    assert pod(overlay)["terminationGracePeriodSeconds"] >= STOP_SECONDS + 2


@every_overlay
def test_no_probe_ends_a_worker_that_restores_and_traffic_waits_for_it(overlay: str) -> None:
    container = worker(overlay)
    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/health/live", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/health/ready", "port": "http"}


@every_overlay
def test_a_worker_reaches_its_brokers_and_the_others_and_prometheus_reaches_it(overlay: str) -> None:
    policies = [document["spec"] for document in documents(overlay) if document["kind"] == "NetworkPolicy"]
    out = {port["port"] for policy in policies for rule in policy.get("egress", ()) for port in rule["ports"]}
    brokers = {int(server.rpartition(":")[2]) for server in environment(overlay)["ROLLCALL_BROKER"].split(",")}
    assert brokers | {53, 6066} <= out
    let_in = [source for policy in policies for rule in policy["ingress"] for source in rule["from"]]
    assert any("podSelector" in source for source in let_in)
    assert any("namespaceSelector" in source for source in let_in) is (overlay == "autoscaled")


@every_overlay
def test_everything_selects_the_pods_by_the_label_that_they_have(overlay: str) -> None:
    label = {"app.kubernetes.io/name": "rollcall"}
    assert only(overlay, "StatefulSet")["spec"]["template"]["metadata"]["labels"] == label
    assert only(overlay, "StatefulSet")["spec"]["selector"]["matchLabels"] == label
    assert only(overlay, "Service")["spec"]["selector"] == label
    assert only(overlay, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == label
    assert only(overlay, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == label


@every_overlay
def test_no_more_workers_than_partitions(overlay: str) -> None:
    partitions = int(environment(overlay).get("ROLLCALL_PARTITIONS", Settings.model_fields["partitions"].default))
    assert only(overlay, "StatefulSet")["spec"].get("replicas", 1) <= partitions
    if overlay == "autoscaled":
        assert "replicas" not in only(overlay, "StatefulSet")["spec"], "applying it again would set KEDA's number back"
        assert only(overlay, "ScaledObject")["spec"]["maxReplicaCount"] == partitions


def test_autoscaling_looks_at_the_lag_of_each_topic_that_the_group_reads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    made = settings("autoscaled", monkeypatch, tmp_path)
    triggers = [trigger["metadata"] for trigger in only("autoscaled", "ScaledObject")["spec"]["triggers"]]
    assert {trigger["topic"] for trigger in triggers} == {*INPUTS, made.log_topic}
    assert {trigger["consumerGroup"] for trigger in triggers} == {made.app_id}
    assert {trigger["bootstrapServers"] for trigger in triggers} == {made.broker}


def test_prometheus_has_the_same_rules_as_everywhere() -> None:
    """`python -m ops` makes the file."""
    assert RULES.read_text() == prometheus_rule()
    alerts = yaml.safe_load((ROOT / "ops/prometheus/alerts.yml").read_text())
    assert only("autoscaled", "PrometheusRule")["spec"] == alerts


def test_prometheus_scrapes_the_workers_by_the_job_that_the_rules_name() -> None:
    monitor, service = only("autoscaled", "ServiceMonitor"), only("autoscaled", "Service")
    assert service["metadata"]["labels"].items() >= monitor["spec"]["selector"]["matchLabels"].items()
    (job,) = yaml.safe_load((ROOT / "ops/prometheus/prometheus.yml").read_text())["scrape_configs"]
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == job["job_name"]
    (endpoint,), (port,) = monitor["spec"]["endpoints"], service["spec"]["ports"]
    assert endpoint["port"] == port["name"]
    token = environment("autoscaled")["ROLLCALL_HTTP_READ_TOKEN"]["secretKeyRef"]
    assert endpoint["authorization"]["credentials"] == token


def test_grafana_has_every_dashboard() -> None:
    data = only("autoscaled", "ConfigMap", "rollcall-dashboards")["data"]
    files = {path.name: path.read_text() for path in (ROOT / "ops/grafana/dashboards").glob("*.json")}
    assert data == files
    assert sum(map(len, data.values())) < 1_000_000, "a ConfigMap holds 1 MiB"


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_kubernetes_and_compose_say_the_same() -> None:
    """The settings, the image, the port, the check, the stop's time and the limits of a worker."""
    compose, container = COMPOSE["services"]["worker-1"], worker("single")
    there, here = compose["environment"], environment("single")
    assert set(there) == set(here) - {"POD_NAME"}
    own = {"ROLLCALL_HTTP_URL", "ROLLCALL_HTTP_TOKEN", "ROLLCALL_HTTP_READ_TOKEN"}
    assert {name: there[name] for name in set(there) - own} == {name: here[name] for name in set(there) - own}
    assert container["image"] == compose["image"]
    assert [port["containerPort"] for port in container["ports"]] == [int(there["ROLLCALL_HTTP_PORT"])]
    assert pod("single")["terminationGracePeriodSeconds"] == seconds(compose["stop_grace_period"])

    check, probe = compose["healthcheck"], container["readinessProbe"]
    assert f":{there['ROLLCALL_HTTP_PORT']}{probe['httpGet']['path']}'" in check["test"][-1]
    assert probe["periodSeconds"] == seconds(check["interval"])
    assert probe["timeoutSeconds"] == seconds(check["timeout"])
    assert probe["failureThreshold"] == check["retries"]

    limits = container["resources"]["limits"]
    assert (float(limits["cpu"]), limits["memory"]) == (compose["cpus"], compose["mem_limit"].replace("g", "Gi"))
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {
        there["ROLLCALL_DATADIR"],
        *(mount.partition(":")[0] for mount in compose["tmpfs"]),
    }
    (tmp,) = pod("single")["volumes"]
    assert tmp["emptyDir"] == {"medium": "Memory", "sizeLimit": "64Mi"}
