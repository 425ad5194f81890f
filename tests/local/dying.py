"""A process that runs a project, and dies at a step of it.

`python -m tests.local.dying` reads lines `STATE AROUND LAST JOBS` and answers each with how many steps there were, 0 where it died: in a
child, which this process forks while it has no threads of its own.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlc.local import store as store_module
from mlc.local.job import Ended
from mlc.local.store import open_store
from tests.local.scripted import Around, Did, play, project

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlc.local.job import Job
    from mlc.local.store import Store

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


def go_on(store: Store, around: Path, jobs: int) -> tuple[str, list[str]]:
    """Go on with the run that is not finished, or begin one; its name, and what was started."""
    unfinished = store.unfinished()
    played = play(store, SPEC, script, resume=unfinished, around=Around(around), jobs=jobs)
    assert played.phase == "Succeeded"
    return played.run.name, played.runner.started


def died(state: Path, around: Path, last: int, jobs: int) -> int:
    """Run the project, or go on with it, in a child that dies at a step; how many steps there were, 0 where it died."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            steps = Steps(last)
            steps.watch()
            go_on(open_store(state), around, jobs)
            os.write(send, str(steps.count).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(send)
    _, ended = os.waitpid(child, 0)
    with open(receive, encoding="ascii") as answer:
        found = answer.read()
    if os.waitstatus_to_exitcode(ended) != (0 if found else 9):
        raise RuntimeError(f"the child ended with {ended} and said {found!r}")
    return int(found or 0)


if __name__ == "__main__":
    for line in sys.stdin:
        given = line.split()
        print(died(Path(given[0]), Path(given[1]), int(given[2]), int(given[3])), flush=True)
