"""Logs of pods: the options that are refused, and which container is meant."""

import pytest

from tests.contract.asking import invalid
from tests.contract.manifests import pod


@pytest.fixture
def pods(api, namespace):
    return api.of("pods", namespace)


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ({"tailLines": -1}, ["tailLines: Invalid value: -1: must be greater than or equal to 0"]),
        ({"limitBytes": 0}, ["limitBytes: Invalid value: 0: must be greater than 0"]),
        ({"sinceSeconds": 0}, ["sinceSeconds: Invalid value: 0: must be greater than 0"]),
        (
            {"tailLines": -1, "limitBytes": -5},
            [
                "tailLines: Invalid value: -1: must be greater than or equal to 0",
                "limitBytes: Invalid value: -5: must be greater than 0",
            ],
        ),
    ],
)
async def test_options_that_make_no_sense_are_refused_before_the_pod_is_looked_for(pods, query, lines):
    refused = (await pods.get("nobody", "log", **query)).refused
    assert refused == invalid('PodLogOptions "nobody"', *lines)


async def test_a_number_must_be_one(pods):
    refused = (await pods.get("nobody", "log", tailLines="many")).refused
    assert (refused.code, refused.reason) == (400, "BadRequest")


async def test_the_pod_must_be_there(pods):
    refused = (await pods.get("nobody", "log")).refused
    assert (refused.code, refused.message) == (404, 'pods "nobody" not found')


async def test_a_container_of_several_must_be_named(pods):
    init, one, two = ({"name": name, "image": "nginx:1"} for name in ("init", "one", "two"))
    (await pods.create(pod("a", containers=[one, two], initContainers=[init], schedulerName="nobody"))).ok()
    refused = (await pods.get("a", "log")).refused
    assert refused.message == "a container name must be specified for pod a, choose one of: [init one two]"
    refused = (await pods.get("a", "log", container="three")).refused
    assert (refused.code, refused.message) == (400, "container three is not valid for pod a")
