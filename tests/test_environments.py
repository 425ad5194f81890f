"""`environments`: what an overlay may change, how it merges, and where findings point."""

from __future__ import annotations

import pytest
import yaml

from mlc import driver
from mlc.diagnostics.model import Diagnostic
from mlc.ir import Claim, Memory, Param, Pipeline, RunClaim, Text

from .support import source

BASE = """
params:
  epochs: 3
  rate: {type: float, default: 0.1, min: 0}
  note: hi
images:
  train: {ref: "acme/train:dev", entrypoint: [python, run.py], pull_policy: Always}
  serve: acme/serve:1
volumes:
  data: {size: 10Gi, storage_class: fast}
  cache: {claim: cache}
store: {s3: {bucket: dev, region: eu}}
machines:
  gpu: {resources: {gpu: 1, cpu: 2}, node_selector: {kind: a100}}
defaults: {timeout: 1h, env: {A: "1"}}
steps:
  train:
    image: train
    machine: gpu
    volumes: {data: /data, cache: /cache}
    args: ["${{ params.epochs }}", "${{ params.rate }}", "${{ params.note }}"]
    env: {B: "2"}
    retry: {limit: 1}
  serve: {image: serve, command: [serve], args: [fast], needs: train}
"""


def result(overlay: str, overrides: tuple[str, ...] = (), targets: tuple[str, ...] = ()) -> driver.Result:
    """What becomes of the project in an environment `e`."""
    lines = "".join(f"    {line}\n" for line in overlay.strip("\n").splitlines())
    return driver.compile_source(source(f"{BASE}environments:\n  e:\n{lines}"), targets, overrides, "e")


def resolved(overlay: str, *overrides: str) -> Pipeline:
    """The project in an environment."""
    found = result(overlay, overrides)
    assert found.pipeline is not None, [(one.code, one.message) for one in found.diagnostics]
    return found.pipeline


def problems(overlay: str, *overrides: str) -> list[tuple[str, str]]:
    """Codes, and where: a path in the file."""
    return [(one.code, ".".join(map(str, one.path))) for one in result(overlay, overrides).diagnostics]


def param(pipeline: Pipeline, name: str) -> Param:
    """A parameter."""
    return next(one for one in pipeline.params if one.name == name)


def test_parameters_get_other_defaults() -> None:
    """A plain value is another default of the same type, for the long form too; a mapping has keys of the declaration."""
    found = resolved("params: {epochs: 100, rate: 1, note: 5}")
    assert [(one.name, one.type, one.default) for one in found.params] == [
        ("epochs", "int", "100"),
        ("rate", "float", "1"),
        ("note", "string", "5"),
    ]
    assert param(found, "rate").minimum == "0"
    found = resolved("params: {epochs: {min: 2}, rate: {max: 1, min: null}}")
    assert (param(found, "epochs").default, param(found, "epochs").minimum) == ("3", "2")
    assert (param(found, "rate").minimum, param(found, "rate").maximum) == (None, "1")


def test_images_keep_what_the_overlay_does_not_say() -> None:
    """A text is another reference; a mapping has keys of the long form, whatever form the entry had; new images may come."""
    train, serve = resolved(
        'images: {train: "acme/train:1.0", serve: {pull_policy: Never}, more: "a/b:1"}\nsteps: {serve: {image: more}}'
    ).steps
    assert (train.image.ref, train.image.pull_policy) == ("acme/train:1.0", "Always")
    assert train.command is not None
    assert serve.image.ref == "a/b:1"
    _, serve = resolved("images: {serve: {pull_policy: Never}}").steps
    assert (serve.image.ref, serve.image.pull_policy) == ("acme/serve:1", "Never")


def test_volumes_of_one_kind_merge() -> None:
    """Keys of a volume of the same kind are changed; a volume of another kind replaces it; `null` takes one away."""
    data, cache = resolved("volumes: {data: {size: 100Gi}, cache: {claim: big}}").volumes
    assert isinstance(data, RunClaim)
    assert (data.size, data.storage_class) == ("100Gi", "fast")
    assert isinstance(cache, Claim)
    assert cache.claim == "big"
    (data,) = resolved("volumes: {data: {memory: 1Gi}, cache: null}\nsteps: {train: {volumes: {cache: null}}}").volumes
    assert data == Memory("data", "1Gi", ("volumes", "data"))


def test_the_store_merges_or_is_replaced() -> None:
    """Of the same kind: its keys; of another: all of it; `null`: none."""
    store = resolved("store: {s3: {bucket: prod}}").store
    assert store is not None
    assert (store.bucket, store.region) == ("prod", "eu")
    store = resolved("store: {minio: {bucket: prod, endpoint: 'm:9000'}}").store
    assert store is not None
    assert (store.kind, store.region) == ("minio", "")
    assert resolved("store: null").store is None


def test_machines_defaults_and_steps_merge_as_steps_do() -> None:
    """By key where steps merge by key; whole otherwise; `null` takes away, in a step also what `defaults` have."""
    train, serve = resolved(
        """
        machines: {gpu: {resources: {gpu: 8, cpu: null}}}
        defaults: {timeout: null, env: {A: null, D: "4"}}
        steps: {train: {env: {B: null, C: "3"}, retry: null, labels: {env: prod}}, serve: {args: [slow], env: {D: null}}}
        """
    ).steps
    assert [(one.name, one.limit) for one in train.resources] == [("nvidia.com/gpu", "8")]
    assert train.scheduling is not None
    assert train.scheduling.node_selector == {"kind": "a100"}
    assert [one.name for one in train.env] == ["D", "C"]
    assert (train.timeout, train.retry, train.labels) == (0, None, {"env": "prod"})
    assert [word.constant for word in (*(serve.command or ()), *serve.args)] == ["serve", "slow"]
    assert not serve.env


def test_a_program_is_replaced_whole() -> None:
    """A step whose overlay sets `command` or `run` keeps no `args` of the other program."""
    _, serve = resolved("steps: {serve: {command: [other]}}").steps
    assert [word.constant for word in (*(serve.command or ()), *serve.args)] == ["other"]


def test_targets_and_defaults_are_added() -> None:
    """Sections that the project does not have may come."""
    assert resolved("targets: {kfp: {storage_class: slow}}\nvolumes: {data: {storage_class: null}}").kfp.storage_class == "slow"


def test_set_comes_after_the_environment() -> None:
    """`--set` has the last word, and is what is shown."""
    assert param(resolved("params: {epochs: 100}", "params.epochs=7"), "epochs").default == "7"
    found = result("params: {rate: {max: 1}}", ("params.rate=2",)).diagnostics
    assert [(one.code, one.file) for one in found] == [("MLC314", "--set")]
    found = result("params: {epochs: 100}", ("environments.e.params.epochs=7",)).diagnostics
    assert [(one.code, one.help) for one in found] == [("MLC101", "write `params.epochs=7`")]


@pytest.mark.parametrize(
    ("overlay", "expected"),
    [
        ("params: {epoch: 1}", [("MLC303", "environments.e.params.epoch")]),
        ("steps: {trian: {timeout: 1h}}", [("MLC301", "environments.e.steps.trian")]),
        ("machines: {cpu: {resources: {cpu: 1}}}", [("MLC328", "environments.e.machines.cpu")]),
        ("volumes: {more: {claim: x}}", [("MLC316", "environments.e.volumes.more")]),
        ("params: {epochs: a lot}", [("MLC305", "environments.e.params.epochs")]),
        ("params: {epochs: {default: x, type: int}}", [("MLC305", "environments.e.params.epochs.default")]),
        ("params: {rate: -1}", [("MLC314", "environments.e.params.rate")]),
        ("params: {rate: {mni: 1}}", [("MLC201", "environments.e.params.rate.mni")]),
        ("images: {train: Acme/X}", [("MLC317", "environments.e.images.train")]),
        ("images: {train: {entrypoint: []}}", [("MLC206", "environments.e.images.train.entrypoint")]),
        ("images: {none: null}", [("MLC203", "environments.e.images.none")]),
        ("volumes: {data: {storage_class: Fast}}", [("MLC323", "environments.e.volumes.data.storage_class")]),
        ("volumes: {data: {size: 1Gb, kind: x}}", [("MLC201", "environments.e.volumes.data.kind")]),
        ("store: {s3: {buket: x}}", [("MLC201", "environments.e.store.s3.buket")]),
        ("store: {minio: {bucket: x}}", [("MLC202", "environments.e.store.minio")]),
        ("machines: {gpu: {node_selector: {kind: a b}}}", [("MLC323", "environments.e.machines.gpu.node_selector.kind")]),
        ("defaults: {timeout: 5 minutes}", [("MLC319", "environments.e.defaults.timeout")]),
        ("steps: {train: {volumes: {data: data}}}", [("MLC309", "environments.e.steps.train.volumes.data")]),
        ("steps: {train: {image: trian}}", [("MLC317", "environments.e.steps.train.image")]),
        ("steps: {train: {needs: serve}}", [("MLC201", "environments.e.steps.train.needs")]),
        ("steps: {train: {use: x}}", [("MLC201", "environments.e.steps.train.use")]),
        ("artifacts: {model: model}", [("MLC201", "environments.e.artifacts")]),
        ("volumes: {data: null}", [("MLC316", "environments.e.volumes.data")]),
    ],
)  # fmt: skip
def test_findings_point_into_the_overlay(overlay: str, expected: list[tuple[str, str]]) -> None:
    """A fault that an environment brings is shown where it stands; what only it makes wrong, where that stands."""
    assert problems(overlay) == expected


TAKEN = """
    volumes: {data: {claim: c}, work: {size: 1Gi, storage_class: fast}}
    images: {t: "x:1"}
    defaults: {command: c}
    params: {p: 1}
    steps:
      a: {image: t, volumes: {data: /d, work: /w}}
      b: {image: t, needs: a}
    environments:
      e: OVERLAY
    """


@pytest.mark.parametrize(
    ("overlay", "expected"),
    [
        (
            "{volumes: {data: null}}",
            [("MLC316", "volumes.data", "there is no volume `data`: environment `e` takes `volumes.data` away", [8])],
        ),
        ("{images: {t: null}}", [("MLC317", "images.t", "there is no image `t`: environment `e` takes `images.t` away", [8, 9])]),
        ("{steps: {b: {image: null}}}", [("MLC202", "steps.b.image", "step `b` has no `image`: environment `e` takes", [9])]),
        (
            "{volumes: {data: {claim: null}}, steps: {a: {timeout: null}}}",
            [("MLC207", "volumes.data.claim", "volume `data` has none of", [3])],
        ),
        (
            "{volumes: {work: {storage_class: null}}, defaults: {timeout: 1h}}",
            [("MLC406", "volumes.work.storage_class", "volume `work` is made for each run and has no `storage_class`", [3])],
        ),
        (
            "{volumes: {data: null, work: {storage_class: null}}}",  # the second is seen when the first is put right
            [("MLC316", "volumes.data", "there is no volume `data`", [8])],
        ),
    ],
)  # fmt: skip
def test_what_an_environment_takes_away(overlay: str, expected: list[tuple[str, str, str, list[int]]]) -> None:
    """An error that is there only for a `null` of an overlay is shown at the `null`, with the places that need what it takes."""
    text = source(TAKEN.replace("OVERLAY", overlay))
    for found in (driver.compile_source(text, ("kfp",), (), "e"), driver.check_environments(text, ("kfp",))):
        errors = [one for one in found.diagnostics if one.severity == "error"]
        assert [(one.code, ".".join(map(str, one.path[2:])), [note.span.line for note in one.notes]) for one in errors] == [
            (code, path, lines) for code, path, _, lines in expected
        ]
        for one, (_, _, message, _) in zip(errors, expected, strict=True):
            assert one.message.startswith(message)
            assert one.span.line == 11
            assert "null" in one.help


def test_what_an_environment_does_not_take_away() -> None:
    """An error that is there without the `null`, too, stays where it is."""
    text = source(TAKEN.replace("needs: a", "needs: z").replace("OVERLAY", "{volumes: {data: null}, steps: {b: {title: null}}}"))
    found = driver.compile_source(text, ("kfp",), (), "e").diagnostics
    assert [(one.code, one.path[:2]) for one in found] == [("MLC301", ("steps", "b")), ("MLC316", ("environments", "e"))]


def test_a_script_that_loses_its_shell() -> None:
    """A script of the overlay over one with a shell of its own is an error, as over `defaults`."""
    text = """
    steps:
      s: {image: "a:1", run: print(1), shell: python}
    environments:
      e: {steps: {s: {run: print(2)}}}
      f: {steps: {s: {run: print(2), shell: python}}}
      g: {steps: {s: {run: echo, shell: null}}}
    """
    found = [driver.compile_source(source(text), (), (), name) for name in "efg"]
    assert [[one.code for one in one_.diagnostics] for one_ in found] == [["MLC209"], [], []]


def test_an_environment_leaves_the_project_as_it_is() -> None:
    """Without `--env` nothing of an overlay counts."""
    with_environments = driver.compile_source(source(f"{BASE}environments: {{e: {{params: {{epochs: 9}}}}}}"), ("argo", "kfp"))
    assert with_environments.outputs == driver.compile_source(source(BASE), ("argo", "kfp")).outputs


def validated(text: str) -> list[Diagnostic]:
    """What `mlc validate` reports."""
    return list(driver.check_environments(source(text), ("argo", "kfp")).diagnostics)


def test_every_environment_is_validated() -> None:
    """Once for all: what is wrong with the project, with each environment, and what only an environment makes wrong."""
    found = validated(
        """
        params: {mode: fast}
        steps:
          s: {image: "a:1", command: [x], when: params.mode == 'fast', env: {"1": x}}
        environments:
          dev: {steps: {t: {timeout: 1h}}}
          prod: {params: {mode: {type: int, default: 1}}}
          test: {params: {mode: {type: int, default: 2}}}
          slow: {params: {mode: slow}}
          last: {params: {mode: {type: bool, default: true}}}
        """
    )
    assert [(one.code, one.span.line, one.message) for one in found] == [
        ("MLC305", 5, "a number is compared with a text, in environments `prod` and `test`"),
        ("MLC305", 5, "a condition is compared with a text, in environment `last`"),
        ("MLC323", 5, "`1` cannot be the name of an environment variable"),
        ("MLC301", 7, "the project has no step `t`"),
    ]


def test_what_only_an_environment_uses_is_used() -> None:
    """Declarations and comments that some environment needs are not useless; what an overlay adds for nothing is."""
    text = """
    images: {small: "a:1", large: "b:1", none: "c:1"}
    volumes: {data: {claim: c}}
    steps:
      s: {image: small, command: [ls, x]}
    environments:
      big:
        images: {other: "d:1"}
        steps:
          s: {image: large, volumes: {data: /d}, command: "ls *.csv"} # mlc: ignore MLC502 -- it expands them itself
    """
    assert [(one.code, one.path) for one in validated(text)] == [
        ("MLC505", ("images", "none")),
        ("MLC505", ("environments", "big", "images", "other")),
    ]
    assert [one.code for one in driver.compile_source(source(text), ("argo",)).diagnostics] == []
    assert [one.path for one in driver.compile_source(source(text), ("argo",), (), "big").diagnostics] == [
        ("environments", "big", "images", "other")
    ]


def test_notes_are_not_repeated() -> None:
    """A field that is handed over is said once, not for each environment."""
    found = validated(BASE + "environments: {a: {params: {epochs: 1}}, b: {params: {epochs: 2}}}")
    assert sorted((one.code, one.path) for one in found) == [("MLC405", ("store", "s3"))] * 2


SCHEDULED = """
templates: {job: {image: "a:1", env: {A: template}}}
schedule: {cron: "0 3 * * *", timezone: Asia/Seoul}
steps: {s: {use: job, command: [x]}}
finally: {notify: {use: job, command: [tell], env: {B: base}}}
environments:
  prod: {schedule: {cron: "0 4 * * *"}, finally: {notify: {env: {B: prod}}}}
  dev: {schedule: null}
  wrong: {finally: {notfy: {timeout: 1h}}}
  NAME: {schedule: {suspend: true}}
""".replace("NAME", "n" * 48)


def test_settings_of_targets_are_changed_and_taken_away() -> None:
    """`targets` merge by the keys of each target; a `null` takes one away, and what is wrong is shown in the overlay."""
    base = "targets: {argo: {version: '3.6', parallelism: 3}}\nsteps: {a: {image: 'acme/a:1', command: [a]}}\n"

    def settings(overlay: str) -> driver.Result:
        return driver.compile_source(source(f"{base}environments: {{e: {{targets: {{argo: {overlay}}}}}}}\n"), ("argo",), (), "e")

    made = settings("{version: '3.7', parallelism: null, deadline: 2h}")
    assert made.pipeline is not None
    assert (made.pipeline.argo.version, made.pipeline.argo.parallelism) == ("3.7", 0)
    assert yaml.safe_load(made.outputs[0].text)["spec"].get("activeDeadlineSeconds") == 7200
    wrong = settings("{parallelism: 0, nodes: 3}").diagnostics
    assert [(one.code, one.path[:4]) for one in wrong] == [
        ("MLC206", ("environments", "e", "targets", "argo")),
        ("MLC201", ("environments", "e", "targets", "argo")),
    ]


def test_schedules_and_steps_at_the_end() -> None:
    """A schedule merges by key or goes away, steps of `finally` are changed under `finally`, with templates under them."""
    base, prod, dev = (driver.compile_source(source(SCHEDULED), (), (), name).pipeline for name in ("", "prod", "dev"))
    assert base is not None
    assert prod is not None
    assert dev is not None
    assert prod.schedule is not None
    assert (prod.schedule.cron, prod.schedule.timezone, dev.schedule) == ("0 4 * * *", "Asia/Seoul", None)
    shown = [{one.name: one.value.constant for one in made.steps[1].env if isinstance(one.value, Text)} for made in (base, prod)]
    assert shown == [{"A": "template", "B": "base"}, {"A": "template", "B": "prod"}]
    (found,) = driver.compile_source(source(SCHEDULED), ("argo",), (), "wrong").diagnostics
    assert (found.code, found.path, found.help) == ("MLC301", ("environments", "wrong", "finally", "notfy"), "did you mean `notify`?")


def test_objects_of_environments_have_names_of_their_own() -> None:
    """A CronWorkflow and its template are called after the environment, so that two fit into one namespace, as long as the name fits."""

    def names(environment: str) -> list[str]:
        (output,) = driver.compile_source(source(SCHEDULED), ("argo",), (), environment).outputs
        return [document["metadata"].get("name", "") for document in yaml.safe_load_all(output.text)]

    assert (names(""), names("prod"), names("dev")) == (["demo", "demo"], ["demo-prod", "demo-prod"], [""])
    (found,) = driver.compile_source(source(SCHEDULED), ("argo",), (), "n" * 48).diagnostics
    assert (found.code, found.path) == ("MLC402", ("environments", "n" * 48))
