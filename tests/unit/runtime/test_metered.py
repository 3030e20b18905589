import asyncio

import pytest
from prometheus_client import CollectorRegistry

from kubewright.client.transport import Request, Response
from kubewright.clock import run_virtual
from kubewright.errors import OpError
from kubewright.runtime.metered import MeteredTransport
from kubewright.runtime.metrics import RuntimeMetrics
from tests.unit.runtime.fake_server import failure


class Canned:
    def __init__(self, *answers):
        self.answers = list(answers)
        self.closed = False

    async def send(self, request, *, stream=False):
        await asyncio.sleep(0.25)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self):
        self.closed = True


def test_requests_are_counted_by_answer_method_and_host_and_passed_on():
    async def main():
        registry = CollectorRegistry()
        inner = Canned(Response(200, body=b"a"), Response(409), Response(200), failure())
        transport = MeteredTransport(inner, RuntimeMetrics(registry), "api.example.com:6443")
        assert (await transport.send(Request("GET", "/api"))).body == b"a"
        await transport.send(Request("PATCH", "/api"))
        await transport.send(Request("GET", "/api"), stream=True)
        with pytest.raises(OpError):
            await transport.send(Request("GET", "/api"))
        await transport.close()
        assert inner.closed

        def count(code, method):
            labels = {"code": code, "method": method, "host": "api.example.com:6443"}
            return registry.get_sample_value("rest_client_requests_total", labels)

        assert (count("200", "GET"), count("409", "PATCH"), count("<error>", "GET")) == (2, 1, 1)
        labels = {"verb": "GET", "host": "api.example.com:6443"}
        assert registry.get_sample_value("rest_client_request_duration_seconds_sum", labels) == pytest.approx(0.75)

    run_virtual(main())
