"""Container images for the tests, made of what this machine has: a static busybox, this Python, and packages of its environment.

No registry is asked. The base is made once per machine and interpreter, and kept by the container engine; a project's image is the base
and a folder of programs on top.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

PACKAGE = "scikit-learn"
"""What the programs of tests/local/projects import; with it comes what it requires."""
UNUSED = {"test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "site-packages", "__pycache__", "pydoc_data"}
"""Folders of the standard library and of packages that no program needs."""
PREFIX = "localhost/mlc-test"


def base(engine: list[str]) -> str:
    """The name of an image with `sh`, the usual tools and `python`; `engine` is the command, with its global options."""
    name = f"{PREFIX}-python:{_fingerprint()}"
    if subprocess.run([*engine, "image", "exists", name], check=False).returncode:
        changes = ["ENV PATH=/app/bin:/usr/bin:/bin", "ENV PYTHONDONTWRITEBYTECODE=1", "WORKDIR /app"]
        words = [*engine, "import", *(word for change in changes for word in ("--change", change)), "-", name]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as importing:
            assert importing.stdin is not None
            with importing.stdin, tarfile.open(fileobj=importing.stdin, mode="w|") as tar:
                _fill(tar)
        assert importing.returncode == 0
    return name


def with_programs(engine: list[str], folder: Path, name: str, entrypoint: str = "") -> str:
    """The name of an image with the content of `folder` in `/app`, its working folder."""
    tag = f"{PREFIX}-{name}"
    lines = [f"FROM {base(engine)}", "COPY . /app/"] + ([f"ENTRYPOINT {entrypoint}"] if entrypoint else [])
    subprocess.run(
        [*engine, "build", "-q", "-t", tag, "-f", "-", str(folder)], input="\n".join(lines), text=True, check=True, capture_output=True
    )
    return tag


def _fingerprint() -> str:
    known = [platform.machine(), sys.version, sys.base_prefix, _busybox(), Path(__file__).read_text()]
    known += [f"{package.name} {package.version}" for package in _packages()]
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:16]


def _busybox() -> str:
    found = shutil.which("busybox")
    if found is None:
        raise FileNotFoundError("busybox is not installed: Debian's package busybox-static has it")
    return os.path.realpath(found)


def _packages() -> list[importlib.metadata.Distribution]:
    """The distributions of the package and all that it requires, by name."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = [PACKAGE]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = importlib.metadata.distribution(name)
            waiting += [re.split(r"[^-\w.]", line)[0] for line in found[name].requires or () if "extra ==" not in line]
    return [found[name] for name in sorted(found)]


def _fill(tar: tarfile.TarFile) -> None:
    needed: set[str] = set()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"

    def put(source: str | Path, at: str) -> None:
        tar.add(os.path.realpath(source), at, recursive=False)
        if ".so" in os.path.basename(at) or at.endswith(("/busybox", version)):
            needed.update(_libraries(str(source)))

    def put_tree(source: Path, at: str) -> None:
        for folder, folders, files in os.walk(source):
            folders[:] = sorted(set(folders) - UNUSED)
            for file in sorted(files):
                path = Path(folder, file)
                place = f"{at}/{path.relative_to(source)}"
                put(path, place)

    for folder in ("bin", "usr/bin", "tmp", "app", "etc", "proc", "sys", "dev", "run", "var/tmp", "root"):
        entry = tarfile.TarInfo(folder)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder.endswith("tmp") else 0o755
        tar.addfile(entry)
    _text(tar, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")
    _text(tar, "etc/group", "root:x:0:\nnogroup:x:65534:\n")
    put(_busybox(), "bin/busybox")
    for applet in subprocess.run([_busybox(), "--list"], capture_output=True, text=True, check=True).stdout.split():
        if applet != "busybox":
            _link(tar, f"bin/{applet}", "busybox")
    _link(tar, "usr/bin/env", "/bin/busybox")  # where the first line of a script looks for it
    prefix = sys.base_prefix.strip("/")
    interpreter = os.path.realpath(sys.executable)
    put(interpreter, f"{prefix}/bin/{version}")
    for name in ("python", "python3"):
        _link(tar, f"usr/bin/{name}", f"/{prefix}/bin/{version}")
    put_tree(Path(sysconfig.get_path("stdlib")), f"{prefix}/lib/{version}")
    site = f"{prefix}/lib/{version}/site-packages" if prefix != "usr" else f"usr/local/lib/{version}/dist-packages"
    for package in _packages():
        for file in package.files or ():
            if not UNUSED & set(file.parts) and ".." not in file.parts:
                put(str(file.locate()), f"{site}/{file}")
    while needed:
        library = needed.pop()
        tar.add(os.path.realpath(library), library.strip("/"), recursive=False)


def _libraries(path: str) -> set[str]:
    """The shared libraries of the system that a program or library loads, the loader included."""
    found = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    return {name for name in re.findall(r"(/\S+) \(0x", found) if "site-packages" not in name}


def _link(tar: tarfile.TarFile, at: str, to: str) -> None:
    entry = tarfile.TarInfo(at)
    entry.type, entry.linkname = tarfile.SYMTYPE, to
    tar.addfile(entry)


def _text(tar: tarfile.TarFile, at: str, text: str) -> None:
    entry = tarfile.TarInfo(at)
    entry.size = len(text)
    tar.addfile(entry, io.BytesIO(text.encode()))
