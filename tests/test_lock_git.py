"""`mlc lock` and real git repositories: tags, commits, branches, and what DVC's files say of the data."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from mlc import __main__
from mlc.cli.request import FAILED, FOUND, OK, USAGE
from mlc.lock import dvc, versions
from mlc.lock import git as client
from mlc.lock.dvc import Facts
from mlc.lock.failure import Failure
from mlc.lock.git import Git
from mlc.pins import LockedImage
from tests.registry import free_port
from tests.repository import Repository, settings

HASH = "22a1a2931c8370d3aeedd7183606fd7f"


class Images:
    """A registry that has every image: what `mlc lock` does with real ones is shown elsewhere."""

    def look_up(self, *_: object) -> LockedImage:
        """The same for all."""
        return LockedImage("sha256:" + "0" * 64, "linux/amd64", (), ())


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each test has git settings of its own, and runs in an empty folder."""
    settings(tmp_path / "git", monkeypatch)
    monkeypatch.setattr("mlc.lock.work._registries", lambda _: Images())
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def data(tmp_path: Path) -> Repository:
    """A repository of data."""
    return Repository(tmp_path / "git", "data")


@pytest.fixture
def git() -> Iterator[Git]:
    """The program, with a folder that goes away."""
    with tempfile.TemporaryDirectory() as folder:
        yield Git(Path(folder))


def pointer(hash: str = HASH, size: int = 5, path: str = "reviews.csv", more: str = "") -> str:
    """A `.dvc` file."""
    return f"outs:\n- md5: {hash}\n  size: {size}\n  hash: md5\n  path: {path}\n{more}"


def mlc(*arguments: str) -> int:
    """Run a command line in this process."""
    return __main__.main(list(arguments))


def failure(code: str, text: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Have `mlc lock` fail with a code and a text; what it said."""
    assert mlc("lock") == FAILED
    err = capsys.readouterr().err
    assert f"error[{code}]" in err
    assert text in err
    assert not Path("mlc.yaml.lock").exists()
    return err


PROJECT = """\
mlc: v1
name: demo
datasets:
  reviews:
    dvc: {repo: "https://git.test/data.git", path: project1/reviews.csv}
    tag: v1.0
    token: {secret: git, key: token}
  labels:
    git: {repo: "https://git.test/data.git", path: labels}
    tag: v1.0
    token: {secret: git, key: token}
code: {git: "https://git.test/code.git", ref: main, token: {secret: git, key: token}}
steps:
  train:
    run: "true"
    image: a:1
    inputs: {reviews: /in/reviews, labels: /in/labels}
    code: true
    workdir: /src
params: {version: v1}
"""


def project(text: str = PROJECT) -> Path:
    """Write a project."""
    path = Path("mlc.yaml")
    path.write_text(text, encoding="utf-8")
    return path


def locked() -> dict[str, object]:
    """The content of the lock file, without its images."""
    found: dict[str, object] = yaml.safe_load(Path("mlc.yaml.lock").read_text(encoding="utf-8"))
    return {key: value for key, value in found.items() if key not in ("images", "mlc-lock")}


# --- the whole way ------------------------------------------------------------------------------------------------------------


def test_versions(tmp_path: Path, data: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Tags and a branch become commits, with what DVC knows of the data; `--check` says which moved, `--update` moves one."""
    code = Repository(tmp_path / "git", "code")
    first = data.commit({"project1/reviews.csv.dvc": pointer(), "labels/a.csv": "1"}, "v1.0")
    branch = code.commit({"train.py": "1"})
    project()
    assert mlc("lock") == OK
    repo = {"path": "project1/reviews.csv", "tag": "v1.0", "commit": first}
    assert locked() == {
        "datasets": {
            "labels": [{"git": data.address, "path": "labels", "tag": "v1.0", "commit": first}],
            "reviews": [{"dvc": data.address, **repo, "hash": f"md5:{HASH}", "size": 5}],
        },
        "code": [{"git": code.address, "ref": "main", "commit": branch}],
    }
    assert mlc("lock", "--check") == OK
    before = Path("mlc.yaml.lock").read_bytes()

    moved = data.commit({"project1/reviews.csv.dvc": pointer("f" * 32, 6)}, "v1.0")
    later = code.commit({"train.py": "2"})
    capsys.readouterr()
    assert mlc("lock", "--check") == FOUND
    assert capsys.readouterr().out.splitlines() == [
        f"mlc.yaml.lock: ref main of code: commit was {branch}, is {later}",
        f"mlc.yaml.lock: tag v1.0 of dataset labels: commit was {first}, is {moved}",
        f"mlc.yaml.lock: tag v1.0 of dataset reviews: commit was {first}, is {moved}",
        f"mlc.yaml.lock: tag v1.0 of dataset reviews: hash was md5:{HASH}, is md5:{'f' * 32}",
        "mlc.yaml.lock: tag v1.0 of dataset reviews: size was 5, is 6",
    ]
    assert Path("mlc.yaml.lock").read_bytes() == before
    assert mlc("lock", "--update", "reviews") == OK
    assert "labels" in str(locked())
    assert Path("mlc.yaml.lock").read_text().count(first) == 1
    assert mlc("lock", "--update", "code") == OK
    assert later in Path("mlc.yaml.lock").read_text()
    assert mlc("lock", "--update", "review") == USAGE


def test_environments(data: Repository) -> None:
    """Each environment's version is in the file; what a step of the project makes is not fetched, and not there."""
    one = data.commit({"project1/reviews.csv.dvc": pointer(), "labels/a": "1"}, "v1.0")
    two = data.commit({"project1/reviews.csv.dvc": pointer("e" * 32)}, "v2.0")
    text = PROJECT.replace("    code: true\n", "") + "environments:\n  prod: {datasets: {reviews: {tag: v2.0}}}\n"
    path = project(text)
    assert mlc("lock") == OK
    assert [entry["commit"] for entry in locked()["datasets"]["reviews"]] == [one, two]  # type: ignore[index]
    assert "code" not in locked()
    path.write_text(text.replace("inputs: {reviews: /in/reviews, ", "outputs: {reviews: /out/reviews}\n    inputs: {"))
    assert mlc("lock") == OK
    assert list(locked()["datasets"]) == ["labels"]  # type: ignore[call-overload]


def test_stale(data: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A tag that is not in the lock file, and one that is there for nothing, stop a compile from it."""
    data.commit({"project1/reviews.csv.dvc": pointer(), "labels/a": "1"}, "v1.0")
    path = project(PROJECT.replace("    code: true\n", ""))
    assert mlc("lock") == OK
    path.write_text(path.read_text().replace("tag: v1.0", "tag: v1.1", 1))
    capsys.readouterr()
    assert mlc("validate", "--locked") == FOUND
    err = capsys.readouterr().err
    assert "error[MLC452]: tag `v1.1` of dataset `reviews` is not in the lock file\n --> mlc.yaml:6:10" in err
    assert "error[MLC453]: the project does not use tag `v1.0` of dataset `reviews` any more\n" in err


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("tag: v1.0", 'tag: "${{ params.version }}"', "only a run knows which version of dataset `reviews` is fetched"),
        (
            'dvc: {repo: "https://git.test/data.git", path: project1/reviews.csv}\n    tag: v1.0\n    token: {secret: git, key: token}',
            "s3: {uri: s3://bucket/reviews.csv}",
            "dataset `reviews` is what its bucket holds when a run starts",
        ),
    ],
)
def test_what_no_lock_file_holds(data: Repository, old: str, new: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A tag of the run, and an object without a version, are warnings; an object with a version needs no look-up."""
    data.commit({"labels/a": "1"}, "v1.0")
    spec = PROJECT.replace("    code: true\n", "").replace(old, new, 1)
    path = project(spec)
    assert mlc("lock") == OK
    err = capsys.readouterr().err
    assert "warning[MLC454]" in err
    assert text in err
    assert "reviews" not in str(locked())
    if "s3" in new:
        path.write_text(spec.replace("reviews.csv}", "reviews.csv, version: abc}"))
        assert mlc("lock") == OK
        assert "dataset `reviews`" not in capsys.readouterr().err


# --- versions -----------------------------------------------------------------------------------------------------------------


def test_annotated_tag(data: Repository, git: Git) -> None:
    """A tag with a message stands for the commit that it is on."""
    commit = data.commit({"a": "1"})
    data.git("tag", "-a", "-m", "message", "v1")
    repository = git.repository(data.address)
    assert repository.of_tag("v1") == repository.commit("refs/tags/v1") == commit
    data.git("tag", "tree", "HEAD^{tree}")
    with pytest.raises(Failure, match="is no commit"):
        repository.of_tag("tree")


@pytest.mark.parametrize("allowed", [False, True])
def test_commits(data: Repository, git: Git, allowed: bool) -> None:
    """A commit by its whole name or by a part of it, in the middle of a branch, on servers that give it away and on those that do not."""
    data.git("config", "uploadpack.allowAnySHA1InWant", str(allowed).lower())
    old = data.commit({"a": "1"})
    data.commit({"a": "2"})
    repository = git.repository(data.address)
    assert repository.of_commit(old) == old
    assert repository.of_commit(old[:9]) == old
    assert repository.has(old, "a")
    with pytest.raises(Failure, match="there is no commit `abcdef0`") as caught:
        repository.of_commit("abcdef0")
    assert caught.value.code == "MLC906"
    with pytest.raises(Failure, match="there is no commit"):
        repository.of_commit("a" * 40)


def test_refs(data: Repository, git: Git) -> None:
    """A name is a tag before it is a branch, and a branch before it is a commit."""
    first = data.commit({"a": "1"})
    second = data.commit({"a": "2"})
    data.git("branch", "abcdef1", first)
    data.git("branch", "both", first)
    data.git("tag", "both", second)
    repository = git.repository(data.address)
    assert repository.of_ref("main") == second
    assert repository.of_ref("both") == second
    assert repository.of_ref("abcdef1") == first
    assert repository.of_ref(first) == first
    with pytest.raises(Failure, match="there is no tag or branch `mian`") as caught:
        repository.of_ref("mian")
    assert caught.value.help == "did you mean `main`?"


def test_missing_tag(data: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A tag that is not there: those that are, and the most alike."""
    data.commit({"project1/reviews.csv.dvc": pointer(), "labels/a": "1"}, "v1.0.1")
    project()
    err = failure("MLC906", "there is no tag `v1.0` in `https://git.test/data.git`: it has `v1.0.1`", capsys)
    assert "did you mean `v1.0.1`?" in err


def test_missing_paths(data: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that git, or DVC, does not have at the tag."""
    Repository(tmp_path / "git", "code").commit({"a": "1"})
    data.commit({"project1/other.csv": "in git"}, "v1.0")
    project()
    err = failure("MLC906", "DVC has no `project1/reviews.csv` in `https://git.test/data.git` at tag `v1.0`", capsys)
    assert "there is no `labels` in" in err


def test_what_git_keeps_itself(data: Repository, git: Git, capsys: pytest.CaptureFixture[str]) -> None:
    """An output of `dvc.yaml` with `cache: false` has a hash there, and is refused as it is when it is fetched; its tag is not listed."""
    out = f"md5: {HASH}, size: 5, path: reviews.csv"
    kept = data.commit({"project1/dvc.lock": f"schema: '2.0'\nstages: {{a: {{outs: [{{{out}}}]}}}}\n"}, "v0")
    commit = data.commit({"project1/reviews.csv": "a,b\n", "labels/a.csv": "1"}, "v1.0")
    project()
    repository = Repository(data.folder.parent, "code")
    repository.commit({"train.py": "1"})
    err = " ".join(failure("MLC906", "`project1/reviews.csv` is in git itself", capsys).replace("|", " ").split())
    assert f"in `{data.address}` at {commit[:10]}, not under DVC" in err
    assert "say `git` instead of `dvc`" in err
    remote = git.repository(data.address)
    assert dvc.facts(remote, [remote.of_tag("v0")], "project1/reviews.csv") == {kept: Facts(f"md5:{HASH}", 5)}
    assert mlc("datasets", "--format", "json") == OK
    versions = {one["name"]: one["versions"] for one in json.loads(capsys.readouterr().out)["projects"][0]["datasets"]}
    assert [one["tag"] for one in versions["reviews"]] == ["v0"]


def test_odd_names(data: Repository, git: Git) -> None:
    """Names that mean something to a shell, or to git elsewhere, are names here."""
    commit = data.commit({"$(id)/-x *.dvc": pointer(path="-x *"), "ü/a.dvc": pointer(path="a")}, "$(id);x")
    repository = git.repository(data.address)
    assert repository.of_tag("$(id);x") == commit
    assert dvc.facts(repository, [commit], "$(id)/-x *") == {commit: Facts(f"md5:{HASH}", 5)}
    assert dvc.facts(repository, [commit], "ü/a") == {commit: Facts(f"md5:{HASH}", 5)}


# --- what DVC knows -----------------------------------------------------------------------------------------------------------

FOLDER = f"outs:\n- md5: {HASH}.dir\n  size: 10\n  nfiles: 2\n  hash: md5\n  path: data\n"
LOCK = """\
schema: '2.0'
stages:
  prepare:
    cmd: python prepare.py
    deps: [{path: raw, md5: a, size: 1}]
    outs:
    - {path: out/clean.csv, hash: md5, md5: '00000000000000000000000000000012', size: 7}
  train@0:
    cmd: x
    outs:
    - {path: model.bin, md5: 1e10, size: 9}
"""
FIRST_LOCK = "prepare:\n  cmd: x\n  outs:\n  - {path: out/clean.csv, md5: b}\n"
VERSIONED = "outs:\n- path: data\n  files:\n  - {relpath: a, size: 3, cloud: {s: {version_id: x}}}\n  - {relpath: b, size: 4}\n"


@pytest.mark.parametrize(
    ("files", "path", "expected"),
    [
        ({"a/data.dvc": FOLDER}, "a/data", Facts(f"md5:{HASH}.dir", 10, 2)),
        ({"a/data.dvc": FOLDER}, "a/data/train/x.csv", Facts(f"md5:{HASH}.dir")),
        ({"a/data.dvc": FOLDER}, "a/data2", None),
        ({"data.dvc": FOLDER}, "data", Facts(f"md5:{HASH}.dir", 10, 2)),
        ({"data.dvc": FOLDER, "x/data.dvc": FOLDER}, "x/data", Facts(f"md5:{HASH}.dir", 10, 2)),
        ({"x/other.dvc": pointer(path="reviews.csv")}, "x/reviews.csv", Facts(f"md5:{HASH}", 5)),
        ({"x/up.dvc": pointer(path="reviews.csv", more="wdir: ..\n")}, "reviews.csv", None),
        ({"up.dvc": pointer(path="reviews.csv", more="wdir: sub\n")}, "sub/reviews.csv", Facts(f"md5:{HASH}", 5)),
        ({"a.dvc": "outs:\n- md5: b\n  path: a\n"}, "a", Facts("md5:b")),
        ({"a.dvc": "outs:\n- etag: b\n  size: 3\n  path: a\n"}, "a", Facts("etag:b", 3)),
        ({"data.dvc": VERSIONED}, "data", Facts("", 7, 2)),
        ({"p/dvc.lock": LOCK}, "p/out/clean.csv", Facts("md5:00000000000000000000000000000012", 7)),
        ({"p/dvc.lock": LOCK}, "p/model.bin", Facts("md5:1e10", 9)),
        ({"p/dvc.lock": LOCK, "p/dvc.yaml": "stages: {train: {wdir: sub}}"}, "p/sub/model.bin", Facts("md5:1e10", 9)),
        ({"p/dvc.lock": LOCK, "p/dvc.yaml": "stages: {train: {wdir: sub}}"}, "p/model.bin", None),
        ({"p/dvc.lock": FIRST_LOCK}, "p/out/clean.csv", Facts("md5:b")),
        ({"a.dvc": "not: [a, mapping"}, "a", None),
        ({"a.dvc": "outs: {}\n", "b.dvc": "outs: [1, {path: 2}, {}]\n", "dvc.lock": "stages: 1\nschema: '2.0'\n"}, "a", None),
        ({"dvc.lock": "schema: '2.0'\nstages: {a: {outs: [{path: a, md5: b, size: x, nfiles: []}]}, b: 1}\n"}, "a", Facts("md5:b")),
        ({".dvc/config": "", "y": "1"}, "x", None),
    ],
)
def test_facts(files: dict[str, str], path: str, expected: Facts | None, data: Repository, git: Git) -> None:
    """Each form in which DVC writes down what it tracks; damaged files are no facts."""
    commit = data.commit(files, "v1")
    repository = git.repository(data.address)
    assert repository.of_tag("v1") == commit
    assert dvc.facts(repository, [commit], path).get(commit) == expected


def test_large_files_stay_away(data: Repository, git: Git) -> None:
    """Of a commit only what is small is fetched, where the server can; where it cannot, all of it, with the same result."""
    (data.folder / "large").write_bytes(os.urandom(3 << 20))
    data.commit({"a.dvc": pointer(path="a")}, "v1")

    def fetched(address: str) -> int:
        repository = git.repository(address)
        commit = repository.of_tag("v1")
        assert dvc.facts(repository, [commit], "a") == {commit: Facts(f"md5:{HASH}", 5)}
        assert repository.has(commit, "large")
        return sum(path.stat().st_size for path in repository.folder.rglob("*") if path.is_file())

    assert fetched(data.address) < 1 << 20
    data.git("config", "uploadpack.allowFilter", "false")
    assert fetched(f"{data.address}/") > 3 << 20


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each command of git that the test has run, by its first word."""
    words: list[str] = []
    run = Git.run

    def counted(self: Git, command: Sequence[str], folder: Path, given: bytes = b"") -> tuple[int, bytes, str]:
        words.append(command[0])
        return run(self, command, folder, given)

    monkeypatch.setattr(Git, "run", counted)
    return words


def test_datasets_of_many_tags(data: Repository, asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """However many tags there are, git is asked once for all of them, and datasets of one repository share the tags."""
    project(PROJECT.replace("    code: true\n", ""))
    for number in range(30):
        data.commit({"project1/reviews.csv.dvc": pointer(size=number), "labels/a": str(number)}, f"v1.{number}")
    assert mlc("datasets") == OK
    out = capsys.readouterr().out
    assert all(out.count(f"\n  v1.{number} ") == 2 for number in range(30))
    assert (asked.count("ls-remote"), asked.count("fetch")) == (1, 1)
    assert asked.count("cat-file") == 1 + (2 + 1) + 1  # the commits, two folders and the `.dvc` files in them, one folder


def test_files_of_dvc_are_read_once(data: Repository, git: Git, asked: list[str]) -> None:
    """Datasets that lie in one folder are found in the same files, which do not change with every tag."""
    commits = [data.commit({f"d/{name}.dvc": pointer(path=name, size=number) for name in "ab"}, f"v{number}") for number in range(3)]
    repository = git.repository(data.address)
    repository.tags()
    asked.clear()
    assert [one.size for one in dvc.facts(repository, commits, "d/a").values()] == [0, 1, 2]
    assert asked == ["cat-file"] * 3
    assert [one.size for one in dvc.facts(repository, commits, "d/b").values()] == [0, 1, 2]
    assert asked == ["cat-file"] * 5


def test_lock_of_many_tags(data: Repository, asked: list[str]) -> None:
    """All the tags of a repository that a lock file needs are fetched together, each once; one that is not there stops no other."""
    tags = [f"v1.{number}" for number in range(5)]
    commits = {tag: data.commit({"labels/a": tag}, tag) for tag in tags}
    entry = "git: {repo: 'https://git.test/data.git', path: labels}, token: {secret: git, key: token}"
    names = {f"{name}{number}": tag for number, tag in enumerate(tags) for name in ("a", "b")}
    text = "mlc: v1\nname: demo\ndatasets:\n" + "".join(f"  {name}: {{{entry}, tag: {tag}}}\n" for name, tag in names.items())
    text += f"steps: {{s: {{image: 'a:1', command: [x], inputs: [{', '.join(names)}]}}}}\n"
    project(text)
    assert mlc("lock") == OK
    assert {name: one[0]["commit"] for name, one in locked()["datasets"].items()} == {  # type: ignore[attr-defined]
        name: commits[tag] for name, tag in names.items()
    }
    assert (asked.count("ls-remote"), asked.count("fetch")) == (0, 1)
    project(text.replace("tag: v1.2", "tag: v2"))
    asked.clear()
    assert mlc("lock") == FAILED
    assert asked.count("ls-remote") == 1


def test_tag_of_no_commit(data: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A tag of a folder is no version of a dataset, and hides none."""
    data.commit({"project1/reviews.csv.dvc": pointer(), "labels/a": "1"}, "v1.0")
    data.git("tag", "tree", "HEAD^{tree}")
    project(PROJECT.replace("    code: true\n", ""))
    assert mlc("datasets") == OK
    out = capsys.readouterr().out
    assert out.count("v1.0") == 2
    assert "tree" not in out


def test_what_cannot_be_fetched_any_more(data: Repository, git: Git) -> None:
    """Git ends at a large file that it has left out and cannot get: what was asked for behind it is read all the same."""
    files = {"a.dvc": pointer(path="a"), "large.dvc": "#" * (2 << 20), "z.dvc": pointer(path="z")}
    commit = data.commit(files, "v1")
    repository = git.repository(data.address)
    repository.of_tag("v1")
    data.folder.rename(data.folder.parent / "gone")
    assert dvc.facts(repository, [commit], "a") == dvc.facts(repository, [commit], "z") == {commit: Facts(f"md5:{HASH}", 5)}


# --- what can go wrong --------------------------------------------------------------------------------------------------------


def test_missing_repository(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An address that leads nowhere."""
    (tmp_path / "git").mkdir(exist_ok=True)
    project()
    failure("MLC906", "there is no repository `https://git.test/data.git`", capsys)


def test_unreachable(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A host that does not answer, by https and by ssh, is reported once for each repository, with all the places that name it."""
    project(PROJECT.replace("git.test", f"127.0.0.1:{free_port()}"))
    err = failure("MLC904", "cannot ask `https://127.0.0.1:", capsys)
    assert err.count("error[") == 2
    assert [line.split(":")[:-1] for line in err.splitlines() if "mlc.yaml:" in line] == [
        ["  --> mlc.yaml", "6"],
        ["  ", "", "", " mlc.yaml", "10"],
        ["  --> mlc.yaml", "12"],
    ]
    assert err.count("needed here, too") == 1
    text = PROJECT.replace("https://git.test", f"ssh://git@127.0.0.1:{free_port()}").replace("token: {", "ssh_key: {")
    project(text.replace("key: token", "key: id"))
    failure("MLC904", "cannot ask `ssh://git@127.0.0.1:", capsys)


@pytest.mark.parametrize("command", ["lock", "datasets"])
def test_unreachable_is_asked_once(command: str, asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody waits a second time for a repository that did not answer, however many datasets and environments name it."""
    text = PROJECT.replace("    code: true\n", "").replace("git.test", f"127.0.0.1:{free_port()}")
    project(text + "environments: {prod: {datasets: {reviews: {tag: v2.0}}}, dev: {datasets: {labels: {tag: v3.0}}}}\n")
    assert mlc(command) == FAILED
    err = capsys.readouterr().err
    assert err.count("error[MLC904]") == err.count("error[") == 1
    assert err.count("::: mlc.yaml:") == err.count("needed here, too") == (3 if command == "lock" else 1)
    assert asked.count("ls-remote") + asked.count("fetch") == 1


def test_a_failure_of_one_thing(data: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong with one tag, or for a reason that nobody knows, is not said of the others."""
    data.commit({"project1/reviews.csv.dvc": pointer(), "labels/a": "1"}, "v1.0")
    project(PROJECT.replace("    code: true\n", "").replace("tag: v1.0", "tag: v3", 1))
    err = failure("MLC906", "there is no tag `v3`", capsys)
    assert err.count("error[") == 1
    assert ":::" not in err


@pytest.mark.parametrize(
    ("said", "code", "text"),
    [
        ("fatal: Authentication failed for 'https://git.test/data.git/'", "MLC905", "does not let you in (fatal: Authentication failed"),
        ("fatal: could not read Username for 'https://git.test': terminal prompts disabled", "MLC905", "does not let you in"),
        ("git@git.test: Permission denied (publickey).", "MLC905", "does not let you in (git@git.test: Permission denied"),
        ("Host key verification failed.", "MLC905", "is not known to ssh"),
        ("remote: Repository not found.", "MLC906", "there is no repository"),
        ("fatal: unable to access: SSL certificate problem: self-signed certificate", "MLC904", "no safe connection to"),
        ("fatal: unable to access: Problem with the SSL CA cert", "MLC904", "no safe connection to"),
        ("fatal: unable to access: The requested URL returned error: 429", "MLC904", "cannot ask"),
        ("fatal: \x1b[31msomething else", "MLC907", "git failed on `https://git.test/data.git` (fatal:  [31msomething else)"),
        ("", "MLC907", "git failed on `https://git.test/data.git` (no reason)"),
    ],
)
def test_messages_of_git(
    said: str, code: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What git and ssh say becomes a code with a way out, for each place where the repository is named."""
    fake(
        tmp_path, monkeypatch, f"case \"$*\" in *ls-remote*|*fetch*) printf '%s\\n' '{said.replace(chr(39), chr(34))}' >&2; exit 128;; esac"
    )
    project()
    failure(code, text.replace(chr(39), chr(34)), capsys)


def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, name: str = "git") -> None:
    """Put a program of that name before the real one on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\nexit 0\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_no_git(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Without the program the message says so, once; a project that has nothing in git does not need it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    project()
    failure("MLC908", "needs the program `git`, which is not installed", capsys)
    assert mlc("datasets") == FAILED
    assert capsys.readouterr().err.count("error[MLC908]") == 1
    project("mlc: v1\nname: demo\nsteps: {a: {image: 'a:1', command: [x]}}\n")
    assert mlc("datasets") == OK


def test_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A command that hangs is ended, with all that it has started."""
    monkeypatch.setattr(client, "SECONDS", 0.5)
    fake(tmp_path, monkeypatch, f'case "$*" in *ls-remote*|*fetch*) sleep 60 & echo $! >> {tmp_path}/pids; wait;; esac')
    project()
    begin = time.monotonic()
    failure("MLC904", "timed out after", capsys)
    assert time.monotonic() - begin < 20
    for pid in (tmp_path / "pids").read_text().split():
        assert subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True, check=False).stdout.strip()[:1] in ("", "Z")


def test_nobody_is_asked(data: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, git: Git) -> None:
    """Git and ssh ask for nothing, the user's own ssh command stays, and another repository's variables do not count."""
    data.commit({"a": "1"}, "v1")
    assert git.environment["GIT_TERMINAL_PROMPT"] == "0"
    assert git.environment["GIT_SSH_COMMAND"] == "ssh -o BatchMode=yes -o ConnectTimeout=20"
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_SSH_COMMAND", "/usr/bin/ssh -F 'my file'")
    folder = tmp_path / "one"
    folder.mkdir()
    other = Git(folder)
    assert other.environment["GIT_SSH_COMMAND"] == "/usr/bin/ssh -F 'my file' -o BatchMode=yes -o ConnectTimeout=20"
    assert other.repository(data.address).of_tag("v1")
    for command in ("plink -batch", "it's"):
        monkeypatch.setenv("GIT_SSH_COMMAND", command)
        assert Git(folder).environment["GIT_SSH_COMMAND"] == command
    monkeypatch.delenv("GIT_SSH_COMMAND")
    monkeypatch.setenv("GIT_SSH", "/opt/plink")
    assert "GIT_SSH_COMMAND" not in Git(folder).environment
    monkeypatch.delenv("GIT_SSH")
    subprocess.run(["git", "config", "--global", "core.sshCommand", "ssh -p 5"], check=True)
    assert Git(folder).environment["GIT_SSH_COMMAND"].startswith("ssh -p 5 -o BatchMode")


# --- mlc datasets -------------------------------------------------------------------------------------------------------------


def test_datasets(data: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tags of each dataset, newest first, with what is known of them, and which are named and locked."""
    Repository(tmp_path / "git", "code").commit({"a": "1"})
    data.commit({"readme": "nothing yet"}, "v0", "2024-01-01T00:00:00+00:00")
    data.commit({"project1/reviews.csv.dvc": pointer(), "labels/a": "1"}, "v1.0", "2024-02-01T00:00:00+00:00")
    project(PROJECT + "environments:\n  prod: {datasets: {reviews: {tag: v2.0}}}\n  dev: {datasets: {reviews: {rev: HEAD}}}\n")
    second = data.commit({"project1/reviews.csv.dvc": pointer("b" * 32, 14445097)}, "v2.0", "2024-03-01T00:00:00+00:00")
    path = project(Path("mlc.yaml").read_text().replace("rev: HEAD", f"rev: '{second[:8]}'"))
    assert mlc("datasets") == OK
    commits = {tag: data.git("rev-parse", tag) for tag in ("v1.0", "v2.0")}
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "reviews: dvc https://git.test/data.git project1/reviews.csv"
    assert [line.split() for line in lines[1:5]] == [
        ["TAG", "COMMIT", "DATE", "SIZE", "HASH", "USED"],
        ["v2.0", commits["v2.0"][:10], "2024-03-01", "14.4", "MB", "bbbbbbbbbb", "prod,", "dev"],
        ["v1.0", commits["v1.0"][:10], "2024-02-01", "5", "B", HASH[:10], "spec"],
        [],
    ]
    assert [line.split() for line in lines[6:]] == [
        ["TAG", "COMMIT", "DATE", "USED"],
        ["v2.0", commits["v2.0"][:10], "2024-03-01"],
        ["v1.0", commits["v1.0"][:10], "2024-02-01", "spec"],
    ]
    assert path.exists()


def test_datasets_and_lock_file(data: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """What is locked is marked, with its own commit where the tag has moved since."""
    first = data.commit({"project1/reviews.csv.dvc": FOLDER.replace("path: data", "path: reviews.csv"), "labels/a": "1"}, "v1.0")
    project(PROJECT.replace("    code: true\n", ""))
    assert mlc("lock") == OK
    capsys.readouterr()
    assert mlc("datasets") == OK
    out = capsys.readouterr().out
    assert out.count("spec, locked") == 2
    assert "10 B  2      22a1a2931c" in out
    moved = data.commit({"project1/reviews.csv.dvc": pointer()}, "v1.0")
    assert mlc("datasets", "--format", "json") == OK
    found = json.loads(capsys.readouterr().out)
    assert found["version"] == 1
    assert found["projects"][0]["datasets"][0] == {
        "name": "reviews",
        "source": "dvc",
        "address": data.address,
        "path": "project1/reviews.csv",
        "environments": [""],
        "not_there": [],
        "versions": [
            {
                "tag": "v1.0",
                "commit": moved,
                "date": "2024-05-01T10:00:00+00:00",
                "hash": f"md5:{HASH}",
                "size": 5,
                "files": None,
                "used_by": [""],
                "locked": f"locked at {first[:10]}",
            }
        ],
    }


def test_datasets_of_a_parameter(data: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A tag from a parameter is its default, also in an environment; one that is not there is said, a commit without a tag has a row."""
    data.commit({"project1/reviews.csv.dvc": pointer(), "labels/a": "1"}, "v1.0", "2024-02-01T00:00:00+00:00")
    bare = data.commit({"project1/reviews.csv.dvc": pointer("b" * 32, 7)}, "", "2024-02-02T00:00:00+00:00")
    data.commit({"project1/reviews.csv.dvc": pointer("c" * 32, 8)}, "v2.0", "2024-03-01T00:00:00+00:00")
    named = {"reviews": "tag: '${{ params.data }}'", "part": "tag: 'v${{params.number}}.0'", "open": "tag: 'v${{ params.day }}'"}
    named["cut"] = f"rev: '{bare[:9]}'"
    place = f"dvc: {{repo: '{data.address}', path: project1/reviews.csv}}, token: {{secret: git, key: token}}"
    Path("mlc.yaml").write_text(
        "mlc: v1\nname: demo\nparams: {number: 1, day: {type: string}, data: {default: v1.0}}\ndatasets:\n"
        + "".join(f"  {name}: {{{place}, {version}}}\n" for name, version in named.items())
        + "steps: {a: {image: 'a:1', command: [x], inputs: [reviews, part, open, cut]}}\n"
        + "environments: {prod: {params: {data: v2.0}}, next: {params: {data: v3.0}}}\n"
    )
    assert mlc("datasets") == OK
    blocks = {block.partition(":")[0]: block.splitlines() for block in capsys.readouterr().out.split("\n\n")}
    assert blocks["reviews"][0].endswith(" project1/reviews.csv at ${{ params.data }}")
    assert [line.split()[0::5] for line in blocks["reviews"][2:4]] == [["v2.0", "cccccccccc"], ["v1.0", HASH[:10]]]
    assert [line.split()[-1] for line in blocks["reviews"][2:4]] == ["prod", "spec"]
    assert blocks["reviews"][4] == "  tag v3.0 is not there (next)"
    assert [line.split()[0] for line in blocks["part"] if "spec" in line] == ["v1.0"]
    assert [line for line in blocks["open"] if "spec" in line or "not there" in line] == []
    assert [line.split()[:2] for line in blocks["cut"] if "spec" in line] == [["-", bare[:10]]]
    assert mlc("datasets", "--format", "json") == OK
    assert json.loads(capsys.readouterr().out)["projects"][0]["datasets"][0]["not_there"] == [{"tag": "v3.0", "used_by": ["next"]}]


def test_datasets_without_any(data: Repository, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A project without datasets, one whose tags do not have it, an object, and a repository that is not there."""
    path = project("mlc: v1\nname: demo\nsteps: {a: {image: 'a:1', command: [x]}}\n")
    assert mlc("datasets") == OK
    assert capsys.readouterr().out == "demo: no datasets\n"
    data.commit({"a": "1"})
    text = """\
mlc: v1
name: demo
datasets:
  objects: {s3: {uri: s3://bucket/key}}
  reviews: {dvc: {repo: "https://git.test/data.git", path: a}, tag: v1, token: {secret: git, key: token}}
steps: {a: {image: "a:1", command: [x], inputs: [objects, reviews]}}
"""
    path.write_text(text)
    assert mlc("datasets") == OK
    out = capsys.readouterr().out
    assert "objects: s3 s3://bucket/key\n  an object: its bucket knows the versions\n" in out
    assert "reviews: dvc https://git.test/data.git a\n  no tag has it\n  tag v1 is not there (spec)\n" in out
    path.write_text(text.replace("data.git", "none.git"))
    assert mlc("datasets") == FAILED
    assert "error[MLC906]: there is no repository `https://git.test/none.git`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (-1, ""),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (14445097, "14.4 MB"),
        (999_999, "1 MB"),
        (123_456, "123 kB"),
        (5 * 10**15, "5 PB"),
    ],
)
def test_sizes(size: int, shown: str) -> None:
    """Sizes are for people."""
    assert versions._size(size) == shown
