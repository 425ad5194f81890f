"""The image of the steps that fetch and publish, made of Debian's packages, since no registry of images may be reachable from a test.

`python -m tests.datasets.image` makes it (`make image`), once per machine; the container engine keeps it. It stands for the two images
of docs/datasets.md: `plain()` for `python:3.12.12-bookworm`, which has git and ssh and gets the rest by `packages`, and `helper()` for
one of a team's own, with DVC inside. `plain()` has a folder with boto3 as wheels, so that `packages` needs no network in a test.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.local import engines

from . import tools

SUITE = "bookworm"
PACKAGES = ("ca-certificates", "git", "openssh-client", "python3", "python3-pip")
PREFIX = "localhost/mlc-test-helper"
WHEELS = "/wheels"
USER, UID = "ada", 1234
"""A user of both images."""
_LIBRARY = f"debootstrap of {SUITE}, 1"
"""To be changed with what is done to the files below."""


def plain() -> str:
    """The name of the image without DVC and boto3."""
    return f"{PREFIX}:plain-{_key()}"


def helper() -> str:
    """The name of the image with them."""
    return f"{PREFIX}:dvc-{_key()}"


@functools.cache
def missing() -> str:
    """Why steps cannot be run in it; "" where they can."""
    problem = engines.podman()[1]
    if problem:
        return problem
    found = [subprocess.run([*_base(), "image", "exists", name], check=False).returncode for name in (plain(), helper())]
    return "the image of them is not built: run `make image` as root" if any(found) else ""


@functools.cache
def in_docker() -> bool:
    """Whether docker's client finds it, too: where it talks to podman's service, not to an engine with images of its own."""
    engine, problem = engines.docker()
    words = [engine.program, *engine.options, "image", "inspect", helper()]
    return not problem and subprocess.run(words, capture_output=True, check=False).returncode == 0


def build() -> str:
    """Make both images, unless they are there. Why that cannot be; "" where it can."""
    if not engines.podman()[1] and missing():
        if tools.missing() or os.getuid() != 0:
            return tools.missing() or "only root can call debootstrap"
        folder = tools.folder().parent
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "image.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            missing.cache_clear()
            if missing():
                try:
                    _build(folder)
                except (OSError, subprocess.CalledProcessError) as error:
                    return _said(error)
                missing.cache_clear()
    return missing()


def _said(error: OSError | subprocess.CalledProcessError) -> str:
    output = error.output or error.stderr if isinstance(error, subprocess.CalledProcessError) else b""
    lines = (output or b"").decode("utf-8", "replace").strip().splitlines()
    return f"{error}{': ' if lines else ''}{' / '.join(lines[-3:])}"


def _key() -> str:
    known = [_LIBRARY, SUITE, *PACKAGES, *tools.PINS, platform.machine()]
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:12]


def _base() -> list[str]:
    engine = engines.podman()[0]
    return [engine.program, *engine.options, *(["--runtime", engine.runtime] if engine.runtime else [])]


def _build(folder: Path) -> None:
    top = Path(tempfile.mkdtemp(prefix="image-", dir=folder))
    try:
        program = shutil.which("debootstrap") or "/usr/sbin/debootstrap"
        _call(program, "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(top / "root"), *_server())
        _fill(top / "root")
        _import(top / "root")
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", top], check=False)  # debootstrap mounts the kernel's own files while it works
    _install()


def _server() -> list[str]:
    """Where apt here gets this suite from, if that is what it is set up for; else debootstrap asks Debian's own."""
    if shutil.which("apt-get") is not None:
        form = "$(REPO_URI) $(CODENAME) $(COMPONENT)"
        done = subprocess.run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"], capture_output=True, text=True)
        for address, *rest in map(str.split, done.stdout.splitlines()):
            if rest == [SUITE, "main"] and address.startswith(("http:", "https:")):
                return [address]
    return []


def _fill(root: Path) -> None:
    """What the official image has otherwise: `python`, and pip that may install. Wheels of boto3, by the pip of this machine."""
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    for file in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        file.unlink()
    with (root / "etc/passwd").open("a") as users:
        users.write(f"{USER}:x:{UID}:{UID}::/home/{USER}:/bin/sh\n")
    (root / f"home/{USER}").mkdir()
    os.chown(root / f"home/{USER}", UID, UID)
    (version,) = (path.name[len("python") :] for path in root.glob("usr/lib/python3.*"))
    words = ["-m", "pip", "download", "-q", "--disable-pip-version-check", "--only-binary=:all:", f"--python-version={version}"]
    _call(str(tools.python()), *words, "-d", str(root) + WHEELS, *(pin for pin in tools.PINS if pin.startswith("boto")))


def _import(root: Path) -> None:
    leave = ("./dev/*", "./proc/*", "./sys/*", "./var/cache/apt/archives/*", "./var/lib/apt/lists/*", "./usr/share/doc/*")
    with subprocess.Popen(["tar", "-C", root, "-c", *(f"--exclude={one}" for one in leave), "."], stdout=subprocess.PIPE) as tar:
        words = [*_base(), "import", "--change", 'CMD ["python"]', "-", plain()]
        subprocess.run(words, stdin=tar.stdout, check=True, capture_output=True)
    if tar.returncode:
        raise OSError(f"tar ended with {tar.returncode}")


def _install() -> None:
    """Install DVC in a container, with the settings that pip has here and what it has downloaded before."""
    engine, name = engines.podman()[0], f"mlc-test-helper-{os.getpid()}"
    options = [*engine.args, "--network", "host", "--env", "PIP_ROOT_USER_ACTION=ignore"]
    found = _call(str(tools.python()), "-m", "pip", "config", "list")
    for setting, text in re.findall(r"^[^.\s]+\.\.?(cert|index-url|extra-index-url|trusted-host)='(.*)'$", found, re.MULTILINE):
        if setting == "cert":
            options += ["--volume", f"{text}:{text}:ro"]
        options += ["--env", f"PIP_{setting.upper().replace('-', '_')}={text}"]
    cache = _call(str(tools.python()), "-m", "pip", "cache", "dir").strip()
    if os.path.isdir(cache):
        options += ["--volume", f"{cache}:/cache", "--env", "PIP_CACHE_DIR=/cache"]
    pins = [pin for pin in tools.PINS if not pin.startswith("seaweed")]
    try:
        _call(*_base(), "run", "--name", name, "--pull", "never", *options, plain(), "python", "-m", "pip", "install", "-q", *pins)
        _call(*_base(), "commit", "-q", name, helper())
    finally:
        subprocess.run([*_base(), "rm", "-f", "-v", name], check=False, capture_output=True)


def _call(*words: str) -> str:
    return subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.decode()


if __name__ == "__main__":
    problem = build()
    if problem:
        sys.exit(problem)
    print(helper())
