"""What the engines say about questions of tests/conformance/meaning.py: one condition evaluated, or a whole run played."""

from __future__ import annotations

import functools
import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.conformance import engines
from tests.conformance.meaning import (
    ARRIVES,
    ENDINGS,
    FAILS,
    GIVEN,
    NEVER,
    PARAMS,
    REFUSED,
    RUNS,
    SKIPPED,
    USERS,
    WAITS,
    Gate,
    When,
    code,
    target,
)  # fmt: skip
from tests.conformance.playing import compiled
from tests.kfp_backend import Run, kubelet

Question = Gate | When
Files = Mapping[str, Mapping[str, str | None]]
"""By step: what it writes, by the name of the value or metric; None is a file that it does not write."""


DECIDERS = (*engines.ARGO, *engines.KFP)
"""The engines that decide a condition."""

PLAYERS = (*engines.CONTROLLERS, *engines.KFP)
"""Those that play whole runs."""


def project(steps: Mapping[str, Any], params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A spec."""
    return {"mlc": "v1", "name": "meaning", **({"params": params} if params else {}), "steps": steps}


# --- what an engine reads of a file -------------------------------------------------------------------------------------------


def read(name: str, texts: Sequence[str | None]) -> list[str | None]:
    """What an engine holds of each file of a value or metric; None where the step that wrote it fails.

    Argo's executor takes off one line break (workflow/executor/executor.go, SaveParameters). KFP's launcher takes the file as it is
    (component/launcher_v2.go, collectOutputParameters), and that file is what the wrapper of the step leaves.
    """
    if name not in engines.KFP:
        return [text if text is None else text.removesuffix("\n") for text in texts]
    unknown = [text for text in dict.fromkeys(texts) if text not in _left]
    if unknown:
        _left.update(zip(unknown, _left_by_wrapper(unknown), strict=True))
    return [_left[text] for text in texts]


_left: dict[str | None, str | None] = {}


def _left_by_wrapper(texts: Sequence[str | None]) -> list[str | None]:
    """The files after the wrapper that `mlc` writes, run by a shell. Where a step of many fails, halves of them tell for which."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "src").mkdir()
        for index, text in enumerate(texts):
            if text is not None:
                (root / "src" / f"m{index}").write_text(text, encoding="utf-8", newline="")
        metrics = {f"m{index}": f"{folder}/out/m{index}" for index in range(len(texts))}
        step = {"image": "a:1", "command": ["cp", "-R", f"{folder}/src", f"{folder}/out"], "metrics": metrics}
        manifest = next(yaml.load_all(compiled(project({"make": step}), "kfp"), yaml.CSafeLoader))
        run = Run(root, manifest["components"]["comp-make"])
        ended = run.start(manifest["deploymentSpec"]["executors"]["exec-make"]["container"], ["sh"])
        if ended.returncode == 0:
            return [run.parameter(name).read_bytes().decode() for name in metrics]
    if len(texts) == 1:
        assert ended.stderr.startswith("mlc: step make: metric m0"), ended.stderr
        return [None]
    half = len(texts) // 2
    return _left_by_wrapper(texts[:half]) + _left_by_wrapper(texts[half:])


# --- one condition ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Condition:
    """The condition of a step as it stands in the manifest."""

    text: str
    files: Mapping[str, str]
    """What it calls each file of the step before."""
    params: Mapping[str, tuple[str, str]]
    """By what it calls them: the run's parameters that it gets, and their types on KFP."""


def decided(name: str, questions: Sequence[Question], params: Mapping[str, str] = GIVEN) -> list[str]:
    """What an engine's own code for conditions says to those of a manifest."""
    found = _conditions(target(name), questions)
    texts = [text for question in questions for text in question.files.values()]
    held = iter(read(name, texts))
    asked: list[tuple[str, str] | None] = []
    for question, condition in zip(questions, found, strict=True):
        files = {port: next(held) for port in question.files}
        if None in files.values():
            asked.append(None)
            continue
        given: dict[str, Any] = {called: files[port] for called, port in condition.files.items()}
        given.update((called, _typed(params[param], kind)) for called, (param, kind) in condition.params.items())
        asked.append((condition.text, json.dumps(given)))
    known = _decided.setdefault(name, {})
    new = [key for key in dict.fromkeys(asked) if key is not None and key not in known]
    known.update(zip(new, _evaluated(name, new), strict=True))
    return [FAILS if key is None else known[key] for key in asked]


_decided: dict[str, dict[tuple[str, str], str]] = {}
"""By engine: its decisions so far, by the condition and what the names in it stand for."""


def _evaluated(name: str, questions: Sequence[tuple[str, str]]) -> list[str]:
    op, text, values = ("cel", "expression", "parameters") if name in engines.KFP else ("when", "text", "values")
    if name in engines.ARGO and name not in engines.CONTROLLERS:
        op = "template"  # the program holds no controller, but what makes `true` or `false` of the condition
    answers = engines.engine(name).ask_all(op, [{text: condition, values: json.loads(given)} for condition, given in questions])
    return [_decision(op, condition, answer) for (condition, _), answer in zip(questions, answers, strict=True)]


def _decision(op: str, condition: str, answer: Mapping[str, Any]) -> str:
    if "failed" in answer:
        return FAILS
    found = answer["value"]
    if op == "template":
        if found == condition:  # it leaves what it cannot evaluate, which is no condition for govaluate
            return FAILS
        assert found in ("true", "false"), answer
        found = found == "true"
    return RUNS if found else SKIPPED


def _typed(text: str, kind: str) -> str | float | bool:
    """A parameter as the API of KFP gets it; on Argo all of them are texts."""
    return float(text) if kind.startswith("NUMBER") else text == "true" if kind == "BOOLEAN" else text


def _conditions(of: str, questions: Sequence[Question]) -> list[Condition]:
    keys = [json.dumps([question.make, question.use("make-0")], sort_keys=True) for question in questions]
    found = _compiled_conditions(of, tuple(dict.fromkeys(keys)))
    return [found[key] for key in keys]


@functools.cache
def _compiled_conditions(of: str, keys: tuple[str, ...]) -> dict[str, Condition]:
    makers: dict[str, str] = {}
    steps: dict[str, Any] = {}
    for index, key in enumerate(keys):
        make, use = json.loads(key)
        name = makers.setdefault(json.dumps(make), f"make-{len(makers)}")
        steps[name] = make
        steps[f"use-{index}"] = json.loads(json.dumps(use).replace("make-0", name))
    manifest = next(yaml.load_all(compiled(project(steps, PARAMS), of), yaml.CSafeLoader))
    take = _of_argo if of == "argo" else _of_kfp
    return {key: take(manifest, f"use-{index}") for index, key in enumerate(keys)}


def _of_argo(manifest: Mapping[str, Any], step: str) -> Condition:
    templates = {template["name"]: template for template in manifest["spec"]["templates"]}
    task = next(task for task in templates["entrypoint"]["dag"]["tasks"] if task["name"] == step)
    before = task["depends"].removesuffix(".Succeeded")
    files = [parameter["name"] for parameter in templates[before]["outputs"]["parameters"]]
    params = [parameter["name"] for parameter in manifest["spec"]["arguments"]["parameters"]]
    return Condition(
        task["when"],
        {f"tasks.{before}.outputs.parameters.{name}": name for name in files},
        {f"workflow.parameters.{name}": (name, "") for name in params},
    )


def _of_kfp(manifest: Mapping[str, Any], step: str) -> Condition:
    task = manifest["root"]["dag"]["tasks"][step]
    types = manifest["components"][task["componentRef"]["name"]]["inputDefinitions"]["parameters"]
    files, params = {}, {}
    for called, source in task["inputs"]["parameters"].items():
        if "taskOutputParameter" in source:
            files[called] = source["taskOutputParameter"]["outputParameterKey"]
        else:
            params[called] = (source["componentInputParameter"], types[called]["parameterType"])
    return Condition(task["triggerPolicy"]["condition"], files, params)


# --- a whole run --------------------------------------------------------------------------------------------------------------

BATCH = 20
"""Questions in one run: the controllers look at every step in every round, so that some short runs are faster than a long one."""


def play(
    name: str, spec: Mapping[str, Any], files: Files, params: Mapping[str, str] | None = None, failing: Sequence[str] = ()
) -> dict[str, Any]:
    """The engine's answer about a run of a spec's own manifest, in which steps write these files, and some fail."""
    outcomes: dict[str, list[dict[str, Any]]] = {}
    held = iter(read(name, [text for texts in files.values() for text in texts.values()]))
    for step, texts in files.items():
        found = {port: next(held) for port in texts}
        if name not in engines.KFP:
            found = dict(texts)  # the executor of the engine reads them itself
        if step in failing or (name in engines.KFP and None in found.values()):
            outcomes[step] = [{"exit": 1}]  # the program's own, or the wrapper's
        else:
            outcomes[step] = [{"exit": 0, "outputs": {port: text for port, text in found.items() if text is not None}}]
    manifest = compiled(spec, target(name))
    return engines.engine(name).ask("play", manifest=manifest, parameters=dict(params or {}), outcomes=outcomes)


def became(answer: Mapping[str, Any], step: str, of: str = "") -> str:
    """What became of a step that depends on the step `of` alone."""
    found = answer["steps"][step]
    match found["phase"], found["attempts"]:
        case "Succeeded", 1:
            return RUNS
        case "Skipped", 0:
            return SKIPPED
        case (("Error" | "Failed"), 0):
            return FAILS
        case "Omitted", 0 if of:
            return FAILS if answer["steps"][of]["phase"] in ("Error", "Failed") else SKIPPED
    raise AssertionError(f"step {step}: {found}")


def played(name: str, questions: Sequence[Question], params: Mapping[str, str] = GIVEN) -> list[str]:
    """What becomes of the steps `use` when an engine plays runs with many of the questions in each."""
    if len(questions) > BATCH:
        return played(name, questions[:BATCH], params) + played(name, questions[BATCH:], params)
    makers: dict[str, str] = {}
    steps: dict[str, Any] = {}
    files: dict[str, Mapping[str, str | None]] = {}
    uses: list[tuple[str, str]] = []
    for index, question in enumerate(questions):
        make = makers.setdefault(json.dumps([question.make, question.files], sort_keys=True), f"make-{len(makers)}")
        steps[make], files[make] = question.make, question.files
        uses.append((f"use-{index}", make))
        steps[f"use-{index}"] = question.use(make)
    answer = play(name, project(steps, PARAMS), files, params)
    return [became(answer, use, make) for use, make in uses]


# --- texts of a run in arguments and env --------------------------------------------------------------------------------------

SHOW = ["sh", "-c", 'printf "%s\\0" "$@" "$A" "$B"', "x"]
"""A program that prints its arguments and two variables, each followed by a NUL."""
AROUND = (("", ""), ("--x=", "!"), ("", ""), ("<", ">"))
"""What stands before and behind a text in each of them."""


def user(reference: str) -> dict[str, Any]:
    """A step that gets a reference in every place that takes one, alone and with text around it."""
    words = [f"{before}${{{{ {reference} }}}}{after}" for before, after in AROUND]
    return {"image": "a:1", "command": SHOW, "args": words[:2], "env": dict(zip("AB", words[2:], strict=True))}


def printed(name: str, found: Mapping[str, Any]) -> list[str]:
    """What the program of a step prints that an engine started. On KFP, what the launcher runs has been read by the kubelet."""
    env: dict[str, str] = {}
    for key, text in found["env"].items():
        if isinstance(text, str):
            env[key] = kubelet(text, env) if name in engines.CONTROLLERS else text
    words = [*found["command"], *found["args"]]
    if name in engines.CONTROLLERS:
        words = [kubelet(word, env) for word in words]
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run(words, env={"PATH": "/usr/bin:/bin", **env}, cwd=folder, capture_output=True, timeout=30, check=True)
    return ended.stdout.decode().split("\0")[:-1]


def fate(name: str, answer: Mapping[str, Any], step: str, text: str, kind: str) -> str:
    """What becomes of a text that a step takes from a parameter, a value or a metric."""
    found = answer["steps"][step]
    if not found["attempts"]:
        return REFUSED if answer["phase"] in ("Failed", "Error") else WAITS
    for word, (before, after) in zip(printed(name, found), AROUND, strict=True):
        inner = word[len(before) : len(word) - len(after)]
        if word != before + inner + after or not _same(inner, text, kind):
            return f"arrives as {code(word)}"
    return ARRIVES


def _same(found: str, text: str, kind: str) -> bool:
    if kind in ("string", "bool"):
        return found == text
    try:  # engines print numbers and documents in their own way
        return bool(json.loads(found) == json.loads(text))
    except ValueError:
        return found == text


def fates_of_parameters(name: str, kind: str, texts: Sequence[str]) -> list[str]:
    """What becomes of texts that runs are given as parameters: many in one run, where none of them is in the way of others."""
    if len(texts) > BATCH:
        return fates_of_parameters(name, kind, texts[:BATCH]) + fates_of_parameters(name, kind, texts[BATCH:])
    steps = {f"use-{index}": user(f"params.p{index}") for index in range(len(texts))}
    spec = project(steps, {f"p{index}": {"type": kind} for index in range(len(texts))})
    try:
        answer = play(name, spec, {}, {f"p{index}": text for index, text in enumerate(texts)})
    except engines.EngineError as error:
        assert "refused as it is submitted" in str(error), error  # noqa: PT017 - what the program says, no test of the error
        if len(texts) == 1:
            return [REFUSED]
    else:
        ends = [answer["steps"][step] for step in steps]
        if len(texts) == 1 or all(end["attempts"] or end["phase"] in ("Error", "Failed") for end in ends):
            found = [fate(name, answer, step, text, kind) for step, text in zip(steps, texts, strict=True)]
            return [one.replace(f"`{RUN_NAME}`", "the run's name") for one in found]
    half = len(texts) // 2
    return fates_of_parameters(name, kind, texts[:half]) + fates_of_parameters(name, kind, texts[half:])


RUN_NAME = "meaning-12345"
"""What the program calls every run of the project."""


def fates_of_files(name: str, kind: str, texts: Sequence[str]) -> list[str]:
    """What becomes of texts in the files of values, or of metrics (`kind` is "metric"), many of them in one run."""
    if len(texts) > BATCH:
        return fates_of_files(name, kind, texts[:BATCH]) + fates_of_files(name, kind, texts[BATCH:])
    steps: dict[str, Any] = {}
    files: dict[str, dict[str, str | None]] = {}
    port, entry = ("metrics", "/tmp/v") if kind == "metric" else ("values", {"path": "/tmp/v", "type": kind})
    for index, text in enumerate(texts):
        steps[f"make-{index}"] = {"image": "a:1", "command": ["make"], port: {"v": entry}}
        steps[f"use-{index}"] = user(f"steps.make-{index}.{port}.v")
        files[f"make-{index}"] = {"v": text}
    answer = play(name, project(steps), files)
    return [fate(name, answer, f"use-{index}", text.removesuffix("\n"), kind) for index, text in enumerate(texts)]


# --- steps before that did not write anything ---------------------------------------------------------------------------------


_WRITTEN: Mapping[str, str | None] = {"m": "0.93", "s": "prod", "b": "true"}
_ENDINGS: Sequence[tuple[str, Mapping[str, str | None], bool]] = (
    ("", _WRITTEN, False),
    ("not params.b", _WRITTEN, False),
    ("", {}, True),
    ("", dict.fromkeys(_WRITTEN), False),
)
"""Ends of the step `make`, in the order of the rules: its `when`, what it writes, whether its program fails."""


def ends(name: str) -> dict[str, dict[str, str]]:
    """By how the step before ended: what becomes of the steps that use what it wrote, and of the run."""
    found: dict[str, dict[str, str]] = {}
    for ending, (when, written, fails) in zip(ENDINGS, _ENDINGS, strict=True):
        values = {"s": "/tmp/s", "b": {"path": "/tmp/b", "type": "bool"}}
        make = {"image": "a:1", "command": ["make"], "values": values, "metrics": {"m": {"path": "/tmp/m", "min": 0.5}}}
        steps = {"make": {**make, **({"when": when} if when else {})}}
        steps.update((f"use-{index}", {"image": "a:1", "command": ["use"], **use}) for index, use in enumerate(USERS.values()))
        answer = play(name, project(steps, {"b": True}), {"make": written}, failing=("make",) if fails else ())
        before = answer["steps"]["make"]["phase"]
        became_of = [became(answer, f"use-{index}", "make") for index in range(len(USERS))]
        if before in ("Failed", "Error"):
            became_of = [NEVER if each == FAILS else each for each in became_of]
        found[ending] = {**dict(zip(USERS, became_of, strict=True)), "the run": RUN_ENDS[answer["phase"]]}
    return found


RUN_ENDS = {"Succeeded": "green", "Failed": "red", "Error": "red"}
