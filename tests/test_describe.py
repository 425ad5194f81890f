"""What a cluster must have: names in the manifests and in the description are the same ones."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlc.cli import app
from mlc.cli.request import FOUND, OK, USAGE
from mlc.cli.run import run
from mlc.describe import describe, text
from mlc.driver import check_source
from mlc.peak import heaviest
from mlc.source import SourceFile
from mlc.targets import TARGETS
from tests import support
from tests.support import pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
SPECS = sorted((ROOT / "specs").glob("*.yaml"))


def described(spec: Path, target: str) -> dict[str, Any]:
    """What is said of a spec, as a program reads it."""
    found = check_source(SourceFile(spec.name, spec.read_text(encoding="utf-8"), beside=support.beside), ()).pipeline
    assert found is not None
    data: dict[str, Any] = json.loads(json.dumps(describe(found, (target,))))
    return data


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every text of a tree, with the keys above it."""
    if isinstance(node, dict):
        for key, child in node.items():
            yield from leaves(child, (*path, key))
    elif isinstance(node, list):
        for child in node:
            yield from leaves(child, path)
    else:
        yield path, node


# Where names of objects stand in a manifest: the last keys of the path, and the list of the description that has to hold them.
NAMES: dict[tuple[str, ...], str] = {
    ("persistentVolumeClaim", "claimName"): "claims",
    ("pvcMount", "constant"): "claims",
    ("pvcMount", "pvcNameParameter", "runtimeValue", "constant"): "claims",
    ("secret", "secretName"): "secrets",
    ("secretKeyRef", "name"): "secrets",
    ("imagePullSecrets", "name"): "secrets",
    ("secretAsEnv", "secretName"): "secrets",
    ("secretAsVolume", "secretName"): "secrets",
    ("imagePullSecret", "secretName"): "secrets",
    ("volumes", "configMap", "name"): "config_maps",
    ("configMapKeyRef", "name"): "config_maps",
    ("artifactRepositoryRef", "configMap"): "config_maps",
    ("cache", "configMap", "name"): "config_maps",
    ("configMapAsEnv", "configMapName"): "config_maps",
    ("configMapAsVolume", "configMapName"): "config_maps",
    ("serviceAccountName",): "service_accounts",
    ("storageClassName",): "storage_classes",
    ("storage_class_name", "runtimeValue", "constant"): "storage_classes",
    ("image",): "images",
}
CHOSEN = {
    ("pvcNameParameter", "componentInputParameter"): "claims",
    ("secretNameParameter", "componentInputParameter"): "secrets",
    ("configMapNameParameter", "componentInputParameter"): "config_maps",
}
"""Where on KFP the run says a name; on Argo, and for images, a tag stands in the place of it."""
KEYS: dict[tuple[str, ...], str] = {
    ("secretKeyRef", "key"): "secrets",
    ("keyToEnv", "secretKey"): "secrets",
    ("configMapKeyRef", "key"): "config_maps",
    ("keyToEnv", "configMapKey"): "config_maps",
}


def names(entries: list[Any]) -> set[str]:
    """The names in a list of the description."""
    return {entry["name"] if isinstance(entry, dict) else entry for entry in entries}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(spec.stem))
def test_names_are_those_of_the_golden(spec: Path, target: str) -> None:
    """Each claim, secret, config map, service account, storage class and image of a golden is described, and nothing else is."""
    found = described(spec, target)["targets"][target]
    golden = ROOT / "golden" / target / f"{spec.stem}.yaml"
    if not golden.exists():
        assert all(error["code"].startswith("MLC4") for error in found["refused"])
        return
    documents = list(yaml.safe_load_all(golden.read_text(encoding="utf-8")))
    expected: dict[str, set[str]] = {kind: set() for kind in NAMES.values()}
    keys: dict[str, set[str]] = {kind: set() for kind in KEYS.values()}
    seen, chosen = set(), set()
    for path, value in leaves(documents):
        seen.add(value)
        chosen |= {kind for ending, kind in NAMES.items() if path[-len(ending) :] == ending and str(value).startswith("{{")}
        chosen |= {kind for ending, kind in CHOSEN.items() if path[-2:] == ending and not str(value).startswith("x-claim.")}
        for ending, kind in NAMES.items():
            if path[-len(ending) :] == ending and not str(value).startswith(("argostub/", "{{")):
                expected[kind].add(value)
        for ending, kind in KEYS.items():
            if path[-len(ending) :] == ending:
                keys[kind].add(value)
    for kind, wanted in expected.items():
        of_run = {one for one in names(found[kind]) if "${{ params." in one}
        assert bool(of_run) == (kind in chosen)
        wanted |= of_run
        of_store = {"secrets", "config_maps"} if found["store"] else set()
        assert wanted == names(found[kind]) if kind not in of_store else wanted <= names(found[kind])
    for kind, wanted in keys.items():
        assert wanted <= {key for entry in found[kind] for key in entry["keys"]}
    for entry in (*found["claims"], *found["run_claims"]):
        assert entry["name"] in seen or "${{" in entry["name"] or f"x-claim.{entry['name']}" in seen or entry.get("size") in seen


def test_names_of_the_run() -> None:
    """A name with parameters in it is described as the project says it, with its keys and access modes, on both targets."""
    body = """
        params: {claim: data, account: a, site: s}
        volumes: {d: {claim: "${{params.claim}}"}, k: {secret: "${{ params.account }}"}, s: {config_map: "${{ params.site }}"}}
        defaults: {image: "a:1", command: c}
        steps:
          a: {volumes: {d: /d, k: /k}, env: {A: {secret: "${{ params.account }}", key: one}}}
          b: {volumes: {d: /d, s: /s}, env: {A: {config_map: "${{ params.site }}", key: two}}}
    """
    for target, found in describe(pipeline(body), TARGETS)["targets"].items():
        assert found["claims"] == [{"name": "${{ params.claim }}", "access_mode": "ReadWriteMany", "steps": ["a", "b"]}], target
        assert found["secrets"] == [{"name": "${{ params.account }}", "keys": ["one"]}]
        assert found["config_maps"] == [{"name": "${{ params.site }}", "keys": ["two"], "made_by": ""}]
    engine = describe(pipeline(body), ("kfp",))["targets"]["kfp"]["engine"]
    assert engine["version"] == "2.5"
    assert {one["what"] for one in engine["needed"]} == {"a parameter in `secret`", "a parameter in `config_map`"}


def test_keys_of_data() -> None:
    """The keys that data and code are reached with are named, though manifests mount the whole Secret."""
    found = pipeline(
        """
        code: {git: "https://h/code", ref: v1, token: {secret: login, key: token}}
        datasets:
          d: {dvc: {repo: "git@h:x", path: p}, tag: v1, ssh_key: {secret: ssh, key: id}, known_hosts: {config_map: hosts, key: known}}
          e: {dvc: {repo: "git@h:y", path: p}, tag: v1, ssh_key: {secret: ssh, key: other}}
          f: {s3: {uri: "s3://bucket/k"}, secret: {name: pair, access_key: a, secret_key: b}}
        steps:
          s: {image: "x:1", command: [c], inputs: [d, e], outputs: [f], code: true, workdir: /src}
        """
    )
    for target in describe(found, TARGETS)["targets"].values():
        keys = {one["name"]: one["keys"] for one in (*target["secrets"], *target["config_maps"])}
        assert keys == {"ssh": ["id", "other", "known_hosts"], "hosts": ["known"], "login": ["token"], "pair": ["a", "b"]}


def test_store() -> None:
    """The store's secret and its keys are needed, though only the ConfigMap that `infra` prints names them."""
    body = """
        store: {minio: {endpoint: "m:9000", bucket: bkt, secret: {name: s, access_key: a, secret_key: k}}}
        steps: {t: {image: "a:1", command: c, outputs: {o: /o}}}
    """
    for target, config_map in (("argo", "demo-artifacts"), ("kfp", "kfp-launcher")):
        found = describe(pipeline(body), (target,))["targets"][target]
        assert found["secrets"] == [{"name": "s", "keys": ["a", "k"]}]
        assert [(one["name"], one["made_by"]) for one in found["config_maps"]] == [(config_map, f"mlc infra --target {target}")]
        assert found["store"] == {"kind": "minio", "bucket": "bkt"}


@pytest.mark.parametrize(
    ("steps", "mode"),
    [
        ("a: {volumes: {v: /v}}, b: {needs: a, volumes: {v: /v}}", "ReadWriteOnce"),
        ("a: {volumes: {v: /v}}, b: {volumes: {v: /v}}", "ReadWriteMany"),
        ("a: {volumes: {v: /v}}, b: {volumes: {v: {mount: /v, read_only: true}}}", "ReadWriteMany"),
        ("a: {volumes: {v: {mount: /v, read_only: true}}}, b: {volumes: {v: {mount: /v, read_only: true}}}", "ReadOnlyMany"),
    ],
)
def test_access_modes(steps: str, mode: str) -> None:
    """The narrowest mode that is enough, whatever nodes the pods land on."""
    body = f"volumes: {{v: {{claim: data}}}}\ndefaults: {{image: a:1, command: c}}\nsteps: {{{steps}}}"
    (claim,) = describe(pipeline(body), ("argo",))["targets"]["argo"]["claims"]
    assert (claim["name"], claim["access_mode"], claim["steps"]) == ("data", mode, ["a", "b"])


def test_versions_are_those_of_the_targets() -> None:
    """The oldest version that is enough, and what needs it, where it is written."""
    body = """
        schedule: {cron: "@daily"}
        targets: {kfp: {ttl: 1h}}
        steps: {t: {image: "a:1", command: c}}
    """
    found = describe(pipeline(body), ("argo", "kfp", "argo@3.5", "argo@4.0"))["targets"]
    assert found["argo"]["engine"] == {
        "name": "Argo Workflows",
        "version": "3.6",
        "needed": [{"version": "3.6", "what": "`schedule`", "path": ["schedule"]}],
    }
    assert found["kfp"]["engine"]["version"] == "2.17"
    assert found["kfp"]["engine"]["needed"][0]["path"] == ["targets", "kfp", "ttl"]
    assert (found["argo@3.5"]["engine"]["version"], found["argo@3.5"]["engine"]["needed"]) == ("3.5", [])
    assert found["argo@4.0"]["engine"]["version"] == "4.0"


def test_pods_and_devices() -> None:
    """Attempts count as pods; devices are counted in one pod and in all."""
    body = """
        defaults: {image: "a:1", command: c}
        steps:
          a: {resources: {gpu: 2}, retry: {limit: 3}}
          b: {resources: {gpu: 1}}
          c: {resources: {cpu: 1, memory: 1Gi}}
    """
    data = describe(pipeline(body), ("argo",))
    assert (data["steps"], data["pods"]) == (3, 6)
    assert data["targets"]["argo"]["devices"] == [{"name": "nvidia.com/gpu", "count": 3, "most": 2, "at_once": 3}]


def test_devices_of_all_containers() -> None:
    """A pod needs what the step and its sidecars have together, or the largest `init` container, for these have ended by then."""
    body = """
        defaults: {image: "a:1", command: c}
        steps:
          a: {resources: {gpu: 1}, sidecars: {s: {image: "b:1", resources: {gpu: 2}}, t: {image: "b:1", resources: {gpu: 1}}}}
          b: {resources: {gpu: 1}, init: {i: {image: "b:1", resources: {gpu: 3}}, j: {image: "b:1", resources: {gpu: 2}}}}
          c: {resources: {gpu: 2}, init: {i: {image: "b:1", resources: {gpu: 1, cpu: 1}}}}
          d: {init: {i: {image: "b:1", resources: {gpu: {type: amd.com/gpu, count: 2}}}}}
    """
    assert describe(pipeline(body), ("argo",))["targets"]["argo"]["devices"] == [
        {"name": "nvidia.com/gpu", "count": 4 + 3 + 2, "most": 4, "at_once": 4 + 3 + 2},
        {"name": "amd.com/gpu", "count": 2, "most": 2, "at_once": 2},
    ]


def test_volumes_of_all_containers() -> None:
    """A claim that only a container beside the step's own mounts is the step's too, and so is the access mode that it needs."""
    body = """
        volumes: {v: {claim: data}, w: {size: 1Gi, access_mode: ReadWriteMany}}
        defaults: {image: "a:1", command: c}
        steps:
          a: {volumes: {v: {mount: /v, read_only: true}}, sidecars: {s: {image: "b:1", volumes: {v: /v}}}}
          b: {init: {i: {image: "b:1", volumes: {v: /v, w: /w}}}}
    """
    found = describe(pipeline(body), ("argo",))["targets"]["argo"]
    assert found["claims"] == [{"name": "data", "access_mode": "ReadWriteMany", "steps": ["a", "b"]}]
    assert [(claim["name"], claim["access_mode"]) for claim in found["run_claims"]] == [("w", "ReadWriteMany")]


def test_claims_that_stay() -> None:
    """A claim that the run makes and leaves behind is told from one that goes with it."""
    body = """
        volumes: {v: {size: 1Gi, keep: true}, w: {size: 2Gi, storage_class: fast}}
        targets: {kfp: {storage_class: slow}}
        steps: {a: {image: "a:1", command: c, volumes: {v: /v, w: /w}}}
    """
    found = describe(pipeline(body), ("kfp",))
    assert [claim["keep"] for claim in found["targets"]["kfp"]["run_claims"]] == [True, False]
    assert "    v  1Gi ReadWriteOnce, slow, kept after it\n    w  2Gi ReadWriteOnce, fast\n" in text(found)


def test_pods_and_devices_of_loops() -> None:
    """Every item has its pods; devices are those of the items that run at once; a list that only a run knows counts as one item."""
    body = """
        params: {p: {type: list}}
        volumes: {w: {claim: w}}
        defaults: {image: "a:1", command: c}
        steps:
          a: {foreach: {x: [1, 2, 3], y: [1, 2]}, parallel: 4, resources: {gpu: 2}, retry: {limit: 1}, volumes: {w: /w}}
          b: {each: a, resources: {gpu: 1}}
          c: {foreach: {z: "${{ params.p }}"}, needs: a, resources: {gpu: 1}}
    """
    data = describe(pipeline(body), ("argo",))
    assert (data["steps"], data["pods"], data["open_loops"]) == (3, 6 * 2 + 6 + 1, ["c"])
    assert data["targets"]["argo"]["devices"] == [{"name": "nvidia.com/gpu", "count": 4 * 2 + 4 + 1, "most": 2, "at_once": 4 * 2}]
    assert data["targets"]["argo"]["claims"] == [{"name": "w", "access_mode": "ReadWriteMany", "steps": ["a"]}]
    assert text(data).startswith("demo: 3 steps, at most 19 pods with retries and one item of c\n")
    assert data["unlimited_loops"] == ["c"]
    assert "  at most 4 pods at once, counting one item of c\n" in text(data)
    limited = describe(pipeline(body.replace("needs: a,", "needs: a, parallel: 7,")), ("argo",))
    assert (limited["open_loops"], limited["unlimited_loops"], limited["targets"]["argo"]["pods_at_once"]) == (["c"], [], 7)


@pytest.mark.parametrize(
    ("steps", "pods", "gpus"),
    [
        ("a: {needs: b, resources: {gpu: 1}}, b: {resources: {gpu: 2}}", 1, 2),
        ("a: {}, b: {resources: {gpu: 2}}, c: {needs: [a, b], resources: {gpu: 3}}", 2, 3),
        ("a: {}, b: {needs: a}, c: {needs: a}, d: {needs: [b, c]}, e: {needs: b}", 2, 0),
        ("a: {}, b: {resources: {gpu: 1}}, c: {needs: a}, d: {needs: b, resources: {gpu: 1}}, e: {needs: c, resources: {gpu: 4}}", 2, 5),
        ("a: {foreach: {x: [1, 2, 3]}, resources: {gpu: 1}}, b: {each: a}, c: {each: a, resources: {gpu: 2}}, d: {}", 7, 6),
        ("a: {foreach: {x: [1, 2, 3]}, parallel: 2, resources: {gpu: 1}}, b: {each: a}, d: {needs: a}, e: {}", 3, 2),
    ],
)  # fmt: skip
def test_what_runs_at_once(steps: str, pods: int, gpus: int) -> None:
    """The heaviest set of steps of which none waits for another, of a loop as many items as it runs at once."""
    body = f"defaults: {{image: 'a:1', command: c}}\nsteps: {{{steps}}}"
    for found in describe(pipeline(body), TARGETS)["targets"].values():
        assert found["pods_at_once"] == pods
        assert [one["at_once"] for one in found["devices"]] == ([gpus] if gpus else [])


def test_at_once_within_limits() -> None:
    """`parallelism` is Argo's alone; `finally` starts when all else has ended."""
    body = """
        defaults: {image: "a:1", command: c}
        targets: {argo: {parallelism: 2}}
        steps: {a: {resources: {gpu: 2}}, b: {resources: {gpu: 1}}, c: {resources: {gpu: 2}}}
        finally: {d: {}, e: {}, f: {}, g: {}}
    """
    found = describe(pipeline(body), TARGETS)["targets"]
    assert [(found[name]["pods_at_once"], found[name]["devices"][0]["at_once"]) for name in ("argo", "kfp")] == [(2, 4), (4, 5)]
    assert "  at most 4 pods at once\n" in text(describe(pipeline(body), ("kfp",)))
    assert "  nvidia.com/gpu  2 in one pod, at most 5 at once\n" in text(describe(pipeline(body), ("kfp",)))
    assert "at once" not in text(describe(pipeline("steps: {a: {image: 'a:1', command: c}}"), ("kfp",)))


def test_the_heaviest_set() -> None:
    """Against every set of small graphs; and of a thousand steps in no time."""
    chance = random.Random(3)
    for _ in range(60):
        names = [f"s{number}" for number in range(chance.randint(1, 8))]
        weights = {name: chance.randint(0, 3) for name in names}
        after = {name: [other for other in names[:number] if chance.random() < 0.3] for number, name in enumerate(names)}
        ended: dict[str, set[str]] = {}
        for name in names:
            ended[name] = {*after[name]}.union(*(ended[other] for other in after[name]))
        sets = (some for size in range(len(names) + 1) for some in itertools.combinations(names, size))
        free = (some for some in sets if not any(other in ended[one] for one in some for other in some))
        assert heaviest(weights, after) == max(sum(weights[name] for name in some) for some in free)
    names = [str(number) for number in range(1000)]
    rows = {
        name: [str(other) for other in range(number // 10 * 10 - 10, number // 10 * 10) if other >= 0] for number, name in enumerate(names)
    }
    assert heaviest(dict.fromkeys(names, 1), rows) == 10


def test_text() -> None:
    """A section for each target; what is not needed is not named; a refusal says why."""
    body = """
        volumes: {d: {claim: data}, w: {size: 5Gi}}
        steps:
          a:
            image: "a:1"
            command: c
            volumes: {d: /d, w: /w}
            env: {T: {secret: api, key: token}, U: {secret: api, key: url}, L: {config_map: conf, key: level}}
    """
    assert text(describe(pipeline(body), TARGETS)) == (
        "demo: 1 step\n"
        "\n"
        "argo: Argo Workflows 3.5 or newer\n"
        "  claims that exist\n"
        "    data  ReadWriteOnce, for a\n"
        "  claims made for each run\n"
        "    w  5Gi ReadWriteOnce, the default storage class\n"
        "  secrets\n"
        "    api  keys token, url\n"
        "  config maps\n"
        "    conf  key level\n"
        "  images\n"
        "    a:1\n"
        "\n"
        "kfp: refused; `mlc validate --target kfp` shows the lines\n"
        "  MLC406  volume `w` is made for each run and has no `storage_class`, which KFP needs\n"
    )


def test_what_is_refused_of_several_steps() -> None:
    """Each error is said once, with the steps and layers that it is in."""
    body = """
    volumes: {k: {secret: s, mode: "0400"}}
    defaults: {volumes: {k: /k}}
    steps:
      a: {image: "a:1", command: a, volumes: {k: {mount: /a, read_only: true}}, metrics: {m: /m}}
      b: {image: "a:1", command: b, volumes: {k: {mount: /a, read_only: true}}, needs: a}
      c: {image: "a:1", command: c, needs: b}
    """
    found = describe(pipeline(body), ["kfp"])
    read_only = "`read_only` is not possible on KFP, which mounts volume `k` as it is"
    assert [(one["code"], one["paths"]) for one in found["targets"]["kfp"]["refused"] if one["message"] == read_only] == [
        ("MLC401", [["steps", "a", "volumes", "k", "read_only"], ["steps", "b", "volumes", "k", "read_only"]])
    ]
    assert f"  MLC401  {read_only} (steps.a, steps.b)\n" in text(found)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has a version and all projects; a target that is named and refuses is an error, as everywhere."""
    good, bad = tmp_path / "a.yaml", tmp_path / "b.yaml"
    good.write_text("mlc: v1\nname: a\nsteps: {s: {image: 'x:1', command: c}}\n")
    bad.write_text("mlc: v1\nname: b\nsteps: {s: {image: 'x:1', command: c, cache: true}}\n")

    def mlc(*words: str) -> int:
        request = app.parse(["describe", *words])
        return request if isinstance(request, int) else run(request)

    assert mlc(str(good), str(bad), "--format", "json") == OK
    data = json.loads(capsys.readouterr().out)
    assert (data["version"], [project["project"] for project in data["projects"]]) == (1, ["a", "b"])
    assert data["projects"][1]["targets"]["argo"]["refused"][0]["code"] == "MLC401"
    assert mlc(str(bad), "--target", "argo") == FOUND
    assert "MLC401" in capsys.readouterr().err
    assert mlc(str(bad), "--target", "kfp") == OK
    assert capsys.readouterr().out.startswith("b: 1 step\n\nkfp: Kubeflow Pipelines")
    assert mlc(str(good), "--format", "yaml") == USAGE
