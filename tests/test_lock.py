"""`mlc lock` and `--locked` on the command line: what is written when, what a lock file changes, and what makes it useless."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mlc import __main__, locked, pins, reader
from mlc.cli import files
from mlc.cli.request import FAILED, FOUND, OK, USAGE
from mlc.driver import check_environments, check_source, compile_source
from mlc.lock import plan as planned
from mlc.lock import pool
from mlc.lock import registry as client
from mlc.lock.failure import Failure
from mlc.pins import LockedImage, at_digest
from mlc.reader import read
from mlc.schema import compile_checker, schema_text
from mlc.source import SourceFile
from mlc.targets import TARGETS
from tests.registry import Registry, registry

ROOT = Path(__file__).resolve().parent.parent
SHA = "sha256:" + "0123456789abcdef" * 4
OTHER = "sha256:" + "f" * 64


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry without a login."""
    with registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each test runs in an empty folder, with Docker settings of its own and no patience."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(client, "WAIT", 0.01)


def mlc(*arguments: str) -> int:
    """Run a command line in this process."""
    return __main__.main(list(arguments))


def project(server: Registry, name: str, more: str = "") -> Path:
    """Write a project of two images of the registry, of which one says itself what it starts."""
    path = Path("mlc.yaml")
    text = f"""\
mlc: v1
name: demo
images:
  train: {server.host}/{name}/train:1
  serve: {server.host}/{name}/serve:1
steps:
  train: {{image: train}}
  serve: {{image: serve, needs: train, command: [serve]}}
{more}"""
    path.write_text(text, encoding="utf-8")
    return path


def push(server: Registry, name: str, salt: str = "") -> tuple[str, str]:
    """Push both images; their digests."""
    train = server.image(f"{name}/train", "1", ["python", "train.py"], ["--epochs", "3"], salt=salt)
    return train, server.image(f"{name}/serve", "1", ["x"], salt=salt)


def manifest(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What `mlc compile` prints."""
    assert mlc("compile", *arguments) == OK
    return capsys.readouterr().out


# --- the whole way ------------------------------------------------------------------------------------------------------------


def test_from_tag_to_manifest(server: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """A tag becomes a digest, and stays that one in every manifest until the lock file is written anew, wherever the tag goes."""
    train, serve = push(server, "way")
    project(server, "way")
    assert mlc("lock") == OK
    assert capsys.readouterr().err.splitlines()[-1] == (
        "wrote mlc.yaml.lock: keep it with the spec, and compile from it with `mlc compile mlc.yaml --locked`"
    )
    lock = yaml.safe_load(Path("mlc.yaml.lock").read_text())
    assert lock == {
        "mlc-lock": "v1",
        "images": {
            f"{server.host}/way/serve:1": {"digest": serve, "platform": "linux/amd64", "entrypoint": ["x"], "command": []},
            f"{server.host}/way/train:1": {
                "digest": train,
                "platform": "linux/amd64",
                "entrypoint": ["python", "train.py"],
                "command": ["--epochs", "3"],
            },
        },
    }
    jsonschema.Draft202012Validator(json.loads(schema_text("lock"))).validate(lock)
    before = {target: manifest("mlc.yaml", "-t", target, "--locked", capsys=capsys) for target in ("argo", "kfp")}
    for text in before.values():
        assert f"{server.host}/way/train:1@{train}" in text
        assert f"{server.host}/way/serve:1@{serve}" in text
    container = yaml.safe_load(before["argo"])["spec"]["templates"][1]["container"]
    assert (container["command"], container["args"]) == (["python", "train.py"], ["--epochs", "3"])

    moved, _ = push(server, "way", "again")
    assert mlc("lock", "--check") == FOUND
    out = capsys.readouterr().out.splitlines()
    assert f"mlc.yaml.lock: image {server.host}/way/train:1: digest was {train}, is {moved}" in out
    assert len(out) == 2
    assert before == {target: manifest("mlc.yaml", "-t", target, "--locked", capsys=capsys) for target in ("argo", "kfp")}

    assert mlc("lock", "--update", "train") == OK
    after = manifest("mlc.yaml", "-t", "argo", "--locked", capsys=capsys)
    assert after == before["argo"].replace(train, moved)
    assert serve in after


def test_a_file_that_is_up_to_date_keeps_its_bytes(server: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing moved: nothing is written, not even what somebody added as a comment."""
    push(server, "same")
    project(server, "same")
    assert mlc("lock") == OK
    path = Path("mlc.yaml.lock")
    first = path.read_bytes()
    path.write_bytes(b"# looked at by us\n" + first)
    os.utime(path, (1, 1))
    assert (mlc("lock"), mlc("lock", "--check"), mlc("lock", "--update", "train")) == (OK, OK, OK)
    assert path.read_bytes() == b"# looked at by us\n" + first
    assert path.stat().st_mtime == 1
    assert "mlc.yaml.lock is up to date" in capsys.readouterr().err
    path.unlink()
    assert mlc("lock") == OK
    assert path.read_bytes() == first


def test_program_that_moves(server: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """What an image starts is a part of what moved, and written as one list."""
    server.image("program/train", "1", ["python", "a b"], ["c"])
    server.image("program/serve", "1")
    project(server, "program")
    assert mlc("lock") == OK
    server.image("program/train", "1", [], ["sh"])
    assert mlc("lock", "--check") == FOUND
    out = capsys.readouterr().out
    assert 'train:1: entrypoint was ["python", "a b"], is []' in out
    assert 'train:1: command was ["c"], is ["sh"]' in out


def test_check_without_a_file(server: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` writes nothing, not even where there is nothing."""
    push(server, "none")
    project(server, "none")
    assert mlc("lock", "--check") == FOUND
    assert capsys.readouterr().out == "mlc.yaml.lock: does not exist\n"
    assert not Path("mlc.yaml.lock").exists()


def test_environments(server: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """One lock file serves the project and all its environments."""
    push(server, "envs")
    other = server.image("envs/train", "2", ["other"])
    more = f'environments:\n  prod: {{images: {{train: "{server.host}/envs/train:2"}}}}\n'
    project(server, "envs", more)
    assert mlc("lock") == OK
    assert len(yaml.safe_load(Path("mlc.yaml.lock").read_text())["images"]) == 3
    capsys.readouterr()
    assert other in manifest("mlc.yaml", "-t", "kfp", "--env", "prod", "--locked", capsys=capsys)
    assert other not in manifest("mlc.yaml", "-t", "kfp", "--locked", capsys=capsys)
    assert mlc("validate", "--locked") == OK
    server.image("envs/train", "2", ["again"])
    assert mlc("lock", "--update", "train") == OK
    assert 'train:2: entrypoint was ["other"], is ["again"]' in capsys.readouterr().err


def test_platform(server: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """The platform of the nodes is asked for once: later look-ups keep it."""
    for repository in ("arm/train", "arm/serve"):
        amd, arm = server.image(repository, "", ["amd"]), server.image(repository, "", ["arm"], platform="linux/arm64")
        server.index(repository, "1", {"linux/amd64": amd, "linux/arm64": arm})
    project(server, "arm")
    assert mlc("lock", "--platform", "linux/arm64") == OK
    assert mlc("lock") == OK
    images = yaml.safe_load(Path("mlc.yaml.lock").read_text())["images"].values()
    assert [(one["platform"], one["entrypoint"]) for one in images] == [("linux/arm64", ["arm"])] * 2
    capsys.readouterr()
    assert mlc("lock", "--platform", "linux/s390x", "--check") == FAILED
    err = capsys.readouterr().err
    assert err.count("error[MLC906]") == 2
    assert "mlc.yaml:4:10" in err
    assert mlc("lock", "--platform", "linux/amd64", "--check") == FOUND
    assert "platform was linux/arm64, is linux/amd64" in capsys.readouterr().out


# --- a spec that went on ------------------------------------------------------------------------------------------------------


def test_stale(server: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """An image that is new and one that is gone are both said, and nothing is compiled; `mlc lock` adds and removes."""
    push(server, "stale")
    path = project(server, "stale")
    assert mlc("lock") == OK
    server.image("stale/train", "2", ["new"])
    path.write_text(path.read_text().replace("train:1", "train:2"))
    capsys.readouterr()
    assert mlc("compile", "-t", "argo", "--locked") == FOUND
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"error[MLC452]: image `{server.host}/stale/train:2` is not in the lock file\n --> mlc.yaml:4:10" in captured.err
    assert f"error[MLC453]: the project does not use image `{server.host}/stale/train:1` any more\n  --> mlc.yaml.lock:10:3" in captured.err
    assert mlc("lock", "--check") == FOUND
    out = capsys.readouterr().out
    assert re.search(r"train:1: no longer used\n.*train:2: new, sha256:", out)
    assert mlc("lock") == OK
    assert mlc("compile", "-t", "argo", "--locked") == OK


def test_update_leaves_the_rest(server: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """`--update` moves what it names; what the file does not hold yet is added, or the file would be of no use."""
    train, serve = push(server, "rest")
    path = project(server, "rest")
    assert mlc("lock") == OK
    new, moved = push(server, "rest", "again")
    server.image("rest/more", "1", ["more"])
    path.write_text(path.read_text() + f'  more: {{image: "{server.host}/rest/more:1"}}\n')
    assert mlc("lock", "--update", f"{server.host}/rest/serve:1") == OK
    images = yaml.safe_load(Path("mlc.yaml.lock").read_text())["images"]
    assert [images[f"{server.host}/rest/{name}:1"]["digest"] for name in ("train", "serve")] == [train, moved]
    assert images[f"{server.host}/rest/more:1"]["entrypoint"] == ["more"]
    assert len({train, serve, new, moved}) == 4
    capsys.readouterr()
    assert mlc("lock", "--update", "trian") == USAGE
    assert capsys.readouterr().err == "mlc: error: `mlc.yaml` uses nothing that is called `trian`: did you mean `train`?\n"


def test_update_of_what_no_file_holds(capsys: pytest.CaptureFixture[str]) -> None:
    """A dataset that the project has is not called unknown where only a run knows its version, or where the project makes it."""
    text = """
    mlc: v1
    name: demo
    params: {tag: v1}
    datasets:
      read: {git: {repo: "https://h/x", path: p}, tag: "${{ params.tag }}"}
      made: {dvc: {repo: "https://h/x", path: q}, tag: v1}
    steps: {s: {image: "a:1", command: [c], inputs: [read], outputs: [made]}}
    """
    Path("mlc.yaml").write_text(text)
    for name in ("read", "made"):
        assert mlc("lock", "--update", name) == USAGE
        assert capsys.readouterr().err == f"mlc: error: `mlc.yaml` uses no version of `{name}` that a lock file could hold\n"


def test_set_is_not_in_the_file(server: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """What `--set` changes is no reason to call the file stale, but it is not pinned either: that is an error."""
    push(server, "set")
    project(server, "set")
    assert mlc("lock") == OK
    capsys.readouterr()
    assert mlc("compile", "-t", "kfp", "--locked", "--set", "images.serve.tag=2") == FOUND
    err = capsys.readouterr().err
    assert "MLC452" in err
    assert "MLC453" not in err
    assert "write it there, or leave out `--locked`" in err  # `mlc lock` would not bring it there


def test_check_where_one_cannot_be_asked(server: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """What has moved is said all the same; that not everything could be looked up is the exit code, and nothing is called up to date."""
    push(server, "partly")
    path = project(server, "partly")
    assert mlc("lock") == OK
    gone = {server.host: "127.0.0.1:1"}
    for file in (path, Path("mlc.yaml.lock")):
        file.write_text(file.read_text().replace(f"{server.host}/partly/serve", f"{gone[server.host]}/partly/serve"))
    capsys.readouterr()
    assert mlc("lock", "--check") == FAILED
    out, err = capsys.readouterr()
    assert (out, "MLC904" in err, "ok:" in err) == ("", True, False)
    push(server, "partly", "again")
    assert mlc("lock", "--check") == FAILED
    out, err = capsys.readouterr()
    assert f"image {server.host}/partly/train:1: digest was " in out
    assert "serve" not in out
    assert "MLC904" in err


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (f"images: {{'a/b@{SHA}': {{digest: '{OTHER}', platform: linux/amd64, entrypoint: [x], command: []}}}}", f"cannot be `{OTHER}`"),
        (f"datasets: {{d: [{{git: 'https://h/x', path: p, rev: '1111111', commit: '{'2' * 40}'}}]}}", "commit `1111111` of dataset `d`"),
        (f"code: [{{git: 'https://h/x', ref: '{'1' * 40}', commit: '{'2' * 40}'}}]", f"ref `{'1' * 40}` of `code`"),
        (f"datasets: {{d: [{{git: 'https://h/x', path: p, rev: '1111111', commit: '{'1' * 40}'}}]}}", ""),
        (f"code: [{{git: 'https://h/x', ref: '1111111', commit: '{'2' * 40}'}}]", ""),
    ],
)
def test_a_file_that_contradicts_itself(entry: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A commit or digest that the project names itself cannot be another one, as it would be after a bad merge."""
    Path("mlc.yaml").write_text("mlc: v1\nname: demo\nsteps:\n  a: {image: 'b:1', command: [c]}\n")
    Path("mlc.yaml.lock").write_text(f"mlc-lock: v1\n{entry}\n")
    for command in (["compile", "-t", "argo", "--locked"], ["lock", "--check"]):
        mlc(*command)
        err = capsys.readouterr().err
        assert ("error[MLC451]" in err) == bool(message)
        assert message in err


def test_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a lock file `--locked` compiles nothing; standard input cannot have one."""
    Path("mlc.yaml").write_text("mlc: v1\nname: demo\nsteps:\n  a: {image: 'b:1', command: [c]}\n")
    assert mlc("compile", "-t", "argo", "--locked") == FOUND
    assert "error[MLC450]: there is no lock file `mlc.yaml.lock`" in capsys.readouterr().err
    for text in ("", "\n\n"):
        Path("mlc.yaml.lock").write_text(text)
        assert mlc("compile", "-t", "argo", "--locked") == FOUND
        assert "error[MLC450]: lock file `mlc.yaml.lock` is empty" in capsys.readouterr().err
    Path("mlc.yaml.lock").unlink()
    for command in (["compile", "-", "-t", "argo", "--locked"], ["lock", "-"], ["lock", "mlc.yaml", "-"]):
        assert mlc(*command) == USAGE
        assert "standard input" in capsys.readouterr().err
    Path("mlc.yaml.lock").mkdir()
    assert mlc("compile", "-t", "argo", "--locked") == FAILED
    assert "MLC902" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("mlc-lock: v1\nimages:\n<<<<<<< ours\n", "MLC101", ""),
        ("images: {}\n", "MLC451", "no lock file"),
        ("mlc-lock: v9\n", "MLC451", "reads lock files of form `v1`, and this one is `v9`"),
        ("mlc-lock: v1\nimage: {}\n", "MLC451", "a lock file has no `image`"),
        ("mlc-lock: v1\nimages: []\n", "MLC451", "`images` is not as"),
        ("mlc-lock: v1\nimages: {a: {}}\n", "MLC451", "the entry of `a`"),
        ("- a\n", "MLC107", ""),
        ("# generated by mlc\n", "MLC111", "holds no versions"),
        ("mlc-lock: v1\nimages: {}\nimages: {}\n", "MLC102", ""),
        ("\xff", "MLC108", ""),
    ],
)
def test_damaged_file(text: str, code: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no lock file is refused, with its own lines; `mlc lock` writes over it, but not over one of a newer version."""
    Path("mlc.yaml").write_text("mlc: v1\nname: demo\nsteps:\n  a: {image: 'localhost:1/b:1', command: [c]}\n")
    Path("mlc.yaml.lock").write_bytes(text.encode("latin-1"))
    assert mlc("compile", "-t", "argo", "--locked") == FOUND
    err = capsys.readouterr().err
    assert f"error[{code}]" in err
    assert message in err
    assert "mlc.yaml.lock:" in err
    if code.startswith("MLC1"):
        remove = "remove it, and " if code == "MLC108" else ""
        assert [line for line in err.splitlines() if " help: " in line] == [f"  = help: {remove}write the file anew: `mlc lock mlc.yaml`"]
    assert mlc("lock", "--check") == FOUND
    assert f"error[{code}]" in capsys.readouterr().err
    newer = "v9" in text
    assert mlc("lock") == (FOUND if newer or code == "MLC108" else FAILED)
    assert ("MLC904" in capsys.readouterr().err) is not (newer or code == "MLC108")


# --- what cannot be done ------------------------------------------------------------------------------------------------------


def test_failures_are_reported_together(server: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """Each image that cannot be looked up is reported where it is written; the old file stays, and so does that of other specs."""
    push(server, "both")
    path = project(server, "both")
    assert mlc("lock") == OK
    before = Path("mlc.yaml.lock").read_bytes()
    push(server, "both", "again")
    path.write_text(path.read_text() + f'  a: {{image: "{server.host}/both/a:1"}}\n  b: {{image: "{server.host}/both/b:1"}}\n')
    capsys.readouterr()
    assert mlc("lock") == FAILED
    err = capsys.readouterr().err
    assert err.count("error[MLC906]") == 2
    assert "mlc.yaml:10:14" in err
    assert Path("mlc.yaml.lock").read_bytes() == before


def test_errors_of_the_spec_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is looked up for a project with errors."""
    Path("mlc.yaml").write_text("mlc: v1\nname: demo\nsteps:\n  a: {image: 'localhost:1/b:1', needs: c}\n")
    assert mlc("lock") == FOUND
    err = capsys.readouterr().err
    assert "MLC301" in err
    assert "MLC904" not in err


def test_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    """An image that a run chooses gives a warning, once for each place; a comment accepts it."""
    text = """\
mlc: v1
name: demo
params: {tag: "1"}
images: {a: "acme/a:${{ params.tag }}"}
steps:
  a: {image: a, command: [x]}
  b: {image: a, command: [x]}
  c: {image: "acme/c:${{ params.tag }}", command: [x]}
"""
    Path("mlc.yaml").write_text(text)
    assert mlc("lock") == OK
    assert capsys.readouterr().err.count("warning[MLC454]") == 2
    assert Path("mlc.yaml.lock").read_text() == "# generated by mlc from project demo, do not edit\nmlc-lock: v1\n"
    assert mlc("compile", "-t", "argo", "--locked") == OK
    assert capsys.readouterr().err.count("warning[MLC454]") == 2
    assert mlc("compile", "-t", "argo", "--locked", "--strict") == FOUND
    capsys.readouterr()
    comment = "  # mlc: ignore MLC454 -- chosen by the run"
    Path("mlc.yaml").write_text("\n".join(line + (comment if "tag }}" in line else "") for line in text.splitlines()) + "\n")
    assert mlc("lock", "--strict") == OK
    assert "MLC454" not in capsys.readouterr().err
    assert mlc("compile", "-t", "argo", "--locked", "--strict") == OK


@pytest.mark.parametrize(
    "arguments",
    [
        ["--platform", "linux"],
        ["--platform", "Linux/amd64"],
        ["--insecure-registry", "http://x"],
        ["--insecure-registry", "a/b"],
    ],
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Options are checked before anything is asked."""
    Path("mlc.yaml").write_text("mlc: v1\nname: demo\nsteps:\n  a: {image: 'b:1', command: [c]}\n")
    assert mlc("lock", *arguments) == USAGE
    assert arguments[0] in capsys.readouterr().err


def test_missing_package(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `requests` the message says what to install."""
    Path("mlc.yaml").write_text("mlc: v1\nname: demo\nsteps:\n  a: {image: 'b:1', command: [c]}\n")
    for name in [name for name in sys.modules if name.split(".")[0] == "requests"] + ["mlc.lock.registry"]:
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "requests", None)
    assert mlc("lock") == FAILED
    assert "= help: install it: `pip install 'mlc-compiler[lock]'`" in capsys.readouterr().err


def test_interrupted_write(server: Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A lock file is replaced in one step: a disk that fills up, or a kill, leaves the old one and nothing beside it."""
    push(server, "write")
    project(server, "write")
    assert mlc("lock") == OK
    before = Path("mlc.yaml.lock").read_bytes()
    push(server, "write", "again")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("_write_new", "os.replace"):
        with monkeypatch.context() as patch:
            patch.setattr(f"mlc.cli.files.{name}", full)
            assert mlc("lock") == FAILED
        assert "MLC903" in capsys.readouterr().err
        assert Path("mlc.yaml.lock").read_bytes() == before
        assert sorted(path.name for path in Path.cwd().iterdir()) == ["mlc.yaml", "mlc.yaml.lock"]
    assert files.is_spec("mlc.yaml.lock") is False


def test_interrupt(tmp_path: Path) -> None:
    """Ctrl-C ends the command at once, whatever servers it waits for."""
    script = """
import socket, threading
silent = socket.socket(); silent.bind(("127.0.0.1", 0)); silent.listen(64)
print(silent.getsockname()[1], flush=True)
input()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        steps = "".join(f"  s{number}: {{image: 'localhost:{port}/s{number}:1'}}\n" for number in range(20))
        (tmp_path / "mlc.yaml").write_text(f"mlc: v1\nname: demo\nsteps:\n{steps}")
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "compiler")}
        command = subprocess.Popen([sys.executable, "-m", "mlc", "lock"], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
        time.sleep(2)
        begin = time.monotonic()
        command.send_signal(2)
        assert command.wait(20) == 130
        assert time.monotonic() - begin < 5
        assert not (tmp_path / "mlc.yaml.lock").exists()


# --- parts --------------------------------------------------------------------------------------------------------------------


def test_answers_come_from_several_threads() -> None:
    """Look-ups wait at the same time; a failure is an answer, any other exception is raised."""
    gate = threading.Barrier(4, timeout=20)

    def look_up(number: int) -> int:
        gate.wait()
        if number == 3:
            raise Failure("MLC904", "no", "try")
        return number

    found = dict(pool.answers([0, 1, 2, 3], look_up))
    assert [found[number] for number in (0, 1, 2)] == [0, 1, 2]
    assert isinstance(found[3], Failure)
    assert list(pool.answers([], look_up)) == []
    with pytest.raises(ZeroDivisionError):
        list(pool.answers([1], lambda number: number // 0))


def test_reference_with_a_digest() -> None:
    """The tag stays in front of the digest; a digest that is there is not repeated."""
    assert at_digest("acme/a:1", SHA) == f"acme/a:1@{SHA}"
    assert at_digest("h:5/a", SHA) == f"h:5/a@{SHA}"
    assert at_digest(f"acme/a:1@{SHA}", SHA) == f"acme/a:1@{SHA}"


FIXED = {"digest": SHA, "platform": "linux/amd64"}


@pytest.mark.parametrize(
    ("step", "entry", "command", "args"),
    [
        ("", {"entrypoint": ["e"], "command": ["c"]}, ["e"], ["c"]),
        ("args: [a]", {"entrypoint": ["e"], "command": ["c"]}, ["e"], ["a"]),
        ("", {"entrypoint": [], "command": ["c", "d"]}, ["c"], ["d"]),
        ("args: [a, b]", {"entrypoint": [], "command": ["c"]}, ["a"], ["b"]),
        ("command: [x], args: [a]", {"entrypoint": ["e"], "command": ["c"]}, ["x"], ["a"]),
        ("command: [x]", {"entrypoint": ["e"], "command": ["c"]}, ["x"], None),
        ("", {"entrypoint": ["e", "a $HOME"], "command": []}, ["e", "a $$HOME"], None),
    ],
)
def test_program(step: str, entry: dict[str, Any], command: list[str], args: list[str] | None) -> None:
    """Entrypoint and command of an image are used as Kubernetes uses them, word by word."""
    spec = SourceFile("s.yaml", f"mlc: v1\nname: demo\nsteps:\n  a: {{image: 'i:1'{', ' if step else ''}{step}}}\n")
    lock = SourceFile("s.yaml.lock", yaml.safe_dump({"mlc-lock": "v1", "images": {"i:1": {**FIXED, **entry}}}))
    result = compile_source(spec, ("argo", "kfp"), lock=lock)
    assert not result.diagnostics
    argo, kfp = (list(yaml.safe_load_all(output.text)) for output in result.outputs)
    for container in (argo[0]["spec"]["templates"][1]["container"], kfp[0]["deploymentSpec"]["executors"]["exec-a"]["container"]):
        assert container["image"] == f"i:1@{SHA}"
        words = [*container["command"], *container.get("args", [])]
        assert words == [*command, *(args or [])]


def test_text_that_an_engine_expands() -> None:
    """A program from the registry is checked like one from the spec, where the image is written."""
    spec = SourceFile("s.yaml", "mlc: v1\nname: demo\nsteps:\n  a: {image: 'i:1'}\n")
    entry = {**FIXED, "entrypoint": ["sh", "-c", "echo {{$}}"], "command": []}
    lock = SourceFile("s.yaml.lock", yaml.safe_dump({"mlc-lock": "v1", "images": {"i:1": entry}}))
    for target in ("argo", "kfp"):
        result = compile_source(spec, (target,), lock=lock)
        assert [(one.code, one.span.line) for one in result.diagnostics] == [("MLC403", 4)]


def test_containers_beside_the_step() -> None:
    """Init containers and sidecars are pinned like steps, wherever they are."""
    spec = SourceFile(
        "s.yaml",
        "mlc: v1\nname: demo\nparams: {n: 2}\nsteps:\n"
        "  a: {image: 'i:1', command: [x], foreach: {lr: [1, 2]}, init: {c: {image: 'i:1'}}, sidecars: {d: {image: 'j:1', args: [y]}}}\n"
        "finally:\n  z: {image: 'j:1', run: 'true'}\n",
    )
    entry = {**FIXED, "entrypoint": ["e"], "command": ["c"]}
    lock = SourceFile("s.yaml.lock", yaml.safe_dump({"mlc-lock": "v1", "images": {"i:1": entry, "j:1": {**entry, "digest": OTHER}}}))
    result = compile_source(spec, ("argo",), lock=lock)
    assert not result.diagnostics
    text = result.outputs[0].text
    assert (text.count(f"i:1@{SHA}"), text.count(f"j:1@{OTHER}")) == (2, 2)
    assert "image: i:1\n" not in text
    templates = {one["name"]: one for one in yaml.safe_load(text)["spec"]["templates"]}
    pod = next(one for one in templates.values() if "initContainers" in one)
    assert (pod["initContainers"][0]["command"], pod["initContainers"][0]["args"]) == (["e"], ["c"])
    assert (pod["sidecars"][0]["command"], pod["sidecars"][0]["args"]) == (["e"], ["y"])
    assert "command" not in str(templates["z"].get("container", {}).get("args"))


def test_rules_see_the_digests() -> None:
    """A tag that moves, or has no digest, is no matter where the lock file says what it is."""
    spec = SourceFile("s.yaml", "mlc: v1\nname: demo\nsteps:\n  a: {image: h.test/i, command: [x]}\n  b: {image: 'j:1', command: [x]}\n")
    entry = {**FIXED, "entrypoint": [], "command": []}
    lock = SourceFile("s.yaml.lock", yaml.safe_dump({"mlc-lock": "v1", "images": {"h.test/i": entry, "j:1": entry}}))
    lints = ("digests", "hygiene")
    codes = {one.code for one in check_source(spec, (), lints=lints).diagnostics}
    assert {"MLC506", "MLC507"} <= codes
    assert not {"MLC506", "MLC507"} & {one.code for one in check_source(spec, (), lints=lints, lock=lock).diagnostics}


def test_an_environment_with_errors_hides_nothing() -> None:
    """What another environment needs cannot be known while it has errors: nothing is called left over then."""
    text = "mlc: v1\nname: demo\nsteps:\n  a: {image: 'i:1', command: [x]}\nenvironments:\n  dev: {steps: {b: {image: 'k:1'}}}\n"
    entry = {**FIXED, "entrypoint": [], "command": []}
    lock = SourceFile("s.yaml.lock", yaml.safe_dump({"mlc-lock": "v1", "images": {"i:1": entry, "j:1": entry}}))
    assert not compile_source(SourceFile("s.yaml", text), ("argo",), lock=lock).diagnostics
    right = SourceFile("s.yaml", text.replace("b: {image: 'k:1'}", "a: {image: 'k:1'}"))
    assert [one.code for one in compile_source(right, ("argo",), lock=lock).diagnostics] == ["MLC453"]


def test_environments_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check of all environments reads the spec and the lock file once each, and finds out once what all of them need."""
    names = ("", "dev", "next", "prod")
    text = "mlc: v1\nname: demo\nsteps:\n  a: {image: 'i:1', command: [x]}\nenvironments:\n"
    text += "".join(f"  {name}: {{steps: {{a: {{image: 'i:{name}'}}}}}}\n" for name in names[1:])
    images = {f"i:{name or 1}": {**FIXED, "entrypoint": [], "command": []} for name in (*names, "old")}
    lock = SourceFile("s.yaml.lock", yaml.safe_dump({"mlc-lock": "v1", "images": images}))
    asked: list[str] = []
    for module, name, real in ((reader, "read", reader.read), (locked, "resolved", locked.resolved)):

        def counted(*given: Any, name: str = name, real: Any = real) -> Any:
            asked.append(name)
            return real(*given)

        monkeypatch.setattr(module, name, counted)
    found = check_environments(SourceFile("s.yaml", text), TARGETS, lock=lock)
    assert [(one.code, one.path) for one in found.diagnostics] == [("MLC453", ("images", "i:old"))]
    assert sorted(asked) == ["read", "read", "resolved"]
    asked.clear()
    check_environments(SourceFile("s.yaml", text), TARGETS, environment="dev")
    assert asked == ["read"]


def test_describe_names_digests(capsys: pytest.CaptureFixture[str]) -> None:
    """`describe --locked` names the images that the cluster will pull."""
    Path("mlc.yaml").write_text("mlc: v1\nname: demo\nsteps:\n  a: {image: 'i:1'}\n")
    entry = {**FIXED, "entrypoint": ["x"], "command": []}
    Path("mlc.yaml.lock").write_text(yaml.safe_dump({"mlc-lock": "v1", "images": {"i:1": entry}}))
    assert mlc("describe", "--locked", "--format", "json") == OK
    found = json.loads(capsys.readouterr().out)["projects"][0]["targets"]
    assert [found[target]["images"] for target in ("argo", "kfp")] == [[f"i:1@{SHA}"]] * 2


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.lock")), ids=lambda path: str(path.name))
def test_lock_files_of_the_specs(path: Path) -> None:
    """The lock files of the example projects are to the byte what `mlc lock` writes, and both checkers take them."""
    source = SourceFile(path.name, path.read_text(encoding="utf-8"))
    document = read(source, [])
    assert document is not None
    found = locked.Locked(source)
    assert not found.diagnostics
    assert planned.text(found.lock, path.name.partition(".")[0]) == source.text
    jsonschema.Draft202012Validator(json.loads(schema_text("lock"))).validate(document.data)


def mutants(value: Any) -> Iterator[Any]:
    """A document with one place changed, for each place and a few changes."""
    yield from (None, 1, "x", [], {}, True)
    if isinstance(value, dict):
        yield {**value, "other": 1}
        for key, item in value.items():
            yield {name: one for name, one in value.items() if name != key}
            yield from ({**value, key: changed} for changed in mutants(item))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from ([*value[:index], changed, *value[index + 1 :]] for changed in mutants(item))


def test_both_checkers_agree() -> None:
    """Our checker and the library say the same of every lock file with one fault, and each fault has a finding with a help."""
    form = json.loads(schema_text("lock"))
    jsonschema.Draft202012Validator.check_schema(form)
    ours, library = compile_checker(form), jsonschema.Draft202012Validator(form)
    good = yaml.safe_load((ROOT / "specs" / "call-center.yaml.lock").read_text(encoding="utf-8"))
    bad = 0
    for mutant in mutants(good):
        assert ours(mutant) == library.is_valid(mutant), mutant
        if not ours(mutant) and isinstance(mutant, dict):
            found = locked.Locked(SourceFile("x.lock", json.dumps(mutant)))
            assert [one.code for one in found.diagnostics] == ["MLC451"]
            assert found.lock is pins.NOTHING
            bad += 1
    assert bad > 100


def test_changes_in_words() -> None:
    """What differs between two lock files, one line each."""
    old = pins.Lock({"a:1": LockedImage(SHA, "linux/amd64", ("x",), ()), "b:1": LockedImage(SHA, "linux/amd64", (), ())}, {})
    new = pins.Lock({"a:1": LockedImage(OTHER, "linux/arm64", ("x",), ("y",)), "c:1": LockedImage(SHA, "linux/amd64", (), ())}, {})
    assert planned.changes(old, old) == []
    assert planned.changes(old, new) == [
        f"image a:1: digest was {SHA}, is {OTHER}",
        "image a:1: platform was linux/amd64, is linux/arm64",
        'image a:1: command was [], is ["y"]',
        "image b:1: no longer used",
        f"image c:1: new, {SHA}",
    ]


def test_start_up() -> None:
    """A compile without `--locked` imports nothing of the lock file; with it, neither the network nor a thread."""
    code = "import sys; from mlc.__main__ import main; main(sys.argv[1:]); print([m for m in sys.modules if m.startswith('mlc.')])"
    spec = str(ROOT / "specs" / "call-center.yaml")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "compiler")}

    def modules(*more: str) -> set[str]:
        command = [sys.executable, "-X", "importtime", "-c", code, "compile", spec, "-t", "argo", *more]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}

    assert not {name for name in modules() if name.startswith(("mlc.lock", "mlc.pins"))}
    with_lock = modules("--locked")
    assert {"mlc.locked", "mlc.pins"} <= with_lock
    assert not with_lock & {"requests", "mlc.lock", "dataclasses", "jsonschema", "typing", "threading", "socket"}


def test_progress_on_a_terminal(server: Registry, tmp_path: Path) -> None:
    """On a terminal one line says how far the look-ups are, and is gone at the end; elsewhere there is none."""
    push(server, "progress")
    project(server, "progress")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "compiler"), "TERM": "xterm", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "mlc", "lock"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, env=environment, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 4096):
                said += piece
        except OSError:  # so Linux says that the other side is closed
            pass
        assert process.wait(60) == OK
    os.close(ours)
    assert re.match(
        rb"\r\x1b\[K0 of 2: asking\r\x1b\[K1 of 2: 127\.0\.0\.1:\d+/progress/(train|serve):1\r\x1b\[Kmlc\.yaml\.lock: image ", said
    )
    (tmp_path / "mlc.yaml.lock").unlink()
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert b"\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("moved", "differs"), [("", False), ("prepare:1", True), ("looped:1", True), ("train:1", True), ("beside:1", True), ("serve:1", False)]
)
def test_kept_results_are_of_their_images(moved: str, differs: bool) -> None:
    """On Argo a result is found by its key alone: the key has the images of the step and of all before it, and of none after it."""
    text = """\
mlc: v1
name: demo
steps:
  prepare: {image: "prepare:1", command: [x]}
  fit: {image: "looped:1", command: [x], foreach: {lr: [1, 2]}, needs: prepare}
  score: {image: "beside:1", command: [x], each: fit}
  train: {image: "train:1", command: [x], needs: score, values: {v: /v}, cache: {key: a}}
  serve: {image: "serve:1", command: [x], needs: train}
"""

    def key(changed: str = "") -> str:
        names = ("prepare:1", "looped:1", "beside:1", "train:1", "serve:1")
        entries = {name: {**FIXED, "digest": OTHER if name == changed else SHA, "entrypoint": [], "command": []} for name in names}
        lock = SourceFile("s.yaml.lock", yaml.safe_dump({"mlc-lock": "v1", "images": entries}))
        result = compile_source(SourceFile("s.yaml", text), ("argo",), lock=lock)
        assert result.outputs, result.diagnostics
        (found,) = [one["memoize"]["key"] for one in yaml.safe_load(result.outputs[0].text)["spec"]["templates"] if "memoize" in one]
        return str(found)

    assert (key(moved) != key()) is differs
