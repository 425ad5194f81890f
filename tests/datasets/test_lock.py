"""`mlc lock` and `mlc datasets` on what DVC itself has made, behind a real `sshd`; and the program that fetches, at a locked commit."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from mlc import __main__
from mlc.cli.request import FAILED, FOUND, OK
from mlc.pins import LockedImage

from .servers import Ssh, new_key
from .world import World

SPEC = """\
mlc: v1
name: demo
datasets:
  reviews: {{dvc: {{repo: "{repo}", path: project1/reviews.csv}}, tag: v1.0, ssh_key: {{secret: git, key: id}}}}
  images: {{dvc: {{repo: "{repo}", path: project2/images}}, tag: v2, ssh_key: {{secret: git, key: id}}}}
steps:
  train: {{image: "a:1", command: [x], inputs: [reviews, images]}}
"""


class Images:
    """A registry that has every image: real ones are asked elsewhere."""

    def look_up(self, *_: object) -> LockedImage:
        """The same for all."""
        return LockedImage("sha256:" + "0" * 64, "linux/amd64", (), ())


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlc.lock.work._registries", lambda _: Images())
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "spec").mkdir()
    monkeypatch.chdir(tmp_path / "spec")


def use(ssh: Ssh, monkeypatch: pytest.MonkeyPatch, folder: Path, key: Path | None = None, known: Path | None = None) -> None:
    """The user's own ssh settings."""
    config = folder / "ssh_config"
    lines = [f"IdentityFile {key or ssh.key}", "IdentitiesOnly yes", f"UserKnownHostsFile {known or ssh.known_hosts}", "IdentityAgent none"]
    config.write_text("Host *\n" + "".join(f"  {line}\n" for line in [*lines, "GlobalKnownHostsFile /dev/null"]), encoding="utf-8")
    monkeypatch.setenv("GIT_SSH_COMMAND", f"ssh -F {config}")


def write(folder: Path, text: str) -> Path:
    """A file of data."""
    path = folder / "data.csv"
    path.write_text(text, encoding="utf-8")
    return path


def mlc(*arguments: str) -> int:
    """Run a command line in this process."""
    return __main__.main(list(arguments))


def test_what_dvc_has_made(
    world: World, ssh: Ssh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tag that is published, moved and locked: the lock file has what DVC has, and what is fetched from it are the old bytes."""
    use(ssh, monkeypatch, tmp_path)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_text(name * 10, encoding="utf-8")
    for path, tag, data in (("project1/reviews.csv", "v1.0", write(tmp_path, "one\n")), ("project2/images", "v2", folder)):
        done = world.publish(path=path, tag=tag, data=data)
        assert done.code == 0, done.log
    first = world.tags()
    Path("mlc.yaml").write_text(SPEC.format(repo=ssh.url(world.repo)), encoding="utf-8")
    assert mlc("lock") == OK
    locked = yaml.safe_load(Path("mlc.yaml.lock").read_text(encoding="utf-8"))["datasets"]
    reviews, images = locked["reviews"][0], locked["images"][0]
    assert (reviews["commit"], images["commit"]) == (first["v1.0"], first["v2"])
    assert (reviews["hash"], reviews["size"]) == (f"md5:{hashlib.md5(b'one' + bytes([10])).hexdigest()}", 4)
    assert (images["size"], images["files"]) == (20, 2)
    assert images["hash"].endswith(".dir")
    assert mlc("lock", "--check") == OK

    done = world.publish(path="project1/reviews.csv", tag="v1.0", data=write(tmp_path, "two, longer\n"), overwrite="true")
    assert done.code == 0, done.log
    capsys.readouterr()
    assert mlc("lock", "--check") == FOUND
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"mlc.yaml.lock: tag v1.0 of dataset reviews: commit was {first['v1.0']}, is {world.tags()['v1.0']}"
    assert out[2:] == ["mlc.yaml.lock: tag v1.0 of dataset reviews: size was 4, is 12"]
    assert world.fetch(path="project1/reviews.csv", rev=reviews["commit"]).code == 0
    assert (world.folder / "out").read_text() == "one\n"

    assert mlc("datasets", "--format", "json") == OK
    (project,) = json.loads(capsys.readouterr().out)["projects"]
    versions = {one["tag"]: one for one in project["datasets"][0]["versions"]}
    assert versions["v1.0"]["size"] == 12
    assert versions["v1.0"]["locked"] == f"locked at {first['v1.0'][:10]}"


def test_keys(world: World, ssh: Ssh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A key that the server does not take, and a host that is not known or is another one, are no access; nobody is asked.

    That is said once, with both datasets of the repository.
    """
    Path("mlc.yaml").write_text(SPEC.format(repo=ssh.url(world.repo)), encoding="utf-8")
    use(ssh, monkeypatch, tmp_path, key=new_key(tmp_path / "other"))
    assert mlc("lock") == FAILED
    err = capsys.readouterr().err
    assert (err.count("error[MLC905]"), err.count("needed here, too")) == (1, 1)
    assert "does not let you in (" in err
    assert "Permission denied" in err
    known = tmp_path / "known"
    for text in (
        "",
        ssh.known_hosts.read_text().replace((ssh.known_hosts.read_text().split()[2]), (tmp_path / "other.pub").read_text().split()[1]),
    ):
        known.write_text(text, encoding="utf-8")
        use(ssh, monkeypatch, tmp_path, known=known)
        assert mlc("lock") == FAILED
        err = capsys.readouterr().err
        assert (err.count("error[MLC905]"), err.count("needed here, too")) == (1, 1)
        assert "is not known to ssh, or has another key than before" in err
