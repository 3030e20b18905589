"""What a container needs before it runs, and what is said when it is not there."""

import itertools

import pytest

from kubewright.twin.kubelet.behaviour import Acts
from kubewright.twin.kubelet.images import NodeImages, is_name, size_of, with_tag
from kubewright.twin.kubelet.turn import Missing
from tests.unit.twin.controllers.build import NOW
from tests.unit.twin.kubelet.play import Play, container


def test_an_image_that_is_not_there_is_pulled_first():
    play = Play(images=()).until(2.5)
    assert (play.state(), play.phase, play.status["podIP"]) == ("ContainerCreating", "Pending", "10.0.0.9")
    assert play.condition("PodReadyToStartContainers")[0] == "True"
    play.until(3)
    assert play.state() == "running"
    assert play.told[:2] == [
        (1, "Pulling", 'Pulling image "web:1"'),
        (
            3,
            "Pulled",
            'Successfully pulled image "web:1" in 2s (2s including waiting). Image size: 1000 bytes.',
        ),
    ]
    assert play.of("main")["imageID"] == "twin://web:1"


def test_an_image_that_is_always_to_be_pulled_is_pulled_quickly_when_it_is_there():
    play = Play(containers=[container(imagePullPolicy="Always")]).until(2)
    assert play.state() == "running"
    assert play.reasons("Pulling", "Pulled") == ["Pulling", "Pulled"]


def test_an_image_that_cannot_be_pulled_is_tried_later_each_time():
    play = Play(images=(), acts={"main": Acts(pull_error="not found")})
    play.until(1)
    assert play.state() == "ErrImagePull"
    play.until(2)
    text = 'Back-off pulling image "web:1": ErrImagePull: not found'
    assert play.of("main")["state"] == {"waiting": {"reason": "ImagePullBackOff", "message": text}}
    assert play.told == [
        (1, "Pulling", 'Pulling image "web:1"'),
        (1, "Failed", 'Failed to pull image "web:1": not found'),
        (1, "Failed", "Error: ErrImagePull"),
        (2, "BackOff", 'Back-off pulling image "web:1"'),
        (2, "Failed", "Error: ImagePullBackOff"),
    ]
    play.until(1200)
    tries = [at for at, reason, _ in play.told if reason == "Pulling"]
    assert [after - before for before, after in itertools.pairwise(tries)] == [10, 20, 40, 80, 160, 300, 300]
    play.acts = {}
    assert play.until(1600).state() == "running"


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        pytest.param(
            container(image="web:2", imagePullPolicy="Never"),
            "ErrImageNeverPull",
            'Container image "web:2" is not present with pull policy of Never',
            id="an image that may not be pulled",
        ),
        pytest.param(
            container(image="Web:1"),
            "InvalidImageName",
            'Failed to apply default image tag "Web:1": couldn\'t parse image name "Web:1": invalid reference format',
            id="no image's name",
        ),
    ],
)
def test_an_image_that_cannot_be_had_is_said_so(spec, reason, message):
    play = Play(containers=[spec]).until(1)
    assert play.of("main")["state"] == {"waiting": {"reason": reason, "message": message}}
    assert f"Error: {reason}" in play.messages("Failed")
    assert (play.phase, play.life.due_at) == ("Pending", NOW + 13)


def test_configuration_that_is_missing_keeps_its_container_from_being_made():
    play = Play(containers=[container("a"), container("b")], missing=Missing(variables={"a": 'secret "x" not found'}))
    play.until(1)
    waiting = {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}
    assert play.of("a")["state"] == {"waiting": waiting}
    assert (play.state("b"), play.phase) == ("running", "Pending")
    assert play.messages("Failed") == ['Error: secret "x" not found']
    play.missing = Missing()
    assert play.until(13).state("a") == "running"


def test_a_volume_that_is_missing_keeps_the_pod_from_being_set_up():
    text = 'MountVolume.SetUp failed for volume "v" : configmap "x" not found'
    play = Play(missing=Missing(volumes=(text,))).until(10)
    assert (play.state(), "podIP" in play.status) == ("ContainerCreating", False)
    assert [at for at, reason, _ in play.told if reason == "FailedMount"] == [1, 1.5, 2.5, 4.5, 8.5]
    play.missing = Missing()
    assert play.until(17).state() == "running"


def test_a_container_that_cannot_be_started_backs_off():
    play = Play(acts={"main": Acts(start_error="exec: no such file")}).until(1)
    waiting = {"reason": "RunContainerError", "message": "exec: no such file"}
    assert play.of("main")["state"] == {"waiting": waiting}
    assert play.of("main")["lastState"]["terminated"]["exitCode"] == 128
    play.until(3)
    assert play.state() == "CrashLoopBackOff"
    assert play.of("main")["restartCount"] == 1


def test_images_are_pulled_one_after_the_other():
    images = NodeImages(10**12)
    first, second = images.pull("a", 3, NOW), images.pull("b", 2, NOW + 1)
    assert (first.ends_at, second.began_at, second.ends_at) == (NOW + 3, NOW + 3, NOW + 5)
    assert images.pull("a", 3, NOW + 2) == first


def test_a_full_disk_loses_the_images_that_were_unused_longest():
    images = NodeImages(1000)
    for number, name in enumerate(("old", "kept", "new")):
        images.add(name, 250, NOW + number, {"kept"})
    images.touch("old", NOW + 5)
    images.add("last", 200, NOW + 9, {"kept"})
    assert [name for name in ("old", "kept", "new", "last") if name in images] == ["old", "kept", "last"]
    assert images.used_bytes == 700


def test_sizes_and_names_of_images():
    assert size_of("web:1") == size_of("web:1") != size_of("web:2")
    assert all(15e6 <= size_of(f"web:{number}") <= 600e6 for number in range(50))
    assert with_tag("registry:5000/web") == "registry:5000/web:latest"
    good = ("web", "example.com/a/b_c:v1.2", f"a@sha256:{'0' * 64}", "registry:5000/web:1")
    assert all(is_name(each) for each in good)
    assert not any(is_name(each) for each in ("", "Web", "web:", "a//b", "web:1 ", "-a"))
