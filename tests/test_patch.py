"""Patches: JSON patch by its standard, merges, what they are about on each target, and what becomes of wrong ones."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from mlc import driver
from mlc.describe import describe, text
from mlc.diff import changes
from mlc.lowering import fields
from mlc.lowering.patch import Fault, merged, patched, same
from tests.support import ROOT, check, codes, documents, manifests, pipeline, source

STEPS = "steps: {train: {image: 'acme/train:1', command: train, env: {A: x, B: y}}, last: {needs: train, image: 'b:1', command: c}}\n"
BOTH = ("argo", "kfp")


def op(kind: str, path: str, **more: Any) -> dict[str, Any]:
    """An operation; `source` is its `from`."""
    return {"op": kind, "path": path, **{"from" if key == "source" else key: value for key, value in more.items()}}


# The cases of RFC 6902, appendix A, by its sections, each with values of our own.
APPENDIX = {
    "A1 add a member": ({"model": "a"}, [op("add", "/lr", value=0.1)], {"model": "a", "lr": 0.1}),
    "A2 add an item": ({"l": [1, 3]}, [op("add", "/l/1", value=2)], {"l": [1, 2, 3]}),
    "A3 remove a member": ({"model": "a", "lr": 1}, [op("remove", "/lr")], {"model": "a"}),
    "A4 remove an item": ({"l": [1, 2, 3]}, [op("remove", "/l/1")], {"l": [1, 3]}),
    "A5 replace a value": ({"model": "a", "lr": 1}, [op("replace", "/lr", value=2)], {"model": "a", "lr": 2}),
    "A6 move a value": ({"a": {"x": 1, "y": 2}, "b": {}}, [op("move", "/b/z", source="/a/x")], {"a": {"y": 2}, "b": {"z": 1}}),
    "A7 move an item": ({"l": ["a", "b", "c", "d"]}, [op("move", "/l/3", source="/l/1")], {"l": ["a", "c", "d", "b"]}),
    "A8 test that holds": (
        {"a": "x", "l": ["p", 2]},
        [op("test", "/a", value="x"), op("test", "/l/1", value=2)],
        {"a": "x", "l": ["p", 2]},
    ),
    "A10 add a mapping": ({"a": 1}, [op("add", "/b", value={"c": {}})], {"a": 1, "b": {"c": {}}}),
    "A14 escapes": ({"/": 9, "~1": 10}, [op("test", "/~01", value=10), op("replace", "/~1", value=8)], {"/": 8, "~1": 10}),
    "A16 append": ({"l": ["a"]}, [op("add", "/l/-", value=["b", "c"])], {"l": ["a", ["b", "c"]]}),
    "4.1 add in place of": ({"a": 1}, [op("add", "/a", value=None)], {"a": None}),
    "4.1 the whole": ({"a": 1}, [op("add", "", value={"b": 2})], {"b": 2}),
    "4.4 move onto itself": ({"a": 1}, [op("move", "/a", source="/a")], {"a": 1}),
    "4.5 copy": ({"a": {"x": [1]}}, [op("copy", "/b", source="/a"), op("add", "/b/x/-", value=2)], {"a": {"x": [1]}, "b": {"x": [1, 2]}}),
    "4.6 numbers by value": (
        {"a": 1, "b": {"x": 1, "y": 2}},
        [op("test", "/a", value=1.0), op("test", "/b", value={"y": 2, "x": 1})],
        None,
    ),
    "an empty key": ({"": {"": 1}}, [op("replace", "//", value=2)], {"": {"": 2}}),
}

FAULTS = {
    "A8 test that fails": ({"a": "x"}, [op("add", "/b", value=1), op("test", "/a", value="y")], 1, "value"),
    "A12 parent that is not there": ({"a": 1}, [op("add", "/b/c", value=1)], 0, "path"),
    "A15 text and number": ({"~1": 10}, [op("test", "/~01", value="10")], 0, "value"),
    "true is no number": ({"a": True}, [op("test", "/a", value=1)], 0, "value"),
    "replace what is not there": ({}, [op("replace", "/a", value=1)], 0, "path"),
    "remove what is not there": ({"l": [1]}, [op("remove", "/l/1")], 0, "path"),
    "beyond the end": ({"l": [1]}, [op("add", "/l/2", value=1)], 0, "path"),
    "leading zero": ({"l": [1]}, [op("replace", "/l/00", value=1)], 0, "path"),
    "other digits": ({"l": [1]}, [op("replace", "/l/\u0660", value=1)], 0, "path"),
    "negative": ({"l": [1]}, [op("remove", "/l/-1")], 0, "path"),
    "the end is no item": ({"l": [1]}, [op("remove", "/l/-")], 0, "path"),
    "into a text": ({"a": "x"}, [op("add", "/a/0", value=1)], 0, "path"),
    "into itself": ({"a": {"b": 1}}, [op("move", "/a/b", source="/a")], 0, "from"),
    "from nowhere": ({"a": 1}, [op("copy", "/b", source="/c")], 0, "from"),
    "nothing left": ({"a": 1}, [op("remove", "")], 0, "path"),
    "too large": ({"a": [1]}, [op("copy", "/a/-", source="/a")] * 40, None, "from"),
}


@pytest.mark.parametrize("case", APPENDIX)
def test_operations(case: str) -> None:
    """What RFC 6902 says; the document given stays as it is."""
    before, operations, after = APPENDIX[case]
    kept = copy.deepcopy(before)
    assert json.dumps(patched(before, operations)) == json.dumps(kept if after is None else after)
    assert before == kept


@pytest.mark.parametrize("case", FAULTS)
def test_operations_that_cannot_be_done(case: str) -> None:
    """The fault names the operation and its key; the document given stays as it is."""
    before, operations, index, key = FAULTS[case]
    kept = copy.deepcopy(before)
    with pytest.raises(Fault) as fault:
        patched(before, operations)
    assert fault.value.key == key
    assert index is None or fault.value.index == index
    assert before == kept


def test_same() -> None:
    """Lists by order and length, mappings by keys."""
    assert same([1, {"a": 0}], [1.0, {"a": 0}])
    assert not same([1, 2], [2, 1])
    assert not same([1], [1, 2])
    assert not same({"a": 1}, {"a": 1, "b": 2})
    assert not same({"a": False}, {"a": 0})


MERGES: dict[str, tuple[Any, Any, Any]] = {
    "mappings": ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3, "z": 4}}, {"a": {"x": 1, "y": 3, "z": 4}}),
    "null": ({"a": {"x": 1, "y": 2}}, {"a": {"x": None, "n": None}}, {"a": {"y": 2}}),
    "null in what is new": ({}, {"a": {"x": None, "y": 1}}, {"a": {"y": 1}}),
    "lists by name": (
        {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        {"env": [{"name": "B", "value": None, "valueFrom": {}}, {"name": "C", "value": "3"}]},
        {"env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {}}, {"name": "C", "value": "3"}]},
    ),
    "other lists": ({"args": ["a", "b"]}, {"args": ["c"]}, {"args": ["c"]}),
    "an empty list": ({"env": [{"name": "A"}]}, {"env": []}, {"env": []}),
    "a list in which one has no name": ({"l": [{"name": "A"}, {"x": 1}]}, {"l": [{"name": "A", "y": 1}]}, {"l": [{"name": "A", "y": 1}]}),
    "another kind": ({"a": "text", "b": {"x": 1}}, {"a": {"x": 1}, "b": "text"}, {"a": {"x": 1}, "b": "text"}),
}


@pytest.mark.parametrize("case", MERGES)
def test_merges(case: str) -> None:
    """What a merge makes of mappings, lists and `null`; what is given stays as it is."""
    base, change, after = MERGES[case]
    kept = copy.deepcopy((base, change))
    assert json.dumps(merged(base, change)) == json.dumps(after)
    assert (base, change) == kept


def test_names_that_are_not_unique() -> None:
    """Two mounts of one volume have one name: a merge cannot say which one is meant."""
    twice = [{"name": "data", "mountPath": "/a"}, {"name": "data", "mountPath": "/b"}]
    for base, change in ((twice, twice[:1]), (twice[:1], twice)):
        with pytest.raises(Fault, match="`/m` have the same name"):
            merged({"m": base}, {"m": change})


def patch(target: str, *entries: str) -> str:
    """The project with patches of a target."""
    return STEPS + f"targets:\n  {target}:\n    patch:\n" + "".join(f"    - {entry}\n" for entry in entries)


def test_step_on_argo() -> None:
    """A step's template is patched, tags of the engine pass, other templates stay."""
    entry = '{step: train, merge: {priorityClassName: p, container: {env: [{name: B, value: "{{pod.name}}"}]}}}'
    (base,) = manifests(STEPS, "argo")
    (found,) = documents(driver.compile_source(source(patch("argo", entry)), ("argo",)).outputs[0].text)  # the self-check knows no such tag
    _, train, last = found["spec"]["templates"]
    assert (train["priorityClassName"], train["container"]["env"]) == (
        "p",
        [{"name": "A", "value": "x"}, {"name": "B", "value": "{{pod.name}}"}],
    )
    assert last == base["spec"]["templates"][2]


def test_manifest_on_argo() -> None:
    """Without a step the first object is meant, and the CronWorkflow of a schedule stays."""
    text = patch("argo", "{merge: {metadata: {labels: {a: b}}}}") + "schedule: {cron: '@daily'}\n"
    result = driver.compile_source(source(text), ("argo",))
    template, cron = documents(result.outputs[0].text)
    assert template["metadata"] == {"name": "demo", "labels": {"a": "b"}}
    assert cron["metadata"] == {"name": "demo"}


def test_step_on_kfp() -> None:
    """A step has its container and its Kubernetes settings; the platform spec comes and goes with what is in it."""
    add, *_ = manifests(patch("kfp", "{step: train, merge: {container: {env: [{name: C, value: z}]}}}"), "kfp")
    assert [one["name"] for one in add["deploymentSpec"]["executors"]["exec-train"]["container"]["env"]] == ["A", "B", "C"]
    _, platform = manifests(patch("kfp", "{step: train, merge: {kubernetes: {imagePullPolicy: Always}}}"), "kfp")
    assert platform == {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec-train": {"imagePullPolicy": "Always"}}}}}}
    there = "{step: train, merge: {kubernetes: {imagePullPolicy: Always}}}", "{step: train, json: [{op: remove, path: /kubernetes}]}"
    assert manifests(patch("kfp", *there), "kfp") == manifests(STEPS, "kfp")


def test_pipeline_on_kfp() -> None:
    """Without a step both documents are one mapping."""
    spec, platform = manifests(
        patch("kfp", "{merge: {pipelineInfo: {displayName: D}, platforms: {kubernetes: {pipelineConfig: {resourceTtlOnCompletion: 60}}}}}"),
        "kfp",
    )
    assert spec["pipelineInfo"] == {"name": "demo", "displayName": "D"}
    assert platform == {"platforms": {"kubernetes": {"pipelineConfig": {"resourceTtlOnCompletion": 60}}}}


def test_other_target_is_not_touched() -> None:
    """A patch is for one target: the other one neither has nor checks it."""
    assert manifests(patch("argo", "{step: train, merge: {container: null}}"), "kfp") == manifests(STEPS, "kfp")


def test_patches_in_order() -> None:
    """A patch sees what those before it made."""
    made = "{merge: {spec: {hostAliases: [{ip: 10.0.0.1}]}}}", "json: [{op: remove, path: /spec/hostAliases}]"
    assert manifests(patch("argo", *made), "argo") == manifests(STEPS, "argo")
    assert codes(patch("argo", *reversed(made)), ("argo",)) == ["MLC341"]


def test_position() -> None:
    """A fault stands under the key of the operation that is to blame, with what is there instead."""
    (found,) = check(patch("argo", "json: [{op: test, path: /kind, value: Workflow}, {op: add, path: /spek/x, value: 1}]"), ("argo",))
    assert (found.code, found.path) == ("MLC341", ("targets", "argo", "patch", 0, "json", 1, "path"))
    assert found.help == "did you mean `spec`?"


@pytest.mark.parametrize(
    ("target", "entry"),
    [
        ("argo", "{merge: {apiVersion: v1}}"),
        ("argo", "{merge: {metadata: {generateName: null}}}"),
        ("argo", "{merge: {spec: {templates: null}}}"),
        ("argo", "{merge: {spec: {onExit: nothing}}}"),
        ("argo", "{merge: {spec: {templates: [{name: other}]}}}"),
        ("argo", "json: [{op: copy, from: /spec/templates/1, path: /spec/templates/-}]"),
        ("argo", "json: [{op: copy, from: /spec/templates/0/dag/tasks/0, path: /spec/templates/0/dag/tasks/0}]"),
        ("argo", "json: [{op: replace, path: /spec, value: x}]"),
        ("argo", "json: [{op: replace, path: '', value: []}]"),
        ("argo", "{step: train, json: [{op: replace, path: '', value: 1}]}"),
        ("argo", "{step: train, merge: {script: {image: 'a:1', source: x}}}"),
        ("argo", "{step: train, json: [{op: replace, path: /container, value: x}]}"),
        ("argo", "{merge: {priorityClassName: high}}"),
        ("argo", "{step: train, merge: {container: {env: [{name: C, value: 'a {{= b'}]}}}"),
        ("argo", "{merge: {spec: {hostAliases: [{ip: '{{x}} {{y'}]}}}"),
        ("argo", "json: [{op: replace, path: /spec/templates/0/dag/tasks/1/depends, value: other.Succeeded}]"),
        ("argo", "json: [{op: replace, path: /spec/templates/0/dag/tasks/1/depends, value: 'train.Suceeded'}]"),
        ("argo", "json: [{op: replace, path: /spec/templates/0/dag/tasks/1/depends, value: '!(train.Failed || x-1)'}]"),
        ("argo", "json: [{op: replace, path: /spec/templates/0/dag/tasks/1/depends, value: [train]}]"),
        ("argo", "json: [{op: add, path: /spec/templates/0/dag/tasks/1/dependencies, value: [other]}]"),
        ("argo", "json: [{op: add, path: /spec/templates/0/dag/tasks/1/dependencies, value: [3]}]"),
        ("argo", "{merge: {spec: {entrypoint: train}}}"),
        ("kfp", "{merge: {root: {dag: {tasks: {last: {dependentTasks: [other]}}}}}}"),
        ("kfp", "{merge: {root: {dag: {tasks: {last: {dependentTasks: other}}}}}}"),
        (
            "kfp",
            "{merge: {root: {dag: {tasks: {last: {inputs: {parameters: {p: {taskOutputParameter: {producerTask: other}}}}}}}}}}",
        ),
        ("kfp", "{merge: {container: {}}}"),
        ("kfp", "{merge: {schemaVersion: 2.0.0}}"),
        ("kfp", "{merge: {pipelineInfo: {name: null}}}"),
        ("kfp", "{merge: {root: null}}"),
        ("kfp", "{merge: {root: {dag: {tasks: {train: {componentRef: null}}}}}}"),
        ("kfp", "{merge: {root: {dag: {tasks: {train: null}}}}}"),
        ("kfp", "{merge: {components: {comp-train: {executorLabel: other}}}}"),
        ("kfp", "{merge: {components: {comp-train: {executorLabel: {a: b}}}}}"),
        ("kfp", "{merge: {platforms: {kubernetes: x}}}"),
        ("kfp", "json: [{op: replace, path: '', value: []}]"),
        ("kfp", "json: [{op: add, path: /platforms, value: null}]"),
        ("kfp", "{step: train, merge: {container: {image: ''}}}"),
        ("kfp", "{step: train, json: [{op: replace, path: /container, value: x}]}"),
        ("kfp", "{step: train, merge: {kubernetes: x}}"),
    ],
)
def test_what_has_to_stay(target: str, entry: str) -> None:
    """A result that lacks what the project's steps need, or has no such form at all, is refused."""
    assert codes(patch(target, entry), (target,)) == ["MLC422"]


FINALLY = STEPS + "finally: {after: {image: 'a:1', command: c}}\n"


@pytest.mark.parametrize(
    ("target", "change", "said"),
    [
        ("argo", "{spec: {onExit: null}}", "no `onExit`"),
        ("argo", "{spec: {onExit: train}}", "nothing runs step `after`"),
        ("argo", "{spec: {entrypoint: x-finally}}", "nothing runs step `train`"),
        ("kfp", "{root: {dag: {tasks: {x-run: null}}}}", "waits for `x-run`"),
        ("kfp", "{root: {dag: {tasks: {x-run: null, x-finally: {dependentTasks: null}}}}}", "nothing runs step `train`"),
        ("kfp", "{root: {dag: {tasks: {x-finally: null}}}}", "nothing runs step `after`"),
        ("kfp", "{root: {dag: {tasks: {x-run: {componentRef: {name: comp-train}}}}}}", "nothing runs step `train`"),
    ],
)
def test_what_runs_the_steps_has_to_stay(target: str, change: str, said: str) -> None:
    """Each step is reached from where a run begins, or from where it ends: `finally` does not get lost."""
    (found,) = check(FINALLY + f"targets: {{{target}: {{patch: [{{merge: {change}}}]}}}}\n", (target,))
    assert (found.code, said in found.message) == ("MLC422", True), found.message


@pytest.mark.parametrize(
    ("target", "change"),
    [
        (
            "argo",
            "json: [{op: replace, path: /spec/templates/0/dag/tasks/1/depends, value: '(train || train.Failed) && !train.Omitted'}]",
        ),
        ("argo", "json: [{op: remove, path: /spec/templates/0/dag/tasks/1/depends}]"),
        (
            "argo",
            "json: [{op: remove, path: /spec/templates/0/dag/tasks/1/depends}, "
            "{op: add, path: /spec/templates/0/dag/tasks/1/dependencies, value: [train]}]",
        ),
        # a template around the project's own, which a run begins with
        ("argo", "merge: {spec: {entrypoint: outer, templates: [{name: outer, steps: [[{name: first, template: entrypoint}]]}]}}"),
        ("argo", "merge: {spec: {onExit: bye, templates: [{name: bye, container: {image: 'b:1', command: [bye]}}]}}"),
        ("kfp", "merge: {root: {dag: {tasks: {last: {dependentTasks: null}}}}}"),
        ("kfp", "merge: {root: {dag: {tasks: {last: {inputs: {parameters: {producerTask: {runtimeValue: {constant: x}}}}}}}}}"),
    ],
)
def test_other_ways_to_the_same_steps(target: str, change: str) -> None:
    """What waits for what may be changed, and what a run begins with, as long as all is there."""
    assert codes(patch(target, f"{{{change}}}" if change.startswith("merge") else change), (target,)) == []


MISTYPED = [
    ("argo", "{step: train, merge: {contaner: {image: x}}}", "spec.templates.train.contaner", "did you mean `container`?"),
    ("argo", "{step: train, merge: {nodeSelectr: {a: b}}}", "spec.templates.train.nodeSelectr", "did you mean `nodeSelector`?"),
    ("argo", "{step: train, merge: {nodeselector: {a: b}}}", "spec.templates.train.nodeselector", "did you mean `nodeSelector`?"),
    ("argo", "{step: train, merge: {node_selector: {a: b}}}", "spec.templates.train.node_selector", "did you mean `nodeSelector`?"),
    (
        "argo",
        "{step: train, merge: {container: {imagePulPolicy: Always}}}",
        "spec.templates.train.container.imagePulPolicy",
        "imagePullPolicy",
    ),
    ("argo", "{step: train, merge: {container: {env: [{name: C, vale: x}]}}}", "spec.templates.train.container.env.C.vale", "`value`"),
    (
        "argo",
        "{step: train, merge: {sidecars: [{name: s, image: 'a:1', comand: [x]}]}}",
        "spec.templates.train.sidecars.s.comand",
        "`command`",
    ),
    ("argo", "{step: train, merge: {volumes: [{name: v, emptydir: {}}]}}", "spec.templates.train.volumes.v.emptydir", "`emptyDir`"),
    ("argo", "{step: train, merge: {priorityClass: high}}", "spec.templates.train.priorityClass", "did you mean `priorityClassName`?"),
    ("argo", "{merge: {spec: {podGc: {}}}}", "spec.podGc", "did you mean `podGC`?"),
    ("argo", "{merge: {metadata: {lables: {a: b}}}}", "metadata.lables", "did you mean `labels`?"),
    (
        "argo",
        "json: [{op: add, path: /spec/templates/0/dag/tasks/0/depnds, value: x}]",
        "spec.templates.entrypoint.dag.tasks.train.depnds",
        "",
    ),
    (
        "argo",
        "{step: train, merge: {steps: [[{name: x, templat: y}]], container: null}}",
        "spec.templates.train.steps.0.x.templat",
        "`template`",
    ),
    ("kfp", "{step: train, merge: {container: {resources: {cpuLimt: 1}}}}", "cpuLimt", "did you mean `cpuLimit`?"),
    ("kfp", "{step: train, merge: {kubernetes: {imagepullpolicy: Always}}}", "imagepullpolicy", "did you mean `imagePullPolicy`?"),
    ("kfp", "{step: train, merge: {kubernetes: {tolerations: [{key: a, efect: NoExecute}]}}}", "tolerations.0.efect", "`effect`"),
    ("kfp", "{merge: {root: {dag: {tasks: {last: {dependentTask: [train]}}}}}}", "root.dag.tasks.last.dependentTask", "`dependentTasks`"),
    ("kfp", "{merge: {pipelineInfo: {desciption: x}}}", "pipelineInfo.desciption", "did you mean `description`?"),
    ("kfp", "{merge: {platforms: {kubernetes: {pipelineConfg: {}}}}}", "platforms.kubernetes.pipelineConfg", "`pipelineConfig`"),
]


@pytest.mark.parametrize(("target", "entry", "place", "help"), MISTYPED, ids=str)
def test_keys_with_typing_errors(target: str, entry: str, place: str, help: str) -> None:
    """A key that neither engine nor Kubernetes has, but nearly, is said with what was meant."""
    found = [one for one in check(patch(target, entry), (target,)) if one.code == "MLC422"]
    assert [f"{place}` is no key that the engine knows" in one.message for one in found] == [True], found
    assert help in found[0].help


VALUES = [
    ("argo", "{merge: {metadata: {labels: {a: 5}}}}", "`metadata.labels.a` is `5`, and has to be a text"),
    ("argo", "{merge: {metadata: {annotations: {a: true}}}}", "`metadata.annotations.a` is `true`, and has to be a text"),
    ("argo", "{merge: {metadata: {labels: [a]}}}", "`metadata.labels` is a list, and has to be a mapping of texts"),
    ("argo", "{step: train, merge: {metadata: {labels: {a: {b: c}}}}}", "`spec.templates.train.metadata.labels.a` is a mapping"),
    ("argo", "{merge: {spec: {podMetadata: {labels: {a: 0.5}}}}}", "`spec.podMetadata.labels.a` is `0.5`"),
    ("argo", "{step: train, merge: {nodeSelector: {gpu: true}}}", "nodeSelector.gpu` is `true`"),
    ("argo", "{step: train, merge: {activeDeadlineSeconds: 1h}}", 'activeDeadlineSeconds` is `"1h"`, and has to be a whole number'),
    ("argo", "{step: train, merge: {activeDeadlineSeconds: 1.5}}", "activeDeadlineSeconds` is `1.5`"),
    ("argo", "{step: train, merge: {activeDeadlineSeconds: true}}", "activeDeadlineSeconds` is `true`"),
    ("argo", "{merge: {spec: {activeDeadlineSeconds: '3600'}}}", '`spec.activeDeadlineSeconds` is `"3600"`'),
    ("argo", "{step: train, merge: {parallelism: '2'}}", 'parallelism` is `"2"`'),
    ("argo", "{step: train, merge: {daemon: 'yes'}}", 'daemon` is `"yes"`, and has to be `true` or `false`'),
    ("argo", "{step: train, merge: {container: {env: [{name: C, value: 5}]}}}", "container.env.C.value` is `5`"),
    ("argo", "{step: train, merge: {container: {args: [1]}}}", "container.args.0` is `1`"),
    ("argo", "{step: train, merge: {retryStrategy: 3}}", "retryStrategy` is `3`, and has to be a mapping"),
    ("kfp", "{step: train, merge: {kubernetes: {podMetadata: {labels: {a: 5}}}}}", "podMetadata.labels.a` is `5`"),
    ("kfp", "{step: train, merge: {kubernetes: {podMetadata: {annotations: {a: 5}}}}}", "podMetadata.annotations.a` is `5`"),
    ("kfp", "{step: train, merge: {kubernetes: {nodeSelector: {labels: {a: true}}}}}", "nodeSelector.labels.a` is `true`"),
    ("kfp", "{step: train, merge: {kubernetes: {activeDeadlineSeconds: 1h}}}", 'activeDeadlineSeconds` is `"1h"`'),
    ("kfp", "{step: train, merge: {container: {env: [{name: C, value: 5}]}}}", "container.env.C.value` is `5`"),
    ("kfp", "{merge: {platforms: {kubernetes: {pipelineConfig: {resourceTtlOnCompletion: 1d}}}}}", 'resourceTtlOnCompletion` is `"1d"`'),
    ("kfp", "{merge: {root: {dag: {tasks: {last: {cachingOptions: {enableCache: 'no'}}}}}}}", 'enableCache` is `"no"`'),
]


@pytest.mark.parametrize(("target", "entry", "said"), VALUES, ids=str)
def test_values_of_another_kind(target: str, entry: str, said: str) -> None:
    """Labels and annotations are texts, times are numbers of seconds: no engine takes another kind, nor makes it what was meant."""
    (found,) = check(patch(target, entry), (target,))
    assert (found.code, said in found.message) == ("MLC422", True), found.message


@pytest.mark.parametrize(
    ("target", "entry"),
    [
        ("argo", "{step: train, merge: {activeDeadlineSeconds: '3600'}}"),
        ("argo", "{step: train, merge: {activeDeadlineSeconds: '{{workflow.priority}}'}}"),
        ("argo", "{step: train, merge: {retryStrategy: {limit: '3', backoff: {factor: 2, duration: 5s}}}}"),
        ("argo", "{merge: {spec: {arguments: {parameters: [{name: x, value: 5}]}}}}"),
        ("argo", "json: [{op: add, path: /metadata/labels, value: {a: null}}]"),
        ("argo", "{step: train, merge: {container: {livenessProbe: {httpGet: {port: 80}, periodSeconds: 5}}}}"),
        ("argo", "{step: train, merge: {volumes: [{name: v, projected: {sources: []}}]}}"),
        # what a later version may have
        (
            "argo",
            "{step: train, merge: {hostPID: true, resourceClaims: [], memoizes: [], container: {imagePullPolicyRules: []}}}",
        ),
        ("argo", "{merge: {spec: {schedulingGates: [], onExits: [x]}}}"),
        ("kfp", "{step: train, merge: {kubernetes: {activeDeadlineSeconds: '60', hostNetwork: true}}}"),
        (
            "kfp",
            "{step: train, merge: {kubernetes: {activeDeadlineSeconds: 60, configMapAsFile: []}, container: {resources: {gpuLimit: 1}}}}",
        ),
        # protocol buffers in JSON have two names for a field
        ("kfp", "{step: train, merge: {kubernetes: {image_pull_policy: Always, pod_metadata: {labels: {a: b}}}}}"),
    ],
)
def test_values_and_keys_that_are_taken(target: str, entry: str) -> None:
    """What an engine reads passes in each of its forms, and so does what only a later version knows."""
    assert driver.compile_source(source(patch(target, entry)), (target,)).outputs, check(patch(target, entry), (target,))


@pytest.mark.parametrize("target", BOTH)
def test_any_form_anywhere(target: str) -> None:
    """Whatever stands in whatever place of a manifest: it is taken or refused, and nothing breaks."""
    body = "artifacts: {o: dataset}\nsteps:\n  train: {image: 'a:1', command: c, env: {A: x}, retry: {limit: 2}, outputs: {o: /o/f}}\n"
    body += "  last: {image: 'a:1', command: c, inputs: {o: /i/f}}\nfinally: {z: {image: 'a:1', command: c}}\n"
    odd = [*ODD, {"name": "train"}, [{"name": "train"}], [{"name": []}]]
    (manifest, *_) = manifests(body, target)
    for number, place in enumerate(_pointers(manifest)):
        for value in (odd[number % len(odd)], odd[(number * 7 + 3) % len(odd)]):
            change = json.dumps([{"op": "add", "path": place, "value": value}])
            result = driver.compile_source(source(f"{body}targets: {{{target}: {{patch: [{{json: {change}}}]}}}}\n"), (target,))
            assert bool(result.outputs) != any(one.code in ("MLC341", "MLC422") for one in result.diagnostics), (place, value)


def _pointers(node: Any, place: str = "") -> Iterator[str]:
    yield place
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from _pointers(value, f"{place}/{key}")


@pytest.mark.parametrize(("target", "starts"), [("argo", ("Object",)), ("kfp", ("PipelineSpec", "Platforms"))])
def test_tables_of_keys(target: str, starts: tuple[str, ...]) -> None:
    """Every type that a table names is there, and all are reached; what is compiled of any project fits it."""
    table = import_module(f"mlc.targets.{target}.fields").TABLE
    named = {word.partition(":")[2].strip("{}") for line in table.values() for word in line.split()} - {"", *fields.KINDS}
    assert named | set(starts) == set(table)
    for path in sorted((ROOT / "golden" / target).rglob("*.yaml")):
        for document in documents(path.read_text(encoding="utf-8")):
            if document.get("kind") != "CronWorkflow":  # which a patch does not change
                fields.check(document, table, starts[0] if len(starts) == 1 or "root" in document else starts[1], snake=target == "kfp")


def test_a_patch_of_tests_alone_is_no_leftover() -> None:
    """It changes nothing and is meant so; a patch that says what is there already is not."""
    assert codes(patch("argo", "json: [{op: test, path: /kind, value: Workflow}]"), ("argo",)) == []
    assert codes(patch("argo", "{merge: {kind: Workflow}}"), ("argo",)) == ["MLC505"]


def test_environment_replaces_the_list() -> None:
    """An environment has its own list, nulls in it are kept, and `null` takes all patches away."""
    text = patch("argo", "{merge: {spec: {priority: 1}}}") + (
        "environments:\n"
        "  dev: {targets: {argo: {patch: [{step: train, merge: {container: {command: null}}}]}}}\n"
        "  prod: {targets: {argo: {patch: null}}}\n"
        "  bad: {targets: {argo: {patch: [{step: trian, merge: {a: 1}}]}}}\n"
    )
    made = {name: driver.compile_source(source(text), ("argo",), (), name) for name in ("", "dev", "prod", "bad")}
    spec = {name: documents(result.outputs[0].text)[0]["spec"] for name, result in made.items() if result.outputs}
    assert [spec[name].get("priority") for name in ("", "dev", "prod")] == [1, None, None]
    assert ["command" in spec[name]["templates"][1]["container"] for name in ("", "dev", "prod")] == [True, False, True]
    assert [(one.code, one.path[:2]) for one in made["bad"].diagnostics] == [("MLC301", ("environments", "bad"))]


PLAIN = [
    ("{step: train, merge: {container: {env: [{name: DB_PASSWORD, value: hunter2}]}}}", ("merge", "container", "env", 0, "value")),
    ("{merge: {metadata: {annotations: {api-token: abcdef}}}}", ("merge", "metadata", "annotations", "api-token")),
    ("{step: train, merge: {container: {args: [--user, me, --password, hunter2]}}}", ("merge", "container", "args", 3)),
    ("{step: train, merge: {container: {args: [--password=hunter2]}}}", ("merge", "container", "args", 0)),
    ("json: [{op: add, path: /metadata/annotations, value: {api-token: abcdef}}]", ("json", 0, "value", "api-token")),
    ("{step: train, json: [{op: add, path: /container/env/-, value: {name: A_TOKEN, value: x1}}]}", ("json", 0, "value", "value")),
    ("{step: train, json: [{op: add, path: /container/args, value: [--token=x1]}]}", ("json", 0, "value", 0)),
    ("json: [{op: add, path: /spec/a~1token, value: abcdef}]", ("json", 0, "value")),
    ("json: [{op: add, path: /spec/words, value: []}, {op: add, path: /spec/words/-, value: --token=x1}]", ("json", 1, "value")),
    ("{merge: {metadata: {annotations: {a: 'postgres://user:" + "hunter22@db/x'}}}}", ("merge", "metadata", "annotations", "a")),
    ("{merge: {spec: {templates: [{name: train, source: \"export A=1\\nTOKEN='abcdef'\"}]}}}", ("merge", "spec", "templates", 0, "source")),
]


@pytest.mark.parametrize(("entry", "place"), PLAIN, ids=str)
def test_secrets_in_plain_text(entry: str, place: tuple[str | int, ...]) -> None:
    """They are found in patches as elsewhere, where they are written, by their shape and by what they are given to."""
    (found,) = check(patch("argo", entry))
    assert (found.code, found.path) == ("MLC501", ("targets", "argo", "patch", 0, *place))


@pytest.mark.parametrize(
    "entry",
    [
        "{step: train, merge: {container: {env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}]}}}",
        "{step: train, merge: {container: {env: [{name: TOKEN_PATH, value: /run/token}]}}}",
        "{merge: {spec: {imagePullSecrets: [{name: registry}]}}}",
        "{step: train, merge: {volumes: [{name: s, secret: {secretName: db}}]}}",
        "{step: train, json: [{op: remove, path: /container/env}]}",
    ],
)
def test_no_secrets(entry: str) -> None:
    """Names of secrets are none."""
    assert codes(patch("argo", entry)) == []
    name = "{step: train, merge: {kubernetes: {secretAsEnv: [{secretName: db, keyToEnv: [{secretKey: password, envVar: P}]}]}}}"
    assert codes(patch("kfp", name)) == []


def test_images_in_patches() -> None:
    """A tag that moves is one in a patch too, and an image without a digest; what the engine fills in is not known."""
    text = patch(
        "argo",
        "{step: train, merge: {container: {image: 'x:latest'}}}",
        "{step: train, json: [{op: replace, path: /container/image, value: y}]}",
        "{step: last, merge: {container: {image: 'z:1'}}}",
        "{merge: {spec: {templates: [{name: last, initContainers: [{name: i, image: '{{workflow.parameters.i}}'}]}]}}}",
    )
    found = driver.compile_source(source(text), (), lints=("hygiene", "digests")).diagnostics
    ours = [(one.code, one.path[3:]) for one in found if one.path[:1] == ("targets",)]
    assert ours == [
        ("MLC506", (0, "merge", "container", "image")),
        ("MLC506", (1, "json", 0, "value")),
        ("MLC507", (2, "merge", "container", "image")),
    ]


ODD: list[Any] = [None, True, 3, 0.5, "", "x", [], [None], ["x"], [{}], [[]], {}, {"name": 3, "key": []}, {"a": None}]


@pytest.mark.parametrize("value", ODD, ids=json.dumps)
def test_any_form_is_described(value: Any) -> None:
    """What a patch leaves where names of objects stand may have any form: `describe` never fails on it, nor does the manifest."""
    words = (
        "image imagePullSecrets serviceAccountName storageClassName persistentVolumeClaim secret secretKeyRef configMapKeyRef configMap "
        "artifactRepositoryRef secretRef accessKeySecret pvcMount secretAsEnv secretAsVolume imagePullSecret configMapAsEnv"
    )
    names = (
        "claimName",
        "secretName",
        "configMapName",
        "items",
        "name",
        "key",
        "keyToEnv",
        "secretNameParameter",
        "runtimeValue",
        "constant",
    )
    inner = dict.fromkeys(names, value)
    free = {key: [value, inner, [inner], {"runtimeValue": value}, {"runtimeValue": inner}] for key in words.split()}
    for target, place in (("argo", "/spec/free"), ("kfp", "/deploymentSpec/free")):
        for number in range(5):
            change = json.dumps([{"op": "add", "path": place, "value": {key: forms[number] for key, forms in free.items()}}])
            body = patch(target, f"json: {change}")
            (made,) = driver.compile_source(source(body), (target,)).outputs
            assert "free" in json.dumps(documents(made.text))
            assert "  patched by the project\n" in text(describe(pipeline(body), (target,)))


def test_difference() -> None:
    """What changes in a patch is shown, `null` and `false` too."""
    old, new = (pipeline(patch("argo", f"{{step: train, merge: {{a: {value}}}}}")) for value in ("null", "false"))
    assert [one.place for one in changes(old, new)] == [("targets", "argo", "patch", "1", "merge")]
    assert [(one.old, one.new) for one in changes(old, new)] == [('{"a": null}', '{"a": false}')]


def test_expressions_are_refused() -> None:
    """Nothing of the language is filled in, in values or keys."""
    for entry in (
        "{merge: {a: '${{ run.id }}'}}",
        "{merge: {'${{ run.id }}': a}}",
        "json: [{op: add, path: /x, value: ['${{ run.id }}']}]",
    ):
        assert codes(patch("argo", entry), BOTH) == ["MLC311"]


def test_describe() -> None:
    """The description says what is patched for which target, and names what a patch needs; a patch that cannot be made is a refusal."""
    found = pipeline(patch("argo", "{step: train, merge: {container: {image: 'other:2'}}}", "{merge: {spec: {priority: 1}}}"))
    data = describe(found, BOTH)
    assert [data["targets"][name]["patched"] for name in BOTH] == [["train", ""], []]
    assert data["targets"]["argo"]["images"] == ["other:2", "b:1"]
    assert "  patched by the project\n    train\n    the whole manifest\n" in text(data)
    wrong = describe(pipeline(patch("argo", "{step: train, merge: {name: x}}")), ("argo",))
    assert [one["code"] for one in wrong["targets"]["argo"]["refused"]] == ["MLC422"]


def test_steps_that_fetch_and_publish() -> None:
    """They can be patched like others: that is where a cluster's limits and deadlines go. One that is not there is refused."""
    data = "datasets: {d: {git: {repo: 'https://h/x', path: p}, tag: v1}, o: {s3: {uri: 's3://bucket/o'}}}\n"
    steps = "steps: {s: {image: 'a:1', command: [c], inputs: [d], outputs: [o]}}\n"
    for step in ("x-fetch-d", "x-publish-o"):
        body = data + steps + f"targets: {{argo: {{patch: [{{step: {step}, merge: {{activeDeadlineSeconds: 60}}}}]}}}}\n"
        (manifest,) = manifests(body, "argo")
        assert [one["name"] for one in manifest["spec"]["templates"] if one.get("activeDeadlineSeconds") == 60] == [step]
        assert codes(body.replace(f"step: {step}", "step: x-fetch-o"), ("argo",)) == ["MLC301"]
        assert codes(body.replace(step, "x-fetch-o").replace("tag: v1", "tag: -v1"), ("argo",)) == ["MLC330"]
    kfp = data + steps + "targets: {kfp: {patch: [{step: x-fetch-d, merge: {kubernetes: {imagePullPolicy: Always}}}]}}\n"
    assert manifests(kfp, "kfp")[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-x-fetch-d"] == {
        "imagePullPolicy": "Always"
    }
