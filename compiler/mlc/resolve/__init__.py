"""Document -> IR: defaults are merged, names bound, types checked, steps put in order. All problems are collected (MLC2xx, MLC3xx)."""

from __future__ import annotations

from ..diagnostics.codes import failed
from ..diagnostics.model import Related
from ..ir import Group, KfpSettings, Pipeline
from ..record import replace
from . import graph, images, params, ports, steps, volumes
from .context import Context
from .merge import merge
from .names import check_alike, check_annotations, check_labels, check_notes, check_object, check_steps
from .placement import check_placement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..diagnostics.model import Finding
    from ..ir import Output, Threshold, Volume
    from ..source import Document
    from .merge import Merged


def resolve(document: Document, findings: list[Finding]) -> Pipeline | None:
    """Resolve a document that the schema accepts. None if a finding is an error."""
    data = document.data
    before = len(findings)
    context = Context(data, findings)
    if "{{" in document.source.text or any("{{" in override.text for _, override in document.overrides):
        check_placement(context)
    params.resolve(context, data.get("params") or {})
    images.check(context, data.get("images") or {})
    known_volumes = volumes.resolve(context, data.get("volumes") or {})
    store = volumes.store(context, data.get("store") or {})
    labels, annotations = data.get("labels") or {}, data.get("annotations") or {}
    check_labels(context, labels, ("labels",))
    check_annotations(context, annotations, ("annotations",))
    check_notes(context, annotations, "", data.get("description", ""), lambda *key: key)
    merged = _merged(context)
    project = _project(context, merged, known_volumes)
    resolved = {step.name: steps.resolve(context, step, project) for step in merged}
    ordered = graph.order(context, {name: edges for name, (_, edges) in resolved.items()})
    if failed(findings[before:]):
        return None
    rank = {name: index for index, name in enumerate(ordered)}
    children = tuple(replace(resolved[name][0], after=tuple(sorted(resolved[name][1], key=rank.__getitem__))) for name in ordered)
    return Pipeline(
        name=data["name"],
        description=data.get("description", ""),
        labels=labels,
        annotations=annotations,
        params=tuple(context.params.values()),
        volumes=tuple(known_volumes.values()),
        store=store,
        run=Group("run", "x-run", children, ("steps",)),
        kfp=_kfp(context),
    )


def _merged(context: Context) -> list[Merged]:
    declared = context.data["steps"]
    check_steps(context, declared)
    defaults = context.data.get("defaults") or {}
    return [merge(name, step or {}, defaults) for name, step in declared.items()]


def _project(context: Context, merged: list[Merged], known_volumes: dict[str, Volume]) -> steps.Project:
    """Declare every step's ports before any reference is bound: references may point forward."""
    types = ports.artifact_types(context, context.data.get("artifacts") or {})
    declared = {step.name: ports.declare(context, step, types) for step in merged}
    context.values = {name: found.values for name, found in declared.items()}
    context.metrics = {name: found.metrics for name, found in declared.items()}
    producers: dict[str, tuple[str, Output]] = {}
    for name, found in declared.items():
        for output in found.outputs:
            first = producers.setdefault(output.name, (name, output))
            if first[1] is not output:
                related = (Related(first[1].origin, f"produced by `{first[0]}` here", "key"),)
                help = "an artifact has one producer: give the second another name"
                context.report("MLC308", f"`{output.name}` is produced twice", output.origin, at="key", related=related, help=help)
    check_alike(context, {name: output.origin for name, (_, output) in producers.items()})
    thresholds: dict[str, dict[str, tuple[Threshold, ...]]] = {}
    for step in merged:
        thresholds[step.name] = {name: ports.thresholds(context, step, metric) for name, metric in declared[step.name].metrics.items()}
    return steps.Project(context.data.get("images") or {}, known_volumes, declared, producers, thresholds)


def _kfp(context: Context) -> KfpSettings:
    settings = (context.data.get("targets") or {}).get("kfp") or {}
    storage_class = settings.get("storage_class", "")
    path = ("targets", "kfp", "storage_class")
    if storage_class:
        check_object(context, storage_class, path, "a StorageClass")
    return KfpSettings(storage_class, path)
