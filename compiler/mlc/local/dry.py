"""What a run would start, without starting it: `--dry-run`. What only a run knows stands there as the project has it, `${{ ... }}`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..expr.evaluate import Facts, Unreadable, text
from ..expr.write import written
from ..ir import Group, Text
from .job import Place
from .nodes import members
from .params import filled as all_params
from .programs import containers, filled
from .work import assembled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..ir import Pipeline, Ref, Step
    from .job import Runner, Surroundings

_NOBODY = "00000000-0000-0000-0000-000000000000"


def commands(
    pipeline: Pipeline, runner: Runner, surroundings: Surroundings, params: Mapping[str, str]
) -> Iterator[tuple[str, Sequence[str]]]:
    """The tasks of a run and the command line of each, in order.

    A loop over constants has all its items, one over a list that only a run knows is one task, `train[...]`. Raises OSError where what
    a step mounts or reads of secrets is not to be had.
    """
    given = all_params(pipeline, params)
    with tempfile.TemporaryDirectory(prefix="mlc-") as scratch:
        for group in (pipeline.run, pipeline.final) if pipeline.final else (pipeline.run,):
            for unit in group.children:
                for suffix, item in _rounds(unit):
                    facts = Facts(given, {}, {}, {}, item)
                    for step in members(unit):
                        task = f"{step.name}{suffix}"
                        yield (
                            task,
                            _command(step, Place(pipeline.name, _NOBODY, task, 1, Path(scratch) / task), facts, runner, surroundings),
                        )


def _rounds(unit: Step | Group) -> list[tuple[str, Mapping[str, str]]]:
    """How often a step or the steps of a loop run: what comes behind the name, and what the item is."""
    if not isinstance(unit, Group) or unit.loop is None:
        return [("", {})]
    if unit.loop.rows is None:
        return [("[...]", {})]
    names = [column.column for column in unit.loop.columns]
    return [(f"[{number}]", dict(zip(names, row, strict=True))) for number, row in enumerate(unit.loop.rows)]


def _command(step: Step, place: Place, facts: Facts, runner: Runner, surroundings: Surroundings) -> Sequence[str]:
    place.folder.mkdir()

    def path(port: str, name: str, at: str) -> str:
        return runner.path(step, place.folder, port.removesuffix("s"), name, at)

    def known(piece: str | Ref) -> str:
        try:
            return text(Text((piece,), ()), facts, path)
        except (KeyError, Unreadable):
            return piece if isinstance(piece, str) else f"${{{{ {written(piece)} }}}}"

    programs = [filled(one, lambda given: "".join(map(known, given.pieces))) for one in containers(step)]
    images = [surroundings.image(one.image, program.image) for one, program in zip(containers(step), programs, strict=True)]
    try:
        return runner.command(assembled(step, place, programs, images, step.inputs, surroundings))
    finally:
        surroundings.release(place)
