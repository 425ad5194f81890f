"""Lint rules."""

from __future__ import annotations

import json
from importlib import import_module

import pytest

from mlc import driver, rules
from mlc.diagnostics.codes import LINTS
from mlc.rules import plain_text_secret

from .support import check, codes, manifests, source

# Written in two pieces, so that no scanner takes this file for what it tests.
SHAPES = [
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "ghp_" + "a" * 36,
    "github_pat_" + "a" * 40,
    "glpat-" + "a" * 20,
    "xoxb-" + "1234567890",
    "hf_" + "a" * 34,
    "sk-" + "proj-" + "a" * 40,
    "AIza" + "a" * 35,
    "eyJhbGciOiJI" + ".eyJzdWIiOiIx" + ".abcdefghijkl",
    "npm_" + "a" * 36,
    "-----BEGIN RSA " + "PRIVATE KEY-----",
    "postgres://user:" + "hunter22@db/x",
]


@pytest.mark.parametrize("text", SHAPES)
@pytest.mark.parametrize(
    "place", ["env: {A: %s}", "args: [%s]", "args: ['--url=%s']", "command: [prog, %s]", "run: 'echo %s'", "annotations: {a: %s}"]
)
def test_shapes_of_secrets(text: str, place: str) -> None:
    """Well-known tokens are found wherever a text reaches a container."""
    shown = text if "'" in place else json.dumps(text)
    assert codes(f"steps: {{s: {{image: a:1, {place % shown}}}}}") == ["MLC501"]


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("https://u:p@h/x", "https://u:p@"),
        ("https://:pw@h/x", "https://:pw@"),
        ("git+https://reader:open-sesame@h/r@v1", "://reader:open-sesame@"),
        ("https://" + "a1b2c3d4e5" * 3 + "@h/x", "://" + "a1b2c3d4e5" * 3 + "@"),
        ("https://h/x?a=1&token=abcdef", "token=abcdef"),
        ("https://h/x?access_token=abcdef", "access_token=abcdef"),
        ("https://h/x?X-Amz-Credential=A&X-Amz-Signature=0f0f&b=1", "X-Amz-Signature=0f0f"),
        ("https://h/x?X-Amz-Security-Token=abcdef", "X-Amz-Security-Token=abcdef"),
        ("https://h/x?GoogleAccessId=a&Signature=AbC%2B", "Signature=AbC%2B"),
        ("https://h/x?X-Goog-Signature=0f0f", "X-Goog-Signature=0f0f"),
        ("https://h/x?sv=2022-11-02&sp=r&sig=AbC%3D", "sig=AbC%3D"),
        ("https://h/x?sv=2022-11-02&sp=r", ""),
        ("https://reader@h/x", ""),
        ("https://h/x?design=new&signal=1", ""),
        ("https://h/a@b:c/d", ""),
    ],
)
def test_secrets_in_addresses(uri: str, found: str) -> None:
    """A password, a token or a signature in the address of an artifact; the caret is under it, the way out is no `env` of the artifact."""
    body = f"artifacts: {{a: {{type: model, uri: {json.dumps(uri)}}}}}\nsteps: {{s: {{image: 'x:1', inputs: {{a: /in/a}}}}}}"
    said = check(body)
    assert [one.code for one in said] == (["MLC501"] if found else [])
    if said:
        (one,) = said
        line = source(body).text.splitlines()[one.span.line - 1]
        assert line[one.span.column - 1 : one.span.end_column - 1] == found
        assert one.help.startswith("have a step fetch it")


@pytest.mark.parametrize("place", ["env: {A: %s}", "args: ['--url=%s']", "run: 'curl %s'", "annotations: {a: %s}"])
def test_signed_addresses_anywhere(place: str) -> None:
    """Not in artifacts alone: wherever a text reaches a container."""
    for query in ("sig=AbC%3D", "X-Amz-Signature=0f0f"):
        text = f"https://h/x?a=b&{query}"
        shown = text if "'" in place else json.dumps(text)
        assert codes(f"steps: {{s: {{image: a:1, {place % shown}}}}}") == ["MLC501"]
    assert codes("params: {t: x}\nsteps: {s: {image: a:1, args: ['https://h/x?token=${{ params.t }}']}}") == []
    assert codes("steps: {s: {image: a:1, run: 'curl https://h/x?token=$TOKEN'}}") == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DB_PASSWORD", "hunter2", ["MLC501"]),
        ("API_KEY", "abc", ["MLC501"]),
        ("awsSecretAccessKey", "abc", ["MLC501"]),
        ("GITHUB_TOKEN", "abc", ["MLC501"]),
        ("TOKEN_PATH", "/run/token", []),
        ("TOKEN", "/run/token", []),
        ("SECRET_NAME", "db", []),
        ("MAX_TOKENS", "4096", []),
        ("TOKENIZER", "bert", []),
        ("PASSWORD", "", []),
        ("PASSWORD", "<yours>", []),
        ("KEY", "abc", []),
        ("PRIMARY_KEY", "id", []),
        ("USE_TOKEN", "true", []),
    ],
)
def test_names_of_secrets(name: str, value: str, expected: list[str]) -> None:
    """A variable, parameter or option that is called a secret and holds a text."""
    shown = json.dumps(value)
    assert codes(f"steps: {{s: {{image: a:1, env: {{{name}: {shown}}}}}}}") == expected
    assert codes(f"params: {{{name}: {shown}}}\nsteps: {{s: {{image: a:1}}}}") == expected


def test_the_name_of_a_secret_is_none() -> None:
    """A parameter that names a Secret is called like one, and holds none."""
    body = "params: {DB_PASSWORD: warehouse}\nsteps: {s: {image: a:1, %s}}"
    assert codes(body % "env: {P: {secret: '${{ params.DB_PASSWORD }}', key: k}}") == []
    assert codes(body % "env: {P: '${{ params.DB_PASSWORD }}'}") == ["MLC501"]


def test_options_with_secrets() -> None:
    """`--password x` and `--password=x`; a reference is fine."""
    assert codes("steps: {s: {image: a:1, command: login --password hunter2}}") == ["MLC501"]
    assert codes("steps: {s: {image: a:1, args: [--password=hunter2]}}") == ["MLC501"]
    assert codes("params: {p: {type: string}}\nsteps: {s: {image: a:1, args: ['--password=${{ params.p }}']}}") == []
    assert codes("steps: {s: {image: a:1, args: [--password, --user, x]}}") == []


def test_a_secret_is_suppressible() -> None:
    """With a reason."""
    body = "steps:\n  s:\n    image: a:1\n    env:\n      DB_PASSWORD: test  # mlc: ignore MLC501 -- the password of a test database\n"
    assert codes(body) == []
    assert manifests(body, "argo")[0]["spec"]["templates"][1]["container"]["env"] == [{"name": "DB_PASSWORD", "value": "test"}]
    assert codes(body.replace("# mlc", "# not mlc"), ("argo",)) == ["MLC407", "MLC501"]


def test_the_version_comes_first() -> None:
    """`mlc` not first is a warning at the key."""
    (diagnostic,) = check("mlc: v1\nname: demo\nsteps: {s: {image: a:1}}\n".replace("mlc: v1\nname: demo\n", "name: demo\nmlc: v1\n"))
    assert (diagnostic.code, diagnostic.severity, diagnostic.span.line) == ("MLC503", "warning", 2)


@pytest.mark.parametrize(
    ("shell", "line", "expected"),
    [
        ("sh", "export DB_PASSWORD=correct-horse", ["MLC501"]),
        ("sh", "PGPASSWORD='correct horse' psql", ["MLC501"]),
        ("sh", "mysql --password=hunter2", ["MLC501"]),
        ("sh", "export DB_PASSWORD=$1", []),
        ("sh", "DB_PASSWORD=$(cat /run/secret)", []),
        ("sh", "curl -H 'Authorization: Bearer abcdefghijklmnop'", ["MLC501"]),
        ("python", 'password = "hunter2"', ["MLC501"]),
        ("python", "password = read()", []),
        ("python", 'token = os.environ["TOKEN"]', []),
        ("python", "epochs = 3", []),
    ],
)
def test_secrets_in_scripts(shell: str, line: str, expected: list[str]) -> None:
    """Assignments and options inside `run`; the caret is on the line."""
    found = check(f"steps:\n  s:\n    image: a:1\n    shell: {shell}\n    run: |\n      # first\n      {line}\n")
    assert [item.code for item in found] == expected
    assert [item.span.line for item in found] == [9] * len(expected)


def test_scripts_of_made_steps_are_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only scripts that somebody wrote can hold a secret: the programs that fetch data are long, and there is one for each dataset."""
    searched: list[str] = []
    monkeypatch.setattr(plain_text_secret, "_script", lambda script, _: searched.append(script.text.constant))
    body = 'datasets: {d: {s3: {uri: "s3://bucket/d"}}}\nsteps: {s: {image: "b:1", run: echo a, inputs: [d]}}\n'
    assert check(body) == ()
    assert searched == ["echo a"]


def test_what_nothing_uses() -> None:
    """Volumes, images, artifacts, defaults and the storage class without effect; each at its key, with the nearest name."""
    found = check(
        """
        images: {a: "a:1", b: "b:1"}
        volumes: {used: {claim: c}, spare: {claim: d}}
        artifacts: {modle: model}
        defaults: {env: {A: "1", B: "2"}, timeout: 1h, labels: {x: y}}
        targets: {kfp: {storage_class: fast}}
        steps:
          s: {image: a, volumes: {used: /d}, outputs: {model: /m}, env: {A: "3"}, timeout: 2h}
        """
    )
    assert [(item.code, ".".join(map(str, item.path))) for item in found] == [
        ("MLC505", path)
        for path in ("images.b", "volumes.spare", "artifacts.modle", "defaults.env.A", "defaults.timeout", "targets.kfp.storage_class")
    ]
    assert found[2].help == "did you mean `model`?"


def test_what_only_publishing_takes() -> None:
    """Who moves a tag, and whether it may move, says nothing of a dataset that is only read; `overwrite: false` says so anywhere."""
    body = """
    datasets:
      {}: {{git: {{repo: "https://h/x", path: p}}, tag: v1}}
      d: {{dvc: {{repo: "https://h/x", path: p}}, tag: v1, overwrite: {}, author: "a <a@b.c>"}}
    steps: {{s: {{image: "a:1", command: [c], inputs: [{}], outputs: [{}]}}}}
    """
    read = check(body.format("e", "true", "d, e", "o"))
    assert [(item.code, item.path[2]) for item in read] == [("MLC505", "overwrite"), ("MLC505", "author")]
    assert [item.path[2] for item in check(body.format("e", "false", "d, e", "o"))] == ["author"]
    assert check(body.format("e", "true", "e", "d")) == ()


def test_an_image_for_steps_that_are_not_there() -> None:
    """`helper_image` is for data and code."""
    body = "targets: {{helper_image: 'h:1'}}\n{}steps: {{s: {{image: 'a:1', command: [c], {}}}}}"
    assert [(item.code, item.path) for item in check(body.format("", "env: {}"))] == [("MLC505", ("targets", "helper_image"))]
    assert check(body.format("code: {git: 'https://h/x', ref: v1}\n", "code: true, workdir: /src")) == ()


PARAMS = [
    ("args: ['--lr=${{params.lr}}']", []),
    ("args: ['${{ params . lr }}']", []),
    ("when: (params.lr > 1)", []),
    ("metrics: {m: {path: /m, min: '${{ params.lr}}'}}", []),
    ("args: ['${{ params.lr-max }}', '${{ params.lr_x }}', '${{ params.lr2 }}']", ["params.lr"]),
    ("args: [params, lr]", ["params.lr"]),
]


@pytest.mark.parametrize(("use", "unused"), PARAMS)
def test_parameters_that_nothing_reads(use: str, unused: list[str]) -> None:
    """A parameter is used where an expression names it, however it is spaced; a longer name is another one."""
    others = [name for name in ("lr-max", "lr_x", "lr2") if f"params.{name}" in use]
    body = f"params: {{lr: 1, {''.join(f'{name}: 1, ' for name in others)}}}\nsteps: {{s: {{image: a:1, command: c, {use}}}}}"
    found = driver.compile_source(source(body), (), lints=("hygiene",)).diagnostics
    assert [".".join(map(str, item.path)) for item in found if item.code == "MLC509"] == unused
    assert codes(body) == []


CLAIM = "volumes: {w: {size: 1Gi, access_mode: %s}}\ndefaults: {image: a:1, command: c, volumes: {w: /w}}\nsteps: {%s}"


@pytest.mark.parametrize(
    ("mode", "steps", "expected"),
    [
        ("ReadWriteOnce", "a: {}, b: {}", ["MLC510"]),
        ("ReadWriteOnce", "a: {}, b: {needs: a}", []),
        ("ReadWriteOnce", "a: {}, b: {needs: a}, c: {needs: b}", []),
        ("ReadWriteOnce", "a: {}, b: {needs: a}, c: {needs: a}", ["MLC510"]),
        ("ReadWriteOnce", "a: {}, b: {volumes: {w: null}}, c: {needs: a}", []),
        ("ReadWriteOnce", "a: {}, b: {volumes: {w: null}, needs: a}, c: {needs: b}", []),
        ("ReadWriteMany", "a: {}, b: {}", []),
        ("ReadWriteOncePod", "a: {}, b: {}", []),
    ],
)
def test_claims_for_one_node(mode: str, steps: str, expected: list[str]) -> None:
    """Steps that can run at once, counted over any number of steps between."""
    assert codes(CLAIM % (mode, steps)) == expected


@pytest.mark.parametrize("key", ["init", "sidecars"])
def test_claims_for_one_node_in_other_containers(key: str) -> None:
    """What a container beside the step's own mounts has to be on the node of the pod too."""
    beside = f"{key}: {{x: {{image: b:1, command: c, volumes: {{w: /w}}}}}}"
    assert codes(CLAIM % ("ReadWriteOnce", f"a: {{}}, b: {{volumes: {{w: null}}, {beside}}}")) == ["MLC510"]
    assert codes(CLAIM % ("ReadWriteOnce", f"a: {{}}, b: {{needs: a, volumes: {{w: null}}, {beside}}}")) == []
    assert codes(CLAIM % ("ReadWriteOnce", f"a: {{{beside}}}")) == []


def test_claims_for_one_node_at_the_end() -> None:
    """What runs in `finally` comes after all others, and side by side with what else is there."""
    assert codes(CLAIM % ("ReadWriteOnce", "a: {}") + "\nfinally: {y: {}}") == []
    assert codes(CLAIM % ("ReadWriteOnce", "a: {}") + "\nfinally: {y: {}, z: {}}") == ["MLC510"]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("a: {foreach: {x: [1, 2]}}", ["items of step `a` can run at once, and volume `w` is for one node at a time"]),
        ("a: {foreach: {x: '${{ params.p }}'}}", ["items of step `a` can run at once, and volume `w` is for one node at a time"]),
        ("a: {foreach: {x: [1, 2]}, parallel: 1}", []),
        ("a: {foreach: {x: [1]}}", []),
        ("a: {foreach: {x: [1, 2]}, parallel: 1}, b: {each: a}", []),
        ("a: {foreach: {x: [1, 2]}, volumes: {w: null}}, b: {each: a}", ["items of step `b` can run at once"]),
        ("a: {foreach: {x: [1]}, volumes: {w: null}}, b: {each: a}, c: {needs: a}, d: {needs: c}", []),
        ("c: {}, a: {foreach: {x: [1]}, volumes: {w: null}}, b: {each: a, needs: c}", []),
        ("a: {foreach: {x: [1]}, volumes: {w: null}}, b: {each: a}, c: {each: a}", ["steps `b` and `c` can run at once"]),
        ("a: {foreach: {x: [1]}}, b: {}", ["steps `a` and `b` can run at once"]),
    ],
)
def test_claims_for_one_node_in_loops(steps: str, expected: list[str]) -> None:
    """Items that can run at once are as bad as steps; who waits for a loop waits for all that is in it."""
    said = check("params: {p: {type: list}}\n" + CLAIM % ("ReadWriteOnce", steps))
    found = [item for item in said if item.code != "MLC505"]
    assert len(found) == len(expected)
    assert all(item.code == "MLC510" and text in item.message for item, text in zip(found, expected, strict=True))


def test_claim_of_a_thousand_steps() -> None:
    """One warning for a claim, and no time of the square of the steps."""
    found = check(
        CLAIM % ("ReadWriteOnce", ", ".join(f"s{number}: {{{f'needs: s{number - 1}' if number else ''}}}" for number in range(1000)))
    )
    assert [item.code for item in found] == []


OR = """
params: {force: false}
defaults: {image: "a:1", command: c}
steps:
  e: {metrics: {m: {path: /m, above: 0.8}}}
  t: {gate: e, metrics: {m: /m}, values: {v: {path: /v, type: float}}, outputs: {o: /o}}
  u: {needs: t, metrics: {m: /m}}
  p: {%s}
"""


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("when: params.force or steps.t.values.v > 1", ["MLC511"]),
        ("when: params.force or steps.u.metrics.m > 1", ["MLC511"]),
        ("when: not (params.force or steps.t.metrics.m > 1)", ["MLC511"]),
        ("when: params.force and (steps.e.metrics.m > 1 or steps.t.metrics.m > 1)", ["MLC511"]),
        ("when: params.force or steps.e.metrics.m > 1", []),
        ("when: params.force and steps.t.metrics.m > 1", []),
        ("when: steps.t.metrics.m > 1 or steps.t.values.v > 2", []),
        ("when: params.force or steps.t.metrics.m > 1, needs: t", []),
        ("when: params.force or steps.t.metrics.m > 1, needs: [e, t]", []),
        ("when: params.force or steps.t.metrics.m > 1, inputs: {o: /o}", []),
    ],
)
def test_or_with_a_skipped_step(keys: str, expected: list[str]) -> None:
    """Only where another side of the `or` could be true, and nothing else says that the step waits."""
    assert codes(OR % keys) == expected


OR_IN_LOOPS = OR.replace("  p: {%s}\n", "  p: {foreach: {x: [1]}, values: {v: {path: /v, type: float}}, %s}\n")


@pytest.mark.parametrize(
    ("loop", "riders", "expected"),
    [
        ("when: params.force or steps.t.values.v > 1", (), ["MLC511"]),
        ("gate: e", ("when: each.x > 1 or steps.p.values.v > 1",), []),
        ("title: p", ("when: each.x > 1 or steps.t.values.v > 1",), ["MLC511"]),
        ("title: p", ("when: each.x > 1 or steps.p.values.v > 1",), []),
        ("title: p", ("when: each.x > 1", "when: each.x > 1 or steps.r0.values.v > 1"), ["MLC511"]),
    ],
)
def test_or_with_a_skipped_step_in_loops(loop: str, riders: tuple[str, ...], expected: list[str]) -> None:
    """The condition of a loop, and those of the steps that ride along: what the whole loop is skipped with is no side of theirs."""
    values = "values: {v: {path: /v, type: float}}"
    lines = [f"  r{number}: {{each: p, {values}, {keys}}}\n" for number, keys in enumerate(riders)]
    assert codes(OR_IN_LOOPS % loop + "".join(lines)) == expected


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("a", ["MLC506"]),
        ("a:latest", ["MLC506"]),
        ("host:5000/a", ["MLC506"]),
        ("host:5000/a:1", ["MLC507"]),
        ("a:1", ["MLC507"]),
        ("a:latest@sha256:" + "0" * 64, []),
        ("a@sha256:" + "0" * 64, []),
    ],
)
def test_versions_of_images(ref: str, expected: list[str]) -> None:
    """A tag that moves, or a version without a digest; a port is no tag."""
    body = f"images: {{i: '{ref}'}}\nsteps: {{s: {{image: i, command: c, resources: {{memory: 1Gi}}}}}}"
    assert [item.code for item in driver.compile_source(source(body), (), lints=("hygiene", "digests")).diagnostics] == expected
    assert codes(body) == []


BESIDE = """
defaults: {security: {run_as_user: 7}, resources: {memory: 1Gi}}
steps:
  a: {image: "m:1@sha256:DIGEST", command: c, %s: {x: {command: c, %s}}%s}
"""


@pytest.mark.parametrize("key", ["init", "sidecars"])
@pytest.mark.parametrize(
    ("lint", "keys", "step", "expected"),
    [
        ("hygiene", "image: b:latest, resources: {memory: 1Gi}", "", [("MLC506", ".x.image")]),
        ("hygiene", "image: b:1, resources: {memory: 1Gi}", "", []),
        ("digests", "image: b:1", "", [("MLC507", ".x.image")]),
        ("hygiene", "image: b:1", "", [("MLC508", ".x")]),
        ("hygiene", "image: b:1, resources: {requests: {memory: 1Gi}}", "", [("MLC508", ".x")]),
        ("hygiene", "image: b:1, resources: {memory: 1Gi, gpu: 1}", "", [("MLC512", ".x.resources.gpu")]),
        ("hygiene", "image: b:1, resources: {memory: 1Gi, gpu: 1}", ", node_selector: {gpu: t4}", []),
        ("security", "image: b:1", "", [("MLC514", ".x")]),
    ],
)
def test_other_containers(key: str, lint: str, keys: str, step: str, expected: list[tuple[str, str]]) -> None:
    """Each container of a pod has an image, a limit and a user of its own; nodes are chosen for the whole pod."""
    body = BESIDE.replace("DIGEST", "0" * 64) % (key, keys, step)
    found = driver.compile_source(source(body), ("argo",), lints=(lint,)).diagnostics
    assert [(item.code, ".".join(map(str, item.path))) for item in found] == [(code, f"steps.a.{key}{path}") for code, path in expected]


@pytest.mark.parametrize(("lint", "code"), [("hygiene", "MLC508"), ("security", "MLC514")])
def test_other_containers_of_several_steps(lint: str, code: str) -> None:
    """A container that is written once is warned of once, however many steps it belongs to."""
    sidecars = "sidecars: {x: {image: b:1, command: c}}, resources: {memory: 1Gi}, security: {run_as_non_root: true}"
    body = f"defaults: {{image: a:1, command: c, {sidecars}}}\nsteps: {{s: {{}}, t: {{}}}}"
    found = driver.compile_source(source(body), ("argo",), lints=(lint,)).diagnostics
    assert [(item.code, item.path, item.message.split(" ")[:2]) for item in found] == [
        (code, ("defaults", "sidecars", "x"), ["container", "`x`"])
    ]


def test_groups_of_rules_are_those_of_the_table() -> None:
    """Every rule that has to be asked for belongs to a group, and its codes are the group's."""
    assert rules.OPTIONAL.keys() == LINTS.keys()
    for lint, modules in rules.OPTIONAL.items():
        named = [(import_module(f"mlc.rules.{module}").__doc__ or "")[:6] for module in modules]
        assert tuple(sorted(named)) == LINTS[lint]


@pytest.mark.parametrize(
    "body",
    [
        "steps: {s: {image: a:1, env: {DB: 'postgres://u:secretpw@h/${{ params.p }}'}}}",
        "steps: {s: {image: a:1, args: ['--db=postgres://u:secretpw@h/${{ params.p }}']}}",
        "steps: {s: {image: a:1, args: ['--password=abc${{ params.p }}']}}",
        "steps: {s: {image: a:1, shell: python, run: x, packages: ['git+https://u:secretpw@github.com/a/b']}}",
        "steps: {s: {image: a:1, title: 'see https://u:secretpw@h'}}",
        "description: see https://u:secretpw@h\nsteps: {s: {image: a:1}}",
        "labels: {}\nannotations: {a: 'https://u:secretpw@h'}\nsteps: {s: {image: a:1}}",
        "steps: {s: {image: a:1, when: \"params.p == 'https://u:secretpw@h'\"}}",
    ],
)
def test_secrets_anywhere(body: str) -> None:
    """A known shape is found wherever it stands, texts with expressions included; named options by what the file says of them."""
    assert codes(f"params: {{p: a}}\n{body}") == ["MLC501"]


SECRET = "{apiVersion: v1, kind: Secret, metadata: {name: db}, %s}"
JOB = "{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {template: {spec: {containers: [{name: c, image: 'a:1', %s}]}}}}"


@pytest.mark.parametrize(
    ("manifest", "found"),
    [
        (SECRET % "stringData: {user: hunter2secret}", ["stringData.user"]),
        (SECRET % "data: {a.crt: aHVudGVyMg==, b: '/9j/', c: ''}", ["data.a.crt", "data.b"]),
        (SECRET % "stringData: {a: 'x ${{ params.p }}'}", ["stringData.a"]),
        (SECRET % "stringData: {password: '${{ params.p }}', b: '${{ params.p }}${{ params.p }}'}", []),
        (SECRET % "type: Opaque", []),
        (SECRET % "data: null", []),
        (f"{{apiVersion: v1, kind: List, metadata: {{name: l}}, items: [{SECRET % 'stringData: {a: b}'}]}}", ["items.0.stringData.a"]),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {password: hunter2}}", []),
        ("{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: e}, spec: {data: [{secretKey: password}]}}", []),
        ("{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {ref: {kind: Secret, name: db}}}", []),
        (JOB % "env: [{name: DB_PASSWORD, value: hunter2secret}, {name: USER, value: me}]", ["env.0.value"]),
        (JOB % "env: [{name: DB_PASSWORD, value: '${{ params.p }}'}, {name: TOKEN_PATH, value: /t}]", []),
        (JOB % "env: [{name: DB_PASSWORD, value: 'a-${{ params.p }}'}]", ["env.0.value"]),
        (JOB % "env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}]", []),
        (JOB % "args: [--user, me, --password, hunter2]", ["args.3"]),
    ],
)
def test_secrets_in_objects(manifest: str, found: list[str]) -> None:
    """Of a Secret that a step applies no value stands in the project; `env` of containers in objects is as that of steps."""
    said = check(f"params: {{p: a}}\nsteps: {{s: {{resource: {{action: apply, manifest: {manifest}}}}}}}")
    places = [".".join(map(str, one.path)) for one in said]
    assert [one.code for one in said] == ["MLC501"] * len(found)
    assert all(place.startswith("steps.s.resource.manifest.") and place.endswith(end) for place, end in zip(places, found, strict=True)), (
        places
    )


def test_what_to_write_in_an_object() -> None:
    """The help is for Kubernetes' own words, and for a Secret that there is another way to make it."""
    (secret,) = check(f"steps: {{s: {{resource: {{action: apply, manifest: {SECRET % 'stringData: {a: b}'}}}}}}}")
    assert (secret.message, "ExternalSecret" in secret.help) == ("`a` of a Secret stands here in plain text", True)
    job = JOB % "env: [{name: DB_PASSWORD, value: hunter2secret}]"
    (variable,) = check(f"steps: {{s: {{resource: {{action: apply, manifest: {job}}}}}}}")
    assert "`valueFrom: {secretKeyRef: {name: NAME, key: KEY}}`" in variable.help


def test_two_secrets_in_one_command() -> None:
    """Each is named."""
    found = check("steps: {s: {image: a:1, command: login --password hunter2 --token abcdef}}")
    assert [item.message.split()[0] for item in found] == ["`password`", "`token`"]
