"""specs/mnist.yaml written with hera: seven containers, three claims, a condition; `python mnist_hera.py OUT.yaml`."""

# mypy: ignore-errors

import sys

from hera.workflows import DAG, Artifact, ConfigMapEnv, Container, ExistingVolume, Parameter, Task, Workflow
from hera.workflows.models import ValueFrom

DATA = ExistingVolume(name="data", claim_name="data-pvc", mount_path="/data")
TRAIN = ExistingVolume(name="train-model", claim_name="train-model-pvc", mount_path="/model")
DEPLOY = ExistingVolume(name="deploy-model", claim_name="deploy-model-pvc", mount_path="/deploy-model")
URL = ConfigMapEnv(name="MANAGE_URL", config_map_name="mlops-manage", config_map_key="url")
STEPS = (
    # name, title, image, volumes
    ("load-preprocess-data", "collect & preprocess data", "pre-data", [DATA]),
    ("validate-data", "validate data", "val-data", [DATA]),
    ("train-embedding-model", "train model", "train-model", [DATA, TRAIN]),
    ("embedding-data", "embedding", "embedding", [DATA, TRAIN]),
    ("train-faiss", "train faiss", "train-faiss", [DATA, TRAIN]),
    ("analysis-total", "analysis", "analysis", [DATA, TRAIN]),
    ("deploy-mar", "deploy", "deploy", [TRAIN, DEPLOY]),
)

with Workflow(
    generate_name="mnist-using-arcface-",
    entrypoint="run",
    annotations={"workflows.argoproj.io/description": "CT pipeline"},
    arguments=[Parameter(name="baseline", value="0.8")],
) as workflow:
    containers = []
    for name, title, image, volumes in STEPS:
        extra = {}
        if name == "analysis-total":
            extra["outputs"] = [
                Artifact(name="confusion_matrix", path="/confusion_matrix.csv"),
                Artifact(name="mlpipeline-ui-metadata", path="/mlpipeline-ui-metadata.json"),
                Parameter(name="accuracy-score", value_from=ValueFrom(path="/mlpipeline-metrics.json")),
                Parameter(name="accuracy", value_from=ValueFrom(path="/accuracy.json")),
            ]
        if name in ("analysis-total", "deploy-mar"):
            extra["env"] = [URL]
        containers.append(
            Container(
                name=name,
                image=f"byeongjokim/mnist-{image}:latest",
                command=["python", "run.py"],
                volumes=volumes,
                annotations={"workflows.argoproj.io/display-name": title},
                **extra,
            )
        )
    with DAG(name="run", fail_fast=False):
        previous = None
        for container in containers:
            condition = {}
            if container.name == "deploy-mar":
                condition["when"] = (
                    "{{= fromJSON(tasks['analysis-total'].outputs.parameters['accuracy']) > asFloat(workflow.parameters['baseline']) }}"
                )
            task = Task(name=container.name, template=container.name, depends=f"{previous}.Succeeded" if previous else None, **condition)
            previous = task.name

if __name__ == "__main__":
    with open(sys.argv[1], "w") as out:
        out.write(workflow.to_yaml())
