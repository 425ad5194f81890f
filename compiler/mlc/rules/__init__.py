"""Lint rules (MLC5xx): one file each, run in this order. A rule sees the document and the pipeline and appends findings."""

from __future__ import annotations

from . import first_key, plain_text_secret, unused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..diagnostics.model import Finding
    from ..ir import Pipeline
    from ..source import Document

RULES = (first_key.check, plain_text_secret.check, unused.check)


def run(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Run every rule."""
    for rule in RULES:
        rule(document, pipeline, findings)
