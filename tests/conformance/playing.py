"""From a spec and outcomes to what an engine makes of them, and how that compares with the model.

How the states of the model and the phases of an engine's nodes correspond (`expected`):

| the model | Argo Workflows | Kubeflow Pipelines |
|---|---|---|
| Succeeded | Succeeded | Succeeded |
| Failed | Failed; Error where a pod was lost, a declared file is missing, or an expression cannot be evaluated | the same |
| Skipped, by its own condition | Skipped | Skipped |
| Skipped or NotRun, by what it depends on | Omitted | Omitted |

An engine does not tell whether it omitted a step for a skipped or for a failed dependency; the model does. A run that ends `Failed` or
`Error` is `Failed`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlc import driver
from mlc.source import SourceFile
from tests import support
from tests.conformance import model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.engines import Engine
    from tests.conformance.model import Outcomes, Spec, StepEnd


ITEMS = 8
"""As many as any loop here has."""


@dataclass(frozen=True)
class Refused(Exception):
    """The codes and messages with which `mlc` refuses a spec."""

    problems: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join(self.problems)


def compiled(spec: Spec, target: str) -> str:
    """The manifest of a spec. Raises `Refused`."""
    result = driver.compile_source(SourceFile("spec.yaml", json.dumps(spec, ensure_ascii=False), beside=support.beside), (target,))
    if not result.outputs:
        raise Refused(tuple(f"{item.code} {item.message}" for item in result.diagnostics if item.severity == "error"))
    return result.outputs[0].text


def requested(spec: Spec, outcomes: Outcomes, target: str) -> dict[str, list[dict[str, Any]]]:
    """The outcomes of every step in the form that the engines take: every text in full, and what is not written.

    A timeout is a program that was killed: a pod that its deadline ended is to the controller as failed as that one (operator.go,
    inferFailedReason). On KFP the program of a pod is the wrapper, which leaves out the line break at the end of a text, and fails where
    an output is missing that somebody needs (tests/test_wrapper.py and test_optional.py show it with real shells).
    """
    found = {}
    for group in (spec, {**spec, "steps": spec.get("finally") or {}}):
        for name in group["steps"]:
            items = [f"{name}[{index}]" for index in range(ITEMS)] if name in model.loops(group) else []
            for key in (name, *items):
                given = outcomes.get(key) or outcomes.get(name) or ({},)
                found[key] = [_attempt(group, name, attempt, target) for attempt in given]
    return found


def _attempt(spec: Spec, name: str, attempt: Mapping[str, Any], target: str) -> dict[str, Any]:
    if attempt.get("lost"):
        return {"error": True}
    if attempt.get("timeout"):
        return {"exit": 137}
    if attempt.get("exit", 0):
        return {"exit": attempt["exit"]}
    outputs = [port for port in attempt.get("missing", ()) if model.declared(spec, name)[port] == "output"]
    if target == "kfp":
        return {"exit": 1} if set(outputs) - model.left_out(spec) else {"exit": 0, "outputs": model.written(spec, name, attempt)}
    return {"exit": 0, "outputs": model.files(spec, name, attempt), "missing": outputs}


def expected(step: StepEnd) -> tuple[str, ...]:
    """The phases that an engine's node of a step may have."""
    if step.state == "Failed":
        return ("Failed", "Error")
    if step.cause == "upstream":
        return ("Omitted",)
    return (step.state,)


def differences(spec: Spec, outcomes: Outcomes, params: Mapping[str, str], manifest: str, engine: Engine) -> list[str]:
    """Where an engine's run of a manifest is not the model's run of the spec, in words; nothing where they agree."""
    end = model.play(spec, outcomes, params, engine.name)
    said = requested(spec, outcomes, engine.name.partition("-")[0])
    answer = engine.ask("play", manifest=manifest, parameters=dict(params), outcomes=said)
    found = []
    phase = "Failed" if answer["phase"] == "Error" else answer["phase"]
    if phase != end.phase:
        found.append(f"the run is {answer['phase']} ({answer['message']}), not {end.phase}")
    every = {**spec, "steps": {**spec["steps"], **(spec.get("finally") or {})}}
    for name, step in end.steps.items():
        got = answer["steps"].get(name, {"phase": "absent", "attempts": 0, "message": ""})
        if got["phase"] not in expected(step):
            found.append(f"step {name} is {got['phase']} ({got['message']}), not {step.state} ({step.cause or 'done'})")
        elif got["attempts"] != step.attempts and "foreach" not in every["steps"].get(name, {}):  # a loop has none of its own
            found.append(f"step {name} had {got['attempts']} attempts, not {step.attempts}")
    for what, claims in (("created", end.claims), ("deleted", set(end.claims) - set(end.kept))):
        if sorted(answer["claims"][what]) != sorted(claims):
            found.append(f"the claims {sorted(answer['claims'][what])} were {what}, not {sorted(claims)}")
    return found
