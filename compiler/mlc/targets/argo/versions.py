"""What differs between versions of Argo that a manifest can be made for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...diagnostics.model import Path
    from ...ir import Pipeline

SCHEDULES = "3.6"
"""CronWorkflow.schedules; 3.5 has `schedule`, which 4.0 no longer has (pkg/apis/workflow/v1alpha1/cron_workflow_types.go)."""

TEMPLATE_ANNOTATIONS = "3.7"
"""Template.annotations, and in them the name that the UI shows for a node (docs/walk-through/annotations.md)."""

DISPLAY_NAME = "workflows.argoproj.io/display-name"


def oldest(pipeline: Pipeline) -> str:
    """The oldest version that takes the pipeline's manifest: the one it is compiled for, or without one what it is made of needs."""
    return pipeline.argo.version or max((since for since, _, _ in needed(pipeline)), key=_parts, default="")


def needed(pipeline: Pipeline) -> Iterator[tuple[str, str, Path]]:
    """What of the manifest not every version can do: since when, what, and where it is written."""
    if pipeline.schedule is not None and at_least(pipeline.argo.version, SCHEDULES):
        yield SCHEDULES, "`schedule`", pipeline.schedule.origin


def at_least(version: str, since: str) -> bool:
    """Whether a version (`4.0`; "" is none in particular, and so any) is `since` or newer."""
    return not version or _parts(version) >= _parts(since)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
