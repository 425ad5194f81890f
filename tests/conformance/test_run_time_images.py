"""An image with parameters in it: what the engines put into the pod."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.engines import CONTROLLERS, KFP, EngineError, engine
from tests.conformance.playing import compiled


def played(name: str, spec: dict[str, Any], **parameters: str) -> Any:
    """What an engine makes of a project whose steps all end well."""
    spec = {"mlc": "v1", "name": "images", **spec}
    outcomes = {step: [{"exit": 0}] for step in spec["steps"]}
    return engine(name).ask("play", manifest=compiled(spec, name.partition("-")[0]), parameters=parameters, outcomes=outcomes)


@pytest.mark.parametrize("name", CONTROLLERS)
def test_argo_asks_for_the_image_of_the_run(name: str) -> None:
    """The controller looks up what the whole image runs, its text and its parameters together; another text ends the step before."""
    spec = {"params": {"tag": "1.0", "build": 7}, "steps": {"a": {"image": "acme/a:${{ params.tag }}-${{ params.build }}"}}}
    given = played(name, spec, tag="2.0-rc1", build="12")
    assert given["phase"] == "Succeeded"
    assert given["steps"]["a"]["command"] == ["entrypoint-of", "acme/a:2.0-rc1-12"]
    assert played(name, spec)["steps"]["a"]["command"] == ["entrypoint-of", "acme/a:1.0-7"]
    for odd in ("", "1 0", "{{workflow.name}}", "{{=1+1}}", "$(HOME)", "1.0\n", '"', "'"):
        answer = played(name, spec, tag=odd)
        if name == "argo-3.6":  # leaves an expression that errs where it stands: no image either, and the cluster refuses the pod
            assert answer["steps"]["a"]["command"][1].startswith("{{= 'acme/a:' + "), odd
        else:
            assert (answer["phase"], answer["steps"]["a"]["attempts"]) == ("Error", 0), odd


@pytest.mark.parametrize("name", KFP)
def test_kfp_takes_the_image_of_the_run(name: str) -> None:
    """The driver puts the parameter in the place of the image, in steps, in `finally` and where only thresholds are looked at."""
    image = {"image": "${{ params.image }}", "command": ["work"]}
    spec = {"params": {"image": "acme/a:1.0"}, "steps": {"a": image, "b": {**image, "needs": "a"}}, "finally": {"c": image}}
    assert played(name, spec, image="acme/a:2.0")["phase"] == "Succeeded"
    with pytest.raises(EngineError, match="Kubernetes would refuse the pod: container main: the image has no name, or spaces around it"):
        played(name, spec, image=" acme/a:2.0")
