"""`on_miss: fail` in a form that targets print: what must hold, what to say where it does not, and whom the question waits for."""

from __future__ import annotations

from ..ir import Compare, MetricRef, ValueRef, references
from ..record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ir import Step


@record
class Missed:
    """The thresholds of one step whose miss fails the run: conditions with their messages, and the steps that they read."""

    name: str
    tests: tuple[tuple[Compare, str], ...]
    after: tuple[str, ...]


def missed(step: Step) -> Missed | None:
    """What a task of its own has to look at after the step; None where no miss fails the run."""
    tests = tuple(
        (
            Compare(threshold.op, MetricRef(step.name, metric), threshold.bound),
            f"step {step.name}: metric {metric.name} missed its threshold",
        )
        for metric in step.metrics
        if metric.on_miss == "fail"
        for threshold in metric.thresholds
    )
    if not tests:
        return None
    read = [ref.step for test, _ in tests for ref in references(test) if isinstance(ref, (MetricRef, ValueRef))]
    return Missed(f"x-missed-{step.name}", tests, tuple(dict.fromkeys(read)))
