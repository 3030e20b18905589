"""A real Prometheus, as it is, discovers and scrapes a twin over TLS."""

import asyncio
import json
import math
import re
import subprocess
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from datetime import datetime
from fractions import Fraction

import pytest
import yaml

from kubewright.api.meta import rfc3339
from kubewright.client.config import ConnectionConfig
from kubewright.client.http import HttpTransport
from kubewright.series.prometheus import PrometheusSource
from kubewright.series.protocol import Expression, Missing, PodQuery, Signal, Why
from kubewright.series.windows import buckets, quantile
from tests.e2e.beside import PATIENCE_SECONDS, end, eventually
from tests.e2e.test_command_line import kubewright
from tests.e2e.test_twin_state import served
from tools.cluster import PROMETHEUS, kubectl_path

NODES = 2
TIMEOUT = f"--timeout={PATIENCE_SECONDS}s"

pytestmark = pytest.mark.skipif(not PROMETHEUS.built(), reason="`make prometheus` builds it")

APPLICATIONS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata:
      labels: {app: shop}
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/path: /stats
        twin.kubewright.dev/requests-per-second: "80"
        twin.kubewright.dev/cpu: 100m
        twin.kubewright.dev/cpu-per-request: 5m
        twin.kubewright.dev/memory: 100Mi
    spec:
      containers:
        - name: main
          image: shop:1
          ports: [{name: http, containerPort: 8000}]
          resources: {requests: {cpu: 200m, memory: 128Mi}, limits: {cpu: "1", memory: 256Mi}}
---
apiVersion: v1
kind: Pod
metadata: {name: train, annotations: {twin.kubewright.dev/gpu: 75%}}
spec:
  containers:
    - {name: main, image: "train:1", resources: {limits: {nvidia.com/gpu: "1"}}}
"""
LATE = """
apiVersion: v1
kind: Pod
metadata: {name: late, annotations: {prometheus.io/scrape: "true"}}
spec:
  containers:
    - {name: main, image: "late:1", ports: [{containerPort: 9000}]}
"""
PLAIN_PODS = """
global: {scrape_interval: 1s, evaluation_interval: 15s}
scrape_configs:
  - job_name: kubernetes-pods
    kubernetes_sd_configs:
      - role: pod
    relabel_configs:
      - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape]
        action: keep
        regex: true
      - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_path]
        action: replace
        target_label: __metrics_path__
        regex: (.+)
"""
"""How Prometheus is configured inside a cluster."""


class Prometheus:
    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, path, **query):
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=60) as answer:
            return json.load(answer)["data"]

    def targets(self, job=""):
        found = self.ask("targets", state="active")["activeTargets"]
        return [each for each in found if job in {"", each["scrapePool"]}]

    def values(self, query, **at):
        """Return `[(labels, value)]` of a query about now, or about a `time`."""
        found = self.ask("query", query=query, **at)["result"]
        return [(each["metric"], float(each["value"][1])) for each in found]

    def moments(self, selector):
        """Return when each sample of one series was scraped."""
        found = self.ask("query", query=f"{selector}[30m]")["result"]
        return [at for series in found for at, _ in series["values"]]

    def settle(self, query, lowest, highest, count=1):
        """Wait until a query has so many values, each within bounds, and return them.

        A rate comes there once it has enough samples; and whatever was not scraped in time is missing for a second.
        """

        def settled():
            found = self.values(query)
            return found if len(found) == count and all(lowest <= value <= highest for _, value in found) else None

        return eventually(settled, lambda: f"{query}: {self.values(query)}")

    def settle_at(self, query, value):
        """Wait until a query has one value, which is this one."""
        return self.settle(query, value, value)


@contextmanager
def prometheus(config, folder):
    """Run a Prometheus beside the tests, at a port that it chooses."""
    command = [PROMETHEUS.binary("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    log = folder / "prometheus.log"
    with log.open("w") as said:
        process = subprocess.Popen([*command, "--web.listen-address=127.0.0.1:0"], stdout=said, stderr=said)
    try:
        running = Prometheus(eventually(lambda: port_in(log, process), log.read_text))
        eventually(lambda: answers(running), log.read_text)
        yield running
    finally:
        end(process)


def port_in(log, process):
    """Return the port that a Prometheus or an Alertmanager listens at, once it says so."""
    text = log.read_text()
    assert process.poll() is None, text
    found = re.search(r'msg="Listening on".* address=127\.0\.0\.1:(\d+)', text)
    return found and int(found[1])


def answers(running):
    try:
        return running.ask("status/buildinfo")
    except OSError:
        return None


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    """A twin's kubeconfig; exporters and applications are applied to it."""
    folder = tmp_path_factory.mktemp("twin")
    path = folder / "kubeconfig"
    with served(path, "--nodes", str(NODES), "--gpus", "2"):
        apply(path, kubewright("twin", "exporters").stdout)
        apply(path, APPLICATIONS)
        deployed(path)
        yield path


@pytest.fixture(scope="module")
def running(twin, tmp_path_factory):
    """A Prometheus with the configuration that the command line writes."""
    folder = tmp_path_factory.mktemp("prometheus")
    done = kubewright("twin", "scrape-config", str(folder), "--interval", "1s", "--kubeconfig", str(twin))
    assert done.returncode == 0, done.stderr
    check(folder / "prometheus.yml")
    with prometheus(folder / "prometheus.yml", folder) as started:
        eventually(lambda: all_up(started))
        yield started


def all_up(started):
    targets = started.targets()
    return len({each["scrapePool"] for each in targets}) == 10 and all(each["health"] == "up" for each in targets)


def deployed(kubeconfig):
    """Wait until every Deployment and DaemonSet has its pods, and these are Ready."""
    for kind in ("deployment", "daemonset"):
        for each in kubectl(kubeconfig, "get", kind, "-A", "--no-headers").splitlines():
            namespace, name = each.split()[:2]
            kubectl(kubeconfig, "rollout", "status", f"{kind}/{name}", "-n", namespace, TIMEOUT)
    kubectl(kubeconfig, "wait", "--for=condition=Ready", "pods", "--all", "-A", TIMEOUT)


def kubectl(kubeconfig, *arguments, stdin=""):
    command = [str(kubectl_path()), "--kubeconfig", str(kubeconfig), *arguments]
    patience = PATIENCE_SECONDS + 60
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=patience, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def apply(kubeconfig, manifests):
    kubectl(kubeconfig, "apply", "-f", "-", stdin=manifests)


def check(config):
    command = [PROMETHEUS.binary("promtool"), "check", "config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("job", "amount", "labels"),
    [
        (
            "kubelet/cadvisor",
            NODES,
            {
                "node_name": "node-0.",
                "node_address_InternalIP": r"172\..*",
                "node_address_Hostname": "node-0.",
                "node_label_topology_kubernetes_io_zone": "zone-.",
                "node_labelpresent_kubernetes_io_hostname": "true",
                "node_provider_id": "twin://.*",
            },
        ),
        (
            "kubernetes-pods",
            2,
            {
                "namespace": "default",
                "pod_name": "shop-.*",
                "pod_ip": r"10\..*",
                "pod_host_ip": r"172\..*",
                "pod_node_name": "node-0.",
                "pod_phase": "Running",
                "pod_ready": "true",
                "pod_uid": ".{36}",
                "pod_controller_kind": "ReplicaSet",
                "pod_controller_name": "shop-.*",
                "pod_label_app": "shop",
                "pod_annotation_prometheus_io_path": "/stats",
                "pod_container_name": "main",
                "pod_container_image": "shop:1",
                "pod_container_port_name": "http",
                "pod_container_port_number": "8000",
                "pod_container_port_protocol": "TCP",
                "pod_container_init": "false",
            },
        ),
        (
            "kube-state-metrics",
            1,
            {
                "namespace": "monitoring",
                "service_name": "kube-state-metrics",
                "service_type": "ClusterIP",
                "service_cluster_ip": "None",
                "service_port_name": "http",
                "service_port_number": "8080",
                "service_label_app_kubernetes_io_name": "kube-state-metrics",
            },
        ),
        (
            "node-exporter",
            NODES,
            {
                "endpointslice_name": "node-exporter-.*",
                "endpointslice_address_type": "IPv4",
                "endpointslice_port": "9100",
                "endpointslice_port_name": "metrics",
                "endpointslice_endpoint_conditions_ready": "true",
                "endpointslice_address_target_kind": "Pod",
                "endpointslice_address_target_name": "node-exporter-.*",
                "service_name": "node-exporter",
                "pod_controller_kind": "DaemonSet",
            },
        ),
        (
            "apiserver",
            1,
            {
                "endpoints_name": "kubernetes",
                "endpoint_port_name": "https",
                "endpoint_ready": "true",
                "service_name": "kubernetes",
            },
        ),
    ],
    ids=["node", "pod", "service", "endpointslice", "endpoints"],
)
def test_a_role_discovers_its_targets_with_their_labels(running, job, amount, labels):
    def otherwise():
        targets = running.targets(job)
        if len(targets) != amount:
            return [f"{len(targets)} targets"]
        found = [
            (name, each["discoveredLabels"].get(f"__meta_kubernetes_{name}", "")) for each in targets for name in labels
        ]
        return [(name, value) for name, value in found if not re.fullmatch(labels[name], value)]

    eventually(lambda: not otherwise(), otherwise)


def test_containers_have_their_use(running):
    of_shop = 'namespace="default",container="main",image="shop:1"'
    # 100m of its own, and 40 requests a second of 5m each.
    used = running.settle(f"rate(container_cpu_usage_seconds_total{{{of_shop}}}[10s])", 0.27, 0.33, 2)
    for labels, _ in used:
        assert labels["metrics_path"] == "/metrics/cadvisor"
        assert labels["node"] == labels["instance"]
        assert labels["pod"].startswith("shop-")
    for metric, value in (("memory_working_set", 100.0 * (1 << 20)), ("spec_memory_limit", 256.0 * (1 << 20))):
        assert running.settle(f"container_{metric}_bytes{{{of_shop}}}", value, value, 2)


def test_objects_have_their_state(running):
    running.settle_at('kube_deployment_status_replicas_available{job="kube-state-metrics",deployment="shop"}', 2)
    running.settle_at('sum(kube_node_status_allocatable{resource="nvidia_com_gpu",unit="integer"})', 2 * NODES)
    running.settle_at('count(kube_pod_status_phase{phase="Running",namespace="default"} == 1)', 3)


def test_nodes_have_their_state(running):
    running.settle_at('count(node_uname_info{job="node-exporter"})', NODES)
    running.settle_at("sum(node_memory_MemTotal_bytes)", NODES * float(32 << 30))
    running.settle('avg(rate(node_cpu_seconds_total{mode="idle"}[10s]))', 0.8, 1.02)
    running.settle_at('count(kubelet_node_name{job="kubelet",metrics_path="/metrics"})', NODES)


def test_gpus_have_their_duty_and_their_holder(running):
    ((labels, _),) = running.settle_at('DCGM_FI_DEV_GPU_UTIL{pod="train"}', 75)
    assert (labels["namespace"], labels["container"], labels["Hostname"]) == ("default", "main", labels["node"])
    running.settle_at("count(DCGM_FI_DEV_POWER_USAGE)", 2 * NODES)


def test_applications_have_their_requests(running):
    running.settle('sum(rate(http_requests_total{namespace="default"}[10s]))', 72, 88)
    quantile = "histogram_quantile(0.5, sum by (le) (rate(http_request_duration_seconds_bucket[10s])))"
    running.settle(quantile, 0.01, 0.1)


@pytest.mark.parametrize(
    ("signal", "lowest", "highest"),
    [
        pytest.param(Signal.CPU, 0.54, 0.66, id="cpu"),
        pytest.param(Signal.MEMORY, 200.0 * (1 << 20), 200.0 * (1 << 20), id="memory"),
        pytest.param(Signal.REQUESTS, 72, 88, id="requests"),
        pytest.param(Signal.ERRORS, 0, 0, id="errors, of which there were none"),
    ],
)
def test_decisions_read_it_by_pod(running, signal, lowest, highest):
    def settled():
        found = by_name(running, PodQuery(signal, 10.0, "default"))
        of_shop = [value for name, value in found.items() if "shop" in name]
        return len(of_shop) == 2 and lowest <= sum(of_shop) <= highest

    eventually(settled)


def test_decisions_read_latency_and_gpus(running):
    def latency():
        found = measured(running, PodQuery(Signal.LATENCY, 10.0))
        counted = found if isinstance(found, Missing) else buckets(found, set(found.by_pod()))
        return not isinstance(counted, Missing) and 0.01 < quantile(counted, 0.5) < 0.1

    eventually(latency)
    eventually(lambda: by_name(running, PodQuery(Signal.GPU, 10.0, "default")) == {"train": 0.75})
    ((_, mebibytes),) = running.settle('DCGM_FI_DEV_FB_USED{pod="train"}', 1, math.inf)
    of_train = PodQuery(Signal.GPU_MEMORY, 10.0, "default", "tr.*")
    eventually(lambda: by_name(running, of_train) == {"train": mebibytes * (1 << 20)})
    others = measured(running, PodQuery(Signal.GPU_MEMORY, 10.0, "default", "shop.*"))
    assert others.why is Why.NO_DATA


def test_what_a_store_refuses_or_lacks_is_said(running):
    assert measured(running, Expression("up{")).why is Why.INVALID
    assert measured(running, Expression("nothing_of_that_name")).why is Why.NO_DATA
    assert measured(running, Expression("count(up)")).single() >= 10


def by_name(running, query):
    """Return what was measured of pods, which may be nothing yet."""
    found = measured(running, query)
    return {} if isinstance(found, Missing) else {key.name: each.value for key, each in found.by_pod().items()}


def measured(running, query):
    async def ask():
        transport = HttpTransport(ConnectionConfig(running.url))
        try:
            return await PrometheusSource(transport).instant(query)
        finally:
            await transport.close()

    return asyncio.run(ask())


def test_the_api_server_counts_the_watches_of_its_prometheus(running):
    running.settle('sum(apiserver_request_total{verb="WATCH",resource="pods"})', 1, math.inf)


def test_a_pod_that_comes_later_is_scraped_and_one_that_goes_is_not(running, twin):
    def pods():
        return {each["labels"]["pod"] for each in running.targets("kubernetes-pods") if each["health"] == "up"}

    assert "late" not in pods()
    apply(twin, LATE)
    eventually(lambda: "late" in pods())
    running.settle('process_cpu_seconds_total{pod="late"}', 0, math.inf)
    kubectl(twin, "delete", "pod", "late", "--now")
    eventually(lambda: "late" not in pods())


def test_costs_are_what_was_used_also_of_pods_that_are_gone(running, twin):
    known = 'time() - min_over_time(timestamp(kube_node_info{node="node-01"})[30m:1s])'
    eventually(lambda: [each for each in running.values(known) if each[1] > 2 * PART_SECONDS])
    begin = int(time.time() // PART_SECONDS * PART_SECONDS)
    apply(twin, BRIEF)
    kubectl(twin, "wait", "--for=condition=Ready", "pod", "brief", TIMEOUT)
    # Of a pod that was seen for less than a second nothing may be charged.
    eventually(lambda: (seen := running.moments(BRIEFLY)) and seen[-1] - seen[0] > 3)
    started = kubectl(twin, "get", "pod", "brief", "-o", "jsonpath={.status.startTime}")
    kubectl(twin, "delete", "pod", "brief", "--now")
    (last, missed), part_end = eventually(lambda: gone_and_past(running, BRIEFLY))
    born, seconds = datetime.fromisoformat(started).timestamp(), part_end - begin

    def cost(*more):
        window = ["--window", f"{rfc3339(begin)},{rfc3339(part_end)}", "--resolution", f"{PART_SECONDS}s"]
        window += ["--prometheus", running.url]
        done = kubewright("cost", "--kubeconfig", str(twin), *window, "-o", "json", *more)
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        (step,) = document["steps"]
        rows = {each.pop("name"): {key: Fraction(value) for key, value in each.items()} for each in step["rows"]}
        assert sum(each["total"] for each in rows.values()) == Fraction(step["cost"])
        assert document["coverage"]["window"] == 1
        return rows, float(step["cost"])

    rows, _ = cost("--by", "pod")
    core_second, gpu_second = 0.031611 / 3600, 0.95 / 3600
    assert last - born - 2 <= float(rows["default/brief"]["cpu"]) / core_second <= missed - born + 2
    shops = [each for name, each in rows.items() if "shop" in name]
    assert len(shops) == 2
    for shop in shops:  # 0.3 cores are used where 0.2 are requested
        assert float(shop["cpu"]) == pytest.approx(0.3 * core_second * seconds, rel=0.2)
        assert shop["memory"] > 0
    train = rows["default/train"]
    assert float(train["gpu"]) == pytest.approx(gpu_second * seconds)
    assert float(train["gpuWasted"]) == pytest.approx(0.25 * float(train["gpu"]), rel=0.01)
    nodes, whole = cost("--by", "node", "--idle", "share")
    assert set(nodes) == {"node-01", "node-02"}
    assert whole == pytest.approx(2 * (gpu_second * 2 + core_second * 8 + 32 * 0.004237 / 3600) * seconds)


PART_SECONDS = 10
BRIEFLY = 'kube_pod_info{pod="brief"}'
BRIEF = """
apiVersion: v1
kind: Pod
metadata: {name: brief}
spec:
  containers:
    - {name: main, image: "brief:1", resources: {requests: {cpu: "1"}}}
"""


def gone_and_past(running, selector):
    """Return when a pod was last seen and first missed, and the end of a later part at which no other is missing."""
    last = running.moments(selector)[-1]
    missed = min((at for at in running.moments('kube_node_info{node="node-01"}') if at > last), default=math.inf)
    part_end = int(time.time() // PART_SECONDS * PART_SECONDS)
    others = running.values('count(kube_node_info) + count(kube_pod_info{namespace="default"})', time=part_end)
    whole = missed < part_end and [value for _, value in others] == [NODES + 3]
    return ((last, missed), part_end) if whole else None


def test_a_configuration_from_inside_a_cluster_discovers_the_same_pods(twin, tmp_path):
    document = yaml.safe_load(PLAIN_PODS)
    plain = tmp_path / "plain.yml"
    plain.write_text(PLAIN_PODS)
    check(plain)
    # Outside of a cluster it must be told where that is.
    document["scrape_configs"][0]["kubernetes_sd_configs"][0]["kubeconfig_file"] = str(twin)
    config = tmp_path / "prometheus.yml"
    config.write_text(yaml.safe_dump(document))
    with prometheus(config, tmp_path) as started:
        targets = eventually(lambda: found if len(found := started.targets("kubernetes-pods")) == 2 else None)
        assert {urllib.parse.urlsplit(each["scrapeUrl"]).path for each in targets} == {"/stats"}
        assert {urllib.parse.urlsplit(each["scrapeUrl"]).port for each in targets} == {8000}


def test_kubectl_shows_the_top(twin):
    eventually(lambda: [line.split()[0] for line in top(twin, "nodes")] == ["node-01", "node-02"])

    def of_shop():
        return [line.split() for line in top(twin, "pods", "--containers") if "shop" in line]

    pods = eventually(lambda: found if len(found := of_shop()) == 2 else None, of_shop)
    assert {(line[1], line[3]) for line in pods} == {("main", "100Mi")}
    for line in pods:
        assert 250 < int(line[2].removesuffix("m")) < 350


def top(kubeconfig, *what):
    command = [str(kubectl_path()), "--kubeconfig", str(kubeconfig), "top", *what, "--no-headers"]
    # It fails while there are no metrics yet.
    return subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    ).stdout.splitlines()
