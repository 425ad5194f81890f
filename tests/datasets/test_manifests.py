"""Seed 000 through the manifests: what Argo and KFP would start is taken out of them and run, with their paths moved to a folder here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlc import driver
from mlc.source import SourceFile

from . import tools
from .world import World

SPEC = """
mlc: v1
name: churn
params: {data_tag: v1.0}
datasets:
  features:
    dvc: {repo: "REPO", path: project1/features.csv, remote: storage}
    tag: "${{ params.data_tag }}"
    ssh_key: {secret: git-ssh, key: id_ed25519}
    known_hosts: {config_map: git-hosts, key: known_hosts}
    author: Churn <churn@example.com>
"""
PREPROCESS = "steps: {preprocess: {image: 'a:1', command: [x], outputs: {features: /out/features.csv}}}\n"
TRAIN = "steps: {train: {image: 'a:1', command: [x], inputs: {features: /data/features.csv}}}\n"


def started(manifest: Any, target: str, step: str) -> tuple[str, list[str]]:
    """The script of a step and its arguments, as the container gets them where the tag is v1.0."""
    if target == "argo":
        template = next(one for one in manifest["spec"]["templates"] if one["name"] == step)
        script = next(one["raw"]["data"] for one in template["inputs"]["artifacts"] if "raw" in one)
        words = ["tag=v1.0" if word == "{{inputs.parameters.arg-5}}" else word for word in template["container"]["args"]]
        return script, words
    words = manifest["deploymentSpec"]["executors"][f"exec-{step}"]["container"]["args"]
    words = [word.replace("$$", "$").replace("{{$.inputs.parameters['data_tag']}}", "v1.0") for word in words]
    at = words.index("--")
    assert words[at + 1 : at + 4] == ["python", "-u", "@"]
    return words[words.index("script") + 1], words[at + 4 :]


@pytest.mark.parametrize("target", ["argo", "kfp"])
def test_published_and_fetched(world: World, target: str) -> None:
    """`preprocess` of one project publishes, `train` of another fetches it at the tag and gets the same bytes."""
    pod = world.sub("pod")
    for folder, file, name in (("git-ssh", world.ssh.key, "id_ed25519"), ("git-hosts", world.ssh.known_hosts, "known_hosts")):
        (pod / "mlc" / "keys" / folder).mkdir(parents=True)
        shutil.copy(file, pod / "mlc" / "keys" / folder / name)
    (pod / "mlc" / "inputs").mkdir()
    (pod / "mlc" / "inputs" / "features").write_text("a,b\n1,2\n")
    for steps, step in ((PREPROCESS, "x-publish-features"), (TRAIN, "x-fetch-features")):
        result = driver.compile_source(SourceFile("churn.yaml", SPEC.replace("REPO", world.ssh.url(world.repo)) + steps), (target,))
        assert [one.message for one in result.diagnostics if one.severity == "error"] == []
        script, arguments = started(next(yaml.safe_load_all(result.outputs[0].text)), target, step)
        program = Path(pod / "program.py")
        program.write_text(script, encoding="utf-8")
        done = world.run([str(tools.python()), "-u", str(program), *(word.replace("=/mlc/", f"={pod}/mlc/") for word in arguments)])
        assert done.code == 0, done.log
        assert "tag v1.0 is commit" in done.log
    assert (pod / "mlc" / "outputs" / "features").read_text() == "a,b\n1,2\n"
