"""A project's steps as a drawing for the terminal.

The drawing is a tree: each step hangs under the step that it waits for longest, and says in words what else it waits for and reads. A chain
goes straight down; only a branch moves to the right. Where branches nest so deeply that the drawing would leave the screen, the largest
branch goes straight down too, which keeps any thousand steps within ten columns of branches.
"""

from __future__ import annotations

from .diagnostics.render import visible
from .expr.write import rounds, taken, written
from .ir import flat
from .record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .ir import Pipeline, Step

_DEEPEST = 12  # nested branches, two columns each
_NAMED = 8  # steps that a line names before it only counts the others


@record
class Glyphs:
    """The characters of a drawing; each connection is two columns wide."""

    step: str
    conditional: str
    down: str
    branch: str
    last: str


UNICODE = Glyphs(step="●", conditional="◇", down="│ ", branch="├─", last="└─")
ASCII = Glyphs(step="*", conditional="o", down="| ", branch="|-", last="`-")


def draw(pipeline: Pipeline, glyphs: Glyphs = UNICODE) -> str:
    """The steps of a pipeline as lines of text, each ended by a line break."""
    steps, notes = flat(pipeline), rounds(pipeline)
    parents = _parents(steps)
    children: dict[str, list[str]] = {name: [] for name in steps}
    for name, parent in parents.items():
        if parent:
            children[parent].append(name)
    straight = _arrange(children)
    lines = [f"{visible(pipeline.name)}: {len(steps)} step{'' if len(steps) == 1 else 's'}"]
    last = pipeline.final.children[0].name if pipeline.final else ""
    for name, parent in parents.items():
        if name == last:
            lines += ["", "finally, whatever became of the others:"]
        if not parent:
            lines.append("")
            lines += _tree(name, steps, notes, parents, children, straight, glyphs)
    if any(step.conditions for step in steps.values()):
        lines += ["", f"{glyphs.conditional} runs only if its gate or condition holds; otherwise it is skipped, with all that waits for it"]
    return "".join(line.rstrip() + "\n" for line in lines)


def _parents(steps: dict[str, Step]) -> dict[str, str]:
    """The step under which each step is drawn, "" for one that waits for nothing."""
    depth: dict[str, int] = {}
    parents: dict[str, str] = {}
    for name, step in steps.items():  # in topological order, so what a step waits for is here already
        # The last of equals: the others stand above it, where the project has them, when the drawing says `also after`.
        parents[name] = max(reversed(step.after), key=depth.__getitem__, default="")
        depth[name] = depth[parents[name]] + 1 if parents[name] else 0
    return parents


def _arrange(children: dict[str, list[str]]) -> bool:
    """Put the largest branch of each step last; return whether it has to go straight down, for want of room."""
    size: dict[str, int] = {}
    nesting: dict[str, int] = {}
    for name in reversed(children):
        below = children[name]
        size[name] = 1 + sum(size[child] for child in below)
        nesting[name] = max((nesting[child] for child in below), default=0) + (len(below) > 1)
        below.sort(key=size.__getitem__)  # stable: equal branches keep the order of the project
    return max(nesting.values(), default=0) > _DEEPEST


def _tree(
    root: str,
    steps: dict[str, Step],
    notes: dict[str, str],
    parents: dict[str, str],
    children: dict[str, list[str]],
    straight: bool,
    glyphs: Glyphs,
) -> Iterable[str]:
    """The lines of one tree. A stack instead of recursion: a chain may be longer than Python's stack is deep."""
    stack = [(root, "", "")]  # a step, what stands before its mark, what stands before all that is below it
    while stack:
        name, first, rest = stack.pop()
        step = steps[name]
        below = children[name]
        mark = glyphs.conditional if step.conditions else glyphs.step
        title = f"  {visible(step.title)}" if step.title and step.title != name else ""
        yield f"{first}{mark} {name}{title}"
        margin = rest + (glyphs.down if below else "  ")
        for detail in (*([notes[name]] if name in notes else ()), *_details(step, parents[name])):
            yield f"{margin}  {detail}"
        if not below:
            continue
        branches = below if len(below) > 1 and not straight else below[:-1]
        if not branches:
            yield margin
        if len(below) > len(branches):
            stack.append((below[-1], rest, rest))
        for child in reversed(branches):
            ends = child == below[-1]
            stack.append((child, rest + (glyphs.last if ends else glyphs.branch), rest + ("  " if ends else glyphs.down)))


def _details(step: Step, parent: str) -> Iterable[str]:
    for condition in step.conditions:
        yield f"{condition.kind}: {visible(written(condition.expr))}"
    sources: dict[str, list[str]] = {}
    for read in step.inputs:
        sources.setdefault("" if read.external else read.producer, []).append(taken(read))
    for producer, names in sources.items():
        yield f"reads {_some(names)} from {producer or 'outside'}"
    others = [name for name in step.after if name != parent and name not in sources]
    if others:
        yield f"also after {_some(others)}"


def _some(names: Sequence[str]) -> str:
    if len(names) <= _NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
