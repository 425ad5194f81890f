"""A real registry for tests: Debian's `docker-registry` on loopback, and images that are made here and pushed over its API."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"

USER, PASSWORD = "puller", "not-a-secret"
HASHED = "$2b$05$jXHvH87JDJgdpDTe079Fb.B1LepdIYDgEltnPQ/69C2pMVlqp0m4i"
"""The password as bcrypt has it, the only form that the registry takes."""


def program(name: str) -> str:
    """The path of a program that `make shells` installs."""
    found = shutil.which(name)
    assert found, f"{name} is not installed: `make shells` installs it where that is possible"
    return found


def free_port() -> int:
    """A port on loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def digest(data: bytes) -> str:
    """The digest of a blob."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Registry:
    """A registry that runs. `host` has the port in it; `authorization` is what a push shows."""

    host: str
    scheme: str = "http"
    authorization: str = ""

    def request(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, dict[str, str], bytes]:
        """One request to the API, by its path or by a whole address."""
        url = path if path.startswith("http") else f"{self.scheme}://{self.host}{path}"
        headers = {"Content-Type": kind} if kind else {}
        if self.authorization:
            headers["Authorization"] = self.authorization
        request = urllib.request.Request(url, body, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as response:
            return response.status, dict(response.headers), response.read()

    def blob(self, repository: str, data: bytes) -> dict[str, Any]:
        """Push a blob; what describes it, without its media type."""
        _, headers, _ = self.request("POST", f"/v2/{repository}/blobs/uploads/", b"")
        there = urllib.parse.urljoin(f"{self.scheme}://{self.host}", headers["Location"])
        self.request("PUT", f"{there}{'&' if '?' in there else '?'}digest={digest(data)}", data, "application/octet-stream")
        return {"digest": digest(data), "size": len(data)}

    def manifest(self, repository: str, name: str, document: dict[str, Any]) -> str:
        """Push a manifest or an index under a tag or its digest, and give the digest."""
        data = json.dumps(document, indent=2).encode()
        self.request("PUT", f"/v2/{repository}/manifests/{name or digest(data)}", data, document["mediaType"])
        return digest(data)

    def image(
        self,
        repository: str,
        tag: str,
        entrypoint: list[str] | None = None,
        command: list[str] | None = None,
        *,
        platform: str = "linux/amd64",
        docker: bool = False,
        salt: str = "",
    ) -> str:
        """Push an image; its digest. Without a tag it is pushed by its digest alone."""
        system, architecture = platform.split("/")[:2]
        config = {
            "architecture": architecture,
            "os": system,
            "config": {"Entrypoint": entrypoint, "Cmd": command, "Env": ["PATH=/usr/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(b"layer")]},
            "history": [{"comment": salt}],
        }
        layer = self.blob(repository, f"layer {salt}".encode())
        described = self.blob(repository, json.dumps(config).encode())
        document = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST if docker else OCI_MANIFEST,
            "config": {"mediaType": DOCKER_CONFIG if docker else OCI_CONFIG, **described},
            "layers": [{"mediaType": OCI_LAYER, **layer}],
        }
        return self.manifest(repository, tag, document)

    def index(self, repository: str, tag: str, images: dict[str, str], *, docker: bool = False) -> str:
        """Push an index of manifests that are there, by platform; its digest."""
        entries = []
        for platform, manifest in images.items():
            system, architecture, *variant = platform.split("/")
            of = {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
            kind = DOCKER_MANIFEST if docker else OCI_MANIFEST
            entries.append({"mediaType": kind, "digest": manifest, "size": 1, "platform": of})
        document = {"schemaVersion": 2, "mediaType": DOCKER_LIST if docker else OCI_INDEX, "manifests": entries}
        return self.manifest(repository, tag, document)


@contextmanager
def registry(
    folder: Path, auth: dict[str, Any] | None = None, tls: dict[str, str] | None = None, authorization: str = ""
) -> Iterator[Registry]:
    """Run a registry that keeps its files in `folder`. `auth` and `http.tls` are as in its configuration."""
    port = free_port()
    config: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}", **({"tls": tls} if tls else {})},
        "validation": {"disabled": True},  # or it follows the addresses in manifests
    }
    if auth:
        config["auth"] = auth
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yml").write_text(json.dumps(config), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRY_", "OTEL_"))}
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [program("docker-registry"), "serve", str(folder / "config.yml")], stdout=log, stderr=log, env=environment
        )
    try:
        made = Registry(f"127.0.0.1:{port}", "https" if tls else "http", authorization)
        _wait(port, process, folder / "log")
        yield made
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"the registry does not answer: {log.read_text(encoding='utf-8', errors='replace')}")


def htpasswd(folder: Path) -> dict[str, Any]:
    """The configuration of a registry that asks for the password."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "htpasswd").write_text(f"{USER}:{HASHED}\n", encoding="utf-8")
    return {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}


def basic(user: str = USER, password: str = PASSWORD) -> str:
    """The value of an `Authorization` header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def certificate(folder: Path) -> dict[str, str]:
    """A key and a self-signed certificate for loopback, as `http.tls` wants them."""
    folder.mkdir(parents=True, exist_ok=True)
    key, own = folder / "key.pem", folder / "certificate.pem"
    command = [program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(own)]
    command += ["-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    subprocess.run(command, check=True, capture_output=True)
    return {"certificate": str(own), "key": str(key)}


class Tokens:
    """A server that gives tokens, as registries have beside them: signed, for the user alone, for what is asked."""

    SERVICE, ISSUER = "registry.test", "issuer.test"

    def __init__(self, folder: Path, refresh: str = "refresh-me") -> None:
        self.folder, self.refresh = folder, refresh
        self.asked: list[dict[str, str]] = []
        self.files = certificate(folder)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
                outer.asked.append({"method": "GET", **query})
                self.give(query, allowed=self.headers.get("Authorization") == basic())

            def do_POST(self) -> None:
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                outer.asked.append({"method": "POST", **form})
                self.give(form, allowed=form.get("refresh_token") == outer.refresh)

            def give(self, given: dict[str, str], *, allowed: bool) -> None:
                body = json.dumps({"token": outer.token(given.get("scope", ""))} if allowed else {"errors": []}).encode()
                self.send_response(200 if allowed else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.realm = f"http://127.0.0.1:{self.server.server_address[1]}/token"

    @property
    def auth(self) -> dict[str, Any]:
        """The configuration of a registry that takes these tokens."""
        own = self.files["certificate"]
        return {"token": {"realm": self.realm, "service": self.SERVICE, "issuer": self.ISSUER, "rootcertbundle": own}}

    def token(self, scope: str) -> str:
        """A signed token (JWT, RS256) that allows what the scope names."""
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        access = [{"type": kind, "name": name, "actions": actions.split(",")}] if name else []
        now = int(time.time())
        pem = Path(self.files["certificate"]).read_text(encoding="utf-8")
        header = {"typ": "JWT", "alg": "RS256", "x5c": ["".join(pem.splitlines()[1:-1])]}
        claims = {
            "iss": self.ISSUER,
            "sub": USER,
            "aud": self.SERVICE,
            "exp": now + 300,
            "nbf": now - 60,
            "iat": now,
            "jti": "1",
            "access": access,
        }
        signed = f"{_url64(json.dumps(header).encode())}.{_url64(json.dumps(claims).encode())}"
        command = [program("openssl"), "dgst", "-sha256", "-sign", self.files["key"]]
        signature = subprocess.run(command, input=signed.encode(), capture_output=True, check=True).stdout
        return f"{signed}.{_url64(signature)}"

    def __enter__(self) -> Tokens:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
