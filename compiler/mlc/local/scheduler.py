"""A run, from its first step to its end: order, conditions, loops, attempts, states; what is told of it, and what is kept."""

from __future__ import annotations

import queue
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..ir import Pipeline
    from .events import Listener
    from .job import Runner, Surroundings
    from .store import Run, Store

Phase = Literal["Succeeded", "Failed", "Stopped"]


class Refused(Exception):
    """A run that cannot be as it is asked for, before anything was started. `problems` are sentences for a person, each on its own."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Control:
    """What others may ask of a run while it goes: from a signal handler, or from any thread."""

    def __init__(self) -> None:
        self.inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        """What the scheduler's thread waits for. Its `put` may be called in a signal handler."""

    def stop(self) -> None:
        """End the running attempts, and the run with `Stopped`. Asked for a second time: at once."""
        self.inbox.put("stop")


@dataclass(frozen=True)
class Options:
    """What a run is asked to be.

    `params` are the texts that the run gives (`given` in params.py checks them); defaults are filled in here. With `resume` that run goes
    on, and its own parameters count. `only` and `first` (`--from`) name a step that a new run is for, all else is taken from `using`, or
    from the latest run that has it. `jobs` is how many attempts may run at once, 0 for one per CPU.
    `spec`, `environment`, `overrides`, `files` and `around` are kept with the run, so that it can go on with the same.
    """

    surroundings: Surroundings
    params: Mapping[str, str] = field(default_factory=dict)
    jobs: int = 0
    resume: Run | None = None
    only: str = ""
    first: str = ""
    using: Run | None = None
    spec: str = ""
    environment: str = ""
    overrides: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    around: tuple[str, ...] = ()
    control: Control = field(default_factory=Control)


def run(pipeline: Pipeline, runner: Runner, store: Store, options: Options, listener: Listener) -> Phase:
    """Run a project, and say how it ended.

    Raises `Refused` for what cannot be asked (exit 2), `store.StateError` and OSError for what cannot be read or written (exit 3).
    Where it raises, the attempts that were running are ended.
    """
    raise NotImplementedError
