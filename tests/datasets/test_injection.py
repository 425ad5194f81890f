"""Texts that would be something else to a shell, to git, to ssh or to DVC: a refusal, or the literal text."""

from __future__ import annotations

import pytest

from .world import World

TAGS = (
    "--upload-pack=touch OWNED", "-x", "$(touch OWNED)", "`touch OWNED`", "v1; touch OWNED", "v1\ntouch OWNED", "v1 --force", "../v1",
    "v1/../../x", "refs/heads/main", "v1'\"", "v1*", "v?", "v1^{}", "v1~1", "v1:x", ":(top)x", "@", "@{1}", "", "v1.lock", "a//b", "\x00v",
    "v1\r", "ü", "v" * 201, "%s%n", "{0}", "${HOME}", "$HOME", "|x", "&x", "v1\\x", "HEAD", "+main:v1",
)  # fmt: skip
GOOD = {"v1'\"", "ü", "%s%n", "{0}", "${HOME}", "$HOME", "|x", "&x"}
"""What git takes as the name of a tag. Nothing of ours reads it as anything else."""
PATHS = (
    "../x", "a/../../x", "/etc/passwd", "-x", "--help", "project2/../../x", "project2//x", "./x", "", "project2/.git/config", ".git/config",
    "project2/.GIT/config", "project2/x\ny", "project2\\x", "project2/\x1b[0m",
)  # fmt: skip
ODD_PATHS = (
    "project2/$(touch OWNED).csv", "project2/`touch OWNED`", "project2/a b'\"c", "project2/-x", "project2/;touch OWNED", "project2/ü*?[a]",
    "project2/#x", "project2/!x", "project2/%s {0} ${HOME}", "project2/:(top)x",
)  # fmt: skip


def test_tags(world: World) -> None:
    """Every tag is refused, or fetched as exactly that."""
    for tag in TAGS:
        if "\x00" in tag:
            continue  # no argument can hold it
        done = world.fetch(path="project2/a.csv", tag=tag) if tag else world.run([*world.words("dvc", path="a", out="/nix"), "tag="])
        wanted = "there is no tag" if tag in GOOD else "cannot be the name of a tag"
        assert (done.code, wanted in done.last) == (1, True), (tag, done.log)
    assert [path for path in (world.folder, world.tmp) if list(path.rglob("OWNED"))] == []


def test_an_odd_tag_is_a_name(world: World) -> None:
    """What git takes as a tag is published and fetched under it, and moves nothing else."""
    before = world.head()
    data = world.folder / "data"
    for number, tag in enumerate(("heads/v1", "$(id)v1'\"", "tags/heads/v1")):
        data.write_text(str(number))
        done = world.publish(path="project2/a.csv", tag=tag, data=data)
        assert done.code == 0, done.log
        assert (
            world.git("rev-parse", "--verify", f"refs/tags/{tag}", cwd=world.repo).strip()
            == world.git("rev-parse", "--verify", "refs/heads/main", cwd=world.repo).strip()
        )
        assert world.read("project2/a.csv", tag) == str(number).encode()
    assert before in world.git("rev-list", "refs/heads/main", cwd=world.repo)


def test_the_name_of_a_branch_is_no_tag(world: World) -> None:
    """Who asks for the branch by its name, as `code` does, would get the tag."""
    data = world.folder / "data"
    data.write_text("x")
    world.git("branch", "release/1", "main", cwd=world.repo)
    for tag in ("main", "heads/main", "release/1"):
        done = world.publish(path="project2/a.csv", tag=tag, data=data)
        said = f"mlc: reviews: `{tag}` is the name of a branch there: publish under another tag"
        assert (done.code, done.last) == (1, said), done.log
    assert world.tags() == {}


def test_paths(world: World) -> None:
    """A path never leaves the repository, and never reaches into what git keeps of itself."""
    data = world.folder / "data"
    data.write_text("x")
    for path in PATHS:
        for done in (
            world.run([*world.words("dvc", tag="v1", out=world.folder / "out"), f"path={path}"]),
            world.run([*world.words("publish", tag="v1", data=data), f"path={path}"]),
        ):
            assert done.code == 1, (path, done.log)
            assert "is not a path in a repository" in done.last or "there is no tag" in done.last, (path, done.log)
    assert world.tags() == {}


@pytest.mark.parametrize("path", ODD_PATHS)
def test_odd_paths_are_names(world: World, path: str) -> None:
    """Whatever git and DVC take as a name is that name; what DVC cannot name is refused."""
    data = world.folder / "data"
    data.write_text(path)
    done = world.publish(path=path, tag="v1", data=data)
    if done.code == 0:
        assert world.read(path, "v1") == path.encode()
        assert f"{path}.dvc" in world.git("ls-tree", "-rz", "--name-only", "v1", cwd=world.repo).split("\0")
    else:
        assert world.tags() == {}
    assert list(world.folder.rglob("OWNED")) == []


def test_a_repository_that_is_not_what_it_seems(world: World) -> None:
    """Hooks, settings and attributes of the repository run nothing here; a `.dvc` that is a link elsewhere is refused."""
    work = world.folder / "work"
    owned = world.folder / "OWNED"
    (work / ".gitattributes").write_text("* filter=x diff=x merge=x\n")
    (work / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = x\n\turl = {world.repo}\n\tupdate = !touch {owned}\n')
    (work / "linked").mkdir()
    (work / "linked" / ".dvc").symlink_to(world.sub("outside"))
    (work / "away").symlink_to(world.folder)
    world.git("add", ".", cwd=work)
    world.git("commit", "-qm", "odd", cwd=work)
    world.git("push", "-q", world.repo, "HEAD:main", "HEAD:refs/tags/v1", cwd=work)
    data = world.folder / "data"
    data.write_text("x")
    for path in ("linked/a.csv", "away/a.csv"):
        for done in (world.fetch(path=path, tag="v1"), world.publish(path=path, tag="v2", data=data)):
            assert done.code == 1, done.log
            assert "leads out of the repository" in done.last or "there is no .dvc folder" in done.last, done.log
    assert not owned.exists()
    assert list((world.folder / "outside").iterdir()) == []
