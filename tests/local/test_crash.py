"""A run whose process dies at any point goes on from there: what was finished is not done again, and nothing is there by half."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlc.local.artifacts import Objects
from mlc.local.store import open_store
from tests.local.dying import go_on
from tests.local.scripted import ENV

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlc.local.store import Finished, Store

ROOT = Path(__file__).resolve().parents[2]

STATES = {
    "make": "Succeeded", "train": "Succeeded", "train[0]": "Succeeded", "train[1]": "Succeeded", "judge[0]": "Skipped",
    "judge[1]": "Succeeded", "flaky": "Succeeded", "deploy": "Succeeded", "last": "Succeeded",
}  # fmt: skip


class Mortal:
    """Runs the project in processes that die."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def run(self, folder: Path, last: int, jobs: int) -> int:
        """Run the project, or go on with it, until a step of it; how many steps there were, 0 where the process died."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{folder / 'state'} {folder / 'around'} {last} {jobs}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def mortal() -> Iterator[Mortal]:
    path = os.pathsep.join((ENV["PYTHONPATH"], str(ROOT)))
    command = [sys.executable, "-m", "tests.local.dying"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**ENV, "PYTHONPATH": path}, cwd=ROOT
    ) as process:
        yield Mortal(process)


def result(store: Store, run: str) -> dict[str, Any]:
    """Everything that a run leaves, without times, attempts and names."""
    found: dict[str, Any] = {}
    for task in store.tasks(run):
        one: Finished | None = store.result(run, task.name)
        assert one is not None
        found[task.name] = (
            task.state,
            [(text.name, text.text, text.thresholds) for text in one.written],
            [made[1:] for made in map(_fields, one.made)],
        )
    return found


def _fields(made: Any) -> tuple[Any, ...]:
    return tuple(vars(made).values())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run leaves that nothing happens to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with contextlib.closing(open_store(folder / "state")) as store:
        run, _ = go_on(store, folder / "around", 1)
        found = result(store, run)
    assert {task: state for task, (state, _, _) in found.items()} == STATES
    return found


def check(folder: Path, undisturbed: dict[str, Any]) -> None:
    """After a process died: go on, here, and look at everything."""
    state, around = folder / "state", folder / "around"
    with contextlib.closing(open_store(state)) as store:
        runs = store.runs()
        finished = [task.name for task in store.tasks(runs[0].name) if task.state == "Succeeded"] if runs else []
        objects = Objects(state / "objects")
        for made in store.made(runs[0].name) if runs else []:
            assert objects.has(made.kind, made.digest), "an artifact is on record, and not in the store"
        done = bool(runs) and runs[0].phase == "Succeeded"
        run, started = (runs[0].name, []) if done else go_on(store, around, 2)
        assert not set(started) & set(finished), "a step that was finished was done again"
        assert len(store.runs()) == 1
        assert result(store, run) == undisturbed
        assert all(attempt.ended for attempt in store.attempts(run))
        again = store.find(run)
        assert again is not None
        assert (again.phase, again.params) == ("Succeeded", {})
        assert not [path for path in (state / "runs" / run).glob("*/[0-9]*/*") if path.name != "log"], "something is left of an attempt"
        for task in ("train[0]", "train[1]"):
            assert (state / "runs" / run / task / "outputs" / "model").read_text() == f"model of {'p' if task == 'train[0]' else 'q'}"


def test_death_at_every_step(tmp_path: Path, mortal: Mortal, undisturbed: dict[str, Any]) -> None:
    """One attempt at a time, so that every step of the protocol comes in its turn. Every seventh one here, with `MLC_DEATHS=1` each."""
    steps = mortal.run(tmp_path, -1, 1)
    assert steps > 200
    died = 0
    every = int(os.environ.get("MLC_DEATHS", "7"))
    for last in range(1, steps + 1, every):
        folder = tmp_path / str(last)
        died += mortal.run(folder, last, 1) == 0
        check(folder, undisturbed)
    assert died >= steps // every - 2


@pytest.mark.parametrize("jobs", [1, 3])
def test_death_again_and_again(tmp_path: Path, mortal: Mortal, undisturbed: dict[str, Any], jobs: int) -> None:
    """A process that dies, and whose followers die one after the other, until one of them gets through."""
    for first in (5, 61, 113, 171, 229):
        folder = tmp_path / str(first)
        for turn in itertools.count():
            if mortal.run(folder, first + 37 * turn, jobs):
                break
        check(folder, undisturbed)
