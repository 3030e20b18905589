"""What pods say of their release."""

import pytest

from kubewright.workloads.rollout.podhealth import pods_ruling, ready_since
from tests.unit.workloads.rollout.making import NOW, pod

ERROR = {"exitCode": 1, "reason": "Error"}
BAD = {
    "it crashed twice": [pod(restarts=2, ended=ERROR)],
    "two crashed once each": [pod(restarts=1, ended=ERROR), pod("web-2", restarts=1, ended=ERROR)],
    "it is held back after crashes": [pod(waiting="CrashLoopBackOff", restarts=1, ended=ERROR)],
    "it ends, with success": [pod(restarts=2, ended={"exitCode": 0, "reason": "Completed"})],
    "it used more memory than its limit": [pod(restarts=1, ended={"exitCode": 137, "reason": "OOMKilled"})],
    "its image has no valid name": [pod(age=1, waiting="InvalidImageName")],
    "its image is not there for a while": [pod(age=40, waiting="ImagePullBackOff", said="x: not found")],
    "its registry is away for long": [pod(age=130, waiting="ImagePullBackOff")],
    "its Secret is not there for a while": [pod(age=40, waiting="CreateContainerConfigError")],
    "its command is not there for a while": [pod(age=40, waiting="RunContainerError")],
    "it fails its probe since it was ready": [pod(conditions={"ContainersReady": ("False", 25.0)})],
}
UNCLEAR = {
    "one restart may be an accident": [pod(restarts=1, ended=ERROR, started=20)],
    "a registry may be away": [pod(age=60, waiting="ErrImagePull")],
    "a Secret may come late": [pod(age=10, waiting="CreateContainerConfigError")],
    "a node may come that has room": [pod(age=300, conditions={"PodScheduled": ("False", 300.0)})],
    "a probe failed just now": [pod(conditions={"ContainersReady": ("False", 5.0)})],
}
FINE = {
    "one restart was an accident": [pod(restarts=1, ended=ERROR)],
    "all is well": [pod()],
    "there are none yet": [],
    "it has not been ready yet": [pod(started=90, conditions={"ContainersReady": ("False", 90.0)})],
    "its node was lost, and started it anew": [pod(restarts=3, ended={"exitCode": 255, "reason": "Unknown"})],
    "its node is silent": [pod(conditions={"Ready": ("False", 60.0)})],
}


@pytest.mark.parametrize("pods", BAD.values(), ids=BAD)
def test_the_release_is_bad(pods):
    assert pods_ruling(pods, NOW).failed


@pytest.mark.parametrize("pods", UNCLEAR.values(), ids=UNCLEAR)
def test_it_must_wait(pods):
    assert pods_ruling(pods, NOW).holds


@pytest.mark.parametrize("pods", FINE.values(), ids=FINE)
def test_nothing_speaks_against_it(pods):
    assert pods_ruling(pods, NOW).reason == ""


def test_pods_are_well_since_the_last_of_them_is_ready():
    assert ready_since([pod(), pod("web-2", conditions={"Ready": ("True", 10.0)})]) == NOW - 10
    assert ready_since([pod(), pod("web-2", conditions={"Ready": ("False", 10.0)})]) is None
    assert ready_since([]) is None
