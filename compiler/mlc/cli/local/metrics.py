"""`mlc metrics`: the metrics of runs side by side."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

from .here import Misuse, asked, guarded, named, opened, paper, told

if TYPE_CHECKING:
    from typing import Any

    from ...local.store import Run, Store, Written
    from ..request import Request

_MISSED = "missed"


def metrics(request: Request) -> int:
    """Print metrics, and return the exit code."""
    return guarded(_metrics, request)


def _metrics(request: Request) -> int:
    here = asked(request)
    if here.json and here.csv:
        raise Misuse("`--json` and `--csv` are two forms: choose one")
    with contextlib.closing(opened(here)) as store:
        runs = list({run.name: run for run in (named(store, here, name) for name in here.names)}.values())
        if here.json:
            import json

            found = {"version": 1, "runs": [_plain(store, run) for run in runs]}
            return told(json.dumps(found, indent=2) + "\n")
        return told(_csv(store, runs) if here.csv else _table(store, runs))


def _items(store: Store, run: Run) -> dict[str, str]:
    return {task.name: task.item for task in store.tasks(run.name)}


def _table(store: Store, runs: list[Run]) -> str:
    """One row a metric of a task, one column a run; above them the parameters in which the runs differ."""
    rows: dict[tuple[str, str], dict[str, Written]] = {}
    items: dict[str, dict[str, None]] = {}
    for run in runs:
        for one in store.written(run.name, "metric"):
            rows.setdefault((one.task, one.name), {})[run.name] = one
        for task, item in _items(store, run).items():
            items.setdefault(task, {}).setdefault(item)
    if not rows:
        return f"no metrics in {', '.join(run.name for run in runs)}\n"
    cells: list[tuple[str | tuple[str, str], ...]] = []
    for name in dict.fromkeys(name for run in runs for name in run.params):
        texts = [run.params.get(name, "(default)") for run in runs]
        if len(set(texts)) > 1:
            cells.append((f"params.{name}", *texts, "", ""))
    for (task, metric), found in sorted(rows.items(), key=lambda row: _place(row[0][0], rows)):
        bounds = dict.fromkeys(", ".join(text for text, _ in one.thresholds) for one in found.values())
        cells.append(
            (
                f"{task}.{metric}",
                *(_cell(found.get(run.name)) for run in runs),
                " / ".join(bound for bound in bounds if bound),
                " / ".join(item for item in items[task] if item),
            )
        )
    titles = ("METRIC", *(run.name for run in runs), "THRESHOLD", "ITEM")
    return paper().table(titles, cells)


def _place(task: str, rows: dict[tuple[str, str], Any]) -> tuple[int, int]:
    """Where a task stands: by the first metric of its step, items by their numbers."""
    step, _, number = task.partition("[")
    first = next(place for place, (other, _) in enumerate(rows) if other.partition("[")[0] == step)
    return first, int(number[:-1]) if number else -1


def _cell(one: Written | None) -> str | tuple[str, str]:
    from ...view.words import plain_line

    if one is None:
        return ""
    text = plain_line(one.number or one.text) or '""'
    held = [held for _, held in one.thresholds]
    if False in held:
        return f"{text} {_MISSED}", "red"
    if None in held:
        return f"{text} undecided", "red"
    return (text, "green") if held else text


def _plain(store: Store, run: Run) -> dict[str, Any]:
    from ...view.records import measured

    items = _items(store, run)
    return {
        "run": run.name,
        "project": run.project,
        "state": run.phase,
        "params": dict(run.params),
        "metrics": [
            {
                "task": one.task,
                "item": items.get(one.task, ""),
                "metric": one.name,
                **measured(one.number or one.text, one.thresholds),
            }
            for one in store.written(run.name, "metric")
        ],
    }


def _csv(store: Store, runs: list[Run]) -> str:
    """A line for each metric of each run; `held` is true, false, or empty where there is no threshold or nobody can decide it."""
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("run", "task", "item", "metric", "value", "thresholds", "held"))
    for run in runs:
        items = _items(store, run)
        for one in store.written(run.name, "metric"):
            held = [held for _, held in one.thresholds]
            word = "" if not held or (None in held and False not in held) else str(all(held)).lower()
            bounds = "; ".join(bound for bound, _ in one.thresholds)
            writer.writerow((run.name, one.task, items.get(one.task, ""), one.name, one.number or one.text, bounds, word))
    return text.getvalue()
