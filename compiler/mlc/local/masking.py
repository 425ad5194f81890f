"""Secrets in what programs print: every value that was handed out is `***` in logs and messages."""

from __future__ import annotations

import base64
import json
import re
import threading
from urllib.parse import quote

MASK = "***"

SHORTEST = 3
"""Characters of a value that is masked. Fewer would make every log unreadable, and are no secret."""

SHORTEST_LINE = 6
"""Characters of a line of a value that is masked where it stands alone: a key in PEM form has lines, a JSON document has brackets."""

_LONGEST = 1 << 16  # bytes: what may have to be held back of a stream


class Masks:
    """The secret values of a run. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forms: set[bytes] = set()
        self._pattern: re.Pattern[bytes] | None = None

    def add(self, value: str | bytes) -> None:
        """A value that must not be seen, from now on."""
        raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
        forms = set(_forms(raw))
        with self._lock:
            if not forms <= self._forms:
                self._forms |= forms
                self._pattern = None

    def text(self, text: str) -> str:
        """A text without the values."""
        pattern = self._compiled()
        if pattern is None:
            return text
        return pattern.sub(MASK.encode(), text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def stream(self) -> Stream:
        """What masks the output of a program as it comes. Values that are added later do not count for it."""
        with self._lock:
            forms = tuple(self._forms)
        return Stream(self._compiled(), forms)

    def _compiled(self) -> re.Pattern[bytes] | None:
        with self._lock:
            if self._pattern is None and self._forms:
                longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
                self._pattern = re.compile(b"|".join(map(re.escape, longest_first)))
            return self._pattern


class Stream:
    """Masks bytes that come in pieces: what may be the start of a value is held back until it is known not to be."""

    def __init__(self, pattern: re.Pattern[bytes] | None, forms: tuple[bytes, ...]) -> None:
        self._pattern = pattern
        self._forms = forms
        self._longest = max(map(len, forms), default=0)
        self._starts = re.compile(b"|".join(re.escape(first) for first in {form[:1] for form in forms}))
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """The next piece; what of it, and of what was held back, can be shown."""
        if self._pattern is None:
            return data
        data = self._held + data
        shown: list[bytes] = []
        at = 0
        hold = self._hold(data, max(0, len(data) - self._longest + 1))
        for match in self._pattern.finditer(data):
            if match.start() >= hold:
                break  # a longer value may start where this one does
            shown += (data[at : match.start()], MASK.encode())
            at = match.end()
        if at > hold:  # what looked like a start was inside of a value
            hold = self._hold(data, at)
        shown.append(data[at:hold])
        self._held = data[hold:]
        return b"".join(shown)

    def end(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        return self._pattern.sub(MASK.encode(), held) if self._pattern else held

    def _hold(self, data: bytes, start: int) -> int:
        """From where on the data may be the start of a value, from `start` on; its length where it is not."""
        for match in self._starts.finditer(data, start):
            rest = data[match.start() :]
            if any(len(rest) < len(form) and form.startswith(rest) for form in self._forms):
                return match.start()
        return len(data)


def _forms(value: bytes) -> list[bytes]:
    """A value as programs print it: as it is, and as JSON, URLs and base64 have it; of one with several lines each line."""
    text = value.strip(b"\r\n")
    lines = text.splitlines()
    if len(lines) > 1 or len(text) > _LONGEST:
        return [line for piece in lines if SHORTEST_LINE <= len(line := piece.strip()) <= _LONGEST]
    if len(text) < SHORTEST:
        return []
    found = [text]
    if len(text) >= SHORTEST_LINE:
        found += [base64.b64encode(text).rstrip(b"="), base64.b64encode(value).rstrip(b"=")]
        plain = text.decode("utf-8", "surrogateescape")
        found.append(quote(text, safe="").encode())
        found.append(json.dumps(plain)[1:-1].encode())
    return found
