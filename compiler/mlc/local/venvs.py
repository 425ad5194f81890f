"""`packages` of Python scripts that run as processes: a virtual environment for each set of them, kept in the state folder."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def folder_of(state: Path, python: str, packages: Sequence[str]) -> Path:
    """Where the environment for these packages is, on top of this interpreter."""
    text = json.dumps([python, *sorted(packages)])
    return state / "venvs" / hashlib.sha256(text.encode()).hexdigest()[:16]


def command(python: str, folder: Path, packages: Sequence[str]) -> list[str]:
    """What makes the environment where it is not there yet; whoever comes second waits for the first."""
    return [python, "-c", _BUILD, str(folder), *packages]


# The packages of the interpreter itself count as installed, as those of an image do: the environment lists their folders. Where the
# interpreter has a pip that can install for another one, none is put into the environment: that takes seconds.
_BUILD = """\
import fcntl, os, pathlib, shutil, subprocess, sys, venv
folder, packages = pathlib.Path(sys.argv[1]), sys.argv[2:]
folder.parent.mkdir(parents=True, exist_ok=True)
done = folder / "complete"
with open(f"{folder}.lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    if done.exists():
        sys.exit()
    print("installing", *packages, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        import pip
        modern = int(pip.__version__.partition(".")[0]) >= 23
    except (ImportError, ValueError):
        modern = False
    venv.create(folder, with_pip=not modern, symlinks=True)
    python = str(folder / "bin" / "python")
    beside = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    for site in folder.glob("lib/python*/site-packages"):
        (site / "beside.pth").write_text("".join(path + "\\n" for path in beside))
    command = [sys.executable, "-m", "pip", "--python", python] if modern else [python, "-m", "pip"]
    command += ["install", "--quiet", "--disable-pip-version-check", "--", *packages]
    code = subprocess.run(command).returncode
    if code:
        sys.exit(f"mlc: cannot install the packages: pip ended with {code}")
    done.touch()
"""
