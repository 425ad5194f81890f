"""`on_miss: fail`: a missed threshold ends the run failed, once everything else is done, whether or not a step is gated by it.

The task has no pod: its `when` is false where the thresholds hold, and an error where one does not. A task that errs ends nothing but
what waits for it, for `failFast` is off, and fails the DAG in the end (workflow/controller/dag.go, assessDAGPhase).
"""

from __future__ import annotations

from ...lowering import missed
from .expressions import condition, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...ir import Step

MISSED = "x-missed"
"""The template of such tasks, which none of them ever runs."""


def tasks(step: Step) -> list[dict[str, Any]]:
    """The task that fails where a threshold of the step with `on_miss: fail` is missed; none where it has no such threshold."""
    found = missed.missed(step)
    if found is None:
        return []
    tests = [f"({condition(test)} ? 'false' : asInt({quoted(message)}))" for test, message in found.tests]
    made = {"name": found.name, "template": MISSED, "depends": " && ".join(f"{name}.Succeeded" for name in found.after)}
    # a list is built as a whole, so every threshold is looked at
    return [{**made, "when": "{{= " + (tests[0] if len(tests) == 1 else f"[{', '.join(tests)}][0]") + " }}"}]
