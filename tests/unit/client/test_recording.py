"""RecordingClient: what is written down, and what reaches the server."""

from __future__ import annotations

from typing import Any

import pytest

from kubewright.api.meta import KubeObject, ObjectKey, Resource
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.recording import Mode, RecordingClient, Write
from kubewright.client.rest import RestClient
from kubewright.clock import run_virtual

from .conftest import Scripted, answer

PODS = Resource("", "v1", "pods", "Pod", KubeObject)
KEY = ObjectKey("shop", "web")
POD = {"metadata": {"name": "web", "namespace": "shop"}}


def recorded(mode: Mode) -> tuple[list[Write], Scripted]:
    server = Scripted([answer(POD)] * 9)

    async def main() -> list[Write]:
        client = RecordingClient(RestClient(InProcessTransport(server)), mode)
        assert (await client.get(PODS, KEY)).key == KEY
        assert (await client.apply(PODS, POD, field_manager="m")).key == KEY
        assert (await client.patch(PODS, KEY, {"spec": {}})).key == KEY
        await client.delete(PODS, KEY, propagation="Foreground")
        return client.writes

    return run_virtual(main()), server


@pytest.mark.parametrize("mode", list(Mode), ids=lambda mode: mode.value)
def test_every_write_is_recorded_and_no_read(mode: Mode) -> None:
    writes, _ = recorded(mode)
    patch = {"patch_type": "application/merge-patch+json"}
    assert writes == [
        Write("apply", "v1/pods", KEY, POD, {"field_manager": "m"}),
        Write("patch", "v1/pods", KEY, {"spec": {}}, patch),
        Write("delete", "v1/pods", KEY, None, {"propagation": "Foreground"}),
    ]


REACHED: list[tuple[str, Mode, list[str]]] = [
    ("an audit passes all on", Mode.FORWARD, ["GET", "PATCH", "PATCH", "DELETE"]),
    ("a dry run is the server's", Mode.DRY_RUN, ["GET", "PATCH dry", "PATCH dry", "DELETE dry"]),
    ("kept writes do not reach it", Mode.KEEP, ["GET", "GET"]),
]


@pytest.mark.parametrize(("mode", "expected"), [r[1:] for r in REACHED], ids=[r[0] for r in REACHED])
def test_reached(mode: Mode, expected: list[str]) -> None:
    _, server = recorded(mode)

    def shown(request: Any) -> str:
        dry = request.query.get("dryRun") == "All" or b'"dryRun":["All"]' in request.body
        return f"{request.method} dry" if dry else request.method

    assert [shown(request) for request in server.requests] == expected
