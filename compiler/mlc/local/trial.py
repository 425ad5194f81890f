"""What of a run is decided before anything runs."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from .artifacts import Objects
from .engine import Engine
from .events import TaskChanged
from .nodes import OVER, members, units
from .reuse import Earlier
from .store import Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..ir import Pipeline
    from .job import Surroundings
    from .reuse import Part
    from .store import Finished, Store


class Trial(Engine):
    """A run as far as what is done decides it. It writes nothing and tells nothing."""

    def unfinished(self) -> set[str]:
        """The steps that still have something to do."""
        return {step.name for unit in units(self.pipeline).values() if self.state_of(unit.name) not in OVER for step in members(unit)}

    def keep(self, finished: list[Finished]) -> None:
        """Write nothing."""

    def forget(self, tasks: list[str]) -> None:
        """Take nothing back."""

    def show(self, finished: Finished) -> None:
        """Show nothing."""


def in_cache(pipeline: Pipeline, params: Mapping[str, str], surroundings: Surroundings, store: Store, chosen: Part) -> set[str]:
    """The steps and loops of a new run whose results are all in the cache, as far as that is known before anything runs.

    `params` has all of them, and names in `pipeline` are completed (`naming.named`).
    """
    reused: dict[str, set[str]] = {}

    def told(event: object) -> None:
        if isinstance(event, TaskChanged) and event.state == "Succeeded":
            reused.setdefault(event.task.partition("[")[0], set()).add(event.reused)

    folder = store.folder_of(pipeline.name)  # nothing is there: the run has no name
    run = Run("", str(uuid.uuid4()), pipeline.name, "", "", (), (), {}, "", "", "", "", "Running", (), 0.0, 0.0, folder)
    trial = Trial(pipeline, run, params, surroundings, store, Objects(store.folder / "objects"), told, chosen, Earlier())
    trial.begin()
    return {
        name
        for name, unit in units(pipeline).items()
        if trial.state_of(name) == "Succeeded" and all(reused.get(step.name, set()) - {""} == {"cache"} for step in members(unit))
    }
