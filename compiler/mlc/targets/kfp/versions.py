"""What differs between versions of the KFP backend that a manifest can be made for."""

from __future__ import annotations

from ...diagnostics.model import Finding
from ...ir import ConfigMapKey, ConfigMapVolume, SecretKey, SecretVolume

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...diagnostics.model import Path
    from ...ir import Pipeline, Step

SETTINGS = "2.17"
"""`pipelineConfig` with TTL and deadline; older backends refuse the fields (argocompiler/argo.go, buildTTLStrategy)."""

WORKSPACE = "2.15"
"""A workspace that the driver mounts; 2.14 makes its claim and mounts it nowhere (driver/driver.go, needsWorkspaceMount)."""

TITLES = "2.14"
"""A `taskInfo.name` that differs from the task's name, on a task whose outputs others read (kubeflow/pipelines#11173)."""


SUB_PATHS = "2.16"
"""`PvcMount.sub_path`; older backends refuse the field (kubernetes_executor_config.proto of kfp-kubernetes 2.15.0 and 2.16.0)."""

NODE_AFFINITY = "2.14"
"""Older drivers pass over the message without a word (driver/k8s.go)."""

IMAGES = "2.5"
"""Images as artifacts, read through a container beside the step's (component/importer_launcher.go, driver/driver.go)."""


SECURITY = "2.16"
"""`KubernetesExecutorConfig.security_context`, of the same version."""


NAMES = "2.5"
"""Secrets and config maps by the value of an input; for claims there was a field before (kubernetes_executor_config.proto)."""


def needed(pipeline: Pipeline) -> Iterator[tuple[str, str, Path]]:
    """What the pipeline has that not every version can do: since when, what, and where it is written."""
    settings, ttl = pipeline.kfp, pipeline.kfp.ttl
    for key, given in (("ttl", ttl.completion or ttl.success or ttl.failure), ("deadline", settings.deadline)):
        if given:
            yield SETTINGS, f"`targets.kfp.{key}`", (*settings.origin, key)
    if settings.workspace:
        yield WORKSPACE, "`targets.kfp.workspace`", (*settings.origin, "workspace")
    for port in (port for step in pipeline.steps for port in step.inputs):
        if port.external is not None and port.external.uri.constant and port.external.uri.constant.startswith("oci://"):
            yield IMAGES, f"`{port.name}`, which is an image,", (*port.external.origin, "uri")
    read = {name for step in pipeline.steps for name in step.after}
    for step in pipeline.steps:
        if security := step.security:
            said = (security.run_as_user, security.run_as_group, security.run_as_non_root)
            for key, value in zip(("run_as_user", "run_as_group", "run_as_non_root"), said, strict=True):
                if value is not None:
                    yield SECURITY, f"`security.{key}`", (*security.origin, key)
        for key, place in _named(step):
            yield NAMES, f"a parameter in `{key}`", place
        for mount in step.mounts:
            if mount.sub_path:
                yield SUB_PATHS, "`sub_path`", (*mount.origin, "sub_path")
        if step.title not in ("", step.name) and step.name in read and (step.outputs or step.values or step.metrics):
            yield TITLES, f"a `title` on step `{step.name}`, whose results other steps use,", step.where("title")
        if step.scheduling is not None and step.scheduling.node_terms:
            yield NODE_AFFINITY, f"`node_affinity` of step `{step.name}`", (*step.scheduling.affinity_origin, "node_affinity")


def _named(step: Step) -> Iterator[tuple[str, Path]]:
    """The secrets and config maps whose name is a parameter, and where that is written."""
    for one in (*(mount.volume for mount in step.mounts), *(env.value for env in step.env)):
        if isinstance(one, (SecretVolume, SecretKey, ConfigMapVolume, ConfigMapKey)) and one.given is not None:
            yield "secret" if isinstance(one, (SecretVolume, SecretKey)) else "config_map", one.given.origin


def oldest(pipeline: Pipeline) -> str:
    """The oldest version that takes the pipeline's manifest: the one it is compiled for, or without one what it is made of needs."""
    return pipeline.kfp.version or max((since for since, _, _ in needed(pipeline)), key=_parts, default="")


def check(pipeline: Pipeline, findings: list[Finding]) -> None:
    """Refuse what the version that the spec or the command line names cannot do (MLC413)."""
    version = pipeline.kfp.version
    if not version:
        return
    for since, what, path in needed(pipeline):
        if _parts(version) < _parts(since):
            message = f"{what} needs KFP {since}, and this is for {version}"
            findings.append(Finding("MLC413", message, path, "key", help=f"leave it out, or compile for `kfp@{since}` or newer"))


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
