"""What to do about a key that the language does not have: the word for it here, its right place, or that it is not there yet."""

from __future__ import annotations

import re
import unicodedata

from .diagnostics.suggest import did_you_mean
from .schema_hints import properties, quoted, resolved, scope

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .diagnostics.model import Path

    Node = dict[str, Any]

_MOST_LISTED = 12
"""Keys that a mapping may have, up to which a help text lists them all."""

_TOP_LEVEL_ONLY = frozenset({"params", "images", "store", "artifacts", "defaults", "steps", "finally", "schedule", "targets"})
_TOP_LEVEL_ONLY |= {"templates", "machines", "datasets", "environments"}

_NEEDS = "did you mean `needs`?"
_WHEN = "did you mean `when`?"
_VOLUMES = "did you mean `volumes`?"
_PACKAGES = "did you mean `packages`, with `shell: python`?"
_CLAIM = "did you mean `claim`, the name of a claim that exists?"
_LOOP = "did you mean `foreach`?"
_PULL_POLICY = "give the image its `pull_policy` under `images`"
_LOGIN = "give the image its `pull_secret` under `images`"
_DECLARE = "declare parameters under `params` at the top level, and use them as `${{ params.NAME }}` in `args` or `env`"
_AFFINITY = {
    "required_during_scheduling_ignored_during_execution": "did you mean `required`?",
    "preferred_during_scheduling_ignored_during_execution": "did you mean `preferred`?",
}
_CONFIDENTIAL = (
    "a secret is a variable, `env: {TOKEN: {secret: NAME, key: KEY}}`, or files, `volumes: {NAME: {secret: NAME}}` at the top level"
)

_GRAPH = frozenset(("needs", "inputs", "outputs", "values", "metrics", "gate", "when", "foreach", "each", "use"))
"""Keys of a step that make the graph, or may bring such keys along: the same in every environment."""

_OTHER_TOOLS = {
    "project": {
        "parameters": "did you mean `params`?",
        "version": "the version of the language is `mlc: v1`; a project has no version of its own",
        "tasks": "did you mean `steps`?",
        "jobs": "did you mean `steps`?",
        "namespace": "this version of mlc does not have `namespace` yet: choose it when you apply the manifest, with `kubectl -n NAME`",
        "env": "variables of every step go under `defaults`: `defaults: {env: {NAME: text}}`",
    },
    "step": {
        "name": "a step's name is its key under `steps`; `title` is what people see",
        "display_name": "did you mean `title`?",
        "depends": _NEEDS,
        "depends_on": _NEEDS,
        "dependencies": _NEEDS,
        "after": _NEEDS,
        "if": _WHEN,
        "condition": _WHEN,
        "script": "did you mean `run`?",
        "cmd": "did you mean `command`?",
        "entrypoint": "write `command`, or give the image its `entrypoint` under `images`",
        "container": "a step is one container: write its `image` and `command` as keys of the step",
        "containers": "a step is one container: write its `image` and `command` as keys of the step",
        "environment": "did you mean `env`?",
        "working_dir": "did you mean `workdir`?",
        "service_account_name": "did you mean `service_account`?",
        "security_context": "did you mean `security`?",
        "init_containers": "did you mean `init`?",
        "mounts": _VOLUMES,
        "volume_mounts": _VOLUMES,
        "retries": "did you mean `retry: {limit: 3}`?",
        "retry_strategy": "did you mean `retry: {limit: 3}`?",
        "active_deadline_seconds": "did you mean `timeout`?",
        "parameters": _DECLARE,
        "arguments": _DECLARE,
        "with_items": _LOOP,
        "with_param": _LOOP,
        "with_sequence": _LOOP,
        "for_each": _LOOP,
        "loop": _LOOP,
        "matrix": _LOOP,
        "parallelism": "did you mean `parallel`, beside a `foreach`?",
        "max_parallel": "did you mean `parallel`, beside a `foreach`?",
        "replicas": "a step runs in one pod, and is over when its program ends",
        "ports": "a step is a program that ends: mlc runs no servers",
        "image_pull_policy": _PULL_POLICY,
        "pull_policy": _PULL_POLICY,
        "image_pull_secrets": _LOGIN,
        "pull_secret": _LOGIN,
        "pip": _PACKAGES,
        "requirements": _PACKAGES,
        "secrets": _CONFIDENTIAL,
    },
    "node_affinity": _AFFINITY,
    "pod_affinity": _AFFINITY,
    "pod_anti_affinity": _AFFINITY,
    "container": {
        "name": "a container's name is its key",
        "shell": "the `run` script of another container is one for `sh`: name the program under `command` for any other",
        "script": "did you mean `run`?",
        "cmd": "did you mean `command`?",
        "entrypoint": "did you mean `command`?",
        "environment": "did you mean `env`?",
        "mounts": _VOLUMES,
        "volume_mounts": _VOLUMES,
        "image_pull_policy": _PULL_POLICY,
        "pull_policy": _PULL_POLICY,
        "image_pull_secrets": _LOGIN,
        "pull_secret": _LOGIN,
        "port": "did you mean `ports`, a list?",
        "workdir": "a container starts in the folder of its image: change it in a `run` script",
        "working_dir": "a container starts in the folder of its image: change it in a `run` script",
    },
    "image": {"image": "did you mean `ref`?", "command": "did you mean `entrypoint`?"},
    "volume": {
        "pvc": _CLAIM,
        "persistent_volume_claim": _CLAIM,
        "claim_name": _CLAIM,
        "path": "a step says where it mounts the volume: `volumes: {NAME: /path}`",
        "mount_path": "a step says where it mounts the volume: `volumes: {NAME: /path}`",
    },
    "mount": {
        "path": "did you mean `mount`?",
        "mount_path": "did you mean `mount`?",
        "claim": "the volume itself stands under `volumes` at the top level; a step says where it mounts it: `volumes: {NAME: /path}`",
        "name": "the volume's name is the key: `volumes: {NAME: {mount: /path}}`",
        "readonly": "did you mean `read_only`?",
        "subpath": "did you mean `sub_path`?",
    },
    "metric": {
        "threshold": "say how the number compares: `min`, `max`, `above` or `below`",
        "value": "say how the number compares: `min`, `max`, `above` or `below`",
        "gt": "did you mean `above`?",
        "lt": "did you mean `below`?",
        "gte": "did you mean `min`?",
        "ge": "did you mean `min`?",
        "lte": "did you mean `max`?",
        "le": "did you mean `max`?",
    },
}
"""What people write who come from another tool, in snake case, by the kind of mapping; and the help for it."""

_NEAR = 0.7
"""As `suggest` counts it. Keys are short words: less alike than this, they are other words, such as `file` and `title`."""


def unknown_key_help(key: str, path: Path, known: dict[str, Node], schema: Node) -> str:
    """What to do about an unknown key of the mapping at `path`, whose keys are `known`; "" where nothing is likely."""
    blank = blank_help(key)
    if blank:
        return blank
    where = scope(path)
    plain = _snake_case(key)
    if path[:1] == ("environments",) and where == "step" and plain in _GRAPH:
        return f"{quoted(key)} is the same in every environment: write it in the step"
    help = _OTHER_TOOLS.get(where, {}).get(plain, "")
    if help in (_NEEDS, _WHEN) and path == ("defaults",):
        return f"write {'`needs`' if help == _NEEDS else '`when`'} in a step: it cannot be a default"
    if help:
        return help
    if where in ("resources", "requests", "limits") and re.fullmatch(r"[-a-z0-9.]+/[-\w.]+", key):
        return "did you mean `gpu`?" if key == "nvidia.com/gpu" else f"write it as `gpu: {{type: {key}, count: 1}}`"
    inside = [name for name, node in known.items() if key in properties(node, schema)]
    if len(inside) == 1:
        return f"{quoted(key)} goes under `{inside[0]}`"
    if path and key in _TOP_LEVEL_ONLY:
        return f"{quoted(key)} belongs at the top level of the file"
    if key in _above(path, schema):
        return f"{quoted(key)} goes beside `{path[-1]}`, not into it"
    near = did_you_mean(key, known, cutoff=_NEAR)
    if near:
        return near
    if key in schema["$defs"]["step"]["properties"]:
        return f"{quoted(key)} belongs to one step, it cannot be a default" if where == "step" else f"{quoted(key)} is a key of a step"
    if not path:
        return f"a value of your own is one of `params`; the keys of a project: {', '.join(known)}"
    return _all_of(known)


def _above(path: Path, schema: Node) -> dict[str, Node]:
    """The keys that the mapping may have in which the one at `path` stands, if that one is a key of the language and no name."""
    keys = properties(schema, schema)
    for part in path[:-1]:
        node = keys.get(str(part)) or keys.get("*") or {}
        keys = properties(node, schema)
        others = resolved(node, schema).get("additionalProperties")
        if isinstance(others, dict):
            keys["*"] = others
    return keys if path and path[-1] in keys else {}


def blank_help(key: str) -> str:
    """The help for a key that starts with a blank that is no space to YAML, as text from a web page has them; "" for any other."""
    if not key[:1].isspace() or key[0].isascii():
        return ""
    name = unicodedata.name(key[0], "").lower()
    return f"it starts with U+{ord(key[0]):04X}{f' ({name})' if name else ''}, which is no indent to YAML: replace it with a space"


def _snake_case(key: str) -> str:
    """`nodeSelector` and `node-selector` as `node_selector`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower().replace("-", "_")


def _all_of(known: Iterable[str]) -> str:
    """The keys that a mapping may have, unless they are many."""
    names = list(known)
    return f"allowed: {', '.join(map(quoted, names))}" if len(names) <= _MOST_LISTED else ""
