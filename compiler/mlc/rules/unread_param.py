"""MLC509: a parameter that no expression reads. People are asked for it when they start a run, and it changes nothing."""

from __future__ import annotations

import re

from ..diagnostics.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ir import Pipeline
    from ..source import Document


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn of each parameter whose name stands nowhere in the text as one."""
    texts = document.texts
    for param in pipeline.params:
        name = re.compile(rf"params\s*\.\s*{param.name}(?![-\w])")
        if not any(name.search(text) for text in texts):
            help = f"read it as `${{{{ params.{param.name} }}}}`, or take it out"
            findings.append(Finding("MLC509", f"nothing reads parameter `{param.name}`", param.origin, "key", help=help))
