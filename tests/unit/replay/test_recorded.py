import msgspec
import pytest
from msgspec.structs import replace

from kubewright.api.batch import Job
from kubewright.api.core import Node, NodeSpec, Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.workload import Workload
from kubewright.errors import OpError
from kubewright.replay.making import node
from kubewright.replay.recorded import Found, recorded
from kubewright.replay.workload import STEP_SECONDS, STEPS

NOON = 86_400 * 20_000 + 12 * 3600.0
MIB = 1 << 20


def pod(name, owner, kind="ReplicaSet", *, on="n0", cpu="500m", space="shop"):
    return msgspec.convert(
        {
            "metadata": {
                "name": name,
                "namespace": space,
                "labels": {"pod-template-hash": "abc"},
                "ownerReferences": [{"kind": kind, "name": owner, "controller": True, "apiVersion": "v1", "uid": "u"}],
            },
            "spec": {
                "nodeName": on,
                "containers": [{"name": "c", "resources": {"requests": {"cpu": cpu, "memory": "512Mi"}}}],
            },
            "status": {"phase": "Running"},
        },
        Pod,
    )


WEB = [pod(f"web-{number}", "web-abc") for number in range(4)]


def day_of(found, seed=1):
    return recorded(found, NOON).day(seed, 24.0, (), ())


def test_workloads_keep_their_pods_and_are_as_busy_at_that_hour_as_they_were():
    used = {each.key: (200, 256 * MIB) for each in WEB}
    found = Found([node("n0", 8_000, 16_384)], WEB, scaled={Workload("shop", "Deployment", "web"): 2}, used=used)
    day = day_of(found)
    (web,) = day.applications
    assert (web.name, web.sort, web.replicas, web.request.cpu_milli, web.memory_share) == (
        "shop-web",
        "web",
        2,
        500,
        0.5,
    )
    at = STEPS // 2
    cores = web.load[at - 40 : at + 40].mean() / STEP_SECONDS * web.cores_per_request()
    assert cores == pytest.approx(0.8, rel=0.45)
    assert day_of(found).applications[0].load.tolist() == web.load.tolist()
    assert day_of(found, seed=2).applications[0].load.tolist() != web.load.tolist()


def test_daemons_are_taken_off_what_nodes_offer_and_nodes_that_take_nobody_are_left_out():
    cordoned = replace(node("n1", 8_000, 16_384), spec=NodeSpec(unschedulable=True))
    found = Found([node("n0", 8_000, 16_384), cordoned], [*WEB, pod("agent", "agent", "DaemonSet")])
    (kept,) = day_of(found).nodes
    assert kept.status.allocatable["cpu"] == "7500m"
    assert kept.status.allocatable["memory"] == "15872Mi"
    assert [each.name for each in day_of(found).applications] == ["shop-web"]


def test_who_uses_more_than_it_requests_is_taken_to_request_what_it_uses():
    found = Found([node("n0", 8_000, 16_384)], WEB, used={each.key: (900, 1024 * MIB) for each in WEB})
    (kept,) = recorded(found, NOON).workloads
    assert (kept.request.cpu_milli, kept.request.memory_mib, kept.replicas) == (1000, 1024, 4)
    assert kept.use == pytest.approx(0.9)


def job(name, start, end):
    return msgspec.convert(
        {
            "metadata": {"name": name, "namespace": "batch"},
            "spec": {"template": {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "2"}}}]}}},
            "status": {"startTime": start, "completionTime": end, "succeeded": 3},
        },
        Job,
    )


def test_jobs_of_the_last_day_come_again_at_their_hour():
    jobs = [
        job("late", "2024-10-04T11:00:00Z", "2024-10-04T11:10:00Z"),
        job("old", "2024-10-02T11:00:00Z", "2024-10-02T11:10:00Z"),
        job("runs", "2024-10-04T11:00:00Z", None),
    ]
    day = day_of(Found([node("n0", 8_000, 16_384)], (), jobs))
    (work,) = day.works
    assert (work.at, work.seconds, work.pods, work.request.cpu_milli) == (11 * 3600.0, 600.0, 3, 2000)


@pytest.mark.parametrize(("nodes", "pods", "why"), [([], WEB, "no node"), ([node("n0", 1, 1)], [], "no workload")])
def test_a_cluster_without_nodes_or_work_is_told(nodes: list[Node], pods, why):
    with pytest.raises(OpError, match=why):
        recorded(Found(nodes, pods), NOON)


def test_pods_by_themselves_are_workloads_of_one():
    placed = {"spec": {"nodeName": "n0"}, "status": {"phase": "Running"}}
    alone = msgspec.convert({"metadata": {"name": "a", "namespace": "x"}, **placed}, Pod)
    day = day_of(Found([node("n0", 8_000, 16_384)], [alone], used={ObjectKey("x", "a"): (100, 64 * MIB)}))
    assert [(each.name, each.replicas, each.sort) for each in day.applications] == [("x-a", 1, "steady")]
