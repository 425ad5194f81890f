"""Where KFP keeps artifacts: the namespace's ConfigMap `kfp-launcher` says it, not the pipeline (backend/src/v2/config)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...ir import Store

CONFIG_MAP = "kfp-launcher"

_SCHEMES = {"s3": "s3", "minio": "minio", "gcs": "gs"}
"""All that the launcher can open (objectstore/config.go, ParseBucketPathToConfig)."""


def possible(store: Store) -> bool:
    """Whether KFP can keep artifacts there."""
    return store.kind in _SCHEMES


def root(store: Store) -> str:
    """`defaultPipelineRoot`.

    With credentials of the environment the launcher reads no settings of a provider, so host and region stand in the address
    (config/s3.go, ProvideSessionInfo; object_store.go, OpenBucket).
    """
    prefix = "/".join(part for part in store.prefix.split("/") if part)
    address = f"{_SCHEMES[store.kind]}://{store.bucket}" + (f"/{prefix}" if prefix else "")
    if store.kind == "gcs" or store.secret:
        return address
    words = [f"region={_region(store)}"] if store.endpoint or store.region else []
    if store.endpoint:
        words += [f"endpoint={store.endpoint}", "s3ForcePathStyle=true"]
    if store.insecure:
        words.append("disableSSL=true")
    return f"{address}?{'&'.join(words)}" if words else address


def providers(store: Store) -> dict[str, Any]:
    """`providers`, {} where credentials come from the environment of the pods."""
    if not store.secret:
        return {}
    if store.kind == "gcs":
        secret = {"secretName": store.secret, "tokenKey": store.secret_key}
        return {"gs": {"default": {"credentials": {"fromEnv": False, "secretRef": secret}}}}
    secret = {"secretName": store.secret, "accessKeyKey": store.access_key, "secretKeyKey": store.secret_key}
    default = {
        "endpoint": store.endpoint or "s3.amazonaws.com",
        "region": _region(store),
        "disableSSL": store.insecure,
        "credentials": {"fromEnv": False, "secretRef": secret},
    }
    return {_SCHEMES[store.kind]: {"default": default}}


def _region(store: Store) -> str:
    """The client refuses to start without one; a MinIO server takes any."""
    return store.region or ("minio" if store.kind == "minio" else "us-east-1")
