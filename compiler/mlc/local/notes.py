"""What no runner can do here, and what has no effect on one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..diagnostics.model import Finding
from ..ir import EmptyDir, Memory, RunClaim

if TYPE_CHECKING:
    from ..ir import Pipeline


def refuse(pipeline: Pipeline, findings: list[Finding]) -> None:
    """Refuse steps that are no programs (MLC432)."""
    for step in pipeline.steps:
        if step.resource is not None:
            message = f"step `{step.name}` applies a Kubernetes object, and there is no cluster here"
            help = "run the project on a cluster, or a copy of it without this step here"
            findings.append(Finding("MLC432", message, step.where("resource"), at="key", help=help))


def without_effect(pipeline: Pipeline) -> list[str]:
    """What counts on a cluster alone, a sentence each."""
    found = []
    if any(step.scheduling is not None for step in pipeline.steps):
        found.append("nodes, tolerations and affinity have no effect: there is one machine")
    if any(step.service_account for step in pipeline.steps):
        found.append("service accounts have no effect: there is no cluster to ask")
    if any(step.labels or step.annotations for step in pipeline.steps) or pipeline.labels or pipeline.annotations:
        found.append("labels and annotations have no effect")
    sized = [mount.volume for step in pipeline.steps for mount in step.all_mounts if isinstance(mount.volume, (EmptyDir, Memory, RunClaim))]
    if any(volume.size for volume in sized):
        found.append("sizes of volumes are no limits: they are folders of this machine")
    return found
