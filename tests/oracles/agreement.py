"""Whether the manifests of one project for Argo and for KFP say the same: two lowerings, read back into one form and compared.

What a tree alone cannot show (a volume that one step lost, a threshold that moved, an edge that is missing) shows here, unless both
targets are wrong in the same way. `readOnly` of a mount is not compared: KFP has no field for it, and a dataset on a volume has it on
Argo alone.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from . import argo_loops, cellang, exprlang
from .kfp_containers import STUBS, Wrapper, constant, ports
from .kubernetes import quantity
from .syntax import CEL, EXPR, Node, parse, path

_INPUT = re.compile(r"\{\{inputs\.parameters\.([-\w]+)\}\}")
_PLACEHOLDER = re.compile(r"\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}")
_SCRIPT = "/argo/staging/script"
_RUN_PACKAGES = re.compile(r'python -m pip install --quiet --disable-pip-version-check (.*)\nexec (.*) "\$0" "\$@"\n')
WORKSPACE = "/kfp-workspace"
_PLACING = "DuringSchedulingIgnoredDuringExecution"
_SOURCE = re.compile(r"\{\{(?:tasks\.([-\w]+)\.outputs|inputs)\.artifacts\.([-\w]+)\}\}")
_DURATION = re.compile(r"([0-9]+)s")


def differences(workflow: dict[str, Any], documents: list[Any]) -> list[str]:
    """Everything that one of the two says and the other does not: place, what Argo has, what KFP has."""
    argo, kfp = _Argo(workflow).project(), _Kfp(*documents).project()
    if WORKSPACE in kfp["claims"]:  # has no name in the documents; it is what Argo has at that path
        name = next((found[1] for step in argo["steps"].values() if (found := step["mounts"].get(WORKSPACE))), WORKSPACE)
        kfp["claims"][name] = kfp["claims"].pop(WORKSPACE)
        for step in kfp["steps"].values():
            step["mounts"].update({WORKSPACE: ("run claim", name)} if WORKSPACE in step["mounts"] else {})
    if argo["name"].startswith(f"{kfp['name']}-") and workflow["kind"] != "Workflow":
        argo["name"] = kfp["name"]  # objects of an environment have its name in theirs
    for name, claim in argo["claims"].items():
        if claim["class"] is None:  # the cluster's own; KFP has to name one
            kfp["claims"].get(name, {}).pop("class", None)
            del claim["class"]
    return list(_compared(argo, kfp, ""))


def _compared(argo: Any, kfp: Any, place: str) -> Iterator[str]:
    if isinstance(argo, dict) and isinstance(kfp, dict):
        for key in dict.fromkeys([*argo, *kfp]):
            yield from _compared(argo.get(key), kfp.get(key), f"{place}.{key}" if place else str(key))
    elif argo != kfp:
        yield f"{place}: Argo has {argo!r}, KFP has {kfp!r}"


def _location(port: dict[str, Any]) -> str:
    """Where an artifact lies that no task gives; what both targets can read is a bucket and a key."""
    found = port.get("s3") or port.get("gcs") or {"bucket": "", "key": ""}
    return f"from {found['bucket']}/{found['key']}"


def _undoubled(text: str) -> str:
    return text.replace("$$", "$")


def _joined(pieces: list[Any]) -> Any:
    """Pieces of a text: neighbouring constants put together; a constant text as itself."""
    made: list[Any] = []
    for piece in pieces:
        if isinstance(piece, str) and made and isinstance(made[-1], str):
            made[-1] += piece
        elif piece != "":
            made.append(piece)
    return "".join(made) if all(isinstance(piece, str) for piece in made) else tuple(made)


def _logic(kind: str, parts: list[Any]) -> Any:
    """`and` and `or` of conditions, those of one kind inside another put on one level."""
    flat = [one for part in parts for one in (part[1:] if isinstance(part, tuple) and part[:1] == (kind,) else [part])]
    return flat[0] if len(flat) == 1 else (kind, *flat)


_NOTES = ("mlc/title", "mlc/types", "mlc/metrics", "mlc/artifacts", "mlc/cache")
"""What KFP has fields of its own for."""


def _items(listed: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Constant items of a loop in one form: texts by the names of their columns, lists and mappings as sorted JSON."""
    return [{name.replace(".", "-"): _canonical(value) for name, value in one.items()} for one in listed]


def _canonical(value: Any) -> str:
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    return json.dumps(found, sort_keys=True) if isinstance(found, (list, dict)) else str(value)


class _Argo:
    """A Workflow."""

    def __init__(self, workflow: dict[str, Any]) -> None:
        self.workflow, self.spec = workflow, workflow["spec"]
        self.templates = {template["name"]: template for template in self.spec["templates"]}
        self.arguments: dict[str, Any] = {}
        # the artifacts that come into the loop that a step is in, by name
        self.artifacts: dict[str, str] = {}

    def project(self) -> dict[str, Any]:
        dags = [self.spec[key] for key in ("entrypoint", "onExit") if key in self.spec]
        tasks = [task for dag in dags for task in self.templates[dag]["dag"]["tasks"]]
        loops = [task for task in tasks if task["template"].startswith("x-loop-")]
        inside = {task["name"]: self.templates[f"x-item-{task['name']}"]["dag"]["tasks"] for task in loops}
        every = [*tasks, *(task for inner in inside.values() for task in inner)]
        missed = [task for task in every if task["name"].startswith("x-missed-")]
        annotations = self.workflow["metadata"].get("annotations", {})
        return {
            "name": self.workflow["metadata"].get("name") or self.workflow["metadata"]["generateName"].removesuffix("-"),
            "description": annotations.get("workflows.argoproj.io/description", annotations.get("mlc/description", "")),
            "params": {one["name"]: one.get("value") for one in self.spec.get("arguments", {}).get("parameters", ())},
            "pull_secrets": sorted(one["name"] for one in self.spec.get("imagePullSecrets", ())),
            "claims": {
                one["metadata"]["name"]: {
                    "modes": one["spec"]["accessModes"],
                    "size": one["spec"]["resources"]["requests"]["storage"],
                    "class": one["spec"].get("storageClassName"),
                }
                for one in self.spec.get("volumeClaimTemplates", ())
            },
            "steps": {
                **{task["name"]: self.step(task, {}) for task in tasks if task not in missed and task not in loops},
                **{
                    task["name"]: self.step(task, self.given(loop)) for loop in loops for task in inside[loop["name"]] if task not in missed
                },
            },
            "loops": {task["name"]: self.loop(task, inside[task["name"]]) for task in loops},
            "missed": {task["name"]: sorted(re.findall(r"([-\w]+)\.Succeeded", task["depends"])) for task in missed},
            "finally": sorted(task["name"] for task in self.templates[dags[-1]]["dag"]["tasks"]) if len(dags) > 1 else [],
        }

    def given(self, task: dict[str, Any]) -> dict[str, str]:
        """The producers of a task's artifacts."""
        listed = task.get("arguments", {}).get("artifacts", ())
        return {one["name"]: _SOURCE.sub(lambda found: found[1] or self.artifacts[found[2]], one["from"]) for one in listed}

    def loop(self, task: dict[str, Any], inside: list[dict[str, Any]]) -> dict[str, Any]:
        text = next(one["value"] for one in task["arguments"]["parameters"] if one["name"] == "x-items")
        items: Any
        if text.startswith("{{="):
            made = (
                exprlang.inlined(parse(text[4:-3], EXPR)).parts[2].parts[1]
            )  # `T contains '{{' ? error : toJson(map(LIST, FIELDS))`, LIST `fromJSON(TEXT)`, or this where it is a list
            read = made.parts[1].parts[1] if made.parts[1].kind == "choice" else made.parts[1]
            items = (self.listed(read.parts[1]), sorted(part.text for part in made.parts[2].parts[::2]))
        else:
            items = _items(json.loads(text))
        return {
            "after": sorted(re.findall(r"([-\w]+)\.Succeeded", task.get("depends", ""))),
            "condition": self.condition(parse(task["when"][4:-3], EXPR)) if "when" in task else None,
            "items": items,
            "parallel": self.templates[task["template"]].get("parallelism"),
            "steps": sorted(one["name"] for one in inside),
        }

    def listed(self, node: Node) -> tuple[str, ...]:
        """A list: of a parameter, that a step wrote, or of all items of a loop."""
        names = path(node) or next(argo_loops.made_of(node))
        return self.reference(names)

    def step(self, task: dict[str, Any], artifacts: dict[str, str]) -> dict[str, Any]:
        self.artifacts = artifacts
        template = self.templates[task["template"]]
        kind = "script" if "script" in template else "container"
        container, metadata = template[kind], template.get("metadata", {})
        self.arguments = {
            one["name"]: exprlang.inlined(parse(one["value"][4:-3], EXPR)) for one in task.get("arguments", {}).get("parameters", ())
        }
        inputs, outputs = template.get("inputs", {}), template.get("outputs", {})
        producers = self.given(task)
        script = next((one["raw"]["data"] for one in inputs.get("artifacts", ()) if "raw" in one), container.get("source"))
        script = script and _undoubled(script)  # by the kubelet that reads the executor's variables
        program, packages = self.program(container, script is not None)
        notes = metadata.get("annotations", {})
        retry = template.get("retryStrategy")
        return {
            "after": sorted(re.findall(r"([-\w]+)\.Succeeded", task.get("depends", ""))),
            "condition": self.condition(parse(task["when"][4:-3], EXPR)) if "when" in task else None,
            "title": notes.get("mlc/title", task["name"]),
            "image": (self.text(container["image"]), container.get("imagePullPolicy")),
            "program": program,
            "packages": packages,
            "script": script,
            "workdir": container.get("workingDir"),
            "env": {one["name"]: self.env(one) for one in container.get("env", ())},
            "inputs": {
                one["name"]: (one["path"], producers.get(one["name"]) or _location(one))
                for one in inputs.get("artifacts", ())
                if "raw" not in one
            },
            "optional": sorted(one["name"] for ports in (inputs, outputs) for one in ports.get("artifacts", ()) if one.get("optional")),
            "outputs": {one["name"]: one["path"] for one in outputs.get("artifacts", ())},
            "small": {one["name"]: one["valueFrom"]["path"] for one in outputs.get("parameters", ())},
            "mounts": {
                one["mountPath"]: self.volume(one["name"], template) + ((one["subPath"],) if "subPath" in one else ())
                for one in container.get("volumeMounts", ())
                if one["name"] not in ("x-inputs", "x-outputs")
            },
            "resources": self.resources(container.get("resources", {})),
            "user": {key: str(value) for key, value in container.get("securityContext", {}).items()},
            "retry": None if retry is None else self.retry(retry),
            "timeout": template.get("activeDeadlineSeconds"),
            "labels": {key: self.text(value) for key, value in metadata.get("labels", {}).items()},
            "annotations": {
                key: text for key, text in notes.items() if key not in ("mlc/title", "mlc/types", "mlc/metrics", "mlc/artifacts")
            },
            "node_selector": template.get("nodeSelector", {}),
            "tolerations": template.get("tolerations", []),
            "affinity": self.affinity(template.get("affinity", {})),
        }

    def retry(self, found: dict[str, Any]) -> Any:
        backoff = found.get("backoff", {})
        factor = backoff.get("factor")
        return (found["limit"], backoff.get("duration"), None if factor == "1" else factor)

    def affinity(self, found: dict[str, Any]) -> dict[str, Any]:
        nodes = found.get("nodeAffinity", {})
        terms = [*nodes.get(f"required{_PLACING}", {}).get("nodeSelectorTerms", ())]
        terms += [{**one["preference"], "weight": one["weight"]} for one in nodes.get(f"preferred{_PLACING}", ())]
        return {"nodes": terms, "pods": {key: rules for key, rules in found.items() if key != "nodeAffinity"}}

    def program(self, container: dict[str, Any], scripted: bool) -> tuple[list[Any], list[str]]:
        command, args = container.get("command", []), container.get("args", [])
        packages: list[str] = []
        if scripted:
            command = [word for word in command if word != _SCRIPT]
            if command[:2] == ["sh", "-ec"] and (found := _RUN_PACKAGES.fullmatch(_undoubled(command[2]))):
                packages, command = shlex.split(found[1]), shlex.split(found[2])
            command = [*command, "@"]
        return [self.text(word) for word in [*command, *args]], packages

    def text(self, text: str) -> Any:
        found = _INPUT.fullmatch(text)
        return _joined(list(self.pieces(self.arguments[found[1]], True))) if found else _undoubled(text)

    def env(self, env: dict[str, Any]) -> Any:
        if "value" in env:
            return self.text(env["value"])
        ((kind, source),) = env["valueFrom"].items()
        return (kind, *map(self.text, source.values()))

    def volume(self, name: str, template: dict[str, Any]) -> Any:
        volumes = [*self.spec.get("volumes", ()), *template.get("volumes", ())]
        found: dict[str, Any] = next((one for one in volumes if one["name"] == name), {})
        match found:
            case {"persistentVolumeClaim": source}:
                return ("claim", self.text(source["claimName"]))
            case {"secret": source}:
                return ("secret", self.text(source["secretName"]))
            case {"configMap": source}:
                return ("config map", self.text(source["name"]))
            case {"emptyDir": source}:
                return ("scratch", name, source.get("medium"), source.get("sizeLimit"))
            case {"ephemeral": {"volumeClaimTemplate": {"spec": source}}}:
                return (
                    "ephemeral",
                    name,
                    source["accessModes"],
                    source["resources"]["requests"]["storage"],
                    source.get("storageClassName"),
                )
        return ("run claim", name)

    def resources(self, found: dict[str, Any]) -> dict[str, Fraction | None]:
        return {
            f"{name} {side}": quantity(amount)
            for side, amounts in found.items()
            for name, amount in amounts.items()
            if side == "limits" or "/" not in name
        }

    def reference(self, names: tuple[str, ...], keys: str = "") -> tuple[str, ...]:
        if names[0] == "inputs":
            names = exprlang.handed(names)
        if names[0] == "tasks":
            return (names[1], names[4], keys)
        if names[0] == "inputs":
            return ("each", names[2])
        return ("params", names[2]) if names[1] == "parameters" else ("run", {"uid": "id"}.get(names[1], names[1]))

    def pieces(self, node: Node, doubled: bool) -> Iterator[Any]:
        """An argument as constants and references; `doubled`: constants have their `$` twice."""
        if node.kind == "string":
            yield _undoubled(node.text) if doubled else node.text
        elif names := path(node):
            yield self.reference(names)
        elif node.kind == "choice":
            yield from self.pieces(node.parts[2] if exprlang.raises(node.parts[1]) else node.parts[1], doubled)
        elif node.kind == "binary":
            for part in node.parts:
                yield from self.pieces(part, doubled)
        elif path(node.parts[0]) == ("replace",):
            yield from self.pieces(node.parts[1], False)
        elif path(node.parts[0]) == ("trim",):
            yield from self.pieces(node.parts[1], doubled)
        elif exprlang.decoded(node):
            yield self.reference(exprlang.references(node)[0])
        elif any(names[-1] == argo_loops.ITEMS for names in exprlang.references(node)):
            yield from map(self.reference, set(argo_loops.made_of(node)))
        else:
            yield from (self.reference(names, keys) for names, keys in exprlang.selections(node))

    def condition(self, node: Node) -> Any:
        kind, parts = node.kind, node.parts
        names = path(node)
        if names in (("true",), ("false",)):
            return names == ("true",)
        if names:
            return self.reference(names)
        if kind == "string":
            return node.text
        if kind == "number":
            return Fraction(node.text)
        if kind == "list":
            return [self.condition(part) for part in parts]
        if kind == "unary":
            inner = self.condition(parts[0])
            return -inner if node.text == "-" else ("not", inner)
        if kind == "choice":
            return self.condition(parts[2] if exprlang.raises(parts[1]) else parts[1] if exprlang.raises(parts[2]) else parts[0])
        if kind == "binary" and node.text == "+" and parts[1] == Node("number", "0"):
            return self.condition(parts[0])
        if kind == "binary":
            left, right = self.condition(parts[0]), self.condition(parts[1])
            return left + right if node.text == "+" else (node.text, left, right)  # a text that was cut in two
        if kind == "call" and path(parts[0]) in (("all",), ("any",)):
            if parts[2].kind != "item":  # any([...], # == X)
                return ("in", self.condition(parts[2].parts[1]), self.condition(parts[1]))
            return _logic("and" if parts[0].text == "all" else "or", [self.condition(part) for part in parts[1].parts])
        if exprlang.decoded(node):
            return self.reference(exprlang.references(node)[0])
        if kind == "call" and path(parts[0]) == ("fromJSON",) and parts[1].kind == "string":
            return json.loads(parts[1].text, parse_int=Fraction, parse_float=Fraction)
        ((names, keys),) = exprlang.selections(node)
        return self.reference(names, keys)


class _Kfp:
    """A PipelineSpec and its platform."""

    def __init__(self, spec: dict[str, Any], platform: dict[str, Any] | None = None) -> None:
        self.spec = spec
        self.components, self.executors = spec["components"], spec["deploymentSpec"]["executors"]
        kubernetes = (platform or {}).get("platforms", {}).get("kubernetes", {})
        self.settings: dict[str, Any] = kubernetes.get("deploymentSpec", {}).get("executors", {})
        self.workspace: dict[str, Any] = kubernetes.get("pipelineConfig", {}).get("workspace", {})
        self.sources: dict[str, Any] = {}

    def project(self) -> dict[str, Any]:
        dags = [self.spec["root"], *(one for one in self.components.values() if "dag" in one)]
        tasks = {
            name: task
            for dag in dags
            for name, task in dag["dag"]["tasks"].items()
            if self.executor(task) and not name.startswith("x-import-")
        }
        stubs = {name: task for name, task in tasks.items() if self.executors[self.executor(task)]["container"]["image"] in STUBS}
        missed = {name: task for name, task in tasks.items() if name.startswith("x-missed-")}
        claims = {}
        if self.workspace:
            patch = self.workspace["kubernetes"]["pvcSpecPatch"]
            claims[WORKSPACE] = {"modes": patch["accessModes"], "size": self.workspace["size"], "class": patch.get("storageClassName")}
        for name, task in stubs.items():
            if name.startswith("x-create-"):
                given = {key: one["runtimeValue"]["constant"] for key, one in task["inputs"]["parameters"].items()}
                claim = {"modes": given["access_modes"], "size": given["size"], "class": given["storage_class_name"]}
                claims[name.removeprefix("x-create-")] = claim
        return {
            "name": self.spec["pipelineInfo"]["name"],
            "description": self.spec["pipelineInfo"].get("description", ""),
            "params": {name: self.default(one) for name, one in ports(self.spec["root"], "input", "parameters").items()},
            "pull_secrets": sorted({one["secretName"] for found in self.settings.values() for one in found.get("imagePullSecret", ())}),
            "claims": claims,
            "steps": {name: self.step(name, task) for name, task in tasks.items() if name not in stubs and name not in missed},
            "loops": {
                name: self.loop(name, task)
                for dag in dags
                for name, task in dag["dag"]["tasks"].items()
                if task["componentRef"]["name"] == f"comp-x-loop-{name}"
            },
            "missed": {name: sorted(task["dependentTasks"]) for name, task in missed.items()},
            "finally": sorted(
                name for name in self.components.get("comp-x-finally", {}).get("dag", {}).get("tasks", ()) if name[:9] != "x-import-"
            ),
        }

    def imported(self, producer: str) -> str:
        """Where an importer's artifact lies; any other producer as it is called."""
        found = self.executors.get(f"exec-{producer}", {}).get("importer")
        return f"from {found['artifactUri'].get('constant', '').partition('://')[2]}" if found else producer

    def executor(self, task: dict[str, Any]) -> str:
        label: str = self.components[task["componentRef"]["name"]].get("executorLabel", "")
        return label

    def loop(self, name: str, task: dict[str, Any]) -> dict[str, Any]:
        self.sources = task["inputs"]["parameters"]
        policy, item = task.get("triggerPolicy", {}), self.components[f"comp-x-item-{name}"]["dag"]["tasks"]
        (iterator,) = self.components[f"comp-x-loop-{name}"]["dag"]["tasks"].values()
        items: Any
        if "runtimeValue" in self.sources["x-list"]:
            items = _items(self.sources["x-list"]["runtimeValue"]["constant"])
        else:
            columns = {key[5:] for one in item.values() for key in one.get("inputs", {}).get("parameters", {}) if key.startswith("each.")}
            items = (self.reference("x-list"), sorted(column.replace(".", "-") for column in columns))
        return {
            "after": task.get("dependentTasks", []),
            "condition": self.top(parse(policy["condition"], CEL)) if "condition" in policy else None,
            "items": items,
            "parallel": iterator.get("iteratorPolicy", {}).get("parallelismLimit"),
            "steps": sorted(item),
        }

    def producer(self, source: dict[str, Any]) -> str:
        """The step that writes an artifact; in a loop, the one outside that hands it in."""
        if "taskOutputArtifact" in source:
            return self.imported(str(source["taskOutputArtifact"]["producerTask"]))
        name = source["componentInputArtifact"]
        outer = (task for one in self.components.values() for task in one.get("dag", {}).get("tasks", {}).values())
        given = (
            task.get("inputs", {}).get("artifacts", {}).get(name, {}) for task in [*outer, *self.spec["root"]["dag"]["tasks"].values()]
        )
        return next(self.imported(str(one["taskOutputArtifact"]["producerTask"])) for one in given if "taskOutputArtifact" in one)

    def default(self, definition: dict[str, Any]) -> Any:
        if "defaultValue" not in definition:
            return None
        value = definition["defaultValue"]
        return value if isinstance(value, str) else _Default(value)

    def step(self, name: str, task: dict[str, Any]) -> dict[str, Any]:
        label = self.executor(task)
        container, found = self.executors[label]["container"], self.settings.get(label, {})
        self.sources = task.get("inputs", {}).get("parameters", {})
        wrapper = Wrapper(container)
        metadata = found.get("podMetadata", {})
        policy, retry = task.get("triggerPolicy", {}), task.get("retryPolicy")
        artifacts = {key: self.producer(one) for key, one in task.get("inputs", {}).get("artifacts", {}).items()}
        env, program = self.program(wrapper)
        env |= {
            one["name"]: _undoubled(one["value"])
            for one in container.get("env", ())
            if one["value"] != name or "MLC_STEP" not in one["name"]
        }
        return {
            "after": [other for other in task.get("dependentTasks", []) if not other.startswith("x-import-")],
            "condition": self.top(parse(policy["condition"], CEL)) if "condition" in policy else None,
            "title": task["taskInfo"]["name"],
            "image": (self.word(container["image"]), found.get("imagePullPolicy")),
            "program": program,
            "packages": [package for record in wrapper.of("packages") for package in str(self.word(record[1])).split("\n")],
            "script": next((self.word(record[1]) for record in wrapper.of("script")), None),
            "workdir": next((record[1] for record in wrapper.of("workdir")), None),
            "env": env | self.kept(found),
            "inputs": {record[1]: (record[2], artifacts[record[1]]) for record in wrapper.of("input", "optional")},
            "optional": sorted(record[1] for record in wrapper.of("optional", "maybe")),
            "outputs": {record[1]: record[2] for record in wrapper.of("output", "maybe")},
            "small": {record[1]: record[2] for record in wrapper.of("value", "metric")},
            "mounts": dict(self.mounts(found)),
            "resources": self.resources(container.get("resources", {})),
            "user": {key: str(value) for key, value in found.get("securityContext", {}).items()},
            "retry": None if retry is None else self.retry(retry),
            "timeout": int(found["activeDeadlineSeconds"]) if "activeDeadlineSeconds" in found else None,
            "labels": metadata.get("labels", {}),
            "annotations": metadata.get("annotations", {}),
            "node_selector": found.get("nodeSelector", {}).get("labels", {}),
            "tolerations": [self.toleration(one) for one in found.get("tolerations", ())],
            "affinity": {"nodes": found.get("nodeAffinity", []), "pods": {}},
        }

    def toleration(self, found: dict[str, Any]) -> dict[str, Any]:
        return {key: int(value) if key == "tolerationSeconds" else value for key, value in found.items()}

    def retry(self, found: dict[str, Any]) -> Any:
        factor = str(int(found["backoffFactor"]))
        duration = found["backoffDuration"]
        return (str(found["maxRetryCount"]), None if duration == "0s" else duration, None if factor == "1" else factor)

    def program(self, wrapper: Wrapper) -> tuple[dict[str, Any], list[Any]]:
        words = list(wrapper.program)
        if not wrapper.there:
            return {}, [_undoubled(word) for word in words]
        env: dict[str, Any] = {}
        if words[:1] == ["env"]:
            words = words[1:]
            while "=" in words[0].removeprefix("="):
                text = self.word(words.pop(0))
                pieces = [text] if isinstance(text, str) else list(text)
                key, _, first = pieces[0].partition("=")
                env[key] = _joined([first, *pieces[1:]])
        return env, ["@" if word == "@" else self.word(word) for word in words]

    def word(self, text: str) -> Any:
        """A word as the script hands it on: what shields it undone, placeholders as references."""
        if not _PLACEHOLDER.search(text):
            return constant(text)
        pieces: list[Any] = []
        at = 0
        text = text.removeprefix("=")
        for found in _PLACEHOLDER.finditer(text):
            pieces += [_undoubled(text[at : found.start()]), self.reference(found[1])]
            at = found.end()
        return _joined([*pieces, _undoubled(text[at:])])

    def reference(self, name: str, keys: str = "") -> tuple[str, ...]:
        source = self.sources[name]
        if "runtimeValue" in source:
            return ("run", name.removeprefix("x-run."))
        outside = source.get("componentInputParameter", "")
        if outside == "x-item":
            return ("each", name.removeprefix("each.").replace(".", "-"))
        step, _, output = outside.partition(".")
        if outside and not output:
            return ("params", outside)
        if "parameterExpressionSelector" in source:
            keys = next(what for _, what in cellang.selections(parse(source["parameterExpressionSelector"], CEL)))
        if not outside:
            step, output = source["taskOutputParameter"]["producerTask"], source["taskOutputParameter"]["outputParameterKey"]
            if "." in output:  # of all items of a loop
                step, _, output = output.partition(".")
        return (step, output, keys)

    def kept(self, found: dict[str, Any]) -> dict[str, Any]:
        env: dict[str, Any] = {one["name"]: ("fieldRef", one["fieldPath"]) for one in found.get("fieldPathAsEnv", ())}
        for key, kind, name, inner in (
            ("secretAsEnv", "secretKeyRef", "secretName", "secretKey"),
            ("configMapAsEnv", "configMapKeyRef", "configMapName", "configMapKey"),
        ):
            env |= {pair["envVar"]: (kind, self.name(one, name), pair[inner]) for one in found.get(key, ()) for pair in one["keyToEnv"]}
        return env

    def name(self, found: dict[str, Any], key: str) -> Any:
        """The name of an object: as it is written, or the input that is one."""
        return found[key] if key in found else _joined([self.reference(found[f"{key}Parameter"]["componentInputParameter"])])

    def mounts(self, found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for one in found.get("pvcMount", ()):
            claim = one.get("componentInputParameter", "")
            if claim.startswith("x-claim."):
                source: Any = ("run claim", claim.removeprefix("x-claim."))
            else:
                source = ("claim", _joined([self.reference(claim)]) if claim else one["constant"])
            yield one["mountPath"], source + ((one["subPath"],) if "subPath" in one else ())
        for key, kind, name in (("secretAsVolume", "secret", "secretName"), ("configMapAsVolume", "config map", "configMapName")):
            yield from ((one["mountPath"], (kind, self.name(one, name))) for one in found.get(key, ()))
        if "x-workspace" in self.sources:
            yield WORKSPACE, ("run claim", WORKSPACE)
        for one in found.get("emptyDirMounts", ()):
            yield one["mountPath"], ("scratch", one["volumeName"].removeprefix("x-"), one.get("medium"), one.get("sizeLimit"))
        for one in found.get("genericEphemeralVolume", ()):
            name = one["volumeName"].removeprefix("x-")
            yield one["mountPath"], ("ephemeral", name, one["accessModes"], one["size"], one.get("storageClassName"))

    def resources(self, found: dict[str, Any]) -> dict[str, Fraction | None]:
        made = {
            f"{name.lower()} {side.lower()}s": quantity(found[f"resource{name}{side}"])
            for name in ("Cpu", "Memory")
            for side in ("Request", "Limit")
            if f"resource{name}{side}" in found
        }
        if "accelerator" in found:
            made[f"{found['accelerator']['resourceType']} limits"] = quantity(found["accelerator"]["resourceCount"])
        return made

    def top(self, node: Node) -> Any:
        """A task's condition without what only looks at limits and types (`T ? true : error`, and what follows `CONDITION ?`)."""
        real = cellang.asked(node)
        return _logic("and", [self.condition(part) for part in real]) if real else None

    def condition(self, node: Node) -> Any:
        kind, parts = node.kind, node.parts
        names = path(node)
        if names in (("true",), ("false",)):
            return names == ("true",)
        if names[:2] == ("inputs", "parameter_values"):
            return self.reference(names[2])
        if kind == "string":
            return node.text
        if kind == "number":
            return Fraction(node.text)
        if kind == "list":
            return [self.condition(part) for part in parts]
        if kind == "map":
            return {self.condition(key): self.condition(value) for key, value in zip(parts[::2], parts[1::2], strict=True)}
        if kind == "unary":
            inner = self.condition(parts[0])
            return -inner if node.text == "-" else ("not", inner)
        if kind == "choice":
            return self.condition(parts[1])
        if kind == "binary":
            return (node.text, self.condition(parts[0]), self.condition(parts[1]))
        if kind == "call" and parts[0].kind == "member" and parts[0].text in ("all", "exists"):
            return _logic("and" if parts[0].text == "all" else "or", [self.condition(part) for part in parts[0].parts[0].parts])
        ((name, keys),) = cellang.selections(node)
        return self.reference(name, keys)


class _Default:
    """A default as KFP has it, equal to the text that Argo has for it."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        try:
            return isinstance(other, str) and bool(json.loads(other) == self.value)
        except ValueError:
            return False

    def __hash__(self) -> int:
        return hash(repr(self.value))

    def __repr__(self) -> str:
        return repr(self.value)


__all__ = ["differences"]
