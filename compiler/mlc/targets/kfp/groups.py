"""Groups of tasks: a task whose component is a DAG of its own. What its tasks take from outside must be its inputs, at every level."""

from __future__ import annotations

from ...ir import Group
from . import missed
from .bind import PARAMETER_TYPES
from .tasks import component_name, task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ...ir import Param, Step
    from .bind import Binding


def tasks_of(
    children: Sequence[Step | Group], parameters: Mapping[str, tuple[Binding, ...]], components: dict[str, Any], executors: dict[str, Any]
) -> dict[str, Any]:
    """The tasks of the steps and loops of a group; `parameters` are the inputs of all steps, by name.

    Adds the components of loops and of what watches over thresholds.
    """
    tasks: dict[str, Any] = {}
    for child in children:
        if isinstance(child, Group):
            from . import loops

            tasks[child.name] = loops.add(child, parameters, components, executors)
        else:
            tasks[child.name] = task(child, parameters[child.name])
            missed.add(child, tasks, components, executors)
    return tasks


def group(name: str, parameters: Mapping[str, Any], after: Sequence[str] = (), *, at_exit: bool = False) -> dict[str, Any]:
    """The task of a group. `at_exit`: it runs when those before it have ended, whatever became of them (backend 2.4)."""
    spec: dict[str, Any] = {"taskInfo": {"name": name}, "componentRef": {"name": component_name(name)}}
    if after:
        spec["dependentTasks"] = list(after)
    if parameters:
        spec["inputs"] = {"parameters": dict(parameters)}
    if at_exit:
        spec["triggerPolicy"] = {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    return spec


def dag(tasks: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The component of a group; `inputs` are its input parameters."""
    component: dict[str, Any] = {"dag": {"tasks": dict(tasks)}}
    return {"inputDefinitions": {"parameters": dict(inputs)}, **component} if inputs else component


def passed(names: Mapping[str, Any]) -> dict[str, Any]:
    """What a group's task binds its inputs to, where the DAG around it has inputs of the same names."""
    return {name: {"componentInputParameter": name} for name in names}


def surfaced(params: Sequence[Param], tasks: Mapping[str, Any]) -> dict[str, Any]:
    """The params that these tasks take, as input parameters of the group around them."""
    used = {
        source["componentInputParameter"]
        for task in tasks.values()
        for source in task.get("inputs", {}).get("parameters", {}).values()
        if "componentInputParameter" in source
    }
    return {param.name: {"parameterType": PARAMETER_TYPES[param.type]} for param in params if param.name in used}
