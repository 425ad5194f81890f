"""Order, attempts, files and what is told: what the table of scenarios does not show."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from mlc.local.events import Line, MetricRead, Note, Produced, RunEnded, RunStarted, TaskChanged
from mlc.local.job import Ended
from mlc.local.scheduler import Control
from mlc.local.store import open_store
from tests.local.scripted import Around, Did, Quick, play, project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mlc.local.events import Event
    from mlc.local.job import Job
    from mlc.local.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(tmp_path / "state")) as found:
        yield found


def good(job: Job) -> Did:
    """Every declared file, with a fair text."""
    return Did(dict.fromkeys(job.declared.values(), "1"))


def but(**steps: Did | Callable[[Job], Did]) -> Callable[[Job], Did]:
    """Programs that are good, but for these."""

    def did(job: Job) -> Did:
        found = steps.get(job.task.replace("-", "_")) or steps.get(job.step.name.replace("-", "_"), good)
        return found if isinstance(found, Did) else found(job)

    return did


# --- order and how many at once -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 3, 8, 0])
def test_jobs(store: Store, jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many attempts go at once as may, and never more; where nothing is said, one for each CPU."""
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    asked, jobs = jobs, jobs or 4
    full = threading.Event()

    def did(job: Job) -> Did:
        return Did(until=full)

    def told(event: Event) -> None:
        if isinstance(event, TaskChanged) and event.state == "Running" and event.task == f"s{jobs - 1:02}":
            threading.Timer(0.05, full.set).start()  # long enough for more to start, if more could

    played = play(store, project({f"s{number:02}": {} for number in range(12)}), did, jobs=asked, listener=told)
    assert played.phase == "Succeeded"
    assert played.runner.most == jobs
    if jobs == 1:
        assert played.runner.started == [f"s{number:02}" for number in range(12)]


def test_items_at_once(store: Store) -> None:
    """`parallel` counts items, from their first step to their last."""
    steps = {"a": {"foreach": {"x": [1, 2, 3, 4, 5, 6]}, "parallel": 2, "args": ["${{ each.x }}"]}, "b": {"each": "a"}, "c": {"each": "b"}}
    played = play(store, project(steps), good, jobs=6)
    assert played.phase == "Succeeded"
    order = [task for task, state in played.changes if state in ("Running", "Succeeded") and "[" in task]
    open_items: set[str] = set()
    most = 0
    for task, state in played.changes:
        name, _, item = task.partition("[")
        if item and name == "a" and state == "Running":
            open_items.add(item)
            most = max(most, len(open_items))
        elif item and name == "c" and state == "Succeeded":
            open_items.remove(item)
    assert most == 2
    assert len(order) == 36


def test_a_long_chain(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deep graphs are no deep recursion, also where everything is skipped."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    steps: dict[str, Any] = {"s0": {"when": "false"}}
    steps.update({f"s{number}": {"needs": f"s{number - 1}"} for number in range(1, 1_500)})
    played = play(store, project(steps), good)
    assert set(played.states.values()) == {"Skipped"}
    assert played.last("s1499").reason == "`s1498` was skipped"


# --- inputs and files ---------------------------------------------------------------------------------------------------------


def test_what_a_step_gets(store: Store) -> None:
    """Files and folders arrive as copies, texts filled in, secrets looked up and on no record."""
    seen: dict[str, Job] = {}

    def make(job: Job) -> Did:
        return Did({"/out/table": b"\0\xff", "/out/images": {"a.png": "A", "sub": {"b.png": "B"}}, "/tmp/rows": "12\n", "/tmp/words": ""})

    def use(job: Job) -> Did:
        seen[job.task] = job
        found = {one.name: one for one in job.inputs}
        assert found["table"].source.read_bytes() == b"\0\xff"
        assert (found["images"].source / "sub" / "b.png").read_text() == "B"
        found["table"].source.write_text("changed")
        (found["images"].source / "sub" / "b.png").unlink()
        assert {one.name: one.path for one in job.inputs} == {"table": "/in/table", "images": "/in/images"}
        return Did()

    steps = {
        "make": {
            "outputs": {"table": "/out/table", "images": "/out/images"},
            "values": {"rows": {"path": "/tmp/rows", "type": "int"}, "words": "/tmp/words"},
        },
        "use": {
            "inputs": {"table": "/in/table", "images": "/in/images"},
            "args": ["--rows=${{ steps.make.values.rows }}", "${{ inputs.table }}", "${{ run.name }}", "[${{ steps.make.values.words }}]"],
            "env": {"LR": "${{ params.lr }}", "TOKEN": {"secret": "hub", "key": "token"}, "LEVEL": {"config_map": "c", "key": "l"}},
            "volumes": {"data": {"mount": "/data", "read_only": True}},
            "image": "acme/use:${{ params.tag }}",
        },
        "again": {"inputs": {"table": "/in/table", "images": "/in/images"}, "needs": "use"},
    }
    volumes = {"data": {"claim": "data-pvc"}}
    params = {"lr": 0.1, "tag": {"type": "string", "default": "v1"}}
    played = play(store, project(steps, volumes=volumes, params=params), but(make=make, use=use, again=use), params={"lr": "1e-2"})
    assert played.phase == "Succeeded", played.last("use").reason
    job = seen["use"]
    assert job.image == "local/acme/use:v1"
    assert job.program.command == ("work",)
    assert job.program.args == ("--rows=12", "/in/table", played.run.name, "[]")
    assert job.program.env["LR"] == "1e-2"
    assert job.program.env["TOKEN"].startswith("value of SecretKey")
    assert job.program.secrets == {"TOKEN"}
    assert "value of" not in repr(job.program)
    assert [(one.source, one.read_only) for one in job.mounts] == [(played.around.folder / "data", True)]
    for path in store.folder.rglob("*"):
        if path.is_file():
            assert b"value of" not in path.read_bytes(), path
    # the changes of `use` did not reach `again`, nor what a person sees
    table = store.folder_of(played.run.name) / "make" / "outputs" / "table"
    assert table.read_bytes() == b"\0\xff"
    assert [(one.task, one.artifact, one.path, one.size) for one in played.of(Produced)] == [
        ("make", "table", str(table), 2),
        ("make", "images", str(table.with_name("images")), 2),
    ]


def test_what_is_left_of_attempts(store: Store) -> None:
    """Of an attempt stays its log; the rest is removed, also of attempts that failed or never started."""
    attempts = iter((Did({"/m": "x"}, Ended(3), lines=("no",)), Did(refused="no such image"), Did({"/m": "x"}, lines=("yes", "done"))))
    step = {"outputs": {"model": "/m"}, "retry": {"limit": 2, "on": "always"}}
    played = play(store, project({"train": step, "use": {"inputs": {"model": "/in/m"}}}), but(train=lambda job: next(attempts)))
    assert played.phase == "Succeeded"
    folder = store.folder_of(played.run.name) / "train"
    assert {path.name: sorted(inner.name for inner in path.iterdir()) for path in folder.iterdir() if path.name.isdigit()} == {
        "1": ["log"],
        "2": [],
        "3": ["log"],
    }
    assert (folder / "3" / "log").read_text() == "yes\ndone\n"
    assert store.log(played.run.name, "train") == folder / "3" / "log"
    assert played.runner.disposed == [("train", 1), ("train", 3), ("use", 1)]
    assert played.around.released == ["train 1", "train 2", "train 3", "use 1"]
    assert [line.text for line in played.of(Line)] == ["no", "yes", "done"]
    assert [(one.number, one.exit, one.message) for one in store.attempts(played.run.name, "train")] == [
        (1, 3, "exit 3"),
        (2, None, "no such image"),
        (3, 0, ""),
    ]
    assert [(event.state, event.attempt, event.attempts, event.reason) for event in played.of(TaskChanged) if event.task == "train"] == [
        ("Running", 1, 3, ""),
        ("Retrying", 1, 3, "exit 3"),
        ("Running", 2, 3, ""),
        ("Retrying", 2, 3, "no such image"),
        ("Running", 3, 3, ""),
        ("Succeeded", 3, 3, ""),
    ]


@pytest.mark.parametrize(
    "files, why",
    [
        ({}, "output `o` is missing: nothing was written to /out/o"),
        ({"/out/o": {}}, "output `o` is missing: the folder /out/o is empty"),
        ({"/out/o": "x", "/v": {"a": "b"}}, "value `v`: /v is no file"),
        ({"/out/o": "x", "/v": "x" * 32_769}, "value `v`: /v has 32,769 bytes, more than 32 KiB"),
        ({"/out/o": "x", "/v": "a\0b"}, "value `v`: /v holds a NUL byte"),
        ({"/out/o": "x", "/v": b"\xff"}, "value `v`: /v is no UTF-8 text"),
        ({"/out/o": "x", "/m": " " * 32_768 + "1"}, "metric `m`: /m has 32,769 bytes, more than 32 KiB"),
        ({"/out/o": "x", "/m": "1\0"}, "metric `m`: /m holds a NUL byte"),
        ({"/out/o": "x", "/v": None}, "value `v` is missing: nothing was written to /v"),
        ({"/out/o": "x", "/m": None}, "metric `m` is missing: nothing was written to /m"),
        ({"/out/o": "", "/v": "x" * 32_768, "/m": "1" + " " * 32_767}, ""),
        ({"/out/o": {"a": {}}}, ""),
    ],
)
def test_declared_files(store: Store, files: Mapping[str, Any], why: str) -> None:
    """A declared file that is missing, or not what it must be, fails the step that ended well."""
    step = {"outputs": {"o": "/out/o"}, "values": {"v": "/v"}, "metrics": {"m": "/m", "k": {"path": "/m", "key": "a"}}}
    written = {path: content for path, content in {"/v": "1", "/m": "1", **files}.items() if content is not None}
    played = play(store, project({"a": step}), but(a=Did(written)))
    assert (played.phase, played.last("a").reason) == (("Failed", why) if why else ("Succeeded", ""))
    assert store.attempts(played.run.name)[0].exit == 0


def test_values_are_without_the_last_line_break(store: Store) -> None:
    """One line break at the end is not part of a value, nor of a metric; all else is."""
    step = {"values": {"v": "/v"}, "metrics": {"m": "/m"}}
    played = play(store, project({"a": step}), but(a=Did({"/v": " x\r\n\n", "/m": "0.5\n"})))
    assert {one.name: one.text for one in store.written(played.run.name)} == {"v": " x\r\n", "m": "0.5"}


def test_optional_files(store: Store) -> None:
    """What was left out is not delivered; an empty folder counts as left out."""
    steps = {
        "make": {"outputs": {"a": "/a", "b": "/b", "c": "/c"}},
        "use": {"inputs": {name: {"path": f"/in/{name}", "optional": True} for name in "abc"}},
    }
    seen: list[str] = []

    def use(job: Job) -> Did:
        seen.extend(one.name for one in job.inputs)
        return Did()

    assert play(store, project(steps), but(make=Did({"/a": {}, "/c": "c"}), use=use)).phase == "Succeeded"
    assert seen == ["c"]


def test_artifacts_that_cannot_be_kept(store: Store) -> None:
    """A file that is there and cannot be had is not the program's failure; the run goes on."""

    class Odd(dict[str, Any]):
        pass

    def make(job: Job) -> Did:
        return Did({"/a": Odd({"x" * 300: "a name that no file system takes"})})

    played = play(store, project({"make": {"outputs": {"a": "/a"}, "retry": {"limit": 3}}, "beside": {}}), but(make=make))
    assert played.phase == "Failed"
    assert played.last("make").reason.startswith("what it wrote cannot be kept: ")
    assert played.attempts == {"make": 1, "beside": 1}


# --- attempts -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ended, why",
    [
        (Ended(3), "exit 3"),
        (Ended(137), "exit 137 (SIGKILL)"),
        (Ended(137, message="out of memory"), "exit 137 (SIGKILL): out of memory"),
        (Ended(250), "exit 250"),
        (Ended(143, timed_out=True), "its timeout of 1h30m is over"),
        (Ended(None, lost=True, message="the engine went away"), "it was lost: the engine went away"),
        (Ended(None), "its program never ran"),
        (Ended(None, lost=True, message="long, and in the log", reason="short"), "short"),
    ],
)
def test_why_an_attempt_failed(store: Store, ended: Ended, why: str) -> None:
    """A person is told how the program ended."""
    played = play(store, project({"a": {"timeout": "1h30m"}, "b": {"needs": "a"}}), but(a=Did(ended=ended)))
    assert played.last("a").reason == why
    assert played.last("b").reason == "`a` failed"
    assert [event.reason for event in played.of(TaskChanged) if event.state == "NotRun"] == ["`a` failed"]


@pytest.mark.parametrize(
    "backoff, pauses, why",
    [
        ({"duration": "10s"}, [10, 10, 10, 10], "exit 1"),
        ({"duration": "10s", "factor": 2}, [10, 20, 40, 80], "exit 1"),
        ({"duration": "10s", "factor": 1.5}, [10, 15, 22.5, 33.75], "exit 1"),
        ({"duration": "10s", "factor": 2, "max": "1m"}, [10, 20], "exit 1; the time for all attempts together is over"),
    ],
)
def test_backoff(store: Store, backoff: Mapping[str, Any], pauses: list[float], why: str) -> None:
    """Pauses grow by the factor; `max` is a window for all attempts together, as on the engines."""
    played = play(store, project({"a": {"retry": {"limit": 4, "backoff": backoff}}}), but(a=Did(ended=Ended(1))))
    assert [event.retry_in for event in played.of(TaskChanged) if event.state == "Retrying"] == pauses
    assert played.clock.pauses == pytest.approx(pauses, abs=0.5)
    assert len(played.runner.jobs) == len(pauses) + 1
    assert played.last("a").reason == why


def test_others_run_during_a_pause(store: Store) -> None:
    """A step that waits for its next attempt takes no place."""
    attempts = iter((Did(ended=Ended(1)), Did()))
    steps = {"a": {"retry": {"limit": 1, "backoff": {"duration": "1h"}}}, "b": {}, "c": {"needs": "b"}}
    played = play(store, project(steps), but(a=lambda job: next(attempts)), jobs=1)
    assert played.phase == "Succeeded"
    assert played.runner.started[0] == "a"
    assert sorted(played.runner.started) == ["a", "a", "b", "c"]


def test_attempts_have_their_own_folders(store: Store) -> None:
    """Each attempt finds an empty folder of its own with its inputs."""
    seen: list[tuple[str, list[str]]] = []

    def use(job: Job) -> Did:
        seen.append((job.folder.name, sorted(str(path.relative_to(job.folder)) for path in job.folder.rglob("*"))))
        (job.folder / "scratch").mkdir()
        return Did(ended=Ended(0 if job.attempt == 2 else 1))

    steps = {"make": {"outputs": {"a": "/a"}}, "use": {"inputs": {"a": "/in/a"}, "retry": {"limit": 1}}}
    assert play(store, project(steps), but(use=use)).phase == "Succeeded"
    assert seen == [("1", ["in", "in/a"]), ("2", ["in", "in/a"])]


# --- loops --------------------------------------------------------------------------------------------------------------------


def test_items(store: Store) -> None:
    """Items appear when the loop starts, say what they run for, and hand over what they made to their own riders."""
    steps = {
        "train": {
            "foreach": {"lr": [0.1, 0.01], "net": [{"depth": 3}]},
            "args": ["${{ each.lr }}", "${{ each.net.depth }}"],
            "outputs": {"model": "/m"},
            "values": {"size": {"path": "/s", "type": "int"}},
        },
        "judge": {"each": "train", "inputs": {"model": "/in/m"}, "args": ["${{ steps.train.values.size }}"]},
        "report": {"args": ["${{ steps.train.values.size }}"]},
    }
    seen: dict[str, tuple[str, ...]] = {}

    def train(job: Job) -> Did:
        seen[job.task] = job.program.args
        return Did({"/m": f"model of {job.task}", "/s": f"1{job.task[-2]}"})

    def judge(job: Job) -> Did:
        seen[job.task] = (*job.program.args, job.inputs[0].source.read_text())
        return Did()

    def report(job: Job) -> Did:
        seen[job.task] = job.program.args
        return Did()

    played = play(store, project(steps), but(train=train, judge=judge, report=report))
    assert played.phase == "Succeeded"
    assert seen == {
        "train[0]": ("0.1", "3"),
        "train[1]": ("0.01", "3"),
        "judge[0]": ("10", "model of train[0]"),
        "judge[1]": ("11", "model of train[1]"),
        "report": ("[10,11]",),
    }
    assert played.changes[:5] == [("train", "Running"), *((task, "Waiting") for task in ("train[0]", "judge[0]", "train[1]", "judge[1]"))]
    assert played.last("judge[1]").item == "lr=0.01 net.depth=3"
    started = next(played.of(RunStarted))
    assert started.tasks == (("train", ()), ("judge", ("train",)), ("report", ("train",)))


def test_why_a_loop_failed(store: Store) -> None:
    """A person is told how many items failed."""
    steps = {"a": {"foreach": {"x": [1, 2, 3]}, "args": ["${{ each.x }}"]}, "b": {"needs": "a"}}
    played = play(store, project(steps), but(**{"a[1]": Did(ended=Ended(1))}))
    assert played.last("a").reason == "1 of 3 items failed"
    assert played.last("b").reason == "`a` failed"


BEST = {
    "train": {
        "foreach": {"x": [0, 1, 2, 3]},
        "args": ["${{ each.x }}"],
        "outputs": {"model": "/m"},
        "metrics": {"acc": {"path": "/acc", "key": "top"}, "loss": {"path": "/loss", "below": 3}},
    }
}


@pytest.mark.parametrize(
    "metric, texts, best",
    [
        ("acc", ["0.5", "0.9", "0.9", "9e-2"], "1"),
        ("acc", ["1e1", "2", "-3", "9"], "0"),
        ("loss", ["0.5", "0.09", "9e-2", "3"], "1"),
        ("acc", ["0.5", "good", "0.9", "0.1"], '`steps.train.metrics.acc` is no JSON document with finite numbers: `{"top": good}`'),
        ("loss", ["0.5", "null", "0.9", "0.1"], "`steps.train.metrics.loss` is no number: `null`"),
    ],
)
def test_best(store: Store, metric: str, texts: list[str], best: str) -> None:
    """The best item is the first with the highest number, or the lowest; where one is no number nobody can say."""
    steps = {**BEST, "use": {"inputs": {"model": {"path": "/in/m", "best": metric}}}}
    seen: list[str] = []

    def train(job: Job) -> Did:
        [number] = job.program.args
        text = texts[int(number)]
        return Did({"/m": number, "/acc": f'{{"top": {text if metric == "acc" else 1}}}', "/loss": text if metric == "loss" else "1"})

    def use(job: Job) -> Did:
        seen.append(job.inputs[0].source.read_text())
        return Did()

    played = play(store, project(steps), but(train=train, use=use))
    if best.isdigit():
        assert (played.phase, seen) == ("Succeeded", [best])
    else:
        assert (played.last("use").state, played.last("use").reason, seen) == ("Failed", best, [])


def test_best_of_nothing(store: Store) -> None:
    """Of a loop without items none is the best; who takes a list of its values goes on."""
    train = {**BEST["train"], "foreach": {"x": "${{ params.l }}"}}
    steps = {"train": train, "use": {"inputs": {"model": {"path": "/in/m", "best": "acc"}}}}
    played = play(store, project(steps, params={"l": {"type": "list", "default": []}}), good)
    assert played.states == {"train": "Succeeded", "use": "Failed"}
    assert played.last("use").reason == "loop `train` had no items, so none of them has the best `steps.train.metrics.acc`"


def test_best_inside_of_another_loop(store: Store) -> None:
    """A loop may take the best of another one; a loop's step sees what is outside of it."""
    steps = {
        **BEST,
        "serve": {"foreach": {"y": ["a", "b"]}, "args": ["${{ each.y }}"], "inputs": {"model": {"path": "/in/m", "best": "loss"}}},
    }
    seen: dict[str, str] = {}

    def train(job: Job) -> Did:
        return Did({"/m": job.task, "/acc": '{"top": 1}', "/loss": str(5 - int(job.program.args[0]))})

    def serve(job: Job) -> Did:
        seen[job.task] = job.inputs[0].source.read_text()
        return Did()

    assert play(store, project(steps), but(train=train, serve=serve)).phase == "Succeeded"
    assert seen == {"serve[0]": "train[3]", "serve[1]": "train[3]"}


# --- artifacts from outside ---------------------------------------------------------------------------------------------------

OUTSIDE = {
    "params": {"version": "v3"},
    "artifacts": {
        "base": {"type": "model", "uri": "https://models.example.com/${{ params.version }}.onnx"},
        "words": {"type": "dataset", "uri": "https://models.example.com/w"},
    },
}


def test_artifacts_from_outside(store: Store) -> None:
    """They are fetched once for a run, whoever reads them, and again for another one."""
    steps = {name: {"inputs": {"base": "/in/base", "words": "/in/words"}} for name in "abc"}
    seen: list[str] = []

    def did(job: Job) -> Did:
        seen.append(job.inputs[0].source.read_text())
        return Did()

    spec = project(steps, **OUTSIDE)
    played = play(store, spec, did, jobs=1, params={"version": "v4"})
    assert played.phase == "Succeeded"
    assert sorted(played.around.fetched) == ["https://models.example.com/v4.onnx", "https://models.example.com/w"]
    assert seen == ["from https://models.example.com/v4.onnx"] * 3
    assert len(play(store, spec, did).around.fetched) == 2


def test_artifacts_that_are_not_to_be_had(store: Store) -> None:
    """Who reads them fails without an attempt; the others go on."""
    around = Around(store.folder)
    around.unreachable = "no route to models.example.com"
    steps = {"a": {"inputs": {"base": "/in/base", "words": "/in/words"}}, "b": {}, "c": {"needs": "a"}}
    played = play(store, project(steps, **OUTSIDE), good, around=around)
    assert played.states == {"a": "Failed", "b": "Succeeded", "c": "NotRun"}
    assert played.last("a").reason.endswith("is not to be had: no route to models.example.com")
    assert played.runner.started == ["b"]


def test_nobody_waits_for_a_download(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who stops a run need not wait for what is on its way."""
    around, control, endless = Around(store.folder), Control(), threading.Event()

    def fetch(external: Any, uri: str, to: Path) -> Path:
        control.stop()
        endless.wait(60)
        raise OSError("too late")

    monkeypatch.setattr(around, "fetch", fetch)
    try:
        played = play(
            store,
            project({"a": {"inputs": {"base": "/in/b"}}, "b": {"inputs": {"words": "/in/w"}}}, **OUTSIDE),
            good,
            around=around,
            control=control,
        )
        assert (played.phase, played.states) == ("Stopped", {})
    finally:
        endless.set()


# --- what is told -------------------------------------------------------------------------------------------------------------


def test_what_is_told(store: Store) -> None:
    """A run is told from its start to its end; metrics and artifacts come before the state that says they are there."""
    steps = {
        "train": {"metrics": {"acc": {"path": "/a", "above": 0.8, "on_miss": "fail"}, "loss": "/l"}, "outputs": {"model": "/m"}},
        "deploy": {"gate": "train"},
    }
    played = play(store, project(steps), but(train=Did({"/a": " 0.70\n", "/l": "NaN", "/m": "x"}, lines=("one",))))
    kinds = [type(event).__name__ for event in played.events]
    assert kinds == [
        "RunStarted", "TaskChanged", "Line", "MetricRead", "MetricRead", "Produced", "TaskChanged", "TaskChanged", "RunEnded",
    ]  # fmt: skip
    assert list(played.of(MetricRead)) == [
        MetricRead("train", "acc", "0.70", (("above 0.8", False),)),
        MetricRead("train", "loss", "NaN", ()),
    ]
    started, ended = played.events[0], played.events[-1]
    assert isinstance(started, RunStarted)
    assert (started.run, started.project, started.runner, started.resumed) == (played.run.name, "project", "scripted", False)
    assert started.notes == ("programs are scripted",)
    assert isinstance(ended, RunEnded)
    assert ended.reasons == ("train: acc 0.70 is not above 0.8 (on_miss: fail)",)
    assert played.run.reasons == ended.reasons
    assert played.last("deploy").reason == "train: acc 0.70 is not above 0.8"


def test_a_flood_of_lines(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that prints faster than anybody reads has to wait; no line is lost, none comes out of order."""
    monkeypatch.setattr("mlc.local.scheduler._LINES", 50)
    lines = tuple(map(str, range(5_000)))
    played = play(store, project({"a": {}, "b": {}}), lambda job: Did(lines=lines))
    for task in "ab":
        assert tuple(line.text for line in played.of(Line) if line.task == task) == lines
    last = [index for index, event in enumerate(played.events) if isinstance(event, Line)][-1]
    assert isinstance(played.events[last + 1], TaskChanged)


# --- stopping, and what breaks ------------------------------------------------------------------------------------------------


def stopping(control: Control, task: str, times: int = 1) -> Callable[[Event], None]:
    """A listener that stops the run when a task's program says something."""

    def told(event: Event) -> None:
        if isinstance(event, Line) and event.task == task:
            for _ in range(times):
                control.stop()

    return told


@pytest.mark.parametrize("times", [1, 2])
def test_stop(store: Store, times: int) -> None:
    """Who stops a run ends what goes, starts nothing more, and can go on; the second time it is at once."""
    control = Control()
    endless = threading.Event()
    steps = {"a": {}, "b": {"needs": "a"}, "c": {"needs": "b"}, "d": {}}
    script = but(b=Did(until=endless, lines=("up",), stubborn=times == 2), d=Did(until=endless))
    spec = {**project(steps), "finally": {"last": {}}}
    played = play(store, spec, script, jobs=3, control=control, listener=stopping(control, "b", times))
    assert played.phase == "Stopped"
    assert played.states == {"a": "Succeeded", "b": "Stopped", "d": "Stopped"}
    assert sorted(played.runner.stops) == ["b", "d"]
    assert sorted(played.runner.kills) == (["b", "d"] if times == 2 else [])
    assert played.run.phase == "Stopped"
    assert {task.name: task.state for task in store.tasks(played.run.name)} == {"a": "Succeeded"}
    assert all(attempt.ended for attempt in store.attempts(played.run.name))


def test_stop_during_a_pause(store: Store) -> None:
    """A step that waits for its next attempt is stopped, too."""
    control = Control()

    class Still(Quick):
        def wait(self, inbox: Any, until: float | None) -> object:
            if until is not None:
                control.stop()
            return super().wait(inbox, None)

    steps = {"a": {"retry": {"limit": 1, "backoff": {"duration": "1h"}}}}
    played = play(store, project(steps), but(a=Did(ended=Ended(1))), control=control, clock=Still())
    assert (played.phase, played.states) == ("Stopped", {"a": "Stopped"})


def test_nothing_starts_after_a_stop(store: Store) -> None:
    """What was ready when the run was stopped is not started, and is not told to have been stopped."""
    control = Control()
    script = but(a=Did(until=threading.Event(), lines=("up",)))
    played = play(store, project({"a": {}, "b": {}, "c": {}}), script, jobs=1, control=control, listener=stopping(control, "a"))
    assert (played.phase, played.states, played.runner.started) == ("Stopped", {"a": "Stopped"}, ["a"])


def test_stop_before_the_program_runs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt that is stopped while its inputs are copied never starts its program."""
    control, around = Control(), Around(store.folder)

    def mounts_for(mounts: Any, place: Any) -> tuple[()]:
        control.stop()
        time.sleep(0.3)  # as a large input takes
        return ()

    monkeypatch.setattr(around, "mounts_for", mounts_for)
    played = play(store, project({"a": {}}), good, control=control, around=around)
    assert (played.phase, played.states, played.runner.started) == ("Stopped", {"a": "Stopped"}, [])
    assert around.released == ["a 1"]


def test_a_program_that_ends_well_when_it_is_stopped(store: Store) -> None:
    """What was stopped is not done, however its program takes it."""
    control = Control()
    polite = Did({"/m": "half"}, until=threading.Event(), lines=("up",), when_stopped=Ended(0))
    played = play(store, project({"a": {"outputs": {"m": "/m"}}}), but(a=polite), control=control, listener=stopping(control, "a"))
    assert (played.phase, played.states) == ("Stopped", {"a": "Stopped"})
    assert not store.made(played.run.name)


def test_who_listens_breaks(store: Store) -> None:
    """Where nobody can be told any more, everything that goes is ended, and the run can go on."""
    endless = threading.Event()

    class Gone(Exception):
        pass

    def told(event: Event) -> None:
        if isinstance(event, TaskChanged) and (event.task, event.state) == ("c", "Succeeded"):
            raise Gone

    script = but(a=Did(until=endless, lines=("x",) * 100, stubborn=True), b=Did(until=endless))
    with pytest.raises(Gone):
        play(store, project({"a": {}, "b": {}, "c": {}}), script, jobs=3, listener=told)
    [run] = store.runs()
    assert run.phase == "Running"
    assert not store.active(run.name)
    assert [task.name for task in store.tasks(run.name)] == ["c"]
    assert [thread for thread in threading.enumerate() if thread.name.startswith("mlc")] == []


def test_a_fault_of_a_runner(store: Store) -> None:
    """A fault is raised where the run was started, after everything that goes was ended."""
    endless = threading.Event()

    def bad(job: Job) -> Did:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        play(store, project({"a": {}, "b": {}}), but(a=Did(until=endless), b=bad))
    assert [thread for thread in threading.enumerate() if thread.name.startswith("mlc")] == []


def test_what_cannot_be_removed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim or a folder that resists is said, and changes nothing about the run."""
    around = Around(store.folder)

    def refuse(*_: object) -> None:
        raise OSError("it is in use")

    monkeypatch.setattr(around, "remove_claims", refuse)
    monkeypatch.setattr(around, "release", refuse)
    spec = project({"a": {"volumes": {"w": "/w"}}}, volumes={"w": {"size": "1Gi"}})
    played = play(store, spec, good, around=around)
    assert played.phase == "Succeeded"
    assert [note.text.rpartition(": ")[2] for note in played.of(Note)] == ["it is in use"] * 2
