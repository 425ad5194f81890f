"""Where artifacts lie, in Argo's words: the repository of a `store`, and the location of an external artifact."""

from __future__ import annotations

from ...lowering.address import STORES, address
from .arguments import Arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...ir import Input, Store

_AMAZON = "s3.amazonaws.com"
"""Argo's driver has no endpoint of its own for S3 (workflow/artifacts/s3)."""


def place(kind: str, store: Store | None, bucket: str, key: dict[str, str]) -> dict[str, Any]:
    """A bucket of this kind, and `key` (the field and the text) in it; endpoint and credentials are the store's, where it has one.

    Without a secret the identity of the pod counts (v1alpha1 workflow_types.go, artifact_repository_types.go).
    """
    endpoint = store.endpoint if store else ""
    one_key = {"name": store.secret, "key": store.secret_key} if store and store.secret else {}
    match kind:
        case "gcs":  # without a key its client takes the pod's identity (workflow/artifacts/gcs)
            gcs = {"bucket": bucket, **key}
            return {"gcs": {**gcs, "serviceAccountKeySecret": one_key} if one_key else gcs}
        case "azure":
            azure = {"endpoint": endpoint, "container": bucket, **key}
            return {"azure": {**azure, "accountKeySecret": one_key} if one_key else {**azure, "useSDKCreds": True}}
        case "oss":  # its client speaks plain HTTP to a host without a scheme (aliyun-oss-go-sdk, conn.go)
            scheme = "http" if store and store.insecure else "https"
            return {"oss": {"endpoint": f"{scheme}://{endpoint}", "bucket": bucket, **key, **_two_keys(store)}}
    s3: dict[str, Any] = {"endpoint": endpoint or _AMAZON, "bucket": bucket}
    if store and store.region:
        s3["region"] = store.region
    if store and store.insecure:
        s3["insecure"] = True
    return {"s3": {**s3, **key, **_two_keys(store)}}


def _two_keys(store: Store | None) -> dict[str, Any]:
    if store is None or not store.secret:
        return {"useSDKCreds": True}
    return {
        "accessKeySecret": {"name": store.secret, "key": store.access_key},
        "secretKeySecret": {"name": store.secret, "key": store.secret_key},
    }


def location(port: Input, store: Store | None, arguments: Arguments) -> dict[str, Any]:
    """Where an external artifact lies, for the input of a template. It is not unpacked, whatever it is: nor does KFP."""
    if port.external is None:
        return {}
    at = address(port.external)
    key = arguments.use(at.key, f"uri-{port.name}", in_pod=False)
    none: dict[str, Any] = {"archive": {"none": {}}}
    if at.scheme in STORES:
        kind = STORES[at.scheme]
        own = store if store is not None and store.kind == kind else None
        return {**none, **place(kind, own, at.place, {"blob" if kind == "azure" else "key": key})}
    if at.scheme == "git+https":
        return {**none, "git": {"repo": at.place, "revision": key} if at.key.pieces else {"repo": at.place}}
    return {**none, "http": {"url": at.place + key}}


def unreachable(port: Input, store: Store | None) -> tuple[str, str] | None:
    """Why Argo cannot fetch an external artifact, and what to do instead; None if it can."""
    if port.external is None:
        return None
    at = address(port.external)
    if not at.scheme:
        message = "is known only at run time, and Argo must know scheme and bucket before"
        return message, "write `s3://BUCKET/${{ params.KEY }}`, or compile for `kfp`"
    if at.scheme == "oci":
        return "is an image, which Argo does not fetch", "put the model into a store or a volume, or compile for `kfp`"
    kind = STORES.get(at.scheme, "")
    if kind in ("minio", "oss", "azure") and (store is None or store.kind != kind):
        return "says nothing of the endpoint", f"give the project its `store: {{{kind}: {{endpoint: ...}}}}`"
    return None
