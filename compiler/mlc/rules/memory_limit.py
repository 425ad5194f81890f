"""MLC508: a container without a limit of memory. What grows without bounds ends other people's pods on its node before its own."""

from __future__ import annotations

from ..diagnostics.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..diagnostics.model import Path
    from ..ir import Container, Pipeline, Resource
    from ..source import Document


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn of each step, and once of each other container of pods, where it is written."""
    for step in pipeline.steps:
        if step.resource is None and not step.made and not _limited(step.resources):
            help = "give it `resources: {memory: 2Gi}`; under `defaults` it is for every step"
            findings.append(Finding("MLC508", f"step `{step.name}` has no limit of memory", step.origin, "key", help=help))
    for path, container in beside(pipeline).items():
        if not _limited(container.resources):
            help = "give it `resources: {memory: 2Gi}`; the step's and those of `defaults` do not reach it"
            findings.append(Finding("MLC508", f"container `{container.name}` has no limit of memory", path, "key", help=help))


def beside(pipeline: Pipeline) -> dict[Path, Container]:
    """The `init` containers and sidecars of all steps, by the place: one in `defaults` or a template belongs to several steps."""
    return {container.origin: container for step in pipeline.steps for container in step.beside}


def _limited(resources: Iterable[Resource]) -> bool:
    return any(resource.name == "memory" and resource.limit for resource in resources)
