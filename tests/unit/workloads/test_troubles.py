import msgspec
import pytest

from kubewright.api.core import Event
from kubewright.workloads.troubles import AppPod, of_creation, of_pod, worst

WAITING = {"name": "app", "image": "shop:1", "ready": False}


def pod(**status):
    metadata = {"name": "web-1", "namespace": "shop", "uid": "u"}
    return msgspec.convert({"metadata": metadata, "status": {"phase": "Pending", **status}}, AppPod)


def waiting(reason, message="", **more):
    return pod(containerStatuses=[WAITING | {"state": {"waiting": {"reason": reason, "message": message}}} | more])


def mount(message, uid="u"):
    return msgspec.convert({"involvedObject": {"kind": "Pod", "uid": uid}, "message": message}, Event)


PULL = 'Back-off pulling image "shop:1": ErrImagePull: not found'
CONFIG = "CreateContainerConfigError"
CRASHED = {"restartCount": 3, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}


@pytest.mark.parametrize(
    ("seen", "reason", "message", "stalled"),
    [
        pytest.param(
            waiting("ImagePullBackOff", PULL),
            "ImageNotPulled",
            "the image shop:1 cannot be pulled: not found",
            True,
            id="an image that is not there",
        ),
        pytest.param(
            waiting(CONFIG, 'secret "keys" not found'),
            "SecretMissing",
            "Secret keys is not there: its pods wait for it",
            True,
            id="a variable's Secret",
        ),
        pytest.param(
            waiting("CrashLoopBackOff", "back-off 40s", **CRASHED),
            "CrashLoop",
            "the container app crashes: OOMKilled, exit code 137",
            True,
            id="a crash loop",
        ),
        pytest.param(
            pod(phase="Running", containerStatuses=[WAITING | {"state": {"running": {}}} | CRASHED]),
            "CrashLoop",
            "the container app crashes: OOMKilled, exit code 137",
            True,
            id="a crash loop between two crashes",
        ),
        pytest.param(
            pod(conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3"}]),
            "Unschedulable",
            "no node for its pods: 0/3",
            False,
            id="no node",
        ),
        pytest.param(
            pod(phase="Failed", reason="Evicted", message="low on memory"),
            "Evicted",
            "a pod failed: low on memory",
            False,
            id="a pod that failed",
        ),
    ],
)
def test_a_pods_trouble(seen, reason, message, stalled):
    trouble = of_pod(seen)
    assert (trouble.reason, trouble.message, trouble.stalled) == (reason, message, stalled)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(waiting("ContainerCreating"), id="it is being made"),
        pytest.param(pod(phase="Succeeded"), id="it has succeeded"),
        pytest.param(pod(containerStatuses=[WAITING | {"ready": True} | CRASHED]), id="it has recovered"),
    ],
)
def test_no_trouble(seen):
    assert of_pod(seen) is None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param(
            'MountVolume.SetUp failed for volume "c" : configmap "a" not found', "ConfigMapMissing", id="gone"
        ),
        pytest.param('MountVolume.SetUp failed for volume "c" : timed out', "VolumeNotMounted", id="late"),
    ],
)
def test_what_cannot_be_mounted_is_told_by_events_of_this_very_pod(said, reason):
    creating = waiting("ContainerCreating")
    assert of_pod(creating, [mount(said)]).reason == reason
    assert of_pod(creating, [mount(said, "an older namesake")]) is None
    assert of_pod(pod(phase="Running", containerStatuses=[WAITING]), [mount(said)]) is None


def test_pods_that_may_not_be_made():
    quota = 'Error creating: pods "web-1" is forbidden: exceeded quota: team, requested: cpu=1'
    assert of_creation(quota).reason == "QuotaExceeded"
    assert of_creation(quota).message == "no pods may be made: exceeded quota: team, requested: cpu=1"
    one = 'create Pod web-0 in StatefulSet web failed error: pods "web-0" is forbidden: exceeded quota: team'
    assert of_creation(one).message == "no pods may be made: exceeded quota: team"
    assert of_creation('pods "a" is forbidden: violates PodSecurity').reason == "PodsRefused"


def test_of_several_the_one_that_explains_most_is_told():
    unschedulable, refused = of_pod(waiting("InvalidImageName", "bad")), of_creation("no")
    assert worst([unschedulable, refused]) == refused
    assert worst([]) is None
