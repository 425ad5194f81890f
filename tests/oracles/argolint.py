"""What a Workflow says must hang together: everything that it names exists, and everything that exists is used.

Argo's own validator lets most of this through (ghost arguments, unknown volumes, a wrong name or bad syntax inside `{{= }}`): the
run then hangs or errs hours later. This is a reader of manifests of its own; it shares no code with the compiler. Each problem is a
sentence that begins with its place, `spec.templates[train].container.env[LR]: ...`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from . import argo_loops, kubernetes
from .argo_shape import CRON_WORKFLOW, WORKFLOW, WORKFLOW_TEMPLATE
from .exprlang import Expression, formed, selections, shown
from .shape import at, faults, twice, under

_TAG = re.compile(r"\{\{(.*?)(\}\}|\Z)", re.DOTALL)
_INPUT = re.compile(r"inputs\.parameters\.([-\w]+)")
_FROM = re.compile(r"\{\{tasks\.([-\w]+)\.outputs\.artifacts\.([-\w]+)\}\}")
_DEPENDS = re.compile(r"([-a-zA-Z0-9]+)\.Succeeded")
_WORDS = "in not and or matches contains let if else nil true false".split()
_ENGINE = ("=", "$", "workflow.", "tasks.", "steps.", "inputs.", "outputs.", "item", "pod.", "node.", "retries", "lastRetry")
_SCRIPT = "/argo/staging/script"
_EXECUTOR = ("/var/run/argo", "/argo", "/mainctrfs")
_CONTAINERS = ("main", "wait", "init")
_LASTING = {"persistentVolumeClaim", "hostPath", "nfs"}
_OWN_VOLUMES = ("var-run-argo", "tmp-dir-argo", "argo-staging", "argoexec-bin", "input-artifacts", "argo-env-config")


def problems(workflow: dict[str, Any], *others: dict[str, Any]) -> list[str]:
    """All that does not hang together, one sentence each; empty for a sound manifest: a Workflow, or a WorkflowTemplate and perhaps the
    CronWorkflow that starts it. Of a wrong shape nothing else is looked at.
    """
    shape = WORKFLOW_TEMPLATE if workflow.get("kind") == "WorkflowTemplate" else WORKFLOW
    return [*(list(faults(workflow, shape, "")) or list(Lint(workflow).run())), *_cron(workflow, others)]


def _cron(workflow: dict[str, Any], others: tuple[dict[str, Any], ...]) -> Iterator[str]:
    if len(others) > 1 or (others and workflow.get("kind") != "WorkflowTemplate"):
        yield f".: there are {len(others)} more documents"
    for cron in others[:1]:
        found = [f"CronWorkflow.{text}" for text in faults(cron, CRON_WORKFLOW, "")]
        yield from found
        if found:
            continue
        name, of_runs = workflow["metadata"].get("name"), workflow["spec"].get("workflowMetadata", {})
        if cron["metadata"] != workflow["metadata"]:
            yield "CronWorkflow.metadata: is not that of its template"
        if cron["spec"]["workflowSpec"]["workflowTemplateRef"]["name"] != name:
            yield "CronWorkflow.spec.workflowSpec.workflowTemplateRef.name: is another template"
        if of_runs != {key: value for key, value in workflow["metadata"].items() if key in ("labels", "annotations")}:
            yield "spec.workflowMetadata: runs get other labels or annotations than the project has"


class Lint:
    """A Workflow, or what a WorkflowTemplate says of one."""

    def __init__(self, workflow: dict[str, Any]) -> None:
        self.workflow = workflow
        self.spec = workflow["spec"]
        self.templates = {template["name"]: template for template in self.spec["templates"]}
        self.last = self._called_from([self.spec["onExit"]]) if "onExit" in self.spec else []
        self.parameters = self.spec.get("arguments", {}).get("parameters", ())
        self.claims = [claim["metadata"]["name"] for claim in self.spec.get("volumeClaimTemplates", ())]
        self.volumes = [volume["name"] for volume in self.spec.get("volumes", ())]
        self.lasting = {one["name"] for one in self.spec.get("volumes", ()) if one.keys() & _LASTING} | set(self.claims)
        self.mounted: set[str] = set()
        # by loop, the outputs of its items that some expression reads
        self.read: dict[str, set[str]] = {}

    def run(self) -> Iterator[str]:
        """Everything."""
        yield from twice([template["name"] for template in self.spec["templates"]], "spec.templates", "template")
        yield from kubernetes.metadata(self.workflow["metadata"], "metadata")
        yield from self._parameters()
        yield from self._surroundings()
        yield from self._reachable()
        yield from self._kept()
        for template in self.spec["templates"]:
            place = f"spec.templates[{template['name']}]"
            yield from self._ports(template, place)
            if "dag" in template:
                yield from self._dag(template, place)
            elif "suspend" in template:
                yield from self._never(template, place)
            else:
                yield from self._leaf(template, place)
        for template in filter(self._item, self.spec["templates"]):
            yield from argo_loops.item(self, template, f"spec.templates[{template['name']}]")
        yield from (f"spec.volumes[{name}]: is not mounted" for name in self.volumes if name not in self.mounted)
        yield from (f"spec.volumeClaimTemplates[{name}]: is not mounted" for name in self.claims if name not in self.mounted)
        yield from self._tags(self.spec, "spec")

    # --- the workflow ---------------------------------------------------------------------------------------------------------

    def _parameters(self) -> Iterator[str]:
        place = "spec.arguments.parameters"
        yield from twice([parameter["name"] for parameter in self.parameters], place, "parameter")
        for parameter in self.parameters:
            here = f"{place}[{parameter['name']}]"
            options = parameter.get("enum", [])
            if options and "value" in parameter and parameter["value"] not in options:
                yield f"{here}.value: {parameter['value']!r} is not in its enum"
            yield from (f"{here}: {one!r} would be a template" for one in (parameter.get("value", ""), *options) if "{{" in one)

    def _surroundings(self) -> Iterator[str]:
        yield from twice([*self.volumes, *self.claims], "spec.volumes", "volume")
        yield from (f"spec.volumes[{name}]: is a name that the controller uses" for name in self.volumes if name in _OWN_VOLUMES)
        if bool(self.claims) != ("volumeClaimGC" in self.spec):
            yield "spec.volumeClaimGC: is not there where there are claims, or is there without any"
        yield from twice([one["name"] for one in self.spec.get("imagePullSecrets", ())], "spec.imagePullSecrets", "secret")
        metadata = self.workflow["metadata"]
        project = metadata["name"] if "name" in metadata else metadata["generateName"].removesuffix("-")
        store = self.spec.get("artifactRepositoryRef")
        named = str(store["configMap"]).removesuffix("-artifacts") + "-" if store else ""
        # the name of an environment is at the end of one where it has a store, of the other where the workflow is a template
        alike = named.startswith(f"{project}-") or f"{project}-".startswith(named)
        if store is not None and not (alike and store["configMap"].endswith("-artifacts") and store["key"] == "default"):
            yield f"spec.artifactRepositoryRef: {store} is not the ConfigMap of the project {project}"

    def _reachable(self) -> Iterator[str]:
        starts = {key: self.spec[key] for key in ("entrypoint", "onExit") if key in self.spec}
        for key, name in starts.items():
            if "dag" not in self.templates.get(name, {}):
                yield f"spec.{key}: {name} is no DAG template"
                return
            if self.templates[name].get("inputs"):
                yield f"spec.{key}: {name} has inputs, which nobody gives"
        seen = self._called_from(list(starts.values()))
        for name in seen:
            called = [task["template"] for task in self.templates.get(name, {}).get("dag", {}).get("tasks", ())]
            stuck = (name, *starts.values())
            yield from (f"spec.templates[{name}].dag: calls {one}, which calls it" for one in called if one in stuck)
        yield from (f"spec.templates[{one}]: no task uses it" for one in self.templates if one not in seen)
        both = set(self._called_from([self.spec["entrypoint"]])) & set(self.last)
        yield from (f"spec.onExit: {one} belongs to the run" for one in both if "suspend" not in self.templates.get(one, {}))

    def _called_from(self, names: list[str]) -> list[str]:
        """These templates and all that they call."""
        seen: list[str] = []
        waiting = list(names)
        while waiting:
            seen.append(waiting.pop())
            called = [task["template"] for task in self.templates.get(seen[-1], {}).get("dag", {}).get("tasks", ())]
            waiting += [one for one in dict.fromkeys(called) if one not in seen and one not in waiting]
        return seen

    def _tags(self, tree: Any, place: str) -> Iterator[str]:
        """Texts that Argo would expand, wherever they stand: only `{{= }}`, `from` and inputs may."""
        if isinstance(tree, dict):
            for key, value in tree.items():
                yield from self._tags(value, under(place, key))
        elif isinstance(tree, list):
            for index, value in enumerate(tree):
                yield from self._tags(value, at(place, index, value))
        elif isinstance(tree, str):
            allowed = _allowed(place)
            for tag in _TAG.finditer(tree):
                inside, end = tag.groups()
                if not end:
                    yield f"{place}: has {{{{ without an end"
                elif inside.lstrip().startswith(_ENGINE) and (allowed is None or not allowed.fullmatch(tree)):
                    yield f"{place}: holds the tag {{{{{inside}}}}}, which Argo would replace"

    # --- DAGs and tasks -------------------------------------------------------------------------------------------------------

    def _dag(self, template: dict[str, Any], place: str) -> Iterator[str]:
        if template["name"].startswith("x-loop-"):
            yield from argo_loops.listing(self, template, place)
            return
        yield from self._steps(template, place)
        yield from (
            f"{place}.{key}: belongs to a loop" for key in ("outputs", "parallelism") if key in template and not self._item(template)
        )

    def _item(self, template: dict[str, Any]) -> bool:
        return "dag" in template and bool(template["name"].startswith("x-item-"))

    def _steps(self, template: dict[str, Any], place: str) -> Iterator[str]:
        tasks = template["dag"]["tasks"]
        place = f"{place}.dag"
        names = [task["name"] for task in tasks]
        yield from twice(names, f"{place}.tasks", "task")
        yield from (f"{place}.tasks[{name}]: is a word of the language of `depends`" for name in names if name in _WORDS)
        before: dict[str, set[str]] = {}
        used: set[tuple[str, str]] = set()
        for task in tasks:
            here = f"{place}.tasks[{task['name']}]"
            depends = task.get("depends", "")
            needed = _DEPENDS.findall(depends)
            if " && ".join(f"{one}.Succeeded" for one in needed) != depends:
                yield f"{here}.depends: {depends!r} is not the success of some tasks"
            yield from twice(needed, f"{here}.depends", "task")
            for one in needed:
                if one not in before:
                    # tasks stand in the order of the run, so what comes later waits for this one, or nothing makes it come first
                    yield f"{here}.depends: {one} " + ("is not before it" if one in names else "does not exist")
            ancestors = {one for direct in needed for one in (direct, *before.get(direct, ()))}
            before[task["name"]] = ancestors
            yield from self._task(task, template, ancestors, used, here)
        columns = {("parameters", name) for name in argo_loops.columns(self, self.outside(template))}
        for kind in ("parameters", "artifacts"):
            unused = (port for port in argo_loops.names(template, "inputs", kind) if (kind, port) not in used | columns)
            yield from (f"{place}: does not use its input {port}" for port in unused)

    def _task(
        self, task: dict[str, Any], dag: dict[str, Any], ancestors: set[str], used: set[tuple[str, str]], place: str
    ) -> Iterator[str]:
        template = self.templates.get(task["template"])
        if template is None:
            yield f"{place}.template: {task['template']} does not exist"
            return
        if "suspend" in template:
            yield from self._missed(task, dag, ancestors, used, place)
            return
        loop = task["template"] == f"x-loop-{task['name']}"
        if task["template"] != task["name"] and not loop:
            yield f"{place}.template: {task['template']} is the template of another step"
        if "withParam" in task:
            yield f"{place}.withParam: belongs to the task in a loop"
        yield from self.given(task, template, place)
        scope = Scope(self, dag, ancestors)
        arguments = task.get("arguments", {})
        for argument in arguments.get("parameters", ()):
            here = f"{place}.arguments.parameters[{argument['name']}].value"
            if loop:
                yield from argo_loops.argument(self, task, argument["name"], argument["value"], scope, here)
                continue
            found = Expression(argument["value"], scope)
            yield from (f"{here}: {text}" for text in found.problems)
            if found.tree is not None and not found.problems:
                if found.type != "string":
                    yield f"{here}: is a {found.type}, not a text"
                program = json.dumps(template.get("container") or template.get("script"))
                in_pod = f"{{{{inputs.parameters.{argument['name']}}}}}" in program
                single = found.exposed(single=True, in_pod=in_pod)
                bare = [
                    one for one in dict.fromkeys(found.exposed(in_pod=in_pod)) if not argo_loops.harmless(self, dag, one, one in single)
                ]
                yield from (f"{here}: lets `{shown(names)}` through, whatever its text is" for names in bare)
                yield from (f"{here}: {text}" for text in argo_loops.encoded(self, dag, found.tree))
                yield from self.selected(found, here)
                if f"{{{{inputs.parameters.{argument['name']}}}}}" in _names(template):
                    tested = set(formed(found.tree))
                    free = [names for names in dict.fromkeys(found.references) if names not in tested]
                    yield from (f"{here}: nothing sees to it that `{shown(names)}` makes a name or a label" for names in free)
        if "when" in task:
            here = f"{place}.when"
            found = Expression(task["when"], scope)
            yield from (f"{here}: {text}" for text in found.problems)
            if found.tree is not None and not found.problems:
                if found.type != "bool":
                    yield f"{here}: is a {found.type}, not a boolean"
                yield from (f"{here}: {text}" for text in argo_loops.encoded(self, dag, found.tree))
                yield from self.selected(found, here)
        for argument in arguments.get("artifacts", ()):
            yield from self._artifact(argument, dag, ancestors, scope, f"{place}.arguments.artifacts[{argument['name']}]")
        used |= {("parameters", name) for name in scope.inputs} | {("artifacts", name) for name in scope.artifacts}

    def _artifact(self, argument: dict[str, Any], dag: dict[str, Any], ancestors: set[str], scope: Scope, place: str) -> Iterator[str]:
        name = argument["name"]
        if ("archive" in argument) != ("s3" in argument):
            yield f"{place}: is stored as nobody says, or says it of what is not stored yet"
        if "s3" in argument:
            yield from argo_loops.chosen(self, argument["s3"]["key"], scope, name, f"{place}.s3.key")
            return
        source = _FROM.fullmatch(argument["from"])
        step, output = source.groups() if source else ("", "")
        if source is None:
            output = argument["from"][len("{{inputs.artifacts.") : -2]
            scope.artifacts.add(output)
            if output not in argo_loops.names(dag, "inputs", "artifacts"):
                yield f"{place}.from: there is no input {output}"
            output = argo_loops.picked(self, dag, output)
        elif step not in ancestors:
            yield f"{place}.from: {step} does not come before it"
        elif output not in self.outputs(dag, step, "artifacts"):
            yield f"{place}.from: {step} has no artifact {output}"
        if output != name:
            yield f"{place}.from: takes {output} for {name}"
        if source is not None:
            template: dict[str, Any] = next(
                (
                    self.templates.get(task["template"], {})
                    for task in dag["dag"]["tasks"]
                    if argument in task.get("arguments", {}).get("artifacts", ())
                ),
                {},
            )
            offered = template.get("inputs", {}).get("artifacts", ())
            asked: dict[str, Any] = next((port for port in offered if port["name"] == name), {})
            if argument.get("optional") != asked.get("optional"):
                yield f"{place}.from: is optional for the task or for its template, not for both"
            made = self.templates.get(step, {}).get("outputs", {}).get("artifacts", ())
            if not asked.get("optional") and any(port["name"] == output and port.get("optional") for port in made):
                yield f"{place}.from: is needed, and {step} may leave it out"

    def given(self, task: dict[str, Any], template: dict[str, Any], place: str) -> Iterator[str]:
        """The arguments of a task are those that its template asks for."""
        for kind in ("parameters", "artifacts"):
            given = [argument["name"] for argument in task.get("arguments", {}).get(kind, ())]
            wanted = [port["name"] for port in template.get("inputs", {}).get(kind, ()) if not {"raw", "archive"} & port.keys()]
            here = f"{place}.arguments.{kind}"
            yield from twice(given, here, "argument")
            yield from (f"{here}[{one}]: its template has no such input" for one in given if one not in wanted)
            yield from (f"{here}: does not give {one}, which its template needs" for one in wanted if one not in given)

    def _missed(
        self, task: dict[str, Any], dag: dict[str, Any], ancestors: set[str], used: set[tuple[str, str]], place: str
    ) -> Iterator[str]:
        """A task that only asks whether thresholds hold: its condition is never true, and errs where one does not."""
        step = task["name"].removeprefix("x-missed-")
        if task["name"] == step or not task.get("depends", "").startswith(f"{step}.Succeeded"):
            yield f"{place}: is not about a step that it waits for"
        if "arguments" in task:
            yield f"{place}.arguments: are for a template that takes none"
        scope = Scope(self, dag, ancestors)
        found = Expression(task.get("when", ""), scope)
        used |= {("parameters", name) for name in scope.inputs}
        yield from (f"{place}.when: {text}" for text in found.problems)
        if found.tree is not None and not found.problems:
            if ("tasks", step) not in {names[:2] for names in found.references}:
                yield f"{place}.when: does not look at {step}"
            if "'false'" not in task["when"] or "'true'" in task["when"]:
                yield f"{place}.when: could be true"
            yield from self.selected(found, f"{place}.when")

    def _kept(self) -> Iterator[str]:
        """Results of two steps under one key would stand for each other."""
        found = [(name, one["memoize"]) for name, one in self.templates.items() if "memoize" in one]
        yield from twice([one["key"] for _, one in found], "spec.templates", "memoize.key")
        for name, one in found:
            if not one["key"].startswith(f"{name}-"):
                yield f"spec.templates[{name}].memoize.key: {one['key']} is not the key of this step"

    def _never(self, template: dict[str, Any], place: str) -> Iterator[str]:
        yield from (f"{place}.{key}: belongs to a template that runs" for key in template if key not in ("name", "suspend"))

    def task(self, dag: dict[str, Any], name: str) -> dict[str, Any]:
        """A task of a DAG, or nothing."""
        return next((task for task in dag["dag"]["tasks"] if task["name"] == name), {})

    def before(self, dag: dict[str, Any], name: str) -> Iterator[str]:
        """What a task waits for, and what that waits for."""
        waiting, seen = [name], set()
        while waiting:
            direct = [one for one in _DEPENDS.findall(self.task(dag, waiting.pop()).get("depends", "")) if one not in seen]
            seen.update(direct)
            waiting += direct
            yield from direct

    def outputs(self, dag: dict[str, Any], task: str, kind: str) -> list[str]:
        """The outputs of a task."""
        return argo_loops.names(self.templates.get(self.task(dag, task).get("template", ""), {}), "outputs", kind)

    def inside(self, dag: dict[str, Any]) -> dict[str, Any]:
        """Of the template of an item, the task with items; nothing for another."""
        name = dag["name"].removeprefix("x-item-")
        return self.task(self.templates.get(f"x-loop-{name}", {"dag": {"tasks": []}}), "x-item") if name != dag["name"] else {}

    def outside(self, dag: dict[str, Any]) -> dict[str, Any]:
        """Of the template of an item, the task of the loop; nothing for another."""
        name = dag["name"].removeprefix("x-item-")
        dags = (template for template in self.templates.values() if "dag" in template and name != dag["name"])
        return next((task for one in dags if (task := self.task(one, name)).get("template") == f"x-loop-{name}"), {})

    def selected(self, found: Expression, place: str) -> Iterator[str]:
        """A metric is looked up in its document as the annotation of the template that writes it says, and as it is called."""
        assert found.tree is not None
        for names, keys in selections(found.tree):
            if len(names) != 5 or names[0] != "tasks":
                continue
            step, output = names[1], names[4]
            noted = self.templates.get(step, {}).get("metadata", {}).get("annotations", {}).get("mlc/metrics", "")
            starts = [at for at in range(len(noted)) if noted.startswith(output, at) and (at == 0 or noted[at - 2 : at] == ", ")]
            rests = [noted[at + len(output) :] for at in starts]
            what = keys.removesuffix(f" {output}")
            fits = [rest.startswith(what) if what else not rest.startswith(("[", " (kfp-v1)")) for rest in rests]
            if not any(fits) if what else not all(fits):
                yield f"{place}: looks for {keys or 'the whole document'} in {output} of {step}, whose note is {noted!r}"

    # --- templates of steps ---------------------------------------------------------------------------------------------------

    def _ports(self, template: dict[str, Any], place: str) -> Iterator[str]:
        yield from kubernetes.metadata(template.get("metadata", {}), f"{place}.metadata")
        for side in ("inputs", "outputs"):
            for kind in ("parameters", "artifacts"):
                yield from twice([port["name"] for port in template.get(side, {}).get(kind, ())], f"{place}.{side}.{kind}", "port")
        for kind in ("mlc/types", "mlc/metrics"):
            noted = template.get("metadata", {}).get("annotations", {}).get(kind, "")
            outputs = [port["name"] for ports in template.get("outputs", {}).values() for port in ports]
            outputs += [port["name"] for port in template.get("inputs", {}).get("artifacts", ()) if "archive" in port]
            names = re.findall(r"([-\w]+)=\w+", noted) if kind == "mlc/types" else re.findall(r"^[-\w]+", noted)
            yield from (f"{place}.metadata.annotations.{kind}: {one} is no output" for one in names if one not in outputs)

    def _leaf(self, template: dict[str, Any], place: str) -> Iterator[str]:
        if "resource" in template:
            yield from self._object(template, place)
            return
        if "memoize" in template and "retryStrategy" in template:
            yield f"{place}.memoize: no run ends that finds a result of a step with retries"
        kind = "container" if "container" in template else "script"
        container, here = template[kind], f"{place}.{kind}"
        beside = [(key, one) for key in ("initContainers", "sidecars") for one in template.get(key, ())]
        yield from twice([*_CONTAINERS, *(one["name"] for _, one in beside)], place, "container")
        texts = []
        for where, one in [(here, container), *((f"{place}.{key}[{one['name']}]", one) for key, one in beside)]:
            yield from kubernetes.program(one, where)
            yield from kubernetes.resources(one.get("resources", {}), f"{where}.resources")
            texts += [one["image"], *one.get("command", ()), *one.get("args", ()), *(env.get("value", "") for env in one.get("env", ()))]
            if "{{inputs." in one.get("command", [""])[0]:
                yield f"{where}.command[0]: is known only at run time"
        texts += _names(template)
        located = [port for port in template.get("inputs", {}).get("artifacts", ()) if "archive" in port]
        texts += [text for port in located for value in port.values() if isinstance(value, dict) for text in _texts(value)]
        used = {found[1] for text in texts if (found := _INPUT.fullmatch(text[2:-2] if text.startswith("{{") else ""))}
        declared = [port["name"] for port in template.get("inputs", {}).get("parameters", ())]
        yield from (f"{here}: uses {one}, which is no input of it" for one in sorted(used - set(declared)))
        yield from (f"{place}.inputs.parameters[{one}]: is not used" for one in declared if one not in used)
        if kind == "script" and "args" in container:
            yield f"{here}.args: come before the script's path, which Argo puts behind them"
        yield from self._staged(template, container, place)
        yield from self._mounts(template, container, place, here)

    def _object(self, template: dict[str, Any], place: str) -> Iterator[str]:
        """A manifest is JSON in which a parameter stands for a whole value, and nothing that a kubelet or the controller would expand."""
        manifest, declared = template["resource"]["manifest"], template.get("inputs", {}).get("parameters", ())
        tag = re.compile(r"\{\{inputs\.parameters\.([-\w]+)\}\}")
        labels = " ".join(template.get("metadata", {}).get("labels", {}).values())
        used, names = {*tag.findall(manifest), *tag.findall(labels)}, {port["name"] for port in declared}
        yield from (f"{place}.resource.manifest: uses {one}, which is no input of it" for one in sorted(used - names))
        yield from (f"{place}.inputs.parameters[{one}]: is not used" for one in sorted(names - used))
        if "$" in manifest:
            yield f"{place}.resource.manifest: has a $ that a kubelet would read"
        try:
            found = json.loads(tag.sub('{"stands": "here"}', manifest))
        except ValueError:
            yield f"{place}.resource.manifest: is no JSON where values stand for parameters"
            return
        if not {"apiVersion", "kind", "metadata"} <= found.keys():
            yield f"{place}.resource.manifest: does not say what object it is"

    def _staged(self, template: dict[str, Any], container: dict[str, Any], place: str) -> Iterator[str]:
        """A script that comes as an artifact lies where the executor stages scripts, and is the command's last word."""
        raw = [port for port in template.get("inputs", {}).get("artifacts", ()) if "raw" in port]
        staged = [port for port in raw if port["path"] == _SCRIPT]
        if len(raw) != len(staged) or len(raw) > 1:
            yield f"{place}.inputs.artifacts: a text of the manifest is not where a script is staged"
        if bool(staged) != (container.get("command", [""])[-1] == _SCRIPT):
            yield f"{place}: has a script without a command that runs it, or such a command without a script"
        for port in template.get("inputs", {}).get("artifacts", ()):
            if ("archive" in port) != (sum(key in port for key in _LOCATIONS) == 1):
                yield f"{place}.inputs.artifacts[{port['name']}]: comes from outside and would be unpacked, or from several places"
            if "raw" not in port and ("mode" not in port or "recurseMode" not in port):
                yield f"{place}.inputs.artifacts[{port['name']}]: may not be readable for the step"

    def _mounts(self, template: dict[str, Any], container: dict[str, Any], place: str, here: str) -> Iterator[str]:
        mounts = container.get("volumeMounts", ())
        own = [volume["name"] for volume in template.get("volumes", ())]
        yield from twice([*own, *self.volumes, *self.claims], f"{place}.volumes", "volume")
        for index, mount in enumerate(mounts):
            self.mounted.add(mount["name"])
            if mount["name"] not in (*self.volumes, *self.claims, *own):
                yield f"{at(f'{here}.volumeMounts', index, mount)}: there is no such volume"
        beside = [mount for key in ("initContainers", "sidecars") for one in template.get(key, ()) for mount in one.get("volumeMounts", ())]
        yield from (f"{place}.volumes[{one}]: is not mounted" for one in own if one not in {mount["name"] for mount in (*mounts, *beside)})
        lasting = {*self.lasting, *(one["name"] for one in template.get("volumes", ()) if one.keys() & _LASTING)}
        for key in ("initContainers", "sidecars"):
            for one in template.get(key, ()):
                others = one.get("volumeMounts", ())
                yield from twice([mount["mountPath"] for mount in others], f"{place}.{key}[{one['name']}]", "the path")
                for index, mount in enumerate(others):
                    self.mounted.add(mount["name"])
                    inside = at(f"{place}.{key}[{one['name']}].volumeMounts", index, mount)
                    if mount["name"] not in (*self.volumes, *self.claims, *own):
                        yield f"{inside}: there is no such volume"
                    if any(kubernetes.inside(mount["mountPath"], folder) for folder in _EXECUTOR):
                        yield f"{inside}: lies in a folder of the executor, {mount['mountPath']}"
        inputs, outputs = template.get("inputs", {}), template.get("outputs", {})
        small = [(port["name"], port["valueFrom"]["path"]) for port in outputs.get("parameters", ())]
        files = [(port["name"], port["path"]) for side in (inputs, outputs) for port in side.get("artifacts", ())]
        yield from twice([*(mount["mountPath"] for mount in mounts), *(path for _, path in files)], here, "the path")
        for name, path in [*files, *small]:
            if path != _SCRIPT and any(kubernetes.inside(path, folder) for folder in _EXECUTOR):
                yield f"{place}: {name} lies in a folder of the executor, {path}"
        for mount in mounts:
            if any(kubernetes.inside(mount["mountPath"], folder) for folder in _EXECUTOR):
                yield f"{here}.volumeMounts[{mount['name']}]: lies in a folder of the executor, {mount['mountPath']}"
            if mount["name"] in lasting:
                written = [*small, *((port["name"], port["path"]) for port in outputs.get("artifacts", ()))]
                # the file of an earlier run would do as this one's (executor.go reads below a mount from the volume)
                inner = (name for name, path in written if kubernetes.inside(path, mount["mountPath"]))
                yield from (f"{place}.outputs: {name} lies in {mount['name']}, which outlives the run" for name in inner)
            if "readOnly" in mount:
                inner = (name for name, path in [*files, *small] if kubernetes.inside(path, mount["mountPath"]))
                yield from (f"{place}: {name} lies in {mount['name']}, which is read-only" for name in inner)


class Scope:
    """The names that exist at a task, with their types; collects the inputs of the DAG that it was asked for."""

    def __init__(self, lint: Lint, dag: dict[str, Any], ancestors: set[str]) -> None:
        self.lint, self.dag, self.ancestors = lint, dag, ancestors
        self.inputs: set[str] = set()
        self.artifacts: set[str] = set()
        # outputs of items that are keys of artifacts
        self.keys: set[str] = set()

    def __call__(self, names: tuple[str, ...]) -> str:
        match names:
            case ("workflow", "uid" | "name"):
                return "string"
            case ("workflow", "status"):  # known when the exit handler runs
                return "string" if self.dag["name"] in self.lint.last else ""
            case ("workflow", "parameters", name):
                return "string" if name in [parameter["name"] for parameter in self.lint.parameters] else ""
            case ("tasks", step, "outputs", "parameters", name) if step in self.ancestors:
                if name not in self.lint.outputs(self.dag, step, "parameters"):
                    return ""
                return f"items of {step}" if name == argo_loops.ITEMS else "string"
            case ("#", loop, name):
                self.lint.read.setdefault(loop, set()).add(name)
                ports = self.lint.templates.get(f"x-item-{loop}", {}).get("outputs", {}).get("parameters", ())
                source: dict[str, str] = next((port["valueFrom"] for port in ports if port["name"] == name), {})
                if "expression" in source:
                    self.keys.add(name)
                    return "key"
                return "string" if source else ""
            case ("inputs", "parameters", name):
                self.inputs.add(name)
                return "string" if name in argo_loops.names(self.dag, "inputs", "parameters") else ""
        return ""


def _names(template: dict[str, Any]) -> list[str]:
    """What a template's pod takes by name, and what its labels say."""
    found = [*template.get("metadata", {}).get("labels", {}).values()]
    for volume in template.get("volumes", ()):
        for key, name in (("persistentVolumeClaim", "claimName"), ("secret", "secretName"), ("configMap", "name")):
            found += [volume[key][name]] if key in volume else []
    own = [template[key] for key in ("container", "script") if key in template]
    for one in (*own, *template.get("initContainers", ()), *template.get("sidecars", ())):
        found += [source["name"] for env in one.get("env", ()) for source in env.get("valueFrom", {}).values() if "name" in source]
    return found


def _texts(tree: dict[str, Any]) -> Iterator[str]:
    """The texts in a location; a URL is one tag behind a constant."""
    for value in tree.values():
        if isinstance(value, dict):
            yield from _texts(value)
        elif isinstance(value, str):
            yield value[value.index("{{") :] if "{{" in value else value


_LOCATIONS = ("s3", "gcs", "oss", "azure", "http", "git")
_TASK = r"spec\.templates\[[^]]*\]\.dag\.tasks\[[^]]*\]\."
_WHOLE_INPUT = re.compile(r"\{\{inputs\.parameters\.[-\w]+\}\}")
_IN_LOOPS = r"|\{\{(item|inputs\.parameters)\.[-\w]+\}\}"
_ALLOWED = (
    (re.compile(_TASK + r"(when|arguments\.artifacts\[[^]]*\]\.s3\.key)"), re.compile(r"\{\{= .*\}\}", re.S)),
    (re.compile(_TASK + r"arguments\.parameters\[[^]]*\]\.value"), re.compile(r"\{\{= .*\}\}" + _IN_LOOPS, re.S)),
    (re.compile(_TASK + r"arguments\.artifacts\[[^]]*\]\.from"), re.compile(r".*")),
    (re.compile(_TASK + "withParam"), re.compile(r".*")),
    (re.compile(r"spec\.templates\[[^]]*\]\.outputs\.parameters\[[^]]*\]\.valueFrom\.parameter"), re.compile(r".*")),
    (re.compile(r"spec\.templates\[[^]]*\]\.memoize\.key"), re.compile(r"[-\w]+-\{\{workflow\.namespace\}\}-\w+")),
    (
        re.compile(
            r"spec\.templates\[[^]]*\]\.(container|script|(initContainers|sidecars)\[[^]]*\])"
            r"\.(image|(command|args)\[\d+\]|env\[[^]]*\]\.(value|valueFrom\.(secretKeyRef|configMapKeyRef)\.name))"
        ),
        _WHOLE_INPUT,
    ),
    (
        re.compile(
            r"spec\.templates\[[^]]*\]\.(metadata\.labels\..*"
            r"|volumes\[[^]]*\]\.(persistentVolumeClaim\.claimName|secret\.secretName|configMap\.name))"
        ),
        _WHOLE_INPUT,
    ),
    (
        re.compile(r"spec\.templates\[[^]]*\]\.resource\.manifest"),
        re.compile(r"(?:[^{]|\{(?!\{)|\{\{inputs\.parameters\.[-\w]+\}\})*"),
    ),
    (re.compile(r"spec\.templates\[[^]]*\]\.inputs\.artifacts\[[^]]*\]\.((s3|gcs|oss)\.key|azure\.blob|git\.revision)"), _WHOLE_INPUT),
    (
        re.compile(r"spec\.templates\[[^]]*\]\.inputs\.artifacts\[[^]]*\]\.http\.url"),
        re.compile(r"https?://[-.:\w]+/\{\{inputs\.parameters\.[-\w]+\}\}"),
    ),
)
"""Where a tag may stand, and then it is all that stands there."""


def _allowed(place: str) -> re.Pattern[str] | None:
    return next((form for where, form in _ALLOWED if where.fullmatch(place)), None)
