"""The component for static membership: an instance id of each pod's own, and a session in which a pod is back."""

import os
from pathlib import Path

from app.settings import Settings
from tests.support.kustomize import render
from tests.support.worker import ROOT


def test_each_pod_has_an_instance_id_of_its_own_and_the_time_to_come_back(tmp_path: Path) -> None:
    names = ("base", "components/static-membership")
    base, component = (os.path.relpath(ROOT / "deploy" / name, tmp_path) for name in names)
    (tmp_path / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        f"resources:\n  - {base}\ncomponents:\n  - {component}\n"
    )
    (workers,) = [document for document in render(tmp_path) if document["kind"] == "StatefulSet"]
    pod = workers["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    given = {variable["name"]: variable for variable in container["env"]}
    # A StatefulSet names its pods by number, and gives the name to the pod that replaces one.
    assert given["ROLLCALL_INSTANCE_ID"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    session = float(given["ROLLCALL_SESSION_TIMEOUT_SECONDS"]["value"])
    settings = Settings(_env_file=None, instance_id="rollcall-0", session_timeout_seconds=session)  # type: ignore[call-arg]
    assert settings.session_timeout_seconds >= pod["terminationGracePeriodSeconds"] + 60, "as it says where it is set"
