"""specs/mnist.yaml written in KFP Python: seven containers, three claims, a condition; `python mnist_kfp.py OUT.yaml`.

A container component chooses none of its output paths, so the one step with outputs copies its files there.
"""

# mypy: ignore-errors
# ruff: noqa: D103

import sys

from kfp import compiler, dsl, kubernetes

COPY = """python run.py
cp /confusion_matrix.csv "$0"
cp /mlpipeline-ui-metadata.json "$1"
cp /accuracy.json "$2"
cp /mlpipeline-metrics.json "$3"
"""


@dsl.container_component
def load_preprocess_data():
    return dsl.ContainerSpec(image="byeongjokim/mnist-pre-data:latest", command=["python", "run.py"])


@dsl.container_component
def validate_data():
    return dsl.ContainerSpec(image="byeongjokim/mnist-val-data:latest", command=["python", "run.py"])


@dsl.container_component
def train_embedding_model():
    return dsl.ContainerSpec(image="byeongjokim/mnist-train-model:latest", command=["python", "run.py"])


@dsl.container_component
def embedding_data():
    return dsl.ContainerSpec(image="byeongjokim/mnist-embedding:latest", command=["python", "run.py"])


@dsl.container_component
def train_faiss():
    return dsl.ContainerSpec(image="byeongjokim/mnist-train-faiss:latest", command=["python", "run.py"])


@dsl.container_component
def analysis_total(
    confusion_matrix: dsl.Output[dsl.Dataset],
    ui_metadata: dsl.Output[dsl.Artifact],
    accuracy: dsl.OutputPath(float),
    v1_metrics: dsl.OutputPath(str),
):
    return dsl.ContainerSpec(
        image="byeongjokim/mnist-analysis:latest",
        command=["sh", "-ec", COPY],
        args=[confusion_matrix.path, ui_metadata.path, accuracy, v1_metrics],
    )


@dsl.container_component
def deploy_mar():
    return dsl.ContainerSpec(image="byeongjokim/mnist-deploy:latest", command=["python", "run.py"])


def mount(task, **claims):
    for claim, path in claims.items():
        kubernetes.mount_pvc(task, pvc_name=f"{claim.replace('_', '-')}-pvc", mount_path=path)


@dsl.pipeline(name="mnist-using-arcface", description="CT pipeline")
def mnist(baseline: float = 0.8):
    load = load_preprocess_data().set_display_name("collect & preprocess data").set_caching_options(False)
    validate = validate_data().set_display_name("validate data").set_caching_options(False).after(load)
    train = train_embedding_model().set_display_name("train model").set_caching_options(False).after(validate)
    embed = embedding_data().set_display_name("embedding").set_caching_options(False).after(train)
    faiss = train_faiss().set_display_name("train faiss").set_caching_options(False).after(embed)
    analysis = analysis_total().set_display_name("analysis").set_caching_options(False).after(faiss)
    kubernetes.use_config_map_as_env(analysis, config_map_name="mlops-manage", config_map_key_to_env={"url": "MANAGE_URL"})
    with dsl.If(analysis.outputs["accuracy"] > baseline):
        deploy = deploy_mar().set_display_name("deploy").set_caching_options(False)
    kubernetes.use_config_map_as_env(deploy, config_map_name="mlops-manage", config_map_key_to_env={"url": "MANAGE_URL"})
    for task in (load, validate):
        mount(task, data="/data")
    for task in (train, embed, faiss, analysis):
        mount(task, data="/data", train_model="/model")
    mount(deploy, train_model="/model", deploy_model="/deploy-model")


if __name__ == "__main__":
    compiler.Compiler().compile(mnist, sys.argv[1])
