"""Lint rules."""

from __future__ import annotations

import json

import pytest

from .support import check, codes

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


def test_the_version_comes_first() -> None:
    """`mlc` not first is a warning at the key."""
    (diagnostic,) = check("mlc: v1\nname: demo\nsteps: {s: {image: a:1}}\n".replace("mlc: v1\nname: demo\n", "name: demo\nmlc: v1\n"))
    assert (diagnostic.code, diagnostic.severity, diagnostic.span.line) == ("MLC503", "warning", 2)
