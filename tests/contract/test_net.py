"""`kubewright net can-reach` on live clusters: real objects, as their servers return them."""

import asyncio
import json
import subprocess
import sys

import pytest
import yaml

from tests.contract.asking import eventually
from tests.contract.manifests import deployment

DENY = {"podSelector": {}, "policyTypes": ["Ingress"]}
POLICIES = "/apis/networking.k8s.io/v1"


@pytest.fixture
def net(cluster, namespace):
    def ask(*arguments, code):
        command = [sys.executable, "-m", "kubewright", "net", *arguments, "-n", namespace]
        command += ["--kubeconfig", str(cluster.kubeconfig)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stderr if code == 3 else done.stdout

    async def net(*arguments, code=0):
        return await asyncio.to_thread(ask, *arguments, code=code)

    return net


@pytest.fixture
async def shop(api, namespace, run, web):
    """A service in front of two pods, and a Deployment that calls it."""
    service = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}
    (await api.of("services", namespace).create(service)).ok()
    run("create", "-f", "-", stdin=deployment("caller", 1))
    run("rollout", "status", "deployment/caller", "--timeout=180s")
    slices = api.of("endpointslices", namespace, root="/apis/discovery.k8s.io/v1")

    async def served():
        found = (await api.ask("GET", slices.path)).ok()["items"]
        ready = [end for each in found for end in each.get("endpoints") or [] if end["conditions"].get("ready")]
        return len(ready) == 2

    await eventually(served)


async def test_a_policy_that_blocks_is_named_and_what_is_offered_opens_the_way(api, namespace, net, run, shop):
    assert "reaches" in await net("can-reach", "deployment/caller", "service/web")
    policies = api.of("networkpolicies", namespace, root=POLICIES)
    (await policies.create({"metadata": {"name": "deny"}, "spec": DENY})).ok()
    found = json.loads(await net("can-reach", "deployment/caller", "service/web", "-o", "json", code=1))
    assert found["result"] == "unreachable"
    (route,) = found["routes"]
    assert len(route["pairs"]) == 2
    refused = [each for each in route["hops"] if each["verdict"] == "refused"]
    assert [(each["stage"], each["rule"]) for each in refused] == [("ingress", f"networkpolicy {namespace}/deny")]
    (remedy,) = found["remedy"]
    run("apply", "-f", "-", stdin=remedy)
    text = await net("can-reach", "deployment/caller", "service/web")
    assert f"networkpolicy {namespace}/{remedy['metadata']['name']} ingress[0]" in text
    # The caller's other way, to the other Deployment's pods and back, stays shut.
    await net("can-reach", "deployment/web", "deployment/caller", "--port", "80", code=1)


async def test_the_api_servers_own_pods_are_asked_by_address_and_what_is_not_there_is_said(namespace, net, run, shop):
    pods = json.loads(run("get", "pods", "-l", "app=web", "-o", "json").stdout)["items"]
    address = pods[0]["status"]["podIP"]
    text = await net("can-reach", "internet", address, "--port", "80")
    assert f"{address} is pod/{namespace}/{pods[0]['metadata']['name']}" in text
    assert 'services "gone" not found' in await net("can-reach", "internet", "service/gone", code=3)
    assert "expected [NAMESPACE/]KIND/NAME" in await net("can-reach", "internet", "secret/x", code=3)
    assert "declares no ports" in await net(
        "can-reach", "deployment/web", "node/" + pods[0]["spec"]["nodeName"], code=3
    )


async def test_a_selector_that_matches_nothing_is_why_a_service_leads_nowhere(api, namespace, net, shop):
    service = {"metadata": {"name": "wrong"}, "spec": {"selector": {"app": "wbe"}, "ports": [{"port": 80}]}}
    (await api.of("services", namespace).create(service)).ok()
    text = await net("can-reach", "deployment/caller", "service/wrong", code=1)
    assert "its selector app=wbe matches no pod" in text


async def test_simulated_pods_run_no_commands_and_that_is_said(cluster, net, run, shop):
    name = json.loads(run("get", "pods", "-l", "app=web", "-o", "json").stdout)["items"][0]["metadata"]["name"]
    said = await net("probe", "web:80", "--from-pod", name, code=3)
    assert f"{name}: " in said
    if cluster.name == "twin":
        assert "running commands in containers" in said
    else:
        assert "not found" in await net("probe", "web:80", "--from-pod", "gone", code=3)


async def test_who_may_read_a_namespace_alone_is_answered_from_it(cluster, namespace, net, run, shop, tmp_path):
    run("create", "serviceaccount", "member")
    run("create", "rolebinding", "member", "--clusterrole=view", f"--serviceaccount={namespace}:member")
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    context = next(each for each in config["contexts"] if each["name"] == config["current-context"])
    for user in config["users"]:
        if user["name"] == context["context"]["user"]:
            user["user"] = {"token": run("create", "token", "member").stdout.strip()}
    own = tmp_path / "kubeconfig"
    own.write_text(yaml.safe_dump(config))

    asked = ("net", "can-reach", "deployment/caller", "deployment/web", "--port", "80", "-o", "json", "-n", namespace)
    command = [sys.executable, "-m", "kubewright", *asked, "--kubeconfig", str(own)]

    def ask():
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    async def answered():
        done = await asyncio.to_thread(ask)
        return done if done.returncode == 0 else None

    done = await eventually(answered)  # a binding takes a moment to be heard of
    assert json.loads(done.stdout)["result"] == "reachable"
    assert f"read in {namespace} only: pods" in done.stderr
