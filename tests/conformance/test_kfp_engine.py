"""The program that holds Kubeflow Pipelines: that it is KFP that answers, and that nothing of ours around it hides what KFP does.

The pipelines are written by hand, or by KFP's own SDK; what our compiler makes of specs is for the other tests of this folder.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from kfp import compiler, components, dsl

from tests.conformance.engines import KFP, EngineError, engine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

ENGINE = engine(KFP[0])
RUN = "ALL_UPSTREAM_TASKS_COMPLETED"


def task(name: str, *, after: tuple[str, ...] = (), when: str = "", inputs: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A task of the component of its name, in a pipeline."""
    body: dict[str, Any] = {"taskInfo": {"name": name}, "componentRef": {"name": f"comp-{name}"}, "cachingOptions": {}, **more}
    if after:
        body["dependentTasks"] = list(after)
    if inputs:
        body["inputs"] = {"parameters": dict(inputs)}
    if when:
        body["triggerPolicy"] = {"condition": when}
    return {name: body}


def produced(by: str, output: str) -> dict[str, Any]:
    """An input that is the output of a task."""
    return {"taskOutputParameter": {"producerTask": by, "outputParameterKey": output}}


def pipeline(
    *tasks: dict[str, Any],
    outputs: Mapping[str, Mapping[str, str]] | None = None,
    containers: Mapping[str, Mapping[str, Any]] | None = None,
    components: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    platform: Mapping[str, Any] | None = None,
) -> str:
    """The documents of a pipeline: every task is a program `work`, unless `containers` or `components` say otherwise of its name.

    `outputs` are types of output parameters by task; the inputs of a component are those of its task, all texts."""
    root: dict[str, Any] = {}
    for item in tasks:
        root.update(item)
    comps: dict[str, Any] = dict(components or {})
    executors = {}
    for name, body in root.items():
        if f"comp-{name}" not in comps:
            comps[f"comp-{name}"] = program(name, body, (outputs or {}).get(name, {}))
    for component in comps.values():
        if "executorLabel" in component:
            name = component["executorLabel"].removeprefix("exec-")
            executors[f"exec-{name}"] = {"container": {"image": "acme/work:1", "command": ["work"], **(containers or {}).get(name, {})}}
    document: dict[str, Any] = {
        "pipelineInfo": {"name": "engine-test"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.14.3",
        "root": {"dag": {"tasks": root}},
        "components": comps,
        "deploymentSpec": {"executors": executors},
    }
    if params:
        document["root"]["inputDefinitions"] = {"parameters": dict(params)}
    texts = [json.dumps(document)]
    if platform:
        texts.append(json.dumps({"platforms": {"kubernetes": {"deploymentSpec": {"executors": dict(platform)}}}}))
    return "\n---\n".join(texts)


def program(name: str, body: Mapping[str, Any], outputs: Mapping[str, str]) -> dict[str, Any]:
    """The component of a task that runs a program."""
    result: dict[str, Any] = {"executorLabel": f"exec-{name}"}
    given = body.get("inputs", {}).get("parameters", {})
    if given:
        result["inputDefinitions"] = {"parameters": {key: {"parameterType": "STRING"} for key in given}}
    if outputs:
        result["outputDefinitions"] = {"parameters": {key: {"parameterType": kind} for key, kind in outputs.items()}}
    return result


def play(manifest: str, parameters: Mapping[str, str] | None = None, **outcomes: Any) -> dict[str, Any]:
    """A run of a pipeline. Outcomes are attempts by task, a single one or a list; `_` stands for `-` in a task's name."""
    attempts = {name.replace("_", "-"): said if isinstance(said, list) else [said] for name, said in outcomes.items()}
    return ENGINE.ask("play", manifest=manifest, parameters=dict(parameters or {}), outcomes=attempts)


def phases(answer: Mapping[str, Any]) -> dict[str, str]:
    """The phase of every step."""
    return {name: step["phase"] for name, step in answer["steps"].items()}


def writes(**outputs: str) -> dict[str, Any]:
    """An attempt that ends well and leaves these texts."""
    return {"exit": 0, "outputs": outputs}


def compiled(function: Callable[..., Any], folder: Path) -> str:
    """What KFP's own SDK makes of a pipeline."""
    path = folder / "pipeline.yaml"
    compiler.Compiler().compile(function, str(path))
    return path.read_text(encoding="utf-8")


GATED = pipeline(
    task("train"),
    task(
        "deploy",
        after=("train",),
        when="double(parseJson(inputs.parameter_values['accuracy'])) > 0.8",
        inputs={"accuracy": produced("train", "accuracy")},
    ),
    task("report", after=("deploy",)),
    task("beside"),
    outputs={"train": {"accuracy": "STRING"}},
    containers={"train": {"args": ["{{$.outputs.parameters['accuracy'].output_file}}"]}},
)


def test_version() -> None:
    """The program names the release of KFP that it holds, and the Argo of it."""
    assert ENGINE.ask("version") == {"engine": "kfp", "version": "2.14.3", "argo": "3.6.7"}


# What is wrong, how it comes about, who says so, and a part of what it says.
FAULTS = [
    ("unknown field", ('"schemaVersion"', '"scemaVersion"'), "parse", 'unknown field "scemaVersion"'),
    ("unknown field of a task", ('"cachingOptions"', '"caching"'), "parse", 'unknown field "caching"'),
    ("unknown field of an executor", ('"image"', '"imagee"'), "parse", 'unknown field "imagee"'),
    ("unknown part of the deployment", ('{"executors"', '{"more": 1, "executors"'), "parse", 'unknown field "more"'),
    ("other version", ('"2.1.0"', '"2.2.0"'), "parse", "schema version 2.1.0"),
    ("bad name", ('"engine-test"', '"Engine test"'), "compile", "a lowercase RFC 1123"),
    ("no component", ('"comp-beside": {', '"comp-beyond": {'), "compile", 'cannot find component ref name="comp-beside"'),
    (
        "no executor",
        ('"executorLabel": "exec-beside"', '"executorLabel": "exec-beyond"'),
        "compile",
        'executor(label="exec-beyond") not found',
    ),
    ("unknown dependency", ('["deploy"]', '["deplo"]'), "lint", "deplo"),
    ("cycle", ('["train"]', '["report"]'), "lint", "cycle"),
    ("condition that is none", ("> 0.8", "> "), "expression", "task deploy: condition: ERROR"),
    ("unknown function", ("double(parse", "doble(parse"), "expression", "undeclared reference to 'doble'"),
    ("operand that is no input", ("values['accuracy']", "values['acuracy']"), "expression", 'no input of the task: "acuracy"'),
    ("no YAML", ('{"pipelineInfo"', '{"pipelineInfo" "x"'), "parse", "yaml"),
]


@pytest.mark.parametrize(("change", "check", "says"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_check_finds(change: tuple[str, str], check: str, says: str) -> None:
    """A pipeline with one fault in it: the program says which part of KFP does not take it."""
    assert ENGINE.ask("check", manifest=GATED)["faults"] == []
    damaged = GATED.replace(*change)
    assert damaged != GATED
    faults = ENGINE.ask("check", manifest=damaged)["faults"]
    assert (check, True) in {(fault["check"], says in fault["message"]) for fault in faults}, faults


PLATFORM_FAULTS = [
    ({"exec-beside": {"pvcMounts": []}}, 'platform executor exec-beside: proto: (line 1:2): unknown field "pvcMounts"'),
    ({"exec-beyond": {"activeDeadlineSeconds": "60"}}, "platform executor exec-beyond: the pipeline has no executor of this name"),
]


@pytest.mark.parametrize(("platform", "says"), PLATFORM_FAULTS, ids=["unknown field", "unknown executor"])
def test_check_finds_in_the_platform(platform: dict[str, Any], says: str) -> None:
    """Settings of Kubernetes that the driver would pass over in silence are faults of the second document."""
    answer = ENGINE.ask("check", manifest=pipeline(task("beside"), platform=platform))
    assert answer["faults"] == [{"check": "parse", "document": 1, "message": says}]


def test_check_refuses_what_the_server_passes_over() -> None:
    """KFP's API server takes a second document that it cannot read for none of its business; the program does not."""
    manifest = pipeline(task("beside")) + '\n---\n{"platform": {"kubernetes": {}}}'
    faults = ENGINE.ask("check", manifest=manifest)["faults"]
    assert [(fault["check"], fault["document"]) for fault in faults] == [("parse", 1)]
    assert ENGINE.ask("check", manifest="")["faults"] == [{"check": "parse", "document": 0, "message": faults_of_nothing()}]


def faults_of_nothing() -> str:
    """What KFP says where there is no pipeline at all."""
    with pytest.raises(EngineError) as refused:
        play("")
    return str(refused.value).removeprefix(f"{KFP[0]}: ")


def test_check_reads_selectors() -> None:
    """The expression that picks a part of an input is compiled too."""
    part = {**produced("train", "m"), "parameterExpressionSelector": 'parseJson(string_value)["a"]'}
    manifest = pipeline(task("train"), task("use", after=("train",), inputs={"a": part}), outputs={"train": {"m": "STRING"}})
    assert ENGINE.ask("check", manifest=manifest)["faults"] == []
    faults = ENGINE.ask("check", manifest=manifest.replace("parseJson(", "parseYaml("))["faults"]
    assert [fault["check"] for fault in faults] == ["expression"]
    assert "selector of a" in faults[0]["message"]


@pytest.mark.parametrize(
    ("expression", "parameters", "value"),
    [
        ("inputs.parameter_values['x'] > 1.0", {"x": 2}, True),
        ("inputs.parameter_values['x'] > 1.0", {"x": 1}, False),
        ("parseJson(inputs.parameter_values['x']) > 0.8", {"x": " 0.93\n"}, True),
        ("inputs.parameter_values['x'] == null", {"x": None}, True),
        ("inputs.parameter_values['x']['a'] == 'b'", {"x": {"a": "b"}}, True),
        ("parseJson(inputs.parameter_values['x']) > 0.8", {"x": "NaN"}, "failed to unmarshal JSON"),
        ("inputs.parameter_values['y'] > 1.0", {"x": 2}, "no such key: y"),
        ("inputs.parameter_values['x']", {"x": 2}, "return type is not bool"),
        ("1 +", {}, "Syntax error"),
    ],
)
def test_cel(expression: str, parameters: dict[str, Any], value: bool | str) -> None:
    """Conditions are evaluated as the driver does: true, false, or the driver's error."""
    answer = ENGINE.ask("cel", expression=expression, parameters=parameters)
    if isinstance(value, bool):
        assert answer == {"value": value}
    else:
        assert value in answer["failed"]


def test_select() -> None:
    """So are selectors: the text of a value is its JSON."""
    assert ENGINE.ask("select", expression='parseJson(string_value)["a"][1]', input={"a": [1, 2.5]}) == {"value": 2.5}
    assert "no such key" in ENGINE.ask("select", expression='parseJson(string_value)["b"]', input="{}")["failed"]


@pytest.mark.parametrize(
    ("accuracy", "deploy", "report", "run"),
    [("0.9\n", "Succeeded", "Succeeded", "Succeeded"), ("0.1", "Skipped", "Omitted", "Succeeded"), ("?", "Failed", "Omitted", "Failed")],
)
def test_the_driver_decides(accuracy: str, deploy: str, report: str, run: str) -> None:
    """A condition that holds, one that does not, and one that cannot be evaluated, with what depends on it."""
    answer = play(GATED, train=writes(accuracy=accuracy))
    assert phases(answer) == {"train": "Succeeded", "beside": "Succeeded", "deploy": deploy, "report": report}
    assert answer["phase"] == run
    assert [answer["steps"][name]["attempts"] for name in ("train", "deploy")] == [1, int(deploy == "Succeeded")]
    if deploy == "Failed":
        assert "driver: Error (exit code 1): driver.Container(" in answer["steps"]["deploy"]["message"]
        assert "failed to unmarshal JSON" in answer["steps"]["deploy"]["message"]


def test_the_user_interface_shows_other_states() -> None:
    """KFP notes its own state of a task beside Argo's: a task that a condition held back is canceled there."""
    answer = play(GATED, train=writes(accuracy="0.1"))
    states = {name: step.get("state") for name, step in answer["steps"].items()}
    assert states == {"train": "COMPLETE", "beside": "COMPLETE", "deploy": "CANCELED", "report": None}


def test_the_launcher_publishes() -> None:
    """An output that was not written, or is no value of its type, fails a program that ended well; its texts are the next one's inputs."""
    manifest = pipeline(
        task("count"),
        task("use", after=("count",), inputs={"n": produced("count", "n")}),
        outputs={"count": {"n": "NUMBER_INTEGER"}},
        containers={"use": {"args": ["{{$.inputs.parameters['n']}}", "{{$.inputs.parameters['m']}}", "{{$.pipeline_job_name}}"]}},
    )
    answer = play(manifest, count=writes(n=" 007\n"))
    assert answer["steps"]["use"]["command"] == ["work"]
    assert answer["steps"]["use"]["args"] == ["7", "{{$.inputs.parameters['m']}}", "{{$.pipeline_job_name}}"]
    for attempt, says in (
        (writes(), "/tmp/kfp/outputs/n: no such file"),
        (writes(n="7.5"), "invalid syntax"),
        ({"exit": 3}, "exit status 3"),
    ):
        answer = play(manifest, count=attempt)
        assert phases(answer) == {"count": "Failed", "use": "Omitted"}
        assert says in answer["steps"]["count"]["message"]
        assert answer["steps"]["count"]["state"] == "FAILED"


def test_dollars_pass_two_kubelets() -> None:
    """What stands in a pipeline's command is expanded in the driver's pod, and what is left of it again in the program's."""
    given = ["$X", "$(X)", "$$(X)", "$$$$(X)", "$(Y)", "$$", "$$$$", "$(", "a$"]
    manifest = pipeline(
        task("show"), containers={"show": {"args": given, "env": [{"name": "X", "value": "x"}, {"name": "Z", "value": "$(X)"}]}}
    )
    step = play(manifest)["steps"]["show"]
    assert step["args"] == ["$X", "x", "x", "$(X)", "$(Y)", "$", "$", "$(", "a$"]
    assert {"X": "x", "Z": "x"}.items() <= step["env"].items()


def test_parameters_are_texts_of_their_types() -> None:
    """A parameter has the declared type, its default if the run gives none, and is refused if it is unknown, missing, or no such value."""
    manifest = pipeline(
        task("use", inputs={"n": {"componentInputParameter": "n"}, "s": {"componentInputParameter": "s"}}),
        params={"n": {"parameterType": "NUMBER_DOUBLE"}, "s": {"parameterType": "STRING", "defaultValue": "d", "isOptional": True}},
        containers={"use": {"args": ["{{$.inputs.parameters['n']}}", "{{$.inputs.parameters['s']}}"]}},
    )
    assert play(manifest, {"n": "1e-5"})["steps"]["use"]["args"] == ["0.00001", "d"]
    assert play(manifest, {"n": "-2", "s": " 2 "})["steps"]["use"]["args"] == ["-2", " 2 "]
    for parameters, says in (
        ({}, "parameter n is not optional"),
        ({"n": "two"}, "invalid syntax"),
        ({"n": "1", "o": "1"}, 'no parameter "o"'),
    ):
        with pytest.raises(EngineError, match=says):
            play(manifest, parameters)
    assert ENGINE.ask("check", manifest=manifest)["faults"] == []


def test_retries_are_pods_of_the_program() -> None:
    """A program that fails is tried again; its driver is not, nor is a pod that vanishes. Without a longest time nothing is."""
    policy = {"maxRetryCount": 2, "backoffDuration": "1s", "backoffFactor": 2.0}
    never = play(pipeline(task("flaky", retryPolicy=policy)), flaky={"exit": 1})
    assert (never["phase"], never["steps"]["flaky"]["attempts"]) == ("Failed", 1)
    manifest = pipeline(task("flaky", retryPolicy={**policy, "backoffMaxDuration": "3600s"}), task("last", after=("flaky",)))
    good = play(manifest, flaky=[{"exit": 1}, {"exit": 1}, {"exit": 0}])
    assert (good["phase"], good["steps"]["flaky"]["attempts"]) == ("Succeeded", 3)
    bad = play(manifest, flaky={"exit": 1})
    assert (bad["phase"], bad["steps"]["flaky"]["attempts"], phases(bad)["last"]) == ("Failed", 3, "Omitted")
    lost = play(manifest, flaky={"error": True})
    assert (lost["phase"], lost["steps"]["flaky"]["attempts"]) == ("Error", 1)
    assert lost["steps"]["flaky"]["state"] == "RUNNING"
    driver = play(manifest, flaky_driver=[{"exit": 1}, {"exit": 0}])
    assert (driver["phase"], driver["steps"]["flaky"]["phase"], driver["steps"]["flaky"]["attempts"]) == ("Failed", "Failed", 0)


def claims(*, suffix: str = "-scratch", mode: str = "ReadWriteOnce") -> str:
    """A pipeline that makes a claim, works on it, and deletes it when everything ended."""

    def constant(value: Any) -> dict[str, Any]:
        return {"runtimeValue": {"constant": value}}

    wanted = {"access_modes": [mode], "pvc_name_suffix": suffix, "size": "1Gi", "storage_class_name": "fast"}
    create = task("create", inputs={key: constant(value) for key, value in wanted.items()})
    claim = {"claim": produced("create", "name")}
    inner = {"claim": {"componentInputParameter": "claim"}}
    take = {"inputDefinitions": {"parameters": {"claim": {"parameterType": "STRING"}}}}
    delete = task("delete", after=("steps",), inputs={"pvc_name": {"componentInputParameter": "claim"}}, triggerPolicy={"strategy": RUN})
    components = {
        "comp-create": {
            "executorLabel": "exec-create",
            "inputDefinitions": {"parameters": {key: {"parameterType": "LIST" if key == "access_modes" else "STRING"} for key in wanted}},
            "outputDefinitions": {"parameters": {"name": {"parameterType": "STRING"}}},
        },
        "comp-delete": {"executorLabel": "exec-delete", "inputDefinitions": {"parameters": {"pvc_name": {"parameterType": "STRING"}}}},
        "comp-all": {**take, "dag": {"tasks": {**task("steps", inputs=inner), **delete}}},
        "comp-steps": {**take, "dag": {"tasks": {**task("write", inputs=inner), **task("read", after=("write",), inputs=inner)}}},
        "comp-write": {"executorLabel": "exec-write", **take},
        "comp-read": {"executorLabel": "exec-read", **take},
    }
    mount = {"pvcMount": [{"mountPath": "/scratch", "pvcNameParameter": {"componentInputParameter": "claim"}}]}
    return pipeline(
        create,
        task("all", after=("create",), inputs=claim),
        components=components,
        containers={
            "create": {"image": "argostub/createpvc", "command": []},
            "delete": {"image": "argostub/deletepvc", "command": []},
            "read": {"args": ["{{$.inputs.parameters['claim']}}"]},
        },
        platform={"exec-write": mount, "exec-read": mount},
    )


def test_claims_are_made_and_deleted() -> None:
    """The driver asks a cluster for claims, the name goes to the pods; the exit task deletes them, also after a failure."""
    manifest = claims()
    assert ENGINE.ask("check", manifest=manifest)["faults"] == []
    good = play(manifest)
    assert good["phase"] == "Succeeded"
    assert good["claims"] == {"created": ["scratch"], "deleted": ["scratch"]}
    assert good["steps"]["read"]["args"][0].endswith("-scratch")
    bad = play(manifest, write={"exit": 1})
    assert bad["phase"] == "Failed"
    assert bad["claims"] == {"created": ["scratch"], "deleted": ["scratch"]}
    assert phases(bad) == {
        "create": "Succeeded", "all": "Failed", "steps": "Failed", "write": "Failed", "read": "Omitted", "delete": "Succeeded",
    }  # fmt: skip


def test_claims_that_a_cluster_refuses() -> None:
    """A claim that cannot be made fails its task with what the API server says; what needs it is omitted, inside groups too."""
    for manifest, says in ((claims(suffix="_x"), "metadata.name"), (claims(mode="ReadWriteAll"), "spec.accessModes")):
        answer = play(manifest)
        assert says in answer["steps"]["create"]["message"]
        assert phases(answer) == {"create": "Failed", **dict.fromkeys(("all", "steps", "write", "read", "delete"), "Omitted")}
        assert answer["claims"] == {"created": [], "deleted": []}


def test_exit_tasks_run_whatever_happened() -> None:
    """An exit task runs after a failure, an omission and a success; that it failed itself, the run does not tell (KFP has it a hook)."""
    manifest = pipeline(
        task("steps"),
        task("notify", after=("steps",), triggerPolicy={"strategy": RUN}),
        components={
            "comp-steps": {"dag": {"tasks": {**task("first"), **task("second", after=("first",))}}},
            **{f"comp-{name}": {"executorLabel": f"exec-{name}"} for name in ("first", "second")},
        },
    )
    for outcomes, run in (({}, "Succeeded"), ({"first": {"exit": 1}}, "Failed"), ({"first": {"error": True}}, "Error")):
        answer = play(manifest, **outcomes)
        assert (answer["phase"], answer["steps"]["notify"]["phase"]) == (run, "Succeeded")
    answer = play(manifest, notify={"exit": 1})
    assert (answer["phase"], answer["steps"]["notify"]["phase"]) == ("Succeeded", "Failed")


def test_results_are_used_again_within_a_run() -> None:
    """A task with caching whose program and inputs were there before in the run is not run again, if its pod would start later."""
    manifest = pipeline(
        task("first", cachingOptions={"enableCache": True}),
        task("same", after=("first",), cachingOptions={"enableCache": True}),
        task("other", after=("first",)),
        components={f"comp-{name}": {"executorLabel": "exec-one"} for name in ("first", "same", "other")},
    )
    answer = play(manifest)
    assert {name: (step["attempts"], step["state"]) for name, step in answer["steps"].items()} == {
        "first": (1, "COMPLETE"), "same": (0, "CACHED"), "other": (1, "COMPLETE"),
    }  # fmt: skip
    assert set(phases(answer).values()) == {"Succeeded"}


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A loop over a list that a program writes, with two programs for each item, and what gathers their results."""

    def component(name: str, takes: Mapping[str, str], makes: Mapping[str, str]) -> Callable[..., Any]:
        ports = {"inputs": takes, "outputs": makes}
        args = [*({"inputValue": port} for port in takes), *({"outputPath": port} for port in makes)]
        body = {key: [{"name": port, "type": kind} for port, kind in value.items()] for key, value in ports.items()}
        text = json.dumps({"name": name, **body, "implementation": {"container": {"image": "acme/a:1", "command": [name], "args": args}}})
        loaded: Callable[..., Any] = components.load_component_from_text(text)
        return loaded

    items = component("items", {}, {"out": "JsonArray"})
    work = component("work", {"item": "String"}, {"result": "String"})
    after = component("after", {"result": "String"}, {})
    gather = component("gather", {"results": "JsonArray"}, {})

    # The SDK reads annotations, and takes `None` for the name of a type.
    @dsl.pipeline(name="loop")
    def looping():  # type: ignore[no-untyped-def]
        with dsl.ParallelFor(items().set_caching_options(False).outputs["out"], parallelism=2) as item:
            worked = work(item=item).set_retry(1).set_caching_options(False)
            after(result=worked.outputs["result"]).set_caching_options(False)
        gather(results=dsl.Collected(worked.outputs["result"])).set_caching_options(False)

    return compiled(looping, tmp_path_factory.mktemp("loop"))


def test_loops_have_items(loop: str) -> None:
    """Each item has its own outcome, attempts and command, in a loop that KFP's SDK wrote; the loop's task gathers them in order."""
    outcomes = {"items": writes(out='["a", "b", "c"]'), "work[1]": [{"exit": 1}, writes(result="B")], "work": writes(result="R")}
    answer = ENGINE.ask(
        "play", manifest=loop, parameters={}, outcomes={name: o if isinstance(o, list) else [o] for name, o in outcomes.items()}
    )
    steps = answer["steps"]
    assert answer["phase"] == "Succeeded"
    assert set(phases(answer).values()) == {"Succeeded"}
    assert [steps[f"work[{i}]"]["attempts"] for i in range(3)] == [1, 2, 1]
    assert [steps[f"work[{i}]"]["args"][0] for i in range(3)] == ["a", "b", "c"]
    assert [steps[f"after[{i}]"]["args"] for i in range(3)] == [["R"], ["B"], ["R"]]
    assert steps["gather"]["args"] == ['["R","B","R"]']
    assert (steps["work"]["attempts"], steps["after"]["attempts"]) == (4, 3)


def test_loops_in_loops(tmp_path: Path) -> None:
    """An item of a loop in a loop is called by both places."""

    text = "name: work\ninputs: [{name: item, type: String}]\nimplementation: {container: {image: a:1, command: [work]}}"
    work: Callable[..., Any] = components.load_component_from_text(text)

    @dsl.pipeline(name="loops")
    def looping():  # type: ignore[no-untyped-def]
        with dsl.ParallelFor(["a", "b"]) as outer, dsl.ParallelFor(["c", "d", "e"]):
            work(item=outer).set_caching_options(False)

    answer = ENGINE.ask("play", manifest=compiled(looping, tmp_path), parameters={}, outcomes={"work[1][0]": [{"exit": 1}]})
    got = phases(answer)
    items = {(i, j): got[f"work[{i}][{j}]"] for i in range(2) for j in range(3)}
    assert [place for place, phase in items.items() if phase != "Succeeded"] == [(1, 0)]
    assert (answer["phase"], items[1, 0], got["work"]) == ("Failed", "Failed", "Failed")


def test_drivers_fail() -> None:
    """The pod that decides on a task can end badly too: then its program does not start, and the task has failed."""
    manifest = pipeline(task("train"), task("last", after=("train",)))
    answer = ENGINE.ask("play", manifest=manifest, parameters={}, outcomes={"train-driver": [{"exit": 1}]})
    step = answer["steps"]["train"]
    assert (answer["phase"], step["phase"], step["attempts"]) == ("Failed", "Failed", 0)
    assert step["message"].startswith("driver: ")
    assert phases(answer)["last"] == "Omitted"


def test_loops_fail_with_an_item(loop: str) -> None:
    """One item that fails ends the loop failed; the others finish, and what gathers does not run."""
    outcomes = {"items": [writes(out='["a", "b", "c"]')], "work[0]": [{"exit": 1}]}
    answer = ENGINE.ask("play", manifest=loop, parameters={}, outcomes=outcomes)
    assert answer["phase"] == "Failed"
    got = phases(answer)
    assert [got[f"work[{i}]"] for i in range(3)] == ["Failed", "Succeeded", "Succeeded"]
    assert [got[f"after[{i}]"] for i in range(3)] == ["Omitted", "Succeeded", "Succeeded"]
    assert (got["work"], got["for-loop-1"], got["gather"]) == ("Failed", "Failed", "Omitted")
    assert answer["steps"]["work[0]"]["attempts"] == 2


def test_empty_loops(loop: str) -> None:
    """A loop over nothing succeeds, but this release's driver cannot gather its results: the task that wants them fails."""
    answer = play(loop, items=writes(out="[]"))
    assert (phases(answer)["for-loop-1"], phases(answer)["work"], phases(answer)["gather"]) == ("Succeeded", "NotRun", "Failed")
    assert "not in tasks" in answer["steps"]["gather"]["message"]
    assert phases(play(loop, items={"exit": 1}))["for-loop-1"] == "Omitted"


def test_loops_over_a_program_with_a_condition() -> None:
    """A condition on a loop holds its items back; Argo's outer node succeeds then, and what depends on the loop runs."""
    iterated: dict[str, Any] = {"parameterIterator": {"items": {"raw": '["a","b"]'}, "itemInput": "item"}}
    manifest = pipeline(
        task("train", when="inputs.parameter_values['go'] == 'yes'", inputs={"go": {"componentInputParameter": "go"}}, **iterated),
        task("last", after=("train",)),
        components={
            "comp-train": {
                "executorLabel": "exec-train",
                "inputDefinitions": {"parameters": {name: {"parameterType": "STRING"} for name in ("go", "item")}},
            }
        },
        containers={"train": {"args": ["{{$.inputs.parameters['item']}}"]}},
        params={"go": {"parameterType": "STRING", "defaultValue": "yes", "isOptional": True}},
    )
    answer = play(manifest)
    assert phases(answer) == dict.fromkeys(("train", "train[0]", "train[1]", "last"), "Succeeded")
    assert [answer["steps"][name]["args"] for name in ("train[0]", "train[1]")] == [["a"], ["b"]]
    held = play(manifest, {"go": "no"})
    assert phases(held) == {"train": "Skipped", "last": "Succeeded"}


def test_kubernetes_refuses_pods() -> None:
    """What no part of KFP looks at, and an API server would not take, is an error of the play and no quiet success."""
    mount = {"pvcMount": [{"mountPath": "/d", "pvcNameParameter": {"runtimeValue": {"constant": "data.v1"}}}]}
    manifest = pipeline(task("use"), platform={"exec-use": mount})
    assert ENGINE.ask("check", manifest=manifest)["faults"] == []
    with pytest.raises(EngineError, match=r"Kubernetes would refuse the pod: volume data\.v1: "):
        play(manifest)
    with pytest.raises(EngineError, match="variable 1X: "):
        play(pipeline(task("use"), containers={"use": {"env": [{"name": "1X", "value": ""}]}}))


def test_arguments_that_are_too_long() -> None:
    """An argument that Linux does not hand to a program fails the first pod that has it: the driver's, with the whole program in one."""
    answer = play(pipeline(task("use"), containers={"use": {"args": ["x" * 131_072]}}))
    assert (answer["phase"], answer["steps"]["use"]["phase"]) == ("Failed", "Failed")
    assert "argument list too long" in answer["steps"]["use"]["message"]


MODEL = {"schemaTitle": "system.Model", "schemaVersion": "0.0.1"}


def importing(uri: dict[str, str]) -> str:
    """A pipeline that takes an artifact from outside, whose address may be the parameter `where`, and hands it to a program."""
    definitions = {"artifacts": {"model": {"artifactType": MODEL}}}
    get: dict[str, Any] = {"executorLabel": "exec-get", "outputDefinitions": definitions}
    if "runtimeParameter" in uri:
        get["inputDefinitions"] = {"parameters": {"where": {"parameterType": "STRING"}}}
    use: dict[str, Any] = {"executorLabel": "exec-use", "inputDefinitions": definitions}
    given = {"where": {"componentInputParameter": "where"}} if "runtimeParameter" in uri else None
    taken = {"artifacts": {"model": {"taskOutputArtifact": {"producerTask": "get", "outputArtifactKey": "model"}}}}
    document = json.loads(
        pipeline(
            task("get", inputs=given),
            task("use", after=("get",)),
            components={"comp-get": get, "comp-use": use},
            containers={"use": {"args": ["{{$.inputs.artifacts['model'].uri}}", "{{$.inputs.artifacts['model'].path}}"]}},
            params={"where": {"parameterType": "STRING", "defaultValue": "s3://b/default"}},
        )
    )
    document["root"]["dag"]["tasks"]["use"]["inputs"] = taken
    document["deploymentSpec"]["executors"]["exec-get"] = {"importer": {"artifactUri": uri, "typeSchema": MODEL}}
    return json.dumps(document)


def test_importers_hand_over_addresses() -> None:
    """An artifact from outside is entered under its address, whose store nobody looks into; who takes it finds it there."""
    for uri, where, parameters in (
        ({"constant": "s3://b/k"}, "s3://b/k", {}),
        ({"runtimeParameter": "where"}, "s3://b/default", {}),
        ({"runtimeParameter": "where"}, "gs://b/k/model.bin", {"where": "gs://b/k/model.bin"}),
    ):
        answer = play(importing(uri), parameters)
        steps = answer["steps"]
        assert (answer["phase"], steps["get"]["phase"], steps["get"]["attempts"], steps["get"]["state"]) == (
            "Succeeded", "Succeeded", 1, "COMPLETE",
        )  # fmt: skip
        assert steps["use"]["args"] == [where, "/" + where.replace("gs://", "gcs/").replace("://", "/")]


def test_importers_fail() -> None:
    """What is no address of a store ends the importer; its pod can fail and vanish, too."""
    for parameters, said in (({"where": "b/k"}, "no provider scheme found"), ({"where": ""}, "empty artifact URI")):
        answer = play(importing({"runtimeParameter": "where"}), parameters)
        assert (answer["phase"], phases(answer)) == ("Failed", {"get": "Failed", "use": "Omitted"})
        assert said in answer["steps"]["get"]["message"]
    for end, phase in (({"exit": 1}, "Failed"), ({"error": True}, "Error")):
        answer = play(importing({"constant": "s3://b/k"}), get=end)
        assert (answer["phase"], phases(answer)) == (phase, {"get": phase, "use": "Omitted"})


def test_groups_and_their_tasks_of_one_name() -> None:
    """A task of a loop that is called like the group around the loop is there as its items; the name alone is the group."""
    inner = {"dag": {"tasks": task("train", inputs={"item": {"componentInputParameter": "item"}})}}
    given = {"inputDefinitions": {"parameters": {"item": {"parameterType": "STRING"}}}}
    loop = task("each", parameterIterator={"items": {"raw": '["a", "b"]'}, "itemInput": "item"})
    loop["each"]["componentRef"]["name"] = "comp-item"
    document = json.loads(
        pipeline(
            task("train", when="inputs.parameter_values['go'] == 'yes'", inputs={"go": {"componentInputParameter": "go"}}),
            components={
                "comp-train": {"dag": {"tasks": loop}, "inputDefinitions": {"parameters": {"go": {"parameterType": "STRING"}}}},
                "comp-item": {**inner, **given},
                "comp-program": {"executorLabel": "exec-program", **given},
            },
            params={"go": {"parameterType": "STRING", "defaultValue": "yes", "isOptional": True}},
        )
    )
    document["components"]["comp-item"]["dag"]["tasks"]["train"]["componentRef"]["name"] = "comp-program"
    answer = play(json.dumps(document))
    assert phases(answer) == dict.fromkeys(("train", "train[0]", "train[1]", "each"), "Succeeded")
    assert [answer["steps"][name]["attempts"] for name in ("train", "train[0]", "train[1]")] == [0, 1, 1]
    assert phases(play(json.dumps(document), {"go": "no"}))["train"] == "Skipped"


def test_the_same_run_twice() -> None:
    """Two runs of one pipeline are equal, to the names that KFP draws."""
    manifest = claims()
    assert play(manifest, read={"exit": 1}) == play(manifest, read={"exit": 1})


def test_many_runs_leave_nothing_behind() -> None:
    """A hundred runs in one program: it holds no more memory, goroutines or files than after the first few."""
    manifest = pipeline(task("beside"))
    for _ in range(20):
        play(manifest)
    before = ENGINE.ask("usage")
    for _ in range(100):
        play(manifest)
    after = ENGINE.ask("usage")
    assert after["goroutines"] <= before["goroutines"] + 5
    assert after["heap_bytes"] <= before["heap_bytes"] + 4_000_000
