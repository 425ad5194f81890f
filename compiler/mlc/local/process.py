"""Steps as processes of this machine: in a file system of their own where bubblewrap works, with local paths where it does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ..diagnostics.model import Finding
from ..ir import PathRef, Text
from ..lowering.text import INTERPRETERS
from ..tagged import KEYS, PLACES
from . import memory, tools, venvs
from .attempts import MAIN, Attempt, Part
from .copies import remove
from .job import Ended
from .keeping import ATTEMPT, GRACE, RUN, SIDECAR_GRACE, TASK, Call, Guard, extra, sweep
from .logs import Log, last
from .notes import refuse, without_effect
from .places import Places, Zone
from .sandbox import HANDED_OVER, OURS, Machine, Room, Rooms, find_program, furnished
from .settings import Misuse, of_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..ir import Container, Mount, Pipeline, Step
    from .job import Delivered, Job, Mounted, Program
    from .keeping import Answer
    from .masking import Masks
    from .settings import Settings

_PASSED = frozenset(
    "PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ LD_LIBRARY_PATH VIRTUAL_ENV SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE"
    " http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY".split()
)
"""Variables that a program gets from `mlc run`: how to find programs, devices and the network. All others the spec has to give."""
_PASSED_STARTS = ("LC_", "CUDA_", "NVIDIA_", "CONDA_", "ROCR_", "HIP_")

_PACKAGES = Part("packages")
_PROBE = 20.0  # seconds for bubblewrap to show that it works
_GONE = "Unable to apply mount flags: remount"
"""What bubblewrap says when something that was mounted below a folder of the machine is gone before it is done, such as a container's
file system: it mounts all of the folder, and then makes what it had found there read-only (bubblewrap, bind-mount.c, bind_mount)."""
_TRIES = 20  # containers that come and go all the time seldom meet a start twice


class ProcessRunner:
    """`job.Runner` for processes."""

    name = "process"

    def __init__(self, settings: Settings, masks: Masks, state: Path, environ: Mapping[str, str] | None = None) -> None:
        self._settings = settings.process
        self._volumes = settings.volumes
        self._masks = masks
        self._state = state.absolute()
        self._environ = os.environ if environ is None else environ
        self._guard = Guard()
        self._lock = threading.Lock()
        self._machine: Machine | None = None
        self._rooms: Rooms | None = None
        self._probed: str | None = None

    # --- what this machine can do

    @property
    def sandboxed(self) -> bool:
        """Whether bubblewrap is used. Raises Misuse where the settings want it, and it does not work."""
        if self._settings.sandbox is False:
            return False
        problem = self._problem()
        if problem and self._settings.sandbox:
            raise Misuse(f"`process: {{sandbox: true}}` cannot be had: {problem}")
        return not problem

    def _problem(self) -> str:
        """Why bubblewrap cannot be used, "" where it can."""
        with self._lock:
            if self._probed is None:
                self._probed = _probe(self._look())
            return self._probed

    def _look(self) -> Machine:
        if self._machine is None:
            folders = [*self._settings.folders.values(), *([self._settings.folder] if self._settings.folder else [])]
            self._machine = Machine(self._environ, folders)
        return self._machine

    # --- before a run

    def check(self, pipeline: Pipeline, findings: list[Finding]) -> None:
        """Refuse what no process can do (MLC432), programs that only an image knows (MLC433), and paths that cannot be had (MLC431)."""
        refuse(pipeline, findings)
        for step in pipeline.steps:
            if step.resource is not None:
                continue
            parts: list[tuple[str, Step | Container]] = [(f"step `{step.name}`", step)]
            parts += [(f"`{container.name}` of step `{step.name}`", container) for container in step.beside]
            for what, part in parts:
                if part.command is None and part.script is None:
                    ways = "`command`, `entrypoint` of the image under `images`, or `--locked` with a lock file"
                    help = f"name the program: {ways}; or run it with podman or docker"
                    message = f"only the image knows the program of {what}, and a process has no image"
                    findings.append(Finding("MLC433", message, part.image.origin or part.origin, help=help))
            if not self.sandboxed:
                self._check_paths(step, findings)
        tools.check(pipeline, self.python(), self._passed(), findings)

    def _check_paths(self, step: Step, findings: list[Finding]) -> None:
        """Refuse paths that a program can have only where the machine is its own: nothing is ever written to `/`."""
        named = _named(step)
        found: list[tuple[str, str, tuple[str | int, ...]]] = []
        for port, ports in (("inputs", step.inputs), ("outputs", step.outputs), ("values", step.values), ("metrics", step.metrics)):
            for one in ports:
                if one.path not in named and one.path != _checkout(step):
                    found.append((one.path, f"`${{{{ {port}.{one.name} }}}}`", one.origin))
        if not step.made:  # it is told where its folders are
            found += [(mount.path, "", mount.origin) for mount in step.all_mounts if not self._is_there(mount)]
        if step.workdir and step.workdir != _checkout(step) and self.folder_of(step) is None:
            found.append((step.workdir, "", step.where("workdir")))
        for path, placeholder, origin in found:
            use = f"use {placeholder} in its `args`, `env` or `run`; or " if placeholder else ""
            message = f"step `{step.name}` cannot find `{path}`: a process has the paths of this machine"
            without = self._settings.sandbox is False
            help = use + ("leave out `process: {sandbox: false}`, or take podman" if without else "install bubblewrap or podman")
            findings.append(Finding("MLC431", message, origin, help=help))

    def _is_there(self, mount: Mount) -> bool:
        """Whether a volume is at its path on this machine itself."""
        given = self._volumes.get(mount.volume.name)
        return given is not None and str(given / mount.sub_path) == mount.path

    def folder_of(self, step: Step) -> Path | None:
        """The folder of this machine that stands for the image's. What the spec checks out is neither hidden nor replaced by it."""
        if _checkout(step):
            return None
        return of_image(self._settings.folders, step.image, step.image.ref) or self._settings.folder

    def notes(self, pipeline: Pipeline) -> Sequence[str]:
        """What has no effect here."""
        found = ["images are not used: programs are those of this machine"]
        if self._settings.folder is None and not self._settings.folders:
            found.append("steps start in an empty folder: `process: {folder: .}` in mlc.local.yaml names one with code")
        if not self.sandboxed:
            reason = f" ({self._problem()})" if self._settings.sandbox is None else ""
            found.append(f"without bubblewrap{reason} steps find their files at local paths, by placeholders only")
        if any(step.resources or any(container.resources for container in step.beside) for step in pipeline.steps):
            found.append("`resources` do not limit processes")
        if any(step.security for step in pipeline.steps):
            found.append("`security` has no effect: processes run as you")
        if any(step.sidecars for step in pipeline.steps):
            found.append("sidecars share the network of this machine: ports may be taken")
        return [*found, *without_effect(pipeline)]

    def path(self, step: Step, folder: Path, kind: str, name: str, path: str) -> str:
        """The path as the program sees it."""
        return path if self.sandboxed else str(_local(folder, path))

    # --- attempts

    def start(self, job: Job, told: Callable[[str], None]) -> Attempt:
        """Start an attempt."""
        backend = _Processes(self, job, sandboxed=self.sandboxed)
        return Attempt(job, backend, self._guard, Log(job.folder / "log", self._masks, told))

    def command(self, job: Job) -> Sequence[str]:
        """The command line of the step's program; the values of secrets are not in it."""
        words = self.words(job.program, f"{OURS}/script", "python")
        return [self._masks.text(word) for word in (words if self.sandboxed else _placed(job, job.mounts, words))]

    def sweep(self, run: str, identities: Sequence[str]) -> None:
        """End what a killed process left."""
        folders = [Path(identity.removeprefix("process ")) for identity in identities if identity.startswith("process ")]
        sweep(run, [record for folder in folders for record in folder.glob("pid*")])

    def close(self) -> None:
        """End the guard, and remove what was kept for further attempts."""
        self._guard.close()
        if self._rooms is not None:
            self._rooms.close()

    # --- for `_Processes`

    def words(self, program: Program, script: str, python: str) -> list[str]:
        """The command line of a program; `script` is where its script is, `python` what runs one of Python."""
        if program.script is None:
            return [*(program.command or ()), *program.args]
        interpreter = list(INTERPRETERS[program.shell])
        if program.shell == "python":
            interpreter[0] = python
        return [*interpreter, script, *program.args]

    def room(self, job: Job, folder: Path, part: Part) -> Room:
        """A file system for one program of an attempt."""
        shared = memory.of_attempt(job.folder)
        with self._lock:
            machine = self._look()
            rooms = self._rooms = self._rooms or Rooms(machine, job.folder.parents[1] / ".rooms")
        rooms.take(folder)
        return Room(machine, folder, None if shared is None else shared / part.of("x-shm"))

    def leave(self, folder: Path) -> None:
        """What `room` made is not needed any more."""
        if self._rooms is not None:
            self._rooms.give(folder)

    def environment(self, job: Job, program: Program) -> dict[str, str]:
        """The environment of a program, without what depends on its files."""
        return {**self._passed(), **program.env, **marks(job)}

    def _passed(self) -> dict[str, str]:
        return {
            name: value
            for name, value in self._environ.items()
            if name in _PASSED or name in self._settings.env or name.startswith(_PASSED_STARTS)
        }

    def python(self) -> str | None:
        """The interpreter of Python scripts, None where the machine has none."""
        path = self._environ.get("PATH", os.defpath)
        names = (self._settings.python,) if self._settings.python else ("python", "python3")
        return next((found for name in names if (found := shutil.which(name, path=path))), None)

    @property
    def state(self) -> Path:
        """The folder that holds all state of runs."""
        return self._state

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment of `mlc run`."""
        return self._environ


class _Processes:
    """`attempts.Backend` for one attempt."""

    def __init__(self, runner: ProcessRunner, job: Job, *, sandboxed: bool) -> None:
        self._runner, self._job, self._sandboxed = runner, job, sandboxed
        self._scratch = job.folder / "scratch"
        self._places: Places | None = None
        self._beside = {beside.container.name: beside for beside in (*job.init, *job.sidecars)}
        self._venv: Path | None = None
        self._calls: dict[Part, Call] = {}
        """Of programs that bubblewrap could not start, to be started again: their files are in their places already."""
        self._tried = 0

    @property
    def identity(self) -> str:
        return f"process {self._scratch}"

    def before(self) -> Sequence[Part]:
        """Init containers; then the packages of the step's script."""
        self._scratch.mkdir(exist_ok=True)
        return [*(Part(beside.container.name) for beside in self._job.init), *([_PACKAGES] if self._job.program.packages else [])]

    def call(self, part: Part) -> Call | Ended:
        """How to run a part."""
        if part in self._calls:
            return self._calls[part]
        if part is _PACKAGES:
            return self._packages()
        if part == MAIN:
            job = self._job
            return self._program(part, job.program, job.mounts, job.inputs, job.declared.values())
        beside = self._beside[part.name]
        return self._program(part, beside.program, beside.mounts, (), ())

    def _packages(self) -> Call | Ended:
        python = self._runner.python()
        if python is None:
            return _no_python()
        packages = self._job.program.packages
        self._venv = venvs.folder_of(self._runner.state, os.path.realpath(python), packages)
        env = {**self._runner.environ, **marks(self._job)}
        argv = venvs.command(python, self._venv, packages)
        return Call(python, argv, env, "/", self._record(_PACKAGES), _mark(self._job))

    def _program(
        self, part: Part, program: Program, mounts: Sequence[Mounted], inputs: Sequence[Delivered], declared: Iterable[str]
    ) -> Call | Ended:
        """How to run a program, in a room or where it is."""
        if program.command is None and program.script is None:
            return Ended(127, message="only the image knows its program, and a process has no image")
        env = self._runner.environment(self._job, program)
        python = self._runner.python() if program.shell == "python" and program.script is not None else ""
        if python is None:
            return _no_python()
        if program.packages and self._venv is not None:
            python = str(self._venv / "bin" / "python")
            env.update(VIRTUAL_ENV=str(self._venv), PATH=f"{self._venv / 'bin'}:{env.get('PATH', os.defpath)}")
        make = self._in_room if self._sandboxed else self._in_place
        places, folder, script, options = make(part, program, env, mounts, inputs, list(declared))
        if part == MAIN:
            self._places = places
        argv = self._runner.words(program, script, python or "python")
        if not self._sandboxed:
            argv = _placed(self._job, mounts, argv)
        found, problem = find_program(places, argv[0], env.get("PATH", os.defpath), folder)
        if problem:
            code = 127 if problem.startswith("not found") else 126
            where = "" if "/" in argv[0] else f": no folder of `PATH` has it, {env.get('PATH', os.defpath)}"
            return Ended(
                code, message=f"{_of(part)}the program `{argv[0]}` {_PROBLEMS.get(problem, problem)}{where if code == 127 else ''}"
            )
        grace = SIDECAR_GRACE if any(part.name == beside.container.name for beside in self._job.sidecars) else GRACE
        call = Call(found, argv, env, folder, self._record(part), _mark(self._job), grace=grace)
        if not self._sandboxed:
            return call
        bubblewrap = shutil.which("bwrap") or "bwrap"
        inner = ["bwrap", "--args", "{options}", "--json-status-fd", "{status}", "--", found, *argv[1:]]
        self._calls[part] = Call(bubblewrap, inner, env, "/", call.record, call.mark, grace=grace, options=options)
        return self._calls[part]

    def _in_room(
        self, part: Part, program: Program, env: dict[str, str], mounts: Sequence[Mounted], inputs: Sequence[Delivered], declared: list[str]
    ) -> tuple[Places, str, str, list[str]]:
        """A file system of its own: what the program sees there, the folder it starts in, its script, bubblewrap's options."""
        room = self._runner.room(self._job, self._scratch / part.of("room"), part)
        room.furnish(mounts, inputs, declared, program.workdir, self._runner.folder_of(self._job.step) if part == MAIN else None)
        if program.packages and self._venv is not None:
            room.show(self._venv.parent)
        script = room.script(program.script) if program.script is not None else ""
        # A bubblewrap with the privileges of root would lose these, and any other would itself obey them.
        loading = [name for name in env if name.startswith("LD_")]
        loaded = [word for name in loading for word in ("--setenv", name, env.pop(name))]
        return room.places, room.folder, script, [*room.options(), *loaded]

    def _in_place(
        self, part: Part, program: Program, env: dict[str, str], mounts: Sequence[Mounted], inputs: Sequence[Delivered], declared: list[str]
    ) -> tuple[Places, str, str, list[str]]:
        """The machine as it is: files lie in the attempt's folder, below it as the spec has them."""
        for mounted in () if self._job.step.made else mounts:
            if os.path.realpath(mounted.source) != os.path.realpath(mounted.mount.path):
                raise OSError(f"`{mounted.mount.path}` is a path that a process cannot have without bubblewrap")
        own = self._scratch / f"of-{part.name}" if part.name else self._scratch
        own.mkdir(exist_ok=True)
        env["TMPDIR"] = str(own)
        for parent in {os.path.dirname(path) for path in declared}:
            if parent in HANDED_OVER or os.path.isdir(parent):  # what a program need not make, for every machine has it
                _local(self._job.folder, parent).mkdir(parents=True, exist_ok=True)
        for delivered in inputs:
            to = _local(self._job.folder, delivered.path)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(delivered.source, to)
        script = ""
        if program.script is not None:
            file = own / "script"
            file.write_text(program.script, encoding="utf-8", errors="surrogateescape")
            script = str(file)
        code = self._runner.folder_of(self._job.step) if part == MAIN else None
        checkout = _checkout(self._job.step) if part == MAIN else ""
        folder = str(_local(self._job.folder, checkout) if checkout else code or own / "work")
        if code is None and not checkout:
            (own / "work").mkdir(exist_ok=True)
        return Places(Zone("/", Path("/"), "machine")), folder, script, []

    def _record(self, part: Part) -> str:
        return str(self._scratch / part.of("pid"))

    def ended(self, part: Part, answer: Answer, tail: str) -> Ended | None:
        """How a part ended; None where bubblewrap has to start it again."""
        of = _of(part)
        if answer.lost:
            return Ended(None, lost=True, message=f"{of}the process that looks after it was killed")
        if answer.exit is None:
            reason = os.strerror(answer.errno).lower()
            if answer.at == "cwd":
                return Ended(None, lost=True, message=f"{of}it cannot start in its folder: {reason}")
            return Ended(127 if answer.errno == 2 else 126, message=f"{of}the program cannot be started: {reason}")
        if self._sandboxed and part is not _PACKAGES and answer.exit not in (137, 143) and "exit-code" not in extra(answer):
            said = last(tail, "bwrap: ")
            if _GONE in said and self._tried < _TRIES:
                self._tried += 1
                return None
            return Ended(None, lost=True, message=f"{of}bubblewrap could not start it: {said}")
        message = ""
        if answer.exit and part.name:
            message = f"{of.removesuffix(': ')} ended with {answer.exit}"
        if answer.left:
            message = f"{message + '; ' if message else ''}{answer.left} of its processes could not be ended"
        return Ended(answer.exit, timed_out=answer.timed_out, message=message)

    def collect(self, path: str, to: Path) -> bool:
        """Copy what the program wrote."""
        if self._places is None:
            return False
        return self._places.copy(path if self._sandboxed else str(_local(self._job.folder, path)), to, self._scratch)

    def dispose(self) -> None:
        """Remove the folders of the attempt."""
        self._runner.leave(self._scratch / MAIN.of("room"))
        remove(self._scratch)
        shared = memory.of_attempt(self._job.folder)
        if shared is not None:
            for part in (MAIN, *map(Part, self._beside)):
                remove(shared / part.of("x-shm"))
            memory.tidy(shared)


def marks(job: Job) -> dict[str, str]:
    """Variables by which the programs of an attempt are known."""
    return {RUN: job.run, TASK: job.task, ATTEMPT: str(job.attempt)}


def _mark(job: Job) -> str:
    return f"{TASK}={job.task}"


_PROBLEMS = {"not found": "is not found", "permission denied": "is a file that may not be executed", "is a directory": "is a folder"}


def _of(part: Part) -> str:
    return f"`{part.name}`: " if part.name else ""


def _no_python() -> Ended:
    return Ended(127, message="there is no `python` and no `python3` in `PATH` to run the script with")


def _local(folder: Path, path: str) -> Path:
    """Where a path of the spec lies below an attempt's folder."""
    return folder / "scratch" / "files" / path.lstrip("/")


def _checkout(step: Step) -> str:
    """The folder that a step starts in where that is an input, the project's code; "" for all others."""
    return step.workdir if any(port.path == step.workdir for port in step.inputs) else ""


def _placed(job: Job, mounts: Sequence[Mounted], words: list[str]) -> list[str]:
    """The words of a command, in which a step that the compiler made up is told where its folders are on this machine."""
    return [_where(word, mounts) for word in words] if job.step.made else words


def _where(word: str, mounts: Sequence[Mounted]) -> str:
    key, _, path = word.partition("=")
    for mounted in mounts if key in KEYS or key in PLACES else ():
        if path.startswith(f"{mounted.mount.path}/"):
            return f"{key}={mounted.source}{path[len(mounted.mount.path) :]}"
    return word


def _named(step: Step) -> set[str]:
    """The paths of files whose placeholders a step uses."""
    texts: list[Text] = list(step.texts)
    if step.script is not None:
        texts.append(step.script.text)
    return {piece.path for text in texts for piece in text.pieces if isinstance(piece, PathRef)}


def _probe(machine: Machine) -> str:
    """Why bubblewrap does not work here, "" where it does: tried with all that a step would have."""
    bubblewrap, true = shutil.which("bwrap"), shutil.which("true")
    if bubblewrap is None or true is None:
        return "it is not installed"
    folder = Path(tempfile.mkdtemp(prefix="mlc-"))
    try:
        furnished(machine, folder)
        options = Room(machine, folder, None).options()
        argv = [bubblewrap, *options, "--json-status-fd", "1", "--", os.path.realpath(true)]
        for _ in range(_TRIES):
            done = subprocess.run(  # noqa: S603 - nothing of a user's is in it
                argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE, check=False, text=True, errors="replace"
            )
            if _GONE not in done.stderr:
                break
        if done.returncode == 0 and "exit-code" in done.stdout:
            return ""
        return last(done.stderr, "bwrap: ") or f"it ended with {done.returncode}"
    except subprocess.TimeoutExpired:
        return "it does not end"
    except OSError as error:
        return (error.strerror or str(error)).lower()
    finally:
        remove(folder)
