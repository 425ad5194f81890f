"""Other ways to keep data: objects of a bucket, a DVC remote in one, and a repository over https with a token."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from .servers import Bucket, Https
from .world import World


def place(bucket: Bucket, key: str, **more: str | Path) -> dict[str, str | Path]:
    """The arguments for an object."""
    keys = {"access_key": bucket.access_key, "secret_key": bucket.secret_key}
    return {"uri": f"s3://{bucket.name}/{key}", "endpoint": bucket.endpoint, "region": "us-east-1", **keys, **more}


def version_of(log: str) -> str:
    """The version of an object, from the line that says it."""
    found = re.search(r"is version (\w+):", log)
    assert found, log
    return found.group(1)


def test_objects(world: World, bucket: Bucket) -> None:
    """Published and fetched, the newest version and the one before."""
    data, out = world.folder / "data.json", world.folder / "out.json"
    versions = []
    for text in ("one", "two"):
        data.write_text(text)
        done = world.objects(**place(bucket, "a/data.json", data=data))
        assert done.code == 0, done.log
        versions.append(version_of(done.log))
    for more, text in (({}, "two"), ({"version": versions[0]}, "one")):
        done = world.objects(**place(bucket, "a/data.json", out=out, **more))
        assert (done.code, out.read_text()) == (0, text), done.log


def test_folders_of_objects(world: World, bucket: Bucket) -> None:
    """All below a prefix is a folder; what an older version left there is not mixed with a new one."""
    data, out = world.sub("made"), world.folder / "out"
    (data / "sub").mkdir()
    for name in ("a.txt", "sub/b ü.txt"):
        (data / name).write_text(name)
    assert world.objects(**place(bucket, "set", data=data)).code == 0
    assert world.objects(**place(bucket, "set", data=data)).code == 0
    assert world.objects(**place(bucket, "set", out=out)).code == 0
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()) == ["a.txt", "sub/b ü.txt"]
    (data / "a.txt").unlink()
    done = world.objects(**place(bucket, "set", data=data))
    assert (done.code, "has files that the new version does not have, such as `a.txt`" in done.last) == (1, True), done.log


def test_what_a_store_refuses(world: World, bucket: Bucket) -> None:
    """A wrong key, nothing there, no such version, nobody there: each has its message."""
    wrong = world.folder / "wrong"
    wrong.write_text("wrong")
    data = world.folder / "data"
    data.write_text("x")
    assert world.objects(**place(bucket, "there", data=data)).code == 0
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        for given, text in (
            (place(bucket, "there", secret_key=wrong), "the store refuses the access key"),
            (place(bucket, "nix"), f"there is no s3://{bucket.name}/nix"),
            (place(bucket, "there", version="0" * 32), "there is no"),
            (place(bucket, "there", uri="s3://no-such-bucket/x"), "there is no"),
            (place(bucket, "there", endpoint=nobody), "the host cannot be reached"),
        ):
            done = world.objects(**{**given, "out": world.folder / "out"})
            assert (done.code, text in done.last) == (1, True), done.log


def test_dvc_remote_in_a_bucket(world: World, bucket: Bucket) -> None:
    """The keys of the bucket come from files, and the requests are signed with them."""
    work = world.folder / "work"
    config = work / "project2" / ".dvc" / "config"
    text = config.read_text().replace(str(world.local), f"s3://{bucket.name}/dvc") + f"    endpointurl = {bucket.endpoint}\n"
    config.write_text(text)
    world.git("commit", "-qam", "bucket", cwd=work)
    world.git("push", "-q", world.repo, "HEAD:main", cwd=work)
    data, wrong = world.folder / "data", world.folder / "wrong"
    data.write_text("in a bucket")
    wrong.write_text("wrong")
    keys = {"access_key": bucket.access_key, "secret_key": bucket.secret_key}
    refused = world.publish(path="project2/a.csv", tag="v1", data=data, **{**keys, "secret_key": wrong})
    assert (refused.code, world.tags()) == (1, {}), refused.log
    assert "the store refuses the access key" in refused.last
    assert world.publish(path="project2/a.csv", tag="v1", data=data, **keys).code == 0
    done = world.fetch(path="project2/a.csv", tag="v1", **keys)
    assert (done.code, (world.folder / "out").read_text()) == (0, "in a bucket"), done.log


def test_https_with_a_token(world: World) -> None:
    """Fetched and published with the token, which is in no address and no log; a wrong one is refused."""
    world.git("config", "http.receivepack", "true", cwd=world.repo)
    server = Https(world.sub("https"), world.folder)
    token, wrong = world.folder / "token", world.folder / "wrong"
    token.write_text(Https.TOKEN + "\n")
    wrong.write_text("wrong")
    data = world.folder / "data"
    data.write_text("over https")
    with server.started() as address:
        world.env["GIT_SSL_CAINFO"] = str(server.certificate)
        given: dict[str, str | Path] = {"repo": f"{address}/repo.git", "ssh_key": "", "known_hosts": "", "token": token}
        done = world.publish(path="project2/a.csv", tag="v1", data=data, **given)
        assert done.code == 0, done.log
        fetched = world.fetch(path="project2/a.csv", tag="v1", **given)
        assert (fetched.code, (world.folder / "out").read_text()) == (0, "over https"), fetched.log
        refused = world.fetch(path="project2/a.csv", tag="v1", **{**given, "token": wrong})
        assert (refused.code, "the host refuses the token" in refused.last) == (1, True), refused.log
        lost = world.fetch(path="project2/a.csv", tag="v1", **{**given, "repo": f"{address}/nix.git"})
        assert (lost.code, "there is no such repository" in lost.last) == (1, True), lost.log
        del world.env["GIT_SSL_CAINFO"]
        unknown = world.fetch(path="project2/a.csv", tag="v1", **given)
        assert (unknown.code, "the certificate of the host" in unknown.last) == (1, True), unknown.log
    assert Https.TOKEN not in done.log + fetched.log + "".join(server.paths)
