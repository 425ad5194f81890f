"""`--locked` and versions of data and code: the steps that fetch get commits, and results are reused for the same versions only."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from mlc.driver import Result, compile_source
from mlc.lock import plan as planned
from mlc.pins import Lock, LockedImage, LockedSource, Source
from mlc.source import Document, SourceFile

SHA = "sha256:" + "0123456789abcdef" * 4
OTHER = "sha256:" + "f" * 64
ONE, TWO = "1" * 40, "2" * 40

SPEC = """\
mlc: v1
name: demo
store: {s3: {bucket: bkt}}
datasets:
  reviews: {dvc: {repo: "https://h.test/data.git", path: a/reviews.csv}, tag: v1.0, token: {secret: git, key: token}}
  labels: {git: {repo: "https://h.test/data.git", path: labels}, rev: "1111111", token: {secret: git, key: token}}
  made: {dvc: {repo: "https://h.test/data.git", path: a/made.csv}, tag: v9, token: {secret: git, key: token}}
code: {git: "https://h.test/code.git", ref: main, token: {secret: git, key: token}}
targets: {helper_image: "acme/helper:1"}
images: {train: "acme/train:1"}
steps:
  prepare: {image: train, command: [x], inputs: [reviews, labels], outputs: [made]}
  train: {image: train, command: [x], inputs: [made], outputs: [model], code: true, workdir: /src CACHE}
  serve: {image: "acme/serve:1", command: [x], inputs: [model]}
finally:
  report: {image: train, command: [x], inputs: [reviews], code: true, workdir: /src}
"""
IMAGES = ("acme/helper:1", "acme/train:1", "acme/serve:1")
DATA = "https://h.test/data.git"
REVIEWS = Source("reviews", "dvc", DATA, "a/reviews.csv", "tag", "v1.0")
LABELS = Source("labels", "git", DATA, "labels", "rev", "1111111")
CODE = Source("", "git", "https://h.test/code.git", "", "ref", "main")


def lock(changed: dict[Any, str] | None = None) -> Lock:
    """A lock file of the project; `changed` gives other digests and commits."""
    other = changed or {}
    images = {name: LockedImage(other.get(name, SHA), "linux/amd64", (), ()) for name in IMAGES}
    return Lock(images, {source: LockedSource(other.get(source, ONE)) for source in (REVIEWS, LABELS, CODE)})


def compiled(target: str, locked: Lock | None, spec: str = SPEC, cache: str = "") -> Result:
    """The project, compiled from a lock file."""
    source = SourceFile("s.yaml", spec.replace(" CACHE", cache))
    return compile_source(source, (target,), lock=SourceFile("s.yaml.lock", planned.text(locked, "demo")) if locked else None)


def templates(result: Result) -> dict[str, Any]:
    """The templates of an Argo manifest, by name."""
    assert not [one for one in result.diagnostics if one.severity == "error"], result.diagnostics
    (manifest,) = list(yaml.safe_load_all(result.outputs[0].text))
    return {one["name"]: one for one in manifest["spec"]["templates"]}


@pytest.mark.parametrize("target", ["argo", "kfp"])
def test_commits_take_the_place_of_names(target: str) -> None:
    """Every step that fetches, of the run and of `finally`, asks for a whole commit; what the project publishes keeps its tag."""
    before, after = compiled(target, None), compiled(target, lock({REVIEWS: TWO}))
    assert not [one for one in after.diagnostics if one.severity == "error"]
    was, text = before.outputs[0].text, after.outputs[0].text
    assert was.count("tag=v1.0") == text.count(f"rev={TWO}") > 0
    assert was.count("rev=1111111") + was.count("ref=main") == text.count(f"rev={ONE}") > 1
    assert "tag=v1.0" not in text
    assert "ref=main" not in text
    assert text.count("tag=v9") == was.count("tag=v9") > 0
    assert f"acme/helper:1@{SHA}" in text


def test_manifest_changes_with_the_lock_file_alone() -> None:
    """Two lock files, two manifests; the same one, the same bytes."""
    assert compiled("argo", lock()).outputs == compiled("argo", lock()).outputs
    assert compiled("argo", lock()).outputs != compiled("argo", lock({CODE: TWO})).outputs


ON_A_VOLUME = """\
mlc: v1
name: demo
volumes: {big: {claim: big}}
datasets: {photos: {dvc: {repo: "https://h.test/data.git", path: photos}, tag: v1.0, into: big}}
targets: {helper_image: "acme/helper:1"}
steps:
  train: {image: "acme/train:1", command: [x], inputs: {photos: /photos}}
finally:
  report: {image: "acme/train:1", command: [x, "${{ inputs.photos }}"], inputs: {photos: /in/photos}}
"""


@pytest.mark.parametrize("target", ["argo", "kfp"])
def test_on_a_volume(target: str) -> None:
    """What goes to a volume is pinned like the rest, and each commit has a folder of its own, since runs of others use the volume, too."""
    photos = Source("photos", "dvc", DATA, "photos", "tag", "v1.0")
    images = {name: one for name, one in lock().images.items() if "serve" not in name}
    missing = compiled(target, Lock(images, {}), ON_A_VOLUME).diagnostics
    assert [(one.code, one.span.line) for one in missing] == [("MLC452", 4)]
    folders = set()
    for commit in (ONE, TWO):
        result = compiled(target, Lock(images, {photos: LockedSource(commit)}), ON_A_VOLUME)
        assert result.diagnostics == ()
        text = result.outputs[0].text
        assert "tag=v1.0" not in text
        assert text.count(f"rev={commit}") == text.count("out=/mlc/volume/x-datasets/photos/") == 2
        found = set(re.findall(r"x-datasets/photos/([\w.-]*?)(?:[.]version)?\n", text))
        assert len(found) == 1, found
        folders |= found
        assert text.count(f"{found.pop()}\n") == 4
    assert {folder.rpartition("-")[2] for folder in folders} == {ONE[:12], TWO[:12]}


def test_code_that_nobody_checks_out() -> None:
    """A lock file has the project's code for steps that get it, in `finally`, too; a template that no step takes is none."""
    head, _, steps = SPEC.partition("steps:")
    unused = f"{head}templates: {{with-code: {{code: true, workdir: /src}}}}\nsteps:{steps.replace(', code: true, workdir: /src', '')}"
    at_the_end = SPEC.replace(", code: true, workdir: /src CACHE", "")
    for text, expected in ((SPEC, True), (at_the_end, True), (unused, False)):
        found = planned.plan(Document(SourceFile("s.yaml", text), yaml.safe_load(text.replace(" CACHE", ""))))
        assert found.places, text
        assert (CODE in found.places) is expected


def test_what_is_missing() -> None:
    """A version that is not in the lock file is reported where it is written, one that nobody fetches in the lock file."""
    held = lock()
    old = Source("old", "dvc", DATA, "a", "tag", "v0")
    result = compiled("argo", Lock(held.images, {LABELS: LockedSource(ONE), old: LockedSource(ONE)}))
    assert [(one.code, one.file, one.span.line) for one in result.diagnostics] == [
        ("MLC452", "s.yaml", 5),
        ("MLC452", "s.yaml", 8),
        ("MLC453", "s.yaml.lock", 26),
    ]


# --- caches -------------------------------------------------------------------------------------------------------------------

KEY = ", cache: {key: a}"


def keys(changed: dict[Any, str] | None = None) -> dict[str, str]:
    """The keys under which Argo looks for results."""
    found = templates(compiled("argo", lock(changed), cache=KEY))
    return {name: template["memoize"]["key"] for name, template in found.items() if "memoize" in template}


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        ({}, False),
        ({"acme/train:1": OTHER}, True),
        ({"acme/helper:1": OTHER}, True),
        ({REVIEWS: TWO}, True),
        ({LABELS: "1" * 7 + "2" * 33}, True),
        ({CODE: TWO}, True),
        ({"acme/serve:1": OTHER}, False),
    ],
)
def test_results_on_argo_are_of_their_versions(changed: dict[Any, str], differs: bool) -> None:
    """The key changes with the image of the step and with every locked version before it, and with nothing after it."""
    assert (keys()["train"] != keys(changed)["train"]) is differs


def test_fetched_code_is_reused_with_the_result() -> None:
    """What is fetched for a cached step alone at a fixed commit is cached, too; without a lock file it is not."""
    assert set(keys()) == {"train", "x-code"}
    assert keys()["x-code"] != keys({CODE: TWO})["x-code"]
    assert {name for name, one in templates(compiled("argo", None, cache=KEY)).items() if "memoize" in one} == {"train"}


def test_fetched_data_is_reused_for_the_same_path_only() -> None:
    """One commit holds many datasets: where the project names another path of it, nothing is reused."""
    spec = SPEC.replace("prepare: {", "prepare: {cache: {key: a}, ")
    moved = Source("reviews", "dvc", DATA, "b/reviews.csv", "tag", "v1.0")
    held = lock()
    other = Lock(held.images, {moved if source == REVIEWS else source: entry for source, entry in held.sources.items()})
    found = [
        templates(compiled("argo", locked, text))["x-fetch-reviews"]["memoize"]["key"]
        for locked, text in ((held, spec), (held, spec), (other, spec.replace("a/reviews.csv", "b/reviews.csv")))
    ]
    assert found[0] == found[1] != found[2]


def test_results_on_kfp_are_of_their_versions() -> None:
    """On KFP a dataset that is fetched is a new one each time: the step that fetches a fixed commit is cached, by that commit."""

    def cached(locked: Lock | None) -> dict[str, Any]:
        result = compiled("kfp", locked, SPEC.replace("prepare: {", "prepare: {cache: true, "))
        assert not [one for one in result.diagnostics if one.severity == "error"]
        document = next(yaml.safe_load_all(result.outputs[0].text))
        groups = [document["root"], *document["components"].values()]
        tasks = {name: task for group in groups for name, task in group.get("dag", {}).get("tasks", {}).items()}
        return {name: task for name, task in tasks.items() if task.get("cachingOptions", {}).get("enableCache")}

    assert set(cached(None)) == {"prepare"}
    one, two = cached(lock()), cached(lock({REVIEWS: TWO}))
    assert set(one) == set(two) == {"prepare", "x-fetch-reviews", "x-fetch-labels"}
    assert one["x-fetch-labels"] == two["x-fetch-labels"]
    assert one["x-fetch-reviews"] != two["x-fetch-reviews"]
