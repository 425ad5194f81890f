"""What KFP's UI draws of an artifact of type `classification_metrics`: the wrapper turns our file into the artifact's metadata."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from mlc.lowering import wrapper
from mlc.lowering.report import LABELS, POINTS
from mlc.lowering.wrapper import Needs
from tests import support
from tests.kfp_backend import kubelet, shell
from tests.test_wrapper import Bench, bench, executor_input

__all__ = ["bench", "shell"]

MATRIX = {"labels": ["cat", "개"], "rows": [[5, 1], [2, 7.5]]}
DRAWN = {"annotationSpecs": [{"displayName": "cat"}, {"displayName": "개"}], "rows": [{"row": [5, 1]}, {"row": [2, 7.5]}]}
ROC = {"fpr": [0, 0.5, 1], "tpr": [0, 0.75, 1], "thresholds": [None, 0.5, 0.25]}
POINT = ("confidenceThreshold", "recall", "falsePositiveRate")
POINT_OF_ONE = dict(zip(POINT, (0.5, 1, 0), strict=True))
CURVE = [dict(zip(POINT, point, strict=True)) for point in ((1.5, 0, 0), (0.5, 0.75, 0.5), (0.25, 1, 1))]


def records(bench: Bench) -> list[str]:
    """What the script is told of the report."""
    return ["output", "r", bench.path("r.json"), bench.path("s/r"), "report", "r", bench.path("r.json"), "classification_metrics"]


def drawn(bench: Bench, text: str) -> tuple[dict[str, Any], str]:
    """The artifacts of the file that the launcher reads, and what the log says, of a step that writes `text` as its report."""
    (bench.root / "given").write_text(text, encoding="utf-8")
    result = bench.run(Needs(collect=True, report=True), executor_input(bench), *records(bench), "--", "cp", "given", "r.json")
    assert result.returncode == 0
    assert (bench.root / "s" / "r").read_text(encoding="utf-8") == text
    file = bench.root / "task" / "output_metadata.json"
    if not file.exists():
        return {}, result.stderr
    written = json.loads(file.read_text(encoding="utf-8"))
    assert written.keys() == {"artifacts"}
    return {name: one["artifacts"][0]["metadata"] for name, one in written["artifacts"].items()}, result.stderr


@pytest.mark.parametrize(
    ("content", "metadata"),
    [
        ({"confusion_matrix": MATRIX}, {"confusionMatrix": DRAWN}),
        ({"roc": ROC}, {"confidenceMetrics": CURVE}),
        ({"roc": ROC, "confusion_matrix": MATRIX, "note": "x"}, {"confusionMatrix": DRAWN, "confidenceMetrics": CURVE}),
        ({"confusion_matrix": None, "roc": {"fpr": [0], "tpr": [1], "thresholds": [0.5]}}, {"confidenceMetrics": [POINT_OF_ONE]}),
    ],
)  # fmt: skip
def test_what_is_drawn(bench: Bench, content: dict[str, Any], metadata: dict[str, Any]) -> None:
    """A matrix and a curve become the metadata that the UI looks for; the file itself stays the artifact."""
    assert drawn(bench, json.dumps(content, ensure_ascii=False)) == ({"r": metadata}, "")


def test_infinity_as_libraries_write_it(bench: Bench) -> None:
    """The first threshold of a curve is often infinite, which JSON has no number for: it is drawn one above the largest."""
    text = json.dumps({"roc": ROC}).replace("null", "Infinity")
    assert drawn(bench, text)[0] == {"r": {"confidenceMetrics": CURVE}}


def test_a_long_curve_is_thinned_out(bench: Bench) -> None:
    """Metadata travels in process arguments: of many points some are drawn, the first and the last among them."""
    count = 10 * POINTS + 7
    rates = [index / (count - 1) for index in range(count)]
    text = json.dumps({"roc": {"fpr": rates, "tpr": rates, "thresholds": rates[::-1]}})
    found = drawn(bench, text)[0]["r"]["confidenceMetrics"]
    assert POINTS / 2 < len(found) <= POINTS + 1
    assert [found[0]["recall"], found[-1]["recall"]] == [0, 1]


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "null", "3", "<html>", '{"confusion_matrix": {}}', '{"confusion_matrix": {"labels": ["a"], "rows": [[1, 2]]}}',
        '{"confusion_matrix": {"labels": ["a", "b"], "rows": [[1, 2]]}}', '{"confusion_matrix": {"labels": ["a"], "rows": [["1"]]}}',
        '{"confusion_matrix": {"labels": ["a"], "rows": [[true]]}}', '{"confusion_matrix": {"labels": ["a"], "rows": [[NaN]]}}',
        '{"confusion_matrix": {"labels": [], "rows": []}}', '{"confusion_matrix": {"labels": ["{{workflow.name}}"], "rows": [[1]]}}',
        '{"confusion_matrix": {"labels": ["$(HOME)"], "rows": [[1]]}}', '{"roc": {"fpr": [0, 1], "tpr": [0], "thresholds": [1, 2]}}',
        '{"roc": {"fpr": [0], "tpr": [0], "thresholds": ["x"]}}', '{"roc": [1]}',
        '{"roc": {"fpr": [Infinity], "tpr": [0], "thresholds": [1]}}',
        json.dumps({"confusion_matrix": {"labels": ["x"] * (LABELS + 1), "rows": [[1] * (LABELS + 1)] * (LABELS + 1)}}),
        json.dumps({"confusion_matrix": {"labels": ["x" * 40_000], "rows": [[1]]}}),
    ],
)  # fmt: skip
def test_what_is_not_drawn(bench: Bench, text: str) -> None:
    """What is no such file, is too much, or holds what an engine would expand, is kept and not drawn; the log says so."""
    found, said = drawn(bench, text)
    assert found == {}
    assert said.startswith(f"mlc: step train: r is not shown in the UI: {bench.path('r.json')}")


def test_without_python(bench: Bench) -> None:
    """An image without `python3` runs the step as well, and the log says that nothing is drawn."""
    tools = bench.root / "tools"
    tools.mkdir()
    for tool in ("cp", "mkdir", "rm", "sed", "cat", "id"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    bench.shell[0] = str(shutil.which(bench.shell[0]))
    (bench.root / "given").write_text(json.dumps({"roc": ROC}))
    program = ["cp", "given", "r.json"]
    result = bench.run(Needs(collect=True, report=True), executor_input(bench), *records(bench), "--", *program, PATH=str(tools))
    assert result.returncode == 0
    assert "there is no python3" in result.stderr


def test_beside_metrics(bench: Bench) -> None:
    """Metrics and reports of one step are in one file."""
    metrics = ["metric", "acc", bench.path("acc"), bench.path("s/acc"), "show", "acc", bench.path("acc"), "[]"]
    (bench.root / "given").write_text(json.dumps({"confusion_matrix": MATRIX}))
    needs = Needs(collect=True, show=True, report=True)
    program = ["sh", "-c", "cp given r.json; echo 0.5 > acc"]
    assert bench.run(needs, executor_input(bench), *metrics, *records(bench), "--", *program).stderr == ""
    written = json.loads((bench.root / "task" / "output_metadata.json").read_text())["artifacts"]
    found = {name: one["artifacts"][0]["metadata"] for name, one in written.items()}
    assert found == {"r": {"confusionMatrix": DRAWN}, "x-metrics": {"acc": 0.5}}


@pytest.mark.parametrize("needs", [Needs(collect=True, report=True), Needs(collect=True, show=True, look=True, report=True)])
def test_kubelets_leave_the_script_alone(needs: Needs) -> None:
    """No kubelet and no engine finds anything to expand in the script."""
    text = wrapper.script(needs)
    assert kubelet(text.replace("$", "$$"), {}) == text
    assert "$(" not in text
    assert "{{" not in text


def test_only_reports_are_drawn() -> None:
    """HTML and Markdown are read from the store by the UI; steps without a report have the script that they had."""
    body = "artifacts: {c: classification_metrics, h: html, m: markdown}\nsteps: {a: {image: 'x:1', command: t, outputs: OUT}}"
    container = {}
    for outputs in ("[c, h, m]", "[h, m]"):
        spec = support.manifests(body.replace("OUT", outputs), "kfp")[0]
        container[outputs] = spec["deploymentSpec"]["executors"]["exec-a"]["container"]
        if "c" not in outputs:
            continue
        made = spec["components"]["comp-a"]["outputDefinitions"]["artifacts"]
        titles = {name: one["artifactType"]["schemaTitle"] for name, one in made.items()}
        assert titles == {"c": "system.ClassificationMetrics", "h": "system.HTML", "m": "system.Markdown"}
    args = container["[c, h, m]"]["args"]
    assert args[0] == "={{$}}"
    assert args[args.index("report") :][:4] == ["report", "c", "/mlc/outputs/c", "classification_metrics"]
    assert "report" not in container["[h, m]"]["args"]
    assert "python3" not in container["[h, m]"]["command"][2]
