"""Real servers on loopback: an `sshd` for git and for DVC's data, and an S3 server that checks signatures."""

from __future__ import annotations

import base64
import getpass
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        number: int = one.getsockname()[1]
        return number


def wait(port: int, process: subprocess.Popen[bytes], seconds: float = 30) -> None:
    """Wait until a server takes connections."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as one:
            one.settimeout(1)
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the server does not answer: {process.args!r}")


@contextmanager
def started(words: list[str], port: int, log: Path, **env: str) -> Iterator[None]:
    """A server, ended at the end."""
    with (
        log.open("wb") as file,
        subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env={**os.environ, **env}) as process,
    ):
        try:
            wait(port, process)
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def new_key(path: Path) -> Path:
    """A key pair for ssh."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path], check=True)
    return path


@dataclass(frozen=True)
class Ssh:
    """An `sshd`: its address, the key that it takes, and its host key as a line of `known_hosts`."""

    port: int
    key: Path
    known_hosts: Path
    log: Path

    def url(self, path: Path) -> str:
        """The address of a folder of this machine."""
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{path}"


@contextmanager
def sshd(folder: Path) -> Iterator[Ssh]:
    """An `sshd` of the user who runs the tests, who may log in with one key."""
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    host, key, port = new_key(folder / "host"), new_key(folder / "user"), free_port()
    shutil.copy(folder / "user.pub", folder / "authorized")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # what the service of the package makes when it starts
    settings = f"""
        ListenAddress 127.0.0.1
        Port {port}
        HostKey {host}
        AuthorizedKeysFile {folder / "authorized"}
        PidFile none
        UsePAM no
        StrictModes no
        PasswordAuthentication no
        KbdInteractiveAuthentication no
        PermitRootLogin prohibit-password
        MaxStartups 60
        Subsystem sftp internal-sftp
    """
    config = folder / "sshd_config"
    config.write_text("\n".join(line.strip() for line in settings.strip().splitlines()) + "\n")
    kind, text, *_ = (folder / "host.pub").read_text().split()
    known = folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {kind} {text}\n")
    with started([program, "-D", "-e", "-f", str(config)], port, folder / "sshd.log"):
        yield Ssh(port, key, known, folder / "sshd.log")


@dataclass(frozen=True)
class Bucket:
    """An S3 server with one user, and a bucket that keeps versions."""

    endpoint: str
    name: str
    access_key: Path
    secret_key: Path


@contextmanager
def s3(folder: Path, weed: Path) -> Iterator[Bucket]:
    """SeaweedFS, which refuses what is not signed with the keys of its settings."""
    access, secret = folder / "access", folder / "secret"
    access.write_text("loopback\n")
    secret.write_text("keyfortestsonly\n")
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identity = {"name": "tests", "credentials": [{"accessKey": "loopback", "secretKey": "keyfortestsonly"}], "actions": actions}
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    ports = {name: free_port() for name in ("master.port", "volume.port", "filer.port", "s3.port")}
    ports |= {f"{name}.grpc": free_port() for name in ports} | {f"s3.port.{name}": 0 for name in ("iceberg", "lance")}
    words = [str(weed), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", f"-s3.config={config}"]
    words += ["-master.telemetry=false", "-volume.max=20", "-master.volumeSizeLimitMB=64"]
    words += [f"-{name}={port}" for name, port in ports.items()]
    with started(words, ports["s3.port"], folder / "weed.log"):
        yield Bucket(f"http://127.0.0.1:{ports['s3.port']}", "data", access, secret)


class Https:
    """Git over https with a password, which is the token: `git http-backend`, called as a web server does."""

    TOKEN = "ghp-not-a-real-token"

    def __init__(self, folder: Path, repositories: Path) -> None:
        self.folder, self.repositories = folder, repositories
        self.certificate = folder / "certificate.pem"
        self.paths: list[str] = []

    @contextmanager
    def started(self) -> Iterator[str]:
        """The address, while it serves."""
        config = self.folder / "openssl.cnf"
        config.write_text("[req]\ndistinguished_name = name\nx509_extensions = more\n[name]\n[more]\nsubjectAltName = IP:127.0.0.1\n")
        subject = ["-subj", "/CN=127.0.0.1", "-config", str(config)]
        files = ["-keyout", str(self.folder / "key.pem"), "-out", str(self.certificate)]
        words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files]
        subprocess.run(words, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.folder / "key.pem")
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                outer.paths.append(self.path)

            def do_GET(self) -> None:
                self.answer()

            def do_POST(self) -> None:
                self.answer()

            def answer(self) -> None:
                given = base64.b64decode(self.headers.get("Authorization", "").partition(" ")[2]).decode()
                if given != f"x-access-token:{outer.TOKEN}":
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", "Basic")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                path, _, query = self.path.partition("?")
                env = {
                    "PATH": os.environ["PATH"],
                    "GIT_PROJECT_ROOT": str(outer.repositories),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "REMOTE_USER": "team",
                    "REQUEST_METHOD": self.command,
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": self.headers.get("Content-Length", "0"),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                }
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True)
                head, _, content = done.stdout.partition(b"\r\n\r\n")
                fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
                self.send_response(int(fields.pop("Status", "200").split()[0]))
                for name, text in fields.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        return Handler
