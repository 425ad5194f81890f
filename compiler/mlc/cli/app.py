"""The whole command line, with help and shell completion: the only module that imports typer.

It does no work: every command makes a `Request`. Examples in help texts start with `\\b`, which keeps their line breaks.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from .. import __version__
from ..diagnostics.suggest import did_you_mean
from ..targets import TARGETS
from ..targets import words as target_words
from .request import ALL, DRAWINGS, FORMATS, LINTS, OK, SHAPES, USAGE, Request, targets_of
from .request_here import LATEST, RUNNERS, Here

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="mlc",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def parse(argv: Sequence[str]) -> Request | int:
    """The request that the arguments make; or the exit code, where typer has said all there is to say (help, mistakes, completion)."""
    requests: list[Request] = []
    try:
        typer.main.get_command(app).main(args=_with_latest(argv), prog_name="mlc", obj=requests)
    except SystemExit as end:
        if not requests:
            return end.code if isinstance(end.code, int) else USAGE
    return requests[0]


def _with_latest(argv: Sequence[str]) -> list[str]:
    """The words of `mlc run`, where `--resume` alone means the latest run: click knows no option with or without a value.

    No run is called like a file or another option, so these are not taken for its name.
    """
    words = list(argv)
    if words[:1] == ["run"] and "--resume" in words:
        at = words.index("--resume")
        following = words[at + 1] if at + 1 < len(words) else "-"
        if following.startswith("-") or "." in following or "/" in following:
            words[at] = f"--resume={LATEST}"
    return words


def _ask(context: typer.Context, request: Request) -> None:
    requests: list[Request] = context.obj
    requests.append(request)


def _one_of(words: Sequence[str], known: Sequence[str]) -> None:
    for word in words:
        if word not in known:
            hint = did_you_mean(word, known)
            raise typer.BadParameter(f"`{word}` is none of {', '.join(known)}{f' ({hint})' if hint else ''}")


def _check_targets(words: list[str]) -> list[str]:
    _one_of(words, (*target_words(), ALL))
    return words


def _check_target(word: str) -> str:
    _one_of([word], TARGETS)
    return word


def _check_format(word: str) -> str:
    _one_of([word], FORMATS)
    return word


def _check_drawing(word: str) -> str:
    _one_of([word], DRAWINGS)
    return word


def _check_shape(word: str) -> str:
    _one_of([word], SHAPES)
    return word


def _check_lints(words: list[str]) -> list[str]:
    _one_of(words, tuple(LINTS))
    return words


def _check_name(word: str | None) -> str | None:
    if word == "":
        raise typer.BadParameter("the name is empty")
    return word


def _complete_targets(incomplete: str) -> list[str]:
    return [target for target in (*target_words(), ALL) if target.startswith(incomplete)]


def _complete_formats(incomplete: str) -> list[str]:
    return [name for name in FORMATS if name.startswith(incomplete)]


def _complete_drawings(incomplete: str) -> list[str]:
    return [name for name in DRAWINGS if name.startswith(incomplete)]


def _complete_shapes(incomplete: str) -> list[str]:
    return [name for name in SHAPES if name.startswith(incomplete)]


def _complete_lints(incomplete: str) -> list[str]:
    return [name for name in LINTS if name.startswith(incomplete)]


def _complete_explained(incomplete: str) -> list[str]:
    """Codes, and keys down to the level that is typed."""
    from ..diagnostics.codes import CODES
    from ..keys.language import keys

    codes = [code.lower() for code in CODES] if incomplete.islower() else list(CODES)
    paths = {path: None for key in keys().values() for path in key.paths if path.count(".") == incomplete.count(".")}
    return [word for word in (*codes, *paths) if word.startswith(incomplete)]


def _line() -> list[str]:
    """The words of the half-typed line after the command.

    They come from the variables in which shells hand them over: an option without its value yet is one that click gives up on.
    """
    return (os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")).split()[2:]


def _names_in_specs(*keys: str) -> list[str]:
    """The names below these keys in the specs on the half-typed line, or in those in the current folder."""
    from ..reader import decode
    from ..reader import read as parse
    from .files import find, read

    found: dict[str, None] = {}
    try:
        for spec in find([word for word in _line() if os.path.exists(word)])[0]:
            source = decode(spec, read(spec), [])
            document = parse(source, []) if source else None
            for key in keys if document is not None else ():
                if isinstance(document.data.get(key), dict):  # type: ignore[union-attr] # there are no keys without a document
                    found.update(dict.fromkeys(map(str, document.data[key])))  # type: ignore[union-attr]
    except OSError:
        pass  # whoever presses TAB is told nothing
    return list(found)


def _complete_environments(incomplete: str) -> list[str]:
    return [name for name in _names_in_specs("environments") if name.startswith(incomplete)]


def _complete_steps(incomplete: str) -> list[str]:
    return [name for name in _names_in_specs("steps", "finally") if name.startswith(incomplete)]


def _complete_params(incomplete: str) -> list[str]:
    return [f"{name}=" for name in _names_in_specs("params") if name.startswith(incomplete)]


def _complete_runners(incomplete: str) -> list[str]:
    return [name for name in RUNNERS if name.startswith(incomplete)]


def _state_on_line() -> Here:
    words = _line()
    at = words.index("--state") + 1 if "--state" in words else len(words)
    return Here(state="".join(words[at : at + 1]))


def _complete_runs(incomplete: str) -> list[str]:
    from contextlib import closing

    from .local.here import opened

    try:
        with closing(opened(_state_on_line())) as store:
            return [run.name for run in store.runs() if run.name.startswith(incomplete)]
    except Exception:  # whoever presses TAB is told nothing
        return []


def _complete_tasks(incomplete: str) -> list[str]:
    from contextlib import closing

    from .local.here import named, opened, tasks_of

    try:
        here = _state_on_line()
        with closing(opened(here)) as store:
            runs = {run.name for run in store.runs()} | {LATEST}
            name = next(word for word in _line() if word in runs)
            return [task for task in tasks_of(store, named(store, here, name)) if task.startswith(incomplete)]
    except Exception:  # whoever presses TAB is told nothing
        return []


Specs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SPEC]...",
        help="Files, folders, or - for standard input. A folder stands for every mlc.yaml, mlc.yml, *.mlc.yaml and *.mlc.yml below it, "
        "but not in hidden folders; a file that is named itself can have any name. Default: the current folder.",
        show_default=False,
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        "-t",
        metavar="NAME",
        help=f"{', '.join(TARGETS)} or {ALL}; with the version of the engine: argo@3.6. Can be repeated. Default: {ALL}.",
        callback=lambda words: _check_targets(words or []),
        autocompletion=_complete_targets,
        show_default=False,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change a value of the spec, such as params.epochs=3 or images.train.tag=1.2; can be repeated. Comes after --env.",
        show_default=False,
    ),
]
Environment = Annotated[
    str | None,
    typer.Option(
        "--env",
        metavar="NAME",
        help="Lay one of the spec's environments over it.",
        callback=_check_name,
        autocompletion=_complete_environments,
        show_default=False,
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")]
Locked = Annotated[
    bool, typer.Option("--locked", help="Take versions from the lock file beside each spec (mlc lock), and fail where it is out of date.")
]
Lints = Annotated[
    list[str] | None,
    typer.Option(
        "--lint",
        metavar="NAME",
        help="Look for more: hygiene (tags that move, memory without a limit, parameters that nothing reads, GPUs without nodes), digests "
        "(images without one), security (root, folders of the node). Can be repeated.",
        callback=lambda words: _check_lints(words or []),
        autocompletion=_complete_lints,
        show_default=False,
    ),
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="NAME",
        help=f"How to print what is wrong, on standard error: {', '.join(FORMATS)}.",
        callback=_check_format,
        autocompletion=_complete_formats,
    ),
]
Shape = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="NAME",
        help=f"How to print the result: {', '.join(SHAPES)}.",
        callback=_check_shape,
        autocompletion=_complete_shapes,
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        help="A file; or a folder (it exists, or ends in /), for files called NAME.TARGET.yaml, or NAME.ENV.TARGET.yaml with --env. "
        "Default: standard output.",
        callback=_check_name,
        show_default=False,
    ),
]

State = Annotated[
    str,
    typer.Option(
        "--state", metavar="DIR", help="Where runs are kept. Default: MLC_STATE, or .mlc in the current folder.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_ROOT_HELP = """One YAML file describes an ML project; mlc runs it here, or compiles it to Argo Workflows or Kubeflow Pipelines v2.

\b
Start here:
  mlc init my-project
  mlc run my-project/mlc.yaml --dry-run
  mlc compile my-project/mlc.yaml --target argo
  mlc explain MLC301

\b
Exit codes:
  0    done
  1    errors in a spec, a run that failed, or --check found a difference
  2    wrong usage
  3    a file that cannot be read or written, a server that cannot be asked, no way to run a project here, or a fault in mlc
  130  interrupted
"""

_COMPILE_HELP = """Compile specs to manifests.

Nothing is written, neither to files nor to standard output, unless every spec compiles.

\b
Examples:
  mlc compile mlc.yaml --target argo
  mlc compile mlc.yaml --target argo | kubectl create -f -
  mlc compile mlc.yaml --target kfp -o pipeline.yaml
  mlc compile . -o manifests/  # every mlc.yaml and *.mlc.yaml below
  mlc compile mlc.yaml -t argo --set params.epochs=3 --set images.train.tag=1.4
  mlc compile mlc.yaml -t argo --env prod
  mlc compile mlc.yaml -t kfp --locked
  mlc compile . -o manifests/ --check

A manifest for Argo whose parameters have no default is started with `argo submit FILE -p NAME=VALUE`, not with kubectl.
"""

_VALIDATE_HELP = """Check specs, for every target and every environment.

--target and --env narrow that down.

\b
Examples:
  mlc validate                 # every mlc.yaml and *.mlc.yaml below
  mlc validate mlc.yaml --target kfp
  mlc validate mlc.yaml --lint hygiene
  mlc validate mlc.yaml --env prod
  mlc validate . --strict --format github
  mlc validate . --format json 2> report.json
  mlc validate . --format sarif 2> report.sarif
"""

_GRAPH_HELP = """Draw the steps of a spec in the terminal, or as text for Mermaid or Graphviz.

\b
Examples:
  mlc graph mlc.yaml
  mlc graph mlc.yaml --set params.baseline=0.9
  mlc graph mlc.yaml --env prod
  mlc graph mlc.yaml --format mermaid > steps.mmd
  mlc graph mlc.yaml --format dot | dot -Tsvg -o steps.svg
"""

_DESCRIBE_HELP = """Print what the cluster must have before a spec can run there.

Claims with their access modes, secrets and config maps with their keys, service accounts, images, devices, and the version of the engine.

\b
Examples:
  mlc describe mlc.yaml
  mlc describe mlc.yaml --target argo --env prod
  mlc describe mlc.yaml --format json > needs.json
"""

_DIFF_HELP = """Print what changes in meaning from one spec to another.

Steps, edges, images, commands, conditions, resources, parameters: whatever reaches a run. Form and order of the file do not count.
Exit code: 0 where nothing changes, 1 where anything does (or a spec has errors).

\b
Examples:
  mlc diff old.yaml mlc.yaml
  mlc diff old.yaml mlc.yaml --format json
  git show main:mlc.yaml | mlc diff - mlc.yaml
"""

_INFRA_HELP = """Print what the cluster must have first, as manifests.

Today that is the ConfigMap through which the engine finds the store of the project: for Argo Workflows one of the project's own,
for Kubeflow Pipelines the `kfp-launcher` of the namespace, which all its pipelines share.

\b
Examples:
  mlc infra mlc.yaml | kubectl apply -f -
  mlc infra mlc.yaml --target kfp
  mlc infra mlc.yaml -o infra.yaml
  mlc infra mlc.yaml --skeletons --claim-size 10Gi
  mlc infra mlc.yaml --env prod | kubectl apply -f -
"""

_LOCK_HELP = """Write the lock file of a spec: what its names stand for today.

The tag of an image becomes a digest, with the program that the image starts; the tag of a dataset and the ref of the code become commits.
The file is called like the spec, with .lock at the end, and covers all environments. `mlc compile --locked` compiles from it: the same
manifest until the lock file is written anew. `mlc run --locked` runs from it here.

Registries are asked with Docker's credentials (`docker login`), repositories by your own git.

\b
Examples:
  mlc lock mlc.yaml
  mlc lock mlc.yaml --check           # exit code 1 where something moved; writes nothing
  mlc lock mlc.yaml --update train    # look up one image or dataset only
  mlc lock mlc.yaml --platform linux/arm64
"""

_DATASETS_HELP = """List the versions of a spec's datasets.

For each dataset the tags of its repository, newest first: commit, date, and what DVC has written down of the data. The last column says
which version the spec names, or one of its environments, and which is in the lock file.

\b
Examples:
  mlc datasets mlc.yaml
  mlc datasets mlc.yaml --format json
"""

_RUN_HELP = """Run a project on this machine.

It means here what it means on the engines: order, gates, conditions, loops, retries, timeouts, finally, caching. Steps run in
containers of podman or docker, or as processes where there is neither. On a terminal a live view shows them; elsewhere every line that
they print is printed. What a run leaves is kept in .mlc: logs, artifacts, metrics. A run that failed or was interrupted goes on with
--resume.

\b
Examples:
  mlc run                              # the mlc.yaml below the current folder
  mlc run mlc.yaml --dry-run           # what would run, and with which commands
  mlc run mlc.yaml -p epochs=3         # a parameter of this run
  mlc run mlc.yaml --runner process --volume data=./data
  mlc run mlc.yaml --secret git-ssh/id_ed25519=file:~/.ssh/id_ed25519
  mlc run mlc.yaml --locked            # images, data and code of the lock file
  mlc run --resume                     # go on with the latest run that is not finished
  mlc run mlc.yaml --from train        # train and what comes after it; all else from the latest run
  mlc run mlc.yaml --only evaluate     # one step alone
  mlc run mlc.yaml --json > events.jsonl

\b
Then:
  mlc runs                             # all runs
  mlc logs latest train                # what a step printed
  mlc metrics latest                   # metrics against thresholds

Ctrl-C ends what runs (10 seconds to tidy up), a second one at once; --resume goes on from there.
Volumes, secrets and images of this machine can be named once and for all in mlc.local.yaml beside the spec.
"""

_RUNS_HELP = """List the runs on this machine, or show one in full.

\b
Examples:
  mlc runs
  mlc runs latest
  mlc runs churn-x7k2p --json
  mlc runs --remove churn-x7k2p
  mlc runs --prune                     # remove artifacts that no run has any more
"""

_LOGS_HELP = """Print what the steps of a run printed.

Without TASK: all of them, each line with the name of its step. An item of a loop is a task such as 'train[2]'.

\b
Examples:
  mlc logs latest
  mlc logs churn-x7k2p train
  mlc logs churn-x7k2p 'train[2]' --attempt 1
  mlc logs latest train --follow
"""

_METRICS_HELP = """Print the metrics of runs side by side.

One column for each run, one row for each metric of each step; of a loop, of each item. Thresholds that were missed are marked, and
parameters that differ come first.

\b
Examples:
  mlc metrics latest
  mlc metrics churn-x7k2p churn-b3m9q
  mlc metrics churn-x7k2p --csv > metrics.csv
"""

_INIT_HELP = """Write a project to start from.

Writes mlc.yaml and, for the editor, mlc.schema.json.

\b
Examples:
  mlc init
  mlc init churn
"""

_EXPLAIN_HELP = """Explain the code of a diagnostic, or a key of the language.

Of a code: what is wrong, why it matters, and how to put it right. Of a key: what it means, its type and default, an example, and what
each target does with it, from which version. A key is named by where it stands, without the names that the project gives.

\b
Examples:
  mlc explain MLC301
  mlc explain --list                   # every code
  mlc explain steps.cache
  mlc explain retry.limit              # the end of a key is enough
  mlc explain --keys                   # every key, and what each target does with it
  mlc explain --keys --json > keys.json

\b
What a target does with a key:
  lowered      it is in the manifest; "some uses from 2.5": with an older engine those are errors (MLC413)
  handed over  a note (MLC405) says what takes it
  refused      it is an error there, with this code
  checked      it leaves no trace
  not for it   it is a setting of another target
"""

_SCHEMA_HELP = """Print the JSON Schema of the language, for editors.

\b
Example:
  mlc schema > mlc.schema.json

\b
Then start a spec with:
  # yaml-language-server: $schema=mlc.schema.json
"""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mlc {__version__}")
        raise typer.Exit(OK)


@app.callback(help=_ROOT_HELP)
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")] = False,
) -> None:
    """Options of `mlc` itself."""


@app.command("init", help=_INIT_HELP)
def _init(
    context: typer.Context,
    folder: Annotated[str, typer.Argument(metavar="[DIR]", help="Where to; made if need be.", callback=_check_name)] = ".",
    force: Annotated[bool, typer.Option("--force", help="Replace mlc.yaml and mlc.schema.json.")] = False,
) -> None:
    _ask(context, Request("init", (folder,), force=force))


@app.command("compile", help=_COMPILE_HELP)
def _compile(
    context: typer.Context,
    specs: Specs = None,
    target: Targets = None,
    output: Output = None,
    environment: Environment = None,
    overrides: Overrides = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; compare with the files that -o names, and show the difference.")
    ] = False,
    locked: Locked = False,
    strict: Strict = False,
    format: Format = "text",
) -> None:
    request = Request(
        "compile",
        tuple(specs or ()),
        targets_of(target or []),
        output or "",
        tuple(overrides or ()),
        environment or "",
        check=check,
        strict=strict,
        format=format,
        locked=locked,
    )
    _ask(context, request)


@app.command("validate", help=_VALIDATE_HELP)
def _validate(
    context: typer.Context,
    specs: Specs = None,
    target: Targets = None,
    environment: Environment = None,
    overrides: Overrides = None,
    lint: Lints = None,
    locked: Locked = False,
    strict: Strict = False,
    format: Format = "text",
) -> None:
    request = Request(
        "validate",
        tuple(specs or ()),
        targets_of(target or []),
        "",
        tuple(overrides or ()),
        environment or "",
        strict=strict,
        format=format,
        lints=tuple(dict.fromkeys(lint or ())),
        locked=locked,
    )
    _ask(context, request)


def _several(option: str, metavar: str, help: str) -> typer.models.OptionInfo:
    found: typer.models.OptionInfo = typer.Option(option, metavar=metavar, help=f"{help} Can be repeated.", show_default=False)
    return found


@app.command("run", help=_RUN_HELP)
def _run(
    context: typer.Context,
    spec: Annotated[
        str,
        typer.Argument(
            metavar="[SPEC]",
            help="A file, a folder with one spec below it, or - for standard input. Default: the current folder.",
            show_default=False,
        ),
    ] = "",
    runner: Annotated[
        str,
        typer.Option(
            "--runner",
            metavar="NAME",
            help=f"{', '.join(RUNNERS)}. Default: the first of these that works.",
            callback=lambda word: _check_runner(word),
            autocompletion=_complete_runners,
            show_default=False,
        ),
    ] = "",
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", metavar="N", min=1, help="How many steps may run at once. Default: one for each CPU.", show_default=False
        ),
    ] = None,
    params: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            "-p",
            metavar="NAME=VALUE",
            help="Give a parameter of the run a value. Can be repeated.",
            autocompletion=_complete_params,
            show_default=False,
        ),
    ] = None,
    overrides: Overrides = None,
    environment: Environment = None,
    volumes: Annotated[list[str] | None, _several("--volume", "NAME=DIR", "A folder that stands for a volume of the spec.")] = None,
    secrets: Annotated[
        list[str] | None,
        _several(
            "--secret", "NAME/KEY=SOURCE", "Where a key of a secret comes from: file:PATH or env:VARIABLE; NAME=DIR for all its keys."
        ),
    ] = None,
    config_maps: Annotated[
        list[str] | None,
        _several("--config-map", "NAME/KEY=SOURCE", "The same for a config map: file:PATH, env:VARIABLE or value:TEXT."),
    ] = None,
    artifacts: Annotated[
        list[str] | None, _several("--artifact", "NAME=PATH", "A file or folder that stands for an artifact from outside.")
    ] = None,
    settings: Annotated[
        str | None,
        typer.Option(
            "--local-settings", metavar="FILE", help="Instead of mlc.local.yaml beside the spec.", callback=_check_name, show_default=False
        ),
    ] = None,
    state: State = "",
    resume: Annotated[
        str,
        typer.Option(
            "--resume",
            metavar="[RUN]",
            help="Go on with a run that failed or was interrupted; without RUN the latest one. What is done is not repeated.",
            autocompletion=_complete_runs,
            show_default=False,
        ),
    ] = "",
    only: Annotated[
        str,
        typer.Option(
            "--only",
            metavar="STEP",
            help="Run one step, with what earlier runs made of the others.",
            autocompletion=_complete_steps,
            show_default=False,
        ),
    ] = "",
    first: Annotated[
        str,
        typer.Option(
            "--from", metavar="STEP", help="Run a step and all that depends on it.", autocompletion=_complete_steps, show_default=False
        ),
    ] = "",
    using: Annotated[
        str,
        typer.Option(
            "--using",
            metavar="RUN",
            help="With --only and --from: the run to take results from. Default: the latest that has them.",
            autocompletion=_complete_runs,
            show_default=False,
        ),
    ] = "",
    locked: Locked = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would run, and start nothing.")] = False,
    strict: Strict = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only how it ended, and what failed.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line: docs/run.md has their keys.")] = False,
    format: Format = "text",
) -> None:
    here = Here(
        state=state,
        runner=runner,
        jobs=jobs or 0,
        params=tuple(params or ()),
        volumes=tuple(volumes or ()),
        secrets=tuple(secrets or ()),
        config_maps=tuple(config_maps or ()),
        artifacts=tuple(artifacts or ()),
        settings=settings or "",
        resume=resume,
        only=only,
        first=first,
        using=using,
        dry_run=dry_run,
        quiet=quiet,
        json=json,
    )
    request = Request(
        "run",
        (spec,) if spec else (),
        (),
        "",
        tuple(overrides or ()),
        environment or "",
        strict=strict,
        format=format,
        locked=locked,
        here=here,
    )
    _ask(context, request)


def _check_runner(word: str) -> str:
    if word:
        _one_of([word], RUNNERS)
    return word


@app.command("runs", help=_RUNS_HELP)
def _runs(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="[RUN]", help=f"A run, or {LATEST}. Default: all.", autocompletion=_complete_runs, show_default=False),
    ] = "",
    remove: Annotated[
        list[str] | None,
        typer.Option(
            "--remove",
            metavar="RUN",
            help="Forget a run, and remove its logs. Can be repeated.",
            autocompletion=_complete_runs,
            show_default=False,
        ),
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Remove artifacts that no run has any more.")] = False,
    state: State = "",
    json: Json = False,
) -> None:
    here = Here(state=state, names=(name,) if name else (), remove=tuple(remove or ()), prune=prune, json=json)
    _ask(context, Request("runs", here=here))


@app.command("logs", help=_LOGS_HELP)
def _logs(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="RUN", help=f"A run, or {LATEST}.", autocompletion=_complete_runs)],
    task: Annotated[
        str,
        typer.Argument(metavar="[TASK]", help="A step, or an item of a loop.", autocompletion=_complete_tasks, show_default=False),
    ] = "",
    attempt: Annotated[
        int | None, typer.Option("--attempt", metavar="N", min=1, help="Which attempt. Default: the last one.", show_default=False)
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing until the task, or the run, is over.")] = False,
    state: State = "",
) -> None:
    _ask(context, Request("logs", here=Here(state=state, names=(name,), task=task, attempt=attempt or 0, follow=follow)))


@app.command("metrics", help=_METRICS_HELP)
def _metrics(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN...", help=f"Default: {LATEST}.", autocompletion=_complete_runs, show_default=False),
    ] = None,
    state: State = "",
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values, one line a metric of a run.")] = False,
) -> None:
    _ask(context, Request("metrics", here=Here(state=state, names=tuple(names or (LATEST,)), json=json, csv=csv)))


@app.command("graph", help=_GRAPH_HELP)
def _graph(
    context: typer.Context,
    specs: Specs = None,
    environment: Environment = None,
    overrides: Overrides = None,
    shape: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME",
            help=f"How to draw: {', '.join(DRAWINGS)}.",
            callback=_check_drawing,
            autocompletion=_complete_drawings,
        ),
    ] = "text",
) -> None:
    _ask(context, Request("graph", tuple(specs or ()), (), "", tuple(overrides or ()), environment or "", shape=shape))


@app.command("describe", help=_DESCRIBE_HELP)
def _describe(
    context: typer.Context,
    specs: Specs = None,
    target: Targets = None,
    environment: Environment = None,
    overrides: Overrides = None,
    locked: Locked = False,
    shape: Shape = "text",
) -> None:
    chosen = targets_of(target) if target else ()
    request = Request("describe", tuple(specs or ()), chosen, "", tuple(overrides or ()), environment or "", shape=shape, locked=locked)
    _ask(context, request)


@app.command("diff", help=_DIFF_HELP)
def _diff(
    context: typer.Context,
    specs: Annotated[list[str], typer.Argument(metavar="OLD NEW", help="Two specs; one may be - for standard input.", show_default=False)],
    target: Targets = None,
    environment: Environment = None,
    overrides: Overrides = None,
    shape: Shape = "text",
) -> None:
    chosen = targets_of(target) if target else ()
    _ask(context, Request("diff", tuple(specs), chosen, "", tuple(overrides or ()), environment or "", shape=shape))


@app.command("infra", help=_INFRA_HELP)
def _infra(
    context: typer.Context,
    specs: Specs = None,
    target: Annotated[
        str,
        typer.Option(
            "--target",
            "-t",
            metavar="NAME",
            help=f"{' or '.join(TARGETS)}.",
            callback=_check_target,
            autocompletion=lambda incomplete: [name for name in TARGETS if name.startswith(incomplete)],
        ),
    ] = TARGETS[0],
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Default: standard output.", callback=_check_name)
    ] = None,
    skeletons: Annotated[
        bool, typer.Option("--skeletons", help="Also what somebody has to fill: secrets and config maps without values, accounts.")
    ] = False,
    claim_size: Annotated[
        str,
        typer.Option("--claim-size", metavar="SIZE", help="With --skeletons: print the claims too, this large.", show_default=False),
    ] = "",
    environment: Environment = None,
    overrides: Overrides = None,
    format: Format = "text",
) -> None:
    request = Request(
        "infra",
        tuple(specs or ()),
        (target,),
        output or "",
        tuple(overrides or ()),
        environment or "",
        format=format,
        skeletons=skeletons,
        claim_size=claim_size,
    )
    _ask(context, request)


@app.command("lock", help=_LOCK_HELP)
def _lock(
    context: typer.Context,
    specs: Specs = None,
    update: Annotated[
        list[str] | None,
        typer.Option(
            "--update",
            metavar="NAME",
            help="Look up only this image or dataset, by its name in the spec (code for the code), and what the lock file does not "
            "hold yet. Can be repeated.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; say what is no longer as in the lock file.")] = False,
    platform: Annotated[
        str | None,
        typer.Option(
            "--platform",
            metavar="SYSTEM/PROCESSOR",
            help="The platform of the nodes, such as linux/arm64: whose program is written down. Default: that of the lock file, "
            "or linux/amd64.",
            callback=_check_name,
            show_default=False,
        ),
    ] = None,
    insecure: Annotated[
        list[str] | None,
        typer.Option(
            "--insecure-registry",
            metavar="HOST",
            help="A registry that may be asked without TLS, as one on this machine may. Can be repeated.",
            show_default=False,
        ),
    ] = None,
    strict: Strict = False,
    format: Format = "text",
) -> None:
    request = Request(
        "lock",
        tuple(specs or ()),
        (),
        check=check,
        strict=strict,
        format=format,
        updates=tuple(update or ()),
        platform=platform or "",
        insecure=tuple(insecure or ()),
    )
    _ask(context, request)


@app.command("datasets", help=_DATASETS_HELP)
def _datasets(context: typer.Context, specs: Specs = None, shape: Shape = "text") -> None:
    _ask(context, Request("datasets", tuple(specs or ()), (), shape=shape))


@app.command("explain", help=_EXPLAIN_HELP)
def _explain(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CODE|KEY]...",
            help="A code such as MLC301, mlc301 or 301; a key such as steps.cache.",
            autocompletion=_complete_explained,
            show_default=False,
        ),
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List every code.")] = False,
    keys: Annotated[bool, typer.Option("--keys", help="List every key, and what each target does with it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print keys as JSON.")] = False,
) -> None:
    _ask(context, Request("explain", tuple(words or ()), listing=listing, keys=keys, shape="json" if as_json else "text"))


@app.command("schema", help=_SCHEMA_HELP)
def _schema(context: typer.Context) -> None:
    _ask(context, Request("schema"))
