"""Stand-ins for a metrics adapter and for the store behind it: both are told the same numbers.

A control plane's own autoscaler asks the adapter (`custom.metrics.k8s.io`, `external.metrics.k8s.io`), ours the store,
by PromQL.
"""

import re
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from kubewright.api.meta import rfc3339
from kubewright.api.quantity import milli
from kubewright.autoscaler.batching import LABEL
from tests import loopback
from tests.contract.metrics_server import aggregated

CUSTOM, EXTERNAL = ("custom.metrics.k8s.io", "v1beta2"), ("external.metrics.k8s.io", "v1beta1")
_PART = re.compile(rf'label_replace\(\((.*?)\s*\), "{LABEL}", "(\d+)", "", ""\)', re.DOTALL)


@dataclass(frozen=True)
class Number:
    """What a metric is: of each pod of a Deployment, or in all. `lacking` pods have none, the first ones by name."""

    each: str
    lacking: int = 0


@asynccontextmanager
async def serving(folder, api, namespace, numbers):
    """Serve what `numbers` say by their names; yield the address of the store."""

    def measured(item):
        return {"metric": {"name": item}, "timestamp": rfc3339(time.time()), "value": numbers[item].each}

    async def of_pods(request):
        name = request.match_info["metric"]
        head = {"kind": "MetricValueList", "apiVersion": "/".join(CUSTOM), "metadata": {}}
        found = await pods(name, request.query.get("labelSelector", ""))
        about = {"kind": "Pod", "apiVersion": "/v1", "namespace": namespace}
        items = [{"describedObject": about | {"name": each}, **measured(name)} for each in found]
        return web.json_response({**head, "items": items})

    async def of_service(request):
        name = request.match_info["metric"]
        about = {"kind": "Service", "apiVersion": "/v1", "namespace": namespace, "name": request.match_info["name"]}
        head = {"kind": "MetricValueList", "apiVersion": "/".join(CUSTOM), "metadata": {}}
        return web.json_response({**head, "items": [{"describedObject": about, **measured(name)}]})

    async def external(request):
        name = request.match_info["metric"]
        item = {"metricName": name, "metricLabels": {}, "timestamp": rfc3339(time.time()), "value": numbers[name].each}
        head = {"kind": "ExternalMetricValueList", "apiVersion": "/".join(EXTERNAL), "metadata": {}}
        return web.json_response({**head, "items": [item]})

    async def pods(name, selector=""):
        chosen = {"labelSelector": selector or f"app={name.replace('_', '-')}", "fieldSelector": "status.phase=Running"}
        found = (await api.of("pods", namespace).list(**chosen)).ok()["items"]
        return sorted(each["metadata"]["name"] for each in found)[numbers[name].lacking :]

    async def store(request):
        query = (await request.post())["query"]
        parts = [(text, {LABEL: index}) for text, index in _PART.findall(query)] or [(query, {})]
        result = []
        for text, labels in parts:
            per_pod, name = text.startswith("each_"), text.strip().removeprefix("each_")
            if name not in numbers:
                continue
            places = [{"namespace": namespace, "pod": pod} for pod in await pods(name)] if per_pod else [{}]
            value = [time.time(), str(milli(numbers[name].each) / 1000)]
            result += [{"metric": {**labels, **place}, "value": value} for place in places]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": result}})

    app = web.Application()
    app.router.add_post("/api/v1/query", store)
    place = f"/namespaces/{namespace}"
    custom = {f"{place}/pods/*/{{metric}}": of_pods, f"{place}/services/{{name}}/{{metric}}": of_service}
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(loopback.serving(app))
        await stack.enter_async_context(aggregated(folder, api, CUSTOM, custom))
        await stack.enter_async_context(aggregated(folder, api, EXTERNAL, {f"{place}/{{metric}}": external}))
        yield f"http://127.0.0.1:{port}"
