"""Artifacts from outside, by their `uri`: what is accepted, who reads it with whose credentials, and who refuses it."""

from __future__ import annotations

from typing import Any

import pytest

from mlc.lowering.address import Address, address
from tests import support

STORES = {
    "s3": "store: {s3: {endpoint: 'e:9', bucket: bkt, region: r, insecure: true, secret: {name: s, access_key: a, secret_key: k}}}",
    "amazon": "store: {s3: {bucket: bkt, secret: {name: s, access_key: a, secret_key: k}}}",
    "minio": "store: {minio: {endpoint: 'm:9', bucket: bkt}}",
    "gcs": "store: {gcs: {bucket: bkt, secret: {name: s, key: k}}}",
    "oss": "store: {oss: {endpoint: o.example.com, bucket: bkt}}",
    "azure": "store: {azure: {endpoint: 'https://a.blob.core.windows.net', container: b, secret: {name: s, key: k}}}",
    "": "",
}
KEYS = {"accessKeySecret": {"name": "s", "key": "a"}, "secretKeySecret": {"name": "s", "key": "k"}}


def project(uri: str, store: str = "", params: str = "{p: x, n: 3}", kind: str = "model") -> str:
    """A project of one step that reads one artifact from outside."""
    step = "steps: {s: {image: 'x:1', command: t, inputs: {base: /in/base}}}"
    return f"params: {params}\n{STORES[store]}\nartifacts: {{base: {{type: {kind}, uri: '{uri}'}}}}\n{step}"


def errors(body: str, target: str) -> list[str]:
    """The codes that refuse a project on a target."""
    return [item.code for item in support.check(body, (target,)) if item.severity == "error"]


def location(uri: str, store: str = "") -> dict[str, Any]:
    """Where the manifest for Argo says that the artifact lies."""
    template = support.manifests(project(uri, store), "argo")[0]["spec"]["templates"][1]
    (port,) = template["inputs"]["artifacts"]
    assert {key: port.pop(key) for key in ("name", "path", "mode", "recurseMode", "archive")} == {
        "name": "base",
        "path": "/in/base",
        "mode": 0o755,
        "recurseMode": True,
        "archive": {"none": {}},
    }
    found: dict[str, Any] = port
    return found


@pytest.mark.parametrize(
    ("uri", "store", "expected"),
    [
        ("s3://xyz/k/m", "", {"s3": {"endpoint": "s3.amazonaws.com", "bucket": "xyz", "key": "k/m", "useSDKCreds": True}}),
        ("s3://xyz/k", "minio", {"s3": {"endpoint": "s3.amazonaws.com", "bucket": "xyz", "key": "k", "useSDKCreds": True}}),
        ("s3://xyz/k", "s3", {"s3": {"endpoint": "e:9", "bucket": "xyz", "region": "r", "insecure": True, "key": "k", **KEYS}}),
        ("minio://bkt/k", "minio", {"s3": {"endpoint": "m:9", "bucket": "bkt", "key": "k", "useSDKCreds": True}}),
        ("gs://xyz/k", "", {"gcs": {"bucket": "xyz", "key": "k"}}),
        ("gs://bkt/k", "gcs", {"gcs": {"bucket": "bkt", "key": "k", "serviceAccountKeySecret": {"name": "s", "key": "k"}}}),
        ("oss://xyz/k", "oss", {"oss": {"endpoint": "https://o.example.com", "bucket": "xyz", "key": "k", "useSDKCreds": True}}),
        (
            "azure://x/k",
            "azure",
            {
                "azure": {
                    "endpoint": "https://a.blob.core.windows.net",
                    "container": "x",
                    "blob": "k",
                    "accountKeySecret": {"name": "s", "key": "k"},
                }
            },
        ),
        ("https://h.example.com:8443/a/b?c=1", "", {"http": {"url": "https://h.example.com:8443/a/b?c=1"}}),
        ("git+https://h/a/b.git", "", {"git": {"repo": "https://h/a/b.git"}}),
        ("git+https://h/a/b.git@v1/x", "", {"git": {"repo": "https://h/a/b.git", "revision": "v1/x"}}),
    ],
)
def test_argo_locations(uri: str, store: str, expected: dict[str, Any]) -> None:
    """Each scheme is an artifact of Argo's; a store of the same kind gives endpoint and credentials, nothing is unpacked."""
    assert location(uri, store) == expected


@pytest.mark.parametrize(
    ("uri", "field", "written", "argument"),
    [
        ("s3://xyz/v${{ params.n }}/m", ("s3", "key"), "{{inputs.parameters.uri-base}}", "'v' + ("),
        (
            "https://h/${{ params.p }}.csv",
            ("http", "url"),
            "https://h/{{inputs.parameters.uri-base}}",
            ": workflow.parameters['p'] + '.csv'",
        ),
        ("git+https://h/r@${{ params.p }}", ("git", "revision"), "{{inputs.parameters.p}}", ": workflow.parameters['p'] }}"),
    ],
)
def test_parameters_in_argo_locations(uri: str, field: tuple[str, str], written: str, argument: str) -> None:
    """A parameter stands behind the bucket, the host or the `@`; it is guarded, and no `$` is doubled, for no kubelet reads it."""
    assert location(uri)[field[0]][field[1]] == written
    task = support.manifests(project(uri), "argo")[0]["spec"]["templates"][0]["dag"]["tasks"][0]
    (given,) = task["arguments"]["parameters"]
    assert argument in given["value"]
    assert "replace(" not in given["value"]


def test_the_same_parameter_in_an_argument() -> None:
    """What a process gets through a kubelet is another text than what stands in a location."""
    body = project("s3://xyz/${{ params.p }}").replace("command: t", "command: [t, '${{ params.p }}']")
    workflow = support.manifests(body, "argo")[0]["spec"]["templates"]
    values = {one["name"]: one["value"] for one in workflow[0]["dag"]["tasks"][0]["arguments"]["parameters"]}
    assert {name: "replace(" in value for name, value in values.items()} == {"p": True, "p-2": False}
    assert workflow[1]["container"]["command"] == ["t", "{{inputs.parameters.p}}"]
    assert workflow[1]["inputs"]["artifacts"][0]["s3"]["key"] == "{{inputs.parameters.p-2}}"


def test_importer() -> None:
    """On KFP a task of its own makes the artifact known, and the step waits for it."""
    spec = support.manifests(project("gs://xyz/k"), "kfp")[0]
    assert spec["deploymentSpec"]["executors"]["exec-x-import-base"] == {
        "importer": {"artifactUri": {"constant": "gs://xyz/k"}, "typeSchema": {"schemaTitle": "system.Model", "schemaVersion": "0.0.1"}}
    }
    tasks = spec["root"]["dag"]["tasks"]
    assert tasks["x-import-base"] == {
        "taskInfo": {"name": "x-import-base"},
        "componentRef": {"name": "comp-x-import-base"},
        "cachingOptions": {},
    }
    assert tasks["s"]["dependentTasks"] == ["x-import-base"]
    assert tasks["s"]["inputs"]["artifacts"] == {
        "base": {"taskOutputArtifact": {"producerTask": "x-import-base", "outputArtifactKey": "base"}}
    }


def test_importer_with_a_parameter() -> None:
    """The importer reads the address from the inputs of the group that it stands in, so each group passes it on."""
    body = project("${{ params.at }}", params="{at: {type: string, default: 's3://xyz/k'}}")
    nested = body.replace("command: t", "command: t, volumes: {w: /w}") + "\nvolumes: {w: {size: 1Gi, storage_class: c}}"
    for text, path in ((body, "root"), (nested, "comp-x-steps")):
        spec = support.manifests(text, "kfp")[0]
        dag = spec["root"] if path == "root" else spec["components"][path]
        assert dag["dag"]["tasks"]["x-import-base"]["inputs"]["parameters"] == {"at": {"componentInputParameter": "at"}}
        assert "at" in dag["inputDefinitions"]["parameters"]
        assert spec["deploymentSpec"]["executors"]["exec-x-import-base"]["importer"]["artifactUri"] == {"runtimeParameter": "at"}


def test_importers_stand_where_they_are_read() -> None:
    """A step of `finally` has an importer beside it; in the run there is none that nobody reads."""
    body = project("gs://xyz/k") + "\nfinally: {e: {image: 'x:1', command: t, inputs: [base]}}"
    components = support.manifests(body, "kfp")[0]["components"]
    assert [sorted(components[name]["dag"]["tasks"]) for name in ("comp-x-run", "comp-x-finally")] == [
        ["s", "x-import-base"],
        ["e", "x-import-base"],
    ]


@pytest.mark.parametrize(
    ("uri", "store", "argo", "kfp"),
    [
        ("gs://xyz/k", "", [], []),
        ("s3://xyz/k", "amazon", [], []),
        ("minio://bkt/k", "minio", [], []),
        ("minio://xyz/k", "minio", [], ["MLC417"]),
        ("minio://bkt/k", "", ["MLC417"], ["MLC417"]),
        ("oss://b/k", "", ["MLC417"], ["MLC417"]),
        ("azure://b/k", "gcs", ["MLC417"], ["MLC417"]),
        ("s3://bkt/k", "s3", [], []),
        ("s3://xyz/k", "s3", [], ["MLC417"]),
        ("https://x/k", "", [], ["MLC417"]),
        ("git+https://x/k", "", [], ["MLC417"]),
        ("oci://r.example.com/m:1", "", ["MLC417"], []),
        ("${{ params.p }}", "", ["MLC417"], []),
        ("${{ params.n }}", "", ["MLC417"], ["MLC417"]),
        ("s3://xyz/${{ params.n }}", "", [], ["MLC417"]),
    ],
)
def test_who_can_read_what(uri: str, store: str, argo: list[str], kfp: list[str]) -> None:
    """An address that a target cannot fetch is refused there by name."""
    body = project(uri, store, params="{p: {type: string}, n: 3}")
    assert (errors(body, "argo"), errors(body, "kfp")) == (argo, kfp)


def test_images_hold_models() -> None:
    """KFP reads models alone from images."""
    assert errors(project("oci://r.example.com/m:1", kind="dataset"), "kfp") == ["MLC417"]


def test_credentials_of_another_bucket() -> None:
    """On KFP the secret of the store is for its bucket: that is said of others."""
    notes = [item for item in support.check(project("s3://xyz/k", "amazon"), ("kfp",)) if "identity of the pods" in item.message]
    assert [(item.code, item.path) for item in notes] == [("MLC405", ("artifacts", "base", "uri"))]


@pytest.mark.parametrize(
    "uri",
    [
        "/models/x", "models/x", "file:///x", "s3://", "s3://bkt", "s3://bkt/", "s3:/b/k", "s3://bkt/a b",
        "s3://bkt/$(x)", "s3://bkt/{{x}}", "s3://bkt/k/",
        "https://", "https://h", "git+https://h", "git+https://h/r@", "git+ssh://git@h/r", "oci://", "oci://h", "ftp://h/x",
        "${{ params.p }}/k", "s3://${{ params.p }}/k", "s3://b${{ params.p }}", "git+https://h/${{ params.p }}",
        "oci://h/m:${{ params.n }}",
        "s3://bkt/${{ params.p }} x", "s3://bkt/k?endpoint=h", "s3://bkt/${{ params.p }}?x", "s3://u:p@b/k", "s3://a..b/k", "s3://-bk/k",
        "gs://Bkt/k", "gs://abc-/k", "s3://ab/k", "s3://10.0.0.1/k", "gs://ab/k", "oss://a_b/k",
        "azure://a--b/k", "azure://A/k", "git+https://h/r@a..b", "git+https://h/r@-x", "git+https://h/r@a b",
        "git+https://h/r@a^", "git+https://h/r@x.lock", "git+https://h/r@v${{ params.p }}/", "git+https://h/r@a@b", "oci://h/m:1@sha256:0",
        "oci://H/M", "https://h/${{ params.p }} x", "https://h/", "git+https://h/r/", "S3://b/k",
    ],
)  # fmt: skip
def test_malformed_addresses(uri: str) -> None:
    """An address that no client could open, or whose place a run could choose, is refused."""
    assert set(support.codes(project(uri), ())) == {"MLC335"}


@pytest.mark.parametrize(
    ("kind", "name", "good"),
    [
        ("s3", "abc", True), ("s3", "ab", False), ("s3", "B_X", True), ("s3", "a" * 255, True), ("s3", "a" * 256, False),
        ("s3", "192.168.5.4", False), ("s3", "192.168.5.4.a", True), ("s3", "a..b", False), ("s3", "a.b-c_D", True), ("s3", "abc-", False),
        ("gcs", "abc", True), ("gcs", "ab", False), ("gcs", "b_x", True), ("gcs", "B_X", False), ("gcs", "a" * 63, True),
        ("gcs", "a" * 64, False), ("gcs", f"{'a' * 63}.{'b' * 63}.{'c' * 63}", True), ("gcs", ".".join(["abcdefghi"] * 22) + ".abc", False),
        ("gcs", "192.168.5.4", False), ("gcs", "a..b", False), ("gcs", "abc_", False),
    ],
)  # fmt: skip
def test_names_of_buckets(kind: str, name: str, good: bool) -> None:
    """What S3, MinIO or Google have now or had once is a bucket; what none of them can have is not."""
    body = f"store: {{{kind}: {{bucket: '{name}'}}}}\nsteps: {{s: {{image: a:1, command: b}}}}"
    assert support.codes(body) == ([] if good else ["MLC335"])


@pytest.mark.parametrize(
    ("uri", "says", "way"),
    [
        ("gs://${{ params.p }}/k", "a parameter may stand behind the bucket", "`gs://BUCKET/${{ params.KEY }}`"),
        ("azure://${{ params.p }}", "behind the container", "`azure://CONTAINER/${{ params.KEY }}`"),
        ("https://${{ params.p }}/k", "behind the host", "`https://HOST/${{ params.PATH }}`"),
        ("git+https://h/${{ params.p }}", "in the revision", "`git+https://HOST/REPOSITORY@${{ params.REVISION }}`"),
        ("oci://h/m:${{ params.p }}", "image holds no parameters", "for KFP alone"),
        ("gcs://b/k", "no address that can be fetched", "write `gs://` instead of `gcs://`"),
        ("S3://b/k", "no address that can be fetched", "write `s3://` instead of `S3://`"),
        ("hf://a/b", "no address that can be fetched", "let a step fetch it"),
        ("git@h.example.com:a/b.git", "no address", "`git+https://HOST/REPOSITORY@REVISION`"),
        ("git+ssh://git@h/a.git", "no address", "`git+https://HOST/REPOSITORY@REVISION`"),
        ("./model.onnx", "no address", "a path of one machine"),
        ("file:///m", "no address", "a path of one machine"),
        ("s3://bkt", "names a bucket and nothing in it", "`s3://bkt/KEY`"),
        ("s3:///k", "`s3:///k` names no bucket", "`s3://BUCKET/KEY`"),
        ("s3://bkt/k/", "ends with `/`", "all objects below the key"),
        ("s3://abc/b c", "holds a blank", "another key"),
        ("https://h/b c", "holds a blank", "a URL has `%`"),
        ("gs://Acme/k", "`Acme` is no name of a bucket", "lower-case letters"),
        ("s3://u:p@b/k", "hold no credentials", "store: {s3: {secret"),
        ("git+https://h/r@v1..v2", "`v1..v2` is no revision", "a tag, a branch or a commit"),
        ("oci://base:1", "no image with its registry", "`oci://REGISTRY/IMAGE:TAG`"),
    ],
)
def test_what_to_write_instead(uri: str, says: str, way: str) -> None:
    """What is wrong with an address is said, and what would be right."""
    (found,) = support.check(project(uri), ())
    assert found.code == "MLC335"
    assert says in found.message
    assert way in found.help


@pytest.mark.parametrize(
    "uri",
    [
        "s3://Old_Bucket.x/k", "gs://a_b.c/k", "azure://$root/k", "git+https://h/r@feature/x-1.2+3",
        "oci://h:5000/a/m:1@sha256:" + "0" * 64,
        "https://h:8080/a%20b?c=d&e", "s3://bkt/a=b/c;d", "git+https://reader@h/r@v1",
    ],
)  # fmt: skip
def test_addresses_that_are_right(uri: str) -> None:
    """What some client opens is not refused for its form."""
    assert support.codes(project(uri), ()) == []


def test_the_user_of_a_repository() -> None:
    """The `@` of a user is not that of the revision."""
    assert location("git+https://reader@h/r") == {"git": {"repo": "https://reader@h/r"}}
    assert location("git+https://reader@h/r@v1") == {"git": {"repo": "https://reader@h/r", "revision": "v1"}}


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("s3://bkt/${{ steps.s.values.v }}", "MLC311"),
        ("s3://bkt/${{ run.id }}", "MLC311"),
        ("s3://bkt/${{ params.l }}", "MLC305"),
        ("s3://bkt/${{ params.q }}", "MLC303"),
    ],
)
def test_references_in_addresses(uri: str, code: str) -> None:
    """Parameters of type string and int may stand in an address, nothing else."""
    assert support.codes(project(uri, params="{p: x, l: [1]}"), ()) == [code]


@pytest.mark.parametrize(("region", "found"), [
    ("eu-west-1", []), ("garage", []), ("'014'", []), ("a" * 63, []), ("a" * 64, ["MLC335"]),
    ("EU", ["MLC335"]), ("eu west", ["MLC335"]), ("'eu&endpoint=x'", ["MLC335"]), ("'{{=1}}'", ["MLC335"]), ("eu_west", ["MLC335"]),
])  # fmt: skip
def test_regions(region: str, found: list[str]) -> None:
    """A region is a short name: with anything else KFP's address of the store would say something else."""
    body = f"store: {{s3: {{bucket: bkt, region: {region}}}}}\nsteps: {{a: {{image: 'x:1', command: t}}}}"
    assert support.codes(body, ()) == found


def test_default_of_an_address() -> None:
    """The default of a parameter that is an address has its form."""
    assert support.codes(project("${{ params.p }}", params="{p: nowhere}"), ()) == ["MLC335"]


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("s3://bkt/k/m", ("s3", "bkt", "k/m")),
        ("git+https://h/r.git@v1", ("git+https", "https://h/r.git", "v1")),
        ("git+https://h/r.git", ("git+https", "https://h/r.git", "")),
        ("https://h/a/b", ("https", "https://h/", "a/b")),
        ("oci://h/m:1", ("oci", "h/m:1", "")),
    ],
)
def test_parts_of_an_address(uri: str, parts: tuple[str, str, str]) -> None:
    """An address falls into what is opened and what is read there."""
    external = support.step(project(uri)).inputs[0].external
    assert external is not None
    found: Address = address(external)
    assert (found.scheme, found.place, found.key.constant) == parts


ABOUT = "{type: model, description: DESCRIPTION, metadata: {framework: TEXT, opset: 17, top1: 0.5, final: true}}"


def test_what_is_known_of_an_output() -> None:
    """Description and metadata are the artifact's on KFP, and a note of the pod on Argo."""
    body = f"artifacts: {{m: {ABOUT}}}\nsteps: {{s: {{image: 'x:1', command: t, outputs: [m]}}}}"
    made = support.manifests(body, "kfp")[0]["components"]["comp-s"]["outputDefinitions"]["artifacts"]["m"]
    assert (made["description"], made["metadata"]) == ("DESCRIPTION", {"framework": "TEXT", "opset": 17, "top1": 0.5, "final": True})
    metadata = support.manifests(body, "argo")[0]["spec"]["templates"][1]["metadata"]["annotations"]
    assert metadata["mlc/artifacts"] == 'm: DESCRIPTION (framework="TEXT", opset=17, top1=0.5, final=true)'


def test_what_is_known_of_an_artifact_from_outside() -> None:
    """The importer has the metadata; on Argo the note is at the pod that reads the artifact."""
    body = project("gs://xyz/k").replace("{type: model,", "{type: model, metadata: {top1: 0.5},")
    spec = support.manifests(body, "kfp")[0]
    assert spec["deploymentSpec"]["executors"]["exec-x-import-base"]["importer"]["metadata"] == {"top1": 0.5}
    metadata = support.manifests(body, "argo")[0]["spec"]["templates"][1]["metadata"]["annotations"]
    assert metadata["mlc/artifacts"] == "base: (top1=0.5)"


@pytest.mark.parametrize(
    ("change", "argo", "kfp"),
    [
        (("DESCRIPTION", "'{{workflow.name}}'"), ["MLC403"], ["MLC403"]),
        (("TEXT", "'{{workflow.name}}'"), ["MLC403"], ["MLC403"]),
        (("TEXT", "$(HOME)"), [], ["MLC403"]),
        (("DESCRIPTION", "$$"), [], ["MLC403"]),
        (("opset: 17", "opset: 9007199254740993"), [], ["MLC401"]),
        (("opset: 17", "display_name: x"), [], ["MLC402"]),
    ],
)
def test_texts_about_artifacts(change: tuple[str, str], argo: list[str], kfp: list[str]) -> None:
    """What an engine would expand, round or overwrite is refused."""
    body = f"artifacts: {{m: {ABOUT.replace(*change)}}}\nsteps: {{s: {{image: 'x:1', command: t, outputs: [m]}}}}"
    assert (errors(body, "argo"), errors(body, "kfp")) == (argo, kfp)
