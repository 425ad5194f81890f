"""Lint rules."""

from __future__ import annotations

import json

import pytest

from .support import check, codes, manifests

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


def test_two_secrets_in_one_command() -> None:
    """Each is named."""
    found = check("steps: {s: {image: a:1, command: login --password hunter2 --token abcdef}}")
    assert [item.message.split()[0] for item in found] == ["`password`", "`token`"]
