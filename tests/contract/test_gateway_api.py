"""The Gateway API's kinds, defined alike on both clusters: their defaults, their rules, their columns."""

import pytest

from kubewright.twin.gateway import definitions
from tests.contract.asking import TABLE, eventually

ROOT = "/apis/gateway.networking.k8s.io/v1"


@pytest.fixture
async def kinds(api, namespace):
    """Define the kinds, for all cases of a cluster, and give a collection of one in the case's namespace."""
    crds = api.of("customresourcedefinitions")
    for definition in definitions():
        answer = await crds.create(definition)
        assert answer.status in {201, 409}, answer.document

    async def served(plural, namespace=namespace):
        collection = api.of(plural, namespace, root=ROOT)

        async def found():
            return (await collection.list()).status == 200

        await eventually(found, collection.list)
        return collection

    return served


def gateway(**spec):
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "g"},
        "spec": {"gatewayClassName": "c", "listeners": [listener], **spec},
    }


def route(kind="HTTPRoute", **spec):
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "r"},
        "spec": {"parentRefs": [{"name": "g"}], **spec},
    }


async def test_a_gateway_is_defaulted(kinds):
    made = (await (await kinds("gateways")).create(gateway())).ok()
    assert made["spec"]["listeners"] == [
        {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "Same"}}}
    ]
    assert [(each["type"], each["status"], each["reason"]) for each in made["status"]["conditions"]] == [
        ("Accepted", "Unknown", "Pending"),
        ("Programmed", "Unknown", "Pending"),
    ]


async def test_a_route_is_defaulted(kinds):
    made = (await (await kinds("httproutes")).create(route(rules=[{"backendRefs": [{"name": "s", "port": 80}]}]))).ok()
    assert made["spec"] == {
        "parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "g"}],
        "rules": [
            {
                "backendRefs": [{"group": "", "kind": "Service", "name": "s", "port": 80, "weight": 1}],
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
            }
        ],
    }


REFUSED = {
    "listeners of one name": (
        "gateways",
        gateway(
            listeners=[
                {"name": "a", "port": 80, "protocol": "HTTP", "hostname": "a.example.com"},
                {"name": "b", "port": 80, "protocol": "HTTP", "hostname": "a.example.com"},
            ]
        ),
    ),
    "plain HTTP with a certificate": (
        "gateways",
        gateway(listeners=[{"name": "a", "port": 80, "protocol": "HTTP", "tls": {"mode": "Terminate"}}]),
    ),
    "no listener": ("gateways", gateway(listeners=[])),
    "a path without a slash": (
        "httproutes",
        route(rules=[{"matches": [{"path": {"type": "PathPrefix", "value": "x"}}]}]),
    ),
    "a service without a port": ("httproutes", route(rules=[{"backendRefs": [{"name": "s"}]}])),
    "a redirect and a backend": (
        "httproutes",
        route(
            rules=[
                {
                    "filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}],
                    "backendRefs": [{"name": "s", "port": 80}],
                }
            ]
        ),
    ),
    "a filter of another type": ("httproutes", route(rules=[{"filters": [{"type": "RequestRedirect"}]}])),
    "a method of no service": ("grpcroutes", route("GRPCRoute", rules=[{"matches": [{"method": {"type": "Exact"}}]}])),
    "a name of no host": ("httproutes", route(hostnames=["not_a_host"])),
}
TOLD = {
    "listeners of one name": "Combination of port, protocol and hostname must be unique for each listener",
    "plain HTTP with a certificate": "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
    "no listener": "spec.listeners in body should have at least 1 items",
    "a path without a slash": "value must be an absolute path and start with '/' when type one of",
    "a service without a port": "Must have port for Service reference",
    "a redirect and a backend": "RequestRedirect filter must not be used together with backendRefs",
    "a filter of another type": "filter.requestRedirect must be specified for RequestRedirect filter.type",
    "a method of no service": "One or both of 'service' or 'method' must be specified",
    "a name of no host": "spec.hostnames[0] in body should match",
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_the_rules_refuse(kinds, case):
    plural, document = REFUSED[case]
    refused = (await (await kinds(plural)).create(document)).refused
    assert (refused.code, refused.reason) == (422, "Invalid")
    assert TOLD[case] in refused.message


async def test_gateways_are_listed_with_their_columns(kinds, api):
    gateways = await kinds("gateways")
    (await gateways.create(gateway())).ok()
    table = (await api.ask("GET", gateways.path, accept=TABLE)).ok()
    assert [each["name"] for each in table["columnDefinitions"]] == ["Name", "Class", "Address", "Programmed", "Age"]
    assert [row["cells"][:4] for row in table["rows"]] == [["g", "c", None, "Unknown"]]
