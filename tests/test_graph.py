"""The drawing of a project in the terminal."""

from __future__ import annotations

from textwrap import dedent

from mlc.graph import ASCII, draw
from tests.support import pipeline


def steps(edges: dict[str, list[str]]) -> str:
    """A spec with these steps, each with what it needs."""
    needs = {name: f", needs: {others}" if others else "" for name, others in edges.items()}
    return "steps:\n" + "".join(f"  {name}: {{image: a/b:1, command: [x]{needs[name]}}}\n" for name in edges)


def drawn(text: str) -> str:
    """A drawing as it stands in a test."""
    return dedent(text).lstrip("\n")


def test_chain_goes_straight_down() -> None:
    """Steps that wait for one another stand under one another."""
    assert draw(pipeline(steps({"a": [], "b": ["a"], "c": ["b"]}))) == drawn("""
        demo: 3 steps

        ● a
        │
        ● b
        │
        ● c
        """)


def test_one_step() -> None:
    """One step is one line."""
    assert draw(pipeline(steps({"a": []})), ASCII) == "demo: 1 step\n\n* a\n"


def test_branches_move_to_the_right() -> None:
    """What runs side by side is drawn as branches, the largest last; a step that waits for several says for which others."""
    edges = {"a": [], "b": ["a"], "c": ["a"], "d": ["c"], "e": ["b", "d"]}
    assert draw(pipeline(steps(edges)), ASCII) == drawn("""
        demo: 5 steps

        * a
        |-* b
        `-* c
          |
          * d
          |
          * e
              also after b
        """)


def test_ties_follow_the_project() -> None:
    """A step that waits equally long for several is drawn under the last of them, so that all stand in the order of the project."""
    edges = {"a": [], "b": ["a"], "c": ["a"], "d": ["a"], "e": ["d", "b"]}
    assert draw(pipeline(steps(edges)), ASCII) == drawn("""
        demo: 5 steps

        * a
        |-* b
        |-* c
        `-* d
          |
          * e
              also after b
        """)
    assert draw(pipeline(steps({"x": [], "y": [], "z": ["x", "y"]})), ASCII) == drawn("""
        demo: 3 steps

        * x

        * y
        |
        * z
            also after x
        """)


def test_separate_parts() -> None:
    """Steps that have nothing to do with each other are drawn one after the other."""
    assert draw(pipeline(steps({"a": [], "b": [], "c": ["b"]}))) == drawn("""
        demo: 3 steps

        ● a

        ● b
        │
        ● c
        """)


def test_data_gates_and_conditions_are_named() -> None:
    """Edges name the artifacts that travel on them; gates and conditions are written out and have a mark of their own."""
    body = """
        params: {deploy: true, baseline: 0.8, mode: fast}
        steps:
          prepare: {image: a/b:1, command: [x], outputs: {images: /o/images, labels: /o/labels}}
          train:
            image: a/b:1
            command: [x]
            title: Train & test
            inputs: {images: /i/images, labels: /i/labels}
            outputs: {model: /o/model}
            metrics: {accuracy: {path: /m.json, above: "${{ params.baseline }}"}}
          deploy:
            image: a/b:1
            command: [x]
            gate: train
            when: params.deploy and not (params.mode in ['slow', 'off'])
            inputs: {model: /i/model, labels: /i/labels}
    """
    assert draw(pipeline(body)) == drawn("""
        demo: 3 steps

        ● prepare
        │
        ● train  Train & test
        │   reads images, labels from prepare
        │
        ◇ deploy
            gate: steps.train.metrics.accuracy > params.baseline
            when: params.deploy and (not (params.mode in ["slow", "off"]))
            reads model from train
            reads labels from prepare

        ◇ runs only if its gate or condition holds; otherwise it is skipped, with all that waits for it
        """)


def test_long_chain() -> None:
    """A thousand steps in a row are no problem, and stay in the first column."""
    names = [f"s{number}" for number in range(1000)]
    text = draw(pipeline(steps({name: names[max(number - 1, 0) : number] for number, name in enumerate(names)})))
    assert text.count("●") == 1000
    assert all(line[0] in "●│" for line in text.splitlines()[2:])


def test_wide_project() -> None:
    """A thousand steps between two others take two columns, and the last does not name them all."""
    middle = [f"m{number}" for number in range(1000)]
    text = draw(pipeline(steps({"a": [], **{name: ["a"] for name in middle}, "z": middle})))
    assert text.count("\n├─● m") == 999
    assert text.endswith("\n└─● m999\n  │\n  ● z\n      also after m0, m1, m2, m3, m4, m5, m6, m7 and 991 more\n")


def test_deeply_nested_branches_stay_on_the_screen() -> None:
    """Where branches nest too deeply, the largest goes straight down."""
    edges: dict[str, list[str]] = {"s0": []}
    for number in range(1, 300):
        edges[f"leaf{number}"] = [f"s{number - 1}"]
        edges[f"s{number}"] = [f"s{number - 1}"]
    text = draw(pipeline(steps(edges)), ASCII)
    assert max(len(line) for line in text.splitlines()) < 20
    assert "\n* s1\n|-* leaf2\n* s2\n" in text


def test_best_says_which_way() -> None:
    """Two metrics of one name are told apart: by the step, where that does not make the artifact, and by what is best of each."""
    body = """
    defaults: {image: "a:1", command: c}
    steps:
      train: {foreach: {x: [1, 2]}, outputs: {model: /m, log: /l}, metrics: {loss: {path: /a, below: 1}}}
      check: {each: train, inputs: [model], metrics: {loss: /b}}
      use: {inputs: {model: {path: /m, best: check.loss}, log: {path: /l, best: train.loss}}}
    """
    assert "reads model (highest check.loss), log (lowest loss) from train\n" in draw(pipeline(body))
