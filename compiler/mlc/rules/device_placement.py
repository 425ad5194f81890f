"""MLC512: a GPU, and nothing that says on which nodes. Nodes with GPUs are usually tainted, and there are several kinds of them."""

from __future__ import annotations

from ..diagnostics.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ir import Pipeline
    from ..source import Document

_PLAIN = ("cpu", "memory", "ephemeral-storage")


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn of each step that asks for a device, for whichever container of its pod, and has neither tolerations nor a choice of nodes."""
    for step in pipeline.steps:
        asked = (*step.resources, *(resource for container in step.beside for resource in container.resources))
        device = next((resource for resource in asked if resource.name not in _PLAIN), None)
        if device is not None and step.scheduling is None:
            message = f"step `{step.name}` asks for `{device.name}` and says nothing of the nodes that have it"
            help = "give it `tolerations` or a `node_selector`; under `machines` they have one name for all such steps"
            findings.append(Finding("MLC512", message, device.origin, "key", help=help))
