"""What patches of Argo's manifests are about, and what has to hang together after them."""

from __future__ import annotations

from ...lowering import fields
from ...lowering.patch import Unfit, shown
from ...lowering.text import unclosed
from ...patterns import lazy
from .fields import TABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ...lowering.patch import Documents

_BODIES = ("container", "script", "containerSet", "resource", "http", "plugin", "suspend", "data", "dag", "steps")
"""What a template may be, one of them (api/workflow/v1alpha1, Template.GetType)."""

_WAITED_FOR = lazy(r"([a-zA-Z0-9][-a-zA-Z0-9]*?)\.([A-Z][a-zA-Z]+)|([a-zA-Z0-9][-a-zA-Z0-9]*)")
"""A task in `depends`, with a result or without (workflow/common/ancestry.go, taskNameRegex)."""

_RESULTS = frozenset({"Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed"})


def read(documents: Documents, step: str) -> Any:
    """The template of a step; for "" the Workflow or WorkflowTemplate."""
    return next(one for one in documents[0]["spec"]["templates"] if one["name"] == step) if step else documents[0]


def write(documents: Documents, step: str, tree: Any, steps: Iterable[str]) -> Documents:
    """The documents with another template of a step, or another Workflow. Raises `Unfit` where Argo could not run the project's steps."""
    first = tree
    if step:
        spec = documents[0]["spec"]
        templates = [tree if template["name"] == step else template for template in spec["templates"]]
        first = {**documents[0], "spec": {**spec, "templates": templates}}
    _check(first, documents[0], steps)
    return (first, *documents[1:])


def _check(found: Any, before: dict[str, Any], steps: Iterable[str]) -> None:
    if not isinstance(found, dict):
        raise Unfit("the manifest is no mapping")
    for key in found:
        if key not in before:
            raise Unfit(f"there is `{key}` beside the `metadata` and the `spec` of the {before['kind']}")
    for key in ("apiVersion", "kind"):
        if found.get(key) != before[key]:
            raise Unfit(f"`{key}` is no longer `{before[key]}`")
    metadata, spec = found.get("metadata"), found.get("spec")
    if not isinstance(metadata, dict) or not any(isinstance(metadata.get(key), str) for key in ("name", "generateName")):
        raise Unfit("the object has no name")
    if not isinstance(spec, dict):
        raise Unfit("the manifest has no `spec`")
    for text in _texts(spec):
        if unclosed(text):
            message = f"{shown(text)} opens a tag that nothing closes, and Argo takes what follows in the manifest for the rest of it"
            raise Unfit(message, "close it with `}}`, or write it without double braces")
    listed = _mappings(spec.get("templates"), "the manifest has no list of `templates`, each with its name")
    templates = {template["name"]: template for template in listed}
    if len(templates) < len(listed):
        raise Unfit("two templates have the same name")
    _known(spec.get("entrypoint"), templates, "`entrypoint`")
    if "onExit" in spec:
        _known(spec["onExit"], templates, "`onExit`")
    elif "onExit" in before["spec"]:
        raise Unfit("the manifest has no `onExit`, which runs what `finally` says")
    tasks: set[object] = set()
    for name, template in templates.items():
        bodies = [body for body in _BODIES if body in template]
        if len(bodies) != 1 or not isinstance(template[bodies[0]], list if bodies[0] == "steps" else dict):
            raise Unfit(f"template `{name}` is not exactly one of `container`, `script`, `dag` and the like")
        for body in ("container", "script"):
            if body in template and not (isinstance(template[body].get("image"), str) and template[body]["image"]):
                raise Unfit(f"the {body} of template `{name}` has no image")
        if "dag" in template:
            found_tasks = _mappings(template["dag"].get("tasks"), f"template `{name}` has no list of tasks, each with its name")
            if len({task["name"] for task in found_tasks}) < len(found_tasks):
                raise Unfit(f"two tasks of template `{name}` have the same name")
            for task in found_tasks:
                if "templateRef" not in task and "inline" not in task:
                    _known(task.get("template"), templates, f"task `{task['name']}`")
                _after(task, {task["name"] for task in found_tasks}, name)
                tasks.add(task["name"])
    reached = _reached(spec, templates)
    for step in steps:
        if step not in templates or step not in tasks:
            raise Unfit(f"step `{step}` has no {'task' if step in templates else 'template'}")
        if step not in reached:
            raise Unfit(f"nothing runs step `{step}`: neither the entrypoint nor `onExit` leads to it")
    fields.check(found, TABLE, "Object")


def _after(task: dict[str, Any], tasks: set[Any], template: str) -> None:
    """What a task waits for has to be a task of the same DAG."""
    depends, listed = task.get("depends") or "", task.get("dependencies") or []
    if not isinstance(depends, str) or not isinstance(listed, list):
        raise Unfit(f"what task `{task['name']}` depends on is {shown(listed if isinstance(depends, str) else depends)}")
    waited = list(listed)
    for found in _WAITED_FOR.finditer(depends):
        before, result, alone = found.groups()
        waited.append(before or alone)
        if result and result not in _RESULTS:
            raise Unfit(f"task `{task['name']}` depends on `{found[0]}`, and `{result}` is no result of a task")
    for name in waited:
        if not isinstance(name, str) or name not in tasks:
            other = f"`{name}`" if isinstance(name, str) else shown(name)
            raise Unfit(f"task `{task['name']}` depends on {other}, which is no task of template `{template}`")


def _reached(spec: dict[str, Any], templates: dict[str, Any]) -> set[str]:
    """The templates that a run comes to, from the entrypoint and `onExit` on."""
    reached: set[str] = set()
    coming = [name for name in (spec["entrypoint"], spec.get("onExit")) if name]
    while coming:
        name = coming.pop()
        if name in templates and name not in reached:
            reached.add(name)
            bodies: list[Any] = [templates[name].get(key) for key in ("dag", "steps")]
            while bodies:
                node = bodies.pop()
                if isinstance(node, dict) and isinstance(node.get("template"), str):
                    coming.append(node["template"])
                if isinstance(node, (dict, list, tuple)):
                    bodies.extend(node.values() if isinstance(node, dict) else node)
    return reached


def _texts(tree: Any) -> Iterator[str]:
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, (dict, list, tuple)):
            nodes.extend(node.values() if isinstance(node, dict) else node)


def _mappings(found: Any, otherwise: str) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in found):
        raise Unfit(otherwise)
    return found


def _known(name: Any, templates: dict[str, Any], who: str) -> None:
    if not isinstance(name, str) or name not in templates:
        raise Unfit(f"{who} names no template that is there")
