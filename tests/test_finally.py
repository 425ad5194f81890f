"""`finally` and `on_miss`: what the targets print, and what may not be referred to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import codes, manifests

PROJECT = """
mlc: v1
name: p
params: {limit: {type: float, default: 0.5, max: 1.0}, channel: ops}
volumes: {work: {size: 1Gi, access_mode: ReadWriteOnce, storage_class: fast}}
steps:
  train:
    image: acme/train:1
    command: train
    volumes: {work: /job}
    metrics:
      accuracy: {path: /a.json, above: 0.8, on_miss: fail}
      loss: {path: /m.json, key: a.b, max: "${{ params.limit }}", on_miss: fail}
      f1: {path: /f1, min: "${{ steps.base.metrics.f1 }}", on_miss: fail}
      speed: {path: /s, max: 9}
  base: {image: acme/base:1, command: base, needs: train, metrics: {f1: /f1}}
  ship: {image: acme/ship:1, command: ship, gate: train}
finally:
  notify: {image: acme/notify:1, command: notify, args: ["${{ params.channel }}"], values: {id: /tmp/id}}
  file: {image: acme/file:1, command: file, args: ["${{ steps.notify.values.id }}"]}
"""


def argo() -> dict[str, Any]:
    """The spec of the Workflow."""
    (workflow,) = manifests(PROJECT, "argo")
    spec: dict[str, Any] = workflow["spec"]
    return spec


def test_exit_handler_is_a_dag_of_its_own() -> None:
    """Argo's exit handler is a DAG of the steps of `finally`, in their order; the run's DAG has none of them."""
    spec = argo()
    templates = {template["name"]: template for template in spec["templates"]}
    assert spec["onExit"] == "x-finally"
    tasks = templates["x-finally"]["dag"]["tasks"]
    assert [(task["name"], task.get("depends")) for task in tasks] == [("notify", None), ("file", "notify.Succeeded")]
    assert templates["x-finally"]["dag"]["failFast"] is False
    assert "notify" not in {task["name"] for task in templates["entrypoint"]["dag"]["tasks"]}


def test_missed_thresholds_are_a_task_without_a_pod() -> None:
    """On Argo every threshold with `on_miss: fail` is looked at by one task, after the step and whatever its bounds refer to."""
    tasks = {task["name"]: task for task in argo()["templates"][0]["dag"]["tasks"]}
    task = tasks["x-missed-train"]
    assert task["template"] == "x-missed"
    assert task["depends"] == "train.Succeeded && base.Succeeded"
    assert task["when"].startswith("{{= [(fromJSON(tasks['train'].outputs.parameters['accuracy']) > 0.8 ? 'false' : asInt(")
    assert task["when"].count("missed its threshold") == 3
    assert "'speed'" not in task["when"]
    assert {"name": "x-missed", "suspend": {}} in argo()["templates"]


def test_no_missed_task_without_on_miss() -> None:
    """`on_miss: skip` is what happens where nothing is said: it adds nothing."""
    skip = PROJECT.replace("on_miss: fail", "on_miss: skip")
    plain = PROJECT.replace(", on_miss: fail", "")
    for target in ("argo", "kfp"):
        assert manifests(skip, target) == manifests(plain, target)
        assert "x-missed" not in str(manifests(skip, target))


def test_kfp_nests_the_run_beside_one_exit_task() -> None:
    """On KFP the root holds the run as one group and `finally` as one exit task that takes nothing from another task."""
    spec = manifests(PROJECT, "kfp")[0]
    root = spec["root"]["dag"]["tasks"]
    assert list(root) == ["x-run", "x-finally"]
    assert root["x-finally"]["dependentTasks"] == ["x-run"]
    assert root["x-finally"]["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert root["x-finally"]["inputs"] == {"parameters": {"channel": {"componentInputParameter": "channel"}}}
    components = spec["components"]
    assert list(components["comp-x-run"]["dag"]["tasks"]) == ["x-create-work", "x-claims"]
    assert set(components["comp-x-run"]["inputDefinitions"]["parameters"]) == {"limit"}
    assert list(components["comp-x-finally"]["dag"]["tasks"]) == ["notify", "file"]
    inner = components["comp-x-steps"]["dag"]["tasks"]
    missed = inner["x-missed-train"]
    assert missed["dependentTasks"] == ["base", "train"]
    assert missed["triggerPolicy"]["condition"].endswith(".exists(c, c)")
    assert spec["deploymentSpec"]["executors"]["exec-x-missed-train"]["container"]["image"] == "acme/train:1"


@pytest.mark.parametrize("target", ["argo", "kfp"])
def test_defaults_reach_finally(target: str) -> None:
    """Steps of `finally` get `defaults` as all steps do."""
    text = PROJECT + "defaults: {timeout: 7m}\n"
    given = str(manifests(text, target))
    assert given.count("'420'" if target == "kfp" else "'activeDeadlineSeconds': 420") == 5


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("params.channel", "steps.train.values.x", "MLC311"),
        ("command: notify,", "command: notify, needs: ship,", "MLC311"),
        ("command: notify,", "command: notify, gate: file,", "MLC311"),
        ("command: ship, gate: train", "command: ship, needs: file", "MLC311"),
        ("command: file,", "command: file, needs: nobody,", "MLC301"),
        ("command: notify,", "command: notify, needs: file,", "MLC302"),
        ("  notify:", "  ship:", "MLC308"),
        ("params.channel", "run.nope", "MLC304"),
    ],
)
def test_what_finally_may_not(old: str, new: str, code: str) -> None:
    """References across the border of `finally`, unknown ones, cycles and names used twice are refused."""
    assert PROJECT.count(old) == 1
    assert code in codes(PROJECT.replace(old, new))
