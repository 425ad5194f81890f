"""What this machine can run steps with: the tests run with all of it, and the summary of the whole run says what is missing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mlc.local.masking import Masks
from mlc.local.runners import NoRunner, choose
from mlc.local.settings import Misuse, Settings
from tests.local.engines import here, missing


def test_summary_says_what_is_missing(counted: Callable[..., None]) -> None:
    """A line for each runner that the tests could not use; processes work everywhere."""
    for line in missing():
        counted(line.replace("{", "{{").replace("}", "}}"))
    assert "plain" in here()


def fake(folder: Path, name: str, text: str) -> None:
    """A program of a name that is called instead of an engine."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


WORKS = "echo information"
FAILS = "echo 'Error: no privileges' >&2; exit 125"


@pytest.mark.parametrize(
    "podman, docker, name, reason",
    [
        (WORKS, WORKS, "podman", "steps run in containers of podman"),
        (FAILS, WORKS, "docker", "steps run in containers of docker; podman: no privileges"),
        ("", WORKS, "docker", "steps run in containers of docker; podman: it is not installed"),
        ("", FAILS, "process", "steps run as processes; podman: it is not installed; docker: no privileges"),
    ],
)
def test_first_that_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, podman: str, docker: str, name: str, reason: str) -> None:
    """Without a choice it is the first that works, and it is said why it is not another."""
    for program, text in (("podman", podman), ("docker", docker)):
        if text:
            fake(tmp_path / "bin", program, text)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    os.symlink("/bin/sh", tmp_path / "bin" / "sh")
    chosen = choose(Settings(tmp_path), Masks(), tmp_path)
    assert (chosen.runner.name, chosen.reason) == (name, reason)


def test_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner that is asked for is not replaced by another; the option goes before the settings."""
    fake(tmp_path / "bin", "podman", FAILS)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    settings = Settings(tmp_path, runner="podman")
    with pytest.raises(NoRunner, match="`podman` does not work here: no privileges"):
        choose(settings, Masks(), tmp_path)
    chosen = choose(settings, Masks(), tmp_path, "process")
    assert (chosen.runner.name, chosen.reason) == ("process", "")
    with pytest.raises(Misuse, match="no runner is called `dokcer`"):
        choose(settings, Masks(), tmp_path, "dokcer")
