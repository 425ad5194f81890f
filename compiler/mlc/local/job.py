"""What the scheduler asks of a runner: one attempt of one step, everything in it filled in; and how that ended.

A runner (`process`, `podman`, `docker`) starts programs, ends them, and hands over the files that they wrote. It decides nothing: order,
conditions, retries, checks of declared files and states are the scheduler's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ..diagnostics.model import Finding
    from ..ir import Container, Mount, Pipeline, Step


@dataclass(frozen=True)
class Program:
    """What a container runs, texts filled in. `command` is None where only the image knows its program.

    `script` is None or the text of a script, which runs from a file by `shell`; `args` are then the script's. `secrets` names the
    variables of `env` whose values are secret: they never stand in a command line, a log or a record.
    """

    command: tuple[str, ...] | None
    args: tuple[str, ...]
    script: str | None
    shell: str
    packages: tuple[str, ...]
    workdir: str
    env: Mapping[str, str] = field(repr=False)
    secrets: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Delivered:
    """An input: the file or folder `source` on this machine is found by the program at `path`, a copy that it may change."""

    name: str
    path: str
    source: Path


@dataclass(frozen=True)
class Mounted:
    """A folder (or file) of this machine at a path of the container. The runner makes none of it: it is there, with `sub_path` resolved."""

    mount: Mount
    source: Path
    read_only: bool


@dataclass(frozen=True)
class Beside:
    """An init container or sidecar of the step's pod."""

    container: Container
    program: Program
    image: str
    mounts: tuple[Mounted, ...]


@dataclass(frozen=True)
class Job:
    """One attempt of a step. `task` is the step's name, in a loop with the item's number: `train[2]`.

    `declared` are the paths that the program may write and the scheduler collects: outputs, values, metrics, by `(kind, name)`.
    `folder` is the attempt's own, empty, on this machine; the runner keeps what it needs in it, and the program's output goes to
    `folder/log`, standard output and error together, as it comes.
    """

    run: str
    task: str
    attempt: int
    step: Step
    image: str
    program: Program
    inputs: tuple[Delivered, ...]
    declared: Mapping[tuple[str, str], str]
    mounts: tuple[Mounted, ...]
    init: tuple[Beside, ...]
    sidecars: tuple[Beside, ...]
    folder: Path


@dataclass(frozen=True)
class Ended:
    """How an attempt ended: `exit` is the program's status (128 + N for signal N), None where it never ran or was taken away.

    `lost`: not the program's doing (the container engine went away, memory ran out on the machine). `timed_out`: the step's `timeout`.
    `message` says more, for a person, "" where the status says it all.
    """

    exit: int | None
    timed_out: bool = False
    lost: bool = False
    message: str = ""


class Attempt(Protocol):
    """A program that was started."""

    @property
    def identity(self) -> str:
        """What `Runner.sweep` needs to find it after this process was killed, such as `pid 4711 83412` or a container's name."""

    def wait(self) -> Ended:
        """Wait for its end; the timeout counts from its start. Called once, from a thread of its own."""

    def stop(self) -> None:
        """Have it end: TERM, and KILL after a grace period. From any thread; `wait` then returns."""

    def collect(self, path: str, to: Path) -> bool:
        """After `wait`: copy the file or folder that it wrote at `path` to `to`, links followed; False where nothing is there.

        Raises OSError where it is there and cannot be had.
        """

    def dispose(self) -> None:
        """After `collect`: remove what is left of it (container, scratch folders), but `folder/log`."""


class Runner(Protocol):
    """A way to run programs."""

    name: str

    def check(self, pipeline: Pipeline, findings: list[Finding]) -> None:
        """Refuse (MLC4xx) what it cannot do, before anything starts."""

    def notes(self, pipeline: Pipeline) -> Sequence[str]:
        """What of the project has no effect here (resources of processes, node selectors ...), a short sentence each, for people."""

    def path(self, step: Step, kind: str, name: str, path: str) -> str:
        """What `${{ outputs.X }}` and its like stand for in a step: the path in the container, or a local one.

        `kind` as in `declared`, and `input`.
        """

    def start(self, job: Job, told: Callable[[str], None]) -> Attempt:
        """Start an attempt; `told` gets each line of its log as it comes (from another thread), secrets masked, without newline.

        Raises OSError where it cannot be started, with a message for a person.
        """

    def command(self, job: Job) -> Sequence[str]:
        """What `--dry-run` prints: the command line that `start` would run, secrets masked."""

    def sweep(self, run: str, identities: Sequence[str]) -> None:
        """End and remove everything of a run that is still there: after the process of `mlc run` was killed."""
