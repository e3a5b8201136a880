"""Renders the kustomizations of ``deploy/`` with Python alone, as ``kubectl kustomize`` does; a test compares the two.

It knows the fields that ``deploy/`` uses, and refuses any other, so that nothing is left out in silence: resources,
components, patches by path (strategic merge), ConfigMaps of files, replicas, images, and the namespace.
"""

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

Document = dict[str, Any]

KNOWN = {
    "apiVersion", "kind", "resources", "components", "patches", "configMapGenerator", "replicas", "images", "namespace",
}  # fmt: skip
#: By what an entry of a list of Kubernetes is known, where it is merged and not replaced.
MERGE_KEYS = {"containers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath"}


class UnknownFieldError(Exception):
    """A kustomization uses what this renderer doesn't know."""


def render(folder: Path) -> list[Document]:
    """The documents that the kustomization in a folder stands for."""
    return _apply(folder, [])


def _apply(folder: Path, documents: list[Document]) -> list[Document]:
    """What a kustomization makes of its own resources; a component of those that it is given, too."""
    file = folder / "kustomization.yaml"
    kustomization: Document = yaml.safe_load(file.read_text())
    if unknown := set(kustomization) - KNOWN:
        message = f"{file}: {sorted(unknown)}"
        raise UnknownFieldError(message)
    for name in kustomization.get("resources", ()):
        path = (folder / name).resolve()
        documents += render(path) if path.is_dir() else yaml.safe_load_all(path.read_text())
    documents += [_config_map(folder, given) for given in kustomization.get("configMapGenerator", ())]
    for name in kustomization.get("components", ()):
        documents = _apply((folder / name).resolve(), documents)
    for entry in kustomization.get("patches", ()):
        (path,) = entry.values()
        _patch(documents, yaml.safe_load((folder / path).read_text()))
    for entry in kustomization.get("replicas", ()):
        replicas = {"spec": {"replicas": entry["count"]}}
        _patch(documents, {"kind": "StatefulSet", "metadata": {"name": entry["name"]}} | replicas)
    for entry in kustomization.get("images", ()):
        _set_image(documents, entry)
    if namespace := kustomization.get("namespace"):
        for document in documents:
            document["metadata"]["namespace"] = namespace
    return documents


def _patch(documents: list[Document], patch: Document) -> None:
    (index,) = (index for index, document in enumerate(documents) if _identity(document) == _identity(patch))
    documents[index] = merged(documents[index], patch)


def merged(document: Any, patch: Any) -> Any:
    """A strategic merge: maps by key, lists by the key of their entries where they have one; null deletes."""
    if not isinstance(document, dict) or not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif name in MERGE_KEYS and isinstance(result.get(name), list):
            result[name] = _merged_list(result[name], value, MERGE_KEYS[name])
        else:
            result[name] = merged(result.get(name), value)
    return result


def _merged_list(entries: list[Document], patches: list[Document], key: str) -> list[Document]:
    """Those of the patch first, in its order, as kustomize has them."""
    known = {entry[key]: entry for entry in entries}
    changed = [merged(known.pop(patch[key], {}), patch) for patch in patches]
    return changed + list(known.values())


def _config_map(folder: Path, given: Document) -> Document:
    options = given["options"]
    if set(given) != {"name", "files", "options"} or options.get("disableNameSuffixHash") is not True:
        message = f"{folder}: a ConfigMap of files, without a hash in its name, is all that is known"
        raise UnknownFieldError(message)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": given["name"], "labels": dict(options["labels"])},
        "data": {Path(file).name: (folder / file).read_text() for file in given["files"]},
    }


def _set_image(documents: Iterable[Document], entry: Document) -> None:
    for document in documents:
        if document["kind"] == "StatefulSet":
            for container in document["spec"]["template"]["spec"]["containers"]:
                name, _, tag = container["image"].partition(":")
                if name == entry["name"]:
                    container["image"] = f"{entry.get('newName', name)}:{entry.get('newTag', tag)}"


def _identity(document: Document) -> tuple[str, str]:
    return document["kind"], document["metadata"]["name"]
