"""Draws projects and what happens in a run of them: legal specs of up to a dozen steps, with edges, conditions and outcomes of every kind.

What a target refuses is not drawn for it. Texts that a step writes are either plainly of their type or plainly not; the border between the
two is the matter of the table of texts, not of the run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import strategies as st

from tests.conformance import model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

T = TypeVar("T")

MAX_STEPS = 12

# Short names that are prefixes of each other, words of Kubernetes and of the engines, functions of expr-lang and of CEL.
NAMES = (
    "a b c a-b a-b-c b1 prepare train deploy all any none one len map filter count now task tasks step steps workflow inputs outputs item "
    "succeeded failed skipped omitted errored status name first last max min int string pod node retries depends when date keys values sum "
    "abs trim type get size has exists matches-all comp exec parameters"
).split()
ARTIFACTS = "table model data_set log Weights report-1 out in result main parameters artifacts".split()
VOLUMES: dict[str, dict[str, Any]] = {
    "data": {"claim": "data-pvc"},
    "scratch": {"size": "10Gi", "storage_class": "fast"},
    "models": {"size": "1Gi", "storage_class": "fast", "access_mode": "ReadWriteMany"},
    "shm": {"memory": "1Gi"},
    "tmp": {"empty_dir": {}},
    "spill": {"empty_dir": {"size": "5Gi"}},
    "disk": {"ephemeral": {"size": "50Gi", "storage_class": "fast"}},
    "keys": {"secret": "git-ssh"},
    "config": {"config_map": "settings"},
}

STORE = {"minio": {"endpoint": "minio:9000", "bucket": "bkt", "secret": {"name": "s", "access_key": "a", "secret_key": "k"}}}
BACKOFFS: tuple[dict[str, Any], ...] = (
    {"duration": "10s"},
    {"duration": "1m", "factor": 2},
    {"duration": "10s", "factor": 2, "max": "1h"},
)

BOUNDS = (0, 0.5, 0.8, 0.93, 1, 2)
NUMBERS = ("0.5", "0.8", "0.93", " 0.93\n", "9.3e-1", "1", "0", "-1", "1e-5", "2", "0.80", "2.0e0")
NO_NUMBERS = ("NaN", "", "good", "Infinity", "null", '"0.9"', "true", "[1]", "1e999", "0.9 of 1", "{}", "-inf", "1,5")
TEXTS = {
    "int": ("0", "1", "5", "10", "-3", "10\n"),
    "float": ("0.5", "1", "1e-3", "9.3e-1", "-2.5"),
    "bool": ("true", "false", "true\n"),
    "string": ("a", "b", "b c", "it's", "", "a\n", '"a"', "$HOME", "-x", "é", "1", "true"),
    "list": ('["a","b"]', "[]", "[1,2]"),
    "dict": ('{"a":1}', "{}"),
}
ODD_TEXTS = {
    "int": ("many", "", "NaN", "null", "true", "1 2"),
    "float": ("many", "", "NaN", "null", "false", "Infinity"),
    "bool": ("yes", "", "1", "null", "True"),
    "string": ("{{workflow.name}}", "a {{= b", "$(HOME)", "a$$b"),
    "list": ("", "a, b", "{}", '"a"', "[1", "3", '["{{workflow.name}}"]', '["$(HOME)"]'),
    "dict": ("", "a: b", "[]", '"a"', '{"a"}', "true", '{"a":"{{= b"}', '{"$$":1}'),
}
READ_BY_KFP = ("1", "True", "NaN", "Infinity")
"""Of these, what KFP reads in a value that goes into a list (docs/meaning.md)."""
CONSTANTS = ("a", "b", "b c", "it's", "", "$HOME", "é", '"a"')
ITEMS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("string", CONSTANTS),
    ("number", (1, 2, 5, -3)),
    ("number", (0.5, 0.93, 1e-5)),
    ("bool", (True, False)),
    ("string", ("1", "true", "[1]", "-x")),
)
"""What a loop may run over, by what a condition may compare it with."""
PARAMS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "epochs": ("int", (10, 1, 0, -3)),
    "lr": ("float", (0.5, 0.8, 1e-5, 2.0)),
    "flag": ("bool", (False, True)),
    "Stage": ("string", ("a", "b", "b c")),
    "cols": ("list", (["a", "b"], [])),
    "conf": ("dict", ({"a": 1}, {})),
    "seed-2": ("int", (1, 2, 5)),
}


@dataclass(frozen=True)
class Case:
    """A project and one run of it."""

    spec: Mapping[str, Any]
    params: Mapping[str, str]
    outcomes: Mapping[str, list[dict[str, Any]]]


@st.composite
def cases(draw: st.DrawFn, target: str) -> Case:
    """A legal project for a target, and one run of it."""
    return _Drawing(draw, target).case()


class _Drawing:
    def __init__(self, draw: st.DrawFn, target: str) -> None:
        self.draw, self.target = draw, target
        self.params: dict[str, Any] = {}
        self.types: dict[str, str] = {}
        self.volumes: dict[str, Any] = {}
        self.steps: dict[str, dict[str, Any]] = {}
        self.artifacts: dict[str, str] = {}
        """Artifacts that were made so far, by the step that makes them."""
        self.made: set[str] = set()
        """Names of artifacts that steps before `finally` made."""
        self.last = False
        """Whether the steps are those of `finally`."""
        self.refs: dict[str, list[str]] = {"number": [], "bool": [], "string": []}
        """References that a condition may use, by type."""
        self.texts: list[str] = ["run.id", "run.name"]
        """References that a text may use."""
        self.lists: dict[str, str] = {}
        """Lists that a loop may run over, and what its items may be compared with: a type, "" for none, "any" where that is open."""
        self.loop: list[str] = []
        """The steps of the loop that is drawn, its first one first."""

    def case(self) -> Case:
        given = self.parameters()
        order = self.some(NAMES, MAX_STEPS, at_least=1)
        self.volumes = {name: VOLUMES[name] for name in self.some(tuple(VOLUMES), 4)} if self.now_and_then() else {}
        if self.target == "kfp" and "models" in self.volumes and self.now_and_then():
            self.volumes["models"] = {**VOLUMES["models"], "keep": True}
        if self.target == "argo" and "keys" in self.volumes and self.now_and_then():
            self.volumes["keys"] = {"secret": "git-ssh", "mode": "0400"}
        self.draw_steps(order)
        spec: dict[str, Any] = {"mlc": "v1", "name": "graph", "images": {"tool": {"ref": "acme/tool:1.0", "entrypoint": ["tool"]}}}
        if self.params:
            spec["params"] = self.params
        if self.volumes:
            spec["volumes"] = self.volumes
        defaults: dict[str, Any] = {"image": "tool"}
        if self.rarely():
            defaults["retry"] = self.retry()
        if self.rarely():
            defaults["env"] = {"SHARED": self.text([reference for reference in self.texts if not reference.startswith("steps.")])}
        spec["defaults"] = defaults
        if self.rarely():
            spec["store"] = {
                "minio": {"endpoint": "minio:9000", "bucket": "bkt", "secret": {"name": "s", "access_key": "a", "secret_key": "k"}}
            }
        if self.artifacts and self.rarely():
            spec["artifacts"] = {name: self.one(("model", "dataset", "html")) for name in self.artifacts}
        spec["steps"] = {name: self.steps[name] for name in self.draw(st.permutations(order))}
        outcomes = self.everything()
        if self.now_and_then():
            spec["finally"] = self.finals([name for name in NAMES if name not in order])
            outcomes |= self.everything()
        return Case(spec, given, outcomes)

    def draw_steps(self, names: list[str]) -> None:
        """Steps of these names, in an order in which they can run; some of them make a loop."""
        waiting = list(names)
        while waiting:
            name = waiting.pop(0)
            if self.often() or not self.now_and_then():
                self.steps[name] = self.step()
                self.declare(name)
                continue
            riders = [waiting.pop(0) for _ in range(min(len(waiting), self.one((0, 1, 1, 2))))]
            self.looping(name, riders)

    def looping(self, name: str, riders: list[str]) -> None:
        """A loop: a step with items, and steps that ride along. They see one another; of them, others see values alone, as lists."""
        refs = {kind: list(found) for kind, found in self.refs.items()}
        texts, artifacts = list(self.texts), dict(self.artifacts)
        self.loop = [name]
        items, columns = self.items()
        head = self.step()  # whose condition is asked once, before there are items
        for kind, reference in columns:
            self.texts.append(reference)
            if kind in self.refs:
                self.refs[kind] += [reference] * 3
        head["args"] = [*head.get("args", []), *(f"${{{{ {reference} }}}}" for _, reference in columns)]
        self.steps[name] = {"foreach": items, **head}
        if self.rarely():
            # KFP starts no more items behind one that failed
            self.steps[name]["parallel"] = self.one((1, 2)) if self.target == "argo" else 9
        self.declare(name)
        sure = {name}
        for rider in riders:
            along = self.one(self.loop)
            self.steps[rider] = {"each": along, **self.step()}
            self.loop.append(rider)
            before = set(model.dependencies({"steps": self.steps}, rider)) & set(self.loop)
            if not {"when", "gate"} & self.steps[rider].keys() and before <= sure:
                sure.add(rider)
            self.declare(rider)
        self.made |= self.artifacts.keys() - artifacts.keys()
        self.refs, self.texts, self.artifacts, self.loop = refs, texts, artifacts, []
        for step in sure:
            for value, entry in self.steps[step].get("values", {}).items():
                reference = f"steps.{step}.values.{value}"
                kind = entry["type"] if isinstance(entry, dict) else "string"
                self.texts.append(reference)
                self.lists[reference] = {"int": "number", "float": "number"}.get(kind, kind if kind in self.refs else "")

    def items(self) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """What a loop runs over, and references to an item: what each may be compared with, "" for nothing."""
        if self.lists and self.often():
            name = self.one(("x", "Item", "shard_1"))
            source = self.one(tuple(self.lists))
            kind = self.lists[source]
            if kind == "any":
                kind = self.one(("string", "number", ""))
            return {name: "${{ " + source + " }}"}, [(kind, f"each.{name}")]
        found: dict[str, Any] = {}
        columns = []
        for name in self.some(("lr", "seed", "Net"), 2, at_least=1):
            kind, values = self.one(ITEMS)
            found[name] = self.some(values, 2 if found else 3, at_least=1 if found else 2)
            if self.rarely():
                found[name] = [{"v": value, "other": "o"} for value in found[name]]
                columns.append(("string", f"each.{name}.other"))
                columns.append((kind, f"each.{name}.v"))
            else:
                columns.append((kind, f"each.{name}"))
        return found, columns

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """What the programs of the steps do; of a loop, some items do something else than the others."""
        inside = model.loops({"steps": self.steps})
        found = {name: self.outcomes(name) for name in self.steps}
        for name in inside:
            for index in self.some(range(4), 2):
                found[f"{name}[{index}]"] = self.outcomes(name)
        return found

    def finals(self, names: list[str]) -> dict[str, dict[str, Any]]:
        """The steps of `finally`: they see one another, and of the others only how the run went."""
        self.last, self.steps = True, {}
        self.made |= self.artifacts.keys()
        self.artifacts = {}
        self.refs = {kind: [name for name in found if not name.startswith("steps.")] for kind, found in self.refs.items()}
        self.texts = [name for name in self.texts if not name.startswith("steps.")]
        if self.target == "argo":
            self.texts.append("run.status")
        else:  # claims are deleted before
            self.volumes = {name: volume for name, volume in self.volumes.items() if "size" not in volume}
        self.lists = {name: kind for name, kind in self.lists.items() if not name.startswith("steps.")}
        order = self.some(names, 3, at_least=1)
        self.draw_steps(order)
        return {name: self.steps[name] for name in self.draw(st.permutations(order))}

    # What is there before the steps.

    def parameters(self) -> dict[str, str]:
        """Declare parameters; give values to some."""
        given: dict[str, str] = {}
        for name in self.some(tuple(PARAMS), 4):
            kind, values = PARAMS[name]
            default = self.one(values)
            entry: Any = default
            outside: Any = None
            if kind in ("int", "float") and self.now_and_then():
                entry = {"type": kind, "default": default, "min": default - 1, "max": default + 1}
                outside = default + self.one((-2, 2))
            elif kind in ("int", "float", "string") and self.rarely():
                entry = {"type": kind, "default": default, "choices": list(values)}
            elif kind == "dict" or self.rarely():
                entry = {"type": kind, "default": default}
            if self.rarely() and outside is not None:
                given[name] = json.dumps(outside)
            elif self.now_and_then():
                value = default if outside is not None else self.one(values)
                given[name] = value if kind == "string" else json.dumps(value)
                if not isinstance(entry, dict):
                    pass
                elif "choices" not in entry and self.rarely():
                    del entry["default"]
            self.params[name] = entry
            self.types[name] = kind
            self.texts.append(f"params.{name}")
            self.refer(kind, f"params.{name}")
            if kind == "list":  # its items have the type of those of the default, where that has some
                self.lists[f"params.{name}"] = "string"
        return given

    def refer(self, kind: str, reference: str) -> None:
        """Let later conditions use a reference."""
        group = "number" if kind in ("int", "float") else kind
        if group in self.refs:
            self.refs[group].append(reference)

    # A step.

    def step(self) -> dict[str, Any]:
        """The next step; it may refer to all that were drawn before."""
        step: dict[str, Any] = {}
        earlier = tuple(self.steps)
        if earlier and self.often() and not (self.loop and self.often()):
            step["needs"] = self.listed(self.some(earlier, 3, at_least=1))
        if self.artifacts and self.now_and_then():
            step["inputs"] = {name: f"/in/{name}" for name in self.some(tuple(self.artifacts), 2, at_least=1)}
        self.ports(step)
        gates = [name for name in self.steps if self.gating(name)]
        riding = bool(self.loop) and self.loop[0] in self.steps
        looping = bool(self.loop) and not riding  # most loops should have items that run
        if gates and not self.last and (self.rarely() if looping else self.now_and_then() or (riding and self.now_and_then())):
            step["gate"] = self.listed(self.some(gates, 2, at_least=1))
        if self.rarely() if looping else self.now_and_then() or (riding and self.now_and_then()):
            step["when"] = self.when()
        self.program(step)
        if self.volumes and self.often():
            step["volumes"] = {name: f"/mnt/{name}" for name in self.some(tuple(self.volumes), 3, at_least=1)}
        if self.now_and_then():
            step["retry"] = self.one((self.retry(), None))
        if self.rarely():
            step["timeout"] = "1h30m"
        if self.rarely():
            step["title"] = self.one(("Say it", "train"))
        if self.rarely():
            step["resources"] = self.one(({"cpu": 1, "memory": "1Gi"}, {"gpu": 1}, {"requests": {"cpu": "500m"}, "limits": {"cpu": 2}}))
        if self.rarely():
            step["labels"] = {"team": "a"}
        if self.target == "kfp" and not self.loop and self.rarely():  # items that get the same have one result
            step["cache"] = self.one((True, {"key": "k"}))
        return step

    def ports(self, step: dict[str, Any]) -> None:
        """What the step writes."""
        free = [name for name in ARTIFACTS if name not in (*self.artifacts, *self.made, *step.get("inputs", {}))]
        if free and self.now_and_then():
            outputs = self.some(free, 2, at_least=1)
            step["outputs"] = outputs if self.rarely() else {name: f"/out/{name}" for name in outputs}
        if self.now_and_then():
            kinds = self.some(tuple(TEXTS), 2, at_least=1)
            step["values"] = {f"{kind[0]}-{kind}": self.value(kind) for kind in kinds}
        if self.often():
            step["metrics"] = {}
            for name in self.some(("accuracy", "loss", "AUC", "f_1"), 2, at_least=1):
                step["metrics"][name] = self.metric(name)

    def value(self, kind: str) -> Any:
        path = f"/tmp/values/{kind}"
        return path if kind == "string" and self.now_and_then() else {"path": path, "type": kind}

    def metric(self, name: str) -> Any:
        """A metric: its file, where in it the number stands, and what it must meet."""
        metric: dict[str, Any] = {"path": f"/tmp/metrics/{name}"}
        if self.rarely():
            metric |= {"path": "/tmp/metrics/all.json", "key": self.one((f"macro.{name}", [name, "a.b"], name))}
        elif self.rarely():
            metric["format"] = "kfp-v1"
        if not self.often():
            return metric if len(metric) > 1 or self.now_and_then() else metric["path"]
        low, high = self.one(("min", "above")), self.one(("max", "below"))
        which = self.one((low, high, "both"))
        numbers = [reference for reference in self.refs["number"] if not reference.endswith(name)]
        if which == "both":
            metric |= {low: self.one(BOUNDS[:3]), high: self.one(BOUNDS[3:])}
        elif numbers and self.rarely():
            metric[which] = "${{ " + self.one(numbers) + " }}"
        else:
            metric[which] = self.one(BOUNDS)
        if self.now_and_then():
            metric["on_miss"] = self.one(("fail", "fail", "skip"))
        return metric

    def program(self, step: dict[str, Any]) -> None:
        """What the step runs, and the texts that it gets."""
        form = self.one(("command", "entrypoint", "run", "python"))
        own = [f"{kind}.{name}" for kind in ("inputs", "outputs", "values", "metrics") for name in step.get(kind, ())]
        if form == "command":
            step["command"] = ["work", *([self.text([*own, *self.texts])] if self.now_and_then() else [])]
        elif form in ("run", "python"):
            path = f"open('${{{{ {self.one(own)} }}}}')" if own else "pass"
            step["run"] = f"{path}\n" if form == "python" else ":\n"
            if form == "python":
                step["shell"] = "python"
        if self.often():
            written = [reference for reference in self.texts if reference.startswith("steps.")]
            step["args"] = [self.text([*own, *self.texts, *written, *written]) for _ in range(self.one((1, 2)))]
        if self.rarely():
            step["env"] = {"WHAT": self.text([*own, *self.texts]), "LEVEL": "info"}
        if self.rarely():
            step["workdir"] = "/srv/work"

    def text(self, references: list[str]) -> str:
        """A text with one or two references."""
        first, second = self.one(references), self.one(references)
        return self.one(("${{ A }}", "--x=${{ A }}", "${{ A }}:${{ B }}")).replace("A", first).replace("B", second)

    def retry(self) -> dict[str, Any]:
        retry: dict[str, Any] = {"limit": self.one((1, 2, 0))}
        if self.now_and_then():
            retry["on"] = self.one(("failure", "error", "always") if self.target == "argo" else ("failure",))
        if self.rarely():
            retry["backoff"] = self.one(
                ({"duration": "10s"}, {"duration": "1m", "factor": 2}, {"duration": "10s", "factor": 2, "max": "1h"})
            )
        return retry

    def gating(self, name: str) -> bool:
        """Whether the step that is drawn may be gated by this one."""
        loop = model.loops({"steps": self.steps}).get(name)
        return loop in (None, *self.loop[:1]) and any(_bounded(metric) for metric in self.steps[name].get("metrics", {}).values())

    def declare(self, name: str) -> None:
        """Let later steps use what a step writes: those of the loop that is drawn, or all."""
        step = self.steps[name]
        for artifact in step.get("outputs", ()):
            self.artifacts[artifact] = name
        for value, entry in step.get("values", {}).items():
            self.texts.append(f"steps.{name}.values.{value}")
            kind = entry["type"] if isinstance(entry, dict) else "string"
            self.refer(kind, self.texts[-1])
            if kind == "list" and not self.loop:
                self.lists[self.texts[-1]] = "any"
        for metric in step.get("metrics", ()):
            self.texts.append(f"steps.{name}.metrics.{metric}")
            self.refer("number", self.texts[-1])

    # Conditions.

    def when(self) -> Any:
        """A condition, with or without `${{ }}`."""
        if self.rarely():
            return self.one((True, False))
        text = self.condition(2)
        return "${{ " + text + " }}" if self.rarely() else text

    def condition(self, depth: int) -> str:
        """One to three parts joined by `and` and `or`, with no more parentheses than drawn."""
        parts = [self.part(depth)]
        while depth and len(parts) < 5 and self.now_and_then():
            parts += [self.one(("and", "or")), self.part(depth)]
        return " ".join(parts)

    def part(self, depth: int) -> str:
        if self.rarely():
            return "not " + self.part(depth)
        if depth and self.rarely():
            return f"({self.condition(depth - 1)})"
        kinds = [kind for kind, references in self.refs.items() if references]
        kind = self.one((*kinds, *kinds, "constant", "run"))
        if kind == "constant":
            return self.one(("true", "false", "1 < 2", "'a' == 'b'", "2 in [1, 2.0]"))
        if kind == "run":
            status: tuple[str, ...] = (
                ("run.status == 'Succeeded'", "run.status in ['Failed']") * 2 if self.last and self.target == "argo" else ()
            )
            return self.one(("run.id != 'nobody'", "run.name == 'nobody'", "run.id == run.name", *status))
        left = self.one(self.refs[kind])
        if kind == "bool":
            other = self.one(("true", "false", *self.refs[kind]))
            return self.one((left, left, f"{left} == {other}", f"{left} != true", f"{left} in [true]"))
        if kind == "string":
            quoted = [_quoted(text) for text in CONSTANTS]
            several = ", ".join(self.some(quoted, 3, at_least=1))
            equal, within = self.one(("==", "!=")), self.one(("in", "not in"))
            return self.one((f"{left} {equal} {self.one((*quoted, *self.refs[kind]))}", f"{left} {within} [{several}]"))
        operator = self.one((">", ">=", "<", "<=", "==", "!="))
        number = self.one(("0.5", "1", "0", "-1", "10", "9.3e-1", "0.80", *self.refs[kind]))
        several = ", ".join(self.some(("1", "0.5", "10", "-3.0"), 3, at_least=1))
        return self.one((f"{left} {operator} {number}", f"{number} {operator} {left}", f"{left} {self.one(('in', 'not in'))} [{several}]"))

    # What happens.

    def outcomes(self, name: str) -> list[dict[str, Any]]:
        """One to three attempts, most of them good."""
        found = [self.attempt(name)]
        while len(found) < 3 and self.now_and_then():
            found.append(self.attempt(name))
        return found

    def attempt(self, name: str) -> dict[str, Any]:
        step = self.steps[name]
        ports = [name for kind in ("outputs", "values", "metrics") for name in step.get(kind, ())]
        what = self.one(("good", "good", "good", "good", "good", "bad"))
        if what == "bad":
            kind = self.one(("exit", "exit", "missing", "timeout", "lost"))
            if kind == "exit":
                return {"exit": self.one((1, 2, 137))}
            if kind == "missing" and ports:
                return {"missing": self.some(ports, 2, at_least=1)}
            return {"lost": True} if kind == "lost" else {"timeout": True}
        looped = self.target == "kfp" and name in model.loops({"steps": self.steps})
        writes = {value: self.wrote(entry, looped) for value, entry in step.get("values", {}).items()}
        shared: dict[str, Any] = {}
        for metric, entry in step.get("metrics", {}).items():
            number = self.one(NO_NUMBERS) if self.rarely() else self.one(NUMBERS)
            writes[metric] = _document(metric, entry, number, shared)
        for metric, entry in step.get("metrics", {}).items():
            if isinstance(entry, dict) and "key" in entry:
                writes[metric] = json.dumps(shared)
        return {"writes": writes} if writes else {}

    def wrote(self, entry: Any, looped: bool) -> str:
        kind = entry["type"] if isinstance(entry, dict) else "string"
        odd = [text for text in ODD_TEXTS[kind] if not looped or text not in READ_BY_KFP]
        return self.one(odd if self.rarely() else TEXTS[kind])

    # Ways to draw.

    def one(self, values: Iterable[T]) -> T:
        return self.draw(st.sampled_from(tuple(values)))

    def some(self, values: Iterable[T], at_most: int, at_least: int = 0) -> list[T]:
        values = tuple(values)
        return self.draw(st.lists(st.sampled_from(values), min_size=at_least, max_size=min(at_most, len(values)), unique_by=str))

    def listed(self, names: list[str]) -> Any:
        return names[0] if len(names) == 1 and self.draw(st.booleans()) else names

    def often(self) -> bool:
        return bool(self.draw(st.integers(0, 9)) >= 4)

    def now_and_then(self) -> bool:
        return bool(self.draw(st.integers(0, 9)) >= 7)

    def rarely(self) -> bool:
        return bool(self.draw(st.integers(0, 9)) >= 9)


def _bounded(metric: Any) -> bool:
    return isinstance(metric, dict) and any(key in metric for key in ("min", "max", "above", "below"))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _document(name: str, metric: Any, number: str, shared: dict[str, Any]) -> str:
    """The text of a metric's file; a metric with a key is added to the document that it shares with others."""
    if isinstance(metric, str) or not ({"key", "format"} & metric.keys()):
        return number
    try:
        value = json.loads(number, parse_constant=lambda word: word)
    except ValueError:
        value = number
    if value == float("inf"):
        value = number
    if "format" in metric:
        return json.dumps({"metrics": [{"name": "other", "numberValue": 1}, {"name": name, "numberValue": value}]}, allow_nan=False)
    keys = metric["key"].split(".") if isinstance(metric["key"], str) else metric["key"]
    place = shared
    for key in keys[:-1]:
        place = place.setdefault(key, {})
    place[keys[-1]] = value
    return ""
