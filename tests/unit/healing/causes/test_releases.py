"""Causes that a deploy brought, and what looks like one and is none."""

from dataclasses import replace

import pytest

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.plan import Patch
from kubewright.healing.catalogue import CAUSES
from kubewright.healing.remedies.releases import BAD_REVISIONS, leave_to_keeper, rollback
from kubewright.signals.signal import Fault
from tests.unit.healing.causes.world import NOW, about, about_pod, case, fleet, found, pod, release

TWO = (release(1, "web:1", age=9000.0), release(2, "web:2"), pod("old", 1))


def deployed(*signals, **options):
    return case(signals, fleet(**options), *TWO, pod("new", 2, ready=False))


@pytest.mark.parametrize(
    ("fault", "evidence", "cause"),
    [
        (Fault.CRASH_LOOP, "container main ends soon after each start: exit code 1", "BadRelease"),
        (Fault.CANNOT_START, 'configmap "nowhere" not found', "ConfigMapMissing"),
        (Fault.CANNOT_START, 'secret "nowhere" not found', "SecretMissing"),
        (Fault.CANNOT_START, "exec: /bin/serve: no such file or directory", "WrongCommand"),
        (Fault.IMAGE_NOT_PULLED, "web:2: not found", "ImageNotFound"),
        (Fault.IMAGE_NOT_PULLED, "unauthorized: authentication required", "ImagePullUnauthorized"),
        (Fault.IMAGE_NOT_PULLED, "net/http: Client.Timeout exceeded", "RegistryUnreachable"),
        (Fault.NO_NODE, "0/9 nodes are available: 9 Insufficient cpu.", "RequestsTooLarge"),
        (Fault.NO_NODE, "9 node(s) didn't match Pod's node affinity/selector.", "SelectsNoNode"),
        (Fault.OUT_OF_MEMORY, "container main reached its memory limit and was killed", "ReleaseOutOfMemory"),
        (Fault.REQUESTS_FAIL, "50% of its requests fail", "BadRelease"),
    ],
)
def test_what_only_the_newest_release_has_is_told_by_what_is_said(fault, evidence, cause):
    one = found(CAUSES, deployed(about_pod(fault, "new", evidence)))
    assert one.cause == cause
    assert one.explains == {f"{fault}/new"}
    assert evidence in one.evidence


@pytest.mark.parametrize("message", ["exceeded quota: few, requested: pods=1", 'failed calling webhook "a.b"'])
def test_pods_that_may_not_be_made_are_told_by_the_refusal(message):
    one = found(CAUSES, deployed(about(DEPLOYMENTS, Fault.PODS_REFUSED, message)))
    assert one.cause == ("QuotaExceeded" if "quota" in message else "WebhookOutage")


def test_a_release_is_not_blamed_for_what_the_one_before_has_too():
    ill = [about_pod(Fault.CRASH_LOOP, "new"), about_pod(Fault.CRASH_LOOP, "old")]
    assert found(CAUSES, deployed(*ill)).cause == "CrashLoop"


def test_a_release_that_has_proved_itself_is_not_blamed():
    old = (release(1, "web:1", age=90_000.0), release(2, "web:2", age=80_000.0))
    given = case([about_pod(Fault.CRASH_LOOP, "a")], fleet(updated=2), *old, pod("a", 2), pod("b", 2), pod("c", 2))
    assert found(CAUSES, given).cause == "PodCrashing"


@pytest.mark.parametrize(("seconds", "cause"), [(60.0, None), (90.0, "BadRelease")])
def test_a_slow_start_is_a_bad_release_only_once_it_takes_longer_than_a_good_one_may(seconds, cause):
    signal = replace(about_pod(Fault.SLOW_START, "new"), since=NOW - seconds)
    one = found(CAUSES, deployed(signal))
    assert (one and one.cause) == cause


def test_a_slow_start_is_nothing_where_the_release_before_was_slow_as_well():
    slow = pod("old", 1, ready=False)
    signal = replace(about_pod(Fault.SLOW_START, "new"), since=NOW - 100)
    given = case([signal], fleet(), *TWO[:2], slow, pod("new", 2, ready=False))
    assert found(CAUSES, given) is None


@pytest.mark.parametrize("fault", [Fault.NOT_READY, Fault.SLOW_START])
def test_a_probe_of_a_port_that_nobody_names_is_wrong(fault):
    probe = {"httpGet": {"path": "/", "port": 9090}}
    container = {"name": "main", "ports": [{"containerPort": 8080}], "readinessProbe": probe}
    signals, new = [about_pod(fault, "new")], pod("new", 2, ready=False, container=container)
    assert found(CAUSES, case(signals, fleet(), *TWO, new)).cause == "WrongProbe"
    likewise = pod("old", 1, container=container)
    one = found(CAUSES, case(signals, fleet(), *TWO[:2], likewise, new))
    assert one is None or one.cause == "BadRelease"


def test_going_back_puts_the_whole_template_of_the_release_before_once():
    given = deployed(about_pod(Fault.CRASH_LOOP, "new"))
    one = found(CAUSES, given)
    (patch,) = rollback(one, given.seen, NOW).actions
    assert isinstance(patch, Patch)
    value = patch.operations[-1]["value"]
    assert value["spec"]["containers"][0]["image"] == "web:1"
    assert "pod-template-hash" not in value["metadata"]["labels"]
    back = deployed(about_pod(Fault.CRASH_LOOP, "new"), image="web:1")
    assert rollback(one, back.seen, NOW).actions == ()


def test_of_two_bad_releases_in_a_row_one_is_not_taken_back_to_the_other():
    releases = (release(1, "web:1", age=9000.0), release(2, "web:2", age=900.0), release(3, "web:3"))
    ill = about_pod(Fault.CRASH_LOOP, "new")
    second = fleet("web:3", annotations={BAD_REVISIONS: "2"})
    given = case([ill], second, *releases, pod("old", 1), pod("new", 3, ready=False))
    (patch,) = rollback(found(CAUSES, given), given.seen, NOW).actions
    assert patch.says == "roll back to revision 1"
    assert [each["value"] for each in patch.operations if "annotations" in each["path"]] == ["2,3"]
    none_left = fleet("web:3", annotations={BAD_REVISIONS: "1,2"})
    given = case([ill], none_left, *releases, pod("old", 1), pod("new", 3, ready=False))
    assert rollback(found(CAUSES, given), given.seen, NOW) is None


def test_what_somebody_keeps_is_left_to_them():
    owner = {"ownerReferences": [{"kind": "AppService", "name": "web", "uid": "u", "controller": True}]}
    kept = deployed(about_pod(Fault.CRASH_LOOP, "new"), **owner)
    one = found(CAUSES, kept)
    assert rollback(one, kept.seen, NOW) is None
    assert leave_to_keeper(one, kept.seen, NOW).actions == ()
    tracked = deployed(about_pod(Fault.CRASH_LOOP, "new"), labels={"argocd.argoproj.io/instance": "shop"})
    assert rollback(one, tracked.seen, NOW) is None
