"""What goes wrong in silence elsewhere: accepted by an engine, by its linter or by another tool, and then done wrongly, or not at all.

One table. Each entry is a fact and where it is known from, and small projects that show that `mlc` refuses it (`refused`: the code, and
where it points), or does it right (`right`: what stands in the manifest, by value). A project that asks for something that the language
does not have yet is refused as an unknown key (MLC201): when the feature comes, its line fails here and must be replaced by what then
has to stand in the manifest. Every manifest goes through the self-check of emitted trees on the way (`support.manifests`).

Sources: `argo`, `kfp`: read in, or run with, argo-workflows 4.1 and kubeflow/pipelines 2.17; `#n` are their issues; others by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from mlc import driver
from tests import support

ABSENT = object()
"""A key that must not be there."""


@dataclass(frozen=True)
class Holding:
    """A long text of which one piece counts."""

    text: str


@dataclass(frozen=True)
class Case:
    """A small project and what must come of it: a code at a place, or values in the manifest of a target."""

    body: str
    targets: tuple[str, ...]
    code: str = ""
    place: str = ""
    severity: str = "error"
    values: tuple[tuple[str, Any], ...] = ()


def refused(code: str, place: str, body: str, targets: tuple[str, ...] = ("argo", "kfp")) -> Case:
    """The project is refused by every target, with one error."""
    return Case(body, targets, code, place)


def handed_over(target: str, place: str, body: str) -> Case:
    """The project is compiled, with a note that says who has to see to a field."""
    return Case(body, (target,), "MLC405", place, "note")


def right(target: str, body: str, *values: dict[str, Any]) -> Case:
    """The manifest has the values, each under a path: keys, and names or numbers of list items, with spaces between."""
    return Case(body, (target,), values=tuple(item for some in values for item in some.items()))


def later(key: str, body: str = "command: t") -> Case:
    """A key of a step that the language does not have yet."""
    return refused("MLC201", f"steps.a.{key.partition(':')[0]}", f"steps: {{a: {{image: 'x:1', {body}, {key}}}}}")


def step(more: str = "", head: str = "") -> str:
    """A project of one step `a`."""
    return f"{head}\nsteps: {{a: {{image: 'x:1', command: t{', ' if more else ''}{more}}}}}"


def gated(condition: str, head: str = "", more: str = "") -> str:
    """A project of a step `a` that measures, and a step `b` with a condition."""
    made = "values: {n: {path: /n, type: int}, t: /t}, metrics: {m: {path: /m, above: 0.8}, k: {path: /k.json, key: x.y}}"
    return f"{head}\nsteps:\n  a: {{image: 'x:1', command: t, {made}}}\n  b: {{image: 'x:1', command: t, {condition}{more}}}"


def looped(more: str) -> str:
    """A project of a loop `a` and a step `b` outside of it."""
    made = "values: {n: {path: /n, type: int}}, metrics: {m: {path: /m, above: 0.8}}, outputs: {o: /o}, retry: {limit: 3}"
    loop = f"when: params.go, foreach: {{lr: [1, 2]}}, parallel: 2, {made}"
    return f"params: {{go: true}}\nsteps:\n  a: {{image: 'x:1', command: t, {loop}}}\n  b: {{image: 'x:1', command: t, {more}}}"


M = "tasks['a'].outputs.parameters['m']"
DOCUMENT = "parseJson(inputs.parameter_values['a.m'])"
CEL_M = f"(type({DOCUMENT}) == double ? {DOCUMENT} : {{}}['step a: metric m is no number'])"
CONFIG_MAP = "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}}"
GUARD = "contains ('{' + '{') ? asInt('parameter p contains double braces') : replace"
TEXT = "params: {p: {type: string, default: x}}"
DAG = "spec templates entrypoint dag"
A, B = f"{DAG} tasks a", f"{DAG} tasks b"
TA, TB = "spec templates a", "spec templates b"
KA, KB = "root dag tasks a", "root dag tasks b"
CA, CB = "deploymentSpec executors exec-a container", "deploymentSpec executors exec-b container"
PA = "1 platforms kubernetes deploymentSpec executors exec-a"
PLACED = (
    "node_selector: {a: b}, tolerations: [{key: k, operator: Exists}], "
    "affinity: {node_affinity: {required: [{match_expressions: [{key: z, operator: In, values: [x]}]}]}}"
)
NODES = {"matchExpressions": [{"key": "z", "operator": "In", "values": ["x"]}]}
PODS = "{topology_key: h, label_selector: {match_labels: {a: b}}}"


@dataclass(frozen=True)
class Fact:
    """What goes wrong, where that is known from, and what `mlc` makes of it."""

    what: str
    source: str
    cases: tuple[Case, ...]


FACTS = (
    # --- what no validator of Argo's finds
    Fact(
        "an argument that the template has no input for is accepted and ignored",
        "argo workflow/validate, #1574",
        (
            refused("MLC322", "steps.a.inputs.ghost", step("inputs: {ghost: /g}")),
            right(
                "argo",
                step("args: ['--lr=${{ params.lr }}', '${{ params.lr }}']", "params: {lr: 0.1, unused: 1}"),
                {f"{TA} inputs parameters": [{"name": "arg-1"}, {"name": "lr"}], f"{A} arguments parameters arg-1 name": "arg-1"},
                {f"{A} arguments parameters lr name": "lr", f"{A} arguments parameters 2": ABSENT},
            ),
        ),
    ),
    Fact(
        "a wrong output inside {{= }} passes every linter, and the run waits for it without end",
        "argo workflow/controller (IsMissingVariableErr)",
        (
            refused("MLC304", "steps.b.when", gated("when: steps.a.metrics.mm > 0.8")),
            refused("MLC304", "steps.b.when", gated("when: steps.a.values.m > 0.8")),
            refused("MLC301", "steps.b.when", gated("when: steps.c.metrics.m > 0.8")),
            refused("MLC301", "steps.b.gate", gated("gate: c")),
            refused("MLC304", "steps.b.args.0", gated("args: ['${{ steps.a.values.nn }}']")),
            right("argo", gated("gate: a"), {f"{B} when": "{{= fromJSON(" + M + ") > 0.8 }}", f"{TA} outputs parameters m name": "m"}),
        ),
    ),
    Fact(
        "a mount of a volume that does not exist is accepted; the pod is refused when its turn comes",
        "argo workflow/validate",
        (
            refused("MLC316", "steps.a.volumes.dat", step("volumes: {dat: /d}", "volumes: {data: {claim: c}}")),
            right(
                "argo",
                step("volumes: {data: /d}", "volumes: {data: {claim: c}}"),
                {"spec volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]},
                {f"{TA} container volumeMounts": [{"name": "data", "mountPath": "/d"}]},
            ),
        ),
    ),
    Fact(
        "a `when` that is no expression at all is accepted, and errs in the run",
        "argo workflow/validate",
        (
            refused("MLC310", "steps.b.when", gated("when: 'yes, please'")),
            refused("MLC310", "steps.b.when", gated("when: steps.a.metrics.m >=")),
            refused("MLC305", "steps.b.when", gated("when: steps.a.metrics.m")),
            refused("MLC310", "steps.b.when", gated("when: '{{tasks.a.outputs.parameters.m}} > 0.8'")),
        ),
    ),
    Fact(
        "an expression with a syntax error is accepted, and errs in the run",
        "argo workflow/validate",
        (
            refused("MLC310", "steps.b.when", gated("when: (steps.a.metrics.m > 0.8")),
            refused("MLC310", "steps.b.when", gated("when: steps.a.metrics.m > > 0.8")),
            refused("MLC310", "steps.a.args.0", "steps:\n  a:\n    image: x:1\n    command: t\n    args:\n    - ${{ run.id"),
            right(
                "argo",
                gated("when: \"steps.a.metrics.m > 0.8 and not (steps.a.values.t in ['x', 'y'] or steps.a.values.n == 3)\""),
                {
                    f"{B} when": "{{= all([fromJSON(" + M + ") > 0.8, not (any([tasks['a'].outputs.parameters['t'] in ['x', 'y'],"
                    " (fromJSON(tasks['a'].outputs.parameters['n']) + 0) == 3], #))], #) }}"
                },
            ),
        ),
    ),
    Fact(
        "{{item}} outside a loop reaches the program as it stands",
        "argo workflow/validate",
        (
            refused("MLC403", "steps.a.args.0", step("args: ['{{item}}']")),
            refused("MLC403", "steps.a.env.A", step("env: {A: '{{item.x}}'}")),
            refused("MLC326", "steps.a.args.0", step("args: ['${{ each.lr }}']")),
            right(
                "argo",
                step("foreach: {lr: [1, 2]}, args: ['${{ each.lr }}']"),
                {"spec templates x-loop-a dag tasks x-item arguments parameters": [{"name": "lr", "value": "{{item.lr}}"}]},
                {"spec templates x-item-a dag tasks a arguments parameters": [{"name": "lr", "value": "{{= inputs.parameters['lr'] }}"}]},
                {f"{TA} container args": ["{{inputs.parameters.lr}}"]},
            ),
        ),
    ),
    Fact(
        "a part of a GPU is accepted; the pod is refused when its turn comes",
        "argo workflow/validate",
        (
            refused("MLC319", "steps.a.resources.gpu", step("resources: {gpu: 0.5}")),
            refused("MLC319", "steps.a.resources.gpu", step("resources: {gpu: 500m}")),
            refused("MLC319", "steps.a.resources.gpu.count", step("resources: {gpu: {type: nvidia.com/gpu, count: 1.5}}")),
            right("argo", step("resources: {gpu: 2}"), {f"{TA} container resources limits": {"nvidia.com/gpu": "2"}}),
            right("argo", step("resources: {gpu: 2}"), {f"{TA} container resources requests": {"nvidia.com/gpu": "2"}}),
        ),
    ),
    Fact(
        "a label whose value Kubernetes refuses is accepted; no pod is made",
        "argo workflow/validate",
        (
            refused("MLC323", "steps.a.labels.team", step("labels: {team: data science!}")),
            refused("MLC323", "labels.team", step("", "labels: {team: -x}")),
            refused("MLC323", "labels.a b", step("", "labels: {a b: x}")),
            refused("MLC323", "steps.a.labels.team", step(f"labels: {{team: {'x' * 64}}}")),
        ),
    ),
    Fact(
        "a name with a dash, not in brackets, is read as a difference",
        "argo expr-lang",
        (
            right(
                "argo",
                "params: {max-n: 3}\nsteps:\n  my-step: {image: 'x:1', command: t, values: {val-n: {path: /v, type: int}}}\n"
                "  b: {image: 'x:1', command: t, when: steps.my-step.values.val-n > params.max-n}",
                {
                    f"{B} when": "{{= (fromJSON(tasks['my-step'].outputs.parameters['val-n']) + 0)"
                    " > (fromJSON(workflow.parameters['max-n']) + 0) }}"
                },
            ),
        ),
    ),
    Fact(
        "a text above a number is accepted, and errs in the run; between two texts, 10 is below 9",
        "argo expr-lang and govaluate, #5644",
        (
            refused("MLC305", "steps.b.when", gated("when: steps.a.values.t > 3")),
            refused("MLC305", "steps.b.when", gated("when: steps.a.values.t == 3")),
            refused("MLC305", "steps.b.when", gated("when: params.p > 3", "params: {p: text}")),
            refused("MLC305", "steps.b.when", gated("when: params.p > '3'", "params: {p: text}")),
            right("argo", gated("when: params.p > 3", "params: {p: 10}"), {f"{B} when": "{{= fromJSON(workflow.parameters['p']) > 3 }}"}),
        ),
    ),
    # --- more that Argo's linter accepts
    Fact(
        "a number among parameters is accepted by the linter, and the manifest then cannot be read",
        "argo #2413",
        (
            right(
                "argo",
                step("", "params: {lr: 1e-5, n: 3, b: true}"),
                {"spec arguments parameters lr value": "1e-5"},
                {"spec arguments parameters n value": "3"},
            ),
        ),
    ),
    Fact(
        "a claim without a name is accepted",
        "argo workflow/validate",
        (refused("MLC203", "volumes.d.claim", step("volumes: {d: /d}", "volumes: {d: {claim: }}")),),
    ),
    Fact(
        "a pull policy that does not exist is accepted",
        "argo workflow/validate",
        (refused("MLC204", "images.i.pull_policy", "images: {i: {ref: 'x:1', pull_policy: always}}\nsteps: {a: {image: i, command: t}}"),),
    ),
    Fact(
        "a name in capitals, or none, is accepted; the API server refuses it",
        "argo workflow/validate",
        (
            refused("MLC205", "name", "mlc: v1\nname: MNIST\nsteps: {a: {image: 'x:1', command: t}}"),
            refused("MLC202", "", "mlc: v1\nsteps: {a: {image: 'x:1', command: t}}"),
        ),
    ),
    Fact(
        "an env of a name that Kubernetes refuses is accepted",
        "argo workflow/validate",
        (
            refused("MLC323", "steps.a.env.A B", step("env: {A B: x}")),
            refused("MLC323", "steps.a.env.A B", step("env: {A B: {secret: s, key: k}}")),
        ),
    ),
    Fact(
        "a tag with a root that no engine knows reaches the program as it stands",
        "argo #12317",
        (
            refused("MLC310", "steps.a.args.0", step("args: ['{{params.lr}}']", "params: {lr: 0.1}")),
            refused("MLC303", "steps.a.args.0", step("args: ['${{ params.lrr }}']", "params: {lr: 0.1}")),
        ),
    ),
    Fact(
        "words that YAML 1.1 takes for booleans or numbers change their type on the way, and the manifest cannot be read",
        "argo sigs.k8s.io/yaml",
        (
            right(
                "argo",
                step("env: {N: y}, args: [1e-5, '0o17', on, 08], labels: {n: 'no'}"),
                {f"{TA} container env": [{"name": "N", "value": "y"}], f"{TA} container args": ["1e-5", "0o17", "on", "08"]},
                {f"{TA} metadata labels n": "no"},
            ),
        ),
    ),
    Fact(
        "a bare dependency on a gated step counts a skipped one as done: the step behind the gate runs",
        "argo workflow/controller/dag.go, hera #242, #440",
        (
            right("argo", gated("gate: a", more="}\n  c: {image: 'x:1', command: t, needs: b"), {f"{DAG} tasks c depends": "b.Succeeded"}),
            right("kfp", gated("gate: a", more="}\n  c: {image: 'x:1', command: t, needs: b"), {"root dag tasks c dependentTasks": ["b"]}),
        ),
    ),
    Fact(
        "when one step fails, branches that wait for a free slot are ended by default",
        "argo workflow/controller/dag.go",
        (right("argo", step(), {f"{DAG} failFast": False}),),
    ),
    Fact(
        "a condition on 9e-1, NaN or an empty text errs or passes, depending on how it is substituted; infinity passes a gate",
        "argo govaluate and expr-lang, #12709, #3990",
        (
            right("argo", gated("gate: a"), {f"{B} when": "{{= fromJSON(" + M + ") > 0.8 }}"}),
            right("kfp", gated("gate: a"), {f"{KB} triggerPolicy condition": f"({CEL_M} > 0.8)"}),
            right("argo", gated("when: steps.a.metrics.m == 0.8"), {f"{B} when": "{{= (fromJSON(" + M + ") + 0) == 0.8 }}"}),
        ),
    ),
    Fact(
        "a metric whose file is missing takes a default where there is one",
        "argo workflow/executor (SaveParameters)",
        (right("argo", gated("gate: a"), {f"{TA} outputs parameters m": {"name": "m", "valueFrom": {"path": "/m"}}}),),
    ),
    Fact(
        "a file of an earlier run on a shared volume passes a gate as this run's",
        "argo workflow/executor (isBaseImagePath); KFP's launcher copies likewise",
        (
            refused(
                "MLC320", "steps.a.metrics.m", step("volumes: {d: /d}, metrics: {m: {path: /d/m, min: 1}}", "volumes: {d: {claim: c}}")
            ),
            refused("MLC320", "steps.a.values.v", step("volumes: {d: /d}, values: {v: /d/v}", "volumes: {d: {claim: c}}")),
            refused("MLC320", "steps.a.outputs.o", step("volumes: {d: /d}, outputs: {o: /d/o}", "volumes: {d: {claim: c}}")),
        ),
    ),
    Fact(
        "nested paths of artifacts and mounts are accepted, and hide each other",
        "argo workflow/validate (equal paths only), #12174",
        (
            refused("MLC309", "steps.a.volumes.e", step("volumes: {d: /d, e: /d/e}", "volumes: {d: {claim: c}, e: {claim: f}}")),
            refused("MLC309", "steps.a.values.v", step("outputs: {o: /o}, values: {v: /o/v}")),
        ),
    ),
    Fact(
        "one file is packed as .tgz unless told otherwise",
        "argo workflow/executor",
        (right("argo", step("outputs: {o: /o}"), {f"{TA} outputs artifacts": [{"name": "o", "path": "/o", "archive": {"none": {}}}]}),),
    ),
    Fact(
        "words of the language of `depends` are accepted as names of tasks; the run errs",
        "argo expr-lang, workflow/controller/dag.go",
        tuple(
            refused("MLC307", f"steps.{name}", f"steps: {{{name}: {{image: 'x:1', command: t}}}}")
            for name in ("in", "not", "let", "matches")
        ),
    ),
    Fact(
        "a timeout counts the time that a pod waits for a node",
        "argo workflow/controller/operator.go",
        (
            right("argo", step("timeout: 90m"), {f"{TA} activeDeadlineSeconds": 5400, f"{TA} timeout": ABSENT}),
            right("kfp", step("timeout: 90m"), {f"{PA} activeDeadlineSeconds": "5400"}),
        ),
    ),
    Fact(
        "choices of a parameter are not enforced",
        "argo #6959, hera #426",
        (
            right(
                "argo",
                step("args: ['${{ params.p }}']", "params: {p: {type: string, default: a, choices: [a, b]}}"),
                {"spec arguments parameters p enum": ["a", "b"]},
                {
                    f"{A} arguments parameters p value": "{{= (workflow.parameters['p'] in ['a', 'b'] ? workflow.parameters['p'] :"
                    " asInt('parameter p is not one of its choices')) }}"
                },
            ),
            right(
                "kfp",
                step("args: ['${{ params.p }}']", "params: {p: {type: string, default: a, choices: [a, b]}}"),
                {
                    f"{KA} triggerPolicy condition": "(inputs.parameter_values['p'] in ['a', 'b'] ? true :"
                    " {}['parameter p is outside its limits'])"
                },
            ),
        ),
    ),
    Fact(
        "without a command the controller asks a registry what an image runs",
        "argo #7780, #14601",
        (
            right(
                "argo",
                "images: {i: {ref: 'x:1', entrypoint: [run, it]}}\nsteps: {a: {image: i}}",
                {f"{TA} container command": ["run", "it"]},
            ),
        ),
    ),
    Fact(
        "memoize needs a ConfigMap with a label, and forgets what a claim holds",
        "argo docs/memoization, #12490",
        (refused("MLC401", "steps.a.cache", step("cache: true"), ("argo",)),),
    ),
    Fact(
        "pull secrets of one template are an unknown field, or lost",
        "argo Template has none; jupyterflow writes `container.imagePullSecret`; Elyra builds a PipelineConf that it drops; metaflow #2494",
        (
            right(
                "argo",
                "images: {i: {ref: 'x:1', pull_secret: reg}}\nsteps: {a: {image: i, command: t}}",
                {"spec imagePullSecrets": [{"name": "reg"}]},
            ),
            right(
                "kfp",
                "images: {i: {ref: 'x:1', pull_secret: reg}}\nsteps: {a: {image: i, command: t}}",
                {f"{PA} imagePullSecret 0 secretName": "reg"},
            ),
        ),
    ),
    Fact(
        "a loop with a condition counts as done when it is skipped, an empty one as skipped; values come back as texts",
        "argo workflow/controller/dag.go, KFP argocompiler/dag.go; retries in loops: KFP #12389, #13897",
        (
            refused("MLC209", "steps.a.parallel", step("parallel: 2")),
            refused("MLC302", "steps.a.each", step("each: a")),
            refused("MLC324", "steps.b.args.0", looped("args: ['${{ steps.a.metrics.m }}']")),
            refused("MLC324", "steps.b.inputs.o", looped("inputs: {o: /i}")),
            refused("MLC312", "steps.b.gate", looped("gate: a")),
            refused("MLC401", "steps.b.inputs.o.best", looped("inputs: {o: {path: /i, best: m}}"), ("kfp",)),
            right(
                "argo",
                looped("args: ['${{ steps.a.values.n }}']"),
                {f"{A} template": "x-loop-a", f"{A} when": "{{= (fromJSON(workflow.parameters['go']) ? true : false) }}"},
                {f"{A} withParam": ABSENT, f"{A} withItems": ABSENT, f"{B} depends": "a.Succeeded"},
                {"spec templates x-loop-a dag tasks x-item withParam": "{{inputs.parameters.x-items}}"},
                {"spec templates x-loop-a dag tasks x-item when": ABSENT, "spec templates x-loop-a parallelism": 2},
                {"spec templates x-loop-a outputs parameters x-items valueFrom default": "[]"},
                {f"{B} arguments parameters n value": Holding("asInt(#['a_n'])")},
                {f"{TA} retryStrategy limit": "3"},
            ),
            right(
                "kfp",
                looped("args: ['${{ steps.a.values.n }}']"),
                {f"{KA} triggerPolicy condition": "inputs.parameter_values['go']", f"{KA} parameterIterator": ABSENT},
                {f"{KB} dependentTasks": ["a"]},
                {f"{KB} inputs parameters a.n taskOutputParameter": {"producerTask": "a", "outputParameterKey": "a.n"}},
                {"components comp-x-loop-a dag tasks x-items iteratorPolicy parallelismLimit": 2},
                {"components comp-x-loop-a dag tasks x-items triggerPolicy": ABSENT},
                {"components comp-x-item-a dag tasks a retryPolicy maxRetryCount": 3},
                {"components comp-a outputDefinitions parameters n parameterType": "NUMBER_INTEGER"},
            ),
        ),
    ),
    Fact(
        "an exit handler that refers to a step errs, one that fails turns a green run red, two on one task are one",
        "argo onExit, KFP argocompiler/dag.go",
        (
            refused("MLC311", "finally.z.needs", step("", "finally: {z: {image: 'x:1', command: t, needs: a}}")),
            right(
                "argo",
                step("", "finally: {y: {image: 'x:1', command: t}, z: {image: 'x:1', command: t}}"),
                {"spec onExit": "x-finally", "spec templates x-finally dag tasks z template": "z"},
            ),
            right(
                "kfp",
                step("", "finally: {y: {image: 'x:1', command: t}, z: {image: 'x:1', command: t}}"),
                {
                    "root dag tasks x-finally dependentTasks": ["x-run"],
                    "root dag tasks x-finally triggerPolicy strategy": "ALL_UPSTREAM_TASKS_COMPLETED",
                    "components comp-x-finally dag tasks y dependentTasks": ABSENT,
                },
            ),
        ),
    ),
    Fact(
        "a schedule whose parameter has no default is accepted; the field `schedule` is gone from Argo 4",
        "argo cron_types.go; jupyterflow's schedule crashes",
        (
            refused("MLC314", "params.p", step("args: ['${{ params.p }}']", "schedule: {cron: '0 3 * * *'}\nparams: {p: {type: int}}")),
            right("argo", step("", "schedule: {cron: '0 3 * * *'}"), {"1 spec schedules": ["0 3 * * *"], "1 spec schedule": ABSENT}),
            handed_over("kfp", "schedule", step("", "schedule: {cron: '0 3 * * *'}")),
        ),
    ),
    Fact(
        "the status of a run is RUNNING in an exit task of a run that skipped a step",
        "KFP driver/resolve.go; argo says Error as well as Failed",
        (
            refused("MLC311", "steps.a.args.0", step("args: ['${{ run.status }}']")),
            refused(
                "MLC401",
                "finally.z.args.0",
                step("", "finally: {z: {image: 'x:1', command: t, args: ['${{ run.status }}']}}"),
                ("kfp",),
            ),
            right(
                "argo",
                step("", "finally: {z: {image: 'x:1', command: t, args: ['${{ run.status }}']}}"),
                {
                    "spec templates x-finally dag tasks z arguments parameters 0 value": (
                        "{{= (workflow.status == 'Succeeded' ? 'Succeeded' : 'Failed') }}"
                    )
                },
            ),
        ),
    ),
    Fact(
        "a metric that misses its threshold is a green run, and nobody hears of it",
        "argo and KFP: there are no thresholds",
        (
            refused("MLC209", "steps.a.metrics.m.on_miss", step("metrics: {m: {path: /m, on_miss: fail}}")),
            right(
                "argo",
                step("metrics: {m: {path: /m, min: 1, on_miss: fail}}"),
                {
                    "spec templates entrypoint dag tasks x-missed-a when": (
                        f"{{{{= (fromJSON({M}) >= 1 ? 'false' : asInt('step a: metric m missed its threshold')) }}}}"
                    )
                },
            ),
            right(
                "kfp",
                step("metrics: {m: {path: /m, min: 1, on_miss: fail}}"),
                {"root dag tasks x-missed-a dependentTasks": ["a"]},
            ),
        ),
    ),
    # --- what the KFP SDK compiles in silence, wrongly (seen in its IR)
    Fact(
        "a step called condition-1 takes the place of the sub-DAG of a condition: the gate and all behind it are gone",
        "kfp SDK 2.17, pipeline_spec_builder",
        (
            right(
                "kfp",
                "steps:\n  condition-1: {image: 'x:1', command: t, metrics: {m: {path: /m, above: 0.8}}}\n"
                "  for-loop-1: {image: 'x:1', command: t}\n  b: {image: 'x:1', command: t, gate: condition-1}",
                {
                    "root dag tasks condition-1 componentRef name": "comp-condition-1",
                    "root dag tasks for-loop-1 componentRef name": "comp-for-loop-1",
                    f"{KB} triggerPolicy condition": f"({CEL_M} > 0.8)".replace("'a.m'", "'condition-1.m'").replace(
                        "step a:", "step condition-1:"
                    ),
                    f"{KB} dependentTasks": ["condition-1"],
                },
            ),
        ),
    ),
    Fact(
        "of two conditions joined by `and` only the second is compiled",
        "kfp #5404",
        (
            right(
                "kfp",
                gated("when: steps.a.metrics.m > 0.8 and steps.a.values.t == 'x'"),
                {f"{KB} triggerPolicy condition": f"[({CEL_M} > 0.8), (inputs.parameter_values['a.t'] == 'x')].all(c, c)"},
            ),
            right(
                "kfp",
                gated("when: steps.a.metrics.m > 0.8 or steps.a.values.t == 'x'"),
                {f"{KB} triggerPolicy condition": f"[({CEL_M} > 0.8), (inputs.parameter_values['a.t'] == 'x')].exists(c, c)"},
            ),
        ),
    ),
    Fact(
        "a quote in a text ends the text: the condition is a syntax error in the run",
        "kfp SDK 2.17",
        (
            right(
                "kfp",
                gated("when: \"steps.a.values.t == 'it''s'\""),
                {f"{KB} triggerPolicy condition": "(inputs.parameter_values['a.t'] == 'it\\x27s')"},
            ),
            right(
                "argo",
                gated("when: \"steps.a.values.t == 'it''s'\""),
                {f"{B} when": "{{= tasks['a'].outputs.parameters['t'] == 'it\\'s' }}"},
            ),
        ),
    ),
    Fact(
        "a boolean compared with 1 is compared with false",
        "kfp SDK 2.17",
        (
            refused("MLC305", "steps.a.when", step("when: params.b == 1", "params: {b: true}")),
            right(
                "kfp",
                step("when: params.b == true", "params: {b: true}"),
                {f"{KA} triggerPolicy condition": "(inputs.parameter_values['b'] == true)"},
            ),
            right("kfp", step("when: params.b", "params: {b: true}"), {f"{KA} triggerPolicy condition": "inputs.parameter_values['b']"}),
        ),
    ),
    Fact(
        "steps that wait for each other are compiled",
        "kfp SDK 2.17 (`.after`), jupyterflow",
        (
            refused(
                "MLC302", "steps.a.needs", "steps:\n  a: {image: 'x:1', command: t, needs: b}\n  b: {image: 'x:1', command: t, needs: a}"
            ),
            refused("MLC302", "steps.a.needs", step("needs: a")),
        ),
    ),
    Fact(
        "a command that is a text becomes a list of its letters; or its quotes are split in two",
        "kfp SDK 2.17; jupyterflow (exec mode)",
        (
            right("kfp", "steps: {a: {image: 'x:1', command: echo hi}}", {f"{CA} command": ["echo", "hi"]}),
            right("argo", "steps: {a: {image: 'x:1', command: \"echo 'good bye'\"}}", {f"{TA} container command": ["echo", "good bye"]}),
            refused("MLC315", "steps.a.command", "steps: {a: {image: 'x:1', command: 'echo a | wc'}}"),
            right(
                "kfp",
                "params: {lr: 0.1}\nsteps: {a: {image: 'x:1', command: 'python t.py --lr ${{ params.lr }}'}}",
                {f"{CA} args": ["python", "t.py", "--lr", "={{$.inputs.parameters['lr']}}"]},
            ),
        ),
    ),
    Fact(
        "a declared output is an artifact in one place and a parameter in the other: nobody replaces its placeholder",
        "kfp SDK 2.17 (`OutputPath('Dataset')`)",
        (
            right(
                "kfp",
                step("outputs: {data: /d}, values: {v: /v}", "artifacts: {data: dataset}"),
                {
                    "components comp-a outputDefinitions artifacts data artifactType schemaTitle": "system.Dataset",
                    "components comp-a outputDefinitions parameters": {"v": {"parameterType": "STRING"}},
                    f"{CA} args": [
                        *("output", "data", "/d", "{{$.outputs.artifacts['data'].path}}"),
                        *("value", "v", "/v", "{{$.outputs.parameters['v'].output_file}}"),
                        *("--", "t"),
                    ],
                },
            ),
        ),
    ),
    # --- what the SDK does not look at
    Fact(
        "a claim called `Not Valid!!` is mounted",
        "kfp SDK 2.17",
        (refused("MLC323", "volumes.d.claim", step("volumes: {d: /d}", "volumes: {d: {claim: 'Not Valid!!'}}")),),
    ),
    Fact(
        "a volume is mounted at a relative path",
        "kfp SDK 2.17",
        (refused("MLC309", "steps.a.volumes.d", step("volumes: {d: data}", "volumes: {d: {claim: c}}")),),
    ),
    Fact(
        "two volumes are mounted at one path",
        "kfp SDK 2.17",
        (refused("MLC309", "steps.a.volumes.e", step("volumes: {d: /d, e: /d}", "volumes: {d: {claim: c}, e: {claim: f}}")),),
    ),
    Fact(
        "a claim is made with a mode and a size that do not exist, or with a name as well as a suffix",
        "kfp SDK 2.17 (CreatePVC)",
        (
            refused(
                "MLC204",
                "volumes.d.access_mode",
                step("volumes: {d: /d}", "volumes: {d: {size: 1Gi, access_mode: ReadWriteAll, storage_class: f}}"),
            ),
            refused("MLC319", "volumes.d.size", step("volumes: {d: /d}", "volumes: {d: {size: big, storage_class: f}}")),
            refused("MLC209", "volumes.d.size", step("volumes: {d: /d}", "volumes: {d: {size: 1Gi, claim: c, storage_class: f}}")),
        ),
    ),
    Fact(
        "an accelerator has a count and no type",
        "kfp SDK 2.17",
        (
            refused("MLC202", "steps.a.resources.gpu", step("resources: {gpu: {count: 1}}")),
            right(
                "kfp",
                step("resources: {gpu: 1}"),
                {
                    f"{CA} resources accelerator": {
                        "type": "nvidia.com/gpu",
                        "count": "1",
                        "resourceType": "nvidia.com/gpu",
                        "resourceCount": "1",
                    }
                },
            ),
        ),
    ),
    Fact(
        "a timeout of nothing leaves an empty setting, which is no timeout",
        "kfp SDK 2.17 (`set_timeout(0)`)",
        (refused("MLC319", "steps.a.timeout", step("timeout: 0s")),),
    ),
    Fact(
        "the name of a project is written anew without a word",
        "kfp SDK 2.17 (`My Pipe_line!!` is `my-pipe-line`)",
        (
            refused("MLC205", "name", "mlc: v1\nname: My Pipe_line!!\nsteps: {a: {image: 'x:1', command: t}}"),
            refused("MLC205", "steps.My_step", "steps: {My_step: {image: 'x:1', command: t}}"),
        ),
    ),
    # --- what the KFP backend does
    Fact(
        "an env from a parameter is copied as it stands, placeholder and all",
        "KFP driver/driver.go, #10111",
        (
            right(
                "kfp",
                step("env: {P: '${{ params.p }}'}", TEXT),
                {f"{CA} env": ABSENT, f"{CA} args": ["env", "P={{$.inputs.parameters['p']}}", "t"]},
            ),
        ),
    ),
    Fact(
        "the first word of a command is never substituted; of a composed image only the parameter is left",
        "KFP component/launcher_v2.go, driver/util.go",
        (
            refused(
                "MLC311",
                "steps.a.command",
                "params: {p: {type: string, default: x}}\nsteps: {a: {image: 'x:1', command: ['${{ params.p }}']}}",
            ),
            refused(
                "MLC420",
                "steps.a.image",
                "params: {p: {type: string, default: x}}\nsteps: {a: {image: 'x:${{ params.p }}', command: t}}",
                ("kfp",),
            ),
            right(
                "kfp",
                "params: {p: {type: string, default: x}}\nsteps: {a: {image: '${{ params.p }}', command: t}}",
                {f"{CA} image": "{{$.inputs.parameters['p']}}"},
            ),
        ),
    ),
    Fact(
        'an argument that starts with {"IfPresent": or {"Concat": is interpreted',
        "KFP driver/util.go",
        (
            right(
                "kfp",
                step("args: ['{\"IfPresent\": 1}', '${{ params.p }}']", TEXT),
                {f"{CA} args": ["t", '={"IfPresent": 1}', "={{$.inputs.parameters['p']}}"]},
            ),
        ),
    ),
    Fact(
        "a task `a-driver` beside `a` makes a workflow with two tasks of one name; executor-logs is taken",
        "KFP argocompiler/dag.go, driver/driver.go",
        (
            refused("MLC307", "steps.a-driver", "steps: {a: {image: 'x:1', command: t}, a-driver: {image: 'x:1', command: t}}"),
            refused("MLC307", "steps.a.outputs.executor-logs", step("outputs: {executor-logs: /l}")),
        ),
    ),
    Fact(
        "steps with equal containers share one component: one is asked for the inputs of the other",
        "KFP argocompiler/argo.go (saveComponentSpec)",
        (
            right(
                "kfp",
                "params: {n: 1}\nsteps: {a: {image: 'x:1', command: t}, b: {image: 'x:1', command: t, when: params.n > 0}}",
                {f"{CA} env": ABSENT, f"{CB} env": [{"name": "MLC_STEP", "value": "b"}]},
            ),
        ),
    ),
    Fact(
        "an output file that is missing is no failure: a dead artifact is registered",
        "KFP component/launcher_v2.go",
        (right("kfp", step("outputs: {o: /o}"), {f"{CA} command 2": Holding("output $$1 is missing: nothing was written to $$2")}),),
    ),
    Fact(
        "retries end after an hour, whatever the limit says",
        "KFP #14245 (backoffMaxDuration 3600s is a window)",
        (
            right(
                "kfp",
                step("retry: {limit: 3, backoff: {duration: 30m}}"),
                {
                    f"{KA} retryPolicy": {
                        "maxRetryCount": 3,
                        "backoffDuration": "1800s",
                        "backoffFactor": 1.0,
                        "backoffMaxDuration": "31536000s",
                    }
                },
            ),
            refused("MLC401", "steps.a.retry.on", step("retry: {limit: 3, on: error}"), ("kfp",)),
        ),
    ),
    Fact(
        "a claim made for the run stays behind after a failure; of two exit tasks on one task all but one are lost",
        "KFP argocompiler/dag.go, #10188",
        (
            right(
                "kfp",
                step("volumes: {v: /v, w: /w}", "volumes: {v: {size: 1Gi, storage_class: f}, w: {size: 2Gi, storage_class: f}}"),
                {
                    "components comp-x-claims dag tasks x-delete triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"},
                    "components comp-x-claims dag tasks x-delete dependentTasks": ["x-steps"],
                    "components comp-x-delete dag tasks x-delete-v inputs parameters pvc_name": {"componentInputParameter": "x-claim.v"},
                    "components comp-x-delete dag tasks x-delete-w inputs parameters pvc_name": {"componentInputParameter": "x-claim.w"},
                    "root dag tasks x-create-v cachingOptions": {},
                },
            ),
            right(
                "argo", step("volumes: {v: /v}", "volumes: {v: {size: 1Gi}}"), {"spec volumeClaimGC": {"strategy": "OnWorkflowCompletion"}}
            ),
        ),
    ),
    Fact(
        "a claim without a storage class is of a class called `standard`",
        "KFP driver/k8s.go",
        (refused("MLC406", "volumes.v", step("volumes: {v: /v}", "volumes: {v: {size: 1Gi}}"), ("kfp",)),),
    ),
    Fact(
        "numbers that a step writes are printed anew (007 is 7); integers above 2^53 lose digits",
        "KFP metadata/converter.go, launcher_v2.go",
        (
            right(
                "kfp",
                step("values: {n: {path: /n, type: int}}"),
                {"components comp-a outputDefinitions parameters n": {"parameterType": "STRING"}},
            ),
            refused("MLC401", "params.n", step("", "params: {n: 9007199254740993}"), ("kfp",)),
        ),
    ),
    Fact(
        "caching is on unless told otherwise",
        "kfp SDK default; #10189: mounted volumes are not in the key",
        (
            right("kfp", step(), {f"{KA} cachingOptions": {}}),
            right("kfp", step("cache: true"), {f"{KA} cachingOptions": {"enableCache": True}}),
        ),
    ),
    Fact(
        "of two cached steps that differ in env or mounts alone the second gets the first one's result",
        "KFP cacheutils/cache.go, #10189",
        (
            right(
                "kfp",
                "defaults: {image: 'x:1', command: t, cache: true}\nsteps: {a: {env: {N: '1'}}, b: {env: {N: '2'}}}",
                {
                    f"{KA} inputs parameters x-cache runtimeValue constant": "9c1c6d14f054c2b1",
                    f"{KB} inputs parameters x-cache runtimeValue constant": "4a409821ee2c2d59",
                },
            ),
        ),
    ),
    Fact(
        "`err && false` is false: a metric that is no number slips through where another condition decides",
        "cel-go, and expr-lang's `and` skips what it does not need",
        (
            right(
                "argo",
                gated("when: params.b and steps.a.metrics.m > 0.8", "params: {b: true}"),
                {f"{B} when": "{{= all([(fromJSON(workflow.parameters['b']) ? true : false), fromJSON(" + M + ") > 0.8], #) }}"},
            ),
            right(
                "kfp",
                gated("when: params.b and steps.a.metrics.m > 0.8", "params: {b: true}"),
                {f"{KB} triggerPolicy condition": f"[inputs.parameter_values['b'], ({CEL_M} > 0.8)].all(c, c)"},
            ),
        ),
    ),
    Fact(
        "`not` binds stronger than a comparison",
        "expr-lang and CEL, unlike Python",
        (
            right("argo", step("when: not params.p == 'x'", TEXT), {f"{A} when": "{{= not (workflow.parameters['p'] == 'x') }}"}),
            right(
                "kfp",
                step("when: not params.p == 'x'", TEXT),
                {f"{KA} triggerPolicy condition": "!((inputs.parameter_values['p'] == 'x'))"},
            ),
        ),
    ),
    Fact(
        "one process argument holds 131,071 bytes, and a longer one fails when the process starts",
        "Linux execve; KFP hands over a container in one",
        (refused("MLC408", "steps.a.args.0", step(f"args: [{'x' * 140000}]")),),
    ),
    # --- texts that somebody expands again
    Fact(
        "a text of a parameter or of a file is a template to Argo, and is expanded again",
        "argo workflow/common/util.go (SubstituteParams)",
        (
            right(
                "argo",
                step("args: ['${{ params.p }}']", TEXT),
                {f"{A} arguments parameters p value": "{{= workflow.parameters['p'] " + GUARD + "(workflow.parameters['p'], '$', '$$') }}"},
            ),
            refused("MLC403", "params.p", step("args: ['${{ params.p }}']", "params: {p: '{{workflow.name}}'}")),
            refused("MLC403", "steps.a.args.0", step("args: ['f{{=1+1}}']")),
            refused("MLC403", "steps.a.run", "steps: {a: {image: 'x:1', run: 'echo {{workflow.name}}'}}"),
        ),
    ),
    Fact(
        "$(VAR) in a text is replaced by the kubelet, $$ becomes $",
        "Kubernetes, core/v1 Container.command",
        (
            right("argo", step("args: ['$(HOME)', '$$']"), {f"{TA} container args": ["$$(HOME)", "$$$$"]}),
            right("kfp", step("args: ['$(HOME)', 'a$']"), {f"{CA} args": ["t", "%\\0044(HOME)", "a$$"]}),
        ),
    ),
    Fact(
        "a value pasted into a script changes the script",
        "argo script templates, KFP `sh -c`",
        (
            refused(
                "MLC321", "steps.a.run", "params: {p: {type: string, default: x}}\nsteps: {a: {image: 'x:1', run: 'echo ${{ params.p }}'}}"
            ),
        ),
    ),
    Fact(
        "a password in the file goes to everybody who reads the manifest",
        "seeds: a key in the image, a webhook in the code, `secret as env` that sets a plain value",
        (
            refused("MLC501", "steps.a.env.DB_PASSWORD", step("env: {DB_PASSWORD: hunter2-correct-horse}")),
            right(
                "argo",
                step("env: {DB_PASSWORD: {secret: db, key: password}}"),
                {f"{TA} container env": [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}]},
            ),
            right(
                "kfp",
                step("env: {DB_PASSWORD: {secret: db, key: password}}"),
                {f"{PA} secretAsEnv 0 keyToEnv": [{"secretKey": "password", "envVar": "DB_PASSWORD"}], f"{CA} env": ABSENT},
            ),
        ),
    ),
    Fact(
        "a default command hands its arguments to the program of a step that has one of its own",
        "defaults that are merged key by key",
        (
            right(
                "argo",
                "defaults: {image: 'x:1', command: [t, -v], args: [a]}\nsteps: {a: {command: u}, b: {args: [b]}}",
                {
                    f"{TA} container": {"image": "x:1", "command": ["u"]},
                    f"{TB} container args": ["b"],
                    f"{TB} container command": ["t", "-v"],
                },
            ),
            right(
                "argo",
                "defaults: {image: 'x:1', command: t, args: [a]}\nsteps: {a: {run: echo}}",
                {f"{TA} script": {"image": "x:1", "command": ["sh", "-e"], "source": "echo"}},
            ),
        ),
    ),
    Fact(
        "a script goes on after a line that failed, and the step is green",
        "argo script templates, KFP `sh -c`: the shell's own default",
        (
            right("argo", "steps: {a: {image: 'x:1', shell: bash, run: a | b}}", {f"{TA} script command": ["bash", "-eo", "pipefail"]}),
            right(
                "kfp",
                "steps: {a: {image: 'x:1', shell: bash, run: a | b}}",
                {f"{CA} args": ["script", "a | b", "--", "bash", "-eo", "pipefail", "@"]},
            ),
        ),
    ),
    Fact(
        "the line break at the end of a value is part of it for KFP and not for Argo; a large one breaks the consumer's start",
        "KFP metadata/converter.go, argo workflow/executor; Linux execve",
        (
            right("kfp", step("values: {v: /v}"), {f"{CA} command 2": Holding('__mlc_v=$${__mlc_v%"$$__mlc_nl"}')}),
            right("kfp", step("values: {v: /v}"), {f"{CA} command 2": Holding('[ "$$__mlc_n" -le 32768 ]')}),
        ),
    ),
    Fact(
        "a text pasted among the metrics for the UI can forge the values of a step",
        "KFP component/launcher_v2.go (`parameterValues`)",
        (right("kfp", step("metrics: {m: /m}"), {f"{CA} command 2": Holding("grep -Eq '^-?(0|[1-9][0-9]{0,39})")}),),
    ),
    # --- what other tools drop
    Fact(
        "shared memory, pull policy, sub paths and read-only mounts are in the form, and not in what is compiled from it",
        "Elyra 4.1 (KFP v2 template), #2838, #2953",
        (
            right(
                "argo",
                step("volumes: {m: /dev/shm}", "volumes: {m: {memory: 2Gi}}"),
                {"spec volumes": [{"name": "m", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}}]},
            ),
            right(
                "kfp",
                step("volumes: {m: /dev/shm}", "volumes: {m: {memory: 2Gi}}"),
                {f"{PA} emptyDirMounts": [{"volumeName": "x-m", "mountPath": "/dev/shm", "medium": "Memory", "sizeLimit": "2Gi"}]},
            ),
            right(
                "kfp",
                "images: {i: {ref: 'x:1', pull_policy: Always}}\nsteps: {a: {image: i, command: t}}",
                {f"{PA} imagePullPolicy": "Always"},
            ),
            right(
                "argo",
                "images: {i: {ref: 'x:1', pull_policy: Always}}\nsteps: {a: {image: i, command: t}}",
                {f"{TA} container imagePullPolicy": "Always"},
            ),
            right(
                "argo",
                step("volumes: {d: {mount: /d, sub_path: s, read_only: true}}", "volumes: {d: {claim: c}}"),
                {f"{TA} container volumeMounts": [{"name": "d", "mountPath": "/d", "subPath": "s", "readOnly": True}]},
            ),
            right(
                "kfp",
                step("volumes: {d: {mount: /d, sub_path: s}}", "volumes: {d: {claim: c}}"),
                {f"{PA} pvcMount 0 mountPath": "/d", f"{PA} pvcMount 0 subPath": "s"},
            ),
            refused(
                "MLC401",
                "steps.a.volumes.d.read_only",
                step("volumes: {d: {mount: /d, read_only: true}}", "volumes: {d: {claim: c}}"),
                ("kfp",),
            ),
            refused("MLC201", "volumes.d.read_only", step("volumes: {d: /d}", "volumes: {d: {claim: c, read_only: true}}")),
        ),
    ),
    Fact(
        "a secret env arrives empty, envFrom not at all",
        "jupyterflow",
        (
            right(
                "argo",
                step("env: {A: {config_map: cfg, key: k}, B: {field: metadata.name}}"),
                {
                    f"{TA} container env": [
                        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "cfg", "key": "k"}}},
                        {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    ]
                },
            ),
            later("env_from: {secret: s}"),
        ),
    ),
    Fact(
        "unknown keys and versions pass without a word",
        "jupyterflow (`jbos:`, `version: 99`); kompose warns only; schemas without additionalProperties: argo #4605, #11022",
        (
            refused("MLC201", "jbos", step("", "jbos: []")),
            refused("MLC208", "mlc", "mlc: v99\nname: demo\nsteps: {a: {image: 'x:1', command: t}}"),
            right(
                "argo",
                f"steps: {{a: {{resource: {{action: delete, manifest: {CONFIG_MAP}}}}}}}",
                {f"{TA} resource action": "delete", f"{TA} container": ABSENT},
            ),
            refused("MLC401", "steps.a.resource", f"steps: {{a: {{resource: {{action: delete, manifest: {CONFIG_MAP}}}}}}}", ("kfp",)),
            refused("MLC201", "steps.a.resources.gpus", step("resources: {gpus: 1}")),
        ),
    ),
    Fact(
        "every step runs in the default image",
        "soopervisor (Argo exporter)",
        (
            right(
                "argo",
                "defaults: {image: 'x:1', command: t}\nsteps: {a: {image: 'y:2'}, b: {}}",
                {f"{TA} container image": "y:2", f"{TB} container image": "x:1"},
            ),
            right(
                "kfp",
                "defaults: {image: 'x:1', command: t}\nsteps: {a: {image: 'y:2'}, b: {}}",
                {f"{CA} image": "y:2", f"{CB} image": "x:1"},
            ),
        ),
    ),
    Fact(
        "settings of pods (labels, placement, sidecars, accounts) are ignored on one of the platforms",
        "zenml #4802; soopervisor #68; hera #930; KFP #9700, #9970",
        (
            right(
                "argo",
                step("labels: {team: ml}, annotations: {n: x}"),
                {f"{TA} metadata": {"labels": {"team": "ml"}, "annotations": {"n": "x"}}},
            ),
            right(
                "kfp",
                step("labels: {team: ml}, annotations: {n: x}"),
                {f"{PA} podMetadata": {"labels": {"team": "ml"}, "annotations": {"n": "x"}}},
            ),
            *(
                case
                for more, head in (
                    (PLACED, ""),
                    ("machine: m", f"machines: {{m: {{{PLACED}}}}}"),
                    ("use: t", f"templates: {{t: {{{PLACED}}}}}"),
                )
                for case in (
                    right(
                        "argo",
                        step(more, head),
                        {f"{TA} nodeSelector": {"a": "b"}, f"{TA} tolerations": [{"key": "k", "operator": "Exists"}]},
                        {f"{TA} affinity nodeAffinity requiredDuringSchedulingIgnoredDuringExecution nodeSelectorTerms": [NODES]},
                    ),
                    right(
                        "kfp",
                        step(more, head),
                        {f"{PA} nodeSelector labels": {"a": "b"}, f"{PA} tolerations": [{"key": "k", "operator": "Exists"}]},
                        {f"{PA} nodeAffinity": [NODES]},
                    ),
                )
            ),
            refused("MLC401", "steps.a.affinity.pod_affinity", step(f"affinity: {{pod_affinity: {{required: [{PODS}]}}}}"), ("kfp",)),
            right(
                "argo",
                step(f"affinity: {{pod_anti_affinity: {{required: [{PODS}]}}}}"),
                {
                    f"{TA} affinity podAntiAffinity requiredDuringSchedulingIgnoredDuringExecution": [
                        {"topologyKey": "h", "labelSelector": {"matchLabels": {"a": "b"}}}
                    ]
                },
            ),
            right("argo", step("service_account: s"), {f"{TA} serviceAccountName": "s"}),
            refused("MLC401", "steps.a.service_account", step("service_account: s"), ("kfp",)),
            right(
                "argo",
                step("security: {run_as_user: 1, run_as_group: 0, run_as_non_root: true, fs_group: 2}"),
                {f"{TA} container securityContext": {"runAsUser": 1, "runAsGroup": 0, "runAsNonRoot": True}},
                {f"{TA} securityContext": {"fsGroup": 2}},
            ),
            right("kfp", step("security: {run_as_user: 0}"), {f"{PA} securityContext": {"runAsUser": "0"}}),
            refused("MLC401", "steps.a.security.fs_group", step("security: {fs_group: 0}"), ("kfp",)),
            right(
                "argo",
                step("sidecars: {b: {image: 'y:1', command: s, ports: [80]}}, init: {c: {image: 'z:1', run: echo $HOME}}"),
                {f"{TA} sidecars": [{"name": "b", "image": "y:1", "command": ["s"], "ports": [{"containerPort": 80}]}]},
                {f"{TA} initContainers": [{"name": "c", "image": "z:1", "command": ["sh", "-ec", "echo $$HOME", "c"]}]},
            ),
            refused("MLC401", "steps.a.sidecars", step("sidecars: {b: {image: 'y:1', command: s}}"), ("kfp",)),
            refused("MLC401", "steps.a.init", step("init: {b: {image: 'y:1', command: s}}"), ("kfp",)),
            right(
                "argo",
                step("volumes: {d: /d, e: /e}", "volumes: {d: {nfs: {server: s, path: /p}}, e: {host_path: /x}}"),
                {"spec volumes": [{"name": "d", "nfs": {"server": "s", "path": "/p"}}, {"name": "e", "hostPath": {"path": "/x"}}]},
            ),
            refused("MLC401", "volumes.d.nfs", step("volumes: {d: /d}", "volumes: {d: {nfs: {server: s, path: /p}}}"), ("kfp",)),
            refused("MLC401", "volumes.d.host_path", step("volumes: {d: /d}", "volumes: {d: {host_path: /x}}"), ("kfp",)),
            right(
                "kfp",
                step("volumes: {d: /d}", "volumes: {d: {ephemeral: {size: 1Gi}}}"),
                {f"{PA} genericEphemeralVolume 0 size": "1Gi", f"{PA} genericEphemeralVolume 0 defaultStorageClass": True},
            ),
        ),
    ),
    Fact(
        "what KFP has no place for is left out",
        "KFP: labels of runs, the artifact store and the mode of a secret's files are not in its IR",
        (
            handed_over("kfp", "labels", step("", "labels: {team: ml}")),
            handed_over("kfp", "store.s3", step("", "store: {s3: {bucket: bkt}}")),
            handed_over("argo", "store.s3", step("", "store: {s3: {bucket: bkt}}")),
            refused("MLC401", "volumes.s.mode", step("volumes: {s: /s}", "volumes: {s: {secret: k, mode: '0400'}}"), ("kfp",)),
        ),
    ),
    Fact(
        "names that differ in case or in - and _ are one name to somebody further down; one name has two makers",
        "KFP (k8s names), file systems",
        (
            refused("MLC306", "params.max_n", step("", "params: {max-n: 1, max_n: 2}")),
            refused(
                "MLC308",
                "steps.b.outputs.o",
                "steps: {a: {image: 'x:1', command: t, outputs: {o: /o}}, b: {image: 'x:1', command: t, outputs: {o: /o}}}",
            ),
            refused("MLC308", "steps.a.inputs.o", step("inputs: {o: /i}, outputs: {o: /o}")),
        ),
    ),
    Fact(
        "a gate that no threshold stands behind is open",
        "argo #860: free expressions",
        (
            refused(
                "MLC312", "steps.b.gate", "steps: {a: {image: 'x:1', command: t, metrics: {m: /m}}, b: {image: 'x:1', command: t, gate: a}}"
            ),
            refused("MLC313", "steps.a.metrics.m.max", step("metrics: {m: {path: /m, min: 2, max: 1}}")),
        ),
    ),
)

CASES = [
    pytest.param(case, id=f"{fact.what} ({number})" if len(fact.cases) > 1 else fact.what)
    for fact in FACTS
    for number, case in enumerate(fact.cases, 1)
]


@pytest.mark.parametrize("case", CASES)
def test_not_in_silence(case: Case) -> None:
    """Refused, at the place where it is asked for; or right, by value."""
    if case.code:
        for target in case.targets:
            said = [item for item in support.check(case.body, (target,)) if item.severity in ("error", case.severity)]
            assert [(item.code, ".".join(map(str, item.path))) for item in said] == [(case.code, case.place)]
        return
    documents = support.manifests(case.body, case.targets[0])
    assert case.values
    for address, wanted in case.values:
        value = found(documents, address.split(" "))
        assert wanted.text in value if isinstance(wanted, Holding) else value == wanted, address


def found(documents: list[Any], path: list[str]) -> Any:
    """The value at a path: keys, and names or numbers of list items; ABSENT where there is none."""
    node: Any = documents[int(path.pop(0)) if path[0].isdigit() else 0]
    for word in path:
        if isinstance(node, list):
            names = [item.get("name") if isinstance(item, dict) else None for item in node]
            at = names.index(word) if word in names else int(word) if word.isdigit() else len(node)
            node = node[at] if at < len(node) else ABSENT
        else:
            node = node.get(word, ABSENT)
        if node is ABSENT:
            break
    return node


@pytest.mark.parametrize("target", ["argo", "kfp"])
def test_other_scripts_are_readable(target: str) -> None:
    """Text that is not Latin stands in the manifest as it was written, not as escapes that nobody can read in a difference (kfp SDK)."""
    result = driver.compile_source(support.source(step("title: 모델 학습")), (target,))
    assert "모델 학습" in result.outputs[0].text
