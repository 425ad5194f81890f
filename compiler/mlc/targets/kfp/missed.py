"""`on_miss: fail`: a task whose condition is false where the thresholds hold and an error where one does not.

A driver that errs fails its task, what waits for it does not run, and everything else goes on (argocompiler/dag.go sets no failFast
but false). The container never runs, and is the step's own image so that nothing else has to be there.
"""

from __future__ import annotations

from ...ir import references
from ...lowering import missed
from . import cel
from .bind import limited, operand
from .executors import image
from .tasks import component_name, executor_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...ir import Step


def add(step: Step, tasks: dict[str, Any], components: dict[str, Any], executors: dict[str, Any]) -> None:
    """Add the task that fails where a threshold of the step with `on_miss: fail` is missed, if it has one."""
    found = missed.missed(step)
    if found is None:
        return
    refs = [ref for test, _ in found.tests for ref in references(test)]
    refs += step.image.text.references if step.image.text is not None else ()
    bound = {binding.name: binding for binding in map(operand, refs)}
    tasks[found.name] = {
        "taskInfo": {"name": found.name},
        "componentRef": {"name": component_name(found.name)},
        "dependentTasks": sorted(found.after),
        "inputs": {"parameters": {name: bound[name].source for name in sorted(bound)}},
        "triggerPolicy": {"condition": cel.missed(found.tests, tuple(limited(refs).values()))},
        "cachingOptions": {},
    }
    components[component_name(found.name)] = {
        "executorLabel": executor_name(found.name),
        "inputDefinitions": {"parameters": {name: {"parameterType": bound[name].type} for name in sorted(bound)}},
    }
    executors[executor_name(found.name)] = {"container": {"image": image(step), "command": ["true", found.name]}}
