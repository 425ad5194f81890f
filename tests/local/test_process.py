"""What only processes have: the machine's own programs and folders, with and without bubblewrap."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlc.local import sandbox
from mlc.local.masking import Masks
from mlc.local.process import ProcessRunner
from mlc.local.settings import Misuse, Settings, read
from tests.local.engines import sandbox_problem
from tests.local.workshop import Workshop
from tests.support import pipeline

BOTH = [False, *([] if sandbox_problem() else [True])]
SANDBOX = [flag for flag in BOTH if flag]


class Shops:
    """Workshops with processes, closed at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[Workshop] = []

    def __call__(self, sandboxed: bool, environ: Mapping[str, str] | None = None, **local: Any) -> Workshop:
        folder = self.folder / f"shop-{len(self.made)}"
        folder.mkdir()
        settings = {**local, "process": {"sandbox": sandboxed, **local.get("process", {})}}
        self.made.append(Workshop(folder, lambda given, masks, state: ProcessRunner(given, masks, state, environ), settings))
        return self.made[-1]


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[Shops]:
    """Makes workshops."""
    made = Shops(tmp_path)
    yield made
    for shop in made.made:
        shop.close()


def body(run: str, more: str = "") -> str:
    """A project with one step that runs a script."""
    return f"steps:\n  a:\n    image: acme/x:1\n    run: {run!r}\n{more}"


def refusals(settings: Settings, text: str) -> list[tuple[str, str, str]]:
    """What a process cannot do of a project."""
    findings: list[Any] = []
    ProcessRunner(settings, Masks(), Path("/nowhere")).check(pipeline(text), findings)
    return [(finding.code, finding.message, finding.help) for finding in findings]


def settings(**process: Any) -> Settings:
    """Settings for processes."""
    findings: list[Any] = []
    found = read({"process": process}, Path("/project"), findings)
    assert findings == []
    return found


# --- without bubblewrap

PATHS = """
volumes: {data: {claim: data}}
steps:
  p: {image: 'acme/x:1', command: "true", outputs: {i: /i}}
  a:
    image: 'acme/x:1'
    command: [train, "${{ inputs.i }}"]
    env: {OUT: "${{ outputs.o }}"}
    workdir: /app
    volumes: {data: /data}
    inputs: {i: /in/i}
    outputs: {o: /out/o, other: /out/other}
    metrics: {m: /scores.json, n: {path: /scores.json, key: n}}
    values: {v: /v}
"""


def test_paths_that_no_placeholder_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a step cannot ask for is refused by name, with what to write; one file of two metrics is asked for once."""
    found = refusals(settings(sandbox=False), PATHS)
    assert [(code, message.split("`")[3]) for code, message, _ in found] == [
        ("MLC431", path) for path in ("/i", "/out/other", "/v", "/scores.json", "/scores.json", "/data", "/app")
    ]
    helps = {message.split("`")[3]: help for _, message, help in found}
    assert (
        helps["/out/other"]
        == "use `${{ outputs.other }}` in its `args`, `env` or `run`; or leave out `process: {sandbox: false}`, or take podman"
    )
    assert helps["/data"] == "leave out `process: {sandbox: false}`, or take podman"
    monkeypatch.setattr(ProcessRunner, "_problem", lambda _: "it is not installed")
    helps = {message.split("`")[3]: help for _, message, help in refusals(settings(), PATHS)}
    assert helps["/out/other"] == "use `${{ outputs.other }}` in its `args`, `env` or `run`; or install bubblewrap or podman"
    assert helps["/data"] == "install bubblewrap or podman"
    named = PATHS.replace('[train, "${{ inputs.i }}"]', '[train, "${{ inputs.i }}", "${{ metrics.n }}"]')
    assert "/scores.json" not in [message.split("`")[3] for _, message, _ in refusals(settings(sandbox=False), named)]


def test_paths_that_the_machine_has(tmp_path: Path) -> None:
    """A volume that is named as the very folder of the spec is there; a folder of code stands for `workdir`."""
    text = "volumes: {data: {claim: d}}\nsteps: {a: {image: 'acme/x:1', command: x, workdir: /app, volumes: {data: /data}}}"
    findings: list[Any] = []
    made = read({"process": {"sandbox": False, "folder": "src"}, "volumes": {"data": "/data"}}, tmp_path, findings)
    assert refusals(made, text) == []


FETCHED = """
code: {git: "https://h.test/code.git", ref: main, token: {secret: git, key: token}}
datasets:
  reviews: {dvc: {repo: "git@h.test:data.git", path: reviews.csv}, tag: v1, ssh_key: {secret: git, key: id}}
  raw: {s3: {uri: "s3://bucket/raw"}}
targets: {helper_image: "acme/helper:1"}
steps:
  train:
    image: acme/x:1
    workdir: /src
    code: true
    inputs: {reviews: /in/r, raw: /in/raw}
    command: [cat, "${{ inputs.reviews }}", "${{ inputs.raw }}"]
"""


def test_paths_of_what_is_fetched(tmp_path: Path) -> None:
    """Without bubblewrap, too, data is fetched and published: those steps are told where things are. Code is where a step starts."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\n")  # it has every module
    python.chmod(0o755)
    assert refusals(settings(sandbox=False, python=str(python)), FETCHED) == []
    own = refusals(settings(sandbox=False, python=str(python)), FETCHED.replace("    code: true\n", ""))
    assert [(code, message.split("`")[3]) for code, message, _ in own] == [("MLC431", "/src")]


@pytest.mark.parametrize("flag", [False, True])
def test_tools_for_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: bool) -> None:
    """What fetches and publishes has to be here, and all that is not is said at once. What the step installs itself is not asked for."""
    monkeypatch.setattr(ProcessRunner, "sandboxed", flag)
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ntest "$3" != boto3\n')
    python.chmod(0o755)
    (tmp_path / "git").symlink_to("python")
    monkeypatch.setenv("PATH", str(tmp_path))
    [(code, message, help)] = refusals(settings(), FETCHED)
    assert code == "MLC434"
    assert message.partition(": ")[2] == f"the program `ssh`, the module `boto3` of `{python}`"
    assert help.startswith(f"install `ssh`, say `{python} -m pip install boto3==")
    (tmp_path / "ssh").symlink_to("python")
    python.write_text("#!/bin/sh\nexit 1\n")
    monkeypatch.setenv("VIRTUAL_ENV", "/other")  # an answer counts for one environment
    [(code, message, help)] = refusals(settings(), FETCHED)
    assert message.partition(": ")[2] == f"the module `dvc` of `{python}`, the module `boto3` of `{python}`"
    assert "or leave out `targets.helper_image` to have it installed for the run" in help
    assert refusals(settings(), FETCHED.replace('targets: {helper_image: "acme/helper:1"}\n', "")) == []
    for name in ("python", "git", "ssh"):
        (tmp_path / name).unlink()
    [(code, message, _)] = refusals(settings(), FETCHED)
    assert message.partition(": ")[2] == "the program `git`, the program `ssh`, the program `python`"


def test_a_folder_for_an_image_with_a_digest(tmp_path: Path) -> None:
    """`folders` are by the name of an image, or by its reference, also where a lock file adds the digest."""
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    findings: list[Any] = []
    made = read({"process": {"folders": {"acme/x:1": "a", "named": "b"}, "folder": "c"}}, tmp_path, findings)
    runner = ProcessRunner(made, Masks(), tmp_path)
    digest = f"@sha256:{'0' * 64}"
    steps = "".join(
        f"  {name}: {{image: '{image}', command: x}}\n" for name, image in (("a", f"acme/x:1{digest}"), ("b", "named"), ("c", "y:1"))
    )
    for step in pipeline(f"images: {{named: 'acme/y:2{digest}'}}\nsteps:\n{steps}").steps:
        folder = runner.folder_of(step)
        assert folder is not None
        assert folder.name == step.name


@pytest.mark.parametrize("flag", SANDBOX)
def test_paths_in_a_sandbox(flag: bool) -> None:
    """bubblewrap offers all of them."""
    assert refusals(settings(sandbox=flag), PATHS) == []


def test_bubblewrap_that_is_wanted_and_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A sandbox that the settings want is not silently left out; without them processes run, and a note says how."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Misuse, match="it is not installed"):
        refusals(settings(sandbox=True), PATHS)
    runner = ProcessRunner(settings(), Masks(), tmp_path)
    assert not runner.sandboxed
    notes = runner.notes(pipeline(PATHS))
    assert any(note.startswith("without bubblewrap (it is not installed) steps find their files at local paths") for note in notes)


def test_notes() -> None:
    """What has no effect is said, once."""
    text = """
    labels: {team: a}
    volumes: {shm: {memory: 1Gi}}
    steps:
      a:
        image: 'acme/x:1'
        command: x
        volumes: {shm: /shm}
        resources: {cpu: 1}
        security: {run_as_user: 7}
        service_account: me
        node_selector: {a: b}
        sidecars: {s: {image: 'acme/y:1', command: y}}
    """
    notes = ProcessRunner(settings(sandbox=False), Masks(), Path("/nowhere")).notes(pipeline(text))
    for start in ("images are not used", "steps start in an empty folder", "`resources`", "`security`", "sidecars share", "nodes,"):
        assert len([note for note in notes if note.startswith(start)]) == 1, start
    for start in ("service accounts", "labels and annotations", "sizes of volumes"):
        assert len([note for note in notes if note.startswith(start)]) == 1, start


# --- programs


@pytest.mark.parametrize("flag", BOTH)
def test_folder_of_code(shops: Shops, tmp_path: Path, flag: bool) -> None:
    """Programs start in the folder that stands for their image, which is the spec's `workdir`, too; else in an empty one."""
    for name in ("code", "train"):
        (tmp_path / name).mkdir()
        program = tmp_path / name / "program"
        program.write_text(f"#!/bin/sh\necho {name} $PWD; ls\n")
        program.chmod(0o755)
    folders = {"folder": str(tmp_path / "code"), "folders": {"train": str(tmp_path / "train")}}
    shop = shops(flag, process=folders)
    assert shop.run("steps: {a: {image: 'acme/x:1', command: ./program}}").log.split() == ["code", str(tmp_path / "code"), "program"]
    named = "images: {train: 'acme/t:1'}\nsteps: {a: {image: train, command: ./program, workdir: /app}}"
    assert shop.run(named).log.split() == ["train", "/app" if flag else str(tmp_path / "train"), "program"]
    assert shops(flag).run(body("pwd > /dev/null; ls -A")).log == ""


@pytest.mark.parametrize("flag", BOTH)
def test_programs_that_cannot_run(shops: Shops, tmp_path: Path, flag: bool) -> None:
    """Each way not to start has its sentence."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "orphan").write_text("#!/no/such/interpreter\n")
    (folder / "plain").write_text("text\n")
    (folder / "orphan").chmod(0o755)
    shop = shops(flag, process={"folder": str(folder)})
    for command, exit, message in (
        ("./orphan", 127, "the program `./orphan` not found: its interpreter `/no/such/interpreter`"),
        ("./plain", 126, "the program `./plain` is a file that may not be executed"),
        ("/", 126, "the program `/` is a folder"),
        ("./none", 127, "the program `./none` is not found"),
    ):
        ended = shop.run(f"steps: {{a: {{image: 'acme/x:1', command: [{command}]}}}}").ended
        assert (ended.exit, ended.message, ended.lost) == (exit, message, False)


@pytest.mark.parametrize("flag", BOTH)
def test_python(shops: Shops, flag: bool) -> None:
    """A Python script has the interpreter of `PATH`, or that of the settings."""
    text = "steps: {a: {image: 'acme/x:1', shell: python, run: 'import sys; print(sys.argv[1:], sys.executable)', args: [a b]}}"
    found = shops(flag, process={"python": sys.executable}).run(text)
    assert found.log == f"['a b'] {sys.executable}\n", found.log
    assert shops(flag, environ={"PATH": "/nowhere"}).run(text).ended.message == (
        "there is no `python` and no `python3` in `PATH` to run the script with"
    )


def wheel(folder: Path) -> Path:
    """A package that is nowhere else."""
    made = folder / "mlc_test_package-1.0-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("mlc_test_package.py", "WORD = 'found'\n")
        info = "mlc_test_package-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: mlc-test-package\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return made


@pytest.mark.parametrize("flag", BOTH)
def test_packages(shops: Shops, tmp_path: Path, flag: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages are installed once, beside those that the interpreter has; what cannot be installed fails the step, and says why."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    shop = shops(flag, process={"python": sys.executable})
    text = "import mlc_test_package, yaml; print(mlc_test_package.WORD)"
    packages = f"mlc-test-package @ file://{wheel(tmp_path)}"
    step = f"steps: {{a: {{image: 'acme/x:1', shell: python, run: '{text}', packages: ['{packages}']}}}}"
    for said in (f"[packages] installing {packages}\n", ""):
        done = shop.run(step)
        assert (done.ended.exit, done.log) == (0, f"{said}found\n")
    [made] = [path for path in (shop.state / "venvs").iterdir() if path.is_dir()]
    assert (made / "complete").exists()
    done = shop.run(step.replace(packages, "mlc-no-such-package==1"))
    assert done.ended.exit == 1
    assert done.ended.message == "`packages` ended with 1"
    assert "mlc: cannot install the packages" in done.log


def test_environment_of_the_machine(shops: Shops) -> None:
    """A few variables of the machine reach a program, and those that the settings name."""
    environ = {"PATH": os.environ["PATH"], "HOME": "/root", "LC_ALL": "C", "AWS_SECRET": "x", "HF_TOKEN": "y", "LD_PRELOAD": "/z"}
    shop = shops(False, environ=environ, process={"env": ["HF_TOKEN"]})
    names = {line.partition("=")[0] for line in shop.run(body("env")).log.splitlines()}
    assert {"PATH", "HOME", "LC_ALL", "HF_TOKEN", "MLC_RUN", "TMPDIR"} <= names
    assert not {"AWS_SECRET", "LD_PRELOAD"} & names


# --- bubblewrap


@pytest.mark.parametrize("flag", SANDBOX)
def test_machine_cannot_be_written(shops: Shops, tmp_path: Path, flag: bool) -> None:
    """The machine's folders are there to be read; the home folder and folders of code can be written."""
    home, code, known = tmp_path / "home", tmp_path / "code", tmp_path / "known"
    for folder in (home, code, known):
        folder.mkdir()
    (known / "file").write_text("known\n")
    environ = {**os.environ, "HOME": str(home), "VIRTUAL_ENV": str(known)}
    shop = shops(flag, environ=environ, process={"folder": str(code)})
    done = shop.run(
        body("touch ~/x ./y /z /tmp/z; cat $VIRTUAL_ENV/file; ! touch $VIRTUAL_ENV/x && ! rm $VIRTUAL_ENV/file; ls /usr/bin | wc -l")
    )
    assert done.ended.exit == 0, done.log
    assert done.log.splitlines()[0] == "known"
    assert int(done.log.splitlines()[-1]) == len([name for name in os.listdir("/usr/bin") if not name.startswith(".")])
    assert (os.listdir(home), os.listdir(code), os.listdir(known)) == (["x"], ["y"], ["file"])


@pytest.mark.parametrize("flag", SANDBOX)
def test_attempts_see_nothing_of_each_other(shops: Shops, flag: bool) -> None:
    """What a program leaves at `/`, in `/tmp`, `/var/tmp` and `/dev/shm` is gone for the next one."""
    shop = shops(flag)
    run = "ls -A / /tmp /var/tmp /dev/shm /mlc/*; for f in / /tmp/ /var/tmp/ /dev/shm/ /mlc/ /mlc/work/; do echo 1 > ${f}left; done"
    logs = []
    for _ in range(3):
        done = shop.run(body(run))
        done.attempt.dispose()
        logs.append(done.log)
    assert logs[0] == logs[1] == logs[2]
    assert "left" not in logs[0].split()


@pytest.mark.parametrize("flag", SANDBOX)
def test_rooms_are_used_again(shops: Shops, tmp_path: Path, flag: bool) -> None:
    """The folders of a program that left nothing serve the next one, until the runner is closed; also with programs below `/tmp`."""
    (tmp_path / "tools" / "bin").mkdir(parents=True)
    shop = shops(flag, environ={**os.environ, "PATH": f"{tmp_path / 'tools' / 'bin'}:{os.environ['PATH']}"})
    for _ in range(3):
        done = shop.run(body("true"))
        done.attempt.dispose()
        run_folder = done.job.folder.parents[1]
        assert len(list((run_folder / ".rooms").iterdir())) == 1
    shop.runner.close()
    assert not (run_folder / ".rooms").exists()


@pytest.mark.parametrize("flag", SANDBOX)
@pytest.mark.parametrize(
    "spoil",
    [
        "rm /bin; ln -s LINK /bin",
        "rmdir /mlc/outputs; ln -s LINK /mlc/outputs",
        "rmdir /mlc/inputs",
        "mv /mlc /away; ln -s LINK /mlc",
        "ln -s LINK /l",
    ],
)
def test_spoiled_rooms(shops: Shops, tmp_path: Path, flag: bool, spoil: str) -> None:
    """A program that spoils what every program needs spoils it for itself, and nothing that its links lead to is touched."""
    precious = tmp_path / "precious"
    (precious / "deep").mkdir(parents=True)
    (precious / "deep" / "file").write_text("precious\n")
    for name in ("inputs", "outputs", "work"):
        (precious / name).mkdir()
        (precious / name / "file").write_text("precious\n")
    before = {path: path.stat().st_mode for path in precious.rglob("*")}
    shop = shops(flag)
    own = "[ -e /mlc/script ] || exit 99"  # whatever goes wrong: only in a file system of its own
    first = shop.run(body(f"{own}; sleep 0; cd /; {spoil.replace('LINK', str(precious))}; exit 0"))
    assert first.ended.exit == 0, first.log
    first.attempt.dispose()
    done = shop.run(body("ls -d /mlc/inputs /mlc/outputs /bin/sh; touch /mlc/outputs/x; ls /l 2>/dev/null || :"))
    assert (done.ended.exit, done.log.split()) == (0, ["/bin/sh", "/mlc/inputs", "/mlc/outputs"])
    done.attempt.dispose()
    assert {path: path.stat().st_mode for path in precious.rglob("*")} == before


BUSY = """\
#!/bin/sh
# What bubblewrap says when the file system of a container goes away while it starts.
# The probe, the init container, the program and its sidecar meet it once each.
number=1
until mkdir FOLDER/start-$number 2>/dev/null; do number=$((number + 1)); done
case $number in 1 | 3 | 5 | 6)
  echo "bwrap: Can't bind mount /oldroot/var on /newroot/var: Unable to apply mount flags: remount \\"/newroot/var/x\\": No such file" >&2
  exit 1
esac
exec BWRAP "$@"
"""


@pytest.mark.parametrize("flag", SANDBOX)
def test_mounts_of_the_machine_that_go_away(shops: Shops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: bool) -> None:
    """Containers come and go on a machine: a start that one of them spoils is made again, of all programs of the step."""
    bwrap = shutil.which("bwrap")
    assert bwrap is not None
    (tmp_path / "bin").mkdir()
    busy = tmp_path / "bin" / "bwrap"
    busy.write_text(BUSY.replace("FOLDER", str(tmp_path)).replace("BWRAP", bwrap))
    busy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{busy.parent}:{os.environ['PATH']}")
    done = shops(flag).run(
        body(
            "cat /shared/init; until [ -e /shared/side ]; do sleep 0.05; done; echo ran",
            """
    volumes: {shared: /shared}
    init: {first: {image: 'acme/x:1', run: echo prepared > /shared/init, volumes: {shared: /shared}}}
    sidecars: {other: {image: 'acme/x:1', run: touch /shared/side; exec sleep 60, volumes: {shared: /shared}}}
""",
        ).replace("steps:", "volumes: {shared: {empty_dir: {}}}\nsteps:", 1)
    )
    assert done.ended.exit == 0, done.log
    assert [line for line in done.log.splitlines() if "bwrap" not in line] == ["prepared", "ran"]
    assert done.log.count("Unable to apply mount flags") == 3


@pytest.mark.parametrize("flag", SANDBOX)
def test_files_of_the_machine_are_hidden_by_outputs(shops: Shops, tmp_path: Path, flag: bool) -> None:
    """An output at the path of a file of the machine starts without it, and never becomes it; others beside it stay readable."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("one", "two", "three"):
        (home / name).write_text("old\n")
    text = body(
        f"cd {home}; ! cat one 2>/dev/null; ! cat two 2>/dev/null; cat three > /dev/null; echo 1 > one; echo 2 > two",
        f"    outputs: {{a: {home}/one, b: {home}/two, c: {home}/four}}\n",
    )
    done = shops(flag, environ={**os.environ, "HOME": str(home)}).run(text)
    assert done.ended.exit == 0, done.log
    assert (done.text(f"{home}/one"), done.text(f"{home}/two"), done.collect(f"{home}/four")) == ("1\n", "2\n", None)
    assert {path.name: path.read_text() for path in home.iterdir()} == {"one": "old\n", "two": "old\n", "three": "old\n"}


@pytest.mark.parametrize("flag", SANDBOX)
def test_folders_with_many_files(shops: Shops, tmp_path: Path, flag: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An output in a folder with more files than can be mounted one by one."""
    monkeypatch.setattr(sandbox, "_MANY", 20)
    home = tmp_path / "home"
    home.mkdir()
    for number in range(50):
        (home / f"f{number}").write_text(f"{number}\n")
    shop = shops(flag, environ={**os.environ, "HOME": str(home)})
    done = shop.run(body(f"cat {home}/f7; ls {home} | wc -l; echo o > {home}/o", f"    outputs: {{o: {home}/o}}\n"))
    assert (done.ended.exit, done.log) == (0, "7\n50\n")
    assert done.text(f"{home}/o") == "o\n"
    assert not (home / "o").exists()


@pytest.mark.parametrize("flag", SANDBOX)
def test_places_in_the_home_folder(shops: Shops, tmp_path: Path, flag: bool) -> None:
    """Inputs, outputs, volumes and a working folder inside the home folder take nothing away from it, and add nothing to it."""
    home = tmp_path / "home"
    (home / "known").mkdir(parents=True)
    (home / "known" / "file").write_text("known\n")
    (tmp_path / "i").write_text("i\n")
    text = f"""
    volumes: {{data: {{claim: data}}}}
    steps:
      p: {{image: 'acme/x:1', command: "true", outputs: {{i: /i}}}}
      a:
        image: 'acme/x:1'
        workdir: {home}/known
        volumes: {{data: {home}/new/data}}
        inputs: {{i: {home}/known/i}}
        outputs: {{o: {home}/known/deep/o}}
        run: |
          pwd; cat file i; mkdir deep; echo o > deep/o; echo d > {home}/new/data/x; echo changed > ./extra
    """
    shop = shops(flag, environ={**os.environ, "HOME": str(home)})
    done = shop.run(text, inputs={"i": tmp_path / "i"})
    assert (done.ended.exit, done.log) == (0, f"{home}/known\nknown\ni\n")
    assert done.text(f"{home}/known/deep/o") == "o\n"
    assert (shop.state / "volumes" / "data" / "x").read_text() == "d\n"
    assert sorted(str(path.relative_to(home)) for path in home.rglob("*")) == ["known", "known/file"]


@pytest.mark.parametrize("flag", BOTH)
def test_closed_folders_are_removed(shops: Shops, flag: bool) -> None:
    """A program may take away every right to a folder: it is removed all the same."""
    shop = shops(flag)
    done = shop.run(body("mkdir -p x/y ${TMPDIR-/tmp}/c/d; chmod 0 x/y x ${TMPDIR-/tmp}/c"))
    done.attempt.dispose()
    assert [path.name for path in done.job.folder.iterdir()] == ["log"]


@pytest.mark.parametrize("flag", BOTH)
def test_disposing_follows_no_links(shops: Shops, tmp_path: Path, flag: bool) -> None:
    """Whatever links a program leaves in its folders, only the links are removed; what they lead to keeps its rights, too."""
    precious = tmp_path / "precious"
    (precious / "locked").mkdir(parents=True)
    (precious / "locked" / "file").write_text("precious\n")
    (precious / "locked").chmod(0o500)
    link = f"ln -s {precious}"
    run = f"{link} here; mkdir d; {link}/locked d/l; {link} ${{TMPDIR-/tmp}}/t; chmod 0 d; {link} /mlc/outputs/o 2>/dev/null || :"
    done = shops(flag).run(body(run))
    assert done.ended.exit == 0, done.log
    done.attempt.dispose()
    assert [path.name for path in done.job.folder.iterdir()] == ["log"]
    assert (precious / "locked" / "file").read_text() == "precious\n"
    assert (precious / "locked").stat().st_mode & 0o777 == 0o500


def test_command_of_a_dry_run(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is shown as it would run, without secrets."""
    shop = shops(False)
    job = shop.job("steps: {a: {image: 'acme/x:1', command: [train, --lr=1], args: [hunter2x]}}")
    shop.masks.add("hunter2x")
    assert list(shop.runner.command(job)) == ["train", "--lr=1", "***"]
