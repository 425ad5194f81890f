"""Artifacts from the web. Imported only where one is fetched."""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SILENCE = 60.0  # seconds without a byte
_CHUNK = 1 << 20


def download(uri: str, to: Path) -> None:
    """Fetch an `http` or `https` address to a path where nothing is. Raises OSError; then nothing is there."""
    part = to.with_name(f".{to.name}.part")
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        with urllib.request.urlopen(uri, timeout=_SILENCE) as answer, part.open("xb") as file:  # noqa: S310 - the caller looks at the scheme
            size = answer.headers.get("Content-Length")
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
            got = file.tell()
            file.flush()
            os.fsync(file.fileno())
        if size is not None and size.isdigit() and int(size) != got:
            raise OSError(f"`{uri}` ended after {got} of {size} bytes")
        part.rename(to)
    except urllib.error.HTTPError as error:
        error.close()
        raise OSError(f"`{uri}` cannot be fetched: {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise OSError(f"`{uri}` cannot be fetched: {error.reason}") from error
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"`{uri}` cannot be fetched: {type(error).__name__} {error}") from error
    finally:
        part.unlink(missing_ok=True)
