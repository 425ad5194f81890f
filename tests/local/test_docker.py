"""Docker: what all runners have in common, where there is an engine; and what its command line is asked for, everywhere."""

from __future__ import annotations

import json
import os
import stat
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlc.local import inits, memory
from mlc.local.containers import ContainerRunner
from mlc.local.dry import Dry
from mlc.local.settings import Engine
from tests.local.engines import docker, maker
from tests.local.workshop import Workshop
from tests.support import pipeline

if not docker()[1]:
    from tests.local.test_runners import (  # noqa: F401 - these run with the fixtures below
        test_environment,
        test_folders_and_links,
        test_inputs_may_be_changed,
        test_outputs,
        test_outputs_that_are_no_files,
        test_read_only,
        test_secret_files,
        test_secrets,
        test_sidecar_shares_network_and_volumes,
        test_status_is_the_programs_own,
        test_stop,
        test_timeout,
        test_volumes,
        test_workdir,
    )

    @pytest.fixture(params=["docker"])
    def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workshop]:
        """A workshop with docker."""
        made = Workshop(tmp_path, maker(request.param))
        yield made
        made.close()

    private = shop


FAKE = """#!{python}
import io, json, os, sys, tarfile
state = {state!r}
with open(state + "/calls", "a") as file:
    file.write(json.dumps({{"words": sys.argv[1:], "token": os.environ.get("TOKEN", "")}}) + "\\n")
words = sys.argv[1:]
if words[:2] == ["image", "inspect"]:
    if os.path.exists(state + "/image"):
        print('["somebody", null, null]')
    else:
        sys.exit("Error: No such image: " + words[-1])
elif words[0] == "info":
    print(os.environ.get("FAKE_INIT", "docker-init de40ad0"))
elif words[0] == "pull":
    open(state + "/image", "w").close()
elif words[0] == "run":
    print(os.environ.get("FAKE_SAYS") or "hello from " + words[words.index("--name") + 1])
    sys.exit(int(os.environ.get("FAKE_EXIT", "0")))
elif words[:2] == ["container", "inspect"]:
    print(os.environ.get("FAKE_STATE", "exited 0 false"))
elif words[0] == "cp":
    path = words[1].split(":", 1)[1]
    links = {{"/o": "/far"}}
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
        member = tarfile.TarInfo(path.rsplit("/", 1)[-1])
        if path in links:
            member.type, member.linkname = tarfile.SYMTYPE, links[path]
            archive.addfile(member)
        elif path == "/far":
            member.size = 2
            archive.addfile(member, io.BytesIO(b"o\\n"))
        else:
            sys.stderr.write("Error response from daemon: Could not find the file " + path + " in container x\\n")
            os._exit(1)
"""


class Fake:
    """A program that is called as docker is, and remembers how."""

    def __init__(self, folder: Path) -> None:
        self.shops: list[Workshop] = []
        self.folder = folder / "fake"
        self.folder.mkdir()
        self.program = self.folder / "docker"
        self.program.write_text(FAKE.format(python=sys.executable, state=str(self.folder)))
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    def workshop(self, folder: Path, **engine: object) -> Workshop:
        """A workshop whose docker this is."""
        from dataclasses import replace

        made = Engine(str(self.program), **engine)  # type: ignore[arg-type]
        local = {"secrets": {"s": {"token": {"env": "MLC_TEST_TOKEN"}}}}
        self.shops.append(
            Workshop(folder, lambda settings, masks, state: ContainerRunner("docker", replace(settings, docker=made), masks, state), local)
        )
        return self.shops[-1]

    def calls(self, *start: str) -> list[list[str]]:
        """How it was called, with certain words first."""
        every = [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]
        return [call["words"] for call in every if call["words"][: len(start)] == list(start)]

    def tokens(self) -> set[str]:
        """What it saw of a secret in its environment, by its first word."""
        every = [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]
        return {call["words"][0] for call in every if call["token"] == "abracadabra-1"}


BODY = """
volumes: {data: {claim: data}, scratch: {empty_dir: {}}}
steps:
  p: {image: 'acme/p:1', command: "true", outputs: {i: /i}}
  a:
    image: acme/train:1
    command: [python, train.py]
    args: [--lr=1, 'a b', '']
    workdir: /job
    env: {LR: "1\\n2", TOKEN: {secret: s, key: token}}
    inputs: {i: /in/i}
    outputs: {o: /o, n: /n}
    volumes: {data: {mount: /data, read_only: true}, scratch: /scratch}
    resources: {cpu: 1500m, memory: 2Gi, gpu: 2}
    security: {run_as_user: 1000, run_as_group: 2000, fs_group: 3000}
"""


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    """Such a program."""
    made = Fake(tmp_path)
    yield made
    for shop in made.shops:
        shop.close()


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret of the environment."""
    monkeypatch.setenv("MLC_TEST_TOKEN", "abracadabra-1")


@pytest.mark.usefixtures("token")
def test_command_line(fake: Fake, tmp_path: Path) -> None:
    """Docker is asked for what its reference says (docs.docker.com, `docker container run`): the image is fetched, once, then run."""
    shop = fake.workshop(tmp_path, options=("--context", "lab"), args=("--ulimit", "nofile=1024:1024"), runtime="runsc", gpu=True)
    (tmp_path / "i").write_text("i")
    fake.program.write_text(fake.program.read_text().replace("words = sys.argv[1:]", "words = sys.argv[3:]"))
    done = shop.run(BODY, inputs={"i": tmp_path / "i"})
    shop.run(BODY, inputs={"i": tmp_path / "i"})
    assert done.ended.exit == 0, done.log
    name = f"mlc-{shop.run_name}-a-1-{shop.runner._state[:6]}"
    assert done.log == f"hello from {name}\n"
    assert fake.calls("--context", "lab", "pull") == [["--context", "lab", "pull", "--quiet", "acme/train:1"]]
    scratch = done.job.folder / "scratch"
    words = fake.calls("--context", "lab", "run")[0][2:]
    expected = [
        *("run", "--name", name, "--pull", "never", "--log-driver", "none"),
        *("--label", f"mlc.run={shop.run_name}", "--label", "mlc.task=a", "--label", f"mlc.state={shop.runner._state}"),
        *("--cpus", f"{min(1.5, os.cpu_count() or 1):g}", "--memory", str(2 << 30), "--gpus", "2"),
        *("--user", "1000:2000", "--group-add", "3000", "--workdir", "/job"),
        *("--env", f"MLC_RUN={shop.run_name}", "--env", "MLC_TASK=a", "--env", "MLC_ATTEMPT=1", "--env", "LR=1\n2", "--env", "TOKEN"),
        *("--mount", f"type=bind,source={shop.state}/volumes/data,target=/data,readonly"),
        *("--mount", f"type=bind,source={done.job.folder}/pod/scratch,target=/scratch"),
        *("--mount", f"type=bind,source={scratch}/mlc/inputs,target=/mlc/inputs"),
        *("--mount", f"type=bind,source={scratch}/mlc/outputs,target=/mlc/outputs"),
        *("--mount", f"type=bind,source={done.job.folder}/inputs/i,target=/in/i"),
        *("--init", "--env", "TINI_KILL_PROCESS_GROUP=1"),
        *("--runtime", "runsc", "--ulimit", "nofile=1024:1024"),
        *("--entrypoint", "python", "acme/train:1", "train.py", "--lr=1", "a b", ""),
    ]
    assert words == expected
    assert fake.tokens() == {"--context"}
    assert not any("abracadabra" in word for call in fake.calls() for word in call)
    assert shop.runner.command(done.job)[1:] == ["--context", "lab", *words]


@pytest.mark.usefixtures("token")
def test_files_and_end(fake: Fake, tmp_path: Path) -> None:
    """What docker hands over as a link is followed; its containers are removed with their volumes."""
    shop = fake.workshop(tmp_path)
    done = shop.run(BODY)
    assert done.text("/o") == "o\n"
    assert done.collect("/n") is None
    done.attempt.dispose()
    assert fake.calls("rm")[-1][:3] == ["rm", "-f", "-v"]
    shop.runner.sweep(shop.run_name, [])
    filters = ["--filter", f"label=mlc.run={shop.run_name}", "--filter", f"label=mlc.state={shop.runner._state}"]
    assert fake.calls("ps")[-1] == ["ps", "--all", "--quiet", *filters]


@pytest.mark.usefixtures("token")
def test_a_dry_run_says_what_an_attempt_mounts(fake: Fake, tmp_path: Path) -> None:
    """The folders of a command that is only shown are those that an attempt has, and what it could only read is marked so."""
    text = BODY.replace("empty_dir: {}", "secret: s").replace("scratch: /scratch}", "scratch: {mount: /scratch, sub_path: token}}")
    shop = fake.workshop(tmp_path)
    plan = Dry(pipeline(text), shop.runner, shop.around, {}, shop.state, {}, {})
    folder = shop.state / "runs" / plan.run / "a" / "1"
    shared = memory.of_attempt(folder) or folder / "pod"
    [shown] = [one.command for one in plan.planned() if one.task == "a"]
    assert f"type=bind,source={folder}/in/i,target=/in/i" in shown
    assert f"type=bind,source={shared}/scratch/token,target=/scratch,readonly" in shown
    assert not folder.exists()
    assert not shared.exists()


@pytest.mark.usefixtures("token")
def test_inputs_after_the_end(fake: Fake, tmp_path: Path) -> None:
    """Inputs are opened to the user of a container before it starts, and left alone after: files of his nobody else can open."""
    shop = fake.workshop(tmp_path)
    (tmp_path / "i").mkdir()
    (tmp_path / "i" / "x").touch(mode=0o600)
    done = shop.run(BODY, inputs={"i": tmp_path / "i"})
    [delivered] = done.job.inputs
    assert stat.S_IMODE((delivered.source / "x").stat().st_mode) == 0o666
    made = delivered.source / "made"
    made.touch(mode=0o600)
    assert done.text("/o") == "o\n"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(
    "code, state, exit, lost, message",
    [
        (3, "exited 3 false", 3, False, ""),
        (137, "exited 137 true", 137, False, "memory ran out: the limit is 2Gi"),
        (127, "created 127 false", 127, False, "the program `python` is not in image `acme/train:1`"),
        (125, "created 0 false", None, True, "docker could not start it"),
        (125, "exited 125 false", 125, False, ""),
    ],
)
def test_ends(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, state: str, exit: int | None, lost: bool, message: str
) -> None:
    """The engine's own failures are told from those of the program, whatever the status: the container says whether it ran."""
    monkeypatch.setenv("FAKE_EXIT", str(code))
    monkeypatch.setenv("FAKE_STATE", state)
    done = fake.workshop(tmp_path).run(BODY)
    assert (done.ended.exit, done.ended.lost) == (exit, lost)
    assert done.ended.message.startswith(message)
    assert bool(done.ended.message) == bool(message)


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(
    "says, code, exit, message",
    [
        ("[FATAL tini (7)] exec python failed: No such file or directory", 127, 127, "the program `python` is not in image `acme/train:1`"),
        (
            "[FATAL tini (7)] exec python failed: Permission denied",
            126,
            126,
            "the program `python` of image `acme/train:1` may not be executed",
        ),
        (
            "ERROR (catatonit:2): failed to exec pid1: No such file or directory",
            1,
            127,
            "the program `python` is not in image `acme/train:1`",
        ),
        (
            "ERROR (catatonit:2): failed to exec pid1: Exec format error",
            1,
            126,
            "the program `python` of image `acme/train:1` may not be executed",
        ),
        ("ERROR (catatonit:2): failed to exec pid1: No such file or directory", 2, 2, ""),
        ("No such file or directory", 1, 1, ""),
    ],
)
def test_program_that_an_init_cannot_start(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, code: int, exit: int, message: str
) -> None:
    """With an init program the container has run, and its last words say that the program did not (src/tini.c, catatonit.c)."""
    monkeypatch.setenv("FAKE_SAYS", says)
    monkeypatch.setenv("FAKE_EXIT", str(code))
    monkeypatch.setenv("FAKE_STATE", f"exited {code} false")
    done = fake.workshop(tmp_path).run(BODY)
    assert (done.ended.exit, done.ended.message) == (exit, message)


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("says", ["docker-init N/A", " "])
def test_docker_without_an_init_of_its_own(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    """Where the daemon has none, or is podman's service, that of this machine is mounted; one that needs other files is not."""
    monkeypatch.setenv("FAKE_INIT", says)
    monkeypatch.setattr(inits, "_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "a,b").mkdir()
    for place, header in ((tmp_path / "bin" / "catatonit", 3), (tmp_path / "a,b" / "tini", 1)):
        place.write_bytes(program(header))
        place.chmod(0o755)
    (tmp_path / "bin" / "tini-static").symlink_to(tmp_path / "a,b" / "tini")
    done = fake.workshop(tmp_path).run(BODY)
    assert done.ended.exit == 0, done.log
    words = fake.calls("run")[0]
    assert f'type=bind,"source={tmp_path}/a,b/tini",target=/mlc/init,readonly' in words
    assert words[words.index("--entrypoint") + 1 :] == ["/mlc/init", "acme/train:1", "-g", "--", "python", "train.py", "--lr=1", "a b", ""]
    (tmp_path / "bin" / "tini-static").unlink()
    bare = fake.workshop(tmp_path / "other")
    assert not any("/mlc/init" in word for word in bare.runner.command(done.job))
    assert any("TERM" in note for note in bare.runner.notes(pipeline(BODY)))
    asked = fake.workshop(tmp_path / "third", args=("--init",))
    assert asked.runner.command(done.job)[-8:] == ["--init", "--entrypoint", "python", "acme/train:1", "train.py", "--lr=1", "a b", ""]
    assert not any("TERM" in note for note in asked.runner.notes(pipeline(BODY)))


def program(header: int) -> bytes:
    """The beginning of a program for 64 bits with one program header of a type: 3 names an interpreter (elf(5))."""
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    return ident + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0) + struct.pack("<I", header) + bytes(52)


@pytest.mark.usefixtures("token")
def test_network_that_cannot_be(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where podman lacks its program for networks, that is said, and not that the step's program is missing."""
    monkeypatch.setenv("FAKE_EXIT", "127")
    monkeypatch.setenv("FAKE_STATE", "created 127 false")
    monkeypatch.setenv("FAKE_SAYS", "Error: netavark: No such file or directory (os error 2)")
    done = fake.workshop(tmp_path).run(BODY)
    assert done.ended.lost
    assert "docker could not start it: netavark: No such file or directory" in done.ended.message


def test_engine_that_is_not_there(fake: Fake, tmp_path: Path) -> None:
    """Without docker there is a sentence, no traceback."""
    fake.program.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon at unix:///x. Is it running?' >&2; exit 1\n")
    assert fake.workshop(tmp_path).runner.problem() == "Cannot connect to the Docker daemon at unix:///x. Is it running?"
    fake.program.unlink()
    assert fake.workshop(tmp_path).runner.problem() == "it is not installed"
