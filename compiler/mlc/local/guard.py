"""Starts programs, and outlives `mlc run` for just as long as it takes to end them. A program of its own: `python -I -S guard.py FD`.

`mlc run` has one guard. It is the parent of every program of the run, and of whatever those leave behind, daemons included
(`PR_SET_CHILD_SUBREAPER`, prctl(2)): it ends all of it when the program has ended, when its time is over, when it is asked to, and when
the socket to `mlc run` breaks, which it does when that process dies in whatever way. Where an operating system has no subreapers, the
process group is ended. With a further word `apart` it is not the parent of what programs leave behind, and ends nothing of it: the
client of a container engine leaves a process that looks after the container.

Over the socket FD it reads one byte with two descriptors for each program, another socket and the pipe for what the program prints
(`Guard.start` in keeping.py sends them). Over that socket comes what to run, eight bytes of length and then JSON:

    program          the file to run, a path
    argv, env, cwd   `{status}` in argv is the descriptor for what bubblewrap says, `{options}` that of `options`
    options          texts, each with a NUL after it, in a file without a name; for bubblewrap's `--args`
    mark             a variable with its value in `env`, by which what the program left behind is told from what others did
    timeout          seconds, or null
    grace            seconds between TERM and KILL
    record           the file that gets `PID START`; START tells the program from a later process of that number
    wipe             a folder that is removed when `mlc run` died, "" for none: secrets in memory
    term, kill, gone null, or the commands that do this (`gone`: `mlc run` died) instead of signals to the process group

and then bytes: `T` for TERM, and KILL after the grace; `K` for KILL. The answer is one line of JSON when all is over:

    exit             the status, 128 + N after signal N; null where nothing ran
    errno, at        why the program could not be started: of the folder (`cwd`), of the program (`exec`)
    timed_out, left  whether the time was over; how many processes could not be ended
    said             what bubblewrap said
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import select
import signal
import socket
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SUBREAPER = 36  # linux/prctl.h
_PATIENCE = 10.0  # seconds that processes have to vanish after KILL, and a client to end after its container was removed
_TRY_AGAIN = 0.5  # seconds between attempts to end a container that is just being made
_DEFAULT = [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD]
"""Signals that do in a program what they do by default: Python ignores some, and a program would inherit that."""


class Guard:
    """The programs that run, and one loop for all of them."""

    def __init__(self, server: socket.socket, *, tree: bool) -> None:
        self.server: socket.socket | None = server
        self.tree = tree
        self.poll = select.poll()
        self.poll.register(server, select.POLLIN)
        self.wake, waker = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.poll.register(self.wake, select.POLLIN)
        self.programs: dict[int, Program] = {}
        self.children: dict[int, Program] = {}
        """Programs and helping commands by process."""
        self.lines: dict[int, Program] = {}
        self.statuses: dict[int, Program] = {}

    def run(self) -> None:
        """Until the socket breaks and nothing is left."""
        while self.server is not None or self.programs:
            due = min((program.due for program in self.programs.values()), default=None)
            wait = None if due is None or due == _NEVER else max(0.0, (due - time.monotonic()) * 1000 + 1)
            for descriptor, _ in self.poll.poll(wait):
                self.ready(descriptor)
            self.reap()
            now = time.monotonic()
            for program in [program for program in self.programs.values() if program.due <= now]:
                program.tick(now)
        until = time.monotonic() + _PATIENCE
        while self.tree and self.reap() and time.monotonic() < until:  # what nobody could say whose it was
            for child in children():
                _signal(child, signal.SIGKILL)
            time.sleep(0.01)

    def ready(self, descriptor: int) -> None:
        """Something came."""
        if descriptor == self.wake:
            _drained(self.wake)
        elif descriptor in self.lines:
            self.lines[descriptor].order()
        elif descriptor in self.statuses:
            self.statuses[descriptor].hear()
        elif self.server is not None and descriptor == self.server.fileno():
            self.accept()

    def accept(self) -> None:
        """A program to run, or the end."""
        message = b""
        descriptors: list[int] = []
        with contextlib.suppress(OSError):
            message, descriptors, _, _ = socket.recv_fds(self.server, 1, 2)  # type: ignore[arg-type] # only called with one
        if not message:
            self.poll.unregister(self.server)  # type: ignore[arg-type] # as above
            self.server = None
            return
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        line, log = socket.socket(fileno=descriptors[0]), descriptors[1]
        spec = _received(line)
        if spec is not None:
            program = Program(self, line, spec)
            program.start(log)
        os.close(log)
        if spec is None:
            line.close()

    def reap(self) -> bool:
        """Take note of children that ended. Whether there are others."""
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if child == 0:
                return True
            program = self.children.pop(child, None)
            if program is not None:
                program.child_ended(child, status)

    def strays(self, program: Program) -> list[int]:
        """What a program that has ended left behind, as far as it can be told; all that nobody else can have left."""
        if not self.tree:
            return []
        found = [child for child in children() if child not in self.children]
        alone = not any(other.running for other in self.programs.values())
        return [child for child in found if alone or program.is_of(child)]


_NEVER = float("inf")


class Program:
    """A program, from its start until nothing of it is left."""

    def __init__(self, guard: Guard, line: socket.socket, spec: dict[str, Any]) -> None:
        self.guard, self.line, self.spec = guard, line, spec
        self.main = 0
        self.running = False
        self.exit: int | None = None
        self.heard: int | None = None
        self.status = b""
        self.helpers: set[int] = set()
        self.command: list[str] | None = None
        self.gone = self.timed_out = self.stopping = self.killed = False
        self.ends = self.kills = self.again = self.gives_up = _NEVER
        self.answer: dict[str, Any] = {}

    @property
    def due(self) -> float:
        """When there is something to do, in the time of `time.monotonic`."""
        return min(self.ends, self.kills, self.again, self.gives_up)

    # --- start

    def start(self, log: int) -> None:
        """Start it, or say why not."""
        try:
            self.spawn(log)
        except OSError as error:
            self.answer["errno"] = error.errno or 0
        except ValueError:  # a NUL byte in a text
            self.answer["errno"] = errno.EINVAL
        finally:
            os.chdir("/")
        if not self.running:
            self.tell()
            return
        if self.spec["timeout"] is not None:
            self.ends = time.monotonic() + self.spec["timeout"]
        self.guard.programs[self.main] = self.guard.children[self.main] = self
        self.guard.lines[self.line.fileno()] = self
        self.guard.poll.register(self.line, select.POLLIN)
        if self.heard is not None:
            self.guard.statuses[self.heard] = self
            self.guard.poll.register(self.heard, select.POLLIN)

    def spawn(self, log: int) -> None:
        """Start it. Raises OSError and ValueError, with `at` in the answer."""
        self.answer["at"] = "exec"
        env = {os.fsencode(name): os.fsencode(value) for name, value in self.spec["env"].items()}
        argv = [os.fsencode(word) for word in self.spec["argv"]]
        actions: list[tuple[int, int, str, int, int] | tuple[int, int, int]] = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, log, 1),
            (os.POSIX_SPAWN_DUP2, log, 2),
        ]
        passed = []
        try:
            if b"{status}" in argv:
                heard, told = os.pipe()
                self.heard = heard
                passed.append(_high(told))
                argv[argv.index(b"{status}")] = b"3"
                actions.append((os.POSIX_SPAWN_DUP2, passed[-1], 3))
            if b"{options}" in argv:
                passed.append(_high(_file(b"".join(os.fsencode(text) + b"\0" for text in self.spec["options"]))))
                argv[argv.index(b"{options}")] = b"4"
                actions.append((os.POSIX_SPAWN_DUP2, passed[-1], 4))
            self.answer["at"] = "cwd"
            os.chdir(self.spec["cwd"])
            self.answer["at"] = "exec"
            self.main = _spawn(os.fsencode(self.spec["program"]), argv, env, actions)
            self.running = True
        finally:
            for descriptor in passed:
                os.close(descriptor)
        self.answer.clear()
        with contextlib.suppress(OSError), open(self.spec["record"], "w", encoding="ascii") as file:
            file.write(f"{self.main} {start_of(self.main)}\n")

    # --- until it ends

    def tick(self, now: float) -> None:
        """Something is due."""
        if now >= self.ends:
            self.ends, self.timed_out = _NEVER, True
            self.term()
        if now >= self.kills:
            self.kill()
        if now >= self.gives_up:
            self.gives_up = _NEVER
            _signal(self.main, signal.SIGKILL, group=True)
            if not self.running:
                self.done(len(self.guard.strays(self)))
                return
        if now >= self.again:
            self.again = _NEVER
            if not self.running:
                self.settle()
            elif self.command is not None:
                self.help(self.command)

    def order(self) -> None:
        """`mlc run` wants something, or is gone."""
        orders = b""
        with contextlib.suppress(OSError):
            orders = self.line.recv(16)
        if b"K" in orders:
            self.kill()
        elif b"T" in orders:
            self.term()
        elif not orders:
            self.guard.poll.unregister(self.line)
            self.gone = True
            self.ends = self.kills = _NEVER
            if self.spec["gone"] is None:
                _signal(self.main, signal.SIGKILL, group=True)
            else:
                self.gives_up = time.monotonic() + 3 * _PATIENCE
                self.repeat(self.spec["gone"])

    def hear(self) -> None:
        """bubblewrap says something."""
        if self.heard is not None:
            data = os.read(self.heard, 1 << 16)
            self.status += data
            if not data:
                self.deafen()

    def deafen(self) -> None:
        """There is no more to hear."""
        if self.heard is not None:
            self.guard.poll.unregister(self.heard)
            del self.guard.statuses[self.heard]
            os.close(self.heard)
            self.heard = None

    def term(self) -> None:
        """Ask it to end, once."""
        if not self.stopping and self.running:
            self.stopping = True
            self.kills = time.monotonic() + float(self.spec["grace"])
            # To the group, as Argo's executor sends it (workflow/executor/osspecific): a shell hands nothing on to what it runs.
            if self.spec["term"] is not None:
                self.repeat(self.spec["term"])
            else:
                _signal(self.group(), signal.SIGTERM, group=True)

    def kill(self) -> None:
        """End it; where a command has to do it, by force some time later."""
        self.kills = _NEVER
        if self.running:
            self.stopping = True
            if self.spec["kill"] is None or self.killed:
                _signal(self.main, signal.SIGKILL, group=True)
            else:
                self.killed = True
                self.kills = time.monotonic() + _PATIENCE
                self.repeat(self.spec["kill"])

    def group(self) -> int:
        """The process group that gets TERM: bubblewrap itself would just die of it, and its child has a group of its own."""
        marker = b'"child-pid"'
        if marker in self.status:
            with contextlib.suppress(ValueError, OSError):
                return os.getpgid(int(self.status.partition(marker)[2].lstrip(b": ").split(b",")[0].split(b"}")[0]))
        return self.main

    def repeat(self, command: list[str]) -> None:
        """Have a command bring the end about, again and again: the client may just be making the container."""
        self.command = command
        self.help(command)

    def help(self, argv: list[str]) -> None:
        """Start a command, of which nobody sees the output. It finds its own way to what it needs: nobody can be told when it does not."""
        env = {os.fsencode(name): os.fsencode(value) for name, value in self.spec["env"].items()}
        actions = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
        with contextlib.suppress(OSError):
            child = _spawn(os.fsencode(argv[0]), [os.fsencode(word) for word in argv], env, actions)
            self.helpers.add(child)
            self.guard.children[child] = self

    # --- the end

    def child_ended(self, child: int, status: int) -> None:
        """The program, or a command that helped, has ended."""
        self.helpers.discard(child)
        if child != self.main:
            if not self.running and not self.helpers:
                self.settle()
            elif self.running and not self.helpers and self.command is not None:
                self.again = time.monotonic() + _TRY_AGAIN
            return
        code = os.waitstatus_to_exitcode(status)
        self.exit = code if code >= 0 else 128 - code
        self.running = False
        self.ends = self.kills = self.again = _NEVER
        self.gives_up = time.monotonic() + _PATIENCE
        if self.guard.tree:
            _signal(self.main, signal.SIGKILL, group=True)
        if self.gone and self.spec["gone"] is not None:
            self.help(self.spec["gone"])
            self.gives_up += 2 * _PATIENCE
        self.settle()

    def settle(self) -> None:
        """Kill what the program left behind; done when nothing is there."""
        strays = self.guard.strays(self)
        for stray in strays:
            _signal(stray, signal.SIGKILL)
        if strays:
            self.again = time.monotonic() + 0.005
        elif not self.helpers:
            self.done(0)

    def is_of(self, process: int) -> bool:
        """Whether a process was started by this program, as far as its session or its environment tells."""
        fields = _stat(process)
        if fields and fields[3] == str(self.main):
            return True
        with contextlib.suppress(OSError), open(f"/proc/{process}/environ", "rb") as file:
            return os.fsencode(self.spec["mark"]) in file.read().split(b"\0")
        return False

    def done(self, left: int) -> None:
        """Nothing of it is left, or nothing more can be done."""
        if self.heard is not None:
            os.set_blocking(self.heard, False)
            with contextlib.suppress(BlockingIOError):
                while data := os.read(self.heard, 1 << 16):
                    self.status += data
            self.deafen()
        del self.guard.programs[self.main]
        del self.guard.lines[self.line.fileno()]
        if not self.gone:
            self.guard.poll.unregister(self.line)
        for helper in self.helpers:
            self.guard.children.pop(helper, None)
        self.answer["left"] = left
        if self.gone and self.spec["wipe"]:
            import shutil

            shutil.rmtree(self.spec["wipe"], ignore_errors=True)
        self.tell()

    def tell(self) -> None:
        """Say how it ended."""
        self.answer.update(exit=self.exit, timed_out=self.timed_out, said=self.status.decode("utf-8", "replace"))
        with contextlib.suppress(OSError):  # nobody waits for it any more
            self.line.sendall(json.dumps(self.answer).encode() + b"\n")
        self.line.close()


def main() -> None:
    """Be the guard."""
    server = socket.socket(fileno=int(sys.argv[1]))
    server.set_inheritable(False)
    tree = "apart" not in sys.argv[2:]
    if tree and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    Guard(server, tree=tree).run()


def _received(line: socket.socket) -> dict[str, Any] | None:
    """What to run; None where nobody says it any more."""
    size = _exactly(line, 8)
    text = _exactly(line, int.from_bytes(size, "big")) if size else None
    return json.loads(text) if text else None


def _exactly(line: socket.socket, count: int) -> bytes | None:
    found = bytearray()
    while len(found) < count:
        try:
            data = line.recv(min(count - len(found), 1 << 20))
        except OSError:
            return None
        if not data:
            return None
        found += data
    return bytes(found)


# --- processes ----------------------------------------------------------------------------------------------------------------


def _spawn(program: bytes, argv: list[bytes], env: dict[bytes, bytes], actions: Any) -> int:
    """Start a program as the leader of a session. Without a fork of this process, which costs more than the rest. Raises OSError."""
    return os.posix_spawn(program, argv, env, file_actions=actions, setsid=True, setsigmask=[], setsigdef=_DEFAULT)


def children() -> list[int]:
    """Our children, by number; none where the system does not tell."""
    with contextlib.suppress(OSError), open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]
    found = []
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit() and (fields := _stat(int(name))) and int(fields[1]) == os.getpid():
                found.append(int(name))
    return found


def start_of(process: int) -> str:
    """When a process was started, in the machine's own units, and in which boot: with its number no other has it. "" where it is gone."""
    fields = _stat(process)
    if not fields:
        return ""
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return f"{fields[19]}-{file.read().strip()[:8]}"
    return fields[19]


def _stat(process: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on (proc(5)): [1] is the parent, [3] the session, [19] the start. Empty where gone."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def _signal(process: int, number: int, *, group: bool = False) -> None:
    with contextlib.suppress(OSError):  # it has ended
        os.killpg(process, number) if group else os.kill(process, number)


# --- descriptors --------------------------------------------------------------------------------------------------------------


def _high(descriptor: int) -> int:
    """A descriptor that is none of those that a program gets, instead of one that may be."""
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    finally:
        os.close(descriptor)


def _file(data: bytes) -> int:
    """A descriptor from which the data can be read: a file without a name."""
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        return os.dup(file.fileno())


def _drained(descriptor: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while os.read(descriptor, 512):
            continue


if __name__ == "__main__":
    main()
