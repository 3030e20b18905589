"""What the doctor says of a cluster, and of one that is served by the twin."""

import json
from copy import deepcopy

import pytest

from kubewright.api.apiextensions import CRDS
from kubewright.api.crds import all_crds
from kubewright.api.meta import Resource
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.clock import Clock, run_virtual
from kubewright.overview.decide import Level
from kubewright.overview.doctor import RIGHTS, examined
from kubewright.overview.evidence import Evidence, Right, gather
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer

DEFINITIONS = all_crds()
MADE = [dict(each, status={"storedVersions": [each["spec"]["versions"][0]["name"]]}) for each in DEFINITIONS]
GOOD = {"version": {"major": "1", "minor": "37+", "gitVersion": "v1.37.2"}, "metrics": {}, "fairness": {}}


def check(name, *, refused=None, denied=(), deaf=None, **told):
    evidence = Evidence({**GOOD, **told}, refused or {}, denied, deaf or {})
    return next(each for each in examined(evidence, DEFINITIONS) if each.name == name)


def version(minor):
    return {"major": "1", "minor": minor, "gitVersion": f"v1.{minor}.0"}


@pytest.mark.parametrize(
    ("minor", "level"),
    [("31", Level.BAD), ("32", Level.GOOD), ("37+", Level.GOOD), ("38", Level.ATTENTION), ("", Level.BAD)],
)
def test_versions_have_bounds(minor, level):
    assert check("version", version=version(minor)).level is level


def test_what_one_may_not_do_is_named():
    found = check("permissions", denied=[Right("escalate", "rbac.authorization.k8s.io", "clusterroles")])
    assert found.level is Level.BAD
    assert "escalate clusterroles.rbac.authorization.k8s.io" in found.said


@pytest.mark.parametrize(
    ("live", "level", "said"),
    [
        pytest.param([], Level.GOOD, "none yet", id="a cluster that knows nothing of it"),
        pytest.param(MADE, Level.GOOD, f"{len(MADE)} of {len(MADE)} there", id="as they are here"),
        pytest.param(MADE[:2], Level.ATTENTION, "half installed", id="half installed"),
        pytest.param(
            [dict(MADE[0], spec={**MADE[0]["spec"], "scope": "Other"}), *MADE[1:]],
            Level.ATTENTION,
            "other than these",
            id="of another release",
        ),
        pytest.param(
            [dict(MADE[0], status={"storedVersions": ["v9"]}), *MADE[1:]],
            Level.BAD,
            "(v9)",
            id="a newer release keeps objects there",
        ),
    ],
)
def test_definitions_are_compared(live, level, said):
    found = check("definitions", definitions={"items": deepcopy(live)})
    assert found.level is level
    assert said in found.said


def test_a_webhook_that_nobody_answers_is_in_the_way():
    found = check("webhooks", deaf={"a/b": "there is no Service x/y"}, validating={"items": [{"webhooks": [{}]}]})
    assert (found.level, found.said) == (Level.BAD, "1 of 1 cannot answer: a/b: there is no Service x/y")


def test_gpus_that_nobody_offers_are_named():
    bare = {"metadata": {"name": "n1", "labels": {"nvidia.com/gpu.present": "true"}}, "status": {}}
    assert check("gpus", nodes={"items": [bare]}).level is Level.ATTENTION
    offered = {**bare, "status": {"allocatable": {"nvidia.com/gpu": "8"}}}
    assert check("gpus", nodes={"items": [offered]}).said == "8 on 1 nodes"
    assert check("gpus", nodes={"items": []}).level is Level.OFF


def test_a_namespace_that_keeps_agents_out_is_told_of():
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    assert check("security", namespace={"metadata": {"labels": labels}}).level is Level.ATTENTION
    assert check("security", namespace={"metadata": {}}).level is Level.GOOD


def test_what_may_not_be_seen_is_not_taken_for_good():
    assert check("gpus", refused={"nodes": "because"}).level is Level.UNKNOWN


def test_a_cluster_is_asked_as_it_is():
    async def ask():
        client = RestClient(InProcessTransport(ApiServer(Clock.virtual(), KindTable.builtin())))
        hook = {
            "name": "a.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "clientConfig": {"service": {"namespace": "gone", "name": "hook"}},
            "rules": [{"apiGroups": ["x"], "apiVersions": ["v1"], "resources": ["ys"], "operations": ["CREATE"]}],
        }
        kind = "ValidatingWebhookConfiguration"
        group = "admissionregistration.k8s.io"
        hooks = Resource(group, "v1", f"{kind.lower()}s", kind, CRDS.type, namespaced=False)
        await client.raw(
            "POST",
            f"/apis/{group}/v1/{hooks.plural}",
            body={"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": "a"}, "webhooks": [hook]},
        )
        return examined(await gather(client, RIGHTS), DEFINITIONS)

    found = {each.name: each for each in run_virtual(ask())}
    assert found["version"].level is Level.GOOD
    assert found["permissions"].level is Level.GOOD
    assert "there is no Service gone/hook" in found["webhooks"].said
    assert found["fairness"].level is Level.ATTENTION, json.dumps({k: v.said for k, v in found.items()})
