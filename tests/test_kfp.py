"""The KFP v2 target: what it writes, what it refuses, and what its containers do when the backend's own steps are played."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cel
import pytest
import yaml

from mlc import driver, infra
from mlc.ir import Compare, Condition, Literal, Param, ParamRef
from mlc.source import SourceFile
from mlc.targets import kfp
from mlc.targets.kfp import cel as kfp_cel
from tests import support
from tests.kfp_backend import Run, shell
from tests.oracles.irlint import lint_documents

__all__ = ["shell"]

ROOT = Path(__file__).resolve().parent.parent
SPECS = sorted((ROOT / "specs").glob("*.yaml"))


def documents(body: str) -> list[Any]:
    """The plain documents of a small spec, sound by the lint."""
    pipeline = support.pipeline(body)
    found = list(kfp.lower(pipeline))
    assert lint_documents(found, [volume.name for volume in pipeline.volumes if getattr(volume, "keep", False)]) == []
    return found


def spec(body: str) -> Any:
    """The PipelineSpec of a small spec."""
    return documents(body)[0]


def platform(body: str) -> dict[str, Any]:
    """The platform settings of a small spec, by executor; {} without a second document."""
    found = documents(body)
    return found[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"] if len(found) > 1 else {}


def container(body: str, step: str = "a") -> Any:
    """The container of a step."""
    return spec(body)["deploymentSpec"]["executors"][f"exec-{step}"]["container"]


def task(body: str, step: str = "a") -> Any:
    """A task of the root."""
    return spec(body)["root"]["dag"]["tasks"][step]


def findings(body: str) -> list[tuple[str, str]]:
    """What the target says: code, and the place in the document as text."""
    said: list[Any] = []
    kfp.check(support.pipeline(body), said)
    return [(item.code, ".".join(str(part) for part in item.path)) for item in said]


def evaluate(condition: str, **values: object) -> object:
    """The value of a condition, numbers as the backend's JSON reader makes them."""
    context = cel.Context()
    context.add_function("parseJson", lambda text: json.loads(text, parse_int=float, parse_constant=_no_constant))
    context.add_variable("inputs", {"parameter_values": {name.replace("__", "."): value for name, value in values.items()}})
    return cel.evaluate(condition, context)


def _no_constant(text: str) -> None:
    raise ValueError(text)


# --- documents ----------------------------------------------------------------------------------------------------------------

PLAIN = "steps: {a: {image: x:1, command: [echo, hello]}}"


def test_the_smallest_project() -> None:
    """A plain step has its own command, no wrapper, and there is no platform document."""
    assert documents(PLAIN) == [
        {
            "pipelineInfo": {"name": "demo"},
            "root": {"dag": {"tasks": {"a": {"taskInfo": {"name": "a"}, "componentRef": {"name": "comp-a"}, "cachingOptions": {}}}}},
            "components": {"comp-a": {"executorLabel": "exec-a"}},
            "deploymentSpec": {"executors": {"exec-a": {"container": {"image": "x:1", "command": ["echo", "hello"]}}}},
            "schemaVersion": "2.1.0",
            "sdkVersion": "mlc-v1",
        }
    ]


def test_names_are_those_of_the_spec() -> None:
    """Tasks are called exactly as the steps; a title is what people see."""
    body = "steps: {train-model: {image: x:1, command: a, title: 'Train & more'}, next: {image: x:1, command: b, needs: train-model}}"
    tasks = spec(body)["root"]["dag"]["tasks"]
    assert list(tasks) == ["train-model", "next"]
    assert tasks["train-model"]["taskInfo"] == {"name": "Train & more"}
    assert tasks["next"]["dependentTasks"] == ["train-model"]
    assert tasks["next"]["componentRef"] == {"name": "comp-next"}


def test_descriptions() -> None:
    """The project's description is the pipeline's; a step's is an annotation of its pod, for there is no field for it."""
    body = "description: 프로젝트\nsteps: {a: {image: x:1, command: b, description: what it does, annotations: {team: ml}}}"
    assert spec(body)["pipelineInfo"] == {"name": "demo", "description": "프로젝트"}
    assert platform(body)["exec-a"]["podMetadata"] == {"annotations": {"team": "ml", "mlc/description": "what it does"}}


def test_params() -> None:
    """Params keep their types, so that the UI checks them; one without default has to be given."""
    body = """
    params:
      s: {type: string, default: "it's", description: a text}
      i: 3
      f: 1e-5
      b: true
      l: {type: list, default: [1, a, {k: 2.5}]}
      d: {type: dict, default: {z: 1, a: [true, null]}}
      must: {type: int}
      empty: ""
    steps: {a: {image: x:1, command: t}}
    """
    assert spec(body)["root"]["inputDefinitions"]["parameters"] == {
        "s": {"parameterType": "STRING", "defaultValue": "it's", "isOptional": True, "description": "a text"},
        "i": {"parameterType": "NUMBER_INTEGER", "defaultValue": 3, "isOptional": True},
        "f": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 1e-5, "isOptional": True},
        "b": {"parameterType": "BOOLEAN", "defaultValue": True, "isOptional": True},
        "l": {"parameterType": "LIST", "defaultValue": [1, "a", {"k": 2.5}], "isOptional": True},
        "d": {"parameterType": "STRUCT", "defaultValue": {"z": 1, "a": [True, None]}, "isOptional": True},
        "must": {"parameterType": "NUMBER_INTEGER"},
        "empty": {"parameterType": "STRING", "defaultValue": "", "isOptional": True},
    }


FLOW = """
params: {baseline: 0.5}
artifacts: {model: model, data: {type: dataset}, report: html, cm: classification_metrics, md: markdown, raw: metrics}
steps:
  make:
    image: x:1
    command: make
    outputs: {model: /out/m, data: /out/d, report: /out/r, cm: /out/c, md: /out/md, raw: /out/raw, plain: /out/p}
    values: {rows: {path: /v/rows, type: int}, ok: {path: /v/ok, type: bool}, name: /v/name,
             ids: {path: /v/ids, type: list}, conf: {path: /v/conf, type: dict}, rate: {path: /v/rate, type: float}}
    metrics: {acc: {path: /m/acc, above: "${{ params.baseline }}"}, f1: {path: /m/doc, key: macro.f1, min: 0.5, max: 1}}
  use:
    image: x:1
    command: [use, "--rows=${{ steps.make.values.rows }}", "${{ steps.make.values.ids }}", "${{ steps.make.metrics.f1 }}"]
    gate: make
    when: steps.make.values.ok and params.baseline < 1
    inputs: {model: /in/m, data: /in/d}
"""


def test_artifacts_and_edges() -> None:
    """Artifacts have KFP's types; what a step uses is bound to its producer, which is also among its dependencies."""
    document = spec(FLOW)
    outputs = document["components"]["comp-make"]["outputDefinitions"]
    titles = {name: artifact["artifactType"]["schemaTitle"] for name, artifact in outputs["artifacts"].items()}
    assert titles == {
        "cm": "system.ClassificationMetrics",
        "data": "system.Dataset",
        "md": "system.Markdown",
        "model": "system.Model",
        "plain": "system.Artifact",
        "raw": "system.Metrics",
        "report": "system.HTML",
        "x-metrics": "system.Metrics",
    }
    assert {name: value["parameterType"] for name, value in outputs["parameters"].items()} == {
        "acc": "STRING",
        "conf": "STRUCT",
        "f1": "STRING",
        "ids": "LIST",
        "name": "STRING",
        "ok": "STRING",
        "rate": "STRING",
        "rows": "STRING",
    }
    use = document["root"]["dag"]["tasks"]["use"]
    assert use["dependentTasks"] == ["make"]
    assert use["inputs"]["artifacts"]["data"] == {"taskOutputArtifact": {"producerTask": "make", "outputArtifactKey": "data"}}
    assert use["inputs"]["parameters"]["make.rows"] == {"taskOutputParameter": {"producerTask": "make", "outputParameterKey": "rows"}}
    assert use["inputs"]["parameters"]["make.f1.number"] == {
        "taskOutputParameter": {"producerTask": "make", "outputParameterKey": "f1"},
        "parameterExpressionSelector": "parseJson(string_value)['macro']['f1']",
    }
    assert document["components"]["comp-use"]["inputDefinitions"]["parameters"]["make.ids"] == {"parameterType": "STRING"}


def test_conditions_sit_on_the_task() -> None:
    """Gates and `when` are one condition of the step's own task, over its own inputs; all must hold."""
    condition = task(FLOW, "use")["triggerPolicy"]["condition"]
    document = {"macro": {"f1": 0.75}}
    given: dict[str, object] = {
        "make__acc": "0.6",
        "make__f1": json.dumps(document),
        "make__ok": "true",
        "make__rows": "7",
        "make__ids": "[1]",
        "baseline": 0.5,
    }
    assert evaluate(condition, **given) is True
    assert evaluate(condition, **{**given, "make__acc": "0.5"}) is False
    assert evaluate(condition, **{**given, "make__f1": '{"macro": {"f1": 1.5}}'}) is False
    assert evaluate(condition, **{**given, "make__ok": "false"}) is False
    for wrong in ({"make__acc": "nan"}, {"make__acc": '"0.9"'}, {"make__f1": "{}"}, {"make__ok": "1"}, {"make__ok": '"true"'}):
        with pytest.raises(Exception, match=r".+"):
            evaluate(condition, **{**given, "make__ok": "false", **wrong})


@pytest.mark.parametrize(
    ("text", "passes"),
    [("0.93", True), (" 0.93\n", True), ("9.3e-1", True), ("0.8", False), ("-1", False)]
    + [(text, None) for text in ("NaN", "inf", ".5", "+5", "007", "abc", "", '"0.9"', "true", "null", "{}", "[]")],
)
@pytest.mark.parametrize("form", ["number", "key", "kfp-v1"])
def test_metric_texts(text: str, passes: bool | None, form: str) -> None:
    """A number decides the gate; anything else is an error, in each form of a metric file."""
    entry = {
        "number": "{path: /m, above: 0.8}",
        "key": "{path: /m, key: [a, b.c], above: 0.8}",
        "kfp-v1": "{path: /m, format: kfp-v1, above: 0.8}",
    }
    body = f"steps: {{e: {{image: x:1, command: e, metrics: {{acc: {entry[form]}}}}}, a: {{image: x:1, command: d, gate: e}}}}"
    condition = task(body)["triggerPolicy"]["condition"]
    file = {
        "number": text,
        "key": f'{{"a": {{"b.c": {text}}}}}',
        "kfp-v1": f'{{"metrics": [{{"name": "loss"}}, {{"numberValue": 1}}, 3, null, [], {{"name": "acc", "numberValue": {text}}}]}}',
    }[form]
    if passes is None:
        with pytest.raises(Exception, match=r".+"):
            evaluate(condition, e__acc=file)
    else:
        assert evaluate(condition, e__acc=file) is passes


HOSTILE = ["it's", '"q"', "back\\slash", "two\nlines\ttab", "한글 é", "{{workflow.name}}", "{{=1+1}}", "{{{", "$(HOME)", "$$", "", "\x7f"]


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_in_conditions(text: str) -> None:
    """A text in a condition is that text, and nothing below would expand it: there is no `$` and no `{{` left."""
    param = Param("p", "string", "x", "", (), None, None, ())
    compare = Compare("==", ParamRef(param), Literal(text, "string", text))
    condition = kfp_cel.condition([Condition(compare, "when", ())], ())
    assert "$" not in condition
    assert "{{" not in condition
    assert evaluate(condition, p=text) is True
    assert evaluate(condition, p=text + "x") is False


@pytest.mark.parametrize(
    ("when", "values", "result"),
    [
        ("params.f in [1, 2.5]", {"f": 2.5}, True),
        ("params.i == 3", {"i": 3.0}, True),
        ("not params.b", {"b": True}, False),
        ("params.s in ['a', 'b'] or params.b", {"s": "c", "b": False}, False),
        ("params.b", {"b": True}, True),
        ("not (params.i > 1 and params.f <= 0.5) or params.s != 'x'", {"i": 2.0, "f": 0.1, "s": "x"}, False),
    ],
)
def test_expressions(when: str, values: dict[str, object], result: bool) -> None:
    """Operators mean what they mean in the spec; numbers are compared as doubles."""
    body = f'params: {{s: x, i: 1, f: 1.5, b: true}}\nsteps: {{a: {{image: x:1, command: b, when: "{when}"}}}}'
    assert evaluate(task(body)["triggerPolicy"]["condition"], **values) is result


def test_limits_of_params() -> None:
    """`choices`, `min` and `max` hold at run time: a step that uses the param errs where they do not."""
    body = """
    params:
      lr: {type: float, default: 0.1, min: 0, max: 1}
      opt: {type: string, default: adam, choices: [adam, "it's"]}
      free: 1
    steps:
      a: {image: x:1, command: [t, "${{ params.lr }}", "${{ params.opt }}", "${{ params.free }}"]}
      b: {image: x:1, command: [t, "${{ params.free }}"]}
      c: {image: x:1, command: t, when: params.lr > 0.5}
    """
    condition = task(body)["triggerPolicy"]["condition"]
    assert evaluate(condition, lr=1.0, opt="it's") is True
    for wrong in ({"lr": 1.5, "opt": "adam"}, {"lr": -0.1, "opt": "adam"}, {"lr": 0.5, "opt": "sgd"}):
        with pytest.raises(KeyError, match="is outside its limits"):
            evaluate(condition, **wrong)
    assert "triggerPolicy" not in task(body, "b")
    both = task(body, "c")["triggerPolicy"]["condition"]
    assert evaluate(both, lr=0.2) is False
    with pytest.raises(KeyError, match="parameter lr is outside"):
        evaluate(both, lr=7.0)


def test_texts_of_a_skipped_step_are_not_looked_at() -> None:
    """The condition comes first; only a step that runs needs params within their limits and files that hold what they must."""
    body = """
    params: {go: true, lr: {type: float, default: 0.1, max: 1}, top: {type: int, default: 5, max: 9}}
    steps:
      e: {image: x:1, command: e, values: {rows: {path: /tmp/rows, type: int}}}
      a: {image: x:1, command: [t, "${{ params.lr }}", "${{ steps.e.values.rows }}"], when: params.go and params.top > 1}
    """
    condition = task(body)["triggerPolicy"]["condition"]
    good: dict[str, object] = {"go": True, "lr": 0.5, "top": 5.0, "e__rows": "3"}
    assert evaluate(condition, **good) is True
    for odd in ({"lr": 7.0}, {"e__rows": "many"}):
        assert evaluate(condition, **{**good, **odd, "go": False}) is False
        with pytest.raises(KeyError):
            evaluate(condition, **{**good, **odd})
    with pytest.raises(KeyError, match="parameter top is outside"):
        evaluate(condition, **{**good, "go": False, "top": 10.0})


TEXTS = """
artifacts: {}
steps:
  e:
    image: x:1
    command: e
    metrics: {m: /m, k: {path: /k, key: [a]}, v: {path: /v, format: kfp-v1}}
    values: {i: {path: /i, type: int}, f: {path: /f, type: float}, b: {path: /b, type: bool}, s: /s, l: {path: /l, type: list}}
  a: {image: x:1, command: [t, "--x=${{ %s }}", "${{ %s }}"], env: {A: "${{ %s }}"}}
"""


@pytest.mark.parametrize(
    ("ref", "good", "bad"),
    [
        ("metrics.m", ["0.5", " 0.5\n", "\t1E5\r\n", "-3"], ["\u00a01", "\x0b1", "hello", " NaN", "", "0.5 0.6", "inf", "1,5", "{}"]),
        ("metrics.k", ['{"a": 0.5}'], ['{"a": "hello"}', '{"a": null}', '{"a": true}', "{}", "x", '{"a": {"b": 1}}']),
        (
            "metrics.v",
            ['{"metrics": [{"numberValue": 1}, {"name": "v", "numberValue": 2}]}'],
            ['{"metrics": []}', '{"metrics": [{"name": "v"}]}'],
        ),
        ("values.i", ["7", "-7", "12345678901234567890"], ["abc", "", "1.5", "7\n", " 7", "NaN"]),
        ("values.f", ["7", "1.5", "1e-7"], ["abc", "", "NaN", "inf", "1.", ".5"]),
        ("values.b", ["true", "false"], ["True", "1", "", " true", "abc"]),
        ("values.s", ["", "abc", "{ {", "}}", "$x $ ( ${x}$ '\"\\"], ["{{=1+1}}", "a {{x}}", "{{{", "{{", "$$", "a$(x)", "$("]),
    ],
)
def test_what_files_may_put_into_texts(ref: str, good: list[str], bad: list[str]) -> None:
    """What a file holds is of its type where it goes into a text, or the run fails; once for each reference."""
    ref = f"steps.e.{ref}"
    condition = task(TEXTS % (ref, ref, ref))["triggerPolicy"]["condition"]
    assert condition.count(" ? ") == 1
    assert "$" not in condition
    assert "{{" not in condition
    name = ref.replace("steps.e.", "e__").replace("values.", "").replace("metrics.", "")
    for text in good:
        assert evaluate(condition, **{name: text}) is True, text
    for text in bad:
        with pytest.raises(Exception, match=r".+"):
            evaluate(condition, **{name: text})


def test_a_metric_is_checked_once() -> None:
    """What a gate reads needs no second look: a gate errs where there is no number."""
    body = (
        (TEXTS % (("steps.e.metrics.m",) * 3))
        .replace("metrics: {m: /m,", "metrics: {m: {path: /m, min: 0.5},")
        .replace("  a: {", "  a: {gate: e, ")
    )
    condition = task(body)["triggerPolicy"]["condition"]
    assert condition.count(" ? ") == 1
    assert evaluate(condition, e__m="0.75") is True
    assert evaluate(condition, e__m="0.25") is False


def test_lists_from_files() -> None:
    """Lists and dicts have types of KFP's own, which the launcher checks; as texts they hold nothing that is expanded on the way."""
    body = TEXTS % (("steps.e.values.l",) * 3)
    assert spec(body)["components"]["comp-e"]["outputDefinitions"]["parameters"]["l"] == {"parameterType": "LIST"}
    assert spec(body)["components"]["comp-a"]["inputDefinitions"]["parameters"] == {"e.l": {"parameterType": "STRING"}}
    condition = task(body)["triggerPolicy"]["condition"]
    assert evaluate(condition, e__l='["a", "$x"]') is True
    for text in ('["{{=1}}"]', '["$$"]', '["$(A)"]'):
        with pytest.raises(KeyError, match="contains double braces"):
            evaluate(condition, e__l=text)


def test_run_references() -> None:
    """The run's id and name come from the driver, in arguments, env and conditions."""
    body = """
    steps:
      a: {image: x:1, command: [t, "${{ run.id }}"], env: {RUN: "${{ run.name }}"}, when: "run.id != 'x'"}
    """
    assert task(body)["inputs"]["parameters"] == {
        "x-run.id": {"runtimeValue": {"constant": "{{$.pipeline_job_uuid}}"}},
        "x-run.name": {"runtimeValue": {"constant": "{{$.pipeline_job_resource_name}}"}},
    }
    assert container(body)["args"] == [
        "env",
        "RUN={{$.inputs.parameters['x-run.name']}}",
        "t",
        "={{$.inputs.parameters['x-run.id']}}",
    ]


def test_equal_containers_of_different_components() -> None:
    """Steps with equal containers and different inputs are told apart, for the backend would give both the first one's inputs."""
    body = """
    params: {p: true}
    steps:
      a: {image: x:1, command: t}
      b: {image: x:1, command: t, when: params.p}
      c: {image: x:1, command: t}
    """
    executors = spec(body)["deploymentSpec"]["executors"]
    assert "env" not in executors["exec-a"]["container"]
    assert executors["exec-b"]["container"]["env"] == [{"name": "MLC_STEP", "value": "b"}]
    assert "env" not in executors["exec-c"]["container"]


# --- containers ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [
        "command: [echo, '$HOME', a b, '{x']",
        "command: echo, env: {A: '$x', B: {secret: s, key: k}}",
        "command: echo, volumes: {v: /v}",
        "command: echo, resources: {cpu: 1}",
    ],
)
def test_steps_without_wrapper(step: str) -> None:
    """Constants, constant env, volumes and resources need no wrapper; `$` is doubled for the kubelet."""
    found = container(f"volumes: {{v: {{claim: c}}}}\nsteps: {{a: {{image: x:1, {step}}}}}")
    if "'{x'" in step:
        assert found["command"][0] == "sh", "what starts with a brace goes through the wrapper"
        assert found["args"] == ["echo", "$$HOME", "a b", "={x"]
        return
    assert found["command"] == ["echo"]
    if "$x" in step:
        assert found["env"] == [{"name": "A", "value": "$$x"}]


@pytest.mark.parametrize(
    "step",
    [
        "command: echo, outputs: {o: /o}",
        "command: echo, values: {v: /v}",
        "command: echo, metrics: {m: /m}",
        "command: echo, workdir: /w",
        "command: echo, env: {A: 'x${{ params.p }}'}",
        "run: echo hi",
        "command: [echo, 'x${{ params.p }}']",
        "command: [echo, '{\"IfPresent\": 1}']",
        "command: [echo, $$]",
        "command: [echo, $(HOME)]",
        "command: echo, env: {A: $(HOME)}",
    ],
)
def test_steps_with_wrapper(step: str) -> None:
    """A declared file, a working directory, a script, run-time text and what an engine would change need the wrapper."""
    found = container(f"params: {{p: 1}}\nsteps: {{a: {{image: x:1, {step}}}}}")
    assert found["command"][:2] == ["sh", "-ec"]
    assert found["command"][3:] == ["a"]


def run(tmp_path: Path, shell: list[str], body: str, step: str = "a", driver: bool = True, **more: Any) -> tuple[Run, Any]:
    """Play a step of a spec whose paths below `/T` are in a folder of the test."""
    document = spec(body.replace("/T/", f"{tmp_path}/"))
    attempt = Run(tmp_path, document["components"][f"comp-{step}"], **more)
    return attempt, attempt.start(document["deploymentSpec"]["executors"][f"exec-{step}"]["container"], shell, driver)


def test_a_whole_step(tmp_path: Path, shell: list[str]) -> None:
    """Inputs, outputs, values, metrics, env, working directory and a script together, through two kubelets, driver and launcher."""
    body = """
    params: {lr: 0.1, note: x}
    steps:
      first: {image: x:1, command: t, outputs: {data: /T/out/data}}
      a:
        image: x:1
        inputs: {data: /T/in/data}
        outputs: {model: /T/out/model}
        values: {rows: {path: /T/out/rows, type: int}}
        metrics: {acc: {path: /T/out/acc, min: 0.5}, f1: {path: /T/out/doc, key: macro.f1}}
        env: {LR: "lr=${{ params.lr }}", COST: "$5 $$ $(HOME)"}
        workdir: /T/job
        run: |
          mkdir -p ../out; cat ../in/data > ../out/model
          echo "$COST|$LR|$1|$(pwd)|$$" | sed "s/|$$\\$/|pid/" >> ../out/model
          echo 7 > ../out/rows; echo 0.75 > ../out/acc; echo '{"macro": {"f1": 0.5}}' > ../out/doc
        args: ["${{ params.note }}"]
    """
    (tmp_path / "data").write_text("data\n")
    attempt, result = run(tmp_path, shell, body, parameters={"lr": "0.1", "note": 'it\'s "n"'}, artifacts={"data": tmp_path / "data"})
    assert (result.returncode, result.stderr) == (0, "")
    assert attempt.output("model").read_text() == f'data\n$5 $$ $(HOME)|lr=0.1|it\'s "n"|{tmp_path}/job|pid\n'
    assert attempt.parameter("rows").read_text() == "7"
    assert attempt.parameter("acc").read_text() == "0.75"
    assert json.loads(attempt.output_file.read_text()) == {
        "artifacts": {"x-metrics": {"artifacts": [{"metadata": {"acc": 0.75, "f1": 0.5}}]}}
    }


VALUES = [
    "{{=1+1}}",
    "{{workflow.name}}",
    "a {{= b",
    "{{$}}",
    "$(HOME)",
    "$$",
    "'",
    '"',
    "two\nlines",
    "-x",
    "",
    '{"IfPresent":1}',
    "{{$.x}}",
    "=",
    "%41",
]


@pytest.mark.parametrize("where", ["args", "command", "env", "script", "mixed"])
def test_hostile_constants(tmp_path: Path, where: str) -> None:
    """Each hostile text in the spec arrives byte for byte or is refused with MLC403; through a driver of either age."""
    refused = []
    for text in VALUES:
        show = ["sh", "-c", 'printf "%s|" "$@"; printf %s "$TEXT"', "x"]
        step: dict[str, Any] = {"image": "x:1", "command": show}
        if where == "args":
            step["args"] = [text]
        elif where == "command":
            step["command"] = [*show, text]
        elif where == "env":
            step["env"] = {"TEXT": text}
        elif where == "mixed":
            step["args"] = [text + "${{ params.p }}"]
        else:
            quoted = "'" + text.replace("'", "'\\''") + "'"
            step = {"image": "x:1", "run": f"printf %s {quoted}"}
        body = yaml.safe_dump({"mlc": "v1", "name": "demo", "params": {"p": "P"}, "steps": {"a": step}}, sort_keys=False)
        result = driver.compile_source(SourceFile("spec.yaml", body), ("kfp",))
        if not result.outputs:
            assert {item.code for item in result.diagnostics if item.severity == "error"} == {"MLC403"}, text
            refused.append(text)
            continue
        for age in (True, False):
            _, ran = run(tmp_path, ["dash"], body, driver=age, parameters={"p": "P"})
            expected = {"script": text, "env": f"|{text}", "mixed": f"{text}P|"}.get(where, f"{text}|")
            assert ran.stdout == expected, text
    tags = ["{{=1+1}}", "{{workflow.name}}", "a {{= b", "{{$}}", "{{$.x}}"]
    assert refused == ([*tags[:4], "$(HOME)", "$$", "{{$.x}}"] if where == "mixed" else tags)


def test_hostile_run_time_texts(tmp_path: Path, shell: list[str]) -> None:
    """Texts of params that the launcher puts in arrive byte for byte; the script is not changed by them."""
    show = "import json, os, sys; print(json.dumps([*sys.argv[1:], os.environ['TEXT']]))"
    names = {f"p{number}": text for number, text in enumerate(VALUES) if text != "{{$}}" and "$.x" not in text}
    body = {
        "params": {name: {"type": "string"} for name in names},
        "steps": {
            "a": {
                "image": "x:1",
                "command": [
                    "python3",
                    "-c",
                    show,
                    *(f"${{{{ params.{name} }}}}" for name in names),
                    *(f"--{name}=${{{{ params.{name} }}}}!" for name in names),
                ],
                "env": {"TEXT": "${{ params.p8 }}"},
            }
        },
    }
    _, ran = run(tmp_path, shell, yaml.safe_dump(body, sort_keys=False), driver=False, parameters=names)
    assert ran.stderr == ""
    assert json.loads(ran.stdout) == [*names.values(), *(f"--{name}={text}!" for name, text in names.items()), names["p8"]]


def test_folders_of_lists(tmp_path: Path) -> None:
    """Files in list form are below `/mlc`, and the folders are made first."""
    body = "steps: {a: {image: x:1, command: t, outputs: [m]}, b: {image: x:1, command: t, inputs: [m]}}"
    assert container(body)["args"][:6] == ["output", "m", "/mlc/outputs/m", "{{$.outputs.artifacts['m'].path}}", "folder", "/mlc/outputs"]
    assert container(body, "b")["args"][:2] == ["folder", "/mlc/inputs"]


def test_scripts() -> None:
    """A script, its packages and its arguments are records of the wrapper."""
    body = "steps: {a: {image: x:1, shell: python, packages: [pandas==2.2.0, numpy], run: 'print(1)', args: [x]}}"
    found = container(body)
    assert found["args"] == ["packages", "pandas==2.2.0\nnumpy", "script", "print(1)", "--", "python", "-u", "@", "x"]
    assert 'exec "$$@"' in found["command"][2]
    assert "for __mlc_d in /tmp /var/tmp /dev/shm; do" in found["command"][2]


def test_scripts_lie_in_no_volume() -> None:
    """The wrapper's own folder is outside the step's volumes where there is another place."""
    body = "volumes: {c: {claim: c}}\nsteps: {a: {image: x:1, run: 'true', volumes: {c: %s}}}"
    assert "in /var/tmp /dev/shm /tmp; do" in container(body % "/tmp")["command"][2]
    assert "in /tmp /var/tmp /dev/shm; do" in container(body % "/tmp/sub")["command"][2]


def test_resources() -> None:
    """Amounts are written twice: as they are, and as the numbers of old backends."""
    body = "steps: {a: {image: x:1, command: t, resources: {requests: {cpu: 500m, memory: 1.5Gi}, limits: {cpu: 2, memory: 2G, gpu: 1}}}}"
    found = container(body)["resources"]
    assert found.pop("accelerator") == {"type": "nvidia.com/gpu", "count": "1", "resourceType": "nvidia.com/gpu", "resourceCount": "1"}
    assert found == {
        "cpuLimit": 2.0,
        "resourceCpuLimit": "2",
        "cpuRequest": 0.5,
        "resourceCpuRequest": "500m",
        "memoryLimit": 2.0,
        "resourceMemoryLimit": "2G",
        "memoryRequest": pytest.approx(1.5 * 2**30 / 1e9),
        "resourceMemoryRequest": "1.5Gi",
    }


def test_retry() -> None:
    """The window for all attempts is long where the spec gives none: the backend's default would end them at once."""
    body = "steps: {a: {image: x:1, command: t, retry: %s}}"
    assert task(body % "{limit: 3}")["retryPolicy"] == {
        "maxRetryCount": 3,
        "backoffDuration": "0s",
        "backoffFactor": 1.0,
        "backoffMaxDuration": "31536000s",
    }
    assert task(body % "{limit: 2, backoff: {duration: 1m, factor: 2, max: 1h}}")["retryPolicy"] == {
        "maxRetryCount": 2,
        "backoffDuration": "60s",
        "backoffFactor": 2.0,
        "backoffMaxDuration": "3600s",
    }


def test_cache() -> None:
    """Off unless the spec says so. A key is no `cacheKey`, by which newer backends find a result whatever the inputs and the image are."""
    body = "steps: {a: {image: x:1, command: t, cache: %s}}"
    assert task(body % "false")["cachingOptions"] == {}
    assert "inputs" not in task(body % "false")
    assert task(body % "true")["cachingOptions"] == {"enableCache": True}
    assert task(body % "{key: k1}")["cachingOptions"] == {"enableCache": True}


def test_what_the_backend_forgets_when_it_looks_for_a_result() -> None:
    """A cached step has an input that changes with its name, env, mounts and key, not with its memory; a claim of the run is one, too."""
    body = """
    volumes: {d: {claim: data}, w: {size: 1Gi, storage_class: fast}}
    steps: {%s: {image: x:1, command: t, cache: %s, %s}}
    """

    def known(keys: str, name: str = "a", cache: str = "true") -> dict[str, Any]:
        spec = kfp.lower(support.pipeline(body % (name, cache, keys)))[0]
        dag = spec["components"].get("comp-x-steps", spec["root"])["dag"]["tasks"][name]
        asked = spec["components"][f"comp-{name}"]["inputDefinitions"]["parameters"]
        assert asked == {key: {"parameterType": "STRING"} for key in dag["inputs"]["parameters"]}
        found: dict[str, Any] = dag["inputs"]["parameters"]
        return found

    plain = known("title: A")
    assert plain == known("title: B, resources: {memory: 1Gi}, timeout: 1h")
    assert list(plain) == ["x-cache"]
    changed = [
        plain,
        known("title: A", "b"),
        known("title: A", cache="{key: k}"),
        known("env: {A: '1'}"),
        known("env: {A: '2'}"),
        known("env: {A: {secret: s, key: k}}"),
        known("env: {A: {field: metadata.name}}"),
        known("volumes: {d: /d}"),
        known("volumes: {d: /e}"),
    ]
    assert len({str(found["x-cache"]) for found in changed}) == len(changed)
    assert known("volumes: {w: /w}")["x-claim.w"] == {"componentInputParameter": "x-claim.w"}


def test_platform() -> None:
    """Everything that only Kubernetes knows is in the second document, names of objects twice."""
    body = """
    images: {t: {ref: "x:1", pull_policy: Always, pull_secret: reg}}
    volumes: {d: {claim: data}, s: {secret: sec}, c: {config_map: cfg}, shm: {memory: 2Gi},
              tmp: {empty_dir: {size: 1Gi}}, any: {empty_dir: {}}}
    steps:
      a:
        image: t
        command: t
        timeout: 1h30m
        labels: {team: ml}
        volumes: {d: /d, s: /s, c: /c, shm: /dev/shm, tmp: /scratch, any: /any}
        env: {T: {secret: sec, key: k}, U: {config_map: cfg, key: k}, POD: {field: metadata.name}}
    """

    def constant(name: str) -> dict[str, Any]:
        return {"runtimeValue": {"constant": name}}

    assert platform(body)["exec-a"] == {
        "pvcMount": [{"mountPath": "/d", "constant": "data", "pvcNameParameter": constant("data")}],
        "secretAsVolume": [{"mountPath": "/s", "optional": False, "secretName": "sec", "secretNameParameter": constant("sec")}],
        "configMapAsVolume": [{"mountPath": "/c", "optional": False, "configMapName": "cfg", "configMapNameParameter": constant("cfg")}],
        "emptyDirMounts": [
            {"volumeName": "x-shm", "mountPath": "/dev/shm", "medium": "Memory", "sizeLimit": "2Gi"},
            {"volumeName": "x-tmp", "mountPath": "/scratch", "sizeLimit": "1Gi"},
            {"volumeName": "x-any", "mountPath": "/any"},
        ],
        "secretAsEnv": [
            {
                "keyToEnv": [{"secretKey": "k", "envVar": "T"}],
                "secretName": "sec",
                "secretNameParameter": constant("sec"),
            }
        ],
        "configMapAsEnv": [
            {
                "keyToEnv": [{"configMapKey": "k", "envVar": "U"}],
                "configMapName": "cfg",
                "configMapNameParameter": constant("cfg"),
            }
        ],
        "fieldPathAsEnv": [{"name": "POD", "fieldPath": "metadata.name"}],
        "imagePullPolicy": "Always",
        "imagePullSecret": [{"secretName": "reg", "secretNameParameter": constant("reg")}],
        "activeDeadlineSeconds": "5400",
        "podMetadata": {"labels": {"team": "ml"}},
    }


def test_pod_volumes_of_one_name() -> None:
    """The lint sees two volumes of a pod that have one name, which is why the target refuses them."""
    body = "volumes: {foo: {empty_dir: {}}, b: {claim: x-foo}}\n" + step("volumes: {foo: /f, b: /b}")
    found = kfp.lower(support.pipeline(body))
    place = "platforms.kubernetes.deploymentSpec.executors.exec-a"
    assert lint_documents(list(found)) == [f"{place}: two volumes of the pod are called x-foo"]


# --- claims of the run --------------------------------------------------------------------------------------------------------

CLAIMS = """
params: {p: 1, unused: 2}
volumes:
  work: {size: 1Gi, access_mode: ReadWriteMany, storage_class: fast}
  a-volume-with-a-very-long-name-indeed: {size: 2Gi}
  idle: {size: 3Gi}
  data: {claim: data}
targets: {kfp: {storage_class: slow}}
steps:
  a: {image: x:1, command: [t, "${{ params.p }}"], volumes: {work: /w, data: /d}}
  b: {image: x:1, command: t, needs: a, volumes: {work: /w, a-volume-with-a-very-long-name-indeed: /l}}
"""


def test_claims_of_the_run() -> None:
    """Claims are created at the root, the steps and one exit task that deletes all of them stand in a group that takes their names."""
    document = spec(CLAIMS)
    components = document["components"]
    root = document["root"]["dag"]["tasks"]
    long = "a-volume-with-a-very-long-name-indeed"
    assert list(root) == ["x-create-work", f"x-create-{long}", "x-claims"]
    constants = {key: source["runtimeValue"]["constant"] for key, source in root["x-create-work"]["inputs"]["parameters"].items()}
    assert constants == {"access_modes": ["ReadWriteMany"], "pvc_name_suffix": "-work", "size": "1Gi", "storage_class_name": "fast"}
    second = root[f"x-create-{long}"]["inputs"]["parameters"]
    assert second["storage_class_name"]["runtimeValue"]["constant"] == "slow"
    assert len("00000000-0000-0000-0000-000000000000" + second["pvc_name_suffix"]["runtimeValue"]["constant"]) <= 63
    assert root["x-create-work"]["cachingOptions"] == {}
    assert root["x-claims"]["dependentTasks"] == [f"x-create-{long}", "x-create-work"]
    assert root["x-claims"]["inputs"]["parameters"]["p"] == {"componentInputParameter": "p"}
    assert "unused" not in root["x-claims"]["inputs"]["parameters"]
    inner = components["comp-x-claims"]["dag"]["tasks"]
    assert list(inner) == ["x-steps", "x-delete"]
    assert inner["x-delete"]["dependentTasks"] == ["x-steps"]
    assert inner["x-delete"]["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert all("componentInputParameter" in source for source in inner["x-delete"]["inputs"]["parameters"].values())
    assert list(components["comp-x-steps"]["dag"]["tasks"]) == ["a", "b"]
    assert list(components["comp-x-delete"]["dag"]["tasks"]) == ["x-delete-work", f"x-delete-{long}"]
    images = {label: executor["container"]["image"] for label, executor in document["deploymentSpec"]["executors"].items()}
    assert images["exec-x-create-work"] == "argostub/createpvc"
    assert images["exec-x-delete-work"] == "argostub/deletepvc"
    assert platform(CLAIMS)["exec-a"]["pvcMount"][0] == {
        "mountPath": "/w",
        "componentInputParameter": "x-claim.work",
        "pvcNameParameter": {"componentInputParameter": "x-claim.work"},
    }


def test_claims_that_stay() -> None:
    """A claim with `keep` has no task that deletes it; where all claims stay, the steps need no exit task around them."""
    one = spec(CLAIMS.replace("storage_class: fast}", "storage_class: fast, keep: true}"))
    assert list(one["components"]["comp-x-delete"]["dag"]["tasks"]) == ["x-delete-a-volume-with-a-very-long-name-indeed"]
    names = "x-claim.a-volume-with-a-very-long-name-indeed"
    assert list(one["components"]["comp-x-delete"]["inputDefinitions"]["parameters"]) == [names]
    assert list(one["components"]["comp-x-steps"]["inputDefinitions"]["parameters"]) == ["p", "x-claim.work", names]
    body = CLAIMS.replace("storage_class: fast}", "storage_class: fast, keep: true}").replace("2Gi}", "2Gi, keep: true}")
    every = spec(body)
    root = every["root"]["dag"]["tasks"]
    assert list(root) == ["x-create-work", "x-create-a-volume-with-a-very-long-name-indeed", "x-steps"]
    assert root["x-steps"]["inputs"]["parameters"]["x-claim.work"] == {
        "taskOutputParameter": {"producerTask": "x-create-work", "outputParameterKey": "name"}
    }
    assert not [name for name in every["components"] if "delete" in name or name == "comp-x-claims"]
    assert not [name for name in every["deploymentSpec"]["executors"] if "delete" in name]


def test_claims_that_stay_are_not_for_finally() -> None:
    """An exit task takes nothing from another task, so `finally` cannot mount a claim of the run, kept or not."""
    body = CLAIMS + "finally: {end: {image: x:1, command: t, volumes: {work: /w}}}\n"
    kept = body.replace("storage_class: fast}", "storage_class: fast, keep: true}")
    assert [one.message for text in (body, kept) for one in support.check(text, ("kfp",)) if one.code == "MLC401"] == [
        "volume `work` is deleted on KFP before `finally` runs",
        "`finally` does not learn the name of volume `work` on KFP, which the run makes up",
    ]


def test_no_nesting_without_claims() -> None:
    """A claim that no step mounts changes nothing."""
    body = "volumes: {idle: {size: 3Gi}}\n" + PLAIN
    assert list(spec(body)["root"]["dag"]["tasks"]) == ["a"]
    assert findings(body) == []


# --- what the target says -----------------------------------------------------------------------------------------------------


def step(text: str) -> str:
    """A project of one step."""
    return f"steps: {{a: {{image: x:1, command: t, {text}}}}}"


def tagged(text: str) -> str:
    """A project of one step, with a command of its own."""
    return f"steps: {{a: {{image: x:1, {text}}}}}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (PLAIN, []),
        ("steps: {a: {image: x:1}}", [("MLC406", "steps.a")]),
        (step("retry: {limit: 1, on: error}"), [("MLC401", "steps.a.retry.on")]),
        (step("retry: {limit: 1, on: always}"), [("MLC401", "steps.a.retry.on")]),
        (step("retry: {limit: 1, backoff: {duration: 1s, factor: 1.5}}"), [("MLC401", "steps.a.retry.backoff.factor")]),
        (step("resources: {ephemeral_storage: 1Gi}"), [("MLC401", "steps.a.resources.ephemeral_storage")]),
        ("volumes: {s: {secret: s, mode: 0400}}\n" + step("volumes: {s: /s}"), [("MLC401", "volumes.s.mode")]),
        ("volumes: {s: {secret: s, mode: 0400}}\n" + PLAIN, []),
        ("params: {n: 9007199254740993}\n" + PLAIN, [("MLC401", "params.n")]),
        ("volumes: {w: {size: 1Gi}}\n" + step("volumes: {w: /w}"), [("MLC406", "volumes.w")]),
        ("labels: {a: b}\nannotations: {c: d}\n" + PLAIN, [("MLC405", "labels"), ("MLC405", "annotations")]),
        ("store: {s3: {bucket: bkt, endpoint: 'e:9'}}\n" + PLAIN, [("MLC405", "store.s3")]),
        ("store: {oss: {bucket: bkt, endpoint: 'e:9'}}\n" + PLAIN, [("MLC401", "store.oss")]),
        (step("title: 'a {{=1}}'"), [("MLC403", "steps.a.title")]),
        (step("title: $(HOME)"), [("MLC403", "steps.a.title")]),
        (step("description: '{{workflow.name}}'"), [("MLC403", "steps.a.description")]),
        ("description: '{{ inputs.x }}'\n" + PLAIN, [("MLC403", "description")]),
        (step("annotations: {n: '{{workflow.name}}'}"), [("MLC403", "steps.a.annotations.n")]),
        (step("env: {A: '{{pod.name}}'}"), [("MLC403", "steps.a.env.A")]),
        (step("args: [x, '{{item}}']"), [("MLC403", "steps.a.args.1")]),
        (tagged("run: 'echo {{=1}}'"), [("MLC403", "steps.a.run")]),
        (step("metrics: {m: {path: /m, key: ['{{=1}}']}}"), [("MLC403", "steps.a.metrics.m.key")]),
        (step("args: ['{{x}} {{.Y}}']"), []),
        ("params: {p: '{{=1}}'}\n" + PLAIN, [("MLC403", "params.p")]),
        ("params: {p: a$$b}\n" + PLAIN, [("MLC403", "params.p")]),
        ("params: {p: a$b}\n" + PLAIN, []),
        ("params: {p: 1}\n" + step("args: ['a$${{ params.p }}']"), [("MLC403", "steps.a.args.0")]),
        ("params: {p: 1}\n" + step("args: ['$(x)${{ params.p }}']"), [("MLC403", "steps.a.args.0")]),
        (step("outputs: {o: /s3/o}"), [("MLC402", "steps.a.outputs.o")]),
        ("volumes: {c: {claim: a.b}}\n" + step("volumes: {c: /c}"), [("MLC402", "volumes.c")]),
        ("volumes: {c: {claim: gcs-scratch}}\n" + step("volumes: {c: /c}"), [("MLC402", "volumes.c")]),
        ("volumes: {c: {claim: same}, s: {secret: same}}\n" + step("volumes: {c: /c, s: /s}"), [("MLC402", "steps.a.volumes.s")]),
        ("volumes: {c: {claim: data}}\n" + step("volumes: {c: /gcs}"), [("MLC402", "steps.a.volumes.c")]),
        ("volumes: {foo: {empty_dir: {}}, b: {claim: x-foo}}\n" + step("volumes: {foo: /f, b: /b}"), [("MLC402", "steps.a.volumes.b")]),
        ("volumes: {foo: {memory: 1Gi}, b: {secret: x-foo}}\n" + step("volumes: {b: /b, foo: /f}"), [("MLC402", "steps.a.volumes.foo")]),
        ("volumes: {s: {secret: x}, b: {secret: x}}\n" + step("volumes: {s: /s, b: /b}"), [("MLC402", "steps.a.volumes.b")]),
        ("volumes: {foo: {empty_dir: {}}, b: {claim: foo}}\n" + step("volumes: {foo: /f, b: /b}"), []),
        ("volumes: {c: {claim: data}}\n" + step("volumes: {c: /var/run/argo}"), [("MLC402", "steps.a.volumes.c")]),
        (step("workdir: /kfp-launcher"), [("MLC402", "steps.a.workdir")]),
        (step("outputs: {o: /tmp/mlc.abc/run}"), [("MLC402", "steps.a.outputs.o")]),
        (step("outputs: {o: /tmp}"), [("MLC402", "steps.a.outputs.o")]),
        (step("values: {o: /etc}"), [("MLC402", "steps.a.values.o")]),
        (step("metrics: {o: /usr/lib/python3}"), [("MLC402", "steps.a.metrics.o")]),
        (step("outputs: {o: /app}"), [("MLC402", "steps.a.outputs.o")]),
        (step("outputs: {o: /app/out, p: /tmp/out, q: /etc/out.json}"), []),
        (step("workdir: /job/work, outputs: {o: /job}"), [("MLC402", "steps.a.outputs.o")]),
        (step("workdir: /job, outputs: {o: /job}"), [("MLC402", "steps.a.outputs.o")]),
        (step("workdir: /job, outputs: {o: /job/out}"), []),
        (tagged("command: [/job/bin/train], outputs: {o: /job}"), [("MLC402", "steps.a.outputs.o")]),
        (tagged("command: [sh, -e, /job/train.sh], outputs: {o: /job}"), [("MLC402", "steps.a.outputs.o")]),
        (tagged("command: [/usr/bin/python3.11, -u], args: [/job/train.py], outputs: {o: /job}"), [("MLC402", "steps.a.outputs.o")]),
        (tagged("command: [python, -m, train, /job/x], outputs: {o: /job}"), []),
        (tagged("command: [train, /job/x], outputs: {o: /job}"), []),
        (tagged("run: 'true', args: [/job/x], outputs: {o: /job}"), []),
        (step("cache: {key: '{{workflow.name}} a$$b'}"), []),
        (step("cache: {key: k}, foreach: {v: [1, 2]}, args: ['${{ each.v }}']"), []),
        (step("env: {A: {field: \"metadata.labels['{{=1+1}}']\"}}"), [("MLC403", "steps.a.env.A.field")]),
        (step("env: {A: {field: \"metadata.labels['$(A)']\"}}"), [("MLC403", "steps.a.env.A.field")]),
        (step("env: {__mlc_a: x}"), [("MLC402", "steps.a.env.__mlc_a")]),
        ("params: {p: 1}\n" + tagged("command: [a=b], env: {A: '${{ params.p }}'}"), [("MLC402", "steps.a.command.0")]),
        (step("annotations: {n: $$}"), [("MLC403", "steps.a.annotations.n")]),
        (step("description: costs $(A)"), [("MLC403", "steps.a.description")]),
        ("params: {l: {type: list, default: [1, [9007199254740993]]}}\n" + PLAIN, [("MLC401", "params.l")]),
        ("params: {d: {type: dict, default: {a: -9007199254740993}}}\n" + PLAIN, [("MLC401", "params.d")]),
        ("params: {d: {type: dict, default: {a: [9007199254740992, 0.5, true, x]}}}\n" + PLAIN, []),
        (tagged(f"run: '{'long text ' * 13200}'"), [("MLC408", "steps.a.run")]),
        (tagged(f"run: '{'long text ' * 10000}'"), []),
    ],
    ids=range(67),
)
def test_what_the_target_says(body: str, expected: list[tuple[str, str]]) -> None:
    """Each refusal and each note has its code and points at its place."""
    assert findings(body) == expected


def test_messages_say_what_would_work() -> None:
    """Every finding of the target names the target and has a help text."""
    said: list[Any] = []
    body = (
        "labels: {a: b}\nstore: {minio: {endpoint: 'm:9000', bucket: bkt, prefix: p/q, secret: {name: s, access_key: a, secret_key: k}}}\n"
        + step("retry: {limit: 1, on: error}, resources: {ephemeral_storage: 1Gi}")
    )
    kfp.check(support.pipeline(body), said)
    assert len(said) == 4
    assert all("KFP" in item.message and item.help for item in said)
    assert "defaultPipelineRoot: minio://bkt/p/q" in said[1].help


@pytest.mark.parametrize(
    ("store", "root", "providers"),
    [
        ("s3: {bucket: bkt, prefix: /p/q/}", "s3://bkt/p/q", None),
        ("s3: {bucket: bkt, region: eu-west-1}", "s3://bkt?region=eu-west-1", None),
        ("s3: {bucket: bkt, insecure: true}", "s3://bkt?disableSSL=true", None),
        ("minio: {bucket: bkt, endpoint: 'm:9000'}", "minio://bkt?region=minio&endpoint=m:9000&s3ForcePathStyle=true", None),
        ("gcs: {bucket: bkt}", "gs://bkt", None),
        (
            "gcs: {bucket: bkt, prefix: p, secret: {name: s, key: k}}",
            "gs://bkt/p",
            {"gs": {"default": {"credentials": {"fromEnv": False, "secretRef": {"secretName": "s", "tokenKey": "k"}}}}},
        ),
        (
            "minio: {bucket: bkt, endpoint: 'm:9000', insecure: true, secret: {name: s, access_key: a, secret_key: k}}",
            "minio://bkt",
            {
                "minio": {
                    "default": {
                        "endpoint": "m:9000",
                        "region": "minio",
                        "disableSSL": True,
                        "credentials": {"fromEnv": False, "secretRef": {"secretName": "s", "accessKeyKey": "a", "secretKeyKey": "k"}},
                    }
                }
            },
        ),
        (
            "s3: {bucket: bkt, region: r, secret: {name: s, access_key: a, secret_key: k}}",
            "s3://bkt",
            {
                "s3": {
                    "default": {
                        "endpoint": "s3.amazonaws.com",
                        "region": "r",
                        "disableSSL": False,
                        "credentials": {"fromEnv": False, "secretRef": {"secretName": "s", "accessKeyKey": "a", "secretKeyKey": "k"}},
                    }
                }
            },
        ),
    ],
)
def test_launcher_config_map(store: str, root: str, providers: Any) -> None:
    """What the namespace's launcher has to know of the store; with credentials of the environment all of it stands in the address."""
    (config_map,) = infra.manifests(support.pipeline(f"store: {{{store}}}\n{PLAIN}"), "kfp")
    assert config_map["metadata"] == {"name": "kfp-launcher"}
    assert config_map["data"]["defaultPipelineRoot"] == root
    assert yaml.safe_load(config_map["data"].get("providers", "null")) == providers


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_spec(path: Path) -> None:
    """Every spec of the project is refused by name, or its conditions are read by a CEL parser."""
    result = driver.compile_source(SourceFile(path.name, path.read_text(encoding="utf-8"), beside=support.beside), ("kfp",))
    if not result.outputs:
        assert path.stem.startswith("argo-") or path.with_name(f"{path.name}.lock").is_file()
        assert {item.code for item in result.diagnostics if item.severity == "error"} <= {"MLC401", "MLC402", "MLC406", "MLC417", "MLC420"}
        return
    found = list(yaml.safe_load_all(result.outputs[0].text))
    for component in [found[0]["root"], *found[0]["components"].values()]:
        for item in component.get("dag", {"tasks": {}})["tasks"].values():
            if "condition" in item.get("triggerPolicy", {}):
                cel.compile(item["triggerPolicy"]["condition"])


def test_lowering_twice_gives_the_same() -> None:
    """The documents depend on nothing but the pipeline, and share no part that a caller could change."""
    pipeline = support.pipeline(CLAIMS)
    first = kfp.lower(pipeline)
    before = json.dumps(first)
    first[0]["components"].clear()
    assert json.dumps(kfp.lower(pipeline)) == before


@pytest.mark.parametrize("text", ["\x07\x7f\x85\xa0", "🙂", "\U0001fae0", "\U0001f6ff", "\U000e0067", "한국어", "\n'$"])
def test_strings_of_conditions_stay_in_the_first_plane(text: str) -> None:
    """Argo breaks on characters that Go does not print, and Python versions differ in which those are: they are escaped by their number."""
    written = kfp_cel.quoted(text)
    assert all(" " <= char < "\x7f" or "\xa0" < char <= "\uffff" for char in written)
    assert cel.evaluate(written) == text
    assert (written == f"'{text}'") == (text == "한국어")
