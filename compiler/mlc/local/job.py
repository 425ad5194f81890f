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
    from ..ir import ConfigMapKey, Container, External, FieldPath, Image, Mount, Pipeline, RunClaim, SecretKey, Step


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
    """An input: the file or folder `source` is found by the program at `path`.

    `source` is a copy for this attempt alone, below its folder: the program may change it, and the runner may move it.
    """

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
    `message` says more, for a person, "" where the status says it all. `reason` is what to say instead of all that where `message`, in
    the log, is too long to be said again.
    """

    exit: int | None
    timed_out: bool = False
    lost: bool = False
    message: str = ""
    reason: str = ""


class Attempt(Protocol):
    """A program that was started."""

    @property
    def identity(self) -> str:
        """What `Runner.sweep` needs to find it after this process was killed, such as `pid 4711 83412` or a container's name."""

    def wait(self) -> Ended:
        """Wait for its end; the timeout counts from its start. Called once, from a thread of its own."""

    def stop(self) -> None:
        """Have it end: TERM, and KILL after a grace period of 10 seconds. From any thread, without waiting; `wait` then returns."""

    def kill(self) -> None:
        """Have it end at once. From any thread, also after `stop`; `wait` then returns."""

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

    def path(self, step: Step, folder: Path, kind: str, name: str, path: str) -> str:
        """What `${{ outputs.X }}` and its like stand for in a step: the path in the container, or a local one in the attempt's `folder`.

        `kind` as in `declared`, and `input`.
        """

    def start(self, job: Job, told: Callable[[str], None]) -> Attempt:
        """Start an attempt; `told` gets each line of its log as it comes (from another thread), secrets masked, without newline.

        Of a program that floods its log `told` gets only a part, and a line that says so; the log itself has all of it. A text that
        ends in a carriage return is no whole line, but one that the program writes over again and again (a bar of progress), as it is.
        Called in a thread of its own for each attempt. Raises OSError where it cannot be started, with a message for a person: such an
        attempt is one that was lost.
        """

    def command(self, job: Job) -> Sequence[str]:
        """What `--dry-run` prints: the command line that `start` would run, secrets masked."""

    def sweep(self, run: str, identities: Sequence[str]) -> None:
        """End and remove everything of a run that is still there: after the process of `mlc run` was killed."""


@dataclass(frozen=True)
class Place:
    """For which attempt something is asked. `run` is the run's name, `run_id` its UUID; `folder` is the attempt's own."""

    run: str
    run_id: str
    task: str
    attempt: int
    folder: Path


class Surroundings(Protocol):
    """What a project finds around it on this machine: folders for its volumes, secrets, images. `mlc.local.yaml` and options say what.

    Nothing of it is kept in the record of a run, but what `identity` says.
    """

    def check(self, pipeline: Pipeline, findings: list[Finding]) -> None:
        """Refuse what the project needs and nobody gave, before anything starts."""

    def image(self, image: Image, reference: str) -> str:
        """The image to use for one, `reference` with parameters filled in: itself, or what it is mapped to."""

    def env_value(self, source: SecretKey | ConfigMapKey | FieldPath, place: Place) -> str:
        """The value of a variable. Raises OSError where it cannot be had any more, without a value in the message."""

    def mounts_for(self, mounts: Sequence[Mount], place: Place) -> tuple[Mounted, ...]:
        """The folders for the mounts of one container, made where they are not there yet.

        Called once for each container of an attempt's pod, so what is one per pod lies below `place.folder`, or is found by it.
        Raises OSError.
        """

    def release(self, place: Place) -> None:
        """Remove what `mounts_for` made for the attempt's pod alone. Also for an attempt that was never started."""

    def identity(self, mount: Mount) -> str:
        """What tells the content of a mount from that of another, for the cache: a claim's folder, "" for scratch. Nothing secret."""

    def fetch(self, external: External, uri: str, to: Path) -> Path:
        """An artifact from outside: where it lies on this machine, or a copy made at `to`, which is not there yet. Raises OSError."""

    def make_claims(self, run: str, claims: Sequence[RunClaim]) -> None:
        """Make the folders of claims that are made for a run, where they are not there yet. Raises OSError."""

    def has_claim(self, run: str, claim: RunClaim) -> bool:
        """Whether the folder of a claim that was made for a run is still there."""

    def remove_claims(self, run: str, claims: Sequence[RunClaim]) -> None:
        """Remove the folders of claims that were made for a run. Raises OSError."""
