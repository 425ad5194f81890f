"""One attempt as containers: the command lines that run them, and how they ended."""

from __future__ import annotations

import os
import re
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..lowering.text import INTERPRETERS
from . import inits
from .attempts import MAIN, Part
from .binding import bound
from .copies import make_empty, remove
from .job import Ended
from .keeping import GRACE, SIDECAR_GRACE, Call
from .logs import last
from .process import marks
from .sandbox import HANDED_OVER, OURS, SCRIPT
from .taking import Copies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .containers import ContainerRunner
    from .job import Job, Mounted, Program
    from .keeping import Answer

PACKAGES = f"{OURS}/packages"
_PULL = Part("pull", prepares=True, silent=True)
_OF_THE_CLIENT = re.compile(r"PATH|HOME|TMPDIR|(DOCKER|CONTAINER|CONTAINERS|PODMAN|XDG|LD|GO|STORAGE|REGISTRY|BUILDAH|DBUS)(_.*)?")
"""Variables that mean something to the engines' own clients, so that a value for a step cannot be handed over as one of theirs."""

_INSTALL = f"""\
python -m pip install --quiet --no-cache-dir --disable-pip-version-check -r {PACKAGES} || exit
exec "$@"
"""


class Pod:
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
        """What `Runner.sweep` needs to find it."""
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
            return Call(line[0], line, dict(runner.environ), str(self._scratch), str(self._scratch / part.of("pid")), "")
        if part.name in self._sidecars and not self._joins():
            return Ended(0, message=f"`{part.name}` was not needed any more")
        refused = self._refused() if part == MAIN else ""
        if refused:
            return Ended(None, message=refused)
        name = runner.name_of(job, part)
        if name not in self._made:
            self._made.append(name)
        self._furnish(part)
        line = self.line(part)
        program = self._program(part)
        grace = SIDECAR_GRACE if part.name in self._sidecars else GRACE
        env = {**runner.environ, **{secret: program.env[secret] for secret in program.secrets}}
        return Call(
            line[0],
            line,
            env,
            str(self._scratch),  # conmon leaves a file where it was started when memory runs out
            str(self._scratch / part.of("pid")),
            "",
            grace=grace,
            term=[*runner.base, "stop", "-t", str(int(grace)), name],
            kill=[*runner.base, "kill", name],
            gone=[*runner.base, "rm", "-f", "-v", *runner.dialect.now, name],
        )

    def _joins(self) -> bool:
        """Wait until the step's container runs, whose network a sidecar shares; False where it is over."""
        while not self._main_over:
            if self._state(MAIN)[0] == "running":
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
        image = self._image(part)
        words = [*runner.base, "run", "--name", runner.name_of(job, part), "--pull", "never", "--log-driver", "none"]
        for label, value in runner.labels(job).items():
            words += ["--label", f"{label}={value}"]
        if sidecar:
            words += ["--network", f"container:{runner.name_of(job, MAIN)}"]
        words += runner.resources((job.step if part == MAIN else self._beside[part.name].container).resources)
        words += self._user(part)
        if program.workdir:
            words += ["--workdir", program.workdir]
        for name, value in {**marks(job), **program.env}.items():
            secret = name in program.secrets
            if secret and _OF_THE_CLIENT.fullmatch(name):
                raise OSError(f"the secret `{name}` cannot be handed over: it means something to {runner.name} itself")
            words += ["--env", name if secret else f"{name}={value}"]
        for target, source, read_only in self._binds(part):
            words += ["--mount", bound(source, target, read_only=read_only)]
        if program.workdir and runner.lacks_folder(image, program.workdir):
            words += ["--mount", f"type=volume,target={program.workdir}"]
        if os.path.exists("/sys/fs/selinux/enforce"):  # its labels would keep containers from files of ours
            words += ["--security-opt", "label=disable"]
        entrypoint, rest = self._started(program)
        first = runner.init
        if first is not None and first.words:
            named = [entrypoint, *rest] if entrypoint else runner.program_of(image, rest)
            if named:  # of an image without a program the engine says so
                entrypoint, rest = first.words[0], [*first.words[1:], *named]
                words += first.options
        elif first is not None:
            words += first.options
        words += runner.extra(network=not sidecar)
        return [*words, *(["--entrypoint", entrypoint] if entrypoint else []), image, *rest]

    def _program(self, part: Part) -> Program:
        return self._job.program if part == MAIN else self._beside[part.name].program

    def _image(self, part: Part) -> str:
        return self._job.image if part == MAIN else self._beside[part.name].image

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

    def _binds(self, part: Part) -> list[tuple[str, Path, bool]]:
        """What is mounted: target, source, and whether it can only be read. Those that others lie in first."""
        mounts: Sequence[Mounted] = self._job.mounts if part == MAIN else self._beside[part.name].mounts
        found = [(mounted.mount.path, Path(os.path.realpath(mounted.source)), mounted.read_only) for mounted in mounts]
        if part == MAIN:
            found += [(folder, self._scratch / folder[1:], False) for folder in HANDED_OVER]
            found += [(delivered.path, delivered.source, False) for delivered in self._job.inputs]
        program = self._program(part)
        if program.script is not None:
            found.append((SCRIPT, self._script(part), True))
        if program.packages:
            found.append((PACKAGES, self._scratch / "packages", True))
        return sorted(found, key=lambda bind: bind[0].count("/"))

    def _furnish(self, part: Part) -> None:
        """Have everything that is mounted as whoever the program runs as needs it. Raises OSError."""
        program = self._program(part)
        if program.script is not None:
            _write(self._script(part), program.script)
        if program.packages:
            _write(self._scratch / "packages", "".join(f"{line}\n" for line in program.packages))
        for delivered in self._job.inputs if part == MAIN else ():
            _open_to_all(delivered.source)

    def _script(self, part: Part) -> Path:
        return self._scratch / part.of("script")

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
        unable = inits.complaint(last(tail)) if code in (1, 126, 127) else 0
        if unable:
            return self._without_program(part, unable, of)
        message = f"`{part.name}` ended with {code}" if part.name else ""
        if memory:
            limits = [resource.limit for resource in self._job.step.resources if resource.name == "memory"]
            message = f"{of}memory ran out{f': the limit is {limits[0]}' if limits and not part.name else ''}"
        return Ended(answer.exit if status == "running" else code, timed_out=answer.timed_out, message=message)

    def _pulled(self, answer: Answer, tail: str) -> Ended:
        image = self._images[0]
        if answer.exit:
            said = last(tail)
            what = f"image `{image}` cannot be fetched"
            reason = f"{what}: `images` in mlc.local.yaml maps it to another one, `--runner process` needs none"
            return Ended(None, lost=True, message=f"{what}{said and ': '}{said}", reason=reason)
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
        said = last(tail)
        if answer.exit == 127 and "netavark" not in tail:  # podman's own program for networks may be missing, too
            return self._without_program(part, 127, of)
        if answer.exit == 126 and "exec" in tail:
            return self._without_program(part, 126, of)
        lost = not answer.timed_out and answer.exit not in (137, 143)
        return Ended(
            None, timed_out=answer.timed_out, lost=lost, message=f"{of}{self._runner.name} could not start it{said and ': '}{said}"
        )

    def _without_program(self, part: Part, code: int, of: str) -> Ended:
        """A program that is not there (127), or that nobody may execute (126)."""
        image = self._image(part)
        program = self._started(self._program(part))[0]
        shown = f"the program `{program}`" if program else "the program"
        said = f"{shown} is not in image `{image}`" if code == 127 else f"{shown} of image `{image}` may not be executed"
        return Ended(code, message=of + said)

    # --- files

    def collect(self, path: str, to: Path) -> bool:
        """Copy what the program wrote, links followed."""
        binds = {target: source for target, source, _ in self._binds(MAIN)}
        name = self._runner.name_of(self._job, MAIN)
        return Copies(self._runner.base, self._runner.environ, name, binds, self._runner.dialect.follows_links).copy(path, to)

    def dispose(self) -> None:
        """Remove containers and folders."""
        self._remove(self._made)
        self._open()
        remove(self._scratch)

    def _remove(self, names: list[str]) -> None:
        main = self._runner.name_of(self._job, MAIN)
        # podman removes several at once, and none whose network another one still has: the step's own comes when its sidecars are gone
        for some in ([name for name in names if name != main], [name for name in names if name == main]):
            if some:
                self._runner.ask("rm", "-f", "-v", *self._runner.dialect.now, *some)

    def _open(self) -> None:
        """Let us remove what a user of a container wrote into folders of ours: docker's containers are root's."""
        folders = [self._scratch, *(mounted.source for mounted in self._job.mounts if mounted.source.is_relative_to(self._job.folder))]
        if self._runner.name != "docker" or os.getuid() == 0 or not any(map(_foreign, folders)):
            return
        mounts = [word for number, folder in enumerate(folders) for word in ("--mount", bound(folder, f"/mlc/{number}", read_only=False))]
        owner = f"{os.getuid()}:{os.getgid()}"
        line = ["run", "--rm", "--pull", "never", "--user", "0", "--network", "none", *mounts, "--entrypoint", "chown", self._job.image]
        self._runner.ask(*line, "-Rh", owner, *(f"/mlc/{number}" for number in range(len(folders))))


def _write(file: Path, text: str) -> None:
    """A file that any user in a container may read and execute."""
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
    file.chmod(0o755)


def _open_to_all(path: Path) -> None:
    """Let any user in a container change a file or folder."""
    for here, _, files in os.walk(path):
        os.chmod(here, 0o777)  # noqa: S103 - as above
        for name in files:
            _open_file(Path(here, name))
    if path.is_file():
        _open_file(path)


def _open_file(file: Path) -> None:
    mode = file.lstat().st_mode
    if stat.S_ISREG(mode):
        file.chmod(mode & 0o111 | 0o666)


def _foreign(folder: Path) -> bool:
    """Whether something in a folder belongs to somebody else."""
    return any(
        os.lstat(os.path.join(here, name)).st_uid != os.getuid() for here, folders, files in os.walk(folder) for name in (*folders, *files)
    )
