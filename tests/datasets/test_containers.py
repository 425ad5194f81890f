"""`mlc run` with podman and docker: the steps that fetch and publish run in a real image, against the same servers.

Containers have the network of this machine, for the servers listen on loopback only.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlc.resolve.tagged import HELPER
from tests.local import engines

from . import image
from .servers import Bucket, new_key
from .test_run import ROOT, change, said
from .world import World


def test_summary_says_what_is_missing(counted: Callable[..., None]) -> None:
    """A line where the steps could not be run in containers, and why."""
    if image.missing():
        counted(f"datasets: not tested in containers: {image.missing()}".replace("{", "{{").replace("}", "}}"))
    assert image.plain() != image.helper()


STORY = """\
mlc: v1
name: demo
defaults: {SECURITY}
targets: {helper_image: "helper:1"}
volumes: {big: {claim: big}, keys: {secret: git-ssh, mode: 0400}}
code: {git: "REPO", ref: main, ssh_key: {secret: git-ssh, key: id_ed25519}}
datasets:
  kept: {dvc: {repo: "REPO", path: project1/reviews.csv}, tag: v1.0, ssh_key: {secret: git-ssh, key: id_ed25519}, into: big}
  made: {dvc: {repo: "REPO", path: project1/made.csv}, tag: made-1, ssh_key: {secret: git-ssh, key: id_ed25519}}
steps:
  train:
    image: "a:1"
    code: true
    workdir: /src
    run: |
      cat version.txt "${{ inputs.kept }}"
      cp version.txt ${{ outputs.made }}
      test 400 = "`stat -Lc %a /keys/id_ed25519`"
      if (echo more >> "${{ inputs.kept }}") 2> /dev/null; then echo it is written to; fi
    volumes: {keys: /keys}
    inputs: {kept: /data/kept.csv}
    outputs: {made: /mlc/outputs/made}
"""

PUBLISH = """\
mlc: v1
name: demo
targets: {helper_image: "helper:1"}
datasets:
  data: {dvc: {repo: "REPO", path: project1/data.csv}, tag: v1.0, ssh_key: {secret: git-ssh, key: id_ed25519}}
steps:
  make: {image: "a:1", run: 'seq 500000 > "${{ outputs.data }}"', outputs: {data: /mlc/outputs/data}}
"""

EXISTS = "the tag `v1.0` exists with other content: publish under another one, or allow `overwrite`"

FAULTS = """\
mlc: v1
name: demo
targets: {helper_image: "helper:1"}
datasets:
  gone: {dvc: {repo: "REPO", path: project1/reviews.csv}, tag: v9, ssh_key: {secret: git-ssh, key: id_ed25519}}
  strange:
    git: {repo: "REPO", path: version.txt}
    rev: "0000000"
    ssh_key: {secret: git-ssh, key: id_ed25519}
    known_hosts: {config_map: others, key: known_hosts}
  refused: {git: {repo: "REPO", path: version.txt}, rev: "0000000", ssh_key: {secret: others, key: id}}
  reviews: {dvc: {repo: "REPO", path: project1/reviews.csv}, tag: v1.0, ssh_key: {secret: git-ssh, key: id_ed25519}}
steps:
  make: {image: "a:1", run: 'echo other > "${{ outputs.reviews }}"', outputs: {reviews: /mlc/outputs/reviews}}
  read: {image: "a:1", run: "true", inputs: {gone: /gone, strange: /strange, refused: /refused}}
"""

OBJECTS = """\
mlc: v1
name: demo
datasets:
  old: {s3: {uri: "s3://NAME/old", endpoint: "HOST", insecure: true, region: us-east-1}, secret: {name: s3, access_key: a, secret_key: s}}
  new: {s3: {uri: "s3://NAME/new", endpoint: "HOST", insecure: true, region: us-east-1}, secret: {name: s3, access_key: a, secret_key: s}}
steps:
  copy: {image: "a:1", run: 'cat ${{ inputs.old }} > "${{ outputs.new }}"', inputs: {old: /old}, outputs: {new: /mlc/outputs/new}}
"""

if not image.missing():

    class Containers:
        """Runs of a project with the steps in containers."""

        def __init__(self, folder: Path, world: World, runner: str) -> None:
            self.folder, self.world, self.runner = folder, world, runner
            engine = {"podman": engines.podman, "docker": engines.docker}[runner]()[0]
            name = f"MLC_{runner.upper()}"
            self.args = [*engine.args, "--network", "host"]
            self.env = {**os.environ, "PYTHONPATH": str(ROOT / "compiler"), f"{name}_OPTIONS": shlex.join(engine.options)}
            self.env |= {f"{name}_ARGS": shlex.join(self.args), f"{name}_RUNTIME": engine.runtime}

        def project(self, text: str, *secrets: str, args: tuple[str, ...] = ()) -> None:
            """Write the project, and what this machine has for it."""
            (self.folder / "mlc.yaml").write_text(text.replace("REPO", self.world.ssh.url(self.world.repo)))
            ssh = self.world.ssh
            lines = [
                f"runner: {self.runner}",
                f'images: {{"helper:1": "{image.helper()}", "a:1": "{image.plain()}", "{HELPER}": "{image.plain()}"}}',
                f"{self.runner}: {{args: [{', '.join(args)}]}}",
                *("secrets:", f"  git-ssh: {{id_ed25519: {{file: {ssh.key}}}, known_hosts: {{file: {ssh.known_hosts}}}}}", *secrets),
            ]
            (self.folder / "mlc.local.yaml").write_text("\n".join(lines) + "\n")

        def start(self, *words: str) -> subprocess.Popen[str]:
            """Start a command line."""
            command, pipe = [sys.executable, "-u", "-m", "mlc", *words], subprocess.PIPE
            return subprocess.Popen(
                command, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=subprocess.STDOUT, text=True
            )

        def run(self, *words: str) -> subprocess.CompletedProcess[str]:
            """A run to its end."""
            with self.start("run", *words) as process:
                output, _ = process.communicate(timeout=300)
            return subprocess.CompletedProcess(words, process.returncode, output)

        def published(self, path: str, tag: str) -> str:
            """What DVC's remote has for a tag."""
            found = re.search(r"md5: (\w\w)(\w+)\n", self.world.git("show", f"{tag}:{path}.dvc", cwd=self.world.repo))
            assert found
            return (self.world.store / "files" / "md5" / found[1] / found[2]).read_text()

        def left(self) -> list[str]:
            """The containers of the runs that are there."""
            runs = [path.name for path in (self.folder / ".mlc" / "runs").iterdir()]
            engine = engines.podman()[0]
            words = [engine.program, *engine.options, "ps", "--all", "--format", "{{.Names}}"]
            found = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
            return [name for name in found if any(run in name for run in runs)]

    @pytest.fixture
    def here(tmp_path: Path, world: World) -> Containers:
        """A project that is run with podman."""
        return Containers(world.sub("project"), world, "podman")

    @pytest.mark.parametrize(
        "runner, security", [("podman", ""), *([("docker", f"security: {{run_as_user: {image.UID}}}")] if image.in_docker() else [])]
    )
    def test_story(world: World, runner: str, security: str) -> None:
        """Data and code are fetched, and what is made of them is published; a second run finds all of it. So for another user.

        What was fetched to a volume no step can write to.
        """
        containers = Containers(world.sub("project"), world, runner)
        containers.project(STORY.replace("SECURITY", security))
        change(world, "old")
        for number in range(1 if security else 2):
            done = containers.run()
            assert done.returncode == 0, done.stdout
            assert said(done, "train") == ["old code", "old data"]
            assert ("the volume has it already" in done.stdout, "has this data already" in done.stdout) == (number == 1,) * 2
        assert containers.published("project1/made.csv", "made-1") == "old code\n"
        assert containers.left() == []
        secret = world.ssh.key.read_text().splitlines()[2]
        written = (path for path in containers.folder.rglob("*") if path.is_file() and not path.is_symlink())
        assert not any(secret in path.read_text(errors="replace") for path in written)
        owners = {path.stat().st_uid for path in (containers.folder / ".mlc" / "volumes" / "big").rglob("*")}
        assert owners == {image.UID if security else 0}

    def test_faults(here: Containers) -> None:
        """What goes wrong is said by the step's last line, as docs/datasets.md has it."""
        world = here.world
        change(world, "old")
        other = new_key(world.folder / "other")
        kind, text, *_ = other.with_suffix(".pub").read_text().split()
        (world.folder / "hosts").write_text(f"[127.0.0.1]:{world.ssh.port} {kind} {text}\n")
        hosts = ("config_maps:", f"  others: {{known_hosts: {{file: {world.folder / 'hosts'}}}}}")
        here.project(FAULTS, f"  others: {{id: {{file: {other}}}, known_hosts: {{file: {world.ssh.known_hosts}}}}}", *hosts)
        done = here.run("--jobs", "4")
        assert done.returncode == 1, done.stdout
        for step, last in (
            ("x-fetch-gone", "mlc: gone: there is no tag `v9` in {}: it has v1.0"),
            ("x-fetch-strange", "mlc: strange: the host has another key than the one in known_hosts: nothing was sent to it: {}"),
            ("x-fetch-refused", "mlc: refused: the host refuses ssh_key: {}"),
            ("x-publish-reviews", f"mlc: reviews: {EXISTS}"),
        ):
            assert said(done, step)[-1:] == [last.format(world.ssh.url(world.repo))]

    def test_interrupted(here: Containers) -> None:
        """Ctrl-C while the data is pushed ends the container, and the tag is not there without the data; the run can go on."""
        data = "".join(f"{number}\n" for number in range(1, 500001))
        here.project(PUBLISH)
        with here.start("run") as process:
            assert process.stdout is not None
            for line in process.stdout:
                if "x-publish-data | mlc: data: project1/data.csv is 1 file," in line:
                    process.send_signal(signal.SIGINT)
                    break
            rest = process.stdout.read()
        assert (process.returncode, re.findall(r"x-publish-data +Stopped", rest) != []) == (130, True), rest
        assert here.left() == []
        assert here.world.tags() == {} or here.published("project1/data.csv", "v1.0") == data
        done = here.run("--resume")
        assert done.returncode == 0, done.stdout
        assert here.published("project1/data.csv", "v1.0") == data

    def test_packages(here: Containers, bucket: Bucket) -> None:
        """The image that is taken where none is named gets boto3 when the step starts."""
        data, keys = here.world.folder / "old", {"access_key": bucket.access_key, "secret_key": bucket.secret_key}
        data.write_text("some data\n")
        assert here.world.objects(uri=f"s3://{bucket.name}/old", data=data, endpoint=bucket.endpoint, region="us-east-1", **keys).code == 0
        secret = f"  s3: {{a: {{file: {bucket.access_key}}}, s: {{file: {bucket.secret_key}}}}}"
        host = bucket.endpoint.partition("//")[2]
        wheels = ("--env", "PIP_NO_INDEX=1", "--env", f"PIP_FIND_LINKS={image.WHEELS}")
        here.project(OBJECTS.replace("NAME", bucket.name).replace("HOST", host), secret, args=wheels)
        done = here.run()
        assert done.returncode == 0, done.stdout
        got = here.world.folder / "got"
        back = here.world.objects(uri=f"s3://{bucket.name}/new", out=got, endpoint=bucket.endpoint, region="us-east-1", **keys)
        assert (back.code, got.read_text()) == (0, "some data\n"), back.log
