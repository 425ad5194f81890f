"""A run whose process dies at any point goes on from there: what was finished is not done again, and nothing is there by half."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from mlc.local import store as store_module
from mlc.local.artifacts import Objects
from mlc.local.job import Ended
from mlc.local.store import open_store
from tests.local.scripted import Around, Did, play
from tests.local.test_scheduler import project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlc.local.job import Job
    from mlc.local.store import Finished, Store

SPEC = {
    **project(
        {
            "make": {"outputs": {"table": "/t", "images": "/i"}, "values": {"parts": {"path": "/p", "type": "list"}}},
            "train": {
                "foreach": {"x": "${{ steps.make.values.parts }}"},
                "args": ["${{ each.x }}"],
                "inputs": {"table": "/in/t", "images": "/in/i"},
                "outputs": {"model": "/m"},
                "metrics": {"acc": {"path": "/a", "min": 0.5}},
            },
            "judge": {"each": "train", "gate": "train", "inputs": {"model": "/in/m"}},
            "flaky": {"retry": {"limit": 2}, "volumes": {"scratch": "/s"}, "inputs": {"base": "/in/base"}},
            "deploy": {"needs": "flaky", "inputs": {"model": {"path": "/in/m", "best": "acc"}}, "values": {"which": "/w"}},
        },
        volumes={"scratch": {"size": "1Gi"}},
        artifacts={"base": {"type": "model", "uri": "https://models.example.com/base"}},
    ),
    "finally": {"last": {"args": ["${{ run.status }}"]}},
}


def script(job: Job) -> Did:
    """The same for the same inputs, but for one program that fails at first."""
    if job.step.name == "make":
        return Did({"/t": "the table\n" * 1_000, "/i": {"a": "A", "sub": {"b": "B", "c": ""}}, "/p": '["p", "q"]\n'})
    if job.step.name == "train":
        [part] = job.program.args
        return Did({"/m": f"model of {part}", "/a": "0.9" if part == "q" else "0.4"})
    if job.task == "flaky":
        return Did(ended=Ended(1 if job.attempt == 1 else 0))
    if job.task == "deploy":
        return Did({"/w": job.inputs[0].source.read_text()})
    return Did()


STATES = {
    "make": "Succeeded", "train": "Succeeded", "train[0]": "Succeeded", "train[1]": "Succeeded", "judge[0]": "Skipped",
    "judge[1]": "Succeeded", "flaky": "Succeeded", "deploy": "Succeeded", "last": "Succeeded",
}  # fmt: skip


class Steps:
    """Counts what a process does to the disk, and ends it without a word at one of these steps, whichever thread is there."""

    def __init__(self, last: int) -> None:
        self.last, self.count = last, 0
        self.lock = threading.Lock()
        self.on = False

    def step(self) -> None:
        if not self.on:
            return
        with self.lock:
            self.count += 1
            if self.count == self.last:
                os._exit(9)

    def watch(self) -> None:
        """From now on. Files by what Python tells its auditors; flushing and SQL, which it does not tell, by wrappers."""
        names = ("open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.chmod")
        sys.addaudithook(lambda event, _: self.step() if event in names else None)
        flush = os.fsync

        def fsync(descriptor: int) -> None:
            self.step()
            flush(descriptor)

        os.fsync = fsync  # type: ignore[assignment]
        connect = store_module._connected
        store_module._connected = lambda path: _Connection(connect(path), self.step)  # type: ignore[assignment, return-value]
        self.on = True


class _Connection:
    def __init__(self, inner: Any, step: Callable[[], None]) -> None:
        self.inner, self.step = inner, step

    def execute(self, *arguments: Any) -> Any:
        self.step()
        found = self.inner.execute(*arguments)
        if arguments[0] == "COMMIT":
            self.step()
        return found

    def close(self) -> None:
        self.inner.close()


def in_a_child(state: Path, around: Path, last: int, jobs: int) -> int:
    """Run the project, or go on with it, in a process of its own that dies at a step; how many steps there were, 0 if it died."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            steps = Steps(last)
            steps.watch()
            store = open_store(state)
            go_on(store, around, jobs)
            os.write(send, str(steps.count).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(send)
    _, status = os.waitpid(child, 0)
    with open(receive, encoding="ascii") as answer:
        found = answer.read()
    assert os.waitstatus_to_exitcode(status) == (0 if found else 9)
    return int(found or 0)


def go_on(store: Store, around: Path, jobs: int) -> tuple[str, list[str]]:
    """Go on with the run that is not finished, or begin one; its name, and what was started."""
    unfinished = store.unfinished()
    played = play(store, SPEC, script, resume=unfinished, around=Around(around), jobs=jobs)
    assert played.phase == "Succeeded"
    return played.run.name, played.runner.started


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


def check(state: Path, around: Path, undisturbed: dict[str, Any]) -> None:
    """After a process died: go on, here, and look at everything."""
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


def test_death_at_every_step(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    """One attempt at a time, so that every step of the protocol comes in its turn. Every third one here, with `MLC_DEATHS=1` each."""
    steps = in_a_child(tmp_path / "state", tmp_path / "around", -1, 1)
    assert steps > 200
    died = 0
    every = int(os.environ.get("MLC_DEATHS", "3"))
    for last in range(1, steps + 1, every):
        folder = tmp_path / str(last)
        died += in_a_child(folder / "state", folder / "around", last, 1) == 0
        check(folder / "state", folder / "around", undisturbed)
    assert died >= steps // every - 2


@pytest.mark.parametrize("jobs", [1, 3])
def test_death_again_and_again(tmp_path: Path, undisturbed: dict[str, Any], jobs: int) -> None:
    """A process that dies, and whose followers die one after the other, until one of them gets through."""
    for first in (5, 61, 113, 171, 229):
        folder = tmp_path / str(first)
        for turn in itertools.count():
            if in_a_child(folder / "state", folder / "around", first + 37 * turn, jobs):
                break
        check(folder / "state", folder / "around", undisturbed)
