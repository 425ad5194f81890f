"""Legal and plausible pieces of a spec, drawn at random: whatever the schema allows, with names that the spec at hand has.

`Fitting.value` walks the JSON Schema, so that a key which is new in the language is drawn without a change here; where a bare example
of the schema would name a step, a volume or a path that does not exist, `Fitting` has a method of the key's name that knows the spec.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[2] / "schemas" / "v1" / "project.schema.json").read_text(encoding="utf-8"))

NUMBERS: list[Any] = [0, 1, 2, 3, 10, 64, 0.5, 0.02, 0.95, 1.5, 1e-5, 1e6, 2**31, 2**40, -1, -0.25]
TEXTS = (
    "plain", "two words", "a,b;c", "x=1", "--flag", "한국어 🙂", "it's \"quoted\"", "C:\\dir", "100%", "#1", "a: b", "*", "{x}", "~", "1e3",
    "yes", "null", "0400", "3.10", "$HOME", "line one\nline two\n",
)  # fmt: skip
WORDS = ("alpha", "beta", "rows", "score", "run-time", "Total", "x1", "is-ok", "n", "lr", "max_len", "data", "key", "Item-ID", "a-b_c")
SIZES = ("1Mi", "64Mi", "1Gi", "1.5Gi", "200G", "1Ti", "1048576", "2e9", "1048576k", "1e9", "0.5Gi", "123456789")
CORES: tuple[Any, ...] = (1, 2, 0.5, 64, "1", "500m", "1.5", "100m", "250000u", "1e-1", "0.1")
DURATIONS = ("1s", "30s", "90s", "10m", "1h30m", "2h", "24h", "1h1m1s", "8760h")
IMAGES = (
    "busybox:1.36", "busybox", "python:3.12-slim", "ghcr.io/acme/train:1.0.0", "localhost:5000/a/b", "a.b-c/d__e:T_1.x",
    "acme/train@sha256:" + "0a" * 32, "registry.example.com:443/team/app:v1@sha256:" + "f" * 64,
)  # fmt: skip
SCRIPTS = ("echo hello\n", "set -u\necho \"$1\"\n", "for i in 1 2; do echo $i; done > /tmp/log", "print('hi')\n", "true")  # fmt: skip
OBJECTS = ("a", "my-object", "team.settings", "x-y-1", "0", "n" * 63, "train-config")
FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels['a/b.c']", "metadata.annotations['x']", "spec.nodeName",
    "spec.serviceAccountName", "status.hostIP", "status.podIPs",
)  # fmt: skip
LABELS = ("zone", "nvidia.com/gpu.product", "topology.kubernetes.io/zone", "a_b.C", "spot")
LABEL_VALUES = ("a", "NVIDIA-A100-SXM4-80GB", "true", "", "1.5", "x" * 63)
KEYS = ("key", "access-key", "config.yaml", "_x", "KEY_1", "a.b-c_d")


class Fitting:
    """Draws pieces that fit `data`, a project, and the step of it called `step` ("" for none)."""

    def __init__(self, data: dict[str, Any], step: str, rng: Random) -> None:
        self.data, self.step, self.rng = data, step, rng
        last = data.get("finally") or {}
        self.group: dict[str, Any] = last if step in last and step not in data["steps"] else data["steps"]

    # --- the schema ---

    def value(self, schema: dict[str, Any], key: str = "", depth: int = 0) -> Any:
        """A value that the schema allows; `key` is what it stands under."""
        rng = self.rng
        reference = schema.get("$ref")
        if reference == "#/$defs/file_path":
            return self.path()
        if reference:
            schema = {**SCHEMA["$defs"][reference.removeprefix("#/$defs/")], **{name: schema[name] for name in schema if name != "$ref"}}
        own = getattr(self, f"_key_{key}", None)
        if own is not None and rng.random() < 0.8:
            return own()
        if schema.get("examples") and rng.random() < 0.35:
            return deepcopy(rng.choice(schema["examples"]))
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return rng.choice([choice for choice in schema["enum"] if choice is not None])
        options = [option for option in schema.get("anyOf", ()) if "required" not in option or "properties" in option]
        if options:
            return self.value({**{name: schema[name] for name in schema if name != "anyOf"}, **rng.choice(options)}, key, depth + 1)
        kinds = schema.get("type", "object")
        kind = rng.choice([each for each in ([kinds] if isinstance(kinds, str) else kinds) if each != "null"])
        return self._typed(kind, schema, depth + 1)

    def _typed(self, kind: str, schema: dict[str, Any], depth: int) -> Any:
        rng = self.rng
        match kind:
            case "boolean":
                return rng.random() < 0.5
            case "integer":
                return rng.choice((0, 1, 2, 3, 10, 100))
            case "number":
                return rng.choice([number for number in NUMBERS if number >= schema.get("minimum", -2)])
            case "string":
                return self.name() if "pattern" in schema else rng.choice(TEXTS)
            case "array":
                items = schema.get("items", {"type": "string"})
                found: list[Any] = []
                for _ in range(rng.randint(schema.get("minItems", 0), 3) if depth < 5 else schema.get("minItems", 0)):
                    item = self.value(items, "", depth)
                    if item not in found or not schema.get("uniqueItems"):
                        found.append(item)
                return found
        made: dict[str, Any] = {}
        known: dict[str, Any] = schema.get("properties", {})
        for name, inner in known.items():
            if name in schema.get("required", ()) or rng.random() < 0.4:
                made[name] = self.value(inner, name, depth)
        more = schema.get("additionalProperties")
        if isinstance(more, dict) and not known and depth < 5:
            for _ in range(rng.randint(0, 2)):
                made[self.name()] = self.value(more, "", depth)
        return made

    # --- names and references ---

    def name(self) -> str:
        """A name, fresh for most purposes."""
        return self.rng.choice(WORDS) + self.rng.choice(("", "", "-2", "9"))

    def path(self) -> str:
        """A path in a container, hardly ever one that is there."""
        rng = self.rng
        folder = rng.choice(("tmp", "work", "out", "mlc/outputs", "data.d", "a/b/c", "srv"))
        return f"/{folder}/p{rng.randrange(10**4)}{rng.choice(('', '.json', '/x.tar.gz', '/-x'))}"

    def others(self) -> list[str]:
        """Other steps; those that stand before it twice, since edges mostly point back."""
        names = list(self.group)
        at = names.index(self.step) if self.step in names else len(names)
        return [*names[:at], *names[:at], *names[at + 1 :]]

    def _ports(self, key: str) -> list[tuple[str, str, Any]]:
        found = []
        for step in self.others():
            entries = (self.group[step] or {}).get(key)
            if isinstance(entries, dict):
                found += [(step, name, entry) for name, entry in entries.items()]
        return found

    def references(self) -> list[tuple[str, str]]:
        """What expressions may name, with its type."""
        found = [("run.id", "string"), ("run.name", "string")]
        if self.group is not self.data["steps"]:
            found += [("run.status", "string")] * 3
        for name, entry in (self.data.get("params") or {}).items():
            default = entry.get("default") if isinstance(entry, dict) else entry
            kind = entry.get("type") if isinstance(entry, dict) else None
            guessed = {bool: "bool", int: "int", float: "float", str: "string", list: "list"}.get(type(default), "dict")
            found += [(f"params.{name}", kind or guessed)] * 2
        for step, name, entry in self._ports("values"):
            found.append((f"steps.{step}.values.{name}", entry.get("type", "string") if isinstance(entry, dict) else "string"))
        found += [(f"steps.{step}.metrics.{name}", "float") for step, name, _ in self._ports("metrics")]
        return found

    def reference(self, *kinds: str) -> str:
        """A reference of one of the types; a param that is not there if none is."""
        fitting = [text for text, kind in self.references() if not kinds or kind in kinds]
        return self.rng.choice(fitting) if fitting else "params.nothing"

    def condition(self, depth: int = 0) -> str:
        """An expression of type bool."""
        rng = self.rng
        match rng.randrange(8 if depth < 3 else 5):
            case 0:
                return f"{self.reference('int', 'float')} {rng.choice(('==', '!=', '<', '<=', '>', '>='))} {self._number()}"
            case 1:
                texts = rng.sample(["'prod'", '"it\'s"', "'a b'", "''", "'한국어'", "'x\\y'"], 2)
                kind = rng.choice((f"== {texts[0]}", f"!= {texts[0]}", f"in [{', '.join(texts)}]", f"== {self.reference('string')}"))
                return f"{self.reference('string')} {kind}"
            case 2:
                return self.reference("bool")
            case 3:
                return f"{self.reference('int', 'float')} in [{self._literal()}, {self._literal()}]"
            case 4:
                return f"{self._number()} {rng.choice(('<', '<=', '>', '>='))} {self._number()}"
            case 5:
                return f"not {self.condition(depth + 1)}"
            case 6:
                return f"({self.condition(depth + 1)}) {rng.choice(('and', 'or', '==', '!='))} ({self.condition(depth + 1)})"
            case _:
                return f"{self.condition(depth + 1)} {rng.choice(('and', 'or'))} {self.condition(depth + 1)}"

    def _literal(self) -> str:
        return self.rng.choice(("0", "1", "0.5", "-1", "1e-5", "100000000000", "0.8", "1e3"))

    def _number(self) -> str:
        return self._literal() if self.rng.random() < 0.5 else self.reference("int", "float")

    def text(self) -> str:
        """A text, with an expression in it or not."""
        rng = self.rng
        if rng.random() < 0.4:
            return rng.choice(TEXTS)
        step = self.group.get(self.step) or {}
        own = [f"{key}.{name}" for key in ("inputs", "outputs", "values", "metrics") for name in step.get(key) or ()]
        wanted = rng.choice(own) if own and rng.random() < 0.3 else self.reference()
        around = (("", ""), ("", ""), ("--x=", ""), ("", ".csv"), ("s3://b/", "/k"), ("a b ", " 'c'"), ("$", ""), ("100% ", ""))
        before, after = rng.choice(around)
        return f"{before}${{{{ {wanted} }}}}{after}"

    # --- keys whose values must fit the project ---

    def _steps(self) -> Any:
        names = list(dict.fromkeys(self.others())) or ["nobody"]
        return self.rng.sample(names, min(len(names), 2)) if self.rng.random() < 0.3 else self.rng.choice(self.others() or names)

    def _key_needs(self) -> Any:
        return self._steps()

    def _key_gate(self) -> Any:
        bounds = {"min", "max", "above", "below"}
        with_thresholds = [step for step, _, entry in self._ports("metrics") if isinstance(entry, dict) and bounds & set(entry)]
        return self.rng.choice(with_thresholds) if with_thresholds else self._steps()

    def _key_when(self) -> Any:
        return self.rng.choice((True, False)) if self.rng.random() < 0.1 else self.condition()

    def _key_inputs(self) -> Any:
        made = [name for _, name, _ in self._ports("outputs")]
        chosen = self.rng.sample(made, min(len(made), self.rng.randint(1, 2)))
        return list(dict.fromkeys(chosen)) if self.rng.random() < 0.4 else {name: self.path() for name in chosen}

    def _key_outputs(self) -> Any:
        names = {self.name() for _ in range(self.rng.randint(1, 3))}
        return sorted(names) if self.rng.random() < 0.4 else {name: self.path() for name in sorted(names)}

    def _key_values(self) -> Any:
        kinds = SCHEMA["$defs"]["value_type"]["enum"]
        return {self.name(): self.path() if self.rng.random() < 0.3 else {"path": self.path(), "type": self.rng.choice(kinds)}}

    def _key_metrics(self) -> Any:
        return {self.name(): self.path() if self.rng.random() < 0.2 else {"path": self.path(), **self.metric()}}

    def metric(self) -> dict[str, Any]:
        """The settings of a metric but its path."""
        rng = self.rng
        made: dict[str, Any] = {}
        if rng.random() < 0.5:
            key: Any = rng.choice(
                ("macro.f1", "a", ["macro avg", "f1-score"], "val-1.acc@5", ["a.b", "'c'"], "in.and", ["한", "\\n"], "x y")
            )
            made.update(rng.choice(({"key": key}, {"format": "kfp-v1"}, {"format": "json", "key": key})))
        for keys in (("min", "above"), ("max", "below")):
            if rng.random() < 0.6:
                choice = rng.choice(NUMBERS) if rng.random() < 0.6 else f"${{{{ {self.reference('int', 'float')} }}}}"
                made[rng.choice(keys)] = choice
                if rng.random() < 0.3:
                    made["on_miss"] = rng.choice(("skip", "fail"))
        return made

    def _key_volumes(self) -> Any:
        known = list(self.data.get("volumes") or ())
        if not known or self.rng.random() < 0.3:
            known = [self.name().lower().replace("_", "-")]
            self.data.setdefault("volumes", {}).update({known[0]: self.volume()})
        folders = ("/data", "/mnt/x", "/dev/shm", "/mlc/inputs", "/out", "/etc/a.b", "/var/lib/q", self.path())
        folder: Any = self.rng.choice(folders)
        if self.rng.random() < 0.3:
            folder = {"mount": folder}
            if self.rng.random() < 0.6:
                folder["sub_path"] = self.rng.choice(("models", "a/b.c", "v2/x_1"))
            if self.rng.random() < 0.4:
                folder["read_only"] = self.rng.random() < 0.8
        return {self.rng.choice(known): folder}

    def volume(self) -> dict[str, Any]:
        """A volume of any kind."""
        rng = self.rng
        size = rng.choice(SIZES)
        run: dict[str, Any] = {"size": size}
        if rng.random() < 0.6:
            run["access_mode"] = rng.choice(("ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany", "ReadWriteOncePod"))
        if rng.random() < 0.6:
            run["storage_class"] = rng.choice(OBJECTS)
        empty = rng.choice(({}, {"size": size}))
        secret: dict[str, Any] = {"secret": rng.choice(OBJECTS)}
        if rng.random() < 0.4:
            secret["mode"] = rng.choice(("0400", "644", "0777", "000"))
        claim, settings = {"claim": rng.choice(OBJECTS)}, {"config_map": rng.choice(OBJECTS)}
        node = {"host_path": rng.choice(("/", "/mnt/ssd", "/dev/a.b"))}
        server = {"nfs": {"server": rng.choice(("nfs", "nfs.example.com", "10.0.0.7", "fd00::7")), "path": rng.choice(("/", "/exports/x"))}}
        return rng.choice(
            (claim, run, run, {"memory": size}, {"empty_dir": empty}, secret, settings, {"ephemeral": dict(run)}, node, server)
        )

    def _key_env(self) -> Any:
        rng = self.rng
        values: list[Any] = [self.text(), self.text(), self.text(), 3, 0.5, True]
        values.append({"secret": rng.choice(OBJECTS), "key": rng.choice(KEYS)})
        values.append({"config_map": rng.choice(OBJECTS), "key": rng.choice(KEYS)})
        values.append({"field": rng.choice(FIELDS)})
        return {
            rng.choice(("A", "LOG_LEVEL", "_x", "PATH", "HOME", "lower", "MLC_STEP", "A1")): rng.choice(values)
            for _ in range(rng.randint(1, 3))
        }

    def _key_init(self) -> Any:
        names = ("wait-for-db", "copy", "main", "b1", "cache")
        return {self.rng.choice(names): self.container(run=self.rng.random() < 0.5) for _ in range(self.rng.randint(1, 2))}

    def _key_each(self) -> Any:
        others = [name for name in self.group if name != self.step]
        return self.rng.choice([name for name in others if "foreach" in (self.group[name] or {})] or others or ["a"])

    def _key_sidecars(self) -> Any:
        made: dict[str, Any] = {self.rng.choice(("db", "proxy", "cache")): self.container(run=self.rng.random() < 0.3)}
        next(iter(made.values()))["ports"] = self.rng.choice(([5432], [80, 443], []))
        return made

    def container(self, *, run: bool) -> dict[str, Any]:
        """A container beside a step's own."""
        rng = self.rng
        made: dict[str, Any] = {"image": self._key_image()}
        if run:
            made["run"] = rng.choice(("until nc -z db 5432; do sleep 1; done", 'echo "$1" $HOME\n', "cat <<'E'\n{{.State}}\nE\n"))
        elif rng.random() < 0.8:
            made["command"] = self._key_command()
        if rng.random() < 0.5:
            made["args"] = [self.text() for _ in range(rng.randint(0, 2))]
        if rng.random() < 0.4:
            made["env"] = self._key_env()
        if rng.random() < 0.4:
            made["volumes"] = self._key_volumes()
        return made

    def _key_resource(self) -> Any:
        rng = self.rng
        manifest: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": rng.choice(OBJECTS)}}
        manifest["data"] = {rng.choice(KEYS): self.text() for _ in range(rng.randint(0, 3))}
        made: dict[str, Any] = {"action": rng.choice(("get", "create", "apply", "delete", "replace", "patch")), "manifest": manifest}
        if rng.random() < 0.4:
            made["success"] = rng.choice(("status.phase == Succeeded", "status.succeeded > 0, !spec.paused", "a in (b, c)"))
        return made

    def _key_security(self) -> Any:
        rng = self.rng
        made: dict[str, Any] = {key: rng.choice((0, 1, 1000, 65534)) for key in rng.sample(("run_as_user", "run_as_group", "fs_group"), 2)}
        if rng.random() < 0.4:
            made["run_as_non_root"] = rng.random() < 0.7
        return made

    def _key_args(self) -> Any:
        return (
            [self.text() for _ in range(self.rng.randint(0, 3))]
            if self.rng.random() < 0.8
            else f"--a 'b c' {self.rng.choice((self.reference(), 'x'))}"
        )

    def _key_command(self) -> Any:
        made = ["prog", *(self.text() for _ in range(self.rng.randint(0, 2)))]
        return (
            made
            if self.rng.random() < 0.7
            else self.rng.choice(("python train.py", "sh -c 'echo \"$X\"'", "/bin/true", "./run --a=${{ run.id }}"))
        )

    def _key_run(self) -> Any:
        return self.rng.choice(SCRIPTS)

    def _key_packages(self) -> Any:
        return self.rng.sample(["pandas==2.2.2", "a[b]>=1,<2", "torch", "x~=1.0; python_version<'3.12'", "git+https://h.example/x.git"], 2)

    def _key_image(self) -> Any:
        known = list(self.data.get("images") or ())
        return self.rng.choice(known) if known and self.rng.random() < 0.4 else self.rng.choice(IMAGES)

    def _key_ref(self) -> Any:
        return self.rng.choice(IMAGES)

    def _key_use(self) -> Any:
        known = self.data.setdefault("templates", {})
        if not known or self.rng.random() < 0.3:
            known[self.rng.choice(("job", "other"))] = {
                "image": self.rng.choice(IMAGES),
                "timeout": self.rng.choice(DURATIONS),
                "env": self._key_env(),
            }
        return self.rng.choice(list(known))

    def _key_machine(self) -> Any:
        known = self.data.setdefault("machines", {})
        if not known or self.rng.random() < 0.3:
            known[self.rng.choice(("gpu", "small"))] = {"resources": self._key_resources(), "node_selector": self._key_node_selector()}
        return self.rng.choice(list(known))

    def _key_code(self) -> Any:
        return False if self.step else {"git": "https://git.example/x", "ref": "v1"}

    def _key_node_selector(self) -> Any:
        return {self.rng.choice(LABELS): self.rng.choice(LABEL_VALUES) for _ in range(self.rng.randint(1, 2))}

    def _key_tolerations(self) -> Any:
        rng = self.rng
        made: list[Any] = [
            {"key": rng.choice(LABELS), "operator": "Exists"},
            {"key": rng.choice(LABELS), "value": rng.choice(LABEL_VALUES)},
        ]
        made.append({"operator": "Exists", "effect": rng.choice(("NoSchedule", "PreferNoSchedule", "NoExecute"))})
        made.append(
            {"key": rng.choice(LABELS), "operator": "Equal", "value": "", "effect": "NoExecute", "toleration_seconds": rng.choice((0, 300))}
        )
        return rng.sample(made, rng.randint(1, 3))

    def _requirements(self, *more: str) -> list[Any]:
        rng = self.rng
        made = []
        for _ in range(rng.randint(1, 2)):
            operator = rng.choice(("In", "NotIn", "Exists", "DoesNotExist", *more))
            values = (
                [] if operator[-5:] == "xists" or operator[-5:] == "Exist" else ["8"] if operator in more else rng.sample(LABEL_VALUES, 2)
            )
            made.append({"key": rng.choice(LABELS), "operator": operator, **({"values": values} if values else {})})
        return made

    def _key_affinity(self) -> Any:
        rng = self.rng
        node = {"match_expressions": self._requirements("Gt", "Lt")}
        pod = {"topology_key": rng.choice(LABELS), "label_selector": {"match_expressions": self._requirements()}, "namespaces": ["a-b"]}
        kinds = {
            "node_affinity": {"required": [node], "preferred": [{"weight": rng.choice((1, 100)), "preference": node}]},
            "pod_affinity": {"required": [pod]},
            "pod_anti_affinity": {"preferred": [{"weight": 50, "pod_affinity_term": pod}]},
        }
        return {key: kinds[key] for key in rng.sample(sorted(kinds), rng.choice((1, 1, 2)))}

    def _key_resources(self) -> Any:
        if self.rng.random() < 0.6:
            return self._amounts()
        return {key: self._amounts() for key in self.rng.choice((("requests",), ("limits",), ("requests", "limits")))}

    def _amounts(self) -> dict[str, Any]:
        rng = self.rng
        gpu: tuple[Any, ...] = (1, 2, "1", {"type": "amd.com/gpu", "count": 2}, {"type": "nvidia.com/mig-1g.5gb", "count": "1"})
        every: dict[str, Any] = {
            "cpu": rng.choice(CORES),
            "memory": rng.choice(SIZES),
            "gpu": rng.choice(gpu),
            "ephemeral_storage": rng.choice(SIZES),
        }
        return {key: every[key] for key in rng.sample(sorted(every), rng.randint(1, 3))}

    def _key_retry(self) -> Any:
        rng = self.rng
        made: dict[str, Any] = {"limit": rng.choice((0, 1, 3, 10, 10_000))}
        if rng.random() < 0.6:
            made["backoff"] = {"duration": rng.choice(DURATIONS)}
            if rng.random() < 0.5:
                made["backoff"]["factor"] = rng.choice((1, 2, 3, 10, 1.5, 2.0))
            if rng.random() < 0.5:
                made["backoff"]["max"] = rng.choice(DURATIONS)
        if rng.random() < 0.4:
            made["on"] = rng.choice(("failure", "error", "always"))
        return made

    def _key_timeout(self) -> Any:
        return self.rng.choice(DURATIONS)

    def _key_deadline(self) -> Any:
        return self.rng.choice(DURATIONS)

    def _key_starting_deadline(self) -> Any:
        return self.rng.choice(DURATIONS)

    def _key_ttl(self) -> Any:
        one, other = self.rng.choice(DURATIONS), self.rng.choice(DURATIONS)
        return self.rng.choice((one, {"success": one}, {"success": one, "failure": other}))

    def _key_finally(self) -> Any:
        args = self.rng.choice(([], ["--as", "${{ run.status }}"], ["${{ run.name }}"]))
        return {self.rng.choice(("notify", "clean-up")): {"image": "busybox:1.36", "command": ["echo"], "args": args}}

    def _key_namespace(self) -> Any:
        return self.rng.choice(("ml-prod", "a", "n" * 63))

    def _key_service_account(self) -> Any:
        return self.rng.choice(OBJECTS)

    def _key_cron(self) -> Any:
        return self.rng.choice(("0 3 * * *", "*/5 1-3 1,15 * mon-fri", "@daily", "@every 6h", "0 0 29 2 *", "30 4 * jan,jul 0"))

    def _key_timezone(self) -> Any:
        return self.rng.choice(("UTC", "Asia/Seoul", "America/Argentina/Buenos_Aires", "Etc/GMT+9"))

    def _key_labels(self) -> Any:
        keys = (
            "team",
            "a.b/c",
            "app.kubernetes.io/name",
            "X_y-1",
            "x" * 63,
            "workflows.argoproj.io/workflow",
            "pipelines.kubeflow.org/cache_enabled",
        )
        return {self.rng.choice(keys): self.rng.choice(("", "vision", "0420", "yes", "1e3", "A.b_c-1", "n" * 63))}

    def _key_annotations(self) -> Any:
        return {
            self.rng.choice(("owner", "a.b/c", "workflows.argoproj.io/title", "sidecar.istio.io/inject")): self.rng.choice(("", *TEXTS))
        }

    def _key_cache(self) -> Any:
        return self.rng.choice((True, False, {"key": self.rng.choice(("features-2024", "a b", "키", "x" * 200))}))

    def _key_title(self) -> Any:
        return self.rng.choice(TEXTS)

    def _key_description(self) -> Any:
        return self.rng.choice(TEXTS)

    def _key_params(self) -> Any:
        return {self.name(): self.param() for _ in range(self.rng.randint(1, 3))}

    def param(self) -> Any:
        """A param of any type, short or declared."""
        rng = self.rng
        kind = rng.choice(("string", "int", "float", "bool", "list", "dict"))
        defaults: dict[str, tuple[Any, ...]] = {
            "string": ("", *TEXTS), "int": (0, 7, -3, 2**53, 2**63), "float": (0.5, 1e-9, 3.0, 1e300, 7), "bool": (True, False),
            "list": ([], [1, "a", True], [[1], {"b": None}], ["x y", 0.1]), "dict": ({}, {"a": 1, "b": [True]}, {"한": {"x.y": "'"}}),
        }  # fmt: skip
        default = rng.choice(defaults[kind])
        if kind != "dict" and rng.random() < 0.4:
            return default
        made: dict[str, Any] = {"type": kind}
        if rng.random() < 0.7:
            made["default"] = default
        if rng.random() < 0.3:
            made["description"] = rng.choice(TEXTS)
        if kind in ("int", "float") and rng.random() < 0.5:
            low, high = sorted(rng.sample((0, 1, 5, 100, 10**6), 2))
            made.update(rng.choice(({"min": low}, {"max": high}, {"min": low, "max": high})))
            if "default" in made:
                made["default"] = rng.choice((low, high, 1))
        elif kind in ("string", "int", "float") and rng.random() < 0.4:
            choices = list(rng.sample(defaults[kind], 2))
            made.update({"choices": choices, "default": choices[0]})
        return made

    def _key_images(self) -> Any:
        return {self.name().lower().replace("_", "-"): self.value(SCHEMA["$defs"]["image_entry"])}

    def _key_store(self) -> Any:
        kind = self.rng.choice(tuple(SCHEMA["properties"]["store"]["properties"]))
        endpoint = "https://acme.blob.core.windows.net" if kind == "azure" else "minio.example:9000"
        made = self.value(SCHEMA["properties"]["store"]["properties"][kind])
        return {kind: made if kind == "gcs" else {**made, "endpoint": endpoint}}

    def _key_artifacts(self) -> Any:
        made = [name for _, name, _ in self._ports("outputs")] or [self.name()]
        return {self.rng.choice(made): self.value(SCHEMA["$defs"]["artifact_type"])}
