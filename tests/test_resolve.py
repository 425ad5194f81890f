"""Document -> IR: merging, names, references, paths, commands, order."""

from __future__ import annotations

import re

import pytest

from mlc.ir import (
    Claim,
    Compare,
    EmptyDir,
    Env,
    FieldPath,
    Input,
    Literal,
    Memory,
    Metric,
    MetricRef,
    Output,
    Param,
    ParamRef,
    PathRef,
    Resource,
    Retry,
    RunClaim,
    SecretKey,
    SecretVolume,
    Text,
    ValueRef,
)
from mlc.resolve import images
from mlc.resolve.images import _is_plain
from mlc.resolve.names import is_plain

from .support import check, codes, pipeline, step


def texts(words: tuple[Text, ...] | None) -> list[str | None]:
    """The constant texts of words."""
    return [word.constant for word in words or ()]


# --- merging ------------------------------------------------------------------------------------------------------------------


def test_defaults_lie_under_every_step() -> None:
    """Maps merge by key, other keys replace, null removes; origins say where each was written."""
    found = step(
        """
        defaults:
          image: python:3.12
          env: {A: "1", B: "2", C: "3"}
          labels: {team: a}
          timeout: 1h
          workdir: /w
        steps:
          train:
            command: train
            env: {B: "two", C: null, D: "4"}
            workdir: null
        """
    )
    assert [(item.name, item.value.constant) for item in found.env if isinstance(item.value, Text)] == [
        ("A", "1"),
        ("B", "two"),
        ("D", "4"),
    ]
    assert (found.image.ref, found.timeout, found.workdir, found.labels) == ("python:3.12", 3600, "", {"team": "a"})
    assert found.image.origin == ("defaults", "image")
    assert found.where("timeout") == ("defaults", "timeout")
    assert [item.origin for item in found.env] == [("defaults", "env", "A"), ("steps", "train", "env", "B"), ("steps", "train", "env", "D")]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ("image: a:1", (["python", "run.py"], ["--x"], None)),
        ("{image: a:1, args: [--y]}", (["python", "run.py"], ["--y"], None)),
        ("{image: a:1, command: other}", (["other"], [], None)),
        ("{image: a:1, run: echo}", ([], [], "echo")),
        ("{image: a:1, args: null}", (["python", "run.py"], [], None)),
        ("{image: a:1, command: null}", ([], [], None)),
    ],
)
def test_the_program_is_one_unit(own: str, expected: tuple[list[str], list[str], str | None]) -> None:
    """A step that sets `command` or `run` inherits none of the program; one that sets only `args` keeps it."""
    found = step(f"defaults: {{command: [python, run.py], args: [--x]}}\nsteps:\n  s: {own if own[0] == '{' else '{' + own + '}'}\n")
    script = found.script.text.constant if found.script else None
    assert (texts(found.command), texts(found.args), script) == expected


def test_resources_forms_do_not_mix() -> None:
    """A step's form of `resources` replaces the other form of the defaults."""
    found = step(
        """
        defaults: {resources: {cpu: 4, memory: 8Gi}}
        steps: {s: {image: a:1, resources: {requests: {cpu: 1}}}}
        """
    )
    assert [(item.name, item.request, item.limit) for item in found.resources] == [("cpu", "1", "")]


# --- params -------------------------------------------------------------------------------------------------------------------


def test_params_have_types() -> None:
    """The type comes from the value; numbers keep their source text; lists and dicts become compact JSON with sorted keys."""
    found = pipeline(
        """
        params:
          lr: 1e-5
          epochs: 10
          stage: dev
          deploy: true
          tags: [b, a]
          conf: {type: dict, default: {z: 1, a: [true]}}
          half: {type: float, default: 1, min: 0, max: 2}
          must: {type: int, description: has no default}
        steps: {s: {image: a:1}}
        """
    ).params
    assert [(param.name, param.type, param.default) for param in found] == [
        ("lr", "float", "1e-5"),
        ("epochs", "int", "10"),
        ("stage", "string", "dev"),
        ("deploy", "bool", "true"),
        ("tags", "list", '["b","a"]'),
        ("conf", "dict", '{"a":[true],"z":1}'),
        ("half", "float", "1"),
        ("must", "int", None),
    ]
    assert (found[6].minimum, found[6].maximum, found[7].description) == ("0", "2", "has no default")


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        ("{type: int, default: 1.5}", ["MLC305"]),
        ('{type: int, default: "1"}', ["MLC305"]),
        ("{type: list, default: a}", ["MLC305"]),
        ("{type: bool, choices: [true]}", ["MLC305"]),
        ("{type: string, min: 1}", ["MLC305"]),
        ("{type: string, default: a, choices: [b, c]}", ["MLC314"]),
        ("{default: 5, min: 6}", ["MLC314"]),
        ("{default: 5, max: 4}", ["MLC314"]),
        ("{default: 5, min: 9, max: 4}", ["MLC314"]),
        ("{type: float, default: 1, choices: [1.0, 2]}", []),
        ("{type: string, default: 3}", []),
    ],
)
def test_params_are_checked(declaration: str, expected: list[str]) -> None:
    """A default must fit the type and the parameter's own limits."""
    assert codes(f"params:\n  p: {declaration}\nsteps: {{s: {{image: a:1}}}}\n") == expected


# --- images -------------------------------------------------------------------------------------------------------------------


def test_entrypoint_is_the_command_of_steps_without_one() -> None:
    """`images.*.entrypoint` stands in where a step gives no command."""
    spec = """
        images: {train: {ref: acme/train:1, entrypoint: python main.py, pull_policy: Always, pull_secret: regcred}}
        steps:
          a: {image: train, args: [-x]}
          b: {image: train, command: other}
        """
    first, second = step(spec, "a"), step(spec, "b")
    assert (texts(first.command), texts(first.args), texts(second.command)) == (["python", "main.py"], ["-x"], ["other"])
    assert (first.image.ref, first.image.pull_policy, first.image.pull_secret) == ("acme/train:1", "Always", "regcred")


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("python:3.12", []),
        ("registry.example.com:5000/a/b_c@sha256:" + "a" * 64, []),
        ("python:3.12@sha256:" + "0123456789abcdef" * 4, []),
        ("python@sha512:" + "a" * 128, []),
        ("python@sha256:" + "a" * 63, ["MLC317"]),
        ("python@sha256:" + "a" * 65, ["MLC317"]),
        ("python@sha256:" + "A" * 64, ["MLC317"]),
        ("python@sha256:" + "g" * 64, ["MLC317"]),
        ("python", ["MLC317"]),
        ("Acme/Train:1", ["MLC317"]),
        ("acme/train:1 ", ["MLC317"]),
        ("acme/train:", ["MLC317"]),
        ("acme//train", ["MLC317"]),
    ],
)
def test_image_references(image: str, expected: list[str]) -> None:
    """A reference follows the distribution grammar; a bare word is a name of `images`."""
    assert codes(f'steps: {{s: {{image: "{image}"}}}}') == expected


def test_a_step_needs_an_image() -> None:
    """No image, in the step or in the defaults, is an error at the step's name."""
    (diagnostic,) = check("steps:\n  train: {command: x}\n")
    assert (diagnostic.code, diagnostic.span.line, diagnostic.span.column) == ("MLC202", 4, 3)


# --- commands -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python train.py --lr 0.1", ["python", "train.py", "--lr", "0.1"]),
        ("  python\ttrain.py  ", ["python", "train.py"]),
        ("python -c 'print(1); x > 2'", ["python", "-c", "print(1); x > 2"]),
        ('echo "a b" c"d e"f', ["echo", "a b", "cd ef"]),
        ('echo "" x', ["echo", "", "x"]),
        ("echo a\\ b \\$HOME", ["echo", "a b", "$HOME"]),
        ('echo "\\$HOME \\n"', ["echo", "$HOME \\n"]),
        ("echo a#b c~d", ["echo", "a#b", "c~d"]),
        ("echo {a,b}", ["echo", "{a,b}"]),
        ("echo 'a\nb'", ["echo", "a\nb"]),
    ],
)
def test_commands_are_split_as_a_shell_splits(command: str, expected: list[str]) -> None:
    """Words and quotes are read as a POSIX shell reads them; nothing is expanded."""
    import json

    assert texts(step(f"steps: {{s: {{image: a:1, command: {json.dumps(command)}}}}}").command) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("a | b", ["MLC315"]),
        ("a && b", ["MLC315"]),
        ("a; b", ["MLC315"]),
        ("a > out", ["MLC315"]),
        ("a $HOME", ["MLC315"]),
        ("a `b`", ["MLC315"]),
        ('a "$HOME"', ["MLC315"]),
        ("a\nb", ["MLC315"]),
        ("a ~/x", ["MLC315"]),
        ("a #x", ["MLC315"]),
        ("a 'x", ["MLC315"]),
        ('a "x', ["MLC315"]),
        ("LR=1 python x", ["MLC315"]),
        ("a *.csv", ["MLC502"]),
        ("a data[1] b?", ["MLC502"]),
        ("a '*.csv'", []),
    ],
)
def test_shell_syntax_is_refused(command: str, expected: list[str]) -> None:
    """What a shell would interpret is refused (globs: a warning), since no shell runs the command."""
    import json

    assert codes(f"steps: {{s: {{image: a:1, command: {json.dumps(command)}}}}}") == expected


def test_expressions_are_one_piece_of_one_word() -> None:
    """An expression is recognised before the string is split, and its value is never split."""
    found = step(
        """
        params: {lr: 0.1}
        steps: {s: {image: a:1, command: "train --lr=${{ params.lr }}/x \\"${{ params.lr }} y\\" ${{ 'a b' }}"}}
        """
    )
    lr = ParamRef(pipeline("params: {lr: 0.1}\nsteps: {s: {image: a:1}}").params[0])
    assert [word.pieces for word in found.command or ()] == [("train",), ("--lr=", lr, "/x"), (lr, " y"), ("a b",)]


def test_scripts_hold_paths_only() -> None:
    """A path may stand in `run`; a value may not, and the help says what to write."""
    found = step("steps: {s: {image: a:1, run: 'cp x ${{ outputs.m }}', outputs: {m: /out/m}}}")
    assert found.script is not None
    assert found.script.text.pieces == ("cp x ", PathRef("outputs", "m", "/out/m"))
    (diagnostic,) = check("params: {lr: 0.1}\nsteps: {s: {image: a:1, shell: python, run: 'f(${{ params.lr }})'}}")
    assert diagnostic.code == "MLC321"
    assert diagnostic.help == 'write `env: {LR: "${{ params.lr }}"}`, and os.environ["LR"] in the script'


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("command: a, run: b", ["MLC209"]),
        ("needs: 'a, b'", ["MLC301"]),
        ("timeout: '${{ params.p }}'", ["MLC311"]),
        ("resources: {cpu: '${{ params.p }}'}", ["MLC311"]),
        ("shell: bash", ["MLC209"]),
        ("run: a, packages: [x]", ["MLC209"]),
        ("run: a, shell: python, packages: ['-r x']", ["MLC205"]),
        ("run: a, shell: python, packages: ['pandas numpy']", ["MLC205"]),
        ("run: a, shell: python, packages: ['pandas==2 numpy']", ["MLC205"]),
        ("run: a, shell: python, packages: [\"a; b # 'c'\"]", ["MLC205"]),
        ('run: a, shell: python, packages: ["a>=1,\\n b"]', ["MLC205"]),
        ('run: a, shell: python, packages: ["a; b\\nc"]', ["MLC205"]),
        ("run: a, shell: python, packages: [' ']", ["MLC205"]),
        ("run: a, shell: python, packages: ['pandas >= 2, < 3', 'a [b, c] (~= 1.0)', 'd @ https://h.example/d.whl']", []),
        ("run: a, shell: python, packages: [\"tomli; python_version < '3.11' and sys_platform == 'linux'\"]", []),
        ("command: []", ["MLC206"]),
        ("command: ['', train.py]", ["MLC206"]),
        ("command: \"'' train.py\"", ["MLC206"]),
        ("command: '${{ params.unknown }} x'", ["MLC303"]),
        ('command: "\\n"', ["MLC315"]),
        ("command: '${{ params.p }} x'", ["MLC311"]),
        ("command: ['${{ params.p }}']", ["MLC311"]),
        ("args: ['${{ params.p == 1 }}']", ["MLC311"]),
        ("title: '${{ params.p }}'", ["MLC311"]),
        ("image: '${{ params.p }}x y'", ["MLC339"]),
        ("workdir: '/${{ params.p }}'", ["MLC311"]),
        ("labels: {a: '${{ params.p }}', b: 'x${{ params.p }}y'}", []),
        ("labels: {a: 'x ${{ params.p }}'}", ["MLC340"]),
        ("labels: {'a b': '${{ params.p }}'}", ["MLC323"]),
        ("labels: {a: '${{ run.id }}'}", ["MLC311"]),
        ("labels: {'${{ params.p }}': a}", ["MLC311", "MLC323"]),
        ("labels: {a: '{{ params.p }}'}", ["MLC323", "MLC310"]),
        ("annotations: {a: '${{ params.p }}'}", ["MLC311"]),
        ("env: {A: {secret: '${{ params.p }}', key: k}}", []),
        ("env: {A: {secret: '${{ params.q }}', key: k}}", ["MLC303"]),
        ("env: {A: {secret: '${{ params.p ', key: k}}", ["MLC310"]),
        ("env: {A: {secret: '${{ 7 }}', key: k}}", []),
        ("env: {A: {secret: '${{ -7 }}', key: k}}", ["MLC323"]),
        ("env: {A: {secret: s, key: '${{ params.p }}'}}", ["MLC311"]),
        ("service_account: '${{ params.p }}'", ["MLC311"]),
    ],
)
def test_programs_are_checked(keys: str, expected: list[str]) -> None:
    """Keys that exclude or need each other, and expressions where none may stand."""
    assert codes(f"params: {{p: 1}}\nsteps: {{s: {{{'' if 'image:' in keys else 'image: a:1, '}{keys}}}}}") == expected


# --- names --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["in", "not", "and", "let", "if", "nil", "root", "entrypoint", "iteration", "x-a", "iteration-1", "contains"]
)
def test_reserved_step_names(name: str) -> None:
    """Words that an engine's expressions or the compiler need are refused at the key."""
    (diagnostic,) = check(f"steps:\n  {name}: {{image: a:1}}\n")
    assert (diagnostic.code, diagnostic.span.line, diagnostic.span.column) == ("MLC307", 4, 3)


@pytest.mark.parametrize("word", ["true", "false", "null", "yes", "on", "n"])
def test_yaml_words_as_step_names(word: str) -> None:
    """Keys are texts, whatever a YAML reader could take them for; `true` and `false` are words of the engines' expressions."""
    assert codes(f"steps:\n  {word}: {{image: a:1}}\n") == (["MLC307"] if word in ("true", "false") else [])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("steps: {a: {image: a:1}, a-driver: {image: a:1}}", ["MLC307"]),
        ("steps: {a-driver: {image: a:1}}", []),
        ("steps: {a: {image: a:1, outputs: {executor-logs: /x}}}", ["MLC307"]),
        ("steps: {a: {image: a:1, values: {x-v: /x}}}", None),
        ("steps: {a: {image: a:1, labels: {mlc/x: a}}}", ["MLC307"]),
        ("labels: {workflows.argoproj.io/completed: 'true'}\nsteps: {a: {image: a:1}}", ["MLC307"]),
        ("steps: {a: {image: a:1, annotations: {workflows.argoproj.io/node-id: a}}}", ["MLC307"]),
        ("annotations: {workflows.argoproj.io/title: t}\nlabels: {x/completed: 'no'}\nsteps: {a: {image: a:1}}", []),
        ("params: {a_b: 1, A-B: 2}\nsteps: {a: {image: a:1}}", ["MLC306"]),
        ("steps: {a: {image: a:1, outputs: {M: /m}, values: {m: /v}}}", ["MLC306"]),
        ("steps: {a: {image: a:1, outputs: {M: /m}}, b: {image: a:1, outputs: {m: /v}}}", ["MLC306"]),
        ("labels: {'a b': c}\nsteps: {a: {image: a:1}}", ["MLC323"]),
        ("labels: {a: 'b c'}\nsteps: {a: {image: a:1}}", ["MLC323"]),
        ("annotations: {a: 'b c'}\nsteps: {a: {image: a:1}}", []),
        ("annotations: {'/a': 'b c'}\nsteps: {a: {image: a:1}}", ["MLC323"]),
        ("steps: {a: {image: a:1, env: {A-B: x}}}", ["MLC323"]),
        ("steps: {a: {image: a:1, env: {A: {secret: S, key: k}}}}", ["MLC323"]),
        ("steps: {a: {image: a:1, env: {A: {secret: s, key: 'k k'}}}}", ["MLC323"]),
        ("steps: {a: {image: a:1, env: {A: {field: metadata.nam}}}}", ["MLC323"]),
        ("volumes: {v: {claim: Big}}\nsteps: {a: {image: a:1}}", ["MLC323"]),
    ],
)
def test_names(body: str, expected: list[str] | None) -> None:
    """Names that clash, are taken, or that Kubernetes refuses."""
    assert codes(body) == (expected if expected is not None else ["MLC307"])


# --- ports, volumes, paths ----------------------------------------------------------------------------------------------------

CHAIN = """
    artifacts: {model: model}
    volumes: {data: {claim: data-pvc}, tmp: {memory: 1Gi}}
    steps:
      use: {image: a:1, inputs: {model: /in/model}, values: {n: {path: /n, type: int}}}
      make: {image: a:1, outputs: [model], volumes: {data: /data, tmp: /tmp/x}}
    """


def test_artifacts_make_edges() -> None:
    """The step that lists a name under `outputs` produces it, wherever it stands; types come from `artifacts`."""
    make, use = pipeline(CHAIN).steps
    assert make.outputs == (Output("model", "/mlc/outputs/model", "model", ("steps", "make", "outputs", 0)),)
    assert use.inputs == (Input("model", "/in/model", "model", "make", ("steps", "use", "inputs", "model")),)
    assert (make.name, use.name, use.after) == ("make", "use", ("make",))
    assert [type(mount.volume) for mount in make.mounts] == [Claim, Memory]


def test_volumes() -> None:
    """Every kind of volume."""
    found = pipeline(
        """
        volumes:
          run: {size: 10Gi, access_mode: ReadWriteMany, storage_class: fast}
          plain: {size: 1Gi}
          shm: {memory: 2Gi}
          scratch: {empty_dir: {}}
          sized: {empty_dir: {size: 5Gi}}
          certs: {secret: tls, mode: 0400}
        steps: {s: {image: a:1}}
        """
    ).volumes
    assert found == (
        RunClaim("run", "10Gi", "ReadWriteMany", "fast", False, ("volumes", "run")),
        RunClaim("plain", "1Gi", "ReadWriteOnce", "", False, ("volumes", "plain")),
        Memory("shm", "2Gi", ("volumes", "shm")),
        EmptyDir("scratch", "", ("volumes", "scratch")),
        EmptyDir("sized", "5Gi", ("volumes", "sized")),
        SecretVolume("certs", "tls", 0o400, ("volumes", "certs")),
    )


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("outputs: {a: /x, b: /x}", ["MLC309"]),
        ("outputs: {a: /x, b: /x/y}", ["MLC309"]),
        ("outputs: {a: /x, b: /xy}", []),
        ("outputs: {a: /x/y, b: /x/y-z, c: /x/y/z}", ["MLC309"]),
        ("outputs: {a: x}", ["MLC309"]),
        ("outputs: {a: /x/../y}", ["MLC309"]),
        ("outputs: {a: /x/}", ["MLC309"]),
        ("outputs: {a: //x}", ["MLC309"]),
        ("outputs: {a: /x y}", ["MLC309"]),
        ("outputs: {a: /}", ["MLC309"]),
        ("workdir: work", ["MLC309"]),
        ("volumes: {data: data}", ["MLC309"]),
        ("volumes: {data: /d, tmp: /d}", ["MLC309"]),
        ("volumes: {data: /d, tmp: /d/x}", ["MLC309"]),
        ("volumes: {tmp: /d, data: /d/x}", []),
        ("volumes: {tmp: /d}, outputs: {a: /d/a}", []),
        ("volumes: {tmp: /d}, outputs: {a: /d}", ["MLC309"]),
        ("volumes: {tmp: /d}, outputs: {a: /d/a, b: /d/a/b}", ["MLC309"]),
        ("volumes: {data: /d}, outputs: {a: /d/a}", ["MLC320"]),
        ("volumes: {data: /d}, values: {a: /d}", ["MLC320"]),
        ("volumes: {data: /d}, metrics: {a: /d/a}", ["MLC320"]),
        ("metrics: {a: /m, b: {path: /m, key: x}}", []),
        ("metrics: {a: /m, b: /m/x}", ["MLC309"]),
        ("metrics: {a: /m}, values: {b: /m}", ["MLC309"]),
        ("volumes: {nope: /d}", ["MLC316"]),
    ],
)
def test_paths(keys: str, expected: list[str]) -> None:
    """Who may own which path."""
    body = f"volumes: {{data: {{claim: c}}, tmp: {{memory: 1Gi}}}}\nsteps: {{s: {{image: a:1, {keys}}}}}"
    assert [code for code in codes(body) if code != "MLC505"] == expected  # not every case uses both volumes


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("steps: {a: {image: a:1, inputs: {m: /m}}}", ["MLC322"]),
        ("steps: {a: {image: a:1, inputs: {m: /m}, outputs: {m: /n}}}", ["MLC308"]),
        ("steps: {a: {image: a:1, outputs: {m: /n}}, b: {image: a:1, outputs: {m: /n}}}", ["MLC308"]),
        ("steps: {a: {image: a:1, outputs: {m: /n}, values: {m: /o}}}", ["MLC308"]),
    ],
)
def test_producers(body: str, expected: list[str]) -> None:
    """An artifact has one producer, and somebody must produce it."""
    assert codes(body) == expected


# --- metrics, gates, conditions, order ----------------------------------------------------------------------------------------


def test_a_gate_is_one_condition_for_each_threshold() -> None:
    """Thresholds of every metric of the gating step; `when` beside them; mentioned steps become needs."""
    found = step(
        """
        params: {base: 0.8}
        steps:
          deploy: {image: a:1, gate: eval, when: "steps.count.values.rows > 10"}
          eval:
            image: a:1
            metrics:
              acc: {path: /m.json, key: macro.acc, above: "${{ params.base }}", max: 1}
              auc: {path: /m.json, key: [a.b, c], min: 0.5}
              loss: /loss
          count: {image: a:1, values: {rows: {path: /r, type: int}}}
        """,
        "deploy",
    )
    origin = ("steps", "eval", "metrics")
    acc = Metric("acc", "/m.json", ("macro", "acc"), "json", (), (*origin, "acc"))
    auc = Metric("auc", "/m.json", ("a.b", "c"), "json", (), (*origin, "auc"))
    base = Param("base", "float", "0.8", "", (), None, None, ("params", "base"))
    assert [(item.kind, item.expr) for item in found.conditions[:3]] == [
        ("gate", Compare(">", MetricRef("eval", acc), ParamRef(base))),
        ("gate", Compare("<=", MetricRef("eval", acc), Literal(1, "int", "1"))),
        ("gate", Compare(">=", MetricRef("eval", auc), Literal(0.5, "float", "0.5"))),
    ]
    assert isinstance(found.conditions[3].expr, Compare)
    assert isinstance(found.conditions[3].expr.left, ValueRef)
    assert found.after == ("eval", "count")


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("{path: /m, min: 1, max: 0}", ["MLC313"]),
        ("{path: /m, above: 1, below: 1}", ["MLC313"]),
        ("{path: /m, min: 1, below: 1}", ["MLC313"]),
        ("{path: /m, min: 1, max: 1}", []),
        ("{path: /m, min: 1, above: 1}", ["MLC209"]),
        ("{path: /m, max: 1, below: 1}", ["MLC209"]),
        ("{path: /m, key: a, format: kfp-v1}", ["MLC209"]),
        ("{path: /m, key: a..b}", ["MLC205"]),
        ('{path: /m, min: "0.5"}', ["MLC305"]),
        ('{path: /m, min: "params.p"}', ["MLC305"]),
        ('{path: /m, min: "${{ params.s }}"}', ["MLC305"]),
        ('{path: /m, min: "${{ params.p }}"}', []),
    ],
)
def test_thresholds(metric: str, expected: list[str]) -> None:
    """Bounds are numbers, do not contradict each other, and leave room for some number."""
    body = f"params: {{p: 1, s: x}}\nsteps: {{e: {{image: a:1, metrics: {{m: {metric}}}}}, d: {{image: a:1, gate: e}}}}"
    assert codes(body) == (expected or (["MLC312"] if "m," not in metric else []))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("steps: {a: {image: a:1, needs: b}}", ["MLC301"]),
        ("steps: {a: {image: a:1, gate: b}}", ["MLC301"]),
        ("steps: {a: {image: a:1}, b: {image: a:1, gate: a}}", ["MLC312"]),
        ("steps: {a: {image: a:1, metrics: {m: /m}}, b: {image: a:1, gate: a}}", ["MLC312"]),
        ("steps: {a: {image: a:1, needs: a}}", ["MLC302"]),
        ("steps: {a: {image: a:1, needs: b}, b: {image: a:1, needs: a}}", ["MLC302"]),
        (
            "steps: {a: {image: a:1, needs: b}, b: {image: a:1, needs: a}, c: {image: a:1, needs: d}, d: {image: a:1, needs: c}}",
            ["MLC302"] * 2,
        ),
        ("steps: {a: {image: a:1, when: params.x}}", ["MLC303"]),
        ("params: {x: 1}\nsteps: {a: {image: a:1, when: params.x}}", ["MLC305"]),
        ("params: {x: 1}\nsteps: {a: {image: a:1, when: 'a ${{ params.x == 1 }}'}}", ["MLC310"]),
        ("params: {x: 1}\nsteps: {a: {image: a:1, when: '${{ params.x == 1 }} b'}}", ["MLC310"]),
        ("params: {x: 1}\nsteps: {a: {image: a:1, when: '${{ params.x == 1 }}'}}", []),
        ("params: {x: 1}\nsteps: {a: {image: a:1, when: params.x == 1}}", []),
    ],
)
def test_conditions(body: str, expected: list[str]) -> None:
    """Unknown steps, cycles, gates without thresholds, conditions that are none."""
    assert codes(body) == expected


def test_a_cycle_is_told_whole_and_from_its_first_step() -> None:
    """The message walks the cycle; steps that only hang on it are not named."""
    (diagnostic,) = check(
        """
        steps:
          tail: {image: a:1, needs: a}
          a: {image: a:1, needs: c}
          b: {image: a:1, needs: a}
          c: {image: a:1, needs: b}
        """
    )
    assert diagnostic.message == "steps wait for each other: `a` -> `c` -> `b` -> `a`"
    assert (diagnostic.span.line, [note.span.line for note in diagnostic.notes]) == (5, [7, 6])


def test_order_is_topological_and_follows_the_document() -> None:
    """Ties keep the document's order."""
    found = pipeline("steps: {d: {image: a:1, needs: a}, c: {image: a:1}, b: {image: a:1, needs: c}, a: {image: a:1}}").steps
    assert [item.name for item in found] == ["c", "b", "a", "d"]


def test_a_long_chain_written_backwards() -> None:
    """Order and cycles are found without recursion."""
    lines = [f"  s{index}: {{image: a:1, needs: s{index + 1}}}" for index in range(3000)]
    body = "steps:\n" + "\n".join(lines) + "\n  s3000: {image: a:1"
    assert pipeline(body + "}\n").steps[0].name == "s3000"
    assert codes(body + ", needs: s0}\n") == ["MLC302"]


# --- resources, env, retry ----------------------------------------------------------------------------------------------------


def test_resources_env_and_retry() -> None:
    """The small parts of a step."""
    found = step(
        """
        steps:
          s:
            image: a:1
            resources: {requests: {cpu: 500m, gpu: {type: amd.com/gpu, count: 2}}, limits: {cpu: 2, ephemeral_storage: 1Gi}}
            env:
              A: 1e-5
              B: {secret: s, key: k}
              C: {field: metadata.name}
              D: true
            retry: {limit: 3, backoff: {duration: 30s, factor: 2, max: 10m}, on: error}
            timeout: 1h30m
        """
    )
    assert [(item.name, item.request, item.limit) for item in found.resources] == [
        ("cpu", "500m", "2"),
        ("amd.com/gpu", "2", "2"),
        ("ephemeral-storage", "", "1Gi"),
    ]
    assert isinstance(found.resources[0], Resource)
    origin = ("steps", "s", "env")
    assert found.env == (
        Env("A", Text(("1e-5",), (*origin, "A")), (*origin, "A")),
        Env("B", SecretKey("s", "k"), (*origin, "B")),
        Env("C", FieldPath("metadata.name"), (*origin, "C")),
        Env("D", Text(("true",), (*origin, "D")), (*origin, "D")),
    )
    assert found.retry == Retry(3, "error", 30, "2", 600, ("steps", "s", "retry"))
    assert found.timeout == 5400


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("resources: {cpu: 0.5, memory: 1.5Gi}", []),
        ("resources: {cpu: 0}", ["MLC319"]),
        ("resources: {memory: 8GB}", ["MLC319"]),
        ("resources: {gpu: 0.5}", ["MLC319"]),
        ("resources: {gpu: 1k}", ["MLC319"]),
        ("resources: {gpu: 010}", ["MLC319"]),
        ("resources: {requests: {cpu: 2}, limits: {cpu: 1}}", ["MLC318"]),
        ("resources: {requests: {memory: 1024Mi}, limits: {memory: 1Gi}}", []),
        ("resources: {requests: {gpu: 1}, limits: {gpu: 2}}", ["MLC318"]),
        ("resources: {cpu: 4Gi}", ["MLC319"]),
        ("resources: {cpu: 4000}", ["MLC319"]),
        ("resources: {cpu: 4000m}", []),
        ("resources: {memory: 8}", ["MLC319"]),
        ("resources: {memory: 512m}", ["MLC319"]),
        ("resources: {memory: 8589934592}", []),
        ("resources: {gpu: {type: tesla, count: 1}}", ["MLC323"]),
        ("timeout: 10", ["MLC203"]),
        ("timeout: 1d", ["MLC319"]),
        ("retry: {limit: 1, backoff: {duration: 1x}}", ["MLC319"]),
        ("retry: {limit: 1, backoff: {duration: 2m, max: 1m}}", ["MLC206"]),
        ("retry: {limit: 1, backoff: {factor: 2}}", ["MLC202"]),
    ],
)
def test_amounts(keys: str, expected: list[str]) -> None:
    """Sizes, counts and durations that are none, and requests above limits."""
    assert codes(f"steps: {{s: {{image: a:1, {keys}}}}}") == expected


@pytest.mark.parametrize("place", ["default: 1, min: -{}", "default: 1, max: {}", "default: {}", "default: 1, choices: [1, {}]"])
def test_numbers_of_params_have_a_size(place: str) -> None:
    """Numbers of more than 300 digits are no doubles, so no engine can compare them."""
    body = "params: {{p: {{type: float, {}}}}}\nsteps: {{s: {{image: a:1}}}}"
    assert [codes(body.format(place.format("9" * digits))) for digits in (300, 301)] == [[], ["MLC206"]]


def test_numbers_inside_params_have_a_size() -> None:
    """Those in a list or a mapping, too: no engine reads them."""
    body = "params: {{p: {{type: dict, default: {{a: [true, -{}]}}}}}}\nsteps: {{s: {{image: a:1}}}}"
    assert [codes(body.format("9" * digits)) for digits in (300, 301)] == [[], ["MLC206"]]
    assert codes(f"params: {{p: [{'9' * 300}, a]}}\nsteps: {{s: {{image: a:1}}}}") == []


@pytest.mark.parametrize(("written", "expected"), [("2", "2"), ("2.0", "2"), ("1e1", "10"), ("1.5", "1.5"), ("2.50", "2.50")])
def test_factor(written: str, expected: str) -> None:
    """A factor that is a whole number has a whole number's text, for engines take no other."""
    retry = step(f"steps: {{s: {{image: a:1, retry: {{limit: 1, backoff: {{duration: 1s, factor: {written}}}}}}}}}").retry
    assert retry is not None
    assert retry.backoff_factor == expected


def test_all_problems_are_reported_at_once() -> None:
    """One compile names every problem of its stage."""
    assert codes(
        """
        params: {a_b: 1, a-b: 2}
        steps:
          in: {image: nope, needs: x}
          b: {image: a:1, command: a | b, timeout: 1x, inputs: {m: /m}}
        """
    ) == ["MLC306", "MLC307", "MLC317", "MLC301", "MLC315", "MLC319", "MLC322"]


@pytest.mark.parametrize(
    ("defaults", "own", "expected"),
    [
        ("shell: python", "run: x", ["MLC209"]),
        ("shell: python, run: y", "run: x", ["MLC209"]),
        ("shell: python", "run: x, shell: python", ["MLC505"]),
        ("shell: python", "run: x, shell: bash", ["MLC505"]),
        ("shell: python, packages: [a]", "run: x, shell: python", ["MLC209"]),
        ("shell: python, packages: [a], run: y", "args: [x]", []),
        ("shell: sh", "run: x", ["MLC505"]),
    ],
)
def test_a_script_of_its_own_gets_no_shell_from_defaults(defaults: str, own: str, expected: list[str]) -> None:
    """`command args run shell packages` are one unit: a script that seems to have the defaults' shell is an error, not `sh`."""
    assert codes(f"defaults: {{{defaults}}}\nsteps: {{s: {{image: a:1, {own}}}}}") == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("args: ['{{ params.p }}']", ["MLC310"]),
        ("command: 'prog --x={{params.p}}'", ["MLC310"]),
        ("env: {A: '{{ steps.s.values.v }}'}", ["MLC310"]),
        ("args: ['${{ params.p }}']", []),
        ("args: [\"${{ '{{ params.p }}' }}\"]", []),
        ("args: ['{{ other.p }}']", []),
        ("run: 'echo {{ params.p }}'", []),
    ],
)
def test_an_expression_without_its_dollar(keys: str, expected: list[str]) -> None:
    """Other tools write `{{ }}`; what reads as a reference of ours would reach the program as it stands."""
    assert codes(f"params: {{p: 1}}\nsteps: {{s: {{image: a:1, {keys}}}}}") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("volumes: {x-outputs: {claim: c}}\nsteps: {s: {image: a:1, volumes: {x-outputs: /d}}}", ["MLC307"]),
        ("steps: {s: {image: a:1, timeout: 999999h}}", ["MLC319"]),
        ("steps: {s: {image: a:1, retry: {limit: 3000000000}}}", ["MLC206"]),
        ("steps: {s: {image: a:1, retry: {limit: 1, backoff: {duration: 1s, factor: 1000000}}}}", ["MLC206"]),
        (f"steps: {{s: {{image: a:1, metrics: {{m: {{path: /m, min: {'9' * 350}, max: 1}}}}}}}}", ["MLC206"]),
    ],
)
def test_what_engines_cannot_hold(body: str, expected: list[str]) -> None:
    """Numbers beyond 32 bits where engines have no more, beyond a double in thresholds; names that the compiler makes up."""
    assert codes(body) == expected


def test_a_default_is_spelled_as_its_choice() -> None:
    """Argo compares the texts of `enum` and value: `1` must be `1.0` where that is the choice."""
    (param,) = pipeline("params: {lr: {type: float, default: 1, choices: [1.0, 2.0]}}\nsteps: {s: {image: a:1}}").params
    assert (param.default, param.choices) == ("1.0", ("1.0", "2.0"))


def test_suggestions_are_bounded() -> None:
    """A generated spec with hundreds of misspelt names is refused in bounded work: after some, no nearest names are looked for."""
    steps = "\n".join(f"  step-{number}: {{image: a:1, needs: stpe-{number}}}" for number in range(300))
    found = check(f"steps:\n{steps}\n")
    assert len(found) == 300
    assert 0 < sum(item.help.startswith("did you mean") for item in found) <= 20_000 // 300
    assert all(item.help for item in found)


@pytest.mark.parametrize("text", ["a", "a-b", "a--b", "0", "a0", "-a", "a-", "", "A", "a.b", "a_b", "é", "a b", "²", "a\n"])
def test_plain_names_are_what_the_pattern_says(text: str) -> None:
    """The quick look accepts nothing that the pattern behind it does not."""
    assert bool(text and is_plain(text)) == bool(re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", text))


@pytest.mark.parametrize(
    "text", ["a", "a:1", "a/b:1", "a:1/b", "a/:1", "/a", "a/", "a:", ":a", "a:-1", "a:1.2_3-x", "a--b:1", "h:5000/a:1", "A:1", "a:é"]
)
def test_plain_images_are_what_the_pattern_says(text: str) -> None:
    """So for references of images."""
    assert not _is_plain(text) or images._REFERENCE.fullmatch(text)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("description: {0}\nannotations: {{a: {0}}}\nsteps: {{s: {{image: a:1, command: t}}}}", "description"),
        ("steps: {{s: {{image: a:1, command: t, title: {0}, annotations: {{a: {0}x}}}}}}", "steps.s.annotations.a"),
    ],
)
def test_notes_fit_into_annotations(body: str, expected: str) -> None:
    """Titles, descriptions and annotations become annotations, of which Kubernetes takes 256 KiB for one object: bytes, not letters."""
    assert codes(body.format("한" * 30_000)) == []
    (found,) = check(body.format("한" * 42_000))
    assert (found.code, ".".join(map(str, found.path))) == ("MLC206", expected)
