"""What a step is made of: its own keys over its template, `defaults` and its machine."""

from __future__ import annotations

import pytest

from mlc.ir import Pipeline, Step, Text

from .support import check, codes, pipeline, step

BASE = """
images: {train: "acme/train:1"}
volumes: {data: {claim: d}, shm: {memory: 1Gi}}
machines:
  gpu: {resources: {cpu: 4, memory: 16Gi, gpu: 1}, node_selector: {kind: a100}}
  cpu: {resources: {requests: {cpu: 1}}}
templates:
  job:
    image: train
    command: [python, job.py]
    args: [--quiet]
    env: {A: template, B: template, C: null}
    volumes: {data: /data}
    machine: gpu
    labels: {tier: job}
    timeout: 2h
  script: {image: train, run: print(1), shell: python, packages: [x]}
  empty: {}
defaults:
  image: "acme/base:1"
  env: {A: defaults, C: defaults, D: defaults}
  timeout: 1h
  retry: {limit: 1}
steps:
"""


def made(keys: str) -> Step:
    """A step of the base project."""
    return step(f"{BASE}  s: {keys}\n", "s")


def env(found: Step) -> dict[str, str | None]:
    """The constant variables of a step."""
    return {one.name: one.value.constant for one in found.env if isinstance(one.value, Text)}


def words(found: Step) -> list[str | None]:
    """The program of a step."""
    return [word.constant for word in (*(found.command or ()), *found.args)]


def test_three_layers() -> None:
    """Defaults lie under the template, the template under the step: by key where steps merge by key, whole otherwise."""
    found = made("{use: job, env: {B: step, E: step}, labels: {run: x}}")
    assert env(found) == {"A": "template", "B": "step", "D": "defaults", "E": "step"}
    assert (found.image.ref, found.timeout, found.retry and found.retry.limit) == ("acme/train:1", 7200, 1)
    assert found.labels == {"tier": "job", "run": "x"}
    assert [mount.path for mount in found.mounts] == ["/data"]


def test_null_takes_back_what_any_layer_gives() -> None:
    """In a step from all layers, in a template from `defaults`."""
    found = made("{use: job, env: {A: null}, volumes: null, timeout: null, retry: null, machine: null}")
    assert env(found) == {"B": "template", "D": "defaults"}
    assert (found.mounts, found.timeout, found.retry, found.resources, found.scheduling) == ((), 0, None, (), None)
    assert made("{use: null, command: [x]}").image.ref == "acme/base:1"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("{use: job}", ["python", "job.py", "--quiet"]),
        ("{use: job, args: [--loud]}", ["python", "job.py", "--loud"]),
        ("{use: job, command: [other]}", ["other"]),
        ("{use: job, args: null}", ["python", "job.py"]),
        ("{use: script, args: [x]}", ["x"]),
        ("{use: script, command: [x]}", ["x"]),
    ],
)
def test_the_program_is_one_unit_in_every_layer(keys: str, expected: list[str]) -> None:
    """Who sets `command` or `run` inherits nothing of the program; who sets `args` alone keeps it."""
    assert words(made(keys)) == expected


def test_a_template_may_give_any_key() -> None:
    """Also those that make the graph: whole, not merged; `null` in the step takes them away."""
    body = """
    templates:
      job:
        image: "a:1"
        command: [x]
        needs: first
        when: params.go
        values: {n: {path: /n, type: int}}
        metrics: {m: {path: /m, above: 1}}
        inputs: {raw: /raw}
    params: {go: true}
    steps:
      first: {image: "a:1", command: [x], outputs: {raw: /out}}
      a: {use: job}
      b: {use: job, needs: null, when: null, values: {k: /k}, metrics: null, inputs: null}
      c: {image: "a:1", command: [x, "${{ steps.a.values.n }}"], gate: a}
    """
    steps = {one.name: one for one in pipeline(body).steps}
    assert steps["a"].after == ("first",)
    assert [one.kind for one in steps["a"].conditions] == ["when"]
    assert (steps["b"].after, steps["b"].conditions, steps["b"].metrics, steps["b"].inputs) == ((), (), (), ())
    assert [one.name for one in steps["b"].values] == ["k"]
    assert steps["c"].after == ("a",)


def test_machines_fill_what_is_left_out() -> None:
    """Under step, template and defaults; amounts by key; the two forms of `resources` do not mix."""
    found = made("{use: job, resources: {memory: 64Gi}}")
    assert [(one.name, one.limit) for one in found.resources] == [("cpu", "4"), ("memory", "64Gi"), ("nvidia.com/gpu", "1")]
    assert [(one.name, one.limit) for one in made("{use: job, resources: {gpu: null}}").resources] == [("cpu", "4"), ("memory", "16Gi")]
    assert [(one.name, one.request, one.limit) for one in made("{use: job, machine: cpu}").resources] == [("cpu", "1", "")]
    assert [(one.name, one.limit) for one in made("{use: job, machine: cpu, resources: {cpu: 2}}").resources] == [("cpu", "2")]
    found = made("{use: job, node_selector: {kind: h100}}")
    assert found.scheduling is not None
    assert found.scheduling.node_selector == {"kind": "h100"}


def test_origins() -> None:
    """Each key knows the layer that it stands in, and so does each entry."""
    found = made("{use: job, env: {B: step}}")
    assert found.where("env", "B") == ("steps", "s", "env", "B")
    assert found.where("env", "A") == ("templates", "job", "env", "A")
    assert found.where("env", "D") == ("defaults", "env", "D")
    assert found.where("labels", "tier") == ("templates", "job", "labels", "tier")
    assert found.where("resources", "cpu") == ("machines", "gpu", "resources", "cpu")
    assert found.command is not None
    assert found.command[0].origin == ("templates", "job", "command", 0)
    assert found.mounts[0].origin == ("templates", "job", "volumes", "data")


def problems(body: str) -> list[tuple[str, int, int, str]]:
    """Codes, places and helps."""
    return [(one.code, one.span.line, one.span.column, one.help) for one in check(body)]


def test_faults_of_a_template_are_shown_once_and_there() -> None:
    """Whatever is wrong in the text of a template, for every step that uses it."""
    found = problems(
        """
        templates:
          job: {image: Bad, command: "ls | wc", env: {X: "${{ params.no }}"}, timeout: 5, outputs: {o: rel}, inputs: [q]}
        steps:
          a: {use: job, outputs: null}
          b: {use: job, inputs: null, needs: [c]}
        """
    )
    assert [(code, line) for code, line, _, _ in found] == [("MLC203", 4)]
    found = problems(
        """
        templates:
          job: {image: Bad, command: "ls | wc", env: {X: "${{ params.no }}"}, timeout: 5x, needs: [c]}
        steps:
          a: {use: job}
          b: {use: job}
        """
    )
    assert [(code, line) for code, line, _, _ in found] == [
        (code, 4) for code in ("MLC317", "MLC315", "MLC303", "MLC319", "MLC301", "MLC301")
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("steps: {s: {use: job}}", ["MLC327"]),  # and not that it has no image
        ("steps: {s: {image: a:1, machine: gpu}}", ["MLC328"]),
        ("templates: {a-b: {image: a:1}, a-B: {}}\nsteps: {s: {use: a-b}}", ["MLC205"]),
        ("templates: {a: {use: b, image: a:1}, b: {}}\nsteps: {s: {use: a}, t: {use: b, image: a:1}}", ["MLC327"]),
        ("machines: {gpu: {}}\nsteps: {s: {image: a:1, machine: gpu}}", ["MLC207"]),
        ("machines: {gpu: {resources: null}}\nsteps: {s: {image: a:1, machine: gpu}}", ["MLC203"]),
        ("templates: {t: {metrics: {m: {path: /m, min: x}}}}\nsteps: {a: {use: t, image: a:1}, b: {image: a:1, gate: a}}", ["MLC305"]),
        ("templates: {t: {metrics: {m: /m}}}\nsteps: {a: {use: t, image: a:1}, b: {image: a:1, gate: a}}", ["MLC312"]),
        ("templates: {t: {when: params.x == 1}}\nparams: {x: a}\nsteps: {a: {use: t, image: a:1}}", ["MLC305"]),
    ],
)
def test_names_and_forms(body: str, expected: list[str]) -> None:
    """Unknown names, templates in templates, empty machines; a threshold in a template is known where its metric is."""
    assert codes(body) == expected


def test_suggestions() -> None:
    """The nearest name, or what there is."""
    assert problems("templates: {job: {image: a:1}}\nsteps: {s: {use: jbo, image: a:1}, t: {use: job}}")[0][3] == "did you mean `job`?"
    assert problems("templates: {job: {image: a:1}}\nsteps: {s: {use: x, image: a:1}, t: {use: job}}")[0][3] == "the project has `job`"
    assert problems("steps: {s: {use: x, image: a:1}}")[0][3] == "declare it under `templates`"


def test_a_large_project_with_templates() -> None:
    """Templates cost a step little: 2,000 of them resolve at once."""
    steps = "\n".join(f"  s{number}: {{use: job, env: {{N: '{number}'}}}}" for number in range(2000))
    found: Pipeline = pipeline(f"{BASE}{steps}\n")
    assert len(found.steps) == 2000


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("machine: nope", ("MLC328", "there is no machine `nope`")),
        ("image: nope", ("MLC317", "there is no image `nope`")),
        ("volumes: {nope: /n}", ("MLC316", "there is no volume `nope`")),
    ],
)
@pytest.mark.parametrize("place", ["defaults: {%s}", "templates: {t: {%s}}"])
def test_names_that_no_step_takes(place: str, layer: str, expected: tuple[str, str]) -> None:
    """What `defaults` or a template name must be there, whether steps take it or not; what many steps take is said once."""
    steps = "steps: {a: {image: 'x:1', command: c, machine: m, volumes: {nope: null, v: /v}}}"
    steps = f"machines: {{m: {{resources: {{cpu: 1}}}}}}\nvolumes: {{v: {{claim: c}}}}\n{steps}"
    said = check(f"{place % layer}\n{steps}")
    assert [(one.code, one.message) for one in said if one.severity == "error"] == [expected]
    keys = [*(["use: t"] if "templates" in place else []), *(["image: 'x:1'"] if "image" not in layer else []), "command: c"]
    one = ", ".join(keys)
    many = f"steps: {{a: {{{one}}}, b: {{{one}}}}}"
    said = check(f"{place % layer}\n{many}")
    assert [(one.code, one.message) for one in said if one.severity == "error"] == [expected]
