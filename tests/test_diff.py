"""What changes in meaning between two projects; form does not count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from mlc.cli import app
from mlc.cli.request import FOUND, OK, USAGE
from mlc.cli.run import run
from mlc.diff import changes, document, text
from mlc.diff_places import table
from mlc.driver import check_source
from mlc.ir import Pipeline
from mlc.reader import read
from mlc.schema import schema_text
from mlc.schema_hints import properties
from mlc.source import SourceFile
from tests import support
from tests.support import pipeline

SPECS = sorted((Path(__file__).resolve().parent.parent / "specs").glob("*.yaml"))

BASE = """
params: {epochs: 10, floor: 0.8}
volumes: {d: {claim: data}}
steps:
  a: {image: "x:1", command: [run, "--n=${{ params.epochs }}"], outputs: {m: /m}, volumes: {d: /d}, resources: {cpu: 1}}
  b: {image: "x:1", command: c, inputs: {m: /m}, metrics: {q: {path: /q, above: "${{ params.floor }}"}}}
  c: {image: "x:1", command: c, gate: b, env: {T: {secret: s, key: k}}}
"""


def differs(old: str, new: str) -> str:
    """The changes from BASE to what it is with a text replaced."""
    assert old in BASE
    return text(changes(pipeline(BASE), pipeline(BASE.replace(old, new))))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("epochs: 10", "epochs: 20", "~ params.epochs.default: 10 -> 20\n"),
        ("epochs: 10", "epochs: {type: int}", "- params.epochs.default: 10\n"),
        ("claim: data", "claim: data-2", "~ volumes.d.claim: data -> data-2\n"),
        ("cpu: 1", "cpu: 2", "~ steps.a.resources.limits.cpu: 1 -> 2\n~ steps.a.resources.requests.cpu: 1 -> 2\n"),
        ("cpu: 1", "cpu: 1, gpu: 1", "+ steps.a.resources.limits.nvidia.com/gpu: 1\n+ steps.a.resources.requests.nvidia.com/gpu: 1\n"),
        ("[run, ", "[run, now, ", '~ steps.a.command: ["run", "--n=${{ params.epochs }}"] -> ["run", "now", "--n=${{ params.epochs }}"]\n'),
        ("above:", "min:", "- steps.b.metrics.q.above: params.floor\n+ steps.b.metrics.q.min: params.floor\n"),
        ("gate: b", "needs: b", "- steps.c.gate: steps.b.metrics.q > params.floor\n"),
        ("key: k}", "key: k2}", "~ steps.c.env.T.key: k -> k2\n"),
        ("gate: b, ", "", '- steps.c.after: ["b"]\n'),
        ("claim: data", 'claim: "x-${{ params.epochs }}"', "~ volumes.d.claim: data -> x-${{ params.epochs }}\n"),
        ("gate: b,", 'gate: b, labels: {n: "${{params.epochs}}"},', "+ steps.c.labels.n: ${{ params.epochs }}\n"),
    ],
)
def test_changes(old: str, new: str, expected: str) -> None:
    """Each change is named at the field that it is about."""
    assert set(expected.splitlines()) <= set(differs(old, new).splitlines())


SWEEP = """
params: {regions: [a, b], retrain: true}
store: {s3: {bucket: results}}
targets: {argo: {ttl: 1h, patch: [{merge: {spec: {a: 1}}}]}, kfp: {patch: [{step: train, merge: {b: 1}}]}}
volumes: {v: {nfs: {server: host, path: /a}}, w: {secret: s, mode: "0400"}}
artifacts: {base: {type: model, uri: "s3://bucket/a"}, model: {type: model, description: A}}
steps:
  train:
    image: "x:1"
    foreach: {lr: [0.1, 0.2], net: [{n: 1}]}
    parallel: 2
    when: params.retrain
    command: [train, "${{ each.lr }}"]
    inputs: {base: /in/base}
    outputs: {model: /out/model}
    metrics: {loss: {path: /loss, below: 1}}
    volumes: {v: {mount: /v, sub_path: x}}
    retry: {limit: 1, backoff: {duration: 1m}}
    timeout: 1h
    affinity: {pod_anti_affinity: {required: [{topology_key: zone, label_selector: {match_labels: {a: b}}}]}}
  check: {image: "x:1", each: train, command: c, inputs: {model: /in/model}, metrics: {loss: /loss}}
  use: {image: "x:1", command: c, inputs: {model: {path: /in/model, best: check.loss}}}
  more: {image: "x:1", foreach: {r: "${{ params.regions }}"}, command: [c, "${{ each.r }}"]}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("check.loss", "train.loss", "~ steps.use.inputs.model.best: highest check.loss -> lowest train.loss\n"),
        ("{a: 1}", "{a: 2}", '~ targets.argo.patch.1.merge: {"spec": {"a": 1}} -> {"spec": {"a": 2}}\n'),
        ("{b: 1}", "{b: 2}", '~ targets.kfp.patch.1.merge: {"b": 1} -> {"b": 2}\n'),
        ("ttl: 1h", "ttl: 2h", "~ targets.argo.ttl: 3600s -> 7200s\n"),
        ("ttl: 1h", "deadline: 1h", "+ targets.argo.deadline: 3600s\n- targets.argo.ttl: 3600s\n"),
        ("bucket: results", "bucket: others", "~ store.s3.bucket: results -> others\n"),
        ("path: /a", "path: /b", "~ volumes.v.nfs.path: /a -> /b\n"),
        ("0400", "0440", "~ volumes.w.mode: 0400 -> 0440\n"),
        ("s3://bucket/a", "s3://bucket/b", "~ artifacts.base.uri: s3://bucket/a -> s3://bucket/b\n"),
        ("0.2]", "0.3]", '~ steps.train.foreach.2: {"lr": "0.2", "net.n": "1"} -> {"lr": "0.3", "net.n": "1"}\n'),
        ("parallel: 2", "parallel: 3", "~ steps.train.parallel: 2 -> 3\n"),
        ("when: params.retrain", "when: not params.retrain", "~ steps.train.when: params.retrain -> not params.retrain\n"),
        ("description: A", "description: B", "~ artifacts.model.description: A -> B\n"),
        ("model, description", "dataset, description", "~ artifacts.model.type: model -> dataset\n"),
        ("sub_path: x", "sub_path: y", "~ steps.train.volumes.v.sub_path: x -> y\n"),
        ("duration: 1m", "duration: 2m", "~ steps.train.retry.backoff.duration: 60s -> 120s\n"),
        ("timeout: 1h", "title: A", "- steps.train.timeout: 3600s\n+ steps.train.title: A\n"),
        ("key: zone", "key: host", "~ steps.train.affinity.pod_anti_affinity.required.1.topology_key: zone -> host\n"),
        (
            'foreach: {r: "${{ params.regions }}"}',
            "foreach: {r: [c]}",
            '+ steps.more.foreach.1: {"r": "c"}\n- steps.more.foreach.r: ${{ params.regions }}\n',
        ),
    ],
)
def test_words_of_the_language(old: str, new: str, expected: str) -> None:
    """Places are called as the project writes them."""
    assert old in SWEEP
    assert text(changes(pipeline(SWEEP), pipeline(SWEEP.replace(old, new)))) == expected


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(spec.stem))
def test_every_place_is_one_of_the_language(spec: Path) -> None:
    """No place has an empty part, and each one starts with keys of the schema; `after`, `from` and `into` say what follows from others."""
    schema = json.loads(schema_text())
    step = {*properties(schema["$defs"]["step"], schema), "after"}
    port = {*properties(schema["$defs"]["input_paths"]["additionalProperties"], schema), "from", "into"}
    for place in table(resolved(spec.read_text(encoding="utf-8"))):
        assert all(place)
        assert place[0] in schema["properties"]
        if place[0] in ("steps", "finally") and len(place) > 2:
            assert place[2] in step
            assert place[2] != "inputs" or len(place) < 5 or place[4] in port
        elif place[0] == "volumes" and len(place) > 2:
            assert place[2] in properties(schema["$defs"]["volume"], schema)
        elif place[0] == "targets":
            assert place[2] in schema["$defs"][f"{place[1]}_settings"]["properties"]


def test_parameters_in_names_are_one_change() -> None:
    """Not one of the text and one of what it is made of."""
    assert differs("claim: data", 'claim: "x-${{ params.epochs }}"').count("\n") == 1
    assert differs("gate: b,", 'gate: b, labels: {n: "${{params.epochs}}"},').count("\n") == 1


def test_versions_of_data() -> None:
    """A tag that is another one is one short line, not the whole command of the step that fetches."""
    body = """
    params: {tag: v1}
    datasets: {d: {git: {repo: "https://h/x", path: p}, tag: v1}}
    steps: {a: {image: "x:1", command: c, inputs: [d]}}
    """
    new = body.replace("tag: v1}}", 'tag: "${{ params.tag }}"}}').replace("path: p", "path: q")
    found = text(changes(pipeline(body), pipeline(new)))
    assert found == "~ steps.x-fetch-d.args.path: p -> q\n~ steps.x-fetch-d.args.tag: v1 -> ${{ params.tag }}\n"


def test_steps_come_and_go() -> None:
    """A whole step is one line; one that only has another name is renamed."""
    more = BASE + '  d: {image: "x:1", command: c, needs: c}\n'
    assert text(changes(pipeline(BASE), pipeline(more))) == "+ steps.d\n"
    assert text(changes(pipeline(more), pipeline(BASE))) == "- steps.d\n"
    assert text(changes(pipeline(more), pipeline(more.replace("  d:", "  e:")))) == "> steps.d is now called e\n"


def test_order_of_containers() -> None:
    """`init` containers run one after the other, so their order counts; sidecars start together, so theirs does not."""
    body = "steps: {a: {image: 'x:1', command: c, %s: {%s}}}"
    one, two = "p: {image: 'y:1', command: p}", "q: {image: 'z:1', command: q}"
    ways = [f"{one}, {two}", f"{two}, {one}"]
    first, second = (pipeline(body % ("init", way)) for way in ways)
    assert text(changes(first, second)) == '~ steps.a.init: ["p", "q"] -> ["q", "p"]\n'
    first, second = (pipeline(body % ("sidecars", way)) for way in ways)
    assert changes(first, second) == ()


@pytest.mark.parametrize(
    "same",
    [
        BASE.replace("resources: {cpu: 1}", "resources: {requests: {cpu: 1}, limits: {cpu: 1}}"),
        BASE.replace("command: c,", "command: [c],"),
        "defaults: {image: 'x:1'}\n" + BASE.replace('image: "x:1", ', ""),
        BASE.replace("/q, above", "/q,   above").replace("\n", "\n# a comment\n"),
        BASE.replace("params: {epochs: 10, floor: 0.8}", "params: {floor: 0.8, epochs: {type: int, default: 10}}"),
    ],
)
def test_form_does_not_count(same: str) -> None:
    """Another way to write the same project is no change."""
    assert changes(pipeline(BASE), pipeline(same)) == ()


def resolved(source: str) -> Pipeline:
    """A project of the repository."""
    found = check_source(SourceFile("spec.yaml", source, beside=support.beside), ()).pipeline
    assert found is not None
    return found


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(spec.stem))
def test_every_project_is_itself(spec: Path) -> None:
    """A project is the same with comments and with its sections in another order, and another one than any other."""
    source = spec.read_text(encoding="utf-8")
    assert changes(resolved(source), resolved(f"# first\n{source}\n# last\n")) == ()
    read_ = read(SourceFile("spec.yaml", source), [])
    assert read_ is not None
    backwards = {key: read_.data[key] for key in ("mlc", *reversed([*read_.data][1:]))}
    # JSON twice: a constant number keeps how it is written, and JSON writes some in another way
    once, again = (resolved(json.dumps(data, ensure_ascii=False)) for data in (read_.data, backwards))
    assert changes(once, again) == ()
    other = resolved(SPECS[0].read_text(encoding="utf-8"))
    assert bool(changes(resolved(source), other)) == (spec != SPECS[0])


def test_json() -> None:
    """The same for programs."""
    found = changes(pipeline(BASE), pipeline(BASE.replace("epochs: 10", "epochs: 20")))
    assert json.loads(document(found)) == {
        "version": 1,
        "changes": [{"kind": "changed", "path": ["params", "epochs", "default"], "old": "10", "new": "20"}],
    }


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 where nothing changes, 1 where something does or a spec is wrong, 2 where there are not two files."""
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("mlc: v1\nname: a\nsteps: {s: {image: 'x:1', command: c}}\n")
    second.write_text("mlc: v1\nname: a\nsteps: {s: {image: 'x:2', command: c}}\n")

    def mlc(*words: str) -> int:
        request = app.parse(["diff", *words])
        return request if isinstance(request, int) else run(request)

    assert mlc(str(first), str(first)) == OK
    assert capsys.readouterr().out == ""
    assert mlc(str(first), str(second)) == FOUND
    assert capsys.readouterr().out == "~ steps.s.image.ref: x:1 -> x:2\n"
    assert mlc(str(first), str(second), "--format", "json") == FOUND
    assert yaml.safe_load(capsys.readouterr().out)["changes"][0]["new"] == "x:2"
    assert mlc(str(first)) == USAGE
    assert mlc(str(first), str(tmp_path)) == USAGE
    assert "name two files" in capsys.readouterr().err
    assert mlc("-", "-") == USAGE
    assert capsys.readouterr().err == "mlc: error: `diff` compares two specs: name two files, of which one may be `-`\n"
    second.write_text("mlc: v1\nname: a\nsteps: {}\n")
    assert mlc(str(first), str(second)) == FOUND
    assert "MLC206" in capsys.readouterr().err
