"""What a run would do, without doing it: for each step its command, and whether it would run, as far as that is known before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..expr.evaluate import Facts, Unreadable, text
from ..expr.write import written
from ..ir import EachRef, Group, ParamRef, PathRef, SecretKey, Text, references
from .conditions import decided
from .job import Place
from .nodes import item_words, members
from .programs import containers, filled
from .work import assembled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Literal

    from ..expr import evaluate
    from ..ir import ConfigMapKey, Expr, FieldPath, Loop, Pipeline, Step
    from .job import Runner
    from .volumes import Around

    Fate = Literal["run", "skip", "reuse"]

_ITEMS = 3  # of a loop, shown one by one
HIDDEN = "***"


@dataclass(frozen=True)
class Planned:
    """What would become of a step, or of an item of a loop.

    `why` says why it is skipped or where its result comes from, or else on what it still depends; `item` what it would run for. `more`
    is how many items of the loop are like it and not listed. `command` is that of the runner, `script` what a `run` step runs.
    """

    task: str
    fate: Fate
    why: str = ""
    item: str = ""
    image: str = ""
    after: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    script: str | None = None
    more: int = 0
    made: bool = False
    """Whether nobody wrote the step: the compiler made it up."""


@dataclass(frozen=True)
class Dry:
    """What is known before a run. By step or loop: `reused` says where a result that is there comes from, `left` why it has no part."""

    pipeline: Pipeline
    runner: Runner
    surroundings: Around
    params: Mapping[str, str]
    folder: Path
    reused: Mapping[str, str]
    left: Mapping[str, str]

    def planned(self) -> Iterator[Planned]:
        """Every step in topological order, those of `finally` last."""
        running: dict[str, None] = {}
        for group in (self.pipeline.run, *([self.pipeline.final] if self.pipeline.final else [])):
            skipped: dict[str, None] = {}
            for child in group.children:
                # what depends on a step that runs is not what it was, and `finally` comes after all
                again = bool(running) if group.kind == "finally" else any(name in running for name in child.after)
                yield from self._child(child, skipped, running, again)

    def _child(self, child: Step | Group, skipped: dict[str, None], running: dict[str, None], again: bool) -> Iterator[Planned]:
        """A step or a loop. `skipped` are those of its scope that would be skipped for certain, `running` those that may run."""
        fates: tuple[tuple[Fate, Mapping[str, str]], ...] = (("reuse", {} if again else self.reused), ("skip", self.left))
        for fate, known in fates:
            if child.name in known:
                for step in members(child):
                    yield Planned(step.name, fate, known[child.name], image=step.image.ref, after=child.after)
                return
        never = next((f"`{name}` is skipped" for name in child.after if name in skipped), "") or self._false(child)
        if never:
            skipped[child.name] = None
            for step in members(child):
                yield Planned(step.name, "skip", never, image=step.image.ref, after=child.after)
            return
        running[child.name] = None
        open_conditions = " and ".join(f"`{written(one.expr)}`" for one in child.conditions if not _known(one.expr))
        why = f"if {open_conditions}" if open_conditions else ""
        if not isinstance(child, Group):
            yield self._one(child, child.name, {}, why, child.after)
        elif child.loop is not None:
            yield from self._loop(child, child.loop, why)

    def _false(self, child: Step | Group) -> str:
        """Why it is known now that conditions do not hold; "" where they hold, or depend on what a step writes."""
        try:
            return decided([one for one in child.conditions if _known(one.expr)], self._facts({}))
        except Unreadable as unreadable:
            return str(unreadable)

    def _loop(self, group: Group, loop: Loop, why: str) -> Iterator[Planned]:
        rows = loop.rows
        if rows is None:
            source = f"for each item of `{written(loop.source)}`" if loop.source is not None else ""
            for step in members(group):
                yield self._one(step, step.name, {}, "; ".join(part for part in (source, why) if part), group.after)
            return
        names = [column.column for column in loop.columns]
        for number, row in enumerate(rows[:_ITEMS]):
            item = dict(zip(names, row, strict=True))
            last = number == min(len(rows), _ITEMS) - 1
            for step in members(group):
                after = group.after if step.name == group.name else step.after
                yield self._one(
                    step, f"{step.name}[{number}]", item, why, after, more=len(rows) - _ITEMS if last and len(rows) > _ITEMS else 0
                )
        if not rows:
            for step in members(group):
                yield Planned(step.name, "skip", "its list is empty", image=step.image.ref, after=group.after)

    # --- one step

    def _facts(self, item: Mapping[str, str]) -> Facts:
        return Facts(params=self.params, run={}, texts={}, lists={}, item=item)

    def _one(self, step: Step, task: str, item: Mapping[str, str], why: str, after: Sequence[str], more: int = 0) -> Planned:
        folder = self.folder / "runs" / self.run / task / "1"
        conditions = [f"`{written(one.expr)}`" for one in step.conditions if task != step.name and not _known(one.expr)]
        why = "; ".join(part for part in (why, f"if {' and '.join(conditions)}" if conditions else "") if part)
        facts = self._facts(item)

        def render(whole: Text) -> str:
            return _text(whole, facts, lambda port, name, path: self.runner.path(step, folder, port.removesuffix("s"), name, path))

        programs = [filled(one, render) for one in containers(step)]
        images = [self.surroundings.image(one.image, program.image) for one, program in zip(containers(step), programs, strict=True)]
        place = Place(self.run, "", task, 1, folder)
        job = assembled(
            step, place, programs, images, step.inputs, _hidden, lambda mounts: self.surroundings.mounts_as_planned(mounts, place)
        )
        command = tuple(self.runner.command(job))
        return Planned(task, "run", why, item_words(item), job.image, tuple(after), command, job.program.script, more, step.made)

    @property
    def run(self) -> str:
        """What stands for the name of the run."""
        return f"{self.pipeline.name}-xxxxx"


def _hidden(source: SecretKey | ConfigMapKey | FieldPath) -> str:
    """What stands for a value that is not looked up."""
    return HIDDEN if isinstance(source, SecretKey) else "${{ " + getattr(source, "key", getattr(source, "path", "")) + " }}"


def _text(whole: Text, facts: Facts, place: evaluate.Place) -> str:
    """A text as far as it is known; what is not known yet stays as the language writes it."""
    found = ""
    for piece in whole.pieces:
        known = isinstance(piece, (str, PathRef, ParamRef)) or (isinstance(piece, EachRef) and piece.column in facts.item)
        if known:
            try:
                found += text(Text((piece,), whole.origin), facts, place)
                continue
            except Unreadable:
                pass  # the step would fail; its command says with what
        found += "${{ " + written(piece) + " }}" if not isinstance(piece, str) else piece
    return found


def _known(expr: Expr) -> bool:
    """Whether parameters alone decide it."""
    return all(isinstance(ref, ParamRef) for ref in references(expr))
