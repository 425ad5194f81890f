"""One step: everything about it but its place in the order."""

from __future__ import annotations

from ..ir import ConfigMapKey, Env, FieldPath, ListRef, MetricRef, Mount, SecretKey, Step, ValueRef, references
from ..record import replace
from ..scalars import source_text
from . import conditions, images, ports, program, resources
from .names import check_annotations, check_env, check_field, check_key, check_notes, completed, object_name
from .paths import check_form, check_places, check_sub_path
from .volumes import check_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..diagnostics.model import Path
    from ..ir import Container, External, Given, Output, Text, Threshold, Volume
    from ..scheduling import Scheduling
    from .context import Context
    from .merge import Merged


class Project:
    """What the steps of a project refer to."""

    def __init__(
        self,
        images: Mapping[str, Any],
        volumes: Mapping[str, Volume],
        producers: Mapping[str, tuple[str, Output]],
        externals: Mapping[str, External],
        placed: Mapping[str, tuple[Volume, str]],
    ) -> None:
        self.images, self.volumes, self.producers, self.externals = images, volumes, producers, externals
        self.placed = placed
        """Datasets that are on a volume, and where in it."""
        self.ports: Mapping[str, ports.Ports] = {}
        self.thresholds: Mapping[str, Mapping[str, tuple[Threshold, ...]]] = {}

    def enter(self, ports: Mapping[str, ports.Ports], thresholds: Mapping[str, Mapping[str, tuple[Threshold, ...]]]) -> None:
        """Go on with the steps of one group, which refer to each other's ports."""
        self.ports, self.thresholds = ports, thresholds


def resolve(context: Context, step: Merged, project: Project) -> tuple[Step, dict[str, Path]]:
    """The step (`after` still empty), and the steps it waits for with the place that says so."""
    context.at(step.name)
    if step.get("resource") is not None:
        from . import objects  # few projects have any

        return objects.resolve(context, step, project)
    declared = project.ports[step.name]
    inputs = ports.inputs(context, step, project.producers, project.externals, project.thresholds)
    values = tuple(declared.values.values())
    metrics = tuple(replace(metric, thresholds=project.thresholds[step.name].get(metric.name, ())) for metric in declared.metrics.values())
    mounts = mounted(context, step, project.volumes)
    on_volumes = [port for port in inputs if port.name in project.placed and port.producer]
    own_inputs = {port.name: port.path for port in inputs}
    if on_volumes:
        inputs = tuple(port for port in inputs if port not in on_volumes)
        for port in on_volumes:
            volume, folder = project.placed[port.name]
            mounts += (Mount(volume, port.path, port.origin, folder, read_only=True, dataset=port.name),)
    check_places(context, inputs, declared.outputs, values, metrics, mounts)
    own = {
        "inputs": own_inputs,
        "outputs": {port.name: port.path for port in declared.outputs},
        "values": {port.name: port.path for port in values},
        "metrics": {port.name: port.path for port in metrics},
    }
    image, entrypoint = images.resolve(context, step, project.images)
    command, args, script = program.resolve(context, step, entrypoint, (*image.settings_origin, "entrypoint"), own)
    env = environment(context, step, own)
    needs = {port.producer: port.origin for port in on_volumes} | dict(conditions.named_steps(context, step, "needs", project.ports))
    gates = conditions.named_steps(context, step, "gate", project.ports)
    context.at(step.name, once=step.get("foreach") is not None)
    conditional = (*conditions.gates(context, step, gates, project.thresholds), *conditions.when(context, step))
    context.at(step.name)
    workdir = step.get("workdir", "")
    if workdir:
        check_form(context, workdir, step.where("workdir"))
    init: tuple[Container, ...] = ()
    sidecars: tuple[Container, ...] = ()
    security, service_account = None, step.get("service_account", "")
    if any(step.get(key) for key in ("init", "sidecars", "security", "service_account")):
        from . import pods  # few steps have any of them

        security = pods.security(context, step)
        pods.service_account(context, step)
        init, sidecars = pods.containers(context, step, project)
    labels, given_labels, annotations = pod_metadata(context, step)
    resolved = Step(
        name=step.name,
        title=step.get("title", ""),
        description=step.get("description", ""),
        image=image,
        command=command,
        args=args,
        script=script,
        workdir=workdir,
        env=env,
        after=(),
        conditions=conditional,
        inputs=inputs,
        outputs=declared.outputs,
        values=values,
        metrics=metrics,
        mounts=mounts,
        resources=resources.resources(context, step),
        retry=resources.retry(context, step),
        timeout=resources.timeout(context, step),
        cache=resources.cache(step),
        labels=labels,
        given_labels=given_labels,
        annotations=annotations,
        scheduling=placement(context, step),
        origin=step.origin,
        merged=step.moved,
        security=security,
        service_account=service_account,
        init=init,
        sidecars=sidecars,
    )
    return resolved, edges(resolved, needs, gates)


def pod_metadata(context: Context, step: Merged) -> tuple[dict[str, str], tuple[Given, ...], dict[str, str]]:
    """`labels` as they are written, those of them that the run completes, and `annotations`, checked with title and description."""
    labels, annotations = step.get("labels", {}), step.get("annotations", {})
    found, given = completed(context, labels, {key: step.where("labels", key) for key in labels})
    check_annotations(context, annotations, (), {key: step.where("annotations", key) for key in annotations})
    check_notes(context, annotations, step.get("title", ""), step.get("description", ""), step.where)
    return found, given, annotations


def placement(context: Context, step: Merged) -> Scheduling | None:
    """Where the step's pod may run; None where nothing is said."""
    if not any(step.get(key) for key in ("node_selector", "tolerations", "affinity")):
        return None
    from . import scheduling

    return scheduling.resolve(context, step)


def mounted(context: Context, step: Merged, volumes: Mapping[str, Volume]) -> tuple[Mount, ...]:
    """`volumes` of a step, or of another container of its pod."""
    found: list[Mount] = []
    for name, entry in (step.get("volumes") or {}).items():
        origin = step.where("volumes", name)
        sub_path, read_only = "", False
        if isinstance(entry, str):
            path = entry
            check_form(context, path, origin)
        else:
            path, sub_path, read_only = entry["mount"], entry.get("sub_path", ""), entry.get("read_only", False)
            check_form(context, path, (*origin, "mount"))
            if sub_path:
                check_sub_path(context, sub_path, (*origin, "sub_path"))
        if check_name(context, name, origin, volumes):
            found.append(Mount(volumes[name], path, origin, sub_path, read_only))
    return tuple(found)


def environment(context: Context, step: Merged, own: Mapping[str, Mapping[str, str]] | None) -> tuple[Env, ...]:
    """`env` of a step, or of another container of its pod, which has no `own` files."""
    found: list[Env] = []
    for name, value in (step.get("env") or {}).items():
        path = step.where("env", name)
        check_env(context, name, path)
        found.append(Env(name, _env_value(context, value, path, own), path))
    return tuple(found)


def _env_value(
    context: Context, value: Any, path: Path, own: Mapping[str, Mapping[str, str]] | None
) -> Text | SecretKey | ConfigMapKey | FieldPath:
    if not isinstance(value, dict):
        return context.text(source_text(value), path, context.scope("`env`", own))
    if "field" in value:
        check_field(context, value["field"], (*path, "field"))
        return FieldPath(value["field"])
    kind = "secret" if "secret" in value else "config_map"
    what = "a Secret" if kind == "secret" else "a ConfigMap"
    name, given = object_name(context, value[kind], (*path, kind), what)
    check_key(context, value["key"], (*path, "key"), what)
    return (SecretKey if kind == "secret" else ConfigMapKey)(name, value["key"], given)


def edges(step: Step, needs: Mapping[str, Path], gates: Mapping[str, Path]) -> dict[str, Path]:
    """Whom the step waits for: `needs`, `gate`, data, and every step that an expression of it, or a threshold it is gated by, mentions."""
    found = {**needs, **{name: path for name, path in gates.items() if name not in needs}}
    for port in step.inputs:
        if port.producer:
            found.setdefault(port.producer, port.origin)
        if port.best is not None:
            found.setdefault(port.best.metric.step, port.best.origin)
    for text in (*step.texts, *(step.resource.texts if step.resource else ())):
        for reference in text.references:
            if isinstance(reference, (ValueRef, MetricRef, ListRef)):
                found.setdefault(reference.step, text.origin)
    for condition in step.conditions:
        for reference in references(condition.expr):
            if isinstance(reference, (ValueRef, MetricRef, ListRef)):
                found.setdefault(reference.step, condition.origin)
    return found
