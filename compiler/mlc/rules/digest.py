"""MLC507: an image with a version and no digest. Whoever may push can put another image under the same tag."""

from __future__ import annotations

from ..diagnostics.model import Finding
from .moving_tag import references, tag_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ir import Pipeline
    from ..source import Document


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn once of each image, where its reference is written; those whose tag moves are MLC506's."""
    for path, image in references(document, pipeline).items():
        if "@" not in image.ref and tag_of(image.ref) not in ("", "latest"):
            help = f"add the digest that the registry shows for it: `{image.ref}@sha256:...`"
            findings.append(Finding("MLC507", f"`{image.ref}` has no digest", path, help=help))
