"""`cache`: what a run finds of those before it, on the real engines: Argo's memoization, KFP's cache of executions."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlc import infra
from tests import support
from tests.conformance.engines import CONTROLLERS, KFP, engine
from tests.conformance.playing import compiled

if TYPE_CHECKING:
    from collections.abc import Mapping

SPEC: dict[str, Any] = {
    "mlc": "v1",
    "name": "keep",
    "params": {"size": {"type": "int", "default": 1}},
    "steps": {
        "make": {
            "image": "a:1",
            "command": ["make"],
            "cache": {"key": "one"},
            "outputs": {"model": "/out/model"},
            "values": {"rows": {"path": "/out/rows", "type": "int"}},
            "metrics": {"accuracy": {"path": "/out/accuracy", "min": 0.5, "on_miss": "fail"}},
        },
        "use": {
            "image": "a:1",
            "command": ["use"],
            "gate": "make",
            "inputs": {"model": "/in/model"},
            "args": ["${{ steps.make.values.rows }}"],
        },
        "last": {"image": "a:1", "command": ["last"], "needs": "use"},
        "beside": {"image": "a:1", "command": ["beside"], "needs": "make"},
    },
}
EARLIER = {"exit": 0, "outputs": {"rows": "7", "accuracy": "0.9"}}
NOW = {"exit": 0, "outputs": {"rows": "8", "accuracy": "0.9"}}

names = pytest.mark.parametrize("name", [*CONTROLLERS, *KFP])


def play(
    name: str, before: Mapping[str, Any] = EARLIER, earlier: Mapping[str, Any] = SPEC, spec: Mapping[str, Any] = SPEC, **more: Any
) -> dict[str, Any]:
    """A run after one in which the step `make` did that."""
    target = name.partition("-")[0]
    first = {"manifest": compiled(earlier, target), "outcomes": {"make": [before]}}
    return engine(name).ask("play", manifest=compiled(spec, target), outcomes={"make": [NOW]}, before=[first], **more)


def changed(**keys: Any) -> dict[str, Any]:
    """The project with another step `make`; None takes a key out."""
    spec = deepcopy(SPEC)
    spec["steps"]["make"].update(keys)
    return spec


def rows(answer: Mapping[str, Any]) -> str:
    """What the step `use` gets of the step `make`."""
    text: str = answer["steps"]["use"]["args"][-1]
    return text.removeprefix("=")


@names
def test_a_result_is_found(name: str) -> None:
    """The program of a cached step does not start again: gates and arguments read what it wrote in the earlier run, and the run ends."""
    answer = play(name)
    assert answer["phase"] == "Succeeded", answer["message"]
    steps = answer["steps"]
    assert (steps["make"]["phase"], steps["make"]["attempts"]) == ("Succeeded", 0)
    assert [(steps[step]["phase"], steps[step]["attempts"]) for step in ("use", "last", "beside")] == [("Succeeded", 1)] * 3
    assert rows(answer) == "7"
    assert steps["make"].get("state", "CACHED") == "CACHED"


@names
def test_a_metric_of_an_earlier_run_decides(name: str) -> None:
    """A threshold that a kept result misses is missed in this run, too."""
    answer = play(name, {"exit": 0, "outputs": {"rows": "7", "accuracy": "0.1"}})
    assert (answer["steps"]["make"]["attempts"], answer["steps"]["use"]["phase"]) == (0, "Skipped")
    assert answer["phase"] in ("Failed", "Error")


@names
@pytest.mark.parametrize("end", [{"exit": 1}, {"exit": 0, "outputs": {"rows": "7"}}], ids=["failed", "wrote-no-metric"])
def test_what_failed_is_not_kept(name: str, end: dict[str, Any]) -> None:
    """A step that failed is run again."""
    answer = play(name, end)
    assert (answer["phase"], answer["steps"]["make"]["attempts"], rows(answer)) == ("Succeeded", 1, "8")


@names
@pytest.mark.parametrize(
    "keys",
    [
        {"cache": {"key": "two"}},
        {"cache": False},
        {"outputs": {"model": "/elsewhere/model"}},
        {"values": {"rows": "/out/rows", "more": "/out/more"}},
    ],
    ids=["key", "no-cache", "path", "value"],
)
def test_another_result_is_not_taken(name: str, keys: dict[str, Any]) -> None:
    """Another key, other files, or no `cache` any more: the step runs."""
    spec = changed(**keys)
    if "values" in keys:
        now = {"exit": 0, "outputs": {**NOW["outputs"], "more": "m"}}  # type: ignore[dict-item]
        manifest = compiled(spec, name.partition("-")[0])
        first = {"manifest": compiled(SPEC, name.partition("-")[0]), "outcomes": {"make": [EARLIER]}}
        answer = engine(name).ask("play", manifest=manifest, outcomes={"make": [now]}, before=[first])
    else:
        answer = play(name, spec=spec)
    assert (answer["phase"], answer["steps"]["make"]["attempts"], rows(answer)) == ("Succeeded", 1, "8")


@names
@pytest.mark.parametrize(
    "keys", [{"image": "a:2"}, {"command": ["make", "it"]}, {"args": ["${{ params.size }}"]}], ids=["image", "program", "argument"]
)
def test_what_a_key_covers(name: str, keys: dict[str, Any]) -> None:
    """On Argo a key is all there is; on KFP another image, program or input gives another result (docs/language.md)."""
    answer = play(name, spec=changed(**keys))
    assert (answer["phase"], rows(answer)) == ("Succeeded", "8" if name in KFP else "7")


@pytest.mark.parametrize("name", KFP)
def test_the_engine_knows_what_changed(name: str) -> None:
    """KFP without a key: a parameter of the run is an input of the step, and an env or a mount a part of one."""
    plain = changed(cache=True, args=["${{ params.size }}"])
    assert rows(play(name, earlier=plain, spec=plain)) == "7"
    assert rows(play(name, earlier=plain, spec=plain, parameters={"size": "2"})) == "8"
    assert rows(play(name, earlier=plain, spec=changed(cache=True, args=["${{ params.size }}"], env={"A": "b"}))) == "8"


@pytest.mark.parametrize("name", CONTROLLERS)
def test_the_config_map_of_infra(name: str) -> None:
    """The controller takes the ConfigMap that `mlc infra` prints; without the label in it, it would refuse the step."""
    (config_map,) = infra.manifests(support.pipeline(yaml.safe_dump(SPEC)))
    assert rows(play(name, config_maps=yaml.safe_dump(config_map))) == "7"
    del config_map["metadata"]["labels"]
    answer = engine(name).ask("play", manifest=compiled(SPEC, "argo"), config_maps=yaml.safe_dump(config_map))
    assert (answer["phase"], answer["steps"]["make"]["phase"]) == ("Error", "Error")
    assert "refusing to use it" in answer["steps"]["make"]["message"]


@pytest.mark.parametrize("name", CONTROLLERS)
def test_why_no_step_with_retries_is_kept(name: str) -> None:
    """With `retryStrategy` beside `memoize`, what comes after a result that was found is not seen to end: so `mlc` refuses the two."""
    (workflow,) = yaml.safe_load_all(compiled(SPEC, "argo"))
    next(one for one in workflow["spec"]["templates"] if one["name"] == "make")["retryStrategy"] = {"limit": "1"}
    answer = engine(name).ask("play", manifest=yaml.safe_dump(workflow), before=[{}])
    assert (answer["phase"], answer["steps"]["make"]["phase"], answer["steps"]["last"]["phase"]) == ("Running", "Succeeded", "Succeeded")
