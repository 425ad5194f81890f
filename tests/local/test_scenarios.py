"""The table of scenarios, played by the scheduler: every state, every number of attempts, the end of the run and its claims."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlc.local.job import Ended
from mlc.local.store import open_store
from tests.conformance import model
from tests.conformance.table import scenarios
from tests.local.scripted import Did, Played, play

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlc.local.job import Job
    from mlc.local.store import Store
    from tests.conformance.table import Scenario

SCENARIOS = scenarios()


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


def differences(spec: model.Spec, params: model.Mapping[str, str], end: model.RunEnd, played: Played) -> list[str]:
    """Where a run is not as the model says."""
    found = []
    if played.phase != end.phase:
        found.append(f"the run is {played.phase}, not {end.phase}")
    for name, step in end.steps.items():
        state = played.states.get(name, "absent")
        if state != step.state:
            found.append(
                f"{name} is {state} ({played.last(name).reason if name in played.states else ''}), not {step.state} ({step.cause})"
            )
        if played.attempts.get(name, 0) != step.attempts:
            found.append(f"{name} had {played.attempts.get(name, 0)} attempts, not {step.attempts}")
    found.extend(f"{name} is {state}, and should not be there" for name, state in played.states.items() if name not in end.steps)
    for what, claims in (("made", played.around.made), ("removed", played.around.removed)):
        if sorted(claims) != sorted(end.claims):
            found.append(f"the claims {claims} were {what}, not {sorted(end.claims)}")
    return found


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "state")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_scenario(scenario: Scenario, store: Store) -> None:
    """A run here ends as the language says, whatever an engine cannot do."""
    end = model.play(scenario.spec, scenario.outcomes, scenario.params)
    played = play(store, scenario.spec, scripted(scenario.spec, scenario.outcomes), params=scenario.params)
    assert not differences(scenario.spec, scenario.params, end, played)
    if scenario.targets != ("kfp",):
        assert {name: played.states.get(name) for name in scenario.states} == scenario.states
        assert played.phase == scenario.run
        assert {name: played.attempts.get(name, 0) for name in scenario.attempts} == scenario.attempts
    kept = {task.name: task.state for task in store.tasks(played.run.name)}
    assert kept == played.states
    assert played.run.phase == played.phase
