"""Attempts of steps, the same with every runner that works here: how they end, what they see, what they leave."""

from __future__ import annotations

import os
import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlc.local import memory
from mlc.local.job import Place
from mlc.local.keeping import carrying
from tests.local.engines import IMAGE, here, init_problem, maker
from tests.local.workshop import Done, Workshop

RUNNERS = [name for name in here() if name != "docker"]
"""Docker has its tests, some of these, in test_docker.py."""

TOLD = [name for name in RUNNERS if name != "podman" or not init_problem()]
"""Runners with which TERM reaches every program."""

PRIVATE = [name for name in RUNNERS if name != "plain"]
"""Runners with which a program has a file system of its own."""


@pytest.fixture(params=RUNNERS)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workshop]:
    """A workshop for each runner."""
    made = Workshop(tmp_path, maker(request.param))
    yield made
    made.close()


@pytest.fixture(params=PRIVATE)
def private(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workshop]:
    """A workshop for each runner that gives every program paths of its own."""
    made = Workshop(tmp_path, maker(request.param))
    yield made
    made.close()


@pytest.fixture(params=TOLD)
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workshop]:
    """A workshop for each runner with which TERM reaches every program."""
    made = Workshop(tmp_path, maker(request.param))
    yield made
    made.close()


def script(text: str, more: str = "") -> str:
    """A project with one step that runs a script."""
    lines = "".join(f"      {line}\n" for line in text.strip("\n").splitlines())
    return f"steps:\n  a:\n    image: {IMAGE}\n    run: |\n{lines}{more}"


def step(more: str) -> str:
    """A project with one step; `more` are its keys in flow form."""
    return f"steps: {{a: {{image: '{IMAGE}', {more}}}}}"


# --- how they end


@pytest.mark.parametrize("code", [0, 1, 3, 125, 126, 127, 137, 143, 255])
def test_status_is_the_programs_own(shop: Workshop, code: int) -> None:
    """Whatever a program ends with is its status: also what engines use for their own failures."""
    done = shop.run(script(f"exit {code}"))
    assert (done.ended.exit, done.ended.lost, done.ended.timed_out) == (code, False, False)


def test_signals(shop: Workshop) -> None:
    """What a signal ends has 128 and its number."""
    assert shop.run(script('sh -c "kill -TERM \\$\\$"; exit $?')).ended.exit == 143


@pytest.mark.parametrize("name, status", [("KILL", 137), ("TERM", 143)])
def test_program_that_ends_itself_by_a_signal(told: Workshop, name: str, status: int) -> None:
    """The step's own program is no exception, also in a container."""
    done = told.run(script(f"kill -{name} $$; echo on"))
    assert (done.ended.exit, "on" in done.log.split()) == (status, False)


def test_program_that_is_not_there(shop: Workshop) -> None:
    """A program that nobody finds is 127, one that cannot be executed 126; both with a sentence, which is in the log, too."""
    done = shop.run(step("command: [no-such-program]"))
    assert done.ended.exit == 127
    assert "no-such-program" in done.ended.message
    assert "no-such-program" in done.log
    done = shop.run(step("command: [/etc/passwd]"))
    assert done.ended.exit == 126
    assert "/etc/passwd" in done.ended.message


def test_script_stops_at_its_first_failure(shop: Workshop) -> None:
    """`sh -e`, with the arguments as they are, quotes and all."""
    done = shop.run(script("printf '%s|' \"$@\"; false; echo never", "    args: ['a b', \"c'd\", '$HOME', '*', '', '{{x}}']\n"))
    assert (done.ended.exit, done.log) == (1, "a b|c'd|$HOME|*||{{x}}|")


def test_environment(shop: Workshop) -> None:
    """Values of variables arrive unchanged; of the environment of `mlc run` a program sees little."""
    os.environ["MLC_TEST_UNSEEN"] = "seen"
    try:
        done = shop.run(
            script(
                'printf "%s|" "$A" "$B" "$C" "$D"; echo "${MLC_TEST_UNSEEN-unseen}" "$MLC_TASK" "$MLC_ATTEMPT"',
                "    env: {A: \"l1\\nl2\", B: '\"q\" ''s''', C: '$HOME `x` $(y) $$', D: ''}\n",
            )
        )
    finally:
        del os.environ["MLC_TEST_UNSEEN"]
    assert done.log == "l1\nl2|\"q\" 's'|$HOME `x` $(y) $$||unseen a 1\n"


def test_input_is_empty(shop: Workshop) -> None:
    """Nobody answers a program that asks."""
    assert shop.run(script("cat; echo read $(wc -c)")).log.split() == ["read", "0"]


# --- what they print


def test_output_of_any_kind(shop: Workshop) -> None:
    """Both streams, bytes that are no text, a last line without an end."""
    done = shop.run(script("echo two >&2; sleep 0.3; echo one; printf '\\377\\000\\n'; printf last"))
    raw = (done.job.folder / "log").read_bytes()
    assert sorted(raw.splitlines()) == sorted([b"one", b"two", b"\xff\x00", b"last"])
    assert sorted(done.told) == sorted(["one", "two", "\ufffd\0", "last"])


def test_closed_output(shop: Workshop) -> None:
    """A program that closes its output is waited for all the same."""
    start = time.monotonic()
    done = shop.run(script("exec >&- 2>&-; sleep 1; exit 4"))
    assert done.ended.exit == 4
    assert time.monotonic() - start >= 1


def test_flood(shop: Workshop) -> None:
    """A program that floods its log is told of in part; the log has all of it."""
    done = shop.run(script("seq 1 200000"))
    assert done.log == "".join(f"{number}\n" for number in range(1, 200001))
    assert len(done.told) < 10000
    assert done.told[0] == "1"
    assert any("in the log only]" in line for line in done.told)


# --- time, and being ended


def test_timeout(shop: Workshop) -> None:
    """A program that takes too long gets TERM, and may end as it likes."""
    done = shop.run(script("trap 'echo got it; exit 9' TERM; echo started; while :; do sleep 0.05 || :; done", "    timeout: 4s\n"))
    assert (done.ended.timed_out, done.ended.exit) == (True, 9), (done.ended, done.log)
    assert [line for line in done.log.splitlines() if line != "Terminated"] == ["started", "got it"]


def test_stop(shop: Workshop) -> None:
    """`stop` is TERM."""
    with shop.running(script("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05 || :; done")) as done:
        done.attempt.stop()
    assert (done.ended.exit, done.ended.timed_out) == (7, False)


def test_kill_after_term_is_ignored(shop: Workshop) -> None:
    """A program that ignores TERM is killed, with all that it started: at once where that is asked for."""
    with shop.running(script("trap '' TERM; sleep 1000 & echo ready; while :; do sleep 0.05 || :; done")) as done:
        done.attempt.stop()
        time.sleep(0.2)
        done.attempt.kill()
    assert done.ended.exit == 137
    assert carrying(f"MLC_RUN={shop.run_name}") == []


def test_program_that_knows_nothing_of_term(told: Workshop) -> None:
    """A program ends by TERM where it does not handle it: nobody waits for KILL."""
    with told.running(script("echo ready; sleep 1000")) as done:
        done.attempt.stop()
    assert done.ended.exit == 143


def test_children_are_told(told: Workshop) -> None:
    """TERM reaches what a script runs, too, as on Argo: a shell hands nothing on."""
    with told.running(script("trap : TERM; sh -c 'trap \"echo told; exit 9\" TERM; echo ready; while :; do sleep 0.05; done'")) as done:
        done.attempt.stop()
    assert done.ended.exit == 9
    assert "told" in done.log.splitlines()


def test_stop_before_it_runs(shop: Workshop) -> None:
    """An attempt that is stopped before it began never runs."""
    job = shop.job(script("echo ran"))
    attempt = shop.runner.start(job, print)
    attempt.stop()
    ended = attempt.wait()
    attempt.dispose()
    assert ended.exit is None
    assert (job.folder / "log").read_text() == ""


def test_nothing_outlives_the_program(shop: Workshop) -> None:
    """Children, daemons in sessions of their own and without the environment: all end with the program."""
    ours = os.getpid() * 1000  # seconds that nobody else sleeps
    run = f"sleep {ours} & setsid sleep {ours + 1} & (setsid env -i /bin/sleep {ours + 2} >/dev/null 2>&1 &); sleep 0.2; exit 0"
    done = shop.run(script(run))
    assert done.ended.exit == 0
    done.attempt.dispose()
    assert carrying(f"MLC_RUN={shop.run_name}") == []
    assert not [line for line in processes() if line.endswith(tuple(f"sleep {ours + more}" for more in range(3)))]


def processes() -> list[str]:
    """The command lines of all processes."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip())
            except OSError:
                continue
    return found


# --- files


def test_outputs(private: Workshop) -> None:
    """A program writes to the paths of the spec, also at the top, below `/tmp` and below folders of the system."""
    places = ["/accuracy.json", "/tmp/mlc-made", "/data/rows", "/usr/local/share/model/weights", "/mlc/outputs/o", "/var/tmp/deep/er/x"]
    body = script(
        "\n".join(f'mkdir -p "{os.path.dirname(place)}"; echo {number} > {place}' for number, place in enumerate(places)),
        "    outputs: {" + ", ".join(f"o{number}: {place}" for number, place in enumerate(places)) + "}\n",
    )
    before = watched()
    done = private.run(body)
    assert done.ended.exit == 0, done.log
    assert [done.text(place) for place in places] == [f"{number}\n" for number in range(len(places))]
    assert done.collect("/nothing/here") is None
    done.attempt.dispose()
    assert sorted(entry.name for entry in done.job.folder.iterdir() if not entry.name.startswith("collected")) == ["log"]
    assert watched() == before


def watched() -> dict[str, object]:
    """What is in folders of the machine that a program might write to, with the times of their last change."""
    folders = ["/", "/usr/local/share", "/usr/local", "/var", "/etc", "/home", "/mnt", "/srv", "/opt"]
    return {folder: (sorted(os.listdir(folder)), os.stat(folder).st_mtime_ns) for folder in folders if os.path.isdir(folder)}


def test_outputs_by_placeholder(shop: Workshop) -> None:
    """A placeholder is a path that works with every runner."""
    done = shop.run(
        script(
            "echo 0.5 > ${{ metrics.m }}; echo v > ${{ values.v }}; echo o > ${{ outputs.o }}",
            "    outputs: [o]\n    values: {v: /v}\n    metrics: {m: /tmp/m}\n",
        )
    )
    assert done.ended.exit == 0, done.log
    assert [done.text(path) for path in ("/mlc/outputs/o", "/v", "/tmp/m")] == ["o\n", "v\n", "0.5\n"]


FOLDER = """
mkdir -p o/sub o/empty; echo 1 > o/f; echo 2 > o/sub/x; ln -s ../f o/sub/rel; ln -s /elsewhere o/abs; ln -s sub o/dir
echo far > /elsewhere; ln o/f o/hard; printf '#!/bin/sh\\n' > o/program; chmod 755 o/program; chmod 0 o/sub/x; chmod 111 o/empty
"""


def test_folders_and_links(private: Workshop) -> None:
    """A folder is copied with what its links lead to; rights to run stay, missing rights to read are no obstacle to their owner."""
    done = private.run(script("cd /\n" + FOLDER, "    outputs: {o: /o}\n"))
    assert done.ended.exit == 0, done.log
    found = done.collect("/o")
    assert found is not None
    files = {str(path.relative_to(found)): path.read_text() for path in sorted(found.rglob("*")) if path.is_file()}
    assert files == {
        "abs": "far\n",
        "dir/rel": "1\n",
        "dir/x": "2\n",
        "f": "1\n",
        "hard": "1\n",
        "program": "#!/bin/sh\n",
        "sub/rel": "1\n",
        "sub/x": "2\n",
    }
    assert not any(path.is_symlink() for path in found.rglob("*"))
    assert (found / "empty").is_dir()
    assert (found / "program").stat().st_mode & stat.S_IXUSR
    assert not (found / "f").stat().st_mode & stat.S_IXUSR


@pytest.mark.parametrize(
    "make, problem",
    [
        ("ln -s /target /o; echo t > /target", None),
        ("mkdir -p /real/d; echo t > /real/d/o; ln -s /real/d /mid; ln -s mid/o /o", None),
        ("ln -s /nowhere /o", "missing"),
        ("mkfifo /o", "neither a file nor a folder"),
        ("mkdir /o; mkfifo /o/p", "neither a file nor a folder"),
        ("mkdir /o; ln -s . /o/loop", "circle"),
        ("mkdir /o; ln -s /nowhere /o/broken", "leads nowhere"),
    ],
)
def test_outputs_that_are_no_files(private: Workshop, make: str, problem: str | None) -> None:
    """A link is what it leads to; what is no file and no folder is refused, and so are links in a circle."""
    done = private.run(script(make, "    outputs: {o: /o}\n"))
    assert done.ended.exit == 0, done.log
    if problem is None:
        assert done.text("/o") == "t\n"
    elif problem == "missing":
        assert done.collect("/o") is None
    else:
        with pytest.raises(OSError, match=problem):
            done.collect("/o")


def test_socket_is_no_output(shop: Workshop) -> None:
    """A socket that a program left is refused."""
    if shop.runner.name != "process" or not shop.runner.sandboxed:
        return  # what stands in for a program that makes one is a process of this machine
    done = shop.run(script("mkdir /o; echo ready", "    outputs: {o: /o}\n"))
    place = done.attempt._backend._places.find("/o")  # type: ignore[attr-defined] # of processes
    here = os.getcwd()
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(place)
        try:
            made.bind("s")
        finally:
            os.chdir(here)
    with pytest.raises(OSError, match="neither a file nor a folder"):
        done.collect("/o")


CONSUMER = """
steps:
  p: {{image: '{image}', command: "true", outputs: {{i: /i, d: /d}}}}
  a:
    image: {image}
    inputs: {{i: {path}/i.txt, d: {path}/d}}
    run: |
      cat {path}/i.txt {path}/d/x; echo more >> {path}/i.txt; echo new > {path}/d/y; rm {path}/d/x; ls {path}/d
"""


@pytest.mark.parametrize("path", ["/data/in", "/mlc/inputs", "/tmp", "/etc/deep/er", "/in"])
def test_inputs_may_be_changed(private: Workshop, path: str, tmp_path: Path) -> None:
    """A program finds inputs at the paths of the spec, and may change its copies."""
    (tmp_path / "d").mkdir()
    (tmp_path / "i").write_text("i\n")
    (tmp_path / "d" / "x").write_text("x\n")
    (tmp_path / "i").chmod(0o400)
    done = private.run(CONSUMER.format(image=IMAGE, path=path), inputs={"i": tmp_path / "i", "d": tmp_path / "d"})
    assert (done.ended.exit, done.log) == (0, "i\nx\ny\n")
    assert (tmp_path / "i").read_text() == "i\n"
    assert os.listdir(tmp_path / "d") == ["x"]
    done.attempt.dispose()


def test_handed_over_folders_are_there(private: Workshop) -> None:
    """`/mlc/inputs` and `/mlc/outputs` are there for everybody; another folder of an output is the program's to make."""
    done = private.run(script("ls -d /mlc/inputs /mlc/outputs; touch /mlc/outputs/x; touch /nowhere/x", "    outputs: {o: /nowhere/x}\n"))
    assert done.ended.exit == 1
    assert done.log.startswith("/mlc/inputs\n/mlc/outputs\n")
    assert "/nowhere/x" in done.log


def test_workdir(private: Workshop) -> None:
    """A program starts in the folder of the spec, which is made where it is not there."""
    for folder in ("/no/such/folder", "/tmp", "/data"):
        done = private.run(script("pwd; echo 1 > made", f"    workdir: {folder}\n    outputs: {{o: {folder}/made}}\n"))
        assert (done.ended.exit, done.log.splitlines()[-1]) == (0, folder)
        assert done.text(f"{folder}/made") == "1\n"
        done.attempt.dispose()


# --- volumes

VOLUMES = """
volumes:
  data: {{claim: data}}
  mine: {{size: 1Gi}}
  shm: {{memory: 1Mi}}
  scratch: {{empty_dir: {{}}}}
steps:
  a:
    image: {image}
    volumes: {volumes}
    outputs: {{o: /dev/shm/deep/o}}
    run: |
      {run}
"""


def volumes(run: str, mounts: str = "{data: /data, mine: /usr/local/share/model, shm: /dev/shm, scratch: /job}") -> str:
    """A project with volumes of all kinds."""
    return VOLUMES.format(image=IMAGE, run=run, volumes=mounts)


def test_volumes(private: Workshop) -> None:
    """Claims are kept, and shared by steps; what is one per pod is empty each time. Outputs may lie in memory."""
    run = "ls /data /usr/local/share/model /job /dev/shm; for f in /data /usr/local/share/model /job; do echo 1 > $f/x; done"
    run += "; mkdir /dev/shm/deep; echo 7 > /dev/shm/deep/o"
    first = private.run(volumes(run))
    assert first.ended.exit == 0, first.log
    assert first.text("/dev/shm/deep/o") == "7\n"
    second = private.run(volumes(run))
    assert second.log.split() == ["/data:", "x", "/dev/shm:", "/job:", "/usr/local/share/model:", "x"]
    for done in (first, second):
        done.attempt.dispose()
        private.around.release(place_of(private, done))
    assert (private.state / "volumes" / "data" / "x").read_text() == "1\n"
    assert (private.state / "runs" / private.run_name / ".volumes" / "mine" / "x").read_text() == "1\n"


def place_of(shop: Workshop, done: Done) -> Place:
    """The place of an attempt."""
    job = done.job
    return Place(job.run, shop.run_id, job.task, job.attempt, job.folder)


def test_read_only(private: Workshop) -> None:
    """What is mounted to be read cannot be written, removed or made writable again."""
    private.run(volumes("echo 1 > /data/x; mkdir -p /dev/shm/deep; touch /dev/shm/deep/o"))
    run = "! echo 2 > /data/x && ! rm /data/x && ! touch /data/y && cat /data/x"
    done = private.run(volumes(run, "{data: {mount: /data, read_only: true}, shm: /dev/shm}"))
    assert done.ended.exit == 0, done.log
    assert "1" in done.log.splitlines()  # an engine may bring it before what the shell said of the others


def test_sub_path(private: Workshop) -> None:
    """A part of a volume that is not there yet is made; one that a link leads out of is refused."""
    run = "echo 1 > /here/x; mkdir -p /dev/shm/deep; touch /dev/shm/deep/o"
    done = private.run(volumes(run, "{data: {mount: /here, sub_path: a/b}, shm: /dev/shm}"))
    assert done.ended.exit == 0, done.log
    assert (private.state / "volumes" / "data" / "a" / "b" / "x").read_text() == "1\n"
    (private.state / "volumes" / "data" / "out").symlink_to("/etc")
    with pytest.raises(OSError, match="leads out of volume `data`"):
        private.run(volumes(run, "{data: {mount: /here, sub_path: out}, shm: /dev/shm}"))


def test_inputs_below_a_volume_in_memory(private: Workshop, tmp_path: Path) -> None:
    """An input may lie in a volume that is one per pod."""
    (tmp_path / "i").write_text("i\n")
    body = f"""
    volumes: {{shm: {{memory: 1Mi}}}}
    steps:
      p: {{image: '{IMAGE}', command: "true", outputs: {{i: /i}}}}
      a: {{image: '{IMAGE}', volumes: {{shm: /dev/shm}}, inputs: {{i: /dev/shm/deep/i}}, command: [cat, /dev/shm/deep/i]}}
    """
    done = private.run(body, inputs={"i": tmp_path / "i"})
    assert (done.ended.exit, done.log) == (0, "i\n")


# --- secrets

SECRET = "squeamish-ossifrage-17"


def test_secrets(shop: Workshop, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A secret reaches the program by its environment, and nothing else of it is seen: no log, no command line, no file."""
    made = Workshop(tmp_path, maker(request.node.callspec.params["shop"]), {"secrets": {"s": {"token": {"env": "MLC_TEST_TOKEN"}}}})
    os.environ["MLC_TEST_TOKEN"] = SECRET
    try:
        body = script(
            'echo "token: $TOKEN"; [ "$TOKEN" = squeamish-"ossifrage-17" ] && echo same; echo ready; sleep 0.5',
            "    env: {TOKEN: {secret: s, key: token}}\n",
        )
        with made.running(body) as done:
            assert [line for line in processes() if SECRET in line] == []
            assert not any(SECRET in word for word in made.runner.command(done.job))
    finally:
        del os.environ["MLC_TEST_TOKEN"]
        made.close()
    assert (done.ended.exit, done.log) == (0, "token: ***\nsame\nready\n")
    assert done.told == ["token: ***", "same", "ready"]
    assert SECRET not in repr(done.job)
    done.attempt.dispose()
    assert not [path for path in made.state.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


def test_secret_files(private: Workshop, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A secret that is mounted is files with the mode of the spec, which can only be read; config maps, too. None of it is on the disk."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "id").write_text(f"BEGIN\n{SECRET}\nEND\n")
    local = {"secrets": {"s": {"folder": "keys"}}, "config_maps": {"c": {"level": {"value": "debug"}}}}
    made = Workshop(tmp_path, maker(request.node.callspec.params["private"]), local)
    body = f"""
    volumes: {{keys: {{secret: s, mode: 0400}}, settings: {{config_map: c}}}}
    steps:
      a:
        image: {IMAGE}
        volumes: {{keys: /etc/keys, settings: {{mount: /level, sub_path: level}}}}
        run: |
          ls -l /etc/keys/id | cut -c 1-10; cat /etc/keys/id; cat /level; ! touch /etc/keys/x && ! echo 1 > /level
    """
    done = made.run(body)
    log = done.log.splitlines()
    assert (done.ended.exit, log[:4]) == (0, ["-r--------", "BEGIN", "***", "END"]), done.log
    assert log[4].startswith("debug")
    assert not [path for path in made.state.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    done.attempt.dispose()
    made.around.release(place_of(made, done))
    made.close()
    memory_of = memory.of_attempt(done.job.folder)
    assert memory_of is None or not memory_of.exists()


# --- pods


def test_init_containers(shop: Workshop) -> None:
    """Init containers run one after the other, before the program; the first that fails fails the step."""
    more = f"    init: {{one: {{image: '{IMAGE}', run: 'echo 1'}}, two: {{image: '{IMAGE}', command: [sh, -c, 'echo 2; exit CODE']}}}}\n"
    done = shop.run(script("echo main", more.replace("CODE", "0")))
    assert (done.ended.exit, done.log) == (0, "[one] 1\n[two] 2\nmain\n")
    done = shop.run(script("echo main", more.replace("CODE", "3")))
    assert (done.ended.exit, done.ended.message, done.log) == (3, "`two` ended with 3", "[one] 1\n[two] 2\n")


def test_sidecars(shop: Workshop) -> None:
    """A sidecar runs as long as the program does. One that fails by itself fails the step, one that is ended does not."""
    sidecar = f"    sidecars: {{side: {{image: '{IMAGE}', run: RUN}}}}\n"
    run = "'echo up; sleep 1000'"
    done = shop.run(script("sleep 2; echo main", sidecar.replace("RUN", run)))
    assert (done.ended.exit, sorted(done.log.splitlines())) == (0, ["[side] up", "main"])
    done = shop.run(script("sleep 2", sidecar.replace("RUN", "'exit 3'")))
    assert (done.ended.exit, done.ended.message) == (3, "`side` ended with 3")
    done.attempt.dispose()
    assert carrying(f"MLC_RUN={shop.run_name}") == []


def test_sidecar_shares_network_and_volumes(private: Workshop) -> None:
    """A sidecar is reached at this host, and shares the volumes of the pod."""
    body = f"""
    volumes: {{shared: {{empty_dir: {{}}}}}}
    steps:
      a:
        image: {IMAGE}
        volumes: {{shared: /shared}}
        sidecars:
          web:
            image: {IMAGE}
            volumes: {{shared: /site}}
            run: 'echo hello > /site/i; exec busybox httpd -f -p 127.0.0.1:18437 -h /site'
        run: |
          for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
            busybox wget -qO- http://127.0.0.1:18437/i && break; sleep 0.5
          done
    """
    done = private.run(body)
    assert (done.ended.exit, done.log.splitlines()[-1]) == (0, "hello")


# --- what is left when `mlc run` dies


def test_lost_when_its_guard_is_killed(shop: Workshop) -> None:
    """Where somebody kills the guard, the attempt is lost, and `sweep` ends what is left of it."""
    with shop.running(script("echo ready; sleep 1000")) as done:
        guard = shop.runner._guard._process.pid
        os.kill(guard, signal.SIGKILL)
    assert (done.ended.exit, done.ended.lost) == (None, True)
    shop.runner.sweep(shop.run_name, [done.attempt.identity])
    assert carrying(f"MLC_RUN={shop.run_name}") == []
    assert shop.run(script("echo again")).log == "again\n"
