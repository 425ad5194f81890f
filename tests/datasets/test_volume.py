"""Data on a volume that outlives the run: it is fetched once for a version, and is whole at any moment."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from mlc import tagged

from .servers import Bucket
from .world import World, kill


def published(world: World, text: str, **given: str) -> None:
    """A folder under the tag v1."""
    data = world.sub("made")
    (data / "a.txt").write_text(text)
    done = world.publish(path="project2/set", tag="v1", data=data, **given)
    assert done.code == 0, done.log


def place(world: World) -> dict[str, str | Path]:
    """The arguments of a fetch to a volume."""
    volume = world.sub("volume") / "x-datasets" / "set"
    return {"path": "project2/set", "tag": "v1", "out": volume / "v1", "marker": volume / "v1.version"}


def test_a_version_is_fetched_once(world: World) -> None:
    """The second run finds it, and one after the tag has moved gets what is there now; nothing else stays on the volume."""
    published(world, "one")
    given = place(world)
    for text, again in (("one", False), ("one", True)):
        done = world.fetch(**given)
        assert (done.code, "the volume has it already" in done.log) == (0, again), done.log
        assert (Path(given["out"]) / "a.txt").read_text() == text
    published(world, "two", overwrite="true")
    done = world.fetch(**given)
    assert (done.code, (Path(given["out"]) / "a.txt").read_text()) == (0, "two"), done.log
    assert sorted(os.listdir(Path(given["out"]).parent)) == ["v1", "v1.version"]


def test_what_a_step_has_written_there_is_not_the_version(world: World) -> None:
    """A changed file, one more and one less: the next run fetches again, as it does where the marker is empty after a crash."""
    (world.sub("work") / "plain").mkdir()
    for name in "ab":
        (world.folder / "work" / "plain" / name).write_text(f"{name}\n")
    world.git("add", ".", cwd=world.folder / "work")
    world.git("commit", "-qm", "plain", cwd=world.folder / "work")
    world.git("push", "-q", world.repo, "HEAD:main", "HEAD:refs/tags/v1", cwd=world.folder / "work")
    out = world.sub("volume") / "v1"
    given: dict[str, str | Path] = {"path": "plain", "tag": "v1", "out": out, "marker": world.folder / "volume" / "v1.version"}
    assert world.check_out(**given).code == 0
    for change in (
        lambda: (out / "a").write_text("spoiled\n"),
        lambda: os.utime(out / "a", (1, 1)),
        lambda: (out / "c").touch(),
        lambda: (out / "b").unlink(),
        lambda: Path(given["marker"]).write_text(""),
    ):
        change()
        done = world.check_out(**given)
        assert (done.code, "the volume has it already" in done.log) == (0, False), done.log
        assert {file.name: file.read_text() for file in out.iterdir()} == {"a": "a\n", "b": "b\n"}
        done = world.check_out(**given)
        assert (done.code, "the volume has it already" in done.log) == (0, True), done.log


def test_an_end_in_the_middle(world: World) -> None:
    """A fetch that is killed leaves no half of the data, and the next one brings all of it. What it left goes after some days."""
    published(world, "one")
    given = place(world)
    parent = Path(given["out"]).parent
    for moment in (1.0, 2.0, 3.0):
        process = world.start(world.words("dvc", **given))
        time.sleep(moment)
        kill(process.pid)
        process.communicate()
        assert not Path(given["out"]).exists() or (Path(given["out"]) / "a.txt").read_text() == "one"
        for left in world.tmp.glob("mlc-*"):
            shutil.rmtree(left)
    old = parent / ".part-old"
    old.mkdir(parents=True)
    os.utime(old, (time.time() - 8 * 86400,) * 2)
    done = world.fetch(**given)
    assert (done.code, (Path(given["out"]) / "a.txt").read_text()) == (0, "one"), done.log
    assert not old.exists()


def test_three_at_once(world: World) -> None:
    """Runs that start together do not trip over each other."""
    published(world, "one")
    given = place(world)
    running = [world.start(world.words("dvc", **given)) for _ in range(3)]
    for process in running:
        log, _ = process.communicate(timeout=300)
        assert process.returncode == 0, log
    assert (Path(given["out"]) / "a.txt").read_text() == "one"
    assert sorted(os.listdir(Path(given["out"]).parent)) == ["v1", "v1.version"]


def test_another_run_ends_at_this_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it removes between two looks at the volume is no error of this run."""
    program: dict[str, Any] = {"__name__": "program"}
    exec(tagged.program("git"), program)
    monkeypatch.setattr(os, "listdir", lambda _: [".part-gone"])
    assert Path(program["parts"](str(tmp_path))).parent == tmp_path


def test_a_volume_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who may not write there is told so, in words."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    program: dict[str, Any] = {"__name__": "program"}
    exec(tagged.program("git"), program)
    monkeypatch.setattr(os, "mkdir", refused)
    with pytest.raises(program["Stop"], match=f"user {os.getuid()} may not write to {tmp_path}: what is on the volume is another user's"):
        program["parts"](str(tmp_path))


def test_objects(world: World, bucket: Bucket) -> None:
    """An object with a version is fetched once; the newest one is looked up each time."""
    data = world.folder / "data"
    keys: dict[str, str | Path] = {
        "endpoint": bucket.endpoint,
        "region": "us-east-1",
        "access_key": bucket.access_key,
        "secret_key": bucket.secret_key,
    }
    volume = world.sub("volume")
    given: dict[str, str | Path] = {"uri": f"s3://{bucket.name}/kept", "out": volume / "kept", "marker": volume / "kept.version", **keys}
    for text in ("one", "two"):
        data.write_text(text)
        assert world.objects(uri=given["uri"], data=data, **keys).code == 0
        for again in (False, True):
            done = world.objects(**given)
            assert (done.code, "the volume has it already" in done.log) == (0, again), done.log
            assert (volume / "kept").read_text() == text
