"""A run's workspace: a claim that the backend makes with the run and the driver mounts, always at the same path.

The workflow has a template of the claim (argocompiler/argo.go, GetWorkspacePVC), so no task makes or deletes it, the class of its volume
may be the cluster's, and `finally` finds it. Argo deletes it when the run succeeded, else with the run.
"""

from __future__ import annotations

from ...diagnostics.model import Finding
from ...ir import RunClaim
from .bind import Binding
from .claims import storage_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...ir import Mount, Pipeline, Step

INPUT = "x-workspace"
PATH = "/kfp-workspace"  # v2/component/constants.go


def config(pipeline: Pipeline) -> dict[str, Any]:
    """The workspace's part of the pipeline's settings, {} where no step mounts it."""
    claim = next((mount.volume for step in pipeline.steps if (mount := _mount(step))), None)
    if not isinstance(claim, RunClaim):
        return {}
    patch: dict[str, Any] = {"accessModes": [claim.access_mode]}
    if name := storage_class(pipeline, claim):
        patch["storageClassName"] = name
    return {"workspace": {"size": claim.size, "kubernetes": {"pvcSpecPatch": patch}}}


def inputs(step: Step) -> tuple[Binding, ...]:
    """What makes the driver mount it: an input that says its path (driver/driver.go, needsWorkspaceMount)."""
    return (Binding(INPUT, "STRING", {"runtimeValue": {"constant": "{{$.workspace_path}}"}}),) if _mount(step) else ()


def check(pipeline: Pipeline, findings: list[Finding]) -> None:
    """Refuse other paths than the driver's (MLC401), and what else lies there (MLC402; driver/driver.go, validateVolumeMounts)."""
    for step in pipeline.steps:
        mount = _mount(step)
        if mount is None:
            continue
        if isinstance(mount.volume, RunClaim) and mount.volume.keep:
            message = f"`keep` is not possible on KFP for volume `{mount.volume.name}`, the workspace, which goes with its run"
            text = "take `workspace` out of `targets.kfp`: the claim is then made by a task, and stays"
            findings.append(Finding("MLC401", message, (*mount.volume.origin, "keep"), "key", help=text))
        if mount.path != PATH:
            message = f"the workspace cannot be mounted at `{mount.path}` on KFP, which has it at `{PATH}`"
            text = f"mount it at `{PATH}`, for every target, or take `workspace` out: the claim is then made and deleted by tasks"
            findings.append(Finding("MLC401", message, mount.origin, help=text))
        for other in step.mounts:
            if other is not mount and other.path.startswith(PATH):
                message = f"`{other.path}` in the volumes of step `{step.name}` begins with the path of KFP's workspace"
                findings.append(Finding("MLC402", message, other.origin, help="use another path"))


def _mount(step: Step) -> Mount | None:
    return next((mount for mount in step.mounts if isinstance(mount.volume, RunClaim) and mount.volume.workspace), None)
