"""What a run means, in plain Python: the final state of every step, from the spec and from what each step's program did.

This is the reference that the engines are held against, so it is written from the documents of the language (docs/language.md,
docs/expressions.md) and imports nothing of the compiler. It reads a spec that is plain data and legal; it does not check it.

States of a step:

- `Succeeded`: an attempt ended well and wrote every declared file.
- `Skipped`: its own `when` or `gate` did not hold (cause `condition`), or a step that it depends on was skipped (cause `upstream`).
- `Failed`: its attempts are used up (cause `failure`: the program or its timeout; `files`: a declared file is missing; `lost`: its pod went
  away), or what it has to read from the run is not what it must be (cause `unreadable`), which it finds out before its first attempt.
- `NotRun`: a step that it depends on failed or did not run (cause `upstream`). Where one dependency failed and another was skipped the step
  is `NotRun`.

The run is `Succeeded` if no step failed, else `Failed`.

An attempt, as outcomes give it, is a mapping:

- `{}`: the program ends well and writes every declared file, values and metrics with a fair text of their type (`fair`).
- `{writes: {NAME: TEXT}}`: other texts in the files of these values and metrics. `{missing: [NAME]}`: these values, metrics or outputs are
  not written. Metrics that share a file have one text.
- `{exit: 3}`: the program ends with this status; what it wrote does not count.
- `{timeout: true}`: the step's timeout ended it. `{lost: true}`: its pod was evicted, or its node died.

The n-th attempt of a step is the n-th of its list; the last one repeats.

The items of a loop are `STEP[i]`, each with a state of its own, where the loop runs; outcomes are those of `STEP[i]`, or of `STEP`.
The step with the `foreach` stands for the loop as a whole: `Succeeded` if no item failed, whether or not some steps of items were skipped.
Steps that ride along have states for items only.
"""

from __future__ import annotations

import copy
import itertools
import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Spec = Mapping[str, Any]
    Attempt = Mapping[str, Any]
    Outcomes = Mapping[str, Sequence[Attempt]]

State = Literal["Succeeded", "Skipped", "Failed", "NotRun"]
Cause = Literal["", "condition", "upstream", "failure", "files", "lost", "unreadable"]
Phase = Literal["Succeeded", "Failed"]


@dataclass(frozen=True)
class StepEnd:
    """How a step ended, why, and how many attempts were made."""

    state: State
    cause: Cause = ""
    attempts: int = 0


@dataclass(frozen=True)
class RunEnd:
    """How a run ended."""

    phase: Phase
    steps: Mapping[str, StepEnd]
    claims: tuple[str, ...]
    """The volumes with a claim that is made for the run: those that a step mounts, whether or not it runs."""
    kept: tuple[str, ...] = ()
    """Those of them whose claim stays after the run; the others are deleted."""


def play(spec: Spec, outcomes: Outcomes, params: Mapping[str, str] | None = None, target: str = "") -> RunEnd:
    """The end of a run of `spec` that gives `params` as texts and in which the steps' programs do what `outcomes` says.

    With a `target` (`argo`, `kfp`, or a version of one, `argo-3.6`), as that ends it where it cannot do what the language says.
    docs/targets.md has these facts:

    - `argo` before 3.7.11 and 4.0.2: what is wrong with a text does not end the run, the step starts with the text of the check, unless
      that compares numbers (workflow/controller/dag.go, resolveDependencyReferences, replaces tags there without being strict).
    - `kfp`: a value of type list or dict whose text is none fails the step that wrote it, as a missing file does, and not the one that uses
      it (backend/src/v2/component/launcher_v2.go, collectOutputParameters; metadata/converter.go, TextToPbValue).
    - `kfp`: a value of a loop that is used outside of it has its type at the launcher, too: one that is none fails the step that wrote it.
    - `kfp`: a step of `finally` that fails does not fail the run.
    - `kfp`: a value that goes into a text may hold neither `$$` nor `$(`, which a kubelet would read in the launcher's command.
    - `kfp`: a text that holds a metric with a `key`, or of format kfp-v1, is made before the condition is asked (backend/src/v2/driver:
      inputs are resolved first, and the number is looked up as part of that). Where it is not there the step fails, although its condition
      may be false.
    """
    run = _Run(spec, params or {}, target)
    failed = run.everything(outcomes)
    steps = dict(run.steps)
    mounted = {volume for name in spec["steps"] for volume in _mounted(spec, name)}
    if spec.get("finally"):
        # the steps of `finally` are a project of their own, which knows how the run went
        last = {**spec, "steps": spec["finally"], "finally": None}
        end = _Run(last, params or {}, target)
        end.status = "Failed" if failed else "Succeeded"
        worse = end.everything(outcomes)
        steps |= end.steps
        mounted |= {volume for name in spec["finally"] for volume in _mounted(last, name)}
        failed = failed or (not run.kfp and worse)
    claims = tuple(name for name, volume in (spec.get("volumes") or {}).items() if "size" in volume and name in mounted)
    kept = tuple(name for name in claims if spec["volumes"][name].get("keep"))
    return RunEnd("Failed" if failed else "Succeeded", steps, claims, kept)


def _mounted(spec: Spec, step: str) -> set[str]:
    """The volumes that a step needs: its own, and those that datasets which it reads are put on."""
    own = settings(spec, step)
    datasets = spec.get("datasets") or {}
    return {*_names(own.get("volumes")), *(datasets[name].get("into", "") for name in _names(own.get("inputs")) if name in datasets)}


def settings(spec: Spec, name: str) -> dict[str, Any]:
    """A step over its template and the project's `defaults`: some keys merge by key, the others replace, null takes back."""
    step = dict(spec["steps"][name])
    for layer in ((spec.get("templates") or {}).get(step.pop("use", None)), spec.get("defaults")):
        own = "command" in step or "run" in step
        for key, inherited in (layer or {}).items():
            if key in _PROGRAM and own:
                continue
            if key not in step:
                step[key] = inherited
            elif key in _MERGED and isinstance(step[key], dict) and inherited is not None:
                step[key] = {**inherited, **step[key]}
    for key in _MERGED:
        if isinstance(step.get(key), dict):
            step[key] = {inner: value for inner, value in step[key].items() if value is not None}
    return {key: value for key, value in step.items() if value is not None}


_PROGRAM = ("command", "args", "run", "shell", "packages")
_MERGED = ("env", "volumes", "labels", "annotations", "resources")


def dependencies(spec: Spec, name: str) -> list[str]:
    """The steps that a step waits for: named in `needs` and `gate`, making its inputs, or mentioned in what it reads."""
    step = settings(spec, name)
    found = [*_names(step.get("needs")), *_names(step.get("gate")), *_names(step.get("each"))]
    makers = {artifact: maker for maker, other in spec["steps"].items() for artifact in _names(other.get("outputs"))}
    # what nobody makes comes from outside, before the step starts
    found.extend(makers[artifact] for artifact in _names(step.get("inputs")) if artifact in makers)
    lists = [tree for items in (step.get("foreach") or {}).values() for tree in _inside(items)]
    for tree in (*_texts(step), *_conditions(spec, name), *lists):
        found.extend(parts[1] for parts in _references(tree) if parts[0] == "steps")
    return list(dict.fromkeys(found))


def loops(spec: Spec) -> dict[str, str]:
    """The loop, by the name of its first step, of each step that is in one."""
    found: dict[str, str] = {}
    for name in spec["steps"]:
        at = name
        while "each" in spec["steps"][at]:
            at = spec["steps"][at]["each"]
        if "foreach" in spec["steps"][at]:
            found[name] = at
    return found


def outside(spec: Spec, name: str) -> list[str]:
    """What a step or a loop waits for: other steps, and loops by their first steps. A loop waits for what one of its steps waits for."""
    inside = loops(spec)
    members = [step for step in spec["steps"] if step == name or inside.get(step) == name]
    before = [other for step in members for other in dependencies(spec, step)]
    if name in inside:  # what a threshold of an item is compared with must be there
        metrics = {step: {key: one for key, one in (spec["steps"][step].get("metrics") or {}).items() if _fails(one)} for step in members}
        trees = (tree for step in members for tree in _thresholds(step, metrics[step]))
        before += [parts[1] for tree in trees for parts in _references(tree) if parts[0] == "steps"]
    found = (inside.get(other, other) for other in before)
    return list(dict.fromkeys(other for other in found if other != name or name not in inside))


def order(spec: Spec) -> list[str]:
    """The steps, each after those that it depends on; those of a loop together, its first step first."""
    found: dict[str, None] = {}
    inside = loops(spec)
    waiting = {name: set(outside(spec, name)) for name in spec["steps"] if inside.get(name, name) == name}
    waiting.update({name: set(dependencies(spec, name)) & inside.keys() for name in inside if inside[name] != name})
    while waiting:
        ready = [name for name, before in waiting.items() if before <= found.keys()]
        if not ready:
            raise ValueError(f"steps wait for each other: {sorted(waiting)}")
        for name in ready:
            found[name] = None
            del waiting[name]
    return list(found)


def declared(spec: Spec, name: str) -> dict[str, str]:
    """What a step must write: names of outputs, values and metrics, and which of the three (`output`, `value`, `metric`) each is."""
    step = spec["steps"][name]
    kinds = (("output", "outputs"), ("value", "values"), ("metric", "metrics"))
    return {port: kind for kind, key in kinds for port in _names(step.get(key))}


def left_out(spec: Spec) -> set[str]:
    """The outputs that need not be written: everybody who reads them has them as an optional input, and somebody does."""
    optional: set[str] = set()
    needed: set[str] = set()
    for group in (spec["steps"], spec.get("finally") or {}):
        for step in group.values():
            inputs = step.get("inputs") or {}
            for name in inputs:
                entry = inputs[name] if isinstance(inputs, dict) else ""
                (optional if isinstance(entry, dict) and entry.get("optional") else needed).add(name)
    return optional - needed


def fair(spec: Spec, name: str, port: str) -> str:
    """A text that a well-behaved program writes for a value or a metric: 1, true, `text`, [], {}, or a document that holds 1.

    Of two metrics that want other things at one place of a file, the first gets its number.
    """
    step = spec["steps"][name]
    if port in (step.get("values") or {}):
        value = step["values"][port]
        kind = value.get("type", "string") if isinstance(value, dict) else "string"
        return {"string": "text", "int": "1", "float": "1", "bool": "true", "list": "[]", "dict": "{}"}[kind]
    path = _path(step["metrics"][port])
    document: Any = 1
    for other, metric in step["metrics"].items():
        if _path(metric) != path or not isinstance(metric, dict):
            continue
        if metric.get("format") == "kfp-v1":
            document = document if isinstance(document, dict) else {}
            listed = document.setdefault("metrics", [])
            if isinstance(listed, list):
                listed.append({"name": other, "numberValue": 1})
        elif keys := _key(metric):
            document = document if isinstance(document, dict) else {}
            place = document
            for key in keys[:-1]:
                place = place.setdefault(key, {}) if isinstance(place, dict) else place
            if isinstance(place, dict):
                place.setdefault(keys[-1], 1)
    return json.dumps(document)


def _path(port: Any) -> str:
    return str(port["path"]) if isinstance(port, dict) else str(port)


class Unreadable(Exception):
    """Something that has to be decided cannot be: it is not of its type, or outside its limits."""


class _Run:
    def __init__(self, spec: Spec, params: Mapping[str, str], target: str) -> None:
        self.spec = spec
        self.kfp = target.startswith("kfp")
        self.lenient = target in ("argo-3.5", "argo-3.6")
        self.params = {name: _Param(name, entry, params.get(name)) for name, entry in (spec.get("params") or {}).items()}
        self.steps: dict[str, StepEnd] = {}
        self.status = ""
        """What `run.status` is, in `finally`."""
        self.texts: dict[tuple[str, str], str] = {}
        """What is in the file of a step's value or metric, by step and name."""
        self.inside = loops(spec)
        self.lists: dict[tuple[str, str], list[str]] = {}
        """What is in the files of a value of a loop's step, item by item."""
        self.head = ""
        """The loop in which the steps run."""
        self.item: Mapping[str, Any] = {}
        """The item that they run for, by name."""

    def step(self, name: str, attempts: Sequence[Attempt], once: bool = True) -> StepEnd:
        """One step, when all that it depends on have ended. Not `once`: its condition is that of its loop, and was asked."""
        upstream = self.upstream(dependencies(self.spec, name) if self.head else outside(self.spec, name))
        if upstream:
            return upstream
        texts = [parts for tree in _texts(settings(self.spec, name)) for parts in _references(tree)]
        try:
            if self.kfp:
                for parts in texts:
                    if parts[2:3] == ("metrics",) and _inside_document(self.spec["steps"][parts[1]]["metrics"][parts[3]]):
                        self.text(parts)
            # Every condition is asked, whatever the others say; texts are only read for a step that runs.
            holds = [self.truth(tree) for tree in (_conditions(self.spec, name) if once else ())]
            if not all(holds):
                return StepEnd("Skipped", "condition")
            for parts in texts:
                if not self.lenient or self.compared(parts):
                    self.text(parts)
        except Unreadable:
            return StepEnd("Failed", "unreadable")
        return self.attempts(name, attempts)

    def everything(self, outcomes: Outcomes) -> bool:
        """All steps and loops, in their order. Whether something failed."""
        for name in order(self.spec):
            if "foreach" in self.spec["steps"][name]:
                self.loop(name, outcomes)
            elif name not in self.inside:
                self.steps[name] = self.step(name, outcomes.get(name) or ({},))
        failed = any(step.state == "Failed" for step in self.steps.values())
        return self.missed([name for name in self.spec["steps"] if name not in self.inside]) or failed

    def compared(self, parts: tuple[str, ...]) -> bool:
        """Whether the check of a text compares numbers. Argo before 3.7.11 puts a check that errs back with its `<` and `>` undone, which
        is no JSON any more, and the step does not start (util/template, Replace).
        """
        return parts[0] == "params" and bool({"min", "max"} & self.params[parts[1]].entry.keys())

    def missed(self, names: Sequence[str]) -> bool:
        """Whether a threshold with `on_miss: fail` is missed, or cannot be decided, of one of these steps that succeeded."""
        for name in names:
            step = self.spec["steps"][name]
            trees = list(_thresholds(name, {key: one for key, one in (step.get("metrics") or {}).items() if _fails(one)}))
            read = {name, *(parts[1] for tree in trees for parts in _references(tree) if parts[0] == "steps")}
            if not trees or any(self.steps[other].state != "Succeeded" for other in read if other in self.steps):
                continue
            try:
                held = [self.value(tree) for tree in trees]  # every one, also after one that is missed
                if not all(held):
                    return True
            except Unreadable:
                return True
        return False

    def upstream(self, before: Sequence[str]) -> StepEnd | None:
        """How a step ends for what became of those before it, if it does."""
        states = {self.steps[other].state for other in before if other in self.steps}
        if states & {"Failed", "NotRun"}:
            return StepEnd("NotRun", "upstream")
        return StepEnd("Skipped", "upstream") if "Skipped" in states else None

    def loop(self, head: str, outcomes: Outcomes) -> None:
        """A loop: its condition is asked once, then its steps run for each item, whatever becomes of the other items."""
        end = self.upstream(outside(self.spec, head))
        try:
            holds = [] if end else [self.truth(tree) for tree in _conditions(self.spec, head)]
            if not all(holds):
                end = StepEnd("Skipped", "condition")
            items = [] if end else self.items(head)
            if self.kfp and not end and not items and self.gathered(head):
                raise Unreadable(items)  # KFP's driver collects values of items, and finds none where there are none
        except Unreadable:
            end = StepEnd("Failed", "unreadable")
        if end:
            self.steps[head] = end
            return
        members = [name for name in order(self.spec) if self.inside.get(name) == head]
        found: dict[str, StepEnd] = {}
        missed = False
        self.lists.update({(name, value): [] for name in members for value in self.spec["steps"][name].get("values") or {}})
        for index, item in enumerate(items):
            one = copy.copy(self)
            one.steps, one.texts, one.head, one.item = {}, dict(self.texts), head, item
            for name in members:
                one.steps[name] = one.step(name, outcomes.get(f"{name}[{index}]") or outcomes.get(name) or ({},), once=name != head)
                found[f"{name}[{index}]"] = one.steps[name]
            missed = missed or one.missed(members)
            for name, value in [port for port in self.lists if port[0] in members and port in one.texts]:
                self.lists[name, value].append(one.texts[name, value])
        failed = missed or any(end.state == "Failed" for end in found.values())
        self.steps[head] = StepEnd("Failed" if failed else "Succeeded", "failure" if failed else "")
        self.steps.update(found)

    def gathered(self, head: str) -> bool:
        """Whether a value of a loop's steps is used outside of it."""
        return any(self.listed(name) for name in self.inside if self.inside[name] == head)

    def items(self, head: str) -> list[Mapping[str, Any]]:
        """The items of a loop; raises `Unreadable` for a list that is none."""
        lists: dict[str, list[Any]] = {}
        for name, entry in self.spec["steps"][head]["foreach"].items():
            if not isinstance(entry, str):
                lists[name] = entry
                continue
            ((_, parts),) = _inside(entry)
            if parts[0] == "params":
                found = self.params[parts[1]].checked()
            elif self.inside.get(parts[1]):
                kind = _type(self.spec["steps"][parts[1]]["values"][parts[3]])
                found = [text if kind == "string" else _document(text) for text in self.lists[parts[1], parts[3]]]
            else:
                found = _document(self.texts[parts[1], parts[3]])
            if not isinstance(found, list):
                raise Unreadable(found)
            lists[name] = found
            if not self.kfp:  # where the items are looked at one by one
                members = [step for step, loop in self.inside.items() if loop == head]
                trees = (tree for step in members for tree in (*_texts(settings(self.spec, step)), *_conditions(self.spec, step)))
                for path in {parts[1:] for tree in trees for parts in _references(tree) if parts[0] == "each"}:
                    for self.item in ({name: item} for item in found):
                        if "{{" in json.dumps(self.each(path)):
                            raise Unreadable(self.item)
                self.item = {}
        return [dict(zip(lists, chosen, strict=True)) for chosen in itertools.product(*lists.values())]

    def attempts(self, name: str, attempts: Sequence[Attempt]) -> StepEnd:
        """The attempts of a step that may run."""
        retry = settings(self.spec, name).get("retry") or {"limit": 0}
        again = {"failure": ("failure", "files"), "error": ("lost",), "always": ("failure", "files", "lost")}[retry.get("on", "failure")]
        made = 0
        while True:
            attempt = attempts[min(made, len(attempts) - 1)]
            made += 1
            cause = self.attempt(name, attempt)
            if not cause:
                return StepEnd("Succeeded", "", made)
            if made > retry["limit"] or cause not in again:
                return StepEnd("Failed", cause, made)

    def attempt(self, name: str, attempt: Attempt) -> Cause:
        """Why one attempt failed; "" if it did not. Keeps what it wrote."""
        if attempt.get("lost"):
            return "lost"
        if attempt.get("timeout") or attempt.get("exit", 0):
            return "failure"
        if set(attempt.get("missing", ())) - left_out(self.spec):
            return "files"
        texts = written(self.spec, name, attempt)
        values = settings(self.spec, name).get("values") or {}
        if self.kfp and not all(_fits(_type(value), texts[port]) for port, value in values.items() if _type(value) in _NESTED):
            return "files"
        listed = self.listed(name) if self.kfp and self.head else ()
        if not all(_launched(_type(values[port]), texts[port]) for port in listed):
            return "files"
        self.texts.update({(name, port): text for port, text in texts.items()})
        return ""

    def value(self, tree: Tree) -> Any:
        """A condition, or an operand of one. Every part is evaluated; raises `Unreadable` if one cannot be."""
        match tree:
            case ("literal", value):
                return value
            case ("name", parts):
                return self.operand(parts)
            case ("not", operand):
                return not self.truth(operand)
            case (("and" | "or") as word, *operands):
                values = [self.truth(operand) for operand in operands]
                return all(values) if word == "and" else any(values)
            case ("in", left, options):
                return self.read(left, ("literal", options[0])) in options
            case (operator, left, right):
                return _COMPARE[operator](self.read(left, right), self.read(right, left))
        raise AssertionError(tree)

    def truth(self, tree: Tree) -> bool:
        """What is true or false."""
        return bool(self.read(tree, ("literal", True)))

    def read(self, tree: Tree, other: Tree) -> Any:
        """An operand beside another. An item of a list that only a run knows is read as what it is compared with."""
        found = self.value(tree)
        if tree[0] != "name" or tree[1][0] != "each" or (other[0] == "name" and other[1][0] == "each"):
            return found
        text = found if isinstance(found, str) else json.dumps(found, sort_keys=True, separators=(",", ":"))
        beside = self.value(other)
        if isinstance(beside, str):
            return text
        return _scalar("bool" if isinstance(beside, bool) else "float", _document(text))

    def operand(self, parts: tuple[str, ...]) -> Any:
        """What a reference of a condition stands for."""
        match parts:
            case ("params", name):
                return self.params[name].checked()
            case ("steps", step, "metrics", name):
                return metric_number(name, self.spec["steps"][step]["metrics"][name], self.texts[step, name])
            case ("steps", step, "values", name):
                kind = _type(self.spec["steps"][step]["values"][name])
                text = self.texts[step, name]
                return text if kind == "string" else _scalar(kind, _document(text))
            case ("run", "status"):
                return self.status
            case ("each", *path):
                return self.each(path)
            case ("run", _):
                return f"\0{parts[1]}"  # a text that the run makes up, which nobody can know beforehand
        raise AssertionError(parts)

    def each(self, path: Sequence[str]) -> Any:
        """The item that the step runs for, or a field of it."""
        found = self.item[path[0]]
        for field in path[1:]:
            if not isinstance(found, dict) or found.get(field) is None:
                raise Unreadable(found)
            found = found[field]
        return found

    def text(self, parts: tuple[str, ...]) -> None:
        """Read a reference that stands in a text. Raises `Unreadable`."""
        match parts:
            case ("each", *path):
                found = self.each(path)
                if isinstance(found, (str, list, dict)):
                    self.readable("string", found if isinstance(found, str) else json.dumps(found, ensure_ascii=False))
            case ("steps", step, "values", name) if self.inside.get(step, self.head) != self.head:
                for text in self.lists[step, name]:
                    self.readable(_type(self.spec["steps"][step]["values"][name]), text, listed=True)
            case ("params", name):
                self.params[name].checked()
            case ("steps", step, "metrics", name):
                metric = self.spec["steps"][step]["metrics"][name]
                metric_number(name, metric, self.texts[step, name])
                if not _inside_document(metric):
                    _must(_FLOAT, self.texts[step, name].strip(" \t\r\n"))
            case ("steps", step, "values", name):
                self.readable(_type(self.spec["steps"][step]["values"][name]), self.texts[step, name])

    def listed(self, name: str) -> list[str]:
        """The values of a step of a loop that are used outside of it."""
        others = [step for step in self.spec["steps"] if self.inside.get(step) != self.inside[name]]
        parts = [parts for step in others for parts in self.used(step)]
        return [value for value in self.spec["steps"][name].get("values") or {} if ("steps", name, "values", value) in parts]

    def used(self, name: str) -> Iterator[tuple[str, ...]]:
        """All references of a step."""
        step = self.spec["steps"][name]
        lists = [tree for entry in step.get("foreach", {}).values() for tree in _inside(entry)]
        for tree in (*_texts(settings(self.spec, name)), *_conditions(self.spec, name), *lists):
            yield from _references(tree)

    def readable(self, kind: str, text: str, *, listed: bool = False) -> None:
        """Raises `Unreadable` for a text that a value of this type cannot have in a text; `listed`: in the list of a loop's values."""
        if listed and self.kfp and kind in ("int", "float", "bool"):
            if not _launched(kind, text) or (kind == "float" and not math.isfinite(float(text))):
                raise Unreadable(text)
            return
        if kind in ("int", "float", "bool"):
            _must({"int": _INT, "float": _FLOAT, "bool": _BOOL}[kind], text)
            return
        expanded = ("{{", "$$", "$(") if self.kfp else ("{{",)
        if not _fits(kind, text) or any(mark in text for mark in expanded):
            raise Unreadable(text)


class _Param:
    def __init__(self, name: str, entry: Any, given: str | None) -> None:
        self.entry = entry if isinstance(entry, dict) else {"default": entry}
        default = self.entry.get("default")
        if given is None and default is None:
            raise ValueError(f"the run must give parameter `{name}`")
        self.type = self.entry.get("type") or _kind(default)
        self.value = default if given is None else given if self.type == "string" else json.loads(given)

    def checked(self) -> Any:
        """The value, if it keeps to `choices`, `min` and `max`; raises `Unreadable` else."""
        low, high, choices = self.entry.get("min"), self.entry.get("max"), self.entry.get("choices")
        if (low is not None and self.value < low) or (high is not None and self.value > high) or (choices and self.value not in choices):
            raise Unreadable(self.value)
        return self.value


def files(spec: Spec, name: str, attempt: Attempt) -> dict[str, str]:
    """The texts in the files of values and metrics that an attempt writes."""
    ports = [port for port, kind in declared(spec, name).items() if kind != "output" and port not in attempt.get("missing", ())]
    return {port: attempt.get("writes", {}).get(port, fair(spec, name, port)) for port in ports}


def written(spec: Spec, name: str, attempt: Attempt) -> dict[str, str]:
    """The values and metrics that an attempt writes: the texts in their files, without one line break at the end."""
    return {port: text.removesuffix("\n") for port, text in files(spec, name, attempt).items()}


def metric_number(name: str, metric: Any, text: str) -> float:
    """The number that a metric's file holds. Raises `Unreadable` if it holds none."""
    found = _document(text)
    try:
        if isinstance(metric, dict) and metric.get("format") == "kfp-v1":
            found = next(entry for entry in found["metrics"] if isinstance(entry, dict) and entry.get("name") == name)["numberValue"]
        else:
            for key in _key(metric):
                if not isinstance(found, dict):
                    raise Unreadable(text)
                found = found[key]
    except (KeyError, StopIteration, TypeError) as error:
        raise Unreadable(text) from error
    number = _scalar("float", found)
    assert isinstance(number, (int, float))
    return number


def _inside_document(metric: Any) -> bool:
    return bool(_key(metric)) or (isinstance(metric, dict) and metric.get("format") == "kfp-v1")


def _key(metric: Any) -> list[str]:
    key = metric.get("key", []) if isinstance(metric, dict) else []
    return key.split(".") if isinstance(key, str) else list(key)


def _document(text: str) -> Any:
    """A JSON document, without the words that JSON does not have."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except ValueError as error:
        raise Unreadable(text) from error


def _no_constant(word: str) -> NoReturn:
    raise Unreadable(word)


def _scalar(kind: str, value: Any) -> Any:
    if kind == "bool":
        if not isinstance(value, bool):
            raise Unreadable(value)
    elif isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Unreadable(value)
    return value


_NESTED: dict[str, type] = {"list": list, "dict": dict}


def _fits(kind: str, text: str) -> bool:
    """Whether the text of a value is a list, or a dict, where it must be."""
    try:
        return kind not in _NESTED or isinstance(_document(text), _NESTED[kind])
    except Unreadable:
        return False


def _launched(kind: str, text: str) -> bool:
    """Whether KFP's launcher takes a text for an output of this type, of those that are plainly of a type or plainly not."""
    if kind == "bool":
        return text in ("true", "false")
    try:
        {"int": int, "float": float}.get(kind, str)(text)
    except ValueError:
        return False
    return True


_INT = re.compile(r"-?[0-9]+")
_FLOAT = re.compile(r"-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?")
_BOOL = re.compile("true|false")


def _must(form: re.Pattern[str], text: str) -> None:
    if not form.fullmatch(text):
        raise Unreadable(text)


def _type(value: Any) -> str:
    return str(value.get("type", "string")) if isinstance(value, dict) else "string"


def _kind(default: Any) -> str:
    return {bool: "bool", int: "int", float: "float", str: "string", list: "list", dict: "dict"}[type(default)]


def _names(given: Any) -> list[str]:
    """The names in a key that takes one, a list, or a mapping from names."""
    return [] if given is None else [given] if isinstance(given, str) else list(given)


# --- Conditions and texts -----------------------------------------------------------------------------------------------------------------

if TYPE_CHECKING:
    Tree = tuple[Any, ...]
    """An expression: ("literal", value), ("name", parts), ("not", tree), ("and" or "or", tree, ...), ("in", tree, values), or
    (comparison, tree, tree)."""

_COMPARE = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_THRESHOLDS = {"min": ">=", "max": "<=", "above": ">", "below": "<"}


def _conditions(spec: Spec, name: str) -> Iterator[Tree]:
    """What must hold for a step to run: its `when`, and each threshold of the steps that it is gated by."""
    step = spec["steps"][name]
    for gating in _names(step.get("gate")):
        yield from _thresholds(gating, spec["steps"][gating]["metrics"])
    if "when" in step:
        yield ("literal", step["when"]) if isinstance(step["when"], bool) else expression(step["when"])


def _thresholds(name: str, metrics: Mapping[str, Any]) -> Iterator[Tree]:
    """The thresholds of these metrics of a step."""
    for metric, entry in metrics.items():
        for key, operator in _THRESHOLDS.items():
            if isinstance(entry, dict) and key in entry:
                yield (operator, ("name", ("steps", name, "metrics", metric)), _bound(entry[key]))


def _fails(metric: Any) -> bool:
    return isinstance(metric, dict) and metric.get("on_miss") == "fail"


def _bound(bound: Any) -> Tree:
    return expression(bound) if isinstance(bound, str) else ("literal", bound)


def _texts(step: Mapping[str, Any]) -> Iterator[Tree]:
    """The expressions in a step's command, arguments and variables."""
    for key in ("command", "args"):
        words = step.get(key) or []
        for word in [words] if isinstance(words, str) else words:
            yield from _inside(word)
    for value in (step.get("env") or {}).values():
        yield from _inside(value)


def _inside(text: Any) -> Iterator[Tree]:
    if isinstance(text, str):
        for found in re.finditer(r"\$\{\{(.*?)\}\}", text):
            yield expression(found[1])


def _references(tree: Tree) -> Iterator[tuple[str, ...]]:
    match tree:
        case ("name", parts):
            yield parts
        case ("literal", _):
            pass
        case ("in", left, _):
            yield from _references(left)
        case (_, *operands):
            for operand in operands:
                yield from _references(operand)


_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?[0-9.]+(?:[eE][-+]?[0-9]+)?)|(?P<text>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")"
    r"|(?P<name>[A-Za-z_][-\w]*(?:\.[A-Za-z_][-\w]*)*)|(?P<sign>[=!<>]=|[<>()\[\],]))\s*"
)


def expression(text: str) -> Tree:
    """A legal expression, with or without `${{ }}` around it."""
    text = text.strip()
    if text.startswith("${{"):
        text = text[3:-2]
    tokens: list[tuple[str, str]] = []
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            raise ValueError(f"not an expression: {text!r} at {place}")
        tokens.append((found.lastgroup, found[found.lastgroup]))
        place = found.end()
    tree, rest = _junction(tokens, ("or", "and"))
    if rest:
        raise ValueError(f"not an expression: {text!r}, left over {rest}")
    return tree


def _junction(tokens: list[tuple[str, str]], words: tuple[str, ...]) -> tuple[Tree, list[tuple[str, str]]]:
    """`or` binds loosest, then `and`, then `not`, then comparisons."""
    if not words:
        return _negation(tokens)
    operand, tokens = _junction(tokens, words[1:])
    operands = [operand]
    while tokens and tokens[0] == ("name", words[0]):
        operand, tokens = _junction(tokens[1:], words[1:])
        operands.append(operand)
    return (operands[0] if len(operands) == 1 else (words[0], *operands)), tokens


def _negation(tokens: list[tuple[str, str]]) -> tuple[Tree, list[tuple[str, str]]]:
    if tokens[0] == ("name", "not"):
        operand, tokens = _negation(tokens[1:])
        return ("not", operand), tokens
    left, tokens = _operand(tokens)
    if tokens and tokens[0][1] in _COMPARE:
        right, rest = _operand(tokens[1:])
        return (tokens[0][1], left, right), rest
    for words in (["in"], ["not", "in"]):
        if tokens[: len(words)] == [("name", word) for word in words]:
            end = tokens.index(("sign", "]"))
            options = [_constant(token) for token in tokens[len(words) + 1 : end] if token[1] != ","]
            found: Tree = ("in", left, options)
            return (found if len(words) == 1 else ("not", found)), tokens[end + 1 :]
    return left, tokens


def _operand(tokens: list[tuple[str, str]]) -> tuple[Tree, list[tuple[str, str]]]:
    kind, text = tokens[0]
    if text == "(":
        tree, rest = _junction(tokens[1:], ("or", "and"))
        if rest[0][1] != ")":
            raise ValueError(f"a parenthesis is not closed: {rest}")
        return tree, rest[1:]
    if kind == "name" and text not in ("true", "false"):
        return ("name", tuple(text.split("."))), tokens[1:]
    return ("literal", _constant(tokens[0])), tokens[1:]


def _constant(token: tuple[str, str]) -> Any:
    kind, text = token
    if kind == "text":
        return text[1:-1].replace(text[0] * 2, text[0])
    if kind == "number":
        return float(text) if any(mark in text for mark in ".eE") else int(text)
    return {"true": True, "false": False}[text]
