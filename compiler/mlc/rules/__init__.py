"""Lint rules (MLC5xx): one file each, run in this order. A rule sees the document and the pipeline and appends findings.

Those that always run find what nearly always is a mistake. Those in `OPTIONAL` run only when their group is asked for, and are imported
only then. Rules that concern few projects are imported only for those.
"""

from __future__ import annotations

from importlib import import_module

from ..ir import RunClaim
from . import first_key, plain_text_secret, unused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..diagnostics.model import Finding
    from ..ir import Pipeline
    from ..source import Document

RULES = (first_key.check, plain_text_secret.check, unused.check)

OPTIONAL: dict[str, tuple[str, ...]] = {
    "hygiene": ("moving_tag", "memory_limit", "unread_param", "device_placement"),
    "digests": ("digest",),
    "security": ("host_path", "root_user", "plain_http"),
}
"""The rules of the groups in `codes.LINTS`, as modules."""


def run(document: Document, pipeline: Pipeline, findings: list[Finding], lints: Sequence[str] = ()) -> None:
    """Run every rule, and those of the groups `lints`."""
    for rule in RULES:
        rule(document, pipeline, findings)
    for name in (*_rare(document, pipeline), *(name for lint in lints for name in OPTIONAL[lint])):
        import_module(f"{__name__}.{name}").check(document, pipeline, findings)


def _rare(document: Document, pipeline: Pipeline) -> tuple[str, ...]:
    """Rules for what few projects have. The tests are quick, and may be true of a project in which the rule finds nothing."""
    claims = any(isinstance(volume, RunClaim) and volume.access_mode == "ReadWriteOnce" for volume in pipeline.volumes)
    alternatives = "when" in document.source.text and " or " in document.source.text
    return (*(("shared_claim",) if claims else ()), *(("skipped_operand",) if alternatives else ()))
