"""Programs, run so that nothing of them outlives this process: what `guard.py` does, as seen from here."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

GRACE = 10.0
"""Seconds between TERM and KILL."""

SIDECAR_GRACE = 3.0
"""The same for a sidecar that is not needed any more: many handle no TERM, which they do not see as the first process of a container."""

RUN, TASK, ATTEMPT = "MLC_RUN", "MLC_TASK", "MLC_ATTEMPT"
"""Variables in the environment of every program, by which strays are found."""

_READ = 1 << 16
_LAST_WORDS = 1.0
"""Seconds without anything more out of a program's pipe after its end: it is not closed, but nobody will write."""
_PATIENCE = 10.0  # seconds that what a killed process left has to vanish after KILL


@dataclass(frozen=True)
class Call:
    """What to run; `guard.py` says what each part means."""

    program: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    record: str
    mark: str
    timeout: float | None = None
    grace: float = GRACE
    options: Sequence[str] = ()
    wipe: str = ""
    term: Sequence[str] | None = None
    kill: Sequence[str] | None = None
    gone: Sequence[str] | None = None


@dataclass(frozen=True)
class Answer:
    """How a program ended. `exit` is None where it never ran: `errno` and `at` then say why; or where the guard was killed (`lost`)."""

    exit: int | None
    timed_out: bool = False
    errno: int = 0
    at: str = ""
    left: int = 0
    said: str = ""
    lost: bool = False


class Guard:
    """Runs programs. From any thread. `tree`: what programs leave behind is ended, too."""

    def __init__(self, *, tree: bool = True) -> None:
        self._tree = tree
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def start(self, call: Call) -> Kept:
        """Start a program. Raises OSError where this machine can have no more processes; `Kept.wait` says what became of the program."""
        ours, theirs = socket.socketpair()
        output, log = os.pipe()
        try:
            self._send(theirs.fileno(), log)
        except BaseException:
            ours.close()
            os.close(output)
            raise
        finally:
            theirs.close()
            os.close(log)
        return Kept(ours, output, call)

    def close(self) -> None:
        """Have the guard end, and with it every program that it still runs."""
        with self._lock:
            if self._line is not None:
                self._line.close()
                self._line = None
            if self._process is not None:
                self._process.wait()
                self._process = None

    def _send(self, control: int, log: int) -> None:
        with self._lock:
            if self._line is not None:
                try:
                    socket.send_fds(self._line, [b"r"], [control, log])
                    return
                except OSError:  # somebody killed it
                    self._line.close()
                    if self._process is not None:
                        self._process.wait()
            self._line = self._open()
            socket.send_fds(self._line, [b"r"], [control, log])

    def _open(self) -> socket.socket:
        """Start the guard. In a session of its own: Ctrl-C at the terminal is not for it."""
        ours, theirs = socket.socketpair()
        argv = [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")), str(theirs.fileno())]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                argv if self._tree else [*argv, "apart"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return ours


class Kept:
    """A program that was started."""

    def __init__(self, line: socket.socket, output: int, call: Call) -> None:
        self._line = line
        self._output = output
        text = json.dumps(vars(call)).encode()
        with contextlib.suppress(OSError):  # the guard is gone: `wait` says so
            line.sendall(len(text).to_bytes(8, "big") + text)

    def term(self) -> None:
        """Ask it to end, and have it end after the grace period. From any thread."""
        self._order(b"T")

    def kill(self) -> None:
        """Have it end. From any thread."""
        self._order(b"K")

    def _order(self, order: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended
            self._line.send(order)

    def wait(self, write: Callable[[bytes], None]) -> Answer:
        """Hand over what it writes, as it comes, until it has ended."""
        answer = b""
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        poll.register(self._line, select.POLLIN)
        reading = True
        until: float | None = None
        try:
            while reading or until is None:
                ready = poll.poll(None if until is None else _LAST_WORDS * 1000)
                if not ready or (until is not None and time.monotonic() > until):
                    break  # somebody who escaped holds the pipe
                for descriptor, _ in ready:
                    if descriptor == self._output:
                        data = os.read(self._output, _READ)
                        if data:
                            write(data)
                        else:
                            reading = False
                            poll.unregister(self._output)
                    else:
                        data = self._received()
                        answer += data
                        if not data or answer.endswith(b"\n"):
                            until = time.monotonic() + 10 * _LAST_WORDS
                            poll.unregister(self._line)
        finally:
            os.close(self._output)
            self._line.close()
        return Answer(**json.loads(answer)) if answer.endswith(b"\n") else Answer(None, lost=True)

    def _received(self) -> bytes:
        try:
            return self._line.recv(_READ)
        except OSError:
            return b""


# --- what a killed process left -----------------------------------------------------------------------------------------------


def sweep(run: str, records: Iterable[Path]) -> None:
    """End the programs of a run whose guard is gone, too: those on record, and all that have the run's name in their environment."""
    from .guard import start_of

    for record in records:
        with contextlib.suppress(OSError, ValueError):
            number, _, start = record.read_text(encoding="ascii").strip().partition(" ")
            if start and start_of(int(number)) == start:
                _kill(int(number), group=True)
    until = time.monotonic() + _PATIENCE
    while (strays := carrying(f"{RUN}={run}")) and time.monotonic() < until:
        for stray in strays:
            _kill(stray)
        time.sleep(0.02)


def carrying(variable: str) -> list[int]:
    """The processes with `NAME=value` in their environment that this user may look into; none where there is no /proc."""
    wanted = variable.encode()
    found = []
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if not name.isdigit() or int(name) == os.getpid():
            continue
        with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
            if wanted in file.read().split(b"\0"):
                found.append(int(name))
    return found


def _kill(process: int, *, group: bool = False) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process, signal.SIGKILL) if group else os.kill(process, signal.SIGKILL)


def extra(answer: Answer) -> dict[str, Any]:
    """What bubblewrap said, put together."""
    found: dict[str, Any] = {}
    for line in answer.said.splitlines():
        with contextlib.suppress(ValueError):
            found.update(json.loads(line))
    return found
