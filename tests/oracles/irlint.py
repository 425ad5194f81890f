"""What no parser of the KFP IR checks: that everything it refers to is there, and what the backend would do wrongly.

Independent of the compiler: it reads the documents only. Facts: kubeflow/pipelines backend/src/v2 (compiler/argocompiler, driver).
Each problem is a sentence that begins with its place, `root.dag.tasks.train.inputs.parameters.lr: ...`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from . import kfp_loops
from .cellang import TYPES, Expression, formed, selections
from .kfp_containers import STUBS, container, inputs, lookups, ports, settings
from .kfp_shape import PIPELINE, PLATFORM
from .shape import faults

_RUN = {"x-run.id": "{{$.pipeline_job_uuid}}", "x-run.name": "{{$.pipeline_job_resource_name}}", "x-workspace": "{{$.workspace_path}}"}
_PYTHON = {
    "STRING": (str,),
    "NUMBER_INTEGER": (int,),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": (bool,),
    "LIST": (list,),
    "STRUCT": (dict,),
}
_AS_TEXT = (("LIST", "STRING"), ("STRUCT", "STRING"))
"""What a step made, and what another takes: the driver makes JSON of lists and dicts (driver/resolve.go)."""
_EXIT = "ALL_UPSTREAM_TASKS_COMPLETED"


def lint(spec: dict[str, Any], platform: dict[str, Any] | None = None, kept: Collection[str] = ()) -> list[str]:
    """Everything that is wrong, as sentences; an empty list for a sound pipeline. Of a wrong shape nothing else is looked at.

    `kept` are the volumes whose claims the project says to keep, which the documents do not tell.
    """
    shapes = [*faults(spec, PIPELINE, ""), *(faults(platform, PLATFORM, "") if platform is not None else ())]
    return shapes or list(Lint(spec, platform or {}, kept).run())


def lint_documents(documents: list[Any], kept: Collection[str] = ()) -> list[str]:
    """The same for the documents of a file: one, or two."""
    if len(documents) not in (1, 2):
        return [f".: has {len(documents)} documents"]
    return lint(documents[0], documents[1] if len(documents) == 2 else None, kept)


class Lint:
    """A PipelineSpec and its platform."""

    def __init__(self, spec: dict[str, Any], platform: dict[str, Any], kept: Collection[str]) -> None:
        self.spec = spec
        self.kept = {f"x-create-{name}" for name in kept}
        self.components: dict[str, Any] = spec["components"]
        self.executors: dict[str, Any] = spec["deploymentSpec"]["executors"]
        self.settings: dict[str, Any] = platform.get("platforms", {}).get("kubernetes", {}).get("deploymentSpec", {}).get("executors", {})
        self.workspace = "workspace" in platform.get("platforms", {}).get("kubernetes", {}).get("pipelineConfig", {})
        self.dags = {"root": spec["root"], **{f"components.{name}": one for name, one in self.components.items() if "dag" in one}}
        # which task of which DAG calls a component: every component has one
        self.callers = {
            task["componentRef"]["name"]: (place, name) for place, dag in self.dags.items() for name, task in dag["dag"]["tasks"].items()
        }
        self.documents: dict[str, dict[str, str]] = {}

    def run(self) -> Iterator[str]:
        """Everything."""
        yield from self._names()
        yield from self._root()
        for name, component in self.components.items():
            found = self.executors.get(component.get("executorLabel", ""))
            if found is not None:
                step = self.callers.get(name, ("", ""))[1]
                if "importer" in found:
                    yield from self._importer(
                        component, found["importer"], f"deploymentSpec.executors.{component['executorLabel']}.importer"
                    )
                    continue
                self.documents[name] = lookups(found["container"])
                yield from container(
                    component, found["container"], step, f"deploymentSpec.executors.{component['executorLabel']}.container"
                )
        for place, dag in self.dags.items():
            yield from self._dag(dag, place)
        yield from self._unused()
        yield from self._reused()
        yield from self._shared()
        yield from self._claims()
        for label, found in self.settings.items():
            place = f"platforms.kubernetes.deploymentSpec.executors.{label}"
            if label not in self.executors:
                yield f"{place}: there is no such executor"
                continue
            yield from settings(found, self.executors[label]["container"], place)
            yield from self._mounts(label, found, place)

    # --- the whole ------------------------------------------------------------------------------------------------------------

    def _names(self) -> Iterator[str]:
        used = [task["componentRef"]["name"] for dag in self.dags.values() for task in dag["dag"]["tasks"].values()]
        yield from (f"components.{name}: no task uses it" for name in self.components if name not in used)
        labels = [component["executorLabel"] for component in self.components.values() if "executorLabel" in component]
        yield from (f"deploymentSpec.executors.{label}: no component uses it" for label in self.executors if label not in labels)
        for name, component in self.components.items():
            label = component.get("executorLabel")
            if label is None:
                continue
            if label not in self.executors:
                yield f"components.{name}.executorLabel: {label} does not exist"
            elif label != f"exec-{name.removeprefix('comp-')}":
                yield f"components.{name}.executorLabel: {label} is the executor of another step"
            if name in self.callers and self.executors.get(label, {}).get("container", {}).get("image") not in STUBS:
                place, task = self.callers[name]
                if "cachingOptions" not in self.dags[place]["dag"]["tasks"][task]:
                    yield f"{place}.dag.tasks.{task}: says nothing of caching"

    def _root(self) -> Iterator[str]:
        for name, definition in ports(self.spec["root"], "input", "parameters").items():
            place = f"root.inputDefinitions.parameters.{name}"
            if ("defaultValue" in definition) != ("isOptional" in definition):
                yield f"{place}: is optional without a default, or has one and must be given"
            if "defaultValue" in definition and type(definition["defaultValue"]) not in _PYTHON[definition["parameterType"]]:
                yield f"{place}.defaultValue: {definition['defaultValue']!r} is no {definition['parameterType']}"

    def _unused(self) -> Iterator[str]:
        """What a component asks for, somebody in it must read."""
        for name, component in self.components.items():
            read: set[str] = set()
            place, caller = self.callers.get(name, ("", ""))
            task = self.dags[place]["dag"]["tasks"][caller] if place else {}
            condition = task.get("triggerPolicy", {}).get("condition", "")
            asked = set(Expression(condition, {}).references if condition else ())
            if "dag" in component:
                tasks = component["dag"]["tasks"].values()
                read = {source.get("componentInputParameter", "") for inner in tasks for source in given(inner).values()}
                read |= asked | kfp_loops.iterated(task)
                carried = [
                    source.get("componentInputArtifact")
                    for inner in tasks
                    for source in inner.get("inputs", {}).get("artifacts", {}).values()
                ]
                unread = [one for one in ports(component, "input", "artifacts") if one not in carried]
                yield from (f"components.{name}.inputDefinitions.artifacts.{one}: nobody reads it" for one in unread)
                labels = [self._label(inner) for inner in tasks]
                read |= {source["componentInputParameter"] for label in labels for source in _sources(self.settings.get(label, {}))}
            elif task:
                found = self.executors.get(component["executorLabel"], {}).get("container", {})
                if found.get("image") in STUBS or not found:
                    continue
                read = {"x-workspace"} | inputs(found) | asked
                if task.get("cachingOptions"):
                    read |= self._fingerprint(component)
            unread = [one for one in ports(component, "input", "parameters") if one not in read]
            yield from (f"components.{name}.inputDefinitions.parameters.{one}: nobody reads it" for one in unread)

    def _fingerprint(self, component: dict[str, Any]) -> set[str]:
        """Inputs by which the backend tells results apart that it may reuse, read or not (cacheutils/cache.go, GenerateCacheKey)."""
        return {"x-cache", *(source["componentInputParameter"] for source in _sources(self.settings.get(component["executorLabel"], {})))}

    def _reused(self) -> Iterator[str]:
        """The fingerprint has no env, no mounts and no name of a step in it: an input of each cached task stands for them."""
        seen: dict[str, str] = {}
        for place, dag in self.dags.items():
            for name, task in dag["dag"]["tasks"].items():
                component = self.components.get(task["componentRef"]["name"], {})
                if not task.get("cachingOptions") or component.get("executorLabel") not in self.executors:
                    continue
                here = f"{place}.dag.tasks.{name}"
                missing = sorted(self._fingerprint(component) - given(task).keys())
                yield from (f"{here}.inputs.parameters: has no {one}, though its results are reused" for one in missing)
                mark = str(given(task).get("x-cache", {}).get("runtimeValue", {}).get("constant", here))
                if seen.setdefault(mark, name) != name:
                    yield f"{here}.inputs.parameters.x-cache: is that of {seen[mark]}, whose results it would get"

    def _importer(self, component: dict[str, Any], found: dict[str, Any], place: str) -> Iterator[str]:
        """An importer makes one artifact, of the type that its component says, and reads its address from the input that it names."""
        made = ports(component, "output", "artifacts")
        if [one["artifactType"] for one in made.values()] != [found["typeSchema"]]:
            yield f"{place}.typeSchema: is not the type of the one artifact that it makes"
        wanted = {key: one["parameterType"] for key, one in ports(component, "input", "parameters").items()}
        address = found["artifactUri"]
        if wanted != ({address["runtimeParameter"]: "STRING"} if "runtimeParameter" in address else {}):
            yield f"{place}.artifactUri: is not the one input of its component"

    def _label(self, task: dict[str, Any]) -> str:
        label: str = self.components.get(task["componentRef"]["name"], {}).get("executorLabel", "")
        return label

    def _shared(self) -> Iterator[str]:
        """The backend keeps one component for equal containers (argocompiler/argo.go, saveComponentSpec)."""
        seen: dict[str, tuple[str, str]] = {}
        for name, component in self.components.items():
            if component.get("executorLabel") not in self.executors:
                continue
            if "container" not in self.executors[component["executorLabel"]]:
                continue  # an importer keeps its own name there
            found = json.dumps(self.executors[component["executorLabel"]]["container"], sort_keys=True)
            definitions = json.dumps({key: value for key, value in component.items() if key != "executorLabel"}, sort_keys=True)
            other, known = seen.setdefault(found, (name, definitions))
            if known != definitions:
                yield f"components.{name}: has the container of {other}, whose inputs and outputs are others"

    # --- tasks ----------------------------------------------------------------------------------------------------------------

    def _dag(self, dag: dict[str, Any], place: str) -> Iterator[str]:
        tasks = dag["dag"]["tasks"]
        hooks: set[str] = set()
        for name, task in tasks.items():
            here = f"{place}.dag.tasks.{name}"
            if f"{name}-driver" in tasks:
                yield f"{place}.dag.tasks.{name}-driver: is what the backend calls the driver of {name}"
            component = self.components.get(task["componentRef"]["name"])
            if component is None:
                yield f"{here}.componentRef: {task['componentRef']['name']} does not exist"
                continue
            if task["componentRef"]["name"] not in kfp_loops.components(place, name):
                yield f"{here}.componentRef: {task['componentRef']['name']} is the component of another step"
            yield from kfp_loops.task(self, place, name, task, component, here)
            after = task.get("dependentTasks", [])
            if after != sorted(set(after)):
                yield f"{here}.dependentTasks: are not sorted, or some are there twice"
            yield from (f"{here}.dependentTasks: {other} does not exist" for other in after if other not in tasks)
            leaves = "strategy" in task.get("triggerPolicy", {})
            if leaves:
                yield from (f"{here}.dependentTasks: two exit tasks on {other}" for other in after if other in hooks)
                hooks.update(after)
                if len(after) != 1:
                    yield f"{here}.dependentTasks: an exit task must depend on one task"
            yield from self._parameters(task, component, dag, after, leaves, here)
            yield from self._artifacts(task, component, dag, after, here)
            yield from self._condition(task, component, here)
        yield from _cycle(tasks, place)
        yield from kfp_loops.outputs(self, dag, place)

    def _parameters(
        self, task: dict[str, Any], component: dict[str, Any], dag: dict[str, Any], after: list[str], leaves: bool, place: str
    ) -> Iterator[str]:
        found, wanted = given(task), ports(component, "input", "parameters")
        outer, place = place.partition(".dag.tasks.")[0], f"{place}.inputs.parameters"
        needed = [key for key in wanted if key != task.get("parameterIterator", {}).get("itemInput")]
        yield from (f"{place}.{key}: is not declared" for key in found if key not in needed)
        yield from (f"{place}: {key} is not given" for key in needed if key not in found)
        for key, source in found.items():
            target = wanted.get(key, {}).get("parameterType")
            selector = source.get("parameterExpressionSelector")
            made, problem = self._source(source, dag, after)
            if problem:
                yield f"{place}.{key}: {problem}"
            elif (
                made is not None
                and selector is None
                and (made, target) not in ((target, target), *_AS_TEXT)
                and not kfp_loops.printed(outer, source, made, target)
            ):
                yield f"{place}.{key}: is {target}, and its source {made}"
            if leaves and "taskOutputParameter" in source:
                yield f"{place}.{key}: of an exit task comes from another task, to which the backend would hook it too"
            yield from (f"{place}.{key}: {text}" for text in self._named(key, source, outer))
            if selector is not None:
                read = Expression(selector, {}, {"string_value": "string"})
                yield from (f"{place}.{key}.parameterExpressionSelector: {text}" for text in read.problems)
                if read.tree is not None:
                    yield from self._looked(
                        source, [what for _, what in selections(read.tree)], f"{place}.{key}.parameterExpressionSelector"
                    )
            if "runtimeValue" in source and type(source["runtimeValue"]["constant"]) not in _PYTHON.get(target or "STRING", (str,)):
                yield f"{place}.{key}: {source['runtimeValue']['constant']!r} is no {target}"

    def _source(self, source: dict[str, Any], dag: dict[str, Any], after: list[str]) -> tuple[str | None, str]:
        """The type of what is bound, and what is wrong with it."""
        if "componentInputParameter" in source:
            outer = ports(dag, "input", "parameters").get(source["componentInputParameter"])
            return (
                (outer["parameterType"], "")
                if outer
                else (None, f"comes from {source['componentInputParameter']}, which its DAG does not have")
            )
        if "taskOutputParameter" in source:
            step, key = source["taskOutputParameter"]["producerTask"], source["taskOutputParameter"]["outputParameterKey"]
            made = ports(self.producer(step, dag["dag"]["tasks"]), "output", "parameters").get(key)
            if made is None:
                return None, f"comes from {step}.{key}, which does not exist"
            return made["parameterType"], "" if step in after else f"comes from {step}, which is not among dependentTasks"
        return None, ""

    def _named(self, key: str, source: dict[str, Any], outer: str) -> Iterator[str]:
        """Inputs are named after what they carry, so that no two of one type can be mixed up."""
        if key == "x-list":  # of a loop, whatever makes it
            if source.get("componentInputParameter") == "x-item":
                yield "carries x-item"
        elif source.get("componentInputParameter") == "x-item":
            yield from kfp_loops.column(self, outer, key, source)
        elif "componentInputParameter" in source:
            wanted = source["componentInputParameter"]
            if key not in (wanted, "pvc_name"):
                yield f"carries {wanted}"
        elif "taskOutputParameter" in source:
            output = source["taskOutputParameter"]
            carried = f"{output['producerTask']}.{output['outputParameterKey']}"
            if "." in output["outputParameterKey"]:  # of a loop, whose steps may be several
                carried = output["outputParameterKey"]
            names = {carried, f"x-claim.{output['producerTask'].removeprefix('x-create-')}" if carried.endswith(".name") else carried}
            if key.removesuffix(".number" if "parameterExpressionSelector" in source else "") not in names:
                yield f"carries {carried}"
        else:
            constant = source["runtimeValue"]["constant"]
            if constant != _RUN[key] if key in _RUN else "{{" in str(constant):
                yield f"carries {constant!r}"

    def _looked(self, source: dict[str, Any], found: list[str], place: str) -> Iterator[str]:
        """A metric is looked up in its document as the step that writes it shows it."""
        output = source.get("taskOutputParameter", {})
        step, key = output.get("producerTask", ""), output.get("outputParameterKey", "")
        if not output:  # from outside of a loop
            step, _, key = source.get("componentInputParameter", "").partition(".")
        known = self.documents.get(f"comp-{step}", {}).get(key)
        if known is not None:
            for what in found:
                if what != known:
                    yield f"{place}: looks for {what or 'the whole document'}, and the metric is {known or 'the whole document'}"

    def _artifacts(
        self, task: dict[str, Any], component: dict[str, Any], dag: dict[str, Any], after: list[str], place: str
    ) -> Iterator[str]:
        offered, expected = task.get("inputs", {}).get("artifacts", {}), ports(component, "input", "artifacts")
        place = f"{place}.inputs.artifacts"
        yield from (f"{place}.{key}: is not declared" for key in offered if key not in expected)
        yield from (f"{place}: {key} is not given" for key in expected if key not in offered)
        for key, source in offered.items():
            if "componentInputArtifact" in source:
                step, output = "", source["componentInputArtifact"]
                made = ports(dag, "input", "artifacts").get(output)
            else:
                step, output = source["taskOutputArtifact"]["producerTask"], source["taskOutputArtifact"]["outputArtifactKey"]
                made = ports(self.producer(step, dag["dag"]["tasks"]), "output", "artifacts").get(output)
            if made is None:
                yield f"{place}.{key}: comes from {step}.{output}, which does not exist"
            elif made["artifactType"] != expected.get(key, {}).get("artifactType"):
                yield f"{place}.{key}: has another type than its producer says"
            if output != key:
                yield f"{place}.{key}: carries {output}"
            if step and step not in after:
                yield f"{place}.{key}: comes from {step}, which is not among dependentTasks"

    def producer(self, name: str, tasks: dict[str, Any]) -> dict[str, Any]:
        """The component of a task."""
        found: dict[str, Any] = self.components.get(tasks.get(name, {}).get("componentRef", {}).get("name"), {})
        return found

    def _condition(self, task: dict[str, Any], component: dict[str, Any], place: str) -> Iterator[str]:
        condition = task.get("triggerPolicy", {}).get("condition")
        if condition is None:
            return
        place = f"{place}.triggerPolicy.condition"
        sources = given(task)
        types = {key: TYPES[one["parameterType"]] for key, one in ports(component, "input", "parameters").items() if key in sources}
        found = Expression(condition, types)
        yield from (f"{place}: {text}" for text in found.problems)
        if found.tree is None or found.problems:
            return
        if found.type not in ("bool", "any"):
            yield f"{place}: is a {found.type}, not a boolean"
        for name, what in selections(found.tree):
            if name in sources:
                yield from self._looked(sources[name], [what], place)

    # --- claims ---------------------------------------------------------------------------------------------------------------

    def _mounts(self, label: str, found: dict[str, Any], place: str) -> Iterator[str]:
        inside = [
            (where, dag, task) for where, dag in self.dags.items() for task in dag["dag"]["tasks"].values() if self._label(task) == label
        ]
        for index, mount in enumerate(found.get("pvcMount", ())):
            here = f"{place}.pvcMount[{index}]"
            source = {key: value for key, value in mount.items() if key not in ("mountPath", "subPath", "pvcNameParameter")}
            constant = mount["pvcNameParameter"].get("runtimeValue", {}).get("constant")
            if source != ({"constant": constant} if constant is not None else mount["pvcNameParameter"]):
                yield f"{here}: is one thing for old backends and another for new ones"
            for where, dag, task in inside:
                kind, problem = self._source(mount["pvcNameParameter"], dag, task.get("dependentTasks", []))
                if problem:
                    yield f"{here}: {problem}"
                elif kind not in (None, "STRING"):
                    yield f"{here}: is named by a {kind}"
                elif "componentInputParameter" in source and not self._made(where, source) and not self._given(where, source):
                    yield f"{here}: {source['componentInputParameter']} is neither the name of a claim that the run makes nor a parameter"
        for where, dag, task in inside:
            yield from self._chosen(found, where, dag, task, place)

    def _chosen(self, found: dict[str, Any], where: str, dag: dict[str, Any], task: dict[str, Any], place: str) -> Iterator[str]:
        """An object that a parameter names: a text that can be one, which the condition of the task sees to, since no driver does."""
        condition = task.get("triggerPolicy", {}).get("condition", "")
        tested = set(formed(Expression(condition, {}).tree)) if condition else set()
        for key in ("pvcMount", *_BY_NAME):
            for index, one in enumerate(found.get(key, ())):
                sources = (value for name, value in one.items() if name.endswith("NameParameter"))
                for name in (source.get("componentInputParameter", "") for source in sources):
                    here = f"{place}.{key}[{index}]"
                    if not name or name.startswith("x-claim."):
                        continue
                    kind, problem = self._source({"componentInputParameter": name}, dag, [])
                    if problem or kind != "STRING":
                        yield f"{here}: {problem or f'is named by a {kind}'}"
                    elif not self._given(where, {"componentInputParameter": name}):
                        yield f"{here}: {name} is no parameter of the pipeline"
                    if name not in tested:
                        yield f"{here}: nothing sees to it that {name} can be a name"

    def _given(self, place: str, source: dict[str, Any]) -> bool:
        """Whether an input of a DAG carries a parameter of the pipeline."""
        while place != "root" and "componentInputParameter" in source and place.removeprefix("components.") in self.callers:
            outer, task = self.callers[place.removeprefix("components.")]
            source = given(self.dags[outer]["dag"]["tasks"][task]).get(source["componentInputParameter"], {})
            place = outer
        return place == "root" and source.get("componentInputParameter") in ports(self.spec["root"], "input", "parameters")

    def _made(self, place: str, source: dict[str, Any]) -> str:
        """The task that makes the claim whose name an input of a DAG carries, "" for none."""
        while "componentInputParameter" in source:
            if place == "root" or place.removeprefix("components.") not in self.callers:
                return ""
            outer, task = self.callers[place.removeprefix("components.")]
            source = given(self.dags[outer]["dag"]["tasks"][task]).get(source["componentInputParameter"], {})
            place = outer
        producer: str = source.get("taskOutputParameter", {}).get("producerTask", "")
        tasks = self.dags[place]["dag"]["tasks"]
        return producer if producer in tasks and self._stub(tasks[producer]) == "argostub/createpvc" else ""

    def _stub(self, task: dict[str, Any]) -> str:
        image: str = self.executors.get(self._label(task), {}).get("container", {}).get("image", "")
        return image

    def _claims(self) -> Iterator[str]:
        """Every claim that is made, and not kept, is deleted, once, by a group that runs whatever happened."""
        made: list[str] = []
        deleted: list[str] = []
        for place, dag in self.dags.items():
            for name, task in dag["dag"]["tasks"].items():
                image, here = self._stub(task), f"{place}.dag.tasks.{name}"
                if image in STUBS and task.get("cachingOptions") != {}:
                    yield f"{here}.cachingOptions: a claim that is remembered is not made, or not deleted"
                if image == "argostub/createpvc":
                    made.append(name)
                elif image == "argostub/deletepvc":
                    claim = self._made(place, given(task).get("pvc_name", {}))
                    deleted.append(claim)
                    if name.removeprefix("x-delete-") != claim.removeprefix("x-create-"):
                        yield f"{here}: deletes the claim of {claim or 'nobody'}"
                    outer, caller = self.callers.get(place.removeprefix("components."), ("", ""))
                    around = self.dags[outer]["dag"]["tasks"][caller] if outer else {}
                    if around.get("triggerPolicy") != {"strategy": _EXIT}:
                        yield f"{here}: is not in a group that runs whatever happened"
        yield from (f"root.dag.tasks.{name}: makes a claim that nobody deletes" for name in made if name not in {*deleted, *self.kept})
        yield from (f"root.dag.tasks.{name}: makes a claim that is to stay, and is deleted" for name in deleted if name in self.kept)
        asking = [task for dag in self.dags.values() for task in dag["dag"]["tasks"].values() if "x-workspace" in given(task)]
        if bool(asking) != self.workspace:
            yield "platforms.kubernetes.pipelineConfig.workspace: is not there where a step asks for it, or is there and no step does"


def given(task: dict[str, Any]) -> dict[str, Any]:
    """The input parameters of a task, each with where it comes from."""
    found: dict[str, Any] = task.get("inputs", {}).get("parameters", {})
    return found


_BY_NAME = ("secretAsEnv", "secretAsVolume", "configMapAsEnv", "configMapAsVolume")


def _sources(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "componentInputParameter" in value:
            yield value
        for item in value.values():
            yield from _sources(item)
    elif isinstance(value, list):
        for item in value:
            yield from _sources(item)


def _cycle(tasks: dict[str, Any], place: str) -> Iterator[str]:
    left = {name: set(task.get("dependentTasks", [])) & set(tasks) for name, task in tasks.items()}
    while left:
        free = [name for name, after in left.items() if not after & set(left)]
        if not free:
            yield f"{place}.dag: a cycle among {', '.join(sorted(left))}"
            return
        for name in free:
            del left[name]
