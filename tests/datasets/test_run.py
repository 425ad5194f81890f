"""Seed 000 by `mlc run`: two projects in one repository publish their own v1.0, and train fetches each at its tag."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
    settings = f"""
runner: process
secrets:
  git-ssh: {{id_ed25519: {{file: {world.ssh.key}}}}}
config_maps:
  git-hosts: {{known_hosts: {{file: {world.ssh.known_hosts}}}}}
"""
    (folder / "mlc.local.yaml").write_text(settings)
    env = {**os.environ, "PATH": f"{tools.python().parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "compiler")}
    words = [sys.executable, "-m", "mlc", "run", "mlc.yaml"]
    return subprocess.run(words, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)


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
    assert "the tag `v1.0` exists with other content" in refused.stdout
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
