"""A reference of an image, taken apart as container runtimes do."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

DOCKER_HUB = "docker.io"
_API_OF_DOCKER_HUB = "registry-1.docker.io"


@dataclass(frozen=True)
class Reference:
    """A reference with all that it leaves out. `digest` is "" where it has none, `tag` then never is."""

    host: str
    repository: str
    tag: str
    digest: str

    @property
    def api(self) -> str:
        """The host, with its port perhaps, that answers for the registry."""
        return _API_OF_DOCKER_HUB if self.host == DOCKER_HUB else self.host

    @property
    def version(self) -> str:
        """What names the manifest: a digest goes before a tag."""
        return self.digest or self.tag


def parse(text: str) -> Reference:
    """The parts of a valid reference.

    What is before the first slash is a host if it has a dot, a colon or an upper case letter in it or is `localhost`; what has no
    host is on Docker Hub (distribution/reference, `normalize.go`, `splitDockerDomain`).
    """
    name, _, digest = text.partition("@")
    host, slash, rest = name.partition("/")
    if not slash or not (set(".:") & set(host) or host == "localhost" or host != host.lower()):
        host, rest = DOCKER_HUB, name
    if host == f"index.{DOCKER_HUB}":
        host = DOCKER_HUB
    before, colon, last = rest.rpartition(":")
    repository, tag = (before, last) if colon and "/" not in last else (rest, "")
    if host == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return Reference(host, repository, tag or ("" if digest else "latest"), digest)


def is_loopback(host: str) -> bool:
    """Whether a host, with a port perhaps, is this machine itself."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if name == "localhost":
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
