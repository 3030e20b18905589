"""What a pod requests, case by case as `component-helpers/resource` has it."""

from __future__ import annotations

import msgspec
import pytest

from kubewright.api.core import Pod
from kubewright.api.resources import pod_request


def requests(cpu, memory=None):
    return {"requests": {"cpu": cpu} | ({"memory": memory} if memory else {})}


def container(cpu, memory=None, *, name="c", sidecar=False):
    return {"name": name, "resources": requests(cpu, memory)} | ({"restartPolicy": "Always"} if sidecar else {})


def cpu_of(spec, status=None):
    return pod_request(msgspec.convert({"spec": spec, "status": status or {}}, Pod))["cpu"]


@pytest.mark.parametrize(
    ("spec", "cpu_milli"),
    [
        pytest.param({"containers": [container("100m"), container("1")]}, 1100, id="containers add up"),
        pytest.param(
            {"containers": [container("1")], "initContainers": [container("3"), container("2")]},
            3000,
            id="the largest init container, if larger",
        ),
        pytest.param(
            {"containers": [container("2")], "initContainers": [container("1", sidecar=True)]},
            3000,
            id="a sidecar runs beside the containers",
        ),
        pytest.param(
            {"containers": [container("1")], "initContainers": [container("1", sidecar=True), container("3")]},
            4000,
            id="an init container runs beside the sidecars before it",
        ),
        pytest.param(
            {"containers": [container("1")], "initContainers": [container("3"), container("1", sidecar=True)]},
            3000,
            id="but not beside those after it",
        ),
        pytest.param({"containers": [container("1")], "overhead": {"cpu": "250m"}}, 1250, id="overhead comes on top"),
        pytest.param(
            {"containers": [container("1")], "resources": requests("3"), "overhead": {"cpu": "1"}},
            4000,
            id="the pod's own request replaces the sum, and overhead comes on top",
        ),
        pytest.param(
            {"containers": [container("4")], "resources": requests("3")}, 3000, id="even where the sum is larger"
        ),
    ],
)
def test_cpu(spec, cpu_milli):
    assert cpu_of(spec) == cpu_milli


def test_units_and_the_pod_itself():
    spec = {"containers": [{"resources": {"requests": {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "2"}}}]}
    pod = msgspec.convert({"spec": spec}, Pod)
    assert pod_request(pod) == {"cpu": 1000, "memory": 2**30, "nvidia.com/gpu": 2, "pods": 1}


def test_pod_level_requests_leave_devices_alone():
    spec = {
        "containers": [{"resources": {"requests": {"cpu": "1", "nvidia.com/gpu": "2"}}}],
        "resources": {"requests": {"memory": "1Gi", "nvidia.com/gpu": "5"}},
    }
    assert pod_request(msgspec.convert({"spec": spec}, Pod)) == {
        "cpu": 1000,
        "memory": 2**30,
        "nvidia.com/gpu": 2,
        "pods": 1,
    }


def test_a_pod_that_requests_nothing_takes_its_place():
    assert pod_request(Pod()) == {"pods": 1}


@pytest.mark.parametrize(
    ("wanted", "allocated", "actual", "infeasible", "cpu_milli"),
    [
        pytest.param("1", "2", "2", False, 2000, id="shrinking: the node still gives what it gave"),
        pytest.param("3", "2", "2", False, 3000, id="growing: what is wanted counts already"),
        pytest.param("9", "2", "1", True, 2000, id="a resize that can never be counts for nothing"),
    ],
)
def test_during_a_resize(wanted, allocated, actual, infeasible, cpu_milli):
    status = {
        "containerStatuses": [{"name": "c", "allocatedResources": {"cpu": allocated}, "resources": requests(actual)}],
        "conditions": [{"type": "PodResizePending", "status": "True", "reason": "Infeasible"}] if infeasible else [],
    }
    assert cpu_of({"containers": [container(wanted)]}, status) == cpu_milli
