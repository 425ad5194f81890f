"""Whole-process time and peak memory of `mlc` beside the SDKs, on the same pipelines, in one run: `python benchmarks/run.py [--quick]`.

Every figure is a median over pairs: in each round both programs run once, one after the other, and the order changes from round to
round, so that a busy moment of the machine hits both. A first run of each is not counted (it fills the caches of files and bytecode).
Exits with 1 only where something fails to run; a missed target is printed as `MISSED`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benchmarks" / "peers"
PAIRS = 7
GROWTH = 1.3  # time per step at 10,000 steps against 1,000, at most
PROFILED = 12  # lines of a profile
MEMORY = 0.5  # peak memory against the peer's, below


class Cost(NamedTuple):
    """What one process took: seconds of wall time and MiB of peak resident memory."""

    seconds: float
    memory: float


class Duel(NamedTuple):
    """Two commands that do the same work, and how many times faster the first has to be."""

    title: str
    ours: list[str]
    peer: str
    theirs: list[str]
    factor: float


def mlc() -> list[str]:
    """The installed console script of this interpreter's environment, or the package of this checkout."""
    script = os.path.join(sysconfig.get_path("scripts"), "mlc")
    return [script] if os.access(script, os.X_OK) else [sys.executable, "-m", "mlc"]


def surroundings(bytecode: str) -> dict[str, str]:
    """The environment of every measured process. Compiled modules come from `bytecode`, ours and the peers', as after an installation."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "compiler"), "PYTHONWARNINGS": "ignore", "PYTHONPYCACHEPREFIX": bytecode}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def measure(command: list[str], bytecode: str) -> Cost:
    """Run a command to its end; raises RuntimeError with its last lines where it fails."""
    environment = surroundings(bytecode)
    with tempfile.TemporaryFile() as output:
        # A vfork-like spawn: a plain fork would count this process' own memory as the child's.
        redirect = [(os.POSIX_SPAWN_DUP2, output.fileno(), 1), (os.POSIX_SPAWN_DUP2, output.fileno(), 2)]
        start = time.perf_counter()
        child = os.posix_spawn(command[0], command, environment, file_actions=redirect)
        _, status, usage = os.wait4(child, 0)
        seconds = time.perf_counter() - start
        code = os.waitstatus_to_exitcode(status)
        if code:
            output.seek(0)
            tail = output.read().decode(errors="replace").splitlines()[-15:]
            raise RuntimeError("\n".join([f"`{' '.join(command)}` ended with {code}", *tail]))
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024  # Linux counts KiB, macOS bytes
    return Cost(seconds, usage.ru_maxrss / unit)


def interleaved(first: list[str], second: list[str], pairs: int, bytecode: str) -> tuple[Cost, Cost]:
    """The medians of both commands over `pairs` rounds, after one round that is not counted."""
    costs: tuple[list[Cost], list[Cost]] = ([], [])
    for turn in range(pairs + 1):
        for index in (0, 1) if turn % 2 else (1, 0):
            cost = measure((first, second)[index], bytecode)
            if turn:
                costs[index].append(cost)
    ours, theirs = (Cost(statistics.median(c.seconds for c in side), statistics.median(c.memory for c in side)) for side in costs)
    return ours, theirs


def chain(path: Path, count: int) -> None:
    """Write a project of `count` steps, each needing the one before."""
    lines = [
        "mlc: v1",
        "name: chain",
        "images: {work: 'python:3.11-slim'}",
        "defaults: {image: work, command: [python, work.py]}",
        "steps:",
    ]
    for index in range(count):
        needs = f", needs: work-{index - 1}" if index else ""
        lines.append(f"  work-{index}: {{args: [--index, {index}]{needs}}}")
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def figure(label: str, ours: str, theirs: str, ratio: str, target: str = "", met: bool | None = None) -> None:
    """Print one line of the table, with a verdict where there is a target."""
    verdict = "" if met is None else "ok" if met else "MISSED"
    print(f"{label:<40}{ours:>12}{theirs:>12}{ratio:>9}   {target:<12}{verdict}".rstrip(), flush=True)


def profile(command: list[str], bytecode: str) -> None:
    """Print where a command of ours spends its time: the functions with the most time of their own."""
    arguments = [sys.executable, "-m", "cProfile", "-s", "tottime", "-m", "mlc", *command[command.index("compile") :]]
    done = subprocess.run(arguments, env=surroundings(bytecode), capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    start = next((number for number, line in enumerate(lines) if "tottime" in line), 0)
    print(f"\nprofile of `mlc {' '.join(arguments[7:11])}`:", *lines[start : start + PROFILED], sep="\n", flush=True)


def duel(each: Duel, pairs: int, bytecode: str) -> bool:
    """Measure and print one comparison: a line for the time, one for the memory. Returns whether the time meets its target."""
    ours, theirs = interleaved(each.ours, each.theirs, pairs, bytecode)
    factor, share = theirs.seconds / ours.seconds, ours.memory / theirs.memory
    seconds = (f"{ours.seconds * 1000:.0f} ms", f"{theirs.seconds * 1000:.0f} ms")
    figure(f"{each.title} / {each.peer}, time", *seconds, f"{factor:.1f}x", f">= {each.factor:g}x", factor >= each.factor)
    memory = (f"{ours.memory:.0f} MiB", f"{theirs.memory:.0f} MiB")
    figure(f"{each.title} / {each.peer}, memory", *memory, f"{share:.2f}", f"< {MEMORY:g}", share < MEMORY)
    return factor >= each.factor


def growth(target: str, small: list[str], large: list[str], start: list[str], pairs: int, bytecode: str) -> bool:
    """Measure and print the time per step at 1,000 and 10,000 steps; the second line leaves the start of the process out.

    Returns whether the target is met.
    """
    few, many = interleaved(small, large, pairs, bytecode)
    idle = statistics.median(measure(start, bytecode).seconds for _ in range(pairs))
    one, ten = few.seconds / 1_000, many.seconds / 10_000
    met = ten / one <= GROWTH
    figure(f"per step to {target}", f"{ten * 1e6:.0f} us", f"{one * 1e6:.0f} us", f"{ten / one:.2f}", f"<= {GROWTH:g}", met)
    one, ten = (few.seconds - idle) / 1_000, (many.seconds - idle) / 10_000
    figure("  of that after start-up", f"{ten * 1e6:.0f} us", f"{one * 1e6:.0f} us", f"{ten / one:.2f}")
    return met


def main() -> int:
    """Measure everything; 1 where a program fails."""
    pairs = 1 if "--quick" in sys.argv[1:] else PAIRS
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        out, bytecode = str(work / "out.yaml"), str(work / "bytecode")
        for count in (1_000, 10_000):
            chain(work / f"chain-{count}.yaml", count)

        def ours(spec: Path, target: str) -> list[str]:
            return [*mlc(), "compile", str(spec), "--target", target, "-o", out]

        def theirs(script: str, *arguments: str) -> list[str]:
            return [sys.executable, str(PEERS / script), out, *arguments]

        mnist, hello = ROOT / "specs" / "mnist.yaml", ROOT / "specs" / "hello.yaml"
        few, many = work / "chain-1000.yaml", work / "chain-10000.yaml"
        duels = (
            Duel("MNIST to KFP", ours(mnist, "kfp"), "kfp SDK", theirs("mnist_kfp.py"), 10),
            Duel("MNIST to Argo", ours(mnist, "argo"), "hera", theirs("mnist_hera.py"), 10),
            Duel("1,000 steps to KFP", ours(few, "kfp"), "kfp SDK", theirs("chain_kfp.py", "1000"), 15),
            Duel("1,000 steps to Argo", ours(few, "argo"), "hera", theirs("chain_hera.py", "1000"), 4),
        )
        print(f"medians of {pairs} interleaved pair{'s' if pairs > 1 else ''}, whole processes\n")
        print(f"{'':<40}{'mlc':>12}{'peer':>12}{'ratio':>9}   {'target':<12}")
        failed, slow = 0, list[list[str]]()
        try:
            for each in duels:
                if not duel(each, pairs, bytecode):
                    slow.append(each.ours)
            print(f"\n{'':<40}{'10,000':>12}{'1,000':>12}{'ratio':>9}   {'target':<12}")
            for target in ("argo", "kfp"):
                if not growth(target, ours(few, target), ours(many, target), ours(hello, target), pairs, bytecode):
                    slow.append(ours(many, target))
            for command in slow:
                profile(command, bytecode)
        except RuntimeError as error:
            print(f"benchmark failed: {error}", file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
