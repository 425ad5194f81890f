"""`mlc run` as people type it: whole runs of small projects as processes, and every way to get the command wrong."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pyte
import pytest

from mlc import __main__
from mlc.cli.request import FAILED, FOUND, OK, USAGE
from mlc.cli.request_here import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
MLC = (sys.executable, "-m", "mlc")

HEAD = "mlc: v1\nname: demo\ndefaults: {image: 'acme/none:1'}\n"


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each test runs in an empty folder, as processes, with nothing in the environment that changes the output."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "_MLC_COMPLETE", "MLC_STATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLC_RUNNER", "process")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "compiler"))


def mlc(*arguments: str) -> int:
    """Run a command line in this process."""
    return __main__.main(list(arguments))


def spec(body: str, name: str = "mlc.yaml") -> str:
    """Write a project, and return the name of its file."""
    text = dedent(body).lstrip("\n")
    Path(name).write_text(text if text.startswith("mlc:") else HEAD + text, encoding="utf-8")
    return name


def runs() -> list[dict[str, Any]]:
    """The runs of the current folder, as `mlc runs --json` has them."""
    done = subprocess.run([*MLC, "runs", "--json"], capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)["runs"]
    return found


def until(what: str, path: Path, *, seconds: float = 30.0) -> None:
    """Wait until a file is there."""
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.02)


ONE = "steps: {hello: {run: echo hello}}\n"

GATED = """\
params: {accuracy: {type: float, default: 0.9}}
steps:
  train:
    args: ["${{ params.accuracy }}"]
    run: |
      mkdir -p /tmp/out
      echo training
      echo "weights $1" > ${{ outputs.model }}
      echo $1 > ${{ metrics.accuracy }}
    outputs: {model: /tmp/out/model.txt}
    metrics: {accuracy: {path: /tmp/out/accuracy, above: 0.8}}
  deploy:
    gate: train
    inputs: {model: /srv/model.txt}
    run: cat ${{ inputs.model }}
"""


# --- whole runs -----------------------------------------------------------------------------------------------------------------


def test_the_project_of_init_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """What `mlc init` writes runs as it is; artifacts lie where the table says; the state ignores itself in git."""
    assert mlc("init", "my-project") == OK
    capsys.readouterr()
    assert mlc("run", "my-project/mlc.yaml") == OK
    out, err = capsys.readouterr()
    assert err == ""
    assert re.search(r"^\d\d:\d\d:\d\d train +\| mean error: 0\.\d+$", out, re.MULTILINE)
    assert re.search(r"^my-project-[a-z0-9]{5}: Succeeded in [\d.]+ s, 3 succeeded$", out, re.MULTILINE)
    assert re.search(r"^train\.error +0\.\d+ +below 0\.5 ok$", out, re.MULTILINE)
    model = re.search(r"^model +train +\d+ B +(\S+)$", out, re.MULTILINE)
    assert model is not None
    assert "slope" in json.loads(Path(model[1]).read_text(encoding="utf-8"))
    assert Path(".mlc/.gitignore").read_text(encoding="utf-8") == "*\n"


@pytest.mark.parametrize(("accuracy", "deployed"), [("0.93", True), ("0.7", False)])
def test_a_gate_decides(capsys: pytest.CaptureFixture[str], accuracy: str, *, deployed: bool) -> None:
    """Above the threshold the model is deployed, below it that is skipped, with the reason; the run is green in both cases."""
    assert mlc("run", spec(GATED), "-p", f"accuracy={accuracy}") == OK
    out = capsys.readouterr().out
    assert (f"deploy | weights {accuracy}" in out) == deployed
    assert (f"skipped: train: accuracy {accuracy} is not above 0.8" in out) != deployed
    assert f"train.accuracy  {accuracy}" in out
    assert f"above 0.8 {'ok' if deployed else 'missed'}\n" in out


def test_a_failed_run_and_how_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """The end names what failed, its last lines and what to type; that goes on from there once the cause is gone."""
    body = "steps:\n  first: {run: date +%N}\n  second: {needs: first, run: 'echo looking; cat /data/x', volumes: {data: /data}}\n"
    name = spec("volumes: {data: {claim: data}}\n" + body)
    Path("data").mkdir()
    assert mlc("run", name, "--volume", "data=./data") == FOUND
    out = capsys.readouterr().out
    run = runs()[0]["run"]
    assert "second  Failed" in out
    assert re.search(r"second failed: exit 1\n  \| looking\n  \| cat: .*No such file.*\n", out)
    assert f"  the whole log: mlc logs {run} second\n" in out
    assert out.endswith(f"to go on from here: mlc run --resume {run}\n")
    Path("data/x").write_text("there it is\n", encoding="utf-8")
    Path("elsewhere").mkdir()
    state = str(Path(".mlc").absolute())
    os.chdir("elsewhere")  # the run knows its spec and its volumes
    assert mlc("run", "--resume", "--state", state) == OK
    out = capsys.readouterr().out
    assert re.search(r"first +done before\n", out)
    assert "second | there it is" in out
    assert mlc("run", "--resume", run, "--state", state) == USAGE
    assert "succeeded, so there is nothing left to do" in capsys.readouterr().err
    assert mlc("run", "--resume", "--state", state) == USAGE
    assert "is finished or going: `mlc run` begins a new one" in capsys.readouterr().err


@pytest.mark.parametrize(("items", "state"), [("when: params.no", "Skipped"), ("needs: bad", "NotRun"), ("", "Succeeded")])
def test_steps_of_a_loop_without_items(capsys: pytest.CaptureFixture[str], items: str, state: str) -> None:
    """Where a loop has no items, the steps that ride along are over with it, and every count adds up."""
    source = "'${{ params.list }}'" if not items else "[1, 2]"
    name = spec(f"""\
        params: {{no: false, list: {{type: list, default: []}}}}
        steps:
          bad: {{run: exit 1}}
          train: {{foreach: {{n: {source}}}, args: ['${{{{ each.n }}}}'], run: echo, {items}}}
          eval: {{each: train, run: echo}}
          after: {{needs: train, run: echo}}
        """)
    assert mlc("run", name) == FOUND
    out = capsys.readouterr().out
    for step in ("train", "eval", "after"):
        assert re.search(rf"^{step} +{state}\b", out, re.MULTILINE), out
    head = next(line for line in out.splitlines() if ": Failed in" in line)
    assert sum(map(int, re.findall(r"(\d+) [a-z ]+(?:,|$)", head.partition(" in ")[2].partition(", ")[2]))) == 4


def test_parts_of_a_project(capsys: pytest.CaptureFixture[str]) -> None:
    """`--only` and `--from` take what they need from an earlier run, and name steps that were meant."""
    name = spec(GATED)
    assert mlc("run", name, "--only", "deploy") == USAGE
    assert "has no runs, so no results to take of `train`" in capsys.readouterr().err
    assert mlc("run", name) == OK
    first = runs()[0]["run"]
    capsys.readouterr()
    for words in (("--only", "deploy"), ("--from", "deploy"), ("--only", "deploy", "--using", first)):
        assert mlc("run", name, *words) == OK
        out = capsys.readouterr().out
        assert re.search(r"^train +Succeeded +reused: demo-", out, re.MULTILINE)
        assert "deploy | weights 0.9" in out
    assert mlc("run", name, "--only", "deply") == USAGE
    assert capsys.readouterr().err == "mlc: error: the project has no step `deply` (did you mean `deploy`?)\n"
    assert mlc("run", name, "--only", "deploy", "--using", "demo-zzzzz") == USAGE
    assert "is called `demo-zzzzz`" in capsys.readouterr().err


NEEDY = """
volumes: {nodes: {host_path: /mnt/x}, mine: {claim: data}}
artifacts: {reviews: {type: dataset, uri: "s3://bucket/reviews.csv"}}
steps:
  train: {run: "test ! -e fail"}
  deploy:
    needs: train
    command: "true"
    env: {TOKEN: {secret: s, key: token}}
    inputs: {reviews: /in/reviews}
    volumes: {nodes: /nodes, mine: /mine}
finally: {bye: {run: 'echo $T', env: {T: {secret: t, key: k}}}}
"""


def test_what_does_not_run_needs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A part of a project is asked for what its steps need, and for nothing of the others; also when it goes on."""
    name = spec(NEEDY)
    Path("mlc.local.yaml").write_text("process: {folder: .}\n")
    assert mlc("run", name) == FOUND
    err = capsys.readouterr().err
    assert all(word in err for word in ("MLC430", "`token`", "`nodes`", "`reviews`", "secret `t`"))
    Path("fail").touch()
    assert mlc("run", name, "--only", "train") == FOUND
    out, err = capsys.readouterr()
    assert (err, "volume `mine` is an empty folder" in out) == ("", False)
    Path("fail").unlink()
    assert mlc("run", "--resume") == OK
    capsys.readouterr()
    assert mlc("run", name, "--only", "bye", "--dry-run") == FOUND
    err = capsys.readouterr().err
    assert (err.count("key `k` of secret `t`"), "secret `s`" in err) == (1, False)
    assert mlc("run", name, "--from", "deploy") == FOUND
    err = capsys.readouterr().err
    assert all(word in err for word in ("MLC430", "`token`", "`nodes`", "`reviews`", "secret `t`"))


def test_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """`--quiet` has one line for a run that succeeded, and what failed for one that did not."""
    assert mlc("run", spec(ONE), "--quiet") == OK
    out, err = capsys.readouterr()
    assert re.fullmatch(r"demo-\w{5}: Succeeded in [\d.]+ s, 1 succeeded\n", out)
    assert err == ""
    assert mlc("run", spec("steps: {a: {run: echo no; exit 4}}"), "-q") == FOUND
    out = capsys.readouterr().out
    assert "a failed: exit 4\n  | no\n" in out
    assert "STEP" not in out


def test_json_lines_are_the_whole_output(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` every line is an object, from the start of the run to its end."""
    assert mlc("run", spec(GATED), "--json") == OK
    out, err = capsys.readouterr()
    found = [json.loads(line) for line in out.splitlines()]
    assert err == ""
    assert found[0]["event"] == "run-started"
    assert found[-1]["event"] == "run-ended"
    assert found[-1]["phase"] == "Succeeded"
    assert {"event": "line", "task": "train", "attempt": 1, "text": "training"}.items() <= next(
        one.items() for one in found if one["event"] == "line"
    )
    states = [(one["task"], one["state"]) for one in found if one["event"] == "task" and one["state"] in ("Running", "Succeeded")]
    assert states == [("train", "Running"), ("train", "Succeeded"), ("deploy", "Running"), ("deploy", "Succeeded")]
    assert next(one for one in found if one["event"] == "metric")["value"] == 0.9
    assert Path(next(one for one in found if one["event"] == "artifact")["path"]).read_text(encoding="utf-8") == "weights 0.9\n"


def test_a_secret_is_seen_nowhere(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret from the environment reaches the program, and neither the log, the output nor anything in the state."""
    monkeypatch.setenv("MY_TOKEN", "sesame-open-4711")
    name = spec("steps:\n  a:\n    env: {TOKEN: {secret: s, key: token}}\n    run: test ${#TOKEN} = 16; echo the $TOKEN key\n")
    assert mlc("run", name) == FOUND
    err = capfd.readouterr().err
    assert "key `token` of secret `s`" in err
    assert "--secret s/token=env:TOKEN" in err
    for words in ((), ("--dry-run",), ("--json",)):
        assert mlc("run", name, "--secret", "s/token=env:MY_TOKEN", *words) == OK
        assert "sesame" not in "".join(capfd.readouterr())
    assert mlc("logs", "latest", "a") == OK
    assert capfd.readouterr().out == "the *** key\n"
    assert [path for path in Path(".mlc").rglob("*") if path.is_file() and b"sesame" in path.read_bytes()] == []


def test_steps_that_are_called_as_a_run_calls_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    """Steps have folders of their own in the folder of a run, whatever else lies there and whatever they are called."""
    Path("given").write_text("given")
    text = """
    volumes: {outputs: {size: 1Mi}}
    artifacts: {outputs: {type: model, uri: "s3://bucket/given"}}
    steps:
      lock: {run: 'cp /i /a', inputs: {outputs: /i}, outputs: {a: /a}}
      fetched: {run: 'echo b > /b', outputs: {b: /b}}
      volumes: {run: 'echo x > /d/x; echo c > /c', volumes: {outputs: /d}, outputs: {c: /c}}
      use: {needs: volumes, run: 'ls /d', volumes: {outputs: /d}}
    """
    assert mlc("run", spec(text), "--quiet", "--artifact", "outputs=given") == OK, capfd.readouterr().err
    capfd.readouterr()
    assert mlc("logs", "latest", "use") == OK
    assert capfd.readouterr().out == "x\n"


# --- dry runs -------------------------------------------------------------------------------------------------------------------

PLANNED = """\
params: {publish: {type: bool, default: false}, lr: 0.1}
steps:
  count: {run: 'wc > ${{ values.rows }}', values: {rows: {path: /tmp/rows, type: int}}}
  train:
    command: [echo, "--lr=${{ params.lr }}", "--rows=${{ steps.count.values.rows }}", "--trial=${{ each.n }}"]
    foreach: {n: [1, 2, 3, 4, 5]}
  large: {when: steps.count.values.rows > 100, command: [echo, big]}
  publish: {when: params.publish, needs: train, command: echo}
  tell: {needs: publish, command: echo}
"""


def test_a_dry_run_says_what_would_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Commands with what is known filled in; conditions that are open; what would be skipped, and why. Nothing is written."""
    assert mlc("run", spec(PLANNED), "--dry-run", "-p", "lr=0.5") == OK
    out = capsys.readouterr().out
    assert "\ncount\n  $ sh -e /mlc/script\n  | wc > /tmp/rows\n" in out
    assert "\ntrain[0]: n=1\n  after count\n  $ echo --lr=0.5 '--rows=${{ steps.count.values.rows }}' --trial=1\n" in out
    assert "\ntrain[2]: n=3\n" in out
    assert "  and 2 more items\n" in out
    assert "train[3]" not in out
    assert "\nlarge\n  after count; if `steps.count.values.rows > 100`\n  $ echo big\n" in out
    assert "\npublish: skipped: `params.publish` is false\n" in out
    assert "\ntell: skipped: `publish` is skipped\n" in out
    assert [path.name for path in tmp_path.iterdir()] == ["mlc.yaml"]
    assert mlc("run", "mlc.yaml", "--dry-run", "-p", "publish=true") == OK
    assert "\npublish\n  after train\n  $ echo\n" in capsys.readouterr().out


def test_a_dry_run_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` it is one object for each step or item."""
    assert mlc("run", spec(PLANNED), "--dry-run", "--json") == OK
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["task"], one["fate"]) for one in found] == [
        ("count", "run"),
        *((f"train[{n}]", "run") for n in range(3)),
        ("large", "run"),
        ("publish", "skip"),
        ("tell", "skip"),
    ]
    assert found[3]["more"] == 2
    assert found[1]["command"][0] == "echo"


def test_a_dry_run_of_a_part(capsys: pytest.CaptureFixture[str]) -> None:
    """What would be taken from an earlier run, and what is done of one that would go on, is said; what follows a step that runs is not."""
    name = spec("steps:\n  a: {run: echo a}\n  b: {needs: a, run: exit 1}\n  c: {needs: b, run: echo c}\nfinally: {bye: {run: echo bye}}\n")
    assert mlc("run", name) == FOUND
    run = runs()[0]["run"]
    capsys.readouterr()
    assert mlc("run", name, "--resume", "--dry-run") == OK
    out = capsys.readouterr().out
    assert f"\na: not repeated: done in {run}, if nothing changed\n" in out
    assert "\nb\n  after a\n" in out
    assert "\nbye\n" in out
    assert mlc("run", name, "--from", "b", "--dry-run") == OK
    assert f"\na: not repeated: its result in {run}\n" in capsys.readouterr().out
    assert mlc("run", name, "--only", "c", "--dry-run") == USAGE
    assert "has no results to take of `b`" in capsys.readouterr().err
    assert len(runs()) == 1


CACHED = """
params: {n: 1}
artifacts: {data: {type: dataset}, model: {type: model}}
steps:
  load: {command: [sh, -c, 'echo "$0" > "$1"', "${{ params.n }}", "${{ outputs.data }}"], outputs: [data], cache: true}
  train: {inputs: [data], run: "cat ${{ inputs.data }} > ${{ outputs.model }}", outputs: [model], cache: true}
  try: {foreach: {x: [1, 2]}, command: [echo, "${{ each.x }}"], cache: true}
  deploy: {inputs: [model], run: "echo ${{ inputs.model }}"}
  after: {needs: deploy, run: echo after, cache: true}
"""


def test_a_dry_run_knows_the_cache(capsys: pytest.CaptureFixture[str]) -> None:
    """What the cache has need not be repeated, in a whole run and in a part, as far as nothing that runs stands before it."""
    name = spec(CACHED)

    def fates(*words: str) -> dict[str, str]:
        assert mlc("run", name, "--dry-run", "--json", *words) == OK
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return {one["task"]: one["why"] if one["fate"] == "reuse" else one["fate"] for one in found}

    nothing = {"load": "run", "train": "run", "try[0]": "run", "try[1]": "run", "deploy": "run", "after": "run"}
    assert fates() == nothing
    assert mlc("run", name) == OK
    first = runs()[0]["run"]
    capsys.readouterr()
    cached = "its result is in the cache"
    whole = {"load": cached, "train": cached, "try": cached, "deploy": "run", "after": "run"}
    assert fates() == whole
    assert fates("--from", "train") == {**whole, "load": f"its result in {first}", "try": f"its result in {first}"}
    assert fates("-p", "n=2") == {"load": "run", "train": "run", "try": cached, "deploy": "run", "after": "run"}
    assert [run["run"] for run in runs()] == [first]


# --- wrong usage ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--quiet", "--json"), "`--quiet` prints the end alone and `--json` everything: leave out one of them"),
        (("--only", "a", "--from", "b"), "`--only` and `--from` do not go together: choose one"),
        (("--resume=latest", "--only", "a"), "`--resume` and `--only` do not go together: choose one"),
        (("--using", "x"), "`--using` says where `--only` and `--from` take results from: give one of these, too"),
        (("--resume", "-p", "x=1"), "a run goes on with its own parameters and environment: leave out `--param`, or `--resume`"),
        (("--resume", "--set", "params.x=1"), "a run goes on with its own parameters and environment: leave out `--set`, or `--resume`"),
        (("-p", "x"), "`--param x` gives no value: write it as `--param epochs=3`"),
        (("-p", "accurac=1"), "the project has no parameter `accurac` (did you mean `accuracy`?)"),
        (("-p", "accuracy=high"), "parameter `accuracy` is of type float, which `high` is not"),
        (("-p", "accuracy=high", "--dry-run"), "parameter `accuracy` is of type float, which `high` is not"),
        (("--volume", "data"), "`--volume data` names no path: write it as `--volume data=./data`"),
        (("--local-settings", "none.yaml"), "`--local-settings`: cannot use `none.yaml`: no such file or directory"),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], words: Sequence[str], says: str) -> None:
    """A mistake in the command is said in one line, before anything is written."""
    assert mlc("run", spec(GATED), *words) == USAGE
    assert capsys.readouterr() == ("", f"mlc: error: {says}\n")
    assert not Path(".mlc").exists()


ASKING = """\
volumes: {data: {claim: data-pvc}, keys: {secret: git}}
artifacts: {reviews: {type: dataset, uri: "s3://bucket/reviews.csv"}}
steps:
  a:
    run: cat /data/x
    inputs: {reviews: /reviews}
    volumes: {data: /data, keys: /keys}
    env: {TOKEN: {secret: api, key: token}, LEVEL: {config_map: settings, key: level}}
"""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--volume", "dta=."), "`--volume dta=.` is for nothing: the project has no volume `dta` (did you mean `data`?)"),
        (
            ("--volume", "data-pvc=."),
            "`--volume data-pvc=.` is for nothing: the project has no volume `data-pvc`: it is the claim of volume `data`",
        ),
        (("--secret", "gti=."), "`--secret gti=...` is for nothing: no step has a secret `gti` (did you mean `git`?)"),
        (
            ("--secret", "api/tokn=env:HOME"),
            "`--secret api/tokn=...` is for nothing: no step reads key `tokn` of secret `api` (did you mean `token`?)",
        ),
        (("--config-map", "x/level=value:1"), "`--config-map x/level=...` is for nothing: no step has a config map `x`"),
        (
            ("--artifact", "review=."),
            "`--artifact review=.` is for nothing: no step reads an artifact `review` from outside (did you mean `reviews`?)",
        ),
    ],
)
def test_options_for_nothing(capsys: pytest.CaptureFixture[str], words: Sequence[str], says: str) -> None:
    """What an option gives to nobody is a mistake: the step that it was meant for would run with something else."""
    assert mlc("run", spec(ASKING), *words) == USAGE
    assert capsys.readouterr() == ("", f"mlc: error: {says}\n")


def test_options_for_what_a_project_asks(capsys: pytest.CaptureFixture[str]) -> None:
    """What is asked for is taken; a run that goes on also may have been given what its spec does not have any more."""
    Path("x").write_text("found\n", encoding="utf-8")
    Path("key").write_text("hunter2x\n", encoding="utf-8")
    given = ["--volume", "data=.", "--secret", "git/id=file:key", "--secret", "api/token=env:HOME"]
    given += ["--config-map", "settings/level=value:1", "--artifact", "reviews=x"]
    assert mlc("run", spec(ASKING), *given) == OK
    assert "a | found" in capsys.readouterr().out
    assert mlc("run", spec(ASKING.replace("cat /data/x", "exit 1")), *given, "-q") == FOUND
    spec("steps: {a: {run: echo later}}")
    assert mlc("run", "--resume") == OK


@pytest.mark.parametrize("words", [("--runner", "podmann"), ("-j", "0"), ("-j", "many"), ("a.yaml", "b.yaml"), ("--formt", "x")])
def test_wrong_options(capsys: pytest.CaptureFixture[str], words: Sequence[str]) -> None:
    """Options that nobody has, and values that they cannot take, end with 2 and point to the help."""
    assert mlc("run", *words) == USAGE
    assert "Try 'mlc run -h' for help." in capsys.readouterr().err


def test_a_parameter_without_a_default(capsys: pytest.CaptureFixture[str]) -> None:
    """A run must give what has no default."""
    name = spec("params: {day: {type: string}}\nsteps: {a: {args: ['${{ params.day }}'], run: echo $1}}\n")
    assert mlc("run", name) == USAGE
    assert capsys.readouterr().err == "mlc: error: parameter `day` has no default: the run must give it\n"
    assert mlc("run", name, "--param=day=a=b c", "-q") == OK


def test_which_spec(capsys: pytest.CaptureFixture[str]) -> None:
    """One spec is run: the one in the folder, the one that is named, or standard input. None or several are a mistake that names them."""
    assert mlc("run") == USAGE
    assert "no specs in `.`" in capsys.readouterr().err
    spec(ONE)
    assert mlc("run", "-q") == OK
    spec(ONE, "other.mlc.yaml")
    assert mlc("run") == USAGE
    assert "`mlc run` runs one spec, and there are 2: name one of `mlc.yaml`, `other.mlc.yaml`" in capsys.readouterr().err
    assert mlc("run", "missing.yaml") == FAILED
    assert "MLC902" in capsys.readouterr().err
    wrong = spec("steps: {a: {run: echo, needs: b}}", "wrong.yaml")
    assert mlc("run", wrong) == FOUND
    assert "MLC301" in capsys.readouterr().err
    done = subprocess.run([*MLC, "run", "-", "-q"], input=(HEAD + "steps: {a: {run: exit 1}}").encode(), capture_output=True, check=False)
    assert done.returncode == FOUND
    run = runs()[0]["run"]
    assert f"mlc run - --resume {run} < SPEC" in done.stdout.decode()
    assert mlc("run", "--resume") == USAGE
    assert "was read from standard input: name the spec" in capsys.readouterr().err
    spec("steps: {a: {run: exit 0}}", "mended.yaml")
    assert mlc("run", "--resume", "mended.yaml", "-q") == OK


def test_warnings_and_strict(capsys: pytest.CaptureFixture[str]) -> None:
    """A warning is printed before the run; with `--strict` there is none."""
    name = spec("steps: {a: {command: echo *.csv}}")
    assert mlc("run", name, "-q") == OK
    assert "warning" in capsys.readouterr().err
    assert mlc("run", name, "--strict", "-q") == FOUND
    assert capsys.readouterr().out == ""


def test_environments_and_overrides(capsys: pytest.CaptureFixture[str]) -> None:
    """`--env` and `--set` change the project as everywhere, and a run goes on with them."""
    text = (
        "params: {x: 1}\nenvironments: {dev: {params: {x: 2}}}\nsteps: {a: {args: ['${{ params.x }}'], run: 'echo x is $1; test $1 = 3'}}\n"
    )
    name = spec(text)
    assert mlc("run", name, "--env", "dev") == FOUND
    assert "a | x is 2" in capsys.readouterr().out
    assert mlc("run", "--resume") == FOUND
    assert "a | x is 2" in capsys.readouterr().out
    assert mlc("run", name, "--env", "dev", "--set", "params.x=3", "-q") == OK
    assert mlc("run", name, "--env", "prod") == USAGE
    assert "has no environment `prod`" in capsys.readouterr().err


# --- with a lock file ---------------------------------------------------------------------------------------------------------

DIGEST = "sha256:" + "1" * 64
LOCKABLE = """\
mlc: v1
name: demo
images: {greet: "acme/greet:1"}
steps:
  hello: {image: greet, values: {word: /tmp/word} CACHE}
"""


GREETS = ["sh", "-c", "echo hello | tee /tmp/word"]


def lock(digest: str = DIGEST, program: Sequence[str] = GREETS, image: str = "acme/greet:1") -> None:
    """Write a lock file as `mlc lock` does, of an image that starts a program."""
    entry = {"digest": digest, "platform": "linux/amd64", "entrypoint": list(program), "command": []}
    Path("mlc.yaml.lock").write_text(f"mlc-lock: v1\nimages: {json.dumps({image: entry})}\n", encoding="utf-8")


def test_locked(capsys: pytest.CaptureFixture[str]) -> None:
    """A process has no image: with `--locked` the lock file says what it starts, in a dry run and in a run; both say so."""
    name = spec(LOCKABLE.replace(" CACHE", ""))
    lock()
    assert mlc("run", name) == FOUND
    assert "error[MLC433]" in capsys.readouterr().err
    assert mlc("run", name, "--locked", "--dry-run") == OK
    out = capsys.readouterr().out
    assert "versions are those of `mlc.yaml.lock`\n" in out
    assert "\nhello\n  $ sh -c 'echo hello | tee /tmp/word'\n" in out
    assert mlc("run", name, "--locked", "--dry-run", "--json") == OK
    assert json.loads(capsys.readouterr().out)["image"] == f"acme/greet:1@{DIGEST}"
    assert mlc("run", "--locked") == OK
    out = capsys.readouterr().out
    assert "versions are those of `mlc.yaml.lock`\n" in out
    assert "hello | hello\n" in out
    assert runs()[0]["locked"] is True
    assert mlc("run", "--set", "images.greet.entrypoint=[touch, /tmp/word]", "-q") == OK
    assert runs()[0]["locked"] is False


def test_a_lock_file_that_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a lock file, with a damaged one, or with one of another project nothing is started, and nothing is written."""
    name = spec(LOCKABLE.replace(" CACHE", ""))

    def refused(*words: str) -> str:
        assert mlc("run", name, "--locked", *words) == FOUND
        out, err = capsys.readouterr()
        assert out == ""
        return ",".join(sorted(set(re.findall(r"(?:error|warning)\[(MLC\d+)\]", err))))

    assert refused() == "MLC450"
    Path("mlc.yaml.lock").write_text("mlc-lock: v1\nimages: {a: {digest: latest}}\n", encoding="utf-8")
    assert refused() == "MLC451"
    lock(image="acme/greet:0")
    assert refused() == "MLC452,MLC453"
    assert refused("--dry-run") == "MLC452,MLC453"
    lock()
    assert refused("--set", "images.greet.tag=2") == "MLC452"
    lock(program=())
    assert refused() == "MLC455"
    assert not Path(".mlc").exists()
    with subprocess.Popen([*MLC, "run", "-", "--locked"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        _, err = process.communicate(LOCKABLE.replace(" CACHE", ""))
    assert (process.returncode, "`--locked` reads the lock file beside a spec" in err) == (USAGE, True)


def test_a_locked_run_goes_on_locked(capsys: pytest.CaptureFixture[str]) -> None:
    """`--resume` needs no `--locked` for a run that was begun with it, and cannot give it to others. Older records do not say it."""
    name = spec(LOCKABLE.replace(" CACHE", ""))
    lock(program=["false"])
    assert mlc("run", name, "--locked", "-q") == FOUND
    run = runs()[0]["run"]
    capsys.readouterr()
    assert mlc("run", "--resume", "--dry-run") == OK
    assert "$ false\n" in capsys.readouterr().out
    Path("mlc.yaml.lock").rename("kept")
    assert mlc("run", "--resume", run) == FOUND
    assert "error[MLC450]" in capsys.readouterr().err
    Path("kept").rename("mlc.yaml.lock")
    assert mlc("run", "--resume", run, "--locked", "-q") == FOUND
    lock()
    assert mlc("run", "--resume", run) == OK
    assert "hello | hello\n" in capsys.readouterr().out

    plain = spec("steps: {a: {run: 'test ! -e /data/fail', volumes: {data: /data}}}\nvolumes: {data: {claim: data}}", "plain.yaml")
    Path("d").mkdir()
    Path("d/fail").touch()
    assert mlc("run", plain, "--volume", "data=d", "-q") == FOUND
    run = runs()[0]["run"]
    with contextlib.closing(sqlite3.connect(".mlc/state.sqlite")) as state, state:
        ((asked,),) = state.execute("SELECT asked FROM runs WHERE name = ?", (run,)).fetchall()
        old = json.loads(asked)
        assert old.pop("locked") is False
        state.execute("UPDATE runs SET asked = ? WHERE name = ?", (json.dumps(old), run))
    Path("d/fail").unlink()
    capsys.readouterr()
    assert mlc("run", "--resume", run, "--locked") == USAGE
    assert capsys.readouterr().err == (
        f"mlc: error: `{run}` was begun without `--locked`, and goes on as it was begun: leave it out, or begin a new run\n"
    )
    assert mlc("run", "--resume", run, "-q") == OK


@pytest.mark.parametrize("cache", ["true", "{key: a}"])
def test_results_are_of_locked_versions(capsys: pytest.CaptureFixture[str], cache: str) -> None:
    """A cached step is found again for the same digest of its image, not for another one, and not without a lock file."""
    name = spec(LOCKABLE.replace(" CACHE", f", cache: {cache}"))
    given = ["--set", "images.greet.entrypoint=[sh, -c]", "--set", "steps.hello.args=['echo x > /tmp/word']"]
    found = []
    for digest, words in ((DIGEST, ()), (DIGEST, ()), ("sha256:" + "2" * 64, ()), ("", given), ("", given), (DIGEST, ())):
        lock(digest=digest or DIGEST)
        assert mlc("run", name, *(["--locked"] if digest else []), *words) == OK
        found.append("reused: cache" in capsys.readouterr().out)
    assert found == [False, True, False, False, True, True]


# --- what is on this machine ----------------------------------------------------------------------------------------------------


def test_local_settings_and_their_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    """`mlc.local.yaml` beside the spec is read; what is wrong with it has a line and a caret, as in a spec."""
    name = spec("volumes: {data: {claim: c}}\nsteps: {a: {run: cat /data/x, volumes: {data: /data}}}\n")
    Path("d").mkdir()
    Path("d/x").write_text("found\n", encoding="utf-8")
    local = Path("mlc.local.yaml")
    note = "volume `data` is an empty folder, "
    assert mlc("run", name) == FOUND
    assert note in capsys.readouterr().out
    local.write_text("volumes: {data: ./d}\n", encoding="utf-8")
    assert mlc("run", name) == OK
    out = capsys.readouterr().out
    assert "a | found" in out
    assert note not in out
    local.write_text("volumse: {data: ./d}\n", encoding="utf-8")
    assert mlc("run", name) == FOUND
    err = capsys.readouterr().err
    assert "error[MLC201]: unknown key `volumse`" in err
    assert "--> mlc.local.yaml:1:1" in err
    assert "did you mean `volumes`?" in err
    for text in ("volumes: [", "- a\n", "\xff"):
        local.write_bytes(text.encode("latin-1"))
        assert mlc("run", name) == FOUND
        assert "mlc.local.yaml:1:" in capsys.readouterr().err
    Path("other.yaml").write_text("# nothing yet\n", encoding="utf-8")
    assert mlc("run", name, "--local-settings", "other.yaml", "--volume", "data=d", "-q") == OK


def test_a_state_folder_that_cannot_be(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the state cannot be written nothing runs, and it is said why; `--state` names another place."""
    name = spec("steps: {a: {run: touch /tmp/mlc-made}}")
    Path(".mlc").write_text("I am a file\n", encoding="utf-8")
    assert mlc("run", name) == FAILED
    err = capsys.readouterr().err
    assert err.startswith("mlc: error: ")
    assert ".mlc" in err
    assert err.count("\n") == 1
    assert mlc("run", name, "--state", "there/it/is", "-q") == OK
    assert Path("there/it/is/state.sqlite").exists()


def test_two_runs_at_once() -> None:
    """Two runs of one project in one folder do not know of each other; a run that is going is not taken over."""
    spec("steps: {a: {run: 'while [ ! -e /data/go ]; do sleep 0.05; done', volumes: {data: /data}}}\nvolumes: {data: {claim: data}}\n")
    Path("d").mkdir()
    both = [subprocess.Popen([*MLC, "run", "-q", "--volume", "data=d"], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    end = time.monotonic() + 60
    while len(found := runs() if Path(".mlc/state.sqlite").exists() else []) < 2 or {run["state"] for run in found} != {"Running"}:
        assert time.monotonic() < end
        time.sleep(0.1)
    for run in found:
        done = subprocess.run([*MLC, "run", "--resume", run["run"]], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (USAGE, f"mlc: error: `{run['run']}` is running, in another process\n")
    Path("d/go").touch()
    assert [one.wait(60) for one in both] == [OK, OK]
    for one in both:
        assert one.stdout is not None
        one.stdout.close()
    assert {run["state"] for run in runs()} == {"Succeeded"}


# --- readers that go away, and interruptions ------------------------------------------------------------------------------------


def test_a_reader_that_has_seen_enough() -> None:
    """`mlc run | head -1` runs to its end without a complaint."""
    spec("steps: {a: {run: 'for i in $(seq 2000); do echo line $i; done; echo done > seen; cat seen'}, b: {needs: a, run: echo b}}\n")
    done = subprocess.run(["bash", "-c", 'set -o pipefail; "$@" | head -1', "_", *MLC, "run"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (OK, 1, "")
    assert [run["state"] for run in runs()] == ["Succeeded"]


@pytest.mark.parametrize("words", [(), ("--json",), ("--quiet",)])
def test_a_full_disk_behind_standard_output(words: Sequence[str]) -> None:
    """Output that cannot be written is a failure of its own, said at the end; the run itself is not disturbed."""
    spec(ONE)
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([*MLC, "run", *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (FAILED, "mlc: error: cannot write `<stdout>`: no space left on device\n")
    assert [run["state"] for run in runs()] == ["Succeeded"]


def test_a_closed_standard_output() -> None:
    """Without standard output the run goes on all the same."""
    spec(ONE)
    done = subprocess.run(["sh", "-c", '"$@" >&-', "_", *MLC, "run"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (OK, "")


class Terminal:
    """`mlc run` on a terminal of its own, looked at through an emulator."""

    def __init__(self, *words: str, columns: int = 100, rows: int = 30, environment: Mapping[str, str] | None = None) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=10_000)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.process, self._file = pty.fork()
        if not self.process:
            os.environ.update({"TERM": "xterm", **(environment or {})})
            os.execv(sys.executable, [*MLC, *words])
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, text: str, seconds: float = 30.0) -> None:
        """Read until the screen shows a text."""
        end = time.monotonic() + seconds
        while not any(text in line for line in self.screen.display):
            assert time.monotonic() < end, f"{text!r} did not come:\n" + "\n".join(self.screen.display)
            assert self._more(), f"{text!r} did not come before the end:\n" + "\n".join(self.screen.display)

    def press(self, keys: bytes) -> None:
        """Type something."""
        os.write(self._file, keys)

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal larger or smaller."""
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def end(self) -> int:
        """Read to the end, and return the exit code."""
        while self._more():
            pass
        _, status = os.waitpid(self.process, 0)
        os.close(self._file)
        return os.waitstatus_to_exitcode(status)

    @property
    def text(self) -> str:
        """All that can be seen, with what scrolled away at the top."""
        above = ["".join(line[column].data for column in range(self.screen.columns)) for line in self.screen.history.top]
        return "\n".join(line.rstrip() for line in [*above, *self.screen.display])

    def _more(self) -> bool:
        ready, _, _ = select.select([self._file], [], [], 30)
        assert ready, "the command says nothing any more"
        data = b""
        with contextlib.suppress(OSError):  # its end
            data = os.read(self._file, 1 << 16)
        self.raw += data
        self._stream.feed(data)
        return bool(data)


WAITS = """\
steps:
  first: {run: echo first}
  long: {needs: first, run: 'echo waiting; while [ ! -e /data/go ]; do sleep 0.05; done; echo gone', volumes: {data: /data}}
  last: {needs: long, run: echo last}
volumes: {data: {claim: data}}
"""


def test_the_live_view_on_a_terminal() -> None:
    """Steps, states and the last line are there while it runs; at the end only the tables are, and the cursor is as it was."""
    spec(WAITS)
    Path("d").mkdir()
    terminal = Terminal("run", "--volume", "data=d")
    terminal.read("waiting")
    shown = [line.split("  ")[0].strip() for line in terminal.screen.display if line.strip()]
    assert [line for line in shown if line[:1] in "✓●○"] == ["✓ first", "● long", "○ last"]
    assert "waits for long" in terminal.text
    terminal.resize(60, 20)
    terminal.read("1/3 done")
    Path("d/go").touch()
    assert terminal.end() == OK
    assert "○" not in terminal.text
    assert "3 succeeded" in terminal.text
    assert b"\x1b[?25l" in terminal.raw
    assert terminal.raw.rindex(b"\x1b[?25h") > terminal.raw.rindex(b"\x1b[?25l")


def test_ctrl_c_and_going_on() -> None:
    """Ctrl-C ends the programs, says how to go on and exits with 130; going on repeats nothing that is done."""
    spec(WAITS)
    Path("d").mkdir()
    terminal = Terminal("run", "--volume", "data=d")
    terminal.read("waiting")
    terminal.press(b"\x03")
    assert terminal.end() == INTERRUPTED
    run = runs()[0]
    assert run["state"] == "Stopped"
    assert "stopping: programs have 10 seconds to end; once more, and they are killed" in terminal.text
    assert f"to go on from here: mlc run --resume {run['run']}" in terminal.text
    assert re.search(r"long +Stopped", terminal.text)
    assert "Traceback" not in terminal.text
    assert b"^C\r\n" in terminal.raw or b"^C" in terminal.raw
    Path("d/go").touch()
    done = subprocess.run([*MLC, "run", "--resume"], capture_output=True, text=True, check=False)
    assert done.returncode == OK
    assert re.search(r"^first +Succeeded +done before$", done.stdout, re.MULTILINE)
    assert "long  | gone" in done.stdout


def test_a_second_ctrl_c_kills() -> None:
    """A program that does not end when it is asked to is killed at the second Ctrl-C, without waiting."""
    spec("steps: {a: {shell: bash, run: \"trap 'echo I stay' TERM; echo waiting; while true; do sleep 0.1 || true; done\"}}")
    terminal = Terminal("run")
    terminal.read("waiting")
    terminal.press(b"\x03")
    terminal.read("I stay")
    begun = time.monotonic()
    terminal.press(b"\x03")
    assert terminal.end() == INTERRUPTED
    assert time.monotonic() - begun < 8
    assert "killing what still runs" in terminal.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_stop_a_run(number: signal.Signals) -> None:
    """A TERM, and a terminal that goes away, end a run as Ctrl-C does."""
    spec(WAITS)
    Path("d").mkdir()
    with subprocess.Popen([*MLC, "run", "--volume", "data=d"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "waiting" in line:
                process.send_signal(number)
                break
        rest = process.stdout.read()
    assert process.returncode == INTERRUPTED
    assert "to go on from here: mlc run --resume" in rest


def test_after_a_kill(capsys: pytest.CaptureFixture[str]) -> None:
    """A run whose process was killed is listed as such, and goes on; what was done is not repeated."""
    spec(WAITS)
    Path("d").mkdir()
    with subprocess.Popen([*MLC, "run", "--volume", "data=d"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "waiting" in line:
                process.kill()
                break
    assert mlc("runs") == OK
    assert "Killed" in capsys.readouterr().out
    Path("d/go").touch()
    assert mlc("run", "--resume") == OK
    out = capsys.readouterr().out
    assert re.search(r"^first +Succeeded +done before$", out, re.MULTILINE)


def test_a_killed_run_is_removed_with_what_it_left(capsys: pytest.CaptureFixture[str]) -> None:
    """`mlc runs --remove` ends the programs of a killed run before it forgets where they are."""
    spec(f"steps: {{a: {{run: 'echo $$ > {Path('pid').absolute()}; echo waiting; sleep 600'}}}}\n")
    Path("plain.yaml").write_text("process: {sandbox: false}\n", encoding="utf-8")
    with subprocess.Popen([*MLC, "run", "--local-settings", "plain.yaml"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "waiting" in line:
                process.kill()
                break
    run = runs()[0]["run"]
    assert mlc("runs", "--remove", run) == OK
    capsys.readouterr()
    assert runs() == []
    assert not Path(".mlc/runs", run).exists()
    end = time.monotonic() + 20
    while Path("/proc", Path("pid").read_text(encoding="utf-8").strip()).exists():
        assert time.monotonic() < end, "the program of the killed run still runs"
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("environment", "live", "color"),
    [({}, True, True), ({"NO_COLOR": "1"}, True, False), ({"TERM": "dumb"}, False, False), ({"PYTHONIOENCODING": "latin-1"}, True, True)],
)
def test_terminals(environment: dict[str, str], *, live: bool, color: bool) -> None:
    """`NO_COLOR` has no colours, a dumb terminal gets the log, and one that knows no UTF-8 gets nothing else than it knows."""
    spec("steps: {a: {run: 'echo größer ● 漢字; sleep 0.5; exit 1'}}")
    terminal = Terminal("run", environment=environment)
    assert terminal.end() == FOUND
    assert (b"\x1b[?25l" in terminal.raw) == live
    assert (re.search(rb"\x1b\[[0-9;]+m", terminal.raw) is not None) == color
    if "PYTHONIOENCODING" in environment:
        assert "größer \\u25cf \\u6f22\\u5b57".encode("latin-1") in terminal.raw
        assert "●".encode() not in terminal.raw
    else:
        assert "größer ● 漢字".encode() in terminal.raw
