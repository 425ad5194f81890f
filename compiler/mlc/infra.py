"""`mlc infra`: the objects that a cluster must have before a compiled manifest can run, as manifests to apply once."""

from __future__ import annotations

from .targets.argo.names import REPOSITORY_KEY, repository

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .ir import Pipeline, Store


_AMAZON = "s3.amazonaws.com"
"""Argo's driver has no endpoint of its own for S3 (workflow/artifacts/s3)."""

_KEY = "{{workflow.name}}/{{workflow.uid}}/{{pod.name}}"
"""Keys are unique per run and pod, so a retry overwrites nothing."""


def manifests(pipeline: Pipeline, target: str = "argo") -> tuple[dict[str, Any], ...]:
    """The ConfigMap of the project's store for a target; nothing without a `store`, or with one that the target cannot use.

    The manifest names no namespace: it goes where `kubectl` points, which must be where the runs are.
    """
    if pipeline.store is None:
        return ()
    if target == "argo":
        return (_config_map(repository(pipeline), {REPOSITORY_KEY: _yaml(_repository(pipeline.store))}),)
    from .targets.kfp.store import CONFIG_MAP, possible, providers, root

    if not possible(pipeline.store):
        return ()
    data = {"defaultPipelineRoot": root(pipeline.store)}
    if found := providers(pipeline.store):
        data["providers"] = _yaml(found)
    return (_config_map(CONFIG_MAP, data),)


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
    one_key = {"name": store.secret, "key": store.secret_key}
    match store.kind:
        case "gcs":  # without a key its client takes the pod's identity (workflow/artifacts/gcs)
            gcs = {"bucket": store.bucket, "keyFormat": key}
            return {"gcs": {**gcs, "serviceAccountKeySecret": one_key} if store.secret else gcs}
        case "azure":
            azure = {"endpoint": store.endpoint, "container": store.bucket, "blobNameFormat": key}
            return {"azure": {**azure, "accountKeySecret": one_key} if store.secret else {**azure, "useSDKCreds": True}}
        case "oss":  # its client speaks plain HTTP to a host without a scheme (aliyun-oss-go-sdk, conn.go)
            scheme = "http" if store.insecure else "https"
            oss = {"endpoint": f"{scheme}://{store.endpoint}", "bucket": store.bucket, "keyFormat": key}
            return {"oss": {**oss, **_two_keys(store)}}
    s3: dict[str, Any] = {"endpoint": store.endpoint or _AMAZON, "bucket": store.bucket}
    if store.region:
        s3["region"] = store.region
    if store.insecure:
        s3["insecure"] = True
    return {"s3": {**s3, "keyFormat": key, **_two_keys(store)}}


def _two_keys(store: Store) -> dict[str, Any]:
    if not store.secret:
        return {"useSDKCreds": True}
    return {
        "accessKeySecret": {"name": store.secret, "key": store.access_key},
        "secretKeySecret": {"name": store.secret, "key": store.secret_key},
    }


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
