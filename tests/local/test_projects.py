"""Real projects of `specs/`, run here by `mlc run` with programs that compute something real: as processes, and in containers.

Nothing of the specs is changed. What they leave to a cluster (claims, secrets, config maps, images) is in `mlc.local.yaml`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.local import engines, images

PROJECTS = Path(__file__).parent / "projects"


@dataclass(frozen=True)
class Project:
    """A spec, and for each of its images the folder of its programs and the entry point."""

    spec: str
    programs: dict[str, tuple[str, str]]
    local: dict[str, Any]
    claims: tuple[str, ...] = ()


MNIST_IMAGES = ("pre-data", "val-data", "train-model", "embedding", "train-faiss", "analysis", "deploy")
MNIST = Project(
    "mnist",
    {name: (f"mnist/{name}", '["python", "run.py"]') for name in MNIST_IMAGES},
    {"config_maps": {"mlops-manage": {"url": {"value": "http://manage.example"}}}},
    ("data", "train-model", "deploy-model"),
)
DETECTION = Project(
    "detection",
    {"detection": ("detection", "")},
    {"artifacts": {"backbone": str(PROJECTS / "detection" / "backbone.onnx")}},
    ("images",),
)
FEATURES = Project(
    "features",
    {"python": ("features", ""), "training": ("features", "")},
    {"secrets": {"tracking": {"token": {"env": "TRACKING"}}}},
)
SWEEP = Project("argo-best-of-sweep", {"lab": ("sweep", ""), "serving": ("sweep/serving", "")}, {}, ("board",))


@dataclass(frozen=True)
class Outcome:
    """What a run left: its exit code, the events that it printed, and its folder."""

    code: int
    events: list[dict[str, Any]]
    errors: str
    folder: Path

    @property
    def states(self) -> dict[str, str]:
        """The last state of each task."""
        return {event["task"]: event["state"] for event in self.events if event["event"] == "task"}

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics, by `task.name`."""
        return {f"{event['task']}.{event['metric']}": event["value"] for event in self.events if event["event"] == "metric"}

    @property
    def lines(self) -> list[str]:
        """Everything that the programs printed."""
        return [event["text"] for event in self.events if event["event"] == "line"]


def run(project: Project, runner: str, folder: Path, *options: str) -> Outcome:
    """Run a project in `folder`, a new one or that of a run before."""
    local = dict(project.local)
    local["volumes"] = {claim: f"./claims/{claim}" for claim in project.claims}
    for claim in project.claims:
        (folder / "claims" / claim).mkdir(parents=True, exist_ok=True)
    if runner == "process":
        local["process"] = {"folders": {name: str(PROJECTS / programs) for name, (programs, _) in project.programs.items()}}
    else:
        engine = engines.podman()[0]
        # no program here needs a network
        local["podman"] = {"args": [*engine.args, "--network", "none"], **({"runtime": engine.runtime} if engine.runtime else {})}
        local["images"] = {
            name: images.with_programs(["podman"], PROJECTS / programs, f"{project.spec}-{name}:1", entrypoint)
            for name, (programs, entrypoint) in project.programs.items()
        }
    (folder / "mlc.local.yaml").write_text(yaml.safe_dump(local), encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "compiler"), str(PROJECTS / "sweep")]),
        "PATH": os.pathsep.join([str(PROJECTS / "sweep" / "serving" / "bin"), os.path.dirname(sys.executable), os.environ["PATH"]]),
        "TRACKING": "a-token-that-nobody-may-print",
        "PYTHONWARNINGS": "ignore",
    }
    words = [
        "run",
        str(ROOT / "specs" / f"{project.spec}.yaml"),
        "--runner",
        runner,
        "--local-settings",
        "mlc.local.yaml",
        "--json",
        *options,
    ]
    done = subprocess.run([sys.executable, "-m", "mlc", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return Outcome(done.returncode, events, done.stderr, folder)


RUNNERS = tuple({"sandbox": "process"}.get(name, name) for name in engines.here() if name in ("sandbox", "podman"))
"""The summary says which are missing. Without bubblewrap these projects cannot run as processes: their paths are fixed."""


@pytest.mark.parametrize("runner", RUNNERS)
def test_mnist_deploys_above_the_baseline_and_skips_below_it(runner: str, tmp_path: Path) -> None:
    """A model above the baseline is deployed; with a baseline that nothing reaches the run is green all the same, without a deployment."""
    good = run(MNIST, runner, tmp_path)
    assert good.code == 0, good.errors
    assert set(good.states.values()) == {"Succeeded"}
    assert 0.9 < good.metrics["analysis-total.accuracy"] < 1
    assert (tmp_path / "claims/deploy-model/index.pickle").is_file()
    confusion = next(event for event in good.events if event["event"] == "artifact" and event["artifact"] == "confusion_matrix")
    assert len((tmp_path / confusion["path"]).read_text().splitlines()) == 10

    (tmp_path / "claims/deploy-model/index.pickle").unlink()
    bad = run(MNIST, runner, tmp_path, "--param", "baseline=0.9999")
    assert bad.code == 0, bad.errors
    assert {name for name, state in bad.states.items() if state == "Skipped"} == {"deploy-mar"}
    assert not (tmp_path / "claims/deploy-model/index.pickle").exists()


@pytest.mark.parametrize("runner", RUNNERS)
def test_detection_trains_from_an_artifact_from_outside(runner: str, tmp_path: Path) -> None:
    """The artifact that nobody makes comes from `mlc.local.yaml`, the others travel through the store to the paths of the spec."""
    outcome = run(DETECTION, runner, tmp_path, "-p", "epochs=4")
    assert outcome.code == 0, outcome.errors
    assert outcome.states == {"prepare": "Succeeded", "train": "Succeeded", "deploy": "Succeeded"}
    assert "serving a detector with bound 0.40" in outcome.lines


@pytest.mark.parametrize("runner", RUNNERS)
def test_features_passes_values_metrics_and_a_secret(runner: str, tmp_path: Path) -> None:
    """Values and metrics reach later steps as texts, the claim of the run holds its file, and goes; nothing prints the secret."""
    outcome = run(FEATURES, runner, tmp_path)
    assert outcome.code == 0, outcome.errors
    assert set(outcome.states.values()) == {"Succeeded"}
    assert any(line.startswith("auroc 0.99") for line in outcome.lines)
    kept = [path for path in (tmp_path / ".mlc").rglob("*") if path.is_file() and b"a-token-that-nobody" in path.read_bytes()]
    assert kept == []
    assert list((tmp_path / ".mlc").rglob("history.csv")) == []

    missed = run(FEATURES, runner, tmp_path, "-p", "learning_rate=1e-9")
    assert missed.code == 0, missed.errors
    assert missed.states["report"] == "Skipped"


@pytest.mark.parametrize("runner", RUNNERS)
def test_the_sweep_deploys_the_best_candidate(runner: str, tmp_path: Path) -> None:
    """Sixteen candidates, each judged by itself; the best by accuracy is confirmed and deployed, the smallest goes to small devices."""
    outcome = run(SWEEP, runner, tmp_path, "-p", "epochs=12", "--jobs", "4")
    assert outcome.code == 0, outcome.errors
    items = [f"[{index}]" for index in range(16)]
    assert all(outcome.states[f"train{item}"] == outcome.states[f"evaluate{item}"] == "Succeeded" for item in items)
    accuracy = {item: outcome.metrics[f"evaluate{item}.accuracy"] for item in items}
    rates = [rate for rate in (0.1, 0.03, 0.01, 0.003) for _ in range(4)]
    for item, rate in zip(items, rates, strict=True):
        looked_at = outcome.states[f"explain{item}"] == "Succeeded"
        assert looked_at == (accuracy[item] >= 0.75 and outcome.metrics[f"evaluate{item}.latency"] <= 200 and rate < 0.1)
    best = max(items, key=lambda item: accuracy[item])
    installed = next(line for line in outcome.lines if line.startswith("--install"))
    assert f"at {rates[items.index(best)]}" in installed
    board = (tmp_path / "claims/board/latest.txt").read_text()
    scores = json.loads(board.splitlines()[0].removeprefix("scores "))
    assert scores == [accuracy[item] for item in items]
