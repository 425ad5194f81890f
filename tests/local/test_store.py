"""What is kept of runs: it is there for other processes, is all there or not at all, and is of one version."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from mlc.local.artifacts import Objects
from mlc.local.store import AttemptRecord, Finished, Made, StateError, Store, Task, Written, open_store
from tests.local.scripted import ENV

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlc.local.store import Run


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(tmp_path / "state")) as found:
        yield found


TRAIN = Finished(
    Task("train[1]", "train", "Succeeded", "", 2, "", "f" * 64, "k" * 64, 1.5, 2.5, "lr=0.1"),
    (
        Written("train[1]", "value", "rows", "12"),
        Written("train[1]", "metric", "accuracy", " 0.930\n", "0.930", (("above 0.8", True), ("below steps.old.metrics.m", None))),
    ),
    (Made("train[1]", "model", "file", "a" * 64, 3), Made("train[1]", "logs", "folder", "b" * 64, 0)),
)


def created(store: Store, project: str = "churn") -> str:
    return store.create(project, params={}, runner="process").name


def test_a_new_folder(tmp_path: Path) -> None:
    """The folder keeps itself out of version control, and may be there already."""
    folder = tmp_path / "a" / "state"
    with contextlib.closing(open_store(folder)) as store, contextlib.closing(open_store(folder)) as again:
        assert (folder / ".gitignore").read_text() == "*\n"
        name = created(store)
        assert again.find(name) == store.find(name)


def test_runs(store: Store) -> None:
    """A run keeps all that it was asked for; the newest is the first."""
    first = store.create(
        "churn", params={"lr": "0.1", "s": "é\n"}, runner="podman", spec="/x/churn.yaml", environment="dev",
        overrides=("params.epochs=3",), around=("--volume data=./data",), only="train", source="churn-abcde",
        steps={"train": "", "judge": "train"},
    )  # fmt: skip
    assert first.name.startswith("churn-")
    assert len(first.name) == len("churn-") + 5
    assert store.find(first.name) == first
    assert list(first.steps.items()) == [("train", ""), ("judge", "train")]
    assert first.params == {"lr": "0.1", "s": "é\n"}
    assert (first.overrides, first.around) == (("params.epochs=3",), ("--volume data=./data",))
    assert (first.phase, first.ended, first.only, first.first, first.source) == ("Running", 0.0, "train", "", "churn-abcde")
    assert first.folder.is_dir()
    other, last = created(store, "other"), created(store)
    assert [run.name for run in store.runs()] == [last, other, first.name]
    assert [run.name for run in store.runs("churn")] == [last, first.name]
    assert store.find("churn-no") is None
    store.end(last, "Failed", 9.5, ["train: accuracy is low"])
    ended = store.find(last)
    assert ended is not None
    assert (ended.phase, ended.ended, ended.reasons) == ("Failed", 9.5, ("train: accuracy is low",))
    assert store.reopen(ended, "podman", {"a": ""}, 1.5) == store.find(last)
    assert store.runs()[0].steps == {"a": ""}
    assert store.runs()[0].runner == "podman"


def test_time_of_a_run_that_went_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses do not count; where it was killed, nobody knows more than the last that was written of it."""
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    name = created(store)

    def found() -> Run:
        run = store.find(name)
        assert run is not None
        return run

    now[0] += 5
    assert found().seconds == 5
    store.end(name, "Stopped", now[0])
    now[0] += 1000
    assert (found().seconds, store.spent(found())) == (5, 5)
    store.reopen(found(), "process", {}, store.spent(found()))
    now[0] += 7
    store.attempted(name, [AttemptRecord("a", 1, "pid", now[0])])
    now[0] += 1000  # somewhere in there it was killed
    assert store.spent(found()) == 12
    store.reopen(found(), "process", {}, store.spent(found()))
    assert store.spent(found()) == 12
    now[0] += 3
    store.end(name, "Succeeded", now[0])
    assert found().seconds == 15
    assert found().started == 1000


def test_runs_of_earlier_versions(store: Store) -> None:
    """A record that does not say when its run went on, or that says what is not asked any more, is read all the same."""
    name = created(store)
    (asked,) = store._db.execute("SELECT asked FROM runs").fetchone()
    older = {key: value for key, value in json.loads(asked).items() if key not in ("locked", "before", "since")}
    older["files"] = ["a.env"]
    store._db.execute("UPDATE runs SET asked = ?, started = 2.0, ended = 9.5", (json.dumps(older),))
    run = store.find(name)
    assert run is not None
    assert (run.seconds, run.locked, store.spent(run)) == (7.5, False, 7.5)


def test_the_latest_that_can_go_on(store: Store) -> None:
    """It did not succeed, and nobody drives it."""
    assert store.unfinished() is None
    killed, failed, good = created(store), created(store), created(store)
    store.end(failed, "Failed", 1.0)
    store.end(good, "Succeeded", 1.0)
    found = store.unfinished("churn")
    assert found is not None
    assert found.name == failed
    with store.lock(failed):
        found = store.unfinished()
        assert found is not None
        assert found.name == killed
    assert store.unfinished("other") is None


def test_results(store: Store) -> None:
    """A task comes back as it was written; written again, it is another one."""
    name = created(store)
    store.finish(name, [TRAIN])
    assert store.result(name, "train[1]") == TRAIN
    assert store.tasks(name) == [TRAIN.task]
    assert store.written(name) == list(TRAIN.written)
    assert store.written(name, "metric") == [TRAIN.written[1]]
    assert store.made(name) == list(TRAIN.made)
    assert store.result(name, "train[2]") is None
    assert store.result("other", "train[1]") is None
    store.finish(name, [Finished(Task("a", "a", "Skipped", "why"))], lasting=False)
    store.finish(name, [Finished(Task("train[1]", "train", "Failed", "exit 1"))])
    assert store.tasks(name) == [Task("train[1]", "train", "Failed", "exit 1"), Task("a", "a", "Skipped", "why")]
    assert not store.written(name)
    assert not store.made(name)


def test_attempts(store: Store) -> None:
    """An attempt is known from its start; who was never seen ending has no end."""
    name = created(store)
    store.attempted(name, [AttemptRecord("a", 1, "", 1.0), AttemptRecord("b", 1, "pid 7", 1.5)])
    store.attempted(name, [AttemptRecord("a", 1, "pid 6", 1.0, 2.0, 3, "exit 3"), AttemptRecord("a", 2, "pid 8", 2.0)])
    assert [(one.task, one.number) for one in store.attempts(name) if not one.ended] == [("b", 1), ("a", 2)]
    assert store.attempts(name, "a") == [AttemptRecord("a", 1, "pid 6", 1.0, 2.0, 3, "exit 3"), AttemptRecord("a", 2, "pid 8", 2.0)]
    assert (store.last_attempt(name, "a"), store.last_attempt(name, "c")) == (2, 0)
    assert store.attempt_folder(name, "a[0]", 2) == store.folder / "runs" / name / "a[0]" / "2"


def test_cache(store: Store) -> None:
    """A result is found by what it depends on, or by its key, the newest first; what did not succeed is none."""
    first, last = created(store), created(store)
    for name, state, ended in ((first, "Succeeded", 1.0), (last, "Succeeded", 2.0)):
        store.finish(name, [Finished(Task("a", "a", state, fingerprint="f", key="k", ended=ended))])  # type: ignore[arg-type]
    store.finish(last, [Finished(Task("b", "b", "Failed", fingerprint="f", key="k", ended=3.0))])
    assert store.cached(fingerprint="f") == [(last, "a"), (first, "a")]
    assert store.cached(key="k") == [(last, "a"), (first, "a")]
    assert store.cached(fingerprint="g") == []


def test_taking_back(store: Store) -> None:
    """Tasks that are to be done again are forgotten, and so is a run that is removed; what others have stays."""
    name, other = created(store), created(store)
    for run in (name, other):
        store.finish(run, [TRAIN, Finished(Task("a", "a", "Succeeded"))])
        store.attempted(run, [AttemptRecord("a", 1, "", 1.0)])
        store.fetched(run, Made("", "base", "file", "c" * 64, 1))
    store.forget(name, ["train[1]", "nobody"])
    assert store.tasks(name) == [Task("a", "a", "Succeeded")]
    assert not store.written(name)
    assert store.external(name) == [Made("", "base", "file", "c" * 64, 1)]
    assert not store.made(name)
    store.remove(name)
    assert store.find(name) is None
    assert not store.folder_of(name).exists()
    assert not store.attempts(name)
    assert store.result(other, "train[1]") == TRAIN
    assert sorted(store.kept()) == [("file", "a" * 64), ("file", "c" * 64), ("folder", "b" * 64)]


def test_logs(store: Store) -> None:
    """The log of a task is that of its last attempt, or of where its result comes from; there may be none."""
    first, last = created(store), created(store)
    for number in (1, 2):
        store.attempted(first, [AttemptRecord("a[0]", number, "", 1.0)])
        folder = store.attempt_folder(first, "a[0]", number)
        folder.mkdir(parents=True)
        (folder / "log").write_text(f"attempt {number}")
    store.finish(last, [Finished(Task("b", "b", "Succeeded", reused="cache", origin=f"{first}/a[0]"))])
    for run, task, attempt, text in ((first, "a[0]", 0, "attempt 2"), (first, "a[0]", 1, "attempt 1"), (last, "b", 0, "attempt 2")):
        found = store.log(run, task, attempt)
        assert found is not None
        assert found.read_text() == text
    assert store.log(first, "a[0]", 3) is None
    assert store.log(first, "c") is None


def test_artifacts_that_no_run_has(store: Store, tmp_path: Path) -> None:
    """They go, but not while a run goes, which may have stored some that are on no record yet."""
    objects = Objects(store.folder / "objects")
    kept = []
    for name in ("mine", "nobodys"):
        (tmp_path / name).write_text(name)
        kept.append(objects.put(tmp_path / name))
    store.finish(created(store), [Finished(Task("a", "a", "Succeeded"), made=(Made("a", "mine", *kept[0]),))])
    with contextlib.closing(open_store(store.folder)) as other, other.shared():
        assert not store.sweep()
        assert objects.has("file", kept[1].digest)
    assert store.sweep()
    assert objects.has("file", kept[0].digest)
    assert not objects.has("file", kept[1].digest)


def test_one_process_drives_a_run(store: Store) -> None:
    """Who comes second is told so; when the first has died, nobody holds the run."""
    name = created(store)
    assert not store.active(name)
    code = (
        "import sys, time, pathlib; from mlc.local.store import open_store; store = open_store(pathlib.Path(sys.argv[1]))\n"
        "with store.lock(sys.argv[2]): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(store.folder), name], stdout=subprocess.PIPE, text=True, env=ENV) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert store.active(name)
        with pytest.raises(StateError, match=f"run `{name}` is driven by another process"), store.lock(name):
            raise AssertionError
        with pytest.raises(StateError, match=f"run `{name}` is driven by another process"):
            store.remove(name)
        holder.kill()
    assert not store.active(name)
    with store.lock(name):
        assert store.active(name)


def test_another_process_sees_it(store: Store) -> None:
    """What is written can be read at once by others, also while one goes on writing."""
    name = created(store)
    store.finish(name, [TRAIN])
    code = (
        "import sys, pathlib; from mlc.local.store import open_store; store = open_store(pathlib.Path(sys.argv[1]))\n"
        "print([task.name for task in store.tasks(sys.argv[2])])\n"
        "store.finish(sys.argv[2], [])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(store.folder), name], check=True, capture_output=True, text=True, env=ENV)
    assert done.stdout == "['train[1]']\n"


def test_nothing_by_half(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that breaks in the middle leaves nothing of it."""
    name = created(store)
    bad = Finished(Task("b", "b", "Succeeded"), made=(Made("b", "x", "file", None, 1),))  # type: ignore[arg-type]
    with pytest.raises(StateError, match="cannot be written"):
        store.finish(name, [TRAIN, bad])
    assert store.tasks(name) == []
    store.finish(name, [TRAIN])
    assert store.tasks(name) == [TRAIN.task]


def test_other_versions(tmp_path: Path) -> None:
    """A newer state is left alone, and so is a file that is none."""
    open_store(tmp_path / "state").close()
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "state.sqlite")) as newer:
        newer.execute("PRAGMA user_version=99")
    with pytest.raises(StateError, match=r"state.sqlite was written by a newer version of mlc"):
        open_store(tmp_path / "state")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "state.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(StateError, match=r"state.sqlite cannot be used"):
        open_store(tmp_path / "other")


def test_what_lasts_is_flushed(store: Store) -> None:
    """After each transaction the next one waits for the disk again."""
    name = created(store)
    store.attempted(name, [AttemptRecord("a", 1, "", time.time())])
    [(found,)] = store._db.execute("PRAGMA synchronous").fetchall()
    assert found == 2  # FULL
    [(mode,)] = store._db.execute("PRAGMA journal_mode").fetchall()
    assert mode == "wal"
