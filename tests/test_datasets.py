"""`datasets` and `code`: their names and forms, and the steps that they become."""

from __future__ import annotations

import re
from textwrap import dedent

import pytest

from mlc import driver
from mlc.targets import TARGETS

from .support import check, manifests, pipeline, source

BASE = """
params: {version: v1}
code: {git: "https://github.com/acme/train", ref: v1.2.0}
datasets:
  reviews:
    dvc: {repo: "git@github.com:acme/dvc.git", path: a/reviews.csv}
    tag: "${{ params.version }}"
    ssh_key: {secret: git-ssh, key: id}
  raw: {s3: {uri: "s3://raw/all"}}
steps:
  prepare: {image: "a:1", command: [x], inputs: {raw: /in/raw}, outputs: {reviews: /out/reviews}, code: true, workdir: /src}
  train: {image: "a:1", command: [x, "${{ inputs.reviews }}"], inputs: {reviews: /in/reviews}}
"""


def test_they_are_steps() -> None:
    """What nobody makes is fetched by a step, what a step makes is published by one, and edges follow from that."""
    result = driver.check_environments(source(BASE), TARGETS)
    assert result.diagnostics == ()
    assert result.pipeline is not None
    steps = {step.name: step for step in result.pipeline.steps}
    assert {name: step.after for name, step in steps.items()} == {
        "x-fetch-raw": (),
        "x-code": (),
        "prepare": ("x-fetch-raw", "x-code"),
        "x-publish-reviews": ("prepare",),
        "train": ("prepare",),
    }
    read = {name: [(one.name, one.path, one.type, one.producer) for one in step.inputs] for name, step in steps.items()}
    assert read["prepare"] == [("raw", "/in/raw", "dataset", "x-fetch-raw"), ("x-code", "/src", "artifact", "x-code")]
    assert read["train"] == [("reviews", "/in/reviews", "dataset", "prepare")]
    assert read["x-publish-reviews"] == [("reviews", "/mlc/inputs/reviews", "dataset", "prepare")]
    for target in TARGETS:
        compiled = driver.compile_source(source(BASE), (target,))
        assert compiled.diagnostics == ()
        assert "x-publish-reviews" in compiled.outputs[0].text


def test_what_they_get_from_defaults() -> None:
    """What a cluster asks for in every pod, and variables such as those of a proxy; no GPU, and nothing that only steps with ports know."""
    defaults = """
    defaults:
      env:
        HTTPS_PROXY: "http://proxy:3128"
        VERSION: "${{ params.version }}"
        PASSWORD: {secret: login, key: password}
        DATA: "from ${{ inputs.raw }}"
      resources: {requests: {cpu: 1, gpu: 1}, limits: {memory: 2Gi, gpu: 1}}
      retry: {limit: 2}
      timeout: 1h
      labels: {team: a}
    """
    body = BASE.replace("reviews: /out/reviews}", "reviews: /out/reviews}, resources: null").replace(
        "inputs: {reviews: /in/reviews}", "inputs: {reviews: /in/reviews, raw: /in/raw}, resources: null"
    )
    result = driver.check_source(source(dedent(defaults) + body), ("argo",))
    assert [(one.code, one.message) for one in result.diagnostics] == []
    assert result.pipeline is not None
    steps = [step for step in result.pipeline.steps if step.made]
    assert [step.name for step in steps] == ["x-fetch-raw", "x-code", "x-publish-reviews"]
    for step in steps:
        assert [one.name for one in step.env] == ["HTTPS_PROXY", "VERSION", "PASSWORD"]
        assert [(one.name, one.request, one.limit) for one in step.resources] == [("cpu", "1", ""), ("memory", "", "2Gi")]
        assert (step.retry.limit if step.retry else 0, step.timeout, len(step.labels)) == (2, 3600, 1)


def test_what_misses_its_thresholds_is_not_published() -> None:
    """A tag cannot be taken back, so thresholds of the step that makes a dataset are a gate of the step that publishes it."""
    body = """
    datasets: {d: {dvc: {repo: "https://h/x", path: a}, tag: v1}}
    steps: {a: {image: "a:1", command: [x], outputs: {d: /o/d}, metrics: {rows: {path: /o/rows%s}, loss: /o/loss}}}
    """
    for bound, conditions in ((", min: 5, on_miss: fail", 1), (", min: 5, below: 9", 2), ("", 0)):
        step = next(step for step in pipeline(body % bound).steps if step.name == "x-publish-d")
        assert (step.after, len(step.conditions)) == (("a",), conditions)
    final = body.replace("steps: {a", "steps: {b: {image: 'a:1', command: [x]}}\n    finally: {a")
    step = next(step for step in pipeline(final % ", min: 5").steps if step.name == "x-publish-d")
    assert (step.after, step.conditions) == (("a",), ())


@pytest.mark.parametrize(
    ("one", "two", "made", "found"),
    [
        ("dvc: {repo: 'https://h/x', path: a}, tag: v1", "dvc: {repo: 'https://h/x', path: a}, tag: v1", "[one, two]", ["MLC355"]),
        ("dvc: {repo: 'https://h/x', path: a}, tag: v1", "dvc: {repo: 'https://h/x', path: a}, tag: v1", "[two]", ["MLC355"]),
        ("dvc: {repo: 'https://h/x', path: a}, tag: v1", "dvc: {repo: 'https://h/x', path: a}, tag: v1", "[]", []),
        ("dvc: {repo: 'https://h/x', path: a}, tag: v1", "dvc: {repo: 'https://h/x', path: a}, tag: v2", "[one, two]", []),
        ("dvc: {repo: 'https://h/x', path: a}, tag: v1", "dvc: {repo: 'https://h/x', path: b}, tag: v1", "[one, two]", ["MLC355"]),
        (
            "dvc: {repo: 'https://h/x', path: a}, tag: v1, overwrite: true",
            "dvc: {repo: 'https://h/x', path: b}, tag: v1, overwrite: true",
            "[one, two]",
            [],
        ),
        ("dvc: {repo: 'https://h/x', path: a}, tag: v1", "dvc: {repo: 'https://h/x', path: b}, tag: v1", "[two]", []),
        ("s3: {uri: 's3://raws/x'}", "s3: {uri: 's3://raws/x'}", "[one, two]", ["MLC355"]),
        ("s3: {uri: 's3://raws/x'}", "s3: {uri: 's3://raws/x'}", "[two]", []),
        ("s3: {uri: 's3://raws/x'}", "s3: {uri: 's3://raws/y'}", "[one, two]", []),
    ],
)
def test_in_one_place(one: str, two: str, made: str, found: list[str]) -> None:
    """Two that a run would publish in one place, or of which it would fetch one that another step publishes."""
    outputs = "{}" if made == "[]" else made
    read = ", ".join(sorted({"one", "two"} - set(made.strip("[]").split(", "))))
    body = f"""
    datasets: {{one: {{{one}}}, two: {{{two}}}}}
    steps:
      make: {{image: "a:1", command: [x], outputs: {outputs}}}
      use: {{image: "a:1", command: [x], inputs: [{read}]}}
    """
    if not read:
        body = body.replace("inputs: []", "inputs: [one]")
    if made == "[]":
        body = body.replace(", outputs: {}", "")
    result = driver.check_source(source(body), TARGETS)
    assert [one.code for one in result.diagnostics if one.severity == "error"] == found


def test_no_two_have_one_name() -> None:
    """What `finally` fetches once more has a name that no dataset gives to another step."""
    body = """
    datasets:
      d: {git: {repo: "https://h/x", path: a}, tag: v1}
      d-finally: {git: {repo: "https://h/y", path: a}, tag: v2}
    code: {git: "https://h/z", ref: v1}
    steps: {a: {image: "a:1", command: [x], inputs: {d: /i/d, d-finally: /i/f}, code: true, workdir: /src}}
    finally: {f: {image: "a:1", command: [x], inputs: {d: /i/d}, code: true, workdir: /src}}
    """
    names = [step.name for step in pipeline(body).steps]
    assert names == ["x-fetch-d", "x-fetch-d-finally", "x-code", "a", "x-finally-fetch-d", "x-finally-code", "f"]
    for target in TARGETS:
        assert "repo=https://h/y" in str(manifests(body, target))


@pytest.mark.parametrize(
    ("security", "repository", "helper", "found"),
    [
        ("{run_as_non_root: true}", "https://h/x", "", ["MLC354"]),
        ("{run_as_non_root: true, run_as_user: 1000}", "https://h/x", "", []),
        ("{run_as_user: 1000}", "git@h:x", "", ["MLC354"]),
        ("{run_as_user: 1000}", "https://h/x", "", []),
        ("{run_as_user: 0}", "git@h:x", "", []),
        ("{run_as_user: 1000}", "s3", "", ["MLC354"]),
        ("{run_as_user: 1000}, env: {HOME: /tmp}", "s3", "", []),
        ("{run_as_user: 1000, run_as_non_root: true}", "git@h:x", "targets: {helper_image: 'h:1'}", []),
        ("{run_as_non_root: true}", "git@h:x", "targets: {helper_image: 'h:1'}", []),
    ],
)
def test_users(security: str, repository: str, helper: str, found: list[str]) -> None:
    """The image that is taken where none is named has no user but root; it is said once, however many steps have it."""
    data = f'git: {{repo: "{repository}", path: a}}, tag: v1'
    if repository == "s3":
        data = "s3: {uri: 's3://raws/x', version: a}"
    elif repository.startswith("git@"):
        data += ", ssh_key: {secret: s, key: k}"
    body = f"""
    defaults: {{security: {security}}}
    datasets:
      d: {{{data}}}
      e: {{{data}}}
    steps: {{a: {{image: "a:1", command: [x], inputs: [d, e]}}}}
    """
    result = driver.check_source(source(dedent(body) + helper), TARGETS)
    assert [one.code for one in result.diagnostics if one.code == "MLC354" or one.severity == "error"] == found


def test_what_cannot_change_is_kept() -> None:
    """A step that fetches for a cached one is cached where its version cannot move; else KFP finds no earlier result, and it is said."""
    commit = "0123456789" * 4
    body = f"""
    datasets:
      s: {{s3: {{uri: "s3://raws/x.json", version: abc}}}}
      newest: {{s3: {{uri: "s3://raws/y.json"}}}}
      c: {{git: {{repo: "https://h/x", path: a}}, rev: {commit}}}
      cut: {{git: {{repo: "https://h/x", path: b}}, rev: 0123456}}
      t: {{git: {{repo: "https://h/x", path: c}}, tag: v1}}
      alone: {{git: {{repo: "https://h/x", path: d}}, rev: {commit}}}
    code: {{git: "https://h/z", ref: {commit}}}
    steps:
      a: {{image: "a:1", command: [x], inputs: [s, c], cache: {{key: k}}, code: true, workdir: /src}}
      b: {{image: "a:1", command: [x], inputs: [newest], cache: {{key: k}}}}
      d: {{image: "a:1", command: [x], inputs: [cut], cache: {{key: k}}}}
      e: {{image: "a:1", command: [x], inputs: [t], cache: {{key: k}}}}
      f: {{image: "a:1", command: [x], inputs: [alone]}}
    """
    result = driver.compile_source(source(body), ("kfp",))
    assert sorted(one.message.split("`")[3] for one in result.diagnostics if one.code == "MLC423") == ["b", "d", "e"]
    assert result.pipeline is not None
    keys = {step.name: step.cache.key for step in result.pipeline.steps if step.made and step.cache}
    assert sorted(keys) == ["x-code", "x-fetch-c", "x-fetch-s"]
    assert len({*keys.values()}) == 3
    moved = driver.compile_source(source(body.replace("path: a", "path: other")), ("kfp",)).pipeline
    assert moved is not None
    assert {step.name: step.cache.key for step in moved.steps if step.cache}["x-fetch-c"] != keys["x-fetch-c"]
    memoized = {one["name"] for one in manifests(body, "argo")[0]["spec"]["templates"] if "memoize" in one}
    assert memoized == {*"abde", *keys}
    retried = manifests(dedent(body) + "defaults: {retry: {limit: 2}}\n", "argo", tuple(f"steps.{name}.retry=null" for name in "abde"))
    assert {one["name"] for one in retried[0]["spec"]["templates"] if "memoize" in one} == {*"abde"}


def test_on_a_volume() -> None:
    """A dataset that goes to a volume is a mount of its folder, after the step that fetches it, and its path is known."""
    body = """
    volumes: {big: {claim: big}}
    datasets: {d: {git: {repo: "https://h/x", path: p}, tag: v1/$(id), into: big}}
    steps: {s: {image: "a:1", command: [x, "${{ inputs.d }}"], foreach: {n: [1, 2]}, inputs: {d: /in/d}}}
    finally: {t: {image: "a:1", command: [x], inputs: [d]}}
    """
    result = driver.check_source(source(body), TARGETS)
    assert [one.message for one in result.diagnostics] == []
    assert result.pipeline is not None
    steps = {step.name: step for step in result.pipeline.steps}
    folders = {mount.sub_path for name in ("s", "t") for mount in steps[name].mounts}
    assert len(folders) == 1
    (folder,) = folders
    assert re.fullmatch(r"x-datasets/d/v1---id--[0-9a-f]{8}", folder)
    assert [(mount.volume.name, mount.path, mount.read_only) for mount in steps["s"].mounts] == [("big", "/in/d", True)]
    assert (steps["s"].inputs, steps["s"].args, steps["t"].after) == ((), (), ("x-finally-fetch-d",))
    assert [text.constant for text in steps["s"].command or ()] == ["x", "/in/d"]
    fetched = [text.constant for text in steps["x-fetch-d"].args]
    assert (f"out=/mlc/volume/{folder}" in fetched, f"marker=/mlc/volume/{folder}.version" in fetched) == (True, True)
    assert steps["x-fetch-d"].outputs == ()


def test_a_step_cannot_write_to_it() -> None:
    """Argo mounts it read-only; what fetches writes, and so may a step that mounts the whole volume itself. KFP has no field for it."""
    body = """
    volumes: {big: {claim: big}, own: {size: 1Gi, storage_class: fast}}
    datasets:
      d: {git: {repo: "https://h/x", path: p}, tag: v1, into: big}
      e: {git: {repo: "https://h/x", path: q}, tag: v1, into: own}
    steps:
      s: {image: "a:1", command: x, inputs: {d: /in/d, e: /in/e}}
      t: {image: "a:1", command: x, inputs: {d: /in/d}}
    finally: {f: {image: "a:1", command: x, inputs: {d: /in/d}}}
    """
    whole = ("steps.t.volumes={big: /whole}",)
    templates = {one["name"]: one for one in manifests(body, "argo", whole)[0]["spec"]["templates"]}
    mounted = {
        name: {mount["mountPath"]: mount.get("readOnly", False) for mount in templates[name]["container"]["volumeMounts"]}
        for name in ("x-fetch-d", "x-fetch-e", "x-finally-fetch-d", *"stf")
    }
    assert mounted == {
        "x-fetch-d": {"/mlc/volume": False},
        "x-fetch-e": {"/mlc/volume": False},
        "x-finally-fetch-d": {"/mlc/volume": False},
        "s": {"/in/d": True, "/in/e": True},
        "t": {"/in/d": True, "/whole": False},
        "f": {"/in/d": True},
    }
    assert check(body, ("kfp",)) == ()
    executors = manifests(body, "kfp")[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert [mount["mountPath"] for mount in executors["exec-s"]["pvcMount"]] == ["/in/d", "/in/e"]


@pytest.mark.parametrize(
    ("step", "found"),
    [
        ("inputs: {d: /data/d}, volumes: {c: /data}", "MLC309 dataset `d` and volume `c` lie inside each other"),
        ("inputs: {d: /data}, outputs: {o: /data/o}", "MLC320 the file of output `o` lies in dataset `d`, which outlives the run"),
        ("inputs: {d: /data, f: /data/f}", "MLC309 dataset `d` and input `f` lie inside each other"),
        ("inputs: {d: /data/d}, volumes: {c: /other}", "MLC402 dataset `d` and volume `c` both mount claim `c`"),
        ("inputs: {d: /data/d, e: /data/e}", "MLC402 dataset `e` and dataset `d` both mount claim `c`"),
    ],
)
def test_on_a_volume_beside_others(step: str, found: str) -> None:
    """A dataset on a volume is called by its own name where it is in the way, and no help says that it could be renamed."""
    body = f"""
    volumes: {{c: {{claim: c}}}}
    datasets:
      d: {{git: {{repo: "https://h/x", path: p}}, tag: v1, into: c}}
      e: {{git: {{repo: "https://h/x", path: q}}, tag: v1, into: c}}
      f: {{git: {{repo: "https://h/x", path: r}}, tag: v1}}
    steps: {{s: {{image: "a:1", command: x, {step}}}}}
    """
    (one,) = [one for one in check(body, ("kfp",)) if one.severity == "error"]
    assert f"{one.code} {one.message}".startswith(found)
    assert "rename" not in one.help


def test_folders_of_versions_are_apart() -> None:
    """Another repository, path or version is another folder: what lies there is never taken for it."""
    found = set()
    for where in ("repo: 'https://h/x', path: p", "repo: 'https://h/y', path: p", "repo: 'https://h/x', path: q"):
        for tag in ("v1", "v-1", "v/1"):
            body = f"volumes: {{b: {{claim: b}}}}\ndatasets: {{d: {{git: {{{where}}}, tag: {tag}, into: b}}}}\n"
            pipeline = driver.check_source(source(f"{body}steps: {{s: {{image: 'a:1', inputs: [d]}}}}"), ("argo",)).pipeline
            assert pipeline is not None
            found.add(pipeline.steps[-1].mounts[0].sub_path)
    assert len(found) == 9


REPOSITORIES = {
    "git@github.com:acme/dvc.git": True,
    "ssh://git@host:2222/~me/x.git": True,
    "host.example.com:x": False,  # a drive of Windows, or a scheme?
    "https://host/x": True,
    "https://host:8443/a/b.git": True,
    "https://user:pass@host/x": False,
    "http://host/x": False,
    "git://host/x": False,
    "/srv/x": False,
    "../x": False,
    "--upload-pack=x": False,
    "-x@host:y": False,
    "git@host:-x": False,
    "ssh://-oProxyCommand=x/y": False,
    "git@host:a b": False,
}


@pytest.mark.parametrize(("address", "good"), REPOSITORIES.items())
def test_addresses(address: str, good: bool) -> None:
    """ssh and https, nothing that could be an option, a folder of this machine or a password."""
    found = [
        one.code for one in check("steps: {s: {image: a:1, workdir: /w, code: true}}", overrides=(f"code={{git: {address!r}, ref: v1}}",))
    ]
    assert [code for code in found if code != "MLC351"] == [] if good else "MLC330" in found


TAGS = {
    "v1.0": True, "a/b": True, "2024-01": True, "ü": True,
    "-x": False, "/a": False, "a/": False, ".a": False, "a/.b": False, "a..b": False, "a b": False, "a~1": False, "a^": False,
    "a:b": False, "a?": False, "a*": False, "a[": False, "a\\b": False, "a.lock": False, "a.lock/b": False, "a@{1}": False, "@": False,
    "a.": False, "a//b": False, "a\tb": False, "$(id)": True, "a;b": True, "x" * 201: False,
}  # fmt: skip
"""What git takes and what it does not (git-check-ref-format). No shell ever sees a tag, so its signs are letters like others."""


@pytest.mark.parametrize(("tag", "good"), TAGS.items())
def test_tags(tag: str, good: bool) -> None:
    """As git takes them."""
    body = "datasets: {d: {git: {repo: 'https://h/x', path: p}, tag: v}}\nsteps: {s: {image: a:1, inputs: [d]}}"
    found = [one.code for one in check(body, overrides=(f"datasets.d.tag={tag}",))]
    assert found == ([] if good else ["MLC330"])


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ("{git: {repo: 'https://h/x', path: p}, tag: '${{ steps.t.values.v }}'}", ["MLC311"]),
        ("{git: {repo: 'https://h/x', path: p}, tag: 'v${{ params.n }}'}", []),
        ("{git: {repo: 'https://h/x', path: p}, tag: '${{ params.m }}'}", ["MLC303"]),
        ("{git: {repo: 'https://h/x', path: '${{ params.n }}'}, tag: v}", ["MLC311"]),
        ("{git: {repo: 'https://h/x', path: p, remote: r}, tag: v}", ["MLC201"]),
        ("{git: {repo: 'https://h/x', path: a/../b}, tag: v}", ["MLC330"]),
        ("{git: {repo: 'https://h/x', path: -p}, tag: v}", ["MLC330"]),
        ("{git: {repo: 'https://h/x', path: .}, tag: v}", ["MLC330"]),
        ("{git: {repo: 'https://h/x', path: a//b/}, tag: v}", ["MLC330"]),
        ("{git: {repo: 'https://h/x', path: a/.Git/config}, tag: v}", ["MLC330"]),
        ("{git: {repo: 'https://h/x', path: a/reviews.csv.dvc}, tag: v}", []),
        ("{dvc: {repo: 'https://h/x', path: a/reviews.csv.dvc}, tag: v}", ["MLC330"]),
        ("{dvc: {repo: 'https://h/x', path: .dvc}, tag: v}", ["MLC330"]),
        ("{git: {repo: 'https://h/x', path: p}, rev: '${{ params.n }}'}", ["MLC311"]),
        ("{s3: {uri: 's3://bucket/${{ params.n }}'}}", ["MLC311"]),
        ("{git: {repo: 'https://h/x', path: p}, rev: 9fceb02}", []),
        ("{git: {repo: 'https://h/x', path: p}, rev: 9FCEB02}", ["MLC330"]),
        ("{git: {repo: 'https://h/x', path: p}, tag: v, token: {secret: S, key: k}}", ["MLC323"]),
        ("{git: {repo: 'https://h/x', path: p}, tag: v, token: {secret: s, key: k}, ssh_key: {secret: s, key: k}}", ["MLC209"]),
        ("{git: {repo: 'git@h:x', path: p}, tag: v, token: {secret: s, key: k}}", ["MLC209", "MLC351"]),
        ("{dvc: {repo: 'https://h/x', path: p}, tag: v, token: {secret: s, key: k}, ssh_key: {secret: s, key: k}}", []),
        ("{git: {repo: 'https://h/x', path: p}, tag: v, author: 'a <a@b>'}", ["MLC209"]),
        ("{dvc: {repo: 'git@h:x', path: p}, tag: v, ssh_key: {secret: s, key: k}, known_hosts: {key: k}}", ["MLC207"]),
        (
            "{dvc: {repo: 'git@h:x', path: p}, tag: v, ssh_key: {secret: s, key: k}, known_hosts: {secret: a, config_map: b, key: k}}",
            ["MLC209"],
        ),
        ("{dvc: {repo: 'git@h:x', path: p}, tag: v, known_hosts: {secret: a, key: k}}", ["MLC351"]),
        ("{s3: {uri: 's3://bucket/k', endpoint: 'http://x'}}", ["MLC335"]),
        (
            "{s3: {uri: 's3://bucket/k', region: 'EU'}, secret: {name: 'S', access_key: a, secret_key: 's k'}}",
            ["MLC323", "MLC323", "MLC335"],
        ),
        ("{git: {repo: 'https://h/x', path: p}, tag: v, known_hosts: {config_map: c, key: 'a b'}}", ["MLC209", "MLC323"]),
        ("{s3: {uri: 's3://bucket/k'}, overwrite: true}", ["MLC209"]),
        ("{s3: {uri: 's3://bkt'}}", ["MLC330"]),
        ("{s3: {uri: 's3://bk/k'}}", ["MLC330"]),
        ("{s3: {uri: 's3://b_K/k'}}", []),
        ("{}", ["MLC207"]),
    ],
)
def test_declarations(dataset: str, expected: list[str]) -> None:
    """Keys that go together, and expressions where the tag takes them: before any step runs, there are only parameters."""
    body = f"""
    params: {{n: 1}}
    datasets: {{d: {dataset}}}
    steps:
      s: {{image: "a:1", inputs: [d]}}
      t: {{image: "a:1", values: {{v: /v}}}}
    """
    assert sorted(one.code for one in check(body)) == expected


def test_names_are_shared_with_artifacts() -> None:
    """Nobody else may have the name, or one too like it; an unknown input may be a misspelt dataset."""
    body = "datasets: {data: {s3: {uri: 's3://bucket/k'}}}\n"
    alike = f"{body}artifacts: {{Data: model}}\nsteps: {{s: {{image: a:1, inputs: [data], outputs: [Data]}}}}"
    assert [one.code for one in check(alike)] == ["MLC306"]
    (found,) = check(f"{body}steps: {{s: {{image: a:1, inputs: [dta]}}, t: {{image: a:1, inputs: [data]}}}}")
    assert (found.code, found.help) == ("MLC322", "did you mean `data`?")
    fixed = "datasets: {data: {s3: {uri: 's3://bucket/k', version: '1'}}}\nsteps: {s: {image: a:1, outputs: [data]}}"
    assert [one.code for one in check(fixed)] == ["MLC330"]


def test_bucket_of_a_dataset() -> None:
    """What is wrong with the bucket's name is said of the bucket; a `secret` in `s3` is one level too deep."""
    (found,) = check("datasets: {d: {s3: {uri: 's3://o/x'}}}\nsteps: {s: {image: a:1, command: b, inputs: [d]}}")
    assert (found.code, found.message) == ("MLC330", "`o` is no name of a bucket")
    assert "3 to 255 characters" in found.help
    secret = "secret: {name: s, access_key: a, secret_key: b}"
    (found,) = check(f"datasets: {{d: {{s3: {{uri: 's3://bkt/x', {secret}}}}}}}\nsteps: {{s: {{image: a:1, command: b, inputs: [d]}}}}")
    assert (found.code, found.help) == ("MLC201", "`secret` goes beside `s3`, not into it")
