"""MLC514: a program that may run as root. What breaks out of its container is then root on the node."""

from __future__ import annotations

from ..diagnostics.model import Finding
from .memory_limit import beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ir import Pipeline
    from ..source import Document


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn of each step that neither names a user nor rules root out, and once of each container beside one: `security` is not theirs."""
    for step in (one for one in pipeline.steps if one.resource is None and not one.made):
        security = step.security
        if security is None or not (security.run_as_non_root or security.run_as_user):
            help = "say `security: {run_as_non_root: true}`, or name a user; under `defaults` it is for every step"
            path = step.origin if security is None else security.origin
            findings.append(Finding("MLC514", f"step `{step.name}` may run as root", path, "key", help=help))
    for origin, container in beside(pipeline).items():
        help = "`security` does not reach it: take an image with a user of its own, and write `# mlc: ignore MLC514 -- runs as 101` here"
        findings.append(Finding("MLC514", f"container `{container.name}` may run as root", origin, "key", help=help))
