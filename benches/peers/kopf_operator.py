"""WebApps by Kopf, run by `kopf run`, to Kopf's advantage.

Handlers do not block; they write by one session of the HTTP library that Kopf has, not by a client library's objects;
no Events are posted, and the children are not watched.
"""

from __future__ import annotations

import base64
import json
import ssl
from datetime import UTC, datetime
from typing import Any

import aiohttp
import kopf

from benches.peers.children import deployment, service

MANAGER = {"fieldManager": "kopf-operator", "force": "true"}
CONNECTIONS = 32
APPLY = {"content-type": "application/apply-patch+yaml"}


class Server:
    """The one session of all handlers."""

    session: aiohttp.ClientSession


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.posting.enabled = False


@kopf.on.login()
async def login(**given: Any) -> kopf.ConnectionInfo | None:
    """Log in as Kopf does by itself, and keep what handlers need."""
    found = kopf.login_with_kubeconfig(**given)
    if found is not None:
        Server.session = aiohttp.ClientSession(
            found.server, headers={"authorization": f"Bearer {found.token}", **APPLY}, connector=_connector(found)
        )
    return found


def _connector(found: kopf.ConnectionInfo) -> aiohttp.TCPConnector:
    text = base64.b64decode(found.ca_data or b"").decode()
    return aiohttp.TCPConnector(ssl=ssl.create_default_context(cadata=text), limit=CONNECTIONS)


@kopf.on.create("webapps")
@kopf.on.update("webapps")
@kopf.on.resume("webapps")
async def keep(
    *, name: str, namespace: str, spec: kopf.Spec, meta: kopf.Meta, status: kopf.Status, patch: kopf.Patch, **_: Any
) -> None:
    """Apply the children, then say so in the status."""
    ports = [(port["name"], port["port"]) for port in spec["ports"]]
    children = (
        ("apis/apps/v1", "deployments", deployment(name, spec["image"], spec["replicas"], ports)),
        ("api/v1", "services", service(name, ports)),
    )
    generation = meta["generation"]
    if status.get("observedGeneration") == generation:
        return  # served before the operator was restarted
    for path, plural, manifest in children:
        kopf.adopt(manifest)
        url = f"/{path}/namespaces/{namespace}/{plural}/{name}"
        async with Server.session.patch(url, params=MANAGER, data=json.dumps(manifest)) as answer:
            answer.raise_for_status()
    patch.status["observedGeneration"] = generation
    patch.status["conditions"] = [_applied(status, generation)]


def _applied(status: kopf.Status, generation: int) -> dict[str, Any]:
    """Return the condition; its time is when it first became true."""
    since = next((each["lastTransitionTime"] for each in status.get("conditions", ())), None)
    return {
        "type": "Applied",
        "status": "True",
        "reason": "Applied",
        "message": "all children are as wanted",
        "observedGeneration": generation,
        "lastTransitionTime": since or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
