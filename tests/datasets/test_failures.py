"""What goes wrong around a dataset: each has its own message, and nothing is half done."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import threading
import time
import venv
from pathlib import Path
from typing import Any

import pytest

from mlc import tagged

from .servers import new_key, sshd
from .world import World, alive, kill, tree


def published(world: World, path: str = "project2/a.csv", text: str = "one") -> Path:
    """Data that is published as v1."""
    data = world.folder / "data"
    data.write_text(text)
    done = world.publish(path=path, tag="v1", data=data)
    assert done.code == 0, done.log
    return data


def test_host_keys(world: World) -> None:
    """A host that is not the one in `known_hosts` gets nothing, and the messages tell a new host from a changed one."""
    pair = new_key(world.folder / "other").with_suffix(".pub").read_text().split()
    changed, unknown = world.folder / "changed", world.folder / "unknown"
    changed.write_text(f"[127.0.0.1]:{world.ssh.port} {pair[0]} {pair[1]}\n")
    unknown.write_text(f"elsewhere {pair[0]} {pair[1]}\n")
    for hosts, text in (
        (str(changed), "the host has another key than the one in known_hosts: nothing was sent to it"),
        (str(unknown), "the host's key is not in known_hosts"),
        ("", "known_hosts is missing"),
        ("/nix/known_hosts", "known_hosts cannot be read"),
    ):
        for done in (
            world.fetch(path="project2/a.csv", tag="v1", known_hosts=hosts),
            world.publish(path="project2/a.csv", tag="v1", data=world.ssh.key, known_hosts=hosts),
        ):
            assert (done.code, text in done.last) == (1, True), done.log


def test_the_host_of_the_data_is_checked_too(world: World, tmp_path: Path) -> None:
    """DVC by itself takes any host for the one that keeps the data (sshfs passes `known_hosts=None`). Here it does not."""
    data = published(world, "project1/a.csv")
    with sshd(world.sub("elsewhere")) as other:
        allowed = other.key.parent / "authorized"
        allowed.write_text(allowed.read_text() + world.ssh.key.with_suffix(".pub").read_text())
        work = world.folder / "work"
        world.git("pull", "-q", world.repo, "main", cwd=work)
        config = work / "project1" / ".dvc" / "config"
        config.write_text(config.read_text().replace(f":{world.ssh.port}/", f":{other.port}/"))
        world.git("commit", "-qam", "moved", cwd=work)
        world.git("push", "-q", world.repo, "HEAD:main", "HEAD:refs/tags/v2", cwd=work)
        wrong = world.fetch(path="project1/a.csv", tag="v2")
        assert (wrong.code, "the host's key is not in known_hosts" in wrong.last) == (1, True), wrong.log
        data.write_text("two")
        wrong = world.publish(path="project1/a.csv", tag="v3", data=data)
        assert (wrong.code, "the host's key is not in known_hosts" in wrong.last) == (1, True), wrong.log
        assert "v3" not in world.tags()
        both = tmp_path / "both"
        both.write_text(world.ssh.known_hosts.read_text() + other.known_hosts.read_text())
        done = world.fetch(path="project1/a.csv", tag="v2", known_hosts=both)
        assert done.code == 0, done.log


def test_keys(world: World) -> None:
    """A key that the host does not know, one with a passphrase, one that is none, and none at all."""
    shut = world.folder / "shut"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "sesame", "-f", shut], check=True)
    broken = world.folder / "broken"
    broken.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
    empty = world.folder / "empty"
    empty.write_text("\n")
    for key, text in (
        (str(new_key(world.folder / "stranger")), "the host refuses ssh_key"),
        (str(shut), "ssh_key has a passphrase, and there is nobody to give it: take a key without one"),
        (str(broken), "ssh_key holds no private key without a passphrase"),
        (str(empty), "ssh_key is empty"),
        ("/nix/key", "ssh_key cannot be read"),
    ):
        done = world.fetch(path="project2/a.csv", tag="v1", ssh_key=key)
        assert (done.code, text in done.last) == (1, True), done.log


def test_a_key_as_people_store_it(world: World) -> None:
    """Without the last newline, with Windows line ends, and readable by all, as an engine mounts it that cannot set modes."""
    published(world)
    text = world.ssh.key.read_text()
    for number, kept in enumerate((text.rstrip("\n"), text.replace("\n", "\r\n"))):
        key = world.folder / f"key{number}"
        key.write_bytes(kept.encode())
        key.chmod(0o644)
        done = world.fetch(path="project2/a.csv", tag="v1", ssh_key=key)
        assert done.code == 0, done.log


def test_a_key_of_another_user() -> None:
    """A Secret's files are root's: the message says whom the program runs as, and what has the engine give others access."""

    def closed(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    program: dict[str, Any] = {"__name__": "program", "open": closed}
    exec(tagged.program("git"), program)
    with pytest.raises(program["Stop"], match=f"user {os.getuid()} may not read ssh_key in /mlc/keys/a/id: say `security: .*run_as_user"):
        program["text_of"]("/mlc/keys/a/id", "ssh_key")


def test_a_user_without_a_name(world: World) -> None:
    """What ssh says of `run_as_user` in an image that does not have that user (`No user exists for uid`, ssh.c)."""
    programs = world.sub("bin")
    (programs / "ssh").write_text("#!/bin/sh\necho 'No user exists for uid 5678' >&2\nexit 255\n")
    (programs / "ssh").chmod(0o755)
    world.env["PATH"] = f"{programs}:{os.environ['PATH']}"
    done = world.fetch(path="project2/a.csv", tag="v1")
    text = f"mlc: reviews: user {os.getuid()} has no name in this image, so ssh does not start: use an image that has it: "
    assert (done.code, done.last) == (1, text + world.ssh.url(world.repo)), done.log


def test_tools_that_are_missing(world: World) -> None:
    """An image without git, ssh, DVC or boto3: the message names what is missing, not the data."""
    published(world)
    venv.create(world.folder / "venv", with_pip=False, symlinks=True)
    plain, programs = world.folder / "venv" / "bin" / "python", world.sub("bin")
    real = {name: Path(shutil.which(name) or "") for name in ("git", "ssh")}
    given: dict[str, str | Path] = {"path": "project2/a.csv", "tag": "v1", "out": world.folder / "out"}
    world.env["PATH"] = str(programs)
    for name in ("git", "ssh"):
        done = world.fetch(**given)
        assert (done.code, done.last) == (1, f"mlc: reviews: the program `{name}` is not installed"), done.log
        (programs / name).symlink_to(real[name])
    del world.env["PATH"]
    bare = [str(plain), *world.words("dvc", **given)[1:]]
    done = world.run(bare)
    assert (done.code, done.last) == (1, f"mlc: reviews: DVC is not installed: {plain} has no module `dvc`"), done.log
    bare = [str(plain), *world.words("s3", uri="s3://bucket/x", repo="", out=world.folder / "out")[1:]]
    done = world.run(bare)
    assert (done.code, f"mlc: reviews: boto3 is not installed for {plain}: No module named" in done.last) == (1, True), done.log


def test_what_dvc_says_is_not_lost(world: World) -> None:
    """A failure that has no words of its own is told in DVC's, and not taken for data that is not under DVC."""
    published(world)
    work = world.folder / "work"
    world.git("pull", "-q", world.repo, "main", cwd=work)
    config = work / "project2" / ".dvc" / "config"
    config.write_text(config.read_text().replace(str(world.local), "gs://bucket/data"))
    world.git("commit", "-qam", "another store", cwd=work)
    world.git("push", "-q", world.repo, "HEAD:main", "HEAD:refs/tags/v2", cwd=work)
    done = world.fetch(path="project2/a.csv", tag="v2")
    assert done.code == 1
    assert done.last.startswith("mlc: reviews: dvc pull failed: "), done.log
    assert "dvc-gs" in done.last or "dvc[gs]" in done.last, done.log


def test_what_is_not_there(world: World) -> None:
    """A tag, a path, a remote, a repository, DVC itself: the message names what there is."""
    published(world)
    for given, text in (
        ({"tag": "v9"}, "there is no tag `v9` in"),
        ({"tag": "v9"}, "it has v1"),
        ({"path": "project2/b.csv"}, "`project2/b.csv` is not under DVC in"),
        ({"path": "elsewhere/b.csv"}, "there is no .dvc folder beside or above `elsewhere/b.csv`"),
        ({"path": "project2/.dvcignore"}, "is in git itself in"),
        ({"remote": "nix"}, "DVC has no remote `nix`: there is storage"),
        ({"repo": world.ssh.url(world.folder / "nix.git")}, "there is no such repository"),
        ({"repo": "ssh://git@127.0.0.1:1/x"}, "the host cannot be reached"),
    ):
        done = world.fetch(**{"path": "project2/a.csv", "tag": "v1", **given})
        assert (done.code, text in done.last) == (1, True), done.log
    done = world.check_out(path="project2/b.csv", tag="v1")
    assert (done.code, "there is no `project2/b.csv` in" in done.last) == (1, True), done.log
    done = world.publish(path="project2/b.csv", tag="v2", data="/nix")
    assert (done.code, "there is no data at /nix" in done.last) == (1, True), done.log
    done = world.publish(path="project2/.dvcignore", tag="v2", data=world.ssh.known_hosts)
    assert (done.code, "is in git itself" in done.last) == (1, True), done.log


def test_a_full_disk(world: World) -> None:
    """The message says so, for a fetch and for publishing, and the tag is not made."""
    data = world.folder / "data"
    data.write_bytes(random.Random(1).randbytes(6_000_000))
    big = world.publish(path="project2/a.bin", tag="v1", data=data)
    assert big.code == 0, big.log
    small = world.sub("small")
    alone = ["unshare", "-m"] if os.getuid() == 0 else ["sudo", "-n", "unshare", "-m"]
    mount = ["sh", "-c", 'mount -t tmpfs -o size=3m tmpfs "$0" && exec "$@"', str(small)]
    for place, words in (
        (small, world.words("dvc", path="project2/a.bin", tag="v1", out=world.folder / "out")),
        (world.tmp, world.words("dvc", path="project2/a.bin", tag="v1", out=small / "out")),
        (world.tmp, world.words("dvc", path="project2/a.bin", tag="v1", out=small / "out", marker=small / "marker")),
        (small, world.words("publish", path="project2/b.bin", tag="v2", data=data)),
    ):
        done = world.run([*alone, *mount, "env", f"TMPDIR={place}", *words])
        assert (done.code, "the disk is full: " in done.last) == (1, True), done.log
    assert list(world.tags()) == ["v1"]


def test_a_server_that_refuses(world: World) -> None:
    """What a hook of the server says is the last line; branch and tag stay, both, and it is not tried for ten minutes."""
    hook = world.repo / "hooks" / "update"
    hook.write_text('#!/bin/sh\ncase $1 in refs/tags/*) echo "tags are made by releases" >&2; exit 1;; esac\n')
    hook.chmod(0o755)
    before = world.head()
    data = world.folder / "data"
    data.write_text("x")
    done = world.publish(path="project2/a.csv", tag="v1", data=data)
    assert done.code == 1
    assert done.last == "mlc: reviews: the host refuses the push: tags are made by releases; v1 (hook declined)", done.log
    hook.unlink()
    hook = hook.with_name("pre-receive")
    hook.write_text('#!/bin/sh\necho "error: GH006: Protected branch" >&2\necho >&2\necho "ask Ada" >&2\nexit 1\n')
    hook.chmod(0o755)
    done = world.publish(path="project2/a.csv", tag="v1", data=data)
    said = "error: GH006: Protected branch; ask Ada; main (pre-receive hook declined); v1 (pre-receive hook declined)"
    assert (done.code, done.last) == (1, f"mlc: reviews: the host refuses the push: {said}"), done.log
    assert (world.tags(), world.head()) == ({}, before)


def test_data_first(world: World) -> None:
    """The remote takes no data: then there is no tag either, and an old one stays where it was."""
    data = published(world)
    before = (world.tags(), world.head())
    shutil.rmtree(world.local / "files")
    (world.local / "files").write_text("no folder")
    data.write_text("two")
    for tag in ("v1", "v2"):
        assert world.publish(path="project2/a.csv", tag=tag, data=data, overwrite="true").code == 1
    assert (world.tags(), world.head()) == before


def test_a_remote_that_would_vanish(world: World) -> None:
    """A folder that the container does not have, or one in the clone: DVC would make it, and the data would go with the container."""
    data = published(world)
    work = world.folder / "work"
    config = work / "project2" / ".dvc" / "config"
    world.git("pull", "-q", world.repo, "main", cwd=work)
    text = config.read_text()
    for number, url in enumerate(("/nix/store", "../../store", "file:///nix/store")):
        config.write_text(text.replace(str(world.local), url))
        world.git("commit", "-qam", "elsewhere", cwd=work)
        world.git("push", "-q", world.repo, "HEAD:main", f"HEAD:refs/tags/w{number}", cwd=work)
        for done in (
            world.publish(path="project2/b.csv", tag="v2", data=data),
            world.fetch(path="project2/a.csv", tag=f"w{number}"),
        ):
            assert (done.code, f"is the folder {url}, which is not here" in done.last) == (1, True), done.log
    assert "v2" not in world.tags()


def test_twenty_publishers(world: World) -> None:
    """All at once, in two projects, one tag each and one that all move: every one ends well, and nothing is lost."""
    data = {}
    running = []
    for number in range(20):
        path, shared = f"project{1 + number % 2}/set{number}.csv", number % 4 == 0
        data[path] = world.folder / f"data{number}"
        data[path].write_text(f"data {number}\n")
        tag = "all" if shared else f"v{number}"
        running.append((path, tag, world.start(world.words("publish", path=path, tag=tag, data=data[path], overwrite="true"))))
    for path, tag, process in running:
        log, _ = process.communicate(timeout=900)
        assert process.returncode == 0, f"{path} {tag}: {log}"
    assert list(world.tmp.glob("mlc-*")) == []
    assert set(world.tags()) == {"all", *(f"v{number}" for number in range(20) if number % 4)}
    entries = world.git("ls-tree", "-r", "--name-only", "main", cwd=world.repo).split()
    assert {f"{path}.dvc" for path in data} <= set(entries)
    at_all = world.git("ls-tree", "-r", "--name-only", "all", cwd=world.repo).split()
    assert {f"{path}.dvc" for path, tag, _ in running if tag == "all"} <= set(at_all)
    for path, tag, _ in running[:6]:
        assert world.read(path, tag) == data[path].read_bytes()
    world.git("fsck", "--strict", cwd=world.repo)


def test_kills(world: World) -> None:
    """Killed at any moment, as a node that dies: the tag has the old data or the new, and another attempt brings the new."""
    data = published(world, text="data 0")
    seed = random.Random(6)
    outcomes = set()
    start = time.monotonic()
    assert world.publish(path="project2/a.csv", tag="v1", data=data, overwrite="true").code == 0
    usual = time.monotonic() - start
    for number in range(1, 13):
        data.write_text(f"data {number}")
        process = world.start(world.words("publish", path="project2/a.csv", tag="v1", data=data, overwrite="true"))
        time.sleep(usual * seed.uniform(0.2, 1.1))
        kill(process.pid)
        process.communicate()
        for left in world.tmp.glob("mlc-*"):
            shutil.rmtree(left)
        if number % 3 == 0:
            text = world.read("project2/a.csv", "v1").decode()
            outcomes.add(text == f"data {number}")
            assert text in [f"data {one}" for one in range(number + 1)]
            done = world.publish(path="project2/a.csv", tag="v1", data=data, overwrite="true")
            assert done.code == 0, done.log
            assert world.read("project2/a.csv", "v1").decode() == f"data {number}"
    assert outcomes
    world.git("fsck", "--strict", cwd=world.repo)


@pytest.mark.parametrize("moment", [0.5, 2.0])
def test_an_end_in_good_order(world: World, moment: float) -> None:
    """TERM, as a deadline sends it: what it started ends too, and the keys are gone."""
    data = published(world)
    data.write_text("two")
    process = world.start(world.words("publish", path="project2/a.csv", tag="v2", data=data))
    time.sleep(moment)
    started = tree(process.pid)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode in (143, 0)
    assert list(world.tmp.glob("mlc-*")) == []
    end = time.monotonic() + 20
    while [pid for pid in started if alive(pid)] and time.monotonic() < end:
        time.sleep(0.05)
    assert [pid for pid in started if alive(pid)] == []


def test_nothing_secret_is_to_be_seen(world: World) -> None:
    """Neither the arguments of any process nor the log hold a line of the key."""
    data = published(world, "project1/a.csv")
    lines = [line for line in world.ssh.key.read_text().splitlines() if "KEY" not in line]
    seen: set[str] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    seen.add(entry.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            stop.wait(0.01)

    thread = threading.Thread(target=look)
    thread.start()
    data.write_text("two")
    log = world.publish(path="project1/a.csv", tag="v2", data=data).log + world.fetch(path="project1/a.csv", tag="v2").log
    stop.set()
    thread.join()
    assert any("git" in line and "push" in line for line in seen)
    assert not [line for line in lines if line in log or any(line in one for one in seen)]
