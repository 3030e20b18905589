"""What it costs a twin of 500 nodes to be scraped: CPU of one round over all kubelets, and of kube-state-metrics.

A Prometheus scrapes every 15 seconds, so a round may cost a small part of that. The twin lives under virtual time, in
process; HTTP and TLS are not in these figures.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from benches.report import report, result
from kubewright.api.apps import DEPLOYMENTS
from kubewright.client.transport import Request
from kubewright.clock import Clock, run_virtual
from kubewright.twin.cluster import Twin
from kubewright.twin.exporters.manifests import NAMESPACE, exporters

INTERVAL_SECONDS = 15
GOAL_ROUND_SECONDS = 1.5
GOAL_STATE_SECONDS = 0.5
PODS_PER_NODE = 4


async def fill(twin: Twin, pods: int) -> None:
    """Run pods that take requests, and the exporters."""
    client = twin.client()
    labels = {"app": "shop"}
    container = {
        "name": "main",
        "image": "shop:1",
        "ports": [{"containerPort": 8000}],
        "resources": {"requests": {"cpu": "200m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}},
    }
    notes = {"twin.kubewright.dev/requests-per-second": "diurnal 1000..50000"}
    template = {"metadata": {"labels": labels, "annotations": notes}, "spec": {"containers": [container]}}
    spec = {"replicas": pods, "selector": {"matchLabels": labels}, "template": template}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"}, "spec": spec}
    await client.create(DEPLOYMENTS, manifest, namespace="default")
    for each in exporters():
        if each["kind"] == "Namespace":
            await client.raw("POST", "/api/v1/namespaces", body=each)
        elif each["metadata"]["name"] == "kube-state-metrics":
            group = "/apis/apps/v1" if each["kind"] == "Deployment" else "/api/v1"
            await client.raw("POST", f"{group}/namespaces/{NAMESPACE}/{each['kind'].lower()}s", body=each)
    await asyncio.sleep(45)


async def scrape(twin: Twin, *paths: str) -> tuple[float, int]:
    """Return the CPU seconds that it takes to answer, and the samples."""
    samples = 0
    begun = time.process_time()
    for path in paths:
        response = await twin.server.handle(Request("GET", path))
        assert response.status == 200, response.body
        samples += response.body.count(b"\n") - 2 * response.body.count(b"# TYPE")
    return time.process_time() - begun, samples


async def rounds(nodes: int, count: int) -> None:
    async with Twin(Clock.virtual(), nodes=nodes) as twin:
        await fill(twin, nodes * PODS_PER_NODE)
        cadvisors = [f"/api/v1/nodes/{name}/proxy/metrics/cadvisor" for name in twin.nodes.names]
        state = f"/api/v1/namespaces/{NAMESPACE}/services/kube-state-metrics:http/proxy/metrics"
        found: dict[str, list[float]] = {"cadvisor": [], "state": [], "top": []}
        samples = {"cadvisor": 0, "state": 0}
        for _ in range(count):
            await asyncio.sleep(INTERVAL_SECONDS)
            seconds, samples["cadvisor"] = await scrape(twin, *cadvisors)
            found["cadvisor"].append(seconds)
            seconds, samples["state"] = await scrape(twin, state)
            found["state"].append(seconds)
            seconds, _ = await scrape(twin, "/apis/metrics.k8s.io/v1beta1/pods")
            found["top"].append(seconds)
    note = f"{samples['cadvisor'] // nodes} series each"
    of_state = f"{samples['state']} series"
    report(
        "scrape",
        [
            result(
                f"cadvisor of {nodes} nodes, {note}",
                "s of CPU",
                found["cadvisor"],
                goal=GOAL_ROUND_SECONDS,
                less_is_better=True,
            ),
            result(
                f"kube-state-metrics, {of_state}",
                "s of CPU",
                found["state"][1:],
                goal=GOAL_STATE_SECONDS,
                less_is_better=True,
            ),
            result("kubectl top pods: usage of all pods", "s of CPU", found["top"]),
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    run_virtual(rounds(options.nodes, options.rounds))


if __name__ == "__main__":
    main()
