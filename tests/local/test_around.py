"""What a project finds around it: volumes, secrets, config maps, fields of a pod, images, artifacts from outside."""

from __future__ import annotations

import http.server
import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlc.ir import ConfigMapKey, FieldPath, RunClaim, SecretKey
from mlc.local import memory
from mlc.local.job import Place
from mlc.local.masking import Masks
from mlc.local.settings import read
from mlc.local.volumes import Around
from tests.support import pipeline

BODY = """
volumes:
  data: {claim: data-pvc}
  mine: {size: 1Gi}
  shm: {memory: 1Mi}
  scratch: {empty_dir: {}}
  keys: {secret: git, mode: 0400}
  level: {config_map: settings}
  nodes: {host_path: /mnt/x}
  share: {nfs: {server: nfs.example.com, path: /x}}
artifacts:
  reviews: {type: dataset, uri: "s3://bucket/reviews.csv"}
  page: {type: html, uri: "https://example.com/page.html"}
steps:
  a:
    image: acme/x:1
    command: "true"
    labels: {team: vision}
    inputs: {reviews: /in/reviews, page: /in/page}
    env:
      TOKEN: {secret: api, key: token}
      LEVEL: {config_map: settings, key: level}
      NAME: {field: metadata.name}
      TEAM: {field: "metadata.labels['team']"}
    volumes: {data: /data, mine: /mine, shm: /shm, scratch: /scratch, keys: /keys, level: /level, nodes: /nodes, share: /share}
"""

LOCAL = {
    "volumes": {"nodes": "nodes", "share": "share"},
    "secrets": {"git": {"folder": "keys"}, "api": {"token": {"env": "MLC_TEST_TOKEN"}}},
    "config_maps": {"settings": {"level": {"value": "debug"}, "other": {"file": "other"}}},
    "artifacts": {"reviews": "reviews.csv"},
    "images": {"acme/x:1": "localhost/x:dev"},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that `LOCAL` names."""
    for name in ("nodes", "share", "keys"):
        (tmp_path / name).mkdir()
    (tmp_path / "keys" / "id").write_text("hunter2x")
    (tmp_path / "keys" / ".hidden").write_text("no key")
    (tmp_path / "other").write_text("from a file")
    (tmp_path / "reviews.csv").write_text("r")
    monkeypatch.setenv("MLC_TEST_TOKEN", "abracadabra")
    return tmp_path


def around(folder: Path, local: Any = LOCAL, masks: Masks | None = None) -> Around:
    """The surroundings that these settings make."""
    findings: list[Any] = []
    settings = read(local, folder, findings)
    assert findings == []
    return Around(settings, folder / "state", masks or Masks())


def place(folder: Path, attempt: int = 1) -> Place:
    """An attempt of step `a`."""
    made = folder / "state" / "runs" / "demo-1" / "a" / str(attempt)
    made.mkdir(parents=True, exist_ok=True)
    return Place("demo-1", str(uuid.UUID(int=7)), "a", attempt, made)


def problems(folder: Path, local: Any, body: str = BODY) -> list[tuple[str, str, str]]:
    """What `check` refuses."""
    findings: list[Any] = []
    around(folder, local).check(pipeline(body), findings)
    return [(finding.code, finding.message, finding.help) for finding in findings]


def test_nothing_is_missing(folder: Path) -> None:
    """With all that the project needs there is nothing to say."""
    assert problems(folder, LOCAL) == []


def test_all_that_is_missing_at_once(folder: Path) -> None:
    """One error says all that is missing, and what to write."""
    [(code, message, help)] = problems(folder, {})
    assert code == "MLC430"
    assert message.removeprefix("this machine has to give what the cluster would: ").split("; ") == [
        "key `token` of secret `api`",
        "key `level` of config map `settings`",
        "secret `git`, for volume `keys`",
        "config map `settings`, for volume `level`",
        "volume `nodes`, a folder of a node",
        "volume `share`, a folder of an NFS server",
        "artifact `reviews`, which is not fetched from `s3://bucket/reviews.csv` here",
    ]
    for entry in ("`secrets: {api: {token: {env: TOKEN}}}`", "`volumes: {nodes: ./nodes}`", "`artifacts: {reviews: ./reviews}`"):
        assert entry in help
    assert help.endswith("or say `--secret api/token=env:TOKEN`")


@pytest.mark.parametrize(
    "section, entry, message",
    [
        ("secrets", {"api": {"token": {"env": "MLC_NO_SUCH"}}}, "key `token` of secret `api`: the variable `MLC_NO_SUCH` is not set"),
        ("secrets", {"api": {"tokn": {"env": "MLC_TEST_TOKEN"}}}, "key `token` of secret `api`"),
        ("secrets", {"git": {"id": {"file": "gone"}}}, "key `id` of secret `git`: `FOLDER/gone` is no file"),
        ("secrets", {"git": {"folder": "gone"}}, "secret `git`: `FOLDER/gone` is no folder"),
        ("volumes", {"nodes": "gone", "share": "share"}, "volume `nodes`: `FOLDER/gone` is not there"),
        ("volumes", {"nodes": "nodes", "share": "share", "data": "gone"}, "volume `data`: `FOLDER/gone` is not there"),
        ("volumes", {"nodes": "nodes", "share": "share", "data": "other"}, "volume `data`: `FOLDER/other` is no folder"),
        (
            "volumes",
            {"nodes": "other", "share": "share", "keys": "keys"},  # a folder of a node may be a file
            "secret `git`, for volume `keys`: a folder under `volumes` or of `--volume` cannot stand for it",
        ),
        ("artifacts", {"reviews": "gone"}, "artifact `reviews`: `FOLDER/gone` is not there"),
    ],
)
def test_what_is_named_but_not_there(folder: Path, section: str, entry: Any, message: str) -> None:
    """What the settings name has to be there."""
    local = {**LOCAL, section: {**(LOCAL[section] if section == "secrets" else {}), **entry}}  # type: ignore[dict-item]
    [(code, found, _)] = problems(folder, local)
    assert (code, found.partition("would: ")[2]) == ("MLC430", message.replace("FOLDER", str(folder)))


FETCHED = """
datasets:
  reviews: {dvc: {repo: "git@h.test:data.git", path: reviews.csv}, tag: v1, ssh_key: {secret: git, key: id}}
steps: {train: {image: "a:1", command: x, inputs: [reviews]}}
"""


def test_keys_of_datasets(folder: Path) -> None:
    """The keys that fetching needs are known by name, and are files; a secret that has some of them is not enough."""
    [(code, message, help)] = problems(folder, {}, FETCHED)
    assert (code, message.partition("would: ")[2]) == ("MLC430", "key `id` of secret `git`; key `known_hosts` of secret `git`")
    assert "`secrets: {git: {id: {file: ./id}}}`" in help
    assert help.endswith("or say `--secret git/id=file:./id`")
    [(_, message, _)] = problems(folder, {"secrets": {"git": {"folder": "keys"}}}, FETCHED)
    assert message.partition("would: ")[2] == "key `known_hosts` of secret `git`"
    (folder / "keys" / "known_hosts").write_text("h.test x y")
    assert problems(folder, {"secrets": {"git": {"folder": "keys"}}}, FETCHED) == []
    broken = {"secrets": {"git": {"folder": "keys", "id": {"file": "gone"}}}}
    [(_, message, _)] = problems(folder, broken, FETCHED)
    assert message.partition("would: ")[2] == f"key `id` of secret `git`: `{folder}/gone` is no file"


def test_images_with_a_digest(folder: Path) -> None:
    """An image is mapped by its name, by its reference, or by its reference with the digest that a lock file adds."""
    digest = f"@sha256:{'0' * 64}"
    body = (
        f"images: {{named: 'acme/y:2{digest}'}}\nsteps: {{a: {{image: 'acme/x:1{digest}', command: x}}, b: {{image: named, command: x}}}}"
    )
    plain, named = (step.image for step in pipeline(body).steps)
    for mapped, expected in (
        ({"acme/x:1": "local/x"}, ["local/x", f"acme/y:2{digest}"]),
        ({"named": "local/y", f"acme/x:1{digest}": "local/z", "acme/x:1": "local/x"}, ["local/z", "local/y"]),
        ({"acme/x": "local/x"}, [f"acme/x:1{digest}", f"acme/y:2{digest}"]),
    ):
        here = around(folder, {"images": mapped})
        assert [here.image(image, image.ref) for image in (plain, named)] == expected


def test_did_you_mean(folder: Path) -> None:
    """A name with a typo is not just missing."""
    local = {**LOCAL, "secrets": {"gitt": {"folder": "keys"}, "api": {"token": {"env": "MLC_TEST_TOKEN"}}}}
    assert problems(folder, local)[0][2].startswith("did you mean `gitt`?")


def test_field_without_a_value(folder: Path) -> None:
    """A field of a pod that means nothing on one machine is refused by its name."""
    body = "steps: {a: {image: 'acme/x:1', command: 'true', env: {A: {field: status.podIPs}}}}"
    [(code, message, _)] = problems(folder, {}, body)
    assert (code, message) == ("MLC432", "`A` of step `a` is the field `status.podIPs` of a pod, which has no value here")


def test_values(folder: Path) -> None:
    """Values of secrets are masked from then on; those of config maps are not."""
    masks = Masks()
    made = around(folder, LOCAL, masks)
    made.check(pipeline(BODY), [])
    here = place(folder)
    assert made.env_value(SecretKey("api", "token"), here) == "abracadabra"
    assert made.env_value(SecretKey("git", "id"), here) == "hunter2x"
    assert made.env_value(ConfigMapKey("settings", "level"), here) == "debug"
    assert made.env_value(ConfigMapKey("settings", "other"), here) == "from a file"
    assert masks.text("abracadabra hunter2x debug") == "*** *** debug"
    fields = ["metadata.name", "metadata.namespace", "metadata.labels['team']", "metadata.labels['none']", "status.podIP"]
    assert [made.env_value(FieldPath(field), here) for field in fields] == ["demo-1-a-1", "default", "vision", "", "127.0.0.1"]
    assert uuid.UUID(made.env_value(FieldPath("metadata.uid"), here)).version == 5
    os.environ.pop("MLC_TEST_TOKEN")
    with pytest.raises(OSError, match="key `token` of secret `api` cannot be had any more"):
        made.env_value(SecretKey("api", "token"), here)


def test_where_folders_would_be(folder: Path) -> None:
    """Before a run its folders are known, and none is made."""
    made = around(folder)
    mounts = pipeline(BODY).steps[0].mounts
    here = place(folder)
    shutil.rmtree(folder / "state")
    planned = made.mounts_as_planned(mounts, here)
    assert not (folder / "state").exists()
    assert planned == made.mounts_for(mounts, here)


def test_claims_without_anything_in_them(folder: Path) -> None:
    """A claim of the cluster that is an empty folder here is told of, unless somebody named the folder."""
    empty = folder / "state" / "volumes" / "data-pvc"
    says = [f"volume `data` is an empty folder, `{empty}`: `--volume data=DIR` names one of yours"]
    assert around(folder).notes(pipeline(BODY)) == says
    empty.mkdir(parents=True)
    assert around(folder).notes(pipeline(BODY)) == says
    local = {**LOCAL, "volumes": {"nodes": "nodes", "share": "share", "data": "keys"}}
    assert around(folder, local).notes(pipeline(BODY)) == []
    (empty / "x").touch()
    assert around(folder).notes(pipeline(BODY)) == []


def test_folders(folder: Path) -> None:
    """Claims are kept, folders that are named are used as they are, what is one per pod is the attempt's and goes with it."""
    made = around(folder)
    project = pipeline(BODY)
    mounts = {mount.volume.name: mount for mount in project.steps[0].mounts}
    here = place(folder)
    found = {mounted.mount.volume.name: mounted for mounted in made.mounts_for(project.steps[0].mounts, here)}
    again = {mounted.mount.volume.name: mounted.source for mounted in made.mounts_for(project.steps[0].mounts, here)}
    assert again == {name: mounted.source for name, mounted in found.items()}
    assert found["data"].source == folder / "state" / "volumes" / "data-pvc"
    assert found["mine"].source == folder / "state" / "runs" / "demo-1" / ".volumes" / "mine"
    assert (found["nodes"].source, found["share"].source) == (folder / "nodes", folder / "share")
    assert found["scratch"].source.is_relative_to(here.folder)
    assert found["data"].source.stat().st_mode & 0o777 == 0o777
    assert [path.name for path in found["keys"].source.iterdir()] == ["id"]
    assert (found["keys"].source / "id").stat().st_mode & 0o777 == 0o400
    assert sorted(path.name for path in found["level"].source.iterdir()) == ["level", "other"]
    assert {name for name, mounted in found.items() if mounted.read_only} == {"keys", "level"}
    if memory.of_run(folder) is not None:
        assert found["shm"].source.is_relative_to("/dev/shm")
        assert found["keys"].source.is_relative_to("/dev/shm")
        assert not os.stat(f"/dev/shm/mlc-{os.getuid()}").st_mode & 0o077
    made.release(here)
    assert not any(found[name].source.exists() for name in ("scratch", "shm", "keys", "level"))
    assert all(found[name].source.exists() for name in ("data", "mine", "nodes"))
    assert list(here.folder.iterdir()) == []
    assert made.identity(mounts["data"]) == "claim data-pvc"
    assert made.identity(mounts["nodes"]) == f"folder {folder / 'nodes'}"
    assert (made.identity(mounts["scratch"]), made.identity(mounts["shm"])) == ("", "")
    assert "hunter2x" not in made.identity(mounts["keys"])
    before = made.identity(mounts["level"])
    (folder / "other").write_text("changed")
    assert made.identity(mounts["level"]) != before


def test_sweep_memory(folder: Path) -> None:
    """What a killed run left in memory is removed, and nothing of another."""
    made = around(folder)
    [shm] = [mount for mount in pipeline(BODY).steps[0].mounts if mount.volume.name == "shm"]
    [mine] = made.mounts_for([shm], place(folder))
    other = Place("demo-2", str(uuid.UUID(int=8)), "a", 1, folder / "state" / "runs" / "demo-2" / "a" / "1")
    other.folder.mkdir(parents=True)
    [theirs] = made.mounts_for([shm], other)
    made.sweep("demo-1")
    assert theirs.source.exists()
    assert not mine.source.exists() or memory.of_run(folder) is None
    made.sweep("demo-2")


def test_folders_in_memory_come_and_go(tmp_path: Path) -> None:
    """Attempts that begin and end at once do not take each other's folders away."""
    if memory.of_run(tmp_path) is None:
        return
    problems: list[OSError] = []

    def use(task: str) -> None:
        for number in range(200):
            folder = memory.of_attempt(tmp_path / task / str(number))
            assert folder is not None
            try:
                (memory.make(folder / "x") / "file").write_text("")
                (folder / "x" / "file").unlink()
                (folder / "x").rmdir()
            except OSError as error:
                problems.append(error)
            memory.tidy(folder)

    threads = [threading.Thread(target=use, args=(task,)) for task in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    made = memory.of_run(tmp_path)
    assert made is not None
    assert not made.exists()


def test_folder_in_memory_that_goes_while_it_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another attempt may tidy up a folder when it was just found to be there already: it is made again."""
    folder = memory.of_attempt(tmp_path / "a" / "1")
    if folder is None:
        return
    memory.make(folder)
    is_dir, looks = Path.is_dir, [0]

    def tidied(path: Path) -> bool:
        if path == folder and not looks[0]:
            looks[0] += 1
            memory.tidy(folder)
        return is_dir(path)

    monkeypatch.setattr(Path, "is_dir", tidied)
    assert is_dir(memory.make(folder))
    assert looks == [1]
    memory.tidy(folder)


def test_claims_of_a_run(folder: Path) -> None:
    """A claim of a run is a folder that is removed with it, but not where somebody named one."""
    made = around(folder, {"volumes": {"named": "nodes"}})
    claims = [RunClaim("mine", "1Gi", "ReadWriteOnce", "", False, ()), RunClaim("named", "1Gi", "ReadWriteOnce", "", False, ())]
    assert [made.has_claim("demo-1", claim) for claim in claims] == [False, True]
    made.make_claims("demo-1", claims)
    made.make_claims("demo-1", claims)
    assert [made.has_claim("demo-1", claim) for claim in claims] == [True, True]
    closed = folder / "state" / "runs" / "demo-1" / ".volumes" / "mine" / "closed"
    closed.mkdir()
    (closed / "x").write_text("")
    closed.chmod(0)
    made.remove_claims("demo-1", claims)
    assert [made.has_claim("demo-1", claim) for claim in claims] == [False, True]


def test_images(folder: Path) -> None:
    """An image is mapped by its name in the spec or by its reference."""
    body = "images: {train: 'acme/train:1', other: 'acme/y:1'}\nsteps: {a: {image: train, command: x}, b: {image: 'acme/x:1', command: x}}"
    steps = {step.name: step for step in pipeline(body).steps}
    made = around(folder, {"images": {"train": "localhost/t:1", "acme/x:1": "localhost/x:1"}})
    assert made.image(steps["a"].image, "acme/train:1") == "localhost/t:1"
    assert made.image(steps["b"].image, "acme/x:1") == "localhost/x:1"
    assert made.image(steps["b"].image, "acme/z:1") == "acme/z:1"


# --- artifacts from outside


class Page(http.server.BaseHTTPRequestHandler):
    """A page, one that ends too early, and one that is not there."""

    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/gone" else 200)
        self.send_header("Content-Length", "100" if self.path == "/short" else "4")
        self.end_headers()
        self.wfile.write(b"page")

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server on this host."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{made.server_address[1]}"
        made.shutdown()
        thread.join()


def test_fetch(folder: Path, server: str) -> None:
    """An artifact is taken from where it is, or fetched; a part of one is none."""
    made = around(folder)
    reviews, page = (port.external for port in pipeline(BODY).steps[0].inputs)
    assert reviews is not None
    assert page is not None
    assert made.fetch(reviews, "s3://bucket/x", folder / "to") == folder / "reviews.csv"
    assert made.fetch(page, f"file://{folder}/other", folder / "to") == folder / "other"
    assert made.fetch(page, f"{server}/page", folder / "to").read_text() == "page"
    for uri, message in (
        (f"{server}/gone", "cannot be fetched: 404"),
        (f"{server}/short", "4 of 100 bytes|IncompleteRead"),
        ("http://127.0.0.1:1/x", "cannot be fetched"),
        (f"file://{folder}/none", "is not there"),
        ("gs://bkt/x", "--artifact page=PATH"),
    ):
        with pytest.raises(OSError, match=message):
            made.fetch(page, uri, folder / "to2")
        assert [path.name for path in folder.iterdir() if "to2" in path.name] == []
