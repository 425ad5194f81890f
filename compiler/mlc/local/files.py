"""What a program wrote: the declared files of an attempt that ended well, checked and taken in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..ir import Output, Step
    from .artifacts import Kept, Objects
    from .job import Attempt

LIMIT = 32 * 1024
"""Bytes that the file of a value or a metric may have."""


class Missing(Exception):
    """A declared file is not there, or not what it must be. The message is for a person."""


@dataclass(frozen=True)
class Collected:
    """The texts of values and metrics, and the artifacts that are in the store, by name."""

    texts: Mapping[str, str]
    made: Mapping[str, Kept]


def collected(step: Step, attempt: Attempt, folder: Path, objects: Objects) -> Collected:
    """Everything that a step declares, through files in `folder`. Raises `Missing`, and OSError for a file that cannot be had."""
    texts: dict[str, str] = {}
    read: dict[str, str] = {}  # metrics may share a file
    for kind, ports in (("value", step.values), ("metric", step.metrics)):
        for port in ports:
            if port.path not in read:
                read[port.path] = _text(f"{kind} `{port.name}`", port.path, attempt, folder / f"{kind}-{port.name}")
            texts[port.name] = read[port.path]
    there = [(output, to) for output in step.outputs if _is_there(output, attempt, to := folder / f"output-{output.name}")]
    return Collected(texts, {output.name: objects.put(to) for output, to in there})  # only when nothing is missing any more


def _is_there(output: Output, attempt: Attempt, to: Path) -> bool:
    """Whether an output was written, and lies at `to` now."""
    if not attempt.collect(output.path, to):
        why = f"nothing was written to {output.path}"
    elif to.is_dir() and not any(to.iterdir()):
        why = f"the folder {output.path} is empty"
    else:
        return True
    if output.optional:
        return False
    raise Missing(f"output `{output.name}` is missing: {why}")


def _text(what: str, path: str, attempt: Attempt, to: Path) -> str:
    """The text in a file, without one line break at its end."""
    if not attempt.collect(path, to):
        raise Missing(f"{what} is missing: nothing was written to {path}")
    if not to.is_file():
        raise Missing(f"{what}: {path} is no file")
    size = to.stat().st_size
    if size > LIMIT:
        raise Missing(f"{what}: {path} has {size:,} bytes, more than 32 KiB")
    content = to.read_bytes()
    if b"\0" in content:
        raise Missing(f"{what}: {path} holds a NUL byte")
    try:
        return content.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise Missing(f"{what}: {path} is no UTF-8 text") from None
