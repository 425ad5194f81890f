"""`mlc infra`: the objects that a cluster must have before a compiled manifest can run, as manifests to apply once."""

from __future__ import annotations

from .targets.argo.names import REPOSITORY_KEY, repository
from .targets.argo.places import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .ir import Pipeline, Store


_KEY = "{{workflow.name}}/{{workflow.uid}}/{{pod.name}}"
"""Keys are unique per run and pod, so a retry overwrites nothing."""


def manifests(pipeline: Pipeline, target: str = "argo") -> tuple[dict[str, Any], ...]:
    """The ConfigMaps of the project's store and, for Argo, of its kept results.

    None for the store without a `store`, or with one that the target cannot use. The store's goes where the runs are: to the namespace of
    the project, and without one where `kubectl` points. That of kept results has none: `elsewhere` says where it belongs.
    """
    if target == "argo":
        stored = _stored(pipeline)
        for document in stored if pipeline.argo.namespace else ():
            document["metadata"]["namespace"] = pipeline.argo.namespace
        return (*stored, *_kept(pipeline))
    if pipeline.store is None:
        return ()
    from .targets.kfp.store import CONFIG_MAP, possible, providers, root

    if not possible(pipeline.store):
        return ()
    data = {"defaultPipelineRoot": root(pipeline.store)}
    if credentials := providers(pipeline.store):
        data["providers"] = _yaml(credentials)
    return (_config_map(CONFIG_MAP, data),)


def _stored(pipeline: Pipeline) -> tuple[dict[str, Any], ...]:
    if pipeline.store is None:
        return ()
    return (_config_map(repository(pipeline), {REPOSITORY_KEY: _yaml(_repository(pipeline.store))}),)


def _kept(pipeline: Pipeline) -> tuple[dict[str, Any], ...]:
    """Empty, so that to apply it again takes no results away."""
    from .targets.argo.memo import LABELS, cached, config_map

    if not any(cached(step) for step in pipeline.steps):
        return ()
    return ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": config_map(pipeline), "labels": dict(LABELS)}},)


def elsewhere(pipeline: Pipeline, target: str) -> str:
    """The ConfigMap that belongs in another namespace than the runs, that of Argo's controller; "" where there is none.

    The controller reads and writes results in its own (workflow/controller/controller.go, NewWorkflowController).
    """
    kept = _kept(pipeline) if target == "argo" else ()
    return str(kept[0]["metadata"]["name"]) if kept else ""


def settings(pipeline: Pipeline, target: str) -> dict[str, Any]:
    """How a target reaches the store, as its ConfigMap holds it; {} where there is none, or where the pods' own identity is enough."""
    if pipeline.store is None:
        return {}
    if target == "argo":
        return _repository(pipeline.store)
    from .targets.kfp.store import possible, providers

    return providers(pipeline.store) if possible(pipeline.store) else {}


def _config_map(name: str, data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def _repository(store: Store) -> dict[str, Any]:
    """A repository of Argo (v1alpha1, artifact_repository_types.go)."""
    key = "/".join([*(part for part in store.prefix.split("/") if part), _KEY])
    return place(store.kind, store, store.bucket, {"blobNameFormat" if store.kind == "azure" else "keyFormat": key})


def _yaml(tree: dict[str, Any], indent: str = "") -> str:
    """A nested mapping of texts and booleans as YAML: every text in double quotes, so that no reader takes it for something else."""
    import json

    lines = []
    for key, value in tree.items():
        if isinstance(value, dict):
            lines.append(f"{indent}{key}:\n{_yaml(value, indent + '  ')}")
        else:
            lines.append(f"{indent}{key}: {json.dumps(value, ensure_ascii=False)}\n")
    return "".join(lines)
