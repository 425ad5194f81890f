"""A run that goes on: what its process left behind is ended, and what it had done need not be done again."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ..ir import RunClaim
from .artifacts import Objects
from .job import Place
from .params import filled
from .reuse import WHOLE, Earlier, Refused, part
from .trial import Trial
from .work import clear

if TYPE_CHECKING:
    from ..ir import Pipeline
    from .job import Runner, Surroundings
    from .reuse import Part
    from .store import Run, Store


def claims_of(pipeline: Pipeline) -> tuple[RunClaim, ...]:
    """The claims that are made for a run: those that a step mounts, whether or not it runs."""
    mounted = {mount.volume.name for step in pipeline.steps for mount in step.all_mounts}
    return tuple(volume for volume in pipeline.volumes if isinstance(volume, RunClaim) and volume.name in mounted)


def gone_on(pipeline: Pipeline, runner: Runner, store: Store, surroundings: Surroundings, old: Run) -> tuple[Part, Earlier]:
    """Which part of a project a run that goes on is for, and what of it is done. Raises `reuse.Refused`, and OSError."""
    _sweep(runner, store, surroundings, old)
    tasks = [task for task in store.tasks(old.name) if task.state == "Succeeded" and task.fingerprint]
    taken = {task.name for task in tasks if old.source and task.reused == old.source}
    results = (store.result(old.name, task.name) for task in tasks if task.name not in taken)
    earlier = Earlier({found.task.name: found for found in results if found is not None})
    chosen = WHOLE
    if old.only or old.first:
        # what it had taken was written before anything ran, all of it or nothing
        source = old if taken else store.find(old.source) if old.source else None
        chosen = part(pipeline, store, only=old.only, first=old.first, using=source)
    lost = _lost(pipeline, store, surroundings, old, chosen, earlier)
    if lost:
        store.forget(old.name, lost)
    return chosen, earlier


def _sweep(runner: Runner, store: Store, surroundings: Surroundings, old: Run) -> None:
    """End and remove what the attempts of a killed process left; their logs stay. Raises `Refused`."""
    left = [attempt for attempt in store.attempts(old.name) if not attempt.ended]
    if left and runner.name != old.runner:
        raise Refused(f"run `{old.name}` was killed, and only {old.runner} can end what it left: go on with `--runner {old.runner}`")
    runner.sweep(old.name, [attempt.identity for attempt in left])
    for attempt in left:
        folder = store.attempt_folder(old.name, attempt.task, attempt.number)
        surroundings.release(Place(old.name, old.id, attempt.task, attempt.number, folder))
        clear(folder)
    store.attempted(old.name, [replace(attempt, ended=time.time(), message="mlc was ended while it ran") for attempt in left])


def _lost(pipeline: Pipeline, store: Store, surroundings: Surroundings, old: Run, chosen: Part, earlier: Earlier) -> list[str]:
    """The tasks that were done and have to be done again: what they left on a claim of the run is gone, and somebody needs it.

    They are taken out of `earlier`. As that may bring others to run again, which need another claim, it is asked until nothing changes.
    """
    gone = [claim.name for claim in claims_of(pipeline) if not surroundings.has_claim(old.name, claim)]
    found: list[str] = []
    while gone:
        objects, supposed = Objects(store.folder / "objects"), Earlier(dict(earlier.done))
        trial = Trial(pipeline, old, filled(pipeline, old.params), surroundings, store, objects, lambda _: None, chosen, supposed)
        trial.begin()
        open_steps = trial.unfinished()
        lost: dict[str, str] = {}
        for claim in gone:
            mounting = {step.name for step in pipeline.steps for mount in step.all_mounts if mount.volume.name == claim}
            if mounting & open_steps:
                lost.update((task, claim) for task, result in earlier.done.items() if result.task.step in mounting)
        if not lost:
            break
        for task, claim in lost.items():
            earlier.again[task] = f"what was on `{claim}`, a claim of the run, is gone"
            del earlier.done[task]
        found.extend(lost)
    return found
