"""The objects around a workflow's spec: a Workflow to start, a WorkflowTemplate to start runs from, a CronWorkflow that starts them."""

from __future__ import annotations

from .names import named
from .versions import SCHEDULES, at_least

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...ir import Pipeline, Schedule, Ttl

_DESCRIPTION = "workflows.argoproj.io/description"
"""Shown by the UI in the list of workflows (docs/title-and-description.md)."""

_API = "argoproj.io/v1alpha1"


def documents(pipeline: Pipeline, spec: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The manifest's objects around the spec. With a `schedule` the template comes first, which the CronWorkflow refers to."""
    if pipeline.schedule is None and pipeline.argo.kind == "Workflow":
        return (_object(pipeline, "Workflow", {"generateName": f"{pipeline.name}-"}, spec),)
    name = {"name": named(pipeline)}
    # runs made from a template get none of its own labels and annotations but these (controller/operator.go, setExecWorkflow)
    of_runs = {key: value for key, value in _metadata(pipeline).items() if key != "namespace"}
    template = _object(pipeline, "WorkflowTemplate", name, {**spec, "workflowMetadata": of_runs} if of_runs else spec)
    if pipeline.schedule is None:
        return (template,)
    return template, _object(pipeline, "CronWorkflow", name, _cron(pipeline, pipeline.schedule))


def ttl(seconds: Ttl) -> dict[str, int]:
    """`ttlStrategy`. A run in the phase `Error` is only completed, not failed, to Argo (gccontroller/gc_controller.go, ttl)."""
    parts = (
        ("secondsAfterCompletion", seconds.completion or (seconds.failure if seconds.success else 0)),
        ("secondsAfterSuccess", seconds.success),
        ("secondsAfterFailure", seconds.failure),
    )
    return {key: value for key, value in parts if value}


def _object(pipeline: Pipeline, kind: str, name: dict[str, str], spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": _API, "kind": kind, "metadata": {**name, **_metadata(pipeline)}, "spec": spec}


def _metadata(pipeline: Pipeline) -> dict[str, Any]:
    annotations = dict(pipeline.annotations)
    if pipeline.description:
        annotations["mlc/description" if _DESCRIPTION in annotations else _DESCRIPTION] = pipeline.description
    parts = (("namespace", pipeline.argo.namespace), ("labels", dict(pipeline.labels)), ("annotations", annotations))
    return {key: value for key, value in parts if value}


def _cron(pipeline: Pipeline, schedule: Schedule) -> dict[str, Any]:
    """`spec` of a CronWorkflow."""
    times = {"schedules": [schedule.cron]} if at_least(pipeline.argo.version, SCHEDULES) else {"schedule": schedule.cron}
    parts: tuple[tuple[str, Any], ...] = (
        ("timezone", schedule.timezone),
        ("concurrencyPolicy", schedule.concurrency),
        ("startingDeadlineSeconds", schedule.starting_deadline),
        ("suspend", schedule.suspend),
    )
    return {**times, **{key: value for key, value in parts if value}, "workflowSpec": {"workflowTemplateRef": {"name": named(pipeline)}}}
