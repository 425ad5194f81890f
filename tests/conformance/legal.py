"""Mutations that are mostly legal: what a spec may say, in combinations that nobody wrote down.

Each function is a kind: it changes a `Draft` in place and says what it did, or "" where the spec has no place for it.
"""

from __future__ import annotations

import json
from copy import deepcopy

from mlc import driver
from mlc.source import SourceFile
from mlc.targets import TARGETS
from tests import support
from tests.conformance import odd
from tests.conformance.draft import Draft, document, dotted, short, specs
from tests.conformance.plausible import IMAGES, SCHEMA, Fitting


def legal_key(draft: Draft) -> str:
    """A key that a step may have, with a plausible value, on a step or under `defaults`."""
    rng = draft.rng
    name, step = draft.step()
    place, home = f"steps.{name}", step
    if rng.random() < 0.1:
        place, home = "defaults", draft.data.setdefault("defaults", {})
    known = SCHEMA["$defs"]["step" if place != "defaults" else "step_settings"]["properties"]
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
    if key == "parallel" and place != "defaults":  # goes with a loop, which nobody outside may look into
        step.setdefault("foreach", {"n": [1, 2]})
    if key == "each":  # what a step has may be for steps outside of the loop
        step.clear()
        step.update(image="busybox:1.36", command=["true"])
        head = (draft.data["steps"] if name in draft.data["steps"] else draft.data["finally"]).get(value)
        if head and "foreach" not in head:
            head["foreach"] = {"n": [1, 2]}
    if key == "resource":  # has no program, and nothing that is about one
        for other in set(step) - {"needs", "gate", "when", "title", "description", "labels", "annotations"}:
            del step[other]
    old = home.get(key)
    merges = (
        isinstance(old, dict)
        and isinstance(value, dict)
        and key in ("env", "volumes", "labels", "annotations", "values", "metrics", "inputs", "outputs")
    )
    home[key] = {**old, **value} if merges and old else value
    return f"{place}.{key} = {short(value)}"


def legal_keys(draft: Draft) -> str:
    """Several such keys at once."""
    return "; ".join(legal_key(draft) for _ in range(draft.rng.randint(2, 4)))


def legal_top(draft: Draft) -> str:
    """A key of the project, with a plausible value."""
    known = {key: schema for key, schema in SCHEMA["properties"].items() if key not in ("mlc", "steps", "defaults")}
    key = draft.rng.choice(sorted(known))
    value = Fitting(draft.data, "", draft.rng).value(known[key], key)
    old = draft.data.get(key)
    draft.data[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) and key != "store" else value
    return f"{key} = {short(value)}"


def new_step(draft: Draft) -> str:
    """Another step, made of plausible keys only."""
    rng = draft.rng
    name = rng.choice(("extra", "zz-last", "aa-first", "e2e"))
    group = draft.data["steps"] if rng.random() < 0.75 else draft.data.setdefault("finally", {})
    group[name] = {"image": "busybox:1.36", "command": ["true"]}
    fitting = Fitting(draft.data, name, rng)
    known = SCHEMA["$defs"]["step"]["properties"]
    for key in rng.sample(sorted(set(known) - {"run", "shell", "packages", "title", "description", "resource"}), rng.randint(1, 6)):
        if key != "gate" or group is draft.data["steps"]:
            group[name][key] = fitting.value(known[key], key)
    if "foreach" not in group[name]:
        group[name].pop("parallel", None)
    return short({name: group[name]})


def grow(draft: Draft) -> str:
    """Another project altogether, grown of plausible keys: of each that is drawn, `mlc` says for one target whether it stays."""
    rng = draft.rng
    target = rng.choice(TARGETS)
    draft.data = {"mlc": "v1", "name": "grown", "steps": {"first": {"image": "busybox:1.36", "command": ["true"]}}}
    for number in range(rng.randint(15, 40)):
        before = deepcopy(draft.data)
        if rng.random() < 0.2:
            name = f"{rng.choice(('s', 'train', 'a-b', 'e2e'))}{number}"
            made = {"image": rng.choice(IMAGES[2:]), "command": ["prog"]}
            if rng.random() < 0.2:
                draft.data.setdefault("finally", {})[name] = made
            else:
                draft.data["steps"][name] = {**made, "needs": rng.choice(list(before["steps"]))}
        else:
            rng.choice((legal_key, legal_key, legal_key, legal_key, condition, threshold, argument, legal_top))(draft)
        source = SourceFile("spec.yaml", json.dumps(draft.data, ensure_ascii=False), beside=support.beside)
        if not driver.compile_source(source, (target,)).outputs:
            draft.data = before
    return f"{len(draft.data['steps'])} steps for {target}"


def condition(draft: Draft) -> str:
    """A `when` of a random expression."""
    name, step = draft.step()
    step["when"] = Fitting(draft.data, name, draft.rng).condition()
    return f"steps.{name}.when = {step['when']}"


def argument(draft: Draft) -> str:
    """A text with an expression among a step's args or env."""
    name, step = draft.step()
    text = Fitting(draft.data, name, draft.rng).text()
    if draft.rng.random() < 0.5:
        args = step.get("args")
        step["args"] = [*args, text] if isinstance(args, list) else [text]
    else:
        step["env"] = {**(step.get("env") or {}), "EXTRA": text}
    return f"steps.{name} {short(text)}"


def threshold(draft: Draft) -> str:
    """Thresholds combined, on a metric of a step that another is gated by."""
    rng = draft.rng
    with_metrics = [name for name, step in draft.data["steps"].items() if isinstance(step.get("metrics"), dict) and step["metrics"]]
    name = rng.choice(with_metrics) if with_metrics else draft.step(main=True)[0]
    metrics = draft.data["steps"][name].setdefault("metrics", {"score": "/tmp/score"})
    metric = rng.choice(sorted(metrics))
    entry = metrics[metric] if isinstance(metrics[metric], dict) else {"path": metrics[metric]}
    metrics[metric] = {"path": entry.get("path"), **Fitting(draft.data, name, rng).metric()}
    others = [other for other in draft.data["steps"] if other != name]
    if others and rng.random() < 0.7:
        draft.data["steps"][rng.choice(others)]["gate"] = name
    return f"steps.{name}.metrics.{metric} = {short(metrics[metric])}"


def graft(draft: Draft) -> str:
    """A step of another spec, with what of its project it needs."""
    rng = draft.rng
    other = deepcopy(document(rng.choice(sorted(specs()))))
    name: str = rng.choice(sorted(other["steps"]))
    step = {**other.get("defaults", {}), **other["steps"][name]}
    kept = {key: value for key, value in step.items() if rng.random() < 0.8 or key in ("image", "command", "run", "shell", "packages")}
    for key in ("params", "images", "volumes", "artifacts", "templates", "machines"):
        draft.data[key] = {**(other.get(key) or {}), **(draft.data.get(key) or {})}
    draft.data["steps"][f"{name}-too"[-50:]] = kept
    return name


def strip(draft: Draft) -> str:
    """A step with few of its keys."""
    name, step = draft.step()
    gone = [key for key in step if key not in ("image", "command", "run") and draft.rng.random() < 0.5]
    for key in gone:
        del step[key]
    return f"steps.{name} without {' '.join(gone)}" if gone else ""


def enumerator(draft: Draft) -> str:
    """Another of the words that the schema allows."""
    places = [
        place
        for place in draft.scalars(str)
        if place[0][-1] in ("type", "shell", "on", "pull_policy", "access_mode", "format") or place[0][0] == "artifacts"
    ]
    return draft.put(places, odd.ENUMERATORS)


def many(draft: Draft) -> str:
    """Many of one thing."""
    rng = draft.rng
    name, step = draft.step(main=True)
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


def shuffle(draft: Draft) -> str:
    """Keys in another order."""
    places = [(path, parent, key) for path, parent, key in draft.nodes() if isinstance(parent[key], dict) and len(parent[key]) > 1]
    if not places:
        return ""
    path, parent, key = draft.rng.choice(places)
    items = list(parent[key].items())
    draft.rng.shuffle(items)
    parent[key] = dict(items)
    return dotted(path)
