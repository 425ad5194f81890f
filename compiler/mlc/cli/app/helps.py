"""What `mlc --help` and `mlc COMMAND --help` say. Examples start with `\\b`, which keeps their line breaks."""

from __future__ import annotations

ROOT = """One YAML file describes an ML project; mlc runs it here, or compiles it to Argo Workflows or Kubeflow Pipelines v2.

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

COMPILE = """Compile specs to manifests.

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

VALIDATE = """Check specs, for every target and every environment.

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

GRAPH = """Draw the steps of a spec in the terminal, or as text for Mermaid or Graphviz.

\b
Examples:
  mlc graph mlc.yaml
  mlc graph mlc.yaml --set params.baseline=0.9
  mlc graph mlc.yaml --env prod
  mlc graph mlc.yaml --format mermaid > steps.mmd
  mlc graph mlc.yaml --format dot | dot -Tsvg -o steps.svg
"""

DESCRIBE = """Print what the cluster must have before a spec can run there.

Claims with their access modes, secrets and config maps with their keys, service accounts, images, devices, and the version of the engine.

\b
Examples:
  mlc describe mlc.yaml
  mlc describe mlc.yaml --target argo --env prod
  mlc describe mlc.yaml --format json > needs.json
"""

DIFF = """Print what changes in meaning from one spec to another.

Steps, edges, images, commands, conditions, resources, parameters: whatever reaches a run. Form and order of the file do not count.
Exit code: 0 where nothing changes, 1 where anything does (or a spec has errors).

\b
Examples:
  mlc diff old.yaml mlc.yaml
  mlc diff old.yaml mlc.yaml --format json
  git show main:mlc.yaml | mlc diff - mlc.yaml
"""

INFRA = """Print what the cluster must have first, as manifests.

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

LOCK = """Write the lock file of a spec: what its names stand for today.

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

DATASETS = """List the versions of a spec's datasets.

For each dataset the tags of its repository, newest first: commit, date, and what DVC has written down of the data. The last column says
which version the spec names, or one of its environments, and which is in the lock file.

\b
Examples:
  mlc datasets mlc.yaml
  mlc datasets mlc.yaml --format json
"""

RUN = """Run a project on this machine.

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

RUNS = """List the runs on this machine, or show one in full.

\b
Examples:
  mlc runs
  mlc runs latest
  mlc runs churn-x7k2p --json
  mlc runs --remove churn-x7k2p
  mlc runs --prune                     # remove artifacts that no run has any more
"""

LOGS = """Print what the steps of a run printed.

Without TASK: all of them, each line with the name of its step. An item of a loop is a task such as 'train[2]'.

\b
Examples:
  mlc logs latest
  mlc logs churn-x7k2p train
  mlc logs churn-x7k2p 'train[2]' --attempt 1
  mlc logs latest train --follow
"""

METRICS = """Print the metrics of runs side by side.

One column for each run, one row for each metric of each step; of a loop, of each item. Thresholds that were missed are marked, and
parameters that differ come first.

\b
Examples:
  mlc metrics latest
  mlc metrics churn-x7k2p churn-b3m9q
  mlc metrics churn-x7k2p --csv > metrics.csv
"""

INIT = """Write a project to start from.

Writes mlc.yaml and, for the editor, mlc.schema.json.

\b
Examples:
  mlc init
  mlc init churn
"""

EXPLAIN = """Explain the code of a diagnostic, or a key of the language.

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

SCHEMA = """Print the JSON Schema of the language, for editors.

\b
Example:
  mlc schema > mlc.schema.json

\b
Then start a spec with:
  # yaml-language-server: $schema=mlc.schema.json
"""
