"""Rollouts as `kubewright up` carries them out, on the twin and on a real control plane: what the API holds then."""

import pytest

from kubewright.cli.exits import Exit
from kubewright.cli.rolloutcalls import order, show_history, show_status, undo
from kubewright.client.kubeconfig import load
from kubewright.errors import OpError
from tests.contract.asking import eventually
from tests.contract.test_appservice import app_service, deployments, ready, services
from tests.contract.test_gateway_api import kinds

__all__ = ["deployments", "kinds", "services"]

TRACK = "app.example.com/track"
HUGE = {"requests": {"cpu": "900"}, "limits": {"cpu": "900"}}
SOON = {"strategy": "canary", "steps": [{"weight": 50, "pauseSeconds": 2}]}


def phase(*wanted):
    return lambda document: document.get("status", {}).get("rollout", {}).get("phase") in wanted


@pytest.fixture
async def begun(apps):
    """An application that has come up, and whose next release is on its way."""

    async def begun(**spec):
        (await apps.create(app_service("a", **spec))).ok()
        await apps.becomes("a", lambda it: ready(it) and phase("Stable")(it))
        changed = (await apps.merge("a", {"spec": {"image": "nginx:2"}})).ok()
        return await apps.passes(changed, phase("Progressing"))

    return begun


@pytest.fixture
async def begun_rehearsed(apps):
    """An application that has come up, and whose next release did not pass its rehearsal."""

    async def begun_rehearsed(**spec):
        (await apps.create(app_service("a", rollout={"rehearse": True}))).ok()
        await apps.becomes("a", lambda it: ready(it) and phase("Stable")(it))
        (await apps.merge("a", {"spec": {"image": "nginx:2", **spec}})).ok()
        return await apps.becomes("a", lambda it: it["status"]["rollout"].get("reason") == "RehearsalFailed")

    return begun_rehearsed


def image(deployment):
    return deployment["spec"]["template"]["spec"]["containers"][0]["image"]


async def test_a_canary_runs_beside_the_old_release_and_takes_over(begun, apps, deployments):
    standing = await begun(rollout=SOON | {"manual": True})
    state = standing["status"]["rollout"]
    assert (state["weight"], state["release"] != state["stable"]) == (50, True)
    trial = await deployments.becomes("a-trial", lambda it: it["status"].get("readyReplicas") == 2)
    assert (image(trial), image((await deployments.get("a")).ok())) == ("nginx:2", "nginx:1")
    waiting = await apps.becomes("a", lambda it: it["status"]["rollout"].get("reason") == "AwaitingPromotion")
    assert waiting["status"]["ready"] is False
    promote = {"metadata": {"annotations": {"app.example.com/promote": state["release"]}}}
    (await apps.merge("a", promote)).ok()
    await apps.becomes("a", lambda it: phase("Verifying")(it) and ready(it))
    await deployments.gone("a-trial")
    assert image((await deployments.get("a")).ok()) == "nginx:2"


async def test_a_stateful_canary_is_the_last_pod_and_takes_over_or_is_taken_back(begun, apps, api, namespace):
    sets, pods = api.of("statefulsets", namespace), api.of("pods", namespace)

    async def images():
        found = [(await pods.get(f"a-{number}")).document for number in range(2)]
        return [each["spec"]["containers"][0]["image"] if "spec" in each else None for each in found]

    def partition(it):
        return it["spec"]["updateStrategy"]["rollingUpdate"].get("partition", 0)

    async def runs(*expected):
        async def found():
            return await images() == list(expected)

        await eventually(found)

    standing = await begun(kind="stateful", rollout=SOON | {"manual": True})
    assert standing["status"]["rollout"]["weight"] == 50
    await apps.becomes("a", lambda it: it["status"]["rollout"].get("reason") == "AwaitingPromotion")
    half = (await sets.get("a")).ok()
    assert (partition(half), half["status"]["updatedReplicas"], await images()) == (1, 1, ["nginx:1", "nginx:2"])
    promote = {"metadata": {"annotations": {"app.example.com/promote": standing["status"]["rollout"]["release"]}}}
    (await apps.merge("a", promote)).ok()
    await apps.becomes("a", lambda it: phase("Verifying")(it) and ready(it))
    assert (partition((await sets.get("a")).ok()), await images()) == (0, ["nginx:2", "nginx:2"])

    (await apps.merge("a", {"spec": {"image": "nginx:3"}})).ok()
    waiting = await apps.becomes("a", lambda it: it["status"]["rollout"].get("reason") == "AwaitingPromotion")
    assert await images() == ["nginx:2", "nginx:3"]
    abort = {"metadata": {"annotations": {"app.example.com/abort": waiting["status"]["rollout"]["release"]}}}
    (await apps.merge("a", abort)).ok()
    await apps.becomes("a", phase("RolledBack"))
    await runs("nginx:2", "nginx:2")


async def test_a_route_is_weighted_while_a_canary_is_on_its_way(begun, kinds, services):
    routes = await kinds("httproutes")
    await kinds("gateways")
    expose = {"host": "a.example.com", "gateway": {"name": "edge"}}
    await begun(rollout=SOON | {"paused": True}, expose=expose)
    weighted = await routes.becomes("a", lambda it: len(it["spec"]["rules"][0]["backendRefs"]) == 2)
    [rule] = weighted["spec"]["rules"]
    assert [(each["name"], each["weight"]) for each in rule["backendRefs"]] == [("a", 50), ("a-trial", 50)]
    for name, track in (("a", "stable"), ("a-trial", "trial")):
        await services.becomes(name, lambda it, track=track: it["spec"]["selector"][TRACK] == track)


@pytest.fixture
async def virtual_services(api, namespace):
    """Define as much of Istio's kind as matters here, for all cases of a cluster: its lists are atomic, too."""
    rules = {"type": "array", "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    spec = {"type": "object", "properties": {"hosts": {"type": "array", "items": {"type": "string"}}, "http": rules}}
    names = {"plural": "virtualservices", "singular": "virtualservice", "kind": "VirtualService"}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "virtualservices.networking.istio.io"},
        "spec": {
            "group": "networking.istio.io",
            "scope": "Namespaced",
            "names": names | {"listKind": "VirtualServiceList"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    answer = await api.of("customresourcedefinitions").create(definition)
    assert answer.status in {201, 409}, answer.document
    found = api.of("virtualservices", namespace, root="/apis/networking.istio.io/v1")
    await found.served()
    return found


async def test_in_istio_a_virtual_service_is_weighted_and_what_others_have_in_it_stays(
    virtual_services, begun, apps, services
):
    def route(it):
        return [(each["destination"]["host"], each.get("weight")) for each in it["spec"]["http"][-1]["route"]]

    await begun(rollout=SOON | {"manual": True}, mesh={"type": "istio"})
    split = await virtual_services.becomes("a", lambda it: route(it) == [("a", 50), ("a-trial", 50)])
    await services.becomes("a", lambda it: it["spec"]["selector"][TRACK] == "stable")
    [ours] = split["spec"]["http"]
    theirs = {"name": "testers", "match": [{"port": 80}], "route": [{"destination": {"host": "a-trial"}}]}
    (await virtual_services.merge("a", {"spec": {"http": [theirs, {**ours, "timeout": "3s"}]}})).ok()
    waiting = await apps.becomes("a", lambda it: it["status"]["rollout"].get("reason") == "AwaitingPromotion")
    promote = {"metadata": {"annotations": {"app.example.com/promote": waiting["status"]["rollout"]["release"]}}}
    (await apps.merge("a", promote)).ok()
    await apps.becomes("a", phase("Verifying"))
    whole = await virtual_services.becomes("a", lambda it: route(it) == [("a", None)])
    assert whole["spec"]["http"][0] == theirs
    assert whole["spec"]["http"][1]["timeout"] == "3s"


async def test_blue_green_switches_the_service(begun, apps, services):
    await begun(rollout={"strategy": "blueGreen", "keepOldSeconds": 3600})
    await apps.becomes("a", phase("Switched"))
    switched = await services.becomes("a", lambda it: it["spec"]["selector"][TRACK] == "trial")
    (await apps.merge("a", {"spec": {"image": "nginx:1"}})).ok()
    back = await services.becomes("a", lambda it: it["spec"]["selector"][TRACK] == "stable")
    assert back["spec"]["clusterIP"] == switched["spec"]["clusterIP"]


async def test_a_release_that_cannot_start_is_taken_back_and_an_earlier_one_is_run_again(begun, apps, deployments):
    await begun(rollout={"strategy": "rolling"})
    await apps.becomes("a", lambda it: phase("Verifying")(it) and ready(it))
    missing = {"name": "X", "fromConfigMap": {"name": "nowhere", "key": "x"}}
    (await apps.merge("a", {"spec": {"image": "nginx:3", "env": [missing]}})).ok()
    back = await apps.becomes("a", phase("RolledBack"))
    conditions = {each["type"]: each for each in back["status"]["conditions"]}
    assert (conditions["Stalled"]["status"], conditions["Ready"]["reason"]) == ("True", "RolledBack")
    assert "nowhere" in conditions["Ready"]["message"]

    async def serves():
        found = (await deployments.get("a")).ok()
        return image(found) == "nginx:2" and found["status"].get("updatedReplicas") == 2

    await eventually(serves)
    (await apps.merge("a", {"spec": {"rollout": {"undo": 1}}})).ok()
    await apps.becomes("a", lambda it: phase("Verifying")(it) and ready(it))
    assert image((await deployments.get("a")).ok()) == "nginx:1"


async def test_people_steer_it_by_the_command(begun, apps, cluster, namespace, capsys):
    standing = await begun(rollout=SOON | {"manual": True})
    config = load(str(cluster.kubeconfig))

    async def status(*, watch=False):
        code = await show_status(config, namespace, "a", watch=watch, timeout_seconds=60)
        return code, capsys.readouterr().out

    await order(config, namespace, "a", "pause")
    await apps.becomes("a", lambda it: it["status"]["rollout"].get("reason") == "Paused")
    await order(config, namespace, "a", "resume")
    await apps.becomes("a", lambda it: it["status"]["rollout"].get("reason") == "AwaitingPromotion")
    assert "50 % canary, step 1 of 1; AwaitingPromotion" in (await status())[1]
    await order(config, namespace, "a", "abort")
    await apps.becomes("a", phase("RolledBack"))
    code, text = await status(watch=True)
    assert (code, "somebody said to abort it" in text) == (Exit.UNWELL, True)
    await show_history(config, namespace, "a")
    [_, only] = capsys.readouterr().out.splitlines()
    assert only.split()[0::4] == ["1", "nginx:1"]
    assert only.endswith("(stable)")
    with pytest.raises(OpError, match="no release is on its way"):
        await order(config, namespace, "a", "promote")
    with pytest.raises(OpError, match="there is no revision before this one"):
        await undo(config, namespace, "a", None)
    await order(config, namespace, "a", "retry")
    again = await apps.becomes("a", phase("Progressing"))
    assert again["status"]["rollout"]["release"] == standing["status"]["rollout"]["release"]


async def test_a_release_is_rehearsed_before_it_starts_and_held_if_it_fails_there(begun_rehearsed, apps, deployments):
    held = await begun_rehearsed(resources=HUGE)
    conditions = {each["type"]: each for each in held["status"]["conditions"]}
    assert conditions["Rehearsed"]["status"] == "False"
    assert "Insufficient cpu" in conditions["Rehearsed"]["message"]
    assert conditions["Stalled"]["status"] == "True"
    assert image((await deployments.get("a")).ok()) == "nginx:1"
    (await apps.merge("a", {"spec": {"resources": None}})).ok()
    await apps.becomes("a", lambda it: phase("Verifying")(it) and ready(it))
    conditions = {each["type"]: each for each in (await apps.get("a")).ok()["status"]["conditions"]}
    assert conditions["Rehearsed"]["message"] == "all 2 pods find a place and come up; it changes Deployment"


async def test_a_name_as_long_as_a_labels_value_does_for_releases_of_every_kind(apps, deployments, services):
    name = "a" * 63
    (await apps.create(app_service(name, rollout={"strategy": "blueGreen", "keepOldSeconds": 3600}))).ok()
    await apps.becomes(name, lambda it: ready(it) and phase("Stable")(it))
    (await apps.merge(name, {"spec": {"image": "nginx:2"}})).ok()
    await apps.becomes(name, phase("Switched"))
    trials = [each for each in await services.names() if each.endswith("-trial")]
    assert [len(each) for each in trials] == [63]
    assert trials == [each for each in await deployments.names() if each != name]
