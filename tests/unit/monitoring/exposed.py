"""A cluster in which much goes on, and everything that it and kubewright expose there."""

import asyncio
import json

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from kubewright.api.crds.appservice import NAME_LABEL
from kubewright.api.crds.queue import QUEUE_CRD, QUEUE_LABEL
from kubewright.api.meta import ObjectKey
from kubewright.app import Choices, Platform
from kubewright.client.transport import Request
from kubewright.clock import Clock, run_virtual
from kubewright.monitoring.reach import Through
from kubewright.monitoring.scrape import prometheus_config
from kubewright.runtime.definitions import install
from kubewright.runtime.leader import LeaderElector
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.signals.receiver import Receiver
from kubewright.signals.signal import Standing
from kubewright.twin.cluster import Twin
from kubewright.twin.controllers.volumes.provisioner import PROVISIONER
from kubewright.twin.exporters.manifests import exporters
from kubewright.twin.nodes import NodeShape
from tests.unit.twin.exporters.scraping import Scraper, deployment, pod

PLURALS = {
    "Namespace": "api/v1/namespaces",
    "Pod": "api/v1/namespaces/{}/pods",
    "Service": "api/v1/namespaces/{}/services",
    "ResourceQuota": "api/v1/namespaces/{}/resourcequotas",
    "PersistentVolumeClaim": "api/v1/namespaces/{}/persistentvolumeclaims",
    "Deployment": "apis/apps/v1/namespaces/{}/deployments",
    "DaemonSet": "apis/apps/v1/namespaces/{}/daemonsets",
    "StatefulSet": "apis/apps/v1/namespaces/{}/statefulsets",
    "StorageClass": "apis/storage.k8s.io/v1/storageclasses",
    "AppService": "apis/app.example.com/v1/namespaces/{}/appservices",
    "Job": "apis/batch/v1/namespaces/{}/jobs",
    "HorizontalPodAutoscaler": "apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
    "ScalePolicy": "apis/kubewright.dev/v1alpha1/namespaces/{}/scalepolicies",
    "Queue": "apis/kubewright.dev/v1alpha1/queues",
    "PodDisruptionBudget": "apis/policy/v1/namespaces/{}/poddisruptionbudgets",
}


def world():
    """Return manifests: applications that serve, leak, wait, fail and scale."""
    serving = {"requests-per-second": "50", "cpu": "100m", "cpu-per-request": "5m"}
    shop = pod(
        "shop", ports=(8000,), annotations=serving, requests={"cpu": "200m"}, limits={"cpu": "1", "memory": "256Mi"}
    )
    shop["metadata"]["annotations"]["prometheus.io/scrape"] = "true"
    workload = deployment("shop", shop, 2)
    workload["spec"]["template"]["metadata"]["labels"][NAME_LABEL] = "shop"
    leaking = pod("leak", annotations={"memory": "10Mi +1Mi/s"}, limits={"memory": "64Mi"})
    ours = pod("ours", image="ours:1")
    ours["spec"]["schedulerName"] = "kubewright-scheduler"
    store = pod("store")
    store["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    store["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    template = {"metadata": {"labels": {"app": "set"}}, "spec": pod("set")["spec"]}
    late = pod("late")["spec"] | {"restartPolicy": "Never"}
    yield from exporters()
    yield from (workload, leaking, ours, store)
    done = pod("done", annotations={"exit-after": "5"})
    yield done | {"spec": done["spec"] | {"restartPolicy": "Never"}}
    yield pod("train", limits={"nvidia.com/gpu": "1"})
    yield pod("huge", requests={"cpu": "1000"})
    yield _made("v1", "ResourceQuota", "quota", {"hard": {"pods": "100"}})
    yield {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "disk"},
        "provisioner": PROVISIONER,
    }
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "disk",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    yield _made("v1", "PersistentVolumeClaim", "data", claim)
    selector = {"matchLabels": {"app": "set"}}
    yield _made("apps/v1", "StatefulSet", "set", {"selector": selector, "serviceName": "", "template": template})
    yield _made("batch/v1", "Job", "late", {"activeDeadlineSeconds": 1, "template": {"spec": late}})
    yield _made("batch/v1", "Job", "long", {"template": {"spec": late}})
    yield pod("waits", "broken:1", annotations={"fail-pull": "not found"})
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    yield _made("autoscaling/v2", "HorizontalPodAutoscaler", "shop", {"scaleTargetRef": target, "maxReplicas": 3})
    yield from queues()
    scaled = {"target": {"name": "web"}, "min": 1, "max": 3, "metrics": [{"cpu": {"percent": 50}}]}
    yield _made("kubewright.dev/v1alpha1", "ScalePolicy", "web", scaled)
    yield _made(
        "policy/v1", "PodDisruptionBudget", "shop", {"minAvailable": 1, "selector": {"matchLabels": {"app": "shop"}}}
    )


def queues():
    """Yield two queues below one, of which the first borrows from the second."""
    yield _made("kubewright.dev/v1alpha1", "Queue", "all", {"quotas": [{"resource": "cpu", "nominal": "0"}]})
    for name, nominal in (("borrows", "100m"), ("lends", "10")):
        spec = {"parent": "all", "quotas": [{"resource": "cpu", "nominal": nominal}]}
        yield _made("kubewright.dev/v1alpha1", "Queue", name, spec)
    borrowing = pod("borrowing", requests={"cpu": "200m"})
    borrowing["metadata"]["namespace"] = "borrows"
    borrowing["spec"]["schedulerName"] = "kubewright-scheduler"
    yield borrowing


def _made(api_version, kind, name, spec):
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def everything(seconds=400):
    """Return `{metric: [labels]}` of all that Prometheus would have after a while."""
    return run_virtual(_scraped(seconds))


async def _scraped(seconds):
    async with Twin(Clock.virtual(), nodes=2, shape=NodeShape(gpus=2)) as twin:
        scraper = Scraper(twin)
        registry = CollectorRegistry()
        metrics = RuntimeMetrics(registry)
        choices = Choices(services=("workloads", "scheduler", "monitoring", "autoscaler", "costs"))
        client, clock = twin.client(), Clock.virtual()
        await install(client, [QUEUE_CRD])
        space = _made("v1", "Namespace", "borrows", {})
        await _create(scraper, space | {"metadata": {"name": "borrows", "labels": {QUEUE_LABEL: "borrows"}}})
        platform = Platform(client, clock, metrics=metrics, registry=registry, choices=choices)
        elector = LeaderElector(client, clock, ObjectKey("default", "kubewright"), "one", metrics=metrics)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(elector.run(platform.run))
            await asyncio.sleep(10)
            await _notify(registry)
            for manifest in world():
                await _create(scraper, manifest)
            await _create(scraper, _made("app.example.com/v1", "AppService", "web", {"image": "web:1"}))
            await asyncio.sleep(seconds)
            _, nodes = await scraper.json("/api/v1/nodes")
            await _taint(scraper, nodes["items"][1]["metadata"]["name"])
            found = await _all(scraper)
            _add(found, "kubewright", generate_latest(registry).decode())
            running.cancel()
        return found


async def _all(scraper):
    found = {}
    _, nodes = await scraper.json("/api/v1/nodes")
    node = nodes["items"][0]["metadata"]["name"]
    for path in ("", "/cadvisor", "/resource", "/probes"):
        text = await _text(scraper, f"/api/v1/nodes/{node}/proxy/metrics{path}")
        _add(found, f"kubelet{path}", text)
    other = nodes["items"][1]["metadata"]["name"]
    for path in ("", "/cadvisor"):
        _add(found, f"kubelet{path}", await _text(scraper, f"/api/v1/nodes/{other}/proxy/metrics{path}"))
    for name, port in (("kube-state-metrics", "http"), ("node-exporter", "metrics")):
        text = await _text(scraper, f"/api/v1/namespaces/monitoring/services/{name}:{port}/proxy/metrics")
        _add(found, name, text)
    _, pods = await scraper.json("/api/v1/pods")
    for each in pods["items"]:
        name, namespace = each["metadata"]["name"], each["metadata"]["namespace"]
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        if name.startswith("dcgm"):
            _add(found, "dcgm-exporter", await _text(scraper, f"{path}:9400/proxy/metrics"))
        if name.startswith("shop"):
            _add(
                found,
                "kubernetes-pods",
                await _text(scraper, f"{path}:8000/proxy/metrics"),
                namespace=namespace,
                appservice="shop",
            )
    # What is asked over HTTP is counted; this test asks in process.
    server = scraper.twin.server
    for request in (Request("GET", "/api/v1/pods", {}), Request("GET", "/api/v1/pods", {"watch": "true"})):
        server.requests.count(server.kinds, request, 200, 0.01)
    _add(found, "apiserver", await _text(scraper, "/metrics"))
    return found


async def _create(scraper, manifest):
    namespace = manifest["metadata"].get("namespace", "default")
    path = "/" + PLURALS[manifest["kind"]].format(namespace)
    headers = {"content-type": "application/json"}
    response = await scraper.twin.server.handle(Request("POST", path, {}, headers, json.dumps(manifest).encode()))
    assert response.status < 300, response.body


async def _notify(registry):
    """Let a receiver of alerts answer one who may not."""

    async def send(message):
        pass

    receiver = Receiver("a-token-that-nobody-guesses", Standing(), lambda _: None, registry)
    await receiver({"type": "http", "path": "/alerts", "method": "POST", "headers": []}, None, send)


async def _taint(scraper, node):
    taint = {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}
    body = json.dumps({"spec": {"taints": [taint]}}).encode()
    headers = {"content-type": "application/merge-patch+json"}
    response = await scraper.twin.server.handle(Request("PATCH", f"/api/v1/nodes/{node}", {}, headers, body))
    assert response.status == 200, response.body


async def _text(scraper, path):
    response = await scraper.ask(path)
    assert response.status == 200, response.body
    return response.body.decode()


def _add(found, pool, text, **more):
    """Take samples with the labels that Prometheus adds to those of a target."""
    added = target_labels()[pool] | more
    # The parser adds to a counter's name what it misses.
    plain = {line.partition(" ")[0].partition("{")[0] for line in text.splitlines()}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name if sample.name in plain else sample.name.removesuffix("_total")
            found.setdefault(name, []).append(added | sample.labels)


def target_labels():
    """Return the labels that targets get, by job; a value that depends on the target is only there."""
    config = prometheus_config(Through("https://twin:1", "ca", "token"))
    found = {}
    for job in config["scrape_configs"]:
        name = job["job_name"]
        rules = [each for each in job["relabel_configs"] if not each.get("target_label", "__").startswith("__")]
        fixed = {each["target_label"]: each["replacement"] for each in rules if "replacement" in each}
        found[name] = {each["target_label"]: "some" for each in rules} | {"job": name} | fixed
    return found
