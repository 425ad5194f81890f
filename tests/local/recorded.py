"""Runs as the scheduler tells them, event by event: what the views are tested with."""

from __future__ import annotations

from mlc.local.events import Event, Line, MetricRead, Note, Produced, RunEnded, RunStarted, TaskChanged

T = 1_700_000_000.0
"""When every recorded run begins, in seconds since the epoch."""


def train_and_deploy(accuracy: str = "0.93") -> list[Event]:
    """Prepare (reused), train (second attempt), evaluate with a threshold, deploy gated by it, and a step that fails beside them."""
    held = float(accuracy) > 0.8
    deploy: list[Event] = (
        [TaskChanged("deploy", "Running", T + 20, 1, 1), TaskChanged("deploy", "Succeeded", T + 21, 1, 1)]
        if held
        else [TaskChanged("deploy", "Skipped", T + 20, reason=f"gate: accuracy {accuracy} of evaluate is not above 0.8")]
    )
    return [
        RunStarted(
            "digits-ab12c",
            "digits",
            "process",
            "/state/runs/digits-ab12c",
            False,
            (("prepare", ()), ("train", ("prepare",)), ("evaluate", ("train",)), ("deploy", ("evaluate",)), ("report", ())),
            ("images are not used by processes",),
        ),
        Produced("prepare", "rows", "/state/runs/digits-ab12c/prepare/outputs/rows", 4200),
        TaskChanged("prepare", "Succeeded", T, reused="cache"),
        TaskChanged("train", "Running", T + 1, 1, 3),
        TaskChanged("report", "Running", T + 1, 1, 1),
        Line("train", 1, "epoch 1"),
        TaskChanged("train", "Retrying", T + 5, 1, 3, "exit 1", retry_in=2.0),
        Line("report", 1, "cannot reach the server"),
        TaskChanged("report", "Failed", T + 6, 1, 1, "exit 2"),
        TaskChanged("train", "Running", T + 7, 2, 3),
        Line("train", 2, "epoch 1\repoch 2 \x1b[31mloss 0.3\x1b[0m"),
        Produced("train", "model", "/state/runs/digits-ab12c/train/outputs/model", 12_000_000),
        TaskChanged("train", "Succeeded", T + 15, 2, 3),
        TaskChanged("evaluate", "Running", T + 15, 1, 1),
        MetricRead("evaluate", "accuracy", accuracy, (("above 0.8", held),)),
        TaskChanged("evaluate", "Succeeded", T + 18, 1, 1),
        *deploy,
        Note("the per-run claim scratch is removed"),
        RunEnded("digits-ab12c", "Failed", T + 21),
    ]


def sweep(items: int, *, failed: int = 1, running: int = 0) -> list[Event]:
    """A loop of `items` items: the first `failed` fail, the last `running` still run, the others are done; a step that takes the best."""
    events: list[Event] = [
        RunStarted("sweep-00001", "sweep", "process", "/state/runs/sweep-00001", False, (("train", ()), ("pick", ("train",)))),
        TaskChanged("train", "Running", T),
        *(TaskChanged(f"train[{number}]", "Waiting", T, item=f"lr=0.{number}") for number in range(items)),
        *(TaskChanged(f"train[{number}]", "Running", T + 1, 1, 1, item=f"lr=0.{number}") for number in range(items)),
    ]
    for number in range(items - running):
        if number < failed:
            events.append(TaskChanged(f"train[{number}]", "Failed", T + 2, 1, 1, "exit 1", item=f"lr=0.{number}"))
        else:
            events += [
                MetricRead(f"train[{number}]", "loss", f"0.{number}", ()),
                TaskChanged(f"train[{number}]", "Succeeded", T + 2, 1, 1, item=f"lr=0.{number}"),
            ]
    return events


def wide(steps: int, done: int, running: int) -> list[Event]:
    """A wide graph of `steps` steps, of which the first are done and the next run."""
    names = [f"step-{number:04}" for number in range(steps)]
    events: list[Event] = [
        RunStarted("wide-00001", "wide", "process", "/state/runs/wide-00001", False, tuple((name, ()) for name in names))
    ]
    for number, name in enumerate(names[: done + running]):
        events.append(TaskChanged(name, "Running", T + 1, 1, 1))
        if number < done:
            events.append(TaskChanged(name, "Succeeded", T + 2, 1, 1))
    return events
