"""What is said at the end of a run, and of a run that is over: its steps, metrics and artifacts, what failed and why, what to type next."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..diagnostics.render import visible
from .plain import held_word
from .words import ORDER, STYLES, WORDS, count, duration, origin, plain_line, size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..local.events import State
    from .board import Board, Task
    from .tables import Paper

_ROWS = 60  # of a table, beyond which only what is out of the ordinary is listed
_ITEMS = 10  # of a loop, listed one by one
_REASON = 120  # characters of a reason in the table
_TAILS = 5  # tasks that failed, whose last lines are shown


@dataclass(frozen=True)
class Hints:
    """Commands to type, "" where there is none: to go on, to see all where tables are cut, and for the logs of tasks that failed."""

    resume: str = ""
    all: str = ""
    logs: Mapping[str, str] = field(default_factory=dict)


def headline(board: Board) -> str:
    """How the run ended, in a line: `digits-ab12c: Succeeded in 41 s, 3 succeeded, 1 skipped`."""
    counts = ", ".join(f"{board.counts[state]} {WORDS[state]}" for state in ORDER if board.counts[state])
    took = f" in {duration(board.ended - board.began)}" if board.ended and board.began else ""
    return f"{board.run}: {board.phase}{took}{f', {counts}' if counts else ''}"


def failures(board: Board) -> list[str]:
    """The tasks that failed and whose logs are worth a look, those that failed first first, not more than a screen holds."""
    return [name for name, task in board.failed.items() if task.attempt][:_TAILS]


def whole(board: Board, paper: Paper, tails: Mapping[str, Sequence[str]], hints: Hints, *, everything: bool = False) -> str:
    """Headline, tables, why it failed, what to type. `tails` are the last lines of logs by task; `everything`: also in long tables."""
    tables = [make(board, paper, everything=everything) for make in (steps, metrics, artifacts)]
    cut = any("\nleft out: " in f"\n{table}" for table in tables)
    parts = [
        paper.text(headline(board), "bold " + _phase_style(board.phase)),
        *tables,
        why(board, paper, tails, hints if cut else replace(hints, all="")),
    ]
    return "\n".join(part for part in parts if part)


def brief(board: Board, paper: Paper, tails: Mapping[str, Sequence[str]], hints: Hints) -> str:
    """The headline, and what failed: for `--quiet`."""
    parts = [paper.text(headline(board), "bold " + _phase_style(board.phase)), why(board, paper, tails, replace(hints, all=""))]
    return "\n".join(part for part in parts if part)


def _phase_style(phase: str) -> str:
    return {"Succeeded": "green", "Failed": "red"}.get(phase, "yellow")


def steps(board: Board, paper: Paper, *, everything: bool = False) -> str:
    """The table of steps. Of a large project, unless `everything`, only those that did not simply succeed."""
    names = [name for step in board.steps for name in (step, *_items(board, step, everything=everything))]
    left: Counter[State] = Counter()
    if len(names) > _ROWS and not everything:
        listed = [name for name in names if board.state_of(name) != "Succeeded"][:_ROWS]
        left = Counter(board.state_of(name) for name in names) - Counter(board.state_of(name) for name in listed)
        names = listed
    found = paper.table(("STEP", "STATE", "TIME", "ATTEMPTS", ""), [_step(board, name) for name in names], right=("TIME",))
    return found + (f"left out: {_counts(left)}\n" if left else "")


def _items(board: Board, step: str, *, everything: bool) -> list[str]:
    """The items of a loop that have a line of their own."""
    items = sorted(board.items.get(step, ()), key=lambda name: board.tasks[name].number)
    if everything or len(items) <= _ITEMS:
        return items
    return [name for name in items if board.tasks[name].state not in ("Succeeded", "Skipped")][:_ITEMS]


def _step(board: Board, name: str) -> tuple[str | tuple[str, str], ...]:
    task, state = board.tasks[name], board.state_of(name)
    word = (state, STYLES[state])
    took = duration(task.ended - task.began) if task.ended and task.began else ""
    if name in board.items:
        counts = board.item_counts[name]
        return name, word, took, "", f"{count(len(board.items[name]), 'item')}: " + _counts(counts)
    plain = task.attempts <= 1 or (task.attempt == 1 and state == "Succeeded")
    attempts = "" if not task.attempt or task.reused else str(task.attempt) if plain else f"{task.attempt} of {task.attempts}"
    return f"  {name}" if task.number >= 0 else name, word, "" if task.reused else took, attempts, _about(task, board.run)


def _counts(counts: Mapping[State, int]) -> str:
    return ", ".join(f"{counts[state]} {WORDS[state]}" for state in ORDER if counts.get(state)) or "none"


def _about(task: Task, run: str) -> str:
    reused = origin(task.reused, run) if task.reused else ""
    # what is longer stands below the tables, with the log
    reason = task.reason if len(task.reason) <= _REASON else task.reason[: _REASON - 3] + "..."
    return ", ".join(part for part in (task.item, reused, reason) if part)


def metrics(board: Board, paper: Paper, *, everything: bool = False) -> str:
    """The metrics against their thresholds."""
    rows: list[tuple[str | tuple[str, str], ...]] = []
    tasks, left = _some(board, [task for task in _in_order(board) if task.metrics], everything=everything)
    for task in tasks:
        for metric in task.metrics:
            held = [held for _, held in metric.thresholds]
            style = "" if not held else "green" if all(held) else "red"
            against = ", ".join(f"{text} {held_word(one)}" for text, one in metric.thresholds)
            rows.append((f"{task.name}.{metric.metric}", plain_line(metric.text), (against, style), task.item))
    return _limited(paper, ("METRIC", "VALUE", "", ""), rows, sum(len(task.metrics) for task in left), everything=everything)


def artifacts(board: Board, paper: Paper, *, everything: bool = False) -> str:
    """The artifacts that the run has, and where to look at them."""
    tasks, left = _some(board, [task for task in _in_order(board) if task.artifacts], everything=everything)
    found = [(task, made) for task in tasks for made in task.artifacts]
    more = sum(len(task.artifacts) for task in left)
    rows = [(made.artifact, task.name, size(made.size), paper.path(made.path)) for task, made in found]
    # paths are there to be copied, so the terminal may fold them, not we
    return _limited(replace(paper, width=0), ("ARTIFACT", "FROM", "SIZE", "PATH"), rows, more, everything=everything, right=("SIZE",))


def _limited(
    paper: Paper,
    titles: Sequence[str],
    rows: Sequence[tuple[str | tuple[str, str], ...]],
    left: int,
    *,
    everything: bool,
    right: Sequence[str] = (),
) -> str:
    shown = rows if everything or len(rows) <= _ROWS else rows[:_ROWS]
    left += len(rows) - len(shown)
    more = f"left out: {left} more\n" if left else ""
    return (paper.table(titles, shown, right) if shown else "") + more


def _some(board: Board, tasks: Sequence[Task], *, everything: bool) -> tuple[list[Task], list[Task]]:
    """Those of the tasks that are listed, and those that are not: of a large loop the items that missed a threshold, or else the first."""
    if everything:
        return list(tasks), []
    chosen: set[str] = set()
    counts: Counter[str] = Counter()
    for task in sorted(tasks, key=lambda task: all(held for metric in task.metrics for _, held in metric.thresholds)):
        counts[task.step] += 1
        if len(board.items.get(task.step, ())) <= _ITEMS or counts[task.step] <= _ITEMS:
            chosen.add(task.name)
    return [task for task in tasks if task.name in chosen], [task for task in tasks if task.name not in chosen]


def _in_order(board: Board) -> list[Task]:
    """The tasks, steps in topological order, each with its items after it."""
    names = [name for step in board.steps for name in (step, *sorted(board.items.get(step, ()), key=lambda name: board.tasks[name].number))]
    return [board.tasks[name] for name in names]


def why(board: Board, paper: Paper, tails: Mapping[str, Sequence[str]], hints: Hints) -> str:
    """What failed with the last lines of its log, why else the run failed, and what to type."""
    parts = []
    for name, lines in tails.items():
        task = board.tasks[name]
        text = paper.text(f"{name} failed{f': {task.reason}' if task.reason else ''}", "bold red")
        text += "".join(f"  | {plain_line(line)}\n" for line in lines) if lines else "  it printed nothing\n"
        parts.append(text + (f"  the whole log: {hints.logs[name]}\n" if hints.logs.get(name) else ""))
    if len(board.failed) > len(tails):
        others = [name for name in board.failed if name not in tails]
        said = [f"{name} failed{f': {board.tasks[name].reason}' if board.tasks[name].reason else ''}\n" for name in others[:_TAILS]]
        parts.append("".join(said) + (f"{len(others) - _TAILS} more failed\n" if len(others) > _TAILS else ""))
    if board.reasons:
        parts.append("".join(paper.text(visible(reason), "bold red") for reason in board.reasons))
    typed = [("everything", hints.all), ("to go on from here", hints.resume)]
    lines = [f"{what}: {command}\n" for what, command in typed if command]
    return "\n".join([*parts, *(["".join(lines)] if lines else [])])
