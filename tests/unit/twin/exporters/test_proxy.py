"""Who can be reached through the API server, and what is said of who cannot."""

import asyncio
import json

import pytest

from kubewright.api.core import PODS
from kubewright.client.transport import Request
from kubewright.twin.access.users import User
from tests.unit.twin.exporters.scraping import PROXY, deployment, on_twin, pod, samples, value

NODE = "/api/v1/nodes/{}/proxy/{}"
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "shop"},
    "spec": {"selector": {"app": "shop"}, "ports": [{"name": "web", "port": 80, "targetPort": 8000}]},
}


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        (NODE.format("nobody", "metrics"), 404, 'nodes "nobody" not found'),
        (NODE.format("node-01:10250", "healthz"), 200, ""),
        (NODE.format("https:node-01:10250", "metrics"), 200, ""),
        (NODE.format("node-01:9100", "metrics"), 503, "connect: connection refused"),
        (NODE.format("a:b:c:d", "metrics"), 400, "invalid node request"),
        (NODE.format("node-01", "nowhere"), 404, None),
        (PROXY.format("nobody"), 404, 'pods "nobody" not found'),
        (PROXY.format("waits"), 400, "address not allowed"),
        (PROXY.format("a"), 200, ""),
        (PROXY.format("a:8000"), 200, ""),
        (PROXY.format("http:a:8000"), 200, ""),
        (PROXY.format("a:8001"), 503, "connect: connection refused"),
        (PROXY.format("a:web"), 503, "connect: connection refused"),
        (PROXY.format("a") + "/more", 404, None),
        (PROXY.format("silent"), 503, "connect: connection refused"),
        ("/api/v1/namespaces/default/services/none/proxy/metrics", 404, 'services "none" not found'),
        ("/api/v1/namespaces/default/services/shop:web/proxy/metrics", 200, ""),
        ("/api/v1/namespaces/default/services/shop:80/proxy/metrics", 200, ""),
        (
            "/api/v1/namespaces/default/services/shop:81/proxy/metrics",
            503,
            'no service port 81 found for service "shop"',
        ),
        ("/api/v1/namespaces/default/services/idle/proxy/metrics", 503, 'no endpoints available for service "idle"'),
    ],
)
def test_what_a_proxy_answers(answers, path, status, message):
    code, body = answers[path]
    assert code == status
    assert message is None or message in body


@pytest.fixture(scope="module")
def answers():
    cases = next(mark for mark in test_what_a_proxy_answers.pytestmark if mark.name == "parametrize").args[1]

    async def scenario(scraper):
        await scraper.create(pod("a", ports=[8000], node="node-01"))
        await scraper.create(pod("silent", node="node-02"))
        await scraper.create(pod("waits", requests={"cpu": "900"}))
        await scraper.create(deployment("shop", pod("shop", ports=[8000], node="node-01"), 2))
        await scraper.create(SERVICE)
        await scraper.create(
            {**SERVICE, "metadata": {"name": "idle"}, "spec": {**SERVICE["spec"], "selector": {"app": "x"}}}
        )
        await asyncio.sleep(10)
        scraper.twin.kubelet.kill_node("node-02")
        return {path: await read(scraper, path) for path, _, _ in cases}

    async def read(scraper, path):
        response = await scraper.ask(path)
        text = response.body.decode()
        return response.status, json.loads(text)["message"] if text.startswith("{") else text

    return on_twin(scenario, nodes=2)


def test_only_who_may_use_the_proxy_is_let_through():
    async def scenario(scraper):
        request = Request("GET", NODE.format("node-01", "metrics"))
        return (
            await scraper.twin.server.handle(request, User("somebody", groups=("system:authenticated",)))
        ).body.decode()

    assert 'cannot get resource \\"nodes/proxy\\"' in on_twin(scenario)


def test_nothing_but_reading_is_taken():
    async def scenario(scraper):
        await asyncio.sleep(1)
        return (await scraper.ask(NODE.format("node-01", "metrics"), "POST")).status

    assert on_twin(scenario) == 405


def test_an_app_tells_of_its_requests():
    async def scenario(scraper):
        annotations = {"requests-per-second": "40", "latency": "30ms", "error-rate": "25%"}
        await scraper.create(deployment("shop", pod("shop", ports=[8000], annotations=annotations), 2))
        await asyncio.sleep(60)
        found = {}
        for each in (await scraper.client.list(PODS)).items:
            found[each.metadata.name] = await scraper.scrape(PROXY.format(each.metadata.name))
        return found

    found = on_twin(scenario)
    assert len(found) == 2
    for of_pod in found.values():
        answered = value(of_pod, "http_requests_total", code="200")
        failed = value(of_pod, "http_requests_total", code="500")
        assert 800 < answered + failed < 2400
        assert failed == pytest.approx((answered + failed) / 4)
        buckets = of_pod["http_request_duration_seconds_bucket"]
        assert max(buckets.values()) == value(of_pod, "http_request_duration_seconds_count")
        assert value(of_pod, "http_request_duration_seconds_bucket", le="0.25") > answered


def test_a_path_of_its_own_is_heeded():
    async def scenario(scraper):
        manifest = pod("a")
        manifest["metadata"]["annotations"] = {"prometheus.io/path": "/stats/prometheus"}
        await scraper.create(manifest)
        await asyncio.sleep(10)
        base = PROXY.format("a").removesuffix("metrics")
        return [await scraper.ask(base + rest) for rest in ("metrics", "stats/prometheus")]

    at_metrics, at_own = on_twin(scenario)
    assert at_metrics.status == 404
    assert "process_cpu_seconds_total" in samples(at_own.body.decode())
