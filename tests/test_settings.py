"""`schedule` and `targets`: kinds of objects, settings of the run, versions of the engines, cron expressions."""

from __future__ import annotations

import subprocess
import sys
import zoneinfo
from importlib.resources import files
from pathlib import Path

import pytest

from mlc import targets
from mlc.resolve.cron import problem, zones
from mlc.targets.argo.notes import displayed
from tests.support import HEAD, check, codes, manifests

STEPS = "steps: {train: {image: acme/train:1, command: train, title: Train it}}\n"
SCHEDULE = 'schedule: {cron: "0 3 * * *", timezone: Asia/Seoul, concurrency: Forbid, starting_deadline: 1h, suspend: true}\n'


def test_workflow_is_the_default() -> None:
    """Without anything said there is one Workflow with a made-up name per run."""
    (workflow,) = manifests(STEPS, "argo")
    assert (workflow["kind"], workflow["metadata"]) == ("Workflow", {"generateName": "demo-"})


def test_workflow_template() -> None:
    """A WorkflowTemplate has the project's name; its runs get the project's labels, which they would not get of its own."""
    (template,) = manifests(STEPS + "labels: {team: ml}\ntargets: {argo: {kind: WorkflowTemplate, namespace: prod}}\n", "argo")
    assert template["kind"] == "WorkflowTemplate"
    assert template["metadata"] == {"name": "demo", "namespace": "prod", "labels": {"team": "ml"}}
    assert template["spec"]["workflowMetadata"] == {"labels": {"team": "ml"}}


def test_schedule_is_a_cron_workflow() -> None:
    """A schedule makes a WorkflowTemplate, then a CronWorkflow that starts runs from it."""
    template, cron = manifests(STEPS + SCHEDULE, "argo")
    assert (template["kind"], cron["kind"], cron["metadata"]) == ("WorkflowTemplate", "CronWorkflow", {"name": "demo"})
    assert cron["spec"] == {
        "schedules": ["0 3 * * *"],
        "timezone": "Asia/Seoul",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 3600,
        "suspend": True,
        "workflowSpec": {"workflowTemplateRef": {"name": "demo"}},
    }


def test_what_a_template_says_of_its_runs() -> None:
    """A Workflow's own description is read by nobody; a template's stands in the spec, too, where the controller replaces tags."""
    for key in ('description: "{{workflow.name}}"\n', 'annotations: {a: "{{workflow.name}}"}\n'):
        assert codes(STEPS + key, ("argo",)) == []
        assert codes(STEPS + SCHEDULE + key, ("argo",)) == ["MLC403"]
        assert codes(STEPS + key + "targets: {argo: {kind: WorkflowTemplate}}\n", ("argo",)) == ["MLC403"]


def test_schedule_by_version() -> None:
    """Argo 3.5 has `schedule`, every later version `schedules`."""
    old = manifests(STEPS + SCHEDULE, "argo@3.5")[1]["spec"]
    assert old["schedule"] == "0 3 * * *"
    assert "schedules" not in old
    for version in targets.VERSIONS["argo"][1:]:
        assert manifests(STEPS + SCHEDULE, f"argo@{version}")[1]["spec"]["schedules"] == ["0 3 * * *"]


@pytest.mark.parametrize("name", ["UTC", "Asia/Seoul", "America/Argentina/Buenos_Aires", "Etc/GMT+9", "EST5EDT", "US/Pacific", "Zulu"])
def test_time_zone(name: str) -> None:
    """A name of the tz database is a time zone, an old one as well."""
    assert codes(STEPS + SCHEDULE.replace("Asia/Seoul", name), ("argo",)) == []


ELSEWHERE = "localtime Local posixrules Factory posix/Asia/Seoul right/Europe/Berlin asia/seoul Asia ../zoneinfo/UTC KST Mars/Base".split()


@pytest.mark.parametrize("name", ELSEWHERE)
def test_no_time_zone(name: str, tmp_path: Path) -> None:
    """What a system has besides the tz database means something else on the controller, or nothing: no file of this machine counts."""
    file = tmp_path / name
    if ".." not in name and name not in zones():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(files("tzdata.zoneinfo").joinpath("UTC").read_bytes())
    zoneinfo.reset_tzpath([tmp_path])
    try:
        (found,) = check(STEPS + SCHEDULE.replace("Asia/Seoul", name), ("argo",))
    finally:
        zoneinfo.reset_tzpath()
    assert (found.code, found.message) == ("MLC323", f"there is no time zone `{name}`")


@pytest.mark.parametrize(("more", "imported"), [("", []), (SCHEDULE, ["tzdata"])])
def test_time_zones_are_read_where_there_is_one(more: str, imported: list[str], tmp_path: Path) -> None:
    """A project without a schedule imports nothing for it, and one with a schedule only what holds the names."""
    (tmp_path / "mlc.yaml").write_text(HEAD + STEPS + more, encoding="utf-8")
    code = (
        "import sys; before = set(sys.modules); from mlc.__main__ import main; code = main(['compile', '-t', 'argo', '-o', 'out.yaml']); "
        "print(code, sorted({'tzdata', 'zoneinfo', 'importlib.resources', 'pkgutil'} & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"0 {imported}\n"


def test_schedule_is_handed_over_on_kfp() -> None:
    """KFP's manifest has no schedule: a note says what to do."""
    assert codes(STEPS + SCHEDULE, ("kfp",)) == ["MLC405"]


def test_settings_of_runs() -> None:
    """Settings under `targets.argo` are the workflow's, those under `targets.kfp` the platform's; none knows the other's."""
    text = STEPS + (
        "targets:\n"
        "  argo: {service_account: wf, ttl: {success: 1h, failure: 2h}, deadline: 3h, parallelism: 4}\n"
        "  kfp: {ttl: 5h, deadline: 6h}\n"
    )
    spec = manifests(text, "argo")[0]["spec"]
    assert spec["serviceAccountName"] == "wf"
    # a run that ends as `Error`, as one does whose metric is no number, has failed, too: to Argo it is completed, and nothing else
    assert spec["ttlStrategy"] == {"secondsAfterCompletion": 7200, "secondsAfterSuccess": 3600, "secondsAfterFailure": 7200}
    assert (spec["activeDeadlineSeconds"], spec["parallelism"]) == (10800, 4)
    platform = manifests(text, "kfp")[1]["platforms"]["kubernetes"]
    assert platform == {"pipelineConfig": {"resourceTtlOnCompletion": 18000, "activeDeadlineSeconds": 21600}}


WORKSPACE = """\
volumes: {scratch: {size: 10Gi}}
targets: {kfp: {workspace: scratch}}
steps: {train: {image: acme/train:1, command: train, volumes: {scratch: %s}}}
finally: {tidy: {image: acme/train:1, command: tidy, volumes: {scratch: /kfp-workspace}}}
"""


def test_workspace() -> None:
    """The backend makes the workspace's claim: no tasks do, no storage class is needed, and `finally` may mount it."""
    text = WORKSPACE % "/kfp-workspace"
    spec, platform = manifests(text, "kfp")
    assert platform["platforms"]["kubernetes"] == {
        "pipelineConfig": {"workspace": {"size": "10Gi", "kubernetes": {"pvcSpecPatch": {"accessModes": ["ReadWriteOnce"]}}}}
    }
    assert set(spec["root"]["dag"]["tasks"]) == {"x-run", "x-finally"}
    for group, name in (("comp-x-run", "train"), ("comp-x-finally", "tidy")):
        task = spec["components"][group]["dag"]["tasks"][name]
        assert task["inputs"]["parameters"] == {"x-workspace": {"runtimeValue": {"constant": "{{$.workspace_path}}"}}}
    (claim,) = manifests(text, "argo")[0]["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "scratch"


def test_a_workspace_in_a_loop() -> None:
    """No task makes its claim, so the items of a loop are given none."""
    text = (WORKSPACE % "/kfp-workspace").replace("command: train,", "command: train, foreach: {i: [1, 2]},")
    text = text.replace("volumes: {scratch: {size: 10Gi}}", "volumes: {scratch: {size: 10Gi, access_mode: ReadWriteMany}}")
    assert "x-claim" not in str(manifests(text, "kfp"))


@pytest.mark.parametrize(
    ("text", "targets", "found"),
    [
        (WORKSPACE % "/data", ("kfp",), ["MLC401"]),
        (WORKSPACE % "/data", ("argo",), []),
        (WORKSPACE % "/kfp-workspace", ("kfp@2.14",), ["MLC413"]),
        (WORKSPACE % "/kfp-workspace" + "defaults: {volumes: {more: /kfp-workspace-too}}\n", ("kfp",), ["MLC402", "MLC402"]),
        (STEPS + "targets: {kfp: {workspace: scratch}}\n", (), ["MLC316"]),
        (STEPS + "volumes: {scratch: {claim: data}}\ntargets: {kfp: {workspace: scratch}}\n", (), ["MLC316"]),
    ],
)
def test_workspace_elsewhere(text: str, targets: tuple[str, ...], found: list[str]) -> None:
    """On KFP a workspace has one path of its own and needs 2.15; what is no volume made for the run cannot be one."""
    text = (
        text.replace("volumes: {scratch: {size: 10Gi}}", "volumes: {scratch: {size: 10Gi}, more: {memory: 1Gi}}")
        if "more" in text
        else text
    )
    assert codes(text, targets) == found


@pytest.mark.parametrize(("word", "shown"), [("argo", False), ("argo@3.6", False), ("argo@3.7", True), ("argo@4.1", True)])
def test_titles_by_version(word: str, shown: bool) -> None:
    """Where the version is known to have it, the UI is told the title; without a version nothing is risked."""
    template = manifests(STEPS, word)[0]["spec"]["templates"][1]
    assert template.get("annotations") == ({"workflows.argoproj.io/display-name": "Train-it"} if shown else None)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("train", "train"),
        ("collect & preprocess data", "collect-preprocess-data"),
        ("v1.2_b", "v1.2-b"),
        ("(again)", "again"),
        ("é", ""),
        ("재학습", ""),
        ("x", ""),
        ("a" * 80, "a" * 63),
        ("a" * 62 + " b", "a" * 62),
        ("{{workflow.name}}", "workflow.name"),
    ],
)
def test_titles_as_names_of_nodes(title: str, name: str) -> None:
    """Argo takes letters, digits, `-` and `.` for the name of a node, and fails the step otherwise: the rest of a title is left out."""
    assert displayed(title) == name


def test_command_line_wins_over_the_spec() -> None:
    """The version on the command line is compiled for, whatever the project says."""
    text = STEPS + 'targets: {kfp: {version: "2.14", ttl: 1h}}\n'
    assert codes(text, ("kfp",)) == ["MLC413"]
    assert codes(text, ("kfp@2.17",)) == []
    assert codes(text, ("kfp@2.5",)) == ["MLC413"]


@pytest.mark.parametrize(
    "text",
    ["* * * * *", "*/5 0-6,22 1,15 jan-mar MON-fri", "0 3 ? * 0", "@daily", "@every 1h30m", "@every 90s", "5/15 * * * *", "59 23 31 12 6",
     "0 0 29 2 *", "0 0 31 2 mon", "0 0 31 2 */2", "0 0 31 2,jul *", "0 0 28,31 2 *", "0 0 31 2-12/5 *", "0 0 31 2/5 ?", "0  3 * * *"],
)  # fmt: skip
def test_right_schedules(text: str) -> None:
    """What robfig/cron reads in its standard form is right."""
    assert problem(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        *("", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 7", "-1 * * * *", "5-1 * * * *"),
        *("*/0 * * * *", "*/x * * * *", "1, * * * *", "mon * * * *", "@reboot", "@every", "@every 0s", "@every 5", "CRON_TZ=UTC 0 3 * * *"),
        *("0 3 * * lun", "0 3 * * mon-", "٣ * * * *"),
        *("0 0 30 feb *", "0 0 31 2 *", "0 0 31 2,4,jun,9-9 *", "0 0 30-31 2 ?", "0 0 31/1 4/5 *,mon", "0 0 30 2 */1"),
        *("0 3 * * *\n", " 0 3 * * *", "0 3 * * * ", "0\t3 * * *", "0\u00a03 * * *", "0 3 * *\n*", "0\u200b 3 * * *", "@daily\n"),
    ],
)
def test_wrong_schedules(text: str) -> None:
    """What it does not read, or what never comes, has a problem that a person can act on."""
    assert problem(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0 0 31 2 *", "never comes: no such month has such a day"),
        ("0 3 * * *\n", "holds a line break"),
        ("0\t3 * * *", "holds a tab"),
        ("0\u00a03 * * *", "holds the character U+00A0"),
        ("@daily ", "holds a space at its beginning or end"),
    ],
)
def test_what_is_said_of_schedules(text: str, says: str) -> None:
    """A blank that nobody sees is named."""
    assert problem(text).startswith(says)
