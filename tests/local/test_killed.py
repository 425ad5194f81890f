"""Nothing of an attempt is left when the process of `mlc run` is killed, at whatever point."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlc.local import memory
from mlc.local.keeping import Call, Guard, carrying, sweep
from tests.local.engines import IMAGE, here, maker, podman
from tests.local.workshop import Workshop

ROOT = Path(__file__).resolve().parents[2]

VICTIM = """
import sys
from pathlib import Path
from dataclasses import replace
from tests.local import engines
from tests.local.workshop import Workshop
engines.IMAGE = {image!r}
engines.podman = lambda: ({engine}, "")
from mlc.local.settings import Engine
shop = Workshop(Path({folder!r}), engines.maker({runner!r}))
shop.run_name = {run!r}
print("begins", flush=True)
shop.run({body!r})
"""

BODY = f"""
steps:
  a:
    image: {IMAGE}
    sidecars: {{side: {{image: '{IMAGE}', run: 'sleep 1000'}}}}
    run: |
      trap '' TERM
      sleep 1001 & setsid sleep 1002 & (setsid env -i /bin/sleep 1003 >/dev/null 2>&1 &)
      sleep 1004
"""

SLOW = ("podman", "docker")
DELAYS = {"plain": (0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.5), "podman": (0.05, 0.3, 0.6, 1.0, 1.5, 3.0)}


@pytest.mark.parametrize(
    "runner, delay", [(name, delay) for name in here() if name != "docker" for delay in DELAYS.get(name, DELAYS["plain"])]
)
def test_killed(runner: str, delay: float, tmp_path: Path) -> None:
    """The guard sees that `mlc run` is gone, and ends everything: daemons, sidecars, containers that are just being made."""
    run = f"demo-k{os.getpid()}-{runner}-{int(delay * 1000)}"
    engine = f"__import__('mlc.local.settings', fromlist=['x']).{podman()[0]!r}"
    text = VICTIM.format(image=IMAGE, engine=engine, folder=str(tmp_path), runner=runner, run=run, body=BODY)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "compiler"), str(ROOT)])}
    with subprocess.Popen([sys.executable, "-c", text], env=env, stdout=subprocess.PIPE, cwd=ROOT) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"begins\n"
        time.sleep(delay)
        victim.send_signal(signal.SIGKILL)
    until = time.monotonic() + 60
    while (left := remains(run, runner)) and time.monotonic() < until:
        time.sleep(0.1)
    assert left == []


def remains(run: str, runner: str) -> list[str]:
    """What is left of a run."""
    found = [f"process {process}" for process in carrying(f"MLC_RUN={run}")]
    found += [f"strays {process}" for process in sleeping() if process not in sleeping_before]
    if runner in SLOW:
        done = subprocess.run(["podman", "ps", "-aq", "--filter", f"label=mlc.run={run}"], capture_output=True, text=True, check=True)
        found += done.stdout.split()
    return found


def sleeping() -> set[int]:
    """Processes that sleep as the programs of these tests do, also without their environment."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if len(words) > 1 and words[-3:-1] and words[-2] in (b"1000", b"1001", b"1002", b"1003", b"1004") and b"sleep" in words[-3]:
                found.add(int(entry.name))
    return found


sleeping_before: set[int] = set()


@pytest.fixture(autouse=True)
def before() -> None:
    """Other tests may run at the same time."""
    sleeping_before.clear()
    sleeping_before.update(sleeping())


@pytest.mark.parametrize("runner", [name for name in here() if name not in SLOW and name != "plain"])
def test_secrets_in_memory_are_wiped(runner: str, tmp_path: Path) -> None:
    """Files of secrets in memory go with the process that put them there."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "id").write_text("hunter2x")
    body = "volumes: {k: {secret: s}}\nsteps: {a: {image: 'acme/x:1', volumes: {k: /k}, run: 'echo ready; sleep 1004'}}"
    text = VICTIM.format(image=IMAGE, engine="None", folder=str(tmp_path), runner=runner, run=f"demo-m{os.getpid()}", body=body)
    text = text.replace("engines.maker(", "local={'secrets': {'s': {'folder': 'keys'}}}, make=engines.maker(")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "compiler"), str(ROOT)])}
    place = memory.of_attempt(tmp_path / "state" / "runs" / f"demo-m{os.getpid()}" / "a" / "1")
    assert place is not None
    with subprocess.Popen([sys.executable, "-c", text], env=env, stdout=subprocess.DEVNULL, cwd=ROOT) as victim:
        assert waited(lambda: (place / "k" / "id").exists() and carrying(f"MLC_RUN=demo-m{os.getpid()}") != [])
        victim.send_signal(signal.SIGKILL)
    assert waited(lambda: not place.exists())


def waited(done: Callable[[], bool]) -> bool:
    """Whether something comes true within a minute."""
    until = time.monotonic() + 60
    while not done() and time.monotonic() < until:
        time.sleep(0.05)
    return done()


def stays() -> set[int]:
    """What sleeps now and did not before, a minute later. Tests of other workers end theirs; what is left behind sleeps for 16 minutes."""
    left = sleeping() - sleeping_before
    waited(lambda: not left & sleeping())
    return left & sleeping()


def test_sweep_after_guard_and_parent_are_gone(tmp_path: Path) -> None:
    """Where the guard is killed as well, what is on record is ended with its group, and strays are found by their environment."""
    run = f"demo-s{os.getpid()}"
    record = tmp_path / "pid"
    guard = Guard()
    env = {"PATH": os.environ["PATH"], "MLC_RUN": run}
    line = ["/bin/sh", "-c", "env -i /bin/sleep 1004 & setsid sleep 1003 & echo ready; sleep 1002"]
    kept = guard.start(Call("/bin/sh", line, env, "/", str(record), f"MLC_RUN={run}"))
    said = b""

    def write(data: bytes) -> None:
        nonlocal said
        said += data
        assert waited(lambda: record.exists() and record.read_text().endswith("\n"))
        assert guard._process is not None
        os.kill(guard._process.pid, signal.SIGKILL)

    answer = kept.wait(write)
    assert (answer.lost, said) == (True, b"ready\n")
    assert carrying(f"MLC_RUN={run}") != []
    sweep(run, [record])
    assert carrying(f"MLC_RUN={run}") == []
    assert not stays()
    guard.close()


def test_timeout_ends_everything(tmp_path: Path) -> None:
    """A program that ignores TERM is killed after the grace period, with what it started in other sessions."""
    guard = Guard()
    line = ["/bin/sh", "-c", "trap '' TERM; sleep 1001 & setsid sleep 1002 & env -i setsid /bin/sleep 1003 & while :; do sleep 1004; done"]
    env = {"PATH": os.environ["PATH"], "MLC_RUN": "demo-t"}
    call = Call("/bin/sh", line, env, "/", str(tmp_path / "pid"), "MLC_RUN=demo-t", timeout=0.5, grace=0.5)
    start = time.monotonic()
    answer = guard.start(call).wait(lambda _: None)
    assert (answer.exit, answer.timed_out, answer.left) == (137, True, 0)
    assert 0.9 < time.monotonic() - start < 20
    assert not stays()
    guard.close()


def test_sweep_spares_others(tmp_path: Path) -> None:
    """A number on record that is another process by now is not killed."""
    record = tmp_path / "pid"
    record.write_text(f"{os.getpid()} 1-other\n")
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as other:
        (tmp_path / "old").write_text(f"{other.pid} 1234-00000000\n")
        sweep("no-such-run", [record, tmp_path / "old", tmp_path / "missing"])
        assert other.poll() is None
        other.kill()


def test_closing_the_guard_ends_programs(tmp_path: Path) -> None:
    """Without its guard no program runs on."""
    guard = Guard()
    kept = guard.start(Call("/bin/sleep", ["sleep", "1000"], {"MLC_RUN": "demo-c"}, "/", str(tmp_path / "pid"), "MLC_RUN=demo-c"))
    time.sleep(0.2)
    kept._line.close()
    guard.close()
    assert not stays()


def test_plain_and_sandboxed_attempts_at_once(tmp_path: Path) -> None:
    """What one program leaves is ended with it, while others of the same guard run on."""
    shop = Workshop(tmp_path, maker("plain"))
    body = "steps: {a: {image: 'acme/x:1', run: 'echo ready; sleep 2; echo survived'}}"
    other = "steps: {a: {image: 'acme/x:1', run: 'sleep 1000 & setsid sleep 1001 & sleep 0.1'}}"
    with shop.running(body) as done:
        assert shop.run(other).ended.exit == 0
        assert not stays()
    assert (done.ended.exit, done.told) == (0, ["ready", "survived"])
    shop.close()
