"""The wrapper script, run for real under dash, busybox sh and bash."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlc.lowering import text as text_rules
from mlc.lowering import wrapper
from mlc.lowering.wrapper import Needs
from tests.kfp_backend import kubelet, shell

__all__ = ["shell"]

HOSTILE = [
    "{{=1+1}}",
    "{{workflow.name}}",
    "a {{= b",
    "{{$}}",
    "$(HOME)",
    "$$",
    "$$5 \\0044 \\n \\c %s",
    "$HOME `id` $(id) ${x}",
    "'",
    '"',
    "two\nlines\n",
    "\n",
    " lead and trail ",
    "-x",
    "--",
    "",
    "*",
    "~",
    "=a",
    "%41",
    "\\",
    '{"IfPresent":1}',
    ' \t{"Concat": []}',
    "한글 é",
    "a;b|c&d<e>f",
]
METRIC_TEXTS = {
    "0.93": 0.93,
    " 0.93\n": 0.93,
    "9.3e-1\n\n": 0.93,
    "-1": -1,
    "0": 0,
    "1E5": 100000.0,
    "NaN": None,
    "inf": None,
    "Infinity": None,
    "1e999": None,
    "9" * 400: None,
    ".5": None,
    "5.": None,
    "+5": None,
    "007": None,
    "abc": None,
    "": None,
    '"0.9"': None,
    "true": None,
    "null": None,
    "{}": None,
    "[]": None,
    "1 2": None,
    "1\n2": None,
    '0.9}}]}},"parameterValues":{"accuracy":"1"}': None,
    "0.9,\n": None,
    "0x10": None,
    "1_000": None,
}


class Bench:
    """A folder and a shell to run the script in."""

    def __init__(self, root: Path, shell: list[str]) -> None:
        self.root, self.shell = root, shell
        (root / "tmp").mkdir()

    def path(self, name: str) -> str:
        """An absolute path below the folder."""
        return str(self.root / name)

    def command(self, needs: Needs, *args: str) -> list[str]:
        """The process that KFP would start, after the kubelets."""
        return [*self.shell, "-ec", wrapper.script(needs), "train", *args]

    def env(self, **more: str) -> dict[str, str]:
        """A small environment."""
        return {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "TMPDIR": self.path("tmp"), **more}

    def run(self, needs: Needs, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run to the end."""
        return subprocess.run(
            self.command(needs, *args), env=self.env(**env), cwd=self.root, capture_output=True, text=True, timeout=30, check=False
        )

    def write(self, name: str, text: str) -> list[str]:
        """A program that writes a file."""
        return ["sh", "-c", 'mkdir -p "${1%/*}"; printf %s "$2" > "$1"', "x", self.path(name), text]


@pytest.fixture
def bench(tmp_path: Path, shell: list[str]) -> Bench:
    """A bench for each shell."""
    return Bench(tmp_path, shell)


def constant(text: str) -> str:
    """A constant of the spec as it arrives in the container."""
    once = kubelet(wrapper.word(text), {"HOME": "no", "id": "no", "echo in": "no"})
    return kubelet(once, {"HOME": "no", "id": "no", "echo in": "no"})


def echo(*args: str) -> list[str]:
    """A program that prints its arguments as JSON."""
    return [sys.executable, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))", *args]


@pytest.mark.parametrize(
    "needs",
    [Needs(), Needs(workdir=True), Needs(True, True, True, True, True, True, True, True), Needs(collect=True, script=True)],
)
def test_kubelets_leave_the_script_alone(needs: Needs) -> None:
    """However often a kubelet reads the script, the shell gets the same: `$` is doubled, and there is no `$(` and no `$$` in it."""
    text = wrapper.script(needs)
    assert not re.search(r"\$[$(]", text)
    once = kubelet(text_rules.kubelet(text), {})
    assert once == text
    assert kubelet(once, {"0": "x"}) == text
    assert "{{" not in text
    assert max(len(line) for line in text.splitlines()) <= 140


def test_small_needs_have_a_small_script() -> None:
    """A step that only has run-time arguments carries nothing else."""
    assert len(wrapper.script(Needs())) < 250
    assert "start" not in wrapper.script(Needs())
    assert "python3" not in wrapper.script(Needs(collect=True, show=True))


def test_constants_survive_two_kubelets(bench: Bench) -> None:
    """A constant arrives byte for byte, as an argument and in env, whatever stands in it; an engine sees no `IfPresent`."""
    assert not any(wrapper.word(text).lstrip().startswith("{") for text in HOSTILE)
    words = [constant(text) for text in HOSTILE]
    result = bench.run(Needs(folders=True), "folder", bench.path("unused"), "--", *echo(), *words, HOME="/")
    assert result.stderr == ""
    assert json.loads(result.stdout) == HOSTILE
    given = [constant(f"V{number}={text}") for number, text in enumerate(HOSTILE)]
    program = "import json, os, sys; print(json.dumps([os.environ[f'V{n}'] for n in range(int(sys.argv[1]))]))"
    result = bench.run(Needs(), "env", *given, sys.executable, "-c", program, str(len(words)))
    assert json.loads(result.stdout) == HOSTILE


def test_run_time_texts_arrive(bench: Bench) -> None:
    """What the launcher puts behind the `=` reaches the program byte for byte, alone and after a literal."""
    args = [*echo(), *("=" + text for text in HOSTILE), *("--lr=" + text for text in HOSTILE)]
    expected = [*HOSTILE, *("--lr=" + text for text in HOSTILE)]
    assert json.loads(bench.run(Needs(), *args).stdout) == expected
    assert json.loads(bench.run(Needs(collect=True), "--", *args).stdout) == expected


@pytest.mark.parametrize("needs", [Needs(), Needs(folders=True), Needs(collect=True)])
@pytest.mark.parametrize("status", [0, 1, 2, 7, 126, 127, 255])
def test_exit_codes_are_kept(bench: Bench, needs: Needs, status: int) -> None:
    """The step ends as its program ended."""
    args = ["--"] if needs.records else []
    assert bench.run(needs, *args, "sh", "-c", f"exit {status}").returncode == status


@pytest.mark.parametrize("needs", [Needs(), Needs(collect=True)])
def test_a_missing_program(bench: Bench, needs: Needs) -> None:
    """A program that is not there ends the step with 127 and its name."""
    args = ["--"] if needs.records else []
    result = bench.run(needs, *args, "no-such-program")
    assert result.returncode == 127
    assert "no-such-program" in result.stderr


def test_stdin_reaches_the_program(bench: Bench) -> None:
    """A program in the background still has the step's input, not `/dev/null`."""
    command = bench.command(Needs(collect=True), "--", "cat")
    result = subprocess.run(command, env=bench.env(), input="given", capture_output=True, text=True, timeout=30, check=False)
    assert result.stdout == "given"


def test_inputs_are_linked(bench: Bench) -> None:
    """An input, a file or a folder, is found at its path, also with spaces in it and where the image has an empty folder or a file."""
    source = bench.root / "store" / "da ta"
    source.mkdir(parents=True)
    (source / "a.txt").write_text("A")
    (bench.root / "in" / "empty").mkdir(parents=True)
    (bench.root / "in" / "old").write_text("old")
    records: list[str] = []
    for name in ("new folder/x", "in/empty", "in/old"):
        records += ["input", "data", bench.path(name), str(source)]
    records += ["input", "one", bench.path("one.txt"), str(source / "a.txt")]
    result = bench.run(
        Needs(inputs=True),
        *records,
        "--",
        "cat",
        *(bench.path(n) for n in ("new folder/x/a.txt", "in/empty/a.txt", "in/old/a.txt", "one.txt")),
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "AAAA", "")
    assert bench.run(Needs(inputs=True), *records, "--", "true").returncode == 0, "a second attempt in the same place"
    assert sorted(os.listdir(source)) == ["a.txt"], "no link inside the delivered folder"


def test_a_folder_of_the_image_in_the_way(bench: Bench) -> None:
    """An input path that is a folder with something in it fails the step and says so; nothing is removed."""
    (bench.root / "in").mkdir()
    (bench.root / "in" / "kept").write_text("kept")
    (bench.root / "source").write_text("x")
    result = bench.run(Needs(inputs=True), "input", "data", bench.path("in"), bench.path("source"), "--", "echo", "ran")
    assert (result.returncode, result.stdout) == (1, "")
    assert f"mlc: step train: input data: {bench.path('in')} is a folder of the image that is not empty\n" in result.stderr
    assert (bench.root / "in" / "kept").read_text() == "kept"


def test_an_input_that_was_not_delivered(bench: Bench) -> None:
    """A missing source fails the step before the program starts."""
    result = bench.run(Needs(inputs=True), "input", "data", bench.path("in"), bench.path("nowhere"), "--", "echo", "ran")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"mlc: step train: input data is missing: nothing was delivered at {bench.path('nowhere')}\n"


def test_outputs_are_copied(bench: Bench) -> None:
    """A file stays a file and a folder a folder, empty files, links and names with spaces included."""
    program = """
        mkdir -p out/dir/sub 'out/sp ace'
        echo file > out/file; : > out/empty
        echo inner > 'out/dir/sub/a b'; ln -s sub/'a b' out/dir/link; : > out/dir/.hidden
        echo s > 'out/sp ace/s'
    """
    records: list[str] = []
    for name in ("file", "empty", "dir", "sp ace"):
        records += ["output", name, bench.path(f"out/{name}"), bench.path(f"store/deep er/{name}")]
    (bench.root / "store" / "deep er" / "dir").mkdir(parents=True)
    result = bench.run(Needs(collect=True), *records, "--", "sh", "-ec", program)
    assert (result.returncode, result.stderr) == (0, "")
    store = bench.root / "store" / "deep er"
    assert (store / "file").read_text() == "file\n"
    assert (store / "empty").read_bytes() == b""
    assert sorted(os.listdir(store / "dir")) == [".hidden", "link", "sub"]
    assert (store / "dir" / "link").read_text() == "inner\n"
    assert not (store / "dir" / "link").is_symlink(), "a link would point to nothing in the store"
    assert (store / "sp ace" / "s").read_text() == "s\n"


@pytest.mark.parametrize(
    ("made", "said"),
    [("true", "output model is missing: nothing was written to {}"), ("mkdir out", "output model is missing: the folder {} is empty")],
)
def test_a_missing_output(bench: Bench, made: str, said: str) -> None:
    """An output that is not there after the program ended well fails the step, with its name and path."""
    result = bench.run(Needs(collect=True), "output", "model", bench.path("out"), bench.path("store/m"), "--", "sh", "-c", made)
    assert result.returncode == 1
    assert result.stderr == f"mlc: step train: {said.format(bench.path('out'))}\n"


def test_a_failed_program_is_not_checked(bench: Bench) -> None:
    """After a failure only the program's own error counts, and nothing is handed over."""
    result = bench.run(
        Needs(collect=True), "output", "model", bench.path("out"), bench.path("store/m"), "--", "sh", "-c", "echo x > out; exit 3"
    )
    assert (result.returncode, result.stderr) == (3, "")
    assert not (bench.root / "store").exists()


def test_stale_files_are_removed(bench: Bench) -> None:
    """What an earlier attempt or the image left at a declared path is gone before the start; a folder itself stays."""
    (bench.root / "dir" / "sub").mkdir(parents=True)
    for name in ("dir/old", "dir/.old", "dir/sub/old", "rows", "acc"):
        (bench.root / name).write_text("0.99")
    records = ["output", "model", bench.path("dir"), bench.path("s/m"), "value", "rows", bench.path("rows"), bench.path("s/rows")]
    records += ["metric", "acc", bench.path("acc"), bench.path("s/acc")]
    result = bench.run(Needs(collect=True), *records, "--", "sh", "-c", "ls -A dir rows acc; exit 5")
    assert (result.returncode, result.stdout) == (5, "dir:\n")
    result = bench.run(Needs(collect=True), *records, "--", "true")
    assert result.returncode == 1
    assert "output model is missing" in result.stderr


def test_a_link_to_a_folder_stays(bench: Bench) -> None:
    """Where the image has a link to a folder, the folder is emptied and the link is what the program still writes through."""
    (bench.root / "real").mkdir()
    (bench.root / "real" / "old").write_text("old")
    (bench.root / "out").symlink_to(bench.root / "real")
    records = ["output", "model", bench.path("out"), bench.path("s/m"), "--", "sh", "-c", "ls -A out; echo new > out/x"]
    result = bench.run(Needs(collect=True), *records)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert (bench.root / "out").is_symlink()
    assert os.listdir(bench.root / "s" / "m") == ["x"]


@pytest.mark.parametrize("path", [".", "link", "sub/.."])
def test_where_the_program_lives_is_not_emptied(bench: Bench, path: str) -> None:
    """An output path that holds the folder that the image starts in fails the step before anything is removed."""
    (bench.root / "train.sh").write_text("echo ran")
    (bench.root / "sub").mkdir()
    (bench.root / "link").symlink_to(bench.root)
    records = ["output", "model", bench.path(path), bench.path("s/m"), "--", "sh", "train.sh"]
    result = bench.run(Needs(collect=True), *records)
    assert (result.returncode, result.stdout) == (1, "")
    assert "is the folder that the image starts the program in\n" in result.stderr
    assert (bench.root / "train.sh").exists()


@pytest.mark.parametrize("kind", ["value", "metric"])
@pytest.mark.parametrize(
    ("text", "kept"),
    [("5", "5"), ("5\n", "5"), ("5\n\n", "5\n"), ("", ""), ("\n", ""), (" a b ", " a b "), ("é한\n", "é한"), ("x" * 32768, "x" * 32768)],
)
def test_values_lose_one_newline(bench: Bench, kind: str, text: str, kept: str) -> None:
    """A value or a metric is handed over without one trailing newline and otherwise as it is; an empty file is an empty text."""
    (bench.root / "given").write_bytes(text.encode())
    result = bench.run(Needs(collect=True), kind, "n", bench.path("n"), bench.path("s/n"), "--", "cp", "given", "n")
    assert (result.returncode, result.stderr) == (0, "")
    assert (bench.root / "s" / "n").read_bytes() == kept.encode()


@pytest.mark.parametrize("kind", ["value", "metric"])
@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("true", "is missing: nothing was written to {}"),
        ("mkdir n", ": {} is no file"),
        ("head -c 32769 /dev/zero | tr '\\000' x > n", ": {} cannot be read or is larger than 32 KiB"),
        ("printf '1\\000' > n", ": {} holds a NUL byte"),
    ],
)
def test_values_that_cannot_be_handed_over(bench: Bench, kind: str, made: str, said: str) -> None:
    """A missing, wrong or too large file fails the step, with its name and path."""
    result = bench.run(Needs(collect=True), kind, "n", bench.path("n"), bench.path("s/n"), "--", "sh", "-c", made)
    assert result.returncode == 1
    text = said.format(bench.path("n"))
    assert result.stderr == f"mlc: step train: {kind} n{text if text.startswith(':') else ' ' + text}\n"
    assert not (bench.root / "s" / "n").exists()


def executor_input(bench: Bench, **inputs: object) -> str:
    """`{{$}}` as Go prints it, inputs first."""
    outputs = {"parameters": {}, "artifacts": {}, "outputFile": bench.path("task/output_metadata.json")}
    return "=" + json.dumps({"inputs": {"parameterValues": inputs}, "outputs": outputs}, separators=(",", ":"))


def test_metrics_in_the_ui(bench: Bench) -> None:
    """Only a JSON number becomes metadata; any other text is handed over for the gate to decide, and nothing else reaches the file."""
    records, shows = [], []
    for number, text in enumerate(METRIC_TEXTS):
        (bench.root / f"given{number}").write_text(text)
        records += ["metric", f"m{number}", bench.path(f"m{number}"), bench.path(f"s/m{number}")]
        shows += ["show", f"m{number}", bench.path(f"m{number}"), "[]"]
    program = "for f in given*; do cp $f m${f#given}; done"
    result = bench.run(Needs(collect=True, show=True), executor_input(bench), *records, *shows, "--", "sh", "-c", program)
    assert result.returncode == 0
    for number, text in enumerate(METRIC_TEXTS):
        assert (bench.root / "s" / f"m{number}").read_text() == text.removesuffix("\n")
    numbers = {f"m{number}": value for number, value in enumerate(METRIC_TEXTS.values())}
    expected = {name: value for name, value in numbers.items() if value is not None}
    written = json.loads((bench.root / "task" / "output_metadata.json").read_text())
    assert written == {"artifacts": {"x-metrics": {"artifacts": [{"metadata": expected}]}}}
    said = [f"mlc: step train: metric {name} is not shown in the UI: it is no number" for name, value in numbers.items() if value is None]
    assert result.stderr.splitlines() == said


def test_a_padded_number_costs_no_time(bench: Bench) -> None:
    """White space around a number is taken off in one go: the patterns of a shell would take seconds for as much as a file may hold."""
    records = ["metric", "acc", bench.path("acc"), bench.path("s/acc"), "show", "acc", bench.path("acc"), "[]"]
    command = bench.command(Needs(collect=True, show=True), executor_input(bench), *records, "--", "true")
    command[-1:] = bench.write("acc", " " * 16_000 + "0.93" + "\n" * 16_000)
    subprocess.run(command, env=bench.env(), cwd=bench.root, check=True, timeout=4)
    assert json.loads((bench.root / "task" / "output_metadata.json").read_text())["artifacts"]["x-metrics"]["artifacts"] == [
        {"metadata": {"acc": 0.93}}
    ]


def test_no_number_at_all(bench: Bench) -> None:
    """Where no metric is a number, nothing is written and the step is fine: what needs a number decides."""
    records = ["metric", "acc", bench.path("acc"), bench.path("s/acc"), "show", "acc", bench.path("acc"), "[]"]
    result = bench.run(Needs(collect=True, show=True), executor_input(bench), *records, "--", *bench.write("acc", "NaN"))
    assert result.returncode == 0
    assert not (bench.root / "task").exists()


DOCUMENT = (
    '{"macro": {"f1": 0.5, "q\'x": 1}, "metrics": [{"name": "b", "numberValue": 2}, {"name": "auc", "numberValue": 0.75}], "s": "0.9"}'
)


@pytest.mark.parametrize(
    ("key", "number"),
    [(["macro", "f1"], 0.5), (["macro", "q'x"], 1), ("auc", 0.75), (["s"], None), (["no"], None), ("no", None), (["macro"], None)],
)
@pytest.mark.parametrize("tool", ["python3", "jq", None])
def test_metrics_inside_documents(bench: Bench, key: object, number: float | None, tool: str | None) -> None:
    """A keyed metric is taken out with the tool that the image has; without one a line in the log says so."""
    result = look(bench, DOCUMENT, key, tool)
    file = bench.root / "task" / "output_metadata.json"
    assert (bench.root / "s" / "m").read_text() == DOCUMENT
    if tool is None:
        assert "neither python3 nor jq" in result.stderr
        assert not file.exists()
    elif number is None:
        assert "it is no number" in result.stderr
        assert not file.exists()
    else:
        assert json.loads(file.read_text())["artifacts"]["x-metrics"]["artifacts"][0]["metadata"] == {"m": number}


@pytest.mark.parametrize("document", ['{"a": 1}{"a": 2}', '{"a": 1}\n{"b": 2}', "", '{"a": 1'])
@pytest.mark.parametrize("tool", ["python3", "jq"])
def test_only_one_document_counts(bench: Bench, document: str, tool: str) -> None:
    """A file that is not one JSON document shows no number, whichever tool looks."""
    result = look(bench, document, ["a"], tool)
    assert "it is no number" in result.stderr
    assert not (bench.root / "task").exists()


@pytest.mark.parametrize("tool", ["python3", "jq"])
def test_entries_without_a_name(bench: Bench, tool: str) -> None:
    """Entries of a kfp-v1 file that have no name are passed over."""
    look(bench, '{"metrics": [{"numberValue": 1}, {"name": "acc", "numberValue": 0.9}]}', "acc", tool)
    written = json.loads((bench.root / "task" / "output_metadata.json").read_text())
    assert written["artifacts"]["x-metrics"]["artifacts"][0]["metadata"] == {"m": 0.9}


def look(bench: Bench, document: str, key: object, tool: str | None) -> subprocess.CompletedProcess[str]:
    """Run a step whose metric `m` is inside a document, in an image that has one tool or none."""
    tools = bench.root / "bin"
    tools.mkdir()
    for name in ("sh", "cat", "cp", "mkdir", "rm", "tr", "wc", "grep", "sed", "id", *([tool] if tool else [])):
        found = next((path for folder in ("/usr/local/bin", "/usr/bin", "/bin") if (path := Path(folder, name)).exists()), None)
        if found is None and name == "jq":
            (tools / "jq").write_text(JQ)
            (tools / "jq").chmod(0o755)
            continue
        (tools / name).symlink_to(found if found and name != "python3" else sys.executable)
    (bench.root / "given").write_text(document)
    records = ["metric", "m", bench.path("m"), bench.path("s/m"), "show", "m", bench.path("m"), constant(json.dumps(key))]
    shells = [next(str(path) for folder in ("/usr/bin", "/bin") if (path := Path(folder, bench.shell[0])).exists()), *bench.shell[1:]]
    bench.shell = shells
    result = bench.run(
        Needs(collect=True, show=True, look=True), executor_input(bench), *records, "--", "cp", "given", "m", PATH=str(tools)
    )
    assert result.returncode == 0, result.stderr
    return result


# Where the machine has no jq: what our one query means, asked with jq's own arguments.
JQ = f"""#!{sys.executable}
import json, sys
assert sys.argv[1:4] == ["-rs", "--argjson", "k"], sys.argv
assert sys.argv[5].startswith("if length == 1 then"), sys.argv
key, data = json.loads(sys.argv[4]), json.load(open(sys.argv[6]))
try:
    if isinstance(key, str):
        data = [m for m in data["metrics"] if m.get("name") == key][0]["numberValue"]
    else:
        for name in key:
            data = data[name]
except (KeyError, IndexError):
    data = None
if isinstance(data, (int, float)) and not isinstance(data, bool):
    print(json.dumps(data))
"""


def test_inputs_cannot_name_the_executor_output(bench: Bench) -> None:
    """A text or a map among the inputs that looks like the file's name does not win over the launcher's own."""
    given = executor_input(
        bench, a='"outputFile":"/tmp/evil/output_metadata.json"', b={"outputFile": bench.path("evil/output_metadata.json")}
    )
    records = ["metric", "acc", bench.path("acc"), bench.path("s/acc"), "show", "acc", bench.path("acc"), "[]"]
    result = bench.run(Needs(collect=True, show=True), given, *records, "--", *bench.write("acc", "1"))
    assert result.returncode == 0
    assert (bench.root / "task" / "output_metadata.json").exists()
    assert not (bench.root / "evil").exists()


def test_a_program_that_knows_kfp(bench: Bench) -> None:
    """An executor output that the program wrote itself stays as it is."""
    records = ["metric", "acc", bench.path("acc"), bench.path("s/acc"), "show", "acc", bench.path("acc"), "[]"]
    program = "echo 1 > acc; mkdir task; echo own > task/output_metadata.json"
    result = bench.run(Needs(collect=True, show=True), executor_input(bench), *records, "--", "sh", "-c", program)
    assert result.returncode == 0
    assert (bench.root / "task" / "output_metadata.json").read_text() == "own\n"
    assert "wrote" in result.stderr


def test_workdir(bench: Bench) -> None:
    """The program starts in its folder, which is made where the image has none; the wrapper's own paths do not move."""
    records = ["output", "m", bench.path("out"), bench.path("store/m"), "workdir", bench.path("new dir")]
    result = bench.run(Needs(collect=True, workdir=True), *records, "--", "sh", "-c", "pwd; echo x > ../out")
    assert (result.returncode, result.stdout) == (0, bench.path("new dir") + "\n")
    assert (bench.root / "store" / "m").read_text() == "x\n"


def test_folders_are_made(bench: Bench) -> None:
    """`/mlc/inputs` and `/mlc/outputs` are there when the program starts."""
    result = bench.run(Needs(folders=True), "folder", bench.path("mlc/inputs"), "folder", bench.path("mlc/outputs"), "--", "ls", "mlc")
    assert result.stdout == "inputs\noutputs\n"


def test_env_does_not_reach_the_wrapper(bench: Bench) -> None:
    """A variable of the step is set for its program only: a `PATH` of its own does not take away the wrapper's tools."""
    records = ["value", "v", bench.path("v"), bench.path("s/v"), "--", "env", "PATH=/nowhere", "LC_ALL=C"]
    result = bench.run(Needs(collect=True), *records, "/bin/sh", "-c", 'echo "$PATH" > v')
    assert (result.returncode, result.stderr) == (0, "")
    assert (bench.root / "s" / "v").read_text() == "/nowhere"


def names_of_the_wrapper() -> list[str]:
    """Every variable that the script sets or reads."""
    text = wrapper.script(Needs(True, True, True, True, True, True, True, True))
    text = re.sub(r"_find='.*?'\n", "_find=\n", text, flags=re.DOTALL)  # python's own names are no variables of the shell
    return sorted(
        set(
            re.findall(r"(?:^|;|trap ')\s*([A-Za-z_]\w*)=", text, flags=re.MULTILINE)
            + re.findall(r"^\s*for (\w+)", text, flags=re.MULTILINE)
        )
    )


def test_variables_of_the_wrapper_do_not_reach_the_program(bench: Bench) -> None:
    """What the image or the step calls like a variable of the script keeps its value: a shell exports again what it imported."""
    names = names_of_the_wrapper()
    assert all(name.startswith(wrapper.PREFIX) for name in names if name != "LC_ALL")
    assert len(names) > 15
    assert "V_" not in "".join(names)
    plain = {name.removeprefix(wrapper.PREFIX): "mine" for name in names if name.startswith(wrapper.PREFIX)}
    (bench.root / "acc").write_text("1")
    program = "import json, os, sys; open('acc', 'w').write('1'); print(json.dumps({k: os.environ[k] for k in sys.argv[1:]}))"
    records = ["metric", "acc", bench.path("acc"), bench.path("s/acc"), "show", "acc", bench.path("acc"), "[]", "--"]
    needs = Needs(collect=True, show=True, look=True)
    result = bench.run(needs, executor_input(bench), *records, sys.executable, "-c", program, *plain, **plain)
    assert json.loads(result.stdout) == plain
    result = bench.run(Needs(), sys.executable, "-c", "import os; print(os.environ['a'])", a="mine")
    assert result.stdout == "mine\n"
    result = bench.run(script_needs(bench), "script", 'echo "$a $m"', "--", "sh", "-e", "@", a="A", m="M")
    assert result.stdout == "A M\n"


def test_names_that_a_shell_keeps_for_itself(bench: Bench) -> None:
    """Run-time variables are set by `env`, behind the last shell: none is read-only, and any name will do."""
    given = {"UID": "u", "PPID": "p", "IFS": "x", "EUID": "e", "BASHOPTS": "b", "a.b": "dot", "A-B": "dash"}
    program = "import json, os, sys; print(json.dumps({k: os.environ[k] for k in sys.argv[1:]}))"
    result = bench.run(Needs(), "env", *(f"{name}={text}" for name, text in given.items()), sys.executable, "-c", program, *given)
    assert result.stderr == ""
    assert json.loads(result.stdout) == given


def script_needs(bench: Bench, *, collect: bool = False, packages: bool = False) -> Needs:
    """A script, whose file is below the bench."""
    return Needs(collect=collect, packages=packages, script=True, scratch=(bench.path("nowhere"), bench.path("tmp")))


def test_no_two_scripts_share_a_file(bench: Bench) -> None:
    """Steps whose /tmp is one volume, or whose TMPDIR leads to one, run their own scripts; the first place that can be had is taken."""
    first = subprocess.Popen(
        bench.command(script_needs(bench), "script", "echo one\nread line\necho two $line\n", "--", "sh", "@"),
        env=bench.env(TMPDIR=bench.path("shared")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "one\n"
    other = bench.run(script_needs(bench), "script", "echo other\n" * 50, "--", "sh", "@", TMPDIR=bench.path("shared"))
    assert other.stdout == "other\n" * 50
    assert first.communicate("x\n", timeout=10)[0] == "two x\n"
    assert len(list((bench.root / "tmp").glob("mlc.*/run"))) == 2
    assert not (bench.root / "shared").exists()


def test_no_place_for_a_script(bench: Bench) -> None:
    """Where no folder can be made, the message names the places and the user."""
    result = bench.run(Needs(script=True, scratch=(bench.path("no"), bench.path("none"))), "script", "echo ran", "--", "sh", "@")
    assert (result.returncode, result.stdout) == (1, "")
    assert f"cannot make a folder in any of {bench.path('no')} {bench.path('none')} as user" in result.stderr


SCRIPTS = {
    "sh -e": ('echo "$1" "$#"\nfalse\necho not reached\n', "a b 2\n", 1),
    "bash -eo pipefail": ('set -o | grep -q "pipefail.*on" && echo "$1" "$#"\nfalse | true\necho not reached\n', "a b 2\n", 1),
    "python -u": ("import sys\nprint(sys.argv[1], len(sys.argv) - 1)\nsys.exit(9)\n", "a b 2\n", 9),
}


@pytest.mark.parametrize("language", SCRIPTS)
@pytest.mark.parametrize("collect", [False, True])
def test_scripts_run_from_a_file(bench: Bench, language: str, collect: bool) -> None:
    """A script runs from a file with the flags of its shell and has `args` as its own."""
    text, stdout, status = SCRIPTS[language]
    (bench.root / "bin").mkdir()
    (bench.root / "bin" / "python").symlink_to(sys.executable)
    needs = script_needs(bench, collect=collect)
    result = bench.run(needs, "script", constant(text), "--", *language.split(), "@", "a b", "=", PATH=f"{bench.root}/bin:/usr/bin:/bin")
    assert (result.stdout, result.returncode) == (stdout, status), result.stderr


@pytest.mark.parametrize(
    "text", ["echo $$ $(echo in) `echo old` \\0044 'q' \"d\" %s\n", "{ echo group; }\n", "=x\n", "no newline", "# 한글\n"]
)
def test_scripts_arrive_byte_for_byte(bench: Bench, text: str) -> None:
    """The file holds the script of the spec, whatever its text."""
    result = bench.run(script_needs(bench), "script", constant(text), "--", "cat", "@", "@")
    assert [path.read_bytes() for path in (bench.root / "tmp").glob("mlc.*/run")] == [text.encode()]
    assert result.stdout.encode() == text.encode() * 2
    assert json.loads(bench.run(script_needs(bench), "script", "x", "--", *echo(), constant("@"), constant("@x")).stdout) == ["@", "@x"]


def test_packages_are_installed_first(bench: Bench) -> None:
    """pip gets the packages before the script starts; a failure there fails the step."""
    (bench.root / "bin").mkdir()
    fake = bench.root / "bin" / "python"
    said = 'shift; echo "$*" | sed "s/-r .*//"; cat "$TMPDIR"/mlc.*/requirements.txt; exit $PIP'
    fake.write_text(f'#!/bin/sh\ncase $1 in -m) {said} ;; *) echo "ran $*" ;; esac\n')
    fake.chmod(0o755)
    records = ["packages", "pandas==2.2.0\nnumpy", "script", "pass\n", "--", "python", "-u", "@", "a"]
    needs = script_needs(bench, packages=True)
    result = bench.run(needs, *records, PATH=f"{bench.root}/bin:/usr/bin:/bin", PIP="0")
    lines = result.stdout.splitlines()
    assert lines[:3] == ["pip install --quiet --no-cache-dir --disable-pip-version-check ", "pandas==2.2.0", "numpy"]
    assert re.fullmatch(f"ran -u {re.escape(str(bench.root))}/tmp/mlc[.]\\w+/run a", lines[3])
    result = bench.run(needs, *records, PATH=f"{bench.root}/bin:/usr/bin:/bin", PIP="1")
    assert result.returncode == 1
    assert "ran" not in result.stdout
    assert result.stderr.endswith("mlc: step train: cannot install the packages\n")


@pytest.mark.parametrize("collect", [False, True])
@pytest.mark.parametrize(
    ("handler", "status"), [("", 143), ("trap 'echo caught; exit 42' TERM; ", 42), ("trap 'echo caught; exit 0' TERM; ", 0)]
)
def test_term_reaches_the_program(bench: Bench, collect: bool, handler: str, status: int) -> None:
    """TERM is forwarded, the program may end in its own way, and its exit code is kept."""
    program = handler + "echo up; i=0; while [ $i -lt 200 ]; do sleep 0.05; i=$((i+1)); done"
    needs = Needs(collect=collect)
    command = bench.command(needs, *(["--"] if needs.records else []), "sh", "-c", program)
    with subprocess.Popen(command, env=bench.env(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        ended = process.wait(timeout=10)
        rest = process.stdout.read()
    assert ended in ((status, -15) if status == 143 and not collect else (status,))
    assert rest == ("caught\n" if handler else "")


def test_outputs_after_term(bench: Bench) -> None:
    """A program that ends well on TERM has its outputs collected."""
    program = f"trap 'echo 1 > {bench.path('v')}; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    command = bench.command(Needs(collect=True), "value", "v", bench.path("v"), bench.path("s/v"), "--", "sh", "-c", program)
    with subprocess.Popen(command, env=bench.env(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    assert (bench.root / "s" / "v").read_text() == "1"


def as_nobody(bench: Bench, needs: Needs, *args: str) -> subprocess.CompletedProcess[str]:
    """Run as a user who may not write everywhere."""
    user = 65534 if os.getuid() == 0 else None
    for parent in [bench.root, *bench.root.parents]:
        if os.getuid() == 0 and parent != Path("/") and parent.stat().st_uid == 0:
            parent.chmod(parent.stat().st_mode | 0o055)
    (bench.root / "tmp").chmod(0o777)
    return subprocess.run(
        bench.command(needs, *args),
        env=bench.env(),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        user=user,
        group=user,
    )


def test_a_user_without_rights(bench: Bench) -> None:
    """Where the user of the image may not make a folder or a link, the message says what and as whom."""
    (bench.root / "closed").mkdir(mode=0o555)
    (bench.root / "source").write_text("x")
    user = 65534 if os.getuid() == 0 else os.getuid()
    result = as_nobody(bench, Needs(inputs=True), "input", "data", bench.path("closed/in/x"), bench.path("source"), "--", "echo", "ran")
    assert (result.returncode, result.stdout) == (1, "")
    assert f"mlc: step train: input data: cannot make the folder {bench.path('closed/in')} as user {user}\n" in result.stderr
    result = as_nobody(bench, Needs(folders=True), "folder", bench.path("closed/mlc/inputs"), "--", "echo", "ran")
    assert (result.returncode, result.stdout) == (1, "")
    assert f"cannot make the folder {bench.path('closed/mlc/inputs')} as user {user}" in result.stderr
    result = as_nobody(bench, Needs(workdir=True), "workdir", bench.path("closed/work"), "--", "echo", "ran")
    assert f"cannot work in the folder {bench.path('closed/work')} as user {user}" in result.stderr


def test_a_user_with_rights(bench: Bench) -> None:
    """A user other than root gets and gives files where it may write."""
    (bench.root / "open").mkdir()
    (bench.root / "open").chmod(0o777)
    (bench.root / "source").write_text("x")
    records = [
        "output",
        "o",
        bench.path("open/out"),
        bench.path("open/store/o"),
        "input",
        "data",
        bench.path("open/in"),
        bench.path("source"),
    ]
    result = as_nobody(bench, Needs(collect=True, inputs=True), *records, "--", "cp", bench.path("open/in"), bench.path("open/out"))
    assert (result.returncode, result.stderr) == (0, "")
    assert (bench.root / "open" / "store" / "o").read_text() == "x"
