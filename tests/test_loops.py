"""Loops: what is in one, what targets print of it, and what its items are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlc import driver
from mlc.ir import EachRef, Group, ListRef, OuterRef
from mlc.source import SourceFile
from tests import support
from tests.support import codes, manifests

PROJECT = """
params: {floor: 0.7, rates: {type: list, default: [0.1, 1]}}
volumes: {work: {size: 1Gi, access_mode: ReadWriteMany, storage_class: fast}}
steps:
  ship: {image: acme/ship:1, command: [ship, "${{ steps.train.values.n }}", "${{ steps.judge.values.note }}"]}
  judge:
    image: acme/judge:1
    each: train
    command: [judge, "${{ steps.train.values.n }}", "${{ steps.prep.values.rows }}"]
    inputs: {model: /m}
    values: {note: /tmp/note}
    metrics: {loss: {path: /l, max: 3}}
  look:
    image: acme/judge:1
    each: judge
    gate: judge
    when: each.lr > 0.01
    command: look
    inputs: {data: /d}
  train:
    image: acme/train:1
    title: Train it
    foreach: {lr: [0.1, 1e-2], seed: [1, 2, 3]}
    parallel: 2
    when: steps.prep.values.rows > 10 and params.floor < 1
    command: [train, "--lr=${{ each.lr }}", "${{ each.seed }}", "${{ params.floor }}"]
    inputs: {data: /d}
    outputs: {model: /m}
    values: {n: {path: /tmp/n, type: int}}
    volumes: {work: /job}
    retry: {limit: 2}
  prep:
    image: acme/prep:1
    command: prep
    outputs: {data: /d}
    values: {rows: {path: /tmp/rows, type: int}}
"""


def loop(body: str = PROJECT) -> Group:
    """The only loop of a project."""
    (found,) = [child for child in support.pipeline(body).run.children if isinstance(child, Group)]
    return found


def templates(body: str = PROJECT) -> dict[str, Any]:
    """The templates of the Workflow, by name."""
    (workflow,) = manifests(body, "argo")
    return {template["name"]: template for template in workflow["spec"]["templates"]}


def components(body: str = PROJECT) -> dict[str, Any]:
    """The components of the KFP pipeline and its root, by name."""
    spec = manifests(body, "kfp")[0]
    return {**spec["components"], "root": spec["root"]}


def test_a_loop_is_one_node() -> None:
    """The loop stands where its step does, with those that ride along, in order; what any of them waits for, it waits for."""
    pipeline = support.pipeline(PROJECT)
    assert [child.name for child in pipeline.run.children] == ["prep", "train", "ship"]
    group = loop()
    assert [(child.name, child.after) for child in group.children if not isinstance(child, Group)] == [
        ("train", ()),
        ("judge", ("train",)),
        ("look", ("judge",)),
    ]
    assert group.after == ("prep",)
    ship = pipeline.run.children[2]
    assert ship.after == ("train",)
    assert [step.name for step in pipeline.steps] == ["prep", "train", "judge", "look", "ship"]


def test_the_condition_of_a_loop_is_its_own() -> None:
    """`when` of the step with the `foreach` belongs to the loop, those of riders to themselves."""
    group = loop()
    assert [condition.kind for condition in group.conditions] == ["when"]
    assert [[condition.kind for condition in child.conditions] for child in group.children] == [[], [], ["gate", "when"]]


def test_items_are_every_combination_last_name_fastest() -> None:
    """Combinations in the order of the spec; texts as they were written."""
    found = loop().loop
    assert found is not None
    assert found.rows == (("0.1", "1"), ("0.1", "2"), ("0.1", "3"), ("1e-2", "1"), ("1e-2", "2"), ("1e-2", "3"))
    assert [(column.column, column.type) for column in found.columns] == [("lr", "float"), ("seed", "int")]
    assert found.parallel == 2


def test_references_across_the_border() -> None:
    """Inside, what is outside comes in; outside, values are lists."""
    group = loop()
    judge = group.children[1]
    assert not isinstance(judge, Group)
    refs = [ref for text in judge.texts for ref in text.references]
    assert [type(ref).__name__ for ref in refs] == ["ValueRef", "OuterRef"]
    assert [ref.step for ref in group.lists] == ["train", "judge"]
    ship = support.step(PROJECT, "ship")
    assert all(isinstance(ref, ListRef) for text in ship.texts for ref in text.references)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("[1, 2.5]", [("x", "float")]),
        ("[true, false]", [("x", "bool")]),
        ("[[1], [2, 3]]", [("x", "list")]),
        ("['1', b]", [("x", "string")]),
        ("[{a: 1, b: [x]}, {b: [y], a: 2}]", [("x.a", "int"), ("x.b", "list")]),
    ],
)
def test_types_of_items(items: str, expected: list[tuple[str, str]]) -> None:
    """One type for all items of a name, or for each field; whole numbers among others are numbers."""
    found = loop(f"steps: {{s: {{image: a/b:1, command: c, foreach: {{x: {items}}}}}}}").loop
    assert found is not None
    assert [(column.column, column.type) for column in found.columns] == expected


def used(body: str) -> EachRef:
    """The item in the only argument of step `s`."""
    (ref,) = [ref for text in support.step(body, "s").args for ref in text.references]
    assert isinstance(ref, EachRef)
    return ref


@pytest.mark.parametrize(
    ("default", "written", "kind", "known"),
    [
        ("[0.1, 1]", "each.x", "float", True),
        ("[{a: 1}, {a: 2}]", "each.x.a", "int", True),
        ("[{a: 1}, {a: b}]", "each.x.a", "string", False),
        ("[1, b]", "each.x", "string", False),
        ("[{a: 1}, {b: 2}]", "each.x.b", "string", False),
        ("[]", "each.x.anything", "string", False),
    ],
)
def test_run_time_items_are_typed_by_the_default(default: str, written: str, kind: str, known: bool) -> None:
    """Where the default's items are alike they say the type; else the place does."""
    ref = used(f"""
    params: {{p: {{type: list, default: {default}}}}}
    steps: {{s: {{image: a/b:1, command: c, foreach: {{x: "${{{{ params.p }}}}"}}, args: ["${{{{ {written} }}}}"]}}}}
    """)
    assert (ref.type, ref.known, ref.texts) == (kind, known, ())


def test_run_time_items_are_typed_by_their_use() -> None:
    """Compared with a number an unknown item is one, alone it is a condition; of a list of a loop's values it has their type."""
    body = """
    params: {p: {type: list}}
    steps:
      s: {image: a/b:1, command: c, foreach: {x: "${{ params.p }}"}, metrics: {m: {path: /m, min: "${{ each.x.floor }}"}}}
      r: {image: a/b:1, command: c, each: s, gate: s, when: "each.x.on and each.x.rate > 1 and each.x.name in ['a'] and each.x.n in [1]"}
    """
    (rider,) = [child for child in loop(body).children if child.name == "r"]
    assert not isinstance(rider, Group)
    from mlc.ir import references

    kinds = {ref.column: ref.type for one in rider.conditions for ref in references(one.expr) if isinstance(ref, EachRef)}
    assert kinds == {"x.floor": "float", "x.on": "bool", "x.rate": "float", "x.name": "string", "x.n": "float"}
    body = """
    steps:
      a: {image: a/b:1, command: c, foreach: {x: [1]}, values: {n: {path: /n, type: int}}}
      s: {image: a/b:1, command: c, foreach: {y: "${{ steps.a.values.n }}"}, args: ["${{ each.y }}"]}
    """
    assert used(body).type == "int"


def test_argo_has_three_templates() -> None:
    """The task of a loop is plain; its template has the task with items, whose template is a DAG of one item."""
    found = templates()
    outer = {task["name"]: task for task in found["entrypoint"]["dag"]["tasks"]}
    assert outer["train"]["template"] == "x-loop-train"
    assert "when" in outer["train"]
    assert outer["train"]["depends"] == "prep.Succeeded"
    (each,) = found["x-loop-train"]["dag"]["tasks"]
    assert "when" not in each
    assert "depends" not in each
    assert each["withParam"] == "{{inputs.parameters.x-items}}"
    assert found["x-loop-train"]["parallelism"] == 2
    assert [task["name"] for task in found["x-item-train"]["dag"]["tasks"]] == ["train", "judge", "look"]
    assert all(found[name]["dag"]["failFast"] is False for name in ("entrypoint", "x-loop-train", "x-item-train"))
    assert found["x-loop-train"]["outputs"]["parameters"] == [
        {"name": "x-items", "valueFrom": {"parameter": "{{tasks.x-item.outputs.parameters}}", "default": "[]"}}
    ]
    items = next(one["value"] for one in outer["train"]["arguments"]["parameters"] if one["name"] == "x-items")
    assert json.loads(items)[3] == {"lr": "1e-2", "seed": "1"}


def test_argo_types_the_lists() -> None:
    """A list of numbers is made of the texts that Argo collects, and needs no guard against braces; one of texts does."""
    first, second = [one["value"] for one in templates()["entrypoint"]["dag"]["tasks"][2]["arguments"]["parameters"]]
    wrong = "asInt('value n of step train is not an int')"
    number = f"(#['train_n'] matches '^-?[0-9]+$' ? asInt(#['train_n']) : {wrong})"
    assert first == f"{{{{= toJson(map(fromJSON(tasks['train'].outputs.parameters['x-items']), {number})) }}}}"
    assert "contains ('{' + '{')" in second
    assert "#['judge_note']" in second


def test_argo_runs_over_lists_only() -> None:
    """`map` of Argo's expressions takes the bytes of a text for items, and a mapping for none: the list is asked what it is."""
    body = "params: {p: {type: list}}\nsteps:\n  s: {image: a/b:1, command: c, foreach: {x: '${{ params.p }}'}, args: ['${{ each.x }}']}"
    (workflow,) = support.manifests(body, "argo")
    (task,) = workflow["spec"]["templates"][0]["dag"]["tasks"]
    read = "fromJSON(workflow.parameters['p'])"
    assert f"map((type({read}) == 'array' ? {read} : asInt('parameter p is not a list')), " in task["arguments"]["parameters"][0]["value"]


def test_kfp_has_two_components() -> None:
    """The condition sits on a plain group; the iterator inside it has none; values are outputs of both."""
    found = components()
    outer = found["comp-x-steps"]["dag"]["tasks"]["train"]
    assert "condition" in outer["triggerPolicy"]
    assert outer["taskInfo"]["name"] == "Train it"
    iterator = found["comp-x-loop-train"]["dag"]["tasks"]["x-items"]
    assert "triggerPolicy" not in iterator
    assert iterator["taskInfo"]["name"] == "x-items"  # the backend looks iterations up by this name (driver/resolve.go)
    assert iterator["iteratorPolicy"] == {"parallelismLimit": 2}
    assert list(found["comp-x-item-train"]["dag"]["tasks"]) == ["train", "judge", "look"]
    assert found["comp-x-loop-train"]["outputDefinitions"]["parameters"].keys() == {"train.n", "judge.note"}
    assert found["comp-train"]["outputDefinitions"]["parameters"]["n"] == {"parameterType": "NUMBER_INTEGER"}
    assert "x-claim.work" in found["comp-x-item-train"]["inputDefinitions"]["parameters"]


def test_kfp_has_no_empty_lists() -> None:
    """A run-time list must have items where a value of its loop is used: the driver cannot collect from none."""
    body = """
    params: {{p: {{type: list}}}}
    steps:
      s: {{image: a/b:1, command: c, foreach: {{x: "${{{{ params.p }}}}"}}, args: ["${{{{ each.x }}}}"], values: {{v: /v}}}}
      t: {{image: a/b:1, command: [c{}]}}
    """
    used = components(body.format(', "${{ steps.s.values.v }}"'))["root"]["dag"]["tasks"]["s"]
    assert used["triggerPolicy"]["condition"].startswith("(size(inputs.parameter_values['x-list']) > 0 ? true : ")
    assert "triggerPolicy" not in components(body.format(""))["root"]["dag"]["tasks"]["s"]


def test_loops_in_finally() -> None:
    """A step of `finally` may have items."""
    body = """
    steps: {a: {image: a/b:1, command: c}}
    finally: {n: {image: a/b:1, command: [n, "${{ each.who }}"], foreach: {who: [ops, dev]}}}
    """
    assert [task["template"] for task in templates(body)["x-finally"]["dag"]["tasks"]] == ["x-loop-n"]
    assert components(body)["comp-x-finally"]["dag"]["tasks"]["n"]["componentRef"] == {"name": "comp-x-loop-n"}


def test_on_miss_in_a_loop_is_of_the_item() -> None:
    """A threshold that must not be missed is watched in the item's own DAG, its bound brought in from outside."""
    body = """
    steps:
      p: {image: a/b:1, command: c, values: {limit: {path: /l, type: float}}}
      s:
        image: a/b:1
        command: [c, "${{ each.x }}"]
        foreach: {x: [1]}
        metrics: {m: {path: /m, max: "${{ steps.p.values.limit }}", on_miss: fail}}
    """
    tasks = {task["name"]: task for task in templates(body)["x-item-s"]["dag"]["tasks"]}
    assert "inputs.parameters['x-p_limit']" in tasks["x-missed-s"]["when"]
    inner = components(body)["comp-x-item-s"]["dag"]["tasks"]["x-missed-s"]
    assert inner["inputs"]["parameters"]["p.limit"] == {"componentInputParameter": "p.limit"}
    assert tasks["x-missed-s"]["depends"] == "s.Succeeded"
    (outside,) = [task for task in templates(body)["entrypoint"]["dag"]["tasks"] if task["name"] == "s"]
    assert outside["depends"] == "p.Succeeded"


BEST = """
steps:
  train:
    image: a/b:1
    command: [c, "${{ each.x }}"]
    foreach: {x: [1, 2]}
    outputs: {model: /m/model, notes: /n/model}
    metrics: {acc: /a, loss: {path: /l, below: 3}, both: {path: /b, min: 0, max: 1}}
  judge: {image: a/b:1, command: c, each: train, metrics: {acc: /x, speed: {path: /s, key: a.b, max: 9}}}
  use: {image: a/b:1, command: c, inputs: {model: {path: /m, best: METRIC}}}
  more:
    image: a/b:1
    command: [c, "${{ each.y }}"]
    foreach: {y: [1]}
    inputs: {model: {path: /m, best: METRIC}}
"""


@pytest.mark.parametrize(
    ("metric", "sign", "found"),
    [
        ("acc", ">", "train_acc"),
        ("judge.acc", ">", "judge_acc"),
        ("loss", "<", "train_loss"),
        ("both", ">", "train_both"),
        ("speed", "<", "judge_speed"),
    ],
)
def test_best_on_argo(metric: str, sign: str, found: str) -> None:
    """The key of the best item's artifact, as its pod stored it: the highest, or the lowest where there is only an upper threshold."""
    made = templates(BEST.replace("METRIC", metric))
    tasks = {task["name"]: task for task in made["entrypoint"]["dag"]["tasks"]}
    (chosen,) = tasks["use"]["arguments"]["artifacts"]
    assert chosen["archive"] == {"tar": {}}  # both outputs have files of one name, so they are packed
    assert f"#[0] {sign} #acc[0]" in chosen["s3"]["key"]
    assert f"#['{found}']" in chosen["s3"]["key"]
    results = {port["name"]: port["valueFrom"] for port in made["x-item-train"]["outputs"]["parameters"]}
    assert set(results) == {found, "train_model"}
    assert results["train_model"]["expression"].startswith("fromJSON(toJson(tasks['train'].outputs.artifacts['model']))['s3']?.key ?? ")
    # a loop takes it once, and hands it to its items
    assert tasks["more"]["arguments"]["artifacts"] == [{**chosen, "name": "x-best-1"}]
    assert made["x-item-more"]["dag"]["tasks"][0]["arguments"]["artifacts"] == [{"name": "model", "from": "{{inputs.artifacts.x-best-1}}"}]


def test_a_thousand_items_take_one_template() -> None:
    """A large sweep has as many templates and components as a small one, and is compiled to little more than its items."""

    def compiled(count: int, target: str) -> str:
        items = ", ".join(f"{number / 1000}" for number in range(count))
        body = f"steps: {{s: {{image: a/b:1, command: [c, '${{{{ each.x }}}}'], foreach: {{x: [{items}]}}}}}}"
        (output,) = driver.compile_source(SourceFile("s.yaml", support.HEAD + body), (target,)).outputs
        return output.text

    for target in ("argo", "kfp"):
        small, large = compiled(2, target), compiled(1000, target)
        assert len(large) - len(small) < 1000 * 40
        assert large.count("template:") == small.count("template:")
        assert large.count("comp-") == small.count("comp-")


def test_defaults_may_hold_parallel() -> None:
    """`parallel` of the defaults is for loops; where there is none, nothing takes it."""
    body = "defaults: {{parallel: 3}}\nsteps: {{a: {{image: a/b:1, command: c, {}}}, b: {{image: a/b:1, command: c}}}}"
    assert codes(body.format("foreach: {x: [1]}")) == []
    assert templates(body.format("foreach: {x: [1]}"))["x-loop-a"]["parallelism"] == 3
    assert codes(body.format("title: t")) == ["MLC505"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a: {foreach: {x: [1]}, when: steps.b.values.v == 'x'}\n  b: {each: a, values: {v: /v}}", ["MLC305"]),
        ("a: {foreach: {x: [1]}, gate: b}\n  b: {each: a, metrics: {m: {path: /m, min: 1}}}", ["MLC302"]),
        ("a: {each: b}\n  b: {each: a}\n  c: {each: a}", ["MLC302"]),
        ("a: {foreach: {x-y: [1]}}", ["MLC307"]),
        ("a: {foreach: {x: ['${{ params.p }}']}}", ["MLC311"]),
        ("a: {foreach: {x: '${{ params.q }}'}}", ["MLC303"]),
        ("a: {foreach: {x: '${{ each.x }}'}}", ["MLC311"]),
        ("a: {foreach: {x: [1]}}\n  b: {each: a, args: ['${{ each.x.y }}']}", ["MLC326"]),
        ("a: {foreach: {x: [1]}}\n  b: {args: ['${{ each.x }}']}", ["MLC326"]),
        ("a: {foreach: {x: [a]}}\n  b: {each: a, when: each.x > 1}", ["MLC305"]),
    ],
)
def test_what_a_loop_may_not(body: str, expected: list[str]) -> None:
    """Each is said once, and nothing follows from it."""
    head = "params: {p: [1]}\ndefaults: {image: a/b:1, command: c}\nsteps:\n  "
    assert codes(head + body) == expected


def test_what_comes_in_is_named_once() -> None:
    """A loop's steps share what they take from outside."""
    group = loop()
    outer = [ref for child in group.children if not isinstance(child, Group) for text in child.texts for ref in text.references]
    assert sum(isinstance(ref, OuterRef) for ref in outer) == 1
    given = [one["name"] for one in templates()["entrypoint"]["dag"]["tasks"][1]["arguments"]["parameters"]]
    assert given == ["x-items", "x-prep_rows"]


def test_templates_may_hold_loops() -> None:
    """A step has its loop from a template as well, and may say another list; what is there for loops only does not bother others."""
    body = """
    templates:
      sweep: {image: a/b:1, foreach: {x: [1, 2]}, parallel: 2, command: [c, "${{ each.x }}"]}
      rider: {image: a/b:1, each: a, parallel: 3, command: [c, "${{ each.x }}"]}
    environments: {small: {steps: {a: {parallel: 1}}}}
    steps:
      a: {use: sweep}
      b: {use: sweep, foreach: {x: [5]}}
      c: {use: sweep, foreach: null, command: c}
      d: {use: rider}
    """
    made = templates(body)
    assert made["x-loop-a"]["parallelism"] == made["x-loop-b"]["parallelism"] == 2
    assert [task["name"] for task in made["x-item-a"]["dag"]["tasks"]] == ["a", "d"]
    assert "x-loop-c" not in made
    (output,) = driver.compile_source(support.source(body), ("argo",), environment="small").outputs
    assert "parallelism: 1" in output.text
    missing = "templates: {t: {image: a/b:1, command: c}}\nsteps: {a: {use: u, parallel: 2}, b: {use: t, each: a}}"
    assert codes(missing) == ["MLC327"]


def test_a_dataset_has_no_best() -> None:
    """Nobody in the project makes it."""
    body = """
    datasets: {raw: {dvc: {repo: "git@github.com:acme/d.git", path: raw.csv}, tag: v1}}
    steps: {a: {image: a/b:1, command: c, foreach: {x: [1]}, inputs: {raw: {path: /raw, best: m}}}}
    """
    assert [item.message for item in support.check(body) if item.code == "MLC324"] == [
        "`raw` has no best: it is a dataset, which no step makes here"
    ]


def test_other_containers_of_an_item() -> None:
    """What stands beside the program of an item sees the item, and what comes in from outside, as the program does."""
    body = """
    steps:
      p: {image: a/b:1, command: c, values: {v: /v}}
      s:
        image: a/b:1
        command: c
        foreach: {x: [1]}
        init: {warm: {image: a/b:1, command: [w, "${{ each.x }}"]}}
        sidecars: {log: {image: a/b:1, command: l, env: {V: "${{ steps.p.values.v }}"}}}
    """
    found = templates(body)
    given = {one["name"]: one["value"] for one in found["x-item-s"]["dag"]["tasks"][0]["arguments"]["parameters"]}
    assert sorted("inputs.parameters['x']" in text for text in given.values()) == [False, True]
    assert any("inputs.parameters['x-p_v']" in text for text in given.values())


def test_what_comes_from_outside_of_the_project() -> None:
    """An external artifact is the template's own on Argo; on KFP its importer stands beside the loop, which hands it in."""
    body = """
    artifacts: {base: {type: model, uri: "s3://models/base.bin"}}
    store: {s3: {endpoint: s3.example.org, bucket: models}}
    steps: {s: {image: a/b:1, command: c, foreach: {x: [1]}, inputs: {base: /in/base}}}
    """
    found = templates(body)
    assert "artifacts" not in found["x-loop-s"].get("inputs", {})
    assert found["s"]["inputs"]["artifacts"][0]["s3"]["key"] == "base.bin"
    made = components(body)
    task = made["root"]["dag"]["tasks"]["s"]
    assert task["dependentTasks"] == ["x-import-base"]
    assert task["inputs"]["artifacts"]["base"]["taskOutputArtifact"]["producerTask"] == "x-import-base"
    inner = made["comp-x-item-s"]["dag"]["tasks"]["s"]
    assert inner["inputs"]["artifacts"] == {"base": {"componentInputArtifact": "base"}}
    assert "dependentTasks" not in inner
