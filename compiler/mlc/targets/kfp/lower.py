"""The documents for Kubeflow Pipelines v2: the PipelineSpec and, where a step needs Kubernetes' own settings, the platform spec."""

from __future__ import annotations

import json

from ...ir import loops_of, steps_of
from ...lowering.params import described, limits
from . import claims, platform, reuse
from .bind import PARAMETER_TYPES, bindings, default
from .executors import container
from .groups import dag, group, passed, surfaced, tasks_of
from .tasks import component, component_name, executor_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...ir import Param, Pipeline, Step

SCHEMA_VERSION = "2.1.0"  # the only one that backends accept (apiserver/template/v2_template.go)
SDK_VERSION = "mlc-v1"  # informative; of the language, not of the tool, so that a release of the tool moves no line


def lower(pipeline: Pipeline) -> tuple[dict[str, Any], ...]:
    """The pipeline's documents, in the order to write them."""
    steps = pipeline.steps
    parameters = {step.name: (*bindings(step), *reuse.inputs(step)) for step in steps}
    if pipeline.kfp.workspace:
        from . import workspace  # few projects have one

        parameters = {step.name: (*parameters[step.name], *workspace.inputs(step)) for step in steps}
    listed = {(ref.step, ref.value.name) for loop in loops_of(pipeline) for ref in loop.lists}
    components = {
        component_name(step.name): component(step, parameters[step.name], {name for owner, name in listed if owner == step.name})
        for step in steps
    }
    executors = {executor_name(step.name): {"container": container(step)} for step in steps}
    _tell_apart(steps, components, executors)
    tasks: dict[str, Any] = {}
    _import(steps_of(pipeline.run), tasks, components, executors)
    tasks.update(tasks_of(pipeline.run.children, parameters, components, executors))
    made = claims.run_claims(pipeline)
    if made:
        tasks = claims.nest(pipeline, made, tasks, components, executors)
    if pipeline.final:
        last: dict[str, Any] = {}
        _import(steps_of(pipeline.final), last, components, executors)
        last.update(tasks_of(pipeline.final.children, parameters, components, executors))
        tasks = _finally(pipeline, tasks, last, components)
    root: dict[str, Any] = {}
    if pipeline.params:
        root["inputDefinitions"] = {"parameters": {param.name: _parameter(param) for param in pipeline.params}}
    root["dag"] = {"tasks": tasks}
    info = {"name": pipeline.name}
    if pipeline.description:
        info["description"] = pipeline.description
    spec: dict[str, Any] = {
        "pipelineInfo": info,
        "root": root,
        "components": components,
        "deploymentSpec": {"executors": executors},
        "schemaVersion": SCHEMA_VERSION,
        "sdkVersion": SDK_VERSION,
    }
    settings = {executor_name(step.name): found for step in steps if (found := platform.executor(step))}
    kubernetes: dict[str, Any] = {"deploymentSpec": {"executors": settings}} if settings else {}
    if run := platform.pipeline_config(pipeline):
        kubernetes["pipelineConfig"] = run
    return (spec, {"platforms": {"kubernetes": kubernetes}}) if kubernetes else (spec,)


def _import(steps: tuple[Step, ...], tasks: dict[str, Any], components: dict[str, Any], executors: dict[str, Any]) -> None:
    if any(port.external is not None for step in steps for port in step.inputs):
        from . import importers  # of few projects

        importers.add(steps, tasks, components, executors)


def _finally(pipeline: Pipeline, tasks: dict[str, Any], last: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """The root of a pipeline with `finally`: one group with the whole run, and an exit task that is a group of all that comes last.

    The backend attaches an exit task as a hook to every task that it depends on, and two of them on one task lose the first
    (argocompiler/dag.go): so there is one of each.
    """
    root: dict[str, Any] = {}
    for name, inner, after in (("x-run", tasks, ()), ("x-finally", last, ("x-run",))):
        inputs = surfaced(pipeline.params, inner)
        components[component_name(name)] = dag(inner, inputs)
        root[name] = group(name, passed(inputs), after, at_exit=bool(after))
    return root


def _parameter(param: Param) -> dict[str, Any]:
    spec: dict[str, Any] = {"parameterType": PARAMETER_TYPES[param.type]}
    if param.default is not None:
        spec["defaultValue"] = default(param)
        spec["isOptional"] = True
    description = described(param, f"one of {', '.join(param.choices)}" if param.choices else limits(param).lstrip())
    if description:
        spec["description"] = description
    return spec


def _tell_apart(steps: tuple[Step, ...], components: dict[str, Any], executors: dict[str, Any]) -> None:
    """Make containers differ where their components do.

    The backend keeps the first of all components whose containers are equal and uses it for the others (argocompiler/argo.go,
    saveComponentSpec): a step would be asked for inputs that only another step has. A wrapped step has its name in the command.
    """
    first: dict[str, Any] = {}
    for step in steps:
        spec = executors[executor_name(step.name)]["container"]
        definitions = {**components[component_name(step.name)], "executorLabel": ""}
        if first.setdefault(json.dumps(spec, sort_keys=True), definitions) != definitions:
            variable = "MLC_STEP"
            while any(env.name == variable for env in step.env):
                variable += "_"
            spec["env"] = [*spec.get("env", ()), {"name": variable, "value": step.name}]
