"""A small cluster with exporters, asked as Prometheus and kubectl ask, under virtual time."""

import json

from prometheus_client.parser import text_string_to_metric_families

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import PODS, SERVICES
from kubewright.client.transport import Request
from kubewright.clock import Clock, run_virtual
from kubewright.twin.cluster import Twin
from kubewright.twin.nodes import NodeShape

PREFIX = "twin.kubewright.dev/"
PROXY = "/api/v1/namespaces/default/pods/{}/proxy/metrics"
CADVISOR = "/api/v1/nodes/{}/proxy/metrics/cadvisor"


def pod(name, image="app:1", *, ports=(), annotations=None, requests=None, limits=None, node=""):
    container = {
        "name": "main",
        "image": image,
        "ports": [{"containerPort": port} for port in ports],
        "resources": {"requests": requests or {}, "limits": limits or {}},
    }
    spec = {"containers": [container]} | ({"nodeName": node} if node else {})
    notes = {PREFIX + key: text for key, text in (annotations or {}).items()}
    metadata = {"name": name, "annotations": notes, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def deployment(name, template, replicas):
    labels = {"app": name}
    template = {"metadata": {**template["metadata"], "labels": labels}, "spec": template["spec"]}
    del template["metadata"]["name"]
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


class Scraper:
    """Asks a twin's server."""

    def __init__(self, twin):
        self.twin = twin
        self.client = twin.client()

    async def create(self, manifest):
        resource = {"Pod": PODS, "Deployment": DEPLOYMENTS, "Service": SERVICES}[manifest["kind"]]
        return await self.client.create(resource, manifest, namespace="default")

    async def ask(self, path, method="GET", **query):
        accept = query.pop("accept", "")
        headers = {"accept": accept} if accept else {}
        return await self.twin.server.handle(Request(method, path, query, headers))

    async def json(self, path, **query):
        response = await self.ask(path, **query)
        return response.status, json.loads(response.body)

    async def scrape(self, path):
        """Return `{name: {frozenset of labels: value}}`, having read all of it as Prometheus would."""
        response = await self.ask(path)
        assert response.status == 200, response.body
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        return samples(response.body.decode())


def samples(text):
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            of_name = found.setdefault(sample.name, {})
            labels = frozenset(sample.labels.items())
            assert labels not in of_name, f"{sample.name} twice with {sample.labels}"
            of_name[labels] = sample.value
    return found


def value(found, name, **labels):
    """Return the one sample that has these labels; the parser adds to a counter's name what it misses."""
    of_name = found.get(name) or found[f"{name}_total"]
    (match,) = [number for has, number in of_name.items() if labels.items() <= dict(has).items()]
    return match


def on_twin(scenario, *, nodes=1, shape=None):
    """Run a scenario on a twin of its own."""

    async def run():
        async with Twin(Clock.virtual(), nodes=nodes, shape=shape or NodeShape()) as twin:
            return await scenario(Scraper(twin))

    return run_virtual(run())
