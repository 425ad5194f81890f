"""One attempt, from its inputs to what it wrote, in a thread of its own. Nothing here decides what comes next."""

from __future__ import annotations

import shutil
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .events import Line
from .files import Collected, Missing, collected
from .job import Beside, Delivered, Job, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ..ir import ConfigMapKey, External, FieldPath, Input, Mount, SecretKey, Step
    from .artifacts import Kept, Objects
    from .job import Attempt, Ended, Mounted, Runner, Surroundings
    from .programs import Filled

    Post = Callable[[object], None]

Cause = Literal["", "failure", "lost", "stopped"]
"""Why an attempt is none that counts: the program's failure, something else's, or somebody who stopped it; "" for one that succeeded."""


@dataclass(frozen=True)
class Started:
    """An attempt was started. `identity` is what the runner finds it by."""

    task: str
    number: int
    identity: str


@dataclass(frozen=True)
class Over:
    """An attempt ended; with no cause, `result` is what it left. `exit` is as in `job.Ended`. `fault` is a fault of mlc itself."""

    task: str
    number: int
    cause: Cause
    reason: str = ""
    exit: int | None = None
    result: Collected | None = None
    fault: BaseException | None = None


@dataclass(frozen=True)
class Fetched:
    """An artifact from outside is in the store, or cannot be had for `reason`."""

    name: str
    kept: Kept | None
    reason: str = ""
    fault: BaseException | None = None


class Handle:
    """An attempt that may be stopped, whether or not it was started yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._attempt: Attempt | None = None
        self._asked: Literal["", "stop", "kill"] = ""
        self._over = False

    @property
    def asked(self) -> bool:
        """Whether it is to end."""
        return bool(self._asked)

    def stop(self, *, now: bool) -> None:
        """Have the attempt end. It does not count then, however its program takes it."""
        with self._lock:
            if self._over:
                return
            self._asked = "kill" if now else self._asked or "stop"
            attempt = self._attempt
        if attempt is not None:
            attempt.kill() if now else attempt.stop()

    def started(self, attempt: Attempt) -> None:
        """It is there."""
        with self._lock:
            self._attempt = attempt
            asked = self._asked
        if asked:
            attempt.kill() if asked == "kill" else attempt.stop()

    def ended(self) -> bool:
        """It ended; whether somebody had asked for that."""
        with self._lock:
            self._over = True
            return bool(self._asked)


@dataclass(frozen=True)
class Assignment:
    """What one attempt is about. `programs` are those of the step's own container and then of those beside it, as `images` are.

    `outputs` is the folder where the artifacts that it makes can be looked at.
    """

    place: Place
    step: Step
    programs: tuple[Filled, ...]
    images: tuple[str, ...]
    inputs: tuple[tuple[Input, Kept], ...]
    outputs: Path
    handle: Handle


class Worker:
    """Makes attempts, from any number of threads; what it posts is `Started`, `Line`, `Over`, `Fetched`, and sentences for people."""

    def __init__(self, runner: Runner, surroundings: Surroundings, objects: Objects, post: Post) -> None:
        self._runner, self._surroundings, self._objects, self._post = runner, surroundings, objects, post

    def perform(self, assignment: Assignment) -> None:
        """Make an attempt."""
        place = assignment.place
        try:
            over = self._performed(assignment)
        except BaseException as fault:  # it is raised again in the scheduler's thread
            over = Over(place.task, place.attempt, "lost", fault=fault)
        self._post(over)

    def fetch(self, name: str, external: External, uri: str, to: Path) -> None:
        """Take an artifact from outside into the store."""
        try:
            found = self._surroundings.fetch(external, uri, to)
            if found != to:  # somebody else's: the store would take it away
                shutil.copytree(found, to) if found.is_dir() else shutil.copyfile(found, to)
            fetched = Fetched(name, self._objects.put(to))
        except OSError as error:
            fetched = Fetched(name, None, _words(error))
        except BaseException as fault:  # it is raised again in the scheduler's thread
            fetched = Fetched(name, None, fault=fault)
        self._post(fetched)

    def _performed(self, assignment: Assignment) -> Over:
        place, handle = assignment.place, assignment.handle
        for old in (place.folder, assignment.outputs):
            shutil.rmtree(old, ignore_errors=True)
        try:
            place.folder.mkdir(parents=True)
            job = self._job(assignment)
            if handle.asked:
                self._tidy(place, None)
                return Over(place.task, place.attempt, "stopped")
            attempt = self._runner.start(job, lambda text: self._post(Line(place.task, place.attempt, text)))
        except OSError as error:
            self._tidy(place, None)
            return Over(place.task, place.attempt, "lost", _words(error))
        try:
            handle.started(attempt)
            self._post(Started(place.task, place.attempt, attempt.identity))
            ended = attempt.wait()
            if handle.ended():
                return Over(place.task, place.attempt, "stopped", "", ended.exit)
            return self._judged(assignment, attempt, ended)
        finally:
            self._tidy(place, attempt)

    def _judged(self, assignment: Assignment, attempt: Attempt, ended: Ended) -> Over:
        """What an attempt that nobody stopped amounts to."""
        place = assignment.place
        reason = failure(assignment.step, ended)
        if reason:
            return Over(place.task, place.attempt, "lost" if ended.lost else "failure", reason, ended.exit)
        step, out = assignment.step, place.folder / "out"
        try:
            if step.outputs or step.values or step.metrics:
                out.mkdir()
            result = collected(step, attempt, out, self._objects)
            for name, kept in result.made.items():
                self._objects.show(kept.kind, kept.digest, assignment.outputs / name)
        except Missing as missing:
            return Over(place.task, place.attempt, "failure", str(missing), ended.exit)
        except OSError as error:
            return Over(place.task, place.attempt, "lost", f"what it wrote cannot be kept: {_words(error)}", ended.exit)
        return Over(place.task, place.attempt, "", "", ended.exit, result)

    def _job(self, assignment: Assignment) -> Job:
        """What the runner gets, its inputs delivered. Raises OSError."""
        for port, kept in assignment.inputs:
            source = _delivered(assignment.place, port)
            source.parent.mkdir(exist_ok=True)
            self._objects.copy(kept.kind, kept.digest, source)
        inputs, place, around = [port for port, _ in assignment.inputs], assignment.place, self._surroundings
        return assembled(
            assignment.step,
            place,
            assignment.programs,
            assignment.images,
            inputs,
            lambda source: around.env_value(source, place),
            lambda mounts: around.mounts_for(mounts, place),
        )

    def _tidy(self, place: Place, attempt: Attempt | None) -> None:
        """Remove everything of an attempt but its log."""
        try:
            if attempt is not None:
                attempt.dispose()
            self._surroundings.release(place)
            clear(place.folder)
        except OSError as error:
            self._post(f"something is left of attempt {place.attempt} of `{place.task}` in {place.folder}: {_words(error)}")


def assembled(
    step: Step,
    place: Place,
    programs: Sequence[Filled],
    images: Sequence[str],
    inputs: Sequence[Input],
    value: Callable[[SecretKey | ConfigMapKey | FieldPath], str],
    mounted: Callable[[Sequence[Mount]], tuple[Mounted, ...]],
) -> Job:
    """An attempt as a runner gets it. `programs` and `images` are of the step's own container and of those beside it.

    `value` gives the value of a variable, `mounted` the folders for the mounts of a container. Raises what these do.
    """
    declared = {
        (kind, port.name): port.path
        for kind, ports in (("output", step.outputs), ("value", step.values), ("metric", step.metrics))
        for port in ports
    }
    beside = [
        Beside(container, program.program(value), image, mounted(container.mounts))
        for container, program, image in zip(step.beside, programs[1:], images[1:], strict=True)
    ]
    return Job(
        run=place.run,
        task=place.task,
        attempt=place.attempt,
        step=step,
        image=images[0],
        program=programs[0].program(value),
        inputs=tuple(Delivered(port.name, port.path, _delivered(place, port)) for port in inputs),
        declared=declared,
        mounts=mounted(step.mounts),
        init=tuple(beside[: len(step.init)]),
        sidecars=tuple(beside[len(step.init) :]),
        folder=place.folder,
    )


def _delivered(place: Place, port: Input) -> Path:
    """Where an input of an attempt lies on this machine."""
    return place.folder / "in" / port.name


def clear(folder: Path) -> None:
    """Remove everything from an attempt's folder but the log. Raises OSError."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != "log":
            path.unlink()


def failure(step: Step, ended: Ended) -> str:
    """Why an attempt failed, in words; "" for one that ended well."""
    if ended.reason:
        return ended.reason
    if ended.timed_out:
        why = f"its timeout of {_duration(step.timeout)} is over"
    elif ended.lost:
        why = "it was lost"
    elif ended.exit is None:
        why = "its program never ran"
    elif ended.exit:
        why = f"exit {ended.exit}{_signal(ended.exit)}"
    else:
        return ""
    return f"{why}: {ended.message}" if ended.message else why


def _signal(status: int) -> str:
    try:
        return f" ({signal.Signals(status - 128).name})" if status > 128 else ""
    except ValueError:
        return ""


def _duration(seconds: int) -> str:
    parts = ((seconds // 3600, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def _words(error: OSError) -> str:
    """An error of the system for a person, with the file that it is about."""
    if error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
