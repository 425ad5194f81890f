"""What the steps that the compiler made up need of this machine where they run as processes: git, ssh, and DVC or boto3 for Python."""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

from ..diagnostics.model import Finding
from ..tagged import MODULES, PACKAGES, PROGRAMS, program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..ir import Pipeline, Step

_ASK = 30.0  # seconds for Python to say what it has
_HAS = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"


def check(pipeline: Pipeline, python: str | None, environ: Mapping[str, str], findings: list[Finding]) -> None:
    """Refuse to fetch and publish with tools that are not here (MLC434), all of them at once.

    `python` runs the steps, None where there is none; `environ` is what they get of the environment.
    """
    steps = [step for step in pipeline.steps if step.made]
    lacking: dict[str, str] = {}
    for step in steps:
        lacking.update(_lacking(step, python, environ))
    if lacking:
        message = f"this machine does not have what fetches and publishes: {', '.join(lacking)}"
        help = f"{', '.join(dict.fromkeys(lacking.values()))}; or run the project with podman or docker"
        findings.append(Finding("MLC434", message, steps[0].origin, "key", help=help))


def _lacking(step: Step, python: str | None, environ: Mapping[str, str]) -> dict[str, str]:
    """What is not here, and what to do about it."""
    name = _name(step)
    repo = next((word.constant or "" for word in step.args if (word.constant or "").startswith("repo=")), "")
    found = {}
    for one in ("git", "ssh") if repo and not repo.startswith("repo=https:") else ("git",) if repo else ():
        if shutil.which(one, path=environ.get("PATH", os.defpath)) is None:
            found[f"the program `{one}`"] = f"install `{one}`"
    module = "" if step.script and step.script.packages else MODULES[name]
    if python is None:
        found["the program `python`"] = "install `python`"
    elif module and not _has(python, module, tuple(sorted(environ.items()))):
        command = shlex.join([python, "-m", "pip", "install", *PACKAGES["s3" if name == "s3" else "dvc"]])
        way = f"say `{command}`, or leave out `targets.helper_image` to have it installed for the run"
        found[f"the module `{module}` of `{python}`"] = way
    return found


@functools.cache
def _names() -> dict[str, str]:
    return {program(name): name for name in PROGRAMS}


def _name(step: Step) -> str:
    """Which of our programs a step runs."""
    if step.script is None:
        raise AssertionError(step.name)  # a step of ours has one
    return _names()[step.script.text.constant or ""]


@functools.cache
def _has(python: str, module: str, environ: tuple[tuple[str, str], ...]) -> bool:
    """Whether an interpreter has a module."""
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter that would run the step
            [python, "-c", _HAS, module],
            cwd="/",
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
