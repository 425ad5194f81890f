"""Pieces of pods and claims in the API's own words, for every target whose output holds Kubernetes objects."""

from __future__ import annotations

from ..ir import (
    Claim,
    ConfigMapKey,
    ConfigMapVolume,
    EmptyDir,
    Ephemeral,
    FieldPath,
    HostPath,
    Memory,
    Nfs,
    RunClaim,
    SecretKey,
    SecretVolume,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..ir import Mount, Resource, Volume


def resources(declared: Sequence[Resource]) -> dict[str, dict[str, str]]:
    """`resources` of a container: `requests` and `limits`, each left out where it would be empty."""
    requests = {resource.name: resource.request for resource in declared if resource.request}
    limits = {resource.name: resource.limit for resource in declared if resource.limit}
    return {key: amounts for key, amounts in (("requests", requests), ("limits", limits)) if amounts}


def env_source(source: SecretKey | ConfigMapKey | FieldPath, name: str = "") -> dict[str, dict[str, str]]:
    """`valueFrom` of an environment variable; `name` is that of the object where it is another one than the project says."""
    match source:
        case SecretKey(secret=secret, key=key):
            return {"secretKeyRef": {"name": name or secret, "key": key}}
        case ConfigMapKey(config_map=config_map, key=key):
            return {"configMapKeyRef": {"name": name or config_map, "key": key}}
        case FieldPath(path=path):
            return {"fieldRef": {"fieldPath": path}}


def volume_source(volume: Volume, name: str = "") -> dict[str, object]:
    """The source of a pod's volume. A per-run claim has none: the engine makes the claim and knows its name. `name` as in `env_source`."""
    match volume:
        case Claim(claim=claim):
            return {"persistentVolumeClaim": {"claimName": name or claim}}
        case Memory(size=size):
            return {"emptyDir": {"medium": "Memory", "sizeLimit": size}}
        case EmptyDir(size=size):
            return {"emptyDir": {"sizeLimit": size} if size else {}}
        case SecretVolume(secret=secret, mode=mode):
            return {"secret": {"secretName": name or secret} | ({} if mode is None else {"defaultMode": mode})}
        case ConfigMapVolume(config_map=config_map):
            return {"configMap": {"name": name or config_map}}
        case Ephemeral():
            return {"ephemeral": {"volumeClaimTemplate": {"spec": claim_spec(volume)}}}
        case HostPath(path=path):
            return {"hostPath": {"path": path}}
        case Nfs(server=server, path=path):
            return {"nfs": {"server": server, "path": path}}
        case RunClaim():
            return {}


def volume_mount(mount: Mount) -> dict[str, object]:
    """An item of a container's `volumeMounts`."""
    made: dict[str, object] = {"name": mount.volume.name, "mountPath": mount.path}
    if mount.sub_path:
        made["subPath"] = mount.sub_path
    if mount.read_only:
        made["readOnly"] = True
    return made


def claim_spec(volume: RunClaim | Ephemeral) -> dict[str, object]:
    """`spec` of a PersistentVolumeClaim; without a storage class the cluster's default one is used."""
    spec: dict[str, object] = {"accessModes": [volume.access_mode]}
    if volume.storage_class:
        spec["storageClassName"] = volume.storage_class
    return spec | {"resources": {"requests": {"storage": volume.size}}}
