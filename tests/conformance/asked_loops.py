"""What the engines say about questions of tests/conformance/meaning_loops.py: whole runs played, and the choice of the best item."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from tests import support
from tests.conformance import engines, playing
from tests.conformance.asked import AROUND, RUN_ENDS, fate, play, printed, project, user
from tests.conformance.meaning import ARRIVES, FAILS, REFUSED, RUNS, SKIPPED, code, target
from tests.conformance.meaning_loops import (
    COLUMNS,
    COMPARED,
    CONDITIONS,
    ENDINGS,
    GATHERED,
    ITEMS,
    LISTS,
    METRICS,
    WORDS,
    element,
    outcomes,
    readable,
    shown,
    times,
)  # fmt: skip
from tests.conformance.meaning_loops import project as loop_project

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LIST = {"image": "a:1", "command": ["make"], "values": {"l": {"path": "/tmp/l", "type": "list"}}}


def fates_of_items(name: str, source: str) -> list[str]:
    """What becomes of each of `ITEMS` in arguments and variables; the list comes from a `file`, or is a `parameter`."""
    text = f"[{','.join(ITEMS)}]"
    if source == "file":
        spec = project({"make": _LIST, "use": {**user("each.x"), "foreach": {"x": "${{ steps.make.values.l }}"}}})
        answer = play(name, spec, {"make": {"l": text}})
    else:
        spec = project({"use": {**user("each.x"), "foreach": {"x": "${{ params.l }}"}}}, {"l": {"type": "list"}})
        answer = play(name, spec, {}, {"l": text})
    said = []
    for index, item in enumerate(ITEMS):
        kind = "string" if item.startswith('"') else "list"
        said.append(fate(name, answer, f"use[{index}]", shown(json.loads(item)), kind))
    return said


def lists(name: str) -> list[str]:
    """What a loop over each of `LISTS` does, and the step that waits for it."""
    steps: dict[str, Any] = {}
    for index in range(len(LISTS)):
        steps[f"make-{index}"] = _LIST
        loop = {"foreach": {"x": f"${{{{ steps.make-{index}.values.l }}}}"}}
        steps[f"use-{index}"] = {"image": "a:1", "command": ["use", "${{ each.x }}"], **loop}
        steps[f"last-{index}"] = {"image": "a:1", "command": ["last"], "needs": f"use-{index}"}
    ends = play(name, project(steps), {f"make-{index}": {"l": text} for index, text in enumerate(LISTS)})["steps"]
    found = []
    for index in range(len(LISTS)):
        ran = [step for step, end in ends.items() if step.startswith(f"use-{index}[") and step.endswith("]") and end["attempts"]]
        loop, last = ends[f"use-{index}"]["phase"], ends[f"last-{index}"]["phase"]
        done = loop == "Succeeded"
        assert last == ("Succeeded" if done else "Omitted"), (LISTS[index], loop, last)
        assert done or not ran, (LISTS[index], ran)
        found.append(times(len(ran)) if done else FAILS)
    return found


FAIR = {"string": "text", "int": "1", "float": "0.5", "bool": "true", "list": "[0]", "dict": '{"k":0}'}
"""What the first of two items writes."""
TOGETHER = 12
"""Values in one loop, where none of them is expected to fail the program."""


def gathered(name: str, kind: str) -> list[str]:
    """What becomes of each text of `GATHERED` in the list of a loop's values. Texts that may fail a step have a loop of their own."""
    good = [text for text in GATHERED[kind] if readable(text, kind)]
    loops = [good[start : start + TOGETHER] for start in range(0, len(good), TOGETHER)]
    loops += [[text] for text in GATHERED[kind] if text not in good]
    steps: dict[str, Any] = {}
    files: dict[str, dict[str, str | None]] = {}
    places: dict[str, str] = {}
    for index, texts in enumerate(loops):
        values = {f"v{number}": {"path": f"/tmp/v{number}", "type": kind} for number in range(len(texts))}
        steps[f"make-{index}"] = {"image": "a:1", "command": ["make", "${{ each.x }}"], "foreach": {"x": ["a", "b"]}, "values": values}
        files[f"make-{index}[0]"] = dict.fromkeys(values, FAIR[kind])
        files[f"make-{index}[1]"] = dict(zip(values, texts, strict=True))
        for number, text in enumerate(texts):
            places[text] = f"use-{index}-{number}"
            steps[places[text]] = user(f"steps.make-{index}.values.v{number}")
    answer = play(name, project(steps), files)
    return [_gathered(name, answer, places[text], text, kind) for text in GATHERED[kind]]


def _gathered(name: str, answer: Mapping[str, Any], step: str, text: str, kind: str) -> str:
    if not answer["steps"][step]["attempts"]:
        assert answer["phase"] in ("Failed", "Error")
        return REFUSED
    for word, (before, after) in zip(printed(name, answer["steps"][step]), AROUND, strict=True):
        first, found = json.loads(word[len(before) : len(word) - len(after)])
        assert _same(first, element(FAIR[kind], kind)), (text, word)
        if not readable(text, kind) or not _same(found, element(text, kind)):
            return f"arrives as {code(json.dumps(found, ensure_ascii=False))}"
    return ARRIVES


def _same(found: Any, expected: Any) -> bool:
    """Equal, and both or none of them true or false. A float may lose its fraction of zero."""
    return bool(found == expected) and isinstance(found, bool) == isinstance(expected, bool)


@functools.cache
def _conditions(name: str) -> dict[str, list[str]]:
    """One loop, and a step that rides along for each condition."""
    steps: dict[str, Any] = {"make": _LIST}
    steps["head"] = {"image": "a:1", "command": ["head"], "foreach": {"x": "${{ steps.make.values.l }}"}}
    for index, expression in enumerate(CONDITIONS):
        steps[f"use-{index}"] = {"image": "a:1", "command": ["use"], "each": "head", "when": expression}
    ends = play(name, project(steps), {"make": {"l": f"[{','.join(COMPARED)}]"}})["steps"]
    words = {("Succeeded", 1): RUNS, ("Skipped", 0): SKIPPED, ("Error", 0): FAILS, ("Failed", 0): FAILS}
    found: dict[str, list[str]] = {}
    for index, expression in enumerate(CONDITIONS):
        items = [ends[f"use-{index}[{item}]"] for item in range(len(COMPARED))]
        found[expression] = [words[end["phase"], end["attempts"]] for end in items]
    return found


def conditions(name: str, expression: str) -> list[str]:
    """What becomes of a step that rides along, for each of `COMPARED`."""
    return _conditions(name)[expression]


BEST = """
steps:
  train:
    image: a/b:1
    command: [c, "${{ each.x }}"]
    foreach: {x: [1, 2]}
    outputs: {model: /m}
    metrics: {acc: {path: /a, key: test.acc}, high: /h, loss: {path: /l, below: 3}}
  use: {image: a/b:1, command: c, inputs: {model: {path: /m, best: METRIC}}}
"""
"""A project that takes the artifact of the best item, by the metric that stands for METRIC."""


def chosen(name: str, metric: str, texts: Sequence[str]) -> str:
    """The key that an engine takes, of items that wrote these texts and stored `run/INDEX/model`; "" where it ends the run."""
    (workflow,) = support.manifests(BEST.replace("METRIC", metric), "argo")
    tasks = {task["name"]: task for task in workflow["spec"]["templates"][0]["dag"]["tasks"]}
    key = tasks["use"]["arguments"]["artifacts"][0]["s3"]["key"]
    items = [{f"train_{metric}": text, "train_model": f"run/{index}/model"} for index, text in enumerate(texts)]
    answer = engines.engine(name).ask("template", text=key, values={"tasks.train.outputs.parameters.x-items": json.dumps(items)})
    text = str(answer.get("value", ""))
    return "" if text.startswith("{{=") else text  # older ones put back what they could not evaluate


def best(name: str, *, highest: bool) -> list[str]:
    """For each of `METRICS`, whose artifact is taken. KFP is not asked: `mlc` refuses the project."""
    keys = [chosen(name, "high" if highest else "loss", texts) for texts in METRICS]
    return [f"item {key.split('/')[1]}" if key else FAILS for key in keys]


def ends(name: str) -> dict[str, dict[str, str]]:
    """By what happens: how the loop ends, its items, the steps around it and the run."""
    found = {}
    for ending, (params, _) in ENDINGS.items():
        spec = loop_project(ending)
        said = playing.requested(spec, outcomes(ending), target(name))
        answer = engines.engine(name).ask("play", manifest=playing.compiled(spec, target(name)), parameters=dict(params), outcomes=said)
        red = RUN_ENDS[answer["phase"]] == "red"
        words = {**WORDS, "Error": WORDS["Failed"], "Omitted": WORDS["NotRun" if red else "Skipped"]}
        ran = {step: end["phase"] for step, end in answer["steps"].items()}
        found[ending] = {**{step: words[ran[step]] if step in ran else "" for step in COLUMNS}, "the run": RUN_ENDS[answer["phase"]]}
    return found
