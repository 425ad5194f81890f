"""`mlc infra`: the objects that a cluster must have before a compiled manifest can run, as manifests to apply once."""

from __future__ import annotations

from .targets.argo.names import REPOSITORY_KEY, repository

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .ir import Pipeline, S3Store


_AMAZON = "s3.amazonaws.com"
"""Argo's driver has no endpoint of its own for S3 (workflow/artifacts/s3)."""


def manifests(pipeline: Pipeline) -> tuple[dict[str, Any], ...]:
    """The ConfigMap of the project's store for Argo; nothing without a `store`.

    The manifest names no namespace: it goes where `kubectl` points, which must be where the runs are.
    """
    if pipeline.store is None:
        return ()
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": repository(pipeline.name)},
        "data": {REPOSITORY_KEY: _yaml(_repository(pipeline.store))},
    }
    return (config_map,)


def _repository(store: S3Store) -> dict[str, Any]:
    """A repository of Argo (v1alpha1, S3ArtifactRepository). Keys are unique per run and pod, so a retry overwrites nothing."""
    prefix = [part for part in store.prefix.split("/") if part]
    s3: dict[str, Any] = {"endpoint": store.endpoint or _AMAZON, "bucket": store.bucket}
    if store.region:
        s3["region"] = store.region
    if store.insecure:
        s3["insecure"] = True
    s3["keyFormat"] = "/".join([*prefix, "{{workflow.name}}", "{{workflow.uid}}", "{{pod.name}}"])
    if store.secret:
        s3["accessKeySecret"] = {"name": store.secret, "key": store.access_key}
        s3["secretKeySecret"] = {"name": store.secret, "key": store.secret_key}
    else:
        s3["useSDKCreds"] = True
    return {"s3": s3}


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
