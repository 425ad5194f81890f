"""Executors of the IR: what a container and its Kubernetes settings say must fit the component, and each other.

Facts: kubeflow/pipelines backend/src/v2 (driver/driver.go, driver/k8s.go, component/launcher_v2.go). The script around a program takes
records as arguments, `KIND NAME PATH PLACE` or `KIND TEXT`, up to `--`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from . import kubernetes
from .shape import twice

STUBS = {"argostub/createpvc", "argostub/deletepvc"}
"""Images that are no images: the backend makes and deletes claims itself."""

_PLACEHOLDER = re.compile(r"\{\{\$(?:\.(inputs|outputs)\.(parameters|artifacts)\['([^']+)'\](\.\w+)?)?\}\}")
_FIELDS = {("inputs", "parameters"): None, ("outputs", "parameters"): ".output_file"}
_ARMS = re.compile(r"^ *([a-z][a-z |]*)\)", re.MULTILINE)
_LENGTHS = {
    "input": 4,
    "optional": 4,
    "output": 4,
    "maybe": 4,
    "value": 4,
    "metric": 4,
    "show": 4,
    "report": 4,
    "folder": 2,
    "workdir": 2,
    "packages": 2,
    "script": 2,
}
_FILES = {
    "optional": "{{{{$.inputs.artifacts['{}'].path}}}}",
    "maybe": "{{{{$.outputs.artifacts['{}'].path}}}}",
    "input": "{{{{$.inputs.artifacts['{}'].path}}}}",
    "output": "{{{{$.outputs.artifacts['{}'].path}}}}",
    "value": "{{{{$.outputs.parameters['{}'].output_file}}}}",
    "metric": "{{{{$.outputs.parameters['{}'].output_file}}}}",
}
_METRICS = "x-metrics"
_OWN_VOLUMES = ("kfp-launcher", *(f"{name}-scratch" for name in ("gcs", "s3", "minio", "dot-local", "dot-cache", "dot-config")))
_MOUNTS = ("pvcMount", "secretAsVolume", "configMapAsVolume", "emptyDirMounts", "genericEphemeralVolume")


def ports(component: dict[str, Any], side: str, kind: str) -> dict[str, Any]:
    """`inputDefinitions` or `outputDefinitions` of a component: its parameters or artifacts."""
    found: dict[str, Any] = component.get(f"{side}Definitions", {}).get(kind, {})
    return found


def texts(container: dict[str, Any]) -> list[str]:
    """Command and args."""
    return [*container.get("command", ()), *container.get("args", ())]


def inputs(container: dict[str, Any]) -> set[str]:
    """The input parameters that a container reads."""
    found = [match.groups() for text in [container.get("image", ""), *texts(container)] for match in _PLACEHOLDER.finditer(text)]
    return {name for side, kind, name, _ in found if (side, kind) == ("inputs", "parameters")}


class Wrapper:
    """The arguments of the script around a program, taken apart. Without the script everything is the program's."""

    def __init__(self, container: dict[str, Any]) -> None:
        command, words = container.get("command", []), container.get("args", [])
        self.there = command[:2] == ["sh", "-ec"] and len(command) == 4 and "__mlc_" in command[2]
        self.script = command[2] if self.there else ""
        self.step = command[3] if self.there else ""
        self.records: list[list[str]] = []
        self.shows = self.there and words[:1] == ["={{$}}"]
        self.program = [*([] if self.there else command), *words[1 if self.shows else 0 :]]
        self.fault = ""
        if self.there and " != -- ]" in self.script:
            while self.program and self.program[0] != "--":
                length = _LENGTHS.get(self.program[0], 1)
                self.records.append(self.program[:length])
                self.program = self.program[length:]
            if not self.program:
                self.fault = "has no -- before the program"
            self.program = self.program[1:]

    def of(self, *kinds: str) -> list[list[str]]:
        """The records of some kinds."""
        return [record for record in self.records if record[0] in kinds]


def container(component: dict[str, Any], found: dict[str, Any], step: str, place: str) -> Iterator[str]:
    """The container of a step."""
    yield from kubernetes.program(found, place, _PLACEHOLDER)
    if found["image"] in STUBS:
        if set(found) != {"image"}:
            yield f"{place}: has more than its image, which the backend does not run"
        return
    command = found.get("command", [])
    if not command:
        yield f"{place}: has no command"
    yield from (f"{place}.image: {problem}" for problem in _text(component, found.get("image", "")))
    for key in ("command", "args"):
        for index, text in enumerate(found.get(key, ())):
            yield from (f"{place}.{key}[{index}]: {problem}" for problem in _text(component, text))
    if any("{{$" in text for text in command[:1]):
        yield f"{place}.command[0]: is never replaced"
    for env in found.get("env", ()):
        if "{{$" in env["value"]:
            yield f"{place}.env[{env['name']}]: {env['value']} is copied as it is"
    yield from _resources(found.get("resources", {}), f"{place}.resources")
    yield from _wrapped(component, Wrapper(found), step, place)


def _text(component: dict[str, Any], text: str) -> Iterator[str]:
    for match in _PLACEHOLDER.finditer(text):
        side, kind, name, field = match.groups()
        if side is None:
            continue
        if name not in ports(component, side[:-1], kind):
            yield f"{match.group()} has no definition"
        if field != _FIELDS.get((side, kind), ".path"):
            yield f"{match.group()} asks for what is not there"
    rest = _PLACEHOLDER.sub("", text)
    if "{{$" in rest or rest.count("{{") > rest.count("}}"):
        yield f"{rest!r} holds a placeholder that nobody replaces"
    if text.strip().startswith(('{"IfPresent":', '{"Concat":')):
        yield f"{text!r} would be interpreted"


def _wrapped(component: dict[str, Any], wrapper: Wrapper, step: str, place: str) -> Iterator[str]:
    place = f"{place}.args"
    if wrapper.fault:
        yield f"{place}: {wrapper.fault}"
        return
    if wrapper.there and wrapper.step != step:
        yield f"{place.removesuffix('args')}command[3]: is {wrapper.step}, not the step's name {step}"
    arms = {word for arm in _ARMS.findall(wrapper.script) for word in arm.split(" | ")}
    for record in wrapper.records:
        if record[0] not in arms:
            yield f"{place}: the script does not know {record[0]!r}"
            continue
        if len(record) < _LENGTHS[record[0]] or "" in record[:3]:
            yield f"{place}: {record} is not whole"
            continue
        if record[0] in _FILES and record[3] != _FILES[record[0]].format(record[1]):
            yield f"{place}: {record[0]} {record[1]} is not at its own place but at {record[3]}"
        if record[0] in (*_FILES, "folder", "workdir") and kubernetes.path(record[2 if record[0] in _FILES else 1]):
            yield f"{place}: {record[0]} {record[1]} is not at an absolute path"
    handed = {(record[0], record[1]) for record in wrapper.records if len(record) > 1}
    for side, kind, kinds in (
        ("input", "artifacts", ["input", "optional"]),
        ("output", "artifacts", ["output", "maybe"]),
        ("output", "parameters", ["value", "metric"]),
    ):
        there = [name for one, name in handed if one in kinds]
        wanted = [name for name in ports(component, side, kind) if (side, kind, name) != ("output", "artifacts", _METRICS)]
        yield from (f"{place}: nothing hands over the {side} {name}" for name in wanted if name not in there)
    yield from twice([f"{record[0]} {record[1]}" for record in wrapper.records if len(record) > 1], place, "record")
    yield from twice([record[2] for record in wrapper.of("input", "optional", "output", "maybe", "value")], place, "path")
    yield from _shown(component, wrapper, place)
    program = wrapper.program
    first = next((word for word in program[1:] if "=" not in word), "") if program[:1] == ["env"] else program[0] if program else ""
    if wrapper.there and not first:
        yield f"{place}: has no program"
    if "{{$" in first:
        yield f"{place}: the program {first} is known only at run time"
    if bool(wrapper.of("script")) != ("@" in program):
        yield f"{place}: has a script that nothing runs, or runs one that is not there"


def _shown(component: dict[str, Any], wrapper: Wrapper, place: str) -> Iterator[str]:
    metrics = {record[1]: record[2] for record in wrapper.of("metric")}
    shown = {record[1]: record[2] for record in wrapper.of("show") if len(record) == 4}
    if metrics != shown:
        yield f"{place}: shows {shown} of the metrics {metrics}"
    outputs = ports(component, "output", "artifacts")
    if bool(metrics) != (_METRICS in outputs):
        yield f"{place}: shows metrics that are not there, or not those that are"
    kinds = {name: one["artifactType"]["schemaTitle"] for name, one in outputs.items()}
    drawn = [(record[1], record[2]) for record in wrapper.of("report")]
    wanted = [(record[1], record[2]) for record in wrapper.of("output", "maybe") if kinds.get(record[1]) == "system.ClassificationMetrics"]
    if drawn != wanted:
        yield f"{place}: draws {drawn} of the reports {wanted}"
    if wrapper.shows != bool(metrics or drawn):
        yield f"{place}: takes what the engine says of the step for nothing, or lacks it"


def constant(word: str) -> str:
    """What the script makes of an argument without placeholders: `=` is cut off, after `%` stand escapes of `printf %b`."""
    if word.startswith("%"):
        return re.sub(r"\\0([0-7]{3})|\\(\\)", lambda found: found[2] or chr(int(found[1], 8)), word[1:])
    return word.removeprefix("=").replace("$$", "$")


def lookups(found: dict[str, Any]) -> dict[str, str]:
    """For each metric of a step's container what is looked up in its document, as `[key][key]` or ` (kfp-v1) NAME`."""
    made: dict[str, str] = {}
    for record in Wrapper(found).of("show"):
        try:
            key = json.loads(constant(record[3]))
        except (IndexError, ValueError):
            key = []
        made[record[1]] = f" (kfp-v1) {key}" if isinstance(key, str) else "".join(f"[{name}]" for name in key)
    return made


def _resources(found: dict[str, Any], place: str) -> Iterator[str]:
    """Each amount stands there twice, as a number for old backends and as a quantity; requests keep below limits."""
    amounts: dict[str, Fraction] = {}
    for name, unit in (("cpu", 1), ("memory", 10**9)):
        for side in ("Limit", "Request"):
            old, new = f"{name}{side}", f"resource{name.capitalize()}{side}"
            if (old in found) != (new in found):
                yield f"{place}: has one of {old} and {new}"
            elif old in found:
                amounts[old] = kubernetes.quantity(found[new]) or Fraction(0)
                if abs(Fraction(found[old]) * unit - amounts[old]) > amounts[old] / 10**9:
                    yield f"{place}.{old}: {found[old]} is not {found[new]}"
        if amounts.get(f"{name}Request", Fraction(0)) > amounts.get(f"{name}Limit", Fraction(10**30)):
            yield f"{place}.{name}Request: is above its limit"
    accelerator = found.get("accelerator")
    if accelerator and (accelerator["type"], accelerator["count"]) != (accelerator["resourceType"], accelerator["resourceCount"]):
        yield f"{place}.accelerator: is one thing for old backends and another for new ones"
    if accelerator and ("/" not in accelerator["type"] or kubernetes.label_key(accelerator["type"])):
        yield f"{place}.accelerator.type: {accelerator['type']} is no resource"


def settings(found: dict[str, Any], container: dict[str, Any], place: str) -> Iterator[str]:
    """The Kubernetes settings of an executor, next to its container."""
    yield from kubernetes.metadata(found.get("podMetadata", {}), f"{place}.podMetadata")
    for key, name in (("secretAsEnv", "secretName"), ("secretAsVolume", "secretName"), ("imagePullSecret", "secretName")):
        yield from _same(found, key, name, place)
    for key in ("configMapAsEnv", "configMapAsVolume"):
        yield from _same(found, key, "configMapName", place)
    wrapper = Wrapper(container)
    env = [one["name"] for one in [*container.get("env", ()), *found.get("fieldPathAsEnv", ())]]
    env += [pair["envVar"] for key in ("secretAsEnv", "configMapAsEnv") for one in found.get(key, ()) for pair in one["keyToEnv"]]
    if wrapper.program[:1] == ["env"]:
        given = [word.removeprefix("=") for word in wrapper.program[1:]]
        env += [word.partition("=")[0] for word in given[: next((at for at, word in enumerate(given) if "=" not in word), len(given))]]
    yield from twice(env, place, "env")
    mounts = [mount for key in _MOUNTS for mount in found.get(key, ())]
    paths = [mount["mountPath"] for mount in mounts]
    files = [record[2] for record in wrapper.of("input", "output", "value", "metric")]
    yield from twice([*paths, *dict.fromkeys(files)], place, "path")
    for mount in found.get("pvcMount", ()):
        for record in wrapper.of("output", "value", "metric"):
            if kubernetes.inside(record[2], mount["mountPath"]):
                yield f"{place}.pvcMount: {record[1]} lies in {mount['mountPath']}, which outlives the run"
    names = [name for mount in mounts if (name := _volume(mount))]
    yield from (f"{place}: two volumes of the pod are called {name}" for name in dict.fromkeys(names) if names.count(name) > 1)
    yield from (f"{place}: the volume {name} is called like one of KFP's own" for name in names if name in _OWN_VOLUMES)


def _same(found: dict[str, Any], key: str, name: str, place: str) -> Iterator[str]:
    for index, one in enumerate(found.get(key, ())):
        if name in one and one[name] != one[f"{name}Parameter"]["runtimeValue"]["constant"]:
            yield f"{place}.{key}[{index}]: is one thing for old backends and another for new ones"


def _volume(mount: dict[str, Any]) -> str:
    """The pod's volume of a mount, which is called like what it holds (driver/k8s.go), or the input that says how."""
    sources = (mount.get(f"{key}NameParameter", {}) for key in ("pvc", "secret", "configMap"))
    parameter = next((f"by {found}" for source in sources if (found := source.get("componentInputParameter"))), "")
    return str(mount.get("constant") or mount.get("secretName") or mount.get("configMapName") or mount.get("volumeName") or parameter)
