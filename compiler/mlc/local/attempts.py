"""An attempt of a step as every runner makes it: init containers one after the other, then the step's program with its sidecars."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from . import memory
from .job import Ended

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .job import Job
    from .keeping import Answer, Call, Guard, Kept
    from .logs import Log


@dataclass(frozen=True)
class Part:
    """One program of an attempt: `name` is that of the container, "" for the step's own and for what prepares it.

    `prepares`: it makes ready what the step needs (an image, packages), before its time counts. `silent`: what it prints is for
    `Backend.ended` alone.
    """

    name: str
    prepares: bool = False
    silent: bool = False

    def of(self, what: str) -> str:
        """The name of something that belongs to it among others of its attempt: `pid`, `pid-NAME`."""
        return f"{what}-{self.name}" if self.name else what


MAIN = Part("")


class Backend(Protocol):
    """How a runner runs the programs of one attempt."""

    @property
    def identity(self) -> str:
        """As of `job.Attempt`."""

    def before(self) -> Sequence[Part]:
        """What has to succeed before the step's own program, in order. Raises OSError where it cannot be prepared."""

    def call(self, part: Part) -> Call | Ended:
        """How to run a part, or that it cannot. Raises OSError."""

    def ended(self, part: Part, answer: Answer, tail: str) -> Ended | None:
        """How a part ended, of whose output `tail` is the last piece; None where it has to run again, with another call."""

    def collect(self, path: str, to: Path) -> bool:
        """As of `job.Attempt`."""

    def dispose(self) -> None:
        """As of `job.Attempt`."""


class Attempt:
    """`job.Attempt`"""

    def __init__(self, job: Job, backend: Backend, guard: Guard, log: Log) -> None:
        self._job, self._backend, self._guard, self._log = job, backend, guard, log
        self._lock = threading.Lock()
        self._running: set[Kept] = set()
        self._asked: str = ""

    @property
    def identity(self) -> str:
        """What `Runner.sweep` needs to find it."""
        return self._backend.identity

    def wait(self) -> Ended:
        """Run it to its end."""
        try:
            ended = self._run()
        except OSError as error:
            ended = Ended(None, lost=True, message=_sentence(error))
        finally:
            self._log.close()
        if self._log.problem:
            ended = replace(ended, message="; ".join(part for part in (ended.message, self._log.problem) if part))
        return ended

    def stop(self) -> None:
        """Ask it to end; KILL after the grace period."""
        self._ask("term")

    def kill(self) -> None:
        """Have it end at once."""
        self._ask("kill")

    def collect(self, path: str, to: Path) -> bool:
        """Copy what it wrote."""
        return self._backend.collect(path, to)

    def dispose(self) -> None:
        """Remove what is left of it."""
        self._backend.dispose()

    # --- its programs

    def _run(self) -> Ended:
        timeout = self._job.step.timeout
        deadline: float | None = None
        for part in (*self._backend.before(), MAIN):
            if deadline is None and timeout and not part.prepares:
                deadline = time.monotonic() + timeout
            if part == MAIN:
                return self._together(deadline)
            ended = self._one(part, deadline)
            if ended.exit != 0:
                return ended
        raise AssertionError("an attempt without a program")

    def _together(self, deadline: float | None) -> Ended:
        """The step's program, and its sidecars for as long as it runs.

        A sidecar that ends by itself with another status than 0, 137 or 143 fails the step, as on Argo (controller/operator.go,
        inferFailedReason): also one that does so when it is asked to end.
        """
        sidecars = [_Sidecar(self, Part(beside.container.name)) for beside in self._job.sidecars]
        ended = self._one(MAIN, deadline, sidecars)
        for sidecar in sidecars:
            sidecar.stop()
        for sidecar in sidecars:
            found = sidecar.join()
            if ended.exit == 0 and found is not None and found.exit not in (0, 137, 143):
                ended = found
        return ended

    def _one(self, part: Part, deadline: float | None, sidecars: Sequence[_Sidecar] = ()) -> Ended:
        """Run a part to its end; the sidecars start when it runs."""
        while True:
            ended = self._once(part, deadline, sidecars)
            if ended is not None:
                return ended

    def _once(self, part: Part, deadline: float | None, sidecars: Sequence[_Sidecar]) -> Ended | None:
        call = self._backend.call(part)
        if isinstance(call, Ended):
            self._log.say(f"mlc: {call.message}")
            return call
        if part == MAIN and (wiped := memory.of_attempt(self._job.folder)) is not None:
            call = replace(call, wipe=str(wiped))
        if deadline is not None:
            call = replace(call, timeout=max(0.0, deadline - time.monotonic()))
        kept = self._start(call)
        if kept is None:
            return Ended(None, message="it was stopped before it ran")
        for sidecar in sidecars:
            sidecar.start()
        ended, answer = self._followed(part, kept)
        if ended is not None and ended.message and (ended.exit is None or ended.exit != answer.exit):  # else the log says it itself
            self._log.say(f"mlc: {ended.message}")
        return ended

    def _start(self, call: Call) -> Kept | None:
        """Start a program, unless the attempt is to end."""
        with self._lock:
            if self._asked:
                return None
            kept = self._guard.start(call)
            self._running.add(kept)
        return kept

    def _followed(self, part: Part, kept: Kept) -> tuple[Ended | None, Answer]:
        """Log what a program prints until it has ended; how it ended, as of `Backend.ended`, and what the guard says of that."""
        stream = self._log.stream(f"[{part.name}] " if part.name else "", kept=not part.silent)
        try:
            answer = kept.wait(stream.write)
        finally:
            with self._lock:
                self._running.discard(kept)
        stream.close()
        return self._backend.ended(part, answer, stream.tail), answer

    def _ask(self, what: str) -> None:
        with self._lock:
            self._asked = what
            for kept in self._running:
                kept.kill() if what == "kill" else kept.term()


class _Sidecar:
    """A sidecar of an attempt, with a thread that waits for it."""

    def __init__(self, attempt: Attempt, part: Part) -> None:
        self._attempt, self._part = attempt, part
        self._lock = threading.Lock()
        self._kept: Kept | None = None
        self._over = False
        self._ended: Ended | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start it, in a thread of its own, unless it runs: the step's program may have had to start again."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._thread = threading.Thread(target=self._run, name=f"mlc-{self._part.name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while self._once():
                pass
        except OSError as error:
            self._ended = Ended(None, lost=True, message=f"sidecar `{self._part.name}`: {_sentence(error)}")

    def _once(self) -> bool:
        """Run it to its end. Whether it has to run again."""
        attempt = self._attempt
        call = attempt._backend.call(self._part)
        if isinstance(call, Ended):
            attempt._log.say(f"mlc: {call.message}")
            self._ended = call
            return False
        with self._lock:
            if self._over:
                return False
            kept = attempt._start(call)
            self._kept = kept
        if kept is None:
            return False
        self._ended, _ = attempt._followed(self._part, kept)
        return self._ended is None

    def stop(self) -> None:
        """Ask it to end: the step's program has."""
        with self._lock:
            self._over = True
            if self._kept is not None:
                self._kept.term()

    def join(self) -> Ended | None:
        """How it ended, None where it never ran."""
        if self._thread is not None:
            self._thread.join()
        return self._ended


def _sentence(error: OSError) -> str:
    """What an error says, for a person, without numbers."""
    if error.strerror is None:
        return str(error)
    text = error.strerror[:1].lower() + error.strerror[1:]
    return f"{text}: `{error.filename}`" if error.filename is not None else text
