"""Names of claims, secrets and config maps, and labels, with parameters in them: what the engines put into the pod."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.conformance.engines import CONTROLLERS, KFP, engine
from tests.conformance.playing import compiled

SPEC: dict[str, Any] = {
    "params": {"claim": "data", "account": "warehouse", "settings": "levels", "team": "vision", "number": 7},
    "volumes": {
        "data": {"claim": "${{ params.claim }}"},
        "keys": {"secret": "${{ params.account }}"},
        "settings": {"config_map": "${{ params.settings }}"},
    },
    "steps": {
        "a": {
            "image": "acme/a:1",
            "command": ["work"],
            "args": ["${{ params.account }}"],
            "volumes": {"data": "/data", "keys": "/keys", "settings": "/settings"},
            "env": {
                "TOKEN": {"secret": "${{ params.account }}", "key": "token"},
                "LEVEL": {"config_map": "${{ params.settings }}", "key": "level"},
            },
        }
    },
}


STEP = {"image": "acme/a:1", "command": ["work"]}
DATA = {"data": {"claim": "${{ params.claim }}"}}


def played(name: str, spec: dict[str, Any], **parameters: str) -> Any:
    """What an engine makes of a project whose step `a` ends well."""
    manifest = compiled({"mlc": "v1", "name": "names", **spec}, name.partition("-")[0])
    return engine(name).ask("play", manifest=manifest, parameters=parameters, outcomes={"a": [{"exit": 0}]})


def messages(answer: Any) -> list[str]:
    """Whatever the answer says in words."""
    return [str(one["message"]) for one in (answer, *answer["nodes"], *answer["steps"].values())]


def pods(answer: Any) -> list[Any]:
    """What the pods take from their namespace, without those that take nothing."""
    found = [node["pod"] for node in answer["nodes"] if "pod" in node]
    return [pod for pod in found if pod["mounts"].keys() & {"/data", "/keys"}]


@pytest.mark.parametrize("name", [*CONTROLLERS, *KFP])
def test_names_of_the_run(name: str) -> None:
    """The pod has the names that the run gives, else those of the defaults; what the program gets is the same text."""
    for given in ({}, {"claim": "archive", "account": "lake", "settings": "quiet"}):
        expected = {"claim": "data", "account": "warehouse", "settings": "levels", **given}
        answer = played(name, SPEC, **given)
        assert answer["phase"] == "Succeeded"
        assert answer["steps"]["a"]["args"][-1].removeprefix("=") == expected["account"]
        (pod,) = pods(answer)
        mounts = {"/data": f"claim {expected['claim']}", "/keys": f"secret {expected['account']}"}
        assert {path: pod["mounts"].get(path) for path in mounts} == mounts
        assert pod["mounts"]["/settings"] == f"config map {expected['settings']}"
        assert pod["env"] == {"TOKEN": f"secret {expected['account']} token", "LEVEL": f"config map {expected['settings']} level"}


NO_NAMES = ("", "A", "a_b", "-a", "a b", "$(HOME)", "a\n", '"', "'", "x" * 254)


@pytest.mark.parametrize("name", [*CONTROLLERS, *KFP])
@pytest.mark.parametrize("odd", [*NO_NAMES, "{{workflow.name}}", "{{=1+1}}"])
def test_texts_that_are_no_name(name: str, odd: str) -> None:
    """The run ends before the step has a pod, and says why. (On KFP Argo replaces a text in braces before anything of KFP's sees it.)"""
    env = {"env": {"TOKEN": {"secret": "${{ params.account }}", "key": "token"}}}
    mount = {"volumes": {"data": "/data"}}
    for spec, given, what in (
        ({"params": {"account": "x"}, "steps": {"a": {**STEP, **env}}}, {"account": odd}, "env TOKEN: parameter account"),
        ({"params": {"claim": "x"}, "volumes": DATA, "steps": {"a": {**STEP, **mount}}}, {"claim": odd}, "volume data: parameter claim"),
    ):
        answer = played(name, spec, **given)
        if name in KFP and odd not in NO_NAMES:
            assert answer["phase"] == "Succeeded"
            continue
        assert (answer["phase"], answer["steps"]["a"]["attempts"]) == ("Failed" if name in KFP else "Error", 0)
        if name != "argo-3.6":  # keeps the reason for itself
            assert any(f"{what} makes no legal name" in said for said in messages(answer))


@pytest.mark.parametrize("name", KFP)
def test_volumes_have_short_names_on_kfp(name: str) -> None:
    """The pod's volume is called like the claim, so its name is no longer than a volume's; one in `env` may be."""
    given = {"claim": "x" * 64}
    spec = {"params": {"claim": "x"}, "volumes": DATA, "steps": {"a": {**STEP, "volumes": {"data": "/data"}}}}
    answer = played(name, spec, **given)
    assert answer["phase"] == "Failed"
    assert any("volume data: parameter claim makes no legal name of a volume" in said for said in messages(answer))
    spec = {"params": {"claim": "x"}, "steps": {"a": {**STEP, "env": {"A": {"secret": "${{ params.claim }}", "key": "k"}}}}}
    assert played(name, spec, **given)["phase"] == "Succeeded"


@pytest.mark.parametrize("name", CONTROLLERS)
@pytest.mark.parametrize("odd", ["a b", "-a", "a" * 64, "{{workflow.name}}", "a\n", "$"])
def test_texts_that_are_no_label(name: str, odd: str) -> None:
    """The same of labels."""
    spec = {"params": {"team": "x"}, "steps": {"a": {**STEP, "labels": {"team": "${{ params.team }}"}}}}
    answer = played(name, spec, team=odd)
    assert (answer["phase"], answer["steps"]["a"]["attempts"]) == ("Error", 0)
    if name != "argo-3.6":
        assert any("label team: parameter team makes no legal value" in said for said in messages(answer))
    assert played(name, spec, team="")["phase"] == "Succeeded"


@pytest.mark.parametrize("name", CONTROLLERS)
def test_labels_and_names_put_together(name: str) -> None:
    """Argo puts text and parameters together, of labels and names, also in the items of a loop and in `finally`."""
    step = {
        "image": "acme/a:1",
        "command": ["work"],
        "labels": {"acme.example/team": "${{ params.team }}", "run": "n${{ params.number }}", "kind": "train"},
        "volumes": {"data": "/data"},
    }
    spec = {
        "params": {"team": "vision", "number": 7},
        "volumes": {"data": {"claim": "data-${{ params.team }}-${{ params.number }}"}},
        "steps": {"a": {**step, "foreach": {"x": [1, 2]}}},
        "finally": {"z": step},
    }
    answer = played(name, spec, team="speech", number="12")
    assert answer["phase"] == "Succeeded"
    labels = {"acme.example/team": "speech", "run": "n12", "kind": "train"}
    assert [(pod["labels"], pod["mounts"]) for pod in pods(answer)] == [(labels, {"/data": "claim data-speech-12"})] * 3


@pytest.mark.parametrize("name", [*CONTROLLERS, *KFP])
def test_names_reach_every_group(name: str) -> None:
    """The items of a loop, what rides along, what is made before and `finally` have them too, on KFP through every group around a step."""
    step = {**STEP, "volumes": {"data": "/data"}, "env": {"TOKEN": {"secret": "${{ params.account }}", "key": "token"}}}
    spec = {
        "params": {"claim": "data", "account": {"type": "string", "default": "one", "choices": ["one", "two"]}},
        "volumes": {**DATA, "scratch": {"size": "1Gi", "storage_class": "fast"}},
        "steps": {
            "a": {**step, "foreach": {"x": [1, 2]}},
            "b": {**STEP, "each": "a", "volumes": {"data": "/data", "scratch": "/scratch"}},
        },
        "finally": {"z": step},
    }
    answer = played(name, spec, claim="archive", account="two")
    assert answer["phase"] == "Succeeded"
    found = [(pod["mounts"]["/data"], pod["env"].get("TOKEN")) for pod in pods(answer)]
    assert Counter(found) == {("claim archive", None): 2, ("claim archive", "secret two token"): 3}


@pytest.mark.parametrize("name", CONTROLLERS)
def test_names_in_containers_beside(name: str) -> None:
    """A volume of a template is one of the pod: other containers mount it, too. A step with a `resource` has labels of the run as well."""
    beside = {"image": "acme/b:1", "command": ["serve"], "volumes": {"data": "/beside"}}
    spec = {
        "params": {"claim": "data", "team": "vision"},
        "volumes": DATA,
        "steps": {"a": {**STEP, "volumes": {"data": "/data"}, "sidecars": {"b": beside}, "init": {"c": beside}}},
    }
    (pod,) = pods(played(name, spec, claim="archive"))
    assert pod["mounts"]["/data"] == "claim archive"
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}}
    applied = {"resource": {"action": "apply", "manifest": manifest}, "labels": {"team": "${{ params.team }}"}}
    answer = played(name, {"params": {"team": "vision"}, "steps": {"a": applied}}, team="speech")
    assert [node["pod"]["labels"] for node in answer["nodes"] if "pod" in node] == [{"team": "speech"}]
