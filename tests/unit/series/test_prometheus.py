import asyncio
import json
from urllib.parse import parse_qs

import pytest

from kubewright.client.transport import Response
from kubewright.errors import ErrorKind, OpError
from kubewright.series.prometheus import PrometheusSource
from kubewright.series.promql import Vocabulary, duration, quoted
from kubewright.series.protocol import Expression, Missing, PodQuery, Sample, Series, Signal, Span, Why


class Store:
    """Gives one answer, and remembers what it was asked."""

    def __init__(self, answer, status=200):
        self.answer = answer
        self.status = status
        self.asked = []

    async def send(self, request, *, stream=False):
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        body = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return Response(self.status, {}, body)

    async def close(self):
        pass


def success(kind, result, **more):
    return {"status": "success", "data": {"resultType": kind, "result": result}, **more}


def instant(answer, query=None, **options):
    store = Store(answer, **options)
    return asyncio.run(PrometheusSource(store, prefix="/prom/").instant(query or Expression("up"))), store.asked


def test_a_vector_is_read():
    found, asked = instant(success("vector", [{"metric": {"namespace": "ns", "pod": "a"}, "value": [5.5, "1.25"]}]))
    assert found.samples == (Sample({"namespace": "ns", "pod": "a"}, 1.25, 5.5),)
    assert found.single() == 1.25
    assert asked[0].path == "/prom/api/v1/query"
    assert parse_qs(asked[0].body.decode()) == {"query": ["up"], "lookback_delta": ["60s"]}


def test_a_scalar_is_read():
    found, _ = instant(success("scalar", [5.0, "3"]))
    assert found.single() == 3.0


def test_warnings_are_passed_on():
    found, _ = instant(success("vector", [{"metric": {}, "value": [0, "1"]}], warnings=["a store did not answer"]))
    assert found.warnings == ("a store did not answer",)


def test_a_range_is_read_without_what_is_not_a_number():
    store = Store(
        success("matrix", [{"metric": {"pod": "a"}, "values": [[1, "2"], [2, "NaN"], [3, "+Inf"], [4, "1"]]}])
    )
    query = PodQuery(Signal.CPU, 30.0, "ns")
    found = asyncio.run(PrometheusSource(store).range(query, Span(1, 4, 1.0)))
    assert found == (Series({"pod": "a"}, ((1.0, 2.0), (4.0, 1.0))),)
    form = parse_qs(store.asked[0].body.decode())
    assert (form["start"], form["end"], form["step"]) == (["1.000"], ["4.000"], ["1"])


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(success("vector", []), Why.NO_DATA, id="no series"),
        pytest.param(success("vector", [{"metric": {}, "value": [0, "NaN"]}]), Why.NO_DATA, id="not a number"),
        pytest.param(success("vector", [{"metric": {}, "value": [0, "+Inf"]}]), Why.NO_DATA, id="infinite"),
        pytest.param(success("vector", [{"metric": {}, "value": [0, "10m"]}]), Why.UNAVAILABLE, id="text"),
        pytest.param(success("string", [0, "x"]), Why.INVALID, id="a string"),
        pytest.param(success("vector", [{"metric": 5}]), Why.UNAVAILABLE, id="a result of another shape"),
        pytest.param({"status": "error", "errorType": "bad_data", "error": "parse"}, Why.INVALID, id="does not parse"),
        pytest.param({"status": "error", "errorType": "timeout", "error": "slow"}, Why.UNAVAILABLE, id="a timeout"),
        pytest.param(b"<html>", Why.UNAVAILABLE, id="no Prometheus at all"),
        pytest.param(OpError("client.connect", ErrorKind.UNAVAILABLE, "x", "refused"), Why.UNAVAILABLE, id="down"),
    ],
)
def test_what_is_not_a_measurement_says_why(answer, why):
    found, _ = instant(answer)
    assert isinstance(found, Missing)
    assert found.why is why


def test_a_signal_that_the_vocabulary_lacks_is_not_asked_for():
    store = Store(b"")
    found = asyncio.run(PrometheusSource(store, vocabulary=Vocabulary({})).instant(PodQuery(Signal.GPU)))
    assert found.why is Why.UNSUPPORTED
    assert not store.asked


def test_a_query_is_narrowed_to_its_namespace_and_window():
    assert Vocabulary().promql(PodQuery(Signal.REQUESTS, 90.0, 'a"b')) == (
        'sum by (namespace, pod) (rate(http_requests_total{pod!="",namespace="a\\"b"}[90s]))'
    )
    assert Vocabulary().promql(PodQuery(Signal.REQUESTS, 90.0)) == (
        'sum by (namespace, pod) (rate(http_requests_total{pod!=""}[90s]))'
    )


def test_every_signal_has_its_words():
    for signal in Signal:
        text = Vocabulary().promql(PodQuery(signal, 60.0, "ns"))
        assert "$" not in text.replace('"$1"', "")


def test_durations_and_strings_are_written_as_promql_reads_them():
    assert (duration(60.0), duration(0.5)) == ("60s", "500ms")
    assert quoted('a\\"\n') == '"a\\\\\\"\\n"'
