"""A project's steps as text that other programs draw: Mermaid (in Markdown pages of most forges) and DOT (Graphviz).

An edge says why one step waits for another: the artifacts that travel on it, and the gate or condition that reads the other step. Titles
and constants are free text, so whatever either language could take for its own is escaped.
"""

from __future__ import annotations

from .diagnostics.render import visible
from .expr.write import rounds, taken, written
from .ir import OuterRef, flat, loops_of, references, steps_of
from .record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .ir import Condition, Pipeline, Step

FINALLY = "finally, whatever became of the others"


@record
class Edge:
    """`target` waits for `source`. `labels` are names of artifacts and texts of conditions; `deciding`: a condition reads the source."""

    source: str
    target: str
    labels: tuple[str, ...]
    deciding: bool


def edges(pipeline: Pipeline) -> tuple[Edge, ...]:
    """Every edge once, in the order of the steps that wait."""
    found = []
    loops = {child.name: loop.name for loop in loops_of(pipeline) for child in loop.children}
    reads: dict[tuple[str, str], dict[str, None]] = {}
    for step in pipeline.steps:
        for read in step.inputs:
            inside = loops.get(read.producer) == loops.get(step.name)  # what comes from outside of a loop goes to the loop
            pair = (_seen(read.producer, step, loops), step.name if inside else loops.get(step.name, step.name))
            reads.setdefault(pair, {})[taken(read)] = None
    for step in flat(pipeline).values():
        conditions: dict[str, list[str]] = {}
        for condition in step.conditions:
            for name in dict.fromkeys(_seen(name, step, loops) for name in _read(condition)):
                conditions.setdefault(name, []).append(f"{condition.kind}: {written(condition.expr)}")
        for source in step.after:
            names = ", ".join(reads.get((source, step.name), ()))
            labels = (*((names,) if names else ()), *conditions.get(source, ()))
            found.append(Edge(source, step.name, labels, source in conditions))
    return tuple(found)


def mermaid(pipeline: Pipeline) -> str:
    """A flow chart. Steps with a condition are hexagons; an edge that decides is dotted."""
    final = {step.name for step in steps_of(pipeline.final)} if pipeline.final else set()
    lines, steps, notes = ["flowchart TD"], flat(pipeline).values(), rounds(pipeline)
    lines += [f"  {_mermaid_node(step, notes)}" for step in steps if step.name not in final]
    if final:
        lines += [f'  subgraph x_finally ["{_entities(FINALLY)}"]']
        lines += [f"    {_mermaid_node(step, notes)}" for step in steps if step.name in final]
        lines += ["  end"]
    for edge in edges(pipeline):
        label = "<br/>".join(_entities(text) for text in edge.labels)
        arrow = "-.->" if edge.deciding else "-->"
        text = f'|"{label}"|' if label else ""
        lines.append(f"  {_id(edge.source)} {arrow}{text} {_id(edge.target)}")
    return "".join(line + "\n" for line in lines)


def dot(pipeline: Pipeline) -> str:
    """A directed graph. Steps with a condition are hexagons; an edge that decides is dashed."""
    final = {step.name for step in steps_of(pipeline.final)} if pipeline.final else set()
    steps, notes = flat(pipeline).values(), rounds(pipeline)
    lines = [f"digraph {_quoted(pipeline.name)} {{", "  node [shape=box, style=rounded];"]
    lines += [f"  {_dot_node(step, notes)}" for step in steps if step.name not in final]
    if final:
        lines += ["  subgraph cluster_finally {", f"    label={_quoted(FINALLY)};"]
        lines += [f"    {_dot_node(step, notes)}" for step in steps if step.name in final]
        lines += ["  }"]
    for edge in edges(pipeline):
        settings = [f"label={_lines(edge.labels)}"] if edge.labels else []
        settings += ["style=dashed"] if edge.deciding else []
        shown = f" [{', '.join(settings)}]" if settings else ""
        lines.append(f"  {_quoted(edge.source)} -> {_quoted(edge.target)}{shown};")
    return "".join(line + "\n" for line in [*lines, "}"])


def _read(condition: Condition) -> list[str]:
    """The steps that a condition reads, each once."""
    refs = (ref.ref if isinstance(ref, OuterRef) else ref for ref in references(condition.expr))
    return list(dict.fromkeys(ref.step for ref in refs if hasattr(ref, "step")))


def _seen(name: str, step: Step, loops: dict[str, str]) -> str:
    """A step as another one sees it: from outside of its loop it is the loop, which is called like its first step."""
    return name if loops.get(name) == loops.get(step.name) else loops.get(name, name)


def _texts(step: Step, notes: dict[str, str]) -> list[str]:
    """What stands in a step's box: its title, what it runs for, and conditions that no other step decides."""
    own = [f"{condition.kind}: {written(condition.expr)}" for condition in step.conditions if not _read(condition)]
    title = [step.title] if step.title not in ("", step.name) else []
    return [*title, *([notes[step.name]] if step.name in notes else ()), *own]


def _id(name: str) -> str:
    """A name that Mermaid takes for no word of its own (`end`) and for no arrow. Names of steps hold no `_`, so two never become one."""
    return "s_" + name.replace("-", "_")


def _mermaid_node(step: Step, notes: dict[str, str]) -> str:
    label = "<br/>".join([step.name, *(_entities(text) for text in _texts(step, notes))])
    return f'{_id(step.name)}{{{{"{label}"}}}}' if step.conditions else f'{_id(step.name)}["{label}"]'


def _entities(text: str) -> str:
    """Free text for a label: what Mermaid, its Markdown or HTML could read is written by its number, which only the drawing turns back."""
    shown = visible(text)
    plain = " ,'/-.:_=()" if shown[:1].isalpha() else " ,'/"  # at the start of a text, `1.` and `-` are lists of Markdown
    return "".join(char if char.isalnum() or char in plain else f"#{ord(char)};" for char in shown)


def _dot_node(step: Step, notes: dict[str, str]) -> str:
    shape = 'shape=hexagon, style="", ' if step.conditions else ""
    return f"{_quoted(step.name)} [{shape}label={_lines((step.name, *_texts(step, notes)))}];"


def _lines(texts: tuple[str, ...]) -> str:
    return '"' + "\\n".join(_quoted(text)[1:-1] for text in texts) + '"'


def _quoted(text: str) -> str:
    """A quoted text of DOT. Backslashes start escapes there, and `&` an entity of HTML."""
    return '"' + visible(text).replace("\\", "\\\\").replace("&", "&amp;").replace('"', '\\"') + '"'
