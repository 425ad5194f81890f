"""What need not be done again: a run that goes on, a part of a project, and the cache."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest

from mlc.local.artifacts import Objects
from mlc.local.events import Note, Produced, RunStarted, TaskChanged
from mlc.local.job import Ended
from mlc.local.scheduler import Control, Refused
from mlc.local.store import StateError, open_store
from tests.local.scripted import Around, Did, Played, play, project
from tests.local.test_scheduler import but, good, stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlc.local.events import Event
    from mlc.local.job import Job
    from mlc.local.store import Run, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(tmp_path / "state")) as found:
        yield found


FAILS = Did(ended=Ended(1))


def again(store: Store, run: Run, spec: dict[str, Any], script: Callable[[Job], Did] = good, **options: Any) -> Played:
    """A run that goes on."""
    return play(store, spec, script, resume=run, **options)


def reasons(played: Played) -> dict[str, str]:
    """Why tasks run."""
    return {event.task: event.reason for event in played.of(TaskChanged) if event.state == "Running" and event.reason}


# --- a run that goes on -------------------------------------------------------------------------------------------------------

CHAIN: dict[str, Any] = {
    "prepare": {"outputs": {"table": "/t"}, "values": {"rows": {"path": "/r", "type": "int"}}},
    "train": {"inputs": {"table": "/in/t"}, "outputs": {"model": "/m"}, "metrics": {"acc": {"path": "/a", "min": 0.5}}},
    "deploy": {"gate": "train", "inputs": {"model": "/in/m"}, "args": ["${{ steps.prepare.values.rows }}"]},
    "beside": {},
}


def test_after_a_failure(store: Store) -> None:
    """What is done stays done, with its values, metrics and files; attempts are counted on."""
    first = play(store, project(CHAIN), but(train=FAILS, prepare=Did({"/t": "the table", "/r": "7"})))
    assert first.states == {"prepare": "Succeeded", "train": "Failed", "deploy": "NotRun", "beside": "Succeeded"}
    seen: dict[str, Any] = {}

    def train(job: Job) -> Did:
        seen["table"], seen["attempt"] = job.inputs[0].source.read_text(), job.attempt
        return Did({"/m": "m", "/a": "0.9"})

    def deploy(job: Job) -> Did:
        seen["rows"] = job.program.args
        return Did()

    second = again(store, first.run, project(CHAIN), but(train=train, deploy=deploy))
    assert second.phase == "Succeeded"
    assert second.run.name == first.run.name
    assert second.runner.started == ["train", "deploy"]
    assert seen == {"table": "the table", "attempt": 2, "rows": ("7",)}
    assert {task: second.last(task).reused for task in second.states} == {
        "prepare": first.run.name,
        "beside": first.run.name,
        "train": "",
        "deploy": "",
    }
    assert next(second.of(RunStarted)).resumed
    assert [event.artifact for event in second.of(Produced)] == ["table", "model"]
    assert sorted((one.task, one.number, one.exit) for one in store.attempts(first.run.name)) == [
        ("beside", 1, 0),
        ("deploy", 1, 0),
        ("prepare", 1, 0),
        ("train", 1, 1),
        ("train", 2, 0),
    ]
    assert {task.name: task.attempts for task in store.tasks(first.run.name)} == {"prepare": 1, "train": 2, "deploy": 1, "beside": 1}
    assert second.runner.swept == [(first.run.name, ())]


def test_retries_count_anew(store: Store) -> None:
    """A run that goes on has all its attempts again."""
    spec = project({"a": {"retry": {"limit": 1}}})
    first = play(store, spec, but(a=FAILS))
    attempts = iter((FAILS, Did()))
    second = again(store, first.run, spec, but(a=lambda job: next(attempts)))
    assert second.phase == "Succeeded"
    assert [(event.state, event.attempt, event.attempts) for event in second.of(TaskChanged)] == [
        ("Running", 3, 4),
        ("Retrying", 3, 4),
        ("Running", 4, 4),
        ("Succeeded", 4, 4),
    ]


def test_with_its_own_parameters(store: Store) -> None:
    """A run goes on with the parameters that it was given."""
    spec = project({"a": {"args": ["${{ params.lr }}"]}}, params={"lr": 0.5})
    first = play(store, spec, but(a=FAILS), params={"lr": "0.25"})
    second = again(store, first.run, spec, params={"lr": "9"})
    assert second.runner.jobs[0].program.args == ("0.25",)


@pytest.mark.parametrize(
    "change, started",
    [
        ({"command": ["other"]}, ["prepare", "train", "deploy"]),
        ({"env": {"A": "1"}}, ["prepare", "train", "deploy"]),
        ({"image": "acme/step:2.0"}, ["prepare", "train", "deploy"]),
        ({"volumes": {"d": "/d"}}, ["prepare", "train", "deploy"]),
        ({"workdir": "/srv"}, ["prepare", "train", "deploy"]),
        ({"timeout": "2h", "retry": {"limit": 3}, "resources": {"cpu": 1}, "labels": {"a": "b"}, "title": "x"}, ["deploy"]),
    ],
)
def test_a_spec_that_changed(store: Store, change: dict[str, Any], started: list[str]) -> None:
    """What changed is done again, and what depends on it; nothing else, and a person is told why."""
    volumes = {"d": {"claim": "d"}}
    first = play(store, project(CHAIN, volumes=volumes), but(deploy=FAILS))
    changed = project({**CHAIN, "prepare": {**CHAIN["prepare"], **change}}, volumes=volumes)
    second = again(store, first.run, changed)
    assert second.runner.started == started
    assert second.phase == "Succeeded"
    if "prepare" in started:
        assert reasons(second) == {"prepare": "it has changed since it ran", "train": "`prepare` runs again"}


def test_a_new_step_in_between(store: Store) -> None:
    """What depends on a step that had not been there runs again, also where it gets nothing from it."""
    first = play(store, project({"a": {}, "b": {"needs": "a"}, "c": {"needs": "b"}, "d": {"needs": "c"}}), but(d=FAILS))
    second = again(store, first.run, project({"a": {}, "x": {"needs": "a"}, "b": {"needs": ["a", "x"]}, "c": {"needs": "b"}}))
    assert second.runner.started == ["x", "b", "c"]
    assert reasons(second) == {"b": "`x` runs before it", "c": "`x` runs before it"}
    assert sorted(task.name for task in store.tasks(second.run.name)) == ["a", "b", "c", "x"]


def test_who_dies_again_halfway(store: Store) -> None:
    """A run that was to do something again, and died before all of it was done, does the rest of it the next time."""
    first = play(store, project(CHAIN), but(deploy=FAILS))
    changed = project({**CHAIN, "prepare": {**CHAIN["prepare"], "env": {"A": "1"}}})
    control = Control()
    endless = threading.Event()

    def told(event: Event) -> None:
        if isinstance(event, TaskChanged) and (event.task, event.state) == ("prepare", "Succeeded"):
            control.stop()

    # the same table comes out of it, so that nothing but its turn tells that `train` has to run again
    second = again(store, first.run, changed, but(train=Did(until=endless)), control=control, listener=told)
    assert second.phase == "Stopped"
    third = again(store, first.run, changed)
    assert third.runner.started == ["train", "deploy"]


def test_artifacts_that_are_gone(store: Store) -> None:
    """What is no longer in the store is made again."""
    first = play(store, project(CHAIN), but(deploy=FAILS, prepare=Did({"/t": "the only one", "/r": "1"})))
    [table] = [made for made in store.made(first.run.name) if made.name == "table"]
    (store.folder / "objects" / table.digest[:2] / table.digest[2:]).unlink()
    second = again(store, first.run, project(CHAIN), but(prepare=Did({"/t": "the only one", "/r": "1"})))
    assert second.runner.started == ["prepare", "train", "deploy"]
    assert reasons(second)["prepare"] == "what it made is no longer there"


def test_loops_go_on_item_by_item(store: Store) -> None:
    """Only the items that failed are done again."""
    steps = {
        "train": {"foreach": {"x": ["a", "b", "c"]}, "args": ["${{ each.x }}"], "values": {"v": "/v"}},
        "judge": {"each": "train"},
        "report": {"args": ["${{ steps.train.values.v }}"]},
    }
    first = play(store, project(steps), but(**{"train[1]": FAILS, "judge[2]": FAILS}))
    assert (first.phase, first.states["train"]) == ("Failed", "Failed")
    second = again(store, first.run, project(steps), but(train=lambda job: Did({"/v": job.program.args[0]})))
    assert second.phase == "Succeeded"
    assert sorted(second.runner.started) == ["judge[1]", "judge[2]", "report", "train[1]"]
    assert second.runner.jobs[-1].program.args == ('["1","b","1"]',)


def test_items_that_are_gone(store: Store) -> None:
    """A list that got shorter leaves nothing of the items that are no more."""
    steps: dict[str, Any] = {"train": {"foreach": {"x": [1, 2, 3]}, "args": ["${{ each.x }}"]}, "report": {"needs": "train"}}
    first = play(store, project(steps), but(report=FAILS))
    shorter = {**steps, "train": {**steps["train"], "foreach": {"x": [1, 9]}}}
    second = again(store, first.run, project(shorter))
    assert second.runner.started == ["train[1]", "report"]
    assert sorted(task.name for task in store.tasks(first.run.name)) == ["report", "train", "train[0]", "train[1]"]


def test_finally_runs_again(store: Store) -> None:
    """Where something of the run was done again, all of `finally` is; where nothing was, only what is missing."""
    spec = {**project({"a": {}}), "finally": {"tell": {"args": ["${{ run.status }}"]}, "sweep": {}, "last": {"needs": "sweep"}}}
    first = play(store, spec, but(a=FAILS))
    same = again(store, first.run, spec, but(a=FAILS))
    assert sorted(same.runner.started) == ["a", "last", "sweep", "tell"]
    second = again(store, first.run, spec, but(last=FAILS))
    assert second.runner.started[0] == "a"
    assert sorted(second.runner.started) == ["a", "last", "sweep", "tell"]
    assert next(job for job in second.runner.jobs if job.task == "tell").program.args == ("Succeeded",)
    assert again(store, first.run, spec).runner.started == ["last"]


def test_skipped_steps_are_decided_again(store: Store) -> None:
    """What was skipped may run when the run goes on, and what ran may be skipped."""
    gated: dict[str, Any] = {"test": {"metrics": {"m": {"path": "/m", "min": 0.5}}}, "low": {"gate": "test"}, "last": {"needs": "test"}}
    first = play(store, project(gated), but(test=Did({"/m": "0.4"}), last=FAILS))
    assert first.states["low"] == "Skipped"
    lower = {**gated, "test": {"metrics": {"m": {"path": "/m", "min": 0.3}}}}
    second = again(store, first.run, project(lower), but(last=FAILS))
    assert sorted(second.runner.started) == ["last", "low"]
    assert store.written(first.run.name)[0].thresholds == (("min 0.3", True),)
    third = again(store, first.run, project(gated))
    assert third.runner.started == ["last"]
    assert third.states["low"] == "Skipped"
    assert store.result(first.run.name, "low").task.state == "Skipped"  # type: ignore[union-attr]


def test_artifacts_from_outside_are_not_fetched_again(store: Store) -> None:
    """What a run has fetched it keeps, also when it goes on."""
    spec = project({"a": {"inputs": {"base": "/in/base"}}}, artifacts={"base": {"type": "model", "uri": "https://models.example.com/b"}})
    first = play(store, spec, but(a=FAILS))
    second = again(store, first.run, spec)
    assert (first.around.fetched, second.around.fetched) == (["https://models.example.com/b"], [])
    assert second.runner.started == ["a"]


def test_what_cannot_go_on(store: Store) -> None:
    """A run that succeeded, one that somebody drives, and one whose parameters the project no longer has."""
    spec = project({"a": {"args": ["${{ params.n }}"]}}, params={"n": 1})
    done = play(store, spec, good)
    with pytest.raises(Refused, match=f"run `{done.run.name}` has succeeded: there is nothing to go on with"):
        again(store, done.run, spec)
    failed = play(store, spec, but(a=FAILS), params={"n": "2"})
    with pytest.raises(StateError, match="driven by another process"), store.lock(failed.run.name):
        again(store, failed.run, spec)
    with pytest.raises(Refused, match="the project has no parameter `n`"):
        again(store, failed.run, project({"a": {}}))
    assert again(store, failed.run, spec).phase == "Succeeded"


def test_what_a_killed_process_left(store: Store) -> None:
    """The attempts that nobody saw ending are ended and cleared away, and their logs stay."""
    spec = project({"a": {}, "b": {}})
    endless = threading.Event()

    def told(event: Event) -> None:
        if isinstance(event, TaskChanged) and event.state == "Succeeded":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(store, spec, but(a=Did(until=endless)), listener=told)
    [run] = store.runs()
    [left] = [one for one in store.attempts(run.name) if not one.ended]
    folder = store.attempt_folder(run.name, "a", 1)
    (folder / "scratch").mkdir()
    (folder / "scratch" / "file").write_text("left")
    (folder / "log").write_text("half")
    found = store.unfinished()
    assert found == run
    with store._transaction():
        store._db.execute("UPDATE runs SET runner = 'podman'")
    with pytest.raises(Refused, match="was killed, and only podman can end what it left: go on with `--runner podman`"):
        again(store, store.runs()[0], spec)
    second = again(store, run, spec)
    assert second.runner.swept == [(run.name, (left.identity,))]
    assert left.identity == "script a 1"
    assert second.around.released[0] == "a 1"
    assert [path.name for path in folder.iterdir()] == ["log"]
    assert [(job.task, job.attempt) for job in second.runner.jobs] == [("a", 2)]
    assert all(one.ended for one in store.attempts(run.name))


# --- claims of a run ----------------------------------------------------------------------------------------------------------

CLAIMS = {
    "write": {"volumes": {"scratch": "/s"}},
    "other": {},
    "read": {"needs": ["write", "other"], "volumes": {"scratch": "/s"}},
    "after": {"needs": "read"},
}
SCRATCH = {"scratch": {"size": "1Gi"}, "unused": {"size": "1Gi"}}


def test_claims_are_gone_after_a_failure(store: Store) -> None:
    """What a step left on a claim of the run is gone with it: the step runs again, if somebody needs the claim."""
    spec = project(CLAIMS, volumes=SCRATCH)
    first = play(store, spec, but(read=FAILS))
    assert (first.around.made, first.around.removed) == (["scratch"], ["scratch"])
    second = again(store, first.run, spec, but(after=FAILS))
    assert second.runner.started == ["write", "read", "after"]
    assert reasons(second) == {"write": "what was on `scratch`, a claim of the run, is gone"}
    third = again(store, first.run, spec)
    assert third.runner.started == ["after"]


def test_who_dies_while_claims_are_filled_again(store: Store) -> None:
    """All that was on a claim is made again, also where a run that goes on is ended after the first half of it."""
    steps = {name: {"volumes": {"scratch": "/s"}} for name in ("one", "two")}
    spec = project({**steps, "read": {"needs": ["one", "two"], "volumes": {"scratch": "/s"}}}, volumes=SCRATCH)
    first = play(store, spec, but(read=FAILS))
    control, around = Control(), Around(store.folder / "around")
    script = but(two=Did(until=threading.Event(), lines=("up",)))
    second = again(store, first.run, spec, script, control=control, listener=stopping(control, "two"), jobs=1, around=around)
    assert (second.phase, second.runner.started) == ("Stopped", ["one", "two"])
    third = again(store, first.run, spec, around=around)
    assert (third.phase, third.runner.started) == ("Succeeded", ["two", "read"])


def test_claims_stay_when_a_run_is_stopped(store: Store) -> None:
    """A run that was stopped keeps its claims, and nothing is done again."""
    spec = project(CLAIMS, volumes=SCRATCH)
    control = Control()
    endless = threading.Event()
    around = Around(store.folder / "around")
    script = but(read=Did(until=endless, lines=("up",)))
    first = play(store, spec, script, control=control, listener=stopping(control, "read"), around=around)
    assert (first.phase, around.removed) == ("Stopped", [])
    second = again(store, first.run, spec, around=around)
    assert second.runner.started == ["read", "after"]
    assert around.removed == ["scratch"]


def test_claims_that_need_each_other(store: Store) -> None:
    """A step that runs again for one claim may bring others to run again that wrote to another one."""
    steps = {
        "a": {"volumes": {"one": "/1"}},
        "b": {"needs": "a", "volumes": {"one": "/1", "two": "/2"}},
        "c": {"volumes": {"two": "/2"}},
        "d": {"needs": ["b", "c"], "volumes": {"two": "/2"}},
        "e": {},
    }
    spec = project(steps, volumes={"one": {"size": "1Gi"}, "two": {"size": "1Gi"}})
    first = play(store, spec, but(d=FAILS))
    second = again(store, first.run, spec)
    assert sorted(second.runner.started) == ["a", "b", "c", "d"]
    assert second.phase == "Succeeded"


# --- parts of a project -------------------------------------------------------------------------------------------------------

PARTS = {
    "prepare": {"outputs": {"table": "/t"}},
    "train": {
        "foreach": {"x": [1, 2]},
        "args": ["${{ each.x }}"],
        "inputs": {"table": "/in/t"},
        "outputs": {"model": "/m"},
        "metrics": {"acc": "/a"},
        "values": {"v": "/v"},
    },
    "judge": {"each": "train", "when": "each.x < 2"},
    "pick": {"inputs": {"model": {"path": "/in/m", "best": "acc"}}, "args": ["${{ steps.train.values.v }}"], "values": {"p": "/p"}},
    "deploy": {"args": ["${{ steps.pick.values.p }}"]},
    "beside": {},
}


def whole(job: Job) -> Did:
    """What every program writes tells which it was."""
    return Did({"/t": "table", "/m": f"model {job.task}", "/a": "0.9" if job.task == "train[1]" else "0.1", "/v": job.task, "/p": "picked"})


def test_from_a_step(store: Store) -> None:
    """Only the step and what depends on it run; the rest comes from the latest run, loops and all."""
    spec = {**project(PARTS), "finally": {"last": {}}}
    first = play(store, spec, whole)
    broken = play(store, spec, but(prepare=FAILS))
    assert broken.phase == "Failed"
    seen: dict[str, Any] = {}

    def pick(job: Job) -> Did:
        seen["model"], seen["args"] = job.inputs[0].source.read_text(), job.program.args
        return Did({"/p": "new"})

    played = play(store, spec, but(pick=pick), first="pick")
    assert played.phase == "Succeeded"
    assert played.runner.started == ["pick", "deploy", "last"]
    assert seen == {"model": "model train[1]", "args": ('["train[0]","train[1]"]',)}
    assert played.states == {**first.states, "judge[1]": "Skipped"}
    assert {task: played.last(task).reused for task in ("prepare", "train[0]", "judge[0]", "pick")} == {
        "prepare": first.run.name,
        "train[0]": first.run.name,
        "judge[0]": first.run.name,
        "pick": "",
    }
    assert (played.run.first, played.run.source) == ("pick", first.run.name)
    # the new run has everything, so that another one can take it from there
    assert play(store, spec, whole, first="deploy").run.source == played.run.name
    assert store.log(played.run.name, "prepare") == store.log(first.run.name, "prepare")


def test_from_a_step_of_a_project_that_changed(store: Store) -> None:
    """A person is told that a result is taken of a step that is another one now."""
    spec = project({"a": {"args": ["${{ params.x }}"]}, "b": {"needs": "a"}, "c": {"needs": "b"}}, params={"x": 1})
    first = play(store, spec, good)
    played = play(store, spec, good, first="c", params={"x": "2"})
    assert [note.text for note in played.of(Note)] == [
        f"`a` has changed since `{first.run.name}`, and its result there is taken all the same"
    ]
    assert played.runner.started == ["c"]


def test_what_was_taken_has_not_changed(store: Store) -> None:
    """A result that a run took itself is that of the step as it was when it ran: taken once more, only a change since then is told."""
    spec = project({"a": {"args": ["${{ params.x }}"]}, "b": {"needs": "a"}, "c": {"needs": "b"}}, params={"x": 1})
    play(store, spec, good)
    second = play(store, spec, good, first="c")
    third = play(store, spec, good, first="c")
    assert third.run.source == second.run.name
    assert list(third.of(Note)) == []
    fourth = play(store, spec, good, first="c", params={"x": "2"})
    assert [note.text for note in fourth.of(Note)] == [
        f"`a` has changed since `{third.run.name}`, and its result there is taken all the same"
    ]
    fifth = play(store, spec, good, first="c", params={"x": "2"})
    assert len(list(fifth.of(Note))) == 1  # taking it made it no newer


def test_a_step_alone(store: Store) -> None:
    """With `only`, what depends on the step does not run, nor does `finally`."""
    spec = {**project(PARTS), "finally": {"last": {}}}
    first = play(store, spec, whole)
    played = play(store, spec, whole, only="train")
    assert sorted(played.runner.started) == ["judge[0]", "train[0]", "train[1]"]
    assert played.phase == "Succeeded"
    assert {task: state for task, state in played.states.items() if "[" not in task} == {
        "prepare": "Succeeded",
        "train": "Succeeded",
        "pick": "Skipped",
        "deploy": "Skipped",
        "beside": "Succeeded",
        "last": "Skipped",
    }
    assert played.last("pick").reason == "it is no part of a run with `--only train`"
    assert played.last("beside").reused == first.run.name
    assert play(store, spec, whole, only="last").runner.started == ["last"]
    assert play(store, spec, whole, first="last").runner.started == ["last"]


def test_using_a_run(store: Store) -> None:
    """A person may say whose results to take."""
    spec = project(PARTS)
    first, _ = play(store, spec, whole), play(store, spec, whole)
    assert play(store, spec, whole, first="pick", using=first.run).run.source == first.run.name


def test_steps_that_need_nothing(store: Store) -> None:
    """A step that nothing comes before runs alone in a project that never ran."""
    played = play(store, project(PARTS), whole, only="prepare")
    assert played.runner.started == ["prepare"]
    assert set(played.states.values()) == {"Succeeded", "Skipped"}


def test_nothing_to_take(store: Store) -> None:
    """Where no run has what is needed, the steps are named, and nothing starts."""
    spec = project(PARTS)
    with pytest.raises(Refused, match="project `project` has no runs, so no results to take of `train`: run the whole project"):
        play(store, spec, whole, only="pick")
    with pytest.raises(Refused, match=r"the project has no step `pik` \(did you mean `pick`\?\)"):
        play(store, spec, whole, first="pik")
    failed = play(store, spec, but(**{"train[1]": FAILS}))
    with pytest.raises(Refused, match=f"the latest run of `project`, `{failed.run.name}`, has no results to take of `train`"):
        play(store, spec, whole, only="pick")
    with pytest.raises(Refused, match=f"run `{failed.run.name}` has no results to take of `train`"):
        play(store, spec, whole, only="pick", using=failed.run)
    assert len(store.runs()) == 1


def test_parts_and_claims_of_a_run(store: Store) -> None:
    """What lies on a claim that is made for each run cannot be taken."""
    spec = project(CLAIMS, volumes=SCRATCH)
    play(store, spec, good)
    with pytest.raises(
        Refused, match="`read` mounts `scratch`, which is made for each run, and so does `write` before it: begin with `write`"
    ):
        play(store, spec, good, first="read")
    assert play(store, spec, good, first="after").runner.started == ["after"]
    assert play(store, spec, good, first="write").runner.started == ["write", "read", "after"]


def test_a_part_that_goes_on(store: Store) -> None:
    """A run of a part is one also when it goes on, and also when the run is gone that it took results from."""
    spec = {**project(PARTS), "finally": {"last": {}}}
    first = play(store, spec, whole)
    part = play(store, spec, but(deploy=FAILS, train=whole, pick=whole), first="pick")
    assert part.phase == "Failed"
    store.remove(first.run.name)
    assert store.sweep()
    second = again(store, part.run, spec, whole)
    assert second.runner.started == ["deploy", "last"]
    assert second.phase == "Succeeded"
    assert second.last("prepare").reused


def test_a_part_goes_on_with_what_it_took(store: Store) -> None:
    """Not with what another run has made since, also where the run is gone that it took results from."""
    spec = project({"a": {"outputs": {"x": "/x"}}, "b": {"inputs": {"x": "/x"}}})
    seen: list[str] = []

    def look(job: Job) -> Did:
        seen.append(job.inputs[0].source.read_text())
        return Did(ended=Ended(1 if len(seen) == 2 else 0))

    first = play(store, spec, but(a=Did({"/x": "old"}), b=look))
    part = play(store, spec, but(b=look), only="b")
    assert (part.phase, part.run.source) == ("Failed", first.run.name)
    play(store, spec, but(a=Did({"/x": "new"})))
    store.remove(first.run.name)
    assert again(store, part.run, spec, but(b=look)).phase == "Succeeded"
    assert seen == ["old", "old", "old"]


# --- the cache ----------------------------------------------------------------------------------------------------------------


def test_cache(store: Store) -> None:
    """A step with the same program and the same inputs takes the result of any earlier run."""
    steps: dict[str, Any] = {
        "prepare": {"outputs": {"table": "/t"}, "values": {"rows": "/r"}, "metrics": {"m": {"path": "/m", "min": 1}}, "cache": True},
        "train": {"inputs": {"table": "/in/t"}, "args": ["${{ steps.prepare.values.rows }}"], "cache": True},
        "deploy": {"needs": "train", "gate": "prepare"},
    }
    first = play(store, project(steps), good)
    second = play(store, project(steps), good)
    assert second.runner.started == ["deploy"]
    assert [second.last(task).reused for task in ("prepare", "train", "deploy")] == ["cache", "cache", ""]
    assert store.result(second.run.name, "prepare").made == store.result(first.run.name, "prepare").made  # type: ignore[union-attr]
    assert store.log(second.run.name, "train") == store.attempt_folder(first.run.name, "train", 1) / "log"
    # another program of `prepare` with the same result: its consumer is as it was
    changed = {**steps, "prepare": {**steps["prepare"], "command": ["other"]}}
    assert play(store, project(changed), good).runner.started == ["prepare", "deploy"]
    # another result: both run
    assert play(
        store,
        project({**changed, "prepare": {**changed["prepare"], "env": {"A": "b"}}}),
        but(prepare=Did({"/t": "2", "/r": "1", "/m": "1"})),
    ).runner.started == ["prepare", "train", "deploy"]
    # a result that failed is none
    plain = {"a": {"cache": True}}
    play(store, project(plain), but(a=FAILS))
    assert play(store, project(plain), good).runner.started == ["a"]
    assert play(store, project(plain), good).runner.started == []
    # where nobody allows it, nothing is taken
    assert play(store, project({"a": {}}), good).runner.started == ["a"]


def test_cache_across_parameters(store: Store) -> None:
    """A text that a program gets is a part of what its result depends on; what it does not get is none."""
    spec = project({"a": {"cache": True, "args": ["${{ params.x }}"]}}, params={"x": 1, "y": 1})
    assert play(store, spec, good).runner.started == ["a"]
    assert play(store, spec, good, params={"y": "2"}).runner.started == []
    assert play(store, spec, good, params={"x": "2"}).runner.started == ["a"]
    assert play(store, spec, good, params={"x": "1"}).runner.started == []


def test_cache_with_a_key(store: Store) -> None:
    """With a key, a step with the same name and outputs takes the result, whatever its program; in a loop each item its own."""
    steps: dict[str, Any] = {"a": {"cache": {"key": "v1"}, "outputs": {"o": "/o"}, "args": ["1"]}}
    assert play(store, project(steps), good).runner.started == ["a"]
    assert play(store, project({"a": {**steps["a"], "args": ["2"]}}), good).runner.started == []
    assert play(store, project({"b": {**steps["a"]}}), good).runner.started == ["b"]
    assert play(store, project({"a": {**steps["a"], "cache": {"key": "v2"}}}), good).runner.started == ["a"]
    assert play(store, project({"a": {**steps["a"], "outputs": {"p": "/o"}}}), good).runner.started == ["a"]
    loop: dict[str, Any] = {"l": {"cache": {"key": "v1"}, "foreach": {"x": [1, 2]}, "args": ["${{ each.x }}"]}}
    assert sorted(play(store, project(loop), good).runner.started) == ["l[0]", "l[1]"]
    wider = {"l": {**loop["l"], "foreach": {"x": [3, 2, 1]}}}
    assert play(store, project(wider), good).runner.started == ["l[0]"]


def test_cache_and_claims(store: Store) -> None:
    """What a step leaves on a claim of the run is in no result; another claim is a part of what it depends on."""
    claims = {"mine": {"size": "1Gi"}, "one": {"claim": "one"}, "two": {"claim": "two"}}
    for volume, started in (("mine", ["a"]), ("mine", ["a"]), ("one", ["a"]), ("one", []), ("two", ["a"])):
        spec = project({"a": {"cache": True, "volumes": {volume: "/v"}}}, volumes={volume: claims[volume]})
        assert play(store, spec, good).runner.started == started


def test_cache_without_its_artifacts(store: Store) -> None:
    """A result whose files are gone is none; an older one that is complete is taken."""
    steps = {"a": {"cache": True, "outputs": {"o": "/o"}}}
    play(store, project(steps), but(a=Did({"/o": "old"})))
    first = store.runs()[0]
    [made] = store.made(first.name)
    Objects(store.folder / "objects").sweep([])
    assert play(store, project(steps), but(a=Did({"/o": "new"}))).runner.started == ["a"]
    assert not (store.folder / "objects" / made.digest[:2] / made.digest[2:]).exists()
    [again_made] = store.made(play(store, project(steps), good).run.name)
    assert again_made.digest != made.digest


def test_one_item_takes_that_of_another(store: Store) -> None:
    """Items with equal texts are still items of their own: one of them runs, the results are equal."""
    steps = {"a": {"cache": True, "foreach": {"x": [1, 1]}, "args": ["${{ each.x }}"], "parallel": 1, "values": {"v": "/v"}}}
    steps["b"] = {"args": ["${{ steps.a.values.v }}"]}
    played = play(store, project(steps), good)
    assert played.runner.started == ["a[0]", "b"]
    assert played.runner.jobs[1].program.args == ('["1","1"]',)
