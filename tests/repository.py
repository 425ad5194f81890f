"""Real git repositories for tests, under addresses that a project may have: git's own settings lead those to folders."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

HOST = "https://git.test/"


class Repository:
    """A repository with a work tree. `address` is what a project calls it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.address = folder / f"{name}.git", f"{HOST}{name}.git"
        self.folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "uploadpack.allowFilter", "true")

    def git(self, *words: str) -> str:
        """Run git in the work tree; what it prints."""
        return subprocess.run(["git", *words], cwd=self.folder, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, files: dict[str, str], tag: str = "", date: str = "2024-05-01T10:00:00+00:00") -> str:
        """Write files, commit them, and put a tag on the commit, moving it if need be; the commit."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.git("add", "--all")
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        command = ["git", "commit", "--quiet", "--allow-empty", "-m", f"version {tag}"]
        subprocess.run(command, cwd=self.folder, check=True, env={**os.environ, **dates})
        if tag:
            self.git("tag", "--force", tag)
        return self.git("rev-parse", "HEAD")


def settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git settings of the test alone: who commits, and where the addresses lead."""
    folder.mkdir(parents=True, exist_ok=True)
    text = f'[user]\n  name = Test\n  email = test@example.com\n[url "file://{folder}/"]\n  insteadOf = {HOST}\n'
    (folder / "gitconfig").write_text(text, encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(folder / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_SSH", "GIT_SSH_COMMAND"):
        monkeypatch.delenv(name, raising=False)
