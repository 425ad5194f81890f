"""What no parser of the KFP IR checks: that everything it refers to is there, and what the backend would do wrongly.

Independent of the compiler: it reads the documents only. Facts: kubeflow/pipelines backend/src/v2 (compiler/argocompiler, driver).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_PLACEHOLDER = re.compile(r"\{\{\$(?:\.(inputs|outputs)\.(parameters|artifacts)\['([^']+)'\](\.\w+)?)?\}\}")
_OPERAND = re.compile(r"inputs\.parameter_values\['([^']+)'\]")
_VOLUMES = ("pvcMount", "secretAsVolume", "configMapAsVolume", "emptyDirMounts")
_COPIED = {"argostub/createpvc", "argostub/deletepvc"}


def lint(spec: dict[str, Any], platform: dict[str, Any] | None = None) -> list[str]:
    """Everything that is wrong, as sentences; an empty list for a sound pipeline."""
    return list(_lint(spec, platform or {}))


def _lint(spec: dict[str, Any], platform: dict[str, Any]) -> Iterator[str]:
    if spec.get("schemaVersion") != "2.1.0":
        yield "schemaVersion is not 2.1.0"
    if not spec.get("pipelineInfo", {}).get("name"):
        yield "the pipeline has no name"
    components, executors = spec.get("components", {}), spec["deploymentSpec"]["executors"]
    dags = {"root": spec["root"], **{name: component for name, component in components.items() if "dag" in component}}
    used = [task["componentRef"]["name"] for dag in dags.values() for task in dag["dag"]["tasks"].values()]
    yield from (f"component {name} does not exist" for name in used if name not in components)
    yield from (f"component {name} is not used" for name in components if name not in used)
    labels = [component["executorLabel"] for component in components.values() if "executorLabel" in component]
    yield from (f"executor {label} does not exist" for label in labels if label not in executors)
    yield from (f"executor {label} is not used" for label in executors if label not in labels)
    for name, dag in dags.items():
        yield from (f"{name}: {text}" for text in _dag(dag, components))
    for name, component in components.items():
        if "executorLabel" in component and component["executorLabel"] in executors:
            container = executors[component["executorLabel"]]["container"]
            yield from (f"{name}: {text}" for text in _container(component, container))
    yield from _shared(components, executors)
    settings = platform.get("platforms", {}).get("kubernetes", {}).get("deploymentSpec", {}).get("executors", {})
    for label, setting in settings.items():
        if label not in executors:
            yield f"platform executor {label} does not exist"
            continue
        names = [_volume(mount) for key in _VOLUMES for mount in setting.get(key, ())]
        yield from (f"{label}: two volumes of the pod are called {name}" for name in sorted({n for n in names if n and names.count(n) > 1}))
        inside = [dag for dag in dags.values() for task in dag["dag"]["tasks"].values() if _label(task, components) == label]
        for source in _sources(setting):
            wanted = source["componentInputParameter"]
            yield from (f"{label}: {wanted} is no input of its DAG" for dag in inside if wanted not in _parameters(dag, "input"))


def _volume(mount: dict[str, Any]) -> str:
    """The pod's volume of a mount, which is called like what it holds (driver/k8s.go); "" where only the run knows it."""
    return str(mount.get("constant") or mount.get("secretName") or mount.get("configMapName") or mount.get("volumeName") or "")


def _label(task: dict[str, Any], components: dict[str, Any]) -> str | None:
    label: str | None = components.get(task["componentRef"]["name"], {}).get("executorLabel")
    return label


def _parameters(component: dict[str, Any], side: str) -> dict[str, Any]:
    found: dict[str, Any] = component.get(f"{side}Definitions", {}).get("parameters", {})
    return found


def _artifacts(component: dict[str, Any], side: str) -> dict[str, Any]:
    found: dict[str, Any] = component.get(f"{side}Definitions", {}).get("artifacts", {})
    return found


def _sources(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "componentInputParameter" in value:
            yield value
        for item in value.values():
            yield from _sources(item)
    elif isinstance(value, list):
        for item in value:
            yield from _sources(item)


def _dag(dag: dict[str, Any], components: dict[str, Any]) -> Iterator[str]:
    tasks = dag["dag"]["tasks"]
    hooks: set[str] = set()
    for name, task in tasks.items():
        if f"{name}-driver" in tasks:
            yield f"task {name}-driver is what the backend calls the driver of {name}"
        component = components.get(task["componentRef"]["name"], {})
        after = task.get("dependentTasks", [])
        if after != sorted(set(after)):
            yield f"task {name}: dependentTasks are not sorted"
        yield from (f"task {name} depends on {other}, which does not exist" for other in after if other not in tasks)
        policy = task.get("triggerPolicy", {})
        leaves = policy.get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED"
        if leaves:
            yield from (f"task {name}: two exit tasks on {other}" for other in after if other in hooks)
            hooks.update(after)
            if len(after) != 1:
                yield f"exit task {name} must depend on one task"
        given = task.get("inputs", {}).get("parameters", {})
        wanted = _parameters(component, "input")
        yield from (f"task {name}: input {key} is not declared" for key in given if key not in wanted)
        yield from (
            f"task {name}: input {key} is not given"
            for key, definition in wanted.items()
            if key not in given and not definition.get("isOptional")
        )
        for key, source in given.items():
            target = wanted.get(key, {}).get("parameterType")
            yield from (f"task {name}: input {key} {text}" for text in _bound(source, target, dag, tasks, components, after, leaves))
        offered = task.get("inputs", {}).get("artifacts", {})
        expected = _artifacts(component, "input")
        if sorted(offered) != sorted(expected):
            yield f"task {name}: input artifacts {sorted(offered)} are not {sorted(expected)}"
        for key, source in offered.items():
            output = source["taskOutputArtifact"]
            producer = _producer(output["producerTask"], tasks, components)
            made = _artifacts(producer, "output").get(output["outputArtifactKey"])
            if made is None:
                yield f"task {name}: input artifact {key} comes from nowhere"
            elif made["artifactType"] != expected.get(key, {}).get("artifactType"):
                yield f"task {name}: input artifact {key} has another type than its producer says"
            if output["producerTask"] not in after:
                yield f"task {name}: producer {output['producerTask']} is not among dependentTasks"
        operands = _OPERAND.findall(policy.get("condition", ""))
        yield from (f"task {name}: the condition's {key} is no input of the task" for key in operands if key not in given)
        if "condition" in policy and not operands:
            yield f"task {name}: the condition has no operand"
    yield from _cycle(tasks)


def _producer(name: str, tasks: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = components.get(tasks.get(name, {}).get("componentRef", {}).get("name"), {})
    return found


def _bound(
    source: dict[str, Any],
    target: str | None,
    dag: dict[str, Any],
    tasks: dict[str, Any],
    components: dict[str, Any],
    after: list[str],
    leaves: bool,
) -> Iterator[str]:
    selected = "parameterExpressionSelector" in source
    if "componentInputParameter" in source:
        outer = _parameters(dag, "input").get(source["componentInputParameter"])
        if outer is None:
            yield f"comes from {source['componentInputParameter']}, which its DAG does not have"
        elif outer["parameterType"] != target and not selected:
            yield f"is {target}, and its source {outer['parameterType']}"
    elif "taskOutputParameter" in source:
        output = source["taskOutputParameter"]
        made = _parameters(_producer(output["producerTask"], tasks, components), "output").get(output["outputParameterKey"])
        if made is None:
            yield f"comes from {output['producerTask']}.{output['outputParameterKey']}, which does not exist"
        elif made["parameterType"] != target and not selected:
            yield f"is {target}, and its source {made['parameterType']}"
        if output["producerTask"] not in after:
            yield f"comes from {output['producerTask']}, which is not among dependentTasks"
        if leaves:
            yield "of an exit task comes from another task"
    elif "runtimeValue" not in source:
        yield "has no source"


def _container(component: dict[str, Any], container: dict[str, Any]) -> Iterator[str]:
    if not container.get("image"):
        yield "no image"
    if not container.get("command") and container.get("image") not in _COPIED:
        yield "no command"
    for text in [*container.get("command", []), *container.get("args", [])]:
        for match in _PLACEHOLDER.finditer(text):
            side, kind, name, field = match.groups()
            if side is None:
                continue
            known = (_parameters if kind == "parameters" else _artifacts)(component, side[:-1])
            if name not in known:
                yield f"{match.group()} has no definition"
            if field != {"inputs parameters": None, "outputs parameters": ".output_file"}.get(f"{side} {kind}", ".path"):
                yield f"{match.group()} asks for what is not there"
        rest = _PLACEHOLDER.sub("", text)
        if "{{$" in rest:
            yield f"{rest!r} holds a placeholder that nobody replaces"
        if text.strip().startswith(('{"IfPresent":', '{"Concat":')):
            yield f"{text!r} would be interpreted"
    if any("{{$" in text for text in container.get("command", [])[:1]):
        yield "the first word of a command is never replaced"
    for item in container.get("env", []):
        if "{{$" in item["value"]:
            yield f"env {item['name']} is copied as it is"


def _shared(components: dict[str, Any], executors: dict[str, Any]) -> Iterator[str]:
    """The backend keeps one component for equal containers (argocompiler/argo.go, saveComponentSpec)."""
    seen: dict[str, tuple[str, str]] = {}
    for name, component in components.items():
        if component.get("executorLabel") not in executors:
            continue
        container = json.dumps(executors[component["executorLabel"]]["container"], sort_keys=True)
        definitions = json.dumps({key: value for key, value in component.items() if key != "executorLabel"}, sort_keys=True)
        other, known = seen.setdefault(container, (name, definitions))
        if known != definitions:
            yield f"{name} and {other} have equal containers and different components"


def _cycle(tasks: dict[str, Any]) -> Iterator[str]:
    left = {name: set(task.get("dependentTasks", [])) & set(tasks) for name, task in tasks.items()}
    while left:
        free = [name for name, after in left.items() if not after & set(left)]
        if not free:
            yield f"a cycle among {sorted(left)}"
            return
        for name in free:
            del left[name]
