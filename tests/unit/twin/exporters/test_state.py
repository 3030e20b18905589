"""Objects as kube-state-metrics shows them, and GPUs as a DCGM exporter does."""

import asyncio

from kubewright.api.core import PODS
from kubewright.api.meta import ObjectKey
from kubewright.twin.exporters.devices import Ailment
from kubewright.twin.nodes import NodeShape
from tests.unit.twin.exporters.scraping import PROXY, deployment, on_twin, pod, value

STATE = "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.16.0"
DCGM = "nvcr.io/nvidia/k8s/dcgm-exporter:4.2.0"
GPU = {"nvidia.com/gpu": "1"}


def test_objects_are_shown_as_they_are_now():
    async def scenario(scraper):
        await scraper.create(pod("state", STATE, ports=[8080, 8081]))
        await scraper.create(pod("huge", requests={"cpu": "900"}))
        await scraper.create(pod("broken", "broken:1", annotations={"fail-pull": "true"}))
        await scraper.create(deployment("shop", pod("shop", requests={"cpu": "250m", "memory": "64Mi"}), 2))
        await asyncio.sleep(20)
        first = await scraper.scrape(PROXY.format("state"))
        await scraper.client.delete(PODS, ObjectKey("default", "huge"))
        await asyncio.sleep(1)
        return first, await scraper.scrape(PROXY.format("state")), await scraper.scrape(PROXY.format("state:8081"))

    first, second, telemetry = on_twin(scenario)
    assert value(first, "kube_pod_status_phase", pod="huge", phase="Pending") == 1
    assert value(first, "kube_pod_status_phase", pod="huge", phase="Running") == 0
    assert value(first, "kube_pod_status_scheduled", pod="huge", condition="false") == 1
    assert value(first, "kube_pod_info", pod="state", node="node-01", namespace="default") == 1
    waits = [dict(has)["reason"] for has in first["kube_pod_container_status_waiting_reason"]]
    assert waits in (["ImagePullBackOff"], ["ErrImagePull"])
    (owned,) = [dict(has) for has in first["kube_replicaset_owner"]]
    assert (owned["owner_kind"], owned["owner_name"]) == ("Deployment", "shop")
    assert value(first, "kube_deployment_spec_replicas", deployment="shop") == 2
    assert value(first, "kube_deployment_status_replicas_available", deployment="shop") == 2
    assert value(first, "kube_deployment_status_condition", condition="Available", status="true") == 1
    requests = {
        (dict(has)["resource"], dict(has)["unit"], number)
        for has, number in first["kube_pod_container_resource_requests"].items()
        if dict(has)["pod"].startswith("shop")
    }
    assert requests == {("cpu", "core", 0.25), ("memory", "byte", 64.0 * (1 << 20))}
    assert value(first, "kube_node_status_condition", condition="Ready", status="true") == 1
    assert value(first, "kube_node_status_capacity", resource="cpu", unit="core") == 8
    assert value(first, "kube_namespace_status_phase", namespace="default", phase="Active") == 1
    assert "huge" not in {dict(has)["pod"] for has in second["kube_pod_status_phase"]}
    assert value(telemetry, "kube_state_metrics_list_total", resource="*v1.Pod", result="success") == 1


def test_a_gpu_is_shown_with_who_holds_it():
    async def scenario(scraper):
        await scraper.create(pod("dcgm", DCGM))
        await scraper.create(pod("train", annotations={"gpu": "80%", "gpu-memory": "50%"}, limits=GPU))
        await asyncio.sleep(30)
        first = await scraper.scrape(PROXY.format("dcgm"))
        scraper.twin.exporters.devices.ail("node-01", 0, Ailment(xid=79))
        await scraper.client.delete(PODS, ObjectKey("default", "train"), grace_period_seconds=0)
        await asyncio.sleep(5)
        return first, await scraper.scrape(PROXY.format("dcgm"))

    first, second = on_twin(scenario, shape=NodeShape(gpus=2))
    held = {"gpu": "0", "device": "nvidia0", "namespace": "default", "pod": "train", "container": "main"}
    assert value(first, "DCGM_FI_DEV_GPU_UTIL", **held) == 80
    assert value(first, "DCGM_FI_DEV_FB_USED", **held) == value(first, "DCGM_FI_DEV_FB_FREE", **held)
    assert value(first, "DCGM_FI_DEV_GPU_UTIL", gpu="1") == 0
    assert value(first, "DCGM_FI_DEV_XID_ERRORS", Hostname="node-01", gpu="0") == 0
    assert value(second, "DCGM_FI_DEV_XID_ERRORS", gpu="0") == 79
    assert value(second, "DCGM_FI_DEV_GPU_UTIL", gpu="0") == 0
    energy = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
    assert value(second, energy, gpu="0") > value(first, energy, gpu="0") > value(first, energy, gpu="1")


def test_two_containers_never_share_a_gpu():
    async def scenario(scraper):
        await scraper.create(pod("dcgm", DCGM))
        for name in ("a", "b", "c"):
            await scraper.create(pod(name, limits=GPU))
        await asyncio.sleep(30)
        found = await scraper.scrape(PROXY.format("dcgm"))
        return [dict(has).get("pod") for has in found["DCGM_FI_DEV_GPU_UTIL"]]

    holders = on_twin(scenario, shape=NodeShape(gpus=4))
    assert sorted(filter(None, holders)) == ["a", "b", "c"]
    assert len(holders) == 4
