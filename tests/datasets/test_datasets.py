"""Fetching and publishing with real git, real DVC and a real sshd."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .servers import new_key
from .world import World


def file(world: World, text: str, name: str = "data.csv") -> Path:
    """A file with data, as a producer leaves it."""
    path = world.folder / name
    path.write_text(text)
    return path


def folder(world: World, **files: str) -> Path:
    """A folder with data. `__` in a name is a `/`."""
    path = world.folder / "made"
    for name, text in files.items():
        one = path / name.replace("__", "/")
        one.parent.mkdir(parents=True, exist_ok=True)
        one.write_text(text)
    return path


def test_two_projects_in_one_repository(world: World) -> None:
    """Seed 000: each project publishes its own v1.0; the second moves the tag, and both are found at it."""
    assert world.publish(path="project1/reviews.csv", tag="v1.0", data=file(world, "a,b\n1,2\n")).code == 0
    first = world.tags()["v1.0"]
    assert world.head() == first
    other = file(world, "c\n3\n", "other.csv")
    refused = world.publish(path="project2/clicks.csv", tag="v1.0", data=other)
    assert (refused.code, world.tags()["v1.0"]) == (1, first)
    way_out = "publish under another one, or allow `overwrite`"
    assert refused.last == f"mlc: reviews: the tag `v1.0` exists, without `project2/clicks.csv`: {way_out}"
    refused = world.publish(path="project1/reviews.csv", tag="v1.0", data=other)
    assert (refused.code, refused.last) == (1, f"mlc: reviews: the tag `v1.0` exists with other content: {way_out}")
    done = world.publish(path="project2/clicks.csv", tag="v1.0", data=other, overwrite="true")
    assert done.code == 0, done.log
    assert f"it was {first}" in done.last
    assert world.read("project1/reviews.csv", "v1.0") == b"a,b\n1,2\n"
    assert world.read("project2/clicks.csv", "v1.0") == b"c\n3\n"


def test_a_moved_tag_keeps_the_others_versions(world: World) -> None:
    """The tag of a first version moves on top of itself, not to the newest commit: there project1 has its second version already."""
    for tag, text in (("v1.0", "one"), ("v2.0", "two")):
        assert world.publish(path="project1/reviews.csv", tag=tag, data=file(world, text)).code == 0
    old = world.tags()["v1.0"]
    done = world.publish(path="project2/clicks.csv", tag="v1.0", data=file(world, "clicks"), overwrite="true")
    assert done.code == 0, done.log
    assert [world.read("project1/reviews.csv", tag) for tag in ("v1.0", "v2.0")] == [b"one", b"two"]
    assert world.read("project2/clicks.csv", "v1.0") == b"clicks"
    assert world.git("rev-parse", "v1.0^", cwd=world.repo).strip() == old
    on_branch = world.git("ls-tree", "-r", "--name-only", "main", cwd=world.repo).split()
    assert {"project1/reviews.csv.dvc", "project2/clicks.csv.dvc"} <= set(on_branch)


def test_an_annotated_tag_stays_one(world: World) -> None:
    """With its message, byte for byte; a signature cannot be for another commit, and the log says that it is gone."""
    assert world.publish(path="project2/a.csv", tag="v1", data=file(world, "one")).code == 0
    was = world.head()
    message = b"# Release\n\n  caf\xe9 \n"
    (world.folder / "message").write_bytes(message)
    world.git("tag", "-f", "-a", "--cleanup=verbatim", "-F", world.folder / "message", "v1", "main", cwd=world.repo)

    def moved(text: str) -> tuple[str, bytes]:
        done = world.publish(path="project2/a.csv", tag="v1", data=file(world, text), overwrite="true")
        assert done.code == 0, done.log
        assert world.read("project2/a.csv", "v1") == text.encode()
        raw = subprocess.run(["git", "cat-file", "tag", "v1"], cwd=world.repo, check=True, capture_output=True).stdout
        assert f"object {world.head()}\n".encode() in raw
        assert b"tagger Team <team@example.com> " in raw
        return done.last, raw.partition(b"\n\n")[2]

    assert moved("two") == (f"mlc: reviews: tag v1 is commit {world.head()}, it was {was}", message)
    was, key = world.head(), new_key(world.folder / "signer")
    world.git("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}", "tag", "-f", "-s", "-m", "signed", "v1", "main", cwd=world.repo)
    assert "BEGIN SSH SIGNATURE" in world.git("cat-file", "tag", "v1", cwd=world.repo)
    last, text = moved("three")
    assert text == b"signed\n"
    assert last == f"mlc: reviews: tag v1 is commit {world.head()}, it was {was}; its signature was of that one, and is gone"
    world.git("fsck", "--strict", cwd=world.repo)


def test_again_is_done(world: World) -> None:
    """An attempt after one that came through changes nothing, with and without `overwrite`."""
    data = file(world, "one")
    assert world.publish(path="project2/clicks.csv", tag="v1", data=data).code == 0
    before = (world.tags(), world.head())
    for overwrite in ("", "true"):
        done = world.publish(path="project2/clicks.csv", tag="v1", data=data, overwrite=overwrite)
        assert done.code == 0, done.log
        assert "has this data already" in done.last
    assert (world.tags(), world.head()) == before


def test_data_that_was_lost_is_pushed_again(world: World) -> None:
    """The tag is there and the data is not: publishing the same content once more mends it."""
    data = file(world, "one")
    assert world.publish(path="project2/clicks.csv", tag="v1", data=data).code == 0
    for lost in (world.local / "files").rglob("*"):
        if lost.is_file():
            lost.unlink()
    missing = world.fetch(path="project2/clicks.csv", tag="v1")
    assert missing.code == 1
    assert "the data of `project2/clicks.csv`" in missing.last
    assert "is not in the remote `storage`" in missing.last
    assert world.publish(path="project2/clicks.csv", tag="v1", data=data).code == 0
    assert world.read("project2/clicks.csv", "v1") == b"one"


@pytest.mark.parametrize("project", ["project1", "project2"])
def test_folders_stay_folders(world: World, project: str) -> None:
    """The consumer gets the same kind; all of it, hidden files and odd names included, and may write to it."""
    data = folder(world, a="1", sub__b="2", sub__deep__c="", **{".hidden": "h", "with space ü": "s"})
    done = world.publish(path=f"{project}/set", tag="v1", data=data)
    assert done.code == 0, done.log
    out = world.folder / "out"
    assert world.fetch(path=f"{project}/set", tag="v1").code == 0
    found = {str(path.relative_to(out)): path.read_text() for path in out.rglob("*") if path.is_file()}
    assert found == {"a": "1", "sub/b": "2", "sub/deep/c": "", ".hidden": "h", "with space ü": "s"}
    assert all(path.stat().st_mode & 0o200 for path in out.rglob("*"))
    inner = world.folder / "inner"
    assert world.fetch(path=f"{project}/set/sub", tag="v1", out=inner).code == 0
    assert sorted(path.name for path in inner.rglob("*")) == ["b", "c", "deep"]


def test_what_dvc_would_leave_out_is_refused(world: World) -> None:
    """A `.dvcignore` of the repository, or names that DVC never takes, would make it drop files without a word."""
    done = world.publish(path="project2/set", tag="v1", data=folder(world, keep="1", sub__b="2", **{".git/config": "x"}))
    assert (done.code, "DVC would leave out 1 of the 3 files" in done.last) == (1, True), done.log
    work = world.folder / "work"
    (work / "project2" / ".dvcignore").write_text("*.tmp\n")
    world.git("commit", "-qam", "ignore", cwd=work)
    world.git("push", "-q", world.repo, "HEAD:main", cwd=work)
    done = world.publish(path="project2/other", tag="v1", data=folder(world, **{"other/keep": "1", "other/drop.tmp": "2"}) / "other")
    assert (done.code, "DVC would leave out 1 of the 2 files" in done.last) == (1, True), done.log
    assert world.tags() == {}


@pytest.mark.parametrize("path", ["project2/set/x", "project2/set/sub/deep/x"])
def test_a_part_of_a_dataset_is_refused(world: World, path: str) -> None:
    """DVC has the folder as one thing, on the branch or at the tag that would move: what lies in it has no version of its own."""
    assert world.publish(path="project2/set", tag="v1", data=folder(world, a="1")).code == 0
    said = (1, "mlc: reviews: `project2/set` is one dataset of DVC: publish it as a whole")
    done = world.publish(path=path, tag="v2", data=file(world, "x"))
    assert (done.code, done.last) == said, done.log
    work = world.folder / "work"
    world.git("pull", "-q", world.repo, "main", cwd=work)
    world.git("rm", "-q", "project2/set.dvc", "project2/.gitignore", cwd=work)
    world.git("commit", "-qm", "apart", cwd=work)
    world.git("push", "-q", world.repo, "HEAD:main", cwd=work)
    done = world.publish(path=path, tag="v1", data=file(world, "x"), overwrite="true")
    assert (done.code, done.last) == said, done.log
    done = world.publish(path=path, tag="v2", data=file(world, "x"))
    assert done.code == 0, done.log


def test_a_second_version_replaces_the_first_on_the_branch(world: World) -> None:
    """A folder becomes a file under a new tag; the old tag keeps what it had."""
    assert world.publish(path="project2/set", tag="v1", data=folder(world, a="1")).code == 0
    assert world.publish(path="project2/set", tag="v2", data=file(world, "now a file")).code == 0
    assert world.read("project2/set", "v2") == b"now a file"
    assert world.fetch(path="project2/set", tag="v1").code == 0
    assert (world.folder / "out" / "a").read_text() == "1"


def test_moved_settings_reach_both(world: World) -> None:
    """The branch names a new server and an old tag the old one: data that goes under both is on both."""
    assert world.publish(path="project2/a.csv", tag="v1", data=file(world, "a")).code == 0
    work = world.folder / "work"
    world.git("pull", "-q", world.repo, "main", cwd=work)
    moved = world.sub("moved")
    world.dvc("remote", "modify", "storage", "url", moved, cwd=work / "project2")
    world.git("commit", "-qam", "moved", cwd=work)
    world.git("push", "-q", world.repo, "HEAD:main", cwd=work)
    done = world.publish(path="project2/b.csv", tag="v1", data=file(world, "b"), overwrite="true")
    assert done.code == 0, done.log
    assert [world.read(f"project2/{name}.csv", "v1") for name in "ab"] == [b"a", b"b"]
    commit = world.head()
    done = world.fetch(path="project2/b.csv", tag="", rev=commit)
    assert done.code == 0, done.log
    assert (world.folder / "out").read_text() == "b"
    assert sum(path.is_file() for path in moved.rglob("*")) == 1


def test_by_commit(world: World) -> None:
    """`rev` names a commit, in full or by its first digits; one that is not there says so."""
    assert world.publish(path="project2/a.csv", tag="v1", data=file(world, "one")).code == 0
    commit = world.head()
    assert world.publish(path="project2/a.csv", tag="v2", data=file(world, "two")).code == 0
    for rev in (commit, commit[:9]):
        done = world.fetch(path="project2/a.csv", rev=rev)
        assert done.code == 0, done.log
        assert (world.folder / "out").read_text() == "one"
    for rev in ("0" * 40, "1234567"):
        done = world.fetch(path="project2/a.csv", rev=rev)
        assert (done.code, f"there is no commit {rev}" in done.last) == (1, True), done.log


def test_files_of_git(world: World) -> None:
    """Data, and code, that git itself holds. Links within the repository become what they lead to; executables stay that."""
    work = world.folder / "work"
    (work / "labels").mkdir()
    (work / "labels" / "a.txt").write_text("a")
    (work / "labels" / "same.txt").symlink_to("a.txt")
    (work / "run.sh").write_text("#!/bin/sh\n")
    (work / "run.sh").chmod(0o755)
    world.git("add", ".", cwd=work)
    world.git("commit", "-qm", "labels", cwd=work)
    world.git("push", "-q", world.repo, "HEAD:main", "HEAD:refs/heads/side", "HEAD:refs/tags/v1", cwd=work)
    assert world.check_out(path="labels", tag="v1").code == 0
    out = world.folder / "out"
    assert {path.name: (path.read_text(), path.is_symlink()) for path in out.iterdir()} == {"a.txt": ("a", False), "same.txt": ("a", False)}
    for ref in ("v1", "side", world.head(), world.head()[:8]):
        done = world.check_out(ref=ref)
        assert done.code == 0, done.log
        assert (out / "labels" / "a.txt").read_text() == "a"
        assert (out / "run.sh").stat().st_mode & 0o100
        assert not (out / ".git").exists()


@pytest.mark.parametrize(
    ("link", "why"), [("/etc/passwd", "leaves"), ("../..", "leaves"), (".git", "leaves"), (".", "lies in"), ("nix", "nothing")]
)
def test_links_do_not_leave_the_repository(world: World, link: str, why: str) -> None:
    """Who can commit must not get files of the helper's container, such as keys, into an artifact."""
    work = world.folder / "work"
    (work / "link").symlink_to(link)
    world.git("add", ".", cwd=work)
    world.git("commit", "-qm", "link", cwd=work)
    world.git("push", "-q", world.repo, "HEAD:main", "HEAD:refs/tags/v1", cwd=work)
    for given in ({"path": "link", "tag": "v1"}, {"ref": "v1"}):
        done = world.check_out(**given)
        assert done.code == 1, done.log
        assert why in done.last


def test_a_pointer_is_no_data(world: World) -> None:
    """Git LFS is not fetched: a pointer in place of the data would train a model on nothing."""
    work = world.folder / "work"
    (work / "big.bin").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    world.git("add", ".", cwd=work)
    world.git("commit", "-qm", "pointer", cwd=work)
    world.git("push", "-q", world.repo, "HEAD:main", "HEAD:refs/tags/v1", cwd=work)
    done = world.check_out(path="big.bin", tag="v1")
    assert (done.code, "is kept with Git LFS, which is not fetched" in done.last) == (1, True)
