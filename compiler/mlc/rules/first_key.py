"""MLC503: a reader, and an editor's schema, look for the language version on the first line."""

from __future__ import annotations

from ..diagnostics.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ir import Pipeline
    from ..source import Document


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn where `mlc` is not the first key."""
    if next(iter(document.data)) != "mlc":
        findings.append(Finding("MLC503", "`mlc` is not the first key", ("mlc",), "key", help="put `mlc: v1` first"))
