"""A runner whose programs do what a table says, in memory: for tests of the scheduler alone."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlc import driver
from mlc.local import scheduler
from mlc.local.events import RunEnded, TaskChanged
from mlc.local.job import Ended, Mounted
from mlc.local.scheduler import Clock, Options
from mlc.local.store import open_store
from mlc.source import SourceFile

if TYPE_CHECKING:
    import queue
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlc.diagnostics.model import Finding
    from mlc.ir import ConfigMapKey, External, FieldPath, Image, Mount, Pipeline, RunClaim, SecretKey, Step
    from mlc.local.events import Event
    from mlc.local.job import Job, Place
    from mlc.local.store import Run, Store


ENV = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "compiler")}
"""For processes that import what is tested."""


@dataclass
class Did:
    """What a program does: the files that it writes (a text, or a mapping for a folder), and how it ends.

    `until`: it ends when this is set, or when it is stopped. `lines` are its log.
    """

    files: Mapping[str, Any] = field(default_factory=dict)
    ended: Ended = field(default_factory=lambda: Ended(0))
    until: threading.Event | None = None
    lines: Sequence[str] = ()
    stubborn: bool = False
    """It ends only when it is killed."""
    when_stopped: Ended = field(default_factory=lambda: Ended(143))
    refused: str = ""
    """It cannot be started, for this reason."""


class ScriptedAttempt:
    """A program that is going, or was."""

    def __init__(self, runner: ScriptedRunner, job: Job, did: Did, told: Callable[[str], None]) -> None:
        self.runner, self.job, self.did, self.told = runner, job, did, told
        self.identity = f"script {job.task} {job.attempt}"
        self.stopped = threading.Event()

    def wait(self) -> Ended:
        for line in self.did.lines:
            self.told(line)
        if self.did.until is not None:
            while not self.did.until.is_set() and not self.stopped.is_set():
                self.stopped.wait(0.005)
        self.runner.left(self.job)
        return self.did.when_stopped if self.stopped.is_set() else self.did.ended

    def stop(self) -> None:
        self.runner.stops.append(self.job.task)
        if not self.did.stubborn:
            self.stopped.set()

    def kill(self) -> None:
        self.runner.kills.append(self.job.task)
        self.stopped.set()

    def collect(self, path: str, to: Path) -> bool:
        if path not in self.did.files:
            return False
        _written(self.did.files[path], to)
        return True

    def dispose(self) -> None:
        self.runner.disposed.append((self.job.task, self.job.attempt))


def _written(content: Any, to: Path) -> None:
    if isinstance(content, dict):
        to.mkdir()
        for name, inner in content.items():
            _written(inner, to / name)
    else:
        to.write_bytes(content if isinstance(content, bytes) else str(content).encode())


class ScriptedRunner:
    """Starts nothing. `script` says of each job what its program does; it runs in the attempt's thread, so it may look into inputs."""

    name = "scripted"

    def __init__(self, script: Callable[[Job], Did]) -> None:
        self.script = script
        self.jobs: list[Job] = []
        self.going: set[str] = set()
        self.most = 0
        """The most programs that went at once."""
        self.together: list[frozenset[str]] = []
        self.stops: list[str] = []
        self.kills: list[str] = []
        self.disposed: list[tuple[str, int]] = []
        self.swept: list[tuple[str, tuple[str, ...]]] = []
        self.lock = threading.Lock()

    @property
    def started(self) -> list[str]:
        """The tasks that were started, in order."""
        return [job.task for job in self.jobs]

    def check(self, pipeline: Pipeline, findings: list[Finding]) -> None:
        pass

    def notes(self, pipeline: Pipeline) -> Sequence[str]:
        return ("programs are scripted",)

    def path(self, step: Step, folder: Path, kind: str, name: str, path: str) -> str:
        return path

    def start(self, job: Job, told: Callable[[str], None]) -> ScriptedAttempt:
        with self.lock:
            self.jobs.append(job)
        did = self.script(job)
        if did.refused:
            raise OSError(did.refused)
        with self.lock:
            self.going.add(job.task)
            self.most = max(self.most, len(self.going))
            self.together.append(frozenset(self.going))
        (job.folder / "log").write_text("".join(f"{line}\n" for line in did.lines), encoding="utf-8")
        return ScriptedAttempt(self, job, did, told)

    def left(self, job: Job) -> None:
        with self.lock:
            self.going.discard(job.task)

    def command(self, job: Job) -> Sequence[str]:
        return (*(job.program.command or ("?",)), *job.program.args)

    def sweep(self, run: str, identities: Sequence[str]) -> None:
        self.swept.append((run, tuple(identities)))


class Around:
    """A machine with everything that a project asks for, all of it made up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[str] = []
        self.removed: list[str] = []
        self.released: list[str] = []
        self.fetched: list[str] = []
        self.unreachable = ""

    def check(self, pipeline: Pipeline, findings: list[Finding]) -> None:
        pass

    def image(self, image: Image, reference: str) -> str:
        return f"local/{reference}"

    def env_value(self, source: SecretKey | ConfigMapKey | FieldPath, place: Place) -> str:
        return f"value of {source}"

    def mounts_for(self, mounts: Sequence[Mount], place: Place) -> tuple[Mounted, ...]:
        return tuple(Mounted(mount, self.folder / mount.volume.name, mount.read_only) for mount in mounts)

    def release(self, place: Place) -> None:
        self.released.append(f"{place.task} {place.attempt}")

    def identity(self, mount: Mount) -> str:
        return mount.volume.name

    def fetch(self, external: External, uri: str, to: Path) -> Path:
        self.fetched.append(uri)
        if self.unreachable:
            raise OSError(self.unreachable)
        to.write_text(f"from {uri}", encoding="utf-8")
        return to

    def make_claims(self, run: str, claims: Sequence[RunClaim]) -> None:
        for claim in claims:
            (self.folder / run / claim.name).mkdir(parents=True, exist_ok=True)
            self.made.append(claim.name)

    def has_claim(self, run: str, claim: RunClaim) -> bool:
        return (self.folder / run / claim.name).is_dir()

    def remove_claims(self, run: str, claims: Sequence[RunClaim]) -> None:
        for claim in claims:
            (self.folder / run / claim.name).rmdir()
            self.removed.append(claim.name)


class Quick(Clock):
    """A clock that goes on by itself when there is nothing else to wait for."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.pauses: list[float] = []

    def now(self) -> float:
        return time.monotonic() + self.passed

    def wait(self, inbox: queue.SimpleQueue[object], until: float | None) -> object:
        if until is not None:
            self.pauses.append(until - self.now())
            self.passed += max(0.0, until - self.now())
            return super().wait(inbox, self.now())
        return super().wait(inbox, until)


def project(steps: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A spec of these steps, which have an image and a program where they name none."""
    return {"defaults": {"image": "acme/step:1.0", "command": ["work"]}, "steps": steps, **more}


def resolved(spec: Mapping[str, Any]) -> Pipeline:
    """The pipeline of a spec that is in order."""
    whole = {"mlc": "v1", "name": "project", **spec}
    result = driver.check_source(SourceFile("spec.yaml", json.dumps(whole, ensure_ascii=False)), ())
    assert result.pipeline is not None, [(item.code, item.message, item.path) for item in result.diagnostics if item.severity == "error"]
    return result.pipeline


@dataclass
class Played:
    """What was told of a run."""

    phase: str
    events: list[Event]
    run: Run
    runner: ScriptedRunner
    around: Around
    clock: Quick

    @property
    def states(self) -> dict[str, str]:
        """How every task ended."""
        return {event.task: event.state for event in self.events if isinstance(event, TaskChanged)}

    @property
    def changes(self) -> list[tuple[str, str]]:
        """Each task and state, in the order told."""
        return [(event.task, event.state) for event in self.events if isinstance(event, TaskChanged)]

    @property
    def attempts(self) -> dict[str, int]:
        """How often the program of each task was started."""
        return {task: self.runner.started.count(task) for task in self.runner.started}

    def last(self, task: str) -> TaskChanged:
        """The last that was told of a task."""
        return [event for event in self.events if isinstance(event, TaskChanged) and event.task == task][-1]

    def of(self, kind: type[Any]) -> Iterator[Any]:
        """The events of a kind."""
        return (event for event in self.events if isinstance(event, kind))


def play(
    store: Store,
    spec: Mapping[str, Any],
    script: Callable[[Job], Did],
    *,
    around: Around | None = None,
    listener: Callable[[Event], None] | None = None,
    **options: Any,
) -> Played:
    """A run of a spec."""
    runner = ScriptedRunner(script)
    around = around or Around(store.folder / "around")
    clock = Quick()
    events: list[Event] = []

    def told(event: Event) -> None:
        events.append(event)
        if listener is not None:
            listener(event)

    given = {"jobs": 2, "clock": clock, **options}
    phase = scheduler.run(resolved(spec), runner, store, Options(around, **given), told)
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    assert ended.phase == phase
    run = store.find(ended.run)
    assert run is not None
    return Played(phase, events, run, runner, around, clock)


__all__ = ["Around", "Did", "Played", "Quick", "ScriptedRunner", "open_store", "play", "project", "resolved"]
