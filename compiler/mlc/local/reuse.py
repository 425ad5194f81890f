"""Results that need not be made again: of the run that goes on, of a run that a new one takes them from, and of any run for `cache`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..diagnostics.suggest import did_you_mean
from ..ir import Group, RunClaim
from ..record import replace
from .nodes import downstream, members, units, upstream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..ir import Pipeline, Step
    from .artifacts import Objects
    from .nodes import Node
    from .store import Finished, Run, Store


class Refused(Exception):
    """A run that cannot be as it is asked for, before anything was started. `problems` are sentences for a person, each on its own."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Part:
    """Which part of a project a new run is for. Steps and loops by name: `taken` from `source`, and `left` out altogether, for `why`."""

    source: Run | None = None
    taken: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    why: str = ""


WHOLE = Part()


def alone(pipeline: Pipeline, *, only: str, first: str) -> Pipeline:
    """The project with nothing but the steps and loops that run, of which all is asked that a run needs. Raises `Refused`."""
    if not only and not first:
        return pipeline
    again = _again(pipeline, only, first)

    def some(group: Group) -> Group:
        return replace(group, children=tuple(child for child in group.children if child.name in again))

    return replace(pipeline, run=some(pipeline.run), final=some(pipeline.final) if pipeline.final else None)


def part(pipeline: Pipeline, store: Store, *, only: str, first: str, using: Run | None) -> Part:
    """The part of a project that `--only` or `--from` ask for. Raises `Refused`."""
    asked = only or first
    if not asked:
        return WHOLE
    known = units(pipeline)
    again = _again(pipeline, only, first)
    final = frozenset(unit.name for unit in pipeline.final.children) if pipeline.final else frozenset()
    needed = [name for name in known if name not in again and any(name in known[one].after for one in again)]
    _check_claims(pipeline, again)
    source = _source(store, pipeline.name, needed, using)
    there = store.succeeded(source.name) if source else set()
    others = frozenset(known) - again - (downstream(pipeline, again) | final if only else frozenset())
    taken = frozenset(name for name in others if name in there)
    option = f"--only {asked}" if only else f"--from {asked}"
    return Part(source, taken, frozenset(known) - again - taken, f"it is no part of a run with `{option}`")


def _again(pipeline: Pipeline, only: str, first: str) -> frozenset[str]:
    """The steps and loops that run."""
    asked = only or first
    named = {step.name: unit.name for unit in units(pipeline).values() for step in members(unit)}
    if asked not in named:
        hint = did_you_mean(asked, named)
        raise Refused(f"the project has no step `{asked}`{f' ({hint})' if hint else ''}")
    again = frozenset((named[asked],))
    return downstream(pipeline, again) if first else again


def _source(store: Store, project: str, needed: Sequence[str], using: Run | None) -> Run | None:
    """The run to take results from: the latest in which all that is needed succeeded."""
    runs = [using] if using else store.runs(project)
    missing = needed
    for number, run in enumerate(runs):
        there = store.succeeded(run.name)
        lacking = [name for name in needed if name not in there]
        if not lacking:
            return run
        missing = lacking if number == 0 else missing
    if not needed:
        return None
    listed = ", ".join(f"`{name}`" for name in missing)
    of = f"run `{using.name}`" if using else f"the latest run of `{project}`, `{runs[0].name}`," if runs else f"project `{project}`"
    has = "has no results" if using or runs else "has no runs, so no results"
    raise Refused(f"{of} {has} to take of {listed}: run the whole project, or more of it")


def _check_claims(pipeline: Pipeline, again: frozenset[str]) -> None:
    """What steps leave on a claim that is made for each run cannot be taken from another run."""
    before = upstream(pipeline, again)
    known = units(pipeline)
    writers = {claim: name for name in known if name in before for claim in _claims(known[name])}
    found = [
        f"`{name}` mounts `{claim}`, which is made for each run, and so does `{writers[claim]}` before it: begin with `{writers[claim]}`"
        for name in known
        if name in again
        for claim in _claims(known[name])
        if claim in writers
    ]
    if found:
        raise Refused(*found)


def _claims(unit: Step | Group) -> list[str]:
    mounts = [mount for step in members(unit) for mount in step.all_mounts]
    return list(dict.fromkeys(mount.volume.name for mount in mounts if isinstance(mount.volume, RunClaim)))


@dataclass
class Earlier:
    """What a run that goes on had done: the tasks that succeeded, by name. What is done again is taken out; `again` says why it is."""

    done: dict[str, Finished] = field(default_factory=dict)
    again: dict[str, str] = field(default_factory=dict)

    def result(self, node: Node, objects: Objects) -> Finished | None:
        """What a task left that need not be done again."""
        found = self.done.get(node.task)
        if found is None:
            return None
        if found.task.fingerprint != node.fingerprint:
            self.again[node.task] = "it has changed since it ran"
        elif not complete(found, objects):
            self.again[node.task] = "what it made is no longer there"
        else:
            return found
        return None

    def drop(self, node: Node, final: frozenset[str]) -> list[str]:
        """Take out a task that runs (again), and all that depends on it. Says which had been done. `final` are the steps of `finally`."""
        if not self.done:
            return []
        steps: set[str] = set()
        tasks: set[str] = {node.task}
        waiting = list(node.before)
        if node.scope.loop is not None:
            waiting.extend(node.scope.loop.before)
        while waiting:
            one = waiting.pop()
            if one.task in tasks:
                continue
            tasks.add(one.task)
            if isinstance(one.unit, Group):
                steps.update(step.name for step in members(one.unit))
            waiting.extend(one.before)
        if node.step.name not in final:
            steps |= final
        dropped = [task for task in self.done if task in tasks or self.done[task].task.step in steps]
        for task in dropped:
            del self.done[task]
            if task != node.task:
                self.again.setdefault(task, f"`{node.task}` runs again" if node.task in self.again else f"`{node.task}` runs before it")
        return dropped


def complete(found: Finished, objects: Objects) -> bool:
    """Whether all artifacts of a task are in the store."""
    return all(objects.has(one.kind, one.digest) for one in found.made)


def cached(node: Node, store: Store, objects: Objects) -> tuple[str, Finished] | None:
    """The result of an earlier task that the spec allows to be used, and the run that has it."""
    cache = node.step.cache
    if cache is None or not cache.enabled or any(isinstance(mount.volume, RunClaim) for mount in node.step.all_mounts):
        return None
    candidates = store.cached(key=node.key) if node.key else store.cached(fingerprint=node.fingerprint)
    for run, task in candidates:
        found = store.result(run, task)
        if found is not None and complete(found, objects):
            return run, found
    return None
