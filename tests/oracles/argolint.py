"""What a Workflow says must hang together: everything that it names exists, and everything that exists is used.

Argo's own validator lets most of this through (ghost arguments, unknown volumes, a wrong name or bad syntax inside `{{= }}`): the
run then hangs or errs hours later. This is a reader of manifests of its own; it shares no code with the compiler.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_STRING = re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL)
_TASK_OUTPUT = re.compile(r"tasks\['([^']*)'\]\.outputs\.parameters\['([^']*)'\]")
_PARAMETER = re.compile(r"workflow\.parameters\['([^']*)'\]")
_INPUT = re.compile(r"inputs\.parameters\.([-\w]+)")
_FROM = re.compile(r"\{\{tasks\.([-\w]+)\.outputs\.artifacts\.([-\w]+)\}\}")
_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
_PORT = re.compile(r"[-a-zA-Z0-9_]+")
_DEPENDS = re.compile(r"([-a-z0-9]+)\.Succeeded")
_WORD = re.compile(r"\b[A-Za-z_]\w*")
_NUMBER = re.compile(r"\b\d[\d.]*(?:[eE][+-]?\d+)?")
_NAMES = ("workflow", "parameters", "uid", "name", "tasks", "outputs", "true", "false", "not", "and", "in", "contains", "matches")
_FUNCTIONS = ("asInt", "asFloat", "fromJSON", "toJson", "trim", "replace", "filter", "all", "any")
_ENGINE = ("=", "$", "workflow.", "tasks.", "steps.", "inputs.", "outputs.", "item", "pod.", "node.", "retries", "lastRetry")
_BODIES = ("container", "script", "dag")


def problems(workflow: dict[str, Any]) -> list[str]:
    """All that does not hang together, one sentence each; empty for a sound Workflow."""
    return list(_Lint(workflow).run())


class _Lint:
    def __init__(self, workflow: dict[str, Any]) -> None:
        self.workflow = workflow
        self.spec = workflow.get("spec", {})
        self.templates = {template["name"]: template for template in self.spec.get("templates", ())}
        self.parameters = [parameter["name"] for parameter in self.spec.get("arguments", {}).get("parameters", ())]
        self.volumes = [volume["name"] for volume in self.spec.get("volumes", ())]
        self.volumes += [claim["metadata"]["name"] for claim in self.spec.get("volumeClaimTemplates", ())]
        self.mounted: set[str] = set()

    def run(self) -> Iterator[str]:
        if list(self.workflow) != ["apiVersion", "kind", "metadata", "spec"]:
            yield f"top-level keys are {list(self.workflow)}"
        if len(self.templates) != len(self.spec.get("templates", ())):
            yield "two templates have one name"
        yield from _twice("parameter", self.parameters)
        yield from _twice("volume", self.volumes)
        for parameter in self.spec.get("arguments", {}).get("parameters", ()):
            yield from self._parameter(parameter)
        entrypoint = self.templates.get(self.spec.get("entrypoint"))
        if entrypoint is None or "dag" not in entrypoint:
            yield f"the entrypoint {self.spec.get('entrypoint')} is no DAG template"
            return
        used = {task["template"] for task in entrypoint["dag"]["tasks"]}
        yield from (f"template {name} is not used" for name in self.templates if name not in used | {entrypoint["name"]})
        yield from self._dag(entrypoint["dag"])
        for template in self.templates.values():
            yield from self._template(template)
        yield from (f"volume {name} is not mounted" for name in self.volumes if name not in self.mounted)

    def _parameter(self, parameter: dict[str, Any]) -> Iterator[str]:
        if ("value" in parameter) == ("valueFrom" in parameter):
            yield f"parameter {parameter['name']} has both or neither of value and valueFrom"
        for text in (parameter.get("value", ""), *parameter.get("enum", ())):
            if not isinstance(text, str):
                yield f"parameter {parameter['name']} has the value {text!r}, which is no text"
        if "enum" in parameter and "value" in parameter and parameter["value"] not in parameter["enum"]:
            yield f"parameter {parameter['name']} is not in its enum"

    def _dag(self, dag: dict[str, Any]) -> Iterator[str]:
        if dag.get("failFast") is not False:
            yield "the DAG does not say failFast: false"
        yield from _twice("task", [task["name"] for task in dag["tasks"]])
        before: dict[str, set[str]] = {}
        for task in dag["tasks"]:
            name, depends = task["name"], task.get("depends", "")
            needed = [found.group(1) for found in _DEPENDS.finditer(depends)]
            if " && ".join(f"{one}.Succeeded" for one in needed) != depends:
                yield f"task {name} depends on {depends!r}"
            # tasks stand in topological order, so what comes later is a cycle or unknown
            yield from (f"task {name} depends on {one}, which is not before it" for one in needed if one not in before)
            before[name] = {one for direct in needed for one in (direct, *before.get(direct, ()))}
            yield from self._task(task, before[name])

    def _task(self, task: dict[str, Any], ancestors: set[str]) -> Iterator[str]:
        name, template = task["name"], self.templates.get(task["template"])
        if not _NAME.fullmatch(name):
            yield f"task {name} has a name that Argo refuses"
        if template is None:
            yield f"task {name} has the template {task['template']}, which does not exist"
            return
        for kind in ("parameters", "artifacts"):
            given = [argument["name"] for argument in task.get("arguments", {}).get(kind, ())]
            wanted = [port["name"] for port in template.get("inputs", {}).get(kind, ()) if "raw" not in port]
            yield from _twice(f"argument of {name}", given)
            yield from (f"task {name} gives {one}, which its template does not take" for one in given if one not in wanted)
            yield from (f"task {name} does not give {one}" for one in wanted if one not in given)
        texts = [argument["value"] for argument in task.get("arguments", {}).get("parameters", ())]
        for text in [*texts, *([task["when"]] if "when" in task else [])]:
            yield from (f"task {name}: {problem}" for problem in self._expression(text, ancestors))
        for argument in task.get("arguments", {}).get("artifacts", ()):
            source = _FROM.fullmatch(argument["from"])
            if source is None:
                yield f"task {name} takes an artifact from {argument['from']!r}"
            elif source.group(1) not in ancestors or source.group(2) not in self._outputs(source.group(1), "artifacts"):
                yield f"task {name} takes {source.group(2)} of {source.group(1)}, which is no artifact of a step before it"

    def _outputs(self, task: str, kind: str) -> list[str]:
        return [port["name"] for port in self.templates.get(task, {}).get("outputs", {}).get(kind, ())]

    def _expression(self, text: str, ancestors: set[str]) -> Iterator[str]:
        if not (text.startswith("{{= ") and text.endswith(" }}")):
            yield f"{text!r} is not one expression"
            return
        body = text[4:-3]
        if "{{" in body or "}}" in body:
            yield f"{text!r} has double braces inside"
        for step, output in _TASK_OUTPUT.findall(body):
            if step not in ancestors or output not in self._outputs(step, "parameters"):
                yield f"{output} of {step} is no output of a step before it"
        yield from (f"parameter {name} does not exist" for name in _PARAMETER.findall(body) if name not in self.parameters)
        bare = _STRING.sub("''", body)
        stack: list[str] = []
        for char in bare:
            if char in "([":
                stack.append(")" if char == "(" else "]")
            elif char in ")]" and (not stack or stack.pop() != char):
                yield f"brackets of {body!r} do not match"
                return
        if stack or bare.count("'") % 2:
            yield f"brackets or quotes of {body!r} are not closed"
        words = _WORD.findall(_NUMBER.sub("0", bare))
        yield from (f"{word} is no word of an expression" for word in words if word not in _NAMES + _FUNCTIONS)

    def _template(self, template: dict[str, Any]) -> Iterator[str]:
        name = template["name"]
        bodies = [body for body in _BODIES if body in template]
        if len(bodies) != 1:
            yield f"template {name} has the bodies {bodies}"
            return
        if bodies == ["dag"]:
            return
        container = template[bodies[0]]
        inputs, outputs = template.get("inputs", {}), template.get("outputs", {})
        for side in (inputs, outputs):
            for kind in ("parameters", "artifacts"):
                names = [port["name"] for port in side.get(kind, ())]
                yield from _twice(f"{kind} of {name}", names)
                yield from (f"{one} of {name} has a name that Argo refuses" for one in names if not _PORT.fullmatch(one))
        yield from _twice(f"env of {name}", [env["name"] for env in container.get("env", ())])
        declared = {port["name"] for port in inputs.get("parameters", ())}
        used: set[str] = set()
        texts = {**template, "inputs": [artifact.get("raw") for artifact in inputs.get("artifacts", ())]}
        for tag in _TAG.findall(json.dumps(texts)):
            found = _INPUT.fullmatch(tag)
            if found is None:
                if tag.lstrip().startswith(_ENGINE):
                    yield f"template {name} holds the tag {tag!r}"
            else:
                used.add(found.group(1))
        yield from (f"template {name} uses {one}, which is no input of it" for one in sorted(used - declared))
        yield from (f"template {name} does not use its input {one}" for one in sorted(declared - used))
        yield from self._mounts(template, container)

    def _mounts(self, template: dict[str, Any], container: dict[str, Any]) -> Iterator[str]:
        name, mounts = template["name"], container.get("volumeMounts", ())
        own = [volume["name"] for volume in template.get("volumes", ())]
        yield from _twice(f"volume of {name}", [*self.volumes, *own])
        for mount in mounts:
            self.mounted.add(mount["name"])
            if mount["name"] not in self.volumes and mount["name"] not in own:
                yield f"template {name} mounts {mount['name']}, which does not exist"
        yield from (f"volume {one} of {name} is not mounted" for one in own if one not in {mount["name"] for mount in mounts})
        paths = [mount["mountPath"] for mount in mounts]
        paths += [artifact["path"] for side in ("inputs", "outputs") for artifact in template.get(side, {}).get("artifacts", ())]
        yield from _twice(f"path of {name}", paths)
        limit = template.get("retryStrategy", {}).get("limit", "")
        if not isinstance(limit, str):
            yield f"the retry limit of {name} is no text"


def _twice(what: str, names: list[str]) -> Iterator[str]:
    yield from (f"{what} {name} is there twice" for name in sorted({name for name in names if names.count(name) > 1}))
