"""The address of an external artifact in parts: what a target opens, and what inside it."""

from __future__ import annotations

from ..ir import Text
from ..record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ir import External, Ref

BUCKETS = ("s3", "minio", "gs", "oss", "azure")
"""Schemes of the form `SCHEME://BUCKET/KEY`."""

STORES = {"s3": "s3", "minio": "minio", "gs": "gcs", "oss": "oss", "azure": "azure"}
"""The kind of `store` that a scheme goes with."""


@record
class Address:
    """`scheme` is "" where only the run knows it. `place` is a bucket, a repository, or the host of a URL with its scheme.

    `key` is what follows: the key of an object, the rest of the URL, the revision of a repository (it may be empty).
    """

    scheme: str
    place: str
    key: Text


def address(external: External) -> Address:
    """The parts of an address, whose form `resolve` has checked."""
    uri = external.uri
    first = uri.pieces[0] if uri.pieces else ""
    if not isinstance(first, str):
        return Address("", "", uri)
    scheme, _, rest = first.partition("://")
    if scheme == "git+https":
        place, _, rest = cut(rest)
        place = f"https://{place}"
    elif scheme in BUCKETS:
        place, _, rest = rest.partition("/")
    elif scheme == "oci":
        place, rest = rest, ""
    else:
        host, _, rest = rest.partition("/")
        place = f"{scheme}://{host}/"
    pieces: tuple[str | Ref, ...] = (rest, *uri.pieces[1:]) if rest else uri.pieces[1:]
    return Address(scheme, place, Text(pieces, uri.origin))


def cut(rest: str) -> tuple[str, str, str]:
    """A repository's address behind its scheme: host and path, `@` or "", the revision. An `@` before the path belongs to a user."""
    start = rest.find("/")
    at = rest.find("@", start) if start >= 0 else -1
    return (rest, "", "") if at < 0 else (rest[:at], "@", rest[at + 1 :])
