"""Install the YAML language server that the tests beside this file ask: `python -m tests.editor.install`, which is `make editor`.

`npm ci` takes exactly what `package-lock.json` pins, and checks it against the hashes there; no script of a package is run. The result is
kept in the user's cache folder, by a hash of the lock file, so that it is installed once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conformance.build import BuildError, locked

HERE = Path(__file__).resolve().parent
PINS = ("package.json", "package-lock.json")

OPTIONS = "--ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error --fetch-retries=1 --fetch-timeout=60000".split()
"""Of npm, which by itself tries for many minutes to reach a registry that is not there."""


def folder() -> Path:
    """Where the server is kept."""
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in PINS)).hexdigest()[:16]
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlc-editor" / digest


def command(place: Path | None = None) -> list[str]:
    """What starts the server, once it is installed; it speaks over its standard input and output."""
    package = (place or folder()) / "node_modules" / "yaml-language-server"
    return ["node", str(package / "bin" / "yaml-language-server"), "--stdio"]


def install() -> None:
    """Install the server unless it is there. Raises `BuildError` where npm cannot, or where this `node` cannot run it."""
    target = folder()
    with locked(target.parent / "lock"):
        if target.is_dir():
            return
        with tempfile.TemporaryDirectory(dir=target.parent) as work:
            place = Path(work) / "server"
            place.mkdir()
            for name in PINS:
                shutil.copyfile(HERE / name, place / name)
            _run(["npm", "ci", *OPTIONS], place)
            _run([*command(place)[:-1], "--version"], place)
            os.replace(place, target)
        print(f"editor: the YAML language server is installed in {target}", file=sys.stderr)


def _run(words: list[str], place: Path) -> None:
    try:
        done = subprocess.run(words, cwd=place, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BuildError(f"{words[0]}: {error}") from error
    if done.returncode:
        raise BuildError(f"{' '.join(words)}\n{done.stdout}{done.stderr}".rstrip())


def missing() -> str:
    """Why no language server can be asked; empty where one can."""
    there = folder().is_dir()
    if absent := [name for name in ("node", *(() if there else ("npm",))) if shutil.which(name) is None]:
        return f"a YAML language server needs {' and '.join(absent)}: put them on the PATH, then make editor"
    return "" if there else "the YAML language server is not installed: make editor"


if __name__ == "__main__":
    try:
        install()
    except BuildError as failure:
        sys.exit(f"editor: {failure}")
