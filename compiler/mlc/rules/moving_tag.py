"""MLC506: an image whose tag moves: `latest`, or none, which means the same. Two runs of one project may run two programs."""

from __future__ import annotations

from ..diagnostics.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..diagnostics.model import Path
    from ..ir import Image, Pipeline
    from ..source import Document


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn once of each image, where its reference is written."""
    for path, image in references(document, pipeline).items():
        if "@" in image.ref:
            continue
        tag = tag_of(image.ref)
        if tag in ("", "latest"):
            message = f"`{image.ref}` {'has a tag that moves' if tag else 'has no tag, which means `latest`'}"
            help = f"name a version: `{image.ref.removesuffix(':latest')}:1.0`, or a digest"
            findings.append(Finding("MLC506", message, path, help=help))


def references(document: Document, pipeline: Pipeline) -> dict[Path, Image]:
    """The images that steps use and patches name, by the place of the reference."""
    found: dict[Path, Image] = {}
    written = [step for step in pipeline.steps if not step.made or step.image.origin == ("targets", "helper_image")]
    images = [image for step in written for image in (step.image, *(container.image for container in step.beside)) if image.ref]
    for image in images:
        if image.text is not None:
            continue  # the run says which
        path = image.settings_origin or image.origin
        entry = document.data.get("images", {}).get(path[1]) if image.settings_origin else None
        found.setdefault((*path, "ref") if isinstance(entry, dict) else path, image)
    if pipeline.argo.patch or pipeline.kfp.patch:
        from . import patched  # of few projects

        found.update({image.origin: image for image in patched.images(pipeline)})
    return found


def tag_of(ref: str) -> str:
    """The tag of a reference without a digest; "" where it has none. A colon before the last slash belongs to a port."""
    return ref.rpartition("/")[2].partition(":")[2]
