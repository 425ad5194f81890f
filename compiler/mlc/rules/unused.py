"""MLC505: a declaration that nothing uses. It would vanish without a trace: nearly always a name is misspelt somewhere."""

from __future__ import annotations

from ..diagnostics.model import Finding
from ..ir import RunClaim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..diagnostics.model import Path
    from ..ir import Pipeline
    from ..source import Document

_SECTIONS = {"volumes": "volume", "images": "image", "artifacts": "artifact", "templates": "template", "machines": "machine"}
_SECTIONS["datasets"] = "dataset"
_USES = {"volumes": "mount it in a step", "templates": "`use` it in a step", "machines": "name it as a step's `machine`"}
_USES["datasets"] = "list it under the `inputs` or `outputs` of a step"


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn of volumes, images, artifacts, templates, machines, defaults and settings without effect."""
    used = {*_used(pipeline), *_named(document.data)}
    made = {output.name for step in pipeline.steps for output in step.outputs}
    for section, what in _SECTIONS.items():
        for name in document.data.get(section) or ():
            if (section, name) not in used:
                findings.append(_finding(section, what, name, made))
    for owner, layer in _layers(document.data):
        if owner != ("defaults",) and owner not in used:
            continue
        for path in _keys(owner, layer):
            if not any(path[:length] in used for length in range(len(owner) + 1, len(path) + 1)):
                shown = ".".join(str(part) for part in path[len(owner) :])
                help = "take it out, or write it in the steps that need it"
                under = "`defaults`" if owner == ("defaults",) else f"{_SECTIONS[str(owner[0])]} `{owner[1]}`"
                findings.append(Finding("MLC505", f"no step takes `{shown}` from {under}", path, "key", help=help))
    if document.data.get("code") and not any(layer.get("code") for _, layer in (*_steps(document.data), *_layers(document.data))):
        help = "say `code: true` in the steps that need it, or take it out"
        findings.append(Finding("MLC505", "no step wants the project's `code`", ("code",), "key", help=help))
    if (document.data.get("targets") or {}).get("helper_image") and not any(step.made for step in pipeline.steps):
        help = "it is for steps that fetch and publish `datasets` and `code`: take it out"
        findings.append(Finding("MLC505", "no step needs this `helper_image`", ("targets", "helper_image"), "key", help=help))
    written = {output.name for step in pipeline.steps if not step.made for output in step.outputs}
    for name, entry in (document.data.get("datasets") or {}).items():
        for key in ("overwrite", "author"):
            if ("datasets", name) in used and name not in written and entry.get(key):
                help = "it is for publishing: let a step list the dataset under its `outputs`, or take it out"
                message = f"no step makes dataset `{name}`, so its `{key}` has no effect"
                findings.append(Finding("MLC505", message, ("datasets", name, key), "key", help=help))
    claims = any(
        isinstance(mount.volume, RunClaim) and not mount.volume.storage_class for step in pipeline.steps for mount in step.all_mounts
    )
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
    elif section in _USES:
        help = f"{_USES[section]}, or take it out"
    return Finding("MLC505", f"no step uses {what} `{name}`", (section, name), "key", help=help)


def _used(pipeline: Pipeline) -> Iterator[Path]:
    """The paths of declarations that reach the output; for a key of `defaults`, what a step inherits of it."""
    for step in pipeline.steps:
        yield step.image.settings_origin
        if step.made:
            yield step.origin
        for container in step.beside:
            yield container.image.settings_origin
        for mount in step.all_mounts:
            yield mount.volume.origin
        for output in step.outputs:
            yield ("artifacts", output.name)
            yield ("datasets", output.name)
        for source in step.inputs:
            yield ("datasets", source.name)
            if source.external is not None:
                yield source.external.origin
        yield from step.merged.values()


def _named(data: Any) -> Iterator[Path]:
    """The templates and machines that steps, templates and `defaults` name."""
    if "templates" not in data and "machines" not in data:
        return
    for owner, layer in (*_steps(data), *_layers(data)):
        if layer.get("use"):
            yield ("templates", layer["use"])
        if layer.get("machine") and owner[0] != "machines":
            yield ("machines", layer["machine"])


def _steps(data: Any) -> Iterator[tuple[Path, Any]]:
    for section in ("steps", "finally"):
        for name, step in (data.get(section) or {}).items():
            yield (section, name), step


def _layers(data: Any) -> Iterator[tuple[Path, Any]]:
    """What may lie under a step."""
    yield ("defaults",), data.get("defaults") or {}
    for section in ("templates", "machines"):
        for name, layer in (data.get(section) or {}).items():
            yield (section, name), layer


def _keys(owner: Path, layer: Any) -> Iterator[Path]:
    """The keys of a layer, and the entries of those that merge by key; without what it removes."""
    for key, value in layer.items():
        if key in ("env", "volumes", "labels", "annotations", "resources") and isinstance(value, dict):
            for entry in value:
                if value[entry] is not None:
                    yield (*owner, key, entry)
        elif value is not None:
            yield (*owner, key)
