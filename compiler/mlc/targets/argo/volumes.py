"""Volumes of a Workflow: those that steps use, the claims made for each run, and the folders that the language promises."""

from __future__ import annotations

from ...ir import Claim, ConfigMapVolume, RunClaim, SecretVolume
from ...lowering import k8s

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...ir import Metric, Output, Pipeline, Step, Text, Value, Volume
    from .arguments import Arguments

_FOLDERS = {"x-inputs": "/mlc/inputs", "x-outputs": "/mlc/outputs"}
"""Made for a step that writes there. Folders of input artifacts come into being with their mounts."""


def used(pipeline: Pipeline) -> tuple[Volume, ...]:
    """The volumes that some step mounts, in the order of the spec."""
    names = {mount.volume.name for step in pipeline.steps for mount in step.all_mounts}
    return tuple(volume for volume in pipeline.volumes if volume.name in names)


def of_workflow(pipeline: Pipeline) -> list[dict[str, object]]:
    """`spec.volumes`: all but the per-run claims, and those whose name the run completes."""
    return [
        {"name": volume.name, **k8s.volume_source(volume)}
        for volume in used(pipeline)
        if not isinstance(volume, RunClaim) and completed(volume) is None
    ]


def claim_templates(pipeline: Pipeline) -> list[dict[str, object]]:
    """`spec.volumeClaimTemplates`: Argo makes `<workflow>-<name>` before the first step (controller/operator.go, createPVCs)."""
    return [
        {"metadata": {"name": volume.name}, "spec": k8s.claim_spec(volume)} for volume in used(pipeline) if isinstance(volume, RunClaim)
    ]


def folders(step: Step) -> dict[str, str]:
    """The folders under `/mlc` that must be there when the step starts, by the name of their volume.

    The executor makes no folder for an output. It reads files below a mount from the volume itself, missing ones fail the step as
    elsewhere (executor.go, isBaseImagePath). A folder inside a volume of the step is the volume's.
    """
    ports: tuple[Output | Value | Metric, ...] = (*step.outputs, *step.values, *step.metrics)
    written = [port.path for port in ports]
    found: dict[str, str] = {}
    for name, folder in _FOLDERS.items():
        mounted = any(_inside(folder, mount.path) for mount in step.mounts)
        if not mounted and any(_inside(path, folder) for path in written):
            found[name] = folder
    return found


def mounts(step: Step) -> list[dict[str, object]]:
    """`volumeMounts` of the step's container; the folders come first, so that a volume of the step may lie below one."""
    made: list[dict[str, object]] = [{"name": name, "mountPath": folder} for name, folder in folders(step).items()]
    return made + [k8s.volume_mount(mount) for mount in step.mounts]


def of_template(step: Step, arguments: Arguments) -> list[dict[str, object]]:
    """`volumes` of the step's template: the folders, one of each pod's own, and what has its name from the run.

    In those of the workflow Argo puts parameters as they are, and leaves a text in its place that is none (controller/operator.go,
    substituteGlobalVariables); those of a template are filled in like the rest of it.
    """
    made: list[dict[str, object]] = [{"name": name, "emptyDir": {}} for name in folders(step)]
    volumes = {mount.volume.name: mount.volume for mount in step.all_mounts}
    for name, volume in volumes.items():
        text = completed(volume)
        if text is not None:
            made.append({"name": name, **k8s.volume_source(volume, arguments.named(text, f"volume-{name}", f"volume {name}"))})
    return made


def completed(volume: Volume) -> Text | None:
    """The name of what the volume holds, where the run completes it."""
    return volume.given if isinstance(volume, (Claim, SecretVolume, ConfigMapVolume)) else None


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
