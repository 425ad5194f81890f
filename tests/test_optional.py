"""Optional inputs: who may leave an artifact out, and what the others see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlc.lowering.wrapper import Needs
from tests import support
from tests.kfp_backend import shell
from tests.test_wrapper import Bench, bench

__all__ = ["bench", "shell"]

MAYBE = "r: {path: /in/r, optional: true}"


def project(*inputs: str) -> str:
    """A step `a` that writes `r`, and steps that read it."""
    readers = "".join(f"\n  b{index}: {{image: 'x:1', command: t, inputs: {{{text}}}}}" for index, text in enumerate(inputs))
    return f"steps:\n  a: {{image: 'x:1', command: t, outputs: {{r: /out/r}}}}{readers}"


@pytest.mark.parametrize(
    ("inputs", "left_out", "reads"),
    [
        ((MAYBE,), True, [True]),
        ((MAYBE, MAYBE), True, [True, True]),
        ((MAYBE, "r: /in/r"), False, [True, False]),
        ((MAYBE, "r: {path: /in/r}"), False, [True, False]),
        (("r: {path: /in/r, optional: false}",), False, [False]),
        ((), False, []),
    ],
)
def test_who_may_leave_it_out(inputs: tuple[str, ...], left_out: bool, reads: list[bool]) -> None:
    """The producer may leave out what everybody who reads it can do without; what nobody reads it has to write."""
    first, *others = support.pipeline(project(*inputs)).steps
    assert first.outputs[0].optional is left_out
    assert [step.inputs[0].optional for step in others] == reads
    assert all(step.inputs[0].path == "/in/r" for step in others)


def test_argo() -> None:
    """Argo is asked at the output, at the argument and at the input: each of them alone fails the run."""
    entry, a, b = support.manifests(project(MAYBE), "argo")[0]["spec"]["templates"]
    assert a["outputs"]["artifacts"] == [{"name": "r", "path": "/out/r", "archive": {"none": {}}, "optional": True}]
    (argument,) = entry["dag"]["tasks"][1]["arguments"]["artifacts"]
    assert argument == {"name": "r", "from": "{{tasks.a.outputs.artifacts.r}}", "optional": True}
    assert b["inputs"]["artifacts"] == [{"name": "r", "path": "/in/r", "mode": 0o755, "recurseMode": True, "optional": True}]


def test_kfp() -> None:
    """On KFP the wrapper neither asks for the file nor links what is not there."""
    executors: Any = support.manifests(project(MAYBE), "kfp")[0]["deploymentSpec"]["executors"]
    assert executors["exec-a"]["container"]["args"][:3] == ["maybe", "r", "/out/r"]
    assert executors["exec-b0"]["container"]["args"][:3] == ["optional", "r", "/in/r"]


def test_paths_are_pointed_at() -> None:
    """A path in the long form is checked like one in the short form, where it stands."""
    found = support.check(project("r: {path: in/r, optional: true}"), ("kfp",))
    assert [(item.code, item.path) for item in found] == [("MLC309", ("steps", "b0", "inputs", "r", "path"))]


def test_the_condition_of_a_producer() -> None:
    """A step whose optional input comes from a skipped step is skipped as well: it depends on it."""
    body = project(MAYBE).replace("outputs:", "when: false, outputs:")
    assert support.step(body, "b0").after == ("a",)


@pytest.mark.parametrize("source", ["", "file", "folder"])
def test_the_wrapper_of_a_reader(bench: Bench, source: str) -> None:
    """What is there is linked, as any input; what is not leaves no trace."""
    if source == "file":
        (bench.root / "delivered").write_text("x")
    elif source == "folder":
        (bench.root / "delivered").mkdir()
    records = ["optional", "r", bench.path("in/r"), bench.path("delivered")]
    other = ["input", "o", bench.path("in/o"), bench.path("other")]
    (bench.root / "other").write_text("o")
    result = bench.run(Needs(inputs=True, optional=True), *records, *other, "--", "true")
    assert (result.returncode, result.stderr) == (0, "")
    assert (bench.root / "in" / "r").exists() is bool(source)
    assert (bench.root / "in" / "o").read_text() == "o"


@pytest.mark.parametrize(
    ("program", "kept"),
    [("true", False), ("mkdir out", False), ("echo x > out", True), ("mkdir out; echo x > out/.y", True), (": > out", True)],
)
def test_the_wrapper_of_a_producer(bench: Bench, program: str, kept: bool) -> None:
    """What is written is handed over; nothing, or an empty folder, is nothing, and no failure. An old file goes first."""
    Path(bench.path("out")).write_text("old")
    records = ["maybe", "r", bench.path("out"), bench.path("s/r"), "output", "o", bench.path("o"), bench.path("s/o")]
    result = bench.run(Needs(collect=True, optional=True), *records, "--", "sh", "-c", f"echo o > o; {program}")
    assert (result.returncode, result.stderr) == (0, "")
    assert (bench.root / "s" / "r").exists() is kept
    assert (bench.root / "s" / "o").read_text() == "o\n"


def test_other_outputs_are_needed(bench: Bench) -> None:
    """An output beside an optional one still has to be there."""
    records = ["maybe", "r", bench.path("out"), bench.path("s/r"), "output", "o", bench.path("o"), bench.path("s/o")]
    result = bench.run(Needs(collect=True, optional=True), *records, "--", "true")
    assert (result.returncode, result.stderr) == (1, f"mlc: step train: output o is missing: nothing was written to {bench.path('o')}\n")
