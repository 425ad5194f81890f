"""The lines of the live view: which tasks are shown where there is no room for all, and what is said of each."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from .words import ORDER, OVER, STYLES, UNICODE, WORDS, count, duration, origin, plain_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..local.events import State
    from .board import Board, Task
    from .words import Glyphs

_ITEMS = 8  # of a loop, shown one by one; of a larger one only those that run or failed
_FAILED = 5  # items of one loop that failed, shown one by one
_RECENT = 5  # tasks that ended last, shown where there is no room for all
_NEXT = 3  # steps that come next, likewise
_NARROW = 60  # columns below which the last line of a log has no room


def lines(board: Board, width: int, height: int, now: float, glyphs: Glyphs = UNICODE) -> list[Text]:
    """The run as at most `height` lines (at least two) of less than `width` columns."""
    shown, hidden = _choose(board, max(1, height - 1))
    names = [_indented(name) for name in shown]
    column = min(max(map(cell_len, names), default=0), max(8, (width * 2) // 5))
    found = [_head(board, now, glyphs)]
    found += [_row(board, board.tasks[name], column, width, now, glyphs) for name in shown]
    if hidden:
        found.append(Text(f"{glyphs.more} {sum(hidden.values())} more: {_counted(hidden)}", "dim"))
    for line in found:
        _cut(line, width - 1, glyphs)
    return found


def _counted(counts: Counter[State], leave_out: tuple[State, ...] = ()) -> str:
    return ", ".join(f"{counts[state]} {WORDS[state]}" for state in ORDER if counts[state] and state not in leave_out)


def _cut(line: Text, width: int, glyphs: Glyphs) -> None:
    if cell_len(line.plain) > width:
        line.truncate(max(0, width - cell_len(glyphs.more)), overflow="crop")
        if width > len(glyphs.more):
            line.append(glyphs.more)


def _head(board: Board, now: float, glyphs: Glyphs) -> Text:
    line = Text(board.run, "bold")
    parts = [f"{board.over}/{board.total} done"]
    worst = sorted(ORDER, key=lambda state: state != "Failed")
    parts += [f"{board.counts[state]} {WORDS[state]}" for state in worst if board.counts[state] and state not in ("Succeeded", "Waiting")]
    parts.append(duration((board.ended or now) - board.began))
    return line.append("  ").append(glyphs.dot.join(parts), "not bold")


def _indented(name: str) -> str:
    return f"  {name}" if "[" in name else name


def _choose(board: Board, room: int) -> tuple[list[str], Counter[State]]:
    """The names of the tasks to show, in order, and how many of the others are in which state."""
    wanted = [name for step in board.steps for name in (step, *_items(board, step))]
    if len(wanted) <= room:
        return wanted, Counter()
    chosen: dict[str, None] = {}
    for name in _by_weight(board, room):
        if len(chosen) >= room - 1:  # a line counts the others
            break
        chosen[name] = None
    places = {step: number for number, step in enumerate(board.steps)}
    shown = sorted(chosen, key=lambda name: (places[board.tasks[name].step], board.tasks[name].number))
    hidden = Counter(board.counts)
    for name in shown:
        task = board.tasks[name]
        if name in board.items:
            hidden.subtract(board.item_counts[name])  # its line counts them
        elif task.step not in chosen or task.number < 0:
            hidden[task.state] -= 1
    return shown, +hidden


def _by_weight(board: Board, room: int) -> Iterator[str]:
    """The names of tasks, those first that people look for, each item after its loop; some come twice.

    Most of the room is for what runs, the rest for what failed; then comes what ended last, and what comes next.
    """
    active, failed = list(board.active), list(reversed(board.failed))
    most = max(1, room * 2 // 3)
    recent = [task.name for task in list(board.recent)[-_RECENT:]]
    for name in (*active[:most], *failed, *active[most:], *reversed(recent)):
        step = board.tasks[name].step
        if step != name:
            yield step
        yield name
    yield from islice((step for step in board.steps if board.tasks[step].state == "Waiting" and step not in board.items), _NEXT)


def _items(board: Board, step: str) -> list[str]:
    """The items of a loop that are worth a line each."""
    items = board.items.get(step, [])
    if len(items) <= _ITEMS:
        return sorted(items, key=lambda name: board.tasks[name].number)
    busy = [name for name, task in board.active.items() if task.step == step]
    failed = [name for name, task in board.failed.items() if task.step == step]
    return sorted({*busy, *failed[-_FAILED:]}, key=lambda name: board.tasks[name].number)


def _row(board: Board, task: Task, column: int, width: int, now: float, glyphs: Glyphs) -> Text:
    state = board.state_of(task.name)
    style = STYLES[state]
    name = _indented(task.name)
    if cell_len(name) > column:  # the end tells items apart
        keep = column - cell_len(glyphs.more) - 6
        name = set_cell_size(name, max(1, keep)) + glyphs.more + name[-6:] if keep > 0 else name
    line = Text(f"{glyphs.of[state]} ", style).append(set_cell_size(name, column), "dim" if style == "dim" else "not bold default")
    line.append(f"  {_time(task, state, now):>7}", "dim" if style == "dim" else "")
    if task.name in board.items:
        counts = board.item_counts[task.name]
        over = sum(number for state, number in counts.items() if state in OVER)
        more = _counted(counts, ("Succeeded", "Waiting"))
        return line.append(f"  {over}/{sum(counts.values())} done{f', {more}' if more else ''}", "red" if counts["Failed"] else "")
    said = _said(board, task, now)
    if said:
        line.append(f"  {said}", "red" if state == "Failed" else "dim" if style == "dim" else "")
    if state == "Running" and task.line and width >= _NARROW:
        line.append(f"  {plain_line(task.line)}", "dim")
    return line


def _time(task: Task, state: State, now: float) -> str:
    if state == "Running":
        return duration(now - task.since) if task.since else ""
    return duration(task.ended - task.began) if task.ended and task.began else ""


def _said(board: Board, task: Task, now: float) -> str:
    """What a line says of a task beside its name, state and time."""
    nth = f"attempt {task.attempt} of {task.attempts}" if task.attempts > 1 and task.attempt else ""
    match task.state:
        case "Retrying":
            last = f"attempt {task.attempt} of {task.attempts} failed{f': {task.reason}' if task.reason else ''}"
            return f"again in {duration(task.retry_at - now)}, {last}"
        case "Running":
            return ", ".join(part for part in (task.item, nth) if part)
        case "Succeeded":
            return ", ".join(
                part for part in (task.item, origin(task.reused, board.run) if task.reused else nth if task.attempt > 1 else "") if part
            )
        case "Waiting":
            before = [name for name in board.waits_for.get(task.name, ()) if board.state_of(name) not in OVER]
            others = f" and {count(len(before) - 1, 'other')}" if len(before) > 1 else ""
            return f"waits for {before[0]}{others}" if before else task.item
    word = WORDS[task.state]
    return ", ".join(
        part for part in (task.item, nth if task.state == "Failed" else "", f"{word}: {task.reason}" if task.reason else word) if part
    )
