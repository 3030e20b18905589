"""Days in the life of the embedded cluster, under virtual time."""

import asyncio

import pytest

from kubewright.api.apiextensions import CRDS
from kubewright.api.apps import DEPLOYMENTS, REPLICA_SETS
from kubewright.api.conditions import find_condition
from kubewright.api.core import CONFIG_MAPS, ENDPOINTS, EVENTS, NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS
from kubewright.api.discovery import ENDPOINT_SLICES
from kubewright.api.meta import ObjectKey, PartialObject, Resource
from kubewright.client.protocol import PatchType
from kubewright.errors import ErrorKind, OpError
from kubewright.twin.kubelet import behaviour
from tests.sim.build import deployment, run

WEB = ObjectKey("default", "web")


async def events(day, reason):
    return [each.message for each in (await day.client.list(EVENTS)).items if each.reason == reason]


async def gone(day, resource, key):
    try:
        await day.client.get(resource, key)
    except OpError as error:
        return error.kind is ErrorKind.NOT_FOUND
    return False


async def whole_day(day):
    """A bit of everything."""
    await day.deploy("web", replicas=4)
    await day.expose("web")
    await day.until_complete("web")
    await day.new_image("web", "shop/web:2")
    await asyncio.sleep(1)
    await day.change("web", replicas=6)
    await day.until_complete("web")
    victim = (await day.pods("web"))[0]
    await day.client.delete(PODS, victim)
    day.twin.kubelet.crash((await day.pods("web"))[1].key)
    await day.until_complete("web")
    day.twin.kubelet.kill_node(victim.spec.node_name)
    await asyncio.sleep(400)
    await day.until_complete("web")
    day.twin.kubelet.revive_node(victim.spec.node_name)
    await asyncio.sleep(60)
    await day.client.delete(DEPLOYMENTS, WEB)
    await asyncio.sleep(30)
    assert not await day.pods("web")


def test_the_same_day_twice_leaves_the_same_log():
    first, second = run(whole_day), run(whole_day)
    assert len(first) > 200
    assert first == second


def test_another_seed_makes_another_day():
    assert run(whole_day, seed=1) != run(whole_day, seed=2)


def test_a_deployment_comes_up_and_says_so():
    async def day(day):
        await day.deploy("web")
        await day.until_complete("web", seconds=30)
        found = await day.deployment("web")
        reasons = {each.type: (each.status, each.reason) for each in found.status.conditions}
        assert reasons == {
            "Available": ("True", "MinimumReplicasAvailable"),
            "Progressing": ("True", "NewReplicaSetAvailable"),
        }
        pods = await day.ready("web")
        assert len({pod.status.pod_ip for pod in pods}) == 3
        assert all(pod.spec.node_name and pod.status.phase == "Running" for pod in pods)
        scaled = await events(day, "ScalingReplicaSet")
        assert [text.split(" ")[-4:] for text in scaled] == [["from", "0", "to", "3"]]
        for reason in ("SuccessfulCreate", "Scheduled", "Pulled", "Created", "Started"):
            assert len(await events(day, reason)) == 3, reason

    run(day)


def test_a_rolling_update_never_falls_short_nor_exceeds():
    async def day(day):
        update = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}}
        await day.deploy("web", replicas=4, strategy=update)
        await day.until_complete("web")
        await day.new_image("web", "shop/web:2")
        seen = []

        async def rolled():
            pods = [pod for pod in await day.pods("web") if not pod.is_terminating]
            seen.append((len(await day.ready("web")), len(pods)))
            return all(pod.spec.containers[0].image == "shop/web:2" for pod in pods) and len(pods) == 4

        await day.until(rolled)
        assert min(ready for ready, _ in seen) >= 4
        assert max(total for _, total in seen) == 5

    run(day)


def test_recreate_starts_nothing_before_the_last_old_pod_is_gone():
    async def day(day):
        await day.deploy("web", replicas=3, strategy={"type": "Recreate"})
        await day.until_complete("web")
        await day.new_image("web", "shop/web:2")
        images = []

        async def rolled():
            pods = await day.pods("web")
            images.append({pod.spec.containers[0].image for pod in pods})
            return len(await day.ready("web")) == 3 and images[-1] == {"shop/web:2"}

        await day.until(rolled)
        assert all(len(each) <= 1 for each in images)

    run(day)


def test_a_rollback_uses_the_old_replica_set_under_a_new_revision():
    async def day(day):
        await day.deploy("web")
        await day.until_complete("web")
        first = (await day.client.list(REPLICA_SETS)).items[0]
        for image in ("shop/web:2", "shop/web:1"):
            before = (await day.deployment("web")).metadata.generation
            await day.client.patch(
                DEPLOYMENTS,
                WEB,
                [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}],
                PatchType.JSON,
            )
            await day.until_complete("web")
            assert (await day.deployment("web")).metadata.generation > before
        sets = {each.metadata.name: each for each in (await day.client.list(REPLICA_SETS)).items}
        assert len(sets) == 2
        back = sets[first.metadata.name]
        assert back.spec.replicas == 3
        assert back.metadata.annotations["deployment.kubernetes.io/revision"] == "3"
        assert back.metadata.annotations["deployment.kubernetes.io/revision-history"] == "1"
        found = await day.deployment("web")
        assert found.metadata.annotations["deployment.kubernetes.io/revision"] == "3"

    run(day)


def test_old_replica_sets_beyond_the_history_limit_are_deleted():
    async def day(day):
        await day.deploy("web", replicas=1, revisionHistoryLimit=1)
        await day.until_complete("web")
        for number in range(2, 6):
            await day.new_image("web", f"shop/web:{number}")
            await day.until_complete("web")
        await asyncio.sleep(5)
        revisions = sorted(
            each.metadata.annotations["deployment.kubernetes.io/revision"]
            for each in (await day.client.list(REPLICA_SETS)).items
        )
        assert revisions == ["4", "5"]

    run(day)


def test_a_rollout_that_does_not_move_is_reported_after_its_deadline_and_recovers():
    async def day(day):
        await day.deploy("web", progressDeadlineSeconds=60)
        await day.until_complete("web")
        day.twin.kubelet.fail_image("*:broken")
        await day.new_image("web", "shop/web:broken")

        async def reported():
            progressing = find_condition((await day.deployment("web")).status.conditions, "Progressing")
            return progressing.reason == "ProgressDeadlineExceeded" and progressing.status == "False"

        await asyncio.sleep(50)
        assert not await reported()
        await day.until(reported, seconds=30)
        waiting = [pod.status.container_statuses[0].state.waiting for pod in await day.pods("web")]
        assert "ImagePullBackOff" in {state.reason for state in waiting if state}
        assert len(await day.ready("web")) >= 3
        day.twin.kubelet.mend_image("*:broken")
        await day.until_complete("web")
        assert not await reported()

    run(day)


def test_a_paused_deployment_scales_but_does_not_roll():
    async def day(day):
        await day.deploy("web", replicas=2)
        await day.until_complete("web")
        await day.change("web", paused=True)
        await day.new_image("web", "shop/web:2")
        await day.change("web", replicas=4)
        await asyncio.sleep(30)
        assert [pod.spec.containers[0].image for pod in await day.ready("web")] == ["shop/web:1"] * 4
        await day.change("web", paused=False)
        await day.until_complete("web")
        assert {pod.spec.containers[0].image for pod in await day.ready("web")} == {"shop/web:2"}

    run(day)


def test_a_dead_nodes_pods_leave_service_then_move_and_the_node_comes_back():
    async def day(day):
        await day.deploy("web", replicas=3)
        await day.expose("web")
        await day.until_complete("web")
        await asyncio.sleep(5)
        dead = (await day.pods("web"))[0].spec.node_name
        day.twin.kubelet.kill_node(dead)
        await asyncio.sleep(60)
        node = await day.client.get(NODES, ObjectKey("", dead))
        assert find_condition(node.status.conditions, "Ready").status == "Unknown"
        assert {taint.key for taint in node.spec.taints} == {"node.kubernetes.io/unreachable"}
        endpoints = await day.client.get(ENDPOINTS, WEB)
        assert all(each.node_name != dead for subset in endpoints.subsets for each in subset.addresses)
        await asyncio.sleep(330)
        assert [pod.spec.node_name != dead for pod in await day.ready("web")] == [True] * 3
        day.twin.kubelet.revive_node(dead)
        await asyncio.sleep(60)
        node = await day.client.get(NODES, ObjectKey("", dead))
        assert node.is_ready
        assert not node.spec.taints
        assert all(not pod.is_terminating for pod in await day.pods("web"))

    run(day)


def test_pods_of_a_node_that_was_deleted_are_replaced():
    async def day(day):
        await day.deploy("web", replicas=3)
        await day.until_complete("web")
        lost = (await day.pods("web"))[0].spec.node_name
        day.twin.kubelet.kill_node(lost)
        await day.client.delete(NODES, ObjectKey("", lost))
        await asyncio.sleep(60)
        assert [pod.spec.node_name != lost for pod in await day.ready("web")] == [True] * 3

    run(day)


def test_a_container_that_keeps_exiting_is_restarted_later_each_time():
    async def day(day):
        notes = {behaviour.EXIT_AFTER: "5", behaviour.EXIT_CODE: "3"}
        await day.deploy("web", replicas=1, annotations=notes)
        restarts = []
        for _ in range(10):
            await asyncio.sleep(60)
            restarts.append((await day.pods("web"))[0].restart_count)
        # Runs of 5 s with waits of 1, 10, 20, 40, 80, 160 and 300 s between them.
        assert restarts == sorted(restarts)
        assert restarts[-1] in {6, 7}
        status = (await day.pods("web"))[0].status.container_statuses[0]
        assert status.last_state.terminated.exit_code == 3
        backoff = await day.client.list(EVENTS, field_selector="reason=BackOff")
        assert backoff.items

    run(day)


def test_a_crash_is_put_right_at_once():
    async def day(day):
        await day.deploy("web", replicas=1)
        await day.until_complete("web")
        pod = (await day.pods("web"))[0]
        day.twin.kubelet.crash(pod.key)
        await asyncio.sleep(0.5)
        assert not await day.ready("web")
        await asyncio.sleep(3)
        (again,) = await day.ready("web")
        (status,) = again.status.container_statuses
        assert (status.restart_count, status.last_state.terminated.exit_code) == (1, 1)

    run(day)


def test_pods_that_fit_nowhere_wait_and_say_why_until_there_is_room():
    async def day(day):
        await day.deploy("web", replicas=1)
        await day.until_complete("web")
        container = {"name": "main", "image": "x", "resources": {"requests": {"cpu": "7"}}}
        await day.change("web", replicas=4, template={"spec": {"containers": [container]}})
        await asyncio.sleep(30)
        pending = [pod for pod in await day.pods("web") if not pod.spec.node_name]
        assert pending
        scheduled = find_condition(pending[0].status.conditions, "PodScheduled")
        assert scheduled.reason == "Unschedulable"
        assert scheduled.message.startswith("0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are")
        assert scheduled.message in await events(day, "FailedScheduling")
        await day.change("web", replicas=3)
        await day.until_complete("web")

    run(day)


def test_a_cordoned_node_takes_no_new_pods_and_keeps_its_own():
    async def day(day):
        await day.deploy("web", replicas=3)
        await day.until_complete("web")
        node = (await day.pods("web"))[0].spec.node_name
        before = [pod.key for pod in await day.pods("web") if pod.spec.node_name == node]
        await day.client.patch(NODES, ObjectKey("", node), {"spec": {"unschedulable": True}})
        await day.change("web", replicas=9)
        await day.until_complete("web")
        assert [pod.key for pod in await day.pods("web") if pod.spec.node_name == node] == before

    run(day)


def test_endpoints_follow_the_pods_that_are_ready():
    async def day(day):
        await day.deploy("web", replicas=2)
        await day.expose("web")
        await day.until_complete("web")
        await asyncio.sleep(1)
        ready = {pod.status.pod_ip for pod in await day.ready("web")}
        pieces = await day.client.list(ENDPOINT_SLICES, label_selector="kubernetes.io/service-name=web")
        assert {each.addresses[0] for piece in pieces.items for each in piece.endpoints} == ready
        assert [port.port for piece in pieces.items for port in piece.ports] == [8080]
        endpoints = await day.client.get(ENDPOINTS, WEB)
        assert {each.ip for subset in endpoints.subsets for each in subset.addresses} == ready
        await day.change("web", replicas=0)
        await asyncio.sleep(5)
        pieces = await day.client.list(ENDPOINT_SLICES, label_selector="kubernetes.io/service-name=web")
        assert [piece.endpoints or () for piece in pieces.items] == [()]

    run(day)


def test_room_that_is_made_is_used_by_those_who_wait():
    async def day(day):
        whole = [{"name": "main", "image": "x", "resources": {"requests": {"cpu": "5"}}}]
        for name in ("first", "second"):
            manifest = deployment(name, replicas=3)
            manifest["spec"]["template"]["spec"]["containers"] = whole
            await day.create(DEPLOYMENTS, manifest)
            await asyncio.sleep(10)
        assert not await day.ready("second")
        await day.client.delete(DEPLOYMENTS, ObjectKey("default", "first"))
        await day.until_complete("second", seconds=30)

    run(day)


def test_in_the_foreground_every_owner_outlives_what_it_owns():
    async def day(day):
        await day.deploy("web", replicas=2, annotations={behaviour.STOP_SECONDS: "5"})
        await day.until_complete("web")
        await day.client.delete(DEPLOYMENTS, WEB, propagation="Foreground")
        for _ in range(100):
            await asyncio.sleep(0.1)
            sets = (await day.client.list(REPLICA_SETS)).items
            assert sets or not await day.pods("web")
            if await gone(day, DEPLOYMENTS, WEB):
                assert not sets
                return
        raise AssertionError("still there")

    run(day)


@pytest.mark.parametrize("propagation", ["Background", "Foreground", "Orphan"])
def test_what_a_deleted_deployment_owns_goes_or_stays_as_asked(propagation):
    async def day(day):
        await day.deploy("web", replicas=2)
        await day.until_complete("web")
        await day.client.delete(DEPLOYMENTS, WEB, propagation=propagation)
        if propagation == "Foreground":
            assert not await gone(day, DEPLOYMENTS, WEB)
        await asyncio.sleep(40)
        assert await gone(day, DEPLOYMENTS, WEB)
        sets = (await day.client.list(REPLICA_SETS)).items
        if propagation == "Orphan":
            assert [each.metadata.owner_references for each in sets] == [()]
            assert len(await day.ready("web")) == 2
        else:
            assert not sets
            assert not await day.pods("web")

    run(day)


WIDGETS = Resource("example.com", "v1", "widgets", "Widget", PartialObject)


def definition():
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "widgets", "kind": "Widget", "singular": "widget", "listKind": "WidgetList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def test_what_a_custom_object_owns_goes_with_it_although_its_kind_came_later():
    async def day(day):
        await day.client.create(CRDS, definition())
        await asyncio.sleep(1)
        meta = {"name": "w", "namespace": "default"}
        owner = await day.create(WIDGETS, {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": meta})
        reference = {"apiVersion": "example.com/v1", "kind": "Widget", "name": "w", "uid": owner.metadata.uid}
        child = {"name": "child", "namespace": "default", "ownerReferences": [reference]}
        await day.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": child})
        await asyncio.sleep(20)
        key = ObjectKey("default", "child")
        await day.client.get(CONFIG_MAPS, key)
        await day.client.delete(WIDGETS, ObjectKey("default", "w"))
        await asyncio.sleep(5)
        assert await gone(day, CONFIG_MAPS, key)

    run(day)


def test_an_object_whose_owner_never_was_is_collected():
    async def day(day):
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "nobody", "uid": "no-such-uid"}
        child = {"name": "child", "namespace": "default", "ownerReferences": [reference]}
        await day.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": child})
        await asyncio.sleep(5)
        assert await gone(day, CONFIG_MAPS, ObjectKey("default", "child"))

    run(day)


def test_a_new_deployment_adopts_what_was_orphaned():
    async def day(day):
        await day.deploy("web", replicas=2)
        await day.until_complete("web")
        names = {pod.metadata.name for pod in await day.pods("web")}
        await day.client.delete(DEPLOYMENTS, WEB, propagation="Orphan")
        await asyncio.sleep(5)
        await day.deploy("web", replicas=2)
        await day.until_complete("web")
        assert {pod.metadata.name for pod in await day.pods("web")} == names

    run(day)


def test_a_pod_whose_label_is_taken_away_is_released_and_replaced():
    async def day(day):
        await day.deploy("web", replicas=2)
        await day.until_complete("web")
        freed = (await day.pods("web"))[0]
        await day.client.patch(PODS, freed.key, {"metadata": {"labels": {"app": "other"}}})
        await asyncio.sleep(10)
        assert not (await day.client.get(PODS, freed.key)).metadata.owner_references
        assert len(await day.ready("web")) == 2

    run(day)


def test_a_namespace_is_given_its_account_and_taken_away_with_all_in_it():
    async def day(day):
        team = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}
        await day.client.create(NAMESPACES, team)
        await asyncio.sleep(1)
        await day.client.get(SERVICE_ACCOUNTS, ObjectKey("team", "default"))
        await day.client.get(CONFIG_MAPS, ObjectKey("team", "kube-root-ca.crt"))
        held = {"metadata": {"name": "held", "namespace": "team", "finalizers": ["example.com/hold"]}}
        await day.client.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", **held}, namespace="team")
        await day.client.delete(NAMESPACES, ObjectKey("", "team"))
        await asyncio.sleep(10)
        found = await day.client.get(NAMESPACES, ObjectKey("", "team"))
        remaining = find_condition(found.status.conditions, "NamespaceFinalizersRemaining")
        assert "example.com/hold in 1 resource instances" in remaining.message
        await day.client.patch(CONFIG_MAPS, ObjectKey("team", "held"), {"metadata": {"finalizers": None}})
        await asyncio.sleep(10)
        assert await gone(day, NAMESPACES, ObjectKey("", "team"))
        assert not (await day.client.list(CONFIG_MAPS, namespace="team")).items

    run(day)


def test_a_pod_that_may_not_restart_ends():
    async def day(day):
        for name, code in (("good", "0"), ("bad", "2")):
            notes = {behaviour.EXIT_AFTER: "3", behaviour.EXIT_CODE: code}
            pod = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": "default", "annotations": notes},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "job:1"}]},
            }
            await day.create(PODS, pod)
        await asyncio.sleep(20)
        phases = {pod.metadata.name: pod.status.phase for pod in (await day.client.list(PODS)).items}
        assert phases == {"good": "Succeeded", "bad": "Failed"}

    run(day)


def test_an_idle_cluster_writes_only_heartbeats():
    async def day(day):
        await day.deploy("web")
        await day.expose("web")
        await day.until_complete("web")
        await asyncio.sleep(60)
        store = day.twin.server.store
        before = store.revision
        await asyncio.sleep(240)  # so long history lasts
        written = [
            kind.plural
            for kind in day.twin.server.kinds.all()
            if store.changes_since((kind.group, kind.plural), before)
        ]
        assert written == ["leases"]
        assert store.revision - before == 24 * 3

    run(day)
