import asyncio
import contextlib

import pytest
from prometheus_client import CollectorRegistry

from kubewright.clock import run_virtual
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.health import HealthApp
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.serving import listen, serve_asgi


def ask(app, path, method="GET"):
    """Call the application as an ASGI server does; return status, content type and body."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        raise AssertionError("no body is read")

    async def main():
        await app({"type": "http", "method": method, "path": path}, receive, send)

    run_virtual(main())
    start, body = sent
    headers = dict(start["headers"])
    if method != "HEAD":
        assert int(headers[b"content-length"]) == len(body["body"])
    return start["status"], headers[b"content-type"].decode(), body["body"].decode()


@pytest.mark.parametrize(
    ("checks", "status", "body"),
    [
        pytest.param({}, 200, "ready\n", id="nothing to wait for"),
        pytest.param({"pods": True, "nodes": True}, 200, "[+]pods ok\n[+]nodes ok\nready\n", id="all is there"),
        pytest.param(
            {"pods": True, "nodes": False}, 503, "[+]pods ok\n[-]nodes not ready\nnot ready\n", id="one is missing"
        ),
    ],
)
def test_ready_means_that_every_check_holds(checks, status, body):
    app = HealthApp(CollectorRegistry(), {name: lambda ready=ready: ready for name, ready in checks.items()})
    assert ask(app, "/readyz") == (status, "text/plain; charset=utf-8", body)


def test_a_process_that_is_not_ready_is_alive():
    app = HealthApp(CollectorRegistry(), {"pods": lambda: False})
    assert ask(app, "/healthz")[::2] == (200, "ok\n")


def test_metrics_are_those_of_the_registry():
    registry = CollectorRegistry()
    RuntimeMetrics(registry).reconciles.labels("apps", "success").inc(3)
    status, content_type, body = ask(HealthApp(registry, {}), "/metrics")
    assert status == 200
    assert content_type.startswith("text/plain; version=")
    assert 'controller_runtime_reconcile_total{controller="apps",result="success"} 3.0' in body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/other", 404), ("POST", "/healthz", 405), ("HEAD", "/healthz", 200)],
    ids=["an unknown path", "a write", "a probe by HEAD"],
)
def test_other_requests(method, path, status):
    app = HealthApp(CollectorRegistry(), {})
    assert ask(app, path, method)[0] == status
    if method == "HEAD":
        assert not ask(app, path, method)[2]


async def fetch(port, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    try:
        return (await reader.read()).decode()
    finally:
        writer.close()
        await writer.wait_closed()


def test_it_is_served_on_a_socket_until_cancelled():
    async def main():
        listener = listen("127.0.0.1", 0)
        port = listener.getsockname()[1]
        serving = asyncio.get_running_loop().create_task(serve_asgi(HealthApp(CollectorRegistry(), {}), listener))
        async with asyncio.timeout(30):
            answer = await fetch(port, "/readyz")
        assert answer.startswith("HTTP/1.1 200 OK")
        assert answer.endswith("ready\n")
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        assert serving.cancelled()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)

    asyncio.run(main())


def test_an_address_that_is_taken_is_one_clear_line():
    with listen("127.0.0.1", 0) as taken, pytest.raises(OpError) as raised:
        listen("127.0.0.1", taken.getsockname()[1])
    assert raised.value.kind is ErrorKind.UNAVAILABLE
    assert "in use" in str(raised.value)
