"""A chain of N containers with hera: `python chain_hera.py OUT.yaml N`."""

# mypy: ignore-errors

import sys

from hera.workflows import DAG, Container, Parameter, Task, Workflow

with Workflow(generate_name="chain-", entrypoint="run") as workflow:
    work = Container(
        name="work",
        image="python:3.11-slim",
        command=["python", "work.py"],
        args=["--index", "{{inputs.parameters.index}}"],
        inputs=[Parameter(name="index")],
    )
    with DAG(name="run", fail_fast=False):
        for index in range(int(sys.argv[2])):
            Task(
                name=f"work-{index}",
                template=work,
                arguments={"index": str(index)},
                depends=f"work-{index - 1}.Succeeded" if index else None,
            )

if __name__ == "__main__":
    with open(sys.argv[1], "w") as out:
        out.write(workflow.to_yaml())
