"""What somebody has to fill, without values: nothing in it changes an object that exists."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mlc import infra
from mlc.cli import app
from mlc.cli.request import OK, USAGE
from mlc.cli.run import run
from mlc.describe import describe
from mlc.skeletons import manifests
from tests.support import pipeline

BODY = """
images: {i: {ref: "a:1", pull_secret: pull}}
volumes: {d: {claim: data}, s: {secret: files}}
store: {s3: {bucket: bkt, secret: {name: store, access_key: a, secret_key: k}}}
targets: {argo: {service_account: runner, namespace: team}}
steps:
  a:
    image: i
    command: c
    volumes: {d: /d, s: /s}
    env: {T: {secret: api, key: token}, U: {secret: api, key: url}, L: {config_map: conf, key: level}}
"""


def mlc(*words: str) -> int:
    """Run `mlc infra` in this process."""
    request = app.parse(["infra", *words])
    return request if isinstance(request, int) else run(request)


def test_names_of_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a run names cannot be made beforehand: it is left out, and a note says so."""
    spec = tmp_path / "s.yaml"
    spec.write_text(
        "mlc: v1\nname: n\nparams: {c: x, k: y}\nvolumes: {d: {claim: '${{ params.c }}'}, e: {claim: fixed}}\n"
        "steps: {a: {image: 'a:1', command: c, volumes: {d: /d, e: /e}, env: {A: {secret: 's-${{ params.k }}', key: t}}}}\n"
    )
    assert mlc(str(spec), "--skeletons", "--claim-size", "1Gi") == OK
    out, said = capsys.readouterr()
    assert [(one["kind"], one["metadata"]["name"]) for one in yaml.safe_load_all(out)] == [("PersistentVolumeClaim", "fixed")]
    assert "not printed: ${{ params.c }}, s-${{ params.k }}, whose names a run says" in said


def test_objects() -> None:
    """Secrets and config maps have names and keys, and no data; the account may do what Argo's executor does."""
    project = pipeline(BODY)
    needs = describe(project, ("argo",))["targets"]["argo"]
    found = {(one["kind"], one["metadata"]["name"]): one for one in manifests(project, needs, "5Gi")}
    assert list(found) == [
        ("ServiceAccount", "runner"),
        ("Role", "runner-executor"),
        ("RoleBinding", "runner-executor"),
        ("PersistentVolumeClaim", "data"),
        ("Secret", "files"),
        ("Secret", "api"),
        ("Secret", "store"),
        ("ConfigMap", "conf"),
    ]
    assert not any(one.keys() & {"data", "stringData", "type"} for one in found.values())
    assert all(one["metadata"]["namespace"] == "team" for one in found.values())
    assert found["Secret", "api"]["metadata"]["annotations"] == {"mlc/keys": "token, url"}
    assert "annotations" not in found["Secret", "files"]["metadata"]
    assert found["PersistentVolumeClaim", "data"]["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "5Gi"}},
    }
    assert found["Role", "runner-executor"]["rules"] == [
        {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}
    ]
    assert not any(kind == "PersistentVolumeClaim" for kind in (one["kind"] for one in manifests(project, needs, "")))


@pytest.mark.parametrize(
    ("steps", "mode"),
    [
        ("a: {volumes: {v: {mount: /v, read_only: true}}}, b: {volumes: {v: {mount: /v, read_only: true}}}", "ReadWriteMany"),
        ("a: {volumes: {v: {mount: /v, read_only: true}}}, b: {needs: a, volumes: {v: {mount: /v, read_only: true}}}", "ReadWriteOnce"),
        ("a: {foreach: {x: [1, 2]}, volumes: {v: {mount: /v, read_only: true}}}", "ReadWriteMany"),
        ("a: {}, b: {sidecars: {s: {image: b:1, volumes: {v: {mount: /v, read_only: true}}}}, volumes: {v: /v}}", "ReadWriteOnce"),
        ("a: {volumes: {v: /v}}, b: {sidecars: {s: {image: b:1, volumes: {v: {mount: /v, read_only: true}}}}}", "ReadWriteMany"),
    ],
)
def test_new_claims_can_be_filled(steps: str, mode: str) -> None:
    """A new claim is empty, so one that is only read is writable all the same."""
    project = pipeline(f"volumes: {{v: {{claim: data}}}}\ndefaults: {{image: a:1, command: c}}\nsteps: {{{steps}}}")
    (claim,) = manifests(project, describe(project, ("argo",))["targets"]["argo"], "1Gi")
    assert claim["spec"]["accessModes"] == [mode]


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--skeletons` comes before the store's ConfigMap; what could not be printed is said; a size is one."""
    spec = tmp_path / "a.yaml"
    spec.write_text(f"mlc: v1\nname: demo\n{BODY}")
    assert mlc(str(spec), "--skeletons") == OK
    out, err = capsys.readouterr()
    kinds = [one["kind"] for one in yaml.safe_load_all(out)]
    assert kinds == ["ServiceAccount", "Role", "RoleBinding", "Secret", "Secret", "Secret", "ConfigMap", "ConfigMap"]
    assert "not printed: claims data" in err
    assert "not printed: pull secrets pull" in err
    assert mlc(str(spec), "--skeletons", "--claim-size", "1Gi", "--target", "kfp") == OK
    assert "PersistentVolumeClaim" in capsys.readouterr().out
    assert mlc(str(spec), "--skeletons", "--claim-size", "much") == USAGE
    assert "`much`" in capsys.readouterr().err
    assert mlc(str(spec), "--claim-size", "1Gi") == USAGE


def test_the_store_is_in_the_namespace_of_the_runs() -> None:
    """A Workflow finds the ConfigMap of its store in its own namespace only, and the controller that of kept results in its own."""
    body = """
        store: {s3: {bucket: bkt}}
        targets: {argo: {namespace: team}}
        steps: {a: {image: "x:1", command: t, cache: {key: k}}}
    """
    project = pipeline(body)
    assert [one["metadata"].get("namespace") for one in infra.manifests(project, "argo")] == ["team", None]
    assert (infra.elsewhere(project, "argo"), infra.elsewhere(project, "kfp")) == (
        infra.manifests(project, "argo")[1]["metadata"]["name"],
        "",
    )
    assert ["namespace" in one["metadata"] for one in infra.manifests(project, "kfp")] == [False]
    elsewhere = pipeline(body.replace("{argo: {namespace: team}}", "{argo: {parallelism: 1}}"))
    assert ["namespace" in one["metadata"] for one in infra.manifests(elsewhere, "argo")] == [False, False]
