"""`mlc run` with data and code: seed 000, where two projects in one repository publish their own v1.0; versions from the lock file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local.engines import sandbox_problem

from . import tools
from .world import World

ROOT = Path(__file__).resolve().parent.parent.parent

SPEC = """
mlc: v1
name: NAME
params: {data_tag: v1.0}
targets: {helper_image: "helper:1"}
datasets:
  data:
    dvc: {repo: "REPO", path: PROJECT/data.csv}
    tag: "${{ params.data_tag }}"
    ssh_key: {secret: git-ssh, key: id_ed25519}
    known_hosts: {config_map: git-hosts, key: known_hosts}
    overwrite: OVERWRITE
"""
PREPROCESS = """
steps:
  preprocess: {image: "a:1", run: "mkdir -p /out; echo NAME > /out/data.csv", outputs: {data: /out/data.csv}}
"""
TRAIN = """
steps:
  train:
    image: "a:1"
    run: mkdir -p /out && cp /data/data.csv /out/model && cat /data/data.csv
    inputs: {data: /data/data.csv}
    outputs: {model: /out/model}
"""


def run(world: World, name: str, project: str, steps: str, overwrite: str = "false") -> subprocess.CompletedProcess[str]:
    """Run a project here, with the keys from files of this machine."""
    folder = world.sub(name)
    text = SPEC.replace("REPO", world.ssh.url(world.repo)).replace("PROJECT", project).replace("OVERWRITE", overwrite) + steps
    (folder / "mlc.yaml").write_text(text.replace("NAME", name))
    settings(world, folder)
    return mlc(folder, "run", "mlc.yaml")


def settings(world: World, folder: Path, more: str = "") -> None:
    """What this machine has for a project: the keys, from files."""
    text = f"""
runner: process
secrets:
  git-ssh: {{id_ed25519: {{file: {world.ssh.key}}}, known_hosts: {{file: {world.ssh.known_hosts}}}}}
config_maps:
  git-hosts: {{known_hosts: {{file: {world.ssh.known_hosts}}}}}
{more}"""
    (folder / "mlc.local.yaml").write_text(text)


def mlc(folder: Path, *words: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """A command line in the folder of a project, with DVC in `PATH`."""
    env = {**os.environ, "PATH": path or f"{tools.python().parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "compiler")}
    command = [sys.executable, "-m", "mlc", *words]
    return subprocess.run(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)


def said(done: subprocess.CompletedProcess[str], step: str) -> list[str]:
    """The lines that a step of a run has printed."""
    return re.findall(rf"^[\d:]+ {step} +\| (.*)$", done.stdout, re.MULTILINE)


def test_two_projects(world: World) -> None:
    """The second needs `overwrite`, as the tag is there already; then both are found at it."""
    config = world.folder / "work" / "project2" / ".dvc" / "config"
    config.write_text(config.read_text().replace(str(world.local), world.ssh.url(world.store)))
    world.git("commit", "-qam", "one store", cwd=world.folder / "work")
    world.git("push", "-q", world.repo, "HEAD:main", cwd=world.folder / "work")
    first = run(world, "reviews", "project1", PREPROCESS)
    assert first.returncode == 0, first.stdout + first.stderr
    refused = run(world, "clicks", "project2", PREPROCESS)
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert "the tag `v1.0` exists, without `project2/" in refused.stdout
    done = run(world, "clicks", "project2", PREPROCESS, "true")
    assert done.returncode == 0, done.stdout + done.stderr
    for name, project in (("reviews", "project1"), ("clicks", "project2")):
        trained = run(world, f"train-{name}", project, TRAIN)
        assert trained.returncode == 0, trained.stdout + trained.stderr
        assert f"| {name}" in trained.stdout
        secret = world.ssh.key.read_text().splitlines()[2]
        assert secret not in trained.stdout + "".join(
            path.read_text(errors="replace") for path in (world.folder / f"train-{name}").rglob("*") if path.is_file()
        )


DIGEST = "sha256:" + "0" * 64
LOCKED = """\
mlc: v1
name: demo
targets: {helper_image: "helper:1"}
code: {git: "REPO", ref: main, ssh_key: {secret: git-ssh, key: id_ed25519}}
datasets:
  reviews: {dvc: {repo: "REPO", path: project1/reviews.csv}, tag: v1.0, ssh_key: {secret: git-ssh, key: id_ed25519}}
steps:
  train:
    image: "a:1"
    inputs: {reviews: /data/reviews.csv}
    cache: true
    run: cat ${{ inputs.reviews }}; cp ${{ inputs.reviews }} ${{ outputs.model }}
    outputs: {model: /mlc/outputs/model}
  look: {image: "a:1", code: true, workdir: /src, needs: train, run: "cat version.txt; test ! -e version.txt.dvc"}
"""


def locked(world: World) -> str:
    """A lock file of `LOCKED` for what is there now, as `mlc lock` writes it; for the image, which no registry here has, by hand."""
    entry = f"    digest: {DIGEST}\n    platform: linux/amd64\n    entrypoint: []\n    command: []\n"
    repo, tag, head = world.ssh.url(world.repo), world.tags()["v1.0"], world.head()
    return (
        f"mlc-lock: v1\nimages:\n  a:1:\n{entry}  helper:1:\n{entry}datasets:\n  reviews:\n  - dvc: {repo}\n"
        f"    path: project1/reviews.csv\n    tag: v1.0\n    commit: {tag}\ncode:\n- git: {repo}\n  ref: main\n  commit: {head}\n"
    )


def change(world: World, text: str) -> None:
    """Move the tag to other data, and the branch to another version of the code."""
    data, work = world.folder / "data.csv", world.folder / "work"
    data.write_text(f"{text} data\n")
    assert world.publish(path="project1/reviews.csv", tag="v1.0", data=data, overwrite="true").code == 0
    world.git("pull", "-q", "--rebase", world.repo, "main", cwd=work)
    (work / "version.txt").write_text(f"{text} code\n")
    world.git("add", ".", cwd=work)
    world.git("commit", "-qm", text, cwd=work)
    world.git("push", "-q", world.repo, "HEAD:main", cwd=work)


def test_locked(world: World) -> None:
    """Tag and branch move after the lock: `--locked` fetches what was there, a run without it what is there now.

    What was fetched for a cached step is not fetched again for the same commit, and is for another one. A local folder of programs, which
    stands for images, does not take the place of the code that the project checks out.
    """
    folder = world.sub("locked")
    settings(world, folder, "process: {folder: .}\n")
    (folder / "version.txt").write_text("a working copy\n")
    (folder / "mlc.yaml").write_text(LOCKED.replace("REPO", world.ssh.url(world.repo)))
    change(world, "old")
    (folder / "mlc.yaml.lock").write_text(locked(world))
    commit = world.tags()["v1.0"]
    change(world, "new")
    assert world.tags()["v1.0"] != commit

    dry = mlc(folder, "run", "--locked", "--dry-run")
    assert (dry.returncode, f" rev={commit} " in dry.stdout, "tag=v1.0" in dry.stdout) == (0, True, False), dry.stdout + dry.stderr
    assert "a program of mlc, " in dry.stdout
    assert "import subprocess" not in dry.stdout
    first = mlc(folder, "run", "--locked")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "versions are those of `mlc.yaml.lock`" in first.stdout
    assert [said(first, name) for name in ("train", "look")] == [["old data"], ["old code"]]
    assert said(first, "x-fetch-reviews")[0].startswith(f"mlc: reviews: commit {commit}: ")
    new = mlc(folder, "run")
    assert new.returncode == 0, new.stdout + new.stderr
    assert [said(new, name) for name in ("train", "look")] == [["new data"], ["new code"]]
    again = mlc(folder, "run", "--locked")
    assert again.returncode == 0, again.stdout + again.stderr
    assert re.search(r"^x-fetch-reviews +Succeeded .*reused: cache", again.stdout, re.MULTILINE), again.stdout
    assert [said(again, name) for name in ("x-fetch-reviews", "train", "look")] == [[], [], ["old code"]]
    (folder / "mlc.yaml.lock").write_text(locked(world))
    moved = mlc(folder, "run", "--locked")
    assert moved.returncode == 0, moved.stdout + moved.stderr
    assert said(moved, "x-fetch-reviews")[0].startswith(f"mlc: reviews: commit {world.tags()['v1.0']}: ")
    assert said(moved, "look") == ["new code"]


VOLUME = """\
mlc: v1
name: demo
targets: {helper_image: "helper:1"}
volumes: {big: {claim: big}}
code: {git: "REPO", ref: main, ssh_key: {secret: git-ssh, key: id_ed25519}}
datasets:
  reviews: {dvc: {repo: "REPO", path: project1/reviews.csv}, tag: v1.0, ssh_key: {secret: git-ssh, key: id_ed25519} INTO}
  made: {dvc: {repo: "REPO", path: project1/made.csv}, tag: made-1, ssh_key: {secret: git-ssh, key: id_ed25519}}
steps:
  train:
    image: "a:1"
    code: true
    workdir: /src
    run: |
      cat version.txt "${{ inputs.reviews }}"
      cp version.txt ${{ outputs.made }}
      if (echo more >> "${{ inputs.reviews }}") 2> /dev/null; then echo it is written to; fi
    inputs: {reviews: /data/reviews.csv}
    outputs: {made: /mlc/outputs/made}
"""


@pytest.mark.parametrize("sandbox", [False, *([] if sandbox_problem() else [True])])
def test_with_and_without_bubblewrap(world: World, sandbox: bool) -> None:
    """Data is fetched and published, code is where a step starts. Tools that are missing are said first.

    A claim keeps what was fetched, and a step cannot write to it; what is handed over as an artifact is the step's own.
    """
    folder = world.sub("project")
    settings(world, folder, f"process: {{sandbox: {str(sandbox).lower()}}}\n")
    text = VOLUME.replace("REPO", world.ssh.url(world.repo))
    (folder / "mlc.yaml").write_text(text.replace("INTO", ", into: big" if sandbox else ""))
    change(world, "old")
    for number in range(2 if sandbox else 1):
        done = mlc(folder, "run")
        assert done.returncode == 0, done.stdout + done.stderr
        assert said(done, "train") == ["old code", "old data", *([] if sandbox else ["it is written to"])]
        assert ("the volume has it already" in done.stdout) == (sandbox and number == 1)
    assert world.read("project1/made.csv", "made-1") == b"old code\n"
    without = world.sub("without")
    for name in ("git", "ssh", "python", "bwrap", "true"):
        found = sys.executable if name == "python" else shutil.which(name)
        if found:
            (without / name).symlink_to(os.path.realpath(found))
    lacking = mlc(folder, "run", path=str(without))
    assert (lacking.returncode, lacking.stdout) == (1, "")
    assert f"does not have what fetches and publishes: the module `dvc` of `{without}/python`" in lacking.stderr
    settings(world, folder, f"process: {{sandbox: {str(sandbox).lower()}, python: {tools.python()}}}\n")
    assert mlc(folder, "run", "--dry-run", path=str(without)).returncode == 0
