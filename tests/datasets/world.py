"""A small world of one test: repositories, remotes for data, and the programs of the helper image, run as engines run them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from mlc import tagged

from . import tools
from .servers import Ssh

PERSON = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "DVC_NO_ANALYTICS": "1",
}


@dataclass(frozen=True)
class Ended:
    """What a program did: its exit code, and what it wrote to standard error."""

    code: int
    log: str

    @property
    def last(self) -> str:
        """The last line: what people read first."""
        return self.log.strip().splitlines()[-1] if self.log.strip() else ""


@dataclass
class World:
    """A git repository behind ssh, with DVC in two folders of it: `project1` keeps data behind ssh, `project2` in a folder."""

    folder: Path
    ssh: Ssh
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tmp = self.sub("tmp")
        self.repo = self.folder / "repo.git"
        self.store, self.local = self.sub("store"), self.sub("local")
        self.programs = self.sub("programs")
        for name in tagged.PROGRAMS:
            (self.programs / f"{name}.py").write_text(tagged.program(name), encoding="utf-8")

    def sub(self, name: str) -> Path:
        """A folder."""
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    def git(self, *words: str | Path, cwd: Path | None = None) -> str:
        """Git, as a person uses it."""
        done = subprocess.run(["git", *words], cwd=cwd or self.folder, env={**os.environ, **PERSON}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def dvc(self, *words: str | Path, cwd: Path) -> None:
        """DVC, as a person uses it."""
        done = subprocess.run(
            [tools.python(), "-m", "dvc", *words],
            cwd=cwd,
            env={**os.environ, **PERSON, "HOME": str(self.folder)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    def template(self) -> World:
        """What a team would commit first, made by DVC once; the others copy it."""
        for name, address in (("project1", "ssh://nobody@127.0.0.1/store"), ("project2", "/local")):
            (self.sub("work") / name).mkdir()
            if not (self.folder / "work" / ".git").exists():
                self.git("init", "-q", "-b", "main", ".", cwd=self.folder / "work")
            self.dvc("init", "-q", "--subdir", cwd=self.folder / "work" / name)
            self.dvc("remote", "add", "-q", "-d", "storage", address, cwd=self.folder / "work" / name)
        return self

    def make(self, template: World) -> World:
        """The repository, as a team would set it up."""
        self.git("init", "-q", "--bare", "-b", "main", self.repo)
        work = self.folder / "work"
        shutil.copytree(template.folder / "work", work)
        for name, old, address in (
            ("project1", "ssh://nobody@127.0.0.1/store", self.ssh.url(self.store)),
            ("project2", "/local", str(self.local)),
        ):
            config = work / name / ".dvc" / "config"
            text = config.read_text()
            assert old in text
            config.write_text(text.replace(old, address))
        self.git("add", ".", cwd=work)
        self.git("commit", "-q", "-m", "start", cwd=work)
        self.git("push", "-q", self.repo, "HEAD:main", cwd=work)
        return self

    def words(self, program: str, **given: str | Path) -> list[str]:
        """The command of a program."""
        settings: dict[str, str | Path] = {
            "name": "reviews",
            "repo": self.ssh.url(self.repo),
            "ssh_key": self.ssh.key,
            "known_hosts": self.ssh.known_hosts,
            **({"author": "Team <team@example.com>"} if program == "publish" else {}),
            **given,
        }
        arguments = [f"{key}={text}" for key, text in settings.items() if text != ""]
        return [str(tools.python()), "-u", str(self.programs / f"{program}.py"), *arguments]

    def start(self, words: list[str]) -> subprocess.Popen[str]:
        """Start a program as a container's: nothing of this user's own settings reaches it."""
        env = {"PATH": os.environ["PATH"], "TMPDIR": str(self.tmp), "HOME": "/nonexistent", **self.env}
        return subprocess.Popen(
            words, cwd="/", env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, words: list[str]) -> Ended:
        """Run a program to its end. It leaves nothing behind."""
        with self.start(words) as process:
            log, _ = process.communicate(timeout=300)
        assert list(self.tmp.glob("mlc-*")) == [], "a program left its folder, and the keys in it"
        return Ended(process.returncode, log)

    def publish(self, **given: str | Path) -> Ended:
        """Publish a dataset."""
        return self.run(self.words("publish", **given))

    def fetch(self, **given: str | Path) -> Ended:
        """Fetch one, to `out` where nothing else is said."""
        return self.run(self.words("dvc", **{"out": self.folder / "out", **given}))

    def check_out(self, **given: str | Path) -> Ended:
        """Fetch what git itself holds."""
        return self.run(self.words("git", **{"out": self.folder / "out", **given}))

    def objects(self, **given: str | Path) -> Ended:
        """Move objects of a bucket."""
        return self.run(self.words("s3", **{"repo": "", "ssh_key": "", "known_hosts": "", **given}))

    def read(self, path: str, tag: str) -> bytes:
        """What a consumer gets: the bytes of a dataset at a tag."""
        out = self.folder / "read"
        done = self.fetch(path=path, tag=tag, out=out)
        assert done.code == 0, done.log
        return out.read_bytes()

    def tags(self) -> dict[str, str]:
        """The tags of the repository and their commits."""
        lines = self.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/tags", cwd=self.repo).split("\n")
        return dict(line.rsplit(" ", 1) for line in lines if line)

    def head(self) -> str:
        """The commit of the branch."""
        return self.git("rev-parse", "main", cwd=self.repo).strip()


def tree(pid: int) -> list[int]:
    """A process and all that it started, parents first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue
            children.setdefault(int(text.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found.extend(children.get(one, ()))
    return found


def alive(pid: int) -> bool:
    """Whether a process runs. One that nobody has asked for its exit code is over, too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(pid: int) -> None:
    """Kill a process and all that it started at once, as the end of a container does."""
    for sign in (signal.SIGSTOP, signal.SIGKILL):
        for one in tree(pid):
            try:
                os.kill(one, sign)
            except ProcessLookupError:
                continue
