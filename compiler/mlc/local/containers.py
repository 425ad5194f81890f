"""Steps as containers of podman or docker: both are called by their command line, and what differs between the two is in `_Dialect`.

A container has a name of ours, so that it can be ended and removed by whoever knows the run. It is there until its attempt is disposed of:
what a program wrote is copied out of the stopped container, wherever it is, by the engine itself.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..lowering.quantity import NANO, nanos
from ..lowering.text import INTERPRETERS
from .attempts import MAIN, Attempt, Part
from .copies import make_empty, remove
from .job import Ended
from .keeping import GRACE, SIDECAR_GRACE, Call, Guard
from .logs import Log
from .notes import refuse, without_effect
from .process import marks
from .sandbox import HANDED_OVER, OURS, SCRIPT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..diagnostics.model import Finding
    from ..ir import Container, Pipeline, Resource, Step
    from .job import Job, Mounted, Program
    from .keeping import Answer
    from .masking import Masks
    from .settings import Engine, Settings

RUN_LABEL, TASK_LABEL, STATE_LABEL = "mlc.run", "mlc.task", "mlc.state"

PACKAGES = f"{OURS}/packages"
_PULL = Part("pull", prepares=True)
_ASK = 120.0  # seconds for an engine to answer a question
_LINKS = 40  # as many as Linux follows
_OF_THE_CLIENT = re.compile(r"PATH|HOME|TMPDIR|(DOCKER|CONTAINER|CONTAINERS|PODMAN|XDG|LD|GO|STORAGE|REGISTRY|BUILDAH|DBUS)(_.*)?")
"""Variables that mean something to the engines' own clients, so that a value for a step cannot be handed over as one of theirs."""

_INSTALL = f"""\
python -m pip install --quiet --no-cache-dir --disable-pip-version-check -r {PACKAGES} || exit
exec "$@"
"""


@dataclass(frozen=True)
class _Dialect:
    """What differs between the engines. `now`: to be added to `rm`, so that it does not wait for a container to end by itself."""

    now: tuple[str, ...]
    runtime_before: bool
    makes_workdir: bool

    def gpus(self, count: int) -> list[str]:
        """Options for so many GPUs: of podman by the names of the Container Device Interface."""
        if self.runtime_before:
            return [word for number in range(count) for word in ("--device", f"nvidia.com/gpu={number}")]
        return ["--gpus", str(count)]


_DIALECTS = {"podman": _Dialect(("-t", "0"), True, False), "docker": _Dialect((), False, True)}


class ContainerRunner:
    """`job.Runner` for podman and docker."""

    def __init__(self, name: str, settings: Settings, masks: Masks, state: Path, environ: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._engine: Engine = getattr(settings, name)
        self._dialect = _DIALECTS[name]
        self._masks = masks
        self._state = hashlib.sha256(os.fsencode(state.absolute())).hexdigest()[:12]
        self._environ = dict(os.environ if environ is None else environ)
        self._program = shutil.which(self._engine.program, path=self._environ.get("PATH", os.defpath)) or self._engine.program
        self._guard = Guard(tree=False)
        self._lock = threading.Lock()
        self._pulled: set[str] = set()
        self._users: dict[str, str] = {}
        self._without_folder: set[tuple[str, str]] = set()

    # --- the engine

    @property
    def base(self) -> list[str]:
        """How a command of the engine starts."""
        runtime = ["--runtime", self._engine.runtime] if self._engine.runtime and self._dialect.runtime_before else []
        return [self._program, *self._engine.options, *runtime]

    @property
    def dialect(self) -> _Dialect:
        """What is particular about the engine."""
        return self._dialect

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment of the engine's client."""
        return self._environ

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Have the engine do something short. Raises OSError where it cannot be called or does not answer."""
        try:
            return subprocess.run(  # noqa: S603 - words of ours
                [*self.base, *words],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_ASK,
                check=False,
                text=True,
                errors="replace",
            )
        except subprocess.TimeoutExpired as error:
            raise OSError(f"{self.name} does not answer") from error

    def problem(self) -> str:
        """Why the engine cannot be used, "" where it can."""
        if shutil.which(self._program) is None:
            return "it is not installed"
        try:
            found = self.ask("info")
        except OSError as error:
            return str(error)
        # Podman's works without the service that docker's only talks to, and says so by its status; docker's prints what it knows anyway.
        lines = [line for line in found.stderr.splitlines() if line.strip()]
        return (
            (last(found.stderr) or f"`{self.name} info` ends with {found.returncode}")
            if found.returncode or (lines and not found.stdout)
            else ""
        )

    # --- before a run

    def check(self, pipeline: Pipeline, findings: list[Finding]) -> None:
        """Refuse what no container can do (MLC432)."""
        refuse(pipeline, findings)

    def notes(self, pipeline: Pipeline) -> Sequence[str]:
        """What has no effect here."""
        found = []
        asked = {resource.name for step in pipeline.steps for resource in _all_resources(step)}
        if not self._engine.limits and asked & {"cpu", "memory"}:
            found.append(f"`{self.name}: {{limits: false}}`: memory and CPU are not limited")
        if "ephemeral-storage" in asked:
            found.append("`ephemeral_storage` is no limit here")
        devices = sorted(asked - {"cpu", "memory", "ephemeral-storage"})
        if "nvidia.com/gpu" in devices and not self.gpus:
            found.append("steps get no GPU: none is set up for containers here")
        found += [f"steps get no `{device}`: only GPUs of NVIDIA are handed over" for device in devices if device != "nvidia.com/gpu"]
        if any(image.pull_secret for step in pipeline.steps for image in (step.image, *(one.image for one in step.beside))):
            found.append(f"pull secrets have no effect: log in with `{self.name} login`")
        return [*found, *without_effect(pipeline)]

    def path(self, step: Step, folder: Path, kind: str, name: str, path: str) -> str:
        """The path as the program sees it: that of the spec."""
        return path

    @property
    def gpus(self) -> bool:
        """Whether steps get the GPUs that they ask for."""
        if self._engine.gpu is not None:
            return self._engine.gpu
        if self._dialect.runtime_before:
            return any("nvidia.com/gpu" in _text(file) for place in ("/etc/cdi", "/var/run/cdi") for file in glob.glob(f"{place}/*"))
        return shutil.which("nvidia-container-runtime") is not None or shutil.which("nvidia-ctk") is not None

    # --- attempts

    def start(self, job: Job, told: Callable[[str], None]) -> Attempt:
        """Start an attempt."""
        return Attempt(job, _Containers(self, job), self._guard, Log(job.folder / "log", self._masks, told))

    def command(self, job: Job) -> Sequence[str]:
        """The command line of the step's container; values of secrets are not in it."""
        return [self._masks.text(word) for word in _Containers(self, job).line(MAIN)]

    def sweep(self, run: str, identities: Sequence[str]) -> None:
        """Remove the containers of a run, also one that a client is just making."""
        filters = ["--filter", f"label={RUN_LABEL}={run}", "--filter", f"label={STATE_LABEL}={self._state}"]
        quiet = 0
        for _ in range(20):
            names = self.ask("ps", "--all", "--quiet", *filters).stdout.split()
            if names:
                self.ask("rm", "-f", "-v", *self._dialect.now, *names)
            quiet = 0 if names else quiet + 1
            if quiet == (1 if not identities else 2):
                return
            time.sleep(0.3)

    def close(self) -> None:
        """End the guard."""
        self._guard.close()

    # --- for `_Containers`

    def labels(self, job: Job) -> dict[str, str]:
        """By which the containers of an attempt are found."""
        return {RUN_LABEL: job.run, TASK_LABEL: job.task, STATE_LABEL: self._state}

    def name_of(self, job: Job, part: Part) -> str:
        """The name of a container."""
        task = re.sub(r"[^A-Za-z0-9_.-]+", "-", job.task).strip("-")
        return "-".join(["mlc", job.run, task, str(job.attempt), self._state[:6], *([part.name] if part.name else [])])

    def has_to_pull(self, image: str, policy: str) -> bool:
        """Whether an image has to be fetched now: `Always` is once in a run."""
        with self._lock:
            if image in self._pulled or policy == "Never":
                return False
            if policy == "Always":
                return True
        return self.user_of(image) is None

    def was_pulled(self, image: str) -> None:
        """An image was fetched."""
        with self._lock:
            self._pulled.add(image)
            self._users.pop(image, None)

    def user_of(self, image: str) -> str | None:
        """The user of an image, "" where it names none; None where the image is not here. Raises OSError."""
        with self._lock:
            if image in self._users:
                return self._users[image]
        found = self.ask("image", "inspect", "--format", "{{.Config.User}}", image)
        if found.returncode:
            return None
        with self._lock:
            return self._users.setdefault(image, found.stdout.strip())

    def lacks_folder(self, image: str, folder: str) -> bool:
        """Whether an image was found to have no such folder."""
        return (image, folder) in self._without_folder

    def found_lacking(self, image: str, folder: str) -> bool:
        """An image has no such folder. False where that was known."""
        with self._lock:
            known = (image, folder) in self._without_folder
            self._without_folder.add((image, folder))
            return not known

    def resources(self, resources: Sequence[Resource]) -> list[str]:
        """Limits and devices."""
        found = []
        for resource in resources:
            amount = nanos(resource.limit or "")
            if resource.name == "nvidia.com/gpu":
                found += self._dialect.gpus(int(resource.limit or resource.request)) if self.gpus else []
            elif amount is None or not self._engine.limits:
                continue
            elif resource.name == "memory":
                found += ["--memory", str(amount // NANO)]
            elif resource.name == "cpu":  # docker refuses more than there are
                found += ["--cpus", f"{min(amount / NANO, os.cpu_count() or 1):g}"]
        return found

    def extra(self, *, network: bool) -> list[str]:
        """The settings' own arguments of `run`; without what they say of the network where another container has it."""
        runtime = ["--runtime", self._engine.runtime] if self._engine.runtime and not self._dialect.runtime_before else []
        words, kept = list(self._engine.args), []
        while words:
            word = words.pop(0)
            if not network and word in ("--network", "--net"):
                del words[:1]
            elif network or not word.startswith(("--network=", "--net=")):
                kept.append(word)
        return [*runtime, *kept]


class _Containers:
    """`attempts.Backend` for one attempt."""

    def __init__(self, runner: ContainerRunner, job: Job) -> None:
        self._runner, self._job = runner, job
        self._scratch = job.folder / "scratch"
        self._beside = {beside.container.name: beside for beside in (*job.init, *job.sidecars)}
        self._sidecars = {beside.container.name for beside in job.sidecars}
        self._made: list[str] = []
        self._images: list[str] = []
        self._main_over = False

    @property
    def identity(self) -> str:
        return f"container {self._runner.name_of(self._job, MAIN)}"

    def before(self) -> Sequence[Part]:
        """Fetch the images that are not here; run the init containers."""
        for folder in HANDED_OVER:
            make_empty(self._scratch / folder[1:])
        wanted = [(self._job.image, self._job.step.image.pull_policy)]
        wanted += [(beside.image, beside.container.image.pull_policy) for beside in self._beside.values()]
        self._images = [image for image, policy in dict.fromkeys(wanted) if self._runner.has_to_pull(image, policy)]
        return [*(_PULL for _ in self._images), *(Part(beside.container.name) for beside in self._job.init)]

    def call(self, part: Part) -> Call | Ended:
        """How to run a part."""
        runner, job = self._runner, self._job
        if part is _PULL:
            line = [*runner.base, "pull", "--quiet", self._images[0]]
            return Call(line[0], line, dict(runner.environ), str(self._scratch), str(self._scratch / "pid-pull"), "")
        if part.name in self._sidecars and not self._joins():
            return Ended(0, message=f"`{part.name}` was not needed any more")
        refused = self._refused() if part == MAIN else ""
        if refused:
            return Ended(None, message=refused)
        name = runner.name_of(job, part)
        if name not in self._made:
            self._made.append(name)
        line = self.line(part)
        program = self._program(part)
        grace = SIDECAR_GRACE if part.name in self._sidecars else GRACE
        env = {**runner.environ, **{secret: program.env[secret] for secret in program.secrets}}
        return Call(
            line[0],
            line,
            env,
            str(self._scratch),  # conmon leaves a file where it was started when memory runs out
            str(self._scratch / f"pid{part.name and '-'}{part.name}"),
            "",
            grace=grace,
            term=[*runner.base, "stop", "-t", str(int(grace)), name],
            kill=[*runner.base, "kill", name],
            gone=[*runner.base, "rm", "-f", "-v", *runner.dialect.now, name],
        )

    def _joins(self) -> bool:
        """Wait until the step's container runs, whose network a sidecar shares; False where it is over."""
        name = self._runner.name_of(self._job, MAIN)
        while not self._main_over:
            found = self._runner.ask("container", "inspect", "--format", "{{.State.Status}}", name)
            if found.stdout.strip() == "running":
                return True
            time.sleep(0.1)
        return False

    def _refused(self) -> str:
        """Why a cluster would not start the step's container."""
        security = self._job.step.security
        if security is None or not security.run_as_non_root or security.run_as_user:
            return ""
        user = (self._runner.user_of(self._job.image) or "").partition(":")[0]
        if user in ("", "0", "root"):
            return f"it must not run as root, and image `{self._job.image}` does: `security: {{run_as_user: 1000}}` names another user"
        return (
            "" if user.isdigit() else f"it must not run as root, and nobody can tell that user `{user}` of image `{self._job.image}` is not"
        )

    # --- the command line

    def line(self, part: Part) -> list[str]:
        """The command line that runs a container."""
        runner, job, program = self._runner, self._job, self._program(part)
        sidecar = part.name in self._sidecars
        image = job.image if part == MAIN else self._beside[part.name].image
        words = [*runner.base, "run", "--name", runner.name_of(job, part), "--pull", "never", "--log-driver", "none"]
        for label, value in runner.labels(job).items():
            words += ["--label", f"{label}={value}"]
        if sidecar:
            words += ["--network", f"container:{runner.name_of(job, MAIN)}"]
        words += runner.resources(job.step.resources if part == MAIN else self._container(part).resources)
        words += self._user(part)
        if program.workdir:
            words += ["--workdir", program.workdir]
        for name, value in {**marks(job), **program.env}.items():
            secret = name in program.secrets
            if secret and _OF_THE_CLIENT.fullmatch(name):
                raise OSError(f"the secret `{name}` cannot be handed over: it means something to {runner.name} itself")
            words += ["--env", name if secret else f"{name}={value}"]
        for target, source, read_only in self._binds(part, image, program):
            words += ["--mount", _mount(source, target, read_only)]
        if program.workdir and runner.lacks_folder(image, program.workdir):
            words += ["--mount", f"type=volume,target={program.workdir}"]
        if os.path.exists("/sys/fs/selinux/enforce"):  # its labels would keep containers from files of ours
            words += ["--security-opt", "label=disable"]
        entrypoint, rest = self._started(program)
        words += runner.extra(network=not sidecar)
        return [*words, *(["--entrypoint", entrypoint] if entrypoint else []), image, *rest]

    def _program(self, part: Part) -> Program:
        return self._job.program if part == MAIN else self._beside[part.name].program

    def _container(self, part: Part) -> Container:
        return self._beside[part.name].container

    def _user(self, part: Part) -> list[str]:
        """As whom the program runs: `security` is about the step's own container, and its `fs_group` about all."""
        security = self._job.step.security
        if security is None:
            return []
        found = []
        if part == MAIN and (security.run_as_user is not None or security.run_as_group is not None):
            user = security.run_as_user
            named = str(user) if user is not None else (self._runner.user_of(self._job.image) or "0").partition(":")[0]
            found += ["--user", named if security.run_as_group is None else f"{named}:{security.run_as_group}"]
        if security.fs_group is not None:
            found += ["--group-add", str(security.fs_group)]
        return found

    def _binds(self, part: Part, image: str, program: Program) -> list[tuple[str, Path, bool]]:
        """What is mounted: target, source, and whether it can only be read. Those that others lie in first."""
        mounts: Sequence[Mounted] = self._job.mounts if part == MAIN else self._beside[part.name].mounts
        found = [(mounted.mount.path, Path(os.path.realpath(mounted.source)), mounted.read_only) for mounted in mounts]
        if part == MAIN:
            found += [(folder, self._scratch / folder[1:], False) for folder in HANDED_OVER]
            found += [(delivered.path, self._delivered(delivered.source), False) for delivered in self._job.inputs]
        script = self._scratch / f"script{part.name and '-'}{part.name}"
        if program.script is not None:
            found.append((SCRIPT, self._written(script, program.script), True))
        if program.packages:
            found.append((PACKAGES, self._written(script.with_name("packages"), "".join(f"{line}\n" for line in program.packages)), True))
        return sorted(found, key=lambda bind: bind[0].count("/"))

    def _delivered(self, source: Path) -> Path:
        """An input that any user in a container may change."""
        if source.is_dir():
            for here, _, files in os.walk(source):
                os.chmod(here, 0o777)  # noqa: S103 - whoever the program runs as may change it
                for name in files:
                    _open_to_all(Path(here, name))
        elif source.exists():
            _open_to_all(source)
        return source

    def _written(self, file: Path, text: str) -> Path:
        if self._scratch.is_dir() and not file.exists():  # not where only the command line is asked for
            file.write_text(text, encoding="utf-8", errors="surrogateescape")
            file.chmod(0o755)
        return file

    def _started(self, program: Program) -> tuple[str, list[str]]:
        """The entrypoint, "" for the image's, and what follows the image. A command takes the place of both of the image's parts."""
        if program.script is not None:
            words = [*INTERPRETERS[program.shell], SCRIPT, *program.args]
            words = ["sh", "-ec", _INSTALL, "mlc", *words] if program.packages else words
            return words[0], words[1:]
        if program.command is None:
            return "", list(program.args)
        return program.command[0], [*program.command[1:], *program.args]

    # --- how it ended

    def ended(self, part: Part, answer: Answer, tail: str) -> Ended | None:
        """How a part ended."""
        runner, of = self._runner, f"`{part.name}`: " if part.name and part is not _PULL else ""
        if part == MAIN:
            self._main_over = True
        if answer.lost or answer.exit is None:
            reason = "the process that looks after it was killed" if answer.lost else os.strerror(answer.errno).lower()
            return Ended(None, lost=True, message=f"{of}{runner.name} could not be called: {reason}")
        if part is _PULL:
            return self._pulled(answer, tail)
        if answer.exit == 0:
            return Ended(0, timed_out=answer.timed_out)
        status, code, memory = self._state(part)
        if status in ("", "created", "configured", "initialized"):
            if part == MAIN and self._lacks_folder(tail):
                self._main_over = False
                return None
            return self._never_ran(part, answer, tail, of)
        message = f"`{part.name}` ended with {code}" if part.name else ""
        if memory:
            limits = [resource.limit for resource in self._job.step.resources if resource.name == "memory"]
            message = f"{of}memory ran out{f': the limit is {limits[0]}' if limits and not part.name else ''}"
        return Ended(answer.exit if status == "running" else code, timed_out=answer.timed_out, message=message)

    def _pulled(self, answer: Answer, tail: str) -> Ended:
        image = self._images[0]
        if answer.exit:
            said = last(tail)
            return Ended(None, lost=True, timed_out=answer.timed_out, message=f"image `{image}` cannot be fetched{said and ': '}{said}")
        self._images.pop(0)
        self._runner.was_pulled(image)
        return Ended(0)

    def _state(self, part: Part) -> tuple[str, int, bool]:
        """Status, exit code and "out of memory" of a container; the status is "" where there is none."""
        form = "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}"
        found = self._runner.ask("container", "inspect", "--format", form, self._runner.name_of(self._job, part))
        words = found.stdout.split()
        return (words[0], int(words[1]), words[2] == "true") if not found.returncode and len(words) == 3 else ("", 0, False)

    def _lacks_folder(self, tail: str) -> bool:
        """Whether podman did not start it because the image has no folder `workdir`, which a cluster makes; with another call it has."""
        folder, image = self._job.program.workdir, self._job.image
        if not folder or self._runner.dialect.makes_workdir or "workdir" not in tail or "does not exist" not in tail:
            return False
        if not self._runner.found_lacking(image, folder):
            return False
        self._remove([self._runner.name_of(self._job, MAIN)])
        return True

    def _never_ran(self, part: Part, answer: Answer, tail: str, of: str) -> Ended:
        """A container that was not started: because of its program, or of the engine."""
        image = self._job.image if part == MAIN else self._beside[part.name].image
        said = last(tail)
        program = self._started(self._program(part))[0]
        shown = f"the program `{program}`" if program else "the program"
        if answer.exit == 127 and "netavark" not in tail:  # podman's own program for networks may be missing, too
            return Ended(127, message=f"{of}{shown} is not in image `{image}`")
        if answer.exit == 126 and "exec" in tail:
            return Ended(126, message=f"{of}{shown} of image `{image}` may not be executed")
        lost = not answer.timed_out and answer.exit not in (137, 143)
        return Ended(
            None, timed_out=answer.timed_out, lost=lost, message=f"{of}{self._runner.name} could not start it{said and ': '}{said}"
        )

    # --- files

    def collect(self, path: str, to: Path) -> bool:
        """Copy what the program wrote, links followed."""
        return self._copy(path, to, 0)

    def _copy(self, path: str, to: Path, links: int) -> bool:
        """Copy a file or folder of the stopped container, by way of a tar file that the engine makes of it."""
        if links > _LINKS:
            raise OSError(errno.ELOOP, "links lead in a circle", path)
        name = self._runner.name_of(self._job, MAIN)
        with subprocess.Popen(  # noqa: S603 - words of ours
            [*self._runner.base, "cp", f"{name}:{path}", "-"],
            env=dict(self._runner.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as client:
            assert client.stdout is not None  # noqa: S101 - it is a pipe
            assert client.stderr is not None  # noqa: S101 - as above
            errors = _Collected(client.stderr)
            try:
                found = _unpack(client.stdout, path, to)
            finally:
                client.stdout.close()
            code = client.wait()
            said = errors.text()
        if found is None:
            if code == 0 or _ABSENT.search(said):
                target = self._through_volume(path)
                return self._copy(target, to, links + 1) if target else False
            raise OSError(f"{self._runner.name} cannot copy `{path}`: {last(said)}")
        for relative, target in found.items():
            self._copy_link(path, relative, target, to, links)
        return True

    def _copy_link(self, path: str, relative: str, target: str, to: Path, links: int) -> None:
        """Put what a link leads to in its place; `relative` is "" where the link is at the path itself."""
        link = os.path.normpath(os.path.join(path, relative))
        wanted = os.path.normpath(os.path.join(os.path.dirname(link), target))
        if f"{link}/".startswith(f"{wanted.rstrip('/')}/"):
            raise OSError(errno.ELOOP, "links lead in a circle", link)
        if not self._copy(wanted, to / relative if relative else to, links + 1):
            if not relative:
                return
            raise FileNotFoundError(errno.ENOENT, f"the link `{link}` leads nowhere")

    def _through_volume(self, path: str) -> str:
        """Where a path leads that podman does not find, because a link on the way leads into a volume. "" where nothing is there.

        Docker hands over links as links, and so needs none of this.
        """
        if self._runner.dialect.makes_workdir:
            return ""
        name = self._runner.name_of(self._job, MAIN)
        binds = {target: str(source) for target, source, _ in self._binds(MAIN, self._job.image, self._job.program)}
        code = "import sys; sys.path.insert(0, sys.argv[1]); from mlc.local.containers import follow; follow(*sys.argv[2:])"
        package = str(Path(__file__).parents[2])
        words = [sys.executable, "-c", code, package, json.dumps(self._runner.base), name, json.dumps(binds), path]
        before = [] if os.getuid() == 0 else [*self._runner.base, "unshare"]
        done = subprocess.run(  # noqa: S603 - words of ours
            [*before, *words], env=dict(self._runner.environ), stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True
        )
        return done.stdout if done.returncode == 0 and done.stdout != path else ""

    def dispose(self) -> None:
        """Remove containers and folders."""
        self._remove(self._made[::-1])
        self._open()
        remove(self._scratch)

    def _remove(self, names: list[str]) -> None:
        if names:
            self._runner.ask("rm", "-f", "-v", *self._runner.dialect.now, *names)

    def _open(self) -> None:
        """Let us remove what a user of a container wrote into folders of ours: docker's containers are root's."""
        folders = [self._scratch, *(mounted.source for mounted in self._job.mounts if mounted.source.is_relative_to(self._job.folder))]
        if self._runner.name != "docker" or os.getuid() == 0 or not any(map(_foreign, folders)):
            return
        mounts = [word for number, folder in enumerate(folders) for word in ("--mount", _mount(folder, f"/mlc/{number}", False))]
        owner = f"{os.getuid()}:{os.getgid()}"
        line = ["run", "--rm", "--pull", "never", "--user", "0", "--network", "none", *mounts, "--entrypoint", "chown", self._job.image]
        self._runner.ask(*line, "-Rh", owner, *(f"/mlc/{number}" for number in range(len(folders))))


_ABSENT = re.compile(r"could not be found|no such (file|container:path)|not exist|Could not find", re.IGNORECASE)


class _Collected:
    """What a client says on its standard error, read beside its output so that it never waits for us."""

    def __init__(self, stream: object) -> None:
        self._found = b""
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def _read(self, stream: object) -> None:
        while data := stream.read(1 << 12):  # type: ignore[attr-defined] # a binary stream
            self._found = (self._found + data)[-(1 << 14) :]

    def text(self) -> str:
        self._thread.join()
        return self._found.decode("utf-8", "replace")


def _unpack(stream: object, path: str, to: Path) -> dict[str, str] | None:
    """Unpack a tar file of one file or folder to a path where nothing is; the links in it, by relative path, are left to the caller.

    None where it holds nothing. Raises OSError for what is neither file nor folder.
    """
    links: dict[str, str] = {}
    top: str | None = None
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload] # a binary stream
            for member in archive:
                name = member.name.strip("/")
                if top is None:
                    top = name
                relative = name[len(top) :].strip("/")
                if (top and not f"{name}/".startswith(f"{top}/")) or ".." in relative.split("/"):
                    raise OSError(f"the engine put `{name}` into the copy of `{path}`")
                place = to / relative if relative else to
                if member.isdir():
                    place.mkdir()
                elif member.issym():
                    links[relative] = member.linkname
                elif member.islnk():
                    shutil.copyfile(to / member.linkname.strip("/")[len(top) :].strip("/"), place)
                elif member.isreg():
                    source = archive.extractfile(member)
                    assert source is not None  # noqa: S101 - it is a regular file
                    with source, place.open("xb") as file:
                        shutil.copyfileobj(source, file, 1 << 20)
                    place.chmod(0o600 | member.mode & 0o777)
                else:
                    raise OSError(f"`{os.path.join(path, relative)}` is neither a file nor a folder")
    except tarfile.ReadError:
        if top is None:
            return None
        raise OSError(f"the copy of `{path}` is not complete") from None
    return None if top is None else links


def follow(base: str, name: str, binds: str, path: str) -> None:
    """Print where a path of a stopped container leads; "" where nothing is. For podman, run in its user namespace where it has one."""
    from .places import Places, Zone

    command = json.loads(base)
    mounted = subprocess.run([*command, "mount", name], capture_output=True, check=True, text=True).stdout.strip()  # noqa: S603
    try:
        zones = [Zone(target, Path(source), "volume") for target, source in json.loads(binds).items()]
        at, rest = Places(Zone("/", Path(mounted), "machine"), *zones).follow(path)
        sys.__stdout__ and sys.__stdout__.write("" if rest else at)
    finally:
        subprocess.run([*command, "unmount", name], capture_output=True, check=False)  # noqa: S603


def last(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ") if lines else ""


def _mount(source: Path, target: str, read_only: bool) -> str:
    """A value of `--mount`: fields as in a CSV file, so that a comma in a path is none between fields."""
    fields = ["type=bind", f"source={source}", f"target={target}", *(["readonly"] if read_only else [])]
    quoted = ['"' + field.replace('"', '""') + '"' if any(char in field for char in ',"\n') else field for field in fields]
    return ",".join(quoted)


def _open_to_all(file: Path) -> None:
    mode = file.lstat().st_mode
    if stat.S_ISREG(mode):
        file.chmod(mode & 0o111 | 0o666)


def _foreign(folder: Path) -> bool:
    """Whether something in a folder belongs to somebody else."""
    return any(
        os.lstat(os.path.join(here, name)).st_uid != os.getuid() for here, folders, files in os.walk(folder) for name in (*folders, *files)
    )


def _all_resources(step: Step) -> list[Resource]:
    return [*step.resources, *(resource for container in step.beside for resource in container.resources)]


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
