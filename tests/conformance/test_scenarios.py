"""The table of scenarios: what the model says of each run, and what every engine makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conformance import model
from tests.conformance.engines import CONTROLLERS, KFP, engine
from tests.conformance.playing import compiled, differences
from tests.conformance.table import FOLDER, scenarios

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.table import Scenario

SCENARIOS = scenarios()
PLAYERS = [("argo", name) for name in CONTROLLERS] + [("kfp", name) for name in KFP]
LINE = "scenarios: {scenarios} played on {engines} engines, {differences} differences"

# Damage to a manifest, by target: a text, what it becomes, and a scenario that must notice.
DAMAGE = {
    "argo": [
        ("depends: first.Succeeded", "depends: first", "skip-chain"),
        ("left.Succeeded && right.Succeeded", "left.Succeeded || right.Succeeded", "diamond-with-one-branch-skipped"),
        ("depends: train.Succeeded", "depends: train", "loop-that-is-skipped"),
        ('default: "[]"', 'default: "1"', "empty-list-of-values"),
        ("all([", "any([", "gate-and-when"),
        ('limit: "3"', 'limit: "1"', "retry-then-success"),
        ("exitCode == '0'", "exitCode == '1'", "retry-after-missing-file"),
        ("retryPolicy: OnFailure", "retryPolicy: Always", "retry-is-not-for-lost-pods"),
        (" >= 0.8", " > 0.8", "exactly-at-the-threshold"),
        ("? true : false", "? false : true", "when-false"),
        ("asInt('value rows of step count is not an int')", "'1'", "number-in-an-argument-that-is-none"),
        ("strategy: OnWorkflowCompletion", "strategy: OnWorkflowSuccess", "claim-per-run-after-a-failure"),
    ],
    "kfp": [
        ("        - left\n        - right\n", "        - right\n", "diamond-with-one-branch-skipped"),
        (".all(c, c)", ".exists(c, c)", "gate-and-when"),
        ("maxRetryCount: 3", "maxRetryCount: 1", "retry-then-success"),
        (" >= 0.8", " > 0.8", "exactly-at-the-threshold"),
        ("parameter_values['deploy']", "parameter_values['deploy'] == false", "when-false"),
        ("strategy: ALL_UPSTREAM_TASKS_COMPLETED", "strategy: ALL_UPSTREAM_TASKS_SUCCEEDED", "claim-per-run-after-a-failure"),
    ],
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_model(scenario: Scenario) -> None:
    """The model says of each scenario what its table says: the state of every step, its attempts, and the end of the run."""
    target = scenario.targets[0] if len(scenario.targets) == 1 else ""
    end = model.play(scenario.spec, scenario.outcomes, scenario.params, target)
    assert {name: step.state for name, step in end.steps.items()} == scenario.states
    assert end.phase == scenario.run
    assert {name: end.steps[name].attempts for name in scenario.attempts} == scenario.attempts


@pytest.mark.parametrize("target, name", PLAYERS, ids=[name for _, name in PLAYERS])
def test_engine(target: str, name: str, counted: Callable[..., None]) -> None:
    """Every engine ends every scenario that its target can do as the model does: as the table says, but for what `model.play` lists."""
    played = [scenario for scenario in SCENARIOS if target in scenario.targets]
    found = [
        f"{scenario.name}: {text}"
        for scenario in played
        for text in differences(scenario.spec, scenario.outcomes, scenario.params, compiled(scenario.spec, target), engine(name))
    ]
    counted(LINE, scenarios=len(played), engines=1, differences=len(found))
    assert not found, "\n".join(found)
    assert len(played) >= 80


@pytest.mark.parametrize(
    "target, old, new, name",
    [(target, *damage) for target, all_of_it in DAMAGE.items() for damage in all_of_it],
    ids=lambda text: text[:30],
)
def test_damage_is_noticed(target: str, old: str, new: str, name: str) -> None:
    """A manifest that means something else does not end as the model says: what is compared can differ."""
    [scenario] = [scenario for scenario in SCENARIOS if scenario.name == name]
    manifest = compiled(scenario.spec, target)
    assert old in manifest
    first = next(player for of, player in PLAYERS if of == target)
    assert differences(scenario.spec, scenario.outcomes, scenario.params, manifest.replace(old, new), engine(first))


def test_scenarios_say_what_they_show() -> None:
    """Each has a sentence of its own, and every file of the folder is read."""
    said = [scenario.says for scenario in SCENARIOS]
    assert len(set(said)) == len(said)
    assert all(text.endswith(".") for text in said)
    assert {path.suffix for path in FOLDER.iterdir()} == {".yaml", ".md"}
