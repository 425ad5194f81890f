"""`mlc runs`, `mlc logs`, `mlc metrics`: what the commands say of runs that the state knows."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from mlc import __main__
from mlc.cli.request import FAILED, OK, USAGE
from mlc.local.store import AttemptRecord, Finished, Made, Run, Store, Task, Written, open_store
from tests.local.engines import sandbox_problem

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
ENV = {**os.environ, "PYTHONPATH": str(ROOT / "compiler"), "NO_COLOR": "1"}
T = 1_700_000_000.0


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each test runs in an empty folder, with nothing in the environment that changes the output."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "_MLC_COMPLETE", "MLC_STATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The state of the current folder, empty."""
    found = open_store(tmp_path / ".mlc")
    yield found
    found.close()


def mlc(*arguments: str) -> int:
    """Run a command line in this process."""
    return __main__.main(list(arguments))


def finish(store: Store, run: Run, task: Task, *, logs: tuple[str, ...] = (), **more: tuple[object, ...]) -> None:
    """A task of a run that ended, with the logs of its attempts."""
    for number, log in enumerate(logs, 1):
        folder = store.attempt_folder(run.name, task.name, number)
        folder.mkdir(parents=True)
        (folder / "log").write_text(log, encoding="utf-8")
        store.attempted(run.name, [AttemptRecord(task.name, number, "pid", T + number, T + number + 1, 0)])
    store.finish(run.name, [Finished(task, **more)])  # type: ignore[arg-type]


def failed_run(store: Store, accuracy: str = "0.7", lr: str = "0.1") -> Run:
    """A run with a retry, a missed threshold, a skipped step, a loop with a failed item, and one reused result."""
    run = store.create("digits", params={"lr": lr}, runner="process", spec="/specs/digits.yaml")
    held = float(accuracy) > 0.8
    finish(store, run, Task("prepare", "prepare", "Succeeded", reused="cache", origin="digits-gone0/prepare"))
    finish(
        store,
        run,
        Task("train", "train", "Succeeded", attempts=2, started=T, ended=T + 14),
        logs=("boom\n", "epoch 1\r\nepoch 2\nlast"),
        made=(Made("train", "model", "file", "ab" * 32, 12_000_000),),
    )
    metric = Written("evaluate", "metric", "accuracy", accuracy + "\n", accuracy, (("above 0.8", held),))
    finish(store, run, Task("evaluate", "evaluate", "Succeeded", attempts=1, started=T, ended=T + 3), logs=("",), written=(metric,))
    finish(store, run, Task("deploy", "deploy", "Skipped", "evaluate: accuracy is not above 0.8"))
    for number in range(12):
        one = Task(
            f"trial[{number}]", "trial", "Failed" if number == 10 else "Succeeded", "exit 1" if number == 10 else "", 1, item=f"n={number}"
        )
        losses = (Written(one.name, "metric", "loss", f"0.{number}", f"0.{number}"),) if number != 10 else ()
        finish(store, run, one, logs=(f"trial {number}\n",), written=losses)
    finish(store, run, Task("trial", "trial", "Failed", "1 of 12 items failed"))
    store.end(run.name, "Failed", run.started + 21, ("trial failed",))
    found = store.find(run.name)
    assert found is not None
    return found


# --- mlc runs -----------------------------------------------------------------------------------------------------------------


def test_no_runs_yet(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Without a state there is nothing to list, which is no mistake, and no state is made. Naming a run then is one."""
    assert mlc("runs") == OK
    assert capsys.readouterr().err == "no runs in `.mlc` yet: `mlc run` makes one\n"
    assert mlc("runs", "--json") == OK
    assert json.loads(capsys.readouterr().out) == {"version": 1, "runs": []}
    for words in (("runs", "latest"), ("logs", "latest"), ("metrics",), ("runs", "--prune"), ("run", "--resume")):
        assert mlc(*words) == USAGE
        assert "there is no run in `.mlc` yet: `mlc run` makes one" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_runs_are_listed_newest_first(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Name, project, start, time, state and runner of each run; one whose process is gone without a word was killed."""
    first = failed_run(store)
    second = store.create("other", params={}, runner="podman")
    assert mlc("runs") == OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["RUN", "PROJECT", "STARTED", "TIME", "STATE", "RUNNER"]
    assert lines[1].split()[0::5] == [second.name, "podman"]
    assert "Killed" in lines[1]
    assert lines[2].split() == [
        first.name,
        "digits",
        *time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(first.started)).split(),
        "21",
        "s",
        "Failed",
        "process",
    ]
    with store.lock(second.name):
        assert mlc("runs", "--json") == OK
        found = json.loads(capsys.readouterr().out)["runs"]
    assert [(run["run"], run["state"]) for run in found] == [(second.name, "Running"), (first.name, "Failed")]
    assert found[1]["params"] == {"lr": "0.1"}


def test_one_run_in_full(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """A run is shown as at its end: every step and item, metrics, artifacts, what failed and what to type."""
    run = failed_run(store)
    assert mlc("runs", "latest") == OK
    out = capsys.readouterr().out
    assert out.startswith(f"{run.name}: Failed in 21 s, 1 failed, 14 succeeded, 1 skipped\n")
    assert "train        Succeeded   14 s  2\n" in out
    assert [line.split(maxsplit=2) for line in out.splitlines() if "deploy" in line] == [
        ["deploy", "Skipped", "evaluate: accuracy is not above 0.8"]
    ]
    assert "12 items: 1 failed, 11 succeeded" in out
    assert out.count("\n  trial[") == 12
    assert f"  the whole log: mlc logs {run.name} 'trial[10]'\n" in out
    assert "  | trial 10\n" in out
    assert "evaluate.accuracy  0.7    above 0.8 missed" in out
    assert f"model     train  12 MB  .mlc/runs/{run.name}/train/outputs/model\n" in out
    assert "\ntrial failed\n" in out
    assert f"to go on from here: mlc run --resume {run.name}\n" in out
    assert mlc("runs", run.name, "--json") == OK
    found = json.loads(capsys.readouterr().out)
    assert found["run"] == run.name
    assert {task["task"]: task["state"] for task in found["tasks"]}["trial[10]"] == "Failed"
    assert len(found["tasks"]) == len({task["task"] for task in found["tasks"]}) == 17
    assert found["metrics"][0]["thresholds"] == [{"threshold": "above 0.8", "held": False}]
    assert found["artifacts"][0]["artifact"] == "model"


def test_time_of_a_run_that_went_on(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that failed, and went on a day later, took as long as it ran."""
    run = failed_run(store)
    now = store.reopen(run, "process", {}, store.spent(run))
    store._db.execute("UPDATE runs SET started = started - 86400")
    store.end(run.name, "Succeeded", now.since + 9)
    assert mlc("runs") == OK
    assert "  30 s  Succeeded" in capsys.readouterr().out.splitlines()[1]
    assert mlc("runs", run.name) == OK
    assert capsys.readouterr().out.startswith(f"{run.name}: Succeeded in 30 s,")
    assert mlc("runs", run.name, "--json") == OK
    assert round(json.loads(capsys.readouterr().out)["seconds"]) == 30


def test_a_run_that_is_not_over(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """All steps are there, in the order of the project: those that run, and those that wait. A killed one did not run for no time."""
    steps = {"prepare": "", "train": "", "judge": "train", "deploy": "", "bye": ""}
    run = store.create("digits", params={}, runner="process", steps=steps)
    store.attempted(run.name, [AttemptRecord("deploy", 1, "pid", T), AttemptRecord("renamed", 1, "pid", T, T + 1, 1)])
    finish(store, run, Task("train", "train", "Skipped", "no"))
    finish(store, run, Task("prepare", "prepare", "Succeeded", attempts=1, started=T, ended=T + 2))
    with store.lock(run.name):
        assert mlc("runs", "latest") == OK
    out = capsys.readouterr().out
    assert out == dedent(
        f"""\
        {run.name}: Running, 1 running, 1 succeeded, 2 skipped, 1 waiting

        STEP     STATE       TIME  ATTEMPTS
        prepare  Succeeded  2.0 s  1
        train    Skipped                     no
        judge    Skipped                     no
        deploy   Running           1
        bye      Waiting
        """
    )
    with store.lock(run.name):
        assert mlc("runs", "latest", "--json") == OK
    tasks = json.loads(capsys.readouterr().out)["tasks"]
    states = {"train": "Skipped", "prepare": "Succeeded", "judge": "Skipped", "deploy": "Running", "bye": "Waiting"}
    assert {task["task"]: task["state"] for task in tasks} == states
    assert {key: value for key, value in tasks[3].items() if key != "state"} == {
        "task": "deploy", "reason": "", "attempts": 1, "reused": "", "item": "", "started": T, "ended": None,
    }  # fmt: skip
    assert mlc("runs", "latest") == OK
    out = capsys.readouterr().out
    assert out.startswith(f"{run.name}: Killed, 1 stopped, 1 succeeded, 2 skipped, 1 waiting\n")
    assert "deploy   Stopped           1\n" in out


def test_a_misspelt_run(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that is not there is met with the one that was meant, or with the command that lists all."""
    run = failed_run(store)
    assert mlc("runs", run.name[:-1]) == USAGE
    assert capsys.readouterr().err == f"mlc: error: no run in `.mlc` is called `{run.name[:-1]}`: did you mean `{run.name}`?\n"
    assert mlc("metrics", "zzzzz") == USAGE
    assert "`mlc runs` lists them" in capsys.readouterr().err


def test_another_state_folder(store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`--state`, or MLC_STATE, names the folder; commands to type have the option, too."""
    run = failed_run(store)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert mlc("runs", run.name, "--state", "../.mlc") == OK
    assert f"mlc run --resume {run.name} --state ../.mlc\n" in capsys.readouterr().out
    monkeypatch.setenv("MLC_STATE", "../.mlc")
    assert mlc("runs", run.name) == OK
    assert f"mlc run --resume {run.name}\n" in capsys.readouterr().out


def test_runs_are_removed(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """A run is forgotten with its folder; one that is running is not; artifacts that no run has go when asked."""
    run, other = failed_run(store), store.create("other", params={}, runner="process")
    with store.lock(other.name), store.shared():
        assert mlc("runs", "--remove", run.name, "--remove", other.name) == USAGE
        assert f"`{other.name}` is running" in capsys.readouterr().err
        assert mlc("runs", "--prune") == FAILED
        assert capsys.readouterr().err == "mlc: error: a run is going: artifacts are not removed while it makes some\n"
    assert store.find(run.name) is not None
    assert mlc("runs", "--remove", run.name) == OK
    assert capsys.readouterr().err == f"removed {run.name}\n"
    assert store.find(run.name) is None
    assert not run.folder.exists()
    lost = store.folder / "objects" / "cd" / "ef"
    lost.parent.mkdir()
    lost.write_text("x", encoding="utf-8")
    assert mlc("runs", "--prune") == OK
    assert not lost.exists()
    assert mlc("runs", other.name, "--prune") == USAGE


# --- mlc logs -----------------------------------------------------------------------------------------------------------------


def test_a_log_as_it_is(store: Store, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The log of the last attempt, or of the one that is asked for, byte by byte."""
    run = failed_run(store)
    assert mlc("logs", run.name, "train") == OK
    assert capfdbinary.readouterr().out == b"epoch 1\r\nepoch 2\nlast"
    assert mlc("logs", "latest", "train", "--attempt", "1") == OK
    assert capfdbinary.readouterr().out == b"boom\n"
    assert mlc("logs", run.name, "trial[3]") == OK
    assert capfdbinary.readouterr().out == b"trial 3\n"


def test_all_logs_with_their_tasks(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a task each line has the name of its task; of a loop, those of its items."""
    run = failed_run(store)
    assert mlc("logs", run.name) == OK
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("train")] == [
        "train     | boom",
        "train (2) | epoch 1",
        "train (2) | epoch 2",
        "train (2) | last",
    ]
    assert mlc("logs", run.name, "trial") == OK
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(f"{f'trial[{n}]':<9} | trial {n}" for n in range(12))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("trainn",), "nothing called `trainn` has begun in `RUN`: did you mean `train`?"),
        (("zzz",), "nothing called `zzz` has begun in `RUN`: `mlc runs RUN` lists what ran"),
        (("train", "--attempt", "3"), "`train` of `RUN` has no attempt 3: it made 1, 2"),
        (("trial", "--attempt", "1"), "`trial` is a loop: name an item, such as `trial[0]`"),
        (("--attempt", "1"), "`--attempt` is of one task: name it"),
    ],
)
def test_a_log_that_is_not_there(store: Store, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str) -> None:
    """A mistake in the name or number of what is wanted says what there is."""
    run = failed_run(store)
    assert mlc("logs", run.name, *words) == USAGE
    assert capsys.readouterr().err == f"mlc: error: {says}\n".replace("RUN", run.name)


@pytest.mark.parametrize(
    ("task", "why"),
    [("deploy", "Skipped, evaluate: accuracy is not above 0.8"), ("prepare", "the run of which its result is is no longer there")],
)
def test_what_did_not_run_has_no_log(store: Store, capsys: pytest.CaptureFixture[str], task: str, why: str) -> None:
    """A step that was skipped, or whose result is of a run that was removed, says so."""
    run = failed_run(store)
    assert mlc("logs", run.name, task) == OK
    assert capsys.readouterr().err == f"`{task}` printed nothing in `{run.name}`: {why}\n"


def test_the_log_of_a_result_that_was_taken(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a task whose result was there the log is that of the run that made it, and it is said which."""
    first = failed_run(store)
    second = store.create("digits", params={}, runner="process")
    store.finish(second.name, [Finished(Task("train", "train", "Succeeded", reused="cache", origin=f"{first.name}/train"))])
    assert mlc("logs", second.name, "train") == OK
    out, err = capsys.readouterr()
    assert out.replace("\r", "") == "epoch 1\nepoch 2\nlast"
    assert err == f"`train` of `{second.name}` is the result of `{first.name}/train`, which printed:\n"


def test_following_a_log(store: Store) -> None:
    """`--follow` prints what comes, goes on with the next attempt, and ends when the task is over."""
    run = store.create("digits", params={}, runner="process")
    folder = store.attempt_folder(run.name, "train", 1)
    folder.mkdir(parents=True)
    log = folder / "log"
    log.write_text("one\n", encoding="utf-8")
    store.attempted(run.name, [AttemptRecord("train", 1, "pid", T)])
    with store.lock(run.name):
        words = [sys.executable, "-m", "mlc", "logs", run.name, "train", "--follow"]
        everything = [*words[:-2], "--follow"]
        with (
            subprocess.Popen(words, env=ENV, stdout=subprocess.PIPE, text=True) as one,
            subprocess.Popen(everything, env=ENV, stdout=subprocess.PIPE, text=True) as all_tasks,
        ):
            for process in (one, all_tasks):  # who follows a run that never ends does not end either, and a failure here waits for it
                watch = threading.Timer(60, process.kill)
                watch.daemon = True
                watch.start()
            assert one.stdout is not None
            assert all_tasks.stdout is not None
            assert one.stdout.readline() == "one\n"
            assert all_tasks.stdout.readline() == "train | one\n"
            with log.open("a", encoding="utf-8") as file:
                file.write("two\nhalf a l")
            assert one.stdout.readline() == "two\n"
            assert all_tasks.stdout.readline() == "train | two\n"
            store.attempted(run.name, [AttemptRecord("train", 1, "pid", T, T + 1, 1)])
            second = store.attempt_folder(run.name, "train", 2)
            second.mkdir(parents=True)
            (second / "log").write_text("again\n", encoding="utf-8")
            store.attempted(run.name, [AttemptRecord("train", 2, "pid", T + 2)])
            assert one.stdout.readline() == "half a lagain\n"
            assert all_tasks.stdout.readline() == "train (2) | again\n"
            store.attempted(run.name, [AttemptRecord("train", 2, "pid", T + 2, T + 3, 0)])
            store.finish(run.name, [Finished(Task("train", "train", "Succeeded", attempts=2))])
            assert one.wait(20) == 0
            assert all_tasks.poll() is None
            all_tasks.send_signal(signal.SIGINT)
            assert all_tasks.wait(20) == 130


def test_following_what_has_not_begun(store: Store) -> None:
    """`--follow` waits for a task that is still to come, and gives up when the run is over."""
    run = store.create("digits", params={}, runner="process")
    with store.lock(run.name):
        waiting = subprocess.Popen(
            [sys.executable, "-m", "mlc", "logs", run.name, "later", "--follow"], env=ENV, stderr=subprocess.PIPE, text=True
        )
        threading.Event().wait(1.0)
        assert waiting.poll() is None
    _, said = waiting.communicate(timeout=20)
    assert waiting.returncode == USAGE
    assert "nothing called `later` has begun" in said


def test_logs_into_a_closed_pipe(store: Store) -> None:
    """`mlc logs | head -1` ends without a word."""
    run = store.create("digits", params={}, runner="process")
    finish(store, run, Task("train", "train", "Succeeded", attempts=1), logs=("line\n" * 1_000_000,))
    for words in (["train"], []):
        done = subprocess.run(
            ["bash", "-c", 'set -o pipefail; "$@" | head -1', "_", sys.executable, "-m", "mlc", "logs", run.name, *words],
            env=ENV,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")


# --- mlc metrics --------------------------------------------------------------------------------------------------------------


def test_metrics_of_runs_side_by_side(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """A column for each run, a row for each metric of each task in order, missed thresholds marked, parameters that differ first."""
    first, second = failed_run(store), failed_run(store, "0.93", "0.2")
    assert mlc("metrics", first.name, second.name) == OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["METRIC", first.name, second.name, "THRESHOLD", "ITEM"]
    assert lines[1].split() == ["params.lr", "0.1", "0.2"]
    assert lines[2].split() == ["evaluate.accuracy", "0.7", "missed", "0.93", "above", "0.8"]
    assert [line.split()[0] for line in lines[3:]] == [f"trial[{n}].loss" for n in range(12) if n != 10]
    assert lines[5].split() == ["trial[2].loss", "0.2", "0.2", "n=2"]
    assert mlc("metrics") == OK
    assert capsys.readouterr().out.splitlines()[1].split() == ["evaluate.accuracy", "0.93", "above", "0.8"]


def test_metrics_for_programs(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """CSV has a line for each metric of each run; JSON has numbers."""
    run = failed_run(store)
    assert mlc("metrics", run.name, "--csv") == OK
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == {
        "run": run.name,
        "task": "evaluate",
        "item": "",
        "metric": "accuracy",
        "value": "0.7",
        "thresholds": "above 0.8",
        "held": "false",
    }
    assert len(rows) == 12
    assert rows[3]["item"] == "n=2"
    assert rows[3]["held"] == ""
    assert mlc("metrics", run.name, "--json") == OK
    (found,) = json.loads(capsys.readouterr().out)["runs"]
    assert found["params"] == {"lr": "0.1"}
    assert found["metrics"][0]["value"] == 0.7
    assert mlc("metrics", run.name, "--json", "--csv") == USAGE


def test_no_metrics(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """A run without metrics says so."""
    run = store.create("digits", params={}, runner="process")
    assert mlc("metrics") == OK
    assert capsys.readouterr().out == f"no metrics in {run.name}\n"


# --- trouble ------------------------------------------------------------------------------------------------------------------


def test_a_state_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no database is said to be none; nothing is written over it."""
    (tmp_path / ".mlc").mkdir()
    (tmp_path / ".mlc" / "state.sqlite").write_bytes(b"this is no database" * 100)
    assert mlc("runs") == FAILED
    err = capsys.readouterr().err
    assert err.startswith("mlc: error: ")
    assert "state.sqlite" in err
    assert "Traceback" not in err


if not sandbox_problem() or os.getuid():

    @pytest.mark.parametrize("killed", [False, True])
    def test_a_state_that_cannot_be_written(store: Store, tmp_path: Path, killed: bool) -> None:
        """Runs are read where nothing can be written, such as a copy on a medium to be read alone; also what a killed process left."""
        run = failed_run(store)
        copy = tmp_path / "c?py 1%"
        if killed:  # what was written last is in a file beside the state
            shutil.copytree(tmp_path / ".mlc", copy)
            assert (copy / "state.sqlite-wal").stat().st_size > 0
        else:
            store.close()
            shutil.copytree(tmp_path / ".mlc", copy)
            assert not (copy / "state.sqlite-wal").exists()
            (copy / "volumes").rmdir()  # who copies files leaves out what has none
        for path in (*copy.rglob("*"), copy):
            path.chmod(0o555 if path.is_dir() else 0o444)
        alone = [] if os.getuid() else ["bwrap", "--dev-bind", "/", "/", "--ro-bind", str(copy), str(copy)]

        def called(*words: str) -> tuple[int, str, str]:
            done = subprocess.run(
                [*alone, sys.executable, "-m", "mlc", *words, "--state", str(copy)], env=ENV, capture_output=True, text=True, check=False
            )
            return done.returncode, done.stdout, done.stderr

        try:
            assert called("runs")[1].splitlines()[1].split()[0] == run.name
            for words in (("runs", run.name), ("metrics", run.name), ("logs", run.name), ("logs", run.name, "train")):
                code, out, err = called(*words)
                assert (code, err) == (OK, ""), words
                assert out
            code, _, err = called("runs", "--remove", run.name)
            assert code == FAILED
            assert err.startswith("mlc: error: ")
            assert "Traceback" not in err
        finally:
            for path in (copy, *copy.rglob("*")):
                path.chmod(0o755)


def test_completion_of_runs_and_tasks(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """TAB after `mlc logs` names runs, and after a run its tasks; after `--only` steps of the spec; it is silent where nothing is there."""
    from mlc.cli.app.completion import among, params, runs, steps, tasks

    run = failed_run(store)
    monkeypatch.setenv("COMP_WORDS", f"mlc logs {run.name} tr")
    assert among(runs)("dig") == [run.name]
    assert "trial[10]" in among(tasks)("trial[1")
    monkeypatch.setenv("COMP_WORDS", "mlc logs nothing tr")
    assert among(tasks)("t") == []
    monkeypatch.setenv("COMP_WORDS", f"mlc logs --state nowhere {run.name} tr")
    assert among(tasks)("t") == []
    assert among(runs)("") == []
    Path("mlc.yaml").write_text("mlc: v1\nname: x\nparams: {epochs: 1}\nsteps: {train: {image: a:1, command: b}}\n", encoding="utf-8")
    monkeypatch.setenv("COMP_WORDS", "mlc run --only t")
    assert among(steps)("t") == ["train"]
    assert among(params)("e") == ["epochs="]
