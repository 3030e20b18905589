"""What everybody costs is told while things come and go, with the service's own rights."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from kubewright.api.core import NAMESPACES, PODS
from kubewright.api.crds.nodepool import NODE_POOL_CRD
from kubewright.api.meta import ObjectKey
from kubewright.app import Choices, Platform
from kubewright.clock import Clock, run_virtual
from kubewright.costs.prices import read_prices
from kubewright.runtime.definitions import install
from kubewright.spending import rights
from kubewright.twin.cluster import Twin
from tests.sim.accounts import account_of

PRICES = {"currency": "EUR", "cpu": 1, "memory": 0}
POD = {
    "metadata": {"name": "web", "namespace": "shop", "annotations": {"twin.kubewright.dev/cpu": "100m"}},
    "spec": {"containers": [{"name": "main", "image": "web:1", "resources": {"requests": {"cpu": "500m"}}}]},
}


def test_rates_follow_what_runs_and_only_granted_rights_are_used():
    async def main() -> None:
        registry = CollectorRegistry()

        def told(name: str, **labels: str) -> float | None:
            return registry.get_sample_value(f"kubewright_cost_{name}", {"currency": "EUR", **labels})

        async with Twin(Clock.virtual(), nodes=2) as twin, asyncio.TaskGroup() as tasks:
            account = await account_of(twin, rights.ACCOUNT, rights.cluster_rules())
            await install(twin.client(), [NODE_POOL_CRD])
            admin = twin.client()
            team = {"kubewright.dev/team": "shops"}
            await admin.create(NAMESPACES, {"metadata": {"name": "shop", "labels": team}})
            choices = Choices(services=("costs",), prices=read_prices(PRICES, "prices"))
            platform = Platform(account.client, twin.clock, registry=registry, choices=choices)
            running = tasks.create_task(platform.run())
            await asyncio.sleep(30)
            assert platform.ready
            mine = {"team": "shops", "namespace": "shop"}
            whole = told("total_rate")
            assert whole
            assert told("idle_rate") == pytest.approx(whole)
            assert told("rate", **mine) is None
            await admin.create(PODS, POD, namespace="shop")
            await asyncio.sleep(180)
            assert told("rate", **mine) == pytest.approx(0.5)
            assert told("wasted_rate", **mine) == pytest.approx(0.4, abs=0.02)
            assert told("idle_rate") == pytest.approx(whole - 0.5)
            assert told("total_rate") == whole
            await admin.delete(PODS, ObjectKey("shop", "web"), grace_period_seconds=0)
            await asyncio.sleep(90)
            assert told("rate", **mine) is None
            running.cancel()
            assert account.refused == account.unused == []

    run_virtual(main())
