"""PlatformPolicies, kept: what holds, what is put back, and what goes."""

from __future__ import annotations

import asyncio

import pytest

from kubewright.api.apiextensions import CRDS
from kubewright.api.core import PODS
from kubewright.api.crds.platformpolicy import PLATFORM_POLICIES, PLATFORM_POLICY_CRD
from kubewright.api.meta import ObjectKey
from kubewright.app import Choices, Platform
from kubewright.cli.railing import rails_of_cluster
from kubewright.clock import Clock, run_virtual
from kubewright.errors import OpError
from kubewright.guardrails.decide import BINDINGS, POLICIES
from kubewright.twin.cluster import Twin

BASE = ObjectKey("", "base")
PODS_POLICY = ObjectKey("", "kubewright.platform-base.pods")


def policy(rails, **spec):
    return {"metadata": {"name": "base"}, "spec": {"rails": rails, **spec}}


def pod(name, image="nginx:1"):
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "main", "image": image}]}}


async def refusal(client, manifest, namespace="default"):
    try:
        await client.create(PODS, manifest, namespace=namespace)
    except OpError as error:
        return error.detail
    return ""


def played(story):
    async def main():
        async with Twin(Clock.virtual(), nodes=1) as twin, asyncio.TaskGroup() as tasks:
            client = twin.client()
            platform = Platform(client, twin.clock, choices=Choices(services=("guardrails",)))
            running = tasks.create_task(platform.run())
            await asyncio.sleep(1)
            await story(twin, client)
            running.cancel()

    run_virtual(main())


def test_a_policy_holds_within_a_second_and_says_so():
    async def story(_twin, client):
        rails = {"registries": ["registry.example.com"], "denyPrivileged": True, "trial": ["denyPrivileged"]}
        await client.create(PLATFORM_POLICIES, policy(rails))
        await asyncio.sleep(1)
        assert "allowed by registries of platform-base: registry.example.com" in await refusal(client, pod("a"))
        assert not await refusal(client, pod("a", "registry.example.com/a:1"))
        assert not await refusal(client, pod("a"), "kube-system")
        status = (await client.get(PLATFORM_POLICIES, BASE)).status
        assert (status.enforced, status.tried) == (("registries",), ("denyPrivileged",))
        assert [(each.type, each.status, each.message) for each in status.conditions] == [
            ("Ready", "True", "1 rails refuse, 1 warn")
        ]

    played(story)


def test_what_somebody_takes_away_or_weakens_is_put_back():
    async def story(_twin, client):
        await client.create(PLATFORM_POLICIES, policy({"registries": []}))
        await asyncio.sleep(1)
        await client.delete(BINDINGS, PODS_POLICY)
        await client.patch(POLICIES, PODS_POLICY, {"spec": {"failurePolicy": "Ignore"}})
        await asyncio.sleep(1)
        assert await refusal(client, pod("a"))
        rails, _ = await rails_of_cluster(client)
        assert [each["spec"].get("failurePolicy") for each in rails] == ["Fail", None]

    played(story)


def test_rails_that_are_dropped_hold_no_more_and_all_go_with_the_policy():
    async def story(_twin, client):
        await client.create(PLATFORM_POLICIES, policy({"registries": [], "serviceTypes": []}))
        await asyncio.sleep(1)
        await client.patch(PLATFORM_POLICIES, BASE, {"spec": {"rails": {"registries": None}}})
        await asyncio.sleep(1)
        names = {each.metadata.name for each in (await client.list(POLICIES)).items}
        assert names == {"kubewright.platform-base.services"}
        assert not await refusal(client, pod("a"))
        await client.delete(PLATFORM_POLICIES, BASE)
        await asyncio.sleep(60)
        assert (await client.list(POLICIES)).items == (await client.list(BINDINGS)).items == []

    played(story)


def test_a_settled_policy_is_not_written_again():
    async def story(twin, client):
        await client.create(PLATFORM_POLICIES, policy({"registries": []}))
        await asyncio.sleep(5)
        before = (await client.get(POLICIES, PODS_POLICY)).metadata.resource_version
        own = (await client.get(PLATFORM_POLICIES, BASE)).metadata.resource_version
        await asyncio.sleep(300)
        assert (await client.get(POLICIES, PODS_POLICY)).metadata.resource_version == before
        assert (await client.get(PLATFORM_POLICIES, BASE)).metadata.resource_version == own

    played(story)


def test_a_policy_of_somebody_elses_by_the_same_name_is_let_be_and_told_of():
    async def story(_twin, client):
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
        spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "true"}]}
        await client.create(POLICIES, {"metadata": {"name": PODS_POLICY.name}, "spec": spec})
        await client.create(PLATFORM_POLICIES, policy({"registries": []}))
        await asyncio.sleep(60)
        (ready,) = (await client.get(PLATFORM_POLICIES, BASE)).status.conditions
        assert (ready.status, ready.reason) == ("False", "NameTaken")
        assert "kubewright.platform-base.pods" in ready.message

    played(story)


@pytest.mark.parametrize("name", ["a" * 41, "A"])
def test_a_name_that_is_no_label_is_refused(name):
    async def main():
        async with Twin(Clock.virtual(), nodes=0) as twin:
            client = twin.client()
            await client.create(CRDS, PLATFORM_POLICY_CRD)
            with pytest.raises(OpError, match="Invalid value"):
                await client.create(PLATFORM_POLICIES, {"metadata": {"name": name}, "spec": {"rails": {}}})

    run_virtual(main())
