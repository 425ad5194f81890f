"""What a step's containers run, its texts filled in; and what the result of that depends on, as a digest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..ir import ConfigMapKey, FieldPath, SecretKey, Text
from .job import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..ir import Container, Mount, Step
    from .artifacts import Kept

    Source = str | SecretKey | ConfigMapKey | FieldPath


@dataclass(frozen=True)
class Filled:
    """What one container runs. In `env` what has to be looked up stays as the spec has it."""

    name: str
    image: str
    command: tuple[str, ...] | None
    args: tuple[str, ...]
    script: str | None
    shell: str
    packages: tuple[str, ...]
    workdir: str
    env: tuple[tuple[str, Source], ...]

    def program(self, value: Callable[[SecretKey | ConfigMapKey | FieldPath], str]) -> Program:
        """The program with every variable, `value` looked up."""
        env = {name: source if isinstance(source, str) else value(source) for name, source in self.env}
        secrets = frozenset(name for name, source in self.env if isinstance(source, SecretKey))
        return Program(self.command, self.args, self.script, self.shell, self.packages, self.workdir, env, secrets)


def containers(step: Step) -> tuple[Step | Container, ...]:
    """A step's own container and those beside it."""
    return (step, *step.beside)


def filled(step: Step | Container, render: Callable[[Text], str]) -> Filled:
    """What a step's own container, or one beside it, runs. Raises what `render` does, which gives the text that a program gets."""
    script = step.script
    return Filled(
        name=step.name,
        image=step.image.ref if step.image.text is None else render(step.image.text),
        command=None if step.command is None else tuple(map(render, step.command)),
        args=tuple(map(render, step.args)),
        script=None if script is None else render(script.text),
        shell="" if script is None else script.shell,
        packages=() if script is None else script.packages,
        workdir=getattr(step, "workdir", ""),
        env=tuple((one.name, render(one.value) if isinstance(one.value, Text) else one.value) for one in step.env),
    )


def in_container(port: str, name: str, path: str) -> str:
    """The path of a declared file as the spec has it."""
    return path


def fingerprint(
    step: Step,
    programs: Sequence[Filled],
    images: Sequence[str],
    inputs: Mapping[str, Kept | None],
    identity: Callable[[Mount], str],
    more: Sequence[str] = (),
) -> str:
    """A digest of all that the result of a step depends on: its name, what its containers run, files, mounts, and the content of inputs.

    Not of resources, retries, timeouts and labels, and of no secret: its name counts. `more` is what else tells two tasks apart.
    """
    known = [
        step.name,
        [[*_plain(program)[:1], image, *_plain(program)[2:]] for program, image in zip(programs, images, strict=True)],
        sorted([port.name, port.path, inputs[port.name]] for port in step.inputs),
        sorted(["output", port.name, port.path, port.optional] for port in step.outputs),
        sorted(["value", port.name, port.path] for port in step.values),
        sorted(["metric", port.name, port.path] for port in step.metrics),
        [_mounts(mounts, identity) for mounts in (step.mounts, *(container.mounts for container in step.beside))],
        [getattr(step.security, name) for name in ("run_as_user", "run_as_group", "fs_group")] if step.security else None,
        list(more),
    ]
    return hashlib.sha256(json.dumps(known, default=_source, ensure_ascii=True).encode()).hexdigest()


def cache_key(project: str, step: Step, item: Mapping[str, str]) -> str:
    """A digest of the spec's `cache: {key}`: it finds a result of this step with the same outputs; of a loop, of the same item.

    With a lock file, one of the same versions. "" where all that the step depends on counts: a step that the compiler made up has a key
    for engines that look at nothing else.
    """
    cache = step.cache
    if cache is None or not cache.enabled or not cache.key or step.made:
        return ""
    outputs = [(port.name, port.path) for ports in (step.outputs, step.values, step.metrics) for port in ports]
    known = [project, step.name, cache.key, outputs, dict(item), *([cache.versions] if cache.versions else [])]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def _plain(program: Filled) -> list[object]:
    return list(vars(program).values())


def _mounts(mounts: Sequence[Mount], identity: Callable[[Mount], str]) -> list[list[object]]:
    return sorted(
        [mount.path, type(mount.volume).__name__, mount.volume.name, mount.sub_path, mount.read_only, identity(mount)] for mount in mounts
    )


def _source(found: object) -> object:
    """What `json` cannot write: a variable that has to be looked up."""
    return [type(found).__name__, *(getattr(found, name) for name in type(found).__slots__)]  # type: ignore[attr-defined]
