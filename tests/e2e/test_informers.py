"""client-go as controllers use it, run as it is against a twin over TLS: `tools/informers` prints what it saw."""

import json
import os
import subprocess

import pytest

from tests.e2e.test_twin_state import served
from tools.cluster import INFORMERS

PATIENCE_SECONDS = 240

pytestmark = pytest.mark.skipif(not INFORMERS.built(), reason="`make informers` builds it")


@pytest.fixture(scope="module", params=["stream", "list"])
def ran(request, tmp_path_factory):
    """Give how its informers were told to begin, and what the client saw."""
    kubeconfig = tmp_path_factory.mktemp("twin") / "kubeconfig"
    streams = request.param == "stream"
    command = [str(INFORMERS.binary("informers")), "-kubeconfig", str(kubeconfig), *([] if streams else ["-protobuf"])]
    environment = {**os.environ, "KUBE_FEATURE_WatchListClient": str(streams).lower()}
    with served(kubeconfig, "--nodes", "2"):
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    assert done.returncode == 0, done.stderr
    return request.param, json.loads(done.stdout)


def test_informers_begin_as_they_were_told(ran):
    how, seen = ran
    # ConfigMaps, the custom kind, Deployments and Pods; none fell back from a stream to a list.
    assert seen["began"] == {"stream": 0, "list": 0, how: 4}


def test_a_shared_informer_sees_every_write_in_order(ran):
    _, seen = ran
    assert seen["maps"] == [
        "initial before 0",
        "added during 1",
        "updated during 2",
        "updated during 3",
        "updated during 4",
        "deleted during 4",
        "deleted before 0",
    ]


def test_a_dynamic_informer_sees_a_custom_kind_with_its_defaults_and_status(ran):
    _, seen = ran
    assert seen["gadgets"] == [
        "initial before 5",
        "added during 1",
        "updated during 1Ready",
        "updated during 2Ready",
        "deleted during 2Ready",
        "deleted before 5",
    ]


def test_a_second_candidate_leads_once_the_first_resigned(ran):
    _, seen = ran
    assert (seen["led"], seen["holder"]) == (["first", "second"], "second")


def test_writes_are_answered_with_what_they_made(ran):
    _, seen = ran
    assert seen["applied"] == {"k": "2"}
    assert seen["images"] == {"main": "nginx:1", "side": "busybox:2"}


def test_refusals_are_recognised_by_their_sort(ran):
    _, seen = ran
    assert seen["refusals"] == [
        "stale update",
        "value out of bounds",
        "apply of another's field",
        "second creation",
        "eviction against a budget",
        "object that is gone",
        "list by nobody",
        "forged continue token",
        "name in capitals",
        "deletion of another uid",
    ]
