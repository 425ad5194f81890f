"""Time per step of `mlc run` beside peers that run a graph of processes here: `python benchmarks/local.py [STEPS] [JOBS]`.

The graph is the same for all: layers of ten steps, each step needs three of the layer before and runs `true`. GNU make and doit (PyPI)
leave a marker file per step, so that each of the three knows afterwards what is done. One run that is not counted, then three of each,
one after the other; the figures are medians. Exits with 1 where something fails to run; there is no target.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benchmarks" / "peers"
WIDTH = 10
ROUNDS = 3


def needs(index: int) -> list[int]:
    """The steps that a step needs, by number."""
    layer, place = divmod(index, WIDTH)
    return [(layer - 1) * WIDTH + (place + other) % WIDTH for other in range(3)] if layer else []


def project(path: Path, count: int) -> None:
    """Write the graph as a project."""
    lines = ["mlc: v1", "name: layers", "defaults: {image: 'busybox:1.36', command: 'true'}", "steps:"]
    for index in range(count):
        before = ", ".join(f"s{other}" for other in needs(index))
        lines.append(f"  s{index}: {{needs: [{before}]}}" if before else f"  s{index}: {{}}")
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def makefile(path: Path, count: int) -> None:
    """Write the graph as a makefile."""
    lines = ["all: " + " ".join(f"s{index}" for index in range(count))]
    for index in range(count):
        lines += [f"s{index}: " + " ".join(f"s{other}" for other in needs(index)), "\t@true && touch $@"]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def seconds(command: list[str], folder: Path) -> float:
    """Wall time of a command in a fresh folder; raises RuntimeError with its last lines where it fails."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "compiler"), "PYTHONWARNINGS": "ignore"}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode:
        tail = (done.stdout + done.stderr).splitlines()[-15:]
        raise RuntimeError("\n".join([f"`{' '.join(command)}` ended with {done.returncode}", *tail]))
    return taken


def main() -> int:
    """Measure and print; 1 where a program fails or is missing."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    jobs = sys.argv[2] if len(sys.argv) > 2 else "2"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        project(work / "layers.mlc.yaml", count)
        makefile(work / "Makefile", count)
        spec = str(work / "layers.mlc.yaml")
        run = [sys.executable, "-m", "mlc", "run", spec, "--runner", "process", "--jobs", jobs, "--quiet"]
        commands = {"mlc run": run}
        if shutil.which("make"):
            commands["make -j"] = ["make", "-s", "-j", jobs, "-f", str(work / "Makefile"), "all"]
        if importlib.util.find_spec("doit"):
            dodo = ["-f", str(PEERS / "layers_doit.py"), "--dir", str(work / "here"), f"steps={count}"]
            commands["doit"] = [sys.executable, "-m", "doit", "-n", jobs, *dodo]
        taken: dict[str, list[float]] = {name: [] for name in commands}
        try:
            for turn in range(ROUNDS + 1):
                for name, command in commands.items():
                    one = seconds(command, work / "here")
                    if turn:
                        taken[name].append(one)
        except RuntimeError as error:
            print(f"benchmark failed: {error}", file=sys.stderr)
            return 1
        print(f"{count} steps that do nothing, {jobs} at a time, medians of {ROUNDS} runs\n")
        ours = statistics.median(taken["mlc run"])
        for name, values in taken.items():
            each = statistics.median(values)
            print(f"{name:<10}{each:>8.2f} s{each / count * 1000:>8.2f} ms per step{each / ours:>8.2f} of mlc's")
        for name in {"make -j", "doit"} - commands.keys():
            print(f"{name} is not installed: not measured")
    return 0


if __name__ == "__main__":
    sys.exit(main())
