"""What a cluster tells before anything is installed there: plain documents, for `doctor` to judge.

Whoever asks may not be allowed to see all of it, and a cluster may lack what is asked for: both are answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kubewright.api.places import SYSTEM_NAMESPACE
from kubewright.client.protocol import Client
from kubewright.client.reviews import may
from kubewright.errors import ErrorKind, OpError

_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
PATHS: Mapping[str, str] = {
    "version": "/version",
    "definitions": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "nodes": "/api/v1/nodes",
    "namespace": f"/api/v1/namespaces/{SYSTEM_NAMESPACE}",
    "metrics": "/apis/metrics.k8s.io/v1beta1",
    "fairness": "/apis/flowcontrol.apiserver.k8s.io/v1",
    "policies": _ADMISSION,
    "validating": f"{_ADMISSION}/validatingwebhookconfigurations",
    "mutating": f"{_ADMISSION}/mutatingwebhookconfigurations",
    "daemonsets": "/apis/apps/v1/daemonsets",
}


@dataclass(frozen=True, slots=True)
class Right:
    """Something that whoever installs must be allowed, by the names that a cluster is asked with."""

    verb: str
    group: str
    resource: str
    namespace: str = ""

    def __str__(self) -> str:
        place = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{f'.{self.group}' if self.group else ''}{place}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The answers."""

    told: Mapping[str, Any]
    """By the names of `PATHS`; what is not there was refused or is not served."""
    refused: Mapping[str, str]
    """Name -> why there is no telling."""
    denied: Sequence[Right] = ()
    deaf: Mapping[str, str] = field(default_factory=dict[str, str])
    """Webhook -> why nobody answers it."""


async def gather(client: Client, rights: Sequence[Right]) -> Evidence:
    """Ask; raises OpError where there is no cluster, or no person whom it knows."""
    told: dict[str, Any] = {}
    refused: dict[str, str] = {}
    # The first alone: a cluster that does not answer is told once.
    told["version"] = await client.raw("GET", PATHS["version"])
    async with asyncio.TaskGroup() as tasks:
        for name, path in PATHS.items():
            if name != "version":
                tasks.create_task(_ask(client, name, path, told, refused))
        allowed = [tasks.create_task(may(client, {"resourceAttributes": asdict(each)})) for each in rights]
    denied = [right for right, answer in zip(rights, allowed, strict=True) if not answer.result()]
    return Evidence(told, refused, denied, await _deaf(client, told))


async def _ask(client: Client, name: str, path: str, told: dict[str, Any], refused: dict[str, str]) -> None:
    try:
        told[name] = await client.raw("GET", path)
    except OpError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            refused[name] = error.detail


async def _deaf(client: Client, told: Mapping[str, Any]) -> dict[str, str]:
    """Return which webhooks, that must answer, have a Service without anybody behind it; many may share one."""
    found: dict[str, str] = {}
    known: dict[tuple[str, str], str] = {}
    for configuration in [*items(told, "validating"), *items(told, "mutating")]:
        for hook in configuration.get("webhooks") or ():
            service = hook.get("clientConfig", {}).get("service")
            if service is None or hook.get("failurePolicy", "Fail") != "Fail":
                continue
            place = service["namespace"], service["name"]
            if place not in known:
                known[place] = await _silent(client, *place)
            if known[place]:
                found[f"{configuration['metadata']['name']}/{hook['name']}"] = known[place]
    return found


async def _silent(client: Client, namespace: str, name: str) -> str:
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    try:
        await client.raw("GET", f"/api/v1/namespaces/{namespace}/services/{name}")
        slices = await client.raw("GET", path, query={"labelSelector": f"kubernetes.io/service-name={name}"})
    except OpError as error:
        return f"there is no Service {namespace}/{name}" if error.kind is ErrorKind.NOT_FOUND else ""
    ends = [end for each in slices["items"] for end in each.get("endpoints") or ()]
    ready = any(end.get("conditions", {}).get("ready", True) for end in ends)
    return "" if ready else f"Service {namespace}/{name} has no ready endpoint"


def items(told: Mapping[str, Any], name: str) -> Sequence[Any]:
    """Return the objects of a list among what was told; none if it was not."""
    return told.get(name, {}).get("items") or ()
