"""Images in registries, over the OCI distribution API: what a reference stands for, and what the image starts.

Why `requests` and these lines, and no client from PyPI (read in oras 0.2.43 and python-dxf 12.1.1): neither sets a time limit by itself or
checks what arrives against its digest; oras does not give the digest of a manifest, waits for minutes on a host that does not exist, and
knows no identity tokens; python-dxf reads no settings of Docker and sends no credentials over http, not even to the machine itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import NameResolutionError

from ..pins import LockedImage
from . import credentials
from .credentials import Credentials
from .failure import Failure
from .reference import DOCKER_HUB, Reference, is_loopback, parse

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")

CONNECT, READ = 10, 30
"""Seconds for a connection, and between two pieces of an answer."""
ATTEMPTS = 3
WAIT = 1.0
"""Seconds before the second attempt; twice that before the third."""
LONGEST_WAIT = 15
"""Seconds. A registry that asks for more has no answer for somebody who waits for a command."""
LARGEST = 8 << 20
"""Bytes of a manifest or of an image's configuration. Registries take manifests of up to 4 MiB."""
REDIRECTS = 5

_AGAIN = frozenset((408, 429, 500, 502, 503, 504))
_PARAMETER = re.compile(r'([A-Za-z_]+)="((?:[^"\\]|\\.)*)"')
_NOT_TLS = ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNEXPECTED_EOF")
"""How OpenSSL says that the other side speaks no TLS."""


@dataclass(frozen=True)
class Answer:
    """The end of a request: its status, headers and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def problem(self) -> str:
        """What the registry says went wrong: the first of its `errors`, on one line, or nothing."""
        try:
            first = json.loads(self.body)["errors"][0]
            text = f"{first.get('code', '')}: {first.get('message', '')}".strip(": ")
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            return ""
        return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:200]


class Registries:
    """All registries of one command. Credentials of a host are found once; look-ups may run in threads."""

    def __init__(self, insecure: Collection[str] = ()) -> None:
        """`insecure` are hosts (with their ports) that may be asked without TLS, as this machine itself may."""
        self._insecure = frozenset(insecure)
        self._guard = threading.Lock()
        self._known: dict[str, Credentials | None] = {}

    def look_up(self, text: str, platform: str, known: LockedImage | None = None) -> LockedImage:
        """What a reference stands for, and what its image starts on a platform such as `linux/amd64`. Raises Failure.

        With `known` the registry is asked first whether that is still so, which is cheaper, and no pull to registries that count them.
        """
        reference = parse(text)
        with requests.Session() as session:
            plain = is_loopback(reference.host) or reference.host in self._insecure
            try:
                return _Image(session, text, reference, platform, plain, self._credentials).look_up(known)
            except Failure as failure:  # the place may not show the image: of the steps that fetch data it is the dataset's
                if text in failure.message:
                    raise
                raise Failure(failure.code, f"image `{text}`: {failure.message}", failure.help) from failure

    def _credentials(self, host: str) -> Credentials | None:
        with self._guard:
            if host not in self._known:
                self._known[host] = credentials.find(host)
            return self._known[host]


class _Image:
    """One reference and the conversation about it."""

    def __init__(self, session: requests.Session, text: str, reference: Reference, platform: str, plain: bool, find: Any) -> None:
        self.session, self.text, self.reference, self.platform, self.plain = session, text, reference, platform, plain
        self.find = find
        self.scheme = "https"
        self.authorization = ""
        if is_loopback(reference.host):
            session.trust_env = False  # no proxy leads back here
        session.auth = lambda request: request  # or requests takes a password from ~/.netrc, over the token that was asked for
        own = f"/etc/docker/certs.d/{reference.host}/ca.crt"  # where Docker itself looks for the certificate of a registry
        named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        session.verify = named or (own if os.path.isfile(own) else True)

    # --- what the reference stands for

    def look_up(self, known: LockedImage | None) -> LockedImage:
        """What the reference stands for."""
        if known is not None and known.platform == self.platform and self.unchanged(known.digest):
            return known
        body, digest, document = self.manifest(self.reference.version, INDEXES + MANIFESTS)
        if _type(document, body) in INDEXES:
            chosen = self.choose(document)
            _, _, document = self.manifest(chosen, MANIFESTS)
        config = self.config(document)
        inner = config.get("config") if isinstance(config.get("config"), dict) else {}
        return LockedImage(digest, self.platform, self.words(inner, "Entrypoint"), self.words(inner, "Cmd"))

    def unchanged(self, digest: str) -> bool:
        """Whether the registry says that the tag has this digest; False where it does not say."""
        answer = self.ask("HEAD", self.url("manifests", self.reference.version), INDEXES + MANIFESTS)
        return answer.status == 200 and answer.headers.get("Docker-Content-Digest") == digest

    def manifest(self, version: str, accept: tuple[str, ...]) -> tuple[Answer, str, dict[str, Any]]:
        """A manifest or an index by tag or digest: the answer, its digest and what is in it."""
        answer = self.get("manifests", version, accept)
        wanted = version if ":" in version else answer.headers.get("Docker-Content-Digest") or ""
        digest = _digest(answer.body, wanted.partition(":")[0])
        if wanted and digest != wanted:
            raise self.unusable("what arrived does not have the digest that the registry says")
        document = self.document(answer.body)
        if document.get("schemaVersion") != 2:
            raise self.unusable("its manifest has the form of 2015 (schema 1)", "push it again with a newer Docker")
        if _type(document, answer) not in accept:
            raise self.unusable("its manifest is none of an image")
        return answer, digest, document

    def choose(self, index: dict[str, Any]) -> str:
        """The digest of the manifest for the platform."""
        system, _, rest = self.platform.partition("/")
        processor, _, variant = rest.partition("/")
        there = []
        for entry in index.get("manifests") or ():
            of = entry.get("platform") if isinstance(entry, dict) else None
            if not isinstance(of, dict) or not isinstance(entry.get("digest"), str):
                continue
            if (of.get("os"), of.get("architecture")) == (system, processor) and variant in ("", of.get("variant")):
                return str(entry["digest"])
            if of.get("os") != "unknown":  # so builders mark what is beside the images: signatures, provenance
                there.append("/".join(str(of[key]) for key in ("os", "architecture", "variant") if of.get(key)))
        raise self.no_platform(list(dict.fromkeys(there)))

    def config(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """The configuration of the image, which has to be for the platform."""
        descriptor = manifest.get("config")
        if not isinstance(descriptor, dict) or not isinstance(descriptor.get("digest"), str):
            raise self.unusable("its manifest names no configuration")
        if descriptor.get("mediaType") not in CONFIGS:
            raise self.unusable("it is no image of a container")
        digest = descriptor["digest"]
        answer = self.get("blobs", digest, ())
        if _digest(answer.body, digest.partition(":")[0]) != digest:
            raise self.unusable("what arrived does not have the digest that its manifest says")
        found = self.document(answer.body)
        system, _, rest = self.platform.partition("/")
        if (found.get("os"), found.get("architecture")) != (system, rest.partition("/")[0]):
            raise self.no_platform([f"{found.get('os')}/{found.get('architecture')}"])
        return found

    def words(self, config: Any, key: str) -> tuple[str, ...]:
        """`Entrypoint` or `Cmd`."""
        found = config.get(key) or []
        if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
            raise self.unusable(f"`{key}` in its configuration is no list of texts")
        return tuple(found)

    def document(self, body: bytes) -> dict[str, Any]:
        """A JSON object."""
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self.unusable("the answer is no JSON object")
        return found

    # --- requests

    def url(self, kind: str, name: str) -> str:
        """The address of a manifest or a blob."""
        return f"{self.scheme}://{self.reference.api}/v2/{self.reference.repository}/{kind}/{name}"

    def get(self, kind: str, name: str, accept: tuple[str, ...]) -> Answer:
        """The answer to a GET that succeeds."""
        answer = self.ask("GET", self.url(kind, name), accept)
        if answer.status == 200:
            return answer
        said = answer.problem()
        detail = f" ({said})" if said else ""
        if answer.status in (401, 403):
            raise self.denied(detail)
        if answer.status == 404:
            part = "the repository or the tag" if self.reference.tag else "the repository or the digest"
            help = "check the spelling, and that it was pushed"
            raise Failure("MLC906", f"there is no image `{self.text}`: `{self.reference.host}` does not have {part}{detail}", help)
        if answer.status == 429:
            help = f"wait, or log in to be allowed more: `docker login {_login(self.reference.host)}`"
            raise Failure("MLC904", f"`{self.reference.host}` limits how often it is asked, and that is used up{detail}", help)
        message = f"`{self.reference.host}` answers with status {answer.status} when asked for `{self.text}`{detail}"
        raise Failure("MLC904" if answer.status >= 500 else "MLC907", message, "try again later, or ask who runs the registry")

    def ask(self, method: str, url: str, accept: tuple[str, ...]) -> Answer:
        """The last answer to a request: authorised as the registry wants it, asked again where that may help."""
        headers = {"Accept": ", ".join(accept)} if accept else {}
        try:
            answer = self.send(method, url, headers)
        except _SpeaksNoTls:
            self.scheme = "http"
            url = "http" + url.removeprefix("https")
            answer = self.send(method, url, headers)
        if answer.status == 401:
            self.authorization = self.authorize(answer.headers.get("WWW-Authenticate", ""))
            if self.authorization:
                answer = self.send(method, url, headers)
        return answer

    def send(self, method: str, url: str, headers: dict[str, str]) -> Answer:
        """Follow redirections. Credentials go to the registry alone: a redirected address carries its own permission."""
        for _ in range(REDIRECTS):
            own = urlsplit(url).netloc == self.reference.api
            authorized = {**headers, "Authorization": self.authorization} if own and self.authorization else headers
            answer = self.tried(method, url, authorized)
            if answer.status not in (301, 302, 303, 307, 308):
                return answer
            url = urljoin(url, answer.headers.get("Location", ""))
            if not self.trusted(url):
                raise self.unusable("the registry points to an address without TLS")
        raise self.unusable("the registry points from one address to the next without end")

    def trusted(self, url: str) -> bool:
        """Whether an address may be asked: with TLS, or without it where the registry itself may."""
        return url.startswith("https://") or (self.plain and url.startswith("http://"))

    def tried(self, method: str, url: str, headers: dict[str, str], data: dict[str, str] | None = None) -> Answer:
        """One request, repeated where the network or the server may do better the next time."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self.once(method, url, headers, data)
            except requests.exceptions.RequestException as error:
                failure, again = self.broken(url, error)
                if not again or attempt == ATTEMPTS:
                    raise failure from error
                wait = WAIT * attempt
            else:
                wait = _retry_after(answer, WAIT * attempt)
                if answer.status not in _AGAIN or attempt == ATTEMPTS or wait > LONGEST_WAIT:
                    return answer
            time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def once(self, method: str, url: str, headers: dict[str, str], data: dict[str, str] | None) -> Answer:
        """One request."""
        with self.session.request(
            method,
            url,
            headers={"User-Agent": "mlc", **headers},
            data=data,
            timeout=(CONNECT, READ),
            allow_redirects=False,
            stream=True,
        ) as response:
            body = b""
            for piece in response.iter_content(1 << 16):
                body += piece
                if len(body) > LARGEST:
                    raise self.unusable(f"the answer has more than {LARGEST >> 20} MiB")
            return Answer(response.status_code, response.headers, body)

    def authorize(self, challenge: str) -> str:
        """The value of `Authorization` that a registry asks for (`WWW-Authenticate`); "" where there is nothing to show."""
        found = self.find(self.reference.host)
        scheme, _, rest = challenge.strip().partition(" ")
        if found is not None and found.bearer:
            return f"Bearer {found.bearer}"
        if scheme.lower() == "basic":
            return found.basic if found is not None and found.user else ""
        parameters = {key.lower(): re.sub(r"\\(.)", r"\1", value) for key, value in _PARAMETER.findall(rest)}
        if scheme.lower() != "bearer" or not parameters.get("realm"):
            raise self.unusable("the registry asks for a kind of login that mlc does not know")
        return self.token(parameters["realm"], parameters, found)

    def token(self, realm: str, parameters: dict[str, str], found: Credentials | None) -> str:
        """A token for the repository, from the server that the registry names (distribution, `docs/spec/auth`)."""
        if not self.trusted(realm):
            raise self.unusable("the registry sends credentials to an address without TLS")
        scope = parameters.get("scope") or f"repository:{self.reference.repository}:pull"
        given = {"service": parameters.get("service", ""), "scope": scope}
        if found is not None and found.identity:
            form = {**given, "grant_type": "refresh_token", "refresh_token": found.identity, "client_id": "mlc"}
            answer = self.tried("POST", realm, {}, form)
        else:
            query = requests.models.PreparedRequest()
            query.prepare_url(realm, {key: value for key, value in given.items() if value})
            headers = {"Authorization": found.basic} if found is not None and found.user else {}
            answer = self.tried("GET", str(query.url), headers)
        if answer.status in (400, 401, 403):
            said = answer.problem()
            raise self.denied(f" ({said})" if said else "")
        if answer.status != 200:
            message = f"the server that gives tokens for `{self.reference.host}` answers with status {answer.status}"
            raise Failure("MLC904", message, "try again later, or ask who runs the registry")
        document = self.document(answer.body)
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str) or not token:
            raise self.unusable("the server that gives tokens gave none")
        return f"Bearer {token}"

    # --- what can go wrong

    def broken(self, url: str, error: requests.exceptions.RequestException) -> tuple[Failure, bool]:
        """What a request that ended without an answer means, and whether to try again. Raises _SpeaksNoTls where plain http may do."""
        host = urlsplit(url).netloc
        text = str(error)
        if isinstance(error, requests.exceptions.SSLError):
            if self.plain and url.startswith("https:") and any(mark in text.upper() for mark in _NOT_TLS):
                raise _SpeaksNoTls from error
            reason = re.search(r"certificate verify failed: ([^(\[]+)", text)
            detail = reason[1].strip() if reason else "the other side does not speak TLS as it should"
            help = (
                "name the file of your organisation's certificates in the variable `REQUESTS_CA_BUNDLE`"
                if reason
                else f"where it has no TLS on purpose: `--insecure-registry {host}`"
            )
            return Failure("MLC904", f"no safe connection to `{host}`: {detail}", help), False
        if isinstance(error, requests.exceptions.ProxyError):
            help = "check the variables `HTTPS_PROXY` and `NO_PROXY`"
            return Failure("MLC904", f"the proxy on the way to `{host}` cannot be used", help), True
        if isinstance(error, requests.exceptions.Timeout):
            seconds = CONNECT if isinstance(error, requests.exceptions.ConnectTimeout) else READ
            return Failure("MLC904", f"`{host}` does not answer within {seconds} seconds", "check the network, and try again"), True
        causes = _causes(error)
        if any(isinstance(cause, (NameResolutionError, socket.gaierror)) for cause in causes):
            unknown = any(isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME for cause in causes)
            help = "check the spelling of the host, and that its network or VPN is there"
            return Failure("MLC904", f"the host `{host}` is not known", help), not unknown
        if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
            return Failure("MLC904", f"`{host}` refuses connections: nothing answers there", "check the host and its port"), False
        reason_text = next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), "it broke off")
        message = f"no connection to `{host}`: {reason_text[:1].lower()}{reason_text[1:]}"
        return Failure("MLC904", message, "check the network, and try again"), True

    def denied(self, detail: str) -> Failure:
        """The registry wants to know who asks, or does not let them in."""
        host = self.reference.host
        help = f"log in with an account that may pull it: `docker login {_login(host)}`"
        unless = ", or there is no such repository" if host == DOCKER_HUB else ""
        return Failure("MLC905", f"`{host}` does not give `{self.text}` to you{unless}{detail}", help)

    def no_platform(self, there: list[str]) -> Failure:
        """The image is there, and not for the platform."""
        known = f"it is for {', '.join(f'`{one}`' for one in there)}" if there else "its index names none"
        help = "choose another with `--platform`, or build the image for this one"
        return Failure("MLC906", f"there is no image `{self.text}` for `{self.platform}`: {known}", help)

    def unusable(self, why: str, help: str = "") -> Failure:
        """An answer that makes no sense."""
        message = f"cannot use what `{self.reference.host}` has under `{self.text}`: {why}"
        return Failure("MLC907", message, help or "check that it is an image, or ask who runs the registry")


class _SpeaksNoTls(Exception):
    """The other side answers, without TLS."""


def _login(host: str) -> str:
    return "" if host == DOCKER_HUB else host


def _type(document: dict[str, Any], answer: Answer) -> str:
    """The media type of a manifest: what it says itself, or else what the registry says."""
    return str(document.get("mediaType") or answer.headers.get("Content-Type", "").partition(";")[0].strip())


def _digest(body: bytes, algorithm: str) -> str:
    """The digest of a body, by SHA-256 unless another one is asked for that is known."""
    name = algorithm if algorithm in ("sha256", "sha512") else "sha256"
    return f"{name}:{hashlib.new(name, body).hexdigest()}"


def _retry_after(answer: Answer, usual: float) -> float:
    """Seconds to wait before the next attempt, as the server wants it."""
    given = answer.headers.get("Retry-After", "")
    return float(given) if given.isascii() and given.isdigit() and len(given) < 6 else usual


def _causes(error: BaseException | None) -> list[BaseException]:
    """An exception with all that it came from."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found
