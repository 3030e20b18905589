import asyncio

import pytest

from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.series.protocol import Expression, Missing, PodQuery, Signal, Span, Why
from kubewright.series.resourceapi import ResourceSource

NOW = "1970-01-01T00:10:00Z"


class Api:
    """Stands for the client: metrics-server's answer, or none."""

    def __init__(self, answer):
        self.answer = answer
        self.path = ""

    async def raw(self, method, path):
        self.path = path
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def metrics(name, timestamp, *usages):
    containers = [{"name": str(i), "usage": usage} for i, usage in enumerate(usages)]
    return {"metadata": {"name": name, "namespace": "ns"}, "timestamp": timestamp, "containers": containers}


def ask(answer, query=None):
    async def asked():
        # The loop's time is somewhere: the epoch makes the present 00:10:00.
        clock = Clock(600.0 - asyncio.get_running_loop().time())
        api = Api(answer)
        return await ResourceSource(api, clock).instant(query or PodQuery(Signal.CPU, namespace="ns")), api.path

    return asyncio.run(asked())


def test_the_use_of_a_pod_is_that_of_its_containers():
    listed = {"items": [metrics("a", "1970-01-01T00:09:30Z", {"cpu": "250m", "memory": "1Mi"}, {"cpu": "1"})]}
    found, path = ask(listed)
    (sample,) = found.samples
    assert (sample.pod, sample.value, sample.at) == (("ns", "a"), 1.25, 570.0)
    assert path == "/apis/metrics.k8s.io/v1beta1/namespaces/ns/pods"
    assert ask(listed, PodQuery(Signal.MEMORY))[0].samples[0].value == 1 << 20


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param({"items": [metrics("a", "1970-01-01T00:00:00Z", {"cpu": "1"})]}, Why.STALE, id="too old"),
        pytest.param({"items": []}, Why.NO_DATA, id="no pods"),
        pytest.param("text", Why.UNAVAILABLE, id="no list"),
        pytest.param({"items": [metrics("a", "never", {})]}, Why.UNAVAILABLE, id="no time"),
        pytest.param({"items": [metrics("a", NOW, {"cpu": "x"})]}, Why.UNAVAILABLE, id="no quantity"),
        pytest.param(OpError("o", ErrorKind.NOT_FOUND, "t", "d"), Why.UNSUPPORTED, id="a cluster without it"),
        pytest.param(OpError("o", ErrorKind.UNAVAILABLE, "t", "d"), Why.UNAVAILABLE, id="it is down"),
    ],
)
def test_what_is_not_a_measurement_says_why(answer, why):
    found, _ = ask(answer)
    assert isinstance(found, Missing)
    assert found.why is why


@pytest.mark.parametrize("query", [PodQuery(Signal.REQUESTS), Expression("up")])
def test_it_knows_cpu_and_memory_alone(query):
    assert ask({"items": []}, query)[0].why is Why.UNSUPPORTED


def test_it_has_no_memory():
    found = asyncio.run(ResourceSource(Api({}), Clock(0.0)).range(PodQuery(Signal.CPU), Span(0, 1, 1)))
    assert found.why is Why.UNSUPPORTED
