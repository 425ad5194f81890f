"""A group of steps as a DAG template, and the templates of what is in it."""

from __future__ import annotations

from ...ir import Group, Step
from . import missed
from .arguments import Arguments
from .templates import storing, task, template

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ...ir import Store


def dag(
    name: str,
    children: Sequence[Step | Group],
    store: Store | None,
    shown: bool,
    inputs: dict[str, Any] | None = None,
    outputs: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """A DAG template of these steps and loops, then theirs; with `shown` the UI shows titles as names of nodes.

    `inputs` and `outputs` are the template's own.
    """
    tasks: list[dict[str, Any]] = []
    templates: list[dict[str, Any]] = []
    archives: dict[str, Any] = {}
    for child in children:
        if isinstance(child, Group):
            from . import loops

            tasks.append(loops.task(child, archives))
            templates += loops.templates(child, store, shown)
            if child.picks:
                archives.update(stored for step in child.children if isinstance(step, Step) for stored in storing(step).items())
            continue
        arguments = Arguments()
        templates.append(template(child, arguments, store, shown))
        tasks.append(task(child, arguments, archives))
    for child in children:  # last, since a threshold may read what a later step wrote
        if not isinstance(child, Group):
            tasks += missed.tasks(child)
    interface = {key: value for key, value in (("inputs", inputs), ("outputs", outputs)) if value}
    # the default of failFast would end branches that wait for a free slot when another branch fails (controller/dag.go)
    return [{"name": name, **interface, "dag": {"failFast": False, "tasks": tasks}}, *templates]
