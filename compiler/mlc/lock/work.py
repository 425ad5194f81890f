"""Looks up what a project needs, several things at once."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..pins import Lock, LockedImage, LockedSource, Source
from .dvc import facts
from .failure import Failure
from .git import Git
from .plan import Key, Place, Plan, diagnostics
from .pool import answers

if TYPE_CHECKING:
    from ..diagnostics.model import Diagnostic
    from .registry import Registries

PLATFORM = "linux/amd64"

Progress = Callable[[int, int, str], None]
"""Told at the start and after each look-up: how many are done, of how many, and which was last."""


@dataclass(frozen=True)
class Settings:
    """How to look things up. `updates` are the names to look up, None for all; `platform` is "" for what the lock file says."""

    updates: Collection[str] | None = None
    platform: str = ""
    insecure: tuple[str, ...] = ()
    only_check: bool = False


def locked(plan: Plan, old: Lock, settings: Settings, progress: Progress) -> tuple[Lock, list[Diagnostic]]:
    """The lock of a project as its servers have it now, and what could not be looked up. What needs no look-up is as it was."""
    known: dict[Key, LockedImage | LockedSource] = dict(old.images.items())
    known.update(old.sources.items())
    chosen = set(plan.places)
    if settings.updates is not None:
        chosen = {key for name in settings.updates for key in plan.named(name)}
    tasks = [key for key in plan.places if key in chosen or key not in known]
    found = {key: entry for key, entry in known.items() if key in plan.places}
    failures: list[tuple[Place, Failure]] = []
    with tempfile.TemporaryDirectory(prefix="mlc-lock-", ignore_cleanup_errors=True) as folder:
        servers = Servers(Path(folder), old, settings, tasks)
        progress(0, len(tasks), "asking")
        try:
            for number, (key, answer) in enumerate(answers(tasks, servers.look_up), start=1):
                progress(number, len(tasks), key if isinstance(key, str) else f"{key.version} of {key.name or 'code'}")
                if isinstance(answer, Failure):
                    failures.append((plan.places[key], answer))
                else:
                    found[key] = answer
        finally:
            servers.stop()
    images = {key: entry for key, entry in found.items() if isinstance(key, str) and isinstance(entry, LockedImage)}
    sources = {key: entry for key, entry in found.items() if isinstance(key, Source) and isinstance(entry, LockedSource)}
    return Lock(images, sources), diagnostics(failures)


class Servers:
    """Registries and repositories, each made when the first thing is looked up there."""

    def __init__(self, folder: Path, old: Lock, settings: Settings, tasks: Iterable[Key]) -> None:
        self.folder, self.old, self.settings = folder, old, settings
        self.tags: dict[str, set[str]] = {}
        for key in tasks:  # with `only_check` few have moved, and what has not is not fetched
            if isinstance(key, Source) and key.by == "tag" and not (settings.only_check and key in old.sources):
                self.tags.setdefault(key.repo, set()).add(key.version)
        self.guard = threading.Lock()
        self._registries: Registries | None = None
        self._git: Git | None = None

    def look_up(self, key: Key) -> LockedImage | LockedSource:
        """What a key of a lock file stands for."""
        return self.image(key) if isinstance(key, str) else self.source(key)

    def image(self, reference: str) -> LockedImage:
        """What a registry has."""
        before = self.old.images.get(reference)
        platform = self.settings.platform or (before.platform if before else PLATFORM)
        return self.registries().look_up(reference, platform, before if self.settings.only_check else None)

    def source(self, source: Source) -> LockedSource:
        """What a repository has. Where a tag still stands for the same commit, so does all that is in it."""
        repository = self.git().repository(source.repo, self.tags.get(source.repo, ()))
        with repository.guard:
            before = self.old.sources.get(source) if self.settings.only_check else None
            if before is not None and source.by == "tag" and repository.commit(f"refs/tags/{source.version}") == before.commit:
                return before
            if source.by == "ref":
                return LockedSource(repository.of_ref(source.version))
            commit = repository.of_tag(source.version) if source.by == "tag" else repository.of_commit(source.version)
            if before is not None and commit == before.commit:
                return before
            where = f"`{source.repo}` at {source.by} `{source.version}`"
            if source.kind == "git":
                if not repository.has(commit, source.path):
                    raise Failure(
                        "MLC906", f"there is no `{source.path}` in {where}", "check the path: it starts at the top of the repository"
                    )
                return LockedSource(commit)
            known = facts(repository, [commit], source.path).get(commit)
            if known is None:
                help = "check the path: it starts at the top of the repository, and names the data, not its `.dvc` file"
                raise Failure("MLC906", f"DVC has no `{source.path}` in {where}", help)
            return LockedSource(commit, known.hash, known.size, known.files)

    def registries(self) -> Registries:
        """The registries."""
        with self.guard:
            if self._registries is None:
                self._registries = _registries(self.settings.insecure)
            return self._registries

    def git(self) -> Git:
        """The repositories."""
        with self.guard:
            if self._git is None:
                self._git = Git(self.folder)
            return self._git

    def stop(self) -> None:
        """End what still runs."""
        if self._git is not None:
            self._git.stop()


def _registries(insecure: tuple[str, ...]) -> Registries:
    try:
        from .registry import Registries
    except ImportError as error:
        if not (error.name or "").startswith(("requests", "urllib3")):
            raise
        message = "to ask registries `mlc` needs the package `requests`, which is not installed"
        raise Failure("MLC908", message, "install it: `pip install 'mlc-compiler[lock]'`") from error
    return Registries(insecure)
