"""`mlc lock` and a real registry: what it finds, with which credentials, and what it says where it finds nothing."""

from __future__ import annotations

import base64
import http.server
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from mlc.lock import credentials
from mlc.lock import registry as client
from mlc.lock.credentials import Credentials
from mlc.lock.failure import Failure
from mlc.lock.reference import Reference, is_loopback, parse
from mlc.lock.registry import Registries
from mlc.pins import LockedImage
from tests.registry import (
    OCI_MANIFEST,
    PASSWORD,
    USER,
    Registry,
    Tokens,
    basic,
    certificate,
    digest,
    free_port,
    htpasswd,
    registry,
)

AMD, ARM = "linux/amd64", "linux/arm64"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry without a login."""
    with registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that asks for a password."""
    folder = tmp_path_factory.mktemp("closed")
    with registry(folder, htpasswd(folder), authorization=basic()) as running:
        running.image("acme/private", "1", ["python"], ["serve.py"])
        yield running


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each test has Docker settings of its own, no proxy, and no patience."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setattr(client, "WAIT", 0.01)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"):
        monkeypatch.delenv(name, raising=False)


def look_up(reference: str, platform: str = AMD, known: LockedImage | None = None) -> LockedImage:
    """What the reference stands for."""
    return Registries().look_up(reference, platform, known)


def refused(reference: str, platform: str = AMD, code: str = "", text: str = "") -> Failure:
    """The failure that a reference gives."""
    with pytest.raises(Failure) as caught:
        look_up(reference, platform)
    failure = caught.value
    assert failure.code == code, failure.message
    assert text in failure.message
    assert not failure.message.endswith(".")
    assert failure.help
    return failure


def log_in(settings: dict[str, Any]) -> None:
    """Write Docker's settings."""
    folder = Path(os.environ["DOCKER_CONFIG"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")


def helper(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str, name: str = "test") -> None:
    """A helper program for credentials, found on the path."""
    folder.mkdir(exist_ok=True)
    program = folder / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


# --- references ---------------------------------------------------------------------------------------------------------------

SHA = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("busybox", Reference("docker.io", "library/busybox", "latest", "")),
        ("acme/train:1.0", Reference("docker.io", "acme/train", "1.0", "")),
        ("docker.io/busybox:1", Reference("docker.io", "library/busybox", "1", "")),
        ("index.docker.io/acme/a", Reference("docker.io", "acme/a", "latest", "")),
        ("localhost/a/b", Reference("localhost", "a/b", "latest", "")),
        ("registry.test:5000/a:1", Reference("registry.test:5000", "a", "1", "")),
        ("Registry/a:1", Reference("Registry", "a", "1", "")),
        (f"acme/a@{SHA}", Reference("docker.io", "acme/a", "", SHA)),
        (f"h.test:1/a/b:1.0@{SHA}", Reference("h.test:1", "a/b", "1.0", SHA)),
    ],
)
def test_reference(text: str, parts: Reference) -> None:
    """Host, repository, tag and digest are those that Docker finds; a digest names the version where there is one."""
    assert parse(text) == parts
    assert parts.version == (parts.digest or parts.tag)
    assert parts.api == ("registry-1.docker.io" if parts.host == "docker.io" else parts.host)


def test_loopback() -> None:
    """Only this machine counts as itself, whatever a name looks like."""
    assert all(map(is_loopback, ("localhost", "localhost:5000", "127.0.0.1", "127.1.2.3:80", "[::1]:5000")))
    assert not any(map(is_loopback, ("localhost.test", "128.0.0.1", "127.0.0.1.test:5000", "registry.test", "[::2]:5000")))


# --- what is found ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("docker", [False, True])
def test_image(server: Registry, docker: bool) -> None:
    """A tag gives the digest of its manifest and the program of the image, in the media types of OCI and of Docker."""
    made = server.image("acme/one", f"d{docker}", ["python", "-u"], ["run.py"], docker=docker)
    assert look_up(f"{server.host}/acme/one:d{docker}") == LockedImage(made, AMD, ("python", "-u"), ("run.py",))


def test_image_without_a_program(server: Registry) -> None:
    """Neither entrypoint nor command is no mistake of the registry's."""
    made = server.image("acme/none", "1")
    assert look_up(f"{server.host}/acme/none:1") == LockedImage(made, AMD, (), ())


@pytest.mark.parametrize("docker", [False, True])
def test_index(server: Registry, docker: bool) -> None:
    """Of an image for several platforms the index is locked, and the program is that of the platform asked for."""
    repository = f"acme/many-{docker}".lower()
    amd = server.image(repository, "", ["amd"], docker=docker)
    arm = server.image(repository, "", ["arm"], platform=ARM, docker=docker)
    there = {"unknown/unknown": amd, AMD: amd, "linux/arm64/v8": arm}
    index = server.index(repository, "1", there, docker=docker)
    name = f"{server.host}/{repository}:1"
    assert look_up(name) == LockedImage(index, AMD, ("amd",), ())
    assert look_up(name, ARM) == LockedImage(index, ARM, ("arm",), ())
    assert look_up(name, "linux/arm64/v8").entrypoint == ("arm",)
    refused(name, "linux/s390x", "MLC906", f"for `linux/s390x`: it is for `{AMD}`, `linux/arm64/v8`")
    refused(name, "linux/arm64/v7", "MLC906")


def test_digest(server: Registry) -> None:
    """A reference with a digest, with or without a tag, is looked up by it: the tag does not count."""
    made = server.image("acme/fixed", "1", ["old"])
    server.image("acme/fixed", "1", ["new"])
    for name in (f"{server.host}/acme/fixed@{made}", f"{server.host}/acme/fixed:1@{made}"):
        assert look_up(name) == LockedImage(made, AMD, ("old",), ())
    refused(f"{server.host}/acme/fixed@{SHA}", AMD, "MLC906", "the digest")


def test_tag_that_did_not_move(server: Registry) -> None:
    """Asked whether something moved, a registry is asked for the headers alone; what it has is read where the digest is another."""
    made = server.image("acme/still", "1", ["a"])
    known = LockedImage(made, AMD, ("as it was",), ())
    name = f"{server.host}/acme/still:1"
    assert look_up(name, AMD, known) is known
    moved = server.image("acme/still", "1", ["b"])
    assert look_up(name, AMD, known) == LockedImage(moved, AMD, ("b",), ())
    refused(f"{server.host}/acme/still:2", AMD, "MLC906")


def test_wrong_platform_of_a_single_image(server: Registry) -> None:
    """An image for one platform says in its configuration for which."""
    made = server.image("acme/arm", "1", ["a"], platform=ARM)
    refused(f"{server.host}/acme/arm:1", AMD, "MLC906", f"it is for `{ARM}`")
    assert look_up(f"{server.host}/acme/arm:1", ARM).digest == made


def test_what_is_no_image(server: Registry) -> None:
    """A repository can hold anything: charts, signatures."""
    chart = server.blob("acme/chart", b"{}")
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", **chart},
        "layers": [],
    }
    server.manifest("acme/chart", "1", document)
    refused(f"{server.host}/acme/chart:1", AMD, "MLC907", "no image of a container")


def test_missing(server: Registry) -> None:
    """A tag or a repository that is not there is said to be so."""
    server.image("acme/one", "1")
    failure = refused(f"{server.host}/acme/one:nope", AMD, "MLC906", f"`{server.host}/acme/one:nope`")
    assert "manifest unknown" in failure.message
    refused(f"{server.host}/acme/nope:1", AMD, "MLC906")


# --- credentials --------------------------------------------------------------------------------------------------------------


def test_login_is_needed(closed: Registry) -> None:
    """Without credentials, and with wrong ones, the help is to log in."""
    name = f"{closed.host}/acme/private:1"
    assert f"docker login {closed.host}" in refused(name, AMD, "MLC905").help
    log_in({"auths": {closed.host: {"auth": base64.b64encode(f"{USER}:wrong".encode()).decode()}}})
    refused(name, AMD, "MLC905")


@pytest.mark.parametrize(
    "entry",
    [
        {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()},
        {"auth": base64.b64encode(f"{USER}:{PASSWORD}\0\0".encode()).decode()},
        {"username": USER, "password": PASSWORD},
    ],
)
@pytest.mark.parametrize("form", ["{}", "http://{}", "https://{}/v1/"])
def test_auths(closed: Registry, entry: dict[str, str], form: str) -> None:
    """The forms in which Docker and its kin write a login down."""
    log_in({"auths": {"other.test": {}, form.format(closed.host): entry}})
    assert look_up(f"{closed.host}/acme/private:1").entrypoint == ("python",)


def test_netrc_stays_out(closed: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A password for the host in `~/.netrc` belongs to other programs."""
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    refused(f"{closed.host}/acme/private:1", AMD, "MLC905")


@pytest.mark.parametrize("key", ["credHelpers", "credsStore"])
def test_helper_programs(closed: Registry, key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A helper is asked for the host on its standard input, once for all images of a registry."""
    answer = json.dumps({"ServerURL": "", "Username": USER, "Secret": PASSWORD})
    helper(tmp_path / "bin", monkeypatch, f"cat >> {tmp_path}/asked; echo >> {tmp_path}/asked; echo '{answer}'")
    log_in({key: {closed.host: "test"} if key == "credHelpers" else "test"})
    registries = Registries()
    for _ in range(2):
        assert registries.look_up(f"{closed.host}/acme/private:1", AMD).command == ("serve.py",)
    assert (tmp_path / "asked").read_text() == f"{closed.host}\n"


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("echo 'no such vault' >&2; exit 3", "failed: no such vault"),
        ("exit 3", "failed: exit code 3"),
        ("echo nonsense", "gave no credentials"),
        ("echo '[]'", "gave no credentials"),
    ],
)
def test_helper_that_fails(script: str, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A helper that fails is a fault of the set-up, not a registry without a login."""
    helper(tmp_path / "bin", monkeypatch, script)
    log_in({"credsStore": "test"})
    with pytest.raises(Failure, match=text) as caught:
        credentials.find("registry.test")
    assert caught.value.code == "MLC908"


def test_helper_without_an_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A helper that knows nothing of the host leaves what stands in the file."""
    helper(tmp_path / "bin", monkeypatch, "echo 'credentials not found in native keychain'; exit 1")
    log_in({"credsStore": "test", "auths": {"registry.test": {"username": "u", "password": "p"}}})
    assert credentials.find("registry.test") == Credentials("u", "p")
    assert credentials.find("other.test") is None


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"credsStore": "missing"}, "which is not installed"),
        ({"credsStore": "../evil"}, "not the name of a helper"),
        ({"auths": {"registry.test": {"auth": "%%%"}}}, "cannot be read"),
        ({"auths": {"registry.test": {"auth": "bm9jb2xvbg=="}}}, "cannot be read"),
    ],
)
def test_settings_that_cannot_be_used(settings: dict[str, Any], text: str) -> None:
    """What is wrong with Docker's settings is said, not passed over."""
    log_in(settings)
    with pytest.raises(Failure, match=text) as caught:
        credentials.find("registry.test")
    assert caught.value.code == "MLC908"


def test_settings_that_are_no_json() -> None:
    """So is a file that is damaged; one that is missing means no credentials."""
    assert credentials.find("registry.test") is None
    log_in({})
    (Path(os.environ["DOCKER_CONFIG"]) / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(Failure, match="it is not JSON"):
        credentials.find("registry.test")


def test_docker_hub() -> None:
    """Docker Hub has a name of its own in the settings."""
    log_in({"auths": {"https://index.docker.io/v1/": {"username": "u", "password": "p"}}})
    assert credentials.find("docker.io") == Credentials("u", "p")
    assert credentials.find("registry.test") is None


def test_kinds_of_tokens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Identity tokens come from the file or from a helper that calls its user `<token>`; a bearer token is shown as it is."""
    log_in({"auths": {"a.test": {"identitytoken": "i"}, "b.test": {"registrytoken": "b"}, "c.test": {}}})
    assert credentials.find("a.test") == Credentials(identity="i")
    assert credentials.find("b.test") == Credentials(bearer="b")
    assert credentials.find("c.test") is None
    helper(tmp_path / "bin", monkeypatch, """echo '{"Username": "<token>", "Secret": "i"}'""")
    log_in({"credHelpers": {"d.test": "test"}})
    assert credentials.find("d.test") == Credentials(identity="i")


@pytest.mark.parametrize("identity", [False, True])
def test_token_server(tmp_path: Path, identity: bool) -> None:
    """A registry with a token server: the token is asked for the repository alone, with the password or with an identity token."""
    with Tokens(tmp_path / "tokens") as tokens, registry(tmp_path / "registry", tokens.auth) as server:
        push = Registry(server.host, "http", f"Bearer {tokens.token('repository:acme/private:pull,push')}")
        made = push.image("acme/private", "1", ["python"])
        name = f"{server.host}/acme/private:1"
        refused(name, AMD, "MLC905")
        log_in({"auths": {server.host: {"identitytoken": tokens.refresh} if identity else {"username": USER, "password": PASSWORD}}})
        tokens.asked.clear()
        assert look_up(name) == LockedImage(made, AMD, ("python",), ())
        assert [(one["method"], one["service"], one["scope"]) for one in tokens.asked] == [
            ("POST" if identity else "GET", tokens.SERVICE, "repository:acme/private:pull")
        ]


# --- networks -----------------------------------------------------------------------------------------------------------------


def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that nobody vouches for is refused, also on loopback; with the variable for it, it is taken."""
    files = certificate(tmp_path / "certificate")
    with registry(tmp_path / "registry", tls=files) as server:
        failure = refused(f"{server.host}/acme/a:1", AMD, "MLC904", "no safe connection")
        assert "self-signed certificate" in failure.message
        assert "REQUESTS_CA_BUNDLE" in failure.help
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", files["certificate"])
        refused(f"{server.host}/acme/a:1", AMD, "MLC906")


def test_nobody_there() -> None:
    """A port where nothing listens, and a host that does not exist, are told apart."""
    port = free_port()
    refused(f"127.0.0.1:{port}/a:1", AMD, "MLC904", "refuses connections")
    refused("registry.invalid/a:1", AMD, "MLC904", "image `registry.invalid/a:1`: the host `registry.invalid` is not known")


@contextmanager
def answering(reply: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A server that answers every GET and HEAD as the test wants; its host."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            reply(self)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def say(handler: http.server.BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    """Answer a request."""
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.mark.parametrize(("status", "code"), [(429, "MLC904"), (500, "MLC904"), (503, "MLC904"), (418, "MLC907"), (403, "MLC905")])
def test_answers_without_an_image(status: int, code: str) -> None:
    """What a server says is in the message; what may be better the next time is asked three times."""
    asked: list[str] = []

    def reply(handler: http.server.BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        say(handler, status, b'{"errors": [{"code": "TOOMANY", "message": "slow\\n down"}]}')

    with answering(reply) as host:
        failure = refused(f"{host}/a:1", AMD, code)
    assert "TOOMANY: slow down" in failure.message
    assert len(asked) == (3 if status in (429, 500, 503) else 1)


def test_second_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that recovers is given the time that it asks for, and no more than is bearable."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    asked: list[str] = []

    def reply(handler: http.server.BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        say(handler, 503 if len(asked) == 1 else 404, Retry_After="7")

    with answering(reply) as host:
        refused(f"{host}/a:1", AMD, "MLC906")
    assert waits == [7]
    with answering(lambda handler: say(handler, 429, Retry_After="3600")) as host:
        refused(f"{host}/a:1", AMD, "MLC904", "limits how often it is asked")
    assert waits == [7]


def test_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that says nothing is given up."""
    monkeypatch.setattr(client, "CONNECT", 0.2)
    monkeypatch.setattr(client, "READ", 0.2)
    monkeypatch.setattr(client, "ATTEMPTS", 2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begin = time.monotonic()
        refused(f"127.0.0.1:{silent.getsockname()[1]}/a:1", AMD, "MLC904", "does not answer within")
        assert time.monotonic() - begin < 10


def test_connection_that_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that ends too early is asked for again, then reported."""
    asked: list[str] = []

    def reply(handler: http.server.BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"{")
        handler.close_connection = True

    with answering(reply) as host:
        refused(f"{host}/a:1", AMD, "MLC904", "no connection to")
    assert len(asked) == 3


IMAGE = json.dumps({"os": "linux", "architecture": "amd64", "config": {"Entrypoint": ["a"]}}).encode()


def manifest(config: dict[str, Any]) -> bytes:
    """A manifest with this configuration."""
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}).encode()


GOOD = manifest({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(IMAGE), "size": len(IMAGE)})


@pytest.mark.parametrize(
    ("first", "blob", "text"),
    [
        (b"nonsense", IMAGE, "no JSON object"),
        (b"[]", IMAGE, "no JSON object"),
        (b'{"schemaVersion": 1}', IMAGE, "the form of 2015"),
        (b'{"schemaVersion": 2, "mediaType": "x/y"}', IMAGE, "none of an image"),
        (json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST}).encode(), IMAGE, "names no configuration"),
        (GOOD, b"{}", "does not have the digest that its manifest says"),
        (GOOD, b" " * (9 << 20), "has more than 8 MiB"),
    ],
)
def test_answers_that_make_no_sense(first: bytes, blob: bytes, text: str) -> None:
    """What arrives is checked: its form, its size, its digest."""
    with answering(lambda handler: say(handler, 200, first if "manifests" in handler.path else blob)) as host:
        refused(f"{host}/a:1", AMD, "MLC907", text)


@pytest.mark.parametrize("words", ['"a b"', "[1]", "{}"])
def test_program_that_is_no_list(words: str) -> None:
    """Only a list of texts is a program."""
    config = f'{{"os": "linux", "architecture": "amd64", "config": {{"Cmd": {words}}}}}'.encode()
    first = manifest({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(config), "size": 1})
    with answering(lambda handler: say(handler, 200, first if "manifests" in handler.path else config)) as host:
        if words == "{}":
            assert look_up(f"{host}/a:1").command == ()
        else:
            refused(f"{host}/a:1", AMD, "MLC907", "`Cmd` in its configuration is no list of texts")


def test_wrong_digest_of_a_manifest() -> None:
    """A registry that serves other bytes than it promises is not believed."""
    with answering(lambda handler: say(handler, 200, GOOD, Docker_Content_Digest=SHA)) as host:
        refused(f"{host}/a:1", AMD, "MLC907", "does not have the digest that the registry says")


def test_redirected_blob() -> None:
    """A blob may lie elsewhere: credentials do not go there."""
    shown: list[tuple[str, str | None]] = []

    def elsewhere(handler: http.server.BaseHTTPRequestHandler) -> None:
        shown.append(("elsewhere", handler.headers.get("Authorization")))
        say(handler, 200, IMAGE)

    with answering(elsewhere) as other:

        def reply(handler: http.server.BaseHTTPRequestHandler) -> None:
            shown.append((handler.path.split("/")[3], handler.headers.get("Authorization")))
            if handler.headers.get("Authorization") is None:
                say(handler, 401, WWW_Authenticate='Basic realm="x"')
            elif "manifests" in handler.path:
                say(handler, 200, GOOD)
            else:
                say(handler, 307, Location=f"http://{other}/there?signed=1")

        with answering(reply) as host:
            log_in({"auths": {host: {"username": USER, "password": PASSWORD}}})
            assert look_up(f"{host}/a:1").entrypoint == ("a",)
    assert shown == [("manifests", None), ("manifests", basic()), ("blobs", basic()), ("elsewhere", None)]


def test_redirection_without_end() -> None:
    """A registry that sends from one address to the next is left."""
    with answering(lambda handler: say(handler, 302, Location=handler.path)) as host:
        refused(f"{host}/a:1", AMD, "MLC907", "without end")


@pytest.mark.parametrize("challenge", ["", "Negotiate", "Bearer service=1"])
def test_unknown_login(challenge: str) -> None:
    """Kinds of login that no registry should ask for."""
    with answering(lambda handler: say(handler, 401, WWW_Authenticate=challenge)) as host:
        refused(f"{host}/a:1", AMD, "MLC907", "a kind of login")


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [(200, b"{}", "MLC907"), (200, b"x", "MLC907"), (403, b'{"errors": [{"code": "DENIED"}]}', "MLC905"), (404, b"", "MLC904")],
)
def test_token_server_that_fails(status: int, body: bytes, code: str) -> None:
    """A token server that gives no token is reported as what it is."""
    with answering(lambda handler: say(handler, status, body)) as tokens:
        challenge = f'Bearer realm="http://{tokens}/t?x=1",service="s"'
        with answering(lambda handler: say(handler, 401, WWW_Authenticate=challenge)) as host:
            refused(f"{host}/a:1", AMD, code)


def test_tokens_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry with TLS cannot have a password sent in the open, neither to a token server nor by a redirection."""
    session = requests.Session()
    image = client._Image(session, "r.test/a:1", parse("r.test/a:1"), AMD, False, lambda _: Credentials("u", "p"))
    with pytest.raises(Failure, match="sends credentials to an address without TLS"):
        image.authorize('Bearer realm="http://tokens.test/",service="s"')
    monkeypatch.setattr(image, "tried", lambda *_: client.Answer(302, {"Location": "http://other.test/"}, b""))
    with pytest.raises(Failure, match="points to an address without TLS"):
        image.ask("GET", "https://r.test/v2/a/blobs/x", ())


def test_proxies_of_the_environment(monkeypatch: pytest.MonkeyPatch, server: Registry) -> None:
    """Other hosts are asked through the proxy of the environment, this machine never."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    made = server.image("acme/here", "1")
    assert look_up(f"{server.host}/acme/here:1").digest == made
    refused("registry.invalid/a:1", AMD, "MLC904", "the proxy on the way to `registry.invalid` cannot be used")
