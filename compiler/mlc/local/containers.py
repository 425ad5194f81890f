"""Steps as containers of podman or docker: both are called by their command line, and what differs between the two is in `Dialect`.

A container has a name of ours, so that it can be ended and removed by whoever knows the run. It is there until its attempt is disposed of:
what a program wrote is copied out of the stopped container, wherever it is, by the engine itself.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..lowering.quantity import NANO, nanos
from . import inits
from .attempts import MAIN, Attempt, Part
from .keeping import Guard
from .logs import Log, last
from .notes import refuse, without_effect
from .pods import Pod

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..diagnostics.model import Finding
    from ..ir import Pipeline, Resource, Step
    from .inits import Init
    from .job import Job
    from .masking import Masks
    from .settings import Engine, Settings

RUN_LABEL, TASK_LABEL, STATE_LABEL = "mlc.run", "mlc.task", "mlc.state"
_ASK = 120.0  # seconds for an engine to answer a question


@dataclass(frozen=True)
class Dialect:
    """What differs between the engines.

    `now` is to be added to `rm`, so that it does not wait for a container to end by itself; `runtime_before`: `--runtime` stands before the
    command; `makes_workdir`: a folder to start in is made where the image has none; `follows_links`: as in `taking.Copies`.
    """

    now: tuple[str, ...]
    runtime_before: bool
    makes_workdir: bool
    follows_links: bool

    def gpus(self, count: int) -> list[str]:
        """Options for so many GPUs: of podman by the names of the Container Device Interface."""
        if self.runtime_before:
            return [word for number in range(count) for word in ("--device", f"nvidia.com/gpu={number}")]
        return ["--gpus", str(count)]


_DIALECTS = {"podman": Dialect(("-t", "0"), True, False, True), "docker": Dialect((), False, True, False)}


@dataclass(frozen=True)
class _Image:
    """What is known of an image that is here."""

    user: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]


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
        self._known: dict[str, _Image] = {}
        self._inits: list[Init | None] = []
        self._without_folder: set[tuple[str, str]] = set()

    # --- the engine

    @property
    def base(self) -> list[str]:
        """How a command of the engine starts."""
        runtime = ["--runtime", self._engine.runtime] if self._engine.runtime and self._dialect.runtime_before else []
        return [self._program, *self._engine.options, *runtime]

    @property
    def dialect(self) -> Dialect:
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
        if self.init is None:
            found.append(f"programs in containers do not notice TERM unless they handle it: ends take longer, up to 10 s; {self._remedy}")
        return [*found, *without_effect(pipeline)]

    @property
    def _remedy(self) -> str:
        if os.uname().sysname == "Linux":
            return "install catatonit"
        return f"where {self.name} has an init program, `{self.name}: {{args: [--init]}}` in mlc.local.yaml helps"

    @property
    def init(self) -> Init | None:
        """The first process of containers; None where it is the program itself."""
        with self._lock:
            if not self._inits:
                self._inits.append(self._find_init())
            return self._inits[0]

    def _find_init(self) -> Init | None:
        if not self._dialect.runtime_before:
            # The daemon says "N/A" of one that it cannot call (daemon/info_unix.go); podman's service says nothing.
            words = self.ask("info", "--format", "{{.InitBinary}} {{.InitCommit.ID}}").stdout.split()
            if words and words[-1] != "N/A":
                return inits.OF_DOCKER
        found = inits.of_this_machine(self._environ) if os.uname().sysname == "Linux" else None
        return found or (inits.OF_THE_ENGINE if "--init" in self._engine.args else None)

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
        return Attempt(job, Pod(self, job), self._guard, Log(job.folder / "log", self._masks, told))

    def command(self, job: Job) -> Sequence[str]:
        """The command line of the step's container; values of secrets are not in it."""
        return [self._masks.text(word) for word in Pod(self, job).line(MAIN)]

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

    # --- for `pods.Pod`

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
            self._known.pop(image, None)

    def user_of(self, image: str) -> str | None:
        """The user of an image, "" where it names none; None where the image is not here. Raises OSError."""
        found = self._look(image)
        return None if found is None else found.user

    def program_of(self, image: str, args: Sequence[str]) -> list[str]:
        """What an image runs with arguments, which take the place of its own; nothing where it has no program, or is not here."""
        found = self._look(image)
        return [] if found is None else [*found.entrypoint, *(args or found.command)]

    def _look(self, image: str) -> _Image | None:
        with self._lock:
            if image in self._known:
                return self._known[image]
        form = "[{{json .Config.User}}, {{json .Config.Entrypoint}}, {{json .Config.Cmd}}]"
        found = self.ask("image", "inspect", "--format", form, image)
        if found.returncode:
            return None
        user, entrypoint, command = json.loads(found.stdout)
        with self._lock:
            return self._known.setdefault(image, _Image(user or "", tuple(entrypoint or ()), tuple(command or ())))

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


def _all_resources(step: Step) -> list[Resource]:
    return [*step.resources, *(resource for container in step.beside for resource in container.resources)]


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
