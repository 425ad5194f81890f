"""The programs that hold Argo find what is wrong with a manifest, and play a right one as a cluster would."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import build
from tests.conformance.asked import project
from tests.conformance.engines import ARGO, CONTROLLERS, ENGINES, KFP, Engine, EngineError, engine
from tests.conformance.playing import compiled

README = Path(__file__).with_name("README.md").read_text(encoding="utf-8")

argo = pytest.mark.parametrize("name", ARGO)
controllers = pytest.mark.parametrize("name", CONTROLLERS)

WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: demo-
spec:
  entrypoint: main
  arguments:
    parameters:
    - {name: limit, value: "0.8"}
    - {name: word, valueFrom: {supplied: {}}}
  volumeClaimTemplates:
  - metadata: {name: scratch}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
  volumeClaimGC: {strategy: OnWorkflowCompletion}
  templates:
  - name: main
    dag:
      failFast: false
      tasks:
      - name: train
        template: train
        arguments:
          parameters:
          - {name: word, value: "{{workflow.parameters.word}}"}
      - name: check
        template: check
        depends: train.Succeeded
        when: "{{= fromJSON(tasks['train'].outputs.parameters['accuracy']) > fromJSON(workflow.parameters['limit']) }}"
      - name: deploy
        template: deploy
        depends: check.Succeeded
        arguments:
          artifacts:
          - {name: model, from: "{{tasks.train.outputs.artifacts.model}}"}
  - name: train
    inputs:
      parameters:
      - {name: word}
    outputs:
      parameters:
      - {name: accuracy, valueFrom: {path: /accuracy}}
      - {name: rows, valueFrom: {path: /rows, default: "0"}}
      artifacts:
      - {name: model, path: /model}
    retryStrategy:
      limit: "2"
      retryPolicy: OnFailure
      backoff: {duration: "3600", factor: "2"}
    container:
      image: example/train:1
      command: [train, --word]
      args: ["{{inputs.parameters.word}}"]
      env:
      - {name: PLACE, value: here}
  - name: check
    container: {image: example/check:1}
  - name: deploy
    inputs:
      artifacts:
      - {name: model, path: /model}
    container: {image: example/deploy:1, command: [deploy]}
"""

CRON = """\
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  workflowSpec:
    entrypoint: main
    templates:
    - name: main
      container: {image: example/job:1, command: [job]}
"""

TEMPLATE = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: shared}
spec:
  entrypoint: main
  arguments:
    parameters:
    - {name: size, enum: [small, large], valueFrom: {supplied: {}}}
  templates:
  - name: main
    container: {image: example/job:1, command: [job], args: ["{{workflow.parameters.size}}"]}
"""


def edited(old: str, new: str, text: str = WORKFLOW) -> str:
    """The manifest with one thing changed."""
    assert text.count(old) == 1, f"{text.count(old)} times {old!r}"
    return text.replace(old, new)


def cron(text: str, name: str) -> str:
    """The schedule as the version has it: a list since Argo 4, which none before 3.6 knows."""
    return text.replace('schedule: "0 3 * * *"', 'schedules: ["0 3 * * *"]') if name >= "argo-4" else text


FAULTS = {
    "unknown field": (edited("failFast:", "failfst:"), "parse", "failfst"),
    "wrong type": (edited("failFast: false", "failFast: maybe"), "parse", "failFast"),
    "key twice": (edited("kind: Workflow\n", "kind: Workflow\nkind: Workflow\n"), "parse", "not one object"),
    "no kind of Argo's": (edited("kind: Workflow\n", "kind: Workflw\n"), "parse", "Workflw"),
    "another version of the API": (edited("v1alpha1", "v1alpha2"), "parse", "v1alpha2"),
    "no YAML": (edited("spec:\n  entrypoint: main", "spec:\n entrypoint: main\n  x: ["), "parse", ""),
    "unknown template": (edited("template: check", "template: chck"), "lint", "chck"),
    "unknown entrypoint": (edited("entrypoint: main", "entrypoint: mian"), "lint", "mian"),
    "unknown task": (edited("depends: check.Succeeded", "depends: chck.Succeeded"), "lint", "chck"),
    "unknown result": (edited("check.Succeeded", "check.Succeded"), "lint", "Succeded"),
    "input not given": (edited('value: "{{workflow.parameters.word}}"', "value: null"), "lint", "word"),
    "unknown output in a tag": (edited("outputs.artifacts.model}}", "outputs.artifacts.modl}}"), "expression", "modl"),
    "unknown parameter in a tag": (edited("inputs.parameters.word}}", "inputs.parameters.wrd}}"), "expression", "wrd"),
    "unknown output": (edited("parameters['accuracy']", "parameters['acuracy']"), "expression", "tasks.train.outputs.parameters.acuracy"),
    "unknown parameter": (edited("parameters['limit']", "parameters['limt']"), "expression", "workflow.parameters.limt"),
    "task that is no ancestor": (edited("tasks['train']", "tasks['deploy']"), "expression", "deploy"),
    "unknown function": (edited("{{= fromJSON(tasks", "{{= fromJason(tasks"), "expression", "fromJason"),
    "no expression": (edited("['limit']) }}", "['limit'] }}"), "expression", ""),
    "tag without an end": (edited("['limit']) }}", "['limit']) "), "expression", ""),
    "no condition": (edited('when: "{{= ', 'when: "&& {{= '), "expression", "&&"),
    "status of the run inside it": (edited("inputs.parameters.word}}", "workflow.status}}"), "expression", "workflow.status"),
    "item outside of a loop": (edited("inputs.parameters.word}}", "item}}"), "expression", "item"),
}


@pytest.mark.parametrize("name", ENGINES)
def test_version(name: str) -> None:
    """A program holds the engine that its name says."""
    answer = engine(name).ask("version")
    assert f"{answer['engine']}-{answer['version']}".startswith(f"{name}.")


def rows(head: str) -> list[list[str]]:
    """The table of README.md with this head, row by row."""
    lines = README.partition(f"\n{head}\n")[2].splitlines()[1:]
    assert lines, head
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[: lines.index("")]]


def operations() -> list[tuple[str, str, bool]]:
    """Programs, operations, and whether README.md says that they have them."""
    head = "| program | `version` `usage` | `check` | `template` | `when` | `play` | `cel` `select` |"
    found = []
    for names, *cells in rows(head):
        for name in re.findall("`(.*?)`", names):
            for ops, cell in zip(head.strip("| ").split(" | ")[1:], cells, strict=True):
                found += [(name, op, bool(cell)) for op in re.findall("`(.*?)`", ops)]
    return found


def test_programs_of_the_readme() -> None:
    """README.md speaks of every program, and of every folder of our Go files."""
    assert {name for name, _, _ in operations()} == set(ENGINES)
    folders = {folder for item in build.PROGRAMS for folder in (*item.folders, *item.packages)}
    assert {folder for folder in folders if f"`go/{folder}`" not in README} == set(ENGINES)


@pytest.mark.parametrize(("name", "op", "there"), operations())
def test_operations_of_the_readme(name: str, op: str, there: bool) -> None:
    """A program has the operations that README.md says, and no other of them."""
    said = ""
    try:
        engine(name).ask(op, text="", values={}, manifest="", expression="", parameters={}, input=None)
    except EngineError as error:
        said = str(error)
    assert ("no operation" not in said) is there, said


@pytest.mark.parametrize("name", [*CONTROLLERS, *KFP])
def test_fields_of_the_readme(name: str) -> None:
    """The answer about a run has the fields that README.md names, and no others."""
    steps = {"work": {"image": "a:1", "command": ["work"], "args": ["x"], "env": {"A": "b"}, "values": {"v": "/tmp/v"}}}
    manifest = compiled(project(steps), name.partition("-")[0])
    answer = engine(name).ask("play", manifest=manifest, parameters={}, outcomes={"work": [{"exit": 0, "outputs": {"v": "7"}}]})
    said = {field: meaning for fields, meaning in rows("| field of the answer | meaning |") for field in re.findall("`(.*?)`", fields)}
    assert said.keys() - {"notes"} == answer.keys() - {"notes"}
    of_step = {"phase", "attempts", "message", "command", "args", "env"} | ({"state"} if name in KFP else set())
    assert set(answer["steps"]["work"]) == of_step
    assert all(f"`{field}`" in said["steps"] for field in of_step)
    fields = re.findall("`(.*?)`", said["nodes"])
    assert all(set(node) - {"outputs", "pod"} == set(fields) - {"outputs", "pod"} for node in answer["nodes"])
    assert all(f"`{step['phase']}`" in said["steps"] for step in answer["steps"].values())
    assert answer["claims"].keys() == {"created", "deleted"}


@argo
def test_right_manifests(name: str) -> None:
    """Manifests of each kind have no fault, and something was checked in each document of them."""
    alone = [engine(name).ask("check", manifest=text) for text in (WORKFLOW, cron(CRON, name), TEMPLATE)]
    assert [answer["faults"] for answer in alone] == [[], [], []]
    assert [answer["checks"] for answer in alone] == [10, 3, 4]
    together = engine(name).ask("check", manifest="\n---\n".join((WORKFLOW, cron(CRON, name), TEMPLATE)))
    assert together == {"checks": 17, "faults": []}


@argo
@pytest.mark.parametrize("what", FAULTS)
def test_faults(what: str, name: str) -> None:
    """One thing wrong in a manifest is found, by the check whose matter it is."""
    manifest, check, piece = FAULTS[what]
    faults = engine(name).ask("check", manifest=manifest)["faults"]
    assert [fault for fault in faults if fault["check"] == check and piece in fault["message"] and fault["document"] == 0], faults


@argo
def test_document_of_a_fault(name: str) -> None:
    """A fault names its document, and those around it are still checked."""
    broken = edited("template: check", "template: chck")
    answer = engine(name).ask("check", manifest="\n---\n".join((TEMPLATE, broken, cron(CRON, name))))
    assert {fault["document"] for fault in answer["faults"]} == {1}
    assert answer["checks"] >= 15


@argo
def test_faults_of_schedules_and_templates(name: str) -> None:
    """A schedule that is none, and a template that is not there, are faults of a CronWorkflow and a WorkflowTemplate too."""
    assert "61" in str(engine(name).ask("check", manifest=cron(CRON, name).replace("0 3", "61 3"))["faults"])
    assert "mian" in str(engine(name).ask("check", manifest=edited("entrypoint: main", "entrypoint: mian", TEMPLATE))["faults"])


def play(name: str, manifest: str = WORKFLOW, **question: Any) -> dict[str, Any]:
    """A run of the manifest."""
    return engine(name).ask("play", manifest=manifest, **{"parameters": {"word": "hello"}, **question})


def phases(answer: dict[str, Any]) -> tuple[str, ...]:
    """How the run and its three steps ended."""
    return (answer["phase"], *(answer["steps"][step]["phase"] for step in ("train", "check", "deploy")))


WELL = {"exit": 0, "outputs": {"accuracy": "0.93\n"}}


@controllers
def test_play(name: str) -> None:
    """A run that goes well: what each program was told, what came out of it, which volumes came and went."""
    answer = play(name, outcomes={"train": [WELL]})
    assert phases(answer) == ("Succeeded", "Succeeded", "Succeeded", "Succeeded")
    assert answer["steps"]["train"] == {
        "phase": "Succeeded",
        "attempts": 1,
        "message": "",
        "command": ["train", "--word"],
        "args": ["hello"],
        "env": {"PLACE": "here"},
    }
    assert answer["steps"]["check"]["command"] == ["entrypoint-of", "example/check:1"]
    assert answer["claims"] == {"created": ["scratch"], "deleted": ["scratch"]}
    outputs = {node["name"]: node.get("outputs") for node in answer["nodes"]}
    assert outputs["train"] == {"accuracy": "0.93", "rows": "0"}


@controllers
def test_play_is_the_same_every_time(name: str) -> None:
    """Two plays of one manifest give the same answer, whatever was played between them."""
    first = play(name, outcomes={"train": [{"exit": 1}, WELL]})
    play(name, manifest=TEMPLATE, parameters={"size": "large"})
    assert play(name, outcomes={"train": [{"exit": 1}, WELL]}) == first


@controllers
def test_play_without_outcomes(name: str) -> None:
    """What nothing is said of ends well, with a 1 in every file."""
    answer = play(name)
    assert phases(answer) == ("Succeeded", "Succeeded", "Succeeded", "Succeeded")
    assert next(node["outputs"] for node in answer["nodes"] if node["name"] == "train") == {"accuracy": "1", "rows": "1"}


@controllers
def test_play_skips(name: str) -> None:
    """A condition that does not hold skips its step; what depends on it is left out, and the run is green."""
    answer = play(name, outcomes={"train": [{"exit": 0, "outputs": {"accuracy": "0.5"}}]})
    assert phases(answer) == ("Succeeded", "Succeeded", "Skipped", "Omitted")
    assert play(name, outcomes={"train": [WELL]}, parameters={"word": "x", "limit": "0.99"})["steps"]["check"]["phase"] == "Skipped"


@controllers
@pytest.mark.parametrize("text", ["NaN", "", "high", "1e999"])
def test_play_of_a_condition_that_cannot_be_decided(name: str, text: str) -> None:
    """A condition on what is no number fails the run."""
    answer = play(name, outcomes={"train": [{"exit": 0, "outputs": {"accuracy": text}}]})
    assert phases(answer)[:3] == ("Error", "Succeeded", "Error")


@controllers
def test_play_retries(name: str) -> None:
    """A step is tried again after a wait that nobody waits for, hours here, as often as its limit says."""
    answer = play(name, outcomes={"train": [{"exit": 1}, {"exit": 3}, WELL]})
    assert phases(answer)[0] == "Succeeded"
    assert answer["steps"]["train"]["attempts"] == 3
    answer = play(name, outcomes={"train": [{"exit": 1}]})
    assert phases(answer) == ("Failed", "Failed", "Omitted", "Omitted")
    assert answer["steps"]["train"]["attempts"] == 3
    assert answer["claims"]["deleted"] == ["scratch"]


@controllers
def test_play_deadline(name: str) -> None:
    """The time that passes between attempts counts: a run that may take an hour does not see the third attempt of hours."""
    limited = edited("  entrypoint: main", "  activeDeadlineSeconds: 5000\n  entrypoint: main")
    answer = play(name, manifest=limited, outcomes={"train": [{"exit": 1}]})
    assert answer["phase"] == "Failed"
    assert answer["steps"]["train"]["attempts"] == 2


@controllers
@pytest.mark.parametrize(("policy", "attempts"), [("OnFailure", 1), ("OnError", 2), ("Always", 2)])
def test_play_of_a_lost_pod(name: str, policy: str, attempts: int) -> None:
    """A pod that vanishes is an error, no failure: the policy of the retry decides whether it counts."""
    manifest = edited("retryPolicy: OnFailure", f"retryPolicy: {policy}")
    answer = play(name, manifest=manifest, outcomes={"train": [{"error": True}, WELL]})
    assert answer["steps"]["train"]["attempts"] == attempts
    assert answer["phase"] == ("Succeeded" if attempts == 2 else "Error")
    assert [node["message"] for node in answer["nodes"] if node["name"] == "train(0)"] == ["pod deleted"]


@controllers
def test_play_of_missing_files(name: str) -> None:
    """A file that is not there fails the pod, unless its output has a default. So does an artifact."""
    answer = play(name, outcomes={"train": [{"exit": 0, "outputs": {"rows": "1"}}]})
    assert phases(answer)[:2] == ("Error", "Error")
    assert "/accuracy" in next(node["message"] for node in answer["nodes"] if node["name"] == "train(0)")
    answer = play(name, outcomes={"train": [{**WELL, "missing": ["model"]}]})
    assert phases(answer)[:2] == ("Error", "Error")
    optional = edited("{name: model, path: /model}\n    retry", "{name: model, path: /model, optional: true}\n    retry")
    answer = play(name, manifest=optional, outcomes={"train": [{**WELL, "missing": ["model"]}]})
    assert phases(answer)[:3] == ("Error", "Succeeded", "Succeeded")


@controllers
def test_play_that_never_ends(name: str) -> None:
    """A run that waits for something that will not come is given up, and the answer says which step waits."""
    suspended = edited("    container: {image: example/check:1}", "    suspend: {}")
    answer = play(name, manifest=suspended)
    assert answer["phase"] == "Running"
    assert "waiting: check" in answer["message"]


@pytest.mark.parametrize("name", [name for name in CONTROLLERS if name >= "argo-3.7"])
def test_play_of_an_unknown_output(name: str) -> None:
    """The newer controllers ask for ever for an output that there is none of; `check` says so before."""
    manifest = edited("parameters['accuracy']", "parameters['acuracy']")
    answer = play(name, manifest=manifest)
    assert answer["phase"] == "Running"
    assert answer["steps"]["check"]["phase"] == "NotRun"
    assert answer["rounds"] < 20


@controllers
def test_play_of_rounds(name: str) -> None:
    """A play ends after the rounds that it was given."""
    answer = play(name, max_rounds=2)
    assert answer["rounds"] == 2
    assert "after 2 rounds" in answer["message"]


@controllers
def test_play_of_templates_and_schedules(name: str) -> None:
    """A WorkflowTemplate is run by a Workflow that refers to it, a CronWorkflow as its clock would."""
    answer = play(name, manifest=TEMPLATE, parameters={"size": "large"})
    assert (answer["phase"], answer["steps"]["main"]["args"]) == ("Succeeded", ["large"])
    answer = play(name, manifest=cron(CRON, name), parameters={}, outcomes={"main": [{"exit": 7}]})
    assert (answer["phase"], answer["steps"]["main"]["phase"]) == ("Failed", "Failed")


@controllers
def test_play_of_loops(name: str) -> None:
    """The items of a loop are steps of their own, and may end each in its own way."""
    manifest = edited(
        '          - {name: word, value: "{{workflow.parameters.word}}"}',
        '          - {name: word, value: "{{item}}"}\n        withItems: [a, b]',
    )
    manifest = edited("when: \"{{= fromJSON(tasks['train'].outputs.parameters['accuracy'])", 'when: "{{= fromJSON("1")', manifest).replace(
        '"1"', "'1'"
    )
    manifest = edited(
        '          - {name: model, from: "{{tasks.train.outputs.artifacts.model}}"}', "          - {name: model, raw: {data: x}}", manifest
    )
    answer = play(name, manifest=manifest, outcomes={"train[1]": [{"exit": 1}, WELL]})
    assert answer["phase"] == "Succeeded"
    assert [(answer["steps"][f"train[{i}]"]["args"], answer["steps"][f"train[{i}]"]["attempts"]) for i in (0, 1)] == [
        (["a"], 1),
        (["b"], 2),
    ]


@controllers
def test_play_refuses(name: str) -> None:
    """A parameter that the workflow does not have, and a manifest that the server would not take, are no run at all."""
    with pytest.raises(EngineError, match=r'no parameter "wrod'):
        play(name, parameters={"wrod": "x"})
    with pytest.raises(EngineError, match="chck"):
        play(name, manifest=edited("template: check", "template: chck"))


@controllers
def test_plays_leave_nothing_behind(name: str) -> None:
    """After many plays the program holds no more than after a few."""
    alone = Engine(name)

    def after(plays: int) -> dict[str, Any]:
        for _ in range(plays):
            alone.ask("play", manifest=WORKFLOW, parameters={"word": "x"}, outcomes={"train": [{"exit": 1}]})
        return alone.ask("usage")

    try:
        before, end = after(5), after(40)
    finally:
        alone.stop()
    assert end["goroutines"] <= before["goroutines"]
    assert end["heap_bytes"] < before["heap_bytes"] + 400_000  # 10 kB a play would be something that stays


@argo
def test_template(name: str) -> None:
    """Texts are substituted as in a task: quotes and line breaks of a value stay what they are."""
    values = {"tasks.a.outputs.parameters.x": 'say "hi"\n$(HOME) {{y', "workflow.name": "w"}
    answer = engine(name).ask("template", text="{{workflow.name}}: {{tasks.a.outputs.parameters.x}} {{other}}", values=values)
    assert answer == {"value": 'w: say "hi"\n$(HOME) {{y {{other}}'}
    answer = engine(name).ask("template", text="{{= sprig.upper(workflow.name) + '!' }}", values=values)
    assert answer == {"value": "W!"}


@controllers
def test_when(name: str) -> None:
    """Conditions are decided as the controller does; what it cannot decide has failed."""
    ask = engine(name).ask
    condition = "{{= fromJSON(tasks['a'].outputs.parameters['x']) > 0.8 }}"
    assert ask("when", text=condition, values={"tasks.a.outputs.parameters.x": "9.3e-1"}) == {"value": True}
    assert ask("when", text=condition, values={"tasks.a.outputs.parameters.x": "0.8"}) == {"value": False}
    assert "failed" in ask("when", text=condition, values={"tasks.a.outputs.parameters.x": "NaN"})
    assert "failed" in ask("when", text=condition, values={"tasks.a.outputs.parameters.x": None})


def test_engine_that_cannot_answer() -> None:
    """An unknown question is an error with the program's words; a program that died is one too, and the next question starts another."""
    alone = Engine(ARGO[0])
    try:
        with pytest.raises(EngineError, match=r"no operation .*sing"):
            alone.ask("sing")
        process = alone._process
        assert process is not None
        process.kill()
        process.wait()
        with pytest.raises(EngineError, match=f"{ARGO[0]} ended at `version`"):
            alone.ask("version")
        assert alone.ask("version")["engine"] == "argo"
    finally:
        alone.stop()


def test_program_names(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is none is refused, with those that there are."""
    assert build.main(["argo-2.9"]) == 1
    assert "no program `argo-2.9`, only argo-3.7, " in capsys.readouterr().err


def test_programs_are_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A program is another one when a source or a pin changed, and not when the folder did."""
    name = ARGO[0]
    here = build.path_of(name).name
    copied = tmp_path / "go"
    shutil.copytree(build.SOURCES, copied)
    monkeypatch.setattr(build, "SOURCES", copied)
    build.recipe.cache_clear()
    assert build.path_of(name).name == here
    (copied / name / "go.sum").write_text("")
    build.recipe.cache_clear()
    assert build.path_of(name).name != here
    monkeypatch.undo()
    build.recipe.cache_clear()


def test_programs_are_what_their_names_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Sources that change while others are built do not become the program of the old ones, nor old ones that of the new."""
    name = "argo-3.5"
    copied = tmp_path / "go"
    shutil.copytree(build.SOURCES, copied)
    module = tmp_path / "module"
    module.mkdir()

    def fetch(*_: object) -> Path:
        with (copied / "argo" / "check.go").open("a") as file:
            file.write("// changed\n")
        return module

    monkeypatch.setattr(build, "SOURCES", copied)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(build, "fetch", fetch)
    monkeypatch.setattr(build, "find_go", lambda: "go")
    monkeypatch.setattr(build, "run", lambda *_: "go version")
    build.recipe.cache_clear()
    try:
        with pytest.raises(build.BuildError, match="its sources changed"):
            build.build(name)
        assert [path.name for path in build.cache_folder().iterdir()] == ["lock"]
    finally:
        monkeypatch.undo()
        build.recipe.cache_clear()
