"""SizePolicies as an API server checks them, and the sizes that an application's next release has by them."""

import asyncio
import json
import sys
import time
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from kubewright.api.crds.scalepolicy import SCALE_POLICY_CRD
from kubewright.api.crds.sizepolicy import SIZE_POLICY_CRD
from kubewright.api.quantity import milli
from kubewright.disruption.rights import DEFINITIONS
from tests import loopback
from tests.contract.asking import PATIENCE_SECONDS
from tests.contract.conftest import established, service_on
from tests.contract.manifests import deployment
from tests.contract.test_appservice import app_service, deployments, ready
from tests.contract.test_rollouts import phase

__all__ = ["deployments"]

USED = {"container_cpu": 0.3, "container_memory": 200 << 20}
DAY_SECONDS = 86_400


@pytest.fixture
async def policies(api, namespace):
    """The kind, which the platform brings, too, and leaves."""
    crds = api.of("customresourcedefinitions")
    assert (await crds.create(SIZE_POLICY_CRD)).status in {201, 409}
    await crds.becomes(SIZE_POLICY_CRD["metadata"]["name"], established)
    found = api.of("sizepolicies", namespace, root="/apis/kubewright.dev/v1alpha1")
    await found.served()
    yield found
    # Sizing, which a later case runs, looks at every namespace's: of one that goes as it is looked at it would tell.
    (await api.ask("DELETE", found.path)).ok()


def policy(**spec):
    spec = {"target": {"name": "web"}, **spec}
    return {"apiVersion": "kubewright.dev/v1alpha1", "kind": "SizePolicy", "metadata": {"name": "web"}, "spec": spec}


async def test_a_policy_is_taken_with_its_defaults(policies):
    made = (await policies.create(policy(max={"cpu": 4, "memory": "8Gi"}, resources=["memory"]))).ok()
    assert made["spec"]["mode"] == "recommend"
    assert made["spec"]["target"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        pytest.param({"mode": "auto"}, "spec.mode", id="no such mode"),
        pytest.param({"resources": ["gpu"]}, "spec.resources", id="no such resource"),
        pytest.param({"resources": []}, "spec.resources", id="nothing to size"),
        pytest.param({"min": {"cpu": 0}}, "spec.min.cpu", id="a bound of zero"),
        pytest.param({"max": {"memory": "much"}}, "spec.max.memory", id="no quantity"),
        pytest.param({"target": {}}, "spec.target.name", id="no target"),
    ],
)
async def test_what_contradicts_itself_is_refused_at_the_field(policies, spec, field):
    refused = (await policies.create(policy(**spec))).refused
    assert field in refused.message


@asynccontextmanager
async def store(api, namespace):
    """Serve what containers of `a` used for a day, and use; yield the address, and what is set once cpu was told."""
    told = asyncio.Event()

    def answer(kind, result):
        return web.json_response({"status": "success", "data": {"resultType": kind, "result": result}})

    def of(pod):
        return {"namespace": namespace, "pod": pod, "container": "app"}

    def value(query):
        return str(next((amount for name, amount in USED.items() if name in query), "NaN"))

    async def now(request):
        query = (await request.post())["query"]
        if "container_memory" in query:  # which is asked when the answer about cpu was taken
            told.set()
        pods = (await api.of("pods", namespace).list()).ok()["items"]
        found = [{"metric": of(each["metadata"]["name"]), "value": [time.time(), value(query)]} for each in pods]
        return answer("vector", found)

    async def before(request):
        asked = await request.post()
        begin, end, step = (float(asked[name]) for name in ("start", "end", "step"))
        times = [begin + number * step for number in range(int((end - begin) / step) + 1)]
        points = [[at, value(asked["query"])] for at in times if at > time.time() - DAY_SECONDS]
        return answer("matrix", [{"metric": of("a-7d9f8c6b5-abcde"), "values": points}] if points else [])

    app = web.Application()
    app.router.add_post("/api/v1/query", now)
    app.router.add_post("/api/v1/query_range", before)
    async with loopback.serving(app) as port:
        yield f"http://127.0.0.1:{port}", told


async def test_what_sizing_would_write_by_what_a_store_remembers_is_told_and_not_written(
    cluster, policies, deployments, api, namespace
):
    pods = api.of("pods", namespace)
    small = deployment("a")
    [container] = small["spec"]["template"]["spec"]["containers"]
    container |= {"name": "app", "resources": {"requests": {"cpu": "100m"}}}
    (await deployments.create(small)).ok()
    await deployments.becomes("a", lambda it: it["status"].get("readyReplicas") == 1)
    [name] = await pods.names()
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}
    (await policies.create(policy(target=target, mode="apply"))).ok()
    for definition in (SCALE_POLICY_CRD, *DEFINITIONS):
        cluster.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(definition))
        cluster.established(definition["metadata"]["name"])
    async with store(api, namespace) as (address, _):
        options = ["--kubeconfig", str(cluster.kubeconfig), "--services", "sizing", "--prometheus", address]
        command = [sys.executable, "-m", "kubewright", "up", "--dry-run", *options]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
        output, errors = (each.decode() for each in await process.communicate())
    assert (process.returncode, errors) == (0, "")
    assert f"patch v1/pods {namespace}/{name} resize" in output.splitlines()
    assert (await pods.get(name)).ok()["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "100m"
    assert "status" not in (await policies.get("web")).ok()


async def test_an_application_has_its_sizes_with_the_next_release_and_not_before(
    cluster, apps, policies, deployments, api, namespace
):
    async def requested():
        [container] = (await deployments.get("a")).ok()["spec"]["template"]["spec"]["containers"]
        return container["resources"]["requests"]["cpu"]

    asked = {"requests": {"cpu": "100m", "memory": "512Mi"}}
    (await apps.create(app_service("a", resources=asked, rollout={"strategy": "rolling"}))).ok()
    first = await apps.becomes("a", lambda it: ready(it) and phase("Stable")(it))
    async with store(api, namespace) as (address, told):
        with service_on(cluster, "run", "sizing", "--prometheus", address):
            await asyncio.wait_for(told.wait(), PATIENCE_SECONDS)
            target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}
            told_so = {"target": target, "mode": "apply", "by": "nextRelease", "resources": ["cpu"]}
            (await policies.create(policy(**told_so))).ok()
            offering = await policies.becomes("web", lambda it: it.get("status", {}).get("next"))
    [size] = offering["status"]["next"]
    assert (size["container"], 300 < milli(size["request"]) < 400) == ("app", True)
    conditions = {each["type"]: each for each in offering["status"]["conditions"]}
    assert f"app cpu {size['request']} instead of 100m" in conditions["NextRelease"]["message"]

    # A change that makes no release shows that the platform has had its turn.
    (await apps.merge("a", {"spec": {"replicas": 3}})).ok()
    standing = await apps.becomes("a", lambda it: ready(it) and it["status"]["readyReplicas"] == 3)
    assert (await requested(), standing["status"]["rollout"]) == ("100m", first["status"]["rollout"])
    (await apps.merge("a", {"spec": {"image": "nginx:2"}})).ok()
    sized = await apps.becomes("a", lambda it: ready(it) and phase("Verifying", "Stable")(it))
    assert await requested() == size["request"]
    assert [each["sizes"] for each in sized["status"]["rollout"]["sized"]] == [[size]]
