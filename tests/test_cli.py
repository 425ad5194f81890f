"""The command line: what it accepts, what it writes where, and how it ends."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlc import __main__, __version__
from mlc.__main__ import INTERRUPTED
from mlc.cli import app, files, quick
from mlc.cli.request import ALL, FAILED, FORMATS, FOUND, LINTS, OK, TARGETS, USAGE, Request, targets_of
from mlc.schema import schema_text

ROOT = Path(__file__).resolve().parent.parent
ENV = {**os.environ, "PYTHONPATH": str(ROOT / "compiler"), "PYTHONDONTWRITEBYTECODE": "1"}

SPEC = """\
mlc: v1
name: NAME
params: {epochs: 10}
steps:
  train:
    image: acme/train:1
    command: [train, "--epochs=${{ params.epochs }}"]
"""
WARNS = SPEC.replace("[train,", '["ls", "*.csv",').replace('["ls"', "[ls").replace("mlc: v1\nname: NAME", "name: NAME\nmlc: v1")
OVERLAYS = """\
environments:
  dev: {params: {epochs: 1}}
  prod: {params: {epochs: 100}, images: {serve: "acme/serve:1"}, store: {s3: {bucket: prod}}}
"""
WRONG = SPEC.replace("params.epochs", "params.epoch")


def spec(folder: Path, name: str = "mlc.yaml", project: str = "demo", text: str = SPEC) -> str:
    """Write a spec and return its name."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace("NAME", project), encoding="utf-8")
    return str(path)


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each test runs in an empty folder, with nothing in the environment that changes the output."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "_MLC_COMPLETE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")


def mlc(*arguments: str) -> int:
    """Run a command line in this process."""
    return __main__.main(list(arguments))


# --- the two parsers ----------------------------------------------------------------------------------------------------------

WORDS = st.one_of(
    st.sampled_from(
        [
            "--target",
            "-t",
            "--output",
            "-o",
            "--set",
            "--env",
            "--format",
            "--lint",
            "--check",
            "--strict",
            "-",
            "--",
            "--help",
            "-h",
            "--targ",
            "-ofile",
        ]
    ),
    st.sampled_from(
        [
            *TARGETS,
            ALL,
            *FORMATS,
            *LINTS,
            "params.x=1",
            "out/",
            "a.yaml",
            "",
            "--set=a=b",
            "--env=dev",
            "dev",
            "--target=kfp",
            "--format=json",
            "--output=x",
            "-o=x",
        ]
    ),
    st.text(max_size=5),
)


@given(st.sampled_from(["compile", "validate", "graph", "comp", ""]), st.lists(WORDS, max_size=8))
def test_both_parsers_agree(command: str, words: list[str]) -> None:
    """Whatever the quick parser accepts, typer understands in the same way."""
    request = quick.parse([command, *words])
    if request is not None:
        assert app.parse([command, *words]) == request


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("compile", Request("compile")),
        ("compile a.yaml b/ -", Request("compile", ("a.yaml", "b/", "-"))),
        ("compile a.yaml -t kfp --target argo --target=kfp", Request("compile", ("a.yaml",), ("kfp", "argo"))),
        ("compile --target all -o x -o out/ a.yaml --check", Request("compile", ("a.yaml",), TARGETS, "out/", check=True)),
        ("compile --set params.a=1 --set=params.b=x=y", Request("compile", overrides=("params.a=1", "params.b=x=y"))),
        ("validate --strict --format json a.yaml", Request("validate", ("a.yaml",), strict=True, format="json")),
        ("validate --lint hygiene --lint=digests --lint hygiene", Request("validate", lints=("hygiene", "digests"))),
        ("compile --env dev a.yaml --env=prod", Request("compile", ("a.yaml",), environment="prod")),
        ("validate a.yaml --env prod", Request("validate", ("a.yaml",), environment="prod")),
    ],
)
def test_quick_parser_takes_usual_calls(line: str, request_: Request) -> None:
    """What hooks and people usually write needs no typer, and means the same to typer."""
    assert quick.parse(line.split()) == request_
    assert app.parse(line.split()) == request_


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--version",
        "graph a.yaml",
        "compile --help",
        "compile --targ argo",
        "compile -t agro",
        "compile -t",
        "compile -o -x",
        "validate -o x",
        "validate --lint",
        "validate --lint hygene",
        "compile --lint hygiene",
        "compile --env",
        "compile --env=",
    ],
)
def test_quick_parser_gives_up(line: str) -> None:
    """Help, mistakes and other commands are left to typer."""
    assert quick.parse(line.split()) is None


def test_targets_are_named_once() -> None:
    """`all` is every target, a repeated one counts once, the order is the one given."""
    assert targets_of([]) == targets_of([ALL]) == TARGETS
    assert targets_of(["kfp", ALL, "kfp"]) == ("kfp", "argo")


def test_compile_imports_nothing_slow(tmp_path: Path) -> None:
    """A compile of a valid spec imports neither typer nor any of the slow parts of the standard library."""
    code = (
        "import sys; before = set(sys.modules); from mlc.__main__ import main; code = main(['compile', sys.argv[1], '-o', 'out/']); "
        "slow = {'typer', 'click', 'rich', 'jsonschema', 'dataclasses', 'typing', 'pathlib', 'inspect', 'argparse', 'difflib'};"
        "print(code, sorted(slow & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code, spec(tmp_path)], env=ENV, capture_output=True, text=True, check=True)
    assert done.stdout == "0 []\n"


@pytest.mark.parametrize("target", ["argo", "kfp"])
def test_compile_imports_what_it_needs(tmp_path: Path, target: str) -> None:
    """A project without datasets, lock file and files of objects needs nothing of those, even where a comment speaks of a file."""
    code = (
        "import sys; from mlc.__main__ import main; main(['compile', *sys.argv[1:], '-o', 'out.yaml']); "
        "print(*(name for name in sys.modules if name.startswith('mlc.')))"
    )
    line = [sys.executable, "-c", code, str(ROOT / "specs" / "mnist.yaml"), "--target", target]
    done = subprocess.run(line, env=ENV, cwd=tmp_path, capture_output=True, text=True, check=True)
    others = {"datasets", "environments", "included", "keys", "local", "lock", "locked", "overrides", "pins", "tagged", "view"}
    assert "mlc.driver" in done.stdout.split()
    assert not {name for name in done.stdout.split() if others & set(name.split("."))}


@pytest.mark.parametrize(("target", "other"), [("argo", "kfp"), ("kfp", "argo")])
def test_compile_imports_one_target(tmp_path: Path, target: str, other: str) -> None:
    """A compile for one target imports nothing of the other's, also when it writes a file and says how to run it."""
    code = (
        "import sys; from mlc.__main__ import main; code = main(['compile', sys.argv[1], '--target', sys.argv[2], '-o', 'out.yaml']); "
        "print(code, sorted(name for name in sys.modules if name.startswith('mlc.targets.' + sys.argv[3])))"
    )
    line = [sys.executable, "-c", code, spec(tmp_path), target, other]
    done = subprocess.run(line, env=ENV, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "0 []\n"


COMMANDS = "init compile validate run runs logs metrics graph describe diff infra lock datasets explain schema".split()

# --- help, mistakes, completion -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The help of every command shows whole command lines, each on a line of its own, and they are understood."""
    assert mlc(command, "--help") == OK
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    examples = [line for line in lines if line.startswith("mlc ")]
    assert examples
    for example in examples:
        words = example.replace(" 2>", " >").split(" >")[0].split(" |")[0].split(" #")[0].split()
        assert isinstance(app.parse(words[1:]), Request), example


def test_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """`mlc --help` lists the commands with a sentence each, none of them cut off."""
    assert mlc("--help") == OK
    commands = capsys.readouterr().out.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in commands] == COMMANDS
    assert not [line for line in commands if line.endswith("...")]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the name and the version."""
    assert mlc("--version") == OK
    assert capsys.readouterr().out == f"mlc {__version__}\n"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("complie a.yaml", "Did you mean 'compile'?"),
        ("compile --tagret argo", "--target"),
        ("compile --target agro", "did you mean `argo`?"),
        ("validate --format jsn", "did you mean `json`?"),
        ("compile -o", "requires an argument"),
        ("compile --output= a.yaml", "the name is empty"),
        ("compile --check a.yaml", "`--check` compares with files: say with `-o` which ones"),
        (
            "compile a.yaml -o both.yaml",
            "is one file, but there are 2 targets: choose one with `--target argo`, or name a folder, such as `-o manifests/`",
        ),
        ("compile .", "no specs in `.`: a spec is called mlc.yaml, mlc.yml, *.mlc.yaml or *.mlc.yml"),
        ("validate", "no specs in `.`"),
        ("explain", "mlc explain --list"),
        ("explain MLC310x", "did you mean `MLC310`?"),
        ("explain --list MLC301", "`--list` lists every code: leave out the code, or `--list`"),
        ("explain nonsense", "`mlc explain --list` shows every code"),
    ],
)
def test_wrong_usage(line: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A command line that makes no sense ends with 2 and says on standard error what would."""
    assert mlc(*line.split()) == USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert hint in " ".join(captured.err.split())


@pytest.mark.parametrize("command", ["compile", "validate", "graph", "describe", "infra", "init"])
def test_empty_name(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty name, such as that of a variable that is not set, is a mistake in the command; it does not mean the current folder."""
    spec(tmp_path)
    assert mlc(command, "") == USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.strip().endswith(("the name of a spec is empty", "the name is empty"))
    assert [path.name for path in tmp_path.iterdir()] == ["mlc.yaml"]


def test_strict_is_explained_in_the_usual_words(capsys: pytest.CaptureFixture[str]) -> None:
    """`--strict` says what other compilers say."""
    assert mlc("validate", "--help") == OK
    assert "Treat warnings as errors." in capsys.readouterr().out


def test_completion(tmp_path: Path) -> None:
    """A shell that asks for completions gets commands, options, the names of targets, codes, and environments of the spec."""
    named = spec(tmp_path, "a.yaml", text=SPEC + OVERLAYS)
    for words, cword, wanted in (
        ("mlc co", 1, "compile"),
        ("mlc compile --ta", 2, "--target"),
        ("mlc compile --target k", 3, "kfp kfp@2.4 kfp@2.5 kfp@2.14 kfp@2.15 kfp@2.16 kfp@2.17"),
        ("mlc validate --lint ", 3, "hygiene digests security"),
        ("mlc validate --format s", 3, "sarif"),
        ("mlc describe --format j", 3, "json"),
        ("mlc graph --format d", 3, "dot"),
        ("mlc run --runner p", 3, "podman process"),
        ("mlc explain MLC10", 2, " ".join(f"MLC{number}" for number in range(101, 110))),
        ("mlc explain mlc11", 2, "mlc110 mlc111 mlc112 mlc113 mlc114"),
        ("mlc explain st", 2, "store steps"),
        ("mlc explain steps.re", 2, "steps.resources steps.retry steps.resource"),
        ("mlc explain defaults.retry.", 2, "defaults.retry.limit defaults.retry.backoff defaults.retry.on"),
        (f"mlc compile {named} --env ", 4, "dev prod"),
        (f"mlc compile {named} --env pr", 4, "prod"),
        (f"mlc compile {named}x --env pr", 4, ""),
    ):
        env = {**ENV, "_MLC_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(cword)}
        done = subprocess.run([sys.executable, "-m", "mlc"], env=env, capture_output=True, text=True, check=False)
        assert done.stdout.split() == wanted.split()


# --- finding specs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "found"),
    [
        *((name, True) for name in ("mlc.yaml", "mlc.yml", "churn.mlc.yaml", "a.b.mlc.yml")),
        *((name, False) for name in (".mlc.yaml", "xmlc.yaml", "mlc.json", "mlc.yaml.bak", "mlc", "MLC.yaml", "churn.yaml", ".x.mlc.yaml")),
    ],
)
def test_names_of_specs(name: str, found: bool) -> None:
    """Specs are known by their name."""
    assert files.is_spec(name) == found


def test_folders_are_searched(tmp_path: Path) -> None:
    """A folder stands for the specs below it, sorted, without hidden folders; a file counts once, however it is named."""
    for name in ("b/mlc.yaml", "a/z.mlc.yaml", "a/c/mlc.yml", ".git/mlc.yaml", "a/other.yaml", "mlc.yaml"):
        spec(tmp_path, name)
    everything = ["mlc.yaml", "a/z.mlc.yaml", "a/c/mlc.yml", "b/mlc.yaml"]
    assert files.find([]) == files.find(["."]) == (everything, [])
    assert files.find(["b", "./b/mlc.yaml", "-", "a/other.yaml"]) == (["b/mlc.yaml", "-", "a/other.yaml"], [])
    assert files.find(["a", ".git"]) == (["a/z.mlc.yaml", "a/c/mlc.yml", ".git/mlc.yaml"], [])
    (tmp_path / "empty").mkdir()
    assert files.find(["empty", "gone.yaml"]) == (["gone.yaml"], ["empty"])


def test_folder_that_cannot_be_searched(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be listed is an error: the specs in it would go unchecked."""
    spec(tmp_path)
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def guarded(folder: str) -> object:
        if folder.endswith("locked"):
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", guarded)
    assert mlc("validate") == FAILED
    assert capsys.readouterr().err.startswith("error[MLC902]: cannot read `./locked`: permission denied\n")


# --- compile ------------------------------------------------------------------------------------------------------------------


def test_manifests_go_to_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Manifests are printed with their header, several of them as the documents of one stream; nothing else is printed."""
    assert mlc("compile", spec(tmp_path, project="one"), spec(tmp_path, "x.mlc.yaml", "two"), "-t", "argo") == OK
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.startswith("# generated by mlc from project one, do not edit\n")
    assert captured.out.count("\n---\n# generated by mlc from project two, do not edit\n") == 1
    assert [document["metadata"]["generateName"] for document in yaml.safe_load_all(captured.out)] == ["one-", "two-"]


def test_all_targets_by_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without `--target`, and with `all`, each target's manifest is printed."""
    assert mlc("compile", spec(tmp_path)) == OK
    both = capsys.readouterr().out
    assert mlc("compile", "--target", "all") == OK
    assert capsys.readouterr().out == both
    parts = []
    for target in TARGETS:
        assert mlc("compile", "--target", target) == OK
        parts.append(capsys.readouterr().out)
    assert both == "---\n".join(parts)


def test_stdin(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads a spec from standard input, also with `-o -`, and diagnostics call it `<stdin>`."""
    spec(tmp_path)
    assert mlc("compile", "mlc.yaml", "-t", "argo") == OK
    text = capsys.readouterr().out
    for content, code in ((SPEC.replace("NAME", "demo"), OK), (WRONG.replace("NAME", "demo"), FOUND)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
        assert mlc("compile", "-", "-t", "argo", "-o", "-") == code
        captured = capsys.readouterr()
        assert captured.out == ("" if code else text)
        assert ("<stdin>:7:" in captured.err) == bool(code)


def test_set_changes_a_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--set` changes what the manifest says; a wrong one is an error that shows the assignment."""
    assert mlc("compile", spec(tmp_path), "-t", "argo", "--set", "params.epochs=77") == OK
    assert '"77"' in capsys.readouterr().out
    assert mlc("compile", "-t", "argo", "--set", "params.epochs=77", "--set", "parms.epochs=3") == FOUND
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "parms.epochs=3" in captured.err


def test_output_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`-o FILE` writes what would be printed, makes folders on the way, and says on standard error how to run it."""
    for target, command in (("argo", "kubectl create -f 'out dir/x.yaml'"), ("kfp", "kfp pipeline create -p demo 'out dir/x.yaml'")):
        assert mlc("compile", spec(tmp_path), "-t", target) == OK
        printed = capsys.readouterr().out
        assert mlc("compile", "-t", target, "-o", "out dir/x.yaml") == OK
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("wrote out dir/x.yaml: ")
        assert captured.err.count("\n") == 1
        assert f"`{command}`" in captured.err
        assert (tmp_path / "out dir" / "x.yaml").read_text() == printed


def test_parameters_that_a_run_must_give(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where parameters have no default, the line after a manifest says how a run gets them: `kubectl create` has no way to."""
    spec(tmp_path, text=SPEC.replace("{epochs: 10}", "{epochs: 10, day: {type: string}, Rows_max: {type: int}}"))
    assert mlc("compile", "-o", "out/") == OK
    assert capsys.readouterr().err.splitlines() == [
        "wrote out/demo.argo.yaml: start it with `argo submit out/demo.argo.yaml -p day=VALUE -p Rows_max=VALUE`",
        "wrote out/demo.kfp.yaml: upload it in the Kubeflow Pipelines UI, or with `kfp pipeline create -p demo out/demo.kfp.yaml`; "
        "a run must give `day`, `Rows_max`",
    ]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("compile a.yaml -t argo -o a.yaml", "`a.yaml`"),
        ("compile a.yaml -t argo -o ./sub/../a.yaml", "`./sub/../a.yaml` is `a.yaml`"),
        ("compile a.yaml -t argo -o link.yaml", "`link.yaml` is `a.yaml`"),
        ("compile a.yaml -t argo -o hard.yaml", "`hard.yaml` is `a.yaml`"),
        ("compile a.yaml -t argo -o a.yaml --check", "`a.yaml`"),
        ("compile sub/demo.argo.yaml a.yaml -t kfp -t argo -o sub/", "`sub/demo.argo.yaml`"),
        ("compile - -t argo -o a.yaml", "`a.yaml` is standard input"),
        ("infra a.yaml -o a.yaml", "`a.yaml`"),
    ],
)
def test_output_never_replaces_a_spec(
    line: str, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-o` that names one of the specs, by whatever name, is a mistake in the command; nothing is written."""
    store = "store: {minio: {endpoint: minio:9000, bucket: bkt, insecure: true, secret: {name: s, access_key: a, secret_key: k}}}\nsteps:"
    spec(tmp_path, "a.yaml", "other", SPEC.replace("steps:", store))
    spec(tmp_path, "sub/demo.argo.yaml")
    (tmp_path / "link.yaml").symlink_to("a.yaml")
    (tmp_path / "hard.yaml").hardlink_to(tmp_path / "a.yaml")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.yaml")}
    with (tmp_path / "a.yaml").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert mlc(*line.split()) == USAGE
    assert f"mlc: error: `-o` names a spec: {shown}\n" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.yaml")} == before


def test_output_folder(tmp_path: Path) -> None:
    """`-o DIR/` writes one file per project and target; a folder that exists needs no slash."""
    spec(tmp_path, "specs/a.mlc.yaml", "one")
    spec(tmp_path, "specs/b.mlc.yaml", "two")
    assert mlc("compile", "specs", "-o", "out/") == OK
    assert mlc("compile", "specs/a.mlc.yaml", "-o", "out", "-t", "kfp") == OK
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["one.argo.yaml", "one.kfp.yaml", "two.argo.yaml", "two.kfp.yaml"]


def test_environments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--env` chooses an overlay: in one folder each environment has a file of its own, and the first line names it."""
    named = spec(tmp_path, text=SPEC + OVERLAYS)
    assert mlc("compile", named, "-t", "argo", "-o", "out/") == OK
    assert mlc("compile", named, "-o", "out/", "--env", "dev") == OK
    assert mlc("compile", named, "-t", "argo", "-o", "out/", "--env=prod") == OK
    assert sorted(os.listdir("out")) == ["demo.argo.yaml", "demo.dev.argo.yaml", "demo.dev.kfp.yaml", "demo.prod.argo.yaml"]
    assert Path("out/demo.argo.yaml").read_text().startswith("# generated by mlc from project demo, do not edit\n")
    dev = Path("out/demo.dev.argo.yaml").read_text()
    assert dev.startswith("# generated by mlc from project demo for environment dev, do not edit\n")
    assert 'value: "1"' in dev
    capsys.readouterr()
    assert mlc("compile", named, "-o", "out/", "--env", "dev", "--check") == OK
    assert mlc("infra", named, "--env", "prod") == OK
    printed = capsys.readouterr().out
    assert printed.startswith("# generated by mlc from project demo for environment prod, do not edit\n")
    assert yaml.safe_load(printed)["metadata"]["name"] == "demo-prod-artifacts"
    assert mlc("graph", named, "--env", "prod", "--set", "params.epochs=5") == OK


@pytest.mark.parametrize("command", ["compile", "validate", "graph", "infra"])
def test_unknown_environment(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An environment that a spec does not have is a mistake in the command; the message lists those there are."""
    named = spec(tmp_path, text=SPEC + OVERLAYS)
    assert mlc(command, named, "--env", "prodd") == USAGE
    err = capsys.readouterr().err
    assert err == f"mlc: error: `{named}` has no environment `prodd`: it has `dev`, `prod` (did you mean `prod`?)\n"
    plain = spec(tmp_path, "plain.yaml")
    assert mlc(command, plain, "--env", "prod") == USAGE
    assert capsys.readouterr().err == f"mlc: error: `{plain}` has no environment `prod`: it has none\n"
    broken = spec(tmp_path, "broken.yaml", text=SPEC + "tasks: {}\n")
    assert mlc(command, broken, "--env", "prod") == FOUND
    assert "MLC201" in capsys.readouterr().err


def test_two_projects_of_one_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two specs that would write one file are refused, before anything is written."""
    spec(tmp_path, "a.mlc.yaml")
    spec(tmp_path, "b.mlc.yaml")
    assert mlc("compile", "-o", "out/", "-t", "argo") == USAGE
    assert capsys.readouterr().err == (
        "mlc: error: `a.mlc.yaml` and `b.mlc.yaml` both describe a project called `demo`: both would be `out/demo.argo.yaml`\n"
    )
    assert mlc("compile", "-o", "out.yaml", "-t", "argo") == USAGE
    assert "is one file, but there are 2 specs" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mlc.yaml", "b.mlc.yaml"]


def test_errors_leave_everything_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One wrong spec among several: all are checked, nothing is written, nothing is printed but diagnostics."""
    spec(tmp_path, "a.mlc.yaml", "one")
    assert mlc("compile", "-t", "argo", "-o", "out/") == OK
    before = (tmp_path / "out" / "one.argo.yaml").read_bytes()
    spec(tmp_path, "a.mlc.yaml", "one", SPEC.replace("acme/train:1", "acme/train:2"))
    spec(tmp_path, "b.mlc.yaml", "two", WRONG)
    spec(tmp_path, "c.mlc.yaml", "three", WRONG)
    capsys.readouterr()
    assert mlc("compile", "-t", "argo", "-o", "out/", "--format", "concise") == FOUND
    err = capsys.readouterr().err
    assert [line.split(":")[0] for line in err.splitlines()] == ["b.mlc.yaml", "c.mlc.yaml"]
    assert mlc("compile", "-t", "argo") == FOUND
    assert capsys.readouterr().out == ""
    assert (tmp_path / "out" / "one.argo.yaml").read_bytes() == before
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["one.argo.yaml"]


def test_exit_code_is_the_worst(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that cannot be read weighs more than errors in a spec, wherever it stands, and the others are still checked."""
    spec(tmp_path, "wrong.mlc.yaml", text=WRONG)
    assert mlc("validate", "gone.yaml", "wrong.mlc.yaml", "--format", "concise") == FAILED
    err = capsys.readouterr().err
    assert err.startswith("gone.yaml:1:1: error[MLC902]: cannot read `gone.yaml`: no such file or directory\n")
    assert "wrong.mlc.yaml:7:" in err


# --- files --------------------------------------------------------------------------------------------------------------------


def test_files_keep_their_mode_and_links(tmp_path: Path) -> None:
    """A file is replaced in one step, with its permissions; a link stays a link; nothing is left beside it."""
    (tmp_path / "real.yaml").write_text("old")
    (tmp_path / "real.yaml").chmod(0o640)
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    old = (tmp_path / "real.yaml").open()
    files.write_all([("link.yaml", "new é\n"), ("sub/other.yaml", "x")])
    assert old.read() == "old"
    old.close()
    assert (tmp_path / "real.yaml").read_bytes() == "new é\n".encode()
    assert stat.S_IMODE((tmp_path / "real.yaml").stat().st_mode) == 0o640
    assert (tmp_path / "link.yaml").is_symlink()
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "sub" / "other.yaml").stat().st_mode) == 0o666 & ~umask
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "real.yaml", "sub"]


def test_files_are_written_all_or_none(tmp_path: Path) -> None:
    """Where one of several files cannot be written, the others stay as they were, and the error names the one."""
    (tmp_path / "a.yaml").write_text("old")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file/b\.yaml") as caught:
        files.write_all([("a.yaml", "new"), ("file/b.yaml", "new")])
    assert caught.value.filename == "file/b.yaml"
    assert (tmp_path / "a.yaml").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.yaml", "file"]


def test_output_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A place that cannot be written is MLC903 and exit code 3."""
    (tmp_path / "file").write_text("")
    spec(tmp_path)
    for output, name in (("file/x.yaml", "file/x.yaml"), ("file/sub/x.yaml", "file/sub/x.yaml"), ("file/", "file/demo.argo.yaml")):
        assert mlc("compile", "-t", "argo", "-o", output) == FAILED
        assert capsys.readouterr().err == (
            f"error[MLC903]: cannot write `{name}`: not a directory\n --> {name}:1:1\n"
            "  = help: check the name, and that the disk is there and has room\n  = docs: mlc explain MLC903\n\n1 error\n"
        )
    assert mlc("init", "file") == FAILED
    assert capsys.readouterr().err.startswith("error[MLC903]: cannot write `file/mlc.yaml`: not a directory\n --> file/mlc.yaml:1:1\n")


def test_output_that_is_no_file(tmp_path: Path) -> None:
    """`-o /dev/stdout` writes to standard output: what is no file is not replaced."""
    command = [sys.executable, "-m", "mlc", "compile", spec(tmp_path), "-t", "argo"]
    plain = subprocess.run(command, env=ENV, capture_output=True, check=True)
    through = subprocess.run([*command, "-o", "/dev/stdout"], env=ENV, capture_output=True, check=True)
    assert through.stdout == plain.stdout != b""


def test_full_disk(tmp_path: Path) -> None:
    """Standard output that takes no more is an error, not silence."""
    with Path("/dev/full").open("w") as full:
        for arguments in (["compile", spec(tmp_path)], ["schema"]):
            command = [sys.executable, "-m", "mlc", *arguments]
            done = subprocess.run(command, env=ENV, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
            assert done.returncode == FAILED
            assert done.stderr.startswith("error[MLC903]: cannot write `<stdout>`: no space left on device\n --> <stdout>:1:1\n")


@pytest.mark.parametrize(
    "words",
    [
        "compile {} -t argo",
        "describe {}",
        "graph {}",
        "graph {} --format dot",
        "diff {} {}.2",
        "infra {} --skeletons",
        "schema",
        "explain 301",
    ],
)
def test_closed_output(tmp_path: Path, words: str) -> None:
    """Without a standard output (`>&-`) a result has nowhere to go: an error of the output, not a fault in mlc."""
    name = spec(tmp_path, text=SPEC.replace("steps:", "targets: {argo: {service_account: a}}\nsteps:"))
    spec(tmp_path, name="mlc.yaml.2", project="other")
    command = [sys.executable, "-m", "mlc", *words.format(name, name).split()]
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command], env=ENV, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr == (
        "error[MLC903]: cannot write `<stdout>`: it is closed\n --> <stdout>:1:1\n"
        "  = help: connect it to a file, a pipe or a terminal\n  = docs: mlc explain MLC903\n\n1 error\n"
    )
    assert done.returncode == FAILED


def test_closed_output_with_nothing_to_print(tmp_path: Path) -> None:
    """Where a result is empty, nothing is missing: the exit code says all there is."""
    command = [sys.executable, "-m", "mlc", "diff", spec(tmp_path), spec(tmp_path)]
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command], env=ENV, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (OK, "")


def test_closed_error_output_and_input(tmp_path: Path) -> None:
    """Diagnostics that nobody can read leave the exit code as it is; a spec from an input that is closed cannot be read."""
    command = [sys.executable, "-m", "mlc", "validate"]
    wrong = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command, spec(tmp_path, text=WRONG)]
    assert subprocess.run(wrong, env=ENV, check=False).returncode == FOUND
    done = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *command, "-"], env=ENV, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr.startswith("error[MLC902]: cannot read `<stdin>`: it is closed\n")
    assert done.returncode == FAILED


def test_reader_that_stops(tmp_path: Path) -> None:
    """`mlc compile | head -1` ends quietly."""
    large = SPEC + "".join(f"  s{number}: {{image: acme/train:1, command: [train]}}\n" for number in range(600))
    command = [sys.executable, "-m", "mlc", "compile", spec(tmp_path, text=large), "-t", "argo"]
    with subprocess.Popen(command, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"# generated by mlc from project NAME, do not edit\n".replace(b"NAME", b"demo")
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", OK)


def test_reader_of_diagnostics_that_stops(tmp_path: Path) -> None:
    """`mlc validate 2>&1 | head -1` ends quietly too, with the exit code of the specs."""
    many = "".join(f"  s{number}: {{image: acme/train:1, command: [train], key{number}: 1}}\n" for number in range(600))
    command = [sys.executable, "-m", "mlc", "validate", spec(tmp_path, text=SPEC + many)]
    with subprocess.Popen(command, env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"error[MLC201]")
        process.stderr.close()
        assert process.wait() == FOUND


# --- check --------------------------------------------------------------------------------------------------------------------


def test_check_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` is content with equal files, shows how others differ, and writes nothing, not even missing ones."""
    line = ["compile", spec(tmp_path), "-o", "out/", "--check"]
    assert mlc(*line[:-1]) == OK
    capsys.readouterr()
    assert mlc(*line) == OK
    assert capsys.readouterr() == ("", "ok: 2 manifests are up to date\n")

    argo, kfp = tmp_path / "out" / "demo.argo.yaml", tmp_path / "out" / "demo.kfp.yaml"
    argo.write_text(argo.read_text().replace("acme/train:1", "acme/train:2"))
    kfp.unlink()
    before = argo.read_bytes()
    assert mlc(*line) == FOUND
    captured = capsys.readouterr()
    assert "--- out/demo.argo.yaml\n+++ out/demo.argo.yaml (compiled now)\n" in captured.out
    assert ["acme/train" in row for row in captured.out.splitlines() if row.startswith(("-", "+")) and "acme/train" in row][:2] == [
        True,
        True,
    ]
    assert captured.out.endswith("\n`out/demo.kfp.yaml` does not exist\n")
    assert "pipelineInfo" not in captured.out
    assert captured.err == "2 of 2 manifests are out of date: write them with `mlc compile ... -o out/`\n"
    assert argo.read_bytes() == before
    assert not kfp.exists()


def test_check_of_a_missing_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A manifest that is not there is named, and not shown as one long difference; one manifest is counted in the singular."""
    line = ["compile", spec(tmp_path), "-t", "argo", "-o", "x.yaml"]
    assert mlc(*line, "--check") == FOUND
    assert capsys.readouterr() == (
        "`x.yaml` does not exist\n",
        "1 of 1 manifest is out of date: write it with `mlc compile ... -o x.yaml`\n",
    )
    assert mlc(*line) == OK
    capsys.readouterr()
    assert mlc(*line, "--check") == OK
    assert capsys.readouterr() == ("", "ok: 1 manifest is up to date\n")


def test_check_sees_line_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Drift is a difference of bytes: other line ends and a lost last line break count."""
    line = ["compile", spec(tmp_path), "-t", "argo", "-o", "x.yaml"]
    assert mlc(*line) == OK
    good = (tmp_path / "x.yaml").read_bytes()
    for bad in (good.replace(b"\n", b"\r\n"), good[:-1], good + b"\xff"):
        (tmp_path / "x.yaml").write_bytes(bad)
        capsys.readouterr()
        assert mlc(*line, "--check") == FOUND
        assert capsys.readouterr().out.startswith("--- x.yaml\n")


# --- diagnostics --------------------------------------------------------------------------------------------------------------


def test_validate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A right spec gives one line on standard error; a wrong one its diagnostics, and exit code 1."""
    spec(tmp_path, "a.mlc.yaml")
    assert mlc("validate") == OK
    assert capsys.readouterr() == ("", "ok: 1 spec\n")
    spec(tmp_path, "b.mlc.yaml")
    assert mlc("validate", "--target", "argo") == OK
    assert capsys.readouterr() == ("", "ok: 2 specs\n")
    spec(tmp_path, "b.mlc.yaml", text=WRONG)
    assert mlc("validate") == FOUND
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error[MLC303]: ")
    assert "--> b.mlc.yaml:7:" in captured.err
    assert captured.err.endswith("\n1 error\n")


def test_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A warning leaves the exit code at 0; with `--strict` it is an error, and nothing is written."""
    spec(tmp_path, text=WARNS)
    assert mlc("compile", "-t", "argo", "-o", "out/") == OK
    assert capsys.readouterr().err.startswith("warning[MLC50")
    (tmp_path / "out" / "demo.argo.yaml").unlink()
    assert mlc("compile", "-t", "argo", "-o", "out/", "--strict") == FOUND
    assert capsys.readouterr().err.startswith("error[MLC50")
    assert not list((tmp_path / "out").iterdir())
    assert mlc("validate", "--strict") == FOUND


def test_lints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--lint` looks for more, as warnings; a suppression comment for what was not looked for is no fault."""
    ignoring = SPEC.replace("acme/train:1", "acme/train  # mlc: ignore MLC506 -- built from the same commit")
    assert mlc("validate", spec(tmp_path, text=ignoring), "--format", "concise") == OK
    assert capsys.readouterr().err == "ok: 1 spec\n"
    assert mlc("validate", "--lint", "hygiene", "--format", "concise") == OK
    assert capsys.readouterr().err == "mlc.yaml:5:3: warning[MLC508]: step `train` has no limit of memory\nok: 1 spec\n"
    assert mlc("validate", "--lint", "hygiene", "--strict", "--format", "concise") == FOUND
    assert "error[MLC508]" in capsys.readouterr().err


def test_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each format is on standard error; JSON is one document, whatever happens, and nothing stands beside it."""
    spec(tmp_path, "a.mlc.yaml", text=WRONG)
    spec(tmp_path, "b.mlc.yaml", text=WRONG)
    assert mlc("validate", "--format", "json") == FOUND
    found = json.loads(capsys.readouterr().err)["diagnostics"]
    assert [(item["code"], item["file"]) for item in found] == [("MLC303", "a.mlc.yaml"), ("MLC303", "b.mlc.yaml")]
    assert mlc("validate", "--format", "github") == FOUND
    assert capsys.readouterr().err.startswith("::error ")
    spec(tmp_path, "c.yaml")
    for line in ("validate c.yaml", "compile c.yaml -t argo -o out/", "compile c.yaml -t argo -o out/ --check"):
        assert mlc(*line.split(), "--format", "json") == OK
        assert json.loads(capsys.readouterr().err)["diagnostics"] == []


@pytest.mark.parametrize(("terminal", "no_color", "colored"), [(True, "", True), (True, "1", False), (False, "", False)])
def test_color(
    terminal: bool, no_color: str, colored: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Colours are for terminals, and not where `NO_COLOR` is set."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    assert mlc("validate", spec(tmp_path, text=WRONG)) == FOUND
    assert ("\x1b[" in capsys.readouterr().err) == colored


# --- how it ends --------------------------------------------------------------------------------------------------------------


def test_fault_is_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in mlc gives a block to paste, with the version and the traceback but without the values of `--set`."""

    def broken(*_: object) -> None:
        raise KeyError("lost")

    monkeypatch.setattr("mlc.driver.compile_source", broken)
    assert mlc("compile", spec(tmp_path), "--set", "params.key=hush", "--set=params.key=hush") == FAILED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error[MLC901]: mlc itself failed with KeyError\n")
    assert f"version: mlc {__version__}\n" in captured.err
    assert "--set params.key=... --set=params.key=...\n" in captured.err
    assert "KeyError: 'lost'\n" in captured.err
    assert "hush" not in captured.err


def test_deep_fault_is_a_short_report(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Endless recursion gives a report that still fits on a screen or two."""

    def endless(*arguments: object) -> object:
        return endless2(*arguments)

    def endless2(*arguments: object) -> object:
        return endless(*arguments)

    monkeypatch.setattr("mlc.driver.check_environments", lambda source, *rest, **more: endless(source))
    assert mlc("validate", spec(tmp_path)) == FAILED
    err = capsys.readouterr().err
    assert "RecursionError" in err
    assert len(err.splitlines()) < 75


def test_interrupt(tmp_path: Path) -> None:
    """Ctrl-C ends with 130 and no traceback."""
    process = subprocess.Popen(
        [sys.executable, "-c", "print('on', flush=True); import sys; from mlc.__main__ import main; sys.exit(main(['validate', '-']))"],
        env=ENV,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        time.sleep(0.5)  # until it waits for standard input
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (INTERRUPTED, b"")


SWALLOWED = """
import os, signal, sys, time
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "mlc.cli.quick":
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(10)
            except KeyboardInterrupt:
                print("an import goes on", file=sys.stderr)
from mlc.__main__ import main
sys.meta_path.insert(0, Finder())
sys.argv = ["mlc", "schema"]
sys.exit(main())
"""


def test_interrupt_during_start_up() -> None:
    """Ctrl-C while modules are imported ends the process, even where an import would take it for its own and go on."""
    found = subprocess.run([sys.executable, "-c", SWALLOWED], env=ENV, capture_output=True, check=False, timeout=60)
    assert (found.returncode, found.stdout, found.stderr) == (INTERRUPTED, b"", b"")
    ignoring = SWALLOWED.replace("from mlc", "signal.signal(signal.SIGINT, signal.SIG_IGN); from mlc").replace("sleep(10)", "sleep(0)")
    found = subprocess.run([sys.executable, "-c", ignoring], env=ENV, capture_output=True, check=False, timeout=60)
    assert (found.returncode, found.stderr) == (OK, b"")


def test_interrupt_is_an_exception_afterwards() -> None:
    """A command that has something to clean up gets the chance to."""
    code = """
import signal, sys
import mlc.cli.run
mlc.cli.run.run = lambda request: print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
sys.argv = ["mlc", "schema"]
from mlc.__main__ import main
main()
"""
    found = subprocess.run([sys.executable, "-c", code], env=ENV, capture_output=True, check=True, timeout=60)
    assert found.stdout == b"True\n"


def test_output_is_the_same_everywhere(tmp_path: Path) -> None:
    """Hash seed, locale, time zone and folder leave every byte as it is."""
    text = SPEC.replace("params:", "description: café\nparams:")
    outputs = set()
    for number, extra in enumerate(
        (
            {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "UTC"},
            {"PYTHONHASHSEED": "2", "LC_ALL": "C.UTF-8", "TZ": "Asia/Seoul", "PYTHONUTF8": "0"},
        )
    ):
        folder = tmp_path / str(number)
        spec(folder, text=text)
        command = [sys.executable, "-m", "mlc", "compile", "mlc.yaml"]
        outputs.add(subprocess.run(command, cwd=folder, env={**ENV, **extra}, capture_output=True, check=True).stdout)
    assert len(outputs) == 1
    assert "café" in outputs.pop().decode()


# --- the other commands -------------------------------------------------------------------------------------------------------


def test_init_makes_a_project_that_compiles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`init` writes a spec named after its folder that compiles for every target without a word, and the schema beside it."""
    assert mlc("init", "Churn 2") == OK
    err = capsys.readouterr().err
    assert err.splitlines()[0] == "wrote Churn 2/mlc.yaml"
    assert err.splitlines()[1:] == [
        "wrote Churn 2/mlc.schema.json",
        "next: `mlc run 'Churn 2/mlc.yaml'` runs the project here, `mlc graph 'Churn 2/mlc.yaml'` draws it, "
        "`mlc compile 'Churn 2/mlc.yaml' --target argo` compiles it",
        "to check specs at every commit: the source of mlc has a pre-commit hook, see `In pre-commit and CI` in its README",
    ]
    assert sorted(path.name for path in (tmp_path / "Churn 2").iterdir()) == ["mlc.schema.json", "mlc.yaml"]
    assert "\n## In pre-commit and CI\n" in (ROOT / "README.md").read_text(encoding="utf-8")
    folder = tmp_path / "Churn 2"
    assert (folder / "mlc.schema.json").read_text() == schema_text()
    assert (folder / "mlc.yaml").read_text().startswith("# yaml-language-server: $schema=mlc.schema.json\n")
    assert mlc("compile", "Churn 2", "--strict", "--format", "concise") == OK
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.startswith("# generated by mlc from project churn-2, do not edit\n")


def test_init_runs_for_real(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The manifest of the project that `init` writes does what it says: its programs run, and the model is good enough to be published."""
    assert mlc("init", "new") == OK
    capsys.readouterr()
    assert mlc("compile", "new", "-t", "argo") == OK
    manifest = capsys.readouterr().out
    for folder in ("/tmp/", "/argo/staging/"):  # a container's own folders
        manifest = manifest.replace(f" {folder}", f" {tmp_path}{folder}").replace(f'"{folder}', f'"{tmp_path}{folder}')
    workflow = yaml.safe_load(manifest)["spec"]
    templates = {template["name"]: template for template in workflow["templates"]}
    params = {param["name"]: param["value"] for param in workflow["arguments"]["parameters"]}
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    artifacts: dict[str, Path] = {}
    printed = {}
    for task in templates["entrypoint"]["dag"]["tasks"]:
        template = templates[task["template"]]
        sources = {item["name"]: artifacts[item["from"]] for item in task.get("arguments", {}).get("artifacts", ())}
        for item in template.get("inputs", {}).get("artifacts", ()):
            content = item["raw"]["data"] if "raw" in item else sources[item["name"]].read_text()
            Path(item["path"]).parent.mkdir(parents=True, exist_ok=True)
            Path(item["path"]).write_text(content)
        container = template.get("script") or template["container"]
        arguments = [*container["command"], *([] if "source" not in container else ["-"]), *container.get("args", ())]
        words = [re.sub(r"\{\{inputs\.parameters\.(\w+)\}\}", lambda found: params[found[1]], word) for word in arguments]
        env = {"PATH": str(tmp_path / "bin")}
        done = subprocess.run(words, env=env, input=container.get("source", ""), capture_output=True, text=True, check=True)
        printed[task["name"]] = done.stdout
        for item in template.get("outputs", {}).get("artifacts", ()):
            artifacts[f"{{{{tasks.{task['name']}.outputs.artifacts.{item['name']}}}}}"] = Path(item["path"])
    assert list(printed) == ["prepare", "train", "publish"]
    assert printed["publish"].startswith('publishing {"slope": 2.99')
    (metric,) = templates["train"]["outputs"]["parameters"]
    assert 0 < json.loads(Path(metric["valueFrom"]["path"]).read_text()) < float(params["max_error"])


def test_init_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`init` refuses where a spec or schema is, replaces just those with `--force`, and leaves other files alone."""
    for name in ("mlc.yaml", "other"):
        (tmp_path / name).write_text("mine\n")
    assert mlc("init") == USAGE
    assert "`.` already has mlc.yaml: choose another folder, or replace with `--force`" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlc.yaml", "other"]
    assert mlc("init", "--force") == OK
    assert (tmp_path / "other").read_text() == "mine\n"
    assert (tmp_path / "mlc.yaml").read_text() != "mine\n"


@pytest.mark.parametrize(
    ("folder", "name"), [("Churn_Model", "churn-model"), ("2024", "my-project"), ("9 lives", "lives"), ("고객", "my-project")]
)
def test_project_names(folder: str, name: str) -> None:
    """A project is named after its folder as far as its name can hold that."""
    from mlc.cli.init import project_name

    assert project_name(folder) == name


def test_graph(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`graph` draws every spec, and shows errors instead where there are any."""
    assert mlc("graph", spec(tmp_path), spec(tmp_path, "x.mlc.yaml", "two")) == OK
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if "step" in line] == ["demo: 1 step", "two: 1 step"]
    assert mlc("graph", spec(tmp_path, text=WRONG)) == FOUND
    assert capsys.readouterr().out == ""


def test_graph_for_other_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--format` gives text for Mermaid or Graphviz; of Mermaid one drawing at a time."""
    first, second = spec(tmp_path), spec(tmp_path, "x.mlc.yaml", "two")
    assert mlc("graph", first, "--format", "mermaid") == OK
    assert capsys.readouterr().out == 'flowchart TD\n  s_train["train"]\n'
    assert mlc("graph", first, second, "--format", "dot") == OK
    assert capsys.readouterr().out.count("digraph") == 2
    assert mlc("graph", first, second, "--format", "mermaid") == USAGE
    assert capsys.readouterr().err == "mlc: error: `--format mermaid` draws one spec, and there are 2\n"
    assert mlc("graph", first, "--format", "mermaids") == USAGE
    assert "did you mean `mermaid`?" in capsys.readouterr().err


def test_sarif_is_all_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--format sarif` standard error is one document, whatever happens."""
    for name in (spec(tmp_path), spec(tmp_path, "w.mlc.yaml", text=WRONG), str(tmp_path / "nowhere.yaml")):
        mlc("validate", name, "--format", "sarif")
        assert json.loads(capsys.readouterr().err)["version"] == "2.1.0"
    assert mlc("compile", spec(tmp_path), "-t", "argo", "-o", "out/", "--format", "sarif") == OK
    assert json.loads(capsys.readouterr().err)["runs"][0]["results"] == []


@pytest.mark.parametrize("format", ["sarif", "json"])
def test_a_wrong_usage_leaves_no_report(format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A report without results would pass for a good one, so there is none where the command makes no sense."""
    first, second = spec(tmp_path), spec(tmp_path, "other.yaml")
    for words in (
        ("validate", first, "--env", "prod"),
        ("compile", first, second, "-t", "argo", "-o", str(tmp_path / "one.out")),
        ("compile", first, second, "-t", "argo", "-o", f"{tmp_path}/out/"),
        ("compile", first, "-t", "argo", "-o", first),
        ("infra", first, "-o", first),
        ("infra", first, "-o", str(tmp_path)),
    ):
        assert mlc(*words, "--format", format) == USAGE
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("mlc: error: ")


@pytest.mark.parametrize("format", ["json", "sarif"])
def test_a_wrong_usage_beside_a_file_that_fails(format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No report then either; the file is named in a line of its own, and weighs more."""
    missing = str(tmp_path / "missing.yaml")
    for words in ((spec(tmp_path), missing), (missing, spec(tmp_path))):
        assert mlc("validate", *words, "--env", "prod", "--format", format) == FAILED
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 2
        assert all(line.startswith("mlc: error: ") for line in lines)
        assert any(f"cannot read `{missing}`" in line for line in lines)


def test_set_is_reported_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong with `--set` is said once for all specs, and for which where others can take it."""
    first, second = spec(tmp_path), spec(tmp_path, "other.yaml", text=SPEC.replace("epochs", "only"))
    assert mlc("validate", first, second, "--set", "params.nope=1", "--format", "concise") == FOUND
    assert capsys.readouterr().err == "--set:1:1: error[MLC303]: there is no parameter `nope`\n"
    assert mlc("validate", first, second, "--set", "params.only=2", "--format", "concise") == FOUND
    assert capsys.readouterr().err == f"--set:1:1: error[MLC303]: there is no parameter `only`, in `{first}`\n"


def test_graph_of_a_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A diagram that does not exist, and one that holds a single project."""
    first, second = spec(tmp_path), spec(tmp_path, "other.yaml")
    assert mlc("graph", first, "--format", "mermade") == USAGE
    assert "`mermade` is none of text, mermaid, dot" in capsys.readouterr().err
    assert mlc("graph", first, second, "--format", "mermaid") == USAGE
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "mlc: error: `--format mermaid` draws one spec, and there are 2\n")
    assert mlc("graph", first, second, "--format", "dot") == OK
    assert capsys.readouterr().out.count("digraph") == 2
    assert mlc("graph", first, str(tmp_path / "missing.yaml"), "--format", "mermaid") == FAILED
    assert capsys.readouterr().out == ""


def test_graph_in_ascii(tmp_path: Path) -> None:
    """Where standard output cannot hold the drawing's characters, ASCII ones stand in."""
    text = SPEC.replace("  train:\n", "  train:\n    title: Café\n    when: params.epochs > 3\n")
    for encoding, mark in (("ascii", b"\no train  Caf\\xe9\n"), ("utf-8", "\n◇ train  Café\n".encode())):
        command = [sys.executable, "-m", "mlc", "graph", spec(tmp_path, text=text)]
        done = subprocess.run(command, env={**ENV, "PYTHONIOENCODING": encoding}, capture_output=True, check=True)
        assert mark in done.stdout
        assert (b"?" in done.stdout, done.stdout.isascii()) == (False, encoding == "ascii")


def test_infra(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`infra` prints or writes the manifests for the cluster; a project that needs none gets a note."""
    assert mlc("infra", spec(tmp_path)) == OK
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "needs nothing in the cluster" in captured.err
    store = "store: {minio: {endpoint: minio:9000, bucket: bkt, insecure: true, secret: {name: s, access_key: a, secret_key: k}}}\nsteps:"
    assert mlc("infra", spec(tmp_path, text=SPEC.replace("steps:", store))) == OK
    printed = capsys.readouterr().out
    assert printed.startswith("# generated by mlc from project demo, do not edit\n")
    assert yaml.safe_load(printed)["kind"] == "ConfigMap"
    assert mlc("infra", "-o", "infra.yaml") == OK
    assert capsys.readouterr().err == "wrote infra.yaml: apply it with `kubectl apply -f infra.yaml`\n"
    assert (tmp_path / "infra.yaml").read_text() == printed
    assert mlc("infra", "--target", "kfp") == OK
    assert yaml.safe_load(capsys.readouterr().out)["metadata"]["name"] == "kfp-launcher"
    assert mlc("infra", "--target", "all") == USAGE
    assert "all" in capsys.readouterr().err
    azure = "store: {azure: {endpoint: 'https://a.blob.core.windows.net', container: c}}\nsteps:"
    assert mlc("infra", "--target", "kfp", spec(tmp_path, text=SPEC.replace("steps:", azure))) == OK
    assert "kfp cannot use its `store`" in capsys.readouterr().err


def test_explain_and_schema(capsys: pytest.CaptureFixture[str]) -> None:
    """`explain` prints pages and the list of codes, `schema` the schema as it is shipped."""
    assert mlc("explain", "MLC301", "302") == OK
    out = capsys.readouterr().out
    assert out.startswith("# MLC301")
    assert "\n# MLC302" in out
    assert mlc("explain", "--list") == OK
    assert capsys.readouterr().out.startswith("MLC101  error")
    assert mlc("schema") == OK
    assert capsys.readouterr().out == schema_text()
