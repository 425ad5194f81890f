"""Random projects with random outcomes end on every engine as the model says: each step's state, its attempts, and the run.

`MLC_GRAPHS=3000 pytest tests/conformance/test_run_model.py` draws more, and others each time, than the test run does.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, note, settings

from tests.conformance import model
from tests.conformance.engines import CONTROLLERS, KFP, engine
from tests.conformance.graphs import Case, cases
from tests.conformance.playing import compiled, differences

if TYPE_CHECKING:
    from collections.abc import Callable

GRAPHS = os.environ.get("MLC_GRAPHS")
PLAYERS = [("argo", name) for name in CONTROLLERS] + [("kfp", name) for name in KFP]
LINE = (
    "random graphs: {graphs} runs of {steps} steps: {Succeeded} succeeded, {Skipped} skipped, {Failed} failed, {NotRun} not run "
    "because of a failure; {loops} loops with {items} items, {finals} runs with `finally`, "
    "{missed} red for a missed threshold alone; {differences} differences"
)
SETTINGS = settings(
    max_examples=int(GRAPHS or 150),
    derandomize=GRAPHS is None,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("target, name", PLAYERS, ids=[name for _, name in PLAYERS])
def test_random_graphs(target: str, name: str, counted: Callable[..., None]) -> None:
    """What is drawn compiles (only legal projects are drawn), and ends on the engine as in the model."""
    tally: Counter[str] = Counter(
        dict.fromkeys(("Succeeded", "Skipped", "Failed", "NotRun", "loops", "items", "finals", "missed", "differences"), 0)
    )

    @SETTINGS
    @given(cases(target))
    def run(case: Case) -> None:
        end = model.play(case.spec, case.outcomes, case.params)
        manifest = compiled(case.spec, target)
        tally.update(graphs=1, steps=len(end.steps))
        tally.update(step.state for step in end.steps.values())
        tally["loops"] += sum("foreach" in step for group in ("steps", "finally") for step in case.spec.get(group, {}).values())
        tally["items"] += sum(name.endswith("]") for name in end.steps)
        tally["finals"] += "finally" in case.spec
        tally["missed"] += end.phase == "Failed" and all(step.state != "Failed" for step in end.steps.values())
        found = differences(case.spec, case.outcomes, case.params, manifest, engine(name))
        note(manifest)
        tally["differences"] += bool(found)
        assert not found

    try:
        run()
    finally:
        counted(LINE, **tally)
    # what is drawn has enough of everything to say something
    assert min(tally[state] for state in ("Succeeded", "Skipped", "Failed", "NotRun")) > tally["steps"] / 50
    assert tally["finals"] > tally["graphs"] / 10
    assert tally["loops"] > tally["graphs"] / 4
    assert tally["items"] > tally["graphs"] / 2
    assert tally["missed"] > tally["graphs"] / 100
