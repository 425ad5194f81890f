"""The kinds of mutations: each changes a `Draft` in place and says what it did, or "" where the spec has no place for it."""

from __future__ import annotations

import json
import re
import string
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlc.reader import read
from mlc.source import SourceFile
from tests.conformance import odd
from tests.conformance.plausible import CORES, DURATIONS, IMAGES, SCHEMA, SIZES, Fitting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

ROOT = Path(__file__).resolve().parents[2]

Where = tuple[str | int, ...]

RAW = "\ue000"
"""Stands around a word that goes into the text without quotes."""

_documents: dict[str, str] = {}


def specs() -> dict[str, str]:
    """The valid specs as JSON, by name; read once."""
    if not _documents:
        for file in sorted((ROOT / "specs").glob("*.yaml")):
            found = read(SourceFile(file.name, file.read_text(encoding="utf-8")), [])
            assert found is not None
            _documents[file.stem] = json.dumps(found.data, ensure_ascii=False)
    return _documents


def document(name: str) -> dict[str, Any]:
    """A fresh copy of a spec's data."""
    found: dict[str, Any] = json.loads(specs()[name])
    return found


class Draft:
    """A project under mutation."""

    def __init__(self, data: dict[str, Any], rng: Random) -> None:
        self.data, self.rng = data, rng

    def nodes(self) -> list[tuple[Where, Any, str | int]]:
        """Every place below the top: its path, what holds it, and under which key."""
        return list(_nodes(self.data, ()))

    def scalars(self, *kinds: type) -> list[tuple[Where, Any, str | int]]:
        """The places of scalars of these types."""
        return [(path, parent, key) for path, parent, key in self.nodes() if type(parent[key]) in kinds]

    def under(self, *names: str) -> list[tuple[Where, Any, str | int]]:
        """The places of texts and numbers below a key of one of these names."""
        return [(path, parent, key) for path, parent, key in self.scalars(str, int, float) if any(name in path for name in names)]

    def step(self) -> tuple[str, dict[str, Any]]:
        """One of the steps."""
        name = self.rng.choice(list(self.data["steps"]))
        return name, self.data["steps"][name]

    def put(self, places: list[tuple[Where, Any, str | int]], values: Any) -> str:
        """One of the values at one of the places."""
        if not places:
            return ""
        path, parent, key = self.rng.choice(places)
        value = self.rng.choice(values)
        parent[key] = deepcopy(value)
        return f"{_dotted(path)} = {_short(value)}"

    def renamed(self, old: str, new: str) -> None:
        """Give a thing another name, wherever it is said: as a key, as a text, in expressions."""
        word = re.compile(rf"(?<![-_.A-Za-z0-9/]){re.escape(old)}(?![-_A-Za-z0-9])|(?<=[.]){re.escape(old)}(?![-_A-Za-z0-9])")

        def said(node: Any) -> Any:
            if isinstance(node, dict):
                return {new if key == old else key: said(child) for key, child in node.items()}
            if isinstance(node, list):
                return [said(child) for child in node]
            if isinstance(node, str):
                if node == old:
                    return new
                return word.sub(lambda _: new, node) if "${{" in node or "steps." in node or "params." in node else node
            return node

        self.data = said(self.data)

    def named(self) -> list[Where]:
        """The places where things get their names."""
        found: list[Where] = [
            (key, name) for key in ("params", "images", "volumes", "steps", "artifacts") for name in self.data.get(key) or ()
        ]
        for step, entries in self.data["steps"].items():
            for key in ("outputs", "values", "metrics"):
                if isinstance(entries.get(key), dict):
                    found += [("steps", step, key, name) for name in entries[key]]
        return found


def _nodes(node: Any, path: Where) -> Iterator[tuple[Where, Any, str | int]]:
    children = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    for key, child in children:
        yield (*path, key), node, key
        yield from _nodes(child, (*path, key))


def _dotted(path: Where) -> str:
    return ".".join(map(str, path))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


KINDS: dict[str, Callable[[Draft], str]] = {}
"""Every kind of mutation, by name."""


def kind(change: Callable[[Draft], str]) -> Callable[[Draft], str]:
    """Add a kind."""
    KINDS[change.__name__] = change
    return change


# --- what is legal, in other combinations ---


@kind
def legal_key(draft: Draft) -> str:
    """A key that a step may have, with a plausible value, on a step or under `defaults`."""
    rng = draft.rng
    name, step = draft.step()
    place, home = f"steps.{name}", step
    if rng.random() < 0.1:
        place, home = "defaults", draft.data.setdefault("defaults", {})
    known = SCHEMA["$defs"]["step"]["properties"] if place != "defaults" else SCHEMA["properties"]["defaults"]["properties"]
    key = rng.choice(sorted(known))
    value = Fitting(draft.data, name, rng).value(known[key], key)
    if key == "run":
        step.pop("command", None)
    elif key == "command":
        for other in ("run", "shell", "packages"):
            step.pop(other, None)
    elif key in ("shell", "packages") and "run" not in step:
        step.pop("command", None)
        step["run"] = "true"
    if key == "packages":
        step["shell"] = "python"
    old = home.get(key)
    merges = (
        isinstance(old, dict)
        and isinstance(value, dict)
        and key in ("env", "volumes", "labels", "annotations", "values", "metrics", "inputs", "outputs")
    )
    home[key] = {**old, **value} if merges and old else value
    return f"{place}.{key} = {_short(value)}"


@kind
def legal_keys(draft: Draft) -> str:
    """Several such keys at once."""
    return "; ".join(legal_key(draft) for _ in range(draft.rng.randint(2, 6)))


@kind
def legal_top(draft: Draft) -> str:
    """A key of the project, with a plausible value."""
    known = {key: schema for key, schema in SCHEMA["properties"].items() if key not in ("mlc", "steps", "defaults")}
    key = draft.rng.choice(sorted(known))
    value = Fitting(draft.data, "", draft.rng).value(known[key], key)
    old = draft.data.get(key)
    draft.data[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) and key != "store" else value
    return f"{key} = {_short(value)}"


@kind
def new_step(draft: Draft) -> str:
    """Another step, made of plausible keys only."""
    rng = draft.rng
    name = rng.choice(("extra", "zz-last", "aa-first", "e2e"))
    draft.data["steps"][name] = {"image": "busybox:1.36", "command": ["true"]}
    fitting = Fitting(draft.data, name, rng)
    known = SCHEMA["$defs"]["step"]["properties"]
    for key in rng.sample(sorted(set(known) - {"run", "shell", "packages", "title", "description"}), rng.randint(2, 8)):
        draft.data["steps"][name][key] = fitting.value(known[key], key)
    return _short({name: draft.data["steps"][name]})


@kind
def condition(draft: Draft) -> str:
    """A `when` of a random expression."""
    name, step = draft.step()
    step["when"] = Fitting(draft.data, name, draft.rng).condition()
    return f"steps.{name}.when = {step['when']}"


@kind
def argument(draft: Draft) -> str:
    """A text with an expression among a step's args or env."""
    name, step = draft.step()
    text = Fitting(draft.data, name, draft.rng).text()
    if draft.rng.random() < 0.5:
        args = step.get("args")
        step["args"] = [*args, text] if isinstance(args, list) else [text]
    else:
        step["env"] = {**(step.get("env") or {}), "EXTRA": text}
    return f"steps.{name} {_short(text)}"


@kind
def threshold(draft: Draft) -> str:
    """Thresholds combined, on a metric of a step that another is gated by."""
    rng = draft.rng
    with_metrics = [name for name, step in draft.data["steps"].items() if isinstance(step.get("metrics"), dict) and step["metrics"]]
    name = rng.choice(with_metrics) if with_metrics else draft.step()[0]
    metrics = draft.data["steps"][name].setdefault("metrics", {"score": "/tmp/score"})
    metric = rng.choice(sorted(metrics))
    entry = metrics[metric] if isinstance(metrics[metric], dict) else {"path": metrics[metric]}
    metrics[metric] = {"path": entry.get("path"), **Fitting(draft.data, name, rng).metric()}
    others = [other for other in draft.data["steps"] if other != name]
    if others and rng.random() < 0.7:
        draft.data["steps"][rng.choice(others)]["gate"] = name
    return f"steps.{name}.metrics.{metric} = {_short(metrics[metric])}"


@kind
def graft(draft: Draft) -> str:
    """A step of another spec, with what of its project it needs."""
    rng = draft.rng
    other = deepcopy(document(rng.choice(sorted(specs()))))
    name: str = rng.choice(sorted(other["steps"]))
    step = {**other.get("defaults", {}), **other["steps"][name]}
    kept = {key: value for key, value in step.items() if rng.random() < 0.8 or key in ("image", "command", "run", "shell", "packages")}
    for key in ("params", "images", "volumes", "artifacts"):
        draft.data[key] = {**(other.get(key) or {}), **(draft.data.get(key) or {})}
    draft.data["steps"][f"{name}-too"[-50:]] = kept
    return name


@kind
def strip(draft: Draft) -> str:
    """A step with few of its keys."""
    name, step = draft.step()
    gone = [key for key in step if key not in ("image", "command", "run") and draft.rng.random() < 0.5]
    for key in gone:
        del step[key]
    return f"steps.{name} without {' '.join(gone)}" if gone else ""


@kind
def enumerator(draft: Draft) -> str:
    """Another of the words that the schema allows."""
    places = [
        place
        for place in draft.scalars(str)
        if place[0][-1] in ("type", "shell", "on", "pull_policy", "access_mode", "format") or place[0][0] == "artifacts"
    ]
    return draft.put(places, odd.ENUMERATORS)


@kind
def many(draft: Draft) -> str:
    """Many of one thing."""
    rng = draft.rng
    name, step = draft.step()
    count = rng.choice((12, 40))
    match rng.randrange(5):
        case 0:
            draft.data["params"] = {**(draft.data.get("params") or {}), **{f"p{index}": index for index in range(count)}}
        case 1:
            step["env"] = {f"E{index}": rng.choice(("x", "${{ run.id }}", index)) for index in range(count)}
        case 2:
            before = name
            for index in range(count):
                draft.data["steps"][f"m{index}"] = {"image": "a:1", "command": ["true"], "needs": before}
                before = f"m{index}" if rng.random() < 0.7 else name
        case 3:
            step["outputs"] = {f"o{index}": f"/o/{index}/data" for index in range(count)}
        case _:
            step["metrics"] = {f"q{index}": {"path": "/q.json", "key": ["q", str(index)], "min": index / 10} for index in range(count)}
            draft.data["steps"]["gated"] = {"image": "a:1", "command": ["true"], "gate": name}
    return f"steps.{name}, {count}"


@kind
def shuffle(draft: Draft) -> str:
    """Keys in another order."""
    places = [(path, parent, key) for path, parent, key in draft.nodes() if isinstance(parent[key], dict) and len(parent[key]) > 1]
    if not places:
        return ""
    path, parent, key = draft.rng.choice(places)
    items = list(parent[key].items())
    draft.rng.shuffle(items)
    parent[key] = dict(items)
    return _dotted(path)


# --- references, names, edges ---


@kind
def reference(draft: Draft) -> str:
    """A reference to something else: another name of the project, or one that is misspelt."""
    rng = draft.rng
    names = [str(path[-1]) for path in draft.named()]
    places = [place for place in draft.scalars(str) if place[1][place[2]] in names or "${{" in place[1][place[2]] or place[0][-1] == "when"]
    if not places:
        return ""
    path, parent, key = rng.choice(places)
    text = parent[key]
    said = [name for name in names if name in text]
    if not said:
        return ""
    old = rng.choice(said)
    parent[key] = text.replace(old, rng.choice([*names, old + "x", old[:-1], old.upper()]), 1)
    return f"{_dotted(path)} = {_short(parent[key])}"


@kind
def rename(draft: Draft) -> str:
    """A thing renamed where it is declared, and nowhere else."""
    places = draft.named()
    if not places:
        return ""
    path = draft.rng.choice(places)
    home: Any = draft.data
    for key in path[:-1]:
        home = home[key]
    new = draft.rng.choice(("other", f"{path[-1]}2", *odd.NAMES))
    home[new] = home.pop(path[-1])
    return f"{_dotted(path)} -> {new}"


@kind
def odd_name(draft: Draft) -> str:
    """A thing renamed everywhere, to a name that means something to somebody."""
    places = draft.named()
    if not places:
        return ""
    old, new = str(draft.rng.choice(places)[-1]), draft.rng.choice(odd.NAMES)
    draft.renamed(old, new)
    return f"{old} -> {new}"


@kind
def long_name(draft: Draft) -> str:
    """A thing renamed everywhere, to a long name."""
    places = draft.named()
    length = draft.rng.choice((49, 50, 51, 52, 62, 63, 64, 128, 260))
    if not places or draft.rng.random() < 0.1:
        draft.data["name"] = (draft.data["name"] + "-" + "n" * 300)[:length]
        return f"name of {length}"
    old = str(draft.rng.choice(places)[-1])
    draft.renamed(old, (old + "-" + "long" * 100)[:length])
    return f"{old}, {length}"


@kind
def edge(draft: Draft) -> str:
    """One more edge, which may close a cycle."""
    rng = draft.rng
    name, step = draft.step()
    fitting = Fitting(draft.data, name, rng)
    other = rng.choice([name, *fitting.others(), *fitting.others()])
    match rng.randrange(4):
        case 0:
            old = step.get("needs") or []
            step["needs"] = [*([old] if isinstance(old, str) else old), other]
        case 1:
            old = step.get("gate") or []
            step["gate"] = [*([old] if isinstance(old, str) else old), other]
        case 2:
            made = draft.data["steps"][other].setdefault("outputs", {"thing": "/thing/it"})
            inputs = step.setdefault("inputs", {})
            if isinstance(inputs, dict):
                inputs[rng.choice(list(made))] = fitting.path()
        case _:
            draft.data["steps"][other].setdefault("values", {})["seen"] = {"path": "/seen", "type": "bool"}
            step["when"] = f"steps.{other}.values.seen"
    return f"{name} waits for {other}"


@kind
def double(draft: Draft) -> str:
    """A thing twice: an entry of a list, a step under another name, a key in another spelling."""
    rng = draft.rng
    places = [(path, parent, key) for path, parent, key in draft.nodes() if path[:1] != ("mlc",)]
    path, parent, key = rng.choice(places)
    if isinstance(parent, list):
        parent.insert(rng.randint(0, len(parent)), deepcopy(parent[int(key)]))
    else:
        name = str(key)
        again = rng.choice((f"{name}-2", name.upper(), name.replace("-", "_"), name.replace("_", "-"), f"{name}x"))
        parent[again] = deepcopy(parent[key])
    return _dotted(path)


@kind
def case(draft: Draft) -> str:
    """A key or a text in another case."""
    rng = draft.rng
    path, parent, key = rng.choice(draft.nodes())
    change = rng.choice((str.upper, str.lower, str.title, str.swapcase))
    if isinstance(parent[key], str) and rng.random() < 0.6:
        parent[key] = change(parent[key])
    elif isinstance(key, str):
        parent[change(key)] = parent.pop(key)
    else:
        return ""
    return _dotted(path)


# --- structure ---


@kind
def drop(draft: Draft) -> str:
    """A key or an entry taken out."""
    path, parent, key = draft.rng.choice(draft.nodes())
    del parent[key]
    return _dotted(path)


@kind
def drop_step(draft: Draft) -> str:
    """A step taken out, those that refer to it left."""
    name, _ = draft.step()
    del draft.data["steps"][name]
    return name


@kind
def move(draft: Draft) -> str:
    """A key at another level."""
    rng = draft.rng
    nodes = draft.nodes()
    path, parent, key = rng.choice([node for node in nodes if isinstance(node[2], str)])
    value = parent.pop(key)
    homes = [node[1][node[2]] for node in nodes if isinstance(node[1], dict) and node[2] in node[1] and isinstance(node[1][node[2]], dict)]
    home = rng.choice([draft.data, draft.data.setdefault("defaults", {}), *homes])
    home[key] = value
    return _dotted(path)


@kind
def swap(draft: Draft) -> str:
    """Two values exchanged."""
    places = draft.scalars(str, int, float, bool)
    if len(places) < 2:
        return ""
    (one, parent, key), (two, other, place) = draft.rng.sample(places, 2)
    parent[key], other[place] = other[place], parent[key]
    return f"{_dotted(one)} and {_dotted(two)}"


@kind
def other_type(draft: Draft) -> str:
    """A value of another type."""
    path, parent, key = draft.rng.choice(draft.nodes())
    old = parent[key]
    new: list[Any] = [[old], {"x": old}, True, None, 7, 0.5, "text", [], {}]
    if isinstance(old, (int, float)):
        new += [str(old)] * 5
    if isinstance(old, list):
        new += [old[0] if old else "", " ".join(map(str, old)), {str(item): f"/p/{at}" for at, item in enumerate(old)}] * 2
    if isinstance(old, dict):
        new += [list(old), list(old.values())] * 2
    if isinstance(old, str):
        new += [[old], old.split()] * 2
    parent[key] = draft.rng.choice(new)
    return f"{_dotted(path)} = {_short(parent[key])}"


@kind
def null(draft: Draft) -> str:
    """A value taken back with `null`."""
    path, parent, key = draft.rng.choice([node for node in draft.nodes() if node[0][0] in ("steps", "defaults")])
    parent[key] = None
    return _dotted(path)


# --- values ---


@kind
def hostile(draft: Draft) -> str:
    """A hostile text in place of a text or beside it."""
    rng = draft.rng
    path, parent, key = rng.choice(draft.scalars(str))
    evil = rng.choice(odd.HOSTILE)
    old = parent[key]
    parent[key] = rng.choice((evil, evil, f"{old}{evil}", f"{evil}{old}", f"{old[: len(old) // 2]}{evil}{old[len(old) // 2 :]}"))
    return f"{_dotted(path)} = {_short(parent[key])}"


@kind
def hostile_place(draft: Draft) -> str:
    """A hostile text in one of the places that take any text."""
    rng = draft.rng
    name, step = draft.step()
    evil = rng.choice(odd.HOSTILE)
    if rng.random() < 0.3:
        evil += rng.choice(("${{ run.id }}", *odd.HOSTILE))
    place = rng.choice(
        ("args", "env", "title", "description", "annotations", "key", "script", "default", "choices", "metric", "when", "name", "workdir")
    )
    match place:
        case "args":
            step["args"] = [evil, "after"]
        case "env" | "annotations":
            step[place] = {**(step.get(place) or {}), "odd.HOSTILE": evil}
        case "title" | "description" | "workdir":
            step[place] = evil
        case "key":
            step["cache"] = {"key": evil}
        case "script":
            step.pop("command", None)
            step["run"] = f"echo {evil}"
        case "default":
            draft.data["params"] = {**(draft.data.get("params") or {}), "hostile": evil}
            step["args"] = ["${{ params.hostile }}", "--x=${{ params.hostile }}"]
        case "choices":
            draft.data["params"] = {
                **(draft.data.get("params") or {}),
                "hostile": {"default": evil, "choices": [evil, "a"], "description": evil},
            }
            step["args"] = ["${{ params.hostile }}"]
        case "metric":
            draft.data["steps"]["gated"] = {
                "image": "a:1",
                "command": ["true"],
                "gate": name,
                "args": [f"${{{{ steps.{name}.metrics.hostile }}}}"],
            }
            step["metrics"] = {"hostile": {"path": "/hostile.json", "key": [evil, "x"], "min": 0}}
        case "when":
            draft.data["params"] = {**(draft.data.get("params") or {}), "hostile": "a"}
            quoted = evil.replace("'", "''")
            step["when"] = f"params.hostile != '{quoted}' and not (params.hostile in ['{quoted}', 'b'])"
        case _:
            draft.data["description"] = evil
    return f"steps.{name}, {place} = {_short(evil)}"


@kind
def odd_number(draft: Draft) -> str:
    """A number that is negative, zero, huge or broken."""
    return draft.put(draft.scalars(int, float), odd.NUMBERS)


@kind
def odd_spelling(draft: Draft) -> str:
    """An unquoted word that readers of YAML disagree about, in place of a scalar."""
    words = [f"{RAW}{word}{RAW}" for word in odd.SPELLINGS]
    return (
        draft.put(draft.scalars(int, float) or draft.scalars(str), words)
        if draft.rng.random() < 0.6
        else draft.put(draft.scalars(str, bool), words)
    )


@kind
def unit(draft: Draft) -> str:
    """Another unit, or none, at a size, a duration or an amount."""
    places = [place for place in draft.under("resources", "volumes", "timeout", "backoff") if re.match(r"\d", str(place[1][place[2]]))]
    if not places:
        return ""
    path, parent, key = draft.rng.choice(places)
    number = re.match(r"[\d.]+", str(parent[key]))
    parent[key] = (number[0] if number else "") + draft.rng.choice(
        ("", "m", "k", "K", "Ki", "Mi", "Gi", "GB", "G", "g", "s", "h", "d", "min", "ms", "e3", "%", "Ei", "u")
    )
    return f"{_dotted(path)} = {parent[key]}"


@kind
def size(draft: Draft) -> str:
    """An odd size, where there is one or where a step could have one."""
    if draft.rng.random() < 0.5:
        name, step = draft.step()
        key = draft.rng.choice(("cpu", "memory", "ephemeral_storage", "gpu"))
        value = draft.rng.choice((*odd.SIZES, *SIZES, *CORES))
        step["resources"] = draft.rng.choice(({key: value}, {"requests": {key: value}}, {"limits": {key: value}}))
        return f"steps.{name}.resources.{key} = {value}"
    if draft.rng.random() < 0.5:
        value = draft.rng.choice((*odd.SIZES, *SIZES))
        name, step = draft.step()
        draft.data.setdefault("volumes", {})["sized"] = draft.rng.choice(
            ({"memory": value}, {"empty_dir": {"size": value}}, {"size": value, "storage_class": "x"})
        )
        step["volumes"] = {**(step.get("volumes") or {}), "sized": "/sized"}
        return f"volumes.sized {value}"
    return draft.put(draft.under("resources", "size", "memory"), odd.SIZES + SIZES)


@kind
def duration(draft: Draft) -> str:
    """An odd duration."""
    name, step = draft.step()
    value = draft.rng.choice((*odd.DURATIONS, *DURATIONS))
    if draft.rng.random() < 0.5:
        step["timeout"] = value
    else:
        step["retry"] = {
            "limit": 1,
            "backoff": {"duration": value, "factor": draft.rng.choice((1, 2)), "max": draft.rng.choice((*DURATIONS, value))},
        }
    return f"steps.{name}, {value}"


@kind
def image(draft: Draft) -> str:
    """An odd reference of an image."""
    return draft.put(draft.under("image", "images"), odd.IMAGES + IMAGES)


@kind
def path(draft: Draft) -> str:
    """An odd path, or one inside another of the step."""
    rng = draft.rng
    places = [place for place in draft.scalars(str) if place[0][0] == "steps" and str(place[1][place[2]]).startswith("/")]
    if not places:
        return ""
    if rng.random() < 0.4:
        found = [str(parent[key]) for _, parent, key in places]
        return draft.put(places, [rng.choice(found), f"{rng.choice(found)}/inner", rng.choice(found).rpartition("/")[0] or "/"])
    return draft.put(places, odd.PATHS)


@kind
def default(draft: Draft) -> str:
    """A param whose default is outside its limits, of another type or missing, or with odd limits; used by a step."""
    rng = draft.rng
    _, step = draft.step()
    value: Any = rng.choice((*odd.NUMBERS, "", "text", "7", True, [], [1, "a"], {"a": 1}, None, 7, 0.5))
    entry: Any = rng.choice(
        (value, {"type": rng.choice(("string", "int", "float", "bool", "list", "dict")), "default": value}, {"default": value})
    )
    if isinstance(entry, dict) and "default" in entry:
        bounds: dict[str, Any] = {
            "min": rng.choice(odd.NUMBERS),
            "max": rng.choice(odd.NUMBERS),
            "choices": [value, rng.choice((*odd.NUMBERS, "a", True))],
        }
        entry.update({key: bounds[key] for key in bounds if rng.random() < 0.3})
    draft.data["params"] = {**(draft.data.get("params") or {}), "odd": entry}
    step["args"] = rng.choice((["${{ params.odd }}"], ["--odd=${{ params.odd }}", "${{ params.odd }}"]))
    if rng.random() < 0.4:
        step["when"] = rng.choice(("params.odd", "params.odd > 3", "params.odd == 'text'", "params.odd != 0.5", "params.odd in [7, 0.5]"))
    return f"params.odd = {_short(entry)}"


@kind
def long_text(draft: Draft) -> str:
    """A text near or beyond what a process, a label, or an object of Kubernetes may hold."""
    text = draft.rng.choice(("x", "$", "'", "é", "한", "a b ", "\n")) * draft.rng.choice((254, 5_000, 33_000, 70_000, 140_000))
    name, step = draft.step()
    places = draft.scalars(str)
    if draft.rng.random() < 0.5:
        step["args"] = [text, *(["${{ run.id }}"] if draft.rng.random() < 0.5 else [])]
        return f"steps.{name}.args, {len(text)}"
    done = draft.put(places, [text])
    return f"{done[:60]} {len(text)}"


@kind
def unicode(draft: Draft) -> str:
    """Characters from anywhere in a text or a key."""
    rng = draft.rng
    strange = "".join(chr(rng.choice(odd.CHARACTERS) if rng.random() < 0.6 else rng.randrange(32, 0x2FF)) for _ in range(rng.randint(1, 6)))
    where, parent, key = rng.choice(draft.nodes())
    if isinstance(parent[key], str) and rng.random() < 0.8:
        parent[key] += strange
    elif isinstance(key, str):
        parent[key + strange] = parent.pop(key)
    else:
        return ""
    return f"{_dotted(where)} + {strange!a}"


@kind
def label(draft: Draft) -> str:
    """A label or an annotation that Kubernetes may refuse."""
    rng = draft.rng
    name, value = rng.choice(odd.LABELS)
    kinds = ("labels", "annotations")
    _, entries = draft.step()
    home = rng.choice((entries, draft.data, draft.data.setdefault("defaults", {})))
    which = rng.choice(kinds)
    home[which] = {**(home.get(which) or {}), name: value}
    return f"{which} {_short(name)}: {_short(value)}"


@kind
def env(draft: Draft) -> str:
    """An odd variable."""
    name, step = draft.step()
    variable = draft.rng.choice(odd.VARIABLES)
    step["env"] = {**(step.get("env") or {}), variable: draft.rng.choice((*odd.HOSTILE, *odd.SOURCES))}
    return f"steps.{name}.env.{variable} = {_short(step['env'][variable])}"


@kind
def characters(draft: Draft) -> str:
    """A text with one character lost, doubled or changed: a typing mistake."""
    rng = draft.rng
    where, parent, key = rng.choice(draft.scalars(str))
    text = parent[key]
    at = rng.randrange(len(text) + 1)
    parent[key] = rng.choice(
        (
            text[:at] + text[at + 1 :],
            text[:at] + rng.choice(string.punctuation + " a0") + text[at:],
            text[:at] + text[at : at + 1] * 2 + text[at + 1 :],
        )
    )
    return f"{_dotted(where)} = {_short(parent[key])}"
