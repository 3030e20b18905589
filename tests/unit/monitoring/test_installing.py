"""What `monitoring install` applies to a cluster, and what it reads there."""

import asyncio

import pytest

from kubewright.api.core import CONFIG_MAPS, NAMESPACES
from kubewright.api.crds.appservice import TEAM_LABEL
from kubewright.api.meta import ObjectKey, PartialObject, Resource
from kubewright.clock import Clock, run_virtual
from kubewright.errors import ErrorKind, OpError
from kubewright.monitoring.installing import apply_all, seen
from kubewright.twin.access.users import User
from kubewright.twin.cluster import Twin

ROLES = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", PartialObject)
RULES = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "kubewright-rules", "namespace": "monitoring"},
    "data": {"kubewright.yml": "groups: []"},
}


def told(outcomes):
    return [each.told() for each in outcomes]


def on_twin(scenario):
    async def main():
        async with Twin(Clock.virtual(), nodes=1) as twin:
            return await scenario(twin)

    return run_virtual(main())


def test_everything_is_applied_with_its_namespace_and_once_more_changes_nothing():
    async def scenario(twin):
        client, key = twin.client(), ObjectKey("monitoring", "kubewright-rules")
        lines = [told(await apply_all(client, "monitoring", [RULES]))]
        first = await client.get(CONFIG_MAPS, key)
        lines.append(told(await apply_all(client, "monitoring", [RULES])))
        return lines, first, await client.get(CONFIG_MAPS, key)

    lines, first, second = on_twin(scenario)
    name = "ConfigMap/monitoring/kubewright-rules"
    assert lines == [[f"{name} is created"], [f"{name} is as it should be"]]
    assert first == second
    assert first.data == RULES["data"]


def test_who_may_write_in_the_namespace_alone_may_install_there():
    async def scenario(twin):
        client = twin.client()
        await client.create(NAMESPACES, {"metadata": {"name": "monitoring"}})
        edit = {
            "metadata": {"name": "edit"},
            "roleRef": {"apiGroup": ROLES.group, "kind": "ClusterRole", "name": "edit"},
            "subjects": [{"apiGroup": ROLES.group, "kind": "User", "name": "jane"}],
        }
        await client.create(ROLES, edit, namespace="monitoring")
        jane = twin.client(User("jane", groups=("system:authenticated",)))
        await asyncio.sleep(1)
        lines = told(await apply_all(jane, "monitoring", [RULES]))
        with pytest.raises(OpError) as elsewhere:
            await apply_all(jane, "default", [{**RULES, "metadata": {"name": "a", "namespace": "default"}}])
        return lines, elsewhere.value.kind

    assert on_twin(scenario) == (["ConfigMap/monitoring/kubewright-rules is created"], ErrorKind.FORBIDDEN)


def test_a_cluster_without_the_prometheus_operator_is_told_of():
    async def scenario(twin):
        metadata = {"name": "rules", "namespace": "monitoring"}
        rule = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata, "spec": {}}
        with pytest.raises(OpError, match="does not know PrometheusRule: is the Prometheus Operator installed"):
            await apply_all(twin.client(), "monitoring", [rule])

    on_twin(scenario)


def test_without_appservices_the_teams_of_namespaces_are_read():
    async def scenario(twin):
        labels = {TEAM_LABEL: "shops"}
        await twin.client().create(NAMESPACES, {"metadata": {"name": "shop", "labels": labels}})
        return await seen(twin.client())

    assert on_twin(scenario) == ([], {"shop": "shops"})
