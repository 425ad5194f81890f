"""What patches of KFP's pipelines are about, and what has to hang together after them."""

from __future__ import annotations

from ...lowering import fields
from ...lowering.patch import Unfit, shown
from .fields import TABLE
from .tasks import executor_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ...lowering.patch import Documents


def read(documents: Documents, step: str) -> Any:
    """Of a step its `container` in the pipeline and its `kubernetes` settings on the platform; for "" both documents as one mapping."""
    if not step:
        return {key: value for document in documents for key, value in document.items()}
    name = executor_name(step)
    return {"container": documents[0]["deploymentSpec"]["executors"][name]["container"], "kubernetes": _settings(documents).get(name, {})}


def write(documents: Documents, step: str, tree: Any, steps: Iterable[str]) -> Documents:
    """The documents with other parts of a step, or another pipeline. Raises `Unfit` where the backend could not run the project's steps."""
    if not isinstance(tree, dict):
        raise Unfit("it is no mapping")
    if not step:
        pipeline = {key: value for key, value in tree.items() if key != "platforms"}
        platforms = tree.get("platforms", {})
    else:
        for key in tree:
            if key not in ("container", "kubernetes"):
                raise Unfit(f"there is `{key}` beside its `container` and its `kubernetes` settings")
        settings = _mapping(tree.get("kubernetes", {}), "`kubernetes`")
        name = executor_name(step)
        spec = documents[0]["deploymentSpec"]
        executors = {**spec["executors"], name: {**spec["executors"][name], "container": tree.get("container")}}
        pipeline = {**documents[0], "deploymentSpec": {**spec, "executors": executors}}
        platforms = _with(documents, name, settings)
    _check(pipeline, documents[0], steps)
    _check_platforms(platforms, pipeline["deploymentSpec"]["executors"])
    fields.check(pipeline, TABLE, "PipelineSpec", snake=True)
    fields.check({"platforms": platforms}, TABLE, "Platforms", snake=True)
    return (pipeline, {"platforms": platforms}) if platforms else (pipeline,)


def _settings(documents: Documents) -> Any:
    if len(documents) == 1:
        return {}
    return documents[1]["platforms"].get("kubernetes", {}).get("deploymentSpec", {}).get("executors", {})


def _with(documents: Documents, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """`platforms` with other settings of one executor; without an empty rest."""
    executors = {**_settings(documents), name: settings}
    kept = {key: value for key, value in executors.items() if value}
    platforms = documents[1]["platforms"] if len(documents) > 1 else {}
    others = {key: value for key, value in platforms.get("kubernetes", {}).items() if key != "deploymentSpec"}
    kubernetes = {"deploymentSpec": {"executors": kept}, **others} if kept else others
    return (
        {**platforms, "kubernetes": kubernetes} if kubernetes else {key: value for key, value in platforms.items() if key != "kubernetes"}
    )


def _check(found: dict[str, Any], before: dict[str, Any], steps: Iterable[str]) -> None:
    for key in found:
        if key not in before and key != "defaultPipelineRoot":
            raise Unfit(f"there is `{key}`, which a pipeline does not have")
    if found.get("schemaVersion") != before["schemaVersion"]:
        raise Unfit(f"`schemaVersion` is no longer `{before['schemaVersion']}`")
    name = _mapping(found.get("pipelineInfo"), "`pipelineInfo`").get("name")
    if not isinstance(name, str) or not name:
        raise Unfit("the pipeline has no name")
    components = _mapping(found.get("components"), "`components`")
    executors = _mapping(_mapping(found.get("deploymentSpec"), "`deploymentSpec`").get("executors"), "`executors`")
    tasks: set[str] = set()
    runs: dict[str, dict[str, str]] = {"root": {}}
    for label, component in (("root", found.get("root")), *components.items()):
        body = _mapping(component, f"`{label}`")
        if "dag" in body:
            listed = _mapping(_mapping(body["dag"], f"the dag of `{label}`").get("tasks"), f"the tasks of `{label}`")
            for task, entry in listed.items():
                if _reference(entry, task) not in components:
                    raise Unfit(f"task `{task}` names no component that is there")
                _after(entry, task, listed)
                tasks.add(task)
            runs[label] = {task: _reference(entry, task) for task, entry in listed.items()}
        elif label == "root" or not isinstance(body.get("executorLabel"), str) or body["executorLabel"] not in executors:
            raise Unfit(f"`{label}` has neither a dag nor an executor that is there")
    reached = _reached(runs)
    for step in steps:
        executor = _mapping(executors.get(executor_name(step)), f"the executor of step `{step}`")
        container = _mapping(executor.get("container"), f"the container of step `{step}`")
        if not isinstance(container.get("image"), str) or not container["image"]:
            raise Unfit(f"the container of step `{step}` has no image")
        if not isinstance(container.get("command"), list) or not container["command"]:
            raise Unfit(f"the container of step `{step}` has no command, which the launcher needs")
        if step not in tasks:
            raise Unfit(f"step `{step}` has no task")
        if step not in reached:
            raise Unfit(f"nothing runs step `{step}`: no task of `root` leads to it")


def _reached(runs: dict[str, dict[str, str]]) -> set[str]:
    """The tasks that a run comes to, from `root` on. `runs` has for each dag its tasks with their components."""
    tasks: set[str] = set()
    seen, coming = {"root"}, ["root"]
    while coming:
        listed = runs[coming.pop()]
        tasks.update(listed)
        new = {component for component in listed.values() if component in runs} - seen
        seen |= new
        coming += new
    return tasks


def _after(entry: dict[str, Any], name: str, tasks: dict[str, Any]) -> None:
    """What a task waits for or takes something from has to be a task of the same dag."""
    listed = entry.get("dependentTasks") or []
    if not isinstance(listed, (list, tuple)):
        raise Unfit(f"`dependentTasks` of task `{name}` is no list")
    named = [("waits for", one) for one in listed]
    inputs = _mapping(entry.get("inputs", {}), f"`inputs` of task `{name}`")
    for kind, key in (("parameters", "taskOutputParameter"), ("parameters", "taskFinalStatus"), ("artifacts", "taskOutputArtifact")):
        for port, source in _mapping(inputs.get(kind, {}), f"`{kind}` of task `{name}`").items():
            produced = _mapping(source, f"`{port}` of task `{name}`").get(key)
            if produced is not None:
                named.append(("takes something from", _mapping(produced, f"`{key}` of task `{name}`").get("producerTask")))
    for what, one in named:
        if not isinstance(one, str) or one not in tasks:
            raise Unfit(f"task `{name}` {what} {f'`{one}`' if isinstance(one, str) else shown(one)}, which is no task beside it")


def _check_platforms(platforms: Any, executors: dict[str, Any]) -> None:
    kubernetes = _mapping(_mapping(platforms, "`platforms`").get("kubernetes", {}), "`platforms.kubernetes`")
    settings = _mapping(kubernetes.get("deploymentSpec", {}), "the platform's `deploymentSpec`").get("executors", {})
    for name, entry in _mapping(settings, "the platform's `executors`").items():
        _mapping(entry, f"the platform's `{name}`")
        if name not in executors:
            raise Unfit(f"the platform's `{name}` is no executor of the pipeline")


def _reference(task: Any, name: str) -> Any:
    component = _mapping(_mapping(task, f"task `{name}`").get("componentRef"), f"the component of task `{name}`").get("name")
    return component if isinstance(component, str) else ""


def _mapping(found: Any, what: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise Unfit(f"{what} is {'missing' if found is None else 'no mapping'}")
    return found
