"""Mutations that mostly damage: what users mistype, move, leave out and exaggerate, and texts that some layer below would read anew.

Each function is a kind: it changes a `Draft` in place and says what it did, or "" where the spec has no place for it.
"""

from __future__ import annotations

import re
import string
from copy import deepcopy
from typing import Any

from tests.conformance import odd
from tests.conformance.draft import RAW, Draft, dotted, short
from tests.conformance.plausible import CORES, DURATIONS, IMAGES, SIZES, Fitting


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
    return f"{dotted(path)} = {short(parent[key])}"


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
    return f"{dotted(path)} -> {new}"


def odd_name(draft: Draft) -> str:
    """A thing renamed everywhere, to a name that means something to somebody."""
    places = draft.named()
    if not places:
        return ""
    old, new = str(draft.rng.choice(places)[-1]), draft.rng.choice(odd.NAMES)
    draft.renamed(old, new)
    return f"{old} -> {new}"


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


def edge(draft: Draft) -> str:
    """One more edge, which may close a cycle."""
    rng = draft.rng
    name, step = draft.step(main=True)
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
    return dotted(path)


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
    return dotted(path)


def drop(draft: Draft) -> str:
    """A key or an entry taken out."""
    path, parent, key = draft.rng.choice(draft.nodes())
    del parent[key]
    return dotted(path)


def drop_step(draft: Draft) -> str:
    """A step taken out, those that refer to it left."""
    name, _ = draft.step(main=True)
    del draft.data["steps"][name]
    return name


def move(draft: Draft) -> str:
    """A key at another level."""
    rng = draft.rng
    nodes = draft.nodes()
    path, parent, key = rng.choice([node for node in nodes if isinstance(node[2], str)])
    value = parent.pop(key)
    homes = [node[1][node[2]] for node in nodes if isinstance(node[1], dict) and node[2] in node[1] and isinstance(node[1][node[2]], dict)]
    home = rng.choice([draft.data, draft.data.setdefault("defaults", {}), *homes])
    home[key] = value
    return dotted(path)


def swap(draft: Draft) -> str:
    """Two values exchanged."""
    places = draft.scalars(str, int, float, bool)
    if len(places) < 2:
        return ""
    (one, parent, key), (two, other, place) = draft.rng.sample(places, 2)
    parent[key], other[place] = other[place], parent[key]
    return f"{dotted(one)} and {dotted(two)}"


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
    return f"{dotted(path)} = {short(parent[key])}"


def null(draft: Draft) -> str:
    """A value taken back with `null`."""
    path, parent, key = draft.rng.choice([node for node in draft.nodes() if node[0][0] in ("steps", "finally", "defaults")])
    parent[key] = None
    return dotted(path)


def hostile(draft: Draft) -> str:
    """A hostile text in place of a text or beside it."""
    rng = draft.rng
    path, parent, key = rng.choice(draft.scalars(str))
    evil = rng.choice(odd.HOSTILE)
    old = parent[key]
    parent[key] = rng.choice((evil, evil, f"{old}{evil}", f"{evil}{old}", f"{old[: len(old) // 2]}{evil}{old[len(old) // 2 :]}"))
    return f"{dotted(path)} = {short(parent[key])}"


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
    return f"steps.{name}, {place} = {short(evil)}"


def odd_number(draft: Draft) -> str:
    """A number that is negative, zero, huge or broken."""
    return draft.put(draft.scalars(int, float), odd.NUMBERS)


def odd_spelling(draft: Draft) -> str:
    """An unquoted word that readers of YAML disagree about, in place of a scalar."""
    words = [f"{RAW}{word}{RAW}" for word in odd.SPELLINGS]
    return (
        draft.put(draft.scalars(int, float) or draft.scalars(str), words)
        if draft.rng.random() < 0.6
        else draft.put(draft.scalars(str, bool), words)
    )


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
    return f"{dotted(path)} = {parent[key]}"


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


def schedule(draft: Draft) -> str:
    """An odd time at which runs start."""
    rng = draft.rng
    made: dict[str, Any] = {"cron": rng.choice(odd.CRONS)}
    if rng.random() < 0.5:
        made["timezone"] = rng.choice(odd.TIMEZONES)
    if rng.random() < 0.3:
        made["starting_deadline"] = rng.choice((*odd.DURATIONS, *DURATIONS))
    draft.data["schedule"] = made
    for name, entry in (draft.data.get("params") or {}).items():
        if isinstance(entry, dict) and "default" not in entry and rng.random() < 0.8:
            fair: dict[str, Any] = {"string": "a", "int": 1, "float": 0.5, "bool": True, "list": [], "dict": {}}
            draft.data["params"][name] = {**entry, "default": fair[entry["type"]]}
    return short(made)


def image(draft: Draft) -> str:
    """An odd reference of an image."""
    return draft.put(draft.under("image", "images"), odd.IMAGES + IMAGES)


def path(draft: Draft) -> str:
    """An odd path, or one inside another of the step."""
    rng = draft.rng
    places = [place for place in draft.scalars(str) if place[0][0] in ("steps", "finally") and str(place[1][place[2]]).startswith("/")]
    if not places:
        return ""
    if rng.random() < 0.4:
        found = [str(parent[key]) for _, parent, key in places]
        return draft.put(places, [rng.choice(found), f"{rng.choice(found)}/inner", rng.choice(found).rpartition("/")[0] or "/"])
    return draft.put(places, odd.PATHS)


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
    return f"params.odd = {short(entry)}"


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
    return f"{dotted(where)} + {strange!a}"


def label(draft: Draft) -> str:
    """A label or an annotation that Kubernetes may refuse."""
    rng = draft.rng
    name, value = rng.choice(odd.LABELS)
    kinds = ("labels", "annotations")
    _, entries = draft.step()
    home = rng.choice((entries, draft.data, draft.data.setdefault("defaults", {})))
    which = rng.choice(kinds)
    home[which] = {**(home.get(which) or {}), name: value}
    return f"{which} {short(name)}: {short(value)}"


def env(draft: Draft) -> str:
    """An odd variable."""
    name, step = draft.step()
    variable = draft.rng.choice(odd.VARIABLES)
    step["env"] = {**(step.get("env") or {}), variable: draft.rng.choice((*odd.HOSTILE, *odd.SOURCES))}
    return f"steps.{name}.env.{variable} = {short(step['env'][variable])}"


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
    return f"{dotted(where)} = {short(parent[key])}"
