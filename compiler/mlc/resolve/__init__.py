"""Document -> IR: defaults are merged, names bound, types checked, steps put in order. All problems are collected (MLC2xx, MLC3xx)."""

from __future__ import annotations

from ..diagnostics.codes import failed
from ..diagnostics.model import Related
from ..ir import Group, Output, Pipeline
from ..record import replace
from . import graph, images, layers, params, ports, settings, steps, volumes
from .context import Context
from .names import check_alike, check_annotations, check_labels, check_notes, check_steps
from .placement import check_placement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal as Choice

    from ..diagnostics.model import Finding, Path
    from ..ir import Threshold, Volume
    from ..source import Document
    from .merge import Merged

    Kind = Choice["run", "finally"]
    Sections = dict[str, list[Merged]]
    Declared = dict[str, dict[str, ports.Ports]]

_SECTIONS = ("steps", "finally")
"""Where steps stand in a document."""


def resolve(document: Document, findings: list[Finding]) -> Pipeline | None:
    """Resolve a document that the schema accepts. None if a finding is an error."""
    data = document.data
    before = len(findings)
    context = Context(data, findings)
    if any("{{" in text for text in document.texts):
        check_placement(context)
    params.resolve(context, data.get("params") or {})
    images.check(context, data.get("images") or {})
    known_volumes = volumes.resolve(context, data.get("volumes") or {})
    where = None
    if data.get("store"):
        from . import store

        where = store.resolve(context, data["store"])
    labels, annotations = data.get("labels") or {}, data.get("annotations") or {}
    check_labels(context, labels, ("labels",))
    check_annotations(context, annotations, ("annotations",))
    check_notes(context, annotations, "", data.get("description", ""), lambda *key: key)
    sections = _merged(context)
    declared = _declared(context, sections)
    producers = _producers(context, declared)
    externals = {}
    if any(isinstance(entry, dict) and "uri" in entry for entry in (data.get("artifacts") or {}).values()):
        from . import external

        externals = external.resolve(context, data["artifacts"], producers)
    own: dict[str, tuple[str, Output]] = {}
    placed: dict[str, tuple[Volume, str]] = {}
    if data.get("datasets") or data.get("code") or any(step.get("code") for merged in sections.values() for step in merged):
        from . import datasets

        datasets.check(context, [step for merged in sections.values() for step in merged], declared["steps"], producers)
        if not failed(findings[before:]):
            own, placed = _with_helpers(context, sections, declared, producers, known_volumes)
    scope = steps.Project(data.get("images") or {}, known_volumes, producers, externals, placed)
    run = _group(context, "run", "steps", sections, declared, scope)
    scope.producers = {**producers, **own}
    final = _group(context, "finally", "finally", sections, declared, scope) if sections["finally"] else None
    schedule, argo, kfp = settings.schedule(context), settings.argo(context), settings.kfp(context, known_volumes)
    if failed(findings[before:]):
        return None
    return Pipeline(
        name=data["name"],
        description=data.get("description", ""),
        labels=labels,
        annotations=annotations,
        params=tuple(context.params.values()),
        volumes=tuple(known_volumes.values()),
        store=where,
        run=run,
        final=final,
        schedule=schedule,
        argo=argo,
        kfp=kfp,
        store_name=_store_name(document),
        environment=document.environment,
    )


def _store_name(document: Document) -> str:
    """Two environments may be in one namespace of the cluster: neither may overwrite the other's store."""
    name: str = document.data["name"]
    chosen = document.environment
    return f"{name}-{chosen}" if chosen and document.data["environments"][chosen].get("store") else name


def _merged(context: Context) -> dict[str, list[Merged]]:
    """The steps of `steps` and of `finally`, with what lies under each. They share one name space: engines name their parts after them."""
    places: dict[str, Path] = {}
    for section in _SECTIONS:
        for name in context.data.get(section) or {}:
            if name in places:
                related = (Related(places[name], "the other one", "key"),)
                help = "steps of `finally` need names of their own"
                context.report("MLC308", f"step `{name}` is declared twice", (section, name), at="key", related=related, help=help)
            places.setdefault(name, (section, name))
    check_steps(context, places)
    return layers.merged(context, _SECTIONS)


def _declared(context: Context, sections: Sections) -> Declared:
    """Every step's ports, before any reference is bound: references may point forward."""
    types = ports.artifact_types(context, context.data.get("artifacts") or {})
    optional = ports.left_out([step for merged in sections.values() for step in merged])
    return {section: {step.name: ports.declare(context, step, types, optional) for step in merged} for section, merged in sections.items()}


def _producers(context: Context, declared: Declared) -> dict[str, tuple[str, Output]]:
    producers: dict[str, tuple[str, Output]] = {}
    for found in declared.values():
        for name, made in found.items():
            for output in made.outputs:
                first = producers.setdefault(output.name, (name, output))
                if first[1] is not output:
                    _produced_twice(context, name, output, *first)
    check_alike(context, {name: output.origin for name, (_, output) in producers.items()})
    return producers


def _produced_twice(context: Context, name: str, output: Output, first: str, other: Output) -> None:
    if output.origin == other.origin:  # both steps have it from one template
        message = f"`{output.name}` is produced twice, by `{first}` and by `{name}`, which both have it from a template"
        help = "an artifact has one producer: write `outputs` in the steps, each with a name of its own"
        context.report("MLC308", message, output.origin, at="key", help=help)
        return
    related = (Related(other.origin, f"produced by `{first}` here", "key"),)
    help = "an artifact has one producer: give the second another name"
    context.report("MLC308", f"`{output.name}` is produced twice", output.origin, at="key", related=related, help=help)


def _with_helpers(
    context: Context, sections: Sections, declared: Declared, producers: dict[str, tuple[str, Output]], known_volumes: dict[str, Volume]
) -> tuple[dict[str, tuple[str, Output]], dict[str, tuple[Volume, str]]]:
    """Add the steps that fetch and publish data. Gives those that make what `finally` reads itself, and what is on volumes, by name."""
    from . import tagged

    added = tagged.add(context, sections, producers)
    context.helpers = [step.name for more in added.steps.values() for step in more]
    known_volumes.update(added.volumes)
    own: dict[str, tuple[str, Output]] = {}
    for section, more in added.steps.items():
        for step in more:
            made = ports.declare(context, step, dict.fromkeys(context.data.get("datasets") or (), "dataset"), frozenset())
            declared[section][step.name] = made
            outputs = made.outputs
            if not outputs and step.origin[-1] in added.placed:
                outputs = (Output(str(step.origin[-1]), "", "dataset", step.origin),)
            for output in outputs:
                (own if step.name in added.own.values() else producers)[output.name] = (step.name, output)
        sections[section] = [*more, *sections[section]]
    return own, {name: (known_volumes[volume], folder) for name, (volume, folder) in added.placed.items()}


def _group(context: Context, kind: Kind, section: str, sections: Sections, declared: Declared, project: steps.Project) -> Group:
    """The steps of a section, bound and in order. What is wrong is among the findings; the group is of use only if nothing is."""
    own = declared[section]
    context.enter(
        own, [name for other, names in declared.items() if other != section for name in names if name not in own], kind == "finally"
    )
    merged = sections[section]
    looped = any(key in step.data for step in merged for key in ("foreach", "each", "parallel"))
    if looped:
        return _looped(context, Group(kind, f"x-{kind}", (), (section,)), merged, own, project)
    project.enter(own, {step.name: _thresholds(context, step, own[step.name]) for step in merged})
    resolved = {step.name: steps.resolve(context, step, project) for step in merged}
    ordered = graph.order(context, {name: edges for name, (_, edges) in resolved.items()})
    rank = {name: index for index, name in enumerate(ordered)}
    children = tuple(replace(resolved[name][0], after=tuple(sorted(resolved[name][1], key=rank.__getitem__))) for name in ordered)
    return Group(kind, f"x-{kind}", children, (section,))


def _looped(context: Context, group: Group, merged: list[Merged], own: dict[str, ports.Ports], project: steps.Project) -> Group:
    """A group with loops in it. Its steps stay out of it where something is wrong."""
    from . import loops

    sources = loops.declare(context, merged)
    project.enter(own, {step.name: _thresholds(context, step, own[step.name]) for step in merged})
    resolved = {step.name: steps.resolve(context, step, project) for step in merged}
    edges = loops.lifted(context, merged, resolved, sources)
    ordered = graph.order(context, edges)
    if failed(context.findings):
        return group
    return replace(
        group, children=loops.assemble(context, merged, {name: step for name, (step, _) in resolved.items()}, edges, sources, ordered)
    )


def _thresholds(context: Context, step: Merged, declared: ports.Ports) -> dict[str, tuple[Threshold, ...]]:
    context.at(step.name)
    return {name: ports.thresholds(context, step, metric) for name, metric in declared.metrics.items()}
