"""What kubelets, cAdvisors and node exporters say of nodes and containers."""

import asyncio
from itertools import pairwise

import pytest

from kubewright.api.core import EVENTS, PODS
from kubewright.api.meta import ObjectKey
from kubewright.api.volumes import CLAIMS, STORAGE_CLASSES
from kubewright.twin.controllers.volumes.provisioner import PROVISIONER
from tests.unit.twin.exporters.scraping import CADVISOR, PROXY, on_twin, pod, value

NODE = "node-01"
DISK = {"metadata": {"name": "disk"}, "provisioner": PROVISIONER, "volumeBindingMode": "WaitForFirstConsumer"}
DATA = {
    "metadata": {"name": "data"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "disk",
        "resources": {"requests": {"storage": "1Gi"}},
    },
}


def test_a_container_has_its_cadvisor_series():
    async def scenario(scraper):
        limits = {"cpu": "1", "memory": "256Mi"}
        await scraper.create(pod("a", annotations={"cpu": "200m", "memory": "64Mi"}, limits=limits))
        await asyncio.sleep(10)
        before = await scraper.scrape(CADVISOR.format(NODE))
        await asyncio.sleep(60)
        return before, await scraper.scrape(CADVISOR.format(NODE))

    before, after = on_twin(scenario)
    of = {"container": "main", "pod": "a", "namespace": "default", "image": "app:1"}
    used = [value(each, "container_cpu_usage_seconds_total", cpu="total", **of) for each in (before, after)]
    assert used[1] - used[0] == pytest.approx(12)
    assert value(after, "container_memory_working_set_bytes", **of) == 64 << 20
    assert value(after, "container_spec_memory_limit_bytes", **of) == 256 << 20
    assert value(after, "container_cpu_cfs_throttled_periods_total", **of) == 0
    assert value(after, "container_cpu_cfs_periods_total", **of) > 0
    assert value(after, "container_network_receive_bytes_total", pod="a", interface="eth0", container="") > 0
    assert value(after, "machine_cpu_cores") == 8
    for resource in ("cpu", "memory", "io"):
        assert value(after, f"container_pressure_{resource}_waiting_seconds_total", **of) == 0


def test_one_without_limits_has_a_limit_of_zero_and_no_throttling():
    async def scenario(scraper):
        await scraper.create(pod("a"))
        await asyncio.sleep(10)
        return await scraper.scrape(CADVISOR.format(NODE))

    found = on_twin(scenario)
    assert value(found, "container_spec_memory_limit_bytes", pod="a", container="main") == 0
    assert "container_cpu_cfs_periods_total" not in found


def test_the_nodes_own_counters_never_fall_when_pods_go():
    async def scenario(scraper):
        await scraper.create(pod("exporter", "quay.io/prometheus/node-exporter:v1.9.0"))
        await scraper.create(pod("a", annotations={"cpu": "2", "network-receive": "1M"}))
        await asyncio.sleep(60)
        seen = [await read(scraper)]
        await scraper.client.delete(PODS, ObjectKey("default", "a"), grace_period_seconds=0)
        for _ in range(3):
            await asyncio.sleep(1)
            seen.append(await read(scraper))
        return seen

    async def read(scraper):
        host = await scraper.scrape(PROXY.format("exporter"))
        cadvisor = await scraper.scrape(CADVISOR.format(NODE))
        return {
            "root": value(cadvisor, "container_cpu_usage_seconds_total", id="/"),
            "user": sum(number for has, number in host["node_cpu_seconds_total"].items() if ("mode", "user") in has),
            "idle": sum(number for has, number in host["node_cpu_seconds_total"].items() if ("mode", "idle") in has),
            "received": value(host, "node_network_receive_bytes_total", device="eth0"),
        }

    seen = on_twin(scenario)
    assert seen[0]["root"] > 100
    for earlier, later in pairwise(seen):
        assert all(earlier[name] <= later[name] for name in earlier)


def test_a_node_exporter_tells_of_the_node_that_it_runs_on():
    async def scenario(scraper):
        await scraper.create(pod("exporter", "quay.io/prometheus/node-exporter:v1.9.0", node="node-02"))
        await scraper.create(pod("a", annotations={"memory": "8Gi"}, node="node-02"))
        await asyncio.sleep(20)
        return await scraper.scrape(PROXY.format("exporter"))

    found = on_twin(scenario, nodes=2)
    total, available = value(found, "node_memory_MemTotal_bytes"), value(found, "node_memory_MemAvailable_bytes")
    assert total == 32 << 30
    assert total - available > 8 << 30
    assert value(found, "node_uname_info", nodename="node-02") == 1
    assert len([1 for has in found["node_cpu_seconds_total"] if ("mode", "idle") in has]) == 8
    assert value(found, "node_filesystem_size_bytes", mountpoint="/") == 100 << 30


def test_a_profile_that_makes_no_sense_is_told_of_and_harms_nobody():
    async def scenario(scraper):
        await scraper.create(pod("a", annotations={"cpu": "plenty", "latency": "-3s"}))
        await asyncio.sleep(10)
        events = (await scraper.client.list(EVENTS, namespace="default")).items
        told = [each.message for each in events if each.reason == "InvalidUsageProfile"]
        return told, await scraper.scrape(CADVISOR.format(NODE))

    told, found = on_twin(scenario)
    assert [message.partition(": ")[0] for message in told] == ["twin.kubewright.dev/cpu"]
    assert value(found, "container_cpu_usage_seconds_total", container="main", pod="a") > 0


def test_a_kubelet_tells_how_full_its_volumes_are():
    async def scenario(scraper):
        await scraper.client.create(STORAGE_CLASSES, DISK)
        await scraper.client.create(CLAIMS, DATA, namespace="default")
        manifest = pod("a")
        manifest["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
        await scraper.create(manifest)
        await asyncio.sleep(30)
        return await scraper.scrape(f"/api/v1/nodes/{NODE}/proxy/metrics")

    found = on_twin(scenario)
    of = {"namespace": "default", "persistentvolumeclaim": "data"}
    capacity, used, available = (
        value(found, f"kubelet_volume_stats_{name}_bytes", **of) for name in ("capacity", "used", "available")
    )
    assert capacity == 1 << 30
    assert 0 < used < capacity == used + available


def test_a_kubelet_tells_of_itself_and_of_probes():
    async def scenario(scraper):
        manifest = pod("a")
        manifest["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 80}, "periodSeconds": 5}
        await scraper.create(manifest)
        await asyncio.sleep(60)
        base = f"/api/v1/nodes/{NODE}/proxy/metrics"
        return [await scraper.scrape(f"{base}{rest}") for rest in ("", "/resource", "/probes")]

    kubelet, resource, probes = on_twin(scenario)
    assert value(kubelet, "kubelet_node_name", node=NODE) == 1
    assert value(kubelet, "kubelet_running_pods") == 1
    assert value(kubelet, "kubelet_running_containers", container_state="running") == 1
    assert value(kubelet, "kubelet_pleg_relist_duration_seconds_bucket", le="+Inf") > 50
    assert value(resource, "pod_cpu_usage_seconds_total", pod="a") > 0
    assert value(resource, "node_memory_working_set_bytes") > 0
    assert value(probes, "prober_probe_total", pod="a", container="main", result="successful") > 5
