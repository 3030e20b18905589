"""`metrics.k8s.io`: what `kubectl top` and autoscalers are told."""

import asyncio

import pytest

from kubewright.api.quantity import parse_quantity
from tests.unit.twin.exporters.scraping import on_twin, pod

BASE = "/apis/metrics.k8s.io/v1beta1"
PODS = f"{BASE}/namespaces/default/pods"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def usage_of(scraper_answer):
    _, body = scraper_answer
    (container,) = body["containers"]
    return container["name"], float(parse_quantity(container["usage"]["cpu"])), container["usage"]["memory"]


def test_a_pod_is_missing_until_it_ran_for_a_while():
    async def scenario(scraper):
        await scraper.create(pod("a", annotations={"cpu": "250m", "memory": "64Mi"}))
        await asyncio.sleep(5)
        early = await scraper.json(f"{PODS}/a")
        await asyncio.sleep(40)
        return early, await scraper.json(f"{PODS}/a"), await scraper.json(PODS), await scraper.json(f"{BASE}/pods")

    (code, status), found, listed, everywhere = on_twin(scenario)
    assert (code, status["message"]) == (404, 'pods.metrics.k8s.io "default/a" not found')
    assert usage_of(found) == ("main", pytest.approx(0.25), "64Mi")
    assert (found[1]["kind"], found[1]["window"]) == ("PodMetrics", "15s")
    (item,) = listed[1]["items"]
    assert item["metadata"]["labels"]["app"] == "a"
    assert listed[1]["kind"] == "PodMetricsList"
    assert everywhere[1]["items"] == listed[1]["items"]


def test_selectors_choose():
    async def scenario(scraper):
        for name in ("a", "b"):
            await scraper.create(pod(name))
        await asyncio.sleep(40)
        asked = ({"labelSelector": "app=b"}, {"fieldSelector": "metadata.name=a"}, {"labelSelector": "app in ("})
        return [await scraper.json(PODS, **query) for query in asked]

    by_label, by_field, refused = on_twin(scenario)
    assert [each["metadata"]["name"] for each in by_label[1]["items"]] == ["b"]
    assert [each["metadata"]["name"] for each in by_field[1]["items"]] == ["a"]
    assert refused[0] == 400


def test_a_node_is_the_sum_of_its_pods_and_the_system():
    async def scenario(scraper):
        for name in ("a", "b"):
            await scraper.create(pod(name, annotations={"cpu": "1", "memory": "1Gi"}, node="node-01"))
        await asyncio.sleep(60)
        scraper.twin.kubelet.kill_node("node-02")
        return await scraper.json(f"{BASE}/nodes"), await scraper.json(f"{BASE}/nodes/node-02")

    (_, listed), (code, _) = on_twin(scenario, nodes=2)
    (node,) = listed["items"]
    assert node["metadata"]["name"] == "node-01"
    assert 2 < float(parse_quantity(node["usage"]["cpu"])) < 2.3
    assert parse_quantity(node["usage"]["memory"]) > 2 << 30
    assert code == 404


def test_it_is_shown_as_a_table():
    async def scenario(scraper):
        empty = await scraper.json(PODS, accept=TABLE)
        await scraper.create(pod("a", annotations={"cpu": "250m", "memory": "64Mi"}))
        await asyncio.sleep(45)
        return empty, await scraper.json(PODS, accept=TABLE)

    (_, empty), (_, table) = on_twin(scenario)
    assert empty["rows"] == []
    assert [each["name"] for each in table["columnDefinitions"]] == ["Name", "cpu", "memory", "Window"]
    ((name, cpu, memory, window),) = [row["cells"] for row in table["rows"]]
    assert (name, cpu, memory, window) == ("a", "250m", "64Mi", "15s")


@pytest.mark.parametrize(
    ("method", "path", "query", "code"),
    [
        ("POST", PODS, {}, 405),
        ("DELETE", f"{PODS}/a", {}, 405),
        ("GET", PODS, {"watch": "true"}, 405),
        ("GET", f"{BASE}/namespaces/default/nodes", {}, 404),
        ("GET", f"{BASE}/deployments", {}, 404),
    ],
)
def test_what_it_does_not_serve(method, path, query, code):
    async def scenario(scraper):
        return (await scraper.ask(path, method, **query)).status

    assert on_twin(scenario) == code


def test_it_is_discovered():
    async def scenario(scraper):
        return (await scraper.json(BASE))[1], (await scraper.json("/apis/metrics.k8s.io"))[1]

    resources, group = on_twin(scenario)
    assert [(each["name"], each["kind"], each["verbs"]) for each in resources["resources"]] == [
        ("nodes", "NodeMetrics", ["get", "list"]),
        ("pods", "PodMetrics", ["get", "list"]),
    ]
    assert group["preferredVersion"]["groupVersion"] == "metrics.k8s.io/v1beta1"
