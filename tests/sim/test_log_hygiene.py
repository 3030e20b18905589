"""What is secret stays where it is: not in logs, events, statuses or anything else that is written."""

from __future__ import annotations

import asyncio
import base64
import json
import logging

from kubewright.api.core import NAMESPACES, SECRETS
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.meta import ObjectKey
from kubewright.app import Choices, Platform
from kubewright.client.config import Basic, ClientCertificate, ConnectionConfig, Oidc, Token
from kubewright.clock import Clock, run_virtual
from kubewright.twin.cluster import Twin

MARK = "s3cr3t-0f-sh0ps"
ENCODED = base64.b64encode(MARK.encode()).decode()
APP = {
    "metadata": {"name": "shop"},
    "spec": {
        "image": "registry.example.com/shop:1",
        "ports": [{"port": 80}],
        "env": [
            {"name": "PASSWORD", "fromSecret": {"name": "shop", "key": "password"}},
            {"name": "LOST", "fromSecret": {"name": "shop", "key": "missing"}},
        ],
        "envFrom": [{"secret": "shop"}],
    },
}
PATHS = (
    "/api/v1/events",
    "/api/v1/pods",
    "/api/v1/configmaps",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/replicasets",
    "/apis/app.example.com/v1/appservices",
    "/apis/coordination.k8s.io/v1/leases",
)


def test_nothing_secret_is_logged_or_written(caplog):
    caplog.set_level(logging.DEBUG)

    async def main():
        async with Twin(Clock.virtual(), nodes=1) as twin, asyncio.TaskGroup() as tasks:
            client = twin.client()
            chosen = Choices(services=("workloads", "scheduler"))
            platform = Platform(client, twin.clock, choices=chosen)
            running = tasks.create_task(platform.run())
            while not platform.ready:  # noqa: ASYNC110  virtual time
                await asyncio.sleep(0.1)
            await client.create(NAMESPACES, {"metadata": {"name": "shops"}})
            await asyncio.sleep(1)
            secret = {"metadata": {"name": "shop"}, "stringData": {"password": MARK}}
            await client.create(SECRETS, secret, namespace="shops")
            await client.create(APP_SERVICES, APP, namespace="shops")
            await asyncio.sleep(120)
            await client.patch(
                APP_SERVICES, ObjectKey("shops", "shop"), {"spec": {"image": "registry.example.com/shop:2"}}
            )
            await asyncio.sleep(120)
            found = [json.dumps(await client.raw("GET", path)) for path in PATHS]
            kept = json.dumps(await client.raw("GET", "/api/v1/secrets"))
            running.cancel()
            return found, kept

    found, kept = run_virtual(main())
    assert ENCODED in kept
    assert "shop" in found[1]
    said = [*found, *(record.getMessage() for record in caplog.records)]
    assert any("shops" in each for each in said)
    assert [each for each in said if MARK in each or ENCODED in each] == []


def test_credentials_are_in_no_repr():
    sources = (
        Token(MARK),
        Basic("ann", MARK),
        Oidc("https://issuer", "id", client_secret=MARK, id_token=MARK, refresh_token=MARK),
    )
    for each in sources:
        config = ConnectionConfig("https://a", auth=each, certificate=ClientCertificate(b"", MARK.encode()))
        assert MARK not in repr(config)
