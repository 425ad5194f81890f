"""`resource: {file}`: which files are read, what is in them, and where what is wrong in them is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlc import driver
from mlc.cli import app
from mlc.cli.files import beside
from mlc.cli.request import FOUND, OK
from mlc.cli.run import run
from mlc.diagnostics.model import Diagnostic
from mlc.diff import changes
from mlc.reader import LARGEST_FILE
from mlc.source import SourceFile
from tests.support import documents

HEAD = "mlc: v1\nname: demo\nparams: {p: 1, q: x}\n"
OBJECT = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: model\ndata: {count: "${{ params.p }}", text: "a ${{ params.q }}"}\n'
STEP = "steps: {s: {resource: {action: apply, file: object.yaml}}}\n"


def compiled(files: dict[str, str], body: str = STEP, overrides: tuple[str, ...] = (), environment: str = "") -> driver.Result:
    """What becomes of a project for Argo; `files` are those beside it."""

    def read(name: str) -> bytes:
        if name not in files:
            raise FileNotFoundError(2, "No such file or directory", name)
        return files[name].encode()

    return driver.compile_source(SourceFile("spec.yaml", HEAD + body, beside=read), ("argo",), overrides, environment)


def found(result: driver.Result) -> list[Diagnostic]:
    """What is said of it."""
    return list(result.diagnostics)


def manifest(result: driver.Result, step: str = "s") -> Any:
    """The object of a step, with tags for what a run gives."""
    assert result.outputs, found(result)
    (template,) = (one for one in documents(result.outputs[0].text)[0]["spec"]["templates"] if one["name"] == step)
    return template["resource"]["manifest"]


def test_the_same_as_written_out() -> None:
    """A file gives the very manifest that the project would give with its text under `manifest`, as YAML and as JSON."""
    indented = "".join(f"        {line}\n" for line in OBJECT.splitlines())
    written = f"steps:\n  s:\n    resource:\n      action: apply\n      manifest:\n{indented}"
    expected = compiled({}, written).outputs
    assert compiled({"object.yaml": OBJECT}).outputs == expected
    data = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "model"}}
    data |= {"data": {"count": "${{ params.p }}", "text": "a ${{ params.q }}"}}
    assert compiled({"object.yaml": json.dumps(data)}).outputs == expected


def test_templates_and_finally() -> None:
    """A template may name the file, and so may a step of `finally`."""
    body = "templates: {t: {resource: {action: apply, file: a/b.yaml}}}\nsteps: {s: {use: t}}\n"
    body += "finally: {z: {resource: {action: delete, file: a/b.yaml}}}\n"
    result = compiled({"a/b.yaml": OBJECT}, body)
    assert manifest(result) == manifest(result, "z")


def test_set_and_environments() -> None:
    """`--set` names another file, and an environment counts in what a file says."""
    files = {"object.yaml": OBJECT, "other.yaml": OBJECT.replace("model", "other")}
    assert '"other"' in manifest(compiled(files, overrides=("steps.s.resource.file=other.yaml",)))
    body = STEP + "environments: {e: {params: {p: [1]}}}\n"
    assert compiled(files, body).outputs != compiled(files, body, environment="e").outputs
    assert [one.message for one in found(compiled(files, overrides=("steps.s.resource.file=none.yaml",)))] == [
        "`none.yaml` cannot be read: no such file or directory"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1\n", [("MLC101", "line 1")]),
        ("a: 1\na: 2\n", [("MLC102", "line 2")]),
        (OBJECT + "---\n" + OBJECT, [("MLC106", "line 6")]),
        (OBJECT + "<<: {a: b}\n", [("MLC104", "line 6")]),
        (OBJECT + "x: !tag y\n", [("MLC110", "line 6")]),
        (OBJECT + "x: .inf\n", [("MLC203", "line 6")]),
        (OBJECT + "x:\n  - 1\n  - '${{ params.z }}'\n", [("MLC303", "line 8")]),
        (OBJECT + "'${{ params.p }}': 1\n", [("MLC311", "line 6")]),
        (OBJECT + "x: '{{ params.p }}'\n", [("MLC310", "line 6")]),
        (OBJECT + "x: '${{ inputs.a }}'\n", [("MLC311", "line 6")]),
        ("kind: C\nmetadata: {}\n", [("MLC334", "line 1")]),
        (OBJECT + "token: ghp_" + "a" * 36 + "\n", [("MLC501", "line 6")]),
        ("kind: Secret\napiVersion: v1\nmetadata: {name: s}\nstringData:\n  a: b\n", [("MLC501", "line 5")]),
        (OBJECT + "env:\n- name: DB_PASSWORD\n  value: hunter2\n", [("MLC501", "line 8")]),
    ],
)
def test_what_is_wrong_in_a_file(text: str, expected: list[tuple[str, str]]) -> None:
    """It has the code that it has in a project, stands where the project names the file, and names the file and the line."""
    said = found(compiled({"object.yaml": text}))
    assert [(one.code, one.message.rpartition(" on ")[2]) for one in said] == expected
    for one in said:
        assert "`object.yaml`" in one.message
        assert (one.file, one.span.line, one.path) == ("spec.yaml", 4, ("steps", "s", "resource", "file"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "`object.yaml` is empty, and no object"),
        ("# nothing\n", "`object.yaml` is empty, and no object"),
        ("- a\n", "`object.yaml` holds a list, and no object"),
        ("7\n", "`object.yaml` holds a single value, and no object"),
    ],
)
def test_what_is_no_object(text: str, message: str) -> None:
    """A file holds one mapping."""
    assert [(one.code, one.message) for one in found(compiled({"object.yaml": text}))] == [("MLC342", message)]


def test_bytes() -> None:
    """A file is read as a project is: UTF-8, and not more than a project may have."""
    for raw, code in ((b"a: \xff\n", "MLC108"), (b"a: " + b"x" * LARGEST_FILE, "MLC109")):
        result = driver.compile_source(SourceFile("spec.yaml", HEAD + STEP, beside=lambda _, raw=raw: raw), ("argo",))  # type: ignore[misc]
        assert [one.code for one in found(result)] == [code]


@pytest.mark.parametrize("name", ["/etc/passwd", "../object.yaml", "a/../../object.yaml", "~/object.yaml", "a//b.yaml", "a/", "c:\\\\x"])
def test_paths_that_are_not_read(name: str) -> None:
    """Nobody is asked for what lies elsewhere."""

    def never(name: str) -> bytes:
        raise AssertionError(name)

    body = f'steps: {{s: {{resource: {{action: apply, file: "{name}"}}}}}}\n'
    said = driver.compile_source(SourceFile("spec.yaml", HEAD + body, beside=never), ("argo",)).diagnostics
    assert [one.code for one in said] == ["MLC342"]


def test_a_comment_takes_a_finding_away() -> None:
    """At the line that names the file."""
    body = "steps:\n  s:\n    resource:\n      action: apply\n      file: object.yaml # mlc: ignore MLC501 -- a token of a test\n"
    assert found(compiled({"object.yaml": OBJECT + "token: ghp_" + "a" * 36 + "\n"}, body)) == []


def test_a_parameter_that_a_file_reads() -> None:
    """It is read."""
    source = SourceFile("spec.yaml", HEAD + STEP, beside=lambda _: OBJECT.encode())
    said = driver.compile_source(source, ("argo",), lints=("hygiene",)).diagnostics
    assert [one.code for one in said if one.code == "MLC509"] == []


def test_difference() -> None:
    """A change in a file is a change of the project; to move an object into a file is none."""
    first, second = (compiled({"object.yaml": text}).pipeline for text in (OBJECT, OBJECT.replace("name: model", "name: other")))
    assert first is not None
    assert second is not None
    assert [one.place for one in changes(first, second)] == [("steps", "s", "resource", "manifest", "metadata", "name")]


def mlc(*words: str) -> int:
    """Run the command in this process."""
    request = app.parse(list(words))
    return request if isinstance(request, int) else run(request)


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Paths are relative to the spec, wherever the command runs; standard input has no folder, and links out of it are not followed."""
    folder = tmp_path / "project"
    (folder / "objects").mkdir(parents=True)
    spec = folder / "mlc.yaml"
    spec.write_text(HEAD + STEP.replace("object.yaml", "objects/o.yaml"))
    (folder / "objects" / "o.yaml").write_text(OBJECT)
    for place, name in ((tmp_path, "project/mlc.yaml"), (folder, "mlc.yaml"), (folder / "objects", "../mlc.yaml")):
        monkeypatch.chdir(place)
        assert mlc("compile", name, "--target", "argo") == OK
        assert '"model"' in capsys.readouterr().out
    (tmp_path / "outside.yaml").write_text(OBJECT)
    (folder / "objects" / "o.yaml").unlink()
    (folder / "objects" / "o.yaml").symlink_to(tmp_path / "outside.yaml")
    assert mlc("validate", str(spec), "--format", "concise") == FOUND
    assert "`objects/o.yaml` cannot be read: a link leads out of the folder of the project" in capsys.readouterr().err
    (folder / "inner.yaml").write_text(OBJECT)
    (folder / "objects" / "o.yaml").unlink()
    (folder / "objects" / "o.yaml").symlink_to(folder / "inner.yaml")
    assert mlc("validate", str(spec), "--target", "argo") == OK
    with pytest.raises(ValueError, match="it is no file"):
        beside(str(spec))("objects")
    with (spec).open("rb") as file:
        monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": file, "fileno": file.fileno}))
        capsys.readouterr()
        assert mlc("validate", "-", "--target", "argo", "--format", "concise") == FOUND
    assert "there is no folder in which `objects/o.yaml` could be: the project is read from standard input" in capsys.readouterr().err
