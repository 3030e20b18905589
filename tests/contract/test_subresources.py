"""Scale, binding, eviction, tokens and reviews."""

import base64
import json

import pytest

from tests.contract.asking import STRATEGIC, Refusal, eventually, invalid
from tests.contract.manifests import deployment, pod, replica_set


@pytest.fixture
def pods(api, namespace):
    return api.of("pods", namespace)


async def post(collection, name, subresource, body):
    return await collection.api.ask("POST", collection.at(name, subresource), body)


@pytest.mark.parametrize(("plural", "build"), [("deployments", deployment), ("replicasets", replica_set)])
async def test_scale_is_a_view_of_the_replicas(api, namespace, plural, build):
    collection = api.of(plural, namespace)
    made = (await collection.create(build("a", 0))).ok()
    scale = (await collection.get("a", "scale")).ok()
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert {name: scale["metadata"][name] for name in ("name", "namespace", "uid")} == {
        name: made["metadata"][name] for name in ("name", "namespace", "uid")
    }
    assert (scale["spec"], scale["status"]) == ({}, {"replicas": 0, "selector": "app=a"})


async def test_scale_is_written_by_update_and_by_patch(api, namespace):
    deployments = api.of("deployments", namespace)
    (await deployments.create(deployment("a", 0, paused=True))).ok()

    async def written():
        # The controller may write its first status between our reading and our writing.
        scale = (await deployments.get("a", "scale")).ok()
        answer = await deployments.update({**scale, "spec": {"replicas": 2}}, "scale")
        return None if answer.status == 409 else (scale, answer.ok())

    scale, updated = await eventually(written)
    assert updated["spec"] == {"replicas": 2}
    assert (await deployments.get("a")).ok()["spec"]["replicas"] == 2
    patched = (await deployments.patch("a", STRATEGIC, {"spec": {"replicas": 1}}, "scale")).ok()
    assert patched["spec"] == {"replicas": 1}
    stale = (await deployments.update({**scale, "spec": {"replicas": 5}}, "scale")).refused
    assert (stale.code, stale.reason) == (409, "Conflict")
    assert (await deployments.get("a")).ok()["spec"]["replicas"] == 1


async def test_a_negative_scale_is_refused(api, namespace):
    deployments = api.of("deployments", namespace)
    (await deployments.create(deployment("a", 0))).ok()
    refused = (await deployments.merge("a", {"spec": {"replicas": -1}}, "scale")).refused
    line = "spec.replicas: Invalid value: -1: must be greater than or equal to 0"
    assert refused == invalid('Scale.autoscaling "a"', line)


def binding(name, node, kind="Node"):
    return {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": {"kind": kind, "name": node}}


async def test_a_binding_puts_a_pod_on_its_node(pods):
    (await pods.create(pod("a", schedulerName="nobody"))).ok()
    answer = await post(pods, "a", "binding", binding("a", "nowhere"))
    assert answer.status == 201
    assert (answer.ok()["kind"], answer.ok()["status"]) == ("Status", "Success")
    bound = (await pods.get("a")).ok()
    assert bound["spec"]["nodeName"] == "nowhere"
    scheduled = next(each for each in bound["status"]["conditions"] if each["type"] == "PodScheduled")
    assert scheduled["status"] == "True"
    again = (await post(pods, "a", "binding", binding("a", "elsewhere"))).refused
    message = 'Operation cannot be fulfilled on pods/binding "a": pod a is already assigned to node "nowhere"'
    assert again == Refusal(409, "Conflict", message)
    (await pods.delete("a", {"gracePeriodSeconds": 0})).ok()


async def test_a_pod_takes_on_the_topology_of_its_node(api, pods):
    node = (await api.of("nodes").list()).ok()["items"][0]["metadata"]
    places = {name: value for name, value in node["labels"].items() if name.startswith("topology.kubernetes.io/")}
    assert len(places) == 2
    bound = {**binding("a", node["name"]), "metadata": {"name": "a", "labels": {"more": "yes"}}}
    (await pods.create(pod("a", schedulerName="nobody"))).ok()
    assert (await post(pods, "a", "binding", bound)).status == 201
    assert (await pods.get("a")).ok()["metadata"]["labels"] == {"more": "yes", **places}
    placed = (await pods.create(pod("b", nodeName=node["name"]))).ok()
    assert placed["metadata"]["labels"] == places
    for name in "ab":
        (await pods.delete(name, {"gracePeriodSeconds": 0})).ok()


async def test_a_gated_pod_is_not_bound(pods):
    (await pods.create(pod("a", schedulingGates=[{"name": "example.com/gate"}]))).ok()
    refused = (await post(pods, "a", "binding", binding("a", "nowhere"))).refused
    message = 'Operation cannot be fulfilled on pods/binding "a": pod a has non-empty .spec.schedulingGates'
    assert refused == Refusal(409, "Conflict", message)


async def test_a_binding_of_an_absent_pod_is_not_found(pods):
    refused = (await post(pods, "absent", "binding", binding("absent", "n"))).refused
    assert refused == Refusal(404, "NotFound", 'pods "absent" not found')


async def test_gates_may_be_removed_but_not_added(pods):
    (await pods.create(pod("a", schedulerName="nobody", schedulingGates=[{"name": "example.com/gate"}]))).ok()
    (await pods.merge("a", {"spec": {"schedulingGates": None}})).ok()
    refused = (await pods.merge("a", {"spec": {"schedulingGates": [{"name": "example.com/late"}]}})).refused
    assert refused.reason == "Invalid"


def eviction(name, **options):
    return {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}, **options}


async def test_an_eviction_deletes_the_pod(pods):
    (await pods.create(pod("a", nodeName="nowhere"))).ok()
    answer = await post(pods, "a", "eviction", eviction("a", deleteOptions={"gracePeriodSeconds": 0}))
    assert (answer.status, answer.document["status"]) == (201, "Success")
    assert (await pods.get("a")).status == 404


async def test_an_eviction_of_an_absent_pod_is_not_found(pods):
    refused = (await post(pods, "absent", "eviction", eviction("absent"))).refused
    assert refused == Refusal(404, "NotFound", 'pods "absent" not found')


async def test_a_dry_eviction_evicts_nobody(pods):
    (await pods.create(pod("a", nodeName="nowhere"))).ok()
    (await post(pods, "a", "eviction", eviction("a", deleteOptions={"dryRun": ["All"]}))).ok()
    assert "deletionTimestamp" not in (await pods.get("a")).ok()["metadata"]


def token_request(**spec):
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}


async def test_an_account_gets_a_token_that_the_server_knows(api, namespace):
    accounts = api.of("serviceaccounts", namespace)
    answer = await post(accounts, "default", "token", token_request(expirationSeconds=3600))
    assert answer.status == 201
    token = answer.ok()["status"]["token"]
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["sub"] == f"system:serviceaccount:{namespace}:default"
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    status = (await api.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)).ok()["status"]
    assert status["authenticated"] is True
    assert status["user"]["username"] == f"system:serviceaccount:{namespace}:default"
    assert status["user"]["groups"] == [
        "system:serviceaccounts",
        f"system:serviceaccounts:{namespace}",
        "system:authenticated",
    ]


async def test_a_token_for_nobody_is_not_found(api, namespace):
    refused = (await post(api.of("serviceaccounts", namespace), "absent", "token", token_request())).refused
    assert refused == Refusal(404, "NotFound", 'serviceaccounts "absent" not found')


async def test_a_token_lives_ten_minutes_at_least(api, namespace):
    accounts = api.of("serviceaccounts", namespace)
    refused = (await post(accounts, "default", "token", token_request(expirationSeconds=5))).refused
    line = "spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes"
    assert refused == invalid('TokenRequest.authentication.k8s.io ""', line)


async def test_a_token_that_is_none_is_nobodys(api):
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "wrong"}}
    status = (await api.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)).ok()["status"]
    assert status.get("authenticated", False) is False


async def test_one_may_ask_what_one_may(api):
    spec = {"resourceAttributes": {"verb": "get", "resource": "pods"}}
    document = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
    answer = await api.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", document)
    assert answer.status == 201
    assert answer.ok()["status"]["allowed"] is True


async def test_one_may_ask_who_one_is(api):
    document = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = await api.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", document)
    user = answer.ok()["status"]["userInfo"]
    assert user["username"]
    assert "system:authenticated" in user["groups"]
