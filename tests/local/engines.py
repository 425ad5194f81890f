"""What this machine can run steps with: asked once, so that every test runs with all of it, and the summary says what is missing."""

from __future__ import annotations

import atexit
import functools
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlc.local import inits
from mlc.local.containers import ContainerRunner
from mlc.local.masking import Masks
from mlc.local.process import ProcessRunner
from mlc.local.settings import Engine, Settings, with_environment

IMAGE = f"localhost/mlc-test-{os.getpid()}:1"
"""The image of the tests: busybox, made here, for no registry may be reachable. User 0, no entrypoint."""

_LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096")
_ARGS: tuple[tuple[tuple[str, ...], str], ...] = (((), ""), (_LIMITS, ""), (_LIMITS, "runc"))
"""Ways to call an engine, some of which work only in places with less privileges than engines expect."""


@functools.cache
def sandbox_problem() -> str:
    """Why bubblewrap cannot be used here, "" where it can."""
    with tempfile.TemporaryDirectory() as folder:
        runner = ProcessRunner(Settings(Path(folder)), Masks(), Path(folder))
        return "" if runner.sandboxed else runner._problem()


@functools.cache
def podman() -> tuple[Engine, str]:
    """How podman is called here, or why it cannot be."""
    return _engine("podman", {})


@functools.cache
def docker() -> tuple[Engine, str]:
    """How docker is called here, or why it cannot be. Without an engine of its own its client talks to podman's service."""
    engine, problem = _engine("docker", {})
    if not problem or shutil.which("docker") is None or podman()[1]:
        return engine, problem
    place = tempfile.mkdtemp(prefix="mlc-docker-")
    address = f"unix://{place}/socket"
    options = [*podman()[0].options, *(["--runtime", podman()[0].runtime] if podman()[0].runtime else [])]
    service = subprocess.Popen(
        ["podman", *options, "system", "service", "--time", "0", address], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    atexit.register(service.wait)
    atexit.register(service.terminate)
    for _ in range(100):
        if Path(place, "socket").exists():
            break
        time.sleep(0.1)
    args = podman()[0].args
    engine = Engine("docker", options=("--host", address), args=args)
    return engine, ContainerRunner("docker", Settings(Path("/"), docker=engine), Masks(), Path("/")).problem()


def _engine(name: str, environ: Mapping[str, str]) -> tuple[Engine, str]:
    given = getattr(with_environment(Settings(Path("/")), os.environ), name)
    problem = ContainerRunner(name, with_engine(name, given), Masks(), Path("/")).problem()
    busybox = shutil.which("busybox")
    if problem or busybox is None:
        return given, problem or "busybox is not installed"
    try:
        import_image([given.program, *given.options], busybox)
    except subprocess.CalledProcessError as error:  # half an installation
        return given, error.stderr.decode("utf-8", "replace").strip() or str(error)
    said = ""
    for args, runtime in _ARGS:
        engine = Engine(given.program, given.options, given.args + args, given.runtime or runtime)
        runner = ContainerRunner(name, with_engine(name, engine), Masks(), Path("/"))
        done = runner.ask("run", "--rm", "--pull", "never", *runner.extra(network=True), IMAGE, "true")
        if done.returncode == 0:
            return engine, ""
        said = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else str(done.returncode)
    return given, said


def with_engine(name: str, engine: Engine) -> Settings:
    """Settings that say how an engine is called."""
    return Settings(Path("/"), podman=engine) if name == "podman" else Settings(Path("/"), docker=engine)


def import_image(base: list[str], busybox: str) -> None:
    """Make the image: a static busybox, its commands, and files to find."""
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "image.tar")
        with tarfile.open(file, "w") as archive:
            for place in ("bin", "tmp", "etc", "data", "usr/local/share/model", "home/somebody"):
                member = tarfile.TarInfo(place)
                member.type, member.mode = tarfile.DIRTYPE, 0o1777 if place == "tmp" else 0o755
                archive.addfile(member)
            archive.add(os.path.realpath(busybox), "bin/busybox")
            for name in listed:
                if name != "busybox":
                    member = tarfile.TarInfo(f"bin/{name}")
                    member.type, member.linkname = tarfile.SYMTYPE, "busybox"
                    archive.addfile(member)
            _text(archive, "etc/passwd", "root:x:0:0:root:/:/bin/sh\nsomebody:x:1000:1000::/home/somebody:/bin/sh\n")
            _text(archive, "data/from-image", "from the image\n")
            _text(archive, "etc/no-program", "no program\n")
        subprocess.run([*base, "import", str(file), IMAGE], capture_output=True, check=True)
    atexit.register(subprocess.run, [*base, "rmi", "-f", IMAGE], capture_output=True, check=False)


def _text(archive: tarfile.TarFile, name: str, text: str) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(text), 0o644
    archive.addfile(member, io.BytesIO(text.encode()))


def maker(name: str) -> Any:
    """What makes a runner of a name, as `Workshop` wants it."""
    from dataclasses import replace

    if name in ("podman", "docker"):
        engine = {"podman": podman, "docker": docker}[name]()[0]
        return lambda settings, masks, state: ContainerRunner(name, replace(settings, **{name: engine}), masks, state)
    return lambda settings, masks, state: ProcessRunner(
        replace(settings, process=replace(settings.process, sandbox=name == "sandbox")), masks, state
    )


@functools.cache
def init_problem() -> str:
    """Why the first process of a container is the step's program here, "" where it is an init program."""
    return "" if inits.of_this_machine(os.environ) else "catatonit is not installed"


def here() -> list[str]:
    """The runners that work here: `plain` are processes without bubblewrap, `sandbox` those with it."""
    return [
        "plain",
        *([] if sandbox_problem() else ["sandbox"]),
        *([] if podman()[1] else ["podman"]),
        *([] if docker()[1] else ["docker"]),
    ]


def missing() -> list[str]:
    """What cannot be run here, a line each."""
    found = {"bubblewrap": sandbox_problem(), "podman": podman()[1], "docker": docker()[1]}
    if not (found["podman"] and found["docker"]):
        found["an init program in containers"] = init_problem()
    return [f"mlc run: not tested with {name}: {problem}" for name, problem in found.items() if problem]
