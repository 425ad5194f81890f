"""MLC508: a step without a limit of memory. What grows without bounds ends other people's pods on its node before its own."""

from __future__ import annotations

from ..diagnostics.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ir import Pipeline
    from ..source import Document


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn of each step."""
    for step in pipeline.steps:
        if step.resource is None and not any(resource.name == "memory" and resource.limit for resource in step.resources):
            help = "give it `resources: {memory: 2Gi}`; under `defaults` it is for every step"
            findings.append(Finding("MLC508", f"step `{step.name}` has no limit of memory", step.origin, "key", help=help))
