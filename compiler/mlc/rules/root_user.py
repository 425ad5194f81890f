"""MLC514: a program that may run as root. What breaks out of its container is then root on the node."""

from __future__ import annotations

from ..diagnostics.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ir import Pipeline
    from ..source import Document


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn of each step that neither names a user nor rules root out."""
    for step in (one for one in pipeline.steps if one.resource is None):
        security = step.security
        if security is None or not (security.run_as_non_root or security.run_as_user):
            help = "say `security: {run_as_non_root: true}`, or name a user; under `defaults` it is for every step"
            path = step.origin if security is None else security.origin
            findings.append(Finding("MLC514", f"step `{step.name}` may run as root", path, "key", help=help))
