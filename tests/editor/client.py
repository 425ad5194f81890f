"""A YAML language server, asked as an editor asks it: JSON-RPC over the server's standard input and output.

A client of a library (pygls) is no smaller: it wants an event loop, which tests then drive, and types of every message.
"""

from __future__ import annotations

import json
import subprocess
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

PATIENCE = 60.0
"""Seconds until a server that says nothing counts as one that hangs."""

SETTINGS = {"yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}}
"""What the server does is all on by default; the store of schemas is on the network."""

CAPABILITIES = {
    "workspace": {"configuration": True},
    "textDocument": {"hover": {"contentFormat": ["markdown"]}, "completion": {"completionItem": {"snippetSupport": True}}},
}


class Server:
    """A language server, until `close`."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._number = 0
        self._received: Queue[dict[str, Any] | None] = Queue()
        self._published: dict[str, list[dict[str, Any]]] = {}
        self._answers: dict[int, dict[str, Any]] = {}
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.ask("initialize", processId=None, rootUri=folder.as_uri(), capabilities=CAPABILITIES)
        self._tell("initialized")
        self._tell("workspace/didChangeConfiguration", settings=SETTINGS)

    def open(self, uri: str, text: str) -> None:
        """Open a new file. The server reads the text, not what may lie at the address."""
        self._tell("textDocument/didOpen", textDocument={"uri": uri, "languageId": "yaml", "version": 1, "text": text})

    def diagnostics(self, texts: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
        """What the server says of new files, by their addresses, which stay open."""
        for uri, text in texts.items():
            self.open(uri, text)
        while not texts.keys() <= self._published.keys():
            self._take()
        return {uri: self._published[uri] for uri in texts}

    def at(self, what: str, uri: str, line: int, character: int) -> Any:
        """The answer to `hover` or `completion` at a place of an open file; both numbers count from 0."""
        return self.ask(f"textDocument/{what}", textDocument={"uri": uri}, position={"line": line, "character": character})

    def ask(self, method: str, **params: Any) -> Any:
        """The result of a request."""
        self._number += 1
        self._send(id=self._number, method=method, params=params)
        while self._number not in self._answers:
            self._take()
        answer = self._answers.pop(self._number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def close(self) -> None:
        """End the server, as the protocol says; the exit code is 0 then."""
        self.ask("shutdown")
        self._tell("exit")
        with self._process as process:  # closes its input and output
            self._listener.join(PATIENCE)
            assert process.wait(PATIENCE) == 0

    def _tell(self, method: str, **params: Any) -> None:
        self._send(method=method, params=params)

    def _send(self, **message: Any) -> None:
        assert self._process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _take(self) -> None:
        """Wait for a message, and file it; the server's own questions are answered here, too."""
        try:
            message = self._received.get(timeout=PATIENCE)
        except Empty:
            raise TimeoutError(f"the language server said nothing for {PATIENCE:g} s") from None
        if message is None:
            raise EOFError(f"the language server ended with code {self._process.wait()}")
        if "method" not in message:
            self._answers[message["id"]] = message
        elif message["method"] == "textDocument/publishDiagnostics":
            self._published[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "id" in message:
            wanted: Iterable[Any] = message.get("params", {}).get("items", ()) if message["method"] == "workspace/configuration" else ()
            self._send(id=message["id"], result=[SETTINGS.get(item.get("section"), {}) for item in wanted] or None)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        length = 0
        for line in self._process.stdout:
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
            elif not line.strip():
                self._received.put(json.loads(self._process.stdout.read(length)))
        self._received.put(None)
