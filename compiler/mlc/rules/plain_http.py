"""MLC515: an artifact that comes over plain HTTP. Whoever sits on the way reads it, and can put another file in its place."""

from __future__ import annotations

from ..diagnostics.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ir import Pipeline
    from ..source import Document


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn of each such artifact that a step reads."""
    read = {port.name: port.external for step in pipeline.steps for port in step.inputs if port.external is not None}
    for external in read.values():
        first = external.uri.pieces[0] if external.uri.pieces else ""
        if isinstance(first, str) and first.startswith("http://"):
            message = f"`{external.name}` is fetched without encryption: who is on the way can exchange it"
            help = "write `https://`, or `# mlc: ignore MLC515 -- ...` for a server inside the cluster"
            findings.append(Finding("MLC515", message, (*external.origin, "uri"), help=help))
