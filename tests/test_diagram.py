"""Projects as Mermaid and DOT: what stands in them, and that no text of a project becomes a part of either language."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlc.diagram import dot, edges, mermaid
from mlc.driver import check_source
from mlc.expr.write import taken
from mlc.ir import Pipeline, flat, loops_of
from mlc.source import SourceFile
from tests import support
from tests.support import pipeline

ROOT = Path(__file__).resolve().parent.parent
SPECS = sorted((ROOT / "specs").glob("*.yaml"))

BODY = """
params: {go: true, floor: 0.8}
steps:
  end: {image: "a:1", command: c, outputs: {data: /d, labels: /l}}
  train: {image: "a:1", command: c, title: Train & test, inputs: {data: /d, labels: /l}, metrics: {m: {path: /m, above: 0.8}}}
  a--b: {image: "a:1", command: c, needs: train, when: params.go}
  ship: {image: "a:1", command: c, gate: train, inputs: {data: /d}}
finally:
  note: {image: "a:1", command: c}
"""

HOSTILE = [
    '"',
    '"] --> x["',
    '"| s_x |"',
    "</text><script>alert(1)</script>",
    "&lt;b&gt; &#60;",
    "#quot; #60; #",
    "%%{init: {}}%% %% x",
    "`a` **b** _c_ $$x$$",
    "1. first",
    "- second",
    "\\N \\G \\n \\",
    "a\nb\tc",
    "end; subgraph x",
    "{{x}} {x} [x](http://e.invalid) |x|",
    "데이터 수집 é",
    "\u202e\u2028\x07",
]


def titled(title: str) -> Pipeline:
    """A project of one step with a title, which is also a constant of a condition."""
    condition = "steps.a.values.v == '" + title.replace("'", "''") + "'"
    return pipeline(
        f"steps:\n  a: {{image: 'a:1', command: c, title: {json.dumps(title)}, values: {{v: /v}}}}\n"
        f"  b: {{image: 'a:1', command: c, when: {json.dumps(condition)}}}\n"
    )


def project(spec: Path) -> Pipeline:
    """A project of the repository."""
    found = check_source(SourceFile(spec.name, spec.read_text(encoding="utf-8"), beside=support.beside), ()).pipeline
    assert found is not None
    return found


def test_mermaid() -> None:
    """Steps, edges with what travels on them, gates dotted, the end in a box; ids are no words of the language."""
    assert mermaid(pipeline(BODY)) == (
        "flowchart TD\n"
        '  s_end["end"]\n'
        '  s_train["train<br/>Train #38; test"]\n'
        '  s_a__b{{"a--b<br/>when: params.go"}}\n'
        '  s_ship{{"ship"}}\n'
        '  subgraph x_finally ["finally, whatever became of the others"]\n'
        '    s_note["note"]\n'
        "  end\n"
        '  s_end -->|"data, labels"| s_train\n'
        "  s_train --> s_a__b\n"
        '  s_end -->|"data"| s_ship\n'
        '  s_train -.->|"gate: steps.train.metrics.m #62; 0.8"| s_ship\n'
    )


def test_dot() -> None:
    """The same as DOT."""
    assert dot(pipeline(BODY)) == (
        'digraph "demo" {\n'
        "  node [shape=box, style=rounded];\n"
        '  "end" [label="end"];\n'
        '  "train" [label="train\\nTrain &amp; test"];\n'
        '  "a--b" [shape=hexagon, style="", label="a--b\\nwhen: params.go"];\n'
        '  "ship" [shape=hexagon, style="", label="ship"];\n'
        "  subgraph cluster_finally {\n"
        '    label="finally, whatever became of the others";\n'
        '    "note" [label="note"];\n'
        "  }\n"
        '  "end" -> "train" [label="data, labels"];\n'
        '  "train" -> "a--b";\n'
        '  "end" -> "ship" [label="data"];\n'
        '  "train" -> "ship" [label="gate: steps.train.metrics.m > 0.8", style=dashed];\n'
        "}\n"
    )


NODE = re.compile(r' *(s_[a-z0-9_]+)(?:\["[^"]*"\]|\{\{"[^"]*"\}\})')
EDGE = re.compile(r'  (s_[a-z0-9_]+) (-->|-\.->)(?:\|"[^"|]*"\|)? (s_[a-z0-9_]+)')
BOX = re.compile(r'  subgraph x_[a-z0-9_]+ \["[^"]*"\]|  end')


def check_mermaid(text: str, project: Pipeline) -> None:
    """Each line is a node, an edge or the frame of a box, nothing else; every step is a node, every edge joins two of them."""
    first, *lines = text.splitlines()
    assert first == "flowchart TD"
    nodes = [match[1] for line in lines if (match := NODE.fullmatch(line))]
    joined = [(match[1], match[3]) for line in lines if (match := EDGE.fullmatch(line))]
    assert [line for line in lines if not (NODE.fullmatch(line) or EDGE.fullmatch(line) or BOX.fullmatch(line))] == []
    assert sorted(nodes) == sorted("s_" + step.name.replace("-", "_") for step in project.steps)
    assert len(joined) == len(set(joined)) == sum(len(step.after) for step in flat(project).values())
    assert {name for pair in joined for name in pair} <= set(nodes)


def check_dot(text: str) -> None:
    """Outside of quoted texts there is nothing but the language's own words, and no text holds an entity but ours."""
    quoted = re.findall(r'"(?:[^"\\]|\\.)*"', text)
    plain = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    assert set(re.findall(r"[a-z_]+", plain)) <= {"digraph", "node", "shape", "box", "style", "rounded", "hexagon", "label", "dashed"} | {
        "subgraph",
        "cluster_finally",
    }
    assert not [part for part in quoted if re.search(r"&(?!amp;)", part)]
    assert text.isprintable() or text.replace("\n", "").isprintable()


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_texts(title: str) -> None:
    """A title and a constant stay texts, whatever they hold."""
    found = titled(title)
    check_mermaid(mermaid(found), found)
    assert "<script" not in mermaid(found)
    assert "%%" not in mermaid(found)
    check_dot(dot(found))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(spec.stem))
def test_every_project(spec: Path) -> None:
    """Every project can be drawn; each pair of steps has one edge; twice is the same."""
    found = project(spec)
    check_mermaid(mermaid(found), found)
    check_dot(dot(found))
    assert (mermaid(found), dot(found)) == (mermaid(project(spec)), dot(project(spec)))
    loops = {child.name: loop.name for loop in loops_of(found) for child in loop.children}
    artifacts = set()
    for step in found.steps:
        for read in (read for read in step.inputs if read.producer):
            inside = loops.get(step.name) == loops.get(read.producer)
            ends = (read.producer, step.name) if inside else (loops.get(read.producer, read.producer), loops.get(step.name, step.name))
            artifacts.add((*ends, taken(read)))
    assert artifacts == {
        (edge.source, edge.target, name)
        for edge in edges(found)
        for name in (edge.labels[0].split(", ") if edge.labels and not edge.labels[0].startswith(("gate: ", "when: ")) else ())
    }


def test_graphviz_draws_it() -> None:
    """Where Graphviz is on the machine, it reads every title back as it was; elsewhere the grammar is checked by the tests above."""
    program = shutil.which("dot")
    texts = [dot(titled(title)) for title in HOSTILE] + [dot(project(spec)) for spec in SPECS]
    assert texts
    if program is None:
        assert all(text.endswith("}\n") for text in texts)
        return
    done = subprocess.run([program, "-Tjson0"], input="".join(texts), text=True, capture_output=True, check=True)
    assert done.stderr == ""
    assert done.stdout.count('"directed": true') == len(texts)


@pytest.mark.parametrize("shape", ["mermaid", "dot"])
def test_seed_of_hashes_does_not_show(shape: str) -> None:
    """The text does not depend on the order of sets."""
    outputs = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "compiler"), "PYTHONHASHSEED": seed}
        command = [sys.executable, "-m", "mlc", "graph", "--format", shape, str(ROOT / "specs" / "churn.yaml")]
        outputs.add(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    assert len(outputs) == 1


def test_loops() -> None:
    """A loop is drawn as its first step, with what it runs for; what goes in and out of it ends there, and riders hang on its steps."""
    body = """
        defaults: {image: "a:1", command: c}
        steps:
          p: {values: {n: {path: /n, type: int}}, outputs: {d: /d}}
          t: {foreach: {x: [1, 2]}, parallel: 2, when: steps.p.values.n > 1, outputs: {m: /m}}
          j: {each: t, inputs: {m: /m, d: /d}, metrics: {acc: {path: /a, min: 1}}}
          k: {each: j, gate: j, when: each.x > 1 and steps.p.values.n > 2}
          u: {inputs: {m: {path: /m, best: acc}}}
    """
    found = {(edge.source, edge.target): (edge.labels, edge.deciding) for edge in edges(pipeline(body))}
    assert found == {
        ("p", "t"): (("d", "when: steps.p.values.n > 1"), True),
        ("t", "j"): (("m",), False),
        ("j", "k"): (("gate: steps.j.metrics.acc >= 1",), True),
        ("t", "u"): (("m (highest j.acc)",), False),
    }
    lowest = body.replace("metrics: {acc: {path: /a, min: 1}}", "metrics: {acc: {path: /a, max: 1}}")
    assert "m (lowest j.acc)" in dot(pipeline(lowest))
    assert "m (lowest j.acc)" in mermaid(pipeline(lowest))
    text = mermaid(pipeline(body))
    assert 's_t{{"t<br/>for each x of 2 items, 2 at once"}}' in text
    assert "for each item of t" in dot(pipeline(body))
