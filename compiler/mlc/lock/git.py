"""Repositories, by the `git` program: the user's own settings, keys and helpers, in a bare repository that is thrown away.

Nobody is asked for anything: git's prompts are off, and ssh runs in batch mode.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from .failure import Failure

SECONDS = 300
"""What one git command may take. Repositories of DVC hold small files; a long history is fetched for a short commit only."""
LARGEST = "1m"
"""Files above this are left where they are, on servers that can (git 2.19): what is read here is small."""

_OF_OTHERS = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR GIT_DIR GIT_GRAFT_FILE GIT_IMPLICIT_WORK_TREE GIT_INDEX_FILE GIT_NAMESPACE "
    "GIT_OBJECT_DIRECTORY GIT_PREFIX GIT_SHALLOW_FILE GIT_WORK_TREE"
).split()
"""Of another repository, where mlc runs in one of its hooks (`git rev-parse --local-env-vars`)."""
_OPTIONS = ("core.hooksPath=/dev/null", "gc.auto=0", "maintenance.auto=false", "http.lowSpeedLimit=1", "http.lowSpeedTime=60")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_FULL = (40, 64)
_DIED = 128
"""Git's exit code after `fatal: ...`."""

_DENIED = (
    r"Permission denied|Authentication failed|could not read (?:Username|Password)|terminal prompts disabled|Access denied"
    r"|error: 40[13]|HTTP Basic|Too many authentication failures"
)
_UNREACHABLE = (
    r"Could not resolve host|Name or service not known|Temporary failure in name resolution|Connection (?:refused|reset|timed out|closed)"
    r"|timed out|Network is unreachable|No route to host|Failed to connect|Broken pipe|early EOF|hung up unexpectedly|error: (?:429|5\d\d)"
    r"|SSL|TLS|Operation too slow|port 65535"
)
_UNTRUSTED = r"(?i)certificate|SSL CA cert"
_MISSING = r"(?i)repository .*not found|does not appear to be a git repository|error: 404|does not exist|project you were looking for"


class Git:
    """The `git` program of one command. Ends what still runs when the command ends."""

    def __init__(self, folder: Path) -> None:
        """`folder` is a temporary one, for the repositories."""
        self.folder = folder
        self._guard = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._repositories: dict[str, Repository] = {}
        self.environment = {name: value for name, value in os.environ.items() if name not in _OF_OTHERS}
        self.environment.update(GIT_TERMINAL_PROMPT="0", LC_ALL="C", LANGUAGE="")
        self._ssh()

    def _ssh(self) -> None:
        """Keep ssh from asking. A program that is not OpenSSH's is left alone."""
        command = self.environment.get("GIT_SSH_COMMAND", "")
        if not command and not self.environment.get("GIT_SSH"):
            code, out, _ = self.run(["config", "--get", "core.sshCommand"], self.folder)
            command = out.decode(errors="replace").strip() if code == 0 else "ssh"
        try:
            program = shlex.split(command)[:1]
        except ValueError:
            return
        if program and os.path.basename(program[0]) == "ssh":
            self.environment["GIT_SSH_COMMAND"] = f"{command} -o BatchMode=yes -o ConnectTimeout=20"

    def repository(self, address: str, expected: Iterable[str] = ()) -> Repository:
        """A repository by its address; the same one for the same address. `expected` are the tags that will be asked for."""
        with self._guard:
            if address not in self._repositories:
                self._repositories[address] = Repository(self, address, self.folder / str(len(self._repositories)), expected)
            return self._repositories[address]

    def run(self, words: Sequence[str], folder: Path, given: bytes = b"") -> tuple[int, bytes, str]:
        """One command in a folder, `given` its input: its exit code, output and messages. Raises Failure where there is no git."""
        options = [word for option in _OPTIONS for word in ("-c", option)]
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(  # noqa: S603 - no shell; an address cannot be an option, it comes after `--`
                ["git", *options, *words],  # noqa: S607 - the user's git
                cwd=folder,
                env=self.environment,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                start_new_session=True,
            )
        except (FileNotFoundError, PermissionError) as error:
            help = "install git: `apt-get install git`, for example"
            raise Failure("MLC908", "to ask repositories `mlc` needs the program `git`, which is not installed", help) from error
        with self._guard:
            self._running.add(process)
        try:
            out, err = process.communicate(given, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            _end(process)
            process.communicate()
            return 124, b"", f"timed out after {SECONDS} seconds"
        finally:
            with self._guard:
                self._running.discard(process)
        return process.returncode, out, err.decode(errors="replace")

    def stop(self) -> None:
        """End all that runs."""
        with self._guard:
            for process in self._running:
                _end(process)


def _answers(out: bytes) -> Iterator[tuple[str, bytes] | None]:
    """What `git cat-file --batch` writes: `NAME KIND SIZE` and the content behind it; or, for None, what was asked for and `missing`."""
    place = 0
    while (end := out.find(b"\n", place)) >= 0:
        words = out[place:end].split()
        place = end + 1
        if len(words) == 3:
            end = place + int(words[2])
            yield words[0].decode(), out[place:end]
            place = end + 1
        else:
            yield None


def _date(commit: bytes) -> str:
    """The date of a commit, from the line `committer NAME <MAIL> SECONDS ZONE` of its object (git, `fsck.c`, `fsck_commit`)."""
    found = re.search(rb"^committer .*> (-?\d+) ([+-])(\d\d)(\d\d)$", commit.partition(b"\n\n")[0], re.MULTILINE)
    if found is None:
        return ""
    east = timedelta(hours=int(found[3]), minutes=int(found[4]))
    try:
        return datetime.fromtimestamp(int(found[1]), timezone(east if found[2] == b"+" else -east)).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def _folder(tree: bytes, size: int, word: str, keep: Callable[[str], bool]) -> Folder:
    """What is in a folder, of what is called `word` and what is to be kept.

    An entry is `MODE NAME`, a zero byte and the `size` bytes of the object's name (git, `tree-walk.c`, `decode_tree_entry`).
    """
    found, place = {}, 0
    while place < len(tree):
        middle = tree.index(b"\0", place)
        mode, _, entry = tree[place:middle].partition(b" ")
        place = middle + 1 + size
        name = entry.decode(errors="replace")
        if name == word or keep(name):
            found[name] = Entry(tree[middle + 1 : place].hex(), mode == b"40000")
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and what it started: ssh, and git's own helpers."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        process.poll()


class Entry(NamedTuple):
    """What is in a folder under some name: git's name of the object, and whether it is a folder itself."""

    object: str
    folder: bool


Folder = dict[str, Entry]


class Repository:
    """A remote repository, and what was fetched of it so far. One thread at a time works with it.

    The tags that are `expected` to be asked for are fetched with the first one.
    """

    def __init__(self, git: Git, address: str, folder: Path, expected: Iterable[str]) -> None:
        self.git, self.address, self.folder = git, address, folder
        self.guard = threading.RLock()
        self.parsed: dict[str, dict[str, Any]] = {}
        """What `dvc` has read of files, by git's names of them: datasets share folders, and tags most of the files."""
        self._expected = set(expected)
        self._refs: dict[str, str] = {}
        self._tags: dict[str, str] = {}
        self._dates: dict[str, str] = {}
        self._fetched = 0
        self._failed: Failure | None = None

    def refs(self) -> dict[str, str]:
        """The commits of the tags and branches of the remote, by their full names. Asked for once."""
        if not self._refs:
            out = self._ask("ls-remote", "--tags", "--heads", "--", "origin").decode(errors="replace")
            found = {name: commit for commit, _, name in (line.partition("\t") for line in out.splitlines())}
            peeled = {name[:-3]: commit for name, commit in found.items() if name.endswith("^{}")}
            self._refs = {name: peeled.get(name, commit) for name, commit in found.items() if not name.endswith("^{}")}
        return self._refs

    def tags(self) -> dict[str, str]:
        """The commits of all tags, fetched. A tag of something else is left out."""
        names = self._names("refs/tags/")
        self._fetch_tags(names)
        return {name: self._tags[name] for name in names if self._tags[name]}

    def commit(self, name: str) -> str:
        """The commit that a full name stands for on the remote, as the remote says it; "" for none."""
        return self.refs().get(name, "")

    def of_tag(self, tag: str) -> str:
        """The commit of a tag, fetched."""
        if tag not in self._tags:
            try:
                self._fetch_tags({tag, *self._expected})
            except _NoSuchRefError as error:
                known = self._names("refs/tags/")
                self._expected.intersection_update(known)
                if tag not in known:
                    raise self._missing("tag", tag, known) from error
                self._fetch_tags({tag, *self._expected})
        return self._tags[tag] or self._no_commit(tag)

    def of_commit(self, commit: str) -> str:
        """A commit by its name, which may be cut, fetched. Many servers give a whole name; else the history is searched."""
        if len(commit) in _FULL:
            try:
                return self._fetch([commit])[0] or self._no_commit(commit)
            except _NoSuchRefError:
                pass
        everything = ("+refs/heads/*:refs/x/heads/*", "+refs/tags/*:refs/x/tags/*")
        deeper = ["--unshallow"] if (self.folder / "shallow").exists() else []  # a tag that was fetched before ends the history there
        self._ask("fetch", "--quiet", "--no-tags", "--filter=tree:0", *deeper, "--", "origin", *everything)
        code, out, _ = self._run("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
        found = out.decode(errors="replace").strip()
        if code or not found.startswith(commit):
            help = "check it: `git log` in a clone shows the commits; one of another branch may not be pushed"
            raise Failure("MLC906", f"there is no commit `{commit}` in `{self.address}`", help)
        return found

    def of_ref(self, ref: str) -> str:
        """The commit of a tag, a branch or a commit, looked for in this order. The first two are not fetched."""
        for kind in ("refs/tags/", "refs/heads/"):
            if self.commit(kind + ref):
                return self.commit(kind + ref)
        if _COMMIT.fullmatch(ref):
            return self.of_commit(ref)
        raise self._missing("tag or branch", ref, [*self._names("refs/tags/"), *self._names("refs/heads/")])

    def date(self, commit: str) -> str:
        """When a commit was made that was fetched, as ISO 8601; "" where that cannot be read."""
        if commit not in self._dates:
            for name, content in self._objects([commit]).values():
                self._dates[name] = _date(content)
        return self._dates.get(commit, "")

    def has(self, commit: str, path: str) -> bool:
        """Whether there is a file or a folder at a commit that was fetched."""
        return commit in self.having([commit], path)

    def having(self, commits: Collection[str], path: str) -> set[str]:
        """Those of some commits that were fetched at which there is a file or a folder."""
        *folders, name = path.split("/")
        way = self.folders(commits, folders, {name}.__contains__)
        return {commit for commit, found in way.items() if len(found) > len(folders) and name in found[-1]}

    def folders(self, commits: Collection[str], path: Sequence[str], keep: Callable[[str], bool]) -> dict[str, list[Folder]]:
        """The top of commits that were fetched, and each folder down to one, with what `keep` says of a name is wanted.

        They are fewer where there is no such folder. Git is asked once for each level.
        """
        found: dict[str, list[Folder]] = {commit: [] for commit in commits}
        wanted = {commit: f"{commit}^{{tree}}" for commit in commits}
        for word in (*path, ""):
            objects = self._objects(wanted.values())
            read = {asked: _folder(content, len(name) // 2, word, keep) for asked, (name, content) in objects.items()}
            there = {commit: read[asked] for commit, asked in wanted.items() if asked in read}
            for commit, folder in there.items():
                found[commit].append(folder)
            wanted = {commit: folder[word].object for commit, folder in there.items() if word in folder and folder[word].folder}
        return found

    def blobs(self, names: Iterable[str]) -> dict[str, bytes]:
        """The contents of files by git's names of them; of those that there are."""
        return {asked: content for asked, (_, content) in self._objects(names).items()}

    # --- git itself

    def _run(self, *words: str, given: bytes = b"") -> tuple[int, bytes, str]:
        if not self.folder.exists():
            self.folder.mkdir()
            self.git.run(["init", "--quiet", "--bare", "."], self.folder)
            self.git.run(["remote", "add", "--", "origin", self.address], self.folder)
        return self.git.run(words, self.folder, given)

    def _ask(self, *words: str) -> bytes:
        """A command that asks the remote. Raises Failure, without asking where it failed before; _NoSuchRefError for an unknown name."""
        if self._failed is not None:
            raise self._failed
        code, out, err = self._run(*words)
        if code == 0:
            return out
        failure = self._failure(err)
        if re.search(r"couldn't find remote ref|not our ref|unadvertised object|remote error: .*not found|no such remote ref", err):
            raise _NoSuchRefError(failure.code, failure.message, failure.help)
        if failure.code != "MLC907":  # a reason that nobody knows may be one of this command alone
            self._failed = failure
        raise failure

    def _names(self, kind: str) -> list[str]:
        """The names of the tags, or of the branches."""
        return [name.removeprefix(kind) for name in self.refs() if name.startswith(kind)]

    def _fetch_tags(self, tags: Collection[str]) -> None:
        """Fetch the tags that were not fetched before. Raises _NoSuchRefError where one is not there."""
        wanted = [tag for tag in tags if tag not in self._tags]
        if wanted:
            self._tags.update(zip(wanted, self._fetch([f"refs/tags/{tag}" for tag in wanted]), strict=True))

    def _fetch(self, names: Sequence[str]) -> list[str]:
        """Fetch what full names or commits stand for, without history; the commits, "" for what is none."""
        places = [f"refs/x/{self._fetched + number}" for number, _ in enumerate(names)]
        self._fetched += len(names)
        specs = [f"+{name}:{place}" for name, place in zip(names, places, strict=True)]
        self._ask("fetch", "--quiet", "--no-tags", "--depth=1", f"--filter=blob:limit={LARGEST}", "--", "origin", *specs)
        asked = [f"{place}^{{commit}}" for place in places]
        commits = self._objects(asked)
        self._dates.update((commit, _date(content)) for commit, content in commits.values())
        return [commits[name][0] if name in commits else "" for name in asked]

    def _objects(self, names: Iterable[str]) -> dict[str, tuple[str, bytes]]:
        """What git has under names without a line break, each with its own name: asked for all at once.

        What was left out of a fetch is fetched now. Git ends at what it cannot get, and is asked again for what is behind that.
        """
        found: dict[str, tuple[str, bytes]] = {}
        wanted = list(dict.fromkeys(names))
        while wanted:
            code, out, _ = self._run("cat-file", "--batch", given="".join(f"{name}\n" for name in wanted).encode())
            answers = list(_answers(out))
            found.update((asked, answer) for asked, answer in zip(wanted, answers, strict=False) if answer is not None)
            if code != _DIED:
                break
            del wanted[: len(answers) + 1]
        return found

    def _no_commit(self, name: str) -> NoReturn:
        raise Failure("MLC907", f"`{name}` of `{self.address}` is no commit", "name the tag of a commit")

    def _missing(self, what: str, name: str, known: list[str]) -> Failure:
        from ..diagnostics.suggest import did_you_mean

        there = f"it has {', '.join(f'`{one}`' for one in sorted(known)[-8:])}" if known else "it has none"
        help = did_you_mean(name, known) or "check the name, and that it was pushed"
        return Failure("MLC906", f"there is no {what} `{name}` in `{self.address}`: {there}", help)

    def _failure(self, err: str) -> Failure:
        """What git's messages mean."""
        said = [line.strip() for line in err.splitlines() if line.strip()]
        chosen = next((line for line in said if re.match(r"(?:fatal|error|remote|ERROR|ssh): ", line)), said[-1] if said else "no reason")
        where = f"`{self.address}`"

        def quoted(pattern: str = "") -> str:
            line = next((line for line in said if re.search(pattern, line)), chosen) if pattern else chosen
            return "".join(char if char.isprintable() else " " for char in line)[:200]

        if re.search(r"Host key verification failed|HOST IDENTIFICATION HAS CHANGED", err):
            help = "make sure of the key, and connect once by hand so that it is in `~/.ssh/known_hosts`"
            return Failure("MLC905", f"the host of {where} is not known to ssh, or has another key than before", help)
        if re.search(_DENIED, err):
            help = "give yourself access: `git ls-remote` with this address has to work without asking"
            return Failure("MLC905", f"{where} does not let you in ({quoted(_DENIED)})", help)
        if re.search(_MISSING, err):
            help = "check the address; some servers say this to those who have no access, too"
            return Failure("MLC906", f"there is no repository {where} ({quoted(_MISSING)})", help)
        if re.search(_UNTRUSTED, err):
            help = "have git know the file of your organisation's certificates: `git config --global http.sslCAInfo FILE`"
            return Failure("MLC904", f"no safe connection to {where} ({quoted(_UNTRUSTED)})", help)
        if re.search(_UNREACHABLE, err):
            return Failure("MLC904", f"cannot ask {where} ({quoted(_UNREACHABLE)})", "check the address and the network, and try again")
        return Failure("MLC907", f"git failed on {where} ({quoted()})", "try `git ls-remote` with this address")


class _NoSuchRefError(Failure):
    """The remote has nothing under a name."""
