"""What a step says about its pod: as whom it runs, its account, and the containers beside its own."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest

from mlc.ir import Security
from tests.support import check, manifests, step

PARAMS = "params: {p: {type: string, default: x}, n: 3}\n"


def one(keys: str, head: str = "") -> str:
    """A project of one step with the keys."""
    return f"{head}\nsteps: {{a: {{image: 'x:1', command: t, {keys}}}}}"


def template(body: str, name: str = "a") -> dict[str, Any]:
    """A step's template for Argo."""
    found: dict[str, Any] = next(one for one in manifests(body, "argo")[0]["spec"]["templates"] if one["name"] == name)
    return found


def errors(body: str, *targets: str) -> list[tuple[str, str]]:
    """Code and place of what is wrong."""
    return [(item.code, ".".join(map(str, item.path))) for item in check(body, targets) if item.severity == "error"]


# --- security and accounts ------------------------------------------------------------------------------------------------


def test_security() -> None:
    """User 0 is not the same as no user."""
    found = step(one("security: {run_as_user: 0, fs_group: 2}")).security
    assert found == Security(0, None, None, 2, ("steps", "a", "security"))


def test_security_on_argo_is_the_containers() -> None:
    """The executor's containers keep their user: a rule for the pod would stop those that are root. Scripts have it, too."""
    found = template(one("security: {run_as_user: 0, run_as_non_root: false, fs_group: 0}"))
    assert found["container"]["securityContext"] == {"runAsUser": 0, "runAsNonRoot": False}
    assert found["securityContext"] == {"fsGroup": 0}
    script = template("steps: {a: {image: 'x:1', run: 'true', security: {run_as_non_root: true}}}")
    assert script["script"]["securityContext"] == {"runAsNonRoot": True}
    assert "securityContext" not in script


def test_security_on_kfp() -> None:
    """int64 stand as texts; without a number there is nothing."""
    found = manifests(one("security: {run_as_user: 7, run_as_group: 0, run_as_non_root: true}"), "kfp")[1]
    executor = found["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-a"]
    assert executor == {"securityContext": {"runAsUser": "7", "runAsGroup": "0", "runAsNonRoot": True}}
    found = manifests(one("security: {run_as_non_root: false}"), "kfp")[1]
    assert found["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-a"] == {"securityContext": {"runAsNonRoot": False}}


@pytest.mark.parametrize(
    ("keys", "targets", "found"),
    [
        ("security: {}", (), [("MLC207", "steps.a.security")]),
        ("security: {run_as_user: -1}", (), [("MLC206", "steps.a.security.run_as_user")]),
        ("security: {run_as_user: 2147483648}", (), [("MLC206", "steps.a.security.run_as_user")]),
        ("security: {fs_group: 2147483647}", (), []),
        ("security: {run_as_user: root}", (), [("MLC203", "steps.a.security.run_as_user")]),
        ("security: {privileged: true}", (), [("MLC201", "steps.a.security.privileged")]),
        ("security: {run_as_user: 0, run_as_non_root: true}", (), [("MLC332", "steps.a.security.run_as_user")]),
        ("security: {run_as_group: 0, run_as_non_root: true}", (), []),
        ("security: {run_as_group: 0}", ("kfp@2.15",), [("MLC413", "steps.a.security.run_as_group")]),
        ("security: {run_as_non_root: false}", ("kfp@2.15",), [("MLC413", "steps.a.security.run_as_non_root")]),
        ("security: {run_as_non_root: false}", ("kfp@2.16",), []),
        ("security: {run_as_user: 0}", ("kfp@2.16",), []),
        ("service_account: Big", (), [("MLC323", "steps.a.service_account")]),
        ("service_account: '${{ params.x }}'", (), [("MLC311", "steps.a.service_account")]),
    ],
)
def test_wrong_security(keys: str, targets: tuple[str, ...], found: list[tuple[str, str]]) -> None:
    """Limits, contradictions and versions."""
    assert errors(one(keys), *targets) == found


def test_defaults() -> None:
    """Each key is replaced as a whole, `null` removes it; what is wrong is found where it was written."""
    body = """
    defaults:
      security: {run_as_user: 1, fs_group: 2}
      service_account: base
      sidecars: {db: {image: 'd:1', command: d}}
      init: {wait-a-bit: {image: 'w:1', run: sleep 1}}
    steps:
      a: {image: 'x:1', command: t, security: {run_as_group: 3}, service_account: null, init: null}
      b: {image: 'x:1', command: t, sidecars: {cache: {image: 'c:1', command: c}}}
    """
    a, b = step(body, "a"), step(body, "b")
    assert a.security is not None
    assert (a.security.run_as_user, a.security.run_as_group, a.security.fs_group) == (None, 3, None)
    assert (a.service_account, b.service_account) == ("", "base")
    assert [container.name for container in a.beside] == ["db"]
    assert [container.name for container in b.beside] == ["wait-a-bit", "cache"]
    assert b.init[0].origin == ("defaults", "init", "wait-a-bit")
    assert errors(body, "kfp") == [
        ("MLC401", "defaults.security.fs_group"),
        ("MLC401", "defaults.service_account"),
        ("MLC401", "defaults.sidecars"),
        ("MLC401", "defaults.init"),
        ("MLC401", "steps.b.sidecars"),
    ]


def test_defaults_do_not_reach_other_containers() -> None:
    """Neither image nor env, volumes or resources of `defaults`; an entrypoint of `images` is the image's, and does."""
    body = """
    images: {db: {ref: 'db:1', entrypoint: [db, run], pull_policy: Always, pull_secret: login}}
    volumes: {v: {claim: c}}
    defaults: {env: {A: x}, volumes: {v: /v}, resources: {cpu: 1}, command: [prog]}
    steps: {a: {image: 'x:1', sidecars: {db: {image: db, args: --fast}}}}
    """
    assert template(body)["sidecars"] == [
        {"name": "db", "image": "db:1", "imagePullPolicy": "Always", "command": ["db", "run"], "args": ["--fast"]}
    ]
    assert manifests(body, "argo")[0]["spec"]["imagePullSecrets"] == [{"name": "login"}]


# --- containers -----------------------------------------------------------------------------------------------------------


def test_containers() -> None:
    """All keys of a container, in the API's words; volumes that only another container mounts are the workflow's, too."""
    body = """
    volumes: {v: {claim: c}, r: {size: 1Gi}}
    steps:
      a:
        image: 'x:1'
        command: t
        sidecars:
          s:
            image: y:1
            command: serve --port 80
            args: [a, 1]
            env: {A: {secret: k, key: b}, B: 2}
            volumes: {v: {mount: /v, sub_path: x, read_only: true}, r: /r}
            resources: {cpu: 1, memory: 1Gi}
            ports: [80, 443]
    """
    assert template(body)["sidecars"] == [
        {
            "name": "s",
            "image": "y:1",
            "command": ["serve", "--port", "80"],
            "args": ["a", "1"],
            "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "k", "key": "b"}}}, {"name": "B", "value": "2"}],
            "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
            "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "x", "readOnly": True}, {"name": "r", "mountPath": "/r"}],
            "ports": [{"containerPort": 80}, {"containerPort": 443}],
        }
    ]
    spec = manifests(body, "argo")[0]["spec"]
    assert [volume["name"] for volume in spec["volumes"]] == ["v"]
    assert [claim["metadata"]["name"] for claim in spec["volumeClaimTemplates"]] == ["r"]


def test_expressions() -> None:
    """Texts of other containers become guarded arguments of the task, as the step's own do; a value of a step makes an edge."""
    body = """
    params: {p: {type: string, default: x}, n: 3}
    steps:
      make: {image: 'x:1', command: t, values: {v: /v}}
      a:
        image: 'x:1'
        command: [t, "${{ params.n }}"]
        init: {i: {image: 'y:1', run: 'echo "$1"', args: ["${{ params.p }}", "${{ params.n }}"]}}
        sidecars: {s: {image: 'y:1', command: [s, "--v=${{ steps.make.values.v }}"], env: {P: "${{ params.p }}", Q: "a ${{ run.id }}"}}}
    """
    assert step(body, "a").after == ("make",)
    found = template(body)
    assert found["inputs"]["parameters"] == [{"name": name} for name in ("n", "p", "s-command-2", "s-env-Q")]
    assert found["initContainers"][0]["args"] == ["{{inputs.parameters.p}}", "{{inputs.parameters.n}}"]
    assert found["sidecars"][0]["command"] == ["s", "{{inputs.parameters.s-command-2}}"]
    assert [env["value"] for env in found["sidecars"][0]["env"]] == ["{{inputs.parameters.p}}", "{{inputs.parameters.s-env-Q}}"]
    tasks = {task["name"]: task for task in template(body, "entrypoint")["dag"]["tasks"]}
    given = {one["name"]: one["value"] for one in tasks["a"]["arguments"]["parameters"]}
    assert "contains double braces" in given["p"]
    assert given["s-command-2"].startswith("{{= ('--v=' + tasks['make']")


@pytest.mark.parametrize("key", ["init", "sidecars"])
def test_scripts_really_run(key: str) -> None:
    """A script gets its arguments, ends at the first command that fails, and what looks like a kubelet's variable is the shell's."""
    script = 'echo "$0 $# $1" "$2" $((1 + 1)) $(echo three) "$(HOME=x; echo $HOME)"; cat <<E\n$$\nE\nfalse\necho never'
    indented = script.replace("\n", "\n          ")
    body = f"""
steps:
  a:
    image: 'x:1'
    command: t
    {key}:
      helper:
        image: y:1
        run: |
          {indented}
        args: ["a b", "$HOME"]
    """
    container = template(body)["initContainers" if key == "init" else key][0]
    words = [*container["command"], *container["args"]]
    assert words[:2] == ["sh", "-ec"]
    # what a kubelet makes of them (third_party/forked/golang/expansion)
    words = [re.sub(r"\$(\$|\([^)]*\))", lambda match: "$" if match[1] == "$" else "<expanded>", word) for word in words]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    first, second, *rest = done.stdout.split("\n")
    assert (first, second.isdigit(), rest, done.returncode) == ("helper 2 a b $HOME 2 three x", True, [""], 1)


def sidecar(keys: str, key: str = "sidecars") -> str:
    """A step with one other container."""
    return one(f"{key}: {{s: {{image: 'y:1', {keys}}}}}", PARAMS + "volumes: {v: {claim: c}, w: {claim: d}}")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (sidecar("command: s, shell: bash"), [("MLC201", "steps.a.sidecars.s.shell")]),
        (sidecar("command: s, run: x"), [("MLC209", "steps.a.sidecars.s.run")]),
        (sidecar("command: null"), [("MLC203", "steps.a.sidecars.s.command")]),
        (sidecar("command: 'a | b'"), [("MLC315", "steps.a.sidecars.s.command")]),
        (sidecar("command: ['${{ params.p }}']"), [("MLC311", "steps.a.sidecars.s.command")]),
        (sidecar("command: s, args: ['${{ inputs.x }}']"), [("MLC311", "steps.a.sidecars.s.args.0")]),
        (sidecar("command: s, args: ['${{ params.q }}']"), [("MLC303", "steps.a.sidecars.s.args.0")]),
        (sidecar("run: 'echo ${{ params.p }}'", "init"), [("MLC321", "steps.a.init.s.run")]),
        (sidecar("command: s, env: {A-B: x}"), [("MLC323", "steps.a.sidecars.s.env.A-B")]),
        (sidecar("command: s, env: {A: {secret: '${{ params.p }}_', key: k}}"), [("MLC340", "steps.a.sidecars.s.env.A.secret")]),
        (sidecar("command: s, env: {A: {secret: s, key: '${{ params.p }}'}}"), [("MLC311", "steps.a.sidecars.s.env.A.key")]),
        (sidecar("command: s, volumes: {x: /x}"), [("MLC316", "steps.a.sidecars.s.volumes.x")]),
        (sidecar("command: s, volumes: {v: /x, w: /x/y}"), [("MLC309", "steps.a.sidecars.s.volumes.w")]),
        (sidecar("command: s, ports: [0]"), [("MLC206", "steps.a.sidecars.s.ports.0")]),
        (sidecar("command: s, ports: [80, 80]"), [("MLC206", "steps.a.sidecars.s.ports.1")]),
        (sidecar("command: s, ports: [65536]"), [("MLC206", "steps.a.sidecars.s.ports.0")]),
        (sidecar("command: s, resources: {cpu: lots}"), [("MLC319", "steps.a.sidecars.s.resources.cpu")]),
        (one("init: {x-a: {image: 'y:1'}}"), [("MLC307", "steps.a.init.x-a")]),
        (one("sidecars: {s: {command: s}}"), [("MLC202", "steps.a.sidecars.s")]),
        (one("sidecars: {s: {image: db, command: s}}", "images: {dbs: 'y:1'}\n"), [("MLC317", "steps.a.sidecars.s.image")]),
        (one("init: {s: {image: 'y:1'}}, sidecars: {s: {image: 'y:1'}}"), [("MLC308", "steps.a.sidecars.s")]),
    ],
)
def test_wrong_containers(body: str, found: list[tuple[str, str]]) -> None:
    """What is wrong in a container is found where it is in a step, and once."""
    assert errors(body) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (sidecar("command: s, volumes: {v: /var/run/argo/x}"), [("MLC402", "steps.a.sidecars.s.volumes.v")]),
        (one("init: {init: {image: 'y:1'}}"), [("MLC402", "steps.a.init.init")]),
        (sidecar("command: s, args: ['{{pod.name}}']"), [("MLC403", "steps.a.sidecars.s.args.0")]),
        (sidecar("run: 'echo {{= 1 }}'"), [("MLC403", "steps.a.sidecars.s.run")]),
        (sidecar("command: s, args: ['{{x ${{ params.p }}']"), [("MLC403", "steps.a.sidecars.s.args.0")]),
        (one(f"init: {{s: {{image: 'y:1', run: '{'x' * 131_072}'}}}}"), [("MLC408", "steps.a.init.s.run")]),
    ],
)
def test_argo_refuses(body: str, found: list[tuple[str, str]]) -> None:
    """Names and folders of the executor, tags of the engine, texts that are too long."""
    assert errors(body, "argo") == found


def test_lint() -> None:
    """Secrets in plain text are found in other containers, too."""
    assert errors(sidecar("command: s, env: {POSTGRES_PASSWORD: hunter22}")) == [("MLC501", "steps.a.sidecars.s.env.POSTGRES_PASSWORD")]
