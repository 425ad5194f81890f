"""Which runner runs a project here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .containers import ContainerRunner
from .process import ProcessRunner
from .settings import RUNNERS, Misuse

if TYPE_CHECKING:
    from pathlib import Path

    from .masking import Masks
    from .settings import Settings


class NoRunner(Exception):
    """The runner that is asked for does not work here; the message is for a person."""


@dataclass(frozen=True)
class Chosen:
    """A runner, and why it is this one, for people: "" where it was asked for."""

    runner: ContainerRunner | ProcessRunner
    reason: str = ""


def choose(settings: Settings, masks: Masks, state: Path, wanted: str = "") -> Chosen:
    """The runner that is `wanted`, or that the settings name; else the first of podman, docker and processes that works.

    Raises Misuse for a name that no runner has, and NoRunner where the one that is asked for does not work.
    """
    name = wanted or settings.runner
    if name and name not in RUNNERS:
        raise Misuse(f"no runner is called `{name}`: allowed: {', '.join(f'`{known}`' for known in RUNNERS)}")
    if name == "process":
        return Chosen(ProcessRunner(settings, masks, state))
    if name:
        runner = ContainerRunner(name, settings, masks, state)
        problem = runner.problem()
        if problem:
            raise NoRunner(f"`{name}` does not work here: {problem}")
        return Chosen(runner)
    problems: list[str] = []
    for engine in ("podman", "docker"):
        runner = ContainerRunner(engine, settings, masks, state)
        problem = runner.problem()
        if not problem:
            return Chosen(runner, "; ".join([f"steps run in containers of {engine}", *problems]))
        problems.append(f"{engine}: {problem}")
    return Chosen(ProcessRunner(settings, masks, state), "; ".join(["steps run as processes", *problems]))
