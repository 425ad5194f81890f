"""What only Kubernetes knows about a step: volumes, secrets, pull settings, timeout, pod metadata (`KubernetesExecutorConfig`).

Names of claims, secrets and config maps are written twice, for backends before and after 2.5 (kubernetes_executor_config.proto). A name
that is a parameter is an input of the DAG that the task stands in (driver/resolve.go, resolveInputParameter), which has it for the task.
`optional` of a variable is left out, which means false: it came after 2.14.3, and older backends refuse a field that they do not know.
"""

from __future__ import annotations

from ...ir import Claim, ConfigMapKey, ConfigMapVolume, EmptyDir, Ephemeral, FieldPath, Memory, RunClaim, SecretKey, SecretVolume
from .bind import piece

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...ir import Mount, Pipeline, Security, Step, Text

DESCRIPTION = "mlc/description"


def executor(step: Step) -> dict[str, Any]:
    """The Kubernetes settings of a step, {} where it has none."""
    spec: dict[str, Any] = {}
    for mount in step.mounts:
        if isinstance(mount.volume, RunClaim) and mount.volume.workspace:
            continue  # the driver mounts it
        key, value = _mount(mount)
        spec.setdefault(key, []).append(value)
    for env in step.env:
        match env.value:
            case SecretKey(secret=secret, key=key, given=given):
                value = {"keyToEnv": [{"secretKey": key, "envVar": env.name}], **_secret(secret, given)}
                spec.setdefault("secretAsEnv", []).append(value)
            case ConfigMapKey(config_map=config_map, key=key, given=given):
                value = {"keyToEnv": [{"configMapKey": key, "envVar": env.name}], **_config_map(config_map, given)}
                spec.setdefault("configMapAsEnv", []).append(value)
            case FieldPath(path=path):
                spec.setdefault("fieldPathAsEnv", []).append({"name": env.name, "fieldPath": path})
    if step.image.pull_policy:
        spec["imagePullPolicy"] = step.image.pull_policy
    if step.image.pull_secret:
        spec["imagePullSecret"] = [_secret(step.image.pull_secret, None)]
    if step.timeout:
        spec["activeDeadlineSeconds"] = str(step.timeout)
    if step.scheduling is not None:
        from .scheduling import settings

        spec.update(settings(step.scheduling))
    if step.security is not None and (user := _user(step.security)):
        spec["securityContext"] = user
    metadata: dict[str, dict[str, str]] = {}
    if step.labels:
        metadata["labels"] = dict(step.labels)
    annotations = dict(step.annotations)
    if step.description:
        annotations[DESCRIPTION] = step.description  # neither tasks nor components have a field for it (pipeline_spec.proto)
    if annotations:
        metadata["annotations"] = annotations
    if metadata:
        spec["podMetadata"] = metadata
    return spec


def _user(security: Security) -> dict[str, Any]:
    """Numbers are int64, which JSON writes as texts. `fs_group` has no field."""
    parts = (("runAsUser", security.run_as_user), ("runAsGroup", security.run_as_group))
    user: dict[str, Any] = {key: str(number) for key, number in parts if number is not None}
    return user | ({} if security.run_as_non_root is None else {"runAsNonRoot": security.run_as_non_root})


def pipeline_config(pipeline: Pipeline) -> dict[str, Any]:
    """The settings of the run as a whole, {} where it has none (pipeline_spec.proto, PipelineConfig)."""
    parts = (
        ("resourceTtlOnCompletion", pipeline.kfp.ttl.completion),
        ("resourceTtlOnSuccess", pipeline.kfp.ttl.success),
        ("resourceTtlOnFailure", pipeline.kfp.ttl.failure),
        ("activeDeadlineSeconds", pipeline.kfp.deadline),
    )
    config: dict[str, Any] = {key: seconds for key, seconds in parts if seconds}
    if pipeline.kfp.workspace:
        from . import workspace  # few projects have one

        config |= workspace.config(pipeline)
    return config


def claim_input(name: str) -> str:
    """The component input that carries the name of a claim made for the run."""
    return f"x-claim.{name}"


def scratch_name(name: str) -> str:
    """The pod volume of a pod's own volume (`memory` and others), apart from those of KFP and of claims, which are called like them."""
    return f"x-{name}"


def _mount(mount: Mount) -> tuple[str, dict[str, Any]]:
    match mount.volume:
        case Claim(claim=claim, given=None):
            return "pvcMount", {"mountPath": mount.path, "constant": claim, "pvcNameParameter": _constant(claim), **_sub_path(mount)}
        case RunClaim() | Claim() as volume:
            source = {"componentInputParameter": claim_input(volume.name)} if isinstance(volume, RunClaim) else _input(volume.given)
            return "pvcMount", {"mountPath": mount.path, **source, "pvcNameParameter": dict(source), **_sub_path(mount)}
        case SecretVolume(secret=secret, given=given):
            return "secretAsVolume", {"mountPath": mount.path, "optional": False, **_secret(secret, given)}
        case ConfigMapVolume(config_map=config_map, given=given):
            return "configMapAsVolume", {"mountPath": mount.path, "optional": False, **_config_map(config_map, given)}
        case Memory(name=name, size=size):
            return "emptyDirMounts", {"volumeName": scratch_name(name), "mountPath": mount.path, "medium": "Memory", "sizeLimit": size}
        case EmptyDir(name=name, size=size):
            spec = {"volumeName": scratch_name(name), "mountPath": mount.path}
            return "emptyDirMounts", {**spec, "sizeLimit": size} if size else spec
        case Ephemeral(name=name, size=size, access_mode=access_mode, storage_class=storage_class):
            claim_class = {"storageClassName": storage_class} if storage_class else {"defaultStorageClass": True}
            spec = {"volumeName": scratch_name(name), "mountPath": mount.path}
            return "genericEphemeralVolume", {**spec, "accessModes": [access_mode], "size": size, **claim_class}
    raise AssertionError(mount)


def _sub_path(mount: Mount) -> dict[str, str]:
    return {"subPath": mount.sub_path} if mount.sub_path else {}


def _constant(name: str) -> dict[str, Any]:
    return {"runtimeValue": {"constant": name}}


def _secret(name: str, given: Text | None) -> dict[str, Any]:
    return {"secretName": name, "secretNameParameter": _constant(name)} if given is None else {"secretNameParameter": _input(given)}


def _config_map(name: str, given: Text | None) -> dict[str, Any]:
    if given is not None:
        return {"configMapNameParameter": _input(given)}
    return {"configMapName": name, "configMapNameParameter": _constant(name)}


def _input(given: Text | None) -> dict[str, Any]:
    """The input that is a name: `check` has seen that it is one parameter and nothing else. Every group hands it on by its own name."""
    return {"componentInputParameter": piece(given.references[0]).name} if given is not None else {}
