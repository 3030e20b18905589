from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from tests.unit.twin.server.calls import SERVICES, Caller, on_server

NETWORK = ipaddress.IPv4Network("10.96.0.0/16")


def _service(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


def test_a_service_gets_an_address_of_its_own_and_gives_it_back():
    async def scenario(api: Caller) -> None:
        first = (await api.post(SERVICES, _service("a"))).body["spec"]["clusterIP"]
        second = (await api.post(SERVICES, _service("b"))).body["spec"]["clusterIP"]
        assert first != second
        assert ipaddress.ip_address(first) in NETWORK
        taken = await api.post(SERVICES, _service("c", clusterIP=first))
        assert "provided IP is already allocated" in taken.body["message"]
        await api.delete(f"{SERVICES}/a")
        assert (await api.post(SERVICES, _service("c", clusterIP=first))).code == 201

    on_server(scenario)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param(
            {"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]},
            "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. "
            "The range of valid ports is 30000-32767",
            id="a node port outside the range",
        ),
        pytest.param(
            {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]},
            "spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated",
            id="a node port that is taken",
        ),
        pytest.param(
            {"clusterIP": "10.0.0.1"},
            'spec.clusterIPs: Invalid value: ["10.0.0.1"]: failed to allocate IP 10.0.0.1: '
            "the provided network does not match the current range",
            id="an address outside the network",
        ),
    ],
)
def test_what_is_not_to_be_had_is_refused(spec: dict[str, Any], message: str):
    async def scenario(api: Caller) -> None:
        holder = _service("holder", type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
        assert (await api.post(SERVICES, holder)).code == 201
        refused = await api.post(SERVICES, _service("a", **spec))
        assert (refused.code, refused.body["message"]) == (422, f'Service "a" is invalid: {message}')
        assert (await api.get(SERVICES)).names == ["holder"]

    on_server(scenario)


def test_ports_come_and_go_with_the_type_and_the_address_stays():
    async def scenario(api: Caller) -> None:
        made = (await api.post(SERVICES, _service("a"))).body["spec"]
        opened = (await api.patch(f"{SERVICES}/a", {"spec": {"type": "NodePort"}})).body["spec"]
        assert opened["ports"][0]["nodePort"] in range(30000, 32768)
        kept = (await api.put(f"{SERVICES}/a", _service("a", type="NodePort"))).body["spec"]
        assert kept["ports"][0]["nodePort"] == opened["ports"][0]["nodePort"]
        closed = (await api.patch(f"{SERVICES}/a", {"spec": {"type": "ClusterIP"}})).body["spec"]
        assert "nodePort" not in closed["ports"][0]
        assert closed["clusterIP"] == made["clusterIP"]

    on_server(scenario)


def test_a_headless_service_has_no_address_and_an_external_one_none_either():
    async def scenario(api: Caller) -> None:
        headless = (await api.post(SERVICES, _service("a", clusterIP="None"))).body["spec"]
        assert headless["clusterIPs"] == ["None"]
        external = (await api.post(SERVICES, _service("b", type="ExternalName", externalName="x.example"))).body["spec"]
        assert "clusterIP" not in external

    on_server(scenario)
