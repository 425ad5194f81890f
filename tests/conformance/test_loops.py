"""What goes into the items of a loop and comes out of them, and which of them is the best, on the real engines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ruamel.yaml import YAML

from mlc import driver
from tests import support
from tests.conformance.asked_loops import BEST, chosen
from tests.conformance.engines import ARGO, CONTROLLERS, KFP, engine
from tests.conformance.playing import compiled
from tests.conformance.table import project

PLAYERS = [("argo", name) for name in CONTROLLERS] + [("kfp", name) for name in KFP]


def documents(*numbers: str) -> list[str]:
    """Files in which `test.acc` is one of these each."""
    return ['{"test": {"acc": ' + number + "}}" for number in numbers]


@pytest.mark.parametrize("name", ARGO)
def test_the_best_item(name: str) -> None:
    """The highest, or the lowest where the threshold is an upper one; the first of equals; numbers as numbers, not as texts."""
    for numbers, best in (("0.5 0.9 0.7", 1), ("9 10 9.5", 1), ("0.9 0.90 9e-1", 0), ("0.1 0.7 0.7", 1), ("-2 -1 -1.0", 1), ("3", 0)):
        assert chosen(name, "acc", documents(*numbers.split())) == f"run/{best}/model", numbers
    for numbers, best in (("0.5 0.1 0.7", 1), ("1 0.1 1e-1", 1), ("2.0 2", 0), (" 9 \n 10", 0)):
        assert chosen(name, "loss", numbers.split()) == f"run/{best}/model", numbers


@pytest.mark.parametrize("name", ARGO)
def test_there_is_no_best(name: str) -> None:
    """Of no items, or where one of them wrote no number, there is no best one: wherever it stands, whatever the others are."""
    assert not chosen(name, "acc", [])
    for odd in ("null", '"0.9"', "[1]", "{}", "true"):
        for at in range(3):
            numbers = ["0.5", "0.7"]
            numbers.insert(at, odd)
            assert not chosen(name, "acc", documents(*numbers)), numbers
    for text in ("NaN", "", "inf", "high", '"1"', "1e999"):
        for texts in ([text, "1"], ["1", text], [text]):
            assert not chosen(name, "loss", texts), texts


@pytest.mark.parametrize("name", CONTROLLERS)
def test_a_run_without_a_best_item(name: str) -> None:
    """Then the step that takes it does not start, and the run ends as one that went wrong; the items do not mind."""
    body = BEST.replace("METRIC", "loss").replace("[1, 2]", '"${{ params.p }}"') + "params: {p: {type: list}}\n"
    (output,) = driver.compile_source(support.source(body), ("argo",)).outputs
    for items, phase in (([], "Error"), (["0.5", "NaN"], "Error"), (["high", "0.5"], "Error"), (["0.5", "0.1"], "Succeeded")):
        outcomes = {f"train[{index}]": [{"outputs": {"acc": "1", "high": "1", "loss": text}}] for index, text in enumerate(items)}
        parameters = {"p": json.dumps(list(range(len(items))))}
        answer = engine(name).ask("play", manifest=output.text, parameters=parameters, outcomes=outcomes)
        assert (answer["phase"], answer["steps"]["use"]["phase"], answer["steps"]["train"]["phase"]) == (phase, phase, "Succeeded"), items
        assert answer["steps"]["use"]["attempts"] == int(phase == "Succeeded")


FAN = """
params: {rates: {type: list, default: [0.1, 0.02]}}
steps:
  train:
    foreach: {name: [plain, 'a "b" \\c', "<x> & é", " ", "-x"], size: [1, 20]}
    args: ["${{ each.name }}", "--size=${{ each.size }}"]
    values:
      n: {path: /n, type: int}
      score: {path: /s, type: float}
      note: /t
      good: {path: /g, type: bool}
      sizes: {path: /l, type: list}
  judge: {each: train, args: ["${{ steps.train.values.n }}", "${{ each.size }}"], values: {seen: /v}}
  gather:
    args: ["${{ steps.train.values.n }}", "${{ steps.train.values.score }}", "${{ steps.train.values.note }}"]
    env: {GOOD: "${{ steps.train.values.good }}", SIZES: "${{ steps.train.values.sizes }}", SEEN: "${{ steps.judge.values.seen }}"}
  again: {foreach: {rate: "${{ params.rates }}"}, args: ["${{ each.rate }}", "${{ steps.train.values.n }}"]}
"""
NAMES = ["plain", 'a "b" \\c', "<x> & é", " ", "-x"]


def words(step: dict[str, Any], count: int) -> list[str]:
    """The last arguments of a program, without the mark that KFP's wrapper has on each text that the run makes."""
    found: list[str] = step["args"][-count:]
    return [word.removeprefix("=") for word in found]


def variables(step: dict[str, Any]) -> dict[str, str]:
    """The program's environment: on KFP the wrapper's arguments for `env`, as it is made of what the run knows."""
    given = {word.removeprefix("=").partition("=")[0]: word.removeprefix("=").partition("=")[2] for word in step["args"] if "=" in word[1:]}
    return {**given, **(step.get("env") or {})}


@pytest.mark.parametrize("target, name", PLAYERS, ids=[name for _, name in PLAYERS])
def test_values_of_items(target: str, name: str) -> None:
    """Every item sees its own texts, unchanged, and its loop's values; outside there is one list each, in the order of the items."""
    outcomes = {}
    for index in range(10):
        texts = {
            "n": str(index * 3),
            "score": f"{index}.5",
            "note": f'n{index} "q"',
            "good": str(index % 2 > 0).lower(),
            "sizes": f"[{index}]",
        }
        outcomes[f"train[{index}]"] = [{"outputs": texts}]
        outcomes[f"judge[{index}]"] = [{"outputs": {"seen": f"s{index}"}}]
    manifest = compiled(project(YAML(typ="safe", pure=True).load(FAN)), target)
    answer = engine(name).ask("play", manifest=manifest, parameters={}, outcomes=outcomes)
    assert (answer["phase"], answer["message"]) == ("Succeeded", "")
    steps = answer["steps"]
    for index, (text, size) in enumerate((text, size) for text in NAMES for size in ("1", "20")):
        assert words(steps[f"train[{index}]"], 2) == [text, f"--size={size}"]
        assert words(steps[f"judge[{index}]"], 2) == [str(index * 3), size]
    numbers, scores, notes = words(steps["gather"], 3)
    assert numbers == "[0,3,6,9,12,15,18,21,24,27]"
    assert scores == "[0.5,1.5,2.5,3.5,4.5,5.5,6.5,7.5,8.5,9.5]"
    assert json.loads(notes) == [f'n{index} "q"' for index in range(10)]
    given = variables(steps["gather"])
    assert given["GOOD"] == "[false,true,false,true,false,true,false,true,false,true]"
    assert given["SIZES"] == "[[0],[1],[2],[3],[4],[5],[6],[7],[8],[9]]"
    assert given["SEEN"] == '["s0","s1","s2","s3","s4","s5","s6","s7","s8","s9"]'
    assert [words(steps[f"again[{index}]"], 2) for index in range(2)] == [["0.1", numbers], ["0.02", numbers]]
