"""MLC505: a declaration that nothing uses. It would vanish without a trace: nearly always a name is misspelt somewhere."""

from __future__ import annotations

from ..diagnostics.model import Finding
from ..ir import RunClaim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..diagnostics.model import Path
    from ..ir import Pipeline
    from ..source import Document


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn of volumes, images, artifacts, defaults and settings without effect."""
    used = set(_used(pipeline))
    made = {output.name for step in pipeline.steps for output in step.outputs}
    for section, what in (("volumes", "volume"), ("images", "image"), ("artifacts", "artifact")):
        for name in document.data.get(section) or ():
            if (section, name) not in used:
                findings.append(_finding(section, what, name, made))
    for path in _defaults(document):
        if not any(path[:length] in used for length in range(2, len(path) + 1)):
            shown = ".".join(str(part) for part in path[1:])
            help = "take it out, or write it in the steps that need it"
            findings.append(Finding("MLC505", f"no step takes `{shown}` from `defaults`", path, "key", help=help))
    claims = any(isinstance(mount.volume, RunClaim) and not mount.volume.storage_class for step in pipeline.steps for mount in step.mounts)
    if pipeline.kfp.storage_class and not claims:
        help = "it is for volumes with a `size` that have no `storage_class` of their own: take it out"
        findings.append(
            Finding("MLC505", "no volume needs this `storage_class`", (*pipeline.kfp.origin, "storage_class"), "key", help=help)
        )


def _finding(section: str, what: str, name: str, made: set[str]) -> Finding:
    help = "name it as a step's `image`, or take it out"
    if section == "artifacts":
        from ..diagnostics.suggest import did_you_mean

        help = did_you_mean(name, made) or "list it under the `outputs` of the step that makes it, or take it out"
    elif section == "volumes":
        help = "mount it in a step, or take it out"
    return Finding("MLC505", f"no step uses {what} `{name}`", (section, name), "key", help=help)


def _used(pipeline: Pipeline) -> Iterator[Path]:
    """The paths of declarations that reach the output; for a key of `defaults`, what a step inherits of it."""
    for step in pipeline.steps:
        yield step.image.settings_origin
        for mount in step.mounts:
            yield mount.volume.origin
        for output in step.outputs:
            yield ("artifacts", output.name)
        yield from step.merged.values()


def _defaults(document: Document) -> Iterator[Path]:
    for key, value in (document.data.get("defaults") or {}).items():
        if key in ("env", "volumes", "labels", "annotations", "resources") and isinstance(value, dict):
            for entry in value:
                yield ("defaults", key, entry)
        else:
            yield ("defaults", key)
