"""The table of scenarios and random projects, played by the scheduler: states, attempts, the end of the run, its claims."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mlc.local.job import Ended
from mlc.local.store import open_store
from tests.conformance import model
from tests.conformance.graphs import Case, cases
from tests.conformance.table import scenarios
from tests.local.scripted import Did, Played, play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mlc.local.job import Job
    from mlc.local.store import Store
    from tests.conformance.table import Scenario

SCENARIOS = scenarios()
SETTINGS = settings(
    max_examples=150,
    derandomize=True,
    phases=[Phase.generate],
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


def scripted(spec: model.Spec, outcomes: model.Outcomes) -> Callable[[Job], Did]:
    """Programs that do what outcomes say, as `model.play` reads them."""
    groups = [spec, {**spec, "steps": spec.get("finally") or {}}]

    def did(job: Job) -> Did:
        name = job.step.name
        [group] = [group for group in groups if name in group["steps"]]
        attempts = outcomes.get(job.task) or outcomes.get(name) or ({},)
        attempt = attempts[min(job.attempt, len(attempts)) - 1]
        if attempt.get("lost"):
            return Did(ended=Ended(None, lost=True))
        if attempt.get("timeout"):
            return Did(ended=Ended(143, timed_out=True))
        texts: dict[str, Any] = dict(model.files(group, name, attempt))
        missing = attempt.get("missing", ())
        files = {path: texts.get(port, f"output {port}") for (_, port), path in job.declared.items() if port not in missing}
        return Did(files, Ended(attempt.get("exit", 0)))

    return did


def differences(end: model.RunEnd, played: Played) -> list[str]:
    """Where a run is not as the model says."""
    found = []
    if played.phase != end.phase:
        found.append(f"the run is {played.phase}, not {end.phase}")
    for name, step in end.steps.items():
        state = played.states.get(name, "absent")
        if state != step.state:
            reason = played.last(name).reason if name in played.states else ""
            found.append(f"{name} is {state} ({reason}), not {step.state} ({step.cause})")
        if played.attempts.get(name, 0) != step.attempts:
            found.append(f"{name} had {played.attempts.get(name, 0)} attempts, not {step.attempts}")
    found.extend(f"{name} is {state}, and should not be there" for name, state in played.states.items() if name not in end.steps)
    for what, claims in (("made", played.around.made), ("removed", played.around.removed)):
        if sorted(claims) != sorted(end.claims):
            found.append(f"the claims {claims} were {what}, not {sorted(end.claims)}")
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(tmp_path / "state")) as found:
        yield found


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_scenario(scenario: Scenario, store: Store) -> None:
    """A run here ends as the language says, whatever an engine cannot do; what is kept of it says the same."""
    end = model.play(scenario.spec, scenario.outcomes, scenario.params)
    played = play(store, scenario.spec, scripted(scenario.spec, scenario.outcomes), params=scenario.params)
    assert not differences(end, played)
    if scenario.targets != ("kfp",):
        assert {name: played.states.get(name) for name in scenario.states} == scenario.states
        assert played.phase == scenario.run
        assert {name: played.attempts.get(name, 0) for name in scenario.attempts} == scenario.attempts
    assert {task.name: task.state for task in store.tasks(played.run.name)} == played.states
    assert played.run.phase == played.phase


@pytest.mark.parametrize("target", ["argo", "kfp"])
def test_random_graphs(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn for an engine ends here as in the model; any number of attempts at once makes no difference."""
    monkeypatch.setattr("os.fsync", lambda _: None)  # these runs are many, and nobody pulls the plug
    tally: Counter[str] = Counter()
    jobs = itertools.cycle((1, 2, 5))

    @SETTINGS
    @given(cases(target))
    def run(case: Case) -> None:
        end = model.play(case.spec, case.outcomes, case.params)
        store = open_store(tmp_path / str(tally["runs"]))  # of its own: some steps may take what they find in the cache
        played = play(store, case.spec, scripted(case.spec, case.outcomes), params=case.params, jobs=next(jobs))
        store.close()
        tally["runs"] += 1
        tally.update(step.state for step in end.steps.values())
        assert not differences(end, played)

    run()
    assert min(tally[state] for state in ("Succeeded", "Skipped", "Failed", "NotRun")) > tally.total() / 50


# --- loops --------------------------------------------------------------------------------------------------------------------

ITEMS: tuple[Mapping[str, Any], ...] = (
    {"x": [1, 2, 3]},
    {"x": ["a", "b"]},
    {"x": [0.5], "y": [True, False]},
    {"x": "${{ params.rates }}"},
    {"x": "${{ steps.split.values.parts }}"},
)


@st.composite
def loops(draw: st.DrawFn) -> Case:
    """A project with one or two loops, their riders, and steps before, beside and after them."""

    def often() -> bool:
        return draw(st.integers(0, 9)) >= 3

    def attempt(ports: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
        kind = draw(st.sampled_from(("good",) * 7 + ("exit", "missing", "lost")))
        if kind == "exit":
            return {"exit": 3}
        if kind == "lost":
            return {"lost": True}
        if kind == "missing":
            return {"missing": [draw(st.sampled_from(sorted(ports)))]}
        return {"writes": {name: draw(st.sampled_from(texts)) for name, texts in ports.items()}}

    steps: dict[str, dict[str, Any]] = {
        "split": {"values": {"parts": {"path": "/tmp/parts", "type": "list"}, "n": {"path": "/tmp/n", "type": "int"}}},
        "gate": {"metrics": {"share": {"path": "/tmp/share", "max": 0.5}}},
    }
    outcomes: dict[str, list[dict[str, Any]]] = {
        "split": [attempt({"parts": ("[1,2]", '["p", "q", "r"]', "[]", '["{{x}}"]', "none"), "n": ("2", "7", "many")})],
        "gate": [attempt({"share": ("0.1", "0.1", "0.9", "NaN")})],
    }
    ports = {"m": ("0.7", "0.9", "0.95", "0.9", "NaN"), "v": ("1", "12", "007", "-0", "odd")}
    for loop in ("train", "tune")[: draw(st.integers(1, 2))]:
        foreach = dict(draw(st.sampled_from(ITEMS)))
        if loop == "tune" and often():
            foreach = {"x": "${{ steps.train.values.v }}"}
        metric: dict[str, Any] = {"path": "/tmp/m", "min": 0.9}
        if not often():
            metric["on_miss"] = "fail"
        head: dict[str, Any] = {"foreach": foreach, "args": ["${{ each.x }}"], "metrics": {"m": metric}}
        head["values"] = {"v": {"path": "/tmp/v", "type": "int"}}
        head["outputs"] = {f"model-{loop}": "/out/model"}
        if not often():
            head["gate"] = "gate"
        if not often():
            head["when"] = "steps.split.values.n > 5"
        if not often():
            head["retry"] = {"limit": 1}
        if often():
            head["parallel"] = draw(st.integers(1, 2))
        judge: dict[str, Any] = {"each": loop, "inputs": {f"model-{loop}": "/in/model"}}
        if often():
            judge["gate"] = loop
        if not often():
            judge["env"] = {"V": f"${{{{ steps.{loop}.values.v }}}}", "N": "${{ steps.split.values.n }}"}
        steps |= {loop: head, f"judge-{loop}": judge, f"tell-{loop}": {"each": f"judge-{loop}"}}
        after: dict[str, Any] = {"needs": f"tell-{loop}"}
        if often():
            after["args"] = [f"${{{{ steps.{loop}.values.v }}}}"]
        steps[f"after-{loop}"] = after
        for index in range(4):
            outcomes[f"{loop}[{index}]"] = [attempt({**ports, f"model-{loop}": ("x", "y")}) for _ in range(2)]
            outcomes[f"judge-{loop}[{index}]"] = [{} if often() else {"exit": 1}]
            for one in outcomes[f"{loop}[{index}]"]:
                one.get("writes", {}).pop(f"model-{loop}", None)
    params = {"rates": {"type": "list", "default": draw(st.sampled_from(([], [0.5, 1], ["a"])))}}
    defaults = {"image": "acme/step:1.0", "command": ["work"]}
    spec = {"mlc": "v1", "name": "loops", "params": params, "defaults": defaults, "steps": steps}
    if often():
        spec["finally"] = {"last": {"args": ["${{ run.status }}"]}}
    return Case(spec, {}, outcomes)


def test_random_loops(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops of every kind end as in the model, and never more items go at once than they say."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    tally: Counter[str] = Counter()

    @SETTINGS
    @given(loops())
    def run(case: Case) -> None:
        end = model.play(case.spec, case.outcomes, case.params)
        played = play(store, case.spec, scripted(case.spec, case.outcomes), params=case.params, jobs=4)
        tally.update(step.state for step in end.steps.values())
        for head in ("train", "tune"):
            parallel = case.spec["steps"].get(head, {}).get("parallel", 99)
            for going in played.runner.together:
                items = {task.partition("[")[2] for task in going if "[" in task and task.partition("[")[0].endswith(head)}
                assert len(items) <= parallel
        assert played.runner.most <= 4
        assert not differences(end, played)

    run()
    assert min(tally[state] for state in ("Succeeded", "Skipped", "Failed", "NotRun")) > tally.total() / 50
