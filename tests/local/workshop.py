"""Single attempts of steps, as the scheduler asks a runner for them."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from mlc.ir import Env, PathRef, Step, Text
from mlc.local.attempts import Attempt
from mlc.local.job import Beside, Delivered, Ended, Job, Place, Program
from mlc.local.masking import Masks
from mlc.local.settings import Settings, read
from mlc.local.volumes import Around
from tests.support import pipeline

KINDS = {"inputs": "input", "outputs": "output", "values": "value", "metrics": "metric"}


class AnyRunner(Protocol):
    """What the runners have in common."""

    def path(self, step: Step, folder: Path, kind: str, name: str, path: str) -> str: ...

    def start(self, job: Job, told: Callable[[str], None]) -> Attempt: ...


@dataclass
class Done:
    """An attempt that ended."""

    ended: Ended
    told: list[str]
    job: Job
    attempt: Attempt

    @property
    def log(self) -> str:
        return (self.job.folder / "log").read_text(errors="replace")

    def collect(self, path: str) -> Path | None:
        """What it wrote at a path."""
        to = self.job.folder / f"collected-{len(list(self.job.folder.iterdir()))}"
        return to if self.attempt.collect(path, to) else None

    def text(self, path: str) -> str | None:
        found = self.collect(path)
        return None if found is None else found.read_text()


class Workshop:
    """A state folder, and a runner that `make` makes for settings."""

    def __init__(self, folder: Path, make: Callable[[Settings, Masks, Path], Any], local: Mapping[str, Any] | None = None) -> None:
        self.state = folder / "state"
        self.masks = Masks()
        findings: list[Any] = []
        self.settings = read(dict(local or {}), folder, findings)
        assert findings == []
        self.around = Around(self.settings, self.state, self.masks)
        self.runner = make(self.settings, self.masks, self.state)
        self.run_name = f"demo-{uuid.uuid4().hex[:5]}"
        self.run_id = str(uuid.uuid4())
        self.attempts = 0
        self.done: list[Attempt] = []
        self.places: list[Place] = []

    def close(self) -> None:
        """Remove all that the attempts left."""
        for attempt in self.done:
            attempt.kill()
            attempt.dispose()
        for place in self.places:
            self.around.release(place)
        self.runner.close()

    def job(self, body: str, name: str = "a", inputs: Mapping[str, Path] | None = None, **changes: Any) -> Job:
        """An attempt of a step of a project; `inputs` are files and folders of this machine by name."""
        project = pipeline(body)
        findings: list[Any] = []
        self.around.check(project, findings)
        assert findings == []
        step = {step.name: step for step in project.steps}[name]
        self.attempts += 1
        folder = self.state / "runs" / self.run_name / step.name / str(self.attempts)
        folder.mkdir(parents=True)
        place = Place(self.run_name, self.run_id, step.name, self.attempts, folder)
        self.places.append(place)

        def text(one: Text) -> str:
            pieces = (
                piece if isinstance(piece, str) else self.runner.path(step, folder, KINDS[piece.port], piece.name, piece.path)
                for piece in one.pieces
                if isinstance(piece, (str, PathRef))
            )
            return "".join(pieces)

        def program(part: Any) -> Program:
            script = part.script
            env, secrets = {}, set()
            for variable in part.env:
                assert isinstance(variable, Env)
                if isinstance(variable.value, Text):
                    env[variable.name] = text(variable.value)
                else:
                    env[variable.name] = self.around.env_value(variable.value, place)
                    secrets.add(variable.name)
            return Program(
                tuple(map(text, part.command)) if part.command is not None else None,
                tuple(map(text, part.args)),
                text(script.text) if script else None,
                script.shell if script else "",
                script.packages if script else (),
                getattr(part, "workdir", ""),
                env,
                frozenset(secrets),
            )

        delivered = []
        for one in step.inputs:
            source = (inputs or {}).get(one.name)
            if source is not None:
                copy = folder / "inputs" / one.name
                copy.parent.mkdir(exist_ok=True)
                shutil.copytree(source, copy) if source.is_dir() else shutil.copyfile(source, copy)
                delivered.append(Delivered(one.name, one.path, copy))
        declared = {("output", one.name): one.path for one in step.outputs}
        declared |= {("value", one.name): one.path for one in step.values}
        declared |= {("metric", one.name): one.path for one in step.metrics}

        def beside(containers: Sequence[Any]) -> tuple[Beside, ...]:
            return tuple(
                Beside(one, program(one), self.around.image(one.image, one.image.ref), self.around.mounts_for(one.mounts, place))
                for one in containers
            )

        job = Job(
            self.run_name,
            step.name,
            self.attempts,
            step,
            self.around.image(step.image, step.image.ref),
            program(step),
            tuple(delivered),
            declared,
            self.around.mounts_for(step.mounts, place),
            beside(step.init),
            beside(step.sidecars),
            folder,
        )
        return replace(job, **changes)

    def run(self, body: str, name: str = "a", inputs: Mapping[str, Path] | None = None, **changes: Any) -> Done:
        """Run an attempt to its end."""
        job = self.job(body, name, inputs, **changes)
        told: list[str] = []
        attempt = self.runner.start(job, told.append)
        self.done.append(attempt)
        return Done(attempt.wait(), told, job, attempt)

    @contextmanager
    def running(self, body: str, name: str = "a", until: str = "ready") -> Any:
        """An attempt that has printed `until`, and is ended at the latest when the block is left; its `ended` is there then."""
        job = self.job(body, name)
        told: list[str] = []
        ready, over = threading.Event(), threading.Event()

        def tell(line: str) -> None:
            told.append(line)
            if until in line:
                ready.set()

        attempt = self.runner.start(job, tell)
        self.done.append(attempt)
        done = Done(Ended(None), told, job, attempt)

        def wait() -> None:
            done.ended = attempt.wait()
            over.set()
            ready.set()

        thread = threading.Thread(target=wait)
        thread.start()
        try:
            assert ready.wait(60), told
            yield done
            assert over.wait(60), told
        finally:
            attempt.kill()
            thread.join(60)
