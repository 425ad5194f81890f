"""A chain of N containers in KFP Python: `python chain_kfp.py OUT.yaml N`."""

# mypy: ignore-errors
# ruff: noqa: D103

import sys

from kfp import compiler, dsl


@dsl.container_component
def work(index: int):
    return dsl.ContainerSpec(image="python:3.11-slim", command=["python", "work.py"], args=["--index", index])


@dsl.pipeline(name="chain")
def chain():
    previous = None
    for index in range(int(sys.argv[2])):
        task = work(index=index).set_caching_options(False)
        if previous is not None:
            task.after(previous)
        previous = task


if __name__ == "__main__":
    compiler.Compiler().compile(chain, sys.argv[1])
