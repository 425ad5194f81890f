"""`mlc.local.yaml`, the options, and the variables: what they mean, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlc.local.settings import Engine, Keys, Misuse, Settings, Source, read, with_environment, with_options
from mlc.reader import read as read_yaml
from mlc.source import SourceFile

FOLDER = Path("/project")


def settings(text: str) -> tuple[Settings, list[tuple[str, str, tuple[Any, ...], str]]]:
    """The settings of a file, and what is wrong with it."""
    findings: list[Any] = []
    document = read_yaml(SourceFile("mlc.local.yaml", text), findings)
    assert findings == []
    assert document is not None
    found = read(document.data, FOLDER, findings)
    return found, [(finding.code, finding.message, finding.path, finding.help) for finding in findings]


def test_every_key() -> None:
    """Paths start at the file; a folder of keys and single keys go together."""
    found, problems = settings("""
volumes: {data: ./data, model: /srv/model}
secrets:
  git: {id: {file: keys/id}, token: {env: TOKEN}}
  all: {folder: keys}
  odd: {folder: {env: FOLDER}}
config_maps: {settings: {level: {value: 3}, deep: {value: [a, {b: 1}]}, folder: ./maps}}
artifacts: {reviews: reviews.csv}
images: {train: "localhost/train:dev"}
runner: process
podman: {args: [--ulimit, "nofile=1024:1024"], options: [--log-level, error], runtime: runc, limits: false, gpu: true}
docker: {program: ./bin/docker}
process: {sandbox: false, folder: ., folders: {train: src/train}, env: [HF_TOKEN], python: python3.12}
""")
    assert problems == []
    assert found.volumes == {"data": Path("/project/data"), "model": Path("/srv/model")}
    assert found.secrets["git"] == Keys(None, {"id": Source("file", "/project/keys/id"), "token": Source("env", "TOKEN")})
    assert found.secrets["all"] == Keys(Path("/project/keys"))
    assert found.secrets["odd"] == Keys(None, {"folder": Source("env", "FOLDER")})
    assert found.config_maps["settings"] == Keys(
        Path("/project/maps"), {"level": Source("value", "3"), "deep": Source("value", '["a",{"b":1}]')}
    )
    assert found.artifacts == {"reviews": Path("/project/reviews.csv")}
    assert (found.images, found.runner) == ({"train": "localhost/train:dev"}, "process")
    assert found.podman == Engine("podman", ("--log-level", "error"), ("--ulimit", "nofile=1024:1024"), "runc", False, True)
    assert found.docker == Engine("/project/bin/docker")
    assert (found.process.sandbox, found.process.folder, found.process.env) == (False, FOLDER, ("HF_TOKEN",))
    assert (found.process.folders, found.process.python) == ({"train": Path("/project/src/train")}, "python3.12")


def test_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is the home folder."""
    monkeypatch.setenv("HOME", "/home/me")
    assert settings("secrets: {s: {k: {file: ~/.ssh/id}}}")[0].secrets["s"].keys["k"].text == "/home/me/.ssh/id"


def test_empty() -> None:
    """A file without anything in it says nothing."""
    assert read(None, FOLDER, []) == Settings(FOLDER)


@pytest.mark.parametrize(
    "text, code, message, path, help",
    [
        ("volums: {}", "MLC201", "unknown key `volums`", ("volums",), "did you mean `volumes`?"),
        ("podman: {arg: []}", "MLC201", "unknown key `arg` in `podman`", ("podman", "arg"), "did you mean `args`?"),
        ("zzz: 1", "MLC201", "unknown key `zzz`", ("zzz",), "allowed: `volumes`, `secrets`"),
        ("volumes: [a]", "MLC203", "`volumes` is no mapping", ("volumes",), "write `key: value`"),
        ("volumes:", "MLC203", "`volumes` has an empty value", ("volumes",), "write `key: value`"),
        ("volumes: {data: 3}", "MLC203", "`data` is no text", ("volumes", "data"), "give it a value"),
        ("volumes: {data: ''}", "MLC203", "`data` is an empty text", ("volumes", "data"), "give it a value"),
        ("secrets: {s: {k: abc}}", "MLC203", "`k` of `s` is no mapping that says where", ("secrets", "s", "k"), "write `{file: ./token}`"),
        ("secrets: {s: {k: {value: abc}}}", "MLC201", "a secret has no `value`", ("secrets", "s", "k", "value"), "write `{file:"),
        ("secrets: {s: {k: {evn: A}}}", "MLC201", "unknown key `evn`", ("secrets", "s", "k", "evn"), "did you mean `env`?"),
        ("secrets: {s: {k: {env: A, file: b}}}", "MLC209", "`k` of `s` comes from one place", ("secrets", "s", "k"), "write `{file:"),
        ("secrets: {s: {k: {env: 'a b'}}}", "MLC205", "this is no name of an environment", ("secrets", "s", "k", "env"), "write the name"),
        ("runner: podmn", "MLC204", "`runner` cannot be `podmn`", ("runner",), "did you mean `podman`? allowed: `podman`, `docker`"),
        ("process: {sandbox: 1}", "MLC203", "`sandbox` is neither `true` nor `false`", ("process", "sandbox"), "write `true` or `false`"),
        ("podman: {args: --x}", "MLC203", "`args` is no list", ("podman", "args"), "write one word after the other"),
        ("process: {env: TOKEN}", "MLC203", "`env` is no list", ("process", "env"), "write `env: [NAME, OTHER]`"),
        ("- 1", "MLC203", "the file is no mapping", (), "write `key: value`"),
    ],
)
def test_mistakes(text: str, code: str, message: str, path: tuple[Any, ...], help: str) -> None:
    """Each mistake has its place and a way out."""
    findings: list[Any] = []
    import yaml

    read(yaml.safe_load(text), FOLDER, findings)
    [finding] = findings
    assert (finding.code, finding.path) == (code, path)
    assert finding.message.startswith(message)
    assert finding.help.startswith(help)


def test_secrets_are_not_repeated() -> None:
    """What may be a secret in the wrong place is not in the message."""
    for text in ("secrets: {s: {k: hunter2x}}", "secrets: {s: {k: {value: hunter2x}}}", "secrets: {s: {k: {env: 'hunter2x-'}}}"):
        _, problems = settings(text)
        assert problems
        assert "hunter2x" not in repr([(code, message, help) for code, message, _, help in problems])


def test_options() -> None:
    """Options come over the file; their paths start at the current folder."""
    base, _ = settings("volumes: {data: ./data, other: ./o}\nsecrets: {s: {a: {env: A}}}\n")
    found = with_options(
        base,
        volumes=["data=here", "new=/abs"],
        secrets=["s/b=file:k", "t/c=env:C", "u=keys"],
        config_maps=["c/level=value:a=b", "c/empty=value:"],
        artifacts=["r=x.csv"],
        folder=Path("/cwd"),
    )
    assert found.volumes == {"data": Path("/cwd/here"), "other": Path("/project/o"), "new": Path("/abs")}
    assert found.secrets["s"].keys == {"a": Source("env", "A"), "b": Source("file", "/cwd/k")}
    assert (found.secrets["t"].keys, found.secrets["u"].folder) == ({"c": Source("env", "C")}, Path("/cwd/keys"))
    assert found.config_maps["c"].keys == {"level": Source("value", "a=b"), "empty": Source("value", "")}
    assert found.artifacts == {"r": Path("/cwd/x.csv")}


@pytest.mark.parametrize("text", ["data", "=x", "data="])
def test_wrong_volume(text: str) -> None:
    """An option that names nothing is a wrong usage."""
    with pytest.raises(Misuse, match="write it as `--volume data="):
        with_options(Settings(FOLDER), volumes=[text])


@pytest.mark.parametrize("text", ["s", "s/k", "s/k=hunter2x", "s/k=value:hunter2x", "s/k=env:", "/k=env:A", "s/=env:A"])
def test_wrong_secret(text: str) -> None:
    """A secret never comes from the command line itself, and is not repeated in the message."""
    with pytest.raises(Misuse) as caught:
        with_options(Settings(FOLDER), secrets=[text])
    assert str(caught.value).endswith("`--secret NAME/KEY=file:./token` or `--secret NAME/KEY=env:TOKEN` or `--secret NAME=./folder`")
    assert "hunter2x" not in str(caught.value)


def test_environment() -> None:
    """`MLC_PODMAN_ARGS` and its like come after the file."""
    base, _ = settings("podman: {args: [--a]}")
    found = with_environment(
        base, {"MLC_PODMAN_ARGS": "--ulimit 'x y'", "MLC_PODMAN_RUNTIME": "runc", "MLC_DOCKER_OPTIONS": "--context lab"}
    )
    assert found.podman == Engine("podman", (), ("--a", "--ulimit", "x y"), "runc")
    assert found.docker == Engine("docker", ("--context", "lab"))
    assert with_environment(base, {"MLC_RUNNER": "process"}).runner == "process"
    with pytest.raises(Misuse, match="cannot be `x`"):
        with_environment(base, {"MLC_RUNNER": "x"})
    with pytest.raises(Misuse, match="quote that is never closed"):
        with_environment(base, {"MLC_PODMAN_ARGS": "'"})
