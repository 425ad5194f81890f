"""Volumes of a node, a server and a pod, and mounts of a part of a volume: bound, lowered on Argo, lowered or refused on KFP."""

from __future__ import annotations

import pytest

from mlc.ir import Ephemeral, HostPath, Nfs
from tests.support import check, codes, manifests, pipeline, step

VOLUMES = """
volumes:
  scratch: {ephemeral: {size: 1Ti, access_mode: ReadWriteOncePod, storage_class: fast}}
  plain: {ephemeral: {size: 1Gi}}
  disk: {host_path: /mnt/ssd}
  root: {host_path: /}
  share: {nfs: {server: "fd00::7", path: /}}
  data: {claim: data-pvc}
  run: {size: 1Gi, storage_class: fast}
  conf: {config_map: settings}
"""


def one(keys: str) -> str:
    """A project with every volume and one step."""
    return f"{VOLUMES}\nsteps: {{a: {{image: 'x:1', command: t, {keys}}}}}"


def errors(keys: str, *targets: str) -> list[tuple[str, str]]:
    """Code and place of what is wrong with a step."""
    found = check(one(keys), targets)
    return [(item.code, ".".join(map(str, item.path))) for item in found if item.severity == "error"]


def test_volumes() -> None:
    """The new kinds of volume, with Kubernetes' defaults."""
    found = {volume.name: volume for volume in pipeline(one("volumes: {}")).volumes}
    assert found["scratch"] == Ephemeral("scratch", "1Ti", "ReadWriteOncePod", "fast", ("volumes", "scratch"))
    assert found["plain"] == Ephemeral("plain", "1Gi", "ReadWriteOnce", "", ("volumes", "plain"))
    assert found["disk"] == HostPath("disk", "/mnt/ssd", ("volumes", "disk"))
    assert found["share"] == Nfs("share", "fd00::7", "/", ("volumes", "share"))


@pytest.mark.parametrize(
    ("volume", "code"),
    [
        ("{ephemeral: {size: 10}}", "MLC203"),
        ("{ephemeral: {size: lots}}", "MLC319"),
        ("{ephemeral: {size: 1Gi, storage_class: Fast}}", "MLC323"),
        ("{ephemeral: {}}", "MLC202"),
        ("{host_path: mnt}", "MLC309"),
        ("{host_path: /mnt/../etc}", "MLC309"),
        ("{host_path: '/mnt/{{x}}'}", "MLC309"),
        ("{host_path: /mnt, nfs: {server: a, path: /}}", "MLC209"),
        ("{nfs: {server: nas, path: exports}}", "MLC309"),
        ("{nfs: {server: 'nas:/exports', path: /e}}", "MLC323"),
        ("{nfs: {server: 'a b', path: /e}}", "MLC323"),
        ("{nfs: {server: nas}}", "MLC202"),
        ("{nfs: {server: '${{ params.x }}', path: /e}}", "MLC311"),
    ],
)
def test_malformed_volumes(volume: str, code: str) -> None:
    """Sizes, names, paths and hosts are checked, and found once."""
    body = f"volumes: {{v: {volume}}}\nsteps: {{a: {{image: 'x:1', volumes: {{v: /v}}}}}}"
    assert codes(body) == [code]


def test_mounts() -> None:
    """The short form and the long one."""
    mounts = step(one("volumes: {data: /d, disk: {mount: /e}, conf: {mount: /f/g.toml, sub_path: g.toml, read_only: true}}")).mounts
    assert [(mount.volume.name, mount.path, mount.sub_path, mount.read_only) for mount in mounts] == [
        ("data", "/d", "", False),
        ("disk", "/e", "", False),
        ("conf", "/f/g.toml", "g.toml", True),
    ]


def test_mounts_merge_by_volume() -> None:
    """A step's mount replaces that of `defaults` as a whole, `null` takes it away, others stay and know where they were written."""
    body = """
    volumes: {a: {claim: a}, b: {claim: b}, c: {claim: c}}
    defaults: {volumes: {a: {mount: /a, sub_path: x, read_only: true}, b: /b, c: {mount: /c, sub_path: y}}}
    steps:
      s: {image: 'x:1', command: t, volumes: {a: {mount: /other}, b: null}}
    """
    mounts = step(body).mounts
    assert [(mount.path, mount.sub_path, mount.read_only) for mount in mounts] == [("/other", "", False), ("/c", "y", False)]
    assert [mount.origin for mount in mounts] == [("steps", "s", "volumes", "a"), ("defaults", "volumes", "c")]


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("volumes: {data: {mount: d}}", [("MLC309", "steps.a.volumes.data.mount")]),
        ("volumes: {data: {mount: /d, sub_path: /x}}", [("MLC309", "steps.a.volumes.data.sub_path")]),
        ("volumes: {data: {mount: /d, sub_path: a/../b}}", [("MLC309", "steps.a.volumes.data.sub_path")]),
        ("volumes: {data: {mount: /d, sub_path: .}}", [("MLC309", "steps.a.volumes.data.sub_path")]),
        ("volumes: {data: {mount: /d, sub_path: a//b}}", [("MLC309", "steps.a.volumes.data.sub_path")]),
        ("volumes: {data: {mount: /d, sub_path: '{{pod.name}}'}}", [("MLC309", "steps.a.volumes.data.sub_path")]),
        ("volumes: {data: {mount: /d, sub_path: '$(HOME)'}}", [("MLC309", "steps.a.volumes.data.sub_path")]),
        ("volumes: {data: {mount: /d, sub_path: '${{ run.id }}'}}", [("MLC311", "steps.a.volumes.data.sub_path")]),
        ("volumes: {data: {sub_path: x}}", [("MLC202", "steps.a.volumes.data")]),
        ("volumes: {disk: /d}, outputs: {o: /d/o}", [("MLC320", "steps.a.outputs.o")]),
        ("volumes: {share: {mount: /d, sub_path: x}}, metrics: {m: /d/m}", [("MLC320", "steps.a.metrics.m")]),
        ("volumes: {scratch: /d}, outputs: {o: /d/o}, values: {v: /d/v}", []),
        ("volumes: {scratch: /d}, outputs: {o: /d}", [("MLC309", "steps.a.outputs.o")]),
        ("volumes: {scratch: /d, data: /d/e}", []),
        ("volumes: {data: /d, scratch: /d/e}", [("MLC309", "steps.a.volumes.scratch")]),
        ("volumes: {scratch: {mount: /d, read_only: true}}, values: {v: /d/v}", [("MLC331", "steps.a.values.v")]),
        ("volumes: {scratch: {mount: /d, read_only: true}}, outputs: {o: /d}", [("MLC331", "steps.a.outputs.o")]),
        ("volumes: {scratch: {mount: /d, read_only: false}}, values: {v: /d/v}", []),
    ],
)
def test_wrong_mounts(keys: str, found: list[tuple[str, str]]) -> None:
    """Paths, sub-paths and what may lie where."""
    assert errors(keys) == found


def test_argo() -> None:
    """Volumes and mounts in Kubernetes' own words."""
    body = one("volumes: {scratch: /s, plain: /p, disk: {mount: /d, read_only: true}, share: {mount: /n, sub_path: a/b}}")
    spec = manifests(body, "argo")[0]["spec"]
    assert spec["volumes"] == [
        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": claim("1Ti", "ReadWriteOncePod", storageClassName="fast")}}},
        {"name": "plain", "ephemeral": {"volumeClaimTemplate": {"spec": claim("1Gi", "ReadWriteOnce")}}},
        {"name": "disk", "hostPath": {"path": "/mnt/ssd"}},
        {"name": "share", "nfs": {"server": "fd00::7", "path": "/"}},
    ]
    assert spec["templates"][1]["container"]["volumeMounts"] == [
        {"name": "scratch", "mountPath": "/s"},
        {"name": "plain", "mountPath": "/p"},
        {"name": "disk", "mountPath": "/d", "readOnly": True},
        {"name": "share", "mountPath": "/n", "subPath": "a/b"},
    ]


def claim(size: str, mode: str, **more: str) -> dict[str, object]:
    """The spec of a claim."""
    return {"accessModes": [mode], **more, "resources": {"requests": {"storage": size}}}


def test_kfp() -> None:
    """Claims of a pod, the cluster's own storage class said outright, and folders of claims, those of the run included."""
    body = one("volumes: {scratch: /s, plain: /p, data: {mount: /d, sub_path: a/b}, run: {mount: /r, sub_path: c}}")
    found = manifests(body, "kfp")[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-a"]
    assert found["genericEphemeralVolume"] == [
        {"volumeName": "x-scratch", "mountPath": "/s", "accessModes": ["ReadWriteOncePod"], "size": "1Ti", "storageClassName": "fast"},
        {"volumeName": "x-plain", "mountPath": "/p", "accessModes": ["ReadWriteOnce"], "size": "1Gi", "defaultStorageClass": True},
    ]
    assert [(mount["mountPath"], mount["subPath"]) for mount in found["pvcMount"]] == [("/d", "a/b"), ("/r", "c")]


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ("volumes: {disk: /d}", "volumes.disk.host_path"),
        ("volumes: {share: /d}", "volumes.share.nfs"),
        ("volumes: {data: {mount: /d, read_only: true}}", "steps.a.volumes.data.read_only"),
        ("volumes: {conf: {mount: /d, read_only: true}}", "steps.a.volumes.conf.read_only"),
        ("volumes: {conf: {mount: /d, sub_path: x}}", "steps.a.volumes.conf.sub_path"),
        ("volumes: {scratch: {mount: /d, sub_path: x}}", "steps.a.volumes.scratch.sub_path"),
    ],
)
def test_kfp_refuses(keys: str, place: str) -> None:
    """What the driver has no field for; Argo takes all of it."""
    assert errors(keys, "kfp") == [("MLC401", place)]
    assert errors(keys, "argo") == []


def test_kfp_versions() -> None:
    """A folder of a claim needs the backend 2.16: older ones refuse a manifest with a field that they do not know."""
    keys = "volumes: {data: {mount: /d, sub_path: x}}"
    assert errors(keys, "kfp@2.15") == [("MLC413", "steps.a.volumes.data.sub_path")]
    assert errors(keys, "kfp@2.16") == []
    assert errors("volumes: {scratch: /d}", "kfp@2.4") == []


def test_two_folders_of_a_claim_on_kfp() -> None:
    """The driver calls the pod's volume like its claim: mounted twice in one pod it would be there twice."""
    mounts = "{a: {mount: /a, sub_path: a}, b: {mount: /b, sub_path: b}}"
    body = f"volumes: {{a: {{claim: c}}, b: {{claim: c}}}}\nsteps: {{s: {{image: 'x:1', command: t, volumes: {mounts}}}}}"
    assert codes(body, ("kfp",)) == ["MLC402"]
    assert codes(body, ("argo",)) == []


def test_cached_steps_know_their_folder() -> None:
    """Another folder of the claim is another result, as far as the backend can tell."""
    body = "volumes: {a: {claim: c}}\nsteps: {s: {image: 'x:1', command: t, cache: true, volumes: {a: {mount: /a, sub_path: %s}}}}"
    first, second = (manifests(body % name, "kfp")[0]["root"]["dag"]["tasks"]["s"]["inputs"] for name in ("x", "y"))
    assert first != second
