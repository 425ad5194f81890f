"""Kills at random points: of `mlc run` itself and of programs that it runs. What is done stays done, and nothing is left behind.

`MLC_KILLS` is how many (20; 200 take minutes), `MLC_KILLS_SEED` where they start. The steps write into a ledger on a claim when they
start and when they are done, so what really ran is known from outside of `mlc`.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlc.local.store import open_store
from tests.conftest import ROOT
from tests.local import engines

if TYPE_CHECKING:
    from mlc.local.store import Run

KILLS = int(os.environ.get("MLC_KILLS", "20"))
SEED = int(os.environ.get("MLC_KILLS_SEED", "7"))

NAME = f"killed{os.getpid()}"
RUN = f"MLC_RUN={NAME}-".encode()
"""In the environment of every program of a run of the project, whose name is that of no other run of these tests on the machine."""

HEAD = f"""\
mlc: v1
name: {NAME}
volumes: {{ledger: {{claim: ledger}}}}
defaults: {{image: busybox:1.36, volumes: {{ledger: /ledger}}}}
steps:
"""

SUM = """\
  NAME:
    run: |
      echo "start NAME" >> /ledger/book
      { echo NAME; cat "$@" /dev/null; } | sha256sum | cut -c 1-64 > ${{ outputs.NAME-sum }}
      sleep 0.05
      cut -c 1-4 ${{ outputs.NAME-sum }} > ${{ values.head }}
      echo "end NAME" >> /ledger/book
    args: [ARGS]
    inputs: {INPUTS}
    outputs: {NAME-sum: /mlc/outputs/NAME}
    values: {head: /mlc/outputs/head}
"""

TAIL = """\
  each-head:
    foreach: {number: [1, 2, 3, 4, 5]}
    args: ["${{ steps.s30.values.head }}", "${{ each.number }}"]
    run: |
      echo "start each-head[$(($2 - 1))]" >> /ledger/book
      sleep 0.03
      echo "$1-$2" > ${{ values.text }}
      echo "end each-head[$(($2 - 1))]" >> /ledger/book
    values: {text: /mlc/outputs/text}
  last:
    needs: [s31, s32]
    args: ["${{ steps.each-head.values.text }}"]
    run: |
      echo "start last" >> /ledger/book
      printf "%s" "$1" > ${{ outputs.result }}
      echo "end last" >> /ledger/book
    outputs: {result: /mlc/outputs/result}
"""


def project() -> str:
    """A project in layers of three: each step hashes the artifacts of two steps before it, so that a wrong byte reaches the last one."""
    text = HEAD
    for layer, place in itertools.product(range(4), range(3)):
        before = [f"s{layer - 1}{(place + other) % 3}-sum" for other in (0, 1)] if layer else []
        step = SUM.replace("NAME", f"s{layer}{place}")
        step = step.replace("ARGS", ", ".join(f'"${{{{ inputs.{other} }}}}"' for other in before))
        text += step.replace("INPUTS", ", ".join(f"{other}: /mlc/inputs/{other}" for other in before))
    return text + TAIL


class Laptop:
    """A folder with the project and its state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        (folder / "ledger").mkdir()
        self.checkpoints: list[tuple[set[str], int]] = []
        """What was finished at each kill, and how many lines the ledger had."""
        (folder / "killed.mlc.yaml").write_text(project(), encoding="utf-8")

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a run, or go on with one, in a session of its own."""
        command = [
            sys.executable,
            "-m",
            "mlc",
            "run",
            "killed.mlc.yaml",
            "--runner",
            "process",
            "--volume",
            "ledger=./ledger",
            "--jobs",
            "3",
        ]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "compiler")}
        with (self.folder / "out").open("wb") as out:
            return subprocess.Popen([*command, *words], cwd=self.folder, env=environment, stdout=out, stderr=out, start_new_session=True)

    @property
    def log(self) -> str:
        """What the last command printed."""
        return (self.folder / "out").read_text()

    @property
    def book(self) -> list[str]:
        """The lines of the ledger."""
        path = self.folder / "ledger" / "book"
        return path.read_text().splitlines() if path.exists() else []

    def run(self) -> Run | None:
        """The newest run, None where there is none yet."""
        if not (self.folder / ".mlc" / "state.sqlite").exists():
            return None
        store = open_store(self.folder / ".mlc")
        try:
            return next(iter(store.runs()), None)
        finally:
            store.close()

    def finished(self) -> set[str]:
        """The tasks of the newest run that are on record as succeeded, but the loop as a whole, which has no program."""
        run = self.run()
        if run is None:
            return set()
        store = open_store(self.folder / ".mlc")
        try:
            return {task.name for task in store.tasks(run.name) if task.state == "Succeeded"} - {"each-head"}
        finally:
            store.close()

    def result(self) -> dict[str, str]:
        """The content of all artifacts of the newest run, as the folder of the run shows them."""
        run = self.run()
        assert run is not None
        return {path.name: path.read_text() for path in run.folder.glob("*/outputs/*")}

    def processes(self) -> dict[int, bool]:
        """The processes that are there because of this folder, and whether each is a program of a step."""
        found = {}
        here = str(self.folder).encode()
        for entry in os.listdir("/proc"):
            try:
                line, environment = (Path("/proc", entry, name).read_bytes() for name in ("cmdline", "environ"))
                inside = os.readlink(f"/proc/{entry}/cwd").encode().startswith(here)
            except OSError:
                continue  # no process, or one that has just ended
            ours = inside or here in line or here in environment or RUN in environment
            if entry.isdigit() and int(entry) != os.getpid() and line and ours:
                found[int(entry)] = b"MLC_TASK=" in environment
        return found

    def programs(self) -> list[int]:
        """The programs of steps, as soon as there are some; none where a second passes without."""
        end = time.monotonic() + 1
        found: list[int] = []
        while not found and time.monotonic() < end:
            found = [pid for pid, program in self.processes().items() if program]
        return found

    def gone(self, seconds: float) -> bool:
        """Whether all of its processes end within that time."""
        end = time.monotonic() + seconds
        while self.processes():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True


@pytest.mark.parametrize("runner", [name for name in engines.here() if name == "sandbox"])
def test_kills_lose_nothing_and_leave_nothing(runner: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After any kill and `--resume` the artifacts are those of an undisturbed run, no finished step ran again, and no process is left."""
    calm = Laptop(tmp_path / "calm")
    started = time.monotonic()
    assert calm.start().wait() == 0, calm.log
    longest = time.monotonic() - started
    expected = calm.result()
    assert len(expected) == 13

    chance = random.Random(SEED)
    killed = {"mlc": 0, "program": 0}
    runs = resumed = 0
    while sum(killed.values()) < KILLS:
        runs += 1
        laptop = Laptop(tmp_path / str(runs))
        words: tuple[str, ...] = ()
        while True:
            process = laptop.start(*words)
            try:
                code = process.wait(chance.uniform(0, longest))
            except subprocess.TimeoutExpired:
                victims = laptop.programs() if chance.random() < 0.4 else []
                victim = chance.choice(victims) if victims else process.pid
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    killed["program" if victims else "mlc"] += 1
                code = process.wait(60)
            assert laptop.gone(15), laptop.processes()
            if code == 0 or ((run := laptop.run()) is not None and run.phase == "Succeeded"):
                break  # `mlc` may be killed after the end of the run is on record
            assert code in (1, -signal.SIGKILL), laptop.log
            done, lines = laptop.finished(), len(laptop.book)
            words = ("--resume", "latest") if laptop.run() else ()
            resumed += bool(words)
            laptop.checkpoints.append((done, lines))
        assert laptop.result() == expected
        for done, lines in laptop.checkpoints:
            again = {line.removeprefix("start ") for line in laptop.book[lines:] if line.startswith("start ")}
            assert not again & done, f"ran again after they were finished: {again & done}"
        shutil.rmtree(laptop.folder)
    with capsys.disabled():
        print(f"\nkills: {killed['mlc']} of mlc, {killed['program']} of programs, in {runs} runs, {resumed} times gone on; 0 differences")
