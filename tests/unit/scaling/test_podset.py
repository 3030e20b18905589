"""What is known of pods that are scaled stays true as long as none of them changes."""

from __future__ import annotations

import msgspec
import pytest

from kubewright.api.core import Pod
from kubewright.api.meta import rfc3339
from kubewright.scaling.podset import NoProposalError, PodSet

BEGAN = 1_700_000_000.0


def pod(name="a", *, ready="True", phase="Running", cpu="500m"):
    main = {"name": "main", "image": "app:1", "resources": {"requests": {"cpu": cpu} if cpu else {}}}
    condition = {"type": "Ready", "status": ready, "reason": "", "message": ""}
    status = {"phase": phase, "startTime": rfc3339(BEGAN), "conditions": [condition]}
    metadata = {"name": name, "namespace": "shop"}
    return msgspec.convert({"metadata": metadata, "spec": {"containers": [main]}, "status": status}, Pod)


@pytest.mark.parametrize(
    ("pods", "seconds", "cpu", "memory"),
    [
        pytest.param([pod()], 299, False, True, id="cpu does not count while a pod starts"),
        pytest.param([pod()], 300, True, True, id="and counts from five minutes on, whatever was asked before"),
        pytest.param([pod(), pod("b", ready="False")], 9999, False, True, id="one that is not ready never warms up"),
        pytest.param([pod(), pod("b", phase="Pending")], 9999, False, False, id="one is pending"),
        pytest.param([], 0, True, True, id="nobody hinders"),
    ],
)
def test_pods_are_steady_when_every_ones_use_counts(pods, seconds, cpu, memory):
    known = PodSet(pods)
    assert not (pods and known.is_steady("cpu", BEGAN))
    assert known.is_steady("cpu", BEGAN + seconds) is cpu
    assert known.is_steady("memory", BEGAN + seconds) is memory


def test_requests_are_those_of_each_pod_and_one_without_is_told_every_time():
    assert PodSet([pod(), pod("b", cpu="1")]).requests("cpu", "") == {"a": 500, "b": 1000}
    lacking = PodSet([pod(cpu="")])
    for _ in range(2):
        with pytest.raises(NoProposalError, match="missing request for cpu in container main of Pod a"):
            lacking.requests("cpu", "")


def test_a_set_tells_of_who_is_in_it():
    known = PodSet([pod("b"), pod("a", ready="False")])
    assert (known.namespace, list(known.names), known.ready) == ("shop", ["b", "a"], 1)
